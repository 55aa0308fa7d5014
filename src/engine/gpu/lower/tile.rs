//! Tiles on a GPU: the planner's cuts, as vectors whose order suits shared memory.
//!
//! Shared memory has 32 banks, which the lowest five bits of an address select. Threads that access the same bank wait
//! for each other. So a local vector above the lowest five has one of the lowest five added. Neighbours at a distance
//! of 32, 64, .. are then in different banks.

use crate::engine::tile_planner::Cut;
use crate::gf2::{dual, parities, parity, xor_of};
use crate::program::Parity;

/// Cut of a state into tiles.
#[derive(Debug, Clone)]
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
    pub(crate) fn new(cut: Cut) -> Self {
        let lanes = (0..cut.lanes).map(|bit| 1 << bit);
        let mut local: Vec<u64> = lanes.chain(cut.flip_masks).chain(cut.idle).collect();
        for k in BANK_BITS..local.len() {
            local[k] ^= local[k % BANK_BITS];
        }
        let duals = dual(local.iter().chain(&cut.tiles).copied().collect());
        Self { local, tiles: cut.tiles, lanes: cut.lanes.min(BANK_BITS), duals }
    }

    pub(crate) fn bits(&self) -> usize {
        self.local.len()
    }

    /// Whether a flip mask stays within a tile.
    pub(crate) fn holds(&self, flip_mask: u64) -> bool {
        !self.duals[self.bits()..].iter().any(|dual| parity(dual & flip_mask))
    }

    /// Local bits of a flip mask that stays within a tile.
    pub(crate) fn flip_mask(&self, flip_mask: u64) -> u32 {
        parities(&self.duals[..self.bits()], flip_mask) as u32
    }

    pub(crate) fn parity(&self, parity: Parity) -> LocalParity {
        let [local, tile] = [&self.local, &self.tiles].map(|vectors| parities(vectors, parity.mask) as u32);
        LocalParity { local, tile, odd: parity.odd }
    }

    /// XOR mask of an index for each value of the local bits above the lanes.
    pub(crate) fn offsets(&self) -> Vec<u32> {
        let above = &self.local[self.lanes..];
        (0..1 << above.len()).map(|index| xor_of(above, index) as u32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tile_planner::TileShape;

    /// Every index is stored once, at the place of its coordinates.
    #[test]
    fn tiles_cover_all_indices() {
        let flip_masks = [0b110000, 0b011010, 0b000110];
        let shape = TileShape { qubits: 6, bits: 4, least_lanes: 2, most_lanes: 2, across: 2 };
        let tile = Tile::new(shape.cut(0, &flip_masks, &[]));
        assert_eq!((tile.bits(), tile.lanes, tile.tiles.len()), (4, 1, 2));
        let offsets = tile.offsets();
        let mut seen = Vec::new();
        for number in 0..4u32 {
            let start = xor_of(&tile.tiles, number.into());
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
    }
}
