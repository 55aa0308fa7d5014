//! Rows of outputs and their labels, as numbers on the host.

use crate::error::{DataError, Error, Result, TensorError};
use crate::limits::check_copy;
use candle_core::{DType, Device, Tensor};

/// Returns the numbers of `[rows, columns]`, row by row, and the number of columns; `None` if one is not finite.
pub(super) fn finite_rows(of: &Tensor) -> Result<Option<(Vec<f64>, usize)>> {
    let (rows, width) = rows_of(of)?;
    Ok(rows.iter().all(|value| value.is_finite()).then_some((rows, width)))
}

/// Returns the numbers of `[rows, columns]`, row by row, and the number of columns.
pub(super) fn rows_of(of: &Tensor) -> Result<(Vec<f64>, usize)> {
    let (_, width) = of.dims2()?;
    check_copy("the outputs", of, DType::F64)?;
    let rows = of.to_dtype(DType::F64)?.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f64>()?;
    Ok((rows, width))
}

/// Returns labels `[samples]` of integers, each below the number of classes.
pub(super) fn labels_of(labels: &Tensor, classes: usize) -> Result<Vec<u32>> {
    if !labels.dtype().is_int() {
        let (what, dtype) = ("the tensor of labels".to_owned(), labels.dtype());
        return Err(Error::Tensor(TensorError::UnsupportedDType { what, dtype }));
    }
    check_copy("the labels", labels, DType::I64)?;
    let numbers = labels.to_dtype(DType::I64)?.to_device(&Device::Cpu)?.to_vec1::<i64>()?;
    let label = |(sample, number): (usize, i64)| {
        let label = u32::try_from(number).ok().filter(|&label| (label as usize) < classes);
        label.ok_or(Error::Data(DataError::Label { sample, classes }))
    };
    numbers.into_iter().enumerate().map(label).collect()
}

/// Returns the index of the largest number of each row, the first of equal ones.
pub(super) fn largest(rows: &[f64], width: usize) -> Vec<u32> {
    let of = |row: &[f64]| {
        row.iter().zip(0..).fold((f64::NEG_INFINITY, 0), |best, (&v, k)| if v > best.0 { (v, k) } else { best }).1
    };
    rows.chunks_exact(width.max(1)).map(of).collect()
}
