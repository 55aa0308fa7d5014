//! The two networks, which differ only in the middle.

use anyhow::Result;
use candle_core::{D, DType, Device, Module, Tensor};
use candle_nn::{Activation, Conv2dConfig, Init, Sequential, VarMap, conv2d, linear, seq};
use candlewick::nn::SeededInit;
use candlewick::prelude::*;
use std::f64::consts::FRAC_PI_2;

/// Kind of the bottleneck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Core {
    /// A circuit.
    Quantum,
    /// Dense tanh layers with about as many parameters as the circuit.
    Dense,
}

/// Numbers that determine the shape of the bottleneck.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) qubits: usize,
    pub(crate) layers: usize,
}

/// Network with its variables.
pub(crate) struct Network {
    layers: Sequential,
    pub(crate) varmap: VarMap,
}

/// Channels of the two convolutions, and the side of their kernels.
const CHANNELS: [usize; 2] = [8, 16];
const KERNEL: usize = 5;
/// Number of features that the convolutions make of an image: 28 -> 24 -> 12 -> 8 -> 4 pixels along each side.
const FEATURES: usize = CHANNELS[1] * 4 * 4;
/// Width of the layer between the bottleneck and the classes.
const HIDDEN: usize = 64;
const CLASSES: usize = 10;
/// Number of images that are classified at a time.
const CHUNK: usize = 1000;

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

    /// Describes the network in a line.
    pub(crate) fn describe(&self, core: Core) -> String {
        let Self { qubits, layers } = self;
        let middle = match core {
            Core::Quantum => format!("quantum ({qubits} qubits, {layers} layers)"),
            Core::Dense => vec![format!("dense tanh ({qubits})"); self.dense_layers()].join(" -> "),
        };
        let [first, second] = CHANNELS;
        format!(
            "conv {KERNEL}x{KERNEL} ({first}) -> conv {KERNEL}x{KERNEL} ({second}) -> {qubits} -> {middle} -> {HIDDEN} -> {CLASSES}"
        )
    }

    /// Makes the circuit: a feature for each qubit, output of a tanh, as an angle from -π/2 to π/2, then layers of
    /// three rotations a qubit and a ring of CX.
    fn circuit(&self) -> Circuit {
        let mut circuit = Circuit::new(self.qubits);
        // Angles from the whole circle would spread each feature over all qubits: outputs near 0 would depend little on
        // any feature at the start.
        let init = Init::Uniform { lo: -0.5, up: 0.5 };
        let w = circuit.weights_with_init("theta", (self.layers, self.qubits, 3), init);
        for qubit in 0..self.qubits {
            circuit.ry(FRAC_PI_2 * input(qubit), qubit);
        }
        for layer in 0..self.layers {
            for qubit in 0..self.qubits {
                let angle = |axis| w.at([layer, qubit, axis]);
                circuit.rz(angle(0), qubit).ry(angle(1), qubit).rz(angle(2), qubit);
            }
            for qubit in (0..self.qubits).filter(|_| self.qubits > 1) {
                circuit.cx(qubit, (qubit + 1) % self.qubits);
            }
        }
        circuit
    }
}

impl Network {
    /// Makes a network with variables from a seed. Layers that both networks have start with the same values.
    pub(crate) fn new(shape: &Shape, core: Core, seed: u64, device: &Device) -> Result<Self> {
        let varmap = VarMap::new();
        let vb = SeededInit::new(seed).var_builder(&varmap, DType::F32, device);
        let qubits = shape.qubits;
        let [first, second] = CHANNELS;
        let convolution = |from, to, name: &str| conv2d(from, to, KERNEL, Conv2dConfig::default(), vb.pp(name));
        let mut layers = seq()
            .add(convolution(1, first, "convolution.0")?)
            .add_fn(|x| x.max_pool2d(2))
            .add(Activation::Relu)
            .add(convolution(first, second, "convolution.1")?)
            .add_fn(|x| x.max_pool2d(2))
            .add(Activation::Relu)
            .add_fn(|x| x.flatten_from(1))
            .add(linear(FEATURES, qubits, vb.pp("encoder"))?)
            .add_fn(Tensor::tanh);
        layers = match core {
            Core::Quantum => {
                let measurement = Measurement::expectation((0..qubits).map(Z));
                layers.add(QuantumLayer::new(shape.circuit(), measurement, vb.pp("quantum"))?)
            }
            Core::Dense => (0..shape.dense_layers()).try_fold(layers, |layers, index| {
                let dense = linear(qubits, qubits, vb.pp("dense").pp(index))?;
                candle_core::Result::Ok(layers.add(dense).add_fn(Tensor::tanh))
            })?,
        };
        let layers = layers.add(linear(qubits, HIDDEN, vb.pp("decoder.0"))?).add(Activation::Relu).add(linear(
            HIDDEN,
            CLASSES,
            vb.pp("decoder.1"),
        )?);
        Ok(Self { layers, varmap })
    }

    /// Returns the number of trained values.
    pub(crate) fn parameters(&self) -> usize {
        self.varmap.all_vars().iter().map(|var| var.elem_count()).sum()
    }

    /// Returns the most probable class of each image.
    pub(crate) fn classify(&self, images: &Tensor) -> candle_core::Result<Vec<u32>> {
        let count = images.dim(0)?;
        let mut classes = Vec::with_capacity(count);
        for start in (0..count).step_by(CHUNK) {
            let logits = self.forward(&images.narrow(0, start, CHUNK.min(count - start))?)?;
            classes.extend(logits.argmax(D::Minus1)?.to_vec1::<u32>()?);
        }
        Ok(classes)
    }
}

impl Module for Network {
    fn forward(&self, images: &Tensor) -> candle_core::Result<Tensor> {
        self.layers.forward(images)
    }
}
