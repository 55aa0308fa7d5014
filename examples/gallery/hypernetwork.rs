//! A hypernetwork: a classical network computes the angles of a circuit from the problem, so that one training gives
//! the ground states of a whole family of Hamiltonians.

use crate::options::Options;
use anyhow::Result;
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::{Activation, Optimizer, Sequential, VarMap, linear, seq};
use candlewick::nn::SeededInit;
use candlewick::optim::{Adam, AdamConfig, Schedule};
use candlewick::plot::{Color, Figure, Panel};
use candlewick::{functional, prelude::*};
use std::f64::consts::PI;

const SPINS: usize = 8;
const LAYERS: usize = 4;
const FIELDS: [f64; 2] = [0.0, 2.0];
/// Strengths of the field that the training sees.
const SEEN: usize = 9;
/// Strengths at which the result is judged.
const JUDGED: usize = 81;
const RATE: f64 = 0.01;

/// Returns strengths of the field, evenly, `[count, 1]`.
fn fields(count: usize) -> Result<Tensor> {
    let width = (FIELDS[1] - FIELDS[0]) / (count - 1) as f64;
    let fields: Vec<f64> = (0..count).map(|k| FIELDS[0] + width * k as f64).collect();
    Ok(Tensor::from_vec(fields, (count, 1), &Device::Cpu)?)
}

struct Model {
    circuit: Circuit,
    measurement: Measurement,
    network: Sequential,
}

impl Model {
    /// Returns `[fields, 2]`: the sums of `Z Z` over neighbours and of X, in the state for each field.
    fn forward(&self, fields: &Tensor) -> Result<Tensor> {
        let angles = self.network.forward(fields)?.reshape(((), LAYERS, 2))?; // an ensemble of weights
        Ok(functional::evaluate(&self.circuit, &self.measurement, None, &[("angles", &angles)])?)
    }

    /// Returns the energies `[fields]`.
    fn energies(&self, fields: &Tensor) -> Result<Tensor> {
        let sums = self.forward(fields)?;
        Ok((sums.narrow(1, 0, 1)? + fields.mul(&sums.narrow(1, 1, 1)?)?)?.neg()?.squeeze(1)?)
    }
}

/// Returns the energy of the ground state: the ring becomes free fermions.
fn exact(field: f64) -> f64 {
    let momenta = (0..SPINS).map(|m| PI * (2 * m + 1) as f64 / SPINS as f64);
    -momenta.map(|k| (1.0 + field * field + 2.0 * field * k.cos()).sqrt()).sum::<f64>()
}

pub(crate) fn run(options: &Options) -> Result<String> {
    let mut circuit = Circuit::new(SPINS);
    let angles = circuit.weights("angles", (LAYERS, 2));
    for q in 0..SPINS {
        circuit.h(q);
    }
    for layer in 0..LAYERS {
        for q in 0..SPINS {
            circuit.rzz(angles.at([layer, 0]), q, (q + 1) % SPINS);
        }
        for q in 0..SPINS {
            circuit.rx(angles.at([layer, 1]), q);
        }
    }
    let sum = |term: fn(usize) -> Observable| (0..SPINS).map(term).fold(Observable::default(), |sum, term| sum + term);
    let measurement = Measurement::expectation([sum(|q| Z(q) * Z((q + 1) % SPINS)), sum(X)]);
    let varmap = VarMap::new();
    let vb = SeededInit::new(1).var_builder(&varmap, DType::F64, &Device::Cpu);
    let network = seq()
        .add(linear(1, 32, vb.pp("first"))?)
        .add(Activation::Gelu)
        .add(linear(32, 32, vb.pp("second"))?)
        .add(Activation::Gelu)
        .add(linear(32, 2 * LAYERS, vb.pp("angles"))?);
    let model = Model { circuit, measurement, network };

    let seen = fields(SEEN)?;
    let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(RATE))?;
    let steps = options.steps(1500, 10);
    let schedule = Schedule::Cosine { steps: steps as u64, floor: 0.01 };
    for step in 0..steps {
        adam.set_learning_rate(RATE * schedule.factor(step as u64));
        adam.backward_step(&model.energies(&seen)?.mean_all()?)?;
    }

    let judged = fields(JUDGED)?;
    let found: Vec<f64> = model.energies(&judged)?.to_vec1()?;
    let errors = |fields: &Tensor, found: &[f64]| -> Result<Vec<f64>> {
        let fields = fields.flatten_all()?.to_vec1::<f64>()?;
        Ok(fields.iter().zip(found).map(|(field, found)| found - exact(*field)).collect())
    };
    let unseen = errors(&judged, &found)?.into_iter().fold(0.0, f64::max);
    let trained = errors(&seen, &model.energies(&seen)?.to_vec1::<f64>()?)?.into_iter().fold(0.0, f64::max);
    draw(options, &judged, &found, &errors(&judged, &found)?, &seen, &model.energies(&seen)?.to_vec1::<f64>()?)?;
    Ok(format!(
        "ground states of {JUDGED} fields from {SEEN}: largest error {unseen:.4} J, {trained:.4} J at the fields of the training"
    ))
}

/// Draws energies over the field, and their errors.
fn draw(options: &Options, judged: &Tensor, found: &[f64], errors: &[f64], seen: &Tensor, at: &[f64]) -> Result<()> {
    let judged = judged.flatten_all()?.to_vec1::<f64>()?;
    let seen = seen.flatten_all()?.to_vec1::<f64>()?;
    let pairs = |x: &[f64], y: &[f64]| x.iter().copied().zip(y.iter().map(|y| y / SPINS as f64)).collect::<Vec<_>>();
    let truth: Vec<f64> = judged.iter().map(|field| exact(*field)).collect();
    let energies = Panel::new("Energy")
        .axes("transverse field h / J", "energy of a spin (J)")
        .line("exact", Color::GRAY, &pairs(&judged, &truth))
        .dashes("network and circuit", Color::VIOLET, &pairs(&judged, found))
        .diamonds("fields of the training", Color::ORANGE, &pairs(&seen, at));
    let trained: Vec<f64> = seen.iter().zip(at).map(|(field, at)| at - exact(*field)).collect();
    let panel = Panel::new("Error").axes("transverse field h / J", "error of the energy of a spin (J)").logarithmic();
    let panel =
        panel.line("", Color::VIOLET, &pairs(&judged, errors)).diamonds("", Color::ORANGE, &pairs(&seen, &trained));
    let note =
        format!("a network of one input computes {} angles of a circuit for a ring of {SPINS} spins", 2 * LAYERS);
    let figure = Figure::new("A hypernetwork: one training, a family of ground states").note(note);
    Ok(figure.panel(energies).panel(panel).save(options.picture("hypernetwork"))?)
}
