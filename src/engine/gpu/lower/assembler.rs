//! Assembler: writes the words, numbers and constants of bytecode.

use super::tile::LocalParity;
use crate::engine::gpu::abi::{Conditions, List, Parity, Words};
use num_complex::Complex64;
use std::collections::HashMap;

/// Words, numbers and constants of bytecode.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    pub(crate) code: Vec<u32>,
    pub(crate) numbers: Vec<f64>,
    known: HashMap<u64, u32>,
    pub(crate) constants: Vec<Complex64>,
    /// Positions of words that may be shared.
    blocks: HashMap<Vec<u32>, u32>,
}

impl Assembler {
    pub(crate) fn position(&self) -> u32 {
        self.code.len() as u32
    }

    /// Writes records, unless the same words have been written before. Returns their position.
    pub(crate) fn block<W: Words>(&mut self, records: impl IntoIterator<Item = W>) -> u32 {
        let words = words_of(records);
        if let Some(position) = self.blocks.get(&words) {
            return *position;
        }
        let position = self.position();
        self.code.extend(&words);
        self.blocks.insert(words, position);
        position
    }

    /// Writes records, as `block` does. Returns them as a list with its end.
    pub(crate) fn list<W: Words>(&mut self, records: &[W]) -> List {
        let first = self.block(records.iter().copied());
        List { first, end: first + (records.len() * W::WORDS) as u32 }
    }

    pub(crate) fn number(&mut self, value: f64) -> u32 {
        let numbers = &mut self.numbers;
        *self.known.entry(value.to_bits()).or_insert_with(|| {
            numbers.push(value);
            numbers.len() as u32 - 1
        })
    }

    /// Writes numbers one after the other. Returns the index of the first.
    pub(crate) fn numbers(&mut self, values: &[f64]) -> u32 {
        self.numbers.extend(values);
        (self.numbers.len() - values.len()) as u32
    }

    pub(crate) fn constants(&mut self, values: impl IntoIterator<Item = Complex64>) -> u32 {
        let position = self.constants.len() as u32;
        self.constants.extend(values);
        position
    }

    /// Writes a head for each list, then the lists. Returns the position of the heads.
    pub(crate) fn lists<W: Words>(&mut self, lists: &[Vec<W>]) -> u32 {
        let head = self.position();
        let mut first = head + (List::WORDS * lists.len()) as u32;
        for list in lists {
            let end = first + (W::WORDS * list.len()) as u32;
            List { first, end }.write(&mut self.code);
            first = end;
        }
        self.code.extend(words_of(lists.iter().flatten().copied()));
        head
    }

    pub(crate) fn conditions(&mut self, conditions: &[LocalParity]) -> Conditions {
        Conditions { count: conditions.len() as u32, at: self.block(conditions.iter().copied().map(Parity::from)) }
    }
}

/// Words of records, one after the other.
pub(crate) fn words_of<W: Words>(records: impl IntoIterator<Item = W>) -> Vec<u32> {
    let mut words = Vec::new();
    records.into_iter().for_each(|record| record.write(&mut words));
    words
}

impl From<LocalParity> for Parity {
    fn from(parity: LocalParity) -> Self {
        Self { local: parity.local, tile: parity.tile, odd: u32::from(parity.odd) }
    }
}
