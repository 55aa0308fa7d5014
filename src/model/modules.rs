//! Layers with their weights: candle's modules, and the shapes of samples on their way.

use super::layer::{Activation, Layer, SAMPLE, check_limit, numbers};
use crate::circuit::FINGERPRINT;
use crate::error::{Error, ModelProblem, Result};
use crate::memory::check_numbers;
use crate::nn::{
    Affine, QuantizedLinear, QuantizedLinearConfig, QuantumConv2d, QuantumLayer, SoftThreshold, fingerprint_shape,
    quantize_dynamic,
};
use candle_core::{D, DType, Module, ModuleT, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, Dropout, LayerNorm, Linear, VarBuilder, ops};

/// Most layers of a model, those inside of others included.
const LAYERS: usize = 1024;

/// Largest depth of residual blocks inside each other.
const DEPTH: usize = 8;

/// Name of weights in errors of memory.
const WEIGHTS: &str = "the weights of a layer";

/// Layer with its weights.
#[derive(Debug, Clone)]
pub(super) enum Built {
    Linear(Linear),
    Activation(Activation),
    Dropout(Dropout),
    LayerNorm(LayerNorm, f64),
    Affine(Affine),
    SoftThreshold(SoftThreshold),
    Conv2d(Conv2d),
    MaxPool2d(usize, usize),
    AveragePool2d(usize, usize),
    Reshape(Vec<usize>),
    QuantizedLinear(QuantizedLinear),
    Quantum(Box<QuantumLayer>),
    QuantumConv2d(Box<QuantumConv2d>),
    Residual(Vec<Step>),
}

/// Layer with its weights, and the largest number of numbers that a sample has in it or behind it.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) built: Built,
    numbers: u64,
}

/// Returns the error of a part of a model.
pub(super) fn at(place: &str, problem: ModelProblem) -> Error {
    Error::Model { at: place.to_owned(), problem }
}

/// Checks the number of layers, those inside of others included, and the depth of blocks.
pub(super) fn check_tree<T>(layers: &[T], inner: impl Fn(&T) -> Option<&[T]>) -> Result<()> {
    let (mut count, mut rest) = (0, vec![(0, layers)]);
    while let Some((depth, layers)) = rest.pop() {
        count += layers.len();
        let limits = [("layers", count, LAYERS), ("depth of residual blocks", depth, DEPTH)];
        for (what, value, limit) in limits {
            check_limit(what, value as u64, limit as u64).map_err(|problem| at("layers", problem))?;
        }
        rest.extend(layers.iter().filter_map(|layer| Some((depth + 1, inner(layer)?))));
    }
    Ok(())
}

/// Makes layers with their weights from `vb`, in a row. Returns them with the shape of a sample behind the last.
pub(super) fn build(
    layers: &[Layer],
    input: &[usize],
    place: &str,
    vb: &VarBuilder<'_>,
) -> Result<(Vec<Step>, Vec<usize>)> {
    let mut shape = input.to_vec();
    let mut steps = Vec::with_capacity(layers.len());
    for (index, layer) in layers.iter().enumerate() {
        let place = format!("{place}layers[{index}]");
        let (built, behind) = build_one(layer, &shape, &place, vb.pp(index))?;
        shape = behind;
        check_limit("numbers of a sample", numbers(&shape), SAMPLE).map_err(|problem| at(&place, problem))?;
        steps.push(Step { built, numbers: numbers(&shape).max(numbers_inside(layer, &shape)) });
    }
    Ok((steps, shape))
}

/// Numbers of a sample inside of a layer: a convolution copies the window of each place.
fn numbers_inside(layer: &Layer, behind: &[usize]) -> u64 {
    match (layer, behind) {
        (Layer::Conv2d { inputs, kernel, config, .. }, [_, rows, columns]) => {
            numbers(&[*rows, *columns, inputs / config.groups.max(1), *kernel, *kernel])
        }
        _ => 0,
    }
}

