//! Tiles: every index is the sum of a tile's index and a local index, over GF(2).
//!
//! A state of n qubits that is too large for shared memory is cut into tiles, in another way for each sweep. Of `n`
//! linearly independent vectors, the first are *local*. Every index is the XOR of some of the vectors: the local ones
//! give the index within the tile, and the others number the tile. A flip mask that is a sum of local vectors stays
//! within its tile.
//!
//! Shared memory has 32 banks, which the lowest five bits of an address select. Threads that access the same bank wait
//! for each other. So a local vector above the lowest five has one of the lowest five added. Neighbours at a distance
//! of 32, 64, .. are then in different banks.

use crate::gf2::Basis;
use crate::program::{Parity, Rotation};

/// Cut of a state into tiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tile {
    /// Local vectors. The first are 1, 2, 4, .., so neighbours in a tile are neighbours in memory.
    pub(crate) local: Vec<u64>,
    /// Vectors that number the tile.
    pub(crate) tiles: Vec<u64>,
    /// Number of the local vectors that are 1, 2, 4, ..
    pub(crate) lanes: usize,
    /// Masks whose parities are the coordinates of an index, for the local vectors and then for the others.
    duals: Vec<u64>,
}

/// Parity in a tile's indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LocalParity {
    pub(crate) local: u32,
    pub(crate) tile: u32,
    pub(crate) odd: bool,
}

/// Bits of an address that select the bank.
pub(crate) const BANK_BITS: usize = 5;

impl Tile {
    /// Returns the tile that is the whole state.
    pub(crate) fn whole(qubits: usize) -> Self {
        Self::of((0..qubits).map(|bit| 1 << bit).collect(), Vec::new(), qubits)
    }

    fn of(mut local: Vec<u64>, tiles: Vec<u64>, lanes: usize) -> Self {
        for k in BANK_BITS..local.len() {
            local[k] ^= local[k % BANK_BITS];
        }
        let duals = duals(local.iter().chain(&tiles).copied().collect());
        Self { local, tiles, lanes: lanes.min(BANK_BITS), duals }
    }

    /// Cut into tiles of `bits` local vectors, with up to `lanes` neighbours, that keeps `flip_masks` local. No parity
    /// of `rotations`, whose flip masks must be among them, depends on the tile. Returns `None` if the flip masks do
    /// not fit.
    pub(crate) fn new(
        qubits: usize,
        bits: usize,
        lanes: usize,
        flip_masks: &[u64],
        rotations: &[Rotation],
    ) -> Option<Self> {
        // The number of lanes is the largest that leaves space for the flip masks.
        (0..=lanes.min(bits)).rev().find_map(|lanes| {
            let mut basis = Basis::default();
            let mut local: Vec<u64> = (0..lanes).map(|bit| 1 << bit).collect();
            local.iter().for_each(|unit| {
                basis.extend(*unit);
            });
            local.extend(flip_masks.iter().filter(|vector| basis.extend(**vector)));
            if local.len() > bits {
                return None;
            }
            let permuted = |unit: u64| {
                let odd = rotations.iter().filter(|rotation| (rotation.parity.mask & unit).count_ones() % 2 == 1);
                odd.fold(unit, |vector, rotation| vector ^ rotation.flip_mask)
            };
            let mut free = (0..qubits).map(|bit| 1 << bit).filter(|unit| basis.extend(*unit)).map(permuted);
            let idle = bits - local.len();
            local.extend(free.by_ref().take(idle));
            Some(Self::of(local, free.collect(), lanes))
        })
    }

    pub(crate) fn bits(&self) -> usize {
        self.local.len()
    }

    /// Whether a flip mask stays within a tile.
    pub(crate) fn holds(&self, flip_mask: u64) -> bool {
        self.duals[self.bits()..].iter().all(|dual| (dual & flip_mask).count_ones().is_multiple_of(2))
    }

