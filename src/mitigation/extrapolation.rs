//! Extrapolation of outputs to no noise.

use super::inner_dtype;
use crate::error::{Error, MitigationError, Result, TensorError};
use crate::limits::check_copy;
use crate::numbers::host_numbers;
use candle_core::{DType, Tensor};

/// Returns the value at scale 0 of the straight line through outputs at some scales of the noise, or, for more than two,
/// of the line with the least squares of the distances.
///
/// `outputs` are tensors of one shape, dtype and device, one for each scale; the result is like them, and differentiable
/// in them. Scales 1 and 3 give `(3 y1 - y3) / 2`. F16 and BF16 are computed in F32.
///
/// ```
/// use candle_core::{Device, Tensor};
/// let of_1 = Tensor::new(&[0.9f64, -0.8], &Device::Cpu)?;
/// let of_3 = Tensor::new(&[0.7f64, -0.6], &Device::Cpu)?;
/// let y = candlewick::mitigation::linear(&[1.0, 3.0], &[of_1, of_3])?.to_vec1::<f64>()?;
/// assert!((y[0] - 1.0).abs() < 1e-12 && (y[1] + 0.9).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`MitigationError::Scales`] unless there are at least two scales and a tensor for each, [`MitigationError::Scale`] for
/// scales that are not positive, finite and different; tensors of other dtypes than floating-point numbers, or that differ
/// in shape, dtype or device.
pub fn linear(scales: &[f64], outputs: &[Tensor]) -> Result<Tensor> {
    check(scales, outputs)?;
    combined(&linear_weights(scales), outputs)
}

/// Returns the value at scale 0 of the polynomial through outputs at some scales of the noise (Richardson's
/// extrapolation), of one degree less than there are scales.
///
/// Scales 1, 3 and 5 give `(15 y1 - 10 y3 + 3 y5) / 8`. The weights of many scales are large, and so are errors of the
/// outputs then. Arguments and result are those of [`linear`].
///
/// ```
/// use candle_core::{Device, Tensor};
/// let function = |scale: f64| 0.5 - 0.1 * scale + 0.01 * scale * scale;
/// let value = |scale: f64| Tensor::new(function(scale), &Device::Cpu);
/// let scales = [1.0, 3.0, 5.0];
/// let outputs = [value(1.0)?, value(3.0)?, value(5.0)?];
/// let y = candlewick::mitigation::richardson(&scales, &outputs)?;
/// assert!((y.to_scalar::<f64>()? - 0.5).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The errors of [`linear`].
pub fn richardson(scales: &[f64], outputs: &[Tensor]) -> Result<Tensor> {
    check(scales, outputs)?;
    let others = |k: usize| scales.iter().enumerate().filter(move |(other, _)| *other != k).map(|(_, scale)| scale);
    let weights: Vec<f64> =
        scales.iter().enumerate().map(|(k, scale)| others(k).map(|other| other / (other - scale)).product()).collect();
    combined(&weights, outputs)
}

/// Returns the value at scale 0 of the exponential function `a exp(-b scale)` through outputs at some scales of the noise,
/// for more than two with the least squares of the distances of logarithms.
///
/// Scales 1 and 3 give `y1 (y1 / y3)^(1/2)`. Expectation values of Pauli words under depolarizing noise go to 0 in this
/// way. Where outputs go to another limit, it is subtracted before and added behind. Arguments and result are those of
/// [`linear`].
///
/// ```
/// use candle_core::{Device, Tensor};
/// let value = |scale: f64| Tensor::new(&[-0.8 * (-0.3 * scale).exp()], &Device::Cpu);
/// let y = candlewick::mitigation::exponential(&[1.0, 3.0], &[value(1.0)?, value(3.0)?])?;
/// assert!((y.to_vec1::<f64>()?[0] + 0.8).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The errors of [`linear`]; [`MitigationError::NoExponential`] for an entry that is 0, NaN or infinite, or has different
/// signs at different scales.
pub fn exponential(scales: &[f64], outputs: &[Tensor]) -> Result<Tensor> {
    check(scales, outputs)?;
    let signs = signs(scales, outputs)?;
    let first = &outputs[0];
    let inner = inner_dtype(OUTPUTS, first)?;
    let signs = Tensor::from_vec(signs, first.shape(), &candle_core::Device::Cpu)?;
    let signs = signs.to_dtype(inner)?.to_device(first.device())?;
    let logarithm = |tensor: &Tensor| -> Result<Tensor> { Ok((tensor.to_dtype(inner)? * &signs)?.log()?) };
    let logarithms = outputs.iter().map(logarithm).collect::<Result<Vec<_>>>()?;
    let size = combined(&linear_weights(scales), &logarithms)?.exp()?;
    Ok((size * signs)?.to_dtype(first.dtype())?)
}

