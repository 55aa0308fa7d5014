//! Exchanges: other functions of the index become the label of a shard.

use crate::gf2::{Basis, parity};
use crate::program::IndexMap;

/// Exchange of amplitudes between shards.
///
/// The label of a shard is `(c, u)`, where `u` are its lowest bits, as many as there are functions `w` of the index. Of a
/// shard `(c, u)`, the amplitudes whose functions are `w` go to the shard `(c, w)`, and those of that shard whose
/// functions are `u` take their places, in the order of the other local bits. So an exchange is its own inverse, and needs
/// no second state.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    /// Bits of a local index.
    local: usize,
    /// Masks of the index whose parities become the lowest bits of the label.
    functions: Vec<u64>,
    /// Local bit of each function that no other function has.
    pivots: Vec<usize>,
    /// Label of each shard during the exchange and behind it.
    pub(crate) labels: Vec<u64>,
}

/// Affine numbering of the amplitudes that a shard exchanges with another one: amplitude `k` of them lies at the local
/// index `first ^ offsets(k)`.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) first: u64,
    /// Local index that each bit of `k` flips.
    pub(crate) flips: Vec<u64>,
}

impl Exchange {
    /// Returns the exchange behind which no flip mask of the basis changes the label, and the map from indices before it
    /// to indices behind it; or nothing if the label is such a label already. `labels` are those of the shards before.
    pub(super) fn to(bits: usize, flips: &Basis, labels: &[u64]) -> Option<(Self, IndexMap)> {
        let label_bits = labels.len().ilog2() as usize;
        let local = bits - label_bits;
        // Functions of the label alone that can stay.
        let kept = Basis::of(flips.vectors().iter().map(|flip| flip >> local)).annihilator(label_bits);
        if kept.len() == label_bits {
            return None;
        }
        let mut all = Basis::of(kept.iter().map(|mask| mask << local));
        let masks = flips.annihilator(bits).into_iter().filter(|mask| all.extend(*mask));
        let functions: Vec<u64> = masks.take(label_bits - kept.len()).collect();
        let relabel = relabelling(bits, local, &kept);
        let back = relabel.inverse();
        let (functions, pivots) = reduced(functions.iter().map(|mask| back.parity(*mask).mask).collect(), local);
        let labels = labels.iter().map(|label| relabel.logical(label << local) >> local).collect();
        let exchange = Self { local, functions, pivots, labels };
        let map = relabel.then(&IndexMap::of_images(bits, |index| exchange.moved(index)));
        Some((exchange, map))
    }

    /// Number of functions that change.
    #[cfg(test)]
    pub(crate) fn functions(&self) -> usize {
        self.functions.len()
    }

    /// Functions of an index.
    fn values(&self, index: u64) -> u64 {
        self.functions.iter().enumerate().fold(0, |values, (j, mask)| values | u64::from(parity(mask & index)) << j)
    }

    /// Local index with the given other bits at which the functions are `w`, on the shard with a label.
    fn location(&self, label: u64, w: u64, others: u64) -> u64 {
        let set = |(j, (function, pivot)): (usize, (&u64, &usize))| {
            let rest = parity(function & (others | label << self.local));
            (w >> j & 1 ^ u64::from(rest)) << pivot
        };
        others | self.functions.iter().zip(&self.pivots).enumerate().map(set).sum::<u64>()
    }

    /// Bits of a local index that are no pivots, from the lowest.
    fn free(&self) -> Vec<usize> {
        (0..self.local).filter(|bit| !self.pivots.contains(bit)).collect()
    }

    /// Index to which an amplitude goes; the one from there comes here.
    fn moved(&self, index: u64) -> u64 {
        let (w, label) = (self.values(index), index >> self.local);
        let low = (1 << self.functions.len()) - 1;
        let partner = label & !low | w;
        let others = self.free().iter().fold(0, |others, bit| others | index & 1 << bit);
        partner << self.local | self.location(partner, label & low, others)
    }

    /// Amplitudes of the shard with a label that it exchanges with the shard whose label is `other`.
    pub(crate) fn block(&self, label: u64, other: u64) -> Block {
        let w = other & ((1 << self.functions.len()) - 1);
        let first = self.location(label, w, 0);
        let flips = self.free().iter().map(|bit| self.location(label, w, 1 << bit) ^ first).collect();
        Block { first, flips }
    }

    /// Pairs of labels that exchange amplitudes, round by round: within a round nobody has two partners.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = [u64; 2]> {
        let labels = self.labels.len() as u64;
        let rounds = 1..1u64 << self.functions.len();
        rounds.flat_map(move |round| {
            (0..labels).filter(move |label| *label < label ^ round).map(move |label| [label, label ^ round])
        })
    }
}

/// Change of basis among the bits of the label, after which the functions that stay are its highest bits.
fn relabelling(bits: usize, local: usize, kept: &[u64]) -> IndexMap {
    let mut basis = Basis::of(kept.iter().copied());
    let others: Vec<u64> = (0..bits - local).map(|bit| 1 << bit).filter(|unit| basis.extend(*unit)).collect();
    let units = (0..local).map(|bit| 1u64 << bit);
    let label = others.iter().chain(kept).map(|mask| mask << local);
    IndexMap::of_rows(units.chain(label).collect(), 0)
}

/// Functions with the same span, each with a local bit of its own. High bits are taken, so that amplitudes at neighbouring
/// indices mostly move together.
fn reduced(mut functions: Vec<u64>, local: usize) -> (Vec<u64>, Vec<usize>) {
    let mut pivots = Vec::new();
    for j in 0..functions.len() {
        let pivot = (functions[j] & ((1 << local) - 1)).ilog2() as usize;
        let function = functions[j];
        for (at, other) in functions.iter_mut().enumerate() {
            if at != j && *other >> pivot & 1 == 1 {
                *other ^= function;
            }
        }
        pivots.push(pivot);
    }
    (functions, pivots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Generator;
    use rand::{Rng, SeedableRng};

    /// An exchange is its own inverse, puts its functions into the label, and moves the blocks that it names.
    #[test]
    fn exchanges_undo_themselves() {
        let mut rng = Generator::seed_from_u64(5);
        for (bits, label_bits) in [(4, 1), (6, 2), (8, 3), (9, 4)] {
            let labels: Vec<u64> = (0..1 << label_bits).collect();
            for _ in 0..50 {
                let flips = Basis::of((0..bits - label_bits).map(|_| rng.random_range(0..1u64 << bits)));
                let Some((exchange, map)) = Exchange::to(bits, &flips, &labels) else { continue };
                assert!(flips.vectors().iter().all(|flip| map.flip_mask(0) == 0 && {
                    let moved = map.logical(*flip) ^ map.logical(0);
                    moved >> exchange.local == 0
                }));
                let mut moves = vec![None; 1 << bits];
                for [a, b] in exchange.pairs() {
                    let (from, to) = (exchange.block(a, b), exchange.block(b, a));
                    for k in 0..1u64 << from.flips.len() {
                        let at = |block: &Block| crate::gf2::xor_of(&block.flips, k) ^ block.first;
                        let (p, q) = (a << exchange.local | at(&from), b << exchange.local | at(&to));
                        assert_eq!((moves[p as usize], moves[q as usize]), (None, None));
                        (moves[p as usize], moves[q as usize]) = (Some(q), Some(p));
                    }
                }
                for index in 0..1u64 << bits {
                    let there = exchange.moved(index);
                    assert_eq!(exchange.moved(there), index);
                    assert_eq!(there, moves[index as usize].unwrap_or(index));
                }
            }
        }
    }
}
