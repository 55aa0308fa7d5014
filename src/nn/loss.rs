//! Losses that stay finite. They return candle's `Result`, as losses of candle do; [`Error::find`] has the typed error.

use crate::error::{Error, Result, TensorError};
use candle_core::{DType, Tensor};

/// The mean binary cross-entropy between `sigmoid(logits)` and targets in [0, 1] of the same shape, as a scalar.
///
/// It is `ln(1 + exp(l)) - l t` for each pair, computed without overflow: finite for every finite logit, with the exact gradient
/// `(sigmoid(l) - t) / n`, where the logarithm of a sigmoid is infinite or NaN from logits of about ±90 on in F32. F16 and BF16 are computed
/// in F32, and the mean is cast back.
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
/// Tensors of different shapes or dtypes, or not of F16, BF16, F32 or F64; candle's own for others, such as tensors without elements.
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
    // 65504 is the end of F16, and 256 ones are where a sum in BF16 ends to grow.
    let inner = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
    let (logits, targets) = (&logits.to_dtype(inner)?, &targets.to_dtype(inner)?);
    // ln(exp(l) + exp(0)), whose gradient candle's maximum of (l, 0) by itself would get wrong at 0.
    let softplus = Tensor::stack(&[logits, &logits.zeros_like()?], 0)?.log_sum_exp(0)?;
    Ok((softplus - (logits * targets)?)?.mean_all()?.to_dtype(dtype)?)
}