/// Name of the tensors in errors.
const OUTPUTS: &str = "the tensor of outputs at a scale";

/// Checks scales and tensors.
fn check(scales: &[f64], outputs: &[Tensor]) -> Result<()> {
    if scales.len() < 2 || scales.len() != outputs.len() {
        return Err(MitigationError::Scales { scales: scales.len(), outputs: outputs.len() }.into());
    }
    for (index, &value) in scales.iter().enumerate() {
        if !(value > 0.0 && value.is_finite()) || scales[..index].contains(&value) {
            return Err(MitigationError::Scale { index, value }.into());
        }
    }
    inner_dtype(OUTPUTS, &outputs[0])?;
    let first = &outputs[0];
    for tensor in &outputs[1..] {
        if tensor.shape() != first.shape() {
            let (expected, actual) = (first.shape().clone(), tensor.shape().clone());
            return Err(TensorError::Shape { what: OUTPUTS, expected, actual }.into());
        }
        if tensor.dtype() != first.dtype() {
            let (what, expected, actual) = (OUTPUTS.to_owned(), first.dtype(), tensor.dtype());
            return Err(TensorError::DTypeMismatch { what, expected, actual }.into());
        }
        if !tensor.device().same_device(first.device()) {
            let place = |tensor: &Tensor| format!("{:?}", tensor.device().location());
            let (what, expected, actual) = (OUTPUTS.to_owned(), place(first), place(tensor));
            return Err(TensorError::DeviceMismatch { what, expected, actual }.into());
        }
    }
    Ok(())
}

/// Weights of outputs in the value at 0 of the line with the least squares.
fn linear_weights(scales: &[f64]) -> Vec<f64> {
    let count = scales.len() as f64;
    let mean = scales.iter().sum::<f64>() / count;
    let spread: f64 = scales.iter().map(|scale| (scale - mean).powi(2)).sum();
    scales.iter().map(|scale| 1.0 / count - mean * (scale - mean) / spread).collect()
}

/// Returns the sum of tensors with weights.
fn combined(weights: &[f64], outputs: &[Tensor]) -> Result<Tensor> {
    let inner = inner_dtype(OUTPUTS, &outputs[0])?;
    let term = |(tensor, weight): (&Tensor, &f64)| tensor.to_dtype(inner)?.affine(*weight, 0.0);
    let mut terms = outputs.iter().zip(weights).map(term);
    let first = terms.next().ok_or(MitigationError::Scales { scales: 0, outputs: 0 })??;
    let sum = terms.try_fold(first, |sum, term| sum + term?)?;
    Ok(sum.to_dtype(outputs[0].dtype())?)
}

/// Returns the sign of each entry, the same at all scales.
fn signs(scales: &[f64], outputs: &[Tensor]) -> Result<Vec<f64>> {
    outputs.iter().try_for_each(|tensor| check_copy(OUTPUTS, tensor, DType::F64))?;
    let first = host_numbers(&outputs[0])?;
    for (tensor, &scale) in outputs.iter().zip(scales) {
        for (entry, (value, first)) in host_numbers(tensor)?.into_iter().zip(&first).enumerate() {
            // A product of signs is exact, and NaN is neither above nor below 0.
            if !(value.is_finite() && value.signum() * first.signum() > 0.0 && value != 0.0) {
                let first = *first;
                return Err(Error::Mitigation(MitigationError::NoExponential { entry, scale, value, first }));
            }
        }
    }
    Ok(first.into_iter().map(f64::signum).collect())
}
