//! Scaling of features.

use super::Features;
use super::features::{check_features, check_float, narrowed_samples, saved_tensor, working_dtype};
use crate::error::{DataError, Error, Result, TensorError};
use crate::limits::check_copy;
use crate::memory::check_numbers;
use candle_core::{DType, Device, Module, Tensor};
use std::collections::HashMap;

/// Scaling `(x - offset) / scale`, feature by feature; a candle [`Module`].
///
/// Make it from the training set, and scale the test set with the same numbers. A scaler of the test set would leak
/// information that a deployed network does not have.
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
///
/// [`Module`]: https://docs.rs/candle-core/latest/candle_core/trait.Module.html
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Scaler {
    /// Numbers that are subtracted, `[features]`.
    pub offset: Tensor,
    /// Numbers by which the differences are divided, `[features]`.
    pub scale: Tensor,
}

/// Names of saved tensors.
const OFFSET: &str = "offset";
const SCALE: &str = "scale";

impl Scaler {
    /// Makes a scaler of existing numbers, such as numbers of a file: both `[features]`, of one floating-point dtype.
    ///
    /// # Errors
    /// Other shapes or dtypes.
    pub fn new(offset: Tensor, scale: Tensor) -> Result<Self> {
        let features = offset.elem_count();
        for (what, tensor) in [("the offset of a scaler", &offset), ("the scale of a scaler", &scale)] {
            if tensor.dims() != [features] {
                return Err(Error::Tensor(TensorError::Shape {
                    what,
                    expected: features.into(),
                    actual: tensor.shape().clone(),
                }));
            }
            check_float(what, tensor)?;
        }
        if scale.dtype() != offset.dtype() {
            let what = "the scale of a scaler".to_owned();
            return Err(Error::Tensor(TensorError::DTypeMismatch {
                what,
                expected: offset.dtype(),
                actual: scale.dtype(),
            }));
        }
        Ok(Self { offset, scale })
    }

