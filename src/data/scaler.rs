//! One scale for all features.

use crate::error::{Error, Result, TensorError};
use crate::limits::check_copy;
use crate::memory::check_numbers;
use candle_core::{DType, Device, Module, Tensor};

/// `(x - offset) / unit`, feature by feature; a candle [`Module`].
///
/// Make it from the training set and put the test set through the same numbers: its own would leak what a deployed network cannot know.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::data::Scaler;
/// let x = Tensor::new(&[[0f32, 5.0], [2.0, 5.0]], &Device::Cpu)?;
/// let scaler = Scaler::standard(&x)?;
/// assert_eq!(scaler.apply(&x)?.to_vec2::<f32>()?, [[-1.0, 0.0], [1.0, 0.0]]);
/// assert_eq!(scaler.invert(&scaler.apply(&x)?)?.to_vec2::<f32>()?, x.to_vec2::<f32>()?);
/// # Ok::<(), candlewick::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Scaler {
    /// `[features]`: what is taken off.
    pub offset: Tensor,
    /// `[features]`: what the rest is divided by.
    pub unit: Tensor,
}

impl Scaler {
    /// A scaler of numbers that are there already, such as those of a file: both `[features]`, of one floating-point dtype.
    ///
    /// # Errors
    /// Other shapes or dtypes.
    pub fn new(offset: Tensor, unit: Tensor) -> Result<Self> {
        let features = offset.elem_count();
        for (what, tensor) in [("the offset of a scaler", &offset), ("the unit of a scaler", &unit)] {
            if tensor.dims() != [features] {
                return Err(Error::Tensor(TensorError::Shape {
                    what,
                    expected: features.into(),
                    actual: tensor.shape().clone(),
                }));
            }
            if !tensor.dtype().is_float() {
                return Err(Error::Tensor(TensorError::UnsupportedDType {
                    what: what.to_owned(),
                    dtype: tensor.dtype(),
                }));
            }
        }
        if unit.dtype() != offset.dtype() {
            let what = "the unit of a scaler".to_owned();
            return Err(Error::Tensor(TensorError::DTypeMismatch {
                what,
                expected: offset.dtype(),
                actual: unit.dtype(),
            }));
        }
        Ok(Self { offset, unit })
    }

    /// To mean 0 and standard deviation 1 of each feature of `x`, `[samples, features]`; a feature that does not vary is only moved.
    ///
    /// # Errors
    /// No samples, or samples that are no rows or not finite.
    pub fn standard(x: &Tensor) -> Result<Self> {
        Self::by_feature(x, |values, _, _| {
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            (mean, variance.sqrt())
        })
    }

    /// The range of each feature of `x`, `[samples, features]`, to `[low, high]`; a feature that does not vary goes to `low`.
    ///
    /// # Errors
    /// No samples, or samples that are no rows or not finite; `low` not below `high`, or one of them not finite.
    pub fn range(x: &Tensor, low: f64, high: f64) -> Result<Self> {
        let width = high - low;
        if !(width.is_finite() && width > 0.0) {
            return Err(Error::Setting {
                of: "a scaler",
                setting: "width",
                value: width,
                allowed: "finite and above 0",
            });
        }
        Self::by_feature(x, |_, least, most| {
            let unit = if most > least { (most - least) / width } else { 1.0 };
            (least - low * unit, unit)
        })
    }

    /// The same unit for all features, such as 16 for the pixels of handwritten digits.
    ///
    /// # Errors
    /// A unit that is 0, subnormal or not finite in F32; more features than the memory holds.
    pub fn uniform(features: usize, unit: f64) -> Result<Self> {
        if !(unit as f32).is_normal() {
            return Err(Error::Setting {
                of: "a scaler",
                setting: "unit",
                value: unit,
                allowed: "a normal number in F32",
            });
        }
        check_numbers("the units", u64::try_from(features).ok())?;
        let offset = Tensor::zeros(features, DType::F32, &Device::Cpu)?;
        Ok(Self { unit: offset.affine(1.0, unit)?, offset })
    }

