//! A soft threshold with a trainable steepness and size, for instance in front of conditional gates.

use crate::__private::NonExhaustive;
use crate::error::{Error, Result};
use crate::limits::check_copies;
use candle_core::{Module, Tensor};
use candle_nn::{Init, VarBuilder};

/// Passes large entries and suppresses small ones: `x * sigmoid(alpha (|x| - threshold))`, entry by entry, with a
/// trainable steepness and threshold.
///
/// A large `alpha` makes a switch that has a gradient. In front of [conditional gates](crate::Circuit::when) the
/// threshold learns which features are worth a gate. Both weights are scalars, `alpha` and `threshold`, under the
/// `VarBuilder`'s prefix.
///
/// ```
/// use candle_core::{DType, Device, Module, Tensor};
/// use candle_nn::{VarBuilder, VarMap};
/// use candlewick::nn::{SoftThreshold, SoftThresholdConfig};
/// let varmap = VarMap::new();
/// let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
/// let config = SoftThresholdConfig { alpha: 50.0, threshold: 0.5, ..Default::default() };
/// let threshold = SoftThreshold::new(config, vb.pp("threshold"))?;
/// let x = Tensor::new(&[0.1f32, -0.9], &Device::Cpu)?;
/// let y = threshold.forward(&x)?.to_vec1::<f32>()?;
/// assert!(y[0].abs() < 1e-6 && (y[1] + 0.9).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SoftThreshold {
    alpha: Tensor,
    threshold: Tensor,
}

/// Initial values of a [`SoftThreshold`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SoftThresholdConfig {
    /// Initial steepness, a finite number. Default 10.
    pub alpha: f64,
    /// Initial size of an entry above which it passes, a finite number. Default 0.1.
    pub threshold: f64,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for SoftThresholdConfig {
    fn default() -> Self {
        Self { alpha: 10.0, threshold: 0.1, non_exhaustive: NonExhaustive(()) }
    }
}

impl SoftThreshold {
    /// Makes a threshold. Weights that `vb` does not hold yet start as the configuration says.
    ///
    /// # Errors
    /// A configuration that is not finite; candle's error for weights of another shape.
    pub fn new(config: SoftThresholdConfig, vb: VarBuilder<'_>) -> Result<Self> {
        let scalar = |setting: &'static str, value: f64| {
            if !value.is_finite() {
                return Err(Error::Setting { of: "the soft threshold", setting, value, allowed: "finite" });
            }
            Ok(vb.get_with_hints((), setting, Init::Const(value))?)
        };
        Ok(Self { alpha: scalar("alpha", config.alpha)?, threshold: scalar("threshold", config.threshold)? })
    }

    /// Returns the steepness, a scalar.
    pub fn alpha(&self) -> &Tensor {
        &self.alpha
    }

    /// Returns the size of an entry above which it passes, a scalar.
    pub fn threshold(&self) -> &Tensor {
        &self.threshold
    }

    /// Returns the fraction of each entry that passes, from 0 to 1: `sigmoid(alpha (|x| - threshold))`.
    ///
    /// # Errors
    /// A tensor that is not of F16, BF16, F32 or F64, or too large for the memory; candle's error for a tensor that
    /// differs from the weights in dtype or device.
    pub fn mask(&self, x: &Tensor) -> Result<Tensor> {
        super::check_float("the input of the soft threshold", x)?;
        check_copies("the mask of the soft threshold", x, x.dtype(), 4)?;
        let above = x.abs()?.broadcast_sub(&self.threshold)?;
        Ok(candle_nn::ops::sigmoid(&above.broadcast_mul(&self.alpha)?)?)
    }
}

impl Module for SoftThreshold {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        x * self.mask(x)?
    }
}
