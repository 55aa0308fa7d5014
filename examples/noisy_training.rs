//! One classifier, trained without noise, under noise, and for noise of any strength.
//!
//! ```text
//! cargo run --release --example noisy_training
//! ```
//!
//! Four qubits classify two moons: layers of rotations by `θ + w x` and a ring of CX, then `scale <Z> + bias`. A noise
//! model puts depolarizing and damping behind the gates, and a readout error at the end; its strengths are multiples of
//! one number, the error `p` of a CX, which is a feature of each sample. The same layer is therefore evaluated at any
//! strength, also at another one for each sample of a batch.
//!
//! Three trainings differ in `p` alone: 0; the number of `--strength`; drawn anew for each sample and step, from 0 to
//! `--largest`. The picture has the accuracies of all three over `p`, as means over seeds.

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
use candle_nn::{Optimizer, VarMap};
use candlewick::data::{self, Dataset, MoonsConfig};
use candlewick::nn::loss::binary_cross_entropy_with_logits;
use candlewick::nn::{Affine, AffineConfig, SeededInit};
use candlewick::noise::{Gates, Noise, NoiseModel};
use candlewick::optim::{Adam, AdamConfig};
use candlewick::plot::{Color, Figure, Panel};
use candlewick::prelude::*;
use clap::Parser;
use ending::ending;
use positive::positive;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use whole::whole;

const QUBITS: usize = 4;

/// Largest error of a CX: the multiples of it in the noise model stay probabilities.
const LARGEST: f64 = 0.3;

/// Number of strengths at which models are tested.
const STRENGTHS: usize = 11;

/// Trains one classifier without noise, under noise, and for noise of any strength.
///
/// Draws test accuracies over the strength of the noise, and prints their means over all strengths as its last line.
#[derive(Debug, Parser)]
#[command(name = "noisy_training")]
struct Args {
    /// Error of a CX in the training under noise.
    #[arg(long, default_value = "0.1", value_name = "P", value_parser = positive, allow_negative_numbers = true)]
    strength: f64,

    /// Largest error of a CX, up to 0.3, in tests and in the training for any strength.
    #[arg(long, default_value = "0.1", value_name = "P", value_parser = positive, allow_negative_numbers = true)]
    largest: f64,

    /// Layers of the circuit.
    #[arg(long, default_value = "3", value_name = "N", value_parser = whole(1, 100))]
    layers: usize,

    /// Points to train on.
    #[arg(long, default_value = "150", value_name = "N", value_parser = whole(2, 100_000))]
    points: usize,

    /// Points to test on.
    #[arg(long, default_value = "1000", value_name = "N", value_parser = whole(2, 100_000))]
    test_points: usize,

    /// Steps of Adam, on all points.
    #[arg(long, default_value = "150", value_name = "N", value_parser = whole(1, 100_000))]
    steps: usize,

    /// Step size of Adam.
    #[arg(long, default_value = "0.1", value_name = "RATE", value_parser = positive, allow_negative_numbers = true)]
    learning_rate: f64,

    /// Trainings of each kind, with weights and points of their own.
    #[arg(long, default_value = "5", value_name = "N", value_parser = whole(1, 1000))]
    seeds: usize,

    /// First seed.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,

    /// Folder for the picture.
    #[arg(long, default_value = "target/noisy_training", value_name = "DIR")]
    output: PathBuf,
}

/// Strength of the noise in a training.
#[derive(Debug, Clone, Copy)]
enum Training {
    /// The same strength for all samples.
    At(f64),
    /// A strength for each sample and step, uniform from 0.
    UpTo(f64),
}

impl Training {
    /// Returns the strengths of a step.
    fn strengths(self, samples: usize, rng: &mut StdRng) -> Vec<f32> {
        let one = |_| match self {
            Self::At(strength) => strength as f32,
            Self::UpTo(largest) => rng.random_range(0.0..=largest) as f32,
        };
        (0..samples).map(one).collect()
    }
}

