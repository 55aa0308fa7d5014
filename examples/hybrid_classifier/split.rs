//! Training and test sets, on one scale.

use crate::data::{Purpose, Table, generator};
use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};
use rand::seq::SliceRandom;

/// Part of each class that is held out for the test.
const TEST_FRACTION: f64 = 0.2;

/// Samples as they were recorded.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    /// One row a sample.
    pub(crate) rows: Vec<Vec<f32>>,
    /// Class of each row.
    pub(crate) labels: Vec<u32>,
}

/// A table cut in two.
#[derive(Debug, Default)]
pub(crate) struct Split {
    /// What the networks learn from.
    pub(crate) train: Samples,
    /// What they never see while they learn.
    pub(crate) test: Samples,
}

/// Samples as tensors, standardised.
#[derive(Debug)]
pub(crate) struct Batch {
    /// `[samples, features]`, F32.
    pub(crate) x: Tensor,
    /// `[samples]`, U32.
    pub(crate) y: Tensor,
}

/// Mean and standard deviation of each feature of the training set.
///
/// The test set goes through the same numbers: its own would leak what a deployed network cannot know.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scaler {
    /// Mean of each feature.
    pub(crate) mean: Vec<f32>,
    /// Standard deviation of each feature; 1 where it does not vary.
    pub(crate) deviation: Vec<f32>,
}

impl Split {
    /// Holds out the same fraction of every class, rows chosen by the seed.
    pub(crate) fn stratified(table: &Table, seed: u64) -> Self {
        let mut rng = generator(seed, Purpose::Split);
        let mut split = Self::default();
        for class in 0..table.classes.len() {
            let mut members: Vec<usize> =
                (0..table.rows.len()).filter(|&row| table.labels[row] as usize == class).collect();
            members.shuffle(&mut rng);
            let held_out = (members.len() as f64 * TEST_FRACTION).round() as usize;
            for (position, row) in members.into_iter().enumerate() {
                let part = if position < held_out { &mut split.test } else { &mut split.train };
                part.rows.push(table.rows[row].clone());
                part.labels.push(table.labels[row]);
            }
        }
        split
    }
}

impl Samples {
    /// The samples as tensors on a device.
    pub(crate) fn batch(&self, scaler: &Scaler, device: &Device) -> Result<Batch> {
        let x = scaler.tensor(&self.rows, device)?;
        Ok(Batch { x, y: Tensor::new(self.labels.as_slice(), device)? })
    }
}

impl Scaler {
    /// The statistics of some rows.
    pub(crate) fn fit(rows: &[Vec<f32>]) -> Self {
        let (count, features) = (rows.len() as f64, rows.first().map_or(0, Vec::len));
        let average = |value: &dyn Fn(&[f32]) -> f64| rows.iter().map(|row| value(row)).sum::<f64>() / count;
        let mut scaler = Self { mean: Vec::new(), deviation: Vec::new() };
        for k in 0..features {
            let mean = average(&|row| f64::from(row[k]));
            let variance = average(&|row| (f64::from(row[k]) - mean).powi(2));
            scaler.mean.push(mean as f32);
            scaler.deviation.push(if variance > 0.0 { variance.sqrt() as f32 } else { 1.0 });
        }
        scaler
    }

    /// Rows as a standardised tensor `[rows, features]`.
    pub(crate) fn tensor(&self, rows: &[Vec<f32>], device: &Device) -> Result<Tensor> {
        let features = self.mean.len();
        ensure!(rows.iter().all(|row| row.len() == features), "the scaler was fitted to {features} features");
        let standardise = |(k, value): (usize, &f32)| (value - self.mean[k]) / self.deviation[k];
        let values: Vec<f32> = rows.iter().flat_map(|row| row.iter().enumerate().map(standardise)).collect();
        Ok(Tensor::from_vec(values, (rows.len(), features), device)?)
    }
}
