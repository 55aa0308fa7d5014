//! Constant maps of the words of a few qubits, with their inverses.

use crate::linalg::pauli_transfer;
use nalgebra::DMatrix;
use num_complex::Complex64;

/// Matrix over the words of some qubits, row by row: digit `k` of an index in base 4 is the letter of qubit `k`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DenseMap {
    pub(super) entries: Vec<f64>,
    /// Inverse, or zeros if there is none.
    pub(super) inverse: Vec<f64>,
    /// Smallest singular value.
    pub(super) smallest: f64,
}

impl DenseMap {
    pub(super) fn new(entries: &[f64]) -> Self {
        let size = entries.len().isqrt();
        let matrix = DMatrix::from_row_slice(size, size, entries);
        let smallest = matrix.singular_values().min();
        let inverse = matrix
            .try_inverse()
            .map_or_else(|| vec![0.0; size * size], |inverse| inverse.transpose().iter().copied().collect());
        Self { entries: entries.to_vec(), inverse, smallest }
    }

    /// Map of a unitary: its transposed matrix is its inverse.
    pub(super) fn unitary(matrix: &[Complex64]) -> Self {
        let qubits = matrix.len().isqrt().ilog2() as usize;
        let entries = pauli_transfer(&[matrix], qubits);
        let size = 1 << (2 * qubits);
        let inverse = (0..size * size).map(|at| entries[at % size * size + at / size]).collect();
        Self { entries, inverse, smallest: 1.0 }
    }
}
