//! Layers as data: their settings, and the shapes of samples that go through them.

use crate::circuit::Circuit;
use crate::error::ModelProblem;
use crate::measurement::Measurement;
use crate::nn::{AffineConfig, QuantizedLinearConfig, QuantumConv2dConfig, QuantumLayerConfig, SoftThresholdConfig};
use candle_nn::Conv2dConfig;
use serde::{Deserialize, Serialize};

/// Layer of a [`Model`](super::Model), as data: what it does, without its weights.
///
/// Shapes are those of a sample; each layer also takes batches, `[batch, ..]`.
///
/// | layer | takes | gives | weights |
/// |---|---|---|---|
/// | `Linear` | `[.., inputs]` | `[.., outputs]` | `weight`, `bias` |
/// | `Activation`, `Dropout` | any | the same | |
/// | `LayerNorm` | `[.., size]` | the same | `weight`, `bias` |
/// | `Affine` | `[.., outputs]` | the same | `scale`, `bias` |
/// | `SoftThreshold` | any | the same | `alpha`, `threshold` |
/// | `Conv2d` | `[inputs, height, width]` | `[outputs, rows, columns]` | `weight`, `bias` |
/// | `MaxPool2d`, `AveragePool2d` | `[channels, height, width]` | `[channels, rows, columns]` | |
/// | `Flatten`, `Reshape` | any | `[numbers]`; the given shape | |
/// | `QuantizedLinear` | `[.., inputs]` | `[.., outputs]` | `blocks`, `unit`, `bias` |
/// | `Quantum` | `[.., features]` | `[.., outputs]` | those of the circuit |
/// | `QuantumConv2d` | `[channels, height, width]` | `[outputs, rows, columns]` | those of the circuit |
/// | `Residual` | any | the same: `x + f(x)` | those of its layers |
///
/// ```
/// use candlewick::model::Layer;
/// use candlewick::prelude::*;
/// let mut circuit = Circuit::new(2);
/// circuit.angle_embedding(Gate::ry, (0..2).map(input));
/// circuit.strongly_entangling_layers("theta", 2);
/// let layers = [
///     Layer::linear(4, 2),
///     Layer::Activation(candlewick::model::Activation::Tanh),
///     Layer::quantum(circuit, Measurement::expectation([Z(0), Z(1)])),
/// ];
/// # use candlewick::gate::Gate;
/// assert_eq!(layers[2].name(), "quantum");
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Layer {
    /// Linear layer `x W^T + b`.
    Linear {
        /// Number of features of an input.
        inputs: usize,
        /// Number of outputs.
        outputs: usize,
        /// Whether there is a bias.
        bias: bool,
    },
    /// Function of each number, or of each row.
    Activation(Activation),
    /// Dropout with this probability, from 0 to below 1, in training; nothing otherwise. Its random numbers are
    /// candle's, which no seed of candlewick repeats.
    Dropout(f32),
    /// Layer normalisation over the last dimension.
    LayerNorm {
        /// Size of the last dimension.
        size: usize,
        /// Number that is added to the variance, above 0.
        eps: f64,
    },
    /// [`Affine`](crate::nn::Affine): a scale and a bias for each output.
    Affine {
        /// Number of outputs.
        outputs: usize,
        /// Initial values.
        config: AffineConfig,
    },
    /// [`SoftThreshold`](crate::nn::SoftThreshold).
    SoftThreshold {
        /// Initial values.
        config: SoftThresholdConfig,
    },
    /// Convolution.
    Conv2d {
        /// Channels of an image.
        inputs: usize,
        /// Channels of the output.
        outputs: usize,
        /// Height and width of the kernel.
        kernel: usize,
        /// Padding, stride, dilation and groups. The algorithm of cuDNN is not saved.
        config: Conv2dConfig,
        /// Whether there is a bias.
        bias: bool,
    },
    /// Largest pixel of each window. candle has its gradient where the stride is the kernel, and an error elsewhere.
    MaxPool2d {
        /// Height and width of a window.
        kernel: usize,
        /// Pixels from a window to the next.
        stride: usize,
    },
    /// Mean of the pixels of each window. Its gradient is limited as that of `MaxPool2d` is.
    AveragePool2d {
        /// Height and width of a window.
        kernel: usize,
        /// Pixels from a window to the next.
        stride: usize,
    },
    /// All numbers of a sample in a row.
    Flatten,
    /// Numbers of a sample in another shape.
    Reshape(Vec<usize>),
    /// [`QuantizedLinear`](crate::nn::QuantizedLinear), whose weights come from a file or from
    /// [`Model::quantized`](super::Model::quantized); it cannot be trained.
    QuantizedLinear(QuantizedLinearConfig),
    /// [`QuantumLayer`](crate::QuantumLayer).
    Quantum {
        /// The circuit.
        circuit: Circuit,
        /// The measurement.
        measurement: Measurement,
        /// Options. The limit of memory, the rewrites, the treatment of fingerprints and the cluster belong to the
        /// machine and the run, and are not saved.
        config: QuantumLayerConfig,
    },
    /// [`QuantumConv2d`](crate::nn::QuantumConv2d).
    QuantumConv2d {
        /// Circuit for a patch.
        circuit: Circuit,
        /// The measurement.
        measurement: Measurement,
        /// Options.
        config: QuantumConv2dConfig,
    },
    /// Sum of a sample and what these layers make of it.
    Residual(Vec<Self>),
}

