//! The files of MNIST and Fashion-MNIST, written here with a few samples.

use candlewick::data::{ImageSet, Split, images};
use std::fs;
use std::path::{Path, PathBuf};

/// Writes a file: its magic number and sizes, then `bytes` bytes, each larger by 1 than the byte before.
fn file(folder: &Path, name: &str, header: &[u32], bytes: usize) {
    let header = header.iter().flat_map(|number| number.to_be_bytes());
    let contents: Vec<u8> = header.chain((0..bytes).map(|k| k as u8)).collect();
    fs::write(folder.join(name), contents).expect("a file");
}

/// Makes a folder with three training images and two test images.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("candlewick-images-{name}"));
    fs::create_dir_all(&folder).expect("a folder");
    for (part, samples) in [("train", 3), ("t10k", 2)] {
        file(&folder, &format!("{part}-images-idx3-ubyte"), &[2051, samples, 28, 28], 784 * samples as usize);
        file(&folder, &format!("{part}-labels-idx1-ubyte"), &[2049, samples], samples as usize);
    }
    folder
}

#[test]
fn images_are_read() -> candlewick::Result<()> {
    let folder = folder("read");
    let Split { train, test, .. } = images(ImageSet::FashionMnist, Some(&folder))?;
    assert_eq!((train.x.dims(), test.x.dims()), (&[3, 1, 28, 28][..], &[2, 1, 28, 28][..]));
    assert_eq!(train.y.to_vec1::<u32>()?, [0, 1, 2]);
    assert_eq!(test.classes[9], "ankle boot");
    let row = test.x.get(1)?.get(0)?.get(2)?.to_vec1::<f32>()?;
    let expected: Vec<f32> = (0..28).map(|column| ((784 + 2 * 28 + column) % 256) as f32 / 255.0).collect();
    assert!(row.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6));
    fs::remove_dir_all(folder).expect("a folder");
    Ok(())
}

#[test]
fn files_of_something_else_are_refused() {
    let refuse = |name: &str, file_name: &str, header: &[u32], bytes: usize| {
        let folder = folder(name);
        file(&folder, file_name, header, bytes);
        let error = images(ImageSet::Mnist, Some(&folder)).expect_err("no images").to_string();
        fs::remove_dir_all(&folder).expect("a folder");
        error.rsplit_once("ubyte: ").map_or(error.clone(), |(_, problem)| problem.to_owned())
    };
    let (images, labels) = ("train-images-idx3-ubyte", "t10k-labels-idx1-ubyte");
    let found = [
        refuse("short", images, &[2051], 0),
        refuse("magic", images, &[2049, 3, 28, 28], 3 * 784),
        refuse("side", images, &[2051, 3, 32, 28], 3 * 32 * 28),
        refuse("huge", images, &[2051, u32::MAX, 28, 28], 784),
        refuse("cut", labels, &[2049, 2], 1),
        refuse("fewer", labels, &[2049, 1], 1),
    ];
    let expected = [
        "its length in bytes is 4, expected 16",
        "its magic number is 2049, expected 2051",
        "a side of its images is 32, expected 28",
        "its length in bytes is 800, expected 3367254359296",
        "its length in bytes is 9, expected 10",
        "labels has shape [1], expected [2]",
    ];
    assert_eq!(found, expected);
}
