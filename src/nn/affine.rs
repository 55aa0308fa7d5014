//! A trainable scale and bias of each output, for outputs that leave the range [-1, 1].

use crate::__private::NonExhaustive;
use crate::error::{Error, Result};
use crate::limits::check_copies;
use crate::memory::check_numbers;
use candle_core::{Module, Tensor};
use candle_nn::{Init, VarBuilder};

/// Scales and shifts each output by weights of its own: `y = x * scale + bias`, with `[.., outputs]` in and out.
///
/// An expectation value of a Pauli word stays within [-1, 1], which makes a weak logit of a classifier: its sigmoid
/// stays within 0.27 and 0.73, whatever the weights of the circuit. Behind an `Affine` outputs grow as far as the loss
/// asks. The layer has two weights for each output, `scale` and `bias`, under the `VarBuilder`'s prefix. A
/// `candle_nn::Linear` would mix the outputs as well.
///
/// ```
/// use candle_core::{DType, Device, Module, Tensor};
/// use candle_nn::{VarBuilder, VarMap};
/// use candlewick::nn::{Affine, AffineConfig};
/// use candlewick::prelude::*;
///
/// let mut circuit = Circuit::new(1);
/// circuit.ry(input(0), 0);
/// let varmap = VarMap::new();
/// let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
/// let quantum =
///     QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb.pp("quantum"))?;
/// let logits =
///     Affine::new(1, AffineConfig { scale: 5.0, ..Default::default() }, vb.pp("logits"))?;
/// let model = candle_nn::seq().add(quantum).add(logits);
/// let y =
///     model.forward(&Tensor::new(&[[0.0f32], [1.0]], &Device::Cpu)?)?.to_vec2::<f32>()?;
/// assert!((y[0][0] - 5.0).abs() < 1e-5 && (y[1][0] - 5.0 * 1f32.cos()).abs() < 1e-5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Affine {
    scale: Tensor,
    bias: Tensor,
}

/// Initial values of an [`Affine`], the same for all outputs. The default values leave outputs as they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AffineConfig {
    /// Initial factor of an output, a finite number. Default 1.
    pub scale: f64,
    /// Initial number that is added to the product, a finite number. Default 0.
    pub bias: f64,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for AffineConfig {
    fn default() -> Self {
        Self { scale: 1.0, bias: 0.0, non_exhaustive: NonExhaustive(()) }
    }
}

impl Affine {
    /// Makes a scale and a bias for each of `outputs` outputs. Weights that `vb` does not hold yet start as the
    /// configuration says.
    ///
    /// # Errors
    /// A configuration that is not finite; more outputs than the memory holds; candle's error for weights of another
    /// shape.
    pub fn new(outputs: usize, config: AffineConfig, vb: VarBuilder<'_>) -> Result<Self> {
        check_numbers("an affine layer", (outputs as u64).checked_mul(2))?;
        let weight = |setting: &'static str, value: f64| {
            if !value.is_finite() {
                return Err(Error::Setting { of: "the affine layer", setting, value, allowed: "finite" });
            }
            Ok(vb.get_with_hints(outputs, setting, Init::Const(value))?)
        };
        Ok(Self { scale: weight("scale", config.scale)?, bias: weight("bias", config.bias)? })
    }

    /// Computes [`Module::forward`], with candlewick's own typed error.
    ///
    /// # Errors
    /// A tensor whose last dimension is not the number of outputs, or that is too large for the memory; a tensor that
    /// is not of F16, BF16, F32 or F64; candle's error for a tensor that differs from the weights in dtype or device.
    ///
    /// [`Module::forward`]: https://docs.rs/candle-core/latest/candle_core/trait.Module.html#tymethod.forward
    pub fn try_forward(&self, x: &Tensor) -> Result<Tensor> {
        super::check_float("the input of the affine layer", x)?;
        super::check_width("the input of the affine layer", x, self.scale.elem_count())?;
        check_copies("the outputs of the affine layer", x, x.dtype(), 2)?;
        Ok(x.broadcast_mul(&self.scale)?.broadcast_add(&self.bias)?)
    }

    /// Returns the factors, `[outputs]`.
    pub fn scale(&self) -> &Tensor {
        &self.scale
    }

    /// Returns the summands, `[outputs]`.
    pub fn bias(&self) -> &Tensor {
        &self.bias
    }
}

impl Module for Affine {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Ok(self.try_forward(x)?)
    }
}
