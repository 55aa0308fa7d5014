//! The data sets MNIST and Fashion-MNIST.

use super::{Dataset, Split};
use crate::error::{DataError, Error, Result};
use candle_core::{DType, Tensor};
use candle_datasets::vision;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Set of 70 000 images of 28 x 28 pixels in 10 classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageSet {
    /// Handwritten digits (LeCun, Bottou, Bengio and Haffner 1998).
    Mnist,
    /// Clothes (Xiao, Rasul and Vollgraf, arXiv:1708.07747).
    FashionMnist,
}

const CLOTHES: [&str; 10] =
    ["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];

/// Reads the 60 000 training and the 10 000 test images, `[samples, 1, 28, 28]` in F32, white 1 and black 0.
///
/// `folder` has the four IDX files of the original release, unpacked (`train-images-idx3-ubyte`,
/// `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`). Without a folder the images are
/// downloaded from the Hugging Face hub, once.
///
/// # Errors
/// Files that are missing, shorter or longer than their headers say, or no IDX files of such images; labels beyond the
/// classes; another number of labels than of images; candle's error for a download that fails.
pub fn images(set: ImageSet, folder: Option<&Path>) -> Result<Split> {
    let data = match (folder, set) {
        // Both sets have files of the same names in the same format.
        (Some(folder), _) => {
            check_files(folder)?;
            vision::mnist::load_dir(folder)?
        }
        (None, ImageSet::Mnist) => vision::mnist::load()?,
        (None, ImageSet::FashionMnist) => vision::fashion_mnist::load()?,
    };
    let classes: Vec<String> = match set {
        ImageSet::Mnist => (0..10).map(|digit| digit.to_string()).collect(),
        ImageSet::FashionMnist => CLOTHES.map(str::to_owned).to_vec(),
    };
    let part = |images: &Tensor, labels: &Tensor| {
        let x = images.reshape(((), 1, 28, 28))?;
        Dataset::new(x, labels.to_dtype(DType::U32)?, classes.clone())
    };
    let train = part(&data.train_images, &data.train_labels)?;
    Ok(Split { train, test: part(&data.test_images, &data.test_labels)? })
}

/// Bytes along each side of an image.
const SIDE: u32 = 28;

/// Checks the four files for candle, which does not check the sizes in their headers.
fn check_files(folder: &Path) -> Result<()> {
    for part in ["train", "t10k"] {
        check_file(&folder.join(format!("{part}-images-idx3-ubyte")), 2051, &[SIDE, SIDE])?;
        check_file(&folder.join(format!("{part}-labels-idx1-ubyte")), 2049, &[])?;
    }
    Ok(())
}

/// Checks an IDX file of bytes: its magic number, the sizes of a sample, and its length, which follows from them and
/// the number of samples.
fn check_file(path: &Path, magic: u32, sizes: &[u32]) -> Result<()> {
    let of = |error: std::io::Error| candle_core::Error::from(error).with_path(path);
    let check = |what, actual: u64, expected: u64| match actual == expected {
        true => Ok(()),
        false => Err(Error::Data(DataError::ImageFile { path: path.display().to_string(), what, actual, expected })),
    };
    let mut file = File::open(path).map_err(of)?;
    let length = file.metadata().map_err(of)?.len();
    let mut header = vec![0u8; 4 * (2 + sizes.len())];
    check("its length in bytes", length.min(header.len() as u64), header.len() as u64)?;
    file.read_exact(&mut header).map_err(of)?;
    let mut numbers = header.chunks(4).map(|bytes| bytes.iter().fold(0, |n, &byte| n << 8 | u64::from(byte)));
    let mut number = || numbers.next().unwrap_or(0);
    check("its magic number", number(), u64::from(magic))?;
    let samples = number();
    for &size in sizes {
        check("a side of its images", number(), u64::from(size))?;
    }
    // The numbers have 32 bits: at most 2^32 samples of 784 bytes.
    let bytes = samples * sizes.iter().map(|&size| u64::from(size)).product::<u64>();
    check("its length in bytes", length, header.len() as u64 + bytes)
}
