//! Numbers in the place of missing ones.

use super::features::{check_features, check_float, narrowed, saved_tensor};
use super::{Features, Scaler};
use crate::error::{DataError, Error, Result};
use crate::memory::check_numbers;
use crate::numbers::host_numbers;
use candle_core::{DType, Device, Module, Tensor};
use std::collections::HashMap;

/// Numbers that stand in for NaN, feature by feature; a candle [`Module`].
///
/// Make it from the training set, and fill the other sets with the same numbers. It comes in front of a [`Scaler`],
/// which takes no NaN.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::data::Imputer;
/// let nan = f32::NAN;
/// let x = Tensor::new(&[[1f32, nan], [nan, 2.0], [5.0, 4.0], [6.0, 6.0]], &Device::Cpu)?;
/// let imputer = Imputer::median(&x)?;
/// assert_eq!(
///     imputer.apply(&x)?.to_vec2::<f32>()?,
///     [[1.0, 4.0], [5.0, 2.0], [5.0, 4.0], [6.0, 6.0]]
/// );
/// assert_eq!(Imputer::mean(&x)?.fill().to_vec1::<f32>()?, [4.0, 4.0]);
/// # Ok::<(), candlewick::Error>(())
/// ```
///
/// [`Module`]: https://docs.rs/candle-core/latest/candle_core/trait.Module.html
#[derive(Debug, Clone)]
pub struct Imputer {
    /// Number for each feature, `[features]`.
    fill: Tensor,
}

/// Name of the tensor in which the numbers are saved.
const FILL: &str = "fill";

impl Imputer {
    /// Makes an imputer of existing numbers `[features]`, of a floating-point dtype.
    ///
    /// # Errors
    /// Another shape or dtype; a number that is not finite.
    pub fn new(fill: Tensor) -> Result<Self> {
        // A scaler's offset has the same shape and dtypes.
        Scaler::new(fill.clone(), fill.clone())?;
        check_numbers("the numbers of an imputer", (fill.elem_count() as u64).checked_mul(2))?;
        let numbers = fill.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        match numbers.iter().find(|number| !number.is_finite()) {
            None => Ok(Self { fill }),
            Some(&value) => Err(setting("number", value)),
        }
    }

