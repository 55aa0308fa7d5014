//! Digits on 64 qubits, one for each pixel, by Pauli propagation: exact, with gradients, beside a linear model.
//!
//! ```text
//! cargo run --release --example wide_classifier
//! ```
//!
//! Pixels become angles; layers of rotations and CX between neighbours in two halves follow, and `<Z>` of every qubit
//! goes to a linear layer. No output sees more than 12 qubits in three layers, so no word is left out. The linear model on
//! the same pixels is the honest comparison: three layers are local, and digits are nearly linear.

#[path = "common/digits.rs"]
mod digits;
#[path = "common/ending.rs"]
mod ending;
#[path = "common/positive.rs"]
mod positive;
#[path = "common/whole.rs"]
mod whole;

use anyhow::Result;
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::{VarMap, loss::cross_entropy};
use candlewick::data::Dataset;
use candlewick::nn::{QuantumLayerConfig, SeededInit};
use candlewick::optim::{Adam, AdamConfig};
use candlewick::prelude::*;
use candlewick::train::{TrainConfig, Training, accuracy};
use candlewick::{PauliPropagation, Simulation};
use clap::Parser;
use ending::ending;
use positive::positive;
use std::f64::consts::PI;
use std::process::ExitCode;
use std::time::Instant;
use whole::whole;

/// Pixels of a digit, and qubits.
const PIXELS: usize = 64;

/// Classifies digits with a circuit on 64 qubits, and with a linear layer.
#[derive(Debug, Parser)]
#[command(name = "wide_classifier")]
struct Args {
    /// Layers of the circuit.
    #[arg(long, default_value = "3", value_name = "N", value_parser = whole(1, 3))]
    layers: usize,

    /// Passes over the training set.
    #[arg(long, default_value = "12", value_name = "N", value_parser = whole(1, 10_000))]
    epochs: usize,

    /// Step size of Adam.
    #[arg(long, default_value = "0.02", value_name = "RATE", value_parser = positive)]
    rate: f64,

    /// Seed of the split, the weights and the batches.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
}

/// Samples `[samples, 64]` and their classes.
type Samples = (Tensor, Tensor);

/// Samples in a batch.
const BATCH: usize = 64;

fn main() -> ExitCode {
    ending(run(&Args::parse()))
}

/// Returns the circuit: rows of the image one after another along the qubits.
fn circuit(layers: usize) -> Circuit {
    let mut circuit = Circuit::new(PIXELS);
    let w = circuit.weights("angles", (layers, PIXELS, 3));
    (0..PIXELS).for_each(|q| _ = circuit.ry(PI * input(q), q));
    for layer in 0..layers {
        for q in 0..PIXELS {
            let angle = |k: usize| w.at([layer, q, k]);
            circuit.rz(angle(0), q).ry(angle(1), q).rz(angle(2), q);
        }
        for q in (0..PIXELS).step_by(2).chain((1..PIXELS).step_by(2)) {
            circuit.cx(q, (q + 1) % PIXELS);
        }
    }
    circuit
}

/// Returns a set with its images as rows of pixels.
fn flat(set: &Dataset) -> Result<Samples> {
    Ok((set.x.reshape(((), PIXELS))?.to_dtype(DType::F32)?, set.y.clone()))
}

fn run(args: &Args) -> Result<String> {
    let [train, validation, test] = digits::digits(0.1, args.seed)?;
    let [train, validation, test] = [flat(&train)?, flat(&validation)?, flat(&test)?];
    let varmap = VarMap::new();
    let vb = SeededInit::new(args.seed).var_builder(&varmap, DType::F32, &Device::Cpu);
    let config =
        QuantumLayerConfig { simulation: Simulation::Pauli(PauliPropagation::default()), ..Default::default() };
    let z = Measurement::expectation((0..PIXELS).map(Z));
    let circuit = QuantumLayer::with_config(circuit(args.layers), z, config, vb.pp("circuit"))?;
    let start = Instant::now();
    let paths = circuit.paths()?;
    let exactly = if paths.is_exact() { "no word left out" } else { "words left out" };
    println!(
        "{PIXELS} qubits: {} words, {exactly}, found in {:.0} ms",
        paths.terms,
        1e3 * start.elapsed().as_secs_f64()
    );
    let network = candle_nn::seq().add(circuit).add(candle_nn::linear(PIXELS, 10, vb.pp("head"))?);
    let hybrid = fit("circuit", &network, &varmap, args, [&train, &validation, &test])?;

    let varmap = VarMap::new();
    let vb = SeededInit::new(args.seed).var_builder(&varmap, DType::F32, &Device::Cpu);
    let linear = candle_nn::linear(PIXELS, 10, vb)?;
    let plain = fit("linear", &linear, &varmap, args, [&train, &validation, &test])?;
    Ok(format!("test accuracy of 64 qubits: {hybrid:.4} (linear layer on the pixels: {plain:.4})"))
}

/// Trains a network and returns the accuracy of its best epoch on the test set.
fn fit(
    name: &str,
    network: &impl Module,
    varmap: &VarMap,
    args: &Args,
    [train, validation, test]: [&Samples; 3],
) -> Result<f64> {
    let mut adam = Adam::from_varmap(varmap, AdamConfig::with_learning_rate(args.rate))?;
    let config = TrainConfig {
        epochs: args.epochs,
        batch_size: BATCH,
        seed: args.seed,
        restore_best: true,
        progress: true,
        ..Default::default()
    };
    let start = Instant::now();
    let history =
        Training::new(network, varmap, &mut adam, |y: &Tensor, target: &Tensor| cross_entropy(y, target), config)
            .metric("accuracy", accuracy)
            .run((&train.0, &train.1), Some((&validation.0, &validation.1)))?;
    let steps = history.epochs.len() * train.0.dim(0)?.div_ceil(BATCH);
    println!("{name}: {:.0} steps of {BATCH} samples a second", steps as f64 / start.elapsed().as_secs_f64());
    Ok(accuracy(&network.forward(&test.0)?, &test.1)?)
}
