//! One qubit classifies points in a plane: the circuit uploads the coordinates again and again.
//!
//! ```text
//! cargo run --release --example reuploading
//! ```
//!
//! The method is by Pérez-Salinas, Cervera-Lierta, Gil-Fuster and Latorre, Quantum 4, 226 (2020). Each layer is a
//! rotation of one qubit by angles `θ + w x`, with weights of its own. With more layers, `<Z>` can distinguish finer
//! regions; with one layer, `<Z>` is a cosine in one direction. The example trains some numbers of layers side by side.
//!
//! The training of one qubit often gets stuck, so each number of layers starts from several points. These restarts are
//! an ensemble: weights with one more dimension, evaluated in one call. Each restart has its own scale and bias behind
//! the circuit. The restart with the lowest loss on the training set counts; test points choose nothing.
//!
//! The default loss is the cross-entropy of `scale <Z> + bias`. `--loss fidelity` is the loss of the paper: 1 minus the
//! fidelity with the state of the class, |0> or |1>, without scale and bias.

#[path = "../common/ending.rs"]
mod ending;
mod model;
mod picture;
#[path = "../common/positive.rs"]
mod positive;
mod problem;
#[path = "../common/table.rs"]
mod table;
#[path = "../common/whole.rs"]
mod whole;

use anyhow::{Context, Result, bail};
use candle_core::{DType, Device, Module, Tensor};
use candlewick::data::Dataset;
use candlewick::device::{self, DeviceKind};
use candlewick::optim::{Adam, AdamConfig, Interval, Schedule};
use candlewick::train::{StopReason, TrainConfig, Training};
use clap::Parser;
use ending::ending;
use model::{Loss, Restarts};
use positive::positive;
use problem::Problem;
use std::path::PathBuf;
use std::process::ExitCode;
use whole::whole;

/// Classifies points in a plane with one qubit, and compares numbers of layers.
///
/// Draws the regions that each number of layers finds, and prints the accuracy of the last one as its last line.
#[derive(Debug, Parser)]
#[command(name = "reuploading")]
struct Args {
    /// What tells the two classes apart.
    #[arg(long, value_enum, default_value_t = Problem::Circle)]
    problem: Problem,

    /// Numbers of layers, up to 12 of them.
    #[arg(long, value_delimiter = ',', num_args = 1.., default_value = "1,2,4,6,10", value_name = "N", value_parser = whole(1, 100))]
    layers: Vec<usize>,

    /// What is minimised.
    #[arg(long, value_enum, default_value_t = Loss::CrossEntropy)]
    loss: Loss,

    /// Points to train on.
    #[arg(long, default_value = "200", value_name = "N", value_parser = whole(1, 100_000))]
    points: usize,

    /// Points to test on.
    #[arg(long, default_value = "4000", value_name = "N", value_parser = whole(1, 100_000))]
    test_points: usize,

    /// Starting points of each training.
    #[arg(long, default_value = "8", value_name = "N", value_parser = whole(1, 50))]
    restarts: usize,

    /// Passes over the training set.
    #[arg(long, default_value = "150", value_name = "N", value_parser = whole(1, 100_000))]
    epochs: usize,

    /// Samples in a batch.
    #[arg(long, default_value = "25", value_name = "N", value_parser = whole(1, 100_000))]
    batch_size: usize,

    /// Step size of Adam at the start; it falls to a hundredth of it along a cosine.
    #[arg(long, default_value = "0.05", value_name = "RATE", value_parser = positive, allow_negative_numbers = true)]
    learning_rate: f64,

    /// Seed of the points, the initial weights and the order of the batches.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,

    /// Device to compute on: cpu, cuda or metal [default: the best one of this build and this machine].
    #[arg(long)]
    device: Option<DeviceKind>,

