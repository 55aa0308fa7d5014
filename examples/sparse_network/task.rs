//! The tasks: a number, 0 or 1, for each sample.

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use candlewick::data::{Dataset, Scaler, Split3};
use clap::ValueEnum;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rand_distr::StandardNormal;

/// Which task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Random inputs with random targets: nothing to learn but the samples themselves.
    Random,
    /// Breast cancer: 569 rows, 30 features; benign or malignant.
    BreastCancer,
}

/// Task: samples `[samples, features]` with their targets `[samples, 1]`.
pub(crate) struct Task {
    pub(crate) name: &'static str,
    pub(crate) train: (Tensor, Tensor),
    /// Validation set, which chooses the epoch; random targets have none.
    pub(crate) validation: Option<(Tensor, Tensor)>,
    /// Test set; random targets have none.
    pub(crate) test: Option<(Tensor, Tensor)>,
}

/// Random inputs: number of samples, and number of features of each.
const RANDOM: (usize, usize) = (256, 32);
/// Fractions of each class that are held out for validation and for the test.
const HELD_OUT: [f64; 2] = [0.15, 0.2];

impl Task {
    /// Makes the samples of a task from the seed.
    pub(crate) fn new(kind: Kind, seed: u64, device: &Device) -> Result<Self> {
        match kind {
            Kind::Random => Self::random(seed, device),
            Kind::BreastCancer => Self::breast_cancer(seed, device),
        }
    }

    fn random(seed: u64, device: &Device) -> Result<Self> {
        let (samples, features) = RANDOM;
        let mut rng = StdRng::seed_from_u64(seed);
        let x: Vec<f32> = (0..samples * features).map(|_| rng.sample(StandardNormal)).collect();
        let y: Vec<f32> = (0..samples).map(|_| f32::from(u8::from(rng.random::<bool>()))).collect();
        let (x, y) = (Tensor::from_vec(x, RANDOM, device)?, Tensor::from_vec(y, (samples, 1), device)?);
        Ok(Self { name: "random targets", train: (x, y), validation: None, test: None })
    }

    fn breast_cancer(seed: u64, device: &Device) -> Result<Self> {
        let [validation, test] = HELD_OUT;
        let Split3 { train, validation, test, .. } =
            Dataset::from_csv(include_str!("../data/breast_cancer.csv"))?.split3(validation, test, seed)?;
        let scaler = Scaler::standard(&train)?;
        let part = |samples: &Dataset| -> Result<(Tensor, Tensor)> {
            let y = samples.y.to_dtype(DType::F32)?.unsqueeze(1)?;
            Ok((scaler.apply(&samples.x)?.to_device(device)?, y.to_device(device)?))
        };
        Ok(Self {
            name: "breast cancer",
            train: part(&train)?,
            validation: Some(part(&validation)?),
            test: Some(part(&test)?),
        })
    }

    /// Returns the number of features of a sample.
    pub(crate) fn features(&self) -> Result<usize> {
        Ok(self.train.0.dim(1)?)
    }

    /// Describes the task in a line.
    pub(crate) fn describe(&self) -> Result<String> {
        let (samples, features) = self.train.0.dims2()?;
        let more = match (&self.validation, &self.test) {
            (Some((validation, _)), Some((test, _))) => {
                format!(", {} more for validation and {} for the test", validation.dim(0)?, test.dim(0)?)
            }
            _ => String::new(),
        };
        Ok(format!("{}: {samples} samples of {features} features{more}", self.name))
    }
}
