//! Files of each format that was ever written: they stay, and give the outputs that were recorded beside them.

use super::{bits, load};
use candle_core::{DType, Module};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/model/golden")
}

/// Inputs and outputs of a model.
#[derive(serde::Serialize, serde::Deserialize)]
struct Recorded {
    x: Vec<Vec<f64>>,
    y: Vec<Vec<f64>>,
}

#[test]
fn files_of_all_formats() {
    let mut count = 0;
    for format in 1..=1 {
        let folder = folder().join(format!("v{format}"));
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(folder).expect("golden files").map(|entry| entry.expect("a file").path()).collect();
        files.sort();
        for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "safetensors")) {
            let bytes = std::fs::read(path).expect("a file");
            let model = load(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let text = std::fs::read_to_string(path.with_extension("json")).expect("recorded outputs");
            let recorded: Recorded = serde_json::from_str(&text).expect("numbers");
            let x = crate::lab::tensor(&recorded.x, model.dtype());
            let shape = [&[recorded.x.len()], model.input_shape()].concat();
            let y =
                model.forward(&model.prepare(&x.reshape(shape).expect("samples")).expect("samples")).expect("outputs");
            let off = crate::lab::deviation(&crate::lab::rows(&y).concat(), &recorded.y.concat());
            assert!(off < if model.dtype() == DType::F64 { 1e-12 } else { 1e-6 }, "{}: {off:e}", path.display());
            count += 1;
        }
    }
    assert!(count >= 5, "{count}");
}

/// Writes the files of a new format. Files of a format that was released are never written again.
#[test]
#[ignore = "writes files: cargo test --test suite -- --ignored model::golden::write"]
fn write() {
    for (name, model) in super::round_trip::golden_models() {
        let folder = folder().join("v1");
        std::fs::create_dir_all(&folder).expect("a folder");
        let bytes = model.to_bytes().expect("a file");
        assert!(bytes.len() < 6 << 10, "{name}: {}", bytes.len());
        std::fs::write(folder.join(format!("{name}.safetensors")), bytes).expect("a file");
        let x = super::samples(&[&[3], model.input_shape()].concat(), model.dtype());
        let y = model.forward(&model.prepare(&x).expect("samples")).expect("outputs");
        assert!(!bits(&y).is_empty());
        let recorded = Recorded { x: crate::lab::rows(&x), y: crate::lab::rows(&y) };
        std::fs::write(folder.join(format!("{name}.json")), serde_json::to_string(&recorded).expect("text"))
            .expect("a file");
    }
}
