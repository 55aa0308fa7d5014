//! Losses that stay finite.

use crate::error::{Error, Result};
use candle_core::Tensor;

/// The mean binary cross-entropy between `sigmoid(logits)` and targets in [0, 1] of the same shape, as a scalar.
///
/// It is `ln(1 + exp(l)) - l t` for each pair, computed without overflow: finite for every finite logit, with the exact gradient
/// `(sigmoid(l) - t) / n`, where the logarithm of a sigmoid is infinite or NaN from logits of about ±90 on in F32.
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
/// Tensors of different shapes; else candle's own.
pub fn binary_cross_entropy_with_logits(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    if logits.shape() != targets.shape() {
        let (expected, actual) = (logits.shape().clone(), targets.shape().clone());
        return Err(Error::Shape { what: "the targets", expected, actual });
    }
    // ln(exp(l) + exp(0)), whose gradient candle's maximum of (l, 0) by itself would get wrong at 0.
    let softplus = Tensor::stack(&[logits, &logits.zeros_like()?], 0)?.log_sum_exp(0)?;
    Ok((softplus - (logits * targets)?)?.mean_all()?)
}
