//! One operation of a circuit, and its inverse.

use super::{Angle, Condition};
use crate::__private::NonExhaustive;
use crate::channel::Channel;
use crate::error::Mistake;
use crate::gate::{Gate, Inverse};
use crate::linalg::adjoint_matrix;
use num_complex::Complex64;
use std::sync::Arc;

/// Operation of a circuit: its kind, its angles, its qubits.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    pub(crate) kind: Kind,
    pub(crate) angles: Vec<Angle>,
    /// Qubits in the order of the builder method (for a table gate: its own controls first).
    pub(crate) qubits: Vec<usize>,
    /// Further controls, from [`Circuit::controlled`](crate::Circuit::controlled).
    pub(crate) controls: Vec<usize>,
    /// Qubits of `controls` that have to be 0; the others have to be 1.
    pub(crate) zeros: Vec<usize>,
    /// Conditions from [`Circuit::when`](crate::Circuit::when): the operation acts where all of them hold.
    pub(crate) conditions: Vec<Condition>,
    /// Whether the operation is the adjoint of the gate.
    pub(crate) dagger: bool,
}

/// Kind of an operation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    /// Gate of the table.
    Gate(Gate),
    /// Rotation `exp(-i θ/2 P)`; letter `k` acts on qubit `k` of the operation.
    PauliRotation(String),
    /// Phase `exp(i θ)`.
    GlobalPhase,
    /// Dense unitary, row by row; qubit 0 of the operation is the low bit.
    Unitary(Arc<[Complex64]>),
    /// Separator of columns of a drawing; it does nothing to the state.
    Barrier,
    /// Preparation of the normalised features `inputs[first..first + count]` on the operation's qubits, of which the
    /// first is the low bit of an amplitude's index.
    AmplitudeEmbedding { first: usize, count: usize, options: Amplitudes },
    /// Measurement of the first qubit; the second qubit, in 0 before, records the outcome.
    Measure,
    /// Reset of the first qubit to 0; its state moves to the second qubit.
    Reset,
    /// Channel of the table; its strengths are the operation's angles.
    Channel(Channel),
    /// Channel by its Kraus operators, row by row; qubit 0 of the operation is the low bit.
    Kraus(Arc<[Arc<[Complex64]>]>),
}

/// Meaning of the features that [`Circuit::amplitude_embedding_on`](crate::Circuit::amplitude_embedding_on) embeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amplitudes {
    /// Whether each amplitude is two features, its real and its imaginary part. Default: an amplitude is one feature.
    pub complex: bool,
    /// Whether a sample whose features are all zero becomes the zero state |0..0>, with a gradient of 0. Default: it has
    /// no state, and is an error.
    pub zero_state: bool,
    /// Guard: a field that programs cannot write. They write `..Default::default()`.
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Amplitudes {
    /// Number of amplitudes of `count` features, rounded up.
    fn amplitudes(self, count: usize) -> usize {
        if self.complex { count.div_ceil(2) } else { count }
    }
}

/// Names of the builder methods that embed features as amplitudes.
pub(crate) const AMPLITUDES: &str = "amplitude_embedding";
pub(crate) const AMPLITUDES_OR_ZERO_STATE: &str = "amplitude_embedding_or_zero_state";

/// Names of operations that are neither gates nor channels of the tables.
const FURTHER_NAMES: [&str; 9] = [
    "pauli_rot",
    "global_phase",
    "unitary",
    "barrier",
    AMPLITUDES,
    AMPLITUDES_OR_ZERO_STATE,
    "measure",
    "reset",
    "kraus",
];

/// Returns whether operations can have this name.
pub(crate) fn is_operation(name: &str) -> bool {
    FURTHER_NAMES.contains(&name)
        || Gate::from_name(name).is_some()
        || Channel::all().any(|channel| channel.name() == name)
}

impl Operation {
    pub(crate) fn new(kind: Kind, angles: Vec<Angle>, qubits: Vec<usize>) -> Self {
        Self { kind, angles, qubits, controls: Vec::new(), zeros: Vec::new(), conditions: Vec::new(), dagger: false }
    }

