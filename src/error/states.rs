//! Tensors of states, and questions about states that have no answer.

use super::Mistake;
use candle_core::Shape;

/// Tensors of states, and questions about states that have no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatesError {
    /// A tensor that is no states.
    #[error("{what} has shape {shape:?}, expected {expected} for n qubits, at least one")]
    Shape {
        /// Name of the tensor.
        what: &'static str,
        /// Shape that is expected, in words.
        expected: &'static str,
        /// Shape that came.
        shape: Shape,
    },
    /// Two tensors of states that cannot be paired.
    #[error("states of the shapes {first:?} and {second:?} do not go together")]
    Mismatch {
        /// Shape of the first tensor.
        first: Shape,
        /// Shape of the second one.
        second: Shape,
    },
    /// A mistake in a choice of a state's qubits.
    #[error("qubits of a state: {0}")]
    Qubits(Mistake),
    /// Outcomes asked of a state that is NaN or infinite.
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
        /// Steps that were taken.
        steps: usize,
    },
}
