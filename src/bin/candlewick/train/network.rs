//! Networks that are trained.

use super::super::failure::Outcome;
use super::super::words::counted;
use super::{Args, Parts, Task};
use candlewick::candle_core::{DType, Device};
use candlewick::candle_nn::VarMap;
use candlewick::model::{Activation, Layer, Model};
use candlewick::nn::SeededInit;
use candlewick::prelude::*;
use clap::ValueEnum;
use std::f64::consts::FRAC_PI_2;

/// Kind of network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Linear layers with a circuit between them.
    Hybrid,
    /// A circuit on the features, and a linear layer behind it.
    Quantum,
    /// Linear layers alone, of about as many weights as hybrid has.
    Classical,
}

/// Network with its variables.
pub(crate) struct Network {
    /// The network.
    pub(crate) model: Model,
    /// Its variables.
    pub(crate) varmap: VarMap,
    /// Its layers in a line, such as `4 -> 16 -> 4 -> quantum (4 qubits, 2 layers, 24 weights) -> 3`.
    pub(crate) line: String,
}

impl Network {
    /// Makes a network whose first weights come from the seed.
    pub(crate) fn new(args: &Args, task: &Task, parts: &Parts) -> Outcome<Self> {
        let outputs = if task.is_classes() { parts.encoder.classes().len() } else { 1 };
        let (layers, line) = layers(args, parts.width, outputs);
        let varmap = VarMap::new();
        let mut builder = Model::builder(parts.encoder.features().len()).table(parts.encoder.clone());
        if let Some(imputer) = &parts.imputer {
            builder = builder.impute(imputer.clone());
        }
        builder = builder.scale(parts.scaler.clone());
        if let Some(pca) = &parts.pca {
            builder = builder.project(pca.clone());
        }
        builder = builder.layers(layers);
        builder = match task {
            Task::Classes => builder.classes(&args.label, parts.encoder.classes().iter().cloned()),
            Task::Values => builder.values([args.label.clone()], parts.target_scaler.clone()),
        };
        let model = builder.build(SeededInit::new(args.seed).var_builder(&varmap, DType::F32, &Device::Cpu))?;
        let components =
            if parts.pca.is_some() { format!(" -> {}", counted(parts.width, "component")) } else { String::new() };
        let line = format!("{}{components}{line} -> {outputs}", parts.encoder.features().len());
        Ok(Self { model, varmap, line })
    }
}

/// Returns the layers of a network, and the middle of its line.
fn layers(args: &Args, features: usize, outputs: usize) -> (Vec<Layer>, String) {
    let &Args { hidden, layers, .. } = args;
    let (tanh, relu) = (|| Layer::Activation(Activation::Tanh), || Layer::Activation(Activation::Relu));
    let qubits = if args.model == Kind::Quantum { features } else { args.qubits };
    let mut all = Vec::new();
    let mut line = String::new();
    if args.model != Kind::Quantum {
        all.extend([Layer::linear(features, hidden), relu(), Layer::linear(hidden, qubits)]);
        line = format!(" -> {hidden} -> {qubits}");
    }
    all.push(tanh());
    match args.model {
        Kind::Hybrid | Kind::Quantum => {
            let measurement = Measurement::expectation((0..qubits).map(Z));
            all.push(Layer::quantum(circuit(qubits, layers), measurement));
            let (wires, depth) = (counted(qubits, "qubit"), counted(layers, "layer"));
            line += &format!(" -> quantum ({wires}, {depth}, {} weights)", 3 * qubits * layers);
        }
        Kind::Classical => {
            for _ in 0..dense_layers(qubits, layers) {
                all.extend([Layer::linear(qubits, qubits), tanh()]);
                line += &format!(" -> {qubits}");
            }
        }
    }
    all.push(Layer::linear(qubits, outputs));
    (all, line)
}

/// Returns the number of linear layers with about as many weights as the circuit has, at least one.
fn dense_layers(qubits: usize, layers: usize) -> usize {
    let (circuit, dense) = (3 * layers * qubits, (qubits + 1) * qubits);
    ((circuit as f64 / dense as f64).round() as usize).max(1)
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
