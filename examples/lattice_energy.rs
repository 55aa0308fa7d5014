//! The ground state of an Ising lattice of 100 qubits, by Pauli propagation.
//!
//! ```text
//! cargo run --release --example lattice_energy
//! cargo run --release --example lattice_energy -- --side 4
//! ```
//!
//! The energy is `-Σ Z Z` over the bonds of a square lattice with open ends, `-h Σ X` over its qubits, with h = 3, near
//! the transition. The circuit starts in the state of all plus; a layer turns each of four groups of bonds by an angle of
//! its own, and all qubits about X by a fifth. Adam moves the angles. No word of a local energy becomes long in two layers,
//! so limits of the weight leave little out; how much shows as the energy of the same angles under higher limits.

#[path = "common/ending.rs"]
mod ending;
#[path = "common/positive.rs"]
mod positive;
#[path = "common/whole.rs"]
mod whole;

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use candle_nn::{Optimizer, VarBuilder, VarMap};
use candlewick::nn::QuantumLayerConfig;
use candlewick::optim::{Adam, AdamConfig};
use candlewick::prelude::*;
use candlewick::{PauliPropagation, Simulation};
use clap::Parser;
use ending::ending;
use positive::positive;
use std::f64::consts::FRAC_PI_2;
use std::process::ExitCode;
use std::time::Instant;
use whole::whole;

/// Lowest energy of an Ising lattice that two layers find.
#[derive(Debug, Parser)]
#[command(name = "lattice_energy")]
struct Args {
    /// Qubits along a side.
    #[arg(long, default_value = "10", value_name = "N", value_parser = whole(2, 15))]
    side: usize,

    /// Strength of the field.
    #[arg(long, default_value = "3", value_name = "H", value_parser = positive)]
    field: f64,

    /// Layers, five angles each.
    #[arg(long, default_value = "2", value_name = "N", value_parser = whole(1, 6))]
    layers: usize,

    /// Limit of the weight of Pauli words.
    #[arg(long, default_value = "5", value_name = "W", value_parser = whole(1, 225))]
    weight: usize,

    /// Steps of Adam.
    #[arg(long, default_value = "400", value_name = "N", value_parser = whole(1, 100_000))]
    steps: usize,
}

fn main() -> ExitCode {
    ending(run(&Args::parse()))
}

/// Returns the bonds in four groups: even and odd ones along both sides.
fn bonds(side: usize) -> [Vec<[usize; 2]>; 4] {
    let mut groups: [Vec<[usize; 2]>; 4] = Default::default();
    for (x, y) in (0..side * side).map(|at| (at % side, at / side)) {
        let at = x + side * y;
        if x + 1 < side {
            groups[x % 2].push([at, at + 1]);
        }
        if y + 1 < side {
            groups[2 + y % 2].push([at, at + side]);
        }
    }
    groups
}

fn circuit(args: &Args, bonds: &[Vec<[usize; 2]>]) -> Circuit {
    let qubits = args.side * args.side;
    let mut circuit = Circuit::new(qubits);
    let angles = circuit.weights("angles", (args.layers, 5));
    (0..qubits).for_each(|q| _ = circuit.ry(FRAC_PI_2, q));
    for layer in 0..args.layers {
        for (group, bonds) in bonds.iter().enumerate() {
            bonds.iter().for_each(|[a, b]| _ = circuit.rzz(angles.at([layer, group]), *a, *b));
        }
        (0..qubits).for_each(|q| _ = circuit.rx(angles.at([layer, 4]), q));
    }
    circuit
}

fn run(args: &Args) -> Result<String> {
    let (qubits, bonds) = (args.side * args.side, bonds(args.side));
    let of_bonds = bonds.iter().flatten().map(|[a, b]| -1.0 * Z(*a) * Z(*b));
    let energy: Observable = of_bonds.chain((0..qubits).map(|q| -args.field * X(q))).sum();
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let mut options = PauliPropagation::with_weight(args.weight as u32);
    options.max_terms = 1 << 24;
    let simulation = Simulation::Pauli(options);
    let config = QuantumLayerConfig { simulation, ..Default::default() };
    let layer = QuantumLayer::with_config(circuit(args, &bonds), Measurement::expectation([energy]), config, vb)?;
    // Far from 0, where all gradients in the bonds vanish by symmetry, and small.
    for angles in varmap.all_vars() {
        angles.set(&Tensor::full(0.05, angles.shape(), &Device::Cpu)?)?;
    }
    let paths = layer.paths()?;
    let exactly = if paths.is_exact() { "exact".to_owned() } else { format!("{} left out", paths.left_out) };
    println!("{qubits} qubits, {} bonds; {} words ({exactly})", bonds.concat().len(), paths.terms);

    let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(0.03))?;
    let start = Instant::now();
    for step in 0..args.steps {
        let energy = layer.evaluate()?.sum_all()?;
        if step % 100 == 0 {
            println!("step {step:>4}: {:.5}", energy.to_scalar::<f64>()?);
        }
        adam.backward_step(&energy)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let value = |layer: &QuantumLayer| -> Result<f64> { Ok(layer.evaluate()?.sum_all()?.to_scalar()?) };
    let found = value(&layer)?;
    println!("{} steps in {seconds:.3} s", args.steps);
    let mut highest = found;
    for more in [1, 2] {
        println!("finding the words of weight {}", args.weight + more);
        let higher = layer.with_weight((args.weight + more) as u32)?;
        highest = value(&higher)?;
        println!("the same angles with weight {}: {highest:.5}", args.weight + more);
    }
    Ok(format!(
        "energy {found:.5} with weight {} ({:.5} a qubit); weight {} moves it by {:.1e}",
        args.weight,
        found / qubits as f64,
        args.weight + 2,
        highest - found
    ))
}
