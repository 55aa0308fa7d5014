//! One angle, one qubit: Adam turns `RX(theta)` until `<Z>` is lowest, and so does the quantum natural gradient, whose
//! steps do not overshoot.
//!
//! ```text
//! cargo run --release --example single_parameter
//! ```

#[path = "common/ending.rs"]
mod ending;

use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use candle_nn::{Init, Optimizer, VarBuilder, VarMap};
use candlewick::nn::{QuantumNaturalGradient, QuantumNaturalGradientConfig};
use candlewick::optim::{Adam, AdamConfig};
use candlewick::plot::{Color, Figure, Panel};
use candlewick::prelude::*;
use clap::Parser;
use ending::ending;
use std::f64::consts::PI;
use std::path::PathBuf;
use std::process::ExitCode;

/// Trains the angle of one rotation and prints every step.
#[derive(Debug, Parser)]
#[command(name = "single_parameter", allow_negative_numbers = true)]
struct Args {
    /// Angle to start from, in radians.
    #[arg(long, default_value_t = 3.844, value_name = "RADIANS")]
    start: f64,

    /// Steps of each optimiser.
    #[arg(long, default_value_t = 21, value_name = "N")]
    steps: usize,

    /// Step size of each optimiser.
    #[arg(long, default_value_t = 0.1, value_name = "RATE")]
    learning_rate: f64,

    /// Folder for the pictures.
    #[arg(long, default_value = "target/single_parameter", value_name = "DIR")]
    output: PathBuf,
}

fn main() -> ExitCode {
    ending(run(&Args::parse()))
}

/// Trains, prints every step, draws, and returns the last line.
fn run(args: &Args) -> Result<String> {
    let (adam_layer, varmap) = layer(args.start)?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(args.learning_rate))?;
    let steps = descend(&adam_layer, args.steps, |loss| Ok(adam.backward_step(loss)?))?;
    println!("step   theta     loss");
    for (step, (theta, value)) in steps.iter().enumerate() {
        println!("{step:>4}  {theta:.4}  {value:>7.4}");
    }

    let (natural_layer, _) = layer(args.start)?;
    let config = QuantumNaturalGradientConfig { learning_rate: args.learning_rate, ..Default::default() };
    let mut natural = QuantumNaturalGradient::new(&natural_layer, config)?;
    let natural = descend(&natural_layer, args.steps, |loss| Ok(natural.backward_step(loss, None)?))?;
    draw(args, &steps, &natural)?;
    let &(angle, loss) = steps.last().context("there is at least the start")?;
    Ok(format!(
        "loss after {} steps: {loss:.4}, theta - pi: {:.4} (reference: -0.99 after 21 steps, Metal-Q)",
        args.steps,
        angle - PI
    ))
}

/// Returns the layer, whose output is `<Z>` behind the rotation, and its angle.
fn layer(start: f64) -> Result<(QuantumLayer, VarMap)> {
    let mut circuit = Circuit::new(1);
    let theta = circuit.weights_with_init("theta", 1, Init::Const(start));
    circuit.rx(theta.at([0]), 0);
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    Ok((QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)?, varmap))
}

/// Returns angle and loss before each step and behind the last one.
fn descend(layer: &QuantumLayer, steps: usize, mut step: impl FnMut(&Tensor) -> Result<()>) -> Result<Vec<(f64, f64)>> {
    let mut history = Vec::new();
    for index in 0..=steps {
        let loss = layer.evaluate()?.sum_all()?;
        let (_, theta) = layer.weights().next().context("the circuit has one weight")?;
        history.push((theta.to_vec1::<f64>()?[0], loss.to_scalar::<f64>()?));
        if index < steps {
            step(&loss)?;
        }
    }
    Ok(history)
}

/// Draws the steps along the cosine, and the distance from the minimum from step to step.
fn draw(args: &Args, adam: &[(f64, f64)], natural: &[(f64, f64)]) -> Result<()> {
    let thetas = adam.iter().chain(natural).map(|(theta, _)| *theta);
    let (least, most) = (thetas.clone().fold(PI, f64::min) - 0.3, thetas.fold(PI, f64::max) + 0.3);
    let cosine: Vec<(f64, f64)> =
        (0..=200).map(|k| least + (most - least) * f64::from(k) / 200.0).map(|x| (x, x.cos())).collect();
    let (adam_name, natural_name) = ("Adam", "quantum natural gradient");
    let way = Panel::new("The way down")
        .axes("θ (rad)", "⟨Z⟩")
        .line("cos θ", Color::GRAY, &cosine)
        .dots(adam_name, Color::VIOLET, adam)
        .diamonds(natural_name, Color::TEAL, natural);
    let above = |steps: &[(f64, f64)]| -> Vec<(f64, f64)> {
        (0..).map(f64::from).zip(steps.iter().map(|(_, loss)| loss + 1.0)).collect()
    };
    let (adam, natural) = (above(adam), above(natural));
    let losses = Panel::new("What is left")
        .axes("step", "⟨Z⟩ + 1")
        .counting()
        .logarithmic()
        .line("", Color::VIOLET, &adam)
        .line("", Color::TEAL, &natural)
        .dots(adam_name, Color::VIOLET, &adam)
        .diamonds(natural_name, Color::TEAL, &natural);
    let (folder, start, rate) = (&args.output, args.start, args.learning_rate);
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let figure = Figure::new("One angle: RX(θ) on one qubit, ⟨Z⟩ as the loss")
        .note(format!("from θ = {start} rad, {} steps of size {rate}", args.steps))
        .panel(way)
        .panel(losses);
    for name in ["descent.png", "descent.svg"] {
        figure.save(folder.join(name))?;
        println!("wrote {}", folder.join(name).display());
    }
    Ok(())
}
