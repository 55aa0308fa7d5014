//! A variational classifier of two circles, as published and with a trainable scale and bias after its expectation
//! value.
//!
//! ```text
//! cargo run --release --example circles_vqc
//! ```
//!
//! The circuit is the circuit of QuILT: RY(x[i mod 2]) on each of four qubits, then four layers of RY and RZ on each
//! qubit and CX 0-1, 2-3, 1-2. `<Z>` of qubit 0 is the logit of a binary cross-entropy. Such a logit stays within -1
//! and 1: no point can have a probability above 0.73, and even points that are clear add to the loss. `nn::Affine`
//! removes that limit with two more weights. Each seed has its own points, split and initial weights, the same for both
//! classifiers. A step uses all training points.
//!
//! The published circuit depends on its start. Over 100 seeds it classifies 0.82 of the test points correctly from
//! angles near 0, and 0.76 from angles anywhere (`--spread 3`). With the affine layer the numbers are 0.97 and 0.98.

#[path = "common/ending.rs"]
mod ending;
#[path = "common/positive.rs"]
mod positive;
#[path = "common/table.rs"]
mod table;
#[path = "common/whole.rs"]
mod whole;

use anyhow::{Context, Result, bail};
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::{Init, VarMap, ops::sigmoid};
use candlewick::data::{self, CirclesConfig, Dataset, Split};
use candlewick::device::{self, DeviceKind};
use candlewick::nn::loss::binary_cross_entropy_with_logits;
use candlewick::nn::{Affine, AffineConfig, SeededInit};
use candlewick::optim::{Adam, AdamConfig};
use candlewick::plot::{self, Color, Figure, Panel};
use candlewick::prelude::*;
use candlewick::train::{History, StopReason, TrainConfig, Training, binary_accuracy};
use clap::Parser;
use ending::ending;
use positive::positive;
use std::path::PathBuf;
use std::process::ExitCode;
use whole::whole;

/// Trains a variational classifier of two circles over several seeds, as published and with a trainable scale and bias
/// of its output, and compares the accuracies on held-out points.
#[derive(Debug, Parser)]
#[command(name = "circles_vqc")]
struct Args {
    /// Number of seeds.
    #[arg(long, default_value = "20", value_name = "N", value_parser = whole(1, 1000))]
    seeds: usize,

    /// First seed, of points, split and initial weights; the others follow it.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,

    /// Passes over the training set, each a single step.
    #[arg(long, default_value = "80", value_name = "N", value_parser = whole(1, 100_000))]
    epochs: usize,

    /// Step size of Adam.
    #[arg(long, default_value = "0.05", value_name = "RATE", value_parser = positive, allow_negative_numbers = true)]
    learning_rate: f64,

    /// Standard deviation of the initial angles, in radians.
    #[arg(long, default_value = "0.1", value_name = "ANGLE", value_parser = positive, allow_negative_numbers = true)]
    spread: f64,

    /// Device to compute on: cpu, cuda or metal [default: the best one of this build and this machine].
    #[arg(long)]
    device: Option<DeviceKind>,

    /// Folder for the pictures.
    #[arg(long, default_value = "target/circles_vqc", value_name = "DIR")]
    output: PathBuf,
}

const QUBITS: usize = 4;
const LAYERS: usize = 4;
/// Number of points, their noise, the radius of the inner circle, and the fraction held out.
const POINTS: usize = 100;
const NOISE: f64 = 0.1;
const FACTOR: f64 = 0.5;
const TEST_FRACTION: f64 = 0.3;

/// Layer behind the expectation value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Head {
    Nothing,
    Affine,
}

impl Head {
    const BOTH: [Self; 2] = [Self::Nothing, Self::Affine];

    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "as published",
            Self::Affine => "with scale and bias",
        }
    }
}

