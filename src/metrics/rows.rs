//! Rows of outputs, as numbers on the host.

use crate::error::{Error, Result, TensorError};
use crate::numbers::host_numbers;
use candle_core::Tensor;

/// Returns the numbers of `[rows, columns]`, row by row, and the number of columns; `None` if one is not finite.
pub(super) fn finite_rows(of: &Tensor) -> Result<Option<(Vec<f64>, usize)>> {
    let (rows, width) = rows_of(of)?;
    Ok(rows.iter().all(|value| value.is_finite()).then_some((rows, width)))
}

/// Returns the numbers of `[rows, columns]`, row by row, and the number of columns; an error for the first output that
/// is not finite.
pub(super) fn checked_rows(of: &Tensor) -> Result<(Vec<f64>, usize)> {
    let (rows, width) = rows_of(of)?;
    match rows.iter().position(|output| !output.is_finite()) {
        None => Ok((rows, width)),
        Some(at) => {
            let (sample, output, value) = (at / width, at % width, rows[at]);
            Err(Error::Tensor(TensorError::OutputNotFinite { sample, output, value }))
        }
    }
}

/// Returns the numbers of `[rows, columns]`, row by row, and the number of columns.
pub(super) fn rows_of(of: &Tensor) -> Result<(Vec<f64>, usize)> {
    let (_, width) = of.dims2()?;
    Ok((host_numbers(of)?, width))
}

/// Returns the index of the largest number of each row, the first of equal ones.
pub(super) fn largest(rows: &[f64], width: usize) -> Vec<u32> {
    let of = |row: &[f64]| {
        row.iter().zip(0..).fold((f64::NEG_INFINITY, 0), |best, (&v, k)| if v > best.0 { (v, k) } else { best }).1
    };
    rows.chunks_exact(width.max(1)).map(of).collect()
}