    /// Offset and unit of each feature, from its values with the least and the largest of them; a feature that does not vary has a unit of 1.
    fn by_feature(x: &Tensor, of: impl Fn(&[f64], f64, f64) -> (f64, f64)) -> Result<Self> {
        let (samples, features) = x.dims2()?;
        let setting = |setting, value, allowed| Error::Setting { of: "a scaler", setting, value, allowed };
        if samples == 0 {
            return Err(setting("samples", 0.0, "at least 1"));
        }
        // Feature by feature, and as a list.
        check_copy("the samples", &x.t()?, DType::F64)?;
        let columns: Vec<f64> =
            x.t()?.to_dtype(DType::F64)?.to_device(&Device::Cpu)?.contiguous()?.flatten_all()?.to_vec1()?;
        let (mut offset, mut unit) = (Vec::with_capacity(features), Vec::with_capacity(features));
        for (feature, values) in columns.chunks_exact(samples).enumerate() {
            if let Some((sample, &value)) = values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
                return Err(Error::Tensor(TensorError::FeatureNotFinite { feature, sample, value }));
            }
            let (least, most) = values.iter().fold((f64::MAX, f64::MIN), |(a, b), &v| (a.min(v), b.max(v)));
            // The mean of many equal values is rounded, and so is none of them.
            let is_constant = least == most;
            let (zero, one) = of(if is_constant { &values[..1] } else { values }, least, most);
            offset.push(zero);
            unit.push(if is_constant { 1.0 } else { one });
        }
        let tensor = |values: Vec<f64>| Tensor::from_vec(values, features, &Device::Cpu)?.to_dtype(x.dtype());
        let (offset, unit) = (tensor(offset)?, tensor(unit)?);
        let rounded = |tensor: &Tensor| tensor.to_dtype(DType::F64)?.to_vec1::<f64>();
        if let Some(value) = rounded(&unit)?.into_iter().find(|unit| !(unit.is_finite() && *unit > 0.0)) {
            return Err(setting("a unit", value, "finite and above 0 in the samples' dtype"));
        }
        if let Some(value) = rounded(&offset)?.into_iter().find(|offset| !offset.is_finite()) {
            return Err(setting("an offset", value, "finite in the samples' dtype"));
        }
        Ok(Self { offset: offset.to_device(x.device())?, unit: unit.to_device(x.device())? })
    }

    /// Scaled samples, `[.., features]`.
    ///
    /// # Errors
    /// Another number of features; candle's own, for another device.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let [offset, unit] = self.for_samples(x)?;
        Ok(x.broadcast_sub(&offset)?.broadcast_div(&unit)?)
    }

    /// Samples as they were before they were scaled.
    ///
    /// # Errors
    /// As for [`apply`](Self::apply).
    pub fn invert(&self, x: &Tensor) -> Result<Tensor> {
        let [offset, unit] = self.for_samples(x)?;
        Ok(x.broadcast_mul(&unit)?.broadcast_add(&offset)?)
    }

    /// Offset and unit in the dtype of samples, if these have as many features.
    fn for_samples(&self, x: &Tensor) -> Result<[Tensor; 2]> {
        let (expected, actual) = (self.offset.elem_count(), x.shape());
        match x.dims().last() {
            Some(&features) if features == expected => {
                check_copy("the samples", x, x.dtype())?;
                Ok([self.offset.to_dtype(x.dtype())?, self.unit.to_dtype(x.dtype())?])
            }
            _ => Err(Error::Tensor(TensorError::Shape {
                what: "a feature vector to scale",
                expected: expected.into(),
                actual: actual.clone(),
            })),
        }
    }

    /// The same on another device.
    ///
    /// # Errors
    /// Candle's own.
    pub fn to_device(&self, device: &Device) -> Result<Self> {
        Ok(Self { offset: self.offset.to_device(device)?, unit: self.unit.to_device(device)? })
    }
}

impl Module for Scaler {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Ok(self.apply(x)?)
    }
}