fn build_one(layer: &Layer, input: &[usize], place: &str, vb: VarBuilder<'_>) -> Result<(Built, Vec<usize>)> {
    if let Layer::Quantum { circuit, .. } | Layer::QuantumConv2d { circuit, .. } = layer {
        made(place, circuit.check())?;
    }
    let mut shape = layer.output_shape(input).map_err(|problem| at(place, problem))?;
    let built = match layer {
        Layer::Flatten | Layer::Reshape(_) => Built::Reshape(shape.clone()),
        Layer::Residual(inner) => {
            let (steps, behind) = build(inner, input, &format!("{place}."), &vb)?;
            if behind != input {
                let expected = format!("{behind:?}, which its layers give");
                return Err(at(place, ModelProblem::Chain { expected, actual: input.to_vec() }));
            }
            Built::Residual(steps)
        }
        // Random numbers depend on the place in the model, whatever the prefix of the weights is.
        Layer::Quantum { circuit, measurement, config } => {
            shape.extend(measurement.output_shape(circuit.qubits()));
            let (circuit, measurement) = (circuit.clone(), measurement.clone());
            let layer = made(place, QuantumLayer::at_path(circuit, measurement, config.clone(), vb, place))?;
            Built::Quantum(Box::new(layer))
        }
        Layer::QuantumConv2d { circuit, measurement, config } => {
            let (circuit, measurement) = (circuit.clone(), measurement.clone());
            let layer = made(place, QuantumConv2d::at_path(circuit, measurement, config.clone(), vb, place))?;
            if let [_, height, width] = *input {
                let (rows, columns) = made(place, layer.output_size((height, width)))?;
                shape = vec![layer.outputs(), rows, columns];
            }
            Built::QuantumConv2d(Box::new(layer))
        }
        Layer::Linear { inputs, outputs, bias } => made(place, linear((*inputs, *outputs), *bias, vb))?,
        Layer::Activation(function) => Built::Activation(*function),
        Layer::Dropout(probability) => Built::Dropout(Dropout::new(*probability)),
        Layer::LayerNorm { size, eps } => {
            Built::LayerNorm(made(place, candle_nn::layer_norm(*size, *eps, vb).map_err(Error::from))?, *eps)
        }
        Layer::Affine { outputs, config } => Built::Affine(made(place, Affine::new(*outputs, *config, vb))?),
        Layer::SoftThreshold { config } => Built::SoftThreshold(made(place, SoftThreshold::new(*config, vb))?),
        Layer::Conv2d { inputs, outputs, kernel, config, bias } => {
            made(place, conv2d((*inputs, *outputs, *kernel), *config, *bias, vb))?
        }
        Layer::MaxPool2d { kernel, stride } => Built::MaxPool2d(*kernel, *stride),
        Layer::AveragePool2d { kernel, stride } => Built::AveragePool2d(*kernel, *stride),
        Layer::QuantizedLinear(config) => Built::QuantizedLinear(made(place, quantized(*config, vb))?),
    };
    Ok((built, shape))
}

fn linear((inputs, outputs): (usize, usize), bias: bool, vb: VarBuilder<'_>) -> Result<Built> {
    check_numbers(WEIGHTS, (inputs as u64).checked_mul(outputs as u64))?;
    Ok(Built::Linear(candle_nn::linear_b(inputs, outputs, bias, vb)?))
}

fn conv2d(
    (inputs, outputs, kernel): (usize, usize, usize),
    config: Conv2dConfig,
    bias: bool,
    vb: VarBuilder<'_>,
) -> Result<Built> {
    let sizes = [inputs / config.groups, outputs, kernel, kernel];
    check_numbers(WEIGHTS, sizes.iter().try_fold(1, |all: u64, size| all.checked_mul(*size as u64)))?;
    let conv = if bias { candle_nn::conv2d } else { candle_nn::conv2d_no_bias };
    Ok(Built::Conv2d(conv(inputs, outputs, kernel, config, vb)?))
}