/// Classifier of points `[n, 3]`: two coordinates and the strength of the noise.
struct Classifier {
    layer: QuantumLayer,
    affine: Affine,
    varmap: VarMap,
}

impl Classifier {
    fn new(layers: usize, seed: u64) -> Result<Self> {
        let mut circuit = Circuit::new(QUBITS);
        let w = circuit.weights("theta", (layers, QUBITS, 3));
        for layer in 0..layers {
            for q in 0..QUBITS {
                let turned = w.at([layer, q, 0]) + w.at([layer, q, 1]) * input(q % 2);
                circuit.ry(turned, q).rz(w.at([layer, q, 2]), q);
            }
            (0..QUBITS).for_each(|q| _ = circuit.cx(q, (q + 1) % QUBITS));
        }
        let p = input(2);
        let model = NoiseModel::new()
            .after(Gates::one_qubit(), Noise::depolarizing(0.1 * p.clone()))
            .after(Gates::two_qubit(), Noise::depolarizing2(p.clone()))
            .after(Gates::two_qubit(), Noise::amplitude_damping(p.clone()))
            .readout(0, 0.5 * p.clone(), p);
        let varmap = VarMap::new();
        let vb = SeededInit::new(seed).var_builder(&varmap, DType::F32, &Device::Cpu);
        let layer = QuantumLayer::new(model.apply(&circuit)?, Measurement::expectation([Z(0)]), vb.pp("quantum"))?;
        let affine = Affine::new(1, AffineConfig::default(), vb.pp("affine"))?;
        Ok(Self { layer, affine, varmap })
    }

    fn logits(&self, points: &Tensor, strengths: Vec<f32>) -> Result<Tensor> {
        let strengths = Tensor::from_vec(strengths, (points.dim(0)?, 1), &Device::Cpu)?;
        let x = Tensor::cat(&[points, &strengths], 1)?;
        Ok(self.affine.forward(&self.layer.forward(&x)?)?)
    }

    /// Trains on all points, and returns the last loss.
    fn train(&self, args: &Args, set: &Dataset, training: Training, seed: u64) -> Result<f64> {
        let targets = set.y.to_dtype(DType::F32)?.unsqueeze(1)?;
        let mut adam = Adam::from_varmap(&self.varmap, AdamConfig::with_learning_rate(args.learning_rate))?;
        let mut rng = StdRng::seed_from_u64(seed);
        let mut last = f64::NAN;
        for _ in 0..args.steps {
            let logits = self.logits(&set.x, training.strengths(set.len(), &mut rng))?;
            let loss = binary_cross_entropy_with_logits(&logits, &targets)?;
            adam.backward_step(&loss)?;
            last = f64::from(loss.to_scalar::<f32>()?);
        }
        Ok(last)
    }

    /// Returns the accuracy at one strength of the noise.
    fn accuracy(&self, set: &Dataset, strength: f64) -> Result<f64> {
        let logits = self.logits(&set.x, vec![strength as f32; set.len()])?.detach();
        let hits = logits.gt(0.0)?.squeeze(1)?.eq(&set.y.gt(0u32)?)?;
        Ok(hits.to_dtype(DType::F64)?.mean_all()?.to_scalar()?)
    }
}

/// Test accuracies of a training at all strengths, for each seed, with the training's last loss.
struct Outcome {
    name: String,
    losses: Vec<f64>,
    accuracies: Vec<Vec<f64>>,
}

impl Outcome {
    fn mean(&self, at: usize) -> f64 {
        self.accuracies.iter().map(|of| of[at]).sum::<f64>() / self.accuracies.len() as f64
    }
}

fn strengths(args: &Args) -> Vec<f64> {
    (0..STRENGTHS).map(|k| args.largest * k as f64 / (STRENGTHS - 1) as f64).collect()
}

