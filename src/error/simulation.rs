//! Errors of the choice of a simulation.

use super::Mistake;

/// Circuits that a [`Simulation`](crate::Simulation) cannot run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SimulationError {
    /// A circuit with noise on state vectors.
    #[error(
        "a circuit with noise channels has no state vector; take `Simulation::Density` or `Simulation::Trajectories`"
    )]
    NoiseNeedsDensity,
    /// A density matrix of more qubits than `Simulation::Auto` chooses.
    #[error(
        "a density matrix of {qubits} qubits has 4^{qubits} numbers; `Simulation::Auto` goes up to {most} qubits: ask \
         for `Simulation::Density` if the memory is there, or for `Simulation::Trajectories`"
    )]
    ManyQubits {
        /// Qubits of the state.
        qubits: usize,
        /// Largest number that `Simulation::Auto` chooses.
        most: usize,
    },
    /// A density matrix on a device without an engine for it.
    #[error("density matrices are simulated on the CPU only, not on {device}: move the tensors and the layer there")]
    DensityOnDevice {
        /// The device, in words.
        device: String,
    },
    /// A dense unitary on too many qubits for a density matrix.
    #[error("a dense unitary on {qubits} qubits is too large for a density matrix, which takes up to {allowed}")]
    MatrixSize {
        /// Qubits of the matrix.
        qubits: usize,
        /// Largest number of qubits.
        allowed: usize,
    },
    /// A dense unitary under controls that cannot be diagonalised.
    #[error("a dense unitary under controls: {0}")]
    Matrix(Mistake),
    /// The variance of an observable of too many words in a density matrix.
    #[error("the variance of {words} Pauli words has the products of all their pairs; up to {allowed} words are taken")]
    VarianceWords {
        /// Words of the observable.
        words: usize,
        /// Largest number of words.
        allowed: usize,
    },
    /// A channel on trajectories that is no mixture of Pauli words.
    #[error(
        "trajectories have channels of Pauli words alone: flips, Pauli and depolarizing channels, phase damping, and \
         Kraus operators that are multiples of Pauli words; take `Simulation::Density` for damping, relaxation, resets \
         and all other Kraus operators"
    )]
    NotPauli,
    /// A readout error on trajectories whose strength is no constant, or behind which the qubit is used again.
    #[error(
        "trajectories have readout errors of constant strength behind the last use of a qubit, but that of qubit {qubit} \
         is another: take `Simulation::Density`"
    )]
    ReadoutOfTrajectories {
        /// The qubit.
        qubit: usize,
    },
    /// Words or basis states whose readout errors would make too many words.
    #[error("readout errors would make {words} words or values of the observables, more than the {allowed} allowed")]
    ReadoutWords {
        /// Words or values.
        words: usize,
        /// Largest number.
        allowed: usize,
    },
    /// More effects of errors on angles than can be listed.
    #[error("the errors of all channels have {effects} effects on angles, more than the {allowed} allowed")]
    ManyErrors {
        /// Bits of errors times angles.
        effects: usize,
        /// Largest number.
        allowed: usize,
    },
    /// A number of trajectories out of range.
    #[error("{count} trajectories were asked for; there are 1 to {most}")]
    TrajectoryCount {
        /// Number that was asked for.
        count: usize,
        /// Largest number.
        most: usize,
    },
    /// The gradient in a strength at which a word of its channel has the probability 0.
    #[error(
        "a word of channel {channel} has the probability 0 for sample {sample}, so no trajectory has it, and there is no \
         gradient in its strength; take `Simulation::Density`"
    )]
    NoErrors {
        /// Index of the sample.
        sample: usize,
        /// Index of the channel, counted without channels that no output depends on.
        channel: usize,
    },
    /// A request that trajectories cannot answer.
    #[error("trajectories have no {what}; take `Simulation::Density`")]
    NotFromTrajectories {
        /// The request, in words.
        what: &'static str,
    },
    /// A state of more qubits than a basis index has room for.
    #[error(
        "a state of {qubits} qubits has 2^{qubits} amplitudes, and up to {limit} qubits are simulated as a state; a layer \
         with `Simulation::Pauli` has expectation values of more"
    )]
    NoState {
        /// Qubits of the circuit.
        qubits: usize,
        /// Largest number of qubits of a state.
        limit: usize,
    },
    /// Pauli propagation on a device without an engine for it.
    #[error("Pauli propagation runs on the CPU only, not on {device}: move the tensors and the layer there")]
    PauliOnDevice {
        /// The device, in words.
        device: String,
    },
    /// A request that Pauli propagation cannot answer.
    #[error("Pauli propagation has no {what}; take another `Simulation`")]
    NotFromPauli {
        /// The request, in words.
        what: &'static str,
    },
    /// Kraus operators that Pauli propagation does not take.
    #[error(
        "Pauli propagation takes Kraus operators that are multiples of Pauli words alone; take a channel of the table, or \
         `Simulation::Density`"
    )]
    KrausMixWords,
    /// A gate that Pauli propagation would write as too many rotations.
    #[error(
        "a gate with {generators} controls and moved bits would be 2^{generators} rotations; Pauli propagation takes up \
         to {allowed}"
    )]
    ManyControls {
        /// Controls and moved bits.
        generators: usize,
        /// Largest number.
        allowed: usize,
    },
    /// An output of which a limit of the weight leaves no more than a product of cosines.
    #[error(
        "output {output} has words of {weight} letters where rotations act, and a `max_weight` of {max_weight} leaves out \
         all that they make of them: raise it, or entangle neighbours in two halves, as a chain of CX makes words as \
         long as itself"
    )]
    HeavyWords {
        /// Number of the output.
        output: usize,
        /// Letters of one of its words.
        weight: u32,
        /// Limit of the weight.
        max_weight: u32,
    },
    /// More Pauli words than the limit.
    #[error(
        "Pauli propagation has reached {words} words, more than its `max_terms` of {limit}; {}",
        match .weight {
            Some(weight) => format!("take a smaller `max_weight` than {weight}"),
            None => "set `max_weight`".to_owned(),
        }
    )]
    TooManyWords {
        /// Words at which it stopped.
        words: usize,
        /// Largest number.
        limit: usize,
        /// Largest weight of a word, if there is one.
        weight: Option<u32>,
    },
    /// Amplitudes of a density matrix.
    #[error("a density matrix has no amplitudes; measure `Measurement::density_matrix()`, or take state vectors")]
    NoAmplitudes,
    /// Weights whose channel strength is outside its range.
    #[error("strength `{strength}` of `{channel}` is {value} for these weights; it must be {allowed}")]
    Strength {
        /// Name of the channel.
        channel: &'static str,
        /// Name of the strength.
        strength: &'static str,
        /// Value of the strength.
        value: f64,
        /// Allowed range, in words.
        allowed: &'static str,
    },
}
