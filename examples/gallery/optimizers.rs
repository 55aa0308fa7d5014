//! Five optimisers on one problem: the ground state of a ring of spins in a magnetic field.

use crate::options::{Options, numbered};
use crate::table::table;
use anyhow::Result;
use candle_core::{DType, Device};
use candle_nn::{Init, Optimizer, VarMap};
use candlewick::nn::{QuantumNaturalGradient, QuantumNaturalGradientConfig, Rotosolve, SeededInit};
use candlewick::optim::{Adam, AdamConfig, Lbfgs, LbfgsConfig};
use candlewick::plot::{Color, Figure, Panel};
use candlewick::prelude::*;
use std::f64::consts::PI;
use std::time::Instant;

const SPINS: usize = 8;
const LAYERS: usize = 4;
/// Error from which on only rounding is left.
const ROUNDING: f64 = 1e-13;

/// Energies before each step, and after the last.
type Energies = Vec<f64>;

/// Makes the layer whose output is the energy; every optimiser begins at the same weights.
fn layer() -> Result<(VarMap, QuantumLayer)> {
    let mut circuit = Circuit::new(SPINS);
    let w = circuit.weights_with_init("w", (LAYERS, 2, SPINS), Init::Randn { mean: 0.3, stdev: 0.1 });
    for q in 0..SPINS {
        circuit.h(q);
    }
    for layer in 0..LAYERS {
        for q in 0..SPINS {
            circuit.rzz(w.at([layer, 0, q]), q, (q + 1) % SPINS);
        }
        for q in 0..SPINS {
            circuit.rx(w.at([layer, 1, q]), q);
        }
    }
    let ising = (0..SPINS).fold(Observable::default(), |sum, q| sum - Z(q) * Z((q + 1) % SPINS) - X(q));
    let varmap = VarMap::new();
    let vb = SeededInit::new(1).var_builder(&varmap, DType::F64, &Device::Cpu);
    let layer = QuantumLayer::new(circuit, Measurement::expectation([ising]), vb)?;
    Ok((varmap, layer))
}

fn adam(steps: usize, rate: f64) -> Result<Energies> {
    let (varmap, layer) = layer()?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(rate))?;
    let mut energies = Energies::new();
    for _ in 0..=steps {
        let energy = layer.evaluate()?.sum_all()?;
        energies.push(energy.to_scalar()?);
        adam.backward_step(&energy)?;
    }
    Ok(energies)
}

fn natural_gradient(steps: usize, learning_rate: f64, momentum: f64) -> Result<Energies> {
    let (_, layer) = layer()?;
    let config = QuantumNaturalGradientConfig { learning_rate, momentum, ..Default::default() };
    let mut natural = QuantumNaturalGradient::new(&layer, config)?;
    let mut energies = Energies::new();
    for _ in 0..=steps {
        let energy = layer.evaluate()?.sum_all()?;
        energies.push(energy.to_scalar()?);
        natural.backward_step(&energy, None)?;
    }
    Ok(energies)
}

fn rotosolve(sweeps: usize) -> Result<Energies> {
    let (_, layer) = layer()?;
    let mut rotosolve = Rotosolve::new(&layer)?;
    let start = layer.evaluate()?.sum_all()?.to_scalar::<f64>()?;
    let energies = (0..sweeps).map(|_| Ok(rotosolve.step()?)).collect::<Result<Energies>>()?;
    Ok([vec![start], energies].concat())
}

fn lbfgs(steps: usize) -> Result<Energies> {
    let (varmap, layer) = layer()?;
    let lbfgs = Lbfgs::from_varmap(&varmap, LbfgsConfig { steps, ..Default::default() })?;
    Ok(lbfgs.minimize(|| layer.evaluate()?.sum_all())?.losses)
}

pub(crate) fn run(options: &Options) -> Result<String> {
    // The ring becomes free fermions, whose energies are known.
    let momenta = (0..SPINS).map(|m| PI * (2 * m + 1) as f64 / SPINS as f64);
    let exact = -momenta.map(|k| (2.0 + 2.0 * k.cos()).sqrt()).sum::<f64>();
    let steps = options.steps(200, 5);
    type Method = fn(usize) -> Result<Energies>;
    let methods: [(&str, Method); 5] = [
        ("Adam", |steps| adam(steps, 0.05)),
        ("natural gradient", |steps| natural_gradient(steps, 0.05, 0.0)),
        ("natural gradient, momentum", |steps| natural_gradient(steps, 0.05, 0.5)),
        ("Rotosolve", rotosolve),
        ("L-BFGS", lbfgs),
    ];
    let (mut rows, mut curves) = (Vec::new(), Vec::new());
    for (name, method) in methods {
        let start = Instant::now();
        let errors: Vec<f64> = method(steps)?.iter().map(|energy| energy - exact).collect();
        let seconds = start.elapsed().as_secs_f64();
        let reached = errors.iter().position(|error| *error < 1e-3).map_or("-".to_owned(), |step| step.to_string());
        // Differences of two energies end in rounding.
        let last = errors.last().map_or(f64::NAN, |error| error.max(ROUNDING));
        rows.push(vec![name.to_owned(), format!("{last:.1e}"), reached, format!("{seconds:.2}")]);
        curves.push((name, errors));
    }
    println!("exact energy {exact:.6}, {} weights", LAYERS * 2 * SPINS);
    println!("{}", table(&["optimiser", "error at the end", "steps to 1e-3", "seconds"], &rows));
    draw(options, &curves)?;
    let rows = rows.iter().map(|row| format!("{} {}", row[0], row[2])).collect::<Vec<_>>().join(", ");
    Ok(format!("steps to an error of 1e-3: {rows}"))
}

/// Draws the errors from step to step.
fn draw(options: &Options, curves: &[(&str, Vec<f64>)]) -> Result<()> {
    let name = "energy above the ground state (J)";
    let panel = Panel::new("").axes("step", name).counting().logarithmic().y_range(ROUNDING..10.0);
    let panel = curves.iter().enumerate().fold(panel, |panel, (index, (name, errors))| {
        let errors: Vec<f64> = errors.iter().copied().take_while(|error| *error > ROUNDING).collect();
        panel.line(*name, Color::nth(index), &numbered(&errors))
    });
    let figure = Figure::new(format!("Five optimisers, one start: a ring of {SPINS} spins"));
    let note = format!("{} angles; a step of Rotosolve is a sweep over all of them", LAYERS * 2 * SPINS);
    Ok(figure.note(note).panel(panel).card().save(options.picture("optimizers"))?)
}
