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
    /// The iteration for the eigenvalues of a density matrix did not end.
    #[error("the eigenvalues of a {size} x {size} matrix did not converge in {steps} steps")]
    Eigenvalues {
        /// Rows of the matrix.
        size: usize,
        /// Number of steps of the iteration.
        steps: usize,
    },
}
