//! A hybrid classifier whose quantum layer runs on Qiskit Aer, beside the same classifier on this crate's own engine.
//!
//! ```text
//! pip install qiskit qiskit-aer qiskit-qasm3-import
//! cargo run --release --example external_layer
//! ```
//!
//! Two qubits read a point of two rings twice, between trained rotations; a linear layer makes logits of <Z0>, <Z1> and
//! <Z0 Z1>, which one basis measures together. Both classifiers start at the same weights, see the same batches and
//! estimate everything, gradients included, from the same number of shots. They differ in what draws the shots:
//! `examples/executors/aer.py`, which gets OpenQASM on its standard input and prints counts, or this crate.

#[path = "common/ending.rs"]
mod ending;
#[path = "common/positive.rs"]
mod positive;
#[path = "common/table.rs"]
mod table;
#[path = "common/whole.rs"]
mod whole;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::{Linear, Optimizer, VarMap, linear, loss::cross_entropy};
use candlewick::data::{self, CirclesConfig, Dataset};
use candlewick::executor::CommandExecutor;
use candlewick::nn::SeededInit;
use candlewick::optim::{Adam, AdamConfig};
use candlewick::plot::{Color, Figure, Panel};
use candlewick::prelude::*;
use candlewick::{Simulation, metrics};
use clap::Parser;
use ending::ending;
use positive::positive;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use whole::whole;

/// Times that the circuit reads a point.
const LAYERS: usize = 2;

/// Trains a hybrid classifier through Qiskit Aer, and the same classifier on this crate's own engine.
///
/// Draws both losses, and prints both test accuracies as its last line.
#[derive(Debug, Parser)]
#[command(name = "external_layer")]
struct Args {
    /// Python that has qiskit, qiskit-aer and qiskit-qasm3-import.
    #[arg(long, default_value = "python3", value_name = "PROGRAM")]
    python: PathBuf,

    /// Program that runs the texts.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/executors/aer.py"), value_name = "FILE")]
    script: PathBuf,

    /// Shots of each circuit.
    #[arg(long, default_value = "500", value_name = "N", value_parser = whole(1, 1_000_000))]
    shots: usize,

    /// Steps of Adam, each on a batch.
    #[arg(long, default_value = "40", value_name = "N", value_parser = whole(1, 100_000))]
    steps: usize,

    /// Points of a batch.
    #[arg(long, default_value = "16", value_name = "N", value_parser = whole(1, 10_000))]
    batch: usize,

    /// Points to test on.
    #[arg(long, default_value = "200", value_name = "N", value_parser = whole(2, 100_000))]
    test_points: usize,

    /// Step size of Adam.
    #[arg(long, default_value = "0.1", value_name = "RATE", value_parser = positive, allow_negative_numbers = true)]
    learning_rate: f64,

    /// Seed of weights, points and shots.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,

    /// Folder for the picture.
    #[arg(long, default_value = "target/external_layer", value_name = "DIR")]
    output: PathBuf,
}

/// Classifier of points `[n, 2]`.
struct Classifier {
    quantum: QuantumLayer,
    head: Linear,
    varmap: VarMap,
}

impl Classifier {
    fn new(args: &Args, simulation: Simulation) -> Result<Self> {
        let mut circuit = Circuit::new(2);
        let w = circuit.weights("theta", (LAYERS, 2, 2));
        for layer in 0..LAYERS {
            for q in 0..2 {
                circuit.rx(input(q), q).ry(w.at([layer, q, 0]), q).rz(w.at([layer, q, 1]), q);
            }
            circuit.cz(0, 1);
        }
        let measurement = Measurement::expectation([Z(0), Z(1), Z(0) * Z(1)]);
        let varmap = VarMap::new();
        let vb = SeededInit::new(args.seed).var_builder(&varmap, DType::F32, &Device::Cpu);
        let config = QuantumLayerConfig { simulation, shots: Some(args.shots), seed: args.seed, ..Default::default() };
        let quantum = QuantumLayer::with_config(circuit, measurement, config, vb.pp("quantum"))?;
        Ok(Self { quantum, head: linear(3, 2, vb.pp("head"))?, varmap })
    }

