//! Definitions that do what an operation of a circuit does.

use super::super::definition::{Defined, Known, KnownKind};
use super::super::dense;
use super::super::logical::{Angles, Context, Kind, LogicalCircuit};
use super::super::value::Value;
use super::Reader;
use crate::circuit::input;
use crate::gate::Gate;
use std::f64::consts::{E, FRAC_1_PI, FRAC_1_SQRT_2, FRAC_2_SQRT_PI, LN_2, LOG2_10, LOG10_2, SQRT_2};
use std::rc::Rc;

/// Beginning of the names of Pauli rotations; their words follow in lower case.
const PAULI_ROTATION: &str = "pauli_rot_";

/// Angles with which definitions are compared with gates. Angles that depend on them linearly are the same angles if
/// they have the same effect here: no two of these numbers are in a ratio of small integers.
const ANGLES: [[f64; 4]; 2] = [[SQRT_2, -FRAC_1_SQRT_2, FRAC_1_PI, LN_2], [E, LOG10_2, -FRAC_2_SQRT_PI, -LOG2_10]];

/// Most operations of a definition that is compared.
const OPERATIONS: usize = 1 << 10;

impl Reader<'_> {
    /// Returns the operation of this name that does what a definition does.
    pub(super) fn recognized(&mut self, name: &str, defined: &Defined) -> Option<Known> {
        if let Some(word) = name.strip_prefix(PAULI_ROTATION) {
            return self.recognized_rotation(word, defined);
        }
        let gate = Gate::from_name(name)?;
        if gate.angles().len() != defined.parameters || gate.qubits().len() != defined.qubits {
            return None;
        }
        let parameters: Vec<Value> = (0..defined.parameters).map(parameter).collect();
        self.tried(defined, &parameters, |logical, first| is_linear(logical, first).then_some(()))?;
        let mut phases = [0.0; 2];
        for (phase, angles) in phases.iter_mut().zip(ANGLES) {
            let numbers = angles.map(Value::Real);
            let numbers = &numbers[..defined.parameters];
            let matrix =
                self.tried(defined, numbers, |logical, first| dense::matrix(logical, first, defined.qubits))?;
            *phase = dense::phase_between(&matrix, &gate.matrix(&angles))?;
        }
        let [phase, other] = phases;
        dense::same_phase(phase, other).then_some(Known { kind: KnownKind::Gate(gate), phase })
    }

    fn recognized_rotation(&mut self, word: &str, defined: &Defined) -> Option<Known> {
        if defined.parameters != 1 || word.len() != defined.qubits {
            return None;
        }
        let found =
            self.tried(defined, &[parameter(0)], |logical, first| dense::rotated_word(logical, first, defined.qubits))?;
        let is_same = word.chars().all(|letter| letter.is_ascii_lowercase()) && found.eq_ignore_ascii_case(word);
        is_same.then(|| Known { kind: KnownKind::PauliRotation(found.into()), phase: 0.0 })
    }

    /// Writes out a definition with these arguments, looks at its operations, and removes them. `None` if it has too many.
    fn tried<T>(
        &mut self,
        defined: &Defined,
        arguments: &[Value],
        look: impl FnOnce(&LogicalCircuit, usize) -> Option<T>,
    ) -> Option<T> {
        let qubits: Vec<u8> = (0..defined.qubits as u8).collect();
        let logical = &self.logical;
        let lengths = (logical.list.len(), logical.numbers.len(), logical.contexts.len(), logical.rotations.len());
        let expressions = logical.expressions.len();
        let (limits, emitted, taken, depth) = (self.config.limits, self.emitted, self.taken, self.depth);
        let limit = &mut self.config.limits;
        limit.operations = limit.operations.min(OPERATIONS);
        limit.steps = limit.steps.min(OPERATIONS);
        (self.emitted, self.taken) = (0, 0);
        let written = self.write_out(0, defined, arguments, &qubits);
        let found = written.ok().and_then(|()| look(&self.logical, lengths.0));
        self.config.limits = limits;
        let further = self.taken;
        (self.emitted, self.taken, self.depth) = (emitted, taken.saturating_add(further), depth);
        // After a failure the writing has stopped anywhere. A definition stands outside of all blocks.
        (self.context, self.context_number) = (Context::default(), Some(0));
        self.locals.clear();
        self.first_local = 0;
        self.stack.clear();
        self.logical.list.truncate(lengths.0);
        self.logical.numbers.truncate(lengths.1);
        self.logical.contexts.truncate(lengths.2);
        self.logical.rotations.truncate(lengths.3);
        self.logical.expressions.truncate(expressions);
        found
    }
}

/// Parameter of a definition as a variable.
fn parameter(place: usize) -> Value {
    Value::Angle(Rc::new(input(place)))
}

/// Returns whether all angles of the operations from `first` on are linear in the parameters of the definition.
fn is_linear(logical: &LogicalCircuit, first: usize) -> bool {
    let count = |kind| match kind {
        Kind::Gate { gate, .. } => gate.angles().len(),
        Kind::PauliRotation(_) | Kind::GlobalPhase => 1,
        _ => 0,
    };
    let mut operations = logical.list.get(first..).unwrap_or_default().iter();
    operations.all(|operation| match operation.angles {
        Angles::Numbers(_) => true,
        Angles::Expressions(first) => {
            let angles = logical.expressions.get(first as usize..).unwrap_or_default();
            let mut terms = angles.iter().take(count(operation.kind)).flat_map(|angle| &angle.terms);
            terms.all(|term| term.second.is_none())
        }
    })
}