/// Makes the published circuit.
fn circuit(spread: f64) -> Circuit {
    let mut circuit = Circuit::new(QUBITS);
    let theta = circuit.weights_with_init("theta", (LAYERS, QUBITS, 2), Init::Randn { mean: 0.0, stdev: spread });
    for qubit in 0..QUBITS {
        circuit.ry(input(qubit % 2), qubit);
    }
    for layer in 0..LAYERS {
        for qubit in 0..QUBITS {
            circuit.ry(theta.at([layer, qubit, 0]), qubit).rz(theta.at([layer, qubit, 1]), qubit);
        }
        circuit.cx(0, 1).cx(2, 3).cx(1, 2);
    }
    circuit
}

/// Classifier from points `[n, 2]` to logits `[n, 1]`.
struct Classifier {
    quantum: QuantumLayer,
    affine: Option<Affine>,
    varmap: VarMap,
}

impl Classifier {
    fn new(head: Head, spread: f64, seed: u64, device: &Device) -> Result<Self> {
        let varmap = VarMap::new();
        let vb = SeededInit::new(seed).var_builder(&varmap, DType::F32, device);
        let quantum = QuantumLayer::new(circuit(spread), Measurement::expectation([Z(0)]), vb.pp("quantum"))?;
        let affine = match head {
            Head::Nothing => None,
            Head::Affine => Some(Affine::new(1, AffineConfig::default(), vb.pp("affine"))?),
        };
        Ok(Self { quantum, affine, varmap })
    }

    /// Returns the probability of the inner circle at points on the CPU.
    fn probability(&self, points: &Tensor, device: &Device) -> candle_core::Result<Vec<f64>> {
        let logits = self.forward(&points.to_device(device)?)?.detach();
        sigmoid(&logits)?.flatten_all()?.to_dtype(DType::F64)?.to_vec1()
    }
}

impl Module for Classifier {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let expectation = self.quantum.forward(x)?;
        self.affine.as_ref().map_or(Ok(expectation.clone()), |affine| affine.forward(&expectation))
    }
}

/// Trained classifier with its points.
struct Run {
    classifier: Classifier,
    train: Dataset,
    test: Dataset,
    history: History,
    accuracy: f64,
}