/// Function of an [`Activation`](Layer::Activation) layer. The names of its variants are a part of the format of files.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// Hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x Φ(x)` with the distribution function Φ of the normal distribution.
    Gelu,
    /// Approximation of [`Gelu`](Self::Gelu) by a hyperbolic tangent.
    GeluTanh,
    /// `x / (1 + exp(-x))`.
    Silu,
    /// `ln(1 + exp(x))`.
    Softplus,
    /// `x`, or for negative numbers `slope x`.
    LeakyRelu(f64),
    /// Softmax over the last dimension.
    Softmax,
    /// Logarithm of the softmax over the last dimension.
    LogSoftmax,
}

/// Largest number of numbers of a sample between two layers.
pub(super) const SAMPLE: u64 = 1 << 31;

/// Largest size of a kernel, a stride and the like.
const SIZE: u64 = u32::MAX as u64;

impl Layer {
    /// Linear layer with a bias.
    pub fn linear(inputs: usize, outputs: usize) -> Self {
        Self::Linear { inputs, outputs, bias: true }
    }

    /// Quantum layer with default options.
    pub fn quantum(circuit: Circuit, measurement: Measurement) -> Self {
        Self::Quantum { circuit, measurement, config: QuantumLayerConfig::default() }
    }

    /// Returns the name of the layer, as files write it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Linear { .. } => "linear",
            Self::Activation(_) => "activation",
            Self::Dropout(_) => "dropout",
            Self::LayerNorm { .. } => "layer_norm",
            Self::Affine { .. } => "affine",
            Self::SoftThreshold { .. } => "soft_threshold",
            Self::Conv2d { .. } => "conv2d",
            Self::MaxPool2d { .. } => "max_pool2d",
            Self::AveragePool2d { .. } => "average_pool2d",
            Self::Flatten => "flatten",
            Self::Reshape(_) => "reshape",
            Self::QuantizedLinear(_) => "quantized_linear",
            Self::Quantum { .. } => "quantum",
            Self::QuantumConv2d { .. } => "quantum_conv2d",
            Self::Residual(_) => "residual",
        }
    }

    /// Returns the shape that a sample of this shape has behind the layer; `Residual` asks its layers itself.
    pub(super) fn output_shape(&self, input: &[usize]) -> Result<Vec<usize>, ModelProblem> {
        self.check_settings()?;
        let misfit = |expected: String| ModelProblem::Chain { expected, actual: input.to_vec() };
        let too_small = || misfit("images that are as large as the kernel".to_owned());
        let rows = |width: usize, outputs: &[usize]| match input.split_last() {
            Some((last, leading)) if *last == width => Ok([leading, outputs].concat()),
            _ => Err(misfit(format!("[.., {width}]"))),
        };
        let image = |channels: Option<usize>| match *input {
            [found, height, width] if channels.is_none_or(|channels| channels == found) => Ok((found, height, width)),
            _ => {
                let channels = channels.map_or("channels".to_owned(), |channels| channels.to_string());
                Err(misfit(format!("[{channels}, height, width]")))
            }
        };
        let output = match self {
            Self::Linear { inputs, outputs, .. } => rows(*inputs, &[*outputs])?,
            Self::QuantizedLinear(config) => rows(config.inputs, &[config.outputs])?,
            Self::LayerNorm { size, .. } => rows(*size, &[*size])?,
            Self::Affine { outputs, .. } => rows(*outputs, &[*outputs])?,
            Self::Activation(Activation::Softmax | Activation::LogSoftmax) if input.is_empty() => {
                return Err(misfit("[.., outputs]".to_owned()));
            }
            Self::Activation(_) | Self::Dropout(_) | Self::SoftThreshold { .. } | Self::Residual(_) => input.to_vec(),
            Self::Conv2d { inputs, outputs, kernel, config, .. } => {
                let (_, height, width) = image(Some(*inputs))?;
                let sides = [height, width].map(|side| {
                    let (padded, span) =
                        (side as u64 + 2 * config.padding as u64, config.dilation as u64 * (*kernel as u64 - 1) + 1);
                    padded.checked_sub(span).map(|free| free / config.stride as u64 + 1)
                });
                image_of(*outputs, sides).ok_or_else(too_small)?
            }
            Self::MaxPool2d { kernel, stride } | Self::AveragePool2d { kernel, stride } => {
                let (channels, height, width) = image(None)?;
                let sides =
                    [height, width].map(|side| side.checked_sub(*kernel).map(|free| (free / stride + 1) as u64));
                image_of(channels, sides).ok_or_else(too_small)?
            }
            Self::Flatten => vec![input.iter().product()],
            Self::Reshape(shape) if numbers(shape) == numbers(input) => shape.clone(),
            Self::Reshape(shape) => return Err(misfit(format!("any with the numbers of {shape:?}"))),
            // The measurement gives the sides behind.
            Self::Quantum { circuit, .. } => rows(circuit.inputs(), &[])?,
            Self::QuantumConv2d { config, .. } => {
                image(Some(config.channels))?;
                Vec::new()
            }
        };
        check_limit("numbers of a sample", numbers(&output), SAMPLE)?;
        Ok(output)
    }

    fn check_settings(&self) -> Result<(), ModelProblem> {
        let size = |what: &'static str, value: usize| match value {
            0 => Err(setting(what, value, "1 or more")),
            _ => check_limit(what, value as u64, SIZE),
        };
        match self {
            Self::Linear { inputs, outputs, .. } => size("inputs", *inputs).and_then(|()| size("outputs", *outputs)),
            Self::QuantizedLinear(config) => {
                size("inputs", config.inputs).and_then(|()| size("outputs", config.outputs))
            }
            Self::Dropout(probability) if !(0.0..1.0).contains(probability) => {
                Err(setting("the probability of a dropout", probability, "from 0 to below 1"))
            }
            Self::LayerNorm { eps, .. } if !(*eps > 0.0 && eps.is_finite()) => {
                Err(setting("eps", eps, "finite and above 0"))
            }
            Self::LayerNorm { size: width, .. } => size("size", *width),
            Self::Affine { outputs, .. } => size("outputs", *outputs),
            Self::Activation(Activation::LeakyRelu(slope)) if !slope.is_finite() => {
                Err(setting("slope", slope, "finite"))
            }
            Self::Conv2d { inputs, outputs, kernel, config, .. } => {
                for (what, value) in [
                    ("inputs", *inputs),
                    ("outputs", *outputs),
                    ("kernel", *kernel),
                    ("stride", config.stride),
                    ("dilation", config.dilation),
                    ("groups", config.groups),
                ] {
                    size(what, value)?;
                }
                // Wider padding would only add numbers that no weight reaches.
                if config.padding > (kernel - 1).saturating_mul(config.dilation) {
                    return Err(setting("padding", config.padding, "narrower than the kernel"));
                }
                match inputs % config.groups == 0 && outputs % config.groups == 0 {
                    true => Ok(()),
                    false => Err(setting("groups", config.groups, "a divisor of inputs and of outputs")),
                }
            }
            Self::MaxPool2d { kernel, stride } | Self::AveragePool2d { kernel, stride } => {
                size("kernel", *kernel).and_then(|()| size("stride", *stride))
            }
            Self::Reshape(shape) => shape.iter().try_for_each(|side| size("a side of a shape", *side)),
            _ => Ok(()),
        }
    }
}

