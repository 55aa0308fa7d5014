//! Errors of weights.

use candle_core::Shape;

/// Weights that do not belong to a circuit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// A missing weight tensor that the circuit declares.
    #[error("weight tensor `{name}` is missing; the circuit declares {declared:?}")]
    Missing {
        /// Name of the tensor.
        name: String,
        /// All names the circuit declares.
        declared: Vec<String>,
    },
    /// A weight tensor that the circuit does not declare, or that is given twice.
    #[error("weight tensor `{name}` is not declared by the circuit or was given twice; it declares {declared:?}")]
    Unexpected {
        /// Name of the tensor.
        name: String,
        /// All names the circuit declares.
        declared: Vec<String>,
    },
    /// A weight tensor has another shape than the circuit declares.
    #[error("weight tensor `{name}` has shape {actual:?}, but the circuit declares {expected:?}")]
    Shape {
        /// Name of the tensor.
        name: String,
        /// Declared shape.
        expected: Shape,
        /// Shape of the given tensor.
        actual: Shape,
    },
    /// Weight tensors for ensembles of different sizes.
    #[error("weight tensor `{name}` is for {members} member(s) of an ensemble, but `{other}` is for {others}")]
    Members {
        /// Name of the tensor.
        name: String,
        /// Leading dimension of the tensor.
        members: usize,
        /// Name of an earlier tensor.
        other: String,
        /// Leading dimension of the earlier tensor.
        others: usize,
    },
    /// A weight that is NaN or infinite.
    #[error("entry {entry} of weight tensor `{name}` is {value}, which is not finite")]
    NotFinite {
        /// Name of the tensor.
        name: String,
        /// Index of the entry, counted from 0, row by row.
        entry: usize,
        /// The value.
        value: f64,
    },
    /// A weight tensor that is no variable and therefore cannot be trained.
    #[error("weight tensor `{name}` is not a variable (a `VarMap` makes them), so it cannot be trained")]
    NotTrainable {
        /// Name of the tensor.
        name: String,
    },
    /// Weights that belong to another circuit or measurement, although their names and shapes fit.
    #[error(
        "the weights under `{prefix}` belong to another circuit or measurement: the fingerprint beside them is {found}, that of this layer \
         {expected:016x} (`QuantumLayerConfig::ignore_fingerprint` takes them all the same)",
        found = .found.map_or_else(|| "another".to_owned(), |found| format!("{found:016x}"))
    )]
    Fingerprint {
        /// Prefix of the weights in the `VarBuilder`.
        prefix: String,
        /// Fingerprint of this layer's circuit and measurement.
        expected: u64,
        /// Fingerprint beside the weights; `None` if the `VarBuilder` does not report it, as for a `VarMap`.
        found: Option<u64>,
    },
}
