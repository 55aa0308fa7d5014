//! Quantum layers and other modules for candle, their losses, their initialisation, and optimisers that know circuits.

mod affine;
mod layer_config;
pub mod loss;
mod natural_gradient;
mod quantized;
mod quantum_attention;
mod quantum_conv;
mod quantum_layer;
mod quantum_lstm;
mod random_search;
mod rotosolve;
mod samples;
mod seeded;
mod soft_threshold;

pub use affine::{Affine, AffineConfig};
pub use layer_config::QuantumLayerConfig;
pub use natural_gradient::{QuantumNaturalGradient, QuantumNaturalGradientConfig};
pub use quantized::{QuantizedLinear, QuantizedLinearConfig, linear_size_in_bytes, quantize_dynamic};
pub use quantum_attention::{QuantumAttention, QuantumAttentionConfig};
pub use quantum_conv::{QuantumConv2d, QuantumConv2dConfig};
pub use quantum_layer::QuantumLayer;
pub(crate) use quantum_layer::fingerprint_shape;
pub use quantum_lstm::{QuantumLstm, QuantumLstmConfig};
pub use random_search::{RandomSearch, RandomSearchConfig, Trial};
pub use rotosolve::Rotosolve;
pub use seeded::SeededInit;
pub use soft_threshold::{SoftThreshold, SoftThresholdConfig};

use crate::error::{Error, Result, TensorError};
use candle_core::{DType, Shape, Tensor};

/// Checks the last dimension of a tensor, and returns the dimensions in front of it.
fn check_width<'a>(what: &'static str, x: &'a Tensor, width: usize) -> Result<&'a [usize]> {
    let leading = match x.dims().split_last() {
        Some((&last, leading)) if last == width => return Ok(leading),
        Some((_, leading)) => leading,
        None => &[],
    };
    let expected: Vec<usize> = leading.iter().copied().chain([width]).collect();
    Err(Error::Tensor(TensorError::Shape { what, expected: Shape::from(expected), actual: x.shape().clone() }))
}

fn is_float(dtype: DType) -> bool {
    matches!(dtype, DType::F16 | DType::BF16 | DType::F32 | DType::F64)
}

/// Returns the dtype of a tensor if it is a floating one: candle panics at functions of integers.
fn check_float(what: &str, tensor: &Tensor) -> Result<DType> {
    let dtype = tensor.dtype();
    if is_float(dtype) {
        Ok(dtype)
    } else {
        Err(Error::Tensor(TensorError::UnsupportedDType { what: what.to_owned(), dtype }))
    }
}
