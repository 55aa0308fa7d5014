//! Masks: sets of qubits.
//!
//! Engines that hold amplitudes index them with 64 bits, so their masks are one word. Circuits and observables may have
//! more qubits, and lowering is written for masks of any width.

use crate::gf2;
use std::fmt::Debug;
use std::ops::{BitAnd, BitOr, BitOrAssign, BitXor, Not};

/// Set of qubits, with a bit for each qubit.
pub(crate) trait Mask:
    Copy + Debug + Default + Ord + BitAnd<Output = Self> + BitOr<Output = Self> + BitXor<Output = Self> + Not<Output = Self>
{
    /// No qubit.
    const EMPTY: Self;

    /// Returns the set of one qubit.
    fn of_qubit(qubit: usize) -> Self;

    /// Returns the qubits of the set, from the lowest.
    fn qubits(self) -> impl Iterator<Item = usize>;

    /// Returns the number of qubits in the set.
    fn count(self) -> u32;

    /// Returns whether the set has a qubit.
    fn contains(self, qubit: usize) -> bool;

    /// Returns the set of a wide mask. Qubits for which this kind of masks has no bits are dropped: callers have checked
    /// that there are none.
    fn of_wide(mask: Wide) -> Self;

    /// Returns the set as a wide mask.
    fn widened(self) -> Wide;

    /// Returns a set of qubits.
    fn of_qubits(qubits: impl IntoIterator<Item = usize>) -> Self {
        qubits.into_iter().fold(Self::EMPTY, |mask, qubit| mask | Self::of_qubit(qubit))
    }

    /// Returns the qubits `places[k]` of the bits `k` that are set in `bits`.
    fn deposit(bits: usize, places: &[usize]) -> Self {
        Self::of_qubits(places.iter().enumerate().filter(|(k, _)| bits >> k & 1 == 1).map(|(_, place)| *place))
    }

    /// Returns whether the set has no qubit.
    fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    /// Returns whether the number of qubits is odd.
    fn parity(self) -> bool {
        self.count() % 2 == 1
    }

    /// Returns the lowest qubit of the set.
    fn lowest(self) -> Option<usize> {
        self.qubits().next()
    }
}

impl Mask for u64 {
    const EMPTY: Self = 0;

    fn of_qubit(qubit: usize) -> Self {
        1 << qubit
    }

    fn qubits(self) -> impl Iterator<Item = usize> {
        gf2::bits(self)
    }

    fn count(self) -> u32 {
        self.count_ones()
    }

    fn contains(self, qubit: usize) -> bool {
        self >> qubit & 1 == 1
    }

    fn of_wide(mask: Wide) -> Self {
        mask.narrowed()
    }

    fn widened(self) -> Wide {
        self.into()
    }
}

/// Mask of 256 qubits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Wide(pub(crate) [u64; 4]);

impl Wide {
    /// Combines the words of two masks.
    #[inline(always)]
    fn both(self, other: Self, of_words: impl Fn(u64, u64) -> u64) -> Self {
        Self(std::array::from_fn(|k| of_words(self.0[k], other.0[k])))
    }

    /// Returns the part of the set among the lowest 64 qubits, as a mask of one word. It is the whole set of a state's
    /// qubits.
    pub(crate) fn narrowed(self) -> u64 {
        self.0[0]
    }

    /// Returns the set with a qubit, or without it.
    pub(crate) fn with(self, qubit: usize, has: bool) -> Self {
        let bit = Self::of_qubit(qubit);
        if has { self | bit } else { self & !bit }
    }

    /// Returns the set whose qubit `k` is the qubit `places[k]` of this set.
    pub(crate) fn extract(self, places: &[usize]) -> Self {
        Self::of_qubits(places.iter().enumerate().filter(|(_, place)| self.contains(**place)).map(|(k, _)| k))
    }

    /// Returns all subsets of the set, in the order of the numbers whose bits they are.
    pub(crate) fn subsets(self) -> impl Iterator<Item = Self> {
        let places: Vec<usize> = self.qubits().collect();
        (0..1usize << places.len()).map(move |bits| Self::deposit(bits, &places))
    }
}

impl BitAnd for Wide {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        self.both(other, |a, b| a & b)
    }
}

impl BitOr for Wide {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        self.both(other, |a, b| a | b)
    }
}

impl BitXor for Wide {
    type Output = Self;
    #[inline(always)]
    fn bitxor(self, other: Self) -> Self {
        self.both(other, |a, b| a ^ b)
    }
}

impl BitOrAssign for Wide {
    #[inline(always)]
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl Not for Wide {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        Self(self.0.map(|word| !word))
    }
}

impl Mask for Wide {
    const EMPTY: Self = Self([0; 4]);

    fn of_qubit(qubit: usize) -> Self {
        Self(std::array::from_fn(|k| if k == qubit / 64 { 1 << (qubit % 64) } else { 0 }))
    }

    fn qubits(self) -> impl Iterator<Item = usize> {
        (0..4).flat_map(move |k| gf2::bits(self.0[k]).map(move |bit| 64 * k + bit))
    }

    #[inline]
    fn count(self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    #[inline]
    fn contains(self, qubit: usize) -> bool {
        self.0[qubit / 64] >> (qubit % 64) & 1 == 1
    }

    fn of_wide(mask: Wide) -> Self {
        mask
    }

    fn widened(self) -> Wide {
        self
    }
}

impl From<u64> for Wide {
    fn from(mask: u64) -> Self {
        Self([mask, 0, 0, 0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_masks_have_256_qubits() {
        let qubits = [0, 63, 64, 127, 128, 200, 255];
        let mask = Wide::of_qubits(qubits);
        assert_eq!(mask.qubits().collect::<Vec<_>>(), qubits);
        assert_eq!((!mask).qubits().count(), 256 - qubits.len());
        assert_eq!(Wide::deposit(0b101, &[200, 3, 70]).qubits().collect::<Vec<_>>(), [70, 200]);
    }
}
