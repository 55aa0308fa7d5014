//! The distributions to learn.

use crate::loss::Distance;
use anyhow::Result;
use candle_core::{DType, Tensor};
use clap::ValueEnum;
use std::collections::BTreeSet;

/// Kinds of targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// The pictures of 3 x 3 pixels with rows of one colour, or columns: 14, all as probable.
    BarsAndStripes,
    /// Two Gaussians on the whole numbers of some qubits.
    Gaussians,
}

/// Pixels along a side of a picture, and in the whole picture.
pub(crate) const SIDE: usize = 3;
pub(crate) const PIXELS: usize = SIDE * SIDE;
/// Centres and standard deviation of the Gaussians, as fractions of the axis.
const CENTERS: [f64; 2] = [0.25, 0.75];
const DEVIATION: f64 = 0.125;

impl Kind {
    /// Returns the name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Returns the name in pictures.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::BarsAndStripes => "bars and stripes",
            Self::Gaussians => "two Gaussians",
        }
    }
}

/// Distribution over the outcomes of some qubits.
pub(crate) struct Target {
    pub(crate) kind: Kind,
    pub(crate) qubits: usize,
    pub(crate) probabilities: Vec<f64>,
}

/// Returns whether a picture, row by row from the low bit, is made of bars or of stripes.
pub(crate) fn is_valid(picture: usize) -> bool {
    let pixel = |row: usize, column: usize| picture >> (SIDE * row + column) & 1;
    let all = |same: &dyn Fn(usize, usize) -> bool| (0..SIDE).all(|a| (1..SIDE).all(|b| same(a, b)));
    all(&|row, column| pixel(row, column) == pixel(row, 0))
        || all(&|column, row| pixel(row, column) == pixel(0, column))
}

impl Target {
    pub(crate) fn new(kind: Kind, qubits: Option<usize>) -> Self {
        let qubits = match kind {
            Kind::BarsAndStripes => PIXELS,
            Kind::Gaussians => qubits.unwrap_or(8),
        };
        let count = 1usize << qubits;
        let weight = |outcome: usize| match kind {
            Kind::BarsAndStripes => f64::from(u8::from(is_valid(outcome))),
            Kind::Gaussians => {
                let place = (outcome as f64 + 0.5) / count as f64;
                CENTERS.iter().map(|center| (-0.5 * ((place - center) / DEVIATION).powi(2)).exp()).sum()
            }
        };
        let weights: Vec<f64> = (0..count).map(weight).collect();
        let total: f64 = weights.iter().sum();
        Self { kind, qubits, probabilities: weights.into_iter().map(|weight| weight / total).collect() }
    }

    /// Returns the entropy in nats: the cross-entropy that remains when everything is learnt.
    pub(crate) fn entropy(&self) -> f64 {
        -self.probabilities.iter().filter(|&&p| p > 0.0).map(|p| p * p.ln()).sum::<f64>()
    }

    /// Returns the uniform distribution.
    pub(crate) fn uniform(&self) -> Vec<f64> {
        vec![1.0 / self.probabilities.len() as f64; self.probabilities.len()]
    }

    /// Returns the distances of another distribution.
    pub(crate) fn distance(&self, other: &[f64]) -> Distance {
        let pairs = || self.probabilities.iter().zip(other);
        let divergence: f64 = pairs().filter(|(p, _)| **p > 0.0).map(|(p, q)| p * (p / q).ln()).sum();
        // Rounding of probabilities in F32 may make the divergence slightly negative.
        let divergence = if divergence < 0.0 { 0.0 } else { divergence };
        let variation = 0.5 * pairs().map(|(p, q)| (p - q).abs()).sum::<f64>();
        let valid = match self.kind {
            Kind::BarsAndStripes => pairs().filter(|(p, _)| **p > 0.0).map(|(_, q)| q).sum(),
            Kind::Gaussians => f64::NAN,
        };
        Distance { divergence, variation, valid }
    }

    /// Returns the frequency of each outcome.
    pub(crate) fn frequencies(&self, outcomes: &[usize]) -> Vec<f64> {
        let mut counts = vec![0usize; self.probabilities.len()];
        outcomes.iter().for_each(|&outcome| counts[outcome] += 1);
        counts.into_iter().map(|count| count as f64 / outcomes.len() as f64).collect()
    }

    /// Describes the distances, and the distances without training.
    pub(crate) fn verdict(&self, learnt: &[f64], outcomes: &[usize]) -> String {
        let [learnt, uniform] = [self.distance(learnt), self.distance(&self.uniform())];
        let words = |of: Distance| format!("KL {:.5}, total variation {:.4}", of.divergence, of.variation);
        let (learnt, without) = (words(learnt), words(uniform));
        if self.kind == Kind::Gaussians {
            return format!("{learnt} (reference: 0; uniform distribution: {without})");
        }
        let valid: Vec<usize> = outcomes.iter().copied().filter(|&outcome| is_valid(outcome)).collect();
        let seen = valid.iter().collect::<BTreeSet<_>>().len();
        format!(
            "{learnt}; of {} samples {:.4} are bars or stripes, {seen} of the 14 among them (reference: 0, 1 and 14; uniform \
             distribution: {without}, {:.4})",
            outcomes.len(),
            valid.len() as f64 / outcomes.len() as f64,
            uniform.valid
        )
    }
}

/// Returns the numbers of a tensor.
pub(crate) fn numbers(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(tensor.detach().to_dtype(DType::F64)?.to_vec1()?)
}

/// Converts outcomes `[shots, qubits]` of 0 and 1 to basis indices.
pub(crate) fn indices(bits: &Tensor) -> Result<Vec<usize>> {
    let index = |row: Vec<u32>| row.iter().rev().fold(0, |index, &bit| index << 1 | bit as usize);
    Ok(bits.to_vec2::<u32>()?.into_iter().map(index).collect())
}
