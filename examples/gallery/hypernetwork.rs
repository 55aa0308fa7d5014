//! A hypernetwork: a classical network computes the angles of a circuit from the problem, so that one training gives
//! the ground states of a whole family of Hamiltonians.

use crate::options::{Options, WIDE};
use anyhow::Result;
use candle_core::{DType, Device, Module, Result as CandleResult, Tensor};
use candle_nn::{Activation, Sequential, VarMap, linear, seq};
use candlewick::nn::SeededInit;
use candlewick::optim::{Lbfgs, LbfgsConfig};
use candlewick::plot::{Color, Figure, Panel};
use candlewick::{functional, prelude::*};
use std::f64::consts::PI;

const SPINS: usize = 8;
const LAYERS: usize = 4;
const FIELDS: [f64; 2] = [0.0, 2.0];
/// Strengths of the field that the training sees.
const SEEN: usize = 11;
/// Strengths at which the result is judged.
const JUDGED: usize = 81;
/// Factor of the network's outputs, which begin small.
const SCALE: f64 = 0.1;

/// Returns strengths of the field, evenly, `[count, 1]`.
fn fields(count: usize) -> Result<Tensor> {
    let width = (FIELDS[1] - FIELDS[0]) / (count - 1) as f64;
    let fields: Vec<f64> = (0..count).map(|k| FIELDS[0] + width * k as f64).collect();
    Ok(Tensor::from_vec(fields, (count, 1), &Device::Cpu)?)
}

/// Returns angles of an annealing from the field to the coupling, `[LAYERS, 2]`; the network computes the rest.
fn ramp() -> CandleResult<Tensor> {
    let angles =
        |layer: usize| [layer as f64 + 0.5, LAYERS as f64 - layer as f64 - 0.5].map(|part| part / LAYERS as f64);
    Tensor::from_vec((0..LAYERS).map(angles).collect::<Vec<_>>().concat(), (LAYERS, 2), &Device::Cpu)
}

/// Energies in units of J over fields.
type Curve = Vec<(f64, f64)>;

struct Model {
    circuit: Circuit,
    measurement: Measurement,
    network: Sequential,
}

impl Model {
    /// Returns `[fields, 2]`: the sums of `Z Z` over neighbours and of X, in the state for each field.
    fn forward(&self, fields: &Tensor) -> CandleResult<Tensor> {
        let angles = (self.network.forward(fields)? * SCALE)?.reshape(((), LAYERS, 2))?; // an ensemble of weights
        let angles = angles.broadcast_add(&ramp()?)?;
        Ok(functional::evaluate(&self.circuit, &self.measurement, None, &[("angles", &angles)])?)
    }

    /// Returns the energies `[fields]`.
    fn energies(&self, fields: &Tensor) -> CandleResult<Tensor> {
        let sums = self.forward(fields)?;
        (sums.narrow(1, 0, 1)? + fields.mul(&sums.narrow(1, 1, 1)?)?)?.neg()?.squeeze(1)
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
    let lbfgs = Lbfgs::from_varmap(&varmap, LbfgsConfig { steps: options.steps(1000, 3), ..Default::default() })?;
    lbfgs.minimize(|| model.energies(&seen)?.mean_all())?;

    let at = |fields: &Tensor| -> Result<Curve> {
        Ok(fields.flatten_all()?.to_vec1()?.into_iter().zip(model.energies(fields)?.to_vec1()?).collect())
    };
    let (judged, seen) = (at(&fields(JUDGED)?)?, at(&seen)?);
    let [all, trained] = [&judged, &seen].map(|curve| errors(curve).iter().map(|point| point.1).fold(0.0, f64::max));
    draw(options, &judged, &seen)?;
    Ok(format!(
        "ground states at {JUDGED} fields from {SEEN}: largest error {all:.1e} J, {trained:.1e} J at the fields of the training"
    ))
}

/// Returns the errors of energies.
fn errors(curve: &[(f64, f64)]) -> Curve {
    curve.iter().map(|&(field, energy)| (field, energy - exact(field))).collect()
}

/// Draws energies over the field, and their errors.
fn draw(options: &Options, judged: &[(f64, f64)], seen: &[(f64, f64)]) -> Result<()> {
    let truth: Curve = judged.iter().map(|&(field, _)| (field, exact(field))).collect();
    let energies = Panel::new("Energy")
        .axes("transverse field h / J", "energy (J)")
        .line("exact", Color::GRAY, &truth)
        .dashes("network and circuit", Color::VIOLET, judged)
        .diamonds("fields of the training", Color::ORANGE, seen);
    let panel = Panel::new("Error")
        .axes("transverse field h / J", "error of the energy (J)")
        .logarithmic()
        .line("", Color::VIOLET, &errors(judged))
        .diamonds("", Color::ORANGE, &errors(seen));
    let most = errors(judged).iter().map(|point| point.1).fold(0.0, f64::max);
    let note =
        format!("one input, {} angles of a circuit, a ring of {SPINS} spins; largest error {most:.1e} J", 2 * LAYERS)
            .replace('-', "−");
    let figure = Figure::new("A hypernetwork: one training, a family of ground states").note(note);
    Ok(figure.panel(energies).panel(panel).frame(WIDE.0, WIDE.1).card().save(options.picture("hypernetwork"))?)
}
