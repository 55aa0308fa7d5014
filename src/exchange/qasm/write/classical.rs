//! Records as classical bits: a gate that a record controls is a gate under `if`.

use super::{Places, no_form};
use crate::circuit::{Kind, Operation};
use crate::error::Result;
use crate::gate::{Form, Gate};
use crate::linalg::rotation_and_phases;
use num_complex::Complex64;

/// Records of a circuit at one of its operations.
#[derive(Debug)]
pub(super) struct Records {
    places: Places,
    /// Bit of each qubit that is a record now.
    bits: Vec<Option<usize>>,
    next: usize,
}

/// Gate of an operation without its controls that are records.
#[derive(Debug)]
pub(super) struct Split<'a> {
    /// Bits, and the values that they have to have.
    pub(super) tests: Vec<(usize, bool)>,
    /// Qubits of the text that control the gate, and the values that they have to have.
    pub(super) controls: Vec<(usize, bool)>,
    /// Qubits of the text on which the gate acts.
    pub(super) qubits: Vec<usize>,
    pub(super) what: What<'a>,
}

/// Gate of an operation.
#[derive(Debug, Clone, Copy)]
pub(super) enum What<'a> {
    Gate(Gate),
    /// Gate `exp(i γ) u(θ, φ, λ)` of the four angles θ, φ, λ and γ.
    UWithPhase,
    Rotation(&'a str),
    Phase,
    Matrix(&'a [Complex64]),
}

impl Records {
    pub(super) fn new(places: Places) -> Self {
        Self { bits: vec![None; places.qubits.len()], next: 0, places }
    }

    pub(super) fn places(&self) -> &Places {
        &self.places
    }

    /// Bit of a qubit that is a record.
    pub(super) fn bit(&self, qubit: usize) -> Option<usize> {
        self.bits[qubit]
    }

    /// Makes a qubit a record, and returns its bit.
    pub(super) fn record(&mut self, qubit: usize) -> usize {
        self.next += 1;
        self.bits[qubit] = Some(self.next - 1);
        self.next - 1
    }

    /// Qubit of the text, if it is no record.
    pub(super) fn qubit(&self, qubit: usize) -> Option<usize> {
        self.places.qubits[qubit].filter(|_| self.bits[qubit].is_none())
    }

    /// Takes the controls that are records from a gate.
    pub(super) fn split<'a>(&self, index: usize, operation: &'a Operation, version: u32) -> Result<Split<'a>> {
        let (mut tests, mut controls) = (Vec::new(), Vec::new());
        for control in operation.controls() {
            let value = !operation.zero_controls().contains(control);
            match self.bit(*control) {
                Some(bit) => tests.push((bit, value)),
                None => controls.extend(self.qubit(*control).map(|qubit| (qubit, value))),
            }
        }
        let mut qubits = operation.qubits().to_vec();
        let mut what = match &operation.kind {
            Kind::Gate(gate) => What::Gate(*gate),
            Kind::PauliRotation(word) => What::Rotation(word),
            Kind::GlobalPhase => What::Phase,
            Kind::Unitary(entries) => What::Matrix(entries),
            _ => return Err(no_form(index, operation, version, "it is no gate")),
        };
        while let What::Gate(gate) = what {
            let own = gate.spec().controls;
            let Some(place) = qubits[..own].iter().position(|qubit| self.bit(*qubit).is_some()) else { break };
            tests.extend(self.bit(qubits.remove(place)).map(|bit| (bit, true)));
            what = match with_controls(gate, own - 1) {
                Some(gate) => What::Gate(gate),
                None if gate == Gate::cu => What::UWithPhase,
                None => return Err(no_form(index, operation, version, "it has no form without the record's control")),
            };
        }
        let all: Option<Vec<usize>> = qubits.iter().map(|qubit| self.qubit(*qubit)).collect();
        let qubits = all.ok_or_else(|| no_form(index, operation, version, "it acts on a record"))?;
        Ok(Split { tests, controls, qubits, what })
    }
}

/// Gate of the table that does the same under so many controls.
pub(super) fn with_controls(gate: Gate, controls: usize) -> Option<Gate> {
    let spec = gate.spec();
    let is_same = |other: &Gate| {
        let of = other.spec();
        of.controls == controls && of.form == spec.form && other.angles().len() == gate.angles().len()
    };
    Gate::all().find(is_same)
}

/// Angle of a gate that multiplies one basis state by a phase; `None` for all others. `angle` is the gate's own.
pub(super) fn phase_of(gate: Gate, angle: Option<f64>) -> Option<f64> {
    match gate.spec().form {
        Form::FixedPhase(value) => Some(value.arg()),
        Form::Phase => angle,
        _ => None,
    }
}

/// Angles θ, φ, λ and γ of a one-qubit unitary `exp(i γ) P(φ) RY(θ) P(λ)`, row by row; `None` for larger ones.
pub(super) fn euler(entries: &[Complex64]) -> Option<[f64; 4]> {
    let is_small = entries.len() == 4;
    is_small
        .then(|| rotation_and_phases(entries))
        .map(|(point, [a, b, c])| [2.0 * point.arg(), (b / a).arg(), c.arg(), a.arg()])
}
