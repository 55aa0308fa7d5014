//! Definitions that do what an operation of a circuit does.

use super::super::definition::{Defined, Known, KnownKind};
use super::super::dense;
use super::super::logical::{Context, LogicalCircuit};
use super::super::value::Value;
use super::Reader;
use crate::gate::Gate;

/// Beginning of the names of Pauli rotations; their words follow in lower case.
const PAULI_ROTATION: &str = "pauli_rot_";

/// Angles with which definitions are compared with gates.
const ANGLES: [[f64; 4]; 2] = [[0.7234, -1.1321, 0.3417, 0.5123], [2.3071, 0.4129, -0.8213, -1.7331]];

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
        let mut phases = [0.0; 2];
        for (phase, angles) in phases.iter_mut().zip(ANGLES) {
            let matrix =
                self.tried(defined, &angles, |logical, first| dense::matrix(logical, first, defined.qubits))?;
            *phase = dense::phase_between(&matrix, &gate.matrix(&angles))?;
        }
        let [phase, other] = phases;
        dense::same_phase(phase, other).then_some(Known { kind: KnownKind::Gate(gate), phase })
    }

    fn recognized_rotation(&mut self, word: &str, defined: &Defined) -> Option<Known> {
        if defined.parameters != 1 || word.len() != defined.qubits {
            return None;
        }
        let angles = ANGLES[0];
        let found = self
            .tried(defined, &angles, |logical, first| dense::rotated_word(logical, first, defined.qubits, angles[0]))?;
        let is_same = word.chars().all(|letter| letter.is_ascii_lowercase()) && found.eq_ignore_ascii_case(word);
        is_same.then(|| Known { kind: KnownKind::PauliRotation(found.into()), phase: 0.0 })
    }

    /// Writes out a definition with these angles, looks at its operations, and removes them. `None` if it has too many.
    fn tried<T>(
        &mut self,
        defined: &Defined,
        angles: &[f64],
        look: impl FnOnce(&LogicalCircuit, usize) -> Option<T>,
    ) -> Option<T> {
        let qubits: Vec<u8> = (0..defined.qubits as u8).collect();
        let arguments: Vec<Value> = angles.iter().take(defined.parameters).map(|angle| Value::Real(*angle)).collect();
        let logical = &self.logical;
        let lengths = (logical.list.len(), logical.numbers.len(), logical.contexts.len(), logical.rotations.len());
        let (limits, emitted, taken, depth) = (self.config.limits, self.emitted, self.taken, self.depth);
        let limit = &mut self.config.limits;
        limit.operations = limit.operations.min(OPERATIONS);
        limit.steps = limit.steps.min(OPERATIONS);
        (self.emitted, self.taken) = (0, 0);
        let written = self.write_out(0, defined, &arguments, &qubits);
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
        found
    }
}
