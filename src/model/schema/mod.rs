//! Description of a model in its file: JSON whose types refuse fields that they do not know.
//!
//! Each type has a form here, and functions in both directions. What a form can say is a part of the format: a change
//! needs a new number of the format, and a function that lifts descriptions of the old one.

mod angle;
mod circuit;
mod measurement;
mod numbers;

pub(super) use circuit::FEATURES;
pub(super) use numbers::Tensors;

use super::layer::{Activation, Layer};
use super::modules::{at, check_tree};
use super::output::{Output, Scores};
use crate::circuit::Circuit;
use crate::data::TableEncoder;
use crate::engine::Simulation;
use crate::engine::pauli::PauliPropagation;
use crate::error::{ModelProblem, Result};
use crate::gradient::GradientMethod;
use crate::measurement::Measurement;
use crate::nn::{AffineConfig, QuantizedLinearConfig, QuantumConv2dConfig, QuantumLayerConfig, SoftThresholdConfig};
use circuit::CircuitForm;
use measurement::MeasurementForm;
use numbers::{Sink, Source};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Newest format.
pub(super) const FORMAT: u64 = 1;

/// Format alone, which is read first.
#[derive(Debug, Deserialize)]
pub(super) struct FormatForm {
    pub(super) format: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Description {
    pub(super) format: u64,
    pub(super) writer: String,
    /// SHA-256 of the tensors and of this text, in which zeros stand for the digest itself.
    pub(super) digest: String,
    pub(super) dtype: String,
    pub(super) input: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) table: Option<TableEncoder>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) prepare: Vec<PrepareForm>,
    pub(super) layers: Vec<LayerForm>,
    pub(super) output: OutputForm,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) notes: BTreeMap<String, String>,
}

/// Step of the preparation; its numbers are tensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PrepareForm {
    Impute,
    Scale,
    Project,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum LayerForm {
    Linear {
        inputs: usize,
        outputs: usize,
        bias: bool,
    },
    Activation(Activation),
    Dropout(f32),
    LayerNorm {
        size: usize,
        eps: f64,
    },
    Affine {
        outputs: usize,
        scale: f64,
        bias: f64,
    },
    SoftThreshold {
        alpha: f64,
        threshold: f64,
    },
    Conv2d {
        inputs: usize,
        outputs: usize,
        kernel: usize,
        padding: usize,
        stride: usize,
        dilation: usize,
        groups: usize,
        bias: bool,
    },
    MaxPool2d {
        kernel: usize,
        stride: usize,
    },
    AveragePool2d {
        kernel: usize,
        stride: usize,
    },
    Flatten,
    Reshape(Vec<usize>),
    QuantizedLinear {
        inputs: usize,
        outputs: usize,
        bias: bool,
    },
    Quantum(Box<QuantumForm>),
    QuantumConv2d {
        channels: usize,
        kernel: (usize, usize),
        stride: (usize, usize),
        padding: (usize, usize),
        dilation: (usize, usize),
        layer: Box<QuantumForm>,
    },
    Residual(Vec<Self>),
}

