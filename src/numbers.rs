//! Numbers of tensors, on the host.

use crate::error::{DataError, Error, Result, TensorError};
use crate::limits::{check_copy, checked_product};
use crate::memory::check_numbers;
use candle_core::{DType, Device, Tensor};

/// Returns the numbers of a tensor, row by row. They come to the host first: not every device has F64.
///
/// # Errors
/// More numbers than the memory holds as a tensor in F64, if it is of another dtype, and as a list.
pub(crate) fn host_numbers(tensor: &Tensor) -> Result<Vec<f64>> {
    let what = "the numbers of a tensor";
    let entries = checked_product(what, tensor.dims())? as u64;
    check_numbers(what, entries.checked_mul(if tensor.dtype() == DType::F64 { 1 } else { 2 }))?;
    Ok(tensor.detach().to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}

/// Returns the number of a tensor of one entry.
pub(crate) fn host_number(tensor: &Tensor) -> Result<f64> {
    Ok(tensor.detach().to_device(&Device::Cpu)?.to_dtype(DType::F64)?.sum_all()?.to_scalar()?)
}

/// Returns row, column and value of the first number that is not finite, in rows of `width` numbers.
pub(crate) fn first_not_finite(tensor: &Tensor, width: usize) -> Result<Option<(usize, usize, f64)>> {
    if tensor.dtype().is_int() {
        return Ok(None);
    }
    let numbers = host_numbers(tensor)?;
    let place = numbers.iter().position(|number| !number.is_finite());
    Ok(place.map(|place| (place / width.max(1), place % width.max(1), numbers[place])))
}

/// Returns the error of the first of some inputs `[.., features]` that is not finite.
pub(crate) fn feature_not_finite(inputs: &Tensor) -> Result<Option<Error>> {
    let width = inputs.dims().last().copied().unwrap_or(1);
    let found = first_not_finite(inputs, width)?;
    Ok(found
        .map(|(sample, feature, value)| TensorError::FeatureNotFinite { feature, name: None, sample, value }.into()))
}

/// Returns labels `[samples]` of integers, each below the number of classes.
pub(crate) fn host_labels(labels: &Tensor, classes: usize) -> Result<Vec<u32>> {
    if !labels.dtype().is_int() {
        let (what, dtype) = ("the tensor of labels".to_owned(), labels.dtype());
        return Err(Error::Tensor(TensorError::UnsupportedDType { what, dtype }));
    }
    if labels.rank() != 1 {
        let (expected, actual) = (labels.elem_count().into(), labels.shape().clone());
        return Err(Error::Tensor(TensorError::Shape { what: "the labels", expected, actual }));
    }
    check_copy("the labels", labels, DType::I64)?;
    let numbers = labels.to_device(&Device::Cpu)?.to_dtype(DType::I64)?.to_vec1::<i64>()?;
    let label = |(sample, number): (usize, i64)| {
        let label = u32::try_from(number).ok().filter(|&label| (label as usize) < classes);
        label.ok_or(Error::Data(DataError::Label { sample, classes }))
    };
    numbers.into_iter().enumerate().map(label).collect()
}
