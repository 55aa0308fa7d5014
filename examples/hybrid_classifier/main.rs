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
mod progress;
mod report;
mod split;
mod train;

use anyhow::{Context, Result};
use args::Args;
use candle_core::Device;
use checkpoint::Settings;
use clap::Parser;
use data::Dataset;
use model::{Core, Network, Shape};
use progress::Progress;
use split::{Batch, Scaler, Split};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use train::{Batches, Trainer};

fn main() -> Result<()> {
    let args = Args::parse();
    let (device, word) = device::choose(args.device)?;
    println!("device: {word}");
    let accuracy = match &args.load {
        Some(file) => evaluate(file, &device)?,
        None => train(&args, &device)?,
    };
    println!("test accuracy: {accuracy:.4}");
    Ok(())
}

/// A training and a test set with what they are made of.
struct Task {
    settings: Settings,
    split: Split,
    scaler: Scaler,
    train: Batch,
    test: Batch,
    class_names: Vec<String>,
}

impl Task {
    fn new(args: &Args, device: &Device) -> Result<Self> {
        let table = args.dataset.load(args.seed)?;
        let split = Split::stratified(&table, args.seed);
        let scaler = Scaler::fit(&split.train.rows);
        let (train, test) = (split.train.batch(&scaler, device)?, split.test.batch(&scaler, device)?);
        let shape = shape(args, scaler.mean.len(), table.classes.len());
        let settings = Settings { dataset: args.dataset, seed: args.seed, shape };
        Ok(Self { settings, split, scaler, train, test, class_names: table.classes })
    }
}

/// The shape asked for, or the one that suits the data set: ten classes need more than four qubits between them.
fn shape(args: &Args, features: usize, classes: usize) -> Shape {
    let (hidden, qubits, layers) = match args.dataset {
        Dataset::Digits => (32, 8, 3),
        _ => (16, 4, 2),
    };
    let or = |asked: Option<NonZeroUsize>, default| asked.map_or(default, NonZeroUsize::get);
    Shape { features, hidden, qubits: or(args.qubits, qubits), layers: or(args.layers, layers), classes }
}

/// Trains both networks, writes the files, and returns the test accuracy of the hybrid one.
fn train(args: &Args, device: &Device) -> Result<f64> {
    let task = Task::new(args, device)?;
    let shape = &task.settings.shape;
    println!(
        "dataset: {}, {} samples to train on, {} to test, {} features, {} classes",
        args.dataset.name(),
        task.split.train.rows.len(),
        task.split.test.rows.len(),
        shape.features,
        shape.classes
    );
    println!("hybrid: {}", shape.describe(Core::Quantum));
    println!("classical: {}", shape.describe(Core::Dense));

    let trainers = fit(args, &task, device)?;
    println!("\n{}\n", report::table(&trainers)?);

    let output = args.output.clone().unwrap_or_else(|| Path::new("target/hybrid_classifier").join(args.dataset.name()));
    write(&output, &task, &trainers)?;
    let last = trainers[0].history.last().context("no epoch was trained")?;
    Ok(last.test.accuracy)
}

/// Trains the hybrid and the classical network side by side, on the same batches.
fn fit(args: &Args, task: &Task, device: &Device) -> Result<[Trainer; 2]> {
    let epochs = args.epochs.map_or(50, NonZeroUsize::get);
    let new = |name, core| {
        let network = Network::new(&task.settings.shape, core, args.seed, device)?;
        Trainer::new(name, network, args.learning_rate)
    };
    let mut trainers = [new("hybrid", Core::Quantum)?, new("classical", Core::Dense)?];
    let mut batches = Batches::new(task.split.train.rows.len(), args.batch_size.get(), args.seed);
    let progress = Progress::new(&trainers, epochs)?;
    for _ in 0..epochs {
        let dealt = batches.deal(device)?;
        for (index, trainer) in trainers.iter_mut().enumerate() {
            let epoch = trainer.epoch(&dealt, &task.train, &task.test)?;
            progress.advance(index, trainer, &epoch);
        }
    }
    progress.finish();
    Ok(trainers)
}

/// Writes the trained hybrid network and the plots.
fn write(folder: &Path, task: &Task, trainers: &[Trainer; 2]) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let file = folder.join("hybrid.safetensors");
    checkpoint::save(&file, &task.settings, &task.scaler, &trainers[0].network)?;
    let written: Vec<PathBuf> = vec![file];
    for path in written {
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// Test accuracy of a network that an earlier run saved.
fn evaluate(file: &Path, device: &Device) -> Result<f64> {
    let (settings, scaler, network) = checkpoint::load(file, device)?;
    let table = settings.dataset.load(settings.seed)?;
    let test = Split::stratified(&table, settings.seed).test;
    println!("dataset: {}, {} samples to test", settings.dataset.name(), test.rows.len());
    println!("hybrid: {}", settings.shape.describe(Core::Quantum));
    Ok(train::score(&network, &test.batch(&scaler, device)?)?.accuracy)
}