/// Trains with all seeds.
fn outcome(args: &Args, name: String, training: Training) -> Result<Outcome> {
    let (mut losses, mut accuracies) = (Vec::new(), Vec::new());
    for seed in (0..args.seeds as u64).map(|k| args.seed.wrapping_add(k)) {
        let moons = |points, seed| data::moons(points, MoonsConfig { noise: 0.1, seed, ..Default::default() });
        let (train, test) =
            (moons(args.points, seed.wrapping_mul(2))?, moons(args.test_points, seed.wrapping_mul(2).wrapping_add(1))?);
        let classifier = Classifier::new(args.layers, seed)?;
        losses.push(classifier.train(args, &train, training, seed)?);
        let at = |strength: f64| classifier.accuracy(&test, strength);
        accuracies.push(strengths(args).into_iter().map(at).collect::<Result<Vec<_>>>()?);
    }
    Ok(Outcome { name, losses, accuracies })
}

fn draw(path: &Path, args: &Args, outcomes: &[Outcome]) -> Result<()> {
    let strengths = strengths(args);
    let mut panel = Panel::new("").axes("error of a CX", "test accuracy").x_range(0.0..args.largest);
    for (index, outcome) in outcomes.iter().enumerate() {
        let means: Vec<(f64, f64)> = strengths.iter().enumerate().map(|(at, x)| (*x, outcome.mean(at))).collect();
        panel = panel.line(format!("trained {}", outcome.name), Color::nth(index), &means);
    }
    let title = match args.seeds {
        1 => format!("Two moons on {QUBITS} noisy qubits, one seed"),
        seeds => format!("Two moons on {QUBITS} noisy qubits, means over {seeds} seeds"),
    };
    Ok(Figure::new(title).panel(panel).save(path)?)
}

fn run(args: &Args) -> Result<String> {
    if args.largest > LARGEST || args.strength > LARGEST {
        bail!("errors of a CX go up to {LARGEST}: got {} and {}", args.strength, args.largest);
    }
    std::fs::create_dir_all(&args.output).with_context(|| format!("cannot write to {}", args.output.display()))?;
    let kinds = [
        ("without noise".to_owned(), Training::At(0.0)),
        (format!("at {}", args.strength), Training::At(args.strength)),
        ("for any strength".to_owned(), Training::UpTo(args.largest)),
    ];
    let outcomes =
        kinds.map(|(name, training)| outcome(args, name, training)).into_iter().collect::<Result<Vec<_>>>()?;
    let shown = [0, STRENGTHS / 2, STRENGTHS - 1];
    let head: Vec<String> = shown.iter().map(|at| format!("accuracy at {:.3}", strengths(args)[*at])).collect();
    let head: Vec<&str> = ["trained", "last loss"].into_iter().chain(head.iter().map(String::as_str)).collect();
    let row = |of: &Outcome| {
        let loss = of.losses.iter().sum::<f64>() / of.losses.len() as f64;
        let figures = std::iter::once(loss).chain(shown.iter().map(|at| of.mean(*at)));
        std::iter::once(of.name.clone()).chain(figures.map(|figure| format!("{figure:.4}"))).collect()
    };
    println!("{}\n", table::table(&head, &outcomes.iter().map(row).collect::<Vec<_>>()));
    draw(&args.output.join("accuracy.png"), args, &outcomes)?;
    println!("wrote a picture to {}", args.output.display());
    let mean = |of: &Outcome| (0..STRENGTHS).map(|at| of.mean(at)).sum::<f64>() / STRENGTHS as f64;
    let [without, under, any] = [0, 1, 2].map(|kind| mean(&outcomes[kind]));
    Ok(format!(
        "mean test accuracy for CX errors from 0 to {}: {any:.4} trained for any strength, {under:.4} at {}, {without:.4} without noise",
        args.largest, args.strength
    ))
}

fn main() -> ExitCode {
    ending(run(&Args::parse()))
}
