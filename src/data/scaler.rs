//! One scale for all features.

use crate::error::{Error, Result};
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
pub struct Scaler {
    /// `[features]`: what is taken off.
    pub offset: Tensor,
    /// `[features]`: what the rest is divided by.
    pub unit: Tensor,
}

impl Scaler {
    /// To mean 0 and standard deviation 1 of each feature of `x`, `[samples, features]`; a feature that does not vary is only moved.
    ///
    /// # Errors
    /// No samples, or samples that are no rows or not finite.
    pub fn standard(x: &Tensor) -> Result<Self> {
        Self::by_feature(x, |values| {
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
        Self::by_feature(x, |values| {
            let (least, most) = values.iter().fold((f64::MAX, f64::MIN), |(a, b), &v| (a.min(v), b.max(v)));
            let unit = (most - least) / width;
            (least - low * if unit > 0.0 { unit } else { 1.0 }, unit)
        })
    }

    /// The same unit for all features, such as 16 for the pixels of handwritten digits.
    ///
    /// # Errors
    /// A unit that is 0 or not finite.
    pub fn uniform(features: usize, unit: f64) -> Result<Self> {
        if !unit.is_finite() || unit == 0.0 {
            return Err(Error::Setting { of: "a scaler", setting: "unit", value: unit, allowed: "finite and not 0" });
        }
        let offset = Tensor::zeros(features, DType::F32, &Device::Cpu)?;
        Ok(Self { unit: offset.affine(1.0, unit)?, offset })
    }

    /// Offset and unit of each feature, from its values; a unit of 0 becomes 1.
    fn by_feature(x: &Tensor, of: impl Fn(&[f64]) -> (f64, f64)) -> Result<Self> {
        let (samples, features) = x.dims2()?;
        if samples == 0 {
            return Err(Error::Setting { of: "a scaler", setting: "samples", value: 0.0, allowed: "at least 1" });
        }
        let columns: Vec<f64> =
            x.t()?.to_dtype(DType::F64)?.to_device(&Device::Cpu)?.contiguous()?.flatten_all()?.to_vec1()?;
        let (mut offset, mut unit) = (Vec::with_capacity(features), Vec::with_capacity(features));
        for values in columns.chunks_exact(samples) {
            if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
                return Err(Error::Setting { of: "a scaler", setting: "a feature", value, allowed: "finite" });
            }
            let (zero, one) = of(values);
            offset.push(zero);
            unit.push(if one > 0.0 { one } else { 1.0 });
        }
        let tensor = |values: Vec<f64>| Tensor::from_vec(values, features, &Device::Cpu)?.to_dtype(x.dtype());
        Ok(Self { offset: tensor(offset)?.to_device(x.device())?, unit: tensor(unit)?.to_device(x.device())? })
    }

    /// Scaled samples, `[.., features]`.
    ///
    /// # Errors
    /// Another number of features; candle's own, for another dtype or device.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        self.fits(x)?;
        Ok(x.broadcast_sub(&self.offset)?.broadcast_div(&self.unit)?)
    }

    /// Samples as they were before they were scaled.
    ///
    /// # Errors
    /// As for [`apply`](Self::apply).
    pub fn invert(&self, x: &Tensor) -> Result<Tensor> {
        self.fits(x)?;
        Ok(x.broadcast_mul(&self.unit)?.broadcast_add(&self.offset)?)
    }

    fn fits(&self, x: &Tensor) -> Result<()> {
        let (expected, actual) = (self.offset.elem_count(), x.shape());
        match x.dims().last() {
            Some(&features) if features == expected => Ok(()),
            _ => Err(Error::Shape {
                what: "a feature vector to scale",
                expected: expected.into(),
                actual: actual.clone(),
            }),
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
