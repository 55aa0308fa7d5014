//! Steps in stored indices: a control is the parity of several stored bits, and a flip is an XOR with a flip mask.

use super::{Controls, IndexMap, Kernel, Parity, Source, Step};
use crate::gf2;

/// Map from stored to logical indices, as far as steps need it.
pub(crate) trait Indices {
    /// Parity of logical bits as a parity of stored bits.
    fn parity(&self, logical: u64) -> Parity;

    /// Stored bits that flip with all logical bits of `mask`.
    fn flip_mask(&self, mask: u64) -> u64;
}

impl Indices for IndexMap {
    fn parity(&self, logical: u64) -> Parity {
        self.parity(logical)
    }

    fn flip_mask(&self, mask: u64) -> u64 {
        self.flip_mask(mask)
    }
}

/// Stored indices that are the logical ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Logical;

impl Indices for Logical {
    fn parity(&self, logical: u64) -> Parity {
        Parity { mask: logical, odd: false }
    }

    fn flip_mask(&self, mask: u64) -> u64 {
        mask
    }
}

/// Step in stored indices, which acts where all its conditions are odd.
#[derive(Debug, Clone)]
pub(crate) enum StoredStep {
    Diagonal(Diagonal),
    Mix(Mix),
    Exchange(Exchange),
}

/// Diagonal: `exp(i φ)` where `sign` is odd and `exp(-i φ)` where `sign` is even, in both cases only where all
/// conditions are odd.
#[derive(Debug, Clone)]
pub(crate) struct Diagonal {
    pub(crate) source: Source,
    pub(crate) sign: Parity,
    pub(crate) conditions: Vec<Parity>,
}

/// Rotation about a word that flips bits.
#[derive(Debug, Clone)]
pub(crate) struct Mix {
    pub(crate) source: Source,
    pub(crate) word: Flip,
    pub(crate) conditions: Vec<Parity>,
}

/// Pauli word that flips bits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flip {
    pub(crate) mask: u64,
    /// Whether the word has an odd number of Y, so that a rotation about it is real.
    pub(crate) real: bool,
    /// Parity that is odd where the matrix entry from an index to its partner is `-1` rather than `1`, or `-i` rather than
    /// `i` for a real rotation.
    pub(crate) negative: Parity,
}

/// Exchange of the two amplitudes that differ by the flip mask, where the conditions are met.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) flip_mask: u64,
    pub(crate) conditions: Vec<Parity>,
}

/// Conditions that are the controls of a step.
pub(crate) fn conditions(controls: Controls, indices: &impl Indices) -> Vec<Parity> {
    gf2::bits(controls.mask).map(|q| odd_where(indices, q, controls.zeros >> q & 1 == 1)).collect()
}

/// Parity that is odd where a logical bit is 0 if `zero`, and where it is 1 otherwise.
fn odd_where(indices: &impl Indices, bit: usize, zero: bool) -> Parity {
    let parity = indices.parity(1 << bit);
    Parity { odd: parity.odd ^ zero, ..parity }
}

impl StoredStep {
    /// Bits that the step reads or flips.
    pub(crate) fn read(&self) -> u64 {
        let (bits, conditions) = match self {
            Self::Diagonal(Diagonal { sign, conditions, .. }) => (sign.mask, conditions),
            Self::Mix(Mix { word, conditions, .. }) => (word.mask | word.negative.mask, conditions),
            Self::Exchange(Exchange { flip_mask, conditions }) => (*flip_mask, conditions),
        };
        conditions.iter().fold(bits, |bits, condition| bits | condition.mask)
    }

    /// Step on logical qubits in stored indices, or `None` for a dense matrix.
    pub(crate) fn new(step: &Step, indices: &impl Indices) -> Option<Self> {
        let conditions = conditions(step.controls, indices);
        Some(match &step.kernel {
            Kernel::Rotation { x: 0, z, slot } => {
                Self::Diagonal(Diagonal { source: Source::Slot(*slot), sign: indices.parity(*z), conditions })
            }
            Kernel::Rotation { x, z, slot } => {
                let letters = (x & z).count_ones();
                let mut negative = indices.parity(*z);
                negative.odd ^= letters / 2 % 2 == 1;
                let word = Flip { mask: indices.flip_mask(*x), real: letters % 2 == 1, negative };
                Self::Mix(Mix { source: Source::Slot(*slot), word, conditions })
            }
            Kernel::Phase { slot } => {
                Self::Diagonal(Diagonal { source: Source::Slot(*slot), sign: Parity::ALWAYS, conditions })
            }
            Kernel::FixedPhase(value) => {
                Self::Diagonal(Diagonal { source: Source::Fixed(*value), sign: Parity::ALWAYS, conditions })
            }
            Kernel::Exchange { mask, first, second } => {
                let reads = gf2::bits(*mask).map(|bit| odd_where(indices, bit, first >> bit & 1 == 0));
                let conditions = reads.chain(conditions).collect();
                Self::Exchange(Exchange { flip_mask: indices.flip_mask(first ^ second), conditions })
            }
            Kernel::Matrix { .. } => return None,
        })
    }
}