    fn logits(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.head.forward(&self.quantum.forward(x)?)
    }

    /// Trains on batches in turn, and returns the loss of each step.
    fn train(&self, args: &Args, set: &Dataset) -> Result<Vec<f64>> {
        let mut adam = Adam::from_varmap(&self.varmap, AdamConfig::with_learning_rate(args.learning_rate))?;
        let mut losses = Vec::new();
        for step in 0..args.steps {
            let [x, y] = [&set.x, &set.y].map(|all| all.narrow(0, step * args.batch, args.batch));
            let loss = cross_entropy(&self.logits(&x?)?, &y?)?;
            adam.backward_step(&loss)?;
            losses.push(f64::from(loss.to_scalar::<f32>()?));
        }
        Ok(losses)
    }

    fn accuracy(&self, set: &Dataset) -> Result<f64> {
        let logits = self.head.forward(&self.quantum.forward_detached(&set.x)?)?.detach();
        Ok(metrics::accuracy(&logits, &set.y)?)
    }
}

/// Result of a training.
struct Outcome {
    name: &'static str,
    losses: Vec<f64>,
    accuracy: f64,
    seconds: f64,
}

fn outcome(args: &Args, name: &'static str, simulation: Simulation) -> Result<Outcome> {
    let circles = |points, seed| -> Result<Dataset> {
        let config = CirclesConfig { noise: 0.05, factor: 0.4, seed, ..Default::default() };
        Ok(data::circles(points, config)?.shuffled(seed)?)
    };
    let train = circles(args.steps * args.batch, args.seed.wrapping_mul(2))?;
    let test = circles(args.test_points, args.seed.wrapping_mul(2).wrapping_add(1))?;
    let start = Instant::now();
    let classifier = Classifier::new(args, simulation)?;
    let losses = classifier.train(args, &train).with_context(|| format!("the training on {name}"))?;
    let accuracy = classifier.accuracy(&test)?;
    Ok(Outcome { name, losses, accuracy, seconds: start.elapsed().as_secs_f64() })
}

fn draw(path: &Path, outcomes: &[Outcome]) -> Result<()> {
    let mut panel = Panel::new("").axes("step", "loss of the batch");
    for (index, outcome) in outcomes.iter().enumerate() {
        let points: Vec<(f64, f64)> = outcome.losses.iter().enumerate().map(|(at, loss)| (at as f64, *loss)).collect();
        panel = panel.line(outcome.name, Color::nth(index), &points);
    }
    Ok(Figure::new("A classifier whose shots come from outside").panel(panel).save(path)?)
}

fn run(args: &Args) -> Result<String> {
    std::fs::create_dir_all(&args.output).with_context(|| format!("cannot write to {}", args.output.display()))?;
    // A start of Python takes longer than all circuits of a batch, so each call has one process.
    let aer = CommandExecutor::new(&args.python).args([&args.script]).batched().time_limit(Duration::from_secs(600));
    let outcomes =
        [outcome(args, "Aer", Simulation::External(Arc::new(aer)))?, outcome(args, "own engine", Simulation::Auto)?];
    let row = |of: &Outcome| {
        let last = of.losses.iter().rev().take(10).sum::<f64>() / of.losses.len().min(10) as f64;
        vec![of.name.to_owned(), format!("{last:.4}"), format!("{:.4}", of.accuracy), format!("{:.1} s", of.seconds)]
    };
    let rows: Vec<_> = outcomes.iter().map(row).collect();
    println!("{}\n", table::table(&["shots by", "loss of the last 10 steps", "test accuracy", "time"], &rows));
    draw(&args.output.join("losses.png"), &outcomes)?;
    println!("wrote a picture to {}", args.output.display());
    let [aer, own] = outcomes.map(|of| of.accuracy);
    Ok(format!("test accuracy {aer:.4} through Aer, {own:.4} on the own engine, {} shots a circuit", args.shots))
}

fn main() -> ExitCode {
    ending(run(&Args::parse()))
}
