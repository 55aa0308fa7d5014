//! The choice of a method, and what it can be chosen for.

use crate::error::{Error, Result};

/// Method by which a [`QuantumLayer`](crate::QuantumLayer) finds gradients.
///
/// | method | evaluations of the circuit for each sample | exact | of what |
/// |---|---|---|---|
/// | [`Adjoint`](Self::Adjoint) | about three, for all gradients together | to rounding | anything exact |
/// | [`ParameterShift`](Self::ParameterShift) | 2 for each rotation or phase, 4 for each rotation under controls; for variances twice that | to rounding; unbiased with finite shots | anything but features that are embedded as amplitudes |
/// | [`FiniteDifference`](Self::FiniteDifference) | `order` (2 for order 1) for each input and weight | to `step^order` | anything |
/// | [`Spsa`](Self::Spsa) | 2 `samples` | no: unbiased to `step²`, of a variance that falls with `samples` | anything |
///
/// Only the adjoint method is fast; the others are for finite shots, for checking, and for comparing with hardware. All
/// evaluations of all samples run as one batch.
///
/// ```
/// use candle_core::{DType, Device, Tensor, Var};
/// use candle_nn::{VarBuilder, VarMap};
/// use candlewick::prelude::*;
///
/// let mut circuit = Circuit::new(2);
/// let w = circuit.weights("w", 1);
/// circuit.h(0).crx(w.at([0]) * input(0), 0, 1);
/// let x = Var::new(&[[0.4f64]], &Device::Cpu)?;
/// let slope = |gradient| -> Result<f64, Box<dyn std::error::Error>> {
///     let varmap = VarMap::new();
///     let vb = candlewick::nn::SeededInit::new(7).var_builder(&varmap, DType::F64, &Device::Cpu);
///     let config = QuantumLayerConfig { gradient, ..Default::default() };
///     let layer = QuantumLayer::with_config(circuit.clone(), Measurement::expectation([Z(1)]), config, vb)?;
///     let gradients = layer.try_forward(&x)?.sum_all()?.backward()?;
///     Ok(gradients.get(&x).unwrap().to_vec2::<f64>()?[0][0])
/// };
/// // Four shifts: a rotation under a control has three different eigenvalues.
/// let difference = slope(GradientMethod::ParameterShift)? - slope(GradientMethod::Adjoint)?;
/// assert!(difference.abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum GradientMethod {
    /// [`Adjoint`](Self::Adjoint) for exact outputs, [`ParameterShift`](Self::ParameterShift) with finite shots.
    #[default]
    Auto,
    /// One reverse sweep through the circuit. Not with finite shots.
    Adjoint,
    /// Shifted angles: each step with an angle has a rule that follows from the eigenvalues of its generator (Wierichs, Izaac,
    /// Wang and Lin, Quantum 6, 677, 2022), two terms or four; gates that are products, repeated variables and expressions follow by
    /// the chain rule.
    ParameterShift,
    /// Differences of outputs at moved inputs and weights, in F64 where the device has it. A step that moves nothing is an error.
    FiniteDifference {
        /// Distance of neighbouring points, above 0, in the units of the inputs and weights.
        step: f64,
        /// Order of the error in `step`: 1 (forward differences), or 2, 4, 6 or 8 (central ones).
        order: usize,
    },
    /// Simultaneous perturbation (Spall, IEEE Transactions on Automatic Control 37, 332, 1992): central differences along
    /// random directions in which every input and weight moves by `step`; in F64 where the device has it.
    Spsa {
        /// Number of directions to average over, for each sample, at least 1.
        samples: usize,
        /// Distance from the point to both sides, above 0, in the units of the inputs and weights.
        step: f64,
        /// Seed of the directions, as [`QuantumLayerConfig::seed`](crate::QuantumLayerConfig::seed) is that of shots.
        seed: u64,
    },
}

/// Arguments in which a derivative is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wrt {
    /// The features of each sample.
    Inputs,
    /// The entries of all weight tensors, one after the other: tensors in the order of their names, as
    /// [`Circuit::weight_tensors`](crate::Circuit::weight_tensors) lists them, entries row by row.
    Weights,
}

/// Entries of a metric tensor that are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum MetricTensor {
    /// All entries.
    #[default]
    Full,
    /// Entries between angles of one layer: a layer ends before the first rotation or phase on a qubit that one of the layer has
    /// acted on. Other entries count as 0 (Stokes, Izaac, Killoran and Carleo, Quantum 4, 269, 2020).
    BlockDiagonal,
}

/// The most directions of a sample.
const MAX_DIRECTIONS: usize = 1 << 20;

impl GradientMethod {
    /// With random numbers of its own for a layer at that place.
    pub(crate) fn at(self, path: u64) -> Self {
        match self {
            Self::Spsa { samples, step, seed } => Self::Spsa { samples, step, seed: seed ^ path },
            other => other,
        }
    }

    /// In words.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Adjoint => "the adjoint method",
            Self::ParameterShift => "parameter shift",
            Self::FiniteDifference { .. } => "finite differences",
            Self::Spsa { .. } => "SPSA",
        }
    }

    /// What [`Auto`](Self::Auto) stands for, after its settings are checked.
    pub(super) fn resolve(self, from_shots: bool) -> Result<Self> {
        let wrong = |setting, value, allowed| Err(Error::Setting { of: self.name(), setting, value, allowed });
        let positive = |step: f64| step.is_finite() && step > 0.0;
        match self {
            Self::Auto if from_shots => Ok(Self::ParameterShift),
            Self::Auto => Ok(Self::Adjoint),
            Self::Adjoint if from_shots => {
                let of = "outputs sampled with a finite number of shots";
                let instead = "take `GradientMethod::Auto`, which is parameter shift there";
                Err(Error::NoGradient { method: self.name(), of, instead })
            }
            Self::FiniteDifference { step, .. } | Self::Spsa { step, .. } if !positive(step) => {
                wrong("step", step, "a finite number above 0")
            }
            Self::FiniteDifference { order, .. } if !matches!(order, 1 | 2 | 4 | 6 | 8) => {
                wrong("order", order as f64, "1, 2, 4, 6 or 8")
            }
            Self::Spsa { samples, .. } if !(1..=MAX_DIRECTIONS).contains(&samples) => {
                wrong("samples", samples as f64, "1 to 1048576")
            }
            other => Ok(other),
        }
    }
}
