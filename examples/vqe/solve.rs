//! One molecule, one run.

use crate::args::{Ansatz, Args, Optimizer};
use anyhow::{Context, Result, ensure};
use candle_nn::Init;
use candlewick::cluster::Cluster;
use candlewick::functional;
use candlewick::gate::Gate;
use candlewick::nn::QuantumNaturalGradientConfig;
use candlewick::optim::{AdamConfig, LbfgsConfig, SpsaConfig};
use candlewick::prelude::*;
use candlewick::variational::{
    AdaptVqe, AdaptVqeConfig, AdaptVqeRound, Molecule, Vqe, VqeConfig, VqeMethod, VqeStep, VqeStopReason,
};
use indicatif::{ProgressBar, ProgressStyle};
use std::ops::ControlFlow;

/// Largest distance of the initial angles of the hardware-efficient circuit from 0, in radians. With angles much nearer
/// to 0 it stays at the Hartree-Fock state.
const SPREAD: f64 = 1.0;

/// Operators of a quick run with chosen excitations.
const FEW: usize = 3;

/// Energy that a run found, and its way there.
pub(crate) struct Found {
    pub(crate) energy: f64,
    /// Energies before each step and after the last, or with each number of operators.
    pub(crate) energies: Vec<f64>,
    /// Kind of the points of `energies`.
    pub(crate) axis: &'static str,
    /// Chosen excitations, if any were chosen.
    pub(crate) rounds: Vec<AdaptVqeRound>,
    /// Reason for which the run ended, in words.
    pub(crate) ending: String,
}