fn fit(args: &Args, head: Head, seed: u64, device: &Device) -> Result<Run> {
    let Split { train, test, .. } =
        data::circles(POINTS, CirclesConfig { noise: NOISE, factor: FACTOR, seed, ..Default::default() })?
            .split(TEST_FRACTION, seed)?;
    let classifier = Classifier::new(head, args.spread, seed, device)?;
    let mut adam = Adam::from_varmap(&classifier.varmap, AdamConfig::with_learning_rate(args.learning_rate))?;
    let config = TrainConfig { epochs: args.epochs, batch_size: train.len(), seed, ..Default::default() };
    let targets = |set: &Dataset| set.y.to_dtype(DType::F32)?.unsqueeze(1)?.to_device(device);
    let [x, test_x] = [train.x.to_device(device)?, test.x.to_device(device)?];
    let [y, test_y] = [targets(&train)?, targets(&test)?];
    // The number of epochs is fixed, as published: nothing is chosen, and there is no validation set.
    let history = Training::new(&classifier, &classifier.varmap, &mut adam, binary_cross_entropy_with_logits, config)
        .metric("accuracy", binary_accuracy)
        .run((&x, &y), None)?;
    if history.stop_reason == StopReason::Interrupted {
        bail!("interrupted");
    }
    let accuracy = binary_accuracy(&classifier.forward(&test_x)?.detach(), &test_y)?;
    Ok(Run { classifier, train, test, history, accuracy })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Returns indices in the order of their values.
fn order(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    order
}

fn median(values: &[f64]) -> f64 {
    let (order, count) = (order(values), values.len());
    0.5 * (values[order[(count - 1) / 2]] + values[order[count / 2]])
}

/// Draws decisions and losses of one seed.
fn draw_seed(args: &Args, seed: u64, device: &Device) -> Result<()> {
    let runs = [fit(args, Head::Nothing, seed, device)?, fit(args, Head::Affine, seed, device)?];
    let mut figure = Figure::new(format!("Two circles, seed {seed}: decisions"))
        .note(format!("{POINTS} points; white, and the line: where both classes are as probable"));
    for (run, head) in runs.iter().zip(Head::BOTH) {
        let heading = format!("{}: {:.3} of the test points", head.name(), run.accuracy);
        let probability = |points: &Tensor| run.classifier.probability(points, device);
        figure = figure.panel(plot::decisions(&heading, &run.train, &run.test, probability)?);
    }
    figure.save(args.output.join("decisions.png"))?;
    let histories = [(Head::BOTH[0].name(), &runs[0].history), (Head::BOTH[1].name(), &runs[1].history)];
    let title = format!("Two circles, seed {seed}: training");
    let [published, affine] = runs.each_ref().map(|run| run.accuracy);
    let note = format!("{POINTS} points; test accuracy after the last epoch: {published:.4} and {affine:.4}");
    Ok(History::figure(&title, &histories).note(note).save(args.output.join("training.png"))?)
}

/// Draws the accuracies of all seeds. The order of seeds has no meaning: sorted, they show the distribution of
/// accuracies.
fn draw_all(args: &Args, accuracies: &[Vec<f64>; 2]) -> Result<()> {
    let end = args.seeds as f64 + 1.0;
    let mut panel = Panel::new("").axes("seeds, sorted by accuracy", "test accuracy").x_range(0.0..end).counting();
    for (head, (values, color)) in Head::BOTH.iter().zip(accuracies.iter().zip([Color::BLUE, Color::ORANGE])) {
        let points: Vec<_> = order(values).into_iter().enumerate().map(|(k, i)| ((k + 1) as f64, values[i])).collect();
        let mean = mean(values);
        let name = format!("{} (dashes: mean {mean:.3})", head.name());
        panel = panel.dashes("", color, &[(0.0, mean), (end, mean)]).dots(name, color, &points);
    }
    let title = format!("Two circles: test accuracy over {} seeds", args.seeds);
    let note = format!("{POINTS} points for each seed");
    Ok(Figure::new(title).note(note).panel(panel).save(args.output.join("seeds.png"))?)
}

fn run(args: &Args) -> Result<String> {
    std::fs::create_dir_all(&args.output).with_context(|| format!("cannot write to {}", args.output.display()))?;
    let device = args.device.map_or_else(device::best, DeviceKind::open)?;
    println!("device: {}", DeviceKind::of(&device));
    let weights = QUBITS * LAYERS * 2;
    println!("{POINTS} points, {weights} angles, {} epochs, Adam with step size {}\n", args.epochs, args.learning_rate);
    let mut accuracies = [Vec::new(), Vec::new()];
    let mut rows = Vec::new();
    let row =
        |name: String, values: [f64; 2]| [vec![name], values.map(|value| format!("{value:.4}")).to_vec()].concat();
    let seed = |k: usize| args.seed.wrapping_add(k as u64);
    for k in 0..args.seeds {
        for (accuracies, head) in accuracies.iter_mut().zip(Head::BOTH) {
            accuracies.push(fit(args, head, seed(k), &device)?.accuracy);
        }
        rows.push(row(seed(k).to_string(), accuracies.each_ref().map(|values| values[k])));
    }
    for (name, of) in [("mean", mean as fn(&[f64]) -> f64), ("median", median)] {
        rows.push(row(name.to_owned(), accuracies.each_ref().map(|values| of(values))));
    }
    println!("{}\n", table::table(&["seed", Head::BOTH[0].name(), Head::BOTH[1].name()], &rows));
    // Seed with the median accuracy of the published circuit.
    draw_seed(args, seed(order(&accuracies[0])[args.seeds / 2]), &device)?;
    draw_all(args, &accuracies)?;
    println!("wrote pictures to {}", args.output.display());
    let [[published, _], [mean, median]] = accuracies.each_ref().map(|values| [mean(values), median(values)]);
    Ok(format!(
        "test accuracy over {} seeds: as published {published:.4} on average (reference: 0.9667 claimed, 0.8667 in QuILT's \
         notebook, 0.83 over 60 seeds); with scale and bias {mean:.4}, median {median:.4} (reference: 0.97)",
        args.seeds
    ))
}

fn main() -> ExitCode {
    ending(run(&Args::parse()))
}
