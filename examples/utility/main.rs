//! The kicked Ising model on 127 qubits, by Pauli propagation.
//!
//! ```text
//! cargo run --release --example utility
//! cargo run --release --example utility -- --steps 9 --weights 4,6,8
//! cargo run --release --example utility -- --steps 20 --weights 3,4,5
//! ```
//!
//! Kim et al., Nature 618, 500 (2023), ran this circuit on a processor of 127 qubits: kicks, which are rotations about X
//! by one angle, and quarter turns about ZZ on all edges of a heavy-hex lattice. The example computes the magnetization
//! <Z> of a qubit for angles from 0 to π/2, under several limits of the weight of Pauli words, and beside it what a state
//! vector of the qubit's light cone gives, as long as that has at most 20 qubits.

#[path = "../common/ending.rs"]
mod ending;
#[path = "../common/heavy_hex.rs"]
mod heavy_hex;
mod lattice;
mod picture;
#[path = "../common/table.rs"]
mod table;
#[path = "../common/whole.rs"]
mod whole;

use anyhow::{Context, Result, ensure};
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candlewick::error::{Error, SimulationError};
use candlewick::nn::QuantumLayerConfig;
use candlewick::prelude::*;
use candlewick::{PauliPropagation, Simulation};
use clap::Parser;
use ending::ending;
use lattice::{QUBITS, circuit, light_cone, model};
use std::f64::consts::FRAC_PI_2;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use table::table;
use whole::whole;

/// Magnetization against the angle of the kicks on 127 qubits, for several limits of the weight.
#[derive(Debug, Parser)]
#[command(name = "utility")]
struct Args {
    /// Steps of the model.
    #[arg(long, default_value = "5", value_name = "N", value_parser = whole(1, 20))]
    steps: usize,

    /// Limits of the weight, up to 8 of them.
    #[arg(long, value_delimiter = ',', num_args = 1.., default_value = "4,5,6,10,13", value_name = "W", value_parser = whole(1, 127))]
    weights: Vec<usize>,

    /// Qubit whose magnetization is computed.
    #[arg(long, default_value = "62", value_name = "Q", value_parser = whole(0, 126))]
    qubit: usize,

    /// Number of angles from 0 to π/2.
    #[arg(long, default_value = "33", value_name = "N", value_parser = whole(2, 10_000))]
    angles: usize,

    /// Most words while paths are made.
    #[arg(long, default_value = "16777216", value_name = "N", value_parser = whole(1, 1 << 30))]
    max_terms: usize,

    /// Folder of the picture.
    #[arg(long, default_value = "target/utility", value_name = "DIR")]
    output: PathBuf,
}

/// Most qubits of a light cone that a state vector computes here.
const MAX_CONE: usize = 20;

/// Magnetization under one limit.
struct Curve {
    weight: usize,
    is_exact: bool,
    values: Vec<f64>,
}

fn main() -> ExitCode {
    ending(run(&Args::parse()))
}

fn run(args: &Args) -> Result<String> {
    ensure!(args.weights.len() <= 8, "at most 8 limits fit a picture");
    let angles: Vec<f64> = (0..args.angles).map(|k| FRAC_PI_2 * k as f64 / (args.angles - 1) as f64).collect();
    let x = Tensor::from_slice(&angles, (angles.len(), 1), &Device::Cpu)?;
    let (seen, cone) = light_cone(args.steps, args.qubit);
    println!("{QUBITS} qubits, {} steps; Z of qubit {} sees {} qubits", args.steps, args.qubit, cone.len());
    let exact = match cone.len() <= MAX_CONE {
        true => {
            let place = cone.partition_point(|qubit| *qubit < args.qubit);
            Some(values(&layer(circuit(&seen, &cone), place, Simulation::StateVector)?, &x)?)
        }
        false => None,
    };
    let (mut curves, mut rows) = (Vec::new(), Vec::new());
    for &weight in &args.weights {
        let mut options = PauliPropagation::with_weight(weight as u32);
        options.max_terms = args.max_terms;
        let places: Vec<usize> = (0..QUBITS).collect();
        let layer = layer(circuit(&model(args.steps), &places), args.qubit, Simulation::Pauli(options))?;
        println!("weight {weight}: finding words");
        let start = Instant::now();
        let paths = match layer.paths() {
            Err(Error::Simulation(SimulationError::TooManyWords { words, limit, .. })) => {
                println!("  more than {words} words, and {limit} are allowed (--max-terms)");
                continue;
            }
            paths => paths?,
        };
        let made = start.elapsed();
        let start = Instant::now();
        let values = values(&layer, &x)?;
        let each = start.elapsed().as_secs_f64() / angles.len() as f64;
        let off = exact.as_ref().map_or("unknown".to_owned(), |exact| format!("{:.1e}", distance(exact, &values)));
        rows.push(vec![
            format!("{weight}{}", if paths.is_exact() { ", exact" } else { "" }),
            paths.terms.to_string(),
            paths.left_out.to_string(),
            format!("{:.1} ms", 1e3 * made.as_secs_f64()),
            format!("{:.1} µs", 1e6 * each),
            off,
        ]);
        curves.push(Curve { weight, is_exact: paths.is_exact(), values });
    }
    println!("{}", table(&["weight", "words", "left out", "made in", "an angle", "largest error"], &rows));
    std::fs::create_dir_all(&args.output).with_context(|| format!("cannot create {}", args.output.display()))?;
    let path = args.output.join(format!("steps{}.png", args.steps));
    picture::draw(&path, args, &angles, &curves, exact.as_deref())?;
    println!("wrote {}", path.display());
    let last = curves.last().context("no limit has few enough words")?;
    let middle = angles.len() / 2;
    let others = curves.len().checked_sub(2).map(|before| distance(&curves[before].values, &last.values));
    let moved = others.map_or(String::new(), |moved| format!("; the limit before it differs by up to {moved:.1e}"));
    Ok(format!(
        "<Z{}> at {:.4}: {:.9} with weight {}{}{moved}",
        args.qubit,
        angles[middle],
        last.values[middle],
        last.weight,
        if last.is_exact { ", exact" } else { "" }
    ))
}

/// Returns the layer that measures Z of a qubit.
fn layer(circuit: Circuit, qubit: usize, simulation: Simulation) -> candlewick::Result<QuantumLayer> {
    let config = QuantumLayerConfig { simulation, ..Default::default() };
    let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
    QuantumLayer::with_config(circuit, Measurement::expectation([Z(qubit)]), config, vb)
}

fn values(layer: &QuantumLayer, x: &Tensor) -> Result<Vec<f64>> {
    Ok(layer.forward_detached(x)?.flatten_all()?.to_vec1()?)
}

/// Returns the largest difference of two curves.
fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}
