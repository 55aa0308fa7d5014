//! A hybrid quantum-classical classifier, trained beside a classical network of similar size.
//!
//! ```text
//! cargo run --release --example hybrid_classifier -- --dataset circles
//! ```
//!
//! The hybrid network is features -> hidden -> qubits (tanh) -> circuit -> hidden -> classes; all information about the
//! classes goes through the circuit. In the classical network a dense tanh layer replaces the circuit.
//!
//! Processes divide each batch among themselves, with the same weights bit for bit on any number of them:
//!
//! ```text
//! cargo build --release --features mpi --example hybrid_classifier
//! mpirun -n 2 target/release/examples/hybrid_classifier --cluster
//! ```

mod args;
mod checkpoint;
mod data;
#[path = "../common/ending.rs"]
mod ending;
mod model;
#[path = "../common/positive.rs"]
mod positive;
#[path = "../common/processes.rs"]
mod processes;
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
use candlewick::cluster::Cluster;
use candlewick::device::{self, DeviceKind};
use candlewick::optim::{Adam, AdamConfig};
use candlewick::train::{StopReason, TrainConfig, Training, accuracy};
use clap::Parser;
use model::{Core, Network};
use processes::on_processes;
use report::Trained;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use task::Task;

fn main() -> ExitCode {
    let args = Args::parse();
    on_processes(args.cluster, |cluster| Ok(format!("test accuracy: {:.4}", run(&args, cluster)?)))
}

/// Returns the test accuracy of the hybrid network, trained or loaded.
pub(crate) fn run(args: &Args, cluster: &Cluster) -> Result<f64> {
    let device = match args.device {
        Some(kind) => kind.open()?,
        None if args.cluster => cluster.device()?,
        None => device::best()?,
    };
    if cluster.is_first() {
        println!("device: {}", DeviceKind::of(&device));
    }
    match &args.load {
        Some(file) => evaluate(file, &device),
        None => train(args, cluster, &device),
    }
}

/// Trains both networks, writes the files, and returns the test accuracy of the hybrid network.
fn train(args: &Args, cluster: &Cluster, device: &Device) -> Result<f64> {
    let task = Task::new(args, device)?;
    if cluster.is_first() {
        println!("{}", task.describe());
        for core in [Core::Quantum, Core::Dense] {
            println!("{}: {}", core.name(), task.settings.shape.describe(core));
        }
        if args.cluster {
            println!("{} processes, {} micro-batches", cluster.ranks(), args.micro_batches());
        }
        println!();
    }
    let folder = match &args.output {
        Some(folder) => folder.clone(),
        None => Path::new("target/hybrid_classifier").join(args.dataset.name()),
    };
    let hybrid = fit(&task, Core::Quantum, folder.join("hybrid"), args, cluster, device)?;
    let classical = fit(&task, Core::Dense, folder.join("classical"), args, cluster, device)?;
    let trained = [hybrid, classical];
    if cluster.is_first() {
        println!("\n{}\n", report::table(&trained));
        report::write(&folder, &task, &trained, device)?;
        println!("wrote plots and the trained network to {}", folder.display());
    }
    Ok(trained[0].test.accuracy)
}

/// Trains a network, or continues a training that was stopped. The validation set chooses the epoch.
fn fit(task: &Task, core: Core, folder: PathBuf, args: &Args, cluster: &Cluster, device: &Device) -> Result<Trained> {
    let network = Network::new(&task.settings.shape, core, task.settings.seed, device)?;
    let mut adam = Adam::from_varmap(&network.varmap, AdamConfig::with_learning_rate(task.learning_rate))?;
    let config = TrainConfig {
        name: core.name().to_owned(),
        epochs: task.epochs,
        batch_size: task.batch_size,
        seed: task.settings.seed,
        micro_batches: args.micro_batches(),
        cluster: args.cluster.then(|| cluster.clone()),
        resume: args.resume && folder.join("last.safetensors").exists(),
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
