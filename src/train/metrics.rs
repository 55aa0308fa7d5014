//! What is known of a batch besides its loss.

use candle_core::{D, DType, Tensor};

/// Part of the samples whose largest output, of `[samples, classes]`, is at their class, `[samples]` in U32; NaN if an output is not finite.
///
/// # Errors
/// Candle's own, for other shapes.
pub fn accuracy(outputs: &Tensor, classes: &Tensor) -> candle_core::Result<f64> {
    part(&outputs.argmax(D::Minus1)?.eq(classes)?, outputs)
}

/// Part of the logits that are above 0 where the target, of the same shape, is above one half, and not above 0 elsewhere; NaN if a logit is not finite.
///
/// # Errors
/// Candle's own, for other shapes.
pub fn binary_accuracy(logits: &Tensor, targets: &Tensor) -> candle_core::Result<f64> {
    part(&logits.gt(0.0)?.eq(&targets.gt(0.5)?)?, logits)
}

/// Part of the entries that are 1 and not 0, if the outputs that it is about are finite.
fn part(hits: &Tensor, outputs: &Tensor) -> candle_core::Result<f64> {
    let sum = |tensor: &Tensor| tensor.to_dtype(DType::F32)?.sum_all()?.to_dtype(DType::F64)?.to_scalar::<f64>();
    // 0 times what is not finite is NaN.
    Ok(sum(hits)? / hits.elem_count().max(1) as f64 + sum(&outputs.affine(0.0, 0.0)?)?)
}
