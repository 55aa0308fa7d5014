//! The network, with linear layers of any kind.

use crate::task::Task;
use anyhow::Result;
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::{Linear, VarMap, linear};
use candlewick::nn::{QuantizedLinear, SeededInit, SoftThreshold, SoftThresholdConfig, quantize_dynamic};
use candlewick::prelude::*;

/// Threshold of a value, above which a qubit's gates act.
pub(crate) const SWITCH: f64 = 0.1;

/// Network: features -> linear -> soft threshold -> conditional gates -> linear -> a number.
pub(crate) struct Network<L> {
    pub(crate) encoder: L,
    threshold: SoftThreshold,
    circuit: QuantumLayer,
    pub(crate) decoder: L,
}

/// Makes the circuit: on each qubit a rotation by its value and a CX to the next qubit, only for the samples whose
/// value exceeds [`SWITCH`].
fn circuit(qubits: usize) -> Circuit {
    let mut circuit = Circuit::new(qubits);
    for qubit in 0..qubits {
        circuit.when(input(qubit).gt(SWITCH), |c| {
            c.ry(input(qubit), qubit);
            if qubit + 1 < qubits {
                c.cx(qubit, qubit + 1);
            }
            c
        });
    }
    circuit
}

impl Network<Linear> {
    /// Makes a network for a task, with variables from the seed.
    pub(crate) fn new(task: &Task, qubits: usize, seed: u64, device: &Device) -> Result<(Self, VarMap)> {
        let varmap = VarMap::new();
        let vb = SeededInit::new(seed).var_builder(&varmap, DType::F32, device);
        let measurement = Measurement::expectation((0..qubits).map(Z));
        let network = Self {
            encoder: linear(task.features()?, qubits, vb.pp("encoder"))?,
            threshold: SoftThreshold::new(
                SoftThresholdConfig { alpha: 10.0, threshold: 0.1, ..Default::default() },
                vb.pp("threshold"),
            )?,
            circuit: QuantumLayer::new(circuit(qubits), measurement, vb.pp("quantum"))?,
            decoder: linear(qubits, 1, vb.pp("decoder"))?,
        };
        Ok((network, varmap))
    }

    /// Returns the network with linear layers in eight bits.
    pub(crate) fn quantized(&self) -> Result<Network<QuantizedLinear>> {
        Ok(Network {
            encoder: quantize_dynamic(&self.encoder)?,
            threshold: self.threshold.clone(),
            circuit: self.circuit.clone(),
            decoder: quantize_dynamic(&self.decoder)?,
        })
    }
}

impl<L: Module> Network<L> {
    /// Returns the values of the qubits, `[samples, qubits]`; values above [`SWITCH`] are angles.
    pub(crate) fn values(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.threshold.forward(&self.encoder.forward(x)?)
    }
}

impl<L: Module> Module for Network<L> {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.decoder.forward(&self.circuit.forward(&self.values(x)?)?)
    }
}
