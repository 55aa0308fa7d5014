//! Dense unitaries as they are given: with the digits of an `f32`, of a table, or all of them.

use crate::error::Mistake;
use crate::limits::MAX_MATRIX_QUBITS;
use num_complex::Complex64;
use std::sync::Arc;

/// How far each entry of a given matrix may be from that of a unitary one: an `f32` is off by up to 6e-8, seven digits by 5e-8.
const ENTRY_TOLERANCE: f64 = 1e-6;

/// Below this `|U†U - 1|` is rounding of `f64` times the size.
const ROUNDING: f64 = 1e-15;

/// Steps of the iteration, each of which squares the deviation: from 1e-5 two are enough.
const STEPS: usize = 4;

/// The unitary matrix nearest to a given one, row by row: the unitary factor of its polar decomposition. What is too far from unitary, or
/// no square matrix of 1 to 6 qubits, stays as it is, for [`check_unitary`] to refuse.
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
        // Newton and Schulz: U (3 - U†U) / 2.
        let halves: Vec<Complex64> = (0..size * size)
            .map(|at| 0.5 * (if at % (size + 1) == 0 { 3.0 } else { 0.0 } - gram(&unitary, size, at / size, at % size)))
            .collect();
        let entry = |at: usize| (0..size).map(|k| unitary[at / size * size + k] * halves[k * size + at % size]).sum();
        unitary = (0..size * size).map(entry).collect();
    }
    unitary.into()
}

/// Refuses what is not a unitary matrix of that size within the tolerance.
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

/// What `|U†U - 1|` may be: rows of a unitary matrix have norm 1, so that errors ε of its entries make at most `2 ε √size` of it.
fn allowed(size: usize) -> f64 {
    2.0 * ENTRY_TOLERANCE * (size as f64).sqrt()
}

/// An entry of `U†U`.
fn gram(matrix: &[Complex64], size: usize, a: usize, b: usize) -> Complex64 {
    (0..size).map(|row| matrix[row * size + a].conj() * matrix[row * size + b]).sum()
}

/// The largest entry of `|U†U - 1|`.
fn deviation(matrix: &[Complex64], size: usize) -> f64 {
    let entries = (0..size).flat_map(|a| (0..=a).map(move |b| (a, b)));
    entries.fold(0.0, |worst: f64, (a, b)| {
        let deviation = (gram(matrix, size, a, b) - f64::from(u8::from(a == b))).norm();
        // Entries so large that their products overflow give NaN, which is as far from unitary as can be.
        worst.max(if deviation.is_nan() { f64::INFINITY } else { deviation })
    })
}
