//! Losses that stay finite. They return candle's `Result`, like candle's own losses; [`Error::find`] returns the typed
//! error inside.

mod classes;

pub use classes::{CrossEntropy, FocalLoss, class_weights};

use crate::error::{Error, Result, TensorError};
use crate::limits::check_copies;
use candle_core::{DType, Tensor};

/// Computes the mean binary cross-entropy between `sigmoid(logits)` and targets in [0, 1] of the same shape, as a
/// scalar.
///
/// The loss of each pair is `ln(1 + exp(l)) - l t`, computed without overflow. It is finite for every finite logit, and
/// its gradient is the exact `(sigmoid(l) - t) / n`. The logarithm of a sigmoid, in contrast, is infinite or NaN in F32
/// from logits of about ±90 on. F16 and BF16 are computed in F32, and the mean is cast back.
///
/// ```
/// use candle_core::{Device, Tensor, Var};
/// use candlewick::nn::loss::binary_cross_entropy_with_logits;
/// let logits = Var::new(&[1000.0f32, -1000.0, 0.0], &Device::Cpu)?;
/// let targets = Tensor::new(&[0.0f32, 0.0, 1.0], &Device::Cpu)?;
/// let loss = binary_cross_entropy_with_logits(&logits, &targets)?;
/// assert!((loss.to_scalar::<f32>()? - (1000.0 + 2f32.ln()) / 3.0).abs() < 1e-3);
/// let gradient = loss.backward()?.get(&logits).unwrap().to_vec1::<f32>()?;
/// assert_eq!(gradient, [1.0 / 3.0, 0.0, -0.5 / 3.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Tensors of different shapes or dtypes; tensors that are not of F16, BF16, F32 or F64; more logits than the memory
/// holds; candle's error for tensors without elements and others that it refuses.
pub fn binary_cross_entropy_with_logits(logits: &Tensor, targets: &Tensor) -> candle_core::Result<Tensor> {
    Ok(mean_cross_entropy(logits, targets)?)
}

fn mean_cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    if logits.shape() != targets.shape() {
        let (expected, actual) = (logits.shape().clone(), targets.shape().clone());
        return Err(Error::Tensor(TensorError::Shape { what: "the targets", expected, actual }));
    }
    let dtype = super::check_float("the tensor of logits", logits)?;
    if targets.dtype() != dtype {
        let (what, actual) = ("the tensor of targets".to_owned(), targets.dtype());
        return Err(Error::Tensor(TensorError::DTypeMismatch { what, expected: dtype, actual }));
    }
    // F16 ends at 65504, and a sum of ones in BF16 stops growing at 256.
    let inner = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
    // Both in the dtype of the computation, their product, and the pairs with 0 with their exponentials.
    check_copies("the logits of a loss", logits, inner, 8)?;
    let (logits, targets) = (&logits.to_dtype(inner)?, &targets.to_dtype(inner)?);
    // Computes ln(exp(l) + exp(0)) as a sum: candle's gradient of the maximum of (l, 0) would be wrong at l = 0.
    let softplus = Tensor::stack(&[logits, &logits.zeros_like()?], 0)?.log_sum_exp(0)?;
    Ok((softplus - (logits * targets)?)?.mean_all()?.to_dtype(dtype)?)
}
