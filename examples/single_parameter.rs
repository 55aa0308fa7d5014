//! One angle, one qubit: Adam turns `RX(theta)` until `<Z>` is lowest.
//!
//! ```text
//! cargo run --release --example single_parameter
//! ```

#[path = "common/ending.rs"]
mod ending;

use anyhow::{Context, Result};
use candle_core::{DType, Device};
use candle_nn::{Init, Optimizer, VarBuilder, VarMap};
use candlewick::optim::{Adam, AdamConfig};
use candlewick::plot::{Color, Figure, Panel};
use candlewick::prelude::*;
use clap::Parser;
use ending::ending;
use std::f64::consts::PI;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Trains the angle of one rotation and prints every step.
#[derive(Debug, Parser)]
#[command(name = "single_parameter", allow_negative_numbers = true)]
struct Args {
    /// Angle to start from, in radians.
    #[arg(long, default_value_t = 3.844, value_name = "RADIANS")]
    start: f64,

    /// Steps of Adam.
    #[arg(long, default_value_t = 21, value_name = "N")]
    steps: usize,

    /// Step size of Adam.
    #[arg(long, default_value_t = 0.1, value_name = "RATE")]
    learning_rate: f64,

    /// Folder for the picture.
    #[arg(long, default_value = "target/single_parameter", value_name = "DIR")]
    output: PathBuf,
}

fn main() -> ExitCode {
    ending(run(&Args::parse()))
}

/// Trains, prints every step, draws, and returns the last line.
fn run(args: &Args) -> Result<String> {
    let mut circuit = Circuit::new(1);
    let theta = circuit.weights_with_init("theta", 1, Init::Const(args.start));
    circuit.rx(theta.at([0]), 0);

    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(args.learning_rate))?;
    let angle = || -> Result<f64> {
        let (_, theta) = layer.weights().next().context("the circuit has one weight")?;
        Ok(theta.to_vec1::<f64>()?[0])
    };

    println!("step   theta     loss");
    let mut history = Vec::new();
    for step in 0..=args.steps {
        let loss = layer.evaluate()?.sum_all()?;
        let (theta, value) = (angle()?, loss.to_scalar::<f64>()?);
        println!("{step:>4}  {theta:.4}  {value:>7.4}");
        history.push((theta, value));
        if step < args.steps {
            adam.backward_step(&loss)?;
        }
    }
    draw(&args.output, &history)?;
    let &(angle, loss) = history.last().context("there is at least the start")?;
    Ok(format!(
        "loss after {} steps: {loss:.4}, theta - pi: {:.4} (reference: -0.99 after 21 steps, Metal-Q)",
        args.steps,
        angle - PI
    ))
}

/// Draws the steps along the cosine, and the loss from step to step.
fn draw(folder: &Path, history: &[(f64, f64)]) -> Result<()> {
    let thetas = history.iter().map(|(theta, _)| *theta);
    let (least, most) = (thetas.clone().fold(PI, f64::min) - 0.3, thetas.fold(PI, f64::max) + 0.3);
    let cosine: Vec<(f64, f64)> =
        (0..=200).map(|k| least + (most - least) * f64::from(k) / 200.0).map(|x| (x, x.cos())).collect();
    let way = Panel::new("The way down").axes("theta", "<Z>").line("cos theta", Color::GRAY, &cosine).dots(
        "Adam",
        Color::VIOLET,
        history,
    );
    let steps: Vec<(f64, f64)> = (0..).map(f64::from).zip(history.iter().map(|(_, loss)| *loss)).collect();
    let losses = Panel::new("Loss").axes("step", "<Z>").counting().line("Adam", Color::VIOLET, &steps);
    let path = folder.join("descent.png");
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Figure::new("One angle").panel(way).panel(losses).save(&path)?;
    println!("wrote {}", path.display());
    Ok(())
}
