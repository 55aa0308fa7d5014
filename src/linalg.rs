//! Dense matrices, stored row by row.

use num_complex::Complex64;
use std::sync::Arc;

/// The conjugate transpose of a square matrix.
pub(crate) fn adjoint_matrix(matrix: &[Complex64]) -> Arc<[Complex64]> {
    let size = matrix.len().isqrt();
    (0..matrix.len()).map(|k| matrix[k % size * size + k / size].conj()).collect()
}
