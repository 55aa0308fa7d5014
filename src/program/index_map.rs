//! Index maps: CX, X and SWAP as affine maps of bits, so that they move no amplitude.
//!
//! An amplitude stays at the stored index at which it was first written. An [`IndexMap`] relates stored and logical
//! indices by `logical = M stored + offset` over GF(2).

use super::{Kernel, Step};
use crate::gf2::{dual, parities, parity, xor_of};

/// Affine map over GF(2) from stored to logical indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct IndexMap {
    /// Row `q` of `M`: the stored bits whose parity is logical bit `q`, up to the offset.
    rows: Vec<u64>,
    /// Column `q` of the inverse of `M`: the stored bits that flip with logical bit `q`.
    columns: Vec<u64>,
    offset: u64,
}

/// Permutation of basis states that an index map can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relabelling {
    Not {
        target: usize,
    },
    /// Flips `target` where `control` reads `value`.
    ControlledNot {
        control: usize,
        value: bool,
        target: usize,
    },
    Swap {
        first: usize,
        second: usize,
    },
}

/// Parity of the bits in `mask`, flipped if `odd`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Parity {
    pub(crate) mask: u64,
    pub(crate) odd: bool,
}

impl Parity {
    /// Parity that is odd everywhere.
    pub(crate) const ALWAYS: Self = Self { mask: 0, odd: true };

    #[inline(always)]
    pub(crate) fn of(self, index: u64) -> bool {
        parity(index & self.mask) != self.odd
    }
}

impl Relabelling {
    /// Relabelling that a step does, if it does one.
    pub(crate) fn from_step(step: &Step) -> Option<Self> {
        let Kernel::Exchange { mask, first, second } = step.kernel else { return None };
        let moved = first ^ second;
        let conditions = (mask ^ moved).count_ones() + step.controls.count();
        let bit = |bits: u64| bits.trailing_zeros() as usize;
        match (moved.count_ones(), conditions) {
            (1, 0) => Some(Self::Not { target: bit(moved) }),
            (1, 1) => {
                let control = bit(mask ^ moved | step.controls.mask);
                let bits = if step.controls.is_empty() { first } else { step.controls.values() };
                let value = bits >> control & 1 == 1;
                Some(Self::ControlledNot { control, value, target: bit(moved) })
            }
            // 01 <-> 10 is a swap; 00 <-> 11 is not linear.
            (2, 0) if first.count_ones() == 1 => Some(Self::Swap { first: bit(first), second: bit(second) }),
            _ => None,
        }
    }

    /// Mask of the logical qubits that change or control.
    pub(crate) fn support(self) -> u64 {
        match self {
            Self::Not { target } => 1 << target,
            Self::ControlledNot { control, target, .. } => 1 << control | 1 << target,
            Self::Swap { first, second } => 1 << first | 1 << second,
        }
    }
}

impl IndexMap {
    pub(crate) fn identity(qubits: usize) -> Self {
        let units: Vec<u64> = (0..qubits).map(|q| 1 << q).collect();
        Self { rows: units.clone(), columns: units, offset: 0 }
    }

    /// Map whose bit `q` is the parity of the bits in `rows[q]`, or the opposite if bit `q` of `offset` is set. The rows
    /// must be independent.
    pub(crate) fn of_rows(rows: Vec<u64>, offset: u64) -> Self {
        let columns = dual(rows.clone());
        Self { rows, columns, offset }
    }

    /// Linear map that takes each unit vector to its image. The images must be independent.
    pub(crate) fn of_images(bits: usize, image: impl Fn(u64) -> u64) -> Self {
        let images: Vec<u64> = (0..bits).map(|bit| image(1 << bit)).collect();
        Self::of_rows(transposed(&images), 0)
    }

    /// This map, and then another.
    pub(crate) fn then(&self, next: &Self) -> Self {
        Self {
            rows: next.rows.iter().map(|row| xor_of(&self.rows, *row)).collect(),
            columns: next.columns.iter().map(|column| xor_of(&self.columns, *column)).collect(),
            offset: next.logical(self.offset),
        }
    }

    /// Map from logical to stored indices.
    pub(crate) fn inverse(&self) -> Self {
        let (rows, columns) = (transposed(&self.columns), transposed(&self.rows));
        Self { rows, columns, offset: xor_of(&self.columns, self.offset) }
    }

    /// This map on more bits, which stay as they are.
    pub(crate) fn widened(&self, bits: usize) -> Self {
        let units = || (self.rows.len()..bits).map(|bit| 1 << bit);
        let with = |of: &[u64]| of.iter().copied().chain(units()).collect();
        Self { rows: with(&self.rows), columns: with(&self.columns), offset: self.offset }
    }

