//! Weights that are not those of a circuit.

use candle_core::Shape;

/// Weights that are not those of a circuit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// A weight tensor the circuit declares was not given.
    #[error("weight tensor `{name}` is missing; the circuit declares {declared:?}")]
    Missing {
        /// Its name.
        name: String,
        /// All names the circuit declares.
        declared: Vec<String>,
    },
    /// A weight tensor was given that the circuit does not declare, or twice.
    #[error("weight tensor `{name}` is not declared by the circuit or was given twice; it declares {declared:?}")]
    Unexpected {
        /// Its name.
        name: String,
        /// All names the circuit declares.
        declared: Vec<String>,
    },
    /// A weight tensor has another shape than the circuit declares.
    #[error("weight tensor `{name}` has shape {actual:?}, but the circuit declares {expected:?}")]
    Shape {
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
    /// A weight tensor that is no variable, where one is to be trained.
    #[error("weight tensor `{name}` is not a variable (a `VarMap` makes them), so it cannot be trained")]
    NotTrainable {
        /// Its name.
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
        /// Fingerprint that is with the weights; `None` where the `VarBuilder` does not tell, as that of a `VarMap`.
        found: Option<u64>,
    },
}
