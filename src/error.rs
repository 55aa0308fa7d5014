//! The one error type of the crate.
//!
//! Every variant carries the numbers a user needs to mend the call; nothing is reported as a bare string.

mod carried;
mod mistake;

pub use mistake::Mistake;

use candle_core::{DType, Shape};

/// `Result` with candlewick's [`enum@Error`] as the default error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong between a circuit and a gradient.
///
/// It converts into [`candle_core::Error`], so `?` works inside functions that return candle's `Result`, and comes out of it again, type and numbers
/// included: a layer's error is the same from `Module::forward`, from `backward()` and from a training loop. [`Error::find`] looks for one inside
/// candle's.
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
    /// Numbers that a call returns or works with do not fit into the memory. Raised before they are allocated.
    #[error(
        "{what} need {needed}, but the memory budget is {budget} bytes",
        needed = .needed.map_or_else(|| "more than 2^64 bytes".to_owned(), |bytes| format!("{bytes} bytes"))
    )]
    ResultMemory {
        /// What they are.
        what: &'static str,
        /// Bytes needed; `None` if the number itself overflows.
        needed: Option<u64>,
        /// Bytes that may be used.
        budget: u64,
    },
    /// Memory within the budget that the system refuses to give.
    #[error("the system refuses {bytes} bytes for {what}")]
    Allocation {
        /// What it was for.
        what: &'static str,
        /// Bytes asked for.
        bytes: u64,
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
    /// Weights that belong to another circuit or measurement, although their names and shapes fit.
    #[error(
        "the weights under `{prefix}` belong to another circuit or measurement: the fingerprint beside them is {found}, that of this layer \
         {expected:016x} (`QuantumLayerConfig::ignore_fingerprint` takes them all the same)",
        found = .found.map_or_else(|| "another".to_owned(), |found| format!("{found:016x}"))
    )]
    Fingerprint {
        /// Where the weights are in the `VarBuilder`.
        prefix: String,
        /// Fingerprint of this layer's circuit and measurement.
        expected: u64,
        /// Fingerprint that is with the weights; `None` where the `VarBuilder` does not tell, as that of a `VarMap`.
        found: Option<u64>,
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
    /// Nothing to train: no variables, or none with an entry.
    #[error("{of} has no variables to train")]
    NoVariables {
        /// The optimiser, or what needs one.
        of: &'static str,
    },
    /// A step for which no variable has a gradient: the loss does not depend on any of them, or an operation on the way has no derivative.
    #[error(
        "{of}: no variable has a gradient (of {variables:?}); is something detached, or without a derivative, between them and the loss?"
    )]
    NoVariableGradient {
        /// The optimiser, or what reads the gradients.
        of: &'static str,
        /// Names of the variables, or their indices where they have no names.
        variables: Vec<String>,
    },
    /// A gradient that is NaN or infinite, where a step was to be taken along it.
    #[error("the gradient of weight tensor `{name}` is not finite, or too large to be squared")]
    GradientNotFinite {
        /// Name of the tensor.
        name: String,
    },
    /// An energy that is NaN or infinite, where it was to be minimised.
    #[error("the energy is {energy} after {step} step(s)")]
    EnergyNotFinite {
        /// Steps that were made.
        step: usize,
        /// The energy.
        energy: f64,
    },
    /// Costs of bit strings that are not as many as there are strings.
    #[error("costs: {0}")]
    Costs(Mistake),
    /// A cost that is NaN or infinite, where the lowest was sought.
    #[error("the cost of bit string {bits} is {cost}, which is not finite")]
    CostNotFinite {
        /// The string, bit `q` being qubit `q`.
        bits: u64,
        /// Its cost.
        cost: f64,
    },
    /// A picture that cannot be drawn or written.
    #[error("cannot draw {path}: {reason}")]
    Picture {
        /// Where it was to be written.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A line of a table that cannot be read.
    #[error(
        "line {line} of the table{place}: {problem}",
        place = .field.map_or_else(String::new, |field| format!(", field {field}"))
    )]
    Table {
        /// The line, counted from 1.
        line: usize,
        /// Which of its fields, counted from 1, if it is one of them.
        field: Option<usize>,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A file that does not hold the images or labels it should.
    #[error("{path}: {what} is {actual}, expected {expected}")]
    ImageFile {
        /// The file.
        path: String,
        /// Which of its numbers.
        what: &'static str,
        /// The number that fits.
        expected: u64,
        /// What came.
        actual: u64,
    },
    /// A class beyond those of a data set.
    #[error("the label of sample {sample} is beyond the {classes} class(es)")]
    Label {
        /// The sample, counted from 0.
        sample: usize,
        /// Number of classes.
        classes: usize,
    },
    /// A saved state that does not fit what is to take it up.
    #[error("the saved tensor `{name}` is {actual}, expected {expected}")]
    SavedState {
        /// Name of the tensor.
        name: String,
        /// Dtype and shape that fit.
        expected: String,
        /// What was saved.
        actual: String,
    },
    /// An optimiser whose state cannot be saved, as it does not know its variables' names.
    #[error("variable {index} has no name to be saved under; make the optimiser from a `VarMap`")]
    Unnamed {
        /// Which variable, in the order in which they were given.
        index: usize,
    },
    /// A perturbation that is lost in the rounding of a variable.
    #[error("no entry of weight tensor `{name}` moves by a perturbation of {by}")]
    Unmoved {
        /// Name of the tensor.
        name: String,
        /// How far its entries were to move.
        by: f64,
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
    /// Numbers among which one is NaN or infinite, where that would be lost.
    #[error("{what} has an entry that is NaN or infinite, or beyond the range of F32")]
    NotFinite {
        /// Which tensor.
        what: &'static str,
    },
    /// The weight of a linear layer that is no matrix, or has no elements.
    #[error("the weight of the linear layer has shape {shape:?}, expected [outputs, inputs], at least one of each")]
    LinearShape {
        /// Shape that came.
        shape: Shape,
    },
    /// A tensor that is no images of the channels a layer takes.
    #[error("images have shape {shape:?}, expected [.., {channels}, height, width]")]
    Images {
        /// Channels of an image.
        channels: usize,
        /// Shape that came.
        shape: Shape,
    },
    /// A circuit that reads another number of features than a patch of an image has.
    #[error(
        "the circuit reads {expected} input feature(s), but a patch of {channels} channel(s) and {} x {} pixels has {actual}",
        .kernel.0, .kernel.1
    )]
    PatchFeatures {
        /// Features the circuit reads.
        expected: usize,
        /// Channels of an image.
        channels: usize,
        /// Height and width of a patch.
        kernel: (usize, usize),
        /// Features of a patch.
        actual: usize,
    },
    /// A kernel that does not fit into an image.
    #[error(
        "a kernel that reaches over {} x {} pixels does not fit an image of {} x {}, which is {} x {} with its padding",
        .kernel.0, .kernel.1, .image.0, .image.1, .padded.0, .padded.1
    )]
    KernelBeyondImage {
        /// Rows and columns from a kernel's first pixel to its last.
        kernel: (u64, u64),
        /// Height and width of the image.
        image: (usize, usize),
        /// The same with padding.
        padded: (u64, u64),
    },
    /// A gradient that a method cannot find.
    #[error("{method} cannot find the gradient of {of}: {instead}")]
    NoGradient {
        /// The method.
        method: &'static str,
        /// What was to be differentiated.
        of: &'static str,
        /// What can be done instead.
        instead: &'static str,
    },
    /// An error of candle itself.
    #[error(transparent)]
    Candle(candle_core::Error),
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
    /// A mistake in the description of a molecule.
    #[error(
        "molecule {index}{place}: {mistake}",
        place = .term.map_or_else(String::new, |term| format!(", term {term}"))
    )]
    Molecule {
        /// Which molecule of a list, counted from 0.
        index: usize,
        /// Which of its terms, counted from 0, if it is one of them.
        term: Option<usize>,
        /// What is wrong with it.
        mistake: Mistake,
    },
    /// Text that is not what it should describe.
    #[error("{what} cannot be read from this JSON: {reason}")]
    Json {
        /// What it should describe.
        what: &'static str,
        /// What is wrong, and where.
        reason: String,
    },
    /// A file that cannot be read, written or renamed.
    #[error("`{path}` cannot be {action}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What was tried: `read`, `written` and so on.
        action: &'static str,
        /// What the system said.
        reason: String,
    },
    /// A folder into which another run writes its files.
    #[error("another run writes its files into `{folder}`: give each a folder of its own")]
    FolderInUse {
        /// The folder.
        folder: String,
    },
    /// A setting that is of use together with something else alone.
    #[error("`{setting}` of {of} needs {needs}")]
    SettingNeeds {
        /// What is set up.
        of: &'static str,
        /// Which of its settings.
        setting: &'static str,
        /// What is missing.
        needs: &'static str,
    },
    /// A feature that is NaN or infinite.
    #[error("feature {feature} of sample {sample} is {value}, which is not finite")]
    FeatureNotFinite {
        /// The column, counted from 0.
        feature: usize,
        /// The row, counted from 0.
        sample: usize,
        /// The value.
        value: f64,
    },
}
