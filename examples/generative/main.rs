//! A quantum circuit as a generator (a Born machine): its outcomes follow a distribution that it has learnt.
//!
//! ```text
//! cargo run --release --example generative
//! ```
//!
//! The outcomes of any circuit have a distribution, by Born's rule. Here it is trained towards the 14 pictures of 3 x 3
//! pixels that are bars or stripes (each row of one colour, or each column), among 512 pictures, with a qubit for each
//! pixel (Benedetti et al., npj Quantum Information 5, 45, 2019). `--loss` is the Kullback-Leibler divergence, or the
//! maximum mean discrepancy (MMD; Liu and Wang, Phys. Rev. A 98, 062324, 2018), which a real device could estimate from
//! samples. Here both come from exact probabilities. `--target gaussians` is a mixture of two on `--qubits`, as in the
//! second paper.
//!
//! Every pair of qubits is joined, as in the best circuits of the first paper: layers of RY and RZ on each qubit and RZZ on
//! each pair. The start of the training decides: from all pictures in superposition and small angles the divergence
//! falls below 0.001; from angles anywhere (`--spread 2`) it stays near 0.5.
//!
//! The result is judged by exact probabilities, and by pictures drawn from the trained circuit: the fraction of them
//! that are bars or stripes, and how many of the 14 are among them.

#[path = "../common/ending.rs"]
mod ending;
mod loss;
mod picture;
#[path = "../common/positive.rs"]
mod positive;
mod target;
#[path = "../common/whole.rs"]
mod whole;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device};
use candle_nn::{Init, Optimizer, VarMap};
use candlewick::device::{self, DeviceKind};
use candlewick::nn::SeededInit;
use candlewick::optim::{Adam, AdamConfig, Schedule};
use candlewick::prelude::*;
use clap::Parser;
use ending::ending;
use indicatif::{ProgressBar, ProgressStyle};
use loss::{Distance, Loss};
use positive::positive;
use std::path::PathBuf;
use std::process::ExitCode;
use target::{Kind, Target};
use whole::whole;

/// Trains a circuit to generate pictures of bars and stripes, or numbers of a mixture of Gaussians.
#[derive(Debug, Parser)]
#[command(name = "generative")]
struct Args {
    /// Distribution to learn.
    #[arg(long, value_enum, default_value_t = Kind::BarsAndStripes)]
    target: Kind,

    /// Qubits, for Gaussians [default: 8]; bars and stripes have one a pixel, 9.
    #[arg(long, value_name = "N", value_parser = whole(1, 12))]
    qubits: Option<usize>,

    /// Layers of the circuit: rotations of each qubit and of each pair.
    #[arg(long, default_value = "4", value_name = "N", value_parser = whole(1, 100))]
    layers: usize,

    /// What is minimised.
    #[arg(long, value_enum, default_value_t = Loss::Divergence)]
    loss: Loss,

    /// Steps of Adam.
    #[arg(long, default_value = "600", value_name = "N", value_parser = whole(1, 1_000_000))]
    steps: usize,

    /// Step size at the start; it falls to a hundredth of it along a cosine.
    #[arg(long, default_value = "0.1", value_name = "RATE", value_parser = positive, allow_negative_numbers = true)]
    learning_rate: f64,

    /// Standard deviation of the initial angles, in radians.
    #[arg(long, default_value = "0.1", value_name = "ANGLE", value_parser = positive, allow_negative_numbers = true)]
    spread: f64,

    /// Outcomes to draw from the trained circuit.
    #[arg(long, default_value = "1000", value_name = "N", value_parser = whole(1, 1_000_000))]
    shots: usize,

    /// Seed of the initial weights and of the outcomes.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,

    /// Device to compute on: cpu, cuda or metal [default: the best one of this build and this machine].
    #[arg(long)]
    device: Option<DeviceKind>,

    /// Folder for the pictures [default: target/generative/<TARGET>].
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Makes the circuit: all outcomes in superposition, then layers of rotations of each qubit and ZZ rotations of each
/// pair, and rotations at the end.
fn circuit(qubits: usize, layers: usize, spread: f64) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    let pairs: Vec<(usize, usize)> = (0..qubits).flat_map(|a| (a + 1..qubits).map(move |b| (a, b))).collect();
    let init = Init::Randn { mean: 0.0, stdev: spread };
    let single = circuit.weights_with_init("single", (layers + 1, qubits, 2), init);
    let joint = circuit.weights_with_init("joint", (layers, pairs.len()), init);
    for qubit in 0..qubits {
        circuit.h(qubit);
    }
    for layer in 0..=layers {
        for qubit in 0..qubits {
            circuit.ry(single.at([layer, qubit, 0]), qubit).rz(single.at([layer, qubit, 1]), qubit);
        }
        for (k, &(a, b)) in pairs.iter().enumerate().filter(|_| layer < layers) {
            circuit.rzz(joint.at([layer, k]), a, b);
        }
    }
    circuit
}

