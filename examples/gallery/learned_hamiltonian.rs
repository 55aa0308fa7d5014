//! A learned Hamiltonian: coefficients of an observable are weights of the layer, and are found from energies that
//! were measured in known states, with finite shots.

use crate::options::{Options, random};
use anyhow::{Context, Result};
use candle_core::{DType, Device, Module};
use candle_nn::{Init, Optimizer, VarBuilder, VarMap};
use candlewick::optim::{Adam, AdamConfig, Schedule};
use candlewick::plot::{Color, Figure, Panel};
use candlewick::prelude::*;
use std::f64::consts::PI;

const QUBITS: usize = 4;
const STATES: usize = 100;
const SHOTS: usize = 10_000;
const RATE: f64 = 0.05;
/// The hidden truth, in arbitrary units. Two of the coefficients are 0.
const TERMS: [(f64, &str); 10] = [
    (-1.0, "Z0 Z1"),
    (-0.7, "Z1 Z2"),
    (-0.4, "Z2 Z3"),
    (0.3, "X0 X1"),
    (0.0, "X1 X2"),
    (0.0, "X2 X3"),
    (0.5, "X0"),
    (0.8, "X1"),
    (1.1, "X2"),
    (-0.2, "X3"),
];

pub(crate) fn run(options: &Options) -> Result<String> {
    // A sample is a state: its features are the angles that prepare it.
    let mut circuit = Circuit::new(QUBITS);
    for layer in 0..3 {
        for q in 0..QUBITS {
            circuit.ry(input(2 * (layer * QUBITS + q)), q).rz(input(2 * (layer * QUBITS + q) + 1), q);
        }
        for q in 0..QUBITS - 1 {
            circuit.cx(q, q + 1);
        }
    }
    let angles = random((STATES, circuit.inputs()), Init::Uniform { lo: -PI, up: PI }, DType::F64, 1)?;

    // The laboratory: it knows the Hamiltonian and measures energies with finite shots.
    let config = QuantumLayerConfig { shots: Some(SHOTS), seed: 2, ..Default::default() };
    let hidden = Measurement::expectation([Observable::pauli_sum(TERMS)]);
    let nothing = VarBuilder::zeros(DType::F64, &Device::Cpu);
    let laboratory = QuantumLayer::with_config(circuit.clone(), hidden, config, nothing)?;
    let energies = laboratory.forward_detached(&angles)?;

    // The model: the same terms, each with a weight for its coefficient.
    let c = circuit.weights_with_init("coefficients", TERMS.len(), Init::Const(0.0));
    let terms = (0..).zip(TERMS).map(|(k, (_, word))| c.at(k) * Observable::pauli_sum([(1.0, word)]));
    let energy = terms.fold(Observable::default(), |sum, term| sum + term);
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
    let model = QuantumLayer::new(circuit, Measurement::expectation([energy]), vb)?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(RATE))?;
    let steps = options.steps(300, 20);
    let schedule = Schedule::Cosine { steps: steps as u64, floor: 0.01 };
    let coefficients = || -> Result<Vec<f64>> {
        let (_, weights) = model.weights().next().context("the layer has one tensor of weights")?;
        Ok(weights.to_vec1()?)
    };
    let mut history = vec![coefficients()?];
    for step in 0..steps {
        adam.set_learning_rate(RATE * schedule.factor(step as u64));
        adam.backward_step(&(model.forward(&angles)? - &energies)?.sqr()?.mean_all()?)?;
        history.push(coefficients()?);
    }
    let learned = coefficients()?;
    let error = learned.iter().zip(TERMS).map(|(found, (truth, _))| (found - truth).abs()).fold(0.0, f64::max);
    let result =
        format!("{} coefficients from {STATES} energies of {SHOTS} shots, largest error {error:.4}", TERMS.len());
    draw(options, &history, &result)?;
    Ok(result)
}

/// Draws the coefficients from step to step.
fn draw(options: &Options, history: &[Vec<f64>], result: &str) -> Result<()> {
    let mut panel = Panel::new("").axes("step of Adam", "coefficient (units of energy)").counting();
    let kinds = [("ZZ", Color::BLUE, 0), ("XX", Color::TEAL, 3), ("X", Color::ORANGE, 6)];
    let last = (history.len() - 1) as f64;
    for (k, (truth, _)) in TERMS.into_iter().enumerate() {
        let name = if k == 0 { "truth" } else { "" };
        panel = panel.dashes(name, Color::GRAY, &[(0.0, truth), (last, truth)]);
    }
    for k in 0..TERMS.len() {
        let (kind, color, first) = *kinds.iter().rev().find(|kind| kind.2 <= k).unwrap_or(&kinds[0]);
        let name = if first == k { format!("learned, {kind}") } else { String::new() };
        let way: Vec<(f64, f64)> = (0..).map(f64::from).zip(history.iter().map(|row| row[k])).collect();
        panel = panel.line(name, color, &way);
    }
    let figure = Figure::new("A learned Hamiltonian on four qubits").note(result);
    Ok(figure.panel(panel).card().save(options.picture("learned_hamiltonian"))?)
}