fn quantized(config: QuantizedLinearConfig, vb: VarBuilder<'_>) -> Result<QuantizedLinear> {
    // A `VarBuilder` of variables would make one of zeros, which learns nothing.
    if !vb.contains_tensor("blocks") {
        let name = format!("{}.blocks", vb.prefix());
        return Err(Error::Model { at: vb.prefix(), problem: ModelProblem::Missing(name) });
    }
    QuantizedLinear::load(config, vb)
}

/// Returns a part of a layer, or the error of the layer at a place.
fn made<T>(place: &str, part: Result<T>) -> Result<T> {
    use candle_core::Error as Candle;
    let error = match part {
        Ok(part) => return Ok(part),
        Err(error) => error,
    };
    let mut candle = match error {
        Error::Model { .. } | Error::Weights(_) | Error::Memory(_) => return Err(error),
        Error::Candle(candle) => candle,
        other => return Err(at(place, ModelProblem::Layer(other.to_string()))),
    };
    while let Candle::WithBacktrace { inner, .. } = candle {
        candle = *inner;
    }
    let problem = match candle {
        Candle::CannotFindTensor { path } => ModelProblem::Missing(path),
        Candle::UnexpectedShape { msg, expected, got } => {
            // candle's message ends with the name of the tensor.
            let tensor = msg.rsplit(' ').next().unwrap_or_default().to_owned();
            ModelProblem::Shape { tensor, expected: expected.into_dims(), actual: got.into_dims() }
        }
        other => ModelProblem::Layer(other.to_string()),
    };
    Err(at(place, problem))
}

/// Passes a batch through layers.
pub(super) fn run(steps: &[Step], x: &Tensor, train: bool) -> Result<Tensor> {
    let batch = x.dims().first().copied().unwrap_or(1) as u64;
    let mut x = x.clone();
    for step in steps {
        check_numbers("the outputs of a layer", batch.checked_mul(step.numbers))?;
        x = step.built.forward(&x, train)?;
    }
    Ok(x)
}

impl Built {
    fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        let batch = x.dims().first().copied().unwrap_or(1);
        Ok(match self {
            Self::Linear(layer) => layer.forward(x)?,
            Self::Activation(function) => function.apply(x)?,
            Self::Dropout(layer) => layer.forward_t(x, train)?,
            Self::LayerNorm(layer, eps) => layer_norm(layer, *eps, x)?,
            Self::Affine(layer) => layer.try_forward(x)?,
            Self::SoftThreshold(layer) => layer.forward(x)?,
            Self::Conv2d(layer) => layer.forward(x)?,
            Self::MaxPool2d(kernel, stride) => x.max_pool2d_with_stride(*kernel, *stride)?,
            Self::AveragePool2d(kernel, stride) => x.avg_pool2d_with_stride(*kernel, *stride)?,
            Self::Reshape(shape) => x.reshape([&[batch], &shape[..]].concat())?,
            Self::QuantizedLinear(layer) => layer.try_forward(x)?,
            Self::Quantum(layer) => layer.try_forward(x)?,
            Self::QuantumConv2d(layer) => layer.try_forward(x)?,
            Self::Residual(steps) => (x + run(steps, x, train)?)?,
        })
    }

    /// Returns the weights by name, with the tensor that holds the fingerprint of a circuit.
    pub(super) fn tensors(&self) -> Result<Vec<(String, Tensor)>> {
        let named = |tensors: [(&str, Option<&Tensor>); 2]| {
            let there = tensors.into_iter().filter_map(|(name, tensor)| Some((name.to_owned(), tensor?.clone())));
            there.collect::<Vec<_>>()
        };
        Ok(match self {
            Self::Linear(layer) => named([("weight", Some(layer.weight())), ("bias", layer.bias())]),
            Self::LayerNorm(layer, _) => named([("weight", Some(layer.weight())), ("bias", layer.bias())]),
            Self::Conv2d(layer) => named([("weight", Some(layer.weight())), ("bias", layer.bias())]),
            Self::Affine(layer) => named([("scale", Some(layer.scale())), ("bias", Some(layer.bias()))]),
            Self::SoftThreshold(layer) => {
                named([("alpha", Some(layer.alpha())), ("threshold", Some(layer.threshold()))])
            }
            Self::QuantizedLinear(layer) => {
                layer.tensors()?.into_iter().map(|(name, tensor)| (name.to_owned(), tensor)).collect()
            }
            Self::Quantum(layer) => of_circuit(layer)?,
            Self::QuantumConv2d(layer) => of_circuit(layer.layer())?,
            Self::Residual(steps) => of_steps(steps)?,
            Self::Activation(_) | Self::Dropout(_) | Self::MaxPool2d(..) | Self::AveragePool2d(..) => Vec::new(),
            Self::Reshape(_) => Vec::new(),
        })
    }
}

