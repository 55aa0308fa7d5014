//! A hybrid quantum-classical classifier, trained next to a classical network of like size.
//!
//! ```text
//! cargo run --release --example hybrid_classifier -- --dataset circles
//! ```
//!
//! The hybrid network is features -> hidden -> qubits (tanh) -> circuit -> hidden -> classes, and the circuit is the only
//! way from the features to the classes. In the classical network a dense tanh layer takes the circuit's place.

mod args;
mod checkpoint;
mod data;
mod device;
mod model;
mod plot;
mod progress;
mod report;
mod split;
mod task;
mod train;

use anyhow::{Context, Result};
use args::Args;
use candle_core::Device;
use clap::Parser;
use model::{Core, Network};
use progress::Progress;
use split::Split;
use std::path::Path;
use std::process::ExitCode;
use task::Task;
use train::{Batches, Trainer};

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(accuracy) => {
            println!("test accuracy: {accuracy:.4}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Test accuracy of the hybrid network, trained or loaded.
fn run(args: &Args) -> Result<f64> {
    let (device, word) = device::choose(args.device)?;
    println!("device: {word}");
    match &args.load {
        Some(file) => evaluate(file, &device),
        None => train(args, &device),
    }
}

/// Trains both networks, writes the files, and returns the test accuracy of the hybrid one.
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
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;

    let trainers = fit(&task, device)?;
    println!("\n{}\n", report::table(&trainers)?);
    report::write(&folder, &task, &trainers, device)?;
    println!("wrote plots and the trained network to {}", folder.display());

    let last = trainers[0].history.last().context("no epoch was trained")?;
    Ok(last.test.accuracy)
}

/// Trains the hybrid and the classical network side by side, on the same batches.
fn fit(task: &Task, device: &Device) -> Result<[Trainer; 2]> {
    let new = |core: Core| {
        let network = Network::new(&task.settings.shape, core, task.settings.seed, device)?;
        Trainer::new(core.name(), network, task.learning_rate)
    };
    let mut trainers = [new(Core::Quantum)?, new(Core::Dense)?];
    let mut batches = Batches::new(task.split.train.rows.len(), task.batch_size, task.settings.seed);
    let progress = Progress::new(&trainers, task.epochs)?;
    for _ in 0..task.epochs {
        let dealt = batches.deal(device)?;
        for (index, trainer) in trainers.iter_mut().enumerate() {
            let epoch = trainer.epoch(&dealt, &task.train, &task.test)?;
            progress.advance(index, trainer, &epoch);
        }
    }
    progress.finish();
    Ok(trainers)
}

/// Test accuracy of a network that an earlier run saved.
fn evaluate(file: &Path, device: &Device) -> Result<f64> {
    let (settings, scaler, network) = checkpoint::load(file, device)?;
    let table = settings.dataset.load(settings.seed)?;
    let test = Split::stratified(&table, settings.seed).test;
    println!("dataset: {}, {} test samples", settings.dataset.name(), test.rows.len());
    println!("{}: {}", Core::Quantum.name(), settings.shape.describe(Core::Quantum));
    Ok(train::score(&network, &test.batch(&scaler, device)?)?.accuracy)
}