    /// Folder for the pictures [default: target/reuploading/<PROBLEM>].
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Result for one number of layers.
struct Outcome {
    layers: usize,
    weights: usize,
    seconds: f64,
    /// Training loss of each restart, and its accuracies on both sets.
    losses: Vec<f64>,
    train: Vec<f64>,
    test: Vec<f64>,
    /// Index of the restart with the lowest training loss.
    best: usize,
    restarts: Restarts,
}

/// Trains all restarts of one number of layers.
fn fit(args: &Args, layers: usize, [train, test]: &[Dataset; 2], device: &Device) -> Result<Outcome> {
    let restarts = Restarts::new(layers, args.restarts, args.loss, args.seed, device)?;
    let mut adam = Adam::from_varmap(&restarts.varmap, AdamConfig::with_learning_rate(args.learning_rate))?;
    let config = TrainConfig {
        name: layers_named(layers),
        epochs: args.epochs,
        batch_size: args.batch_size,
        seed: args.seed,
        schedule: Schedule::Cosine { steps: args.epochs as u64, floor: 0.01 },
        schedule_interval: Interval::Epoch,
        progress: true,
        ..Default::default()
    };
    let [train, test] = [on(train, device)?, on(test, device)?];
    let history =
        Training::new(&restarts, &restarts.varmap, &mut adam, |outputs, y| args.loss.mean(outputs, y), config)
            .run((&train.0, &train.1), None)?;
    if history.stop_reason == StopReason::Interrupted {
        bail!("interrupted");
    }
    let outputs = restarts.forward(&train.0)?.detach();
    let losses = args.loss.each(&outputs, &train.1)?.mean(0)?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
    if let Some(loss) = losses.iter().find(|loss| !loss.is_finite()) {
        bail!("a loss became {loss}: the step size is too large");
    }
    let best = (0..losses.len()).min_by(|&a, &b| losses[a].total_cmp(&losses[b])).unwrap_or(0);
    let weights = restarts.weights();
    let train = model::accuracies(&outputs, &train.1)?;
    let test = model::accuracies(&restarts.forward(&test.0)?.detach(), &test.1)?;
    Ok(Outcome { layers, weights, seconds: history.seconds(), losses, train, test, best, restarts })
}

/// Describes a number of layers.
fn layers_named(layers: usize) -> String {
    if layers == 1 { "1 layer".to_owned() } else { format!("{layers} layers") }
}

/// Copies points, and classes as `[n, 1]` numbers, to a device.
fn on(set: &Dataset, device: &Device) -> Result<(Tensor, Tensor)> {
    Ok((set.x.to_device(device)?, set.y.to_dtype(DType::F32)?.unsqueeze(1)?.to_device(device)?))
}

fn row(outcome: &Outcome) -> Vec<String> {
    let Outcome { layers, weights, losses, train, test, best, seconds, .. } = outcome;
    let least = test.iter().copied().fold(f64::INFINITY, f64::min);
    let most = test.iter().copied().fold(0.0, f64::max);
    let range = format!("{least:.4} to {most:.4}");
    let figures = [losses[*best], train[*best], test[*best]].map(|value| format!("{value:.4}"));
    [vec![layers.to_string(), weights.to_string()], figures.to_vec(), vec![range, format!("{seconds:.1}")]].concat()
}

fn run(args: &Args) -> Result<String> {
    if args.layers.len() > 12 {
        bail!("{} numbers of layers: up to 12 can be compared", args.layers.len());
    }
    let output = args.output.clone().unwrap_or_else(|| PathBuf::from("target/reuploading").join(args.problem.name()));
    std::fs::create_dir_all(&output).with_context(|| format!("cannot write to {}", output.display()))?;
    let device = args.device.map_or_else(device::best, DeviceKind::open)?;
    println!("device: {}", DeviceKind::of(&device));
    println!(
        "{}: {} training and {} test points, {} restarts, {} epochs, batches of {}",
        args.problem.name(),
        args.points,
        args.test_points,
        args.restarts,
        args.epochs,
        args.batch_size
    );
    let sets = args.problem.sets(args.points, args.test_points, args.seed)?;
    let outcomes = args.layers.iter().map(|&layers| fit(args, layers, &sets, &device)).collect::<Result<Vec<_>>>()?;
    let head = ["layers", "weights", "train loss", "train accuracy", "test accuracy", "of all restarts", "seconds"];
    println!("\n{}\n", table::table(&head, &outcomes.iter().map(row).collect::<Vec<_>>()));
    picture::regions(&output.join("regions.png"), (args.problem, args.seed), &sets[0], &outcomes, &device)?;
    picture::accuracies(&output.join("accuracy.png"), (args.problem, args.seed), &outcomes)?;
    println!("wrote pictures to {}", output.display());
    let Some(last) = outcomes.last() else { bail!("no number of layers") };
    let frequent = problem::most_frequent(&sets[1])?;
    let reference = match args.problem {
        Problem::Circle => format!("reference: 0.93 for 10 layers; {frequent:.4} for the more frequent class"),
        _ => format!("reference: {frequent:.4} for the more frequent class"),
    };
    let (layers, accuracy) = (layers_named(last.layers), last.test[last.best]);
    Ok(format!("test accuracy of one qubit with {layers}: {accuracy:.4} ({reference})"))
}

fn main() -> ExitCode {
    ending(run(&Args::parse()))
}
