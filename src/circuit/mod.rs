//! Circuits: a builder whose methods never panic, angle expressions, named weights, templates and drawings.
//!
//! The methods here check data once and store it as a list of [`Operation`]s, which
//! [`Program`](crate::program::Program) lowers. Nothing here executes anything.

mod append;
mod bind;
mod builder;
mod condition;
mod deferred;
mod draw;
mod kraus;
mod noise;
mod operation;
mod statistics;
pub mod templates;
mod unitary;
mod weights;

pub use crate::angle::{Angle, WeightIndex, Weights, input};
pub(crate) use crate::angle::{Term, Variable};
pub(crate) use condition::{Comparison, Operators, Token, WORDS, spelled_condition};
pub use condition::{Condition, Magnitude};
pub use draw::{Drawing, Theme};
pub(crate) use operation::{AMPLITUDES, AMPLITUDES_OR_ZERO_STATE, Kind, is_operation};
pub use operation::{Amplitudes, Operation};
pub use templates::{Entanglement, Excitation};
pub use weights::TemplateWeights;
pub(crate) use weights::{DEFAULT_INIT, Declaration, FINGERPRINT, check_init};

pub use crate::limits::{MAX_MATRIX_QUBITS, MAX_QUBITS, MAX_STATE_QUBITS, MAX_WEIGHTS};

use crate::error::{Error, Mistake, Result};
use crate::limits::MAX_OPERATIONS;
use deferred::Roles;
use std::sync::Arc;
use weights::Declarations;

/// Quantum circuit on qubits that start in 0.
///
/// Methods have the names of OpenQASM's gates, take angles first and qubits last, and can be chained. Qubit 0 is the
/// least significant bit of a basis index.
///
/// ```
/// use candlewick::prelude::*;
/// let mut circuit = Circuit::new(3);
/// let w = circuit.weights("w", (3,));
/// for q in 0..3 {
///     circuit.ry(input(q), q).rz(w.at([q]), q);
/// }
/// circuit.cx(0, 1).controlled([0, 1], |c| c.rx(0.5, 2));
///
/// let drawing = "
/// q0: ─RY(x0)──RZ(w[0])──●─────●─────
///                        │     │
/// q1: ─RY(x1)──RZ(w[1])──X─────●─────
///                              │
/// q2: ─RY(x2)──RZ(w[2])─────RX(0.5)──
/// ";
/// assert_eq!(format!("\n{circuit}"), drawing);
/// ```
///
/// | to | there is |
/// |---|---|
/// | apply a gate | a method for each [gate](crate::gate), [`pauli_rot`](Self::pauli_rot), [`unitary`](Self::unitary) |
/// | read features | [`input`] in angles; [`angle_embedding`](Self::angle_embedding) and other templates |
/// | train | [`weights`](Self::weights) in angles |
/// | take a ready block | [templates]: embeddings, ansätze, QFT, UCCSD, trees |
/// | control gates | [`controlled`](Self::controlled), [`controlled_on`](Self::controlled_on) |
/// | apply gates to some samples | [`when`](Self::when) |
/// | invert, repeat, combine | [`inverse`](Self::inverse), [`repeat`](Self::repeat), [`append`](Self::append), [`append_on`](Self::append_on) |
/// | measure and reset on the way | [`measure`](Self::measure), [`reset`](Self::reset) |
/// | put numbers in the place of inputs and weights | [`bind`](Self::bind) |
/// | read and write OpenQASM | [`from_qasm`](Self::from_qasm), [`to_qasm3`](Self::to_qasm3), [`to_qasm2`](Self::to_qasm2) |
/// | look at it | the text drawing above, [`draw`](Self::draw) for SVG and LaTeX, [`depth`](Self::depth), [`counts`](Self::counts), [`matrix`](Self::matrix) |
///
/// No method panics or returns a `Result`. The circuit stores the first mistake with the index of its operation.
/// [`check`](Self::check), [`QuantumLayer::new`](crate::QuantumLayer::new) and every other function that takes the
/// circuit return it:
///
/// ```
/// use candlewick::prelude::*;
/// let mut circuit = Circuit::new(2);
/// circuit.h(0).cx(0, 2).h(1);
/// let error = circuit.check().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "operation 1 (`cx`): qubit 2 is out of range for 2 qubit(s)"
/// );
/// ```
#[derive(Debug, Clone)]
pub struct Circuit {
    qubits: usize,
    operations: Vec<Operation>,
    weights: Arc<Declarations>,
    /// Highest input that is read, plus one.
    read: usize,
    /// Width declared by `with_inputs`.
    declared: Option<usize>,
    roles: Roles,
    /// Number of open blocks, under controls and conditions, around the next operation.
    depth: usize,
    /// Operation index, name of the operation, and mistake.
    mistake: Option<(usize, String, Mistake)>,
}