/// Loss and distances after a step.
struct Record {
    step: usize,
    loss: f64,
    distance: Distance,
}

/// Trains, and returns the records.
fn train(args: &Args, layer: &QuantumLayer, varmap: &VarMap, target: &Target, device: &Device) -> Result<Vec<Record>> {
    let mut adam = Adam::from_varmap(varmap, AdamConfig::with_learning_rate(args.learning_rate))?;
    let schedule = Schedule::Cosine { steps: args.steps as u64, floor: 0.01 };
    let loss = args.loss.of(target, device)?;
    let style = ProgressStyle::with_template("{bar:30.cyan/blue} {percent:>3}% {eta:>4} left  {msg}")?;
    let bar = ProgressBar::new(args.steps as u64).with_style(style);
    let every = args.steps.div_ceil(200);
    let mut records = Vec::new();
    for step in 0..=args.steps {
        let probabilities = layer.evaluate()?;
        let value = loss(&probabilities)?;
        if step.is_multiple_of(every) || step == args.steps {
            let distance = target.distance(&target::numbers(&probabilities)?);
            let loss = value.to_dtype(DType::F64)?.to_scalar()?;
            bar.set_message(format!("loss {loss:.5}  {distance}"));
            records.push(Record { step, loss, distance });
        }
        if step < args.steps {
            adam.set_learning_rate(args.learning_rate * schedule.factor(step as u64));
            adam.backward_step(&value)?;
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(records)
}

fn run(args: &Args) -> Result<String> {
    ensure!(
        args.target == Kind::Gaussians || args.qubits.is_none_or(|qubits| qubits == target::PIXELS),
        "bars and stripes of 3 x 3 pixels have {} qubits",
        target::PIXELS
    );
    let output = args.output.clone().unwrap_or_else(|| PathBuf::from("target/generative").join(args.target.name()));
    std::fs::create_dir_all(&output).with_context(|| format!("cannot write to {}", output.display()))?;
    let device = args.device.map_or_else(device::best, DeviceKind::open)?;
    println!("device: {}", DeviceKind::of(&device));
    let target = Target::new(args.target, args.qubits);
    let qubits = target.qubits;
    let varmap = VarMap::new();
    let vb = SeededInit::new(args.seed).var_builder(&varmap, DType::F32, &device);
    let config = QuantumLayerConfig { seed: args.seed, ..Default::default() };
    let measurement = Measurement::probabilities(0..qubits);
    let layer = QuantumLayer::with_config(circuit(qubits, args.layers, args.spread), measurement, config, vb)?;
    let weights: usize = varmap.all_vars().iter().map(|var| var.elem_count()).sum();
    println!("{}: {qubits} qubits, {} layers, {weights} weights", args.target.name(), args.layers);
    println!("{} steps of Adam on the {}\n", args.steps, args.loss.name());

    let before = target::indices(&layer.sample(None, args.shots)?)?;
    let records = train(args, &layer, &varmap, &target, &device)?;
    let learnt = target::numbers(&layer.evaluate()?)?;
    let outcomes = target::indices(&layer.sample(None, args.shots)?)?;
    println!("{:<22}{}", "uniform distribution", target.distance(&target.uniform()));
    println!("{:<22}{}", "trained circuit", target.distance(&learnt));
    let drawn = target.frequencies(&outcomes);
    println!("{:<22}{} (of {} outcomes)\n", "drawn from it", target.distance(&drawn), args.shots);
    picture::training(&output.join("training.png"), args, &records)?;
    picture::distribution(&output.join("distribution.png"), &target, &learnt, &drawn)?;
    if args.target == Kind::BarsAndStripes {
        picture::samples(&output.join("samples.png"), &target, [&before, &outcomes])?;
    }
    println!("wrote pictures to {}", output.display());
    Ok(target.verdict(&learnt, &outcomes))
}

fn main() -> ExitCode {
    ending(run(&Args::parse()))
}
