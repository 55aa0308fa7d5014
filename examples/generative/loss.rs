//! Losses: distances of the circuit's distribution from the target's.

use crate::target::{Kind, Target};
use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use clap::ValueEnum;
use std::fmt;

/// Loss that is minimised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Loss {
    /// The Kullback-Leibler divergence from the target to the circuit, in nats.
    #[value(name = "kl")]
    Divergence,
    /// The squared maximum mean discrepancy, with a sum of Gaussian kernels.
    #[value(name = "mmd")]
    Discrepancy,
}

/// Differentiable function of probabilities.
pub(crate) type Function = Box<dyn Fn(&Tensor) -> candle_core::Result<Tensor>>;

/// Smallest probability in a logarithm. The logarithm of 0 would be infinite and have no gradient; the number is far
/// below any probability that matters.
const FLOOR: f64 = 1e-12;
/// Squared widths of the kernels, for pixels that differ and for whole numbers.
const PIXEL_WIDTHS: [f64; 4] = [0.5, 1.0, 2.0, 4.0];
const NUMBER_WIDTHS: [f64; 3] = [0.25, 10.0, 1000.0];

impl Loss {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Divergence => "Kullback-Leibler divergence",
            Self::Discrepancy => "maximum mean discrepancy",
        }
    }

    /// Returns the loss as a function of probabilities `[2^qubits]`.
    pub(crate) fn of(self, target: &Target, device: &Device) -> Result<Function> {
        let wanted = Tensor::new(target.probabilities.as_slice(), device)?.to_dtype(DType::F32)?;
        Ok(match self {
            Self::Divergence => {
                let entropy = target.entropy();
                Box::new(move |p| ((p + FLOOR)?.log()? * &wanted)?.sum_all()?.affine(-1.0, -entropy))
            }
            Self::Discrepancy => {
                let kernel = kernel(target, device)?;
                Box::new(move |p| {
                    let difference = (p - &wanted)?.unsqueeze(0)?;
                    difference.matmul(&kernel)?.mul(&difference)?.sum_all()
                })
            }
        })
    }
}

/// The mean of the Gaussian kernels of each pair of outcomes, `[2^qubits, 2^qubits]`.
fn kernel(target: &Target, device: &Device) -> Result<Tensor> {
    let count = target.probabilities.len();
    let value = |a: usize, b: usize| -> f64 {
        let mean = |square: f64, widths: &[f64]| {
            widths.iter().map(|width| (-square / (2.0 * width)).exp()).sum::<f64>() / widths.len() as f64
        };
        match target.kind {
            Kind::BarsAndStripes => mean(f64::from((a ^ b).count_ones()), &PIXEL_WIDTHS),
            Kind::Gaussians => mean((a.abs_diff(b) as f64).powi(2), &NUMBER_WIDTHS),
        }
    };
    let entries: Vec<f32> = (0..count * count).map(|index| value(index / count, index % count) as f32).collect();
    Ok(Tensor::from_vec(entries, (count, count), device)?)
}

/// Distances between two distributions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Distance {
    /// Kullback-Leibler divergence from the target, in nats. It is infinite if an outcome of the target never occurs.
    pub(crate) divergence: f64,
    /// Total variation: half the sum of all differences.
    pub(crate) variation: f64,
    /// Probability of the outcomes that the target has.
    pub(crate) valid: f64,
}

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { divergence, variation, valid } = self;
        write!(f, "KL {divergence:.4}  total variation {variation:.4}")?;
        if valid.is_finite() { write!(f, "  valid {valid:.4}") } else { Ok(()) }
    }
}
