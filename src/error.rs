//! Errors: one type for the crate, with a group for each kind of cause.
//!
//! Every variant has the numbers that a user needs to correct the call. If the system, a driver or a parser has refused
//! an operation, its own error is the [`source`](std::error::Error::source).
//!
//! ```
//! use candlewick::error::{Error, FileError};
//! use candlewick::variational::Molecule;
//!
//! let error = Molecule::read("no/such/file.json").unwrap_err();
//! let Error::File(FileError::Access { path, source, .. }) = &error else {
//!     panic!("{error}")
//! };
//! assert_eq!(path, "no/such/file.json");
//! let cause: &std::io::Error = source.downcast_ref().expect("the system has refused it");
//! assert_eq!(cause.kind(), std::io::ErrorKind::NotFound);
//! ```

mod carried;
mod cluster;
mod data;
mod device;
mod executor;
mod file;
mod memory;
mod mistake;
mod mitigation;
mod model;
mod noise;
mod qasm;
mod simulation;
mod states;
mod tensor;
mod training;
mod weights;
pub(crate) mod words;

pub use cluster::ClusterError;
pub use data::DataError;
pub use device::DeviceError;
pub use executor::ExecutorError;
pub use file::FileError;
pub use memory::MemoryError;
pub use mistake::Mistake;
pub use mitigation::MitigationError;
pub use model::ModelProblem;
pub use noise::NoiseError;
pub use qasm::QasmProblem;
pub use simulation::SimulationError;
pub use states::StatesError;
pub use tensor::TensorError;
pub use training::TrainingError;
pub use weights::WeightsError;

