//! General steps in stored indices, ready for sweeps.

use crate::gf2::{self, parity};
use crate::program::stored::{self, Flip, Indices, Logical, StoredStep};
use crate::program::{Parity, Program, Source, Step};
use std::sync::OnceLock;

/// Indices that meet conditions: each has one bit that the others decide.
#[derive(Debug, Clone, Default)]
pub(crate) struct Coset {
    /// Bits that others decide.
    pub(crate) fixed: u64,
    /// Decided bits where all others are 0.
    values: usize,
    /// Decided bit, and the others whose parity flips it.
    deciders: Vec<(usize, usize)>,
    /// All bits that the conditions read.
    pub(crate) read: u64,
}

impl Coset {
    /// Indices at which all conditions are odd, one of each pair that differs by the flip mask. A flip mask of 0 makes no
    /// pairs. The conditions do not contradict each other, and hold for both indices of a pair or for none.
    fn new(conditions: &[Parity], flip_mask: u64) -> Self {
        let mut set = gf2::Conditions::default();
        if flip_mask != 0 {
            set.add(1 << flip_mask.ilog2(), false);
        }
        conditions.iter().for_each(|condition| set.add(condition.mask, !condition.odd));
        debug_assert!(!set.contradict(), "{conditions:?}");
        let mut coset = Self::default();
        for gf2::Decided { bit, others, value } in set.decided() {
            coset.fixed |= bit;
            coset.read |= bit | others;
            coset.values |= if value { bit as usize } else { 0 };
            if others != 0 {
                coset.deciders.push((bit as usize, others as usize));
            }
        }
        coset
    }

    /// Index whose free bits are the bits of `base`. The decided bits of `base` are 0.
    #[inline(always)]
    pub(crate) fn index(&self, base: usize) -> usize {
        let decided = |values: usize, (bit, others): &(usize, usize)| {
            if parity((base & others) as u64) { values ^ bit } else { values }
        };
        base | self.deciders.iter().fold(self.values, decided)
    }
}

/// Step in stored indices. Dense matrices have logical indices.
#[derive(Debug, Clone)]
pub(crate) enum Placed {
    Diagonal { source: Source, sign: Parity, at: Coset },
    Mix { source: Source, word: Flip, at: Coset },
    Exchange { flip_mask: u64, at: Coset },
    Matrix,
}

impl Placed {
    /// Places a step by the map from stored to logical indices.
    pub(crate) fn new(step: &Step, indices: &impl Indices) -> Self {
        match StoredStep::new(step, indices) {
            None => Self::Matrix,
            Some(StoredStep::Diagonal(stored::Diagonal { source, sign, conditions })) => {
                Self::Diagonal { source, sign, at: Coset::new(&conditions, 0) }
            }
            Some(StoredStep::Mix(stored::Mix { source, word, conditions })) => {
                Self::Mix { source, word, at: Coset::new(&conditions, word.mask) }
            }
            Some(StoredStep::Exchange(stored::Exchange { flip_mask, conditions })) => {
                Self::Exchange { flip_mask, at: Coset::new(&conditions, 0) }
            }
        }
    }

    /// Bytes that the step holds beyond its own size.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Diagonal { at, .. } | Self::Mix { at, .. } | Self::Exchange { at, .. } => {
                at.deciders.capacity() * size_of::<(usize, usize)>()
            }
            Self::Matrix => 0,
        }
    }
}

/// All steps of a program on logical indices, for an execution without layers.
#[derive(Debug, Default)]
pub(crate) struct PlacedSteps(OnceLock<Vec<Placed>>);

impl PlacedSteps {
    /// Returns the placed steps of a program, which are made at the first call.
    pub(crate) fn of(program: &Program) -> &[Placed] {
        let made = || program.steps.iter().map(|step| Placed::new(step, &Logical)).collect();
        program.cache.entry::<Self>().0.get_or_init(made)
    }

    /// Whether the placed steps of a program have been made.
    pub(crate) fn are_made(program: &Program) -> bool {
        program.cache.entry::<Self>().0.get().is_some()
    }

    /// Bytes of the placed steps of a program, found without making them: on logical indices no bit decides another.
    pub(crate) fn bytes(program: &Program) -> u64 {
        (program.steps.len() * size_of::<Placed>()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every index that meets the conditions is found once, or its partner is.
    #[test]
    fn cosets_are_the_solutions() {
        let odd = |mask| Parity { mask, odd: false };
        let even = |mask| Parity { mask, odd: true };
        for (conditions, flip_mask) in [
            (vec![], 0),
            (vec![], 0b10010),
            (vec![odd(0b1)], 0b110),
            (vec![odd(0b011), even(0b110)], 0),
            (vec![odd(0b01100), even(0b10111)], 0b01101),
            (vec![even(0b000011), odd(0b000110), even(0b110000)], 0b110111),
            (vec![odd(0b111111), odd(0b101010), even(0b000111)], 0),
        ] {
            assert!(conditions.iter().all(|condition| !parity(condition.mask & flip_mask)), "{conditions:?}");
            let coset = Coset::new(&conditions, flip_mask);
            let mut found: Vec<usize> =
                (0..64).filter(|base| base & coset.fixed as usize == 0).map(|base| coset.index(base)).collect();
            found.extend(if flip_mask == 0 { vec![] } else { found.iter().map(|k| k ^ flip_mask as usize).collect() });
            found.sort_unstable();
            let expected: Vec<usize> =
                (0..64).filter(|k| conditions.iter().all(|condition| condition.of(*k as u64))).collect();
            assert_eq!(found, expected, "{conditions:?} {flip_mask:b}");
        }
    }
}