    /// Local bits of a flip mask that stays within a tile.
    pub(crate) fn flip_mask(&self, flip_mask: u64) -> u32 {
        let set = self.duals[..self.bits()].iter().enumerate();
        set.filter(|(_, dual)| (*dual & flip_mask).count_ones() % 2 == 1).fold(0, |bits, (k, _)| bits | 1 << k)
    }

    pub(crate) fn parity(&self, parity: Parity) -> LocalParity {
        let mask = |vectors: &[u64]| {
            let set = vectors.iter().enumerate().filter(|(_, vector)| (*vector & parity.mask).count_ones() % 2 == 1);
            set.fold(0, |bits, (k, _)| bits | 1 << k)
        };
        LocalParity { local: mask(&self.local), tile: mask(&self.tiles), odd: parity.odd }
    }

    /// XOR mask of an index for each value of the local bits above the lanes.
    pub(crate) fn offsets(&self) -> Vec<u32> {
        let above = &self.local[self.lanes..];
        let offset = |index: usize| {
            let set = above.iter().enumerate().filter(|(k, _)| index >> k & 1 == 1);
            set.fold(0, |offset, (_, vector)| offset ^ *vector as u32)
        };
        (0..1 << above.len()).map(offset).collect()
    }
}

/// Masks whose parities are an index's coordinates in a basis: the inverse matrix, by elimination.
fn duals(mut vectors: Vec<u64>) -> Vec<u64> {
    let count = vectors.len();
    // Row `k` starts as row `k` of the identity and becomes the sum of vectors that is unit vector `k`.
    let mut made: Vec<u64> = (0..count).map(|k| 1 << k).collect();
    for bit in 0..count {
        if let Some(pivot) = (bit..count).find(|k| vectors[*k] >> bit & 1 == 1) {
            vectors.swap(bit, pivot);
            made.swap(bit, pivot);
        }
        for k in (0..count).filter(|k| *k != bit) {
            if vectors[k] >> bit & 1 == 1 {
                vectors[k] ^= vectors[bit];
                made[k] ^= made[bit];
            }
        }
    }
    // Coordinate `k` of an index is the parity of the index's bits whose unit vectors contain vector `k`.
    (0..count).map(|k| (0..count).filter(|bit| made[*bit] >> k & 1 == 1).fold(0, |mask, bit| mask | 1 << bit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every index is stored once, at the place of its coordinates.
    #[test]
    fn a_cut_covers_all_indices() {
        let flip_masks = [0b110000, 0b011010, 0b000110];
        let tile = Tile::new(6, 4, 2, &flip_masks, &[]).expect("three flip masks fit four bits");
        assert_eq!((tile.bits(), tile.lanes, tile.tiles.len()), (4, 1, 2));
        let offsets = tile.offsets();
        let mut seen = Vec::new();
        for number in 0..4u32 {
            let start = tile.tiles.iter().enumerate().filter(|(k, _)| number >> k & 1 == 1);
            let start = start.fold(0, |start, (_, vector)| start ^ *vector);
            for e in 0..16u32 {
                let index =
                    start ^ u64::from(offsets[e as usize >> tile.lanes]) ^ u64::from(e & ((1 << tile.lanes) - 1));
                seen.push(index);
                for mask in 0..64 {
                    let parity = tile.parity(Parity { mask, odd: false });
                    let local = (parity.local & e).count_ones() + (parity.tile & number).count_ones();
                    assert_eq!(local % 2, (index & mask).count_ones() % 2);
                }
                for flip_mask in flip_masks {
                    assert!(tile.holds(flip_mask));
                    let moved = e ^ tile.flip_mask(flip_mask);
                    let there =
                        u64::from(offsets[moved as usize >> tile.lanes]) ^ u64::from(moved & ((1 << tile.lanes) - 1));
                    assert_eq!(start ^ there, index ^ flip_mask);
                }
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..64).collect::<Vec<u64>>());
        assert!(Tile::new(6, 2, 2, &flip_masks, &[]).is_none());
    }
}