/// Rounds the weights of linear layers to eight bits.
pub(super) fn quantize(steps: &mut [Step], layers: &mut [Layer]) -> Result<()> {
    for (step, layer) in steps.iter_mut().zip(layers) {
        match (&mut step.built, &mut *layer) {
            (Built::Residual(steps), Layer::Residual(layers)) => quantize(steps, layers)?,
            (Built::Linear(linear), Layer::Linear { inputs, outputs, bias }) => {
                let config = QuantizedLinearConfig { bias: *bias, ..QuantizedLinearConfig::new(*inputs, *outputs) };
                (step.built, *layer) =
                    (Built::QuantizedLinear(quantize_dynamic(linear)?), Layer::QuantizedLinear(config));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Returns the weights of layers in a row, each under its number.
pub(super) fn of_steps(steps: &[Step]) -> Result<Vec<(String, Tensor)>> {
    let mut all = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        all.extend(step.built.tensors()?.into_iter().map(|(name, tensor)| (format!("{index}.{name}"), tensor)));
    }
    Ok(all)
}

fn of_circuit(layer: &QuantumLayer) -> Result<Vec<(String, Tensor)>> {
    let mut tensors: Vec<_> = layer.weights().map(|(name, tensor)| (name.to_owned(), tensor.clone())).collect();
    if let Some((_, first)) = tensors.first() {
        let shape = fingerprint_shape(layer.fingerprint()).to_vec();
        let fingerprint = Tensor::zeros(shape, first.dtype(), &candle_core::Device::Cpu)?;
        tensors.push((FINGERPRINT.to_owned(), fingerprint));
    }
    Ok(tensors)
}

/// Normalises rows. candle's own function has no gradient, and takes no F64.
fn layer_norm(layer: &LayerNorm, eps: f64, x: &Tensor) -> candle_core::Result<Tensor> {
    let wide = if x.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
    let rows = x.to_dtype(wide)?;
    let centred = rows.broadcast_sub(&rows.mean_keepdim(D::Minus1)?)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let y = centred.broadcast_div(&(variance + eps)?.sqrt()?)?.to_dtype(x.dtype())?.broadcast_mul(layer.weight())?;
    layer.bias().map_or(Ok(y.clone()), |bias| y.broadcast_add(bias))
}

impl Activation {
    fn apply(self, x: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::Relu => x.relu(),
            Self::Tanh => x.tanh(),
            Self::Sigmoid => ops::sigmoid(x),
            Self::Gelu => x.gelu_erf(),
            Self::GeluTanh => x.gelu(),
            Self::Silu => x.silu(),
            // Without a power that overflows.
            Self::Softplus => x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?,
            Self::LeakyRelu(slope) => ops::leaky_relu(x, slope),
            Self::Softmax => ops::softmax(x, D::Minus1),
            Self::LogSoftmax => ops::log_softmax(x, D::Minus1),
        }
    }
}
