//! Metrics of a batch besides its loss.

use candle_core::{D, DType, Tensor};

/// Returns the fraction of the samples whose largest output, of `[samples, classes]`, is at their class, `[samples]` in
/// U32; NaN if an output is not finite.
///
/// # Errors
/// candle's error for other shapes.
pub fn accuracy(outputs: &Tensor, classes: &Tensor) -> candle_core::Result<f64> {
    part(&outputs.argmax(D::Minus1)?.eq(classes)?, outputs)
}

/// Returns the fraction of the logits that agree with their targets, of the same shape: above 0 for a target above one
/// half, and not above 0 for others. It is NaN if a logit is not finite.
///
/// # Errors
/// candle's error for other shapes.
pub fn binary_accuracy(logits: &Tensor, targets: &Tensor) -> candle_core::Result<f64> {
    part(&logits.gt(0.0)?.eq(&targets.gt(0.5)?)?, logits)
}

/// Returns the fraction of the entries that are 1 and not 0, or NaN if an output is not finite.
fn part(hits: &Tensor, outputs: &Tensor) -> candle_core::Result<f64> {
    let sum = |tensor: &Tensor| tensor.to_dtype(DType::F32)?.sum_all()?.to_dtype(DType::F64)?.to_scalar::<f64>();
    // 0 times an infinity or a NaN is NaN.
    Ok(sum(hits)? / hits.elem_count().max(1) as f64 + sum(&outputs.affine(0.0, 0.0)?)?)
}
