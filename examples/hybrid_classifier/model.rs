//! The two networks, which differ only in the middle.

use anyhow::Result;
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::{Activation, Sequential, VarBuilder, VarMap, linear, seq};
use candlewick::nn::SeededInit;
use candlewick::prelude::*;
use std::f64::consts::FRAC_PI_2;

/// Numbers that determine the shape of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Width of the input.
    pub(crate) features: usize,
    /// Width of the layers before and after the bottleneck.
    pub(crate) hidden: usize,
    /// Number of qubits, and width of the bottleneck.
    pub(crate) qubits: usize,
    /// Layers of the circuit.
    pub(crate) layers: usize,
    /// Width of the output.
    pub(crate) classes: usize,
}

/// Kind of the bottleneck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Core {
    /// A circuit.
    Quantum,
    /// Dense tanh layers with about as many parameters as the circuit.
    Dense,
}

/// Network with its variables.
pub(crate) struct Network {
    layers: Sequential,
    /// Variables of the network.
    pub(crate) varmap: VarMap,
}

impl Core {
    /// Returns the name in tables and plots.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Quantum => "hybrid",
            Self::Dense => "classical",
        }
    }
}

impl Shape {
    /// Returns the number of dense layers whose parameters are closest to the circuit's, at least one.
    fn dense_layers(&self) -> usize {
        let (circuit, dense) = (3 * self.layers * self.qubits, (self.qubits + 1) * self.qubits);
        ((circuit as f64 / dense as f64).round() as usize).max(1)
    }

    /// Describes the network in a line, such as `64 -> 32 -> 8 -> quantum -> 32 -> 10`.
    pub(crate) fn describe(&self, core: Core) -> String {
        let Self { features, hidden, qubits, layers, classes } = self;
        let middle = match core {
            Core::Quantum => format!("quantum ({qubits} qubits, {layers} layers)"),
            Core::Dense => vec![format!("dense tanh ({qubits})"); self.dense_layers()].join(" -> "),
        };
        format!("{features} -> {hidden} -> {qubits} -> {middle} -> {hidden} -> {classes}")
    }
}

/// Makes the circuit: a feature for each qubit as the angle of a rotation, then layers of three rotations a qubit and a
/// ring of CX.
///
/// Features are outputs of a tanh, so the angles cover the half circle from -π/2 to π/2 and no two features have the
/// same angle.
fn circuit(qubits: usize, layers: usize) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    for qubit in 0..qubits {
        circuit.ry(FRAC_PI_2 * input(qubit), qubit);
    }
    let theta = circuit.weights("theta", (layers, qubits, 3));
    for layer in 0..layers {
        for qubit in 0..qubits {
            let angle = |k| theta.at([layer, qubit, k]);
            circuit.rx(angle(0), qubit).ry(angle(1), qubit).rz(angle(2), qubit);
        }
        if qubits > 1 {
            for qubit in 0..qubits {
                circuit.cx(qubit, (qubit + 1) % qubits);
            }
        }
    }
    circuit
}

impl Network {
    /// Makes a network with variables from a seed. Layers that both networks have start with the same values.
    pub(crate) fn new(shape: &Shape, core: Core, seed: u64, device: &Device) -> Result<Self> {
        let varmap = VarMap::new();
        let vb = SeededInit::new(seed).var_builder(&varmap, DType::F32, device);
        let Shape { features, hidden, qubits, layers, classes } = *shape;
        let encoder = seq()
            .add(linear(features, hidden, vb.pp("encoder.0"))?)
            .add(Activation::Relu)
            .add(linear(hidden, qubits, vb.pp("encoder.1"))?)
            .add_fn(Tensor::tanh);
        let middle = match core {
            Core::Quantum => {
                let measurement = Measurement::expectation((0..qubits).map(Z));
                encoder.add(QuantumLayer::new(circuit(qubits, layers), measurement, vb.pp("quantum"))?)
            }
            Core::Dense => dense(encoder, shape, &vb.pp("dense"))?,
        };
        let layers = middle.add(linear(qubits, hidden, vb.pp("decoder.0"))?).add(Activation::Relu).add(linear(
            hidden,
            classes,
            vb.pp("decoder.1"),
        )?);
        Ok(Self { layers, varmap })
    }

    /// Returns the number of trained values.
    pub(crate) fn parameters(&self) -> usize {
        self.varmap.all_vars().iter().map(|var| var.elem_count()).sum()
    }
}

/// Appends the classical counterpart of the circuit.
fn dense(mut layers: Sequential, shape: &Shape, vb: &VarBuilder<'_>) -> Result<Sequential> {
    for index in 0..shape.dense_layers() {
        layers = layers.add(linear(shape.qubits, shape.qubits, vb.pp(index))?).add_fn(Tensor::tanh);
    }
    Ok(layers)
}

impl Module for Network {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.layers.forward(x)
    }
}
