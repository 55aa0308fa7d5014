//! Quanvolution: a circuit slid over images, with fixed and with trained gates, beside a convolution of the same shape
//! and beside no filter.
//!
//! ```text
//! cargo run --release --example quanvolution
//! ```
//!
//! The first filter is the filter of Henderson, Shakya, Pradhan and Cook (arXiv:1904.04767), whose circuits are random
//! and never trained; the second has the same shape with weights that are trained with the rest of the network. A
//! linear layer reads the feature maps. A filter therefore only adds functions that the linear layer cannot compute
//! alone: the last control reads the pixels themselves. Several seeds distinguish differences from chance.

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

use anyhow::{Result, bail};
use candle_core::Module;
use candle_nn::loss::cross_entropy;
use candlewick::data::Dataset;
use candlewick::device::{self, DeviceKind};
use candlewick::optim::{Adam, AdamConfig};
use candlewick::train::{History, StopReason, TrainConfig, Training, accuracy};
use clap::Parser;
use ending::ending;
use model::{Filter, Network, Shape};
use positive::positive;
use std::path::PathBuf;
use std::process::ExitCode;
use whole::whole;

/// Classifies handwritten digits behind quantum and classical filters, and compares them over several seeds.
///
/// Writes pictures of the training and of feature maps (PNG), and ends with the test accuracies. A given seed repeats
/// bit for bit.
#[derive(Debug, Parser)]
#[command(name = "quanvolution")]
struct Args {
    /// Device to compute on: cpu, cuda or metal [default: the best one of this build and this machine].
    #[arg(long)]
    device: Option<DeviceKind>,

    /// First seed: of the split, the random circuit, the initial weights and the order of the batches.
    #[arg(long, default_value_t = 7, value_name = "N")]
    seed: u64,

    /// Number of seeds.
    #[arg(long, default_value = "5", value_name = "N", value_parser = whole(1, 1000))]
    seeds: usize,

    /// Passes over the training set.
    #[arg(long, default_value = "30", value_name = "N", value_parser = whole(1, u32::MAX as u64))]
    epochs: usize,

    /// Height and width of a patch; the circuit has a qubit for each pixel.
    #[arg(long, default_value = "2", value_name = "N", value_parser = whole(1, 8))]
    kernel: usize,

    /// Pixels from a patch to the next.
    #[arg(long, default_value = "1", value_name = "N", value_parser = whole(1, 8))]
    stride: usize,

    /// Layers of the circuit: of the trained one, and gates of the random one in proportion.
    #[arg(long, default_value = "2", value_name = "N", value_parser = whole(1, 1000))]
    layers: usize,

    /// Samples in a batch.
    #[arg(long, default_value = "32", value_name = "N", value_parser = whole(1, u32::MAX as u64))]
    batch_size: usize,

    /// Step size of Adam.
    #[arg(long, default_value_t = 0.01, value_name = "RATE", value_parser = positive, allow_negative_numbers = true)]
    learning_rate: f64,

    /// Folder for pictures.
    #[arg(long, default_value = "target/quanvolution", value_name = "DIR")]
    output: PathBuf,

    /// A short run: one seed, 5 epochs.
    #[arg(long, conflicts_with_all = ["seeds", "epochs"])]
    quick: bool,
}

/// Fraction of each class by which the epoch is chosen.
const VALIDATION_FRACTION: f64 = 0.15;

/// Result of a filter with a seed.
struct Trained {
    filter: Filter,
    network: Network,
    history: History,
    /// Accuracy on the test set, with the weights of the best epoch.
    accuracy: f64,
}

fn main() -> ExitCode {
    let mut args = Args::parse();
    if args.quick {
        (args.seeds, args.epochs) = (1, 5);
    }
    ending(run(&args))
}

fn run(args: &Args) -> Result<String> {
    let device = args.device.map_or_else(device::best, DeviceKind::open)?;
    println!("device: {}", DeviceKind::of(&device));
    let shape = Shape { kernel: args.kernel, stride: args.stride, layers: args.layers };
    let mut all = Vec::with_capacity(4 * args.seeds);
    for index in 0..args.seeds {
        let seed = args.seed.wrapping_add(index as u64);
        let [train, validation, test] = digits::digits(VALIDATION_FRACTION, seed)?.map(|set| set.to_device(&device));
        let sets = [train?, validation?, test?];
        for filter in Filter::ALL {
            all.push(fit(args, &shape, filter, seed, &sets)?);
        }
        if index == 0 {
            let first = all.get(..Filter::ALL.len()).unwrap_or_default();
            report::draw(&args.output, &shape, first, &sets[2], seed)?;
        }
    }
    println!("\n{}\n\nwrote pictures to {}", report::table(&all), args.output.display());
    Ok(report::line(&all))
}

/// Trains a filter with its linear layer. The validation set chooses the epoch.
fn fit(args: &Args, shape: &Shape, filter: Filter, seed: u64, sets: &[Dataset; 3]) -> Result<Trained> {
    let [train, validation, test] = sets;
    let images = |set: &Dataset| match filter {
        Filter::Fixed => shape.fixed(&set.x, seed),
        _ => Ok(set.x.clone()),
    };
    let [train_x, validation_x, test_x] = [images(train)?, images(validation)?, images(test)?];
    let network = Network::new(filter, shape, &train_x, seed)?;
    let mut adam = Adam::from_varmap(&network.varmap, AdamConfig::with_learning_rate(args.learning_rate))?;
    let config = TrainConfig {
        name: format!("{} ({seed})", filter.name()),
        epochs: args.epochs,
        batch_size: args.batch_size,
        seed,
        restore_best: true,
        progress: true,
        ..Default::default()
    };
    let history = Training::new(&network, &network.varmap, &mut adam, cross_entropy, config)
        .metric("accuracy", accuracy)
        .run((&train_x, &train.y), Some((&validation_x, &validation.y)))?;
    if history.stop_reason == StopReason::Interrupted {
        bail!("interrupted");
    }
    let accuracy = accuracy(&network.forward(&test_x)?.detach(), &test.y)?;
    Ok(Trained { filter, network, history, accuracy })
}
