//! Readout errors of constant strength, as other observables: a state that is read with errors has the outputs of a
//! state that other observables read without.
//!
//! An error with the probabilities e0 of a 1 read for 0, and e1 of a 0 read for 1, makes the letter P of a word
//! `a P + b`, where `a = 1 - e0 - e1` and `b = e1 - e0`, and values of basis states their means over what is read.

use super::readout::{PauliTerm, Quantity, Readout, Sum, XMaskGroup};
use crate::error::{Result, SimulationError};
use crate::gf2;
use crate::observable::Part;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Largest number of words that a readout may become, and of values of a projector.
const MAX_WORDS: usize = 1 << 22;

/// Factor `a` and offset `b` of the letters of each qubit that is read with errors.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ReadErrors(BTreeMap<usize, [f64; 2]>);

impl ReadErrors {
    /// Adds the error of a qubit, which has at most one.
    pub(super) fn add(&mut self, qubit: usize, numbers: [f64; 2]) {
        self.0.insert(qubit, numbers);
    }

    /// Mask of the qubits that are read with errors.
    pub(super) fn mask(&self) -> u64 {
        self.0.keys().fold(0, |mask, qubit| mask | 1 << qubit)
    }

    /// Probabilities of what is read from 0 and from 1, `[row of what is read][column of what is there]`.
    pub(crate) fn matrix(&self, qubit: usize) -> Option<[[f64; 2]; 2]> {
        self.0.get(&qubit).map(|[factor, offset]| {
            let [one_of_zero, zero_of_one] = [(1.0 - factor - offset) / 2.0, (1.0 - factor + offset) / 2.0];
            [[1.0 - one_of_zero, zero_of_one], [one_of_zero, 1.0 - zero_of_one]]
        })
    }

    /// Returns the readout whose outputs of a state are those of the given readout with errors. Probabilities stay as
    /// they are.
    pub(super) fn read(&self, readout: &Readout) -> Result<Readout> {
        let mut out = readout.clone();
        for columns in &mut out.quantities {
            match &mut columns.quantity {
                Quantity::Expectation(sum) => *sum = self.sum(sum)?,
                Quantity::Probabilities(_) | Quantity::Variance(_) | Quantity::State => {}
            }
        }
        Ok(out)
    }

    fn sum(&self, sum: &Sum) -> Result<Sum> {
        let mut out = Sum { x_groups: Vec::new(), parts: Vec::new(), ..sum.clone() };
        let terms = || sum.x_groups.iter().flat_map(|group| group.terms.iter().map(move |term| (group.x, term)));
        let count = |(x, term): (u64, &PauliTerm)| 1usize << self.shifted(x | term.z).count_ones().min(62);
        let words = terms().fold(0, |words: usize, term| words.saturating_add(count(term)));
        if words > MAX_WORDS {
            return Err(SimulationError::ReadoutWords { words, allowed: MAX_WORDS }.into());
        }
        let mut all: BTreeMap<(u64, u64, usize), f64> = BTreeMap::new();
        for (x, term) in terms() {
            let support = x | term.z;
            // Letters whose error has an offset may be read as a constant; all others have their factor.
            for constant in gf2::subsets(self.shifted(support)) {
                let coefficient =
                    self.0.iter().fold(term.coefficient, |coefficient, (qubit, [factor, offset])| {
                        match (support >> qubit & 1, constant >> qubit & 1) {
                            (0, _) => coefficient,
                            (_, 0) => coefficient * factor,
                            _ => coefficient * offset,
                        }
                    });
                *all.entry((x & !constant, term.z & !constant, term.output)).or_default() += coefficient;
            }
        }
        for ((x, z, output), coefficient) in all {
            if x | z == 0 {
                out.constants[output] += coefficient;
                continue;
            }
            let term = PauliTerm { output, z, coefficient, quarter_turns: (x & z).count_ones() % 4 };
            match out.x_groups.last_mut().filter(|group| group.x == x) {
                Some(group) => group.terms.push(term),
                None => out.x_groups.push(XMaskGroup { x, terms: vec![term] }),
            }
        }
        for (output, coefficient, part) in &sum.parts {
            out.parts.push((*output, *coefficient, self.part(part)?));
        }
        Ok(out)
    }

    /// Mask of the qubits among these whose error has an offset.
    fn shifted(&self, support: u64) -> u64 {
        let shifted = self.0.iter().filter(|(_, [_, offset])| *offset != 0.0);
        support & shifted.fold(0, |mask, (qubit, _)| mask | 1 << qubit)
    }

    fn part(&self, part: &Part) -> Result<Part> {
        if part.support() & self.mask() == 0 {
            return Ok(part.clone());
        }
        Ok(match part {
            Part::Diagonal { values, mask } => Part::Diagonal { values: self.values(values, *mask), mask: *mask },
            Part::Projector { mask, bits } => {
                let size = 1usize << mask.count_ones().min(62);
                if size > MAX_WORDS {
                    return Err(SimulationError::ReadoutWords { words: size, allowed: MAX_WORDS }.into());
                }
                let qubits: Vec<usize> = gf2::bits(*mask).collect();
                let mut values = vec![0.0; size];
                values[gf2::extract(*bits, &qubits) as usize] = 1.0;
                Part::Diagonal { values: self.values(&values, *mask), mask: *mask }
            }
            // The circuit's check refuses matrices on qubits that are read with errors.
            Part::Matrix { .. } => part.clone(),
        })
    }

    /// Means of values of basis states over what is read.
    fn values(&self, values: &[f64], mask: u64) -> Arc<[f64]> {
        let mut out = values.to_vec();
        for (k, matrix) in gf2::bits(mask).enumerate().filter_map(|(k, qubit)| Some((k, self.matrix(qubit)?))) {
            for low in (0..out.len()).filter(|index| index >> k & 1 == 0) {
                let [zero, one] = [out[low], out[low | 1 << k]];
                out[low] = matrix[0][0] * zero + matrix[1][0] * one;
                out[low | 1 << k] = matrix[0][1] * zero + matrix[1][1] * one;
            }
        }
        out.into()
    }
}
