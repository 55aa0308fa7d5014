//! Dense unitaries with the precision of an `f32`, of a printed table, or of an `f64`.

use crate::error::Mistake;
use crate::limits::MAX_MATRIX_QUBITS;
use num_complex::Complex64;
use std::sync::Arc;

/// Largest error of an entry of a given matrix: an `f32` is off by up to 6e-8, seven digits by 5e-8.
const ENTRY_TOLERANCE: f64 = 1e-6;

/// Largest rounding of `|U†U - 1|` in `f64`, to be multiplied by the size.
const ROUNDING: f64 = 1e-15;

/// Steps of the iteration. Each step squares the deviation: from 1e-5, two steps are enough.
const STEPS: usize = 4;

/// Returns the unitary matrix nearest to a given matrix, row by row: the unitary factor of its polar decomposition. A
/// matrix that is too far from unitary, or no square matrix of 1 to 6 qubits, stays as it is; [`check_unitary`] refuses
/// it.
pub(super) fn nearest_unitary(matrix: &[Complex64]) -> Arc<[Complex64]> {
    let size = matrix.len().isqrt();
    let is_square = size * size == matrix.len() && size <= 1 << MAX_MATRIX_QUBITS;
    if !is_square || !matrix.iter().all(|entry| entry.is_finite()) || deviation(matrix, size) > allowed(size) {
        return matrix.into();
    }
    let mut unitary = matrix.to_vec();
    for _ in 0..STEPS {
        if deviation(&unitary, size) <= ROUNDING * size as f64 {
            break;
        }
        // Iteration of Newton and Schulz: U (3 - U†U) / 2.
        let halves: Vec<Complex64> = (0..size * size)
            .map(|at| 0.5 * (if at % (size + 1) == 0 { 3.0 } else { 0.0 } - gram(&unitary, size, at / size, at % size)))
            .collect();
        let entry = |at: usize| (0..size).map(|k| unitary[at / size * size + k] * halves[k * size + at % size]).sum();
        unitary = (0..size * size).map(entry).collect();
    }
    unitary.into()
}

/// Refuses a matrix of another size and a matrix that is not unitary within the tolerance.
pub(super) fn check_unitary(matrix: &[Complex64], size: usize) -> Result<(), Mistake> {
    let (expected, actual) = (size * size, matrix.len());
    if expected != actual {
        return Err(Mistake::MatrixSize { expected, actual });
    }
    if let Some(value) = matrix.iter().flat_map(|entry| [entry.re, entry.im]).find(|number| !number.is_finite()) {
        return Err(Mistake::NotFinite { what: "a matrix entry", value });
    }
    let (deviation, allowed) = (deviation(matrix, size), allowed(size));
    if deviation > allowed { Err(Mistake::NotUnitary { deviation, allowed }) } else { Ok(()) }
}

/// Returns the largest allowed `|U†U - 1|`: rows of a unitary matrix have norm 1, so errors ε of its entries change
/// `U†U` by at most `2 ε √size`.
fn allowed(size: usize) -> f64 {
    2.0 * ENTRY_TOLERANCE * (size as f64).sqrt()
}

/// Returns an entry of `U†U`.
fn gram(matrix: &[Complex64], size: usize, a: usize, b: usize) -> Complex64 {
    (0..size).map(|row| matrix[row * size + a].conj() * matrix[row * size + b]).sum()
}

/// Returns the largest entry of `|U†U - 1|`.
fn deviation(matrix: &[Complex64], size: usize) -> f64 {
    let entries = (0..size).flat_map(|a| (0..=a).map(move |b| (a, b)));
    entries.fold(0.0, |worst: f64, (a, b)| {
        let deviation = (gram(matrix, size, a, b) - f64::from(u8::from(a == b))).norm();
        // Products of very large entries overflow and give NaN; such a matrix counts as infinitely far from unitary.
        worst.max(if deviation.is_nan() { f64::INFINITY } else { deviation })
    })
}
