//! The ground state of the transverse-field Ising ring, with a state that processes share.
//!
//! ```text
//! cargo run --release --features mpi,train --example cluster -- --qubits 20
//! mpirun -n 4 target/release/examples/cluster --qubits 26
//! ```
//!
//! The ansatz is `layers` rounds of couplings and fields with an angle each, which start at |+..+>. Adam lowers the energy
//! `-Σ Z Z - h Σ X`; the exact energy of the ring comes from free fermions (P. Pfeuty, Ann. Phys. 57, 79 (1970)).

#[path = "../common/whole.rs"]
mod whole;

use anyhow::Result;
use candle_core::DType;
use candle_nn::{Init, Optimizer, VarMap};
use candlewick::cluster::Cluster;
use candlewick::nn::SeededInit;
use candlewick::optim::{Adam, AdamConfig};
use candlewick::prelude::*;
use clap::Parser;
use std::process::ExitCode;
use std::time::Instant;

#[derive(Debug, Parser)]
#[command(about = "Lowers the energy of an Ising ring whose state processes share")]
struct Args {
    /// Number of qubits, even.
    #[arg(long, default_value_t = 26, value_parser = whole::whole(4, 40))]
    qubits: usize,
    /// Number of rounds of couplings and fields.
    #[arg(long, default_value_t = 4, value_parser = whole::whole(1, 100))]
    layers: usize,
    /// Strength of the field, in units of the coupling.
    #[arg(long, default_value_t = 1.0)]
    field: f64,
    /// Number of Adam steps.
    #[arg(long, default_value_t = 40, value_parser = whole::whole(1, 100_000))]
    steps: usize,
    /// Parts of the state, a power of two; by default one for each process.
    #[arg(long, value_parser = whole::whole(1, 256))]
    shards: Option<usize>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match Cluster::from_mpi() {
        Ok(cluster) => cluster.report(run(&args, &cluster)),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args, cluster: &Cluster) -> Result<()> {
    let varmap = VarMap::new();
    let vb = SeededInit::new(1).var_builder(&varmap, DType::F32, &cluster.device()?);
    let config = QuantumLayerConfig { cluster: Some(cluster.clone()), shards: args.shards, ..Default::default() };
    let layer = QuantumLayer::with_config(ansatz(args), Measurement::expectation([energy(args)]), config, vb)?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(0.04))?;
    let exact = exact_energy(args.qubits, args.field);
    if cluster.is_first() {
        let shards = args.shards.unwrap_or(cluster.ranks());
        println!("{} qubits in {shards} shards on {} processes", args.qubits, cluster.ranks());
    }
    let mut last = f64::NAN;
    for step in 1..=args.steps {
        let start = Instant::now();
        let found = layer.evaluate()?.sum_all()?;
        last = f64::from(found.to_scalar::<f32>()?);
        adam.backward_step(&found)?;
        if cluster.is_first() {
            println!("step {step:>3}: energy {last:.5}, {:.2} s", start.elapsed().as_secs_f64());
        }
    }
    if cluster.is_first() {
        let error = (last - exact) / exact.abs();
        println!("energy {last:.5} (reference: exact {exact:.5}), {:.2} % above", 100.0 * error);
    }
    Ok(())
}

fn ansatz(args: &Args) -> Circuit {
    let mut circuit = Circuit::new(args.qubits);
    let w = circuit.weights_with_init("w", (args.layers, 2), Init::Uniform { lo: 0.2, up: 0.6 });
    (0..args.qubits).for_each(|q| _ = circuit.h(q));
    for layer in 0..args.layers {
        (0..args.qubits).for_each(|q| _ = circuit.rzz(-w.at([layer, 0]), q, (q + 1) % args.qubits));
        (0..args.qubits).for_each(|q| _ = circuit.rx(-w.at([layer, 1]), q));
    }
    circuit
}

fn energy(args: &Args) -> Observable {
    let couplings = (0..args.qubits).map(|q| -1.0 * (Z(q) * Z((q + 1) % args.qubits)));
    couplings.chain((0..args.qubits).map(|q| -args.field * X(q))).sum()
}

/// Lowest energy of the ring: minus the sum of the fermions' energies at antiperiodic momenta.
fn exact_energy(qubits: usize, field: f64) -> f64 {
    let energy = |k: f64| (1.0 + field * field - 2.0 * field * k.cos()).sqrt();
    let momentum = |m: usize| std::f64::consts::PI * (2 * m + 1) as f64 / qubits as f64;
    -(0..qubits).map(|m| energy(momentum(m))).sum::<f64>()
}
