//! A convolutional network with a quantum layer on MNIST or Fashion-MNIST, beside the same network with a dense layer
//! in place of the circuit.
//!
//! ```text
//! cargo run --release --features datasets --example mnist_hybrid -- --data DIR
//! ```
//!
//! Two convolutions (after LeCun, Bottou, Bengio and Haffner, Proceedings of the IEEE 86, 2278, 1998) and a linear
//! layer reduce an image to one number for each qubit. All information about the classes goes through the circuit. All
//! parts are trained at once: the gradient goes through the circuit into the convolutions. `DIR` has the four IDX
//! files, unpacked; without it they are downloaded from the Hugging Face hub. `--quick` needs neither.

mod args;
mod data;
#[path = "../common/digits.rs"]
mod digits;
#[path = "../common/ending.rs"]
mod ending;
mod model;
#[path = "../common/positive.rs"]
mod positive;
mod report;
#[path = "../common/table.rs"]
mod table;
#[path = "../common/whole.rs"]
mod whole;

use anyhow::{Context, Result, bail};
use args::Args;
use candle_core::Device;
use candle_nn::loss::cross_entropy;
use candlewick::device::{self, DeviceKind};
use candlewick::optim::{Adam, AdamConfig};
use candlewick::train::{StopReason, TrainConfig, Training, accuracy};
use clap::Parser;
use data::Images;
use ending::ending;
use model::{Core, Network, Shape};
use report::Trained;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    ending(run(&Args::parse()))
}

/// Trains both networks, writes the files, and returns the last line.
fn run(args: &Args) -> Result<String> {
    let device = args.device.map_or_else(device::best, DeviceKind::open)?;
    println!("device: {}", DeviceKind::of(&device));
    let images = Images::load(args, &device)?;
    println!("{}", images.describe());
    let shape = Shape { qubits: args.qubits, layers: args.layers };
    for core in [Core::Quantum, Core::Dense] {
        println!("{}: {}", core.name(), shape.describe(core));
    }
    let folder = match &args.output {
        Some(folder) => folder.clone(),
        None => Path::new("target/mnist_hybrid").join(images.folder),
    };
    let hybrid = fit(args, &shape, Core::Quantum, &images, folder.join("hybrid"), &device)?;
    let classical = fit(args, &shape, Core::Dense, &images, folder.join("classical"), &device)?;
    let trained = [hybrid, classical];
    println!("\n{}\n", report::table(&trained));
    report::draw(&folder, &images, &trained, args.seed)?;
    println!("wrote pictures and weights to {}", folder.display());
    let [hybrid, classical] = trained;
    Ok(format!(
        "test accuracy: {:.4} (with a dense layer in place of the circuit: {:.4})",
        hybrid.accuracy, classical.accuracy
    ))
}

/// Trains a network, or continues a training that was stopped.
fn fit(args: &Args, shape: &Shape, core: Core, images: &Images, folder: PathBuf, device: &Device) -> Result<Trained> {
    let network = Network::new(shape, core, args.seed, device)?;
    let mut adam = Adam::from_varmap(&network.varmap, AdamConfig::with_learning_rate(args.learning_rate))?;
    let config = TrainConfig {
        name: core.name().to_owned(),
        epochs: args.epochs.unwrap_or(if args.quick { 2 } else { 3 }),
        batch_size: args.batch_size,
        seed: args.seed,
        resume: args.resume && folder.join("last.safetensors").exists(),
        folder: Some(folder.clone()),
        progress: true,
        ..Default::default()
    };
    let train = &images.train;
    // Nothing is chosen, so that no validation set is taken from the training set: the last epoch counts.
    let history = Training::new(&network, &network.varmap, &mut adam, cross_entropy, config)
        .metric("accuracy", accuracy)
        .run((&train.x, &train.y), None)
        .with_context(|| format!("training the {} network into {}", core.name(), folder.display()))?;
    if history.stop_reason == StopReason::Interrupted {
        bail!("interrupted; the same command with --resume goes on");
    }
    Trained::new(core, network, history, images)
}