    /// Makes a scaler that scales each feature of `x`, `[samples, features]`, to mean 0 and standard deviation 1. A
    /// feature that does not vary is only moved.
    ///
    /// # Errors
    /// No samples, or samples that are no rows or not finite; a feature whose numbers have no scale in their dtype.
    pub fn standard<'a>(x: impl Into<Features<'a>>) -> Result<Self> {
        Self::by_feature(x.into(), |values, _, _| {
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            (mean, variance.sqrt())
        })
    }

    /// Makes a scaler that maps the range of each feature of `x`, `[samples, features]`, to `[low, high]`. A feature
    /// that does not vary becomes `low`.
    ///
    /// # Errors
    /// No samples, or samples that are no rows or not finite; `low` not below `high`, or either not finite.
    pub fn range<'a>(x: impl Into<Features<'a>>, low: f64, high: f64) -> Result<Self> {
        let width = high - low;
        if !(width.is_finite() && width > 0.0) {
            return Err(Error::Setting {
                of: "a scaler",
                setting: "width",
                value: width,
                allowed: "finite and above 0",
            });
        }
        Self::by_feature(x.into(), |_, least, most| {
            let scale = if most > least { (most - least) / width } else { 1.0 };
            (least - low * scale, scale)
        })
    }

    /// Makes a scaler with offset 0 and the same scale for all features, such as 16 for the pixels of handwritten
    /// digits.
    ///
    /// # Errors
    /// A scale that is 0, subnormal or not finite in F32; more features than the memory holds.
    pub fn uniform(features: usize, scale: f64) -> Result<Self> {
        if !(scale as f32).is_normal() {
            return Err(Error::Setting {
                of: "a scaler",
                setting: "scale",
                value: scale,
                allowed: "a normal number in F32",
            });
        }
        check_numbers("the scales", u64::try_from(features).ok())?;
        let offset = Tensor::zeros(features, DType::F32, &Device::Cpu)?;
        Ok(Self { scale: offset.affine(1.0, scale)?, offset })
    }

    /// Computes offset and scale of each feature from its values, their minimum and their maximum. A feature that does
    /// not vary has a scale of 1.
    fn by_feature(x: Features<'_>, of: impl Fn(&[f64], f64, f64) -> (f64, f64)) -> Result<Self> {
        let (columns, samples) = x.columns("a scaler")?;
        let features = columns.len() / samples;
        let (mut offset, mut scale) = (Vec::with_capacity(features), Vec::with_capacity(features));
        for (feature, values) in columns.chunks_exact(samples).enumerate() {
            if let Some((sample, &value)) = values.iter().enumerate().find(|(_, value)| !value.is_finite()) {
                return Err(x.not_finite(feature, sample, value));
            }
            let (least, most) = values.iter().fold((f64::MAX, f64::MIN), |(a, b), &v| (a.min(v), b.max(v)));
            // The mean of many equal values is rounded and may differ from the value.
            let is_constant = least == most;
            let (zero, one) = of(if is_constant { &values[..1] } else { values }, least, most);
            offset.push(zero);
            scale.push(if is_constant { 1.0 } else { one });
        }
        let samples = x.x;
        let tensor = |values: Vec<f64>| Tensor::from_vec(values, features, &Device::Cpu)?.to_dtype(samples.dtype());
        let (offset, scale) = (tensor(offset)?, tensor(scale)?);
        // Both as the samples' dtype has them.
        for (what, numbers, least) in [("scale", &scale, 0.0), ("offset", &offset, f64::NEG_INFINITY)] {
            let numbers = numbers.to_dtype(DType::F64)?.to_vec1::<f64>()?;
            let is_bad = |value: &f64| !(value.is_finite() && *value > least);
            if let Some((feature, &value)) = numbers.iter().enumerate().find(|(_, value)| is_bad(value)) {
                let name = x.name(feature);
                let allowed = if what == "scale" {
                    "finite and above 0 in the samples' dtype"
                } else {
                    "finite in the samples' dtype"
                };
                return Err(Error::Data(DataError::FeatureNumber { what, feature, name, value, allowed }));
            }
        }
        let x = samples;
        Ok(Self { offset: offset.to_device(x.device())?, scale: scale.to_device(x.device())? })
    }

    /// Returns scaled samples, `[.., features]`, in the samples' dtype. They are computed in F64 if the scaler or the
    /// samples are of F64, otherwise in F32.
    ///
    /// # Errors
    /// Another number of features; samples that are not of a floating-point dtype; a result that is not finite in the
    /// samples' dtype; candle's error for another device.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        self.computed("scaled number", x, |x, offset, scale| x.broadcast_sub(offset)?.broadcast_div(scale))
    }

    /// Returns samples as they were before scaling.
    ///
    /// # Errors
    /// The errors of [`apply`](Self::apply).
    pub fn invert(&self, x: &Tensor) -> Result<Tensor> {
        self.computed("unscaled number", x, |x, offset, scale| x.broadcast_mul(scale)?.broadcast_add(offset))
    }

    /// Computes something of samples, offset and scale.
    fn computed(
        &self,
        what: &'static str,
        x: &Tensor,
        of: impl Fn(&Tensor, &Tensor, &Tensor) -> candle_core::Result<Tensor>,
    ) -> Result<Tensor> {
        check_features("a feature vector to scale", x, self.offset.elem_count())?;
        check_float("the tensor of samples", x)?;
        let dtype = working_dtype(x, &self.offset);
        check_copy("the samples", x, dtype)?;
        let [wide, offset, scale] = [x, &self.offset, &self.scale].map(|tensor| tensor.to_dtype(dtype));
        narrowed_samples(what, &of(&wide?, &offset?, &scale?)?, x.dtype())
    }

    /// Returns the numbers under the names `offset` and `scale`, to be saved in a safetensors file.
    pub fn to_tensors(&self) -> HashMap<String, Tensor> {
        HashMap::from([(OFFSET.to_owned(), self.offset.clone()), (SCALE.to_owned(), self.scale.clone())])
    }

    /// Makes a scaler of saved tensors.
    ///
    /// # Errors
    /// A tensor that is missing; the errors of [`new`](Self::new).
    pub fn from_tensors(tensors: &HashMap<String, Tensor>) -> Result<Self> {
        let get = |name| saved_tensor(tensors, name, "[features]");
        Self::new(get(OFFSET)?, get(SCALE)?)
    }

    /// Copies the scaler to another device.
    ///
    /// # Errors
    /// candle's errors.
    pub fn to_device(&self, device: &Device) -> Result<Self> {
        Ok(Self { offset: self.offset.to_device(device)?, scale: self.scale.to_device(device)? })
    }
}

impl Module for Scaler {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Ok(self.apply(x)?)
    }
}
