//! Experiments of the laboratory, and their counts.

use crate::device::{Model, Numbers, PAIRS, QUBITS};
use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candlewick::functional;
use candlewick::prelude::*;
use std::collections::BTreeMap;
use std::f64::consts::PI;

/// Frequency by which the drive of the Ramsey experiment is off on purpose, in kHz. Fringes tell the sign of a
/// detuning.
const RAMSEY: f64 = 50.0;
/// Numbers of CX gates in a chain. They are even: without noise, the gates undo each other.
const CHAINS: [usize; 6] = [2, 4, 8, 16, 32, 64];
/// Pairs whose gates run at once.
pub(crate) const LAYERS: [&[usize]; 2] = [&[0, 2], &[1]];

/// Kind of experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// All qubits in 0, then all in 1.
    Preparation,
    /// All qubits in 1, and a delay.
    Relaxation,
    /// All qubits on the equator, a delay, and back.
    Ramsey,
    /// Bell pairs made and unmade by so many gates on the pairs of a layer.
    Chain { layer: usize, gates: usize },
}

impl Protocol {
    /// Makes the circuit. Its input is an angle for preparations and a delay, in µs, for the next two; chains have
    /// none.
    fn circuit(self) -> Circuit {
        let mut model = Model::new();
        match self {
            Self::Preparation => on_all(&mut model, |circuit, q| circuit.rx(input(0), q)),
            Self::Relaxation => {
                on_all(&mut model, Circuit::x);
                model.wait(input(0));
            }
            Self::Ramsey => {
                on_all(&mut model, Circuit::h);
                model.wait(input(0));
                model.precess(&input(0), RAMSEY);
                on_all(&mut model, Circuit::h);
            }
            Self::Chain { layer, gates } => {
                let hadamards = |model: &mut Model| {
                    for &pair in LAYERS[layer] {
                        model.circuit.h(PAIRS[pair].0);
                    }
                };
                hadamards(&mut model);
                (0..gates).for_each(|_| model.cx(LAYERS[layer]));
                hadamards(&mut model);
            }
        }
        model.read()
    }
}

fn on_all(model: &mut Model, gate: impl Fn(&mut Circuit, usize) -> &mut Circuit) {
    for q in 0..QUBITS {
        gate(&mut model.circuit, q);
    }
}

/// Circuit, and its settings: rows of inputs.
pub(crate) struct Experiment {
    pub(crate) protocol: Protocol,
    circuit: Circuit,
    /// Inputs `[settings, 1]`, of circuits that read any.
    inputs: Option<Tensor>,
    pub(crate) settings: usize,
}

impl Experiment {
    /// Makes an experiment with a setting for each value of the input, or with one setting without an input.
    pub(crate) fn new(protocol: Protocol, values: &[f64]) -> Result<Self> {
        let inputs = match values {
            [] => None,
            _ => Some(Tensor::new(values, &Device::Cpu)?.unsqueeze(1)?),
        };
        Ok(Self { protocol, circuit: protocol.circuit(), inputs, settings: values.len().max(1) })
    }

    /// Returns the values of the input.
    pub(crate) fn values(&self) -> Result<Vec<f64>> {
        Ok(self.inputs.as_ref().map_or(Ok(Vec::new()), |inputs| inputs.flatten_all()?.to_vec1())?)
    }

    /// Returns the probabilities of all outcomes `[settings, 2^QUBITS]`; for many sets of numbers at once, whose
    /// tensors have a dimension more in front, `[sets, settings, 2^QUBITS]`.
    pub(crate) fn probabilities(&self, numbers: &Numbers) -> Result<Tensor> {
        let weights: Vec<(&str, &Tensor)> = numbers.iter().map(|(name, tensor)| (*name, tensor)).collect();
        let measurement = Measurement::probabilities(0..QUBITS);
        let outputs = functional::evaluate(&self.circuit, &measurement, self.inputs.as_ref(), &weights)?;
        Ok(if self.inputs.is_some() { outputs } else { outputs.unsqueeze(outputs.rank() - 1)? })
    }
}

/// Returns the list of experiments.
pub(crate) fn experiments(quick: bool) -> Result<Vec<Experiment>> {
    let delays = |count: usize, step: f64| (0..count).map(|k| k as f64 * step).collect::<Vec<_>>();
    let (relaxation, ramsey, chains) = if quick {
        (delays(5, 60.0), delays(12, 8.0), &CHAINS[..4])
    } else {
        (delays(16, 20.0), delays(36, 3.0), &CHAINS[..])
    };
    let mut all = vec![
        Experiment::new(Protocol::Preparation, &[0.0, PI])?,
        Experiment::new(Protocol::Relaxation, &relaxation)?,
        Experiment::new(Protocol::Ramsey, &ramsey)?,
    ];
    for layer in 0..LAYERS.len() {
        for &gates in chains {
            all.push(Experiment::new(Protocol::Chain { layer, gates }, &[])?);
        }
    }
    Ok(all)
}

/// Runs the experiments on the device with these numbers. Returns the frequencies `[settings, 2^QUBITS]` of the
/// outcomes of each.
pub(crate) fn measure(experiments: &[Experiment], hidden: &Numbers, shots: usize, seed: u64) -> Result<Vec<Tensor>> {
    let hidden = hidden.iter().map(|(name, tensor)| ((*name).to_owned(), tensor.clone())).collect();
    let vb = VarBuilder::from_tensors(hidden, DType::F64, &Device::Cpu);
    let run = |(k, experiment): (usize, &Experiment)| {
        // Each experiment draws its own shots.
        let seed = seed.wrapping_mul(1000).wrapping_add(k as u64);
        let config = QuantumLayerConfig { seed, ..Default::default() };
        let measurement = Measurement::probabilities(0..QUBITS);
        let laboratory = QuantumLayer::with_config(experiment.circuit.clone(), measurement, config, vb.clone())?;
        let counts = laboratory.counts(experiment.inputs.as_ref(), shots)?;
        let row = |counts: &BTreeMap<u64, u64>| {
            (0..1 << QUBITS).map(|outcome| counts.get(&outcome).map_or(0.0, |&n| n as f64 / shots as f64)).collect()
        };
        let rows: Vec<Vec<f64>> = counts.iter().map(row).collect();
        Ok(Tensor::new(rows, &Device::Cpu)?)
    };
    experiments.iter().enumerate().map(run).collect()
}
