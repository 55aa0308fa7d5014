//! One angle, one qubit: Adam turns `RX(theta)` until `<Z>` is lowest.
//!
//! ```text
//! cargo run --release --example single_parameter
//! ```

use anyhow::Result;
use candle_core::{DType, Device};
use candle_nn::{Init, Optimizer, VarBuilder, VarMap};
use candlewick::optim::{Adam, AdamConfig};
use candlewick::prelude::*;
use clap::Parser;
use std::f64::consts::PI;

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
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mut circuit = Circuit::new(1);
    let theta = circuit.weights_with_init("theta", 1, Init::Const(args.start));
    circuit.rx(theta.at([0]), 0);

    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, Measurement::expectation([z(0)]), vb)?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(args.learning_rate))?;
    let angle = || -> Result<f64> {
        let (_, theta) = layer.weights().next().ok_or_else(|| anyhow::anyhow!("the circuit has one weight"))?;
        Ok(theta.to_vec1::<f64>()?[0])
    };

    println!("step   theta     loss");
    let mut loss = layer.evaluate()?.sum_all()?;
    for step in 0..args.steps {
        println!("{:>4}  {:.4}  {:>7.4}", step, angle()?, loss.to_scalar::<f64>()?);
        adam.backward_step(&loss)?;
        loss = layer.evaluate()?.sum_all()?;
    }
    let (angle, loss) = (angle()?, loss.to_scalar::<f64>()?);
    println!("{:>4}  {angle:.4}  {loss:>7.4}", args.steps);
    println!(
        "loss after {} steps: {loss:.4}, theta - pi: {:.4} (reference: -0.99 after 21 steps, Metal-Q)",
        args.steps,
        angle - PI
    );
    Ok(())
}