    /// Bytes that the map holds.
    pub(crate) fn bytes(&self) -> u64 {
        ((self.rows.len() + self.columns.len()) * size_of::<u64>()) as u64
    }

    pub(crate) fn is_identity(&self) -> bool {
        self.offset == 0 && self.rows.iter().enumerate().all(|(q, row)| *row == 1 << q)
    }

    /// Composes the map with a relabelling that acts after all earlier ones.
    pub(crate) fn absorb(&mut self, relabelling: Relabelling) {
        match relabelling {
            Relabelling::Not { target } => self.offset ^= 1 << target,
            Relabelling::ControlledNot { control, value, target } => {
                self.rows[target] ^= self.rows[control];
                self.columns[control] ^= self.columns[target];
                let constant = self.offset >> control & 1 ^ u64::from(!value);
                self.offset ^= constant << target;
            }
            Relabelling::Swap { first, second } => {
                self.rows.swap(first, second);
                self.columns.swap(first, second);
                let differ = (self.offset >> first ^ self.offset >> second) & 1;
                self.offset ^= differ << first | differ << second;
            }
        }
    }

    /// Parity of logical bits as a parity of stored bits.
    pub(crate) fn parity(&self, logical: u64) -> Parity {
        Parity { mask: xor_of(&self.rows, logical), odd: parity(self.offset & logical) }
    }

    /// Stored bits that flip with all logical bits of `mask`.
    pub(crate) fn flip_mask(&self, mask: u64) -> u64 {
        xor_of(&self.columns, mask)
    }

    /// Logical index of a stored index.
    pub(crate) fn logical(&self, stored: u64) -> u64 {
        parities(&self.rows, stored) ^ self.offset
    }

    /// Stored index of a logical index.
    pub(crate) fn stored(&self, logical: u64) -> u64 {
        xor_of(&self.columns, logical ^ self.offset)
    }
}

/// Transposed square matrix of bits.
fn transposed(rows: &[u64]) -> Vec<u64> {
    let row = |bit: usize| rows.iter().enumerate().fold(0, |row, (k, of)| row | (of >> bit & 1) << k);
    (0..rows.len()).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Maps that are made of rows and of images are inverted and composed as functions are.
    #[test]
    fn maps_are_functions() {
        let first = IndexMap::of_rows(vec![0b0011, 0b0110, 0b1111, 0b1000], 0b0101);
        let second = IndexMap::of_images(4, |unit| unit ^ unit << 1 & 0b1111);
        let (both, back) = (first.then(&second), first.inverse());
        for index in 0..16 {
            let image = first.logical(index);
            assert_eq!(first.stored(image), index);
            assert_eq!(second.logical(index), index ^ index << 1 & 0b1111);
            assert_eq!((both.logical(index), both.stored(both.logical(index))), (second.logical(image), index));
            assert_eq!((back.logical(image), back.stored(index)), (index, image));
            for mask in 0..16 {
                assert_eq!(both.parity(mask).of(index), parity(both.logical(index) & mask));
            }
        }
    }

    /// An index map follows a chain of relabellings as moving every index does.
    #[test]
    fn index_map_follows_indices() {
        let chain = [
            Relabelling::ControlledNot { control: 0, value: true, target: 2 },
            Relabelling::Not { target: 1 },
            Relabelling::Swap { first: 1, second: 3 },
            Relabelling::ControlledNot { control: 3, value: false, target: 0 },
            Relabelling::ControlledNot { control: 2, value: true, target: 3 },
            Relabelling::Not { target: 2 },
            Relabelling::Swap { first: 0, second: 2 },
        ];
        let mut index_map = IndexMap::identity(4);
        // Entry `p` is the logical index of the amplitude at stored index `p`.
        let mut logical: Vec<u64> = (0..16).collect();
        for step in chain {
            index_map.absorb(step);
            for index in &mut logical {
                let bit = |q: usize| *index >> q & 1;
                *index ^= match step {
                    Relabelling::Not { target } => 1 << target,
                    Relabelling::ControlledNot { control, value, target } => {
                        u64::from(bit(control) == u64::from(value)) << target
                    }
                    Relabelling::Swap { first, second } => (bit(first) ^ bit(second)) * (1 << first | 1 << second),
                };
            }
            for (stored, &index) in logical.iter().enumerate() {
                assert_eq!(index_map.stored(index), stored as u64);
                assert_eq!(index_map.logical(stored as u64), index);
                for mask in 0..16 {
                    let expected = (index & mask).count_ones() % 2 == 1;
                    assert_eq!(index_map.parity(mask).of(stored as u64), expected);
                }
                for qubit in 0..4 {
                    assert_eq!(index_map.stored(index ^ 1 << qubit), stored as u64 ^ index_map.flip_mask(1 << qubit));
                }
            }
        }
    }
}