/// Returns the circuits of layers with their places, those inside of residual blocks included.
pub(super) fn circuits<'m>(layers: &'m [Layer], prefix: &str) -> Vec<(String, &'m Circuit)> {
    let mut all = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        let place = format!("{prefix}{index}");
        match layer {
            Layer::Quantum { circuit, .. } | Layer::QuantumConv2d { circuit, .. } => all.push((place, circuit)),
            Layer::Residual(inner) => all.extend(circuits(inner, &format!("{place}."))),
            _ => {}
        }
    }
    all
}

/// Returns the shape of an image, if it has sides.
fn image_of(channels: usize, [rows, columns]: [Option<u64>; 2]) -> Option<Vec<usize>> {
    Some(vec![channels, usize::try_from(rows?).ok()?, usize::try_from(columns?).ok()?])
}

fn setting(what: &'static str, value: impl ToString, allowed: &'static str) -> ModelProblem {
    ModelProblem::Setting { what, value: value.to_string(), allowed }
}

/// Returns the number of entries of a shape, or `u64::MAX` if there are more.
pub(super) fn numbers(shape: &[usize]) -> u64 {
    shape.iter().fold(1, |all: u64, side| all.saturating_mul(*side as u64))
}

/// Checks a size against its limit.
pub(super) fn check_limit(what: &'static str, value: u64, limit: u64) -> Result<(), ModelProblem> {
    if value > limit { Err(ModelProblem::Limit { what, value, limit }) } else { Ok(()) }
}