impl Circuit {
    /// Makes an empty circuit on `qubits` qubits, 1 to [`MAX_QUBITS`]. The memory decides how many qubits a computation
    /// can have; too many are an error before anything is allocated.
    pub fn new(qubits: usize) -> Self {
        let mistake = match qubits {
            0 => Some(Mistake::NoQubits),
            n if n > MAX_QUBITS => Some(Mistake::TooManyQubits { qubits, limit: MAX_QUBITS }),
            _ => None,
        };
        Self {
            // Loops over all qubits of an invalid circuit must end, in templates as in programs.
            qubits: if mistake.is_some() { 0 } else { qubits },
            operations: Vec::new(),
            weights: Arc::default(),
            read: 0,
            declared: None,
            roles: Roles::default(),
            depth: 0,
            mistake: mistake.map(|mistake| (0, "new".to_owned(), mistake)),
        }
    }

    /// Declares that a sample has `width` features, read or not. Without this declaration the width is the highest
    /// [`input`] plus one.
    pub fn with_inputs(mut self, width: usize) -> Self {
        self.declared = Some(width);
        if self.read > width {
            self.fail("with_inputs", Mistake::InputOutOfRange { index: self.read - 1, width });
        }
        self
    }

    /// Returns the number of qubits, or 0 if the circuit was made with more qubits than it may have.
    pub fn qubits(&self) -> usize {
        self.qubits
    }

    /// Returns the number of features of a sample.
    pub fn inputs(&self) -> usize {
        self.declared.unwrap_or(self.read)
    }

    /// Returns the operations, in the order in which they act.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Returns whether an angle depends on a weight.
    pub(crate) fn reads_weights(&self) -> bool {
        let angles = self.operations.iter().flat_map(Operation::angles);
        angles.flat_map(Angle::variables).any(|variable| matches!(variable, Variable::Weight { .. }))
    }

    /// Returns the first mistake made while the circuit was written, if any.
    ///
    /// # Errors
    /// The first mistake, with the index and the name of its operation.
    pub fn check(&self) -> Result<()> {
        match &self.mistake {
            None => Ok(()),
            Some((operation, name, mistake)) => {
                Err(Error::Circuit { operation: *operation, name: name.clone(), mistake: mistake.clone() })
            }
        }
    }

    /// Takes memory for so many further operations.
    pub(crate) fn reserve(&mut self, operations: usize) {
        self.operations.reserve(operations);
    }

    /// Returns the first mistake, without its operation.
    pub(crate) fn mistake(&self) -> Option<&Mistake> {
        self.mistake.as_ref().map(|(.., mistake)| mistake)
    }

    /// Calls `body` with `0..count` until there is a mistake. `count` may be far too large. Later rounds write at most
    /// as many operations as the first, so after the first round it is known whether all rounds are too many.
    pub(crate) fn rounds(&mut self, count: usize, mut body: impl FnMut(&mut Self, usize)) {
        let before = self.operations.len();
        for round in 0..count.min(MAX_OPERATIONS + 1) {
            if self.mistake.is_some() {
                return;
            }
            body(self, round);
            if round == 0 && count > 2 {
                self.check_room((self.operations.len() - before).saturating_mul(count - 2));
            }
        }
    }

    /// Stores a mistake if `further` more operations are too many.
    fn check_room(&mut self, further: usize) {
        let name = self.operations.last().map_or("", Operation::name);
        if self.operations.len().saturating_add(further) > MAX_OPERATIONS {
            self.fail(name, Mistake::TooManyOperations { limit: MAX_OPERATIONS });
        }
    }

    /// Stores a mistake unless there is an earlier one.
    pub(crate) fn fail(&mut self, name: &str, mistake: Mistake) {
        let here = self.operations.len();
        self.mistake.get_or_insert_with(|| (here, name.to_owned(), mistake));
    }
}

/// Equal circuits have the same qubits, features, operations and first mistake, and weight tensors of the same names,
/// shapes and initialisations.
impl PartialEq for Circuit {
    fn eq(&self, other: &Self) -> bool {
        let weights = self.declarations().len() == other.declarations().len()
            && self.declarations().zip(other.declarations()).all(|(a, b)| a.is_like(b));
        let numbers = |circuit: &Self| (circuit.qubits, circuit.inputs());
        numbers(self) == numbers(other)
            && self.operations == other.operations
            && weights
            && self.mistake == other.mistake
    }
}
