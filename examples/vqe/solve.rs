//! One molecule, one run.

use crate::args::{Ansatz, Args, Optimizer};
use anyhow::{Context, Result};
use candle_nn::Init;
use candlewick::functional;
use candlewick::gate::Gate;
use candlewick::nn::QuantumNaturalGradientConfig;
use candlewick::optim::{AdamConfig, SpsaConfig};
use candlewick::prelude::*;
use candlewick::variational::{Molecule, Vqe, VqeConfig, VqeMethod, VqeResult};
use indicatif::{ProgressBar, ProgressStyle};
use std::ops::ControlFlow;

/// Largest distance of the initial angles of the hardware-efficient circuit from 0, in radians. With angles much nearer
/// to 0 it stays at the Hartree-Fock state.
const SPREAD: f64 = 1.0;

/// Makes the circuit for a molecule.
pub(crate) fn circuit(args: &Args, molecule: &Molecule) -> Circuit {
    let mut circuit = Circuit::new(molecule.qubits());
    match args.ansatz {
        Ansatz::Uccsd => drop(circuit.uccsd("theta", molecule.electrons())),
        Ansatz::HardwareEfficient => {
            circuit.hartree_fock(molecule.electrons());
            let near = Init::Uniform { lo: -SPREAD, up: SPREAD };
            let theta = circuit.weights_with_init("theta", (args.layers + 1, 2, molecule.qubits()), near);
            circuit.two_local(&theta, args.layers, &[Gate::ry, Gate::rz], Gate::cx, Entanglement::Linear);
        }
    }
    circuit
}

/// Returns the number of angles of a circuit.
pub(crate) fn angles(circuit: &Circuit) -> usize {
    circuit.weight_tensors().iter().map(|tensor| tensor.shape().iter().product::<usize>()).sum()
}

fn config(args: &Args, seed: u64) -> VqeConfig {
    let rate = |default: f64| args.learning_rate.unwrap_or(default);
    let method = match args.optimizer {
        Optimizer::Adam => VqeMethod::Adam(AdamConfig::with_learning_rate(rate(0.05))),
        Optimizer::Natural => {
            VqeMethod::NaturalGradient(QuantumNaturalGradientConfig { learning_rate: rate(0.2), ..Default::default() })
        }
        Optimizer::Spsa => {
            let learning_rate = rate(0.2);
            VqeMethod::Spsa(SpsaConfig { learning_rate, stability_constant: 30.0, seed, ..Default::default() })
        }
    };
    let usual = match args.ansatz {
        Ansatz::Uccsd => 300,
        Ansatz::HardwareEfficient => 1000,
    };
    let steps = args.steps.unwrap_or(usual).min(if args.quick { 20 } else { usize::MAX });
    let layer = QuantumLayerConfig { shots: args.shots, seed, ..Default::default() };
    VqeConfig { method, steps, seed, gradient_tolerance: 1e-4, layer, ..Default::default() }
}

/// Returns the result with the lowest energy of as many runs as seeds. No state is below the ground energy, so lower is
/// better.
pub(crate) fn lowest(args: &Args, molecule: &Molecule, label: &str) -> Result<VqeResult> {
    let usual = match args.ansatz {
        Ansatz::Uccsd => 1,
        Ansatz::HardwareEfficient => 8,
    };
    let runs = args.runs.unwrap_or(usual);
    let mut best: Option<VqeResult> = None;
    for index in 0..runs {
        let label = if runs > 1 { format!("{label} {}/{runs}", index + 1) } else { label.to_owned() };
        let found = run(args, molecule, &label, args.seed.wrapping_add(index as u64))?;
        if best.as_ref().is_none_or(|best| found.energy < best.energy) {
            best = Some(found);
        }
    }
    best.context("there is at least one run")
}

/// Runs the solver with a progress bar; without a terminal, with a line after every tenth of the run.
fn run(args: &Args, molecule: &Molecule, label: &str, seed: u64) -> Result<VqeResult> {
    let config = config(args, seed);
    let steps = config.steps;
    let mut vqe = Vqe::new(circuit(args, molecule), molecule.hamiltonian(), config)?;
    let style = ProgressStyle::with_template("{prefix:>12} {bar:30.cyan/blue} {pos:>4}/{len} steps  {msg}")?;
    let bar = ProgressBar::new(steps as u64).with_style(style).with_prefix(label.to_owned());
    let mut result = vqe.run_with(|at| {
        let norm = at.gradient_norm.map_or_else(String::new, |norm| format!("  gradient {norm:.1e}"));
        let message = format!("energy {:.7} Ha{norm}", at.energy);
        if bar.is_hidden() && at.step % steps.div_ceil(10).max(1) == 0 {
            println!("{label:>12} {:>4}/{steps} steps  {message}", at.step);
        }
        bar.set_position(at.step as u64);
        bar.set_message(message);
        ControlFlow::Continue(())
    })?;
    bar.abandon();
    if !bar.is_hidden() {
        eprintln!();
    }
    match args.shots {
        None => Ok(result),
        // The final state counts, not the noise of its last estimate.
        Some(shots) => {
            println!("{label:>12} {:.7} Ha, estimated from {shots} shots for each group of terms", result.energy);
            let weights: Vec<_> = result.weights.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
            let measurement = Measurement::expectation([molecule.hamiltonian()]);
            let exact = functional::evaluate(&circuit(args, molecule), &measurement, None, &weights)?;
            result.energy = exact.sum_all()?.to_scalar()?;
            Ok(result)
        }
    }
}