    /// Returns the name of the builder method that makes this operation.
    pub fn name(&self) -> &'static str {
        match &self.kind {
            Kind::Gate(gate) => gate.spec().name,
            Kind::PauliRotation(_) => "pauli_rot",
            Kind::GlobalPhase => "global_phase",
            Kind::Unitary(_) => "unitary",
            Kind::Barrier => "barrier",
            Kind::AmplitudeEmbedding { options: Amplitudes { zero_state: true, .. }, .. } => AMPLITUDES_OR_ZERO_STATE,
            Kind::AmplitudeEmbedding { .. } => AMPLITUDES,
            Kind::Measure => "measure",
            Kind::Reset => "reset",
            Kind::Channel(channel) => channel.name(),
            Kind::Kraus(_) => "kraus",
        }
    }

    /// Returns the gate of the table, or `None` for other operations.
    pub fn gate(&self) -> Option<Gate> {
        match self.kind {
            Kind::Gate(gate) => Some(gate),
            _ => None,
        }
    }

    /// Returns whether the operation is unitary, and no separator.
    pub(crate) fn is_gate(&self) -> bool {
        match self.kind {
            Kind::Gate(_) | Kind::PauliRotation(_) | Kind::GlobalPhase | Kind::Unitary(_) => true,
            Kind::Barrier | Kind::AmplitudeEmbedding { .. } | Kind::Measure | Kind::Reset => false,
            Kind::Channel(_) | Kind::Kraus(_) => false,
        }
    }

    /// Returns the angles, in radians, or the strengths of a channel.
    pub fn angles(&self) -> &[Angle] {
        &self.angles
    }

    /// Returns the qubits on which the operation acts, controls of the gate itself included.
    pub fn qubits(&self) -> &[usize] {
        &self.qubits
    }

    /// Returns the controls that [`Circuit::controlled`](crate::Circuit::controlled) added.
    pub fn controls(&self) -> &[usize] {
        &self.controls
    }

    /// Returns the qubits among the [`controls`](Self::controls) that have to be 0, from
    /// [`Circuit::controlled_on`](crate::Circuit::controlled_on).
    pub fn zero_controls(&self) -> &[usize] {
        &self.zeros
    }

    /// Returns the conditions on a sample's features from [`Circuit::when`](crate::Circuit::when): the operation acts
    /// where all of them hold.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Returns whether the operation is the adjoint of the named gate.
    pub fn is_dagger(&self) -> bool {
        self.dagger
    }

    /// Returns all controls and all targets.
    pub(crate) fn controls_and_targets(&self) -> (Vec<usize>, &[usize]) {
        let own = match self.kind {
            Kind::Gate(gate) => gate.spec().controls,
            Kind::Measure => 1,
            _ => 0,
        };
        let (gate_controls, targets) = self.qubits.split_at(own.min(self.qubits.len()));
        (self.controls.iter().chain(gate_controls).copied().collect(), targets)
    }

    /// Returns the qubits that an amplitude embedding fills: the first of its qubits, as many as its amplitudes need. The
    /// others stay in 0. Other operations have none.
    pub(crate) fn embedded_qubits(&self) -> &[usize] {
        match self.kind {
            Kind::AmplitudeEmbedding { count, options, .. } => {
                let bits = options.amplitudes(count).max(1).next_power_of_two().ilog2() as usize;
                &self.qubits[..bits.min(self.qubits.len())]
            }
            _ => &[],
        }
    }

    /// Returns the inverse of this operation.
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
            Kind::Unitary(matrix) => inverse.kind = Kind::Unitary(adjoint_matrix(matrix)),
            Kind::Barrier => {}
            Kind::AmplitudeEmbedding { .. } => return Err(Mistake::EmbeddingNotUnitary),
            Kind::Measure | Kind::Reset => return Err(Mistake::MeasurementNotUnitary),
            Kind::Channel(_) | Kind::Kraus(_) => return Err(Mistake::ChannelNotUnitary),
        }
        Ok(inverse)
    }
}
