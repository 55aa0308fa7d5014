//! One operation of a circuit, and how it is undone.

use super::{Angle, Condition};
use crate::error::Mistake;
use crate::gate::{Gate, Inverse};
use crate::linalg::adjoint;
use num_complex::Complex64;
use std::sync::Arc;

/// An operation: what it does, its angles, its qubits.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    pub(crate) kind: Kind,
    pub(crate) angles: Vec<Angle>,
    /// The qubits in the order of the builder method (for a table gate: its own controls first).
    pub(crate) qubits: Vec<usize>,
    /// Further controls, from [`Circuit::controlled`](crate::Circuit::controlled).
    pub(crate) controls: Vec<usize>,
    /// It acts where all of them hold, from [`Circuit::when`](crate::Circuit::when).
    pub(crate) conditions: Vec<Condition>,
    /// Whether the adjoint is meant.
    pub(crate) dagger: bool,
}

/// What an operation does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// A gate of the table.
    Gate(Gate),
    /// `exp(-i θ/2 P)`; letter `k` acts on qubit `k` of the operation.
    PauliRotation(String),
    /// `exp(i θ)`.
    GlobalPhase,
    /// A dense unitary, row by row; qubit 0 of the operation is the low bit.
    Unitary(Arc<[Complex64]>),
    /// Does nothing; separates columns of a drawing.
    Barrier,
    /// The state becomes the normalised features `inputs[first..first + count]`; |0..0> where they are all zero, if `zero_state`.
    AmplitudeEmbedding { first: usize, count: usize, zero_state: bool },
    /// The second qubit, in 0 before, records the first.
    Measure,
    /// The first qubit becomes 0; its state moves to the second.
    Reset,
}

/// Names of the builder methods that embed features as amplitudes.
pub(crate) const AMPLITUDES: &str = "amplitude_embedding";
pub(crate) const AMPLITUDES_OR_ZERO_STATE: &str = "amplitude_embedding_or_zero_state";

impl Operation {
    pub(crate) fn new(kind: Kind, angles: Vec<Angle>, qubits: Vec<usize>) -> Self {
        Self { kind, angles, qubits, controls: Vec::new(), conditions: Vec::new(), dagger: false }
    }

    /// Name of the builder method that makes this operation.
    pub fn name(&self) -> &'static str {
        match &self.kind {
            Kind::Gate(gate) => gate.spec().name,
            Kind::PauliRotation(_) => "pauli_rot",
            Kind::GlobalPhase => "global_phase",
            Kind::Unitary(_) => "unitary",
            Kind::Barrier => "barrier",
            Kind::AmplitudeEmbedding { zero_state: false, .. } => AMPLITUDES,
            Kind::AmplitudeEmbedding { zero_state: true, .. } => AMPLITUDES_OR_ZERO_STATE,
            Kind::Measure => "measure",
            Kind::Reset => "reset",
        }
    }

    /// The gate of the table, if it is one.
    pub fn gate(&self) -> Option<Gate> {
        match self.kind {
            Kind::Gate(gate) => Some(gate),
            _ => None,
        }
    }

    /// The angles, in radians.
    pub fn angles(&self) -> &[Angle] {
        &self.angles
    }

    /// The qubits it acts on, controls of the gate itself included.
    pub fn qubits(&self) -> &[usize] {
        &self.qubits
    }

    /// Controls added by [`Circuit::controlled`](crate::Circuit::controlled).
    pub fn controls(&self) -> &[usize] {
        &self.controls
    }

    /// Conditions on a sample's features, from [`Circuit::when`](crate::Circuit::when): the operation acts where all hold.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Returns whether the adjoint of the named gate is meant.
    pub fn is_dagger(&self) -> bool {
        self.dagger
    }

    /// All controls and all targets.
    pub(crate) fn controls_and_targets(&self) -> (Vec<usize>, &[usize]) {
        let own = match self.kind {
            Kind::Gate(gate) => gate.spec().controls,
            Kind::Measure => 1,
            _ => 0,
        };
        let (gate_controls, targets) = self.qubits.split_at(own.min(self.qubits.len()));
        (self.controls.iter().chain(gate_controls).copied().collect(), targets)
    }

    /// The operation that undoes this one.
    pub(crate) fn inverse(&self) -> Result<Self, Mistake> {
        let mut inverse = self.clone();
        let negated = |angles: &[Angle]| angles.iter().map(|angle| -angle.clone()).collect();
        match &self.kind {
            Kind::Gate(gate) => match gate.spec().inverse {
                Inverse::Itself => {}
                Inverse::Named(other) => inverse.kind = Kind::Gate(other),
                Inverse::Dagger => inverse.dagger = !self.dagger,
                Inverse::Angles(map) => {
                    let angle = |l: &crate::gate::Linear| {
                        let angle = l.index.map_or_else(Angle::default, |i| l.sign * self.angles[i].clone());
                        angle + l.offset
                    };
                    inverse.angles = map.iter().map(angle).collect();
                }
            },
            Kind::PauliRotation(_) | Kind::GlobalPhase => inverse.angles = negated(&self.angles),
            Kind::Unitary(matrix) => inverse.kind = Kind::Unitary(adjoint(matrix)),
            Kind::Barrier => {}
            Kind::AmplitudeEmbedding { .. } => return Err(Mistake::EmbeddingNotUnitary),
            Kind::Measure | Kind::Reset => return Err(Mistake::MeasurementNotUnitary),
        }
        Ok(inverse)
    }
}
