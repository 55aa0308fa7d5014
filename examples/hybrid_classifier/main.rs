//! A hybrid quantum-classical classifier, trained beside a classical network of similar size.
//!
//! ```text
//! cargo run --release --example hybrid_classifier -- --dataset circles
//! ```
//!
//! The hybrid network is features -> hidden -> qubits (tanh) -> circuit -> hidden -> classes; all information about the
//! classes goes through the circuit. In the classical network a dense tanh layer replaces the circuit.

mod args;
mod checkpoint;
mod data;
#[path = "../common/ending.rs"]
mod ending;
mod model;
#[path = "../common/positive.rs"]
mod positive;
mod report;
#[path = "../common/table.rs"]
mod table;
mod task;
#[path = "../common/whole.rs"]
mod whole;

use anyhow::{Context, Result, bail};
pub(crate) use args::Args;
use candle_core::Device;
use candle_nn::loss::cross_entropy;
use candlewick::device::{self, DeviceKind};
use candlewick::optim::{Adam, AdamConfig};
use candlewick::train::{StopReason, TrainConfig, Training, accuracy};
use clap::Parser;
use ending::ending;
use model::{Core, Network};
use report::Trained;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use task::Task;

fn main() -> ExitCode {
    ending(run(&Args::parse()).map(|accuracy| format!("test accuracy: {accuracy:.4}")))
}

/// Returns the test accuracy of the hybrid network, trained or loaded.
pub(crate) fn run(args: &Args) -> Result<f64> {
    let device = args.device.map_or_else(device::best, DeviceKind::open)?;
    println!("device: {}", DeviceKind::of(&device));
    match &args.load {
        Some(file) => evaluate(file, &device),
        None => train(args, &device),
    }
}

/// Trains both networks, writes the files, and returns the test accuracy of the hybrid network.
fn train(args: &Args, device: &Device) -> Result<f64> {
    let task = Task::new(args, device)?;
    println!("{}", task.describe());
    for core in [Core::Quantum, Core::Dense] {
        println!("{}: {}", core.name(), task.settings.shape.describe(core));
    }
    println!();
    let folder = match &args.output {
        Some(folder) => folder.clone(),
        None => Path::new("target/hybrid_classifier").join(args.dataset.name()),
    };
    let hybrid = fit(&task, Core::Quantum, folder.join("hybrid"), args.resume, device)?;
    let classical = fit(&task, Core::Dense, folder.join("classical"), args.resume, device)?;
    let trained = [hybrid, classical];
    println!("\n{}\n", report::table(&trained));
    report::write(&folder, &task, &trained, device)?;
    println!("wrote plots and the trained network to {}", folder.display());
    Ok(trained[0].test.accuracy)
}

/// Trains a network, or continues a training that was stopped. The validation set chooses the epoch.
fn fit(task: &Task, core: Core, folder: PathBuf, resume: bool, device: &Device) -> Result<Trained> {
    let network = Network::new(&task.settings.shape, core, task.settings.seed, device)?;
    let mut adam = Adam::from_varmap(&network.varmap, AdamConfig::with_learning_rate(task.learning_rate))?;
    let config = TrainConfig {
        name: core.name().to_owned(),
        epochs: task.epochs,
        batch_size: task.batch_size,
        seed: task.settings.seed,
        resume: resume && folder.join("last.safetensors").exists(),
        folder: Some(folder.clone()),
        restore_best: true,
        progress: true,
        ..Default::default()
    };
    let history = Training::new(&network, &network.varmap, &mut adam, cross_entropy, config)
        .metric("accuracy", accuracy)
        .run((&task.train.x, &task.train.y), Some((&task.validation.x, &task.validation.y)))
        .with_context(|| format!("training the {} network into {}", core.name(), folder.display()))?;
    if history.stop_reason == StopReason::Interrupted {
        bail!("interrupted; the same command with --resume goes on");
    }
    Trained::new(core.name(), network, history, task)
}

/// Returns the test accuracy of a network that an earlier run saved.
fn evaluate(file: &Path, device: &Device) -> Result<f64> {
    let (settings, scaler, network) = checkpoint::load(file, device)?;
    let ([_, _, test], _) = task::samples(&settings)?;
    println!("dataset: {}, {} test samples", settings.dataset.name(), test.len());
    println!("{}: {}", Core::Quantum.name(), settings.shape.describe(Core::Quantum));
    Ok(report::score(&network, &task::scaled(&test, &scaler, device)?)?.accuracy)
}
