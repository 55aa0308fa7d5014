//! Errors of tensors of states.

use super::Mistake;
use candle_core::Shape;

/// Tensors of states that do not fit, and results that do not exist for them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatesError {
    /// A tensor that has no states.
    #[error("{what} has shape {shape:?}, expected {expected} for n qubits, at least one")]
    Shape {
        /// Name of the tensor.
        what: &'static str,
        /// Shape that is expected, in words.
        expected: &'static str,
        /// Shape of the tensor.
        shape: Shape,
    },
    /// Two tensors of states that cannot be paired.
    #[error("states of the shapes {first:?} and {second:?} do not go together")]
    Mismatch {
        /// Shape of the first tensor.
        first: Shape,
        /// Shape of the second tensor.
        second: Shape,
    },
    /// A mistake in a choice of a state's qubits.
    #[error("qubits of a state: {0}")]
    Qubits(Mistake),
    /// Outcomes requested from a state that is NaN or infinite.
    #[error("sample {sample} of the batch has a state that is not finite: it has no outcomes")]
    NoOutcomes {
        /// Index of the sample, from 0 over all leading dimensions.
        sample: usize,
    },
    /// A tensor that has no snapshots of classical shadows.
    #[error("snapshots have shape {shape:?}, expected [.., snapshots, qubits] with 1 to {limit} qubits")]
    Snapshots {
        /// The largest number of qubits.
        limit: usize,
        /// Shape of the tensor.
        shape: Shape,
    },
    /// An entry of a snapshot that is no basis or no outcome.
    #[error("{what} of a snapshot is {value}; it must be 0 to {limit}")]
    SnapshotEntry {
        /// Name of the entry.
        what: &'static str,
        /// The value.
        value: u8,
        /// Largest value.
        limit: u8,
    },
    /// A kernel matrix of a set with itself that is not symmetric.
    #[error("the kernel matrix is not symmetric: the largest deviation is {deviation:.1e}, allowed is {allowed:.1e}")]
    NotSymmetric {
        /// Largest difference between two entries that should be equal.
        deviation: f64,
        /// Allowed deviation.
        allowed: f64,
    },
    /// A kernel matrix that is not positive definite with its ridge.
    #[error(
        "the {size} x {size} kernel matrix with the ridge {ridge:e} is not positive definite: its smallest eigenvalue \
         without a ridge is {lowest:e}, so the ridge must be larger"
    )]
    NotPositiveDefinite {
        /// Rows of the matrix.
        size: usize,
        /// The ridge.
        ridge: f64,
        /// Smallest eigenvalue of the matrix without the ridge; NaN if it was not found.
        lowest: f64,
    },
    /// The iteration for the eigenvalues of a density matrix did not end.
    #[error("the eigenvalues of a {size} x {size} matrix did not converge in {steps} steps")]
    Eigenvalues {
        /// Rows of the matrix.
        size: usize,
        /// Number of steps of the iteration.
        steps: usize,
    },
}