/// Quantum layer: its circuit, its measurement and the options that a file keeps.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuantumForm {
    circuit: CircuitForm,
    measure: MeasurementForm,
    /// Fingerprint of circuit and measurement, in hexadecimal digits.
    fingerprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    shots: Option<usize>,
    seed: u64,
    gradient: GradientMethod,
    simulation: SimulationForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum SimulationForm {
    Auto,
    StateVector,
    Density,
    Trajectories { count: usize },
    Pauli { max_weight: Option<u32>, max_sines: Option<u32>, max_terms: usize },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum OutputForm {
    Raw,
    Classes {
        label: String,
        names: Vec<String>,
        scores: Scores,
    },
    /// Values by name; `scaled` says whether the tensors of a scaler are there.
    Values {
        names: Vec<String>,
        scaled: bool,
    },
}

/// Returns the forms of layers; matrices and tables become tensors.
pub(super) fn of_layers(layers: &[Layer], place: &str, prefix: &str, tensors: &mut Tensors) -> Result<Vec<LayerForm>> {
    let one = |(index, layer): (usize, &Layer)| {
        of_layer(layer, &format!("{place}layers[{index}]"), &format!("{prefix}.{index}"), tensors)
    };
    layers.iter().enumerate().map(one).collect()
}

fn of_layer(layer: &Layer, place: &str, prefix: &str, tensors: &mut Tensors) -> Result<LayerForm> {
    Ok(match layer {
        Layer::Linear { inputs, outputs, bias } => {
            LayerForm::Linear { inputs: *inputs, outputs: *outputs, bias: *bias }
        }
        Layer::Activation(function) => LayerForm::Activation(*function),
        Layer::Dropout(probability) => LayerForm::Dropout(*probability),
        Layer::LayerNorm { size, eps } => LayerForm::LayerNorm { size: *size, eps: *eps },
        Layer::Affine { outputs, config } => {
            LayerForm::Affine { outputs: *outputs, scale: config.scale, bias: config.bias }
        }
        Layer::SoftThreshold { config } => {
            LayerForm::SoftThreshold { alpha: config.alpha, threshold: config.threshold }
        }
        Layer::Conv2d { inputs, outputs, kernel, config, bias } => LayerForm::Conv2d {
            inputs: *inputs,
            outputs: *outputs,
            kernel: *kernel,
            padding: config.padding,
            stride: config.stride,
            dilation: config.dilation,
            groups: config.groups,
            bias: *bias,
        },
        Layer::MaxPool2d { kernel, stride } => LayerForm::MaxPool2d { kernel: *kernel, stride: *stride },
        Layer::AveragePool2d { kernel, stride } => LayerForm::AveragePool2d { kernel: *kernel, stride: *stride },
        Layer::Flatten => LayerForm::Flatten,
        Layer::Reshape(shape) => LayerForm::Reshape(shape.clone()),
        Layer::QuantizedLinear(QuantizedLinearConfig { inputs, outputs, bias, .. }) => {
            LayerForm::QuantizedLinear { inputs: *inputs, outputs: *outputs, bias: *bias }
        }
        Layer::Quantum { circuit, measurement, config } => {
            LayerForm::Quantum(Box::new(QuantumForm::of(circuit, measurement, config, place, prefix, tensors)?))
        }
        Layer::QuantumConv2d { circuit, measurement, config } => {
            let QuantumConv2dConfig { channels, kernel, stride, padding, dilation, ref layer, .. } = *config;
            let layer = QuantumForm::of(circuit, measurement, layer, place, prefix, tensors)?;
            LayerForm::QuantumConv2d { channels, kernel, stride, padding, dilation, layer: Box::new(layer) }
        }
        Layer::Residual(layers) => LayerForm::Residual(of_layers(layers, &format!("{place}."), prefix, tensors)?),
    })
}

/// Returns the layers of forms.
pub(super) fn layers(
    forms: &[LayerForm],
    place: &str,
    prefix: &str,
    (tensors, taken): (&Tensors, &mut BTreeSet<String>),
) -> Result<Vec<Layer>> {
    let one = |(index, form): (usize, &LayerForm)| {
        let (place, prefix) = (format!("{place}layers[{index}]"), format!("{prefix}.{index}"));
        form.layer(&place, &prefix, (tensors, &mut *taken))
    };
    forms.iter().enumerate().map(one).collect()
}

/// Checks the number of layers and the depth of blocks.
pub(super) fn check_layers(layers: &[LayerForm]) -> Result<()> {
    check_tree(layers, |form| if let LayerForm::Residual(inner) = form { Some(&inner[..]) } else { None })
}

impl LayerForm {
    /// Returns the name of the layer.
    pub(super) fn name(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        let name = value.as_str().or_else(|| value.as_object()?.keys().next().map(String::as_str));
        name.unwrap_or_default().to_owned()
    }

    fn layer(&self, place: &str, prefix: &str, source: (&Tensors, &mut BTreeSet<String>)) -> Result<Layer> {
        Ok(match *self {
            Self::Linear { inputs, outputs, bias } => Layer::Linear { inputs, outputs, bias },
            Self::Activation(function) => Layer::Activation(function),
            Self::Dropout(probability) => Layer::Dropout(probability),
            Self::LayerNorm { size, eps } => Layer::LayerNorm { size, eps },
            Self::Affine { outputs, scale, bias } => {
                Layer::Affine { outputs, config: AffineConfig { scale, bias, ..AffineConfig::default() } }
            }
            Self::SoftThreshold { alpha, threshold } => {
                let config = SoftThresholdConfig { alpha, threshold, ..SoftThresholdConfig::default() };
                Layer::SoftThreshold { config }
            }
            Self::Conv2d { inputs, outputs, kernel, padding, stride, dilation, groups, bias } => {
                let config =
                    candle_nn::Conv2dConfig { padding, stride, dilation, groups, ..candle_nn::Conv2dConfig::default() };
                Layer::Conv2d { inputs, outputs, kernel, config, bias }
            }
            Self::MaxPool2d { kernel, stride } => Layer::MaxPool2d { kernel, stride },
            Self::AveragePool2d { kernel, stride } => Layer::AveragePool2d { kernel, stride },
            Self::Flatten => Layer::Flatten,
            Self::Reshape(ref shape) => Layer::Reshape(shape.clone()),
            Self::QuantizedLinear { inputs, outputs, bias } => {
                Layer::QuantizedLinear(QuantizedLinearConfig { bias, ..QuantizedLinearConfig::new(inputs, outputs) })
            }
            Self::Quantum(ref form) => {
                let (circuit, measurement, config) = form.layer(place, prefix, source)?;
                Layer::Quantum { circuit, measurement, config }
            }
            Self::QuantumConv2d { channels, kernel, stride, padding, dilation, ref layer } => {
                let (circuit, measurement, layer) = layer.layer(place, prefix, source)?;
                let config = QuantumConv2dConfig {
                    channels,
                    kernel,
                    stride,
                    padding,
                    dilation,
                    layer,
                    ..QuantumConv2dConfig::default()
                };
                Layer::QuantumConv2d { circuit, measurement, config }
            }
            Self::Residual(ref forms) => Layer::Residual(layers(forms, &format!("{place}."), prefix, source)?),
        })
    }
}

impl QuantumForm {
    fn of(
        circuit: &Circuit,
        measurement: &Measurement,
        config: &QuantumLayerConfig,
        place: &str,
        prefix: &str,
        tensors: &mut Tensors,
    ) -> Result<Self> {
        let mut sink = Sink::new(prefix.to_owned(), tensors);
        let declared: Vec<_> = circuit.declarations().map(|one| std::sync::Arc::clone(&one.handle.tensor)).collect();
        let simulation = match config.simulation {
            Simulation::Auto => SimulationForm::Auto,
            Simulation::StateVector => SimulationForm::StateVector,
            Simulation::Density => SimulationForm::Density,
            Simulation::Trajectories { count } => SimulationForm::Trajectories { count },
            Simulation::Pauli(PauliPropagation { max_weight, max_sines, max_terms }) => {
                SimulationForm::Pauli { max_weight, max_sines, max_terms }
            }
            Simulation::External(_) => return Err(at(place, ModelProblem::NotSaved("a program outside"))),
        };
        Ok(Self {
            circuit: CircuitForm::of(circuit, &format!("{place}.circuit"), &mut sink)?,
            measure: MeasurementForm::of(measurement, &declared, &mut sink)?,
            fingerprint: fingerprint(circuit, measurement),
            shots: config.shots,
            seed: config.seed,
            gradient: config.gradient,
            simulation,
        })
    }

    fn layer(
        &self,
        place: &str,
        prefix: &str,
        source: (&Tensors, &mut BTreeSet<String>),
    ) -> Result<(Circuit, Measurement, QuantumLayerConfig)> {
        let mut source = Source::new(prefix.to_owned(), source);
        let circuit = self.circuit.circuit(&format!("{place}.circuit"), &mut source)?;
        let declared: Vec<_> = self.circuit.declared(&circuit);
        let measurement = self.measure.measurement(&format!("{place}.measure"), &declared, &mut source)?;
        let actual = fingerprint(&circuit, &measurement);
        if actual != self.fingerprint {
            let expected = crate::error::words::cited(&self.fingerprint, 40);
            return Err(at(place, ModelProblem::Fingerprint { expected, actual }));
        }
        let simulation = match self.simulation {
            SimulationForm::Auto => Simulation::Auto,
            SimulationForm::StateVector => Simulation::StateVector,
            SimulationForm::Density => Simulation::Density,
            SimulationForm::Trajectories { count } => Simulation::Trajectories { count },
            SimulationForm::Pauli { max_weight, max_sines, max_terms } => {
                Simulation::Pauli(PauliPropagation { max_weight, max_sines, max_terms })
            }
        };
        let (shots, seed, gradient) = (self.shots, self.seed, self.gradient);
        let config = QuantumLayerConfig { shots, seed, gradient, simulation, ..QuantumLayerConfig::default() };
        Ok((circuit, measurement, config))
    }
}

fn fingerprint(circuit: &Circuit, measurement: &Measurement) -> String {
    format!("{:016x}", crate::fingerprint::circuit_fingerprint(circuit, measurement))
}

impl OutputForm {
    pub(super) fn of(output: &Output) -> Self {
        match output {
            Output::Raw => Self::Raw,
            Output::Classes { label, names, scores } => {
                Self::Classes { label: label.clone(), names: names.clone(), scores: *scores }
            }
            Output::Values { names, scaler } => Self::Values { names: names.clone(), scaled: scaler.is_some() },
        }
    }
}
