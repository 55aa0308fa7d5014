//! Hermitian matrices: their checks, their constants, and their Pauli words.

use super::word::{PauliWord, above_rounding};
use crate::error::Mistake;
use crate::gf2;
use crate::limits::MAX_QUBITS;
use crate::mask::{Mask, Wide};
use num_complex::Complex64;
use std::sync::Arc;

/// Largest number of qubits of a matrix that is given as one: it has 4^10 entries, and as many Pauli words.
pub(super) const MAX_DENSE_QUBITS: usize = 10;

/// Largest distance of an observable from Hermitian, relative to its largest entry: an entry from an `f32` is off by up
/// to 6e-8.
pub(super) const HERMITIAN_TOLERANCE: f64 = 1e-6;

/// Returns the constant to subtract from an operator whose eigenvalues lie between these bounds. It is the middle of
/// the bounds, or the number nearest to it with which no eigenvalue becomes larger in size. A state then loses no
/// digits by the subtraction.
pub(super) fn constant(lowest: f64, highest: f64) -> f64 {
    let middle = 0.5 * lowest + 0.5 * highest;
    if lowest > 0.0 {
        middle.min(2.0 * lowest)
    } else if highest < 0.0 {
        middle.max(2.0 * highest)
    } else {
        0.0
    }
}

/// Returns `(A + A†) / 2`. Entries are halved first, because sums of large entries must not overflow.
pub(super) fn hermitian_part(matrix: &[Complex64]) -> Vec<Complex64> {
    let adjoint = crate::linalg::adjoint_matrix(matrix);
    matrix.iter().zip(adjoint.iter()).map(|(a, b)| 0.5 * a + 0.5 * b).collect()
}

/// Returns a Hermitian matrix without its constant, and the constant, from Gershgorin's bounds of its eigenvalues.
pub(super) fn without_constant(matrix: &[Complex64]) -> (Arc<[Complex64]>, f64) {
    let size = matrix.len().isqrt();
    let bounds = matrix.chunks(size.max(1)).enumerate().map(|(k, row)| {
        let radius = row.iter().map(|entry| entry.norm()).sum::<f64>() - row[k].norm();
        (row[k].re - radius, row[k].re + radius)
    });
    let (lowest, highest) = bounds.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (lowest, highest)| {
        (low.min(lowest), high.max(highest))
    });
    let shift = constant(lowest, highest);
    let mut entries = matrix.to_vec();
    entries.iter_mut().step_by(size + 1).for_each(|entry| *entry -= shift);
    (entries.into(), shift)
}

/// Returns the Pauli words whose sum is a matrix of any kind, each with its coefficient: one Walsh-Hadamard transform
/// for each x-mask, which is `n 4^n` additions on `n` qubits.
pub(super) fn words(entries: &[Complex64], qubits: &[usize]) -> Vec<(PauliWord, Complex64)> {
    let size = 1usize << qubits.len();
    let mut words = Vec::with_capacity(entries.len());
    for x in 0..size {
        // The entries that the words with this x-mask share: row `column ^ x` of each column.
        let transformed = |part: fn(&Complex64) -> f64| {
            let shared = (0..size).map(|column| part(&entries[(column ^ x) * size + column]) / size as f64);
            let mut series: Vec<f64> = shared.collect();
            gf2::walsh_hadamard(&mut series);
            series
        };
        let (re, im) = (transformed(|entry| entry.re), transformed(|entry| entry.im));
        for (z, (re, im)) in re.into_iter().zip(im).enumerate() {
            let word = PauliWord { x: Wide::deposit(x, qubits), z: Wide::deposit(z, qubits) };
            // The word is `i^|x & z| X^x Z^z`.
            let (re, im) = [(re, im), (im, -re), (-re, -im), (-im, re)][word.y_count() as usize % 4];
            words.push((word, Complex64::new(re, im)));
        }
    }
    above_rounding(words)
}

/// Checks qubits of an observable.
pub(super) fn check_qubits(qubits: &[usize]) -> Result<(), Mistake> {
    for (k, &qubit) in qubits.iter().enumerate() {
        if qubit >= MAX_QUBITS {
            return Err(Mistake::QubitOutOfRange { qubit, qubits: MAX_QUBITS });
        }
        if qubits[..k].contains(&qubit) {
            return Err(Mistake::RepeatedQubit { qubit });
        }
    }
    Ok(())
}

/// Checks a matrix for its qubits.
pub(super) fn check(matrix: &[Complex64], qubits: &[usize]) -> Result<(), Mistake> {
    if qubits.is_empty() || qubits.len() > MAX_DENSE_QUBITS {
        return Err(Mistake::QubitCount { expected: format!("1 to {MAX_DENSE_QUBITS}"), actual: qubits.len() });
    }
    check_qubits(qubits)?;
    let size = 1 << qubits.len();
    let (expected, actual) = (size * size, matrix.len());
    if expected != actual {
        return Err(Mistake::MatrixSize { expected, actual });
    }
    check_hermitian(matrix, 0.0)
}

/// Checks that a square matrix is finite and Hermitian, up to the rounding of its entries.
pub(super) fn check_hermitian(matrix: &[Complex64], rounding: f64) -> Result<(), Mistake> {
    let largest = matrix.iter().map(|entry| entry.norm()).fold(0.0, f64::max);
    if let Some(entry) = matrix.iter().find(|entry| !entry.is_finite()) {
        return Err(Mistake::NotFinite { what: "a matrix entry", value: entry.norm() });
    }
    let adjoint = crate::linalg::adjoint_matrix(matrix);
    let deviation = matrix.iter().zip(adjoint.iter()).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max);
    let allowed = rounding.max(HERMITIAN_TOLERANCE * largest);
    if deviation > allowed { Err(Mistake::NotHermitian { deviation, allowed }) } else { Ok(()) }
}
