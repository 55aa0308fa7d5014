//! Errors of error mitigation.

/// Circuits and outputs whose errors cannot be mitigated. Operations, outputs, scales and qubits are counted from 0.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MitigationError {
    /// An operation that has no inverse in a circuit that is to be folded.
    #[error(
        "operation {operation} (`{name}`) has no inverse, so the circuit cannot be folded; fold the unitary circuit first, then add noise"
    )]
    NotFoldable {
        /// Index of the operation.
        operation: usize,
        /// Name of the operation.
        name: String,
    },
    /// An even scale, or 0.
    #[error("folding multiplies noise by odd numbers from 1, not by {scale}")]
    FoldScale {
        /// Given scale.
        scale: usize,
    },
    /// Outputs at fewer scales than an extrapolation needs, or not one tensor for each scale.
    #[error(
        "an extrapolation needs one tensor of outputs for each of at least 2 scales; got {scales} scale(s) and {outputs} tensor(s)"
    )]
    Scales {
        /// Number of scales.
        scales: usize,
        /// Number of tensors.
        outputs: usize,
    },
    /// A scale that is not positive, or that is there twice.
    #[error(
        "scale {index} of the extrapolation is {value}; scales must be positive, finite and different from each other"
    )]
    Scale {
        /// Index of the scale.
        index: usize,
        /// The scale.
        value: f64,
    },
    /// An output that an exponential function does not go through.
    #[error(
        "an exponential function has one sign, but entry {entry} of the outputs is {value} at scale {scale} and {first} at the first scale"
    )]
    NoExponential {
        /// Index of the entry, counted row by row.
        entry: usize,
        /// The scale.
        scale: f64,
        /// Value at that scale.
        value: f64,
        /// Value at the first scale.
        first: f64,
    },
    /// A probability of a readout error outside its range.
    #[error("the readout error of qubit {qubit} is {value}; it must be 0 to 1")]
    ReadoutRange {
        /// Index of the qubit.
        qubit: usize,
        /// The probability.
        value: f64,
    },
    /// A readout that says nothing about the qubit, so that it cannot be undone.
    #[error(
        "the readout of qubit {qubit} says nothing: p1_given_0 = {p1_given_0} and p0_given_1 = {p0_given_1} have the sum 1"
    )]
    NoReadout {
        /// Index of the qubit.
        qubit: usize,
        /// Probability of reading 1 for 0.
        p1_given_0: f64,
        /// Probability of reading 0 for 1.
        p0_given_1: f64,
    },
    /// A qubit of a word without a readout error.
    #[error("word {word} reads qubit {qubit}, and there are readout errors of {known} qubit(s)")]
    MissingReadout {
        /// Index of the word.
        word: usize,
        /// Index of the qubit.
        qubit: usize,
        /// Number of qubits with readout errors.
        known: usize,
    },
    /// A word whose value needs the value of a part of it, which is not among the outputs.
    #[error("undoing the readout of word {word} needs the value of its part {part}, which is not among the outputs")]
    MissingPart {
        /// Index of the word.
        word: usize,
        /// The part, such as `Z0`.
        part: String,
    },
    /// A word that is there twice.
    #[error("words {first} and {second} are the same")]
    WordTwice {
        /// Index of the first.
        first: usize,
        /// Index of the second.
        second: usize,
    },
}
