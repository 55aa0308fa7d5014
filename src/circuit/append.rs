//! Circuits as parts of circuits: appended on the same qubits or on others.

use super::{Amplitudes, Circuit, Kind, Operation};
use crate::error::{Error, Mistake, Result};
use crate::limits::some_qubits;
use std::sync::Arc;

impl Circuit {
    /// Appends all operations of a circuit with at most as many qubits. If that circuit prepares a state (amplitude and
    /// basis embedding, Hartree-Fock, UCCSD), the qubits must still be in 0. Both circuits may share weight tensors
    /// (clones, inverses, [`share`](Self::share)). Two different tensors of the same name are a mistake.
    pub fn append(&mut self, other: &Self) -> &mut Self {
        if other.qubits > self.qubits {
            self.fail("append", Mistake::CircuitSize { qubits: self.qubits, other: other.qubits });
            return self;
        }
        self.append_mapped("append", other, |qubit| qubit)
    }

    /// Appends all operations of a circuit on chosen qubits: qubit `k` of `other` becomes `qubits[k]`. There are as many
    /// `qubits` as `other` has. Otherwise it is [`append`](Self::append).
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut bell = Circuit::new(2);
    /// bell.h(0).cx(0, 1);
    /// let mut circuit = Circuit::new(4);
    /// circuit.append_on(&bell, [3, 1]).append_on(&bell, [0, 2]);
    /// assert_eq!(circuit.operations()[1].qubits(), [3, 1]);
    /// ```
    pub fn append_on(&mut self, other: &Self, qubits: impl IntoIterator<Item = usize>) -> &mut Self {
        let qubits = some_qubits(qubits);
        if let Err(mistake) = self.check_qubits(qubits.iter()) {
            self.fail("append_on", mistake);
        } else if qubits.len() != other.qubits {
            let mistake = Mistake::QubitCount { expected: other.qubits.to_string(), actual: qubits.len() };
            self.fail("append_on", mistake);
        } else {
            self.append_mapped("append_on", other, |qubit| qubits[qubit]);
        }
        self
    }

    /// Appends all operations of a circuit; `place` maps its qubits to qubits of this circuit.
    fn append_mapped(&mut self, name: &str, other: &Self, place: impl Fn(usize) -> usize) -> &mut Self {
        if let Err(mistake) = self.roles.append(other.roles, &place) {
            self.fail(name, mistake);
            return self;
        }
        let first = self.operations.len();
        if !Arc::ptr_eq(&self.weights, &other.weights) {
            other.declarations().for_each(|declaration| self.declare(declaration));
        }
        for operation in &other.operations {
            let mut operation = operation.clone();
            let Operation { qubits, controls, zeros, .. } = &mut operation;
            qubits.iter_mut().chain(controls).chain(zeros).for_each(|qubit| *qubit = place(*qubit));
            self.push_operation(operation);
        }
        if let Some((index, name, mistake)) = &other.mistake {
            self.mistake.get_or_insert((first + index, name.clone(), mistake.clone()));
        }
        if let (Some(width), false) = (other.declared, self.declared.is_some()) {
            self.read = self.read.max(width);
        }
        self
    }
}

impl Circuit {
    /// Returns this circuit on amplitudes that are `2^n` further features, behind its own features.
    ///
    /// # Errors
    /// Mistakes of the circuit, and operations that are no unitary.
    pub(crate) fn behind_amplitudes(&self) -> Result<Self> {
        self.check_pure()?;
        if let Some(index) = self.operations.iter().position(embeds) {
            let name = self.operations[index].name().to_owned();
            return Err(Error::Circuit { operation: index, name, mistake: Mistake::EmbeddingNotUnitary });
        }
        let (first, count) = (self.inputs(), 1usize.checked_shl(self.qubits as u32).unwrap_or(usize::MAX));
        let kind = Kind::AmplitudeEmbedding { first, count, options: Amplitudes::default() };
        let start = Operation::new(kind, Vec::new(), (0..self.qubits).collect());
        let operations = std::iter::once(start).chain(self.operations.iter().cloned()).collect();
        Ok(Self { operations, declared: Some(first.saturating_add(count)), ..self.clone() })
    }
}

fn embeds(operation: &Operation) -> bool {
    matches!(operation.kind, Kind::AmplitudeEmbedding { .. })
}
