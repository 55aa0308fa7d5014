//! Training and test sets, on one scale.

use crate::data::{Dataset, Purpose, Table, generator};
use anyhow::{Result, ensure};
use candle_core::{Device, Tensor};
use rand::seq::SliceRandom;

/// Part of each class that is held out for the test.
const TEST_FRACTION: f64 = 0.2;
/// The largest value of a pixel of a digit.
const DARKEST_PIXEL: f32 = 16.0;

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

/// Samples as tensors, scaled.
#[derive(Debug)]
pub(crate) struct Batch {
    /// `[samples, features]`, F32.
    pub(crate) x: Tensor,
    /// `[samples]`, U32.
    pub(crate) y: Tensor,
}

/// What is taken off each feature, and what the rest is divided by.
///
/// The test set goes through the numbers of the training set: its own would leak what a deployed network cannot know.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scaler {
    /// Zero of each feature.
    pub(crate) offset: Vec<f32>,
    /// Unit of each feature.
    pub(crate) unit: Vec<f32>,
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
    /// The scaler that suits a data set, given its training rows.
    pub(crate) fn new(dataset: Dataset, rows: &[Vec<f32>]) -> Self {
        let features = rows.first().map_or(0, Vec::len);
        match dataset {
            // Points are made on the scale of one.
            Dataset::Circles | Dataset::Moons => Self::uniform(features, 1.0),
            // Pixels share one unit. Dividing each by its own deviation would blow up those that are rarely lit.
            Dataset::Digits => Self::uniform(features, DARKEST_PIXEL),
            Dataset::Iris | Dataset::Wine | Dataset::BreastCancer => Self::standard(rows),
        }
    }

    /// The same unit for all features.
    fn uniform(features: usize, unit: f32) -> Self {
        Self { offset: vec![0.0; features], unit: vec![unit; features] }
    }

    /// Mean and standard deviation of each feature; 1 where it does not vary.
    fn standard(rows: &[Vec<f32>]) -> Self {
        let (count, features) = (rows.len() as f64, rows.first().map_or(0, Vec::len));
        let average = |value: &dyn Fn(&[f32]) -> f64| rows.iter().map(|row| value(row)).sum::<f64>() / count;
        let mut scaler = Self { offset: Vec::new(), unit: Vec::new() };
        for k in 0..features {
            let mean = average(&|row| f64::from(row[k]));
            let variance = average(&|row| (f64::from(row[k]) - mean).powi(2));
            scaler.offset.push(mean as f32);
            scaler.unit.push(if variance > 0.0 { variance.sqrt() as f32 } else { 1.0 });
        }
        scaler
    }

    /// Rows as a scaled tensor `[rows, features]`.
    pub(crate) fn tensor(&self, rows: &[Vec<f32>], device: &Device) -> Result<Tensor> {
        let features = self.offset.len();
        ensure!(rows.iter().all(|row| row.len() == features), "the scaler is made for {features} features");
        let scale = |(k, value): (usize, &f32)| (value - self.offset[k]) / self.unit[k];
        let values: Vec<f32> = rows.iter().flat_map(|row| row.iter().enumerate().map(scale)).collect();
        Ok(Tensor::from_vec(values, (rows.len(), features), device)?)
    }
}
