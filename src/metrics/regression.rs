//! Errors of a regression. They return candle's `Result`, as everything that a training loop calls.

use crate::error::{Error, Result, TensorError};
use crate::limits::checked_product;
use crate::memory::check_numbers;
use crate::numbers::host_numbers;
use candle_core::Tensor;

/// Returns the mean of `|output - target|` over all entries of two tensors of one shape.
///
/// # Errors
/// Tensors of different shapes or without entries.
pub fn mean_absolute_error(outputs: &Tensor, targets: &Tensor) -> candle_core::Result<f64> {
    mean(outputs, targets, f64::abs)
}

/// Returns the mean of `(output - target)^2` over all entries of two tensors of one shape.
///
/// # Errors
/// Tensors of different shapes or without entries.
pub fn mean_squared_error(outputs: &Tensor, targets: &Tensor) -> candle_core::Result<f64> {
    mean(outputs, targets, |difference| difference * difference)
}

/// Returns R², 1 for targets that are met and 0 for their mean: one less the sum of squared errors over the sum of
/// squared deviations of the targets. Of `[samples, targets]`, it is the mean over the targets. A target that does not
/// vary has 1 if it is met exactly, otherwise 0. R² is NaN for fewer than two samples and for numbers that are not finite.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::metrics::r2;
/// let tensor = |values: &[f64]| Tensor::new(values, &Device::Cpu);
/// assert_eq!(r2(&tensor(&[1., 2., 4.])?, &tensor(&[1., 2., 3.])?)?, 0.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Tensors of different shapes, without entries, or of more than two dimensions.
pub fn r2(outputs: &Tensor, targets: &Tensor) -> candle_core::Result<f64> {
    let pairs = pairs(outputs, targets)?;
    let width = match outputs.dims() {
        [_] => 1,
        &[_, width] => width,
        _ => {
            let (expected, actual) = ((outputs.dim(0)?, 1).into(), outputs.shape().clone());
            return Err(Error::Tensor(TensorError::Shape { what: "the outputs", expected, actual }).into());
        }
    };
    let of_target = |column: usize| {
        let own = || pairs.iter().skip(column).step_by(width);
        let mean = own().map(|(_, target)| target).sum::<f64>() / own().count() as f64;
        let error: f64 = own().map(|(output, target)| (output - target).powi(2)).sum();
        let spread: f64 = own().map(|(_, target)| (target - mean).powi(2)).sum();
        // The mean of equal targets may differ from them by rounding.
        let is_constant = own().all(|(_, target)| *target == pairs[column].1);
        match (error == 0.0, is_constant) {
            _ if !(error.is_finite() && spread.is_finite()) || own().count() < 2 => f64::NAN,
            (true, _) => 1.0,
            (false, true) => 0.0,
            (false, false) => 1.0 - error / spread,
        }
    };
    Ok((0..width).map(of_target).sum::<f64>() / width as f64)
}

fn mean(outputs: &Tensor, targets: &Tensor, of: fn(f64) -> f64) -> candle_core::Result<f64> {
    let pairs = pairs(outputs, targets)?;
    Ok(pairs.iter().map(|(output, target)| of(output - target)).sum::<f64>() / pairs.len() as f64)
}

/// Returns outputs with their targets, at least one pair.
pub(super) fn pairs(outputs: &Tensor, targets: &Tensor) -> Result<Vec<(f64, f64)>> {
    if outputs.dims() != targets.dims() {
        let (expected, actual) = (outputs.shape().clone(), targets.shape().clone());
        return Err(Error::Tensor(TensorError::Shape { what: "the targets", expected, actual }));
    }
    if outputs.dims().contains(&0) {
        return Err(Error::Setting { of: "a metric", setting: "samples", value: 0.0, allowed: "at least 1" });
    }
    // Two lists, and their pairs.
    let what = "outputs with their targets";
    check_numbers(what, (checked_product(what, outputs.dims())? as u64).checked_mul(4))?;
    Ok(host_numbers(outputs)?.into_iter().zip(host_numbers(targets)?).collect())
}
