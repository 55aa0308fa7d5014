//! Mistakes made while circuits, observables and measurements are written.

/// Mistake in an operation, an observable or a measurement.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Mistake {
    /// A circuit needs at least one qubit.
    #[error("a circuit needs at least one qubit")]
    NoQubits,
    /// More qubits than a circuit may have.
    #[error("{qubits} qubits are more than the {limit} of a circuit")]
    TooManyQubits {
        /// Number of qubits that was requested.
        qubits: usize,
        /// The largest number allowed.
        limit: usize,
    },
    /// A qubit index outside the circuit.
    #[error("qubit {qubit} is out of range for {qubits} qubit(s)")]
    QubitOutOfRange {
        /// Given index.
        qubit: usize,
        /// Qubits of the circuit.
        qubits: usize,
    },
    /// One qubit used twice in one operation.
    #[error("qubit {qubit} is used twice")]
    RepeatedQubit {
        /// The repeated index.
        qubit: usize,
    },
    /// Wrong number of qubits for an operation.
    #[error("expected {expected} qubit(s), got {actual}")]
    QubitCount {
        /// Number of qubits that fit, in words or as a number.
        expected: String,
        /// Given number.
        actual: usize,
    },
    /// Wrong number of angles for a gate.
    #[error("expected {expected} angle(s), got {actual}")]
    AngleCount {
        /// Number of angles of the gate.
        expected: usize,
        /// Given number.
        actual: usize,
    },
    /// More items than fit.
    #[error("there are more {what} than the {limit} that fit")]
    TooMany {
        /// Kind of the items.
        what: &'static str,
        /// Largest number that fits.
        limit: usize,
    },
    /// A constant that is NaN or infinite.
    #[error("{what} is {value}, which is not finite")]
    NotFinite {
        /// Name of the number.
        what: &'static str,
        /// The value.
        value: f64,
    },
    /// An angle expression of a degree above two.
    #[error("an angle or coefficient may hold products of two variables, not of {degree}")]
    AngleDegree {
        /// Degree of the product.
        degree: usize,
    },
    /// A condition that reads weights.
    #[error("a condition may read inputs only, not weight tensor `{name}`")]
    ConditionOnWeights {
        /// Name of the tensor.
        name: String,
    },
    /// A dense unitary under a condition whose eigenvectors were not found.
    #[error("the matrix under a condition was not diagonalised: off by {deviation:.1e}, allowed is {allowed:.1e}")]
    NotDiagonalized {
        /// Largest entry of the difference between the matrix and the product of its eigenvectors and eigenvalues.
        deviation: f64,
        /// Allowed deviation.
        allowed: f64,
    },
    /// An index outside a weight tensor.
    #[error("index {index:?} is out of range for weight tensor `{name}` of shape {shape:?}")]
    WeightIndex {
        /// Name of the tensor.
        name: String,
        /// Given index.
        index: Vec<usize>,
        /// Shape of the tensor.
        shape: Vec<usize>,
    },
    /// A weight tensor that the circuit does not know, for instance a tensor of another circuit, even if the circuit
    /// has a tensor of that name.
    #[error("weight tensor `{name}` is not declared by this circuit; `Circuit::share` takes it from another one")]
    UnknownWeights {
        /// Name of the tensor.
        name: String,
    },
    /// One name for two weight tensors, or a shared tensor of another shape than a template needs.
    #[error(
        "weight tensor `{name}` is there already, with shape {declared:?} (now {shape:?}); give another name, or the handle to share it"
    )]
    WeightRedeclared {
        /// Name of the tensor.
        name: String,
        /// Shape of the existing tensor.
        declared: Vec<usize>,
        /// Shape of the new declaration.
        shape: Vec<usize>,
    },
    /// More weights than a circuit may have.
    #[error("weight tensor `{name}` of shape {shape:?} is too large: a circuit may have {limit} weights in all")]
    TooManyWeights {
        /// Name of the tensor.
        name: String,
        /// Shape that was requested.
        shape: Vec<usize>,
        /// The largest number of entries of all tensors together.
        limit: usize,
    },
    /// A weight name that cannot be a path segment of a `VarBuilder`.
    #[error(
        "`{name}` is no name for a weight tensor: it must be non-empty, hold no `.` and not be `circuit_fingerprint`"
    )]
    WeightName {
        /// Given name.
        name: String,
    },
    /// `input(i)` above the declared width.
    #[error("input({index}) is out of range: the circuit was declared with {width} input feature(s)")]
    InputOutOfRange {
        /// Index of the feature.
        index: usize,
        /// Declared width.
        width: usize,
    },
    /// A matrix whose size does not fit its qubits.
    #[error("expected {expected} matrix entries (row by row), got {actual}")]
    MatrixSize {
        /// Entries expected.
        expected: usize,
        /// Number of given entries.
        actual: usize,
    },
    /// A matrix that is not unitary.
    #[error("the matrix is not unitary: the largest entry of |U†U - 1| is {deviation:.1e}, allowed is {allowed:.1e}")]
    NotUnitary {
        /// Largest deviation.
        deviation: f64,
        /// Allowed deviation.
        allowed: f64,
    },
    /// A matrix or sum that is not Hermitian.
    #[error("the observable is not Hermitian: the largest deviation is {deviation:.1e}, allowed is {allowed:.1e}")]
    NotHermitian {
        /// Largest deviation.
        deviation: f64,
        /// Allowed deviation.
        allowed: f64,
    },
    /// An expression as a coefficient where the observable is read without a circuit, or as a variance.
    #[error("the coefficient {coefficient} is an expression in weights or inputs; it must be a constant here")]
    VariableCoefficient {
        /// The expression.
        coefficient: String,
    },
    /// A post-selection of something else than expectation values and probabilities.
    #[error("post-selection takes expectation values and probabilities alone")]
    NotPostselectable,
    /// A letter that is no Pauli matrix.
    #[error("`{letter}` is no Pauli letter (I, X, Y, Z)")]
    PauliLetter {
        /// Given letter.
        letter: char,
    },
    /// A list of values of the wrong length.
    #[error("expected {expected} {what}, got {actual}")]
    Length {
        /// Name of the values.
        what: &'static str,
        /// Expected number, in words if it is a range.
        expected: String,
        /// Given number.
        actual: usize,
    },
    /// Second amplitude embedding of a circuit.
    #[error("a circuit embeds features as amplitudes once")]
    SecondEmbedding,
    /// State to prepare whose amplitudes are all zero.
    #[error("all amplitudes are zero: they are no state")]
    ZeroState,
    /// State preparation where a unitary is needed.
    #[error("amplitude embedding is no unitary: it cannot be inverted, repeated, controlled or conditional")]
    EmbeddingNotUnitary,
    /// A measurement or a reset where a unitary is needed.
    #[error("a measurement or a reset inside a circuit is no unitary: it cannot be inverted or controlled")]
    MeasurementNotUnitary,
    /// A strength of a channel outside its range.
    #[error("strength `{strength}` of `{channel}` is {value}; it must be {allowed}")]
    Strength {
        /// Name of the channel.
        channel: &'static str,
        /// Name of the strength.
        strength: &'static str,
        /// Given value.
        value: f64,
        /// Allowed range, in words.
        allowed: &'static str,
    },
    /// Kraus operators whose channel changes the trace.
    #[error(
        "the channel does not preserve the trace: the largest entry of |sum of K†K - 1| is {deviation:.1e}, allowed is {allowed:.1e}"
    )]
    NotTracePreserving {
        /// Largest deviation.
        deviation: f64,
        /// Allowed deviation.
        allowed: f64,
    },
    /// Kraus operators under a condition.
    #[error("a channel of Kraus operators acts in all samples: it cannot be conditional")]
    ConditionalKraus,
    /// A channel where a unitary is needed.
    #[error("a noise channel is no unitary: it cannot be inverted or controlled, and its circuit has no state vector")]
    ChannelNotUnitary,
    /// A name that no operation of a circuit has.
    #[error("no operation of a circuit has the name `{name}`")]
    UnknownGate {
        /// Given name.
        name: String,
    },
    /// An operation on a qubit behind its readout error.
    #[error("qubit {qubit} has a readout error already: no operation on it may follow")]
    AfterReadout {
        /// Index of the qubit.
        qubit: usize,
    },
    /// A measurement that is no measurement of letters on a qubit with a readout error.
    #[error("qubit {qubit} has a readout error: it is read by Pauli letters, diagonals and projectors alone")]
    ReadoutBasis {
        /// Index of the qubit.
        qubit: usize,
    },
    /// A qubit that has to be in 0, for the record of a measurement, for a reset, or for the preparation of a state.
    #[error("qubit {qubit} has been used before: it has to be untouched here, in 0")]
    QubitTouched {
        /// Index of the qubit.
        qubit: usize,
    },
    /// The record of a measurement as the target of an operation.
    #[error("qubit {qubit} is the record of a measurement: it may be a control, and no target")]
    RecordChanged {
        /// Index of the record.
        qubit: usize,
    },
    /// A measurement that reads more than a classical bit from the record of another measurement.
    #[error("qubit {qubit} is the record of a measurement: observables may have no more of it than Z")]
    RecordRead {
        /// Index of the record.
        qubit: usize,
    },
    /// A qubit that is used after a reset has moved a state there.
    #[error("qubit {qubit} holds what a reset took away: nothing may touch it")]
    QubitDiscarded {
        /// Index of the qubit.
        qubit: usize,
    },
    /// A measurement or a reset in a circuit whose states have to have overlaps.
    #[error(
        "qubit {qubit} takes up what the other qubits lose to the environment: their state is mixed, and has no overlap, metric or entanglement of a pure one"
    )]
    NotPure {
        /// Record, or the qubit to which a reset moves a state.
        qubit: usize,
    },
    /// Too many blocks of [`controlled`](crate::Circuit::controlled) and [`when`](crate::Circuit::when) inside each
    /// other.
    #[error("controlled and conditional blocks may be nested {limit} deep, and no more")]
    NestedTooDeep {
        /// The largest number allowed.
        limit: usize,
    },
    /// A circuit with more operations than it may have.
    #[error("a circuit may have at most {limit} operations")]
    TooManyOperations {
        /// The largest number allowed.
        limit: usize,
    },
    /// Circuits of different sizes in one circuit.
    #[error("a circuit of {other} qubit(s) does not fit into one of {qubits}")]
    CircuitSize {
        /// Qubits of this circuit.
        qubits: usize,
        /// Qubits of the other circuit.
        other: usize,
    },
    /// A product of observables, or a sum of Pauli words, that would be too large.
    #[error("the observable expands into {needed} {what}, more than the {limit} allowed")]
    Expansion {
        /// Kind of the terms or numbers.
        what: &'static str,
        /// Number that is needed, at most `u64::MAX`.
        needed: u64,
        /// Largest number allowed.
        limit: u64,
    },
    /// A cost that is not diagonal but has to be.
    #[error("the cost must be a sum of Pauli words of Z only")]
    NotDiagonal,
    /// An observable that is no sum of Pauli words but has to be.
    #[error("from classical shadows, an observable must be a sum of Pauli words")]
    NotPauliWords,
    /// A basis that is no single Pauli word.
    #[error("a basis is one Pauli word such as X(0) * Y(2), without a coefficient")]
    NotOneWord,
    /// A classical bit of an OpenQASM text that no measurement decides.
    #[error("bit {index} of `{register}` is always {value}: no qubit holds it")]
    ConstantBit {
        /// Name of the register.
        register: String,
        /// Index of the bit in the register.
        index: usize,
        /// Value of the bit, 0 or 1.
        value: u8,
    },
    /// A measurement without outputs.
    #[error("nothing is measured")]
    NothingMeasured,
    /// An unreadable Pauli word.
    #[error("`{text}` is no Pauli word such as \"X0 Y2 Z3\"")]
    PauliWord {
        /// Given text.
        text: String,
    },
    /// Energies in a unit other than the hartree.
    #[error("the unit is `{unit}`; energies must be in `hartree`")]
    EnergyUnit {
        /// Given unit.
        unit: String,
    },
    /// Observables in other than atomic units.
    #[error("the unit is `{unit}`; observables must be in `atomic` units")]
    ObservablesUnit {
        /// Given unit.
        unit: String,
    },
    /// Amplitudes requested with finite shots.
    #[error("amplitudes cannot be estimated from shots")]
    StateFromShots,
    /// The variance of an observable that no single basis measures, requested with finite shots.
    #[error("from shots, a variance needs terms that read each qubit in one basis")]
    VarianceBases,
    /// A Hermitian matrix whose eigenvectors were not found.
    #[error("no eigenvectors were found for the matrix")]
    NoEigenbasis,
    /// A number that must be above 0.
    #[error("{what} is {value}, which is not a positive number")]
    NotPositive {
        /// Name of the number.
        what: &'static str,
        /// The value.
        value: f64,
    },
    /// A feature in which outputs have no Fourier series.
    #[error(
        "outputs are no Fourier series in feature {feature}: it is squared in an angle, read by a condition, or an amplitude"
    )]
    NotLinear {
        /// Index of the feature.
        feature: usize,
    },
    /// Frequencies that are no multiples of a common unit, or of a unit so small that they are too many.
    #[error(
        "the frequencies of feature {feature} have no common unit with at most {limit} multiples (largest: {largest}, \
         found: {unit})"
    )]
    NoCommonFrequency {
        /// Index of the feature.
        feature: usize,
        /// The largest of the frequencies that were compared.
        largest: f64,
        /// Largest number that divides them all, up to rounding.
        unit: f64,
        /// Largest number of multiples.
        limit: usize,
    },
}
