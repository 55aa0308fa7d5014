//! Rows of features, with names if they have some.

use super::Dataset;
use crate::error::{DataError, Error, Result, TensorError};
use crate::limits::check_copy;
use crate::memory::check_numbers;
use crate::numbers::host_numbers;
use candle_core::{DType, Device, Tensor};
use std::collections::HashMap;

/// Samples `[samples, features]`, from a tensor or from a [`Dataset`], whose names of features are then in errors.
#[derive(Debug, Clone, Copy)]
pub struct Features<'a> {
    pub(super) x: &'a Tensor,
    names: &'a [String],
}

impl<'a> From<&'a Tensor> for Features<'a> {
    fn from(x: &'a Tensor) -> Self {
        Self { x, names: &[] }
    }
}

impl<'a> From<&'a Dataset> for Features<'a> {
    fn from(set: &'a Dataset) -> Self {
        Self { x: &set.x, names: &set.features }
    }
}

impl Features<'_> {
    /// Returns the name of a feature, if it has one.
    pub(super) fn name(&self, feature: usize) -> Option<String> {
        self.names.get(feature).cloned()
    }

    /// Returns the error of a number that is not finite.
    pub(crate) fn not_finite(&self, feature: usize, sample: usize, value: f64) -> Error {
        Error::Tensor(TensorError::FeatureNotFinite { feature, name: self.name(feature), sample, value })
    }

    /// Returns the numbers feature by feature, and the number of samples, which is at least 1. `of` is whatever needs
    /// them.
    pub(super) fn columns(&self, of: &'static str) -> Result<(Vec<f64>, usize)> {
        let (samples, _) = self.x.dims2()?;
        if samples == 0 {
            return Err(Error::Setting { of, setting: "samples", value: 0.0, allowed: "at least 1" });
        }
        // Counts the samples twice: feature by feature, and as a list.
        check_copy("the samples", &self.x.t()?, DType::F64)?;
        let columns = self.x.t()?.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.contiguous()?;
        Ok((columns.flatten_all()?.to_vec1()?, samples))
    }
}

/// Checks that a tensor is of a floating-point dtype.
pub(super) fn check_float(what: &str, tensor: &Tensor) -> Result<()> {
    match tensor.dtype() {
        dtype if dtype.is_float() => Ok(()),
        dtype => Err(Error::Tensor(TensorError::UnsupportedDType { what: what.to_owned(), dtype })),
    }
}

/// Returns the dtype in which numbers are computed of two tensors: F64 if one of them is, otherwise F32.
pub(super) fn working_dtype(a: &Tensor, b: &Tensor) -> DType {
    if [a.dtype(), b.dtype()].contains(&DType::F64) { DType::F64 } else { DType::F32 }
}

/// Returns samples `[.., features]` in a dtype that may be narrower. A finite number that is not finite there is an
/// error, `what` it is.
pub(crate) fn narrowed_samples(what: &'static str, wide: &Tensor, dtype: DType) -> Result<Tensor> {
    narrowed(wide, dtype, |at, value| {
        let width = wide.dims().last().copied().unwrap_or(1);
        DataError::SampleNumber { what, feature: at % width, sample: at / width, value, dtype }
    })
}

/// Returns numbers in a dtype that may be narrower, or the error of the first finite number that is not finite there.
pub(super) fn narrowed(wide: &Tensor, dtype: DType, error: impl Fn(usize, f64) -> DataError) -> Result<Tensor> {
    let narrow = wide.to_dtype(dtype)?;
    if dtype == wide.dtype() || dtype.size_in_bytes() > wide.dtype().size_in_bytes() {
        return Ok(narrow);
    }
    check_numbers("the samples", (wide.elem_count() as u64).checked_mul(4))?;
    let (before, after) = (host_numbers(wide)?, host_numbers(&narrow)?);
    match before.iter().zip(&after).position(|(before, after)| before.is_finite() && !after.is_finite()) {
        None => Ok(narrow),
        Some(at) => Err(error(at, before[at]).into()),
    }
}

/// Checks that samples have a number of features.
pub(super) fn check_features(what: &'static str, x: &Tensor, expected: usize) -> Result<()> {
    match x.dims().last() {
        Some(&features) if features == expected => check_copy("the samples", x, x.dtype()),
        _ => {
            let (expected, actual) = (expected.into(), x.shape().clone());
            Err(Error::Tensor(TensorError::Shape { what, expected, actual }))
        }
    }
}

/// Returns a saved tensor by its name.
pub(super) fn saved_tensor(tensors: &HashMap<String, Tensor>, name: &str, expected: &str) -> Result<Tensor> {
    tensors.get(name).cloned().ok_or_else(|| {
        Error::Data(DataError::Saved {
            name: name.to_owned(),
            expected: expected.to_owned(),
            actual: "missing".to_owned(),
        })
    })
}
