//! The one error type of the crate.
//!
//! Every variant carries the numbers a user needs to mend the call; nothing is reported as a bare string.

use candle_core::{DType, Shape};

/// `Result` with candlewick's [`enum@Error`] as the default error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong between a circuit and a gradient.
///
/// It converts into [`candle_core::Error`], so `?` works inside functions that return candle's `Result`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A mistake made while a circuit was written. Builder methods never panic: the first mistake is kept, with the
    /// index of its operation, and whatever consumes the circuit returns it.
    #[error("operation {operation} (`{name}`): {mistake}")]
    Circuit {
        /// Index of the operation, counted from 0 in the order of the calls.
        operation: usize,
        /// Name of the operation or of the builder method.
        name: String,
        /// What is wrong with it.
        mistake: Mistake,
    },
    /// A mistake in an observable, with its index in the measurement.
    #[error("observable {index}: {mistake}")]
    Observable {
        /// Index of the observable in the measurement.
        index: usize,
        /// What is wrong with it.
        mistake: Mistake,
    },
    /// A mistake in a measurement as a whole.
    #[error("measurement: {0}")]
    Measurement(Mistake),
    /// The states of a computation do not fit into the memory it may use. Raised before anything is allocated.
    #[error(
        "{qubits} qubits in {dtype:?} need {needed} for {states} state(s), but the memory budget is {budget} bytes",
        needed = .needed.map_or_else(|| "more than 2^64 bytes".to_owned(), |bytes| format!("{bytes} bytes"))
    )]
    Memory {
        /// Qubits of the circuit.
        qubits: usize,
        /// Precision of the state.
        dtype: DType,
        /// How many states are alive at once.
        states: usize,
        /// Bytes needed; `None` if the number itself overflows.
        needed: Option<u64>,
        /// Bytes that may be used.
        budget: u64,
    },
    /// The environment variable `CANDLEWICK_SIMD` names an instruction set that this machine or this build lacks.
    #[error("CANDLEWICK_SIMD is `{name}`, which is none of scalar, avx2, avx512 and neon, or not on this machine")]
    InstructionSet {
        /// The value of the variable.
        name: String,
    },
    /// The last dimension of the input is not the number of features the circuit reads.
    #[error("the circuit reads {expected} input feature(s), but the input has shape {shape:?}")]
    InputWidth {
        /// Features the circuit reads.
        expected: usize,
        /// Shape that came.
        shape: Shape,
    },
    /// A circuit with inputs was evaluated without them.
    #[error("the circuit reads {expected} input feature(s), but none were given")]
    MissingInputs {
        /// Features the circuit reads.
        expected: usize,
    },
    /// Two tensors of one call differ in dtype.
    #[error("{what} has dtype {actual:?}, expected {expected:?}")]
    DTypeMismatch {
        /// Which tensor.
        what: String,
        /// What the other tensors have.
        expected: DType,
        /// What came.
        actual: DType,
    },
    /// The dtype cannot hold angles or expectation values.
    #[error("{what} has dtype {dtype:?}; candlewick computes in F16, BF16, F32 and, except on Metal, F64")]
    UnsupportedDType {
        /// Which tensor.
        what: String,
        /// What came.
        dtype: DType,
    },
    /// There is no engine for the device yet.
    #[error("no quantum engine for {device} in this build; move the tensors and the layer to Device::Cpu")]
    UnsupportedDevice {
        /// The device, in words.
        device: String,
    },
    /// Tensors of one call are on different devices.
    #[error("{what} is on {actual}, but the other tensors are on {expected}")]
    DeviceMismatch {
        /// Which tensor.
        what: String,
        /// Where the other tensors are.
        expected: String,
        /// Where it is.
        actual: String,
    },
    /// A GPU refused to run a kernel.
    #[error(
        "kernel `{kernel}` was refused ({reason}): {groups} groups of {threads} threads, {group_bytes} bytes a group"
    )]
    Launch {
        /// The kernel.
        kernel: &'static str,
        /// Groups of threads.
        groups: u32,
        /// Threads of a group.
        threads: u32,
        /// Bytes that a group shares.
        group_bytes: u32,
        /// What the device's driver said.
        reason: String,
    },
    /// A weight tensor the circuit declares was not given.
    #[error("weight tensor `{name}` is missing; the circuit declares {declared:?}")]
    MissingWeights {
        /// Its name.
        name: String,
        /// All names the circuit declares.
        declared: Vec<String>,
    },
    /// A weight tensor was given that the circuit does not declare, or twice.
    #[error("weight tensor `{name}` is not declared by the circuit or was given twice; it declares {declared:?}")]
    UnexpectedWeights {
        /// Its name.
        name: String,
        /// All names the circuit declares.
        declared: Vec<String>,
    },
    /// A weight tensor has another shape than the circuit declares.
    #[error("weight tensor `{name}` has shape {actual:?}, but the circuit declares {expected:?}")]
    WeightShape {
        /// Its name.
        name: String,
        /// Declared shape.
        expected: Shape,
        /// Shape that came.
        actual: Shape,
    },
    /// Weight tensors for ensembles of different sizes.
    #[error("weight tensor `{name}` is for {members} member(s) of an ensemble, but `{other}` is for {others}")]
    Members {
        /// The tensor.
        name: String,
        /// Its leading dimension.
        members: usize,
        /// A tensor before it.
        other: String,
        /// That one's leading dimension.
        others: usize,
    },
    /// A tensor of another shape than the others ask for.
    #[error("{what} has shape {actual:?}, expected {expected:?}")]
    Shape {
        /// Which tensor.
        what: &'static str,
        /// The shape that fits.
        expected: Shape,
        /// The shape that came.
        actual: Shape,
    },
    /// A weight tensor that is no variable, where one is to be trained.
    #[error("weight tensor `{name}` is not a variable (a `VarMap` makes them), so it cannot be trained")]
    NotTrainable {
        /// Its name.
        name: String,
    },
    /// A metric tensor, with its damping, that cannot be inverted.
    #[error("the metric tensor of {variables} weights with a damping of {damping} is not positive definite")]
    Metric {
        /// Its size.
        variables: usize,
        /// What was added to its diagonal.
        damping: f64,
    },
    /// Outcomes asked of a state that is NaN or infinite.
    #[error("sample {sample} of the batch has a state that is not finite: it has no outcomes")]
    NoOutcomes {
        /// Which sample, counted from 0 over all leading dimensions.
        sample: usize,
    },
    /// A setting outside its range.
    #[error("{setting} of {of} is {value}; it must be {allowed}")]
    Setting {
        /// What is set up.
        of: &'static str,
        /// Which of its settings.
        setting: &'static str,
        /// The value that came.
        value: f64,
        /// The range, in words.
        allowed: &'static str,
    },
    /// A gradient that a method cannot find.
    #[error("{method} cannot find the gradient of {of}")]
    NoGradient {
        /// The method.
        method: &'static str,
        /// What was to be differentiated.
        of: &'static str,
    },
    /// An error of candle itself.
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
    /// A tensor that is no states.
    #[error("{what} has shape {shape:?}, expected {expected} for n qubits, at least one")]
    StateShape {
        /// Which tensor.
        what: &'static str,
        /// What a shape looks like there.
        expected: &'static str,
        /// Shape that came.
        shape: Shape,
    },
    /// Two tensors of states that cannot be paired.
    #[error("states of the shapes {first:?} and {second:?} do not go together")]
    StateMismatch {
        /// Shape of the first tensor.
        first: Shape,
        /// Shape of the second one.
        second: Shape,
    },
    /// A mistake in a choice of a state's qubits.
    #[error("qubits of a state: {0}")]
    Qubits(Mistake),
    /// A kernel matrix and its states do not fit into the memory. Raised before anything is allocated.
    #[error(
        "a kernel matrix of {rows} x {columns} states of {qubits} qubits in {dtype:?} needs {needed}, but the memory \
         budget is {budget} bytes",
        needed = .needed.map_or_else(|| "more than 2^64 bytes".to_owned(), |bytes| format!("{bytes} bytes"))
    )]
    KernelMemory {
        /// Rows of the matrix.
        rows: usize,
        /// Its columns.
        columns: usize,
        /// Qubits of a state.
        qubits: usize,
        /// Precision of the computation.
        dtype: DType,
        /// Bytes needed; `None` if the number itself overflows.
        needed: Option<u64>,
        /// Bytes that may be used.
        budget: u64,
    },
    /// The iteration for the eigenvalues of a density matrix did not end.
    #[error("the eigenvalues of a {size} x {size} matrix did not converge in {steps} steps")]
    Eigenvalues {
        /// Rows of the matrix.
        size: usize,
        /// Steps that were taken.
        steps: usize,
    },
    /// A question to [`diagnostics`](crate::diagnostics) that has no answer.
    #[error("diagnostics: {0}")]
    Diagnostics(Mistake),
}

impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Candle(inner) => inner,
            other => Self::wrap(other),
        }
    }
}

/// What is wrong with an operation, an observable or a measurement.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Mistake {
    /// A circuit needs at least one qubit.
    #[error("a circuit needs at least one qubit")]
    NoQubits,
    /// More qubits than a basis index can address.
    #[error("{qubits} qubits are more than the {limit} a basis index can address")]
    TooManyQubits {
        /// Qubits asked for.
        qubits: usize,
        /// The largest number allowed.
        limit: usize,
    },
    /// A qubit index outside the circuit.
    #[error("qubit {qubit} is out of range for {qubits} qubit(s)")]
    QubitOutOfRange {
        /// The index that came.
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
        /// In words or as a number.
        expected: String,
        /// What came.
        actual: usize,
    },
    /// Wrong number of angles for a gate.
    #[error("expected {expected} angle(s), got {actual}")]
    AngleCount {
        /// Angles the gate takes.
        expected: usize,
        /// What came.
        actual: usize,
    },
    /// A name that is no gate.
    #[error("there is no gate of that name")]
    UnknownGate,
    /// A constant that is NaN or infinite.
    #[error("{what} is {value}, which is not finite")]
    NotFinite {
        /// Where it stands.
        what: &'static str,
        /// The value.
        value: f64,
    },
    /// An angle expression of a degree above two.
    #[error("an angle may hold products of two variables, not of {degree}")]
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
    #[error("the matrix under a condition was not diagonalised: off by {deviation:e}, allowed is {allowed:e}")]
    NotDiagonalised {
        /// Largest entry of the difference between the matrix and what its eigenvectors and eigenvalues give.
        deviation: f64,
        /// Allowed deviation.
        allowed: f64,
    },
    /// An index outside a weight tensor.
    #[error("index {index:?} is out of range for weight tensor `{name}` of shape {shape:?}")]
    WeightIndex {
        /// Name of the tensor.
        name: String,
        /// The index that came.
        index: Vec<usize>,
        /// Shape of the tensor.
        shape: Vec<usize>,
    },
    /// A weight tensor the circuit does not know, for instance one of another circuit.
    #[error("weight tensor `{name}` is not declared by this circuit")]
    UnknownWeights {
        /// Name of the tensor.
        name: String,
    },
    /// One name declared with two shapes.
    #[error("weight tensor `{name}` is already declared with shape {declared:?}, not {shape:?}")]
    WeightRedeclared {
        /// Name of the tensor.
        name: String,
        /// The shape it has.
        declared: Vec<usize>,
        /// The shape asked for now.
        shape: Vec<usize>,
    },
    /// More weights than a circuit may have.
    #[error("weight tensor `{name}` of shape {shape:?} is too large: a circuit may have {limit} weights in all")]
    TooManyWeights {
        /// Name of the tensor.
        name: String,
        /// The shape asked for.
        shape: Vec<usize>,
        /// The largest number of entries of all tensors together.
        limit: usize,
    },
    /// A weight name that cannot be a path segment of a `VarBuilder`.
    #[error("`{name}` is no name for a weight tensor: it must be non-empty and hold no `.`")]
    WeightName {
        /// The name that came.
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
        /// Entries that came.
        actual: usize,
    },
    /// A matrix that is not unitary.
    #[error("the matrix is not unitary: the largest entry of |U†U - 1| is {deviation:e}, allowed is {allowed:e}")]
    NotUnitary {
        /// Largest deviation.
        deviation: f64,
        /// Allowed deviation.
        allowed: f64,
    },
    /// A matrix or sum that is not Hermitian.
    #[error("the observable is not Hermitian: the largest deviation is {deviation:e}, allowed is {allowed:e}")]
    NotHermitian {
        /// Largest deviation.
        deviation: f64,
        /// Allowed deviation.
        allowed: f64,
    },
    /// A letter that is no Pauli matrix.
    #[error("`{letter}` is no Pauli letter (I, X, Y, Z)")]
    PauliLetter {
        /// The letter that came.
        letter: char,
    },
    /// A list of values of the wrong length.
    #[error("expected {expected} {what}, got {actual}")]
    Length {
        /// What is counted.
        what: &'static str,
        /// Number expected, in words where it is a range.
        expected: String,
        /// Number that came.
        actual: usize,
    },
    /// State preparation after the state has been touched.
    #[error("amplitude embedding must be the first operation of a circuit")]
    EmbeddingNotFirst,
    /// State preparation where a unitary is needed.
    #[error("amplitude embedding is no unitary: it cannot be inverted, repeated, controlled or conditional")]
    EmbeddingNotUnitary,
    /// A measurement or a reset where a unitary is needed.
    #[error("a measurement or a reset inside a circuit is no unitary: it cannot be inverted or controlled")]
    MeasurementNotUnitary,
    /// A qubit that a measurement or a reset needs to be in 0.
    #[error("qubit {qubit} has been used before: measurements and resets need one that is untouched")]
    QubitTouched {
        /// Its index.
        qubit: usize,
    },
    /// The record of a measurement as the target of an operation.
    #[error("qubit {qubit} is the record of a measurement: it may be a control, and no target")]
    RecordChanged {
        /// Its index.
        qubit: usize,
    },
    /// More than a classical bit read from the record of a measurement.
    #[error("qubit {qubit} is the record of a measurement: observables may have no more of it than Z")]
    RecordRead {
        /// Its index.
        qubit: usize,
    },
    /// A qubit used after a reset moved a state there.
    #[error("qubit {qubit} holds what a reset took away: nothing may touch it")]
    QubitDiscarded {
        /// Its index.
        qubit: usize,
    },
    /// A circuit with more operations than it may have.
    #[error("a circuit may have at most {limit} operations")]
    TooManyOperations {
        /// The largest number allowed.
        limit: usize,
    },
    /// Circuits of different sizes put together.
    #[error("a circuit of {other} qubit(s) does not fit into one of {qubits}")]
    CircuitSize {
        /// Qubits of this circuit.
        qubits: usize,
        /// Qubits of the other one.
        other: usize,
    },
    /// Products of observables exist for Pauli words and sums only.
    #[error("products are defined for Pauli words and their sums only")]
    ObservableProduct,
    /// A cost that is not diagonal where it must be.
    #[error("the cost must be a sum of Pauli words of Z only")]
    NotDiagonal,
    /// A measurement without outputs.
    #[error("nothing is measured")]
    NothingMeasured,
    /// An unreadable Pauli word.
    #[error("`{text}` is no Pauli word such as \"X0 Y2 Z3\"")]
    PauliWord {
        /// The text that came.
        text: String,
    },
    /// Amplitudes asked for with finite shots.
    #[error("amplitudes cannot be estimated from shots")]
    StateFromShots,
    /// The variance of an observable that no single basis shows, asked for with finite shots.
    #[error("from shots, a variance needs terms that read each qubit in one basis")]
    VarianceBases,
    /// A Hermitian matrix whose eigenvectors were not found.
    #[error("no eigenvectors were found for the matrix")]
    NoEigenbasis,
    /// A number that must be above 0.
    #[error("{what} is {value}, which is not a positive number")]
    NotPositive {
        /// What it is.
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
    /// Frequencies that are no multiples of a common one, or of so small a one that they are too many.
    #[error(
        "the frequencies of feature {feature} have no common unit with at most {limit} multiples (largest: {largest}, \
         found: {unit})"
    )]
    NoCommonFrequency {
        /// Index of the feature.
        feature: usize,
        /// The largest of the frequencies that were compared.
        largest: f64,
        /// What divides them all, if anything does.
        unit: f64,
        /// The most multiples there may be.
        limit: usize,
    },
}
