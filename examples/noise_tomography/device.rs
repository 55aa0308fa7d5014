//! The device: its numbers, and its circuits with noise.

use anyhow::Result;
use candle_core::{Device, Tensor};
use candlewick::prelude::*;

pub(crate) const QUBITS: usize = 4;
/// Pairs of qubits that have a CX gate.
pub(crate) const PAIRS: [(usize, usize); 3] = [(0, 1), (1, 2), (2, 3)];
/// Duration of a CX gate, in µs. All other gates take no time and make no errors.
const CX_TIME: f64 = 0.3;

/// Kind of numbers, which are one tensor of weights.
pub(crate) struct Kind {
    /// Name of the weights.
    pub(crate) weights: &'static str,
    pub(crate) title: &'static str,
    /// Unit in the report.
    pub(crate) unit: &'static str,
    /// Factor to that unit.
    pub(crate) scale: f64,
    /// Digits behind the point.
    pub(crate) digits: usize,
    /// Qubits or pairs.
    pub(crate) places: &'static [&'static str],
    /// Hidden numbers. Only the simulated laboratory and the report read them.
    pub(crate) truth: &'static [f64],
}

const EACH_QUBIT: &[&str] = &["qubit 0", "qubit 1", "qubit 2", "qubit 3"];
const EACH_PAIR: &[&str] = &["0 and 1", "1 and 2", "2 and 3"];

/// All numbers, in the order of [`Model`]'s weights.
#[rustfmt::skip]
pub(crate) const KINDS: [Kind; 6] = [
    Kind { weights: "t1", title: "T1", unit: "µs", scale: 1.0, digits: 1, places: EACH_QUBIT, truth: &[112.0, 71.0, 94.0, 133.0] },
    Kind { weights: "t2", title: "T2", unit: "µs", scale: 1.0, digits: 1, places: EACH_QUBIT, truth: &[83.0, 95.0, 41.0, 104.0] },
    Kind { weights: "detuning", title: "detuning", unit: "kHz", scale: 1.0, digits: 2, places: EACH_QUBIT, truth: &[2.1, -3.4, 4.6, -1.7] },
    Kind { weights: "cx", title: "CX error", unit: "%", scale: 100.0, digits: 3, places: EACH_PAIR, truth: &[0.0062, 0.0131, 0.0088] },
    Kind { weights: "p1_given_0", title: "reads 1 for 0", unit: "%", scale: 100.0, digits: 2, places: EACH_QUBIT, truth: &[0.012, 0.021, 0.008, 0.015] },
    Kind { weights: "p0_given_1", title: "reads 0 for 1", unit: "%", scale: 100.0, digits: 2, places: EACH_QUBIT, truth: &[0.031, 0.044, 0.025, 0.052] },
];

/// Numbers by the name of their weights. The tensors have the shape of a kind, or one dimension more in front.
pub(crate) type Numbers = Vec<(&'static str, Tensor)>;

/// Returns the hidden numbers.
pub(crate) fn hidden() -> Result<Numbers> {
    KINDS.iter().map(|kind| Ok((kind.weights, Tensor::new(kind.truth, &Device::Cpu)?))).collect()
}

/// Circuit under construction, whose gates and delays have the device's noise, with its numbers as weights.
pub(crate) struct Model {
    pub(crate) circuit: Circuit,
    t1: Weights,
    t2: Weights,
    detuning: Weights,
    cx: Weights,
    p1_given_0: Weights,
    p0_given_1: Weights,
}

impl Model {
    pub(crate) fn new() -> Self {
        let mut circuit = Circuit::new(QUBITS);
        let [t1, t2, detuning, cx, p1_given_0, p0_given_1] =
            KINDS.map(|kind| circuit.weights(kind.weights, kind.truth.len()));
        Self { circuit, t1, t2, detuning, cx, p1_given_0, p0_given_1 }
    }

    /// Lets all qubits relax for some time, in µs.
    pub(crate) fn wait(&mut self, time: impl Into<Angle>) {
        let time = time.into();
        for q in 0..QUBITS {
            self.circuit.thermal_relaxation(time.clone(), self.t1.at(q), self.t2.at(q), 0.0, q);
        }
    }

    /// Turns all qubits about Z as they turn in some time, in µs, at their detuning from a drive that is off by a known
    /// frequency, in kHz.
    pub(crate) fn precess(&mut self, time: &Angle, known: f64) {
        for q in 0..QUBITS {
            let periods = 1e-3 * time.clone() * (known + self.detuning.at(q));
            self.circuit.rz(std::f64::consts::TAU * periods, q);
        }
    }

    /// Applies CX to some of [`PAIRS`] at once. The other qubits wait.
    pub(crate) fn cx(&mut self, pairs: &[usize]) {
        for &pair in pairs {
            let (control, target) = PAIRS[pair];
            self.circuit.cx(control, target).depolarizing2(self.cx.at(pair), control, target);
        }
        self.wait(CX_TIME);
    }

    /// Returns the circuit, with errors of the readout at its end.
    pub(crate) fn read(mut self) -> Circuit {
        for q in 0..QUBITS {
            self.circuit.readout_error(self.p1_given_0.at(q), self.p0_given_1.at(q), q);
        }
        self.circuit
    }
}
