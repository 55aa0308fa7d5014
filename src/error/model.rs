//! Problems of models and of their files.

use super::Mistake;

/// Problem of a [`Model`](crate::model::Model) or of its file, for [`Error::Model`](crate::Error::Model).
///
/// Words that are cited from a file are cut at 40 characters, and their control characters are escaped.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelProblem {
    /// A file that is no safetensors file.
    #[error("this is no safetensors file: {0}")]
    Safetensors(String),
    /// A safetensors file without a description of a model.
    #[error("the file holds tensors without a model: its metadata has no key `candlewick`")]
    NoModel,
    /// A format that is newer than this version of candlewick.
    #[error("the file has format {found}; {newest} is the newest that this version of candlewick reads")]
    Version {
        /// Format of the file.
        found: u64,
        /// Newest format that is known.
        newest: u64,
    },
    /// A description that does not fit the format.
    #[error("the description cannot be read: {0}")]
    Json(String),
    /// A tensor that is missing.
    #[error("tensor `{0}` is missing")]
    Missing(String),
    /// A tensor that belongs to nothing.
    #[error("tensor `{0}` belongs to nothing")]
    Extra(String),
    /// A tensor of another shape than its place needs.
    #[error("tensor `{tensor}` has shape {actual:?} instead of {expected:?}")]
    Shape {
        /// Name of the tensor.
        tensor: String,
        /// Shape that is needed.
        expected: Vec<usize>,
        /// Shape in the file.
        actual: Vec<usize>,
    },
    /// A tensor of another dtype than its place needs.
    #[error("tensor `{tensor}` is {actual} instead of {expected}")]
    DType {
        /// Name of the tensor.
        tensor: String,
        /// Dtype that is needed.
        expected: String,
        /// Dtype in the file.
        actual: String,
    },
    /// A tensor with an entry that is not finite.
    #[error("tensor `{0}` has an entry that is not finite")]
    NotFinite(String),
    /// A layer that does not fit the outputs of the layer before it.
    #[error("takes samples of shape {expected}, not {actual:?}")]
    Chain {
        /// Shape that the layer takes, in words.
        expected: String,
        /// Shape of a sample at this place.
        actual: Vec<usize>,
    },
    /// A size beyond its limit.
    #[error("{what}: {value} is beyond the limit of {limit}")]
    Limit {
        /// Name of the size.
        what: &'static str,
        /// Size that was found.
        value: u64,
        /// Largest size.
        limit: u64,
    },
    /// A setting outside its range, or one that does not belong to its layer.
    #[error("{what} is {value}; it must be {allowed}")]
    Setting {
        /// Name of the setting.
        what: &'static str,
        /// Value that was found.
        value: String,
        /// Allowed values, in words.
        allowed: &'static str,
    },
    /// A file that was damaged: its digest is not that of its contents.
    #[error("the contents have digest {actual}, and the file says {expected}: it was damaged")]
    Digest {
        /// Digest in the file.
        expected: String,
        /// Digest of the contents.
        actual: String,
    },
    /// A circuit that does something else now than when the file was written.
    #[error("the circuit and its measurement have fingerprint {actual}, and the file says {expected}")]
    Fingerprint {
        /// Fingerprint in the file.
        expected: String,
        /// Fingerprint of the circuit and measurement that the file describes.
        actual: String,
    },
    /// A layer that cannot be saved.
    #[error("{0} cannot be saved")]
    NotSaved(&'static str),
    /// A mistake in a circuit, an observable or a measurement.
    #[error("{0}")]
    Mistake(Mistake),
    /// A layer, a preparation or a table that cannot be made of its settings and tensors.
    #[error("{0}")]
    Layer(String),
}