/// `Result` with candlewick's [`enum@Error`] as the default error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Error of the system, a driver or a library, as the source of a candlewick error.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Everything that can go wrong between a circuit and a gradient.
///
/// It converts into [`candle_core::Error`], so `?` works inside functions that return candle's `Result`. It can be
/// recovered from candle's error with its type and numbers: a layer's error is the same from `Module::forward`, from
/// `backward()` and from a training loop. [`Error::find`] returns it from inside an error of candle.
///
/// [`candle_core::Error`]: https://docs.rs/candle-core/latest/candle_core/error/enum.Error.html
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A mistake made while a circuit was written. Builder methods never panic: the circuit stores the first mistake,
    /// with the index of its operation, and returns it when it is used.
    #[error("operation {operation} (`{name}`): {mistake}")]
    Circuit {
        /// Index of the operation, counted from 0 in the order of the calls.
        operation: usize,
        /// Name of the operation or of the builder method.
        name: String,
        /// Mistake in the operation.
        mistake: Mistake,
    },
    /// A mistake in an observable, with its index in the measurement.
    #[error("observable {index}: {mistake}")]
    Observable {
        /// Index of the observable in the measurement.
        index: usize,
        /// Mistake in the observable.
        mistake: Mistake,
    },
    /// A mistake in a measurement as a whole.
    #[error("measurement: {0}")]
    Measurement(Mistake),
    /// A setting outside its range.
    #[error("{setting} of {of} is {value}; it must be {allowed}")]
    Setting {
        /// Name of the layer, optimiser or function that has the setting.
        of: &'static str,
        /// Name of the setting.
        setting: &'static str,
        /// Value that was given.
        value: f64,
        /// Allowed range, in words.
        allowed: &'static str,
    },
    /// A gradient that a method cannot compute.
    #[error("{method} cannot find the gradient of {of}: {instead}")]
    NoGradient {
        /// The method.
        method: &'static str,
        /// Function whose derivative was requested.
        of: &'static str,
        /// Advice: a method that can compute the gradient.
        instead: &'static str,
    },
    /// An error of candle itself.
    #[error(transparent)]
    Candle(candle_core::Error),
    /// A question to [`diagnostics`](crate::diagnostics) that has no answer.
    #[error("diagnostics: {0}")]
    Diagnostics(Mistake),
    /// A mistake in the description of a molecule.
    #[error(
        "molecule {index}{place}: {mistake}",
        place = .term.map_or_else(String::new, |term| format!(", term {term}"))
    )]
    Molecule {
        /// Index of the molecule in its list, from 0.
        index: usize,
        /// Index of the term, from 0, if the mistake is in a term.
        term: Option<usize>,
        /// Mistake in the description.
        mistake: Mistake,
    },
    /// A mistake in a further observable of a molecule.
    #[error("molecule {index}, observable `{observable}`, term {term}: {mistake}")]
    MoleculeObservable {
        /// Index of the molecule in its list, from 0.
        index: usize,
        /// Name of the observable.
        observable: String,
        /// Index of the term in the observable, from 0.
        term: usize,
        /// Mistake in the term, boxed because errors are small.
        mistake: Box<Mistake>,
    },
    /// An observable that a molecule does not have.
    #[error("`{molecule}` has no observable `{name}`, only {known:?}")]
    UnknownObservable {
        /// Name that was requested.
        name: String,
        /// Name of the molecule.
        molecule: String,
        /// Names of the observables that the molecule has.
        known: Vec<String>,
    },
    /// A drawing as SVG or LaTeX of too many operations. A drawing as text has no limit.
    #[error("a drawing of {operations} operations is too large; {limit} are the most, and text has no limit")]
    Drawing {
        /// Number of operations of the circuit.
        operations: usize,
        /// Largest number of operations.
        limit: usize,
    },
    /// A setting that needs another setting, which is missing.
    #[error("`{setting}` of {of} needs {needs}")]
    SettingNeeds {
        /// Name of the layer, optimiser or function that has the setting.
        of: &'static str,
        /// Name of the setting.
        setting: &'static str,
        /// Name of the missing setting.
        needs: &'static str,
    },
    /// Tensors of a call that do not fit the call or each other.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// Weights that do not belong to a circuit.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Memory that a computation needs and does not get. All variants except `Refused` are raised before anything is
    /// allocated.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// Devices and processors that cannot run a computation.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Circuits that a simulation cannot run.
    #[error(transparent)]
    Simulation(#[from] SimulationError),
    /// Processes that cannot compute together.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// Circuits that a program outside cannot run, and answers that are no counts.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// Noise models that do not fit themselves or a circuit.
    #[error(transparent)]
    Noise(#[from] NoiseError),
    /// Circuits and outputs whose errors cannot be mitigated.
    #[error(transparent)]
    Mitigation(#[from] MitigationError),
    /// Tensors of states, and questions about states that have no answer.
    #[error(transparent)]
    States(#[from] StatesError),
    /// Training and searches that cannot go on.
    #[error(transparent)]
    Training(#[from] TrainingError),
    /// Data sets that are not valid.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Files that cannot be read, written or understood.
    #[error(transparent)]
    File(#[from] FileError),
    /// A model whose parts do not fit each other, or a file that is no model.
    #[error("{at}: {problem}")]
    Model {
        /// Part of the model, such as `layers[4].circuit.operations[17]`.
        at: String,
        /// Problem of this part.
        problem: ModelProblem,
    },
    /// An OpenQASM text that is wrong, or that no circuit can express.
    #[error("line {line}, column {column}: {problem}")]
    Qasm {
        /// Line of the place, counted from 1.
        line: usize,
        /// Column of the place, in characters, counted from 1.
        column: usize,
        /// Problem at this place.
        problem: QasmProblem,
    },
    /// An operation that has no form in OpenQASM.
    #[error("operation {operation} (`{name}`) has no form in OpenQASM {version}: {reason}")]
    NoQasm {
        /// Index of the operation.
        operation: usize,
        /// Name of its builder method.
        name: String,
        /// Version of the language: 2 or 3.
        version: u32,
        /// The reason, in words.
        reason: &'static str,
    },
    /// A weight tensor that an OpenQASM text cannot declare.
    #[error("the weight tensor `{name}` has no form in OpenQASM: {reason}")]
    NoQasmWeights {
        /// Name of the tensor.
        name: String,
        /// The reason, in words.
        reason: &'static str,
    },
}
