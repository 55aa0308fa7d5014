//! Words, numbers and constants of a bytecode in the making.

use super::tile::LocalParity;
use num_complex::Complex64;
use std::collections::HashMap;

/// No entry.
pub(crate) const NONE: u32 = u32::MAX;

/// Bit of a source whose slot reads inputs.
pub(crate) const INPUTS: u32 = 1 << 31;
/// Bit of a source whose slot reads weights.
pub(crate) const WEIGHTS: u32 = 1 << 30;

/// Words, numbers and constants in the making.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    pub(crate) code: Vec<u32>,
    pub(crate) numbers: Vec<f64>,
    known: HashMap<u64, u32>,
    pub(crate) constants: Vec<Complex64>,
    /// Runs of words that may be shared.
    blocks: HashMap<Vec<u32>, u32>,
}

impl Assembler {
    pub(crate) fn position(&self) -> u32 {
        self.code.len() as u32
    }

    /// Writes a run of words, or finds it where it has been written; returns where it stands.
    pub(crate) fn block(&mut self, words: Vec<u32>) -> u32 {
        if let Some(position) = self.blocks.get(&words) {
            return *position;
        }
        let position = self.position();
        self.code.extend(&words);
        self.blocks.insert(words, position);
        position
    }

    pub(crate) fn number(&mut self, value: f64) -> u32 {
        let numbers = &mut self.numbers;
        *self.known.entry(value.to_bits()).or_insert_with(|| {
            numbers.push(value);
            numbers.len() as u32 - 1
        })
    }

    /// Numbers one after the other.
    pub(crate) fn numbers(&mut self, values: &[f64]) -> u32 {
        self.numbers.extend(values);
        (self.numbers.len() - values.len()) as u32
    }

    pub(crate) fn constants(&mut self, values: impl IntoIterator<Item = Complex64>) -> u32 {
        let position = self.constants.len() as u32;
        self.constants.extend(values);
        position
    }

    /// For each list its first and last word, then the lists; returns where the former stand.
    pub(crate) fn lists(&mut self, lists: &[Vec<u32>]) -> u32 {
        let head = self.position();
        let mut at = head + 2 * lists.len() as u32;
        for list in lists {
            self.code.extend([at, at + list.len() as u32]);
            at += list.len() as u32;
        }
        lists.iter().for_each(|list| self.code.extend(list));
        head
    }

    pub(crate) fn parity_words(parity: LocalParity) -> [u32; 3] {
        [parity.local, parity.tile, u32::from(parity.odd)]
    }

    /// Number and place of conditions.
    pub(crate) fn conditions(&mut self, conditions: &[LocalParity]) -> [u32; 2] {
        let words = conditions.iter().copied().flat_map(Self::parity_words).collect();
        [conditions.len() as u32, self.block(words)]
    }
}
