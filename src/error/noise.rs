//! Errors of noise models.

use super::Mistake;

/// Noise models that do not fit themselves or a circuit. Rules and operations are counted from 0.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoiseError {
    /// A mistake in a rule.
    #[error("rule {rule} of the noise model: {mistake}")]
    Rule {
        /// Index of the rule.
        rule: usize,
        /// Mistake in the rule, boxed because errors are small.
        mistake: Box<Mistake>,
    },
    /// A mistake in what a rule adds to a circuit.
    #[error("rule {rule} of the noise model, at operation {operation} (`{gate}`): `{added}`: {mistake}")]
    Addition {
        /// Index of the rule.
        rule: usize,
        /// Index of the operation of the given circuit, or their number at the end of the circuit.
        operation: usize,
        /// Name of that operation, or `end`.
        gate: String,
        /// Name of the operation that was to be added.
        added: String,
        /// Mistake in it, boxed because errors are small.
        mistake: Box<Mistake>,
    },
    /// A channel on several qubits behind an operation on another number of qubits.
    #[error(
        "rule {rule} of the noise model, at operation {operation} (`{gate}`): `{channel}` acts on {expected} qubits, the operation on {actual}"
    )]
    QubitCount {
        /// Index of the rule.
        rule: usize,
        /// Index of the operation.
        operation: usize,
        /// Name of the operation.
        gate: String,
        /// Name of the channel.
        channel: String,
        /// Qubits of the channel.
        expected: usize,
        /// Qubits of the operation, controls included, outcomes not.
        actual: usize,
    },
    /// An over-rotation of a gate that is named and has no angle.
    #[error("rule {rule} of the noise model, at operation {operation}: `{gate}` has no angle to over-rotate")]
    NoAngle {
        /// Index of the rule.
        rule: usize,
        /// Index of the operation.
        operation: usize,
        /// Name of the operation.
        gate: String,
    },
    /// A rule that no operation of a circuit matches.
    #[error(
        "rule {rule} of the noise model ({text}) fits no operation of the circuit; `NoiseModel::lenient` lets it fit none"
    )]
    Unmatched {
        /// Index of the rule.
        rule: usize,
        /// The rule, in words.
        text: String,
    },
    /// A gate that a calibration does not have.
    #[error(
        "rule {rule} of the noise model: the calibration has no gate `{gate}` on qubits {qubits:?} (operation {operation}); `\"default\": \"none\"` leaves such gates without noise"
    )]
    MissingGate {
        /// Index of the rule.
        rule: usize,
        /// Index of the operation.
        operation: usize,
        /// Name of the gate.
        gate: String,
        /// Qubits of the gate, controls first.
        qubits: Vec<usize>,
    },
    /// A qubit that a calibration does not have.
    #[error(
        "rule {rule} of the noise model: the calibration has {known} qubits, and none of index {qubit}; `\"default\": \"none\"` leaves it without noise"
    )]
    MissingQubit {
        /// Index of the rule.
        rule: usize,
        /// Index of the qubit.
        qubit: usize,
        /// Number of qubits of the calibration.
        known: usize,
    },
    /// An operation whose time is not known, while another qubit may have to wait for it.
    #[error(
        "rule {rule} of the noise model: the time of `{gate}` on qubits {qubits:?} (operation {operation}) is not known"
    )]
    NoDuration {
        /// Index of the rule.
        rule: usize,
        /// Index of the operation.
        operation: usize,
        /// Name of the operation.
        gate: String,
        /// Qubits of the operation, controls first.
        qubits: Vec<usize>,
    },
    /// A qubit that waits, and whose relaxation times are not known.
    #[error("rule {rule} of the noise model: qubit {qubit} waits for {time}, and its relaxation times are not known")]
    NoRelaxation {
        /// Index of the rule.
        rule: usize,
        /// Index of the qubit.
        qubit: usize,
        /// Time for which it waits.
        time: f64,
    },
    /// A readout error that differs for 0 and 1, on the outcome of a measurement that a later operation reads.
    #[error(
        "rule {rule} of the noise model: the outcome of qubit {qubit} (operation {operation}) is a control of a later operation or conditional; \
         its readout error must then be the same for 0 and 1"
    )]
    OutcomeReadout {
        /// Index of the rule.
        rule: usize,
        /// Index of the measurement.
        operation: usize,
        /// Qubit that is measured.
        qubit: usize,
    },
    /// A number of a calibration outside its range.
    #[error("`{field}` of the calibration is {value}; it must be {allowed}")]
    Field {
        /// Path of the field, such as `gates[3].time_ns`.
        field: String,
        /// Value that was given.
        value: f64,
        /// Allowed range, in words.
        allowed: String,
    },
    /// A qubit of a calibration whose coherences live too long.
    #[error("`{field}` of the calibration has t2_us = {t2} and t1_us = {t1}; t2_us must be at most 2 t1_us")]
    Relaxation {
        /// Path of the qubit, such as `qubits[3]`.
        field: String,
        /// Time constant of populations, in microseconds.
        t1: f64,
        /// Time constant of coherences, in microseconds.
        t2: f64,
    },
    /// A gate of a calibration with a name that no operation has.
    #[error("`{field}` of the calibration is `{name}`, which no operation of a circuit has as its name")]
    GateName {
        /// Path of the field.
        field: String,
        /// Given name.
        name: String,
    },
    /// A gate of a calibration that is there twice.
    #[error("`{field}` of the calibration is a second entry for `{name}` on qubits {qubits:?}")]
    GateTwice {
        /// Path of the second entry.
        field: String,
        /// Name of the gate.
        name: String,
        /// Qubits of the gate.
        qubits: Vec<usize>,
    },
}
