//! Report of what a noise model adds to a circuit.

use super::gates::spelled;
use crate::circuit::Operation;
use std::fmt;

/// Operation that a rule of a [`NoiseModel`](super::NoiseModel) has added to a circuit, or changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Addition {
    pub(super) rule: usize,
    pub(super) place: Option<(usize, &'static str)>,
    pub(super) operation: Operation,
    pub(super) is_change: bool,
}

impl Addition {
    /// Returns the index of the rule, from 0.
    pub fn rule(&self) -> usize {
        self.rule
    }

    /// Returns the index of the operation of the given circuit that the addition belongs to; `None` at the end of the
    /// circuit. A qubit's relaxation belongs to the operation in front of which it waits.
    pub fn place(&self) -> Option<usize> {
        self.place.map(|(index, _)| index)
    }

    /// Returns the added operation, or the operation with its changed angles.
    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    /// Returns whether the operation is the given one with other angles, instead of a further one.
    pub fn is_change(&self) -> bool {
        self.is_change
    }
}

impl fmt::Display for Addition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place =
            self.place.map_or_else(|| "end".to_owned(), |(index, name)| format!("operation {index} (`{name}`)"));
        let becomes = if self.is_change { "becomes " } else { "" };
        write!(f, "rule {}, {place}: {becomes}{}", self.rule, spelled(&self.operation))
    }
}

/// List of what a [`NoiseModel`](super::NoiseModel) adds to a circuit, in the order of the noisy circuit, from
/// [`NoiseModel::added`](super::NoiseModel::added).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Additions {
    pub(super) all: Vec<Addition>,
    pub(super) unmatched: Vec<usize>,
}

impl Additions {
    /// Returns the additions.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Addition> {
        self.all.iter()
    }

    /// Returns the number of additions.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns whether nothing is added.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns the indices of the rules for certain operations that fit none of them.
    pub fn unmatched(&self) -> &[usize] {
        &self.unmatched
    }
}

impl fmt::Display for Additions {
    /// Writes a line for each addition, then one for each rule that fits nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.all.iter().try_for_each(|addition| writeln!(f, "{addition}"))?;
        self.unmatched.iter().try_for_each(|rule| writeln!(f, "rule {rule}: nothing"))
    }
}
