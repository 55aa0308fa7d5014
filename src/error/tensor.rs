//! Errors of tensors of a call.

use super::data::name_of;
use candle_core::{DType, Shape};

/// Tensors of a call that do not fit the call or each other.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// The last dimension of the input is not the number of features the circuit reads.
    #[error("the circuit reads {expected} input feature(s), but the input has shape {shape:?}")]
    InputWidth {
        /// Features the circuit reads.
        expected: usize,
        /// Shape of the given input.
        shape: Shape,
    },
    /// A circuit with inputs was evaluated without them.
    #[error("the circuit reads {expected} input feature(s), but none were given")]
    MissingInputs {
        /// Features the circuit reads.
        expected: usize,
    },
    /// A tensor of another shape than the other tensors need.
    #[error("{what} has shape {actual:?}, expected {expected:?}")]
    Shape {
        /// Name of the tensor.
        what: &'static str,
        /// The shape that fits.
        expected: Shape,
        /// Shape of the given tensor.
        actual: Shape,
    },
    /// Two tensors of one call differ in dtype.
    #[error("{what} has dtype {actual:?}, expected {expected:?}")]
    DTypeMismatch {
        /// Name of the tensor.
        what: String,
        /// Dtype of the other tensors.
        expected: DType,
        /// Dtype of the given tensor.
        actual: DType,
    },
    /// The dtype cannot hold angles or expectation values.
    #[error("{what} has dtype {dtype:?}; candlewick computes in F16, BF16, F32 and, except on Metal, F64")]
    UnsupportedDType {
        /// Name of the tensor.
        what: String,
        /// Dtype of the given tensor.
        dtype: DType,
    },
    /// Tensors of one call are on different devices.
    #[error("{what} is on {actual}, but the other tensors are on {expected}")]
    DeviceMismatch {
        /// Name of the tensor.
        what: String,
        /// Device of the other tensors.
        expected: String,
        /// Device of this tensor.
        actual: String,
    },
    /// A tensor with a NaN or an infinity, which the result would not show.
    #[error("{what} has an entry that is NaN or infinite, or beyond the range of F32")]
    NotFinite {
        /// Name of the tensor.
        what: &'static str,
    },
    /// An entry of a matrix or of a list that is NaN or infinite.
    #[error("{what} has {value} in row {row}, column {column}, which is not finite")]
    EntryNotFinite {
        /// Name of the tensor or the list.
        what: &'static str,
        /// Row of the entry, counted from 0: the sample.
        row: usize,
        /// Column of the entry, counted from 0; 0 in a list.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A sample without a state: the features that become its amplitudes are all zero.
    #[error(
        "features {first} to {last} of sample {sample} are all 0, which is no state; \
         `amplitude_embedding_or_zero_state` makes |0..0> of them"
    )]
    NoState {
        /// Row of the sample, counted from 0.
        sample: usize,
        /// First of the features.
        first: usize,
        /// Last of the features.
        last: usize,
    },
    /// An output of a model that is NaN or infinite, where a prediction is to be made of it.
    #[error("output {output} of sample {sample} is {value}, which is no prediction")]
    OutputNotFinite {
        /// Row of the output, counted from 0.
        sample: usize,
        /// Column of the output, counted from 0.
        output: usize,
        /// The value.
        value: f64,
    },
    /// A feature that is NaN or infinite.
    #[error("feature {feature}{} of sample {sample} is {value}, which is not finite", name_of(.name))]
    FeatureNotFinite {
        /// Column of the feature, counted from 0.
        feature: usize,
        /// Name of the feature, if it has one.
        name: Option<String>,
        /// Row of the feature, counted from 0.
        sample: usize,
        /// The value.
        value: f64,
    },
    /// The weight of a linear layer that is no matrix, or has no elements.
    #[error("the weight of the linear layer has shape {shape:?}, expected [outputs, inputs], at least one of each")]
    LinearShape {
        /// Shape of the given tensor.
        shape: Shape,
    },
    /// A tensor without images that have a layer's channels.
    #[error("images have shape {shape:?}, expected [.., {channels}, height, width]")]
    Images {
        /// Channels of an image.
        channels: usize,
        /// Shape of the given tensor.
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
        /// Height and width of the image with padding.
        padded: (u64, u64),
    },
}
