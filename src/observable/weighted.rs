//! Expressions as coefficients, and observables under a condition.

use super::{Observable, PauliWord};
use crate::angle::Angle;
use crate::error::Mistake;
use crate::mask::{Mask, Wide};
use num_complex::Complex64;
use std::collections::BTreeMap;

impl Observable {
    /// Multiplies by an expression.
    pub(super) fn weigh(mut self, factor: Angle) -> Self {
        if factor.is_constant() {
            return self.scale(factor.constant);
        }
        let weighted = std::mem::take(&mut self.weighted);
        let mut product: Vec<_> = weighted.into_iter().map(|(angle, of)| (factor.clone() * angle, of)).collect();
        let mistake = self.mistake.take();
        if !self.words.is_empty() || !self.parts.is_empty() || product.is_empty() {
            product.insert(0, (factor, self));
        }
        Self { weighted: product, mistake, ..Self::default() }
    }

    /// Returns the mistake of an observable whose coefficients have to be constants.
    pub(crate) fn check_constant(&self) -> Result<(), Mistake> {
        match self.weighted.first() {
            Some((angle, _)) => Err(Mistake::VariableCoefficient { coefficient: angle.to_string() }),
            None => Ok(()),
        }
    }

    /// Returns the terms with constant coefficients.
    pub(crate) fn constant_part(&self) -> Self {
        let constant = Self { words: self.words.clone(), parts: self.parts.clone(), ..Self::default() };
        Self { mistake: self.mistake.clone(), ..constant }
    }

    /// Takes the multiples of the identity out, as expressions.
    pub(crate) fn without_identity(&self) -> (Self, Vec<Angle>) {
        let mut rest = self.clone();
        let mut constants = Vec::new();
        let mut take = |words: &mut BTreeMap<PauliWord, Complex64>, factor: Angle| {
            if let Some(coefficient) = words.remove(&PauliWord::default()).filter(|coefficient| coefficient.re != 0.0) {
                constants.push(factor * coefficient.re);
            }
        };
        take(&mut rest.words, Angle::from(1.0));
        rest.weighted.iter_mut().for_each(|(angle, of)| take(&mut of.words, angle.clone()));
        (rest, constants)
    }

    /// Returns `Π O Π` for the projector Π on the states in which these qubits have these values.
    pub(crate) fn projected(&self, values: &[(usize, bool)]) -> Self {
        let projector = Self::projector_on(values.iter().copied());
        let qubits = projector.reads_beyond_z();
        let ones = Wide::of_qubits(values.iter().filter(|(_, value)| *value).map(|(qubit, _)| *qubit));
        // A word that flips a qubit of Π has no part there, and letters Z on these qubits are signs.
        let mut words = Self { mistake: self.mistake.clone(), ..Self::default() };
        for (word, coefficient) in self.words.iter().filter(|(word, _)| (word.x & qubits).is_empty()) {
            let sign = if (word.z & ones).parity() { -1.0 } else { 1.0 };
            *words.words.entry(PauliWord { z: word.z & !qubits, ..*word }).or_default() += sign * coefficient;
        }
        let parts = Self { parts: self.parts.clone(), ..Self::default() };
        let parts =
            if (parts.flipped() & qubits).is_empty() { parts * &projector } else { &projector * parts * &projector };
        let mut projected = words * &projector + parts;
        projected.weighted = self.weighted.iter().map(|(angle, of)| (angle.clone(), of.projected(values))).collect();
        projected
    }

    /// Returns observables with constant coefficients, and the expressions that multiply them.
    pub(crate) fn weighted(&self) -> &[(Angle, Self)] {
        &self.weighted
    }
}