/// Makes the circuit for a molecule, or the circuit to which excitations are appended.
pub(crate) fn circuit(args: &Args, molecule: &Molecule) -> Circuit {
    let mut circuit = Circuit::new(molecule.qubits());
    match args.ansatz {
        Ansatz::Uccsd => drop(circuit.uccsd("theta", molecule.electrons())),
        Ansatz::Adapt => drop(circuit.hartree_fock(molecule.electrons())),
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

fn config(args: &Args, cluster: &Cluster, seed: u64) -> VqeConfig {
    let rate = |default: f64| args.learning_rate.unwrap_or(default);
    let method = match args.optimizer {
        Optimizer::Adam => VqeMethod::Adam(AdamConfig::with_learning_rate(rate(0.05))),
        Optimizer::Natural => {
            VqeMethod::NaturalGradient(QuantumNaturalGradientConfig { learning_rate: rate(0.2), ..Default::default() })
        }
        Optimizer::Lbfgs => VqeMethod::Lbfgs(LbfgsConfig::default()),
        Optimizer::Spsa => {
            let learning_rate = rate(0.2);
            VqeMethod::Spsa(SpsaConfig { learning_rate, stability_constant: 30.0, seed, ..Default::default() })
        }
    };
    let usual = match args.ansatz {
        Ansatz::Uccsd | Ansatz::Adapt => 300,
        Ansatz::HardwareEfficient => 1000,
    };
    let steps = args.steps.unwrap_or(usual).min(if args.quick { 20 } else { usize::MAX });
    let shared = args.cluster.then(|| cluster.clone());
    let layer = QuantumLayerConfig { shots: args.shots, seed, cluster: shared, ..Default::default() };
    VqeConfig { method, steps, seed, gradient_tolerance: 1e-4, layer, ..Default::default() }
}

/// Returns the result with the lowest energy of as many runs as seeds. No state is below the ground energy, so lower is
/// better.
pub(crate) fn lowest(args: &Args, molecule: &Molecule, cluster: &Cluster, label: &str) -> Result<Found> {
    let usual = match args.ansatz {
        Ansatz::Uccsd | Ansatz::Adapt => 1,
        Ansatz::HardwareEfficient => 8,
    };
    let runs = args.runs.unwrap_or(usual);
    let mut best: Option<Found> = None;
    for index in 0..runs {
        let label = if runs > 1 { format!("{label} {}/{runs}", index + 1) } else { label.to_owned() };
        let found = run(args, molecule, cluster, &label, args.seed.wrapping_add(index as u64))?;
        if best.as_ref().is_none_or(|best| found.energy < best.energy) {
            best = Some(found);
        }
    }
    best.context("there is at least one run")
}

/// Runs the solver with a progress bar; without a terminal, with a line after every tenth of each optimisation. The
/// first process shows it.
fn run(args: &Args, molecule: &Molecule, cluster: &Cluster, label: &str, seed: u64) -> Result<Found> {
    ensure!(
        args.optimizer != Optimizer::Lbfgs || args.learning_rate.is_none() && args.shots.is_none(),
        "--optimizer lbfgs takes neither --learning-rate (its line searches choose it) nor --shots (they need exact energies)"
    );
    let config = config(args, cluster, seed);
    let steps = config.steps;
    let style = ProgressStyle::with_template("{prefix:>12} {bar:30.cyan/blue} {pos:>4}/{len} steps  {msg}")?;
    let bar = match cluster.is_first() {
        true => ProgressBar::new(steps as u64).with_style(style).with_prefix(label.to_owned()),
        false => ProgressBar::hidden(),
    };
    let watch = |operators: Option<usize>, at: &VqeStep| {
        let norm = at.gradient_norm.map_or_else(String::new, |norm| format!("  gradient {norm:.1e}"));
        let operators = operators.map_or_else(String::new, |count| format!("{count} operator(s)  "));
        let message = format!("{operators}energy {:.7} Ha{norm}", at.energy);
        if bar.is_hidden() && cluster.is_first() && at.step.is_multiple_of(steps.div_ceil(10).max(1)) {
            println!("{label:>12} {:>4}/{steps} steps  {message}", at.step);
        }
        bar.set_position(at.step as u64);
        bar.set_message(message);
        ControlFlow::Continue(())
    };
    let found = match args.ansatz {
        Ansatz::Adapt => adapt(args, molecule, config, |operators, at| watch(Some(operators), at))?,
        Ansatz::Uccsd | Ansatz::HardwareEfficient => fixed(args, molecule, cluster, config, |at| watch(None, at))?,
    };
    bar.abandon();
    if !bar.is_hidden() {
        eprintln!();
    }
    Ok(found)
}

/// Trains a circuit that is given.
fn fixed(
    args: &Args,
    molecule: &Molecule,
    cluster: &Cluster,
    config: VqeConfig,
    watch: impl FnMut(&VqeStep) -> ControlFlow<()>,
) -> Result<Found> {
    let circuit = circuit(args, molecule);
    let found = Vqe::new(circuit.clone(), molecule.hamiltonian(), config)?.run_with(watch)?;
    let mut energy = found.energy;
    if let Some(shots) = args.shots {
        // The final state counts, not the noise of its last estimate.
        if cluster.is_first() {
            println!("{energy:.7} Ha, estimated from {shots} shots for each group of terms");
        }
        let weights: Vec<_> = found.weights.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        let measurement = Measurement::expectation([molecule.hamiltonian()]);
        energy = functional::evaluate(&circuit, &measurement, None, &weights)?.sum_all()?.to_scalar()?;
    }
    Ok(Found {
        energy,
        energies: found.energies,
        axis: "step",
        rounds: Vec::new(),
        ending: format!("{} after {} steps", found.stop_reason, found.steps),
    })
}

/// Chooses excitations one after another.
fn adapt(
    args: &Args,
    molecule: &Molecule,
    vqe: VqeConfig,
    watch: impl FnMut(usize, &VqeStep) -> ControlFlow<()>,
) -> Result<Found> {
    ensure!(
        args.shots.is_none(),
        "--ansatz adapt needs exact energies: no estimated gradient falls below its tolerance"
    );
    let usual = AdaptVqeConfig::default().operators;
    let config = AdaptVqeConfig { vqe, operators: if args.quick { FEW } else { usual }, ..Default::default() };
    let (qubits, electrons) = (molecule.qubits(), molecule.electrons());
    let found = AdaptVqe::for_electrons(qubits, electrons, molecule.hamiltonian(), config)?.run_with(watch)?;
    let end = match found.stop_reason {
        VqeStopReason::Steps => "as many operators as allowed".to_owned(),
        reason => reason.to_string(),
    };
    Ok(Found {
        energy: found.energy,
        energies: [found.reference_energy].into_iter().chain(found.rounds.iter().map(|round| round.energy)).collect(),
        axis: "operators",
        ending: format!("{end}: {} operator(s), largest gradient {:.1e}", found.rounds.len(), found.largest_gradient),
        rounds: found.rounds,
    })
}
