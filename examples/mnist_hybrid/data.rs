//! The images: 28 x 28 pixels in 10 classes.

use crate::args::Args;
use crate::digits::digits;
use anyhow::{Context, Result};
use candle_core::Device;
use candlewick::data::{Dataset, ImageSet, images};
use clap::ValueEnum;

/// Which images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// Handwritten digits (LeCun, Bottou, Bengio and Haffner 1998).
    Mnist,
    /// Clothes (Xiao, Rasul and Vollgraf 2017).
    FashionMnist,
}

/// Training and test images with their names.
pub(crate) struct Images {
    /// Name in plots.
    pub(crate) title: &'static str,
    /// Name of the folder.
    pub(crate) folder: &'static str,
    pub(crate) train: Dataset,
    pub(crate) test: Dataset,
}

impl Images {
    /// Loads the images of the command line onto a device.
    pub(crate) fn load(args: &Args, device: &Device) -> Result<Self> {
        let (title, folder, [train, test]) = match (args.quick, args.dataset) {
            (true, _) => ("Enlarged digits", "digits", enlarged(args.seed)?),
            (false, Source::Mnist) => ("MNIST", "mnist", read(args, ImageSet::Mnist)?),
            (false, Source::FashionMnist) => ("Fashion-MNIST", "fashion-mnist", read(args, ImageSet::FashionMnist)?),
        };
        let train = train.take(args.train_samples.unwrap_or(usize::MAX))?;
        Ok(Self { title, folder, train: train.to_device(device)?, test: test.to_device(device)? })
    }

    /// Describes the images in a line.
    pub(crate) fn describe(&self) -> String {
        let (train, test) = (self.train.len(), self.test.len());
        let stand_in = if self.folder == "digits" { " (8x8 digits enlarged to 28x28, in place of MNIST)" } else { "" };
        format!("images: {}{stand_in}, {train} for training, {test} for the test", self.title)
    }
}

fn read(args: &Args, set: ImageSet) -> Result<[Dataset; 2]> {
    let sets = images(set, args.data.as_deref()).with_context(|| match &args.data {
        Some(folder) => format!("cannot read images from {}", folder.display()),
        None => "cannot download images from the Hugging Face hub; `--data DIR` reads the IDX files from a folder, \
                 `--quick` needs neither"
            .to_owned(),
    })?;
    Ok([sets.train, sets.test])
}

/// Returns the repository's digits in the size of MNIST.
fn enlarged(seed: u64) -> Result<[Dataset; 2]> {
    let [train, _, test] = digits(0.0, seed)?;
    let enlarge = |set: Dataset| -> Result<Dataset> {
        let x = set.x.upsample_bilinear2d(28, 28, false)?.clamp(0f32, 1f32)?;
        Ok(set.with_x(x)?)
    };
    Ok([enlarge(train)?, enlarge(test)?])
}