    /// Makes an imputer with the median of each feature's numbers: of an even count, the mean of the two in the middle.
    ///
    /// # Errors
    /// No samples, or samples that are no rows; a feature that is NaN in every sample, or infinite in one.
    pub fn median<'a>(x: impl Into<Features<'a>>) -> Result<Self> {
        Self::by_feature(x.into(), |mut numbers| {
            numbers.sort_by(f64::total_cmp);
            let middle = numbers.len() / 2;
            match numbers.len() % 2 {
                1 => numbers[middle],
                _ => numbers[middle - 1].midpoint(numbers[middle]),
            }
        })
    }

    /// Makes an imputer with the mean of each feature's numbers.
    ///
    /// # Errors
    /// The errors of [`median`](Self::median).
    pub fn mean<'a>(x: impl Into<Features<'a>>) -> Result<Self> {
        Self::by_feature(x.into(), |numbers| {
            let count = numbers.len() as f64;
            numbers.iter().map(|number| number / count).sum()
        })
    }

    /// Makes an imputer with the most frequent of each feature's numbers, the smallest of equally frequent ones. For
    /// categories there is [`Missing::MostFrequent`](super::Missing::MostFrequent).
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use candlewick::data::Imputer;
    /// let gap = f32::NAN;
    /// let rows = [[2f32, 7.0], [4.0, gap], [4.0, 5.0], [gap, 5.0], [2.0, 7.0]];
    /// let x = Tensor::new(&rows, &Device::Cpu)?;
    /// assert_eq!(Imputer::most_frequent(&x)?.fill().to_vec1::<f32>()?, [2.0, 5.0]);
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`median`](Self::median).
    pub fn most_frequent<'a>(x: impl Into<Features<'a>>) -> Result<Self> {
        Self::by_feature(x.into(), |mut numbers| {
            numbers.sort_by(f64::total_cmp);
            let equal = numbers.chunk_by(|a, b| a == b);
            equal.fold(&numbers[..0], |most, equal| if equal.len() > most.len() { equal } else { most })[0]
        })
    }

    /// Makes an imputer with the same number for all features. For categories there is
    /// [`Missing::Constant`](super::Missing::Constant).
    ///
    /// # Errors
    /// A number that is not finite in F32; samples that are no rows; more features than the memory holds.
    pub fn constant<'a>(x: impl Into<Features<'a>>, number: f64) -> Result<Self> {
        let x = x.into().x;
        let (_, features) = x.dims2()?;
        if !(number as f32).is_finite() {
            return Err(setting("number", number));
        }
        check_float("the tensor of samples", x)?;
        check_numbers("the numbers of an imputer", (features as u64).checked_mul(2))?;
        Self::new(Tensor::zeros(features, x.dtype(), x.device())?.affine(1.0, number)?)
    }

    fn by_feature(x: Features<'_>, number: impl Fn(Vec<f64>) -> f64) -> Result<Self> {
        let (columns, samples) = x.columns("an imputer")?;
        let mut fill = Vec::with_capacity(columns.len() / samples);
        for (feature, values) in columns.chunks_exact(samples).enumerate() {
            if let Some((sample, &value)) = values.iter().enumerate().find(|(_, value)| value.is_infinite()) {
                return Err(x.not_finite(feature, sample, value));
            }
            let numbers: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
            if numbers.is_empty() {
                return Err(Error::Data(DataError::EmptyFeature { feature, name: x.name(feature) }));
            }
            fill.push(number(numbers));
        }
        let features = fill.len();
        Self::new(Tensor::from_vec(fill, features, &Device::Cpu)?.to_dtype(x.x.dtype())?.to_device(x.x.device())?)
    }

    /// Returns the number for each feature, `[features]`.
    pub fn fill(&self) -> &Tensor {
        &self.fill
    }

    /// Returns samples `[.., features]` with numbers in the place of NaN.
    ///
    /// # Errors
    /// Another number of features; samples that are not of a floating-point dtype; a number that is not finite in the
    /// samples' dtype, or becomes 0 there; candle's error for another device.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        check_features("a feature vector to fill", x, self.fill.elem_count())?;
        check_float("the tensor of samples", x)?;
        let fill = narrowed(&self.fill, x.dtype(), |feature, value| {
            let (what, allowed) = ("fill", "finite in the samples' dtype");
            DataError::FeatureNumber { what, feature, name: None, value, allowed }
        })?;
        if x.dtype() != self.fill.dtype() {
            check_zeros(&self.fill, &fill)?;
        }
        let fill = fill.broadcast_as(x.shape())?;
        // NaN alone differs from itself.
        Ok(x.eq(x)?.where_cond(x, &fill)?)
    }

    /// Returns the numbers under the name `fill`, to be saved in a safetensors file.
    pub fn to_tensors(&self) -> HashMap<String, Tensor> {
        HashMap::from([(FILL.to_owned(), self.fill.clone())])
    }

    /// Makes an imputer of saved tensors.
    ///
    /// # Errors
    /// A tensor that is missing; the errors of [`new`](Self::new).
    pub fn from_tensors(tensors: &HashMap<String, Tensor>) -> Result<Self> {
        Self::new(saved_tensor(tensors, FILL, "[features]")?)
    }
}

/// Checks that no number became 0 in another dtype.
fn check_zeros(before: &Tensor, after: &Tensor) -> Result<()> {
    let (before, after) = (host_numbers(before)?, host_numbers(after)?);
    match before.iter().zip(&after).position(|(before, after)| *before != 0.0 && *after == 0.0) {
        None => Ok(()),
        Some(feature) => {
            let (what, name, value, allowed) = ("fill", None, before[feature], "0 only if it is 0 before rounding");
            Err(Error::Data(DataError::FeatureNumber { what, feature, name, value, allowed }))
        }
    }
}

fn setting(setting: &'static str, value: f64) -> Error {
    Error::Setting { of: "an imputer", setting, value, allowed: "finite in the samples' dtype" }
}

impl Module for Imputer {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Ok(self.apply(x)?)
    }
}
