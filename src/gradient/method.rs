//! Methods of gradients, and the checks of their settings.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Method by which a [`QuantumLayer`](crate::QuantumLayer) computes gradients.
///
/// | method | evaluations of the circuit for each sample | exact | for |
/// |---|---|---|---|
/// | [`Adjoint`](Self::Adjoint) | about three, for all gradients together | to rounding | exact outputs |
/// | [`ParameterShift`](Self::ParameterShift) | 2 for each rotation or phase | to rounding; unbiased with shots | most |
/// | [`FiniteDifference`](Self::FiniteDifference) | `order` for each input and weight | to `step^order` | all |
/// | [`Spsa`](Self::Spsa) | 2 `samples` | no: unbiased to `step²` | all |
///
/// `ParameterShift` takes 4 evaluations for each rotation under controls, and twice as many for variances. It has no
/// gradient in features that are embedded as amplitudes. `FiniteDifference` of order 1 takes 2 evaluations. The
/// variance of `Spsa` falls with `samples`.
///
/// Only the adjoint method is fast. The other methods are for finite shots, for checks, and for comparisons with
/// hardware. All evaluations of all samples run as one batch.
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
///     let vb =
///         candlewick::nn::SeededInit::new(7).var_builder(&varmap, DType::F64, &Device::Cpu);
///     let config = QuantumLayerConfig { gradient, ..Default::default() };
///     let layer = QuantumLayer::with_config(
///         circuit.clone(),
///         Measurement::expectation([Z(1)]),
///         config,
///         vb,
///     )?;
///     let gradients = layer.try_forward(&x)?.sum_all()?.backward()?;
///     Ok(gradients.get(&x).unwrap().to_vec2::<f64>()?[0][0])
/// };
/// // Four shifts: a rotation under a control has three different eigenvalues.
/// let difference = slope(GradientMethod::ParameterShift)? - slope(GradientMethod::Adjoint)?;
/// assert!(difference.abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The names of the variants are a part of the format of [models](crate::model).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum GradientMethod {
    /// The default: [`Adjoint`](Self::Adjoint) for exact outputs, [`ParameterShift`](Self::ParameterShift) with finite
    /// shots.
    #[default]
    Auto,
    /// One reverse sweep through the circuit. Finite shots do not allow it.
    Adjoint,
    /// Shifted angles. Each step with an angle has a rule of two or four terms, which follows from the eigenvalues of
    /// its generator (Wierichs, Izaac, Wang and Lin, Quantum 6, 677, 2022). Gates that are products, repeated variables
    /// and expressions follow by the chain rule.
    ParameterShift,
    /// Differences of outputs at moved inputs and weights, in F64 if the device has it. A step that moves nothing is an
    /// error.
    FiniteDifference {
        /// Distance of neighbouring points, above 0, in the units of the inputs and weights.
        step: f64,
        /// Order of the error in `step`: 1 (forward differences), or 2, 4, 6 or 8 (central ones).
        order: usize,
    },
    /// Simultaneous perturbation (Spall, IEEE Transactions on Automatic Control 37, 332, 1992): central differences
    /// along random directions in which every input and weight moves by `step`; in F64 if the device has it.
    Spsa {
        /// Number of directions to average over for each sample, at least 1.
        samples: usize,
        /// Distance from the point to both sides, above 0, in the units of the inputs and weights.
        step: f64,
        /// Seed of the directions. It acts as [`QuantumLayerConfig::seed`](crate::QuantumLayerConfig::seed) does for
        /// shots.
        seed: u64,
    },
}

/// Arguments in which a derivative is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wrt {
    /// The features of each sample.
    Inputs,
    /// The entries of all weight tensors, one tensor after the other: tensors in the order of their names, as
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
    /// Entries between angles of one layer. A layer ends before the first rotation or phase on a qubit on which the
    /// layer has already acted. Other entries count as 0 (Stokes, Izaac, Killoran and Carleo, Quantum 4, 269, 2020).
    BlockDiagonal,
}

/// Largest number of directions of a sample.
const MAX_DIRECTIONS: usize = 1 << 20;

impl GradientMethod {
    /// Returns the method with the random numbers of the layer at `path`.
    pub(crate) fn at(self, path: u64) -> Self {
        match self {
            Self::Spsa { samples, step, seed } => Self::Spsa { samples, step, seed: seed ^ path },
            other => other,
        }
    }

    /// Returns the name of the method.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Adjoint => "the adjoint method",
            Self::ParameterShift => "parameter shift",
            Self::FiniteDifference { .. } => "finite differences",
            Self::Spsa { .. } => "SPSA",
        }
    }

    /// Checks the settings and replaces [`Auto`](Self::Auto) by the method for which it stands.
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
