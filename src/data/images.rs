//! MNIST and Fashion-MNIST.

use super::Dataset;
use crate::error::Result;
use candle_core::{DType, Tensor};
use candle_datasets::vision;
use std::path::Path;

/// A set of 70 000 images of 28 x 28 pixels in 10 classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageSet {
    /// Handwritten digits (LeCun, Bottou, Bengio and Haffner 1998).
    Mnist,
    /// Clothes (Xiao, Rasul and Vollgraf, arXiv:1708.07747).
    FashionMnist,
}

const CLOTHES: [&str; 10] =
    ["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];

/// The 60 000 training and the 10 000 test images, `[samples, 1, 28, 28]` in F32, white 1 and black 0.
///
/// They are read from `folder`, which has the four IDX files of the original release, unpacked (`train-images-idx3-ubyte`,
/// `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`); without one they are downloaded from the
/// Hugging Face hub, once.
///
/// # Errors
/// Candle's own, for files that are missing or no IDX files, or a network that is.
pub fn images(set: ImageSet, folder: Option<&Path>) -> Result<[Dataset; 2]> {
    let data = match (folder, set) {
        // Both have files of the same names in the same format.
        (Some(folder), _) => vision::mnist::load_dir(folder)?,
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
    Ok([part(&data.train_images, &data.train_labels)?, part(&data.test_images, &data.test_labels)?])
}
