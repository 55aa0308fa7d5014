//! Vectors of bits over GF(2), where the sum is XOR: a mask is a vector, and also the linear form that is the parity of
//! the masked bits.

use std::iter;
use std::ops::{Add, Mul, Sub};

/// Whether an odd number of bits is set. `parity(index & mask)` is the parity of an index under a mask.
#[inline(always)]
pub(crate) fn parity(bits: u64) -> bool {
    bits.count_ones() % 2 == 1
}

/// Positions of the bits that are set, from the lowest.
#[inline]
pub(crate) fn bits(mask: u64) -> impl Iterator<Item = usize> {
    let mut rest = mask;
    iter::from_fn(move || {
        let bit = rest.trailing_zeros() as usize;
        (rest != 0).then(|| {
            rest &= rest - 1;
            bit
        })
    })
}

/// Walsh transform in place: entry `z` becomes the sum over `i` of `(-1)^|i & z|` times entry `i`.
pub(crate) fn walsh<V: Copy + Add<Output = V> + Sub<Output = V>>(values: &mut [V]) {
    let mut half = 1;
    while half < values.len() {
        for block in values.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (low, high) in low.iter_mut().zip(high) {
                (*low, *high) = (*low + *high, *low - *high);
            }
        }
        half *= 2;
    }
}

/// All subsets of a mask, the empty set first.
pub(crate) fn subsets(mask: u64) -> impl Iterator<Item = u64> {
    let mut next = Some(0);
    iter::from_fn(move || {
        let subset = next?;
        next = Some((subset | !mask).wrapping_add(1) & mask).filter(|subset| *subset != 0);
        Some(subset)
    })
}

/// Mask with the bits at these positions.
#[inline]
pub(crate) fn mask(positions: &[usize]) -> u64 {
    positions.iter().fold(0, |mask, position| mask | 1 << position)
}

/// Number whose bit `positions[k]` is bit `k` of `bits`.
#[inline]
pub(crate) fn deposit(bits: u64, positions: &[usize]) -> u64 {
    positions.iter().enumerate().fold(0, |number, (k, position)| number | (bits >> k & 1) << position)
}

/// Number whose bit `k` is bit `positions[k]` of `bits`.
#[inline]
pub(crate) fn extract(bits: u64, positions: &[usize]) -> u64 {
    positions.iter().enumerate().fold(0, |number, (k, position)| number | (bits >> position & 1) << k)
}

/// Number with the bits under the mask side by side, from the lowest: the inverse of [`deposit`] on the mask's bits.
#[inline(always)]
pub(crate) fn compress(bits: u64, mask: u64) -> u64 {
    if mask & mask.wrapping_add(1) == 0 {
        return bits & mask;
    }
    let (mut rest, mut number, mut count) = (mask, 0, 0);
    // Each turn moves a stretch of neighbours.
    while rest != 0 {
        let start = rest.trailing_zeros();
        let length = (rest >> start).trailing_ones();
        let stretch = u64::MAX >> (64 - length);
        number |= (bits >> start & stretch) << count;
        rest &= !(stretch << start);
        count += length;
    }
    number
}

/// XOR of the vectors `k` whose bit `k` is set in `chosen`: the product of a matrix, given by its columns, and a
/// vector.
#[inline]
pub(crate) fn xor_of(vectors: &[u64], chosen: u64) -> u64 {
    bits(chosen).filter_map(|k| vectors.get(k)).fold(0, |sum, vector| sum ^ vector)
}

/// Number whose bit `k` is the parity of `vector` under mask `k`: the product of a matrix, given by its rows, and a
/// vector.
#[inline]
pub(crate) fn parities(masks: &[u64], vector: u64) -> u64 {
    masks.iter().enumerate().fold(0, |bits, (k, mask)| bits | u64::from(parity(mask & vector)) << k)
}

/// Dual basis of a basis of bits 0 to `vectors.len() - 1`: masks whose parities are the coordinates of an index. It is
/// the inverse matrix, found by elimination.
pub(crate) fn dual(mut vectors: Vec<u64>) -> Vec<u64> {
    let count = vectors.len();
    // Entry `k` starts as unit vector `k` and ends as the coordinates of unit vector `k`.
    let mut coordinates: Vec<u64> = (0..count).map(|k| 1 << k).collect();
    for bit in 0..count {
        if let Some(pivot) = (bit..count).find(|k| vectors[*k] >> bit & 1 == 1) {
            vectors.swap(bit, pivot);
            coordinates.swap(bit, pivot);
        }
        for k in (0..count).filter(|k| *k != bit) {
            if vectors[k] >> bit & 1 == 1 {
                vectors[k] ^= vectors[bit];
                coordinates[k] ^= coordinates[bit];
            }
        }
    }
    let row = |k: usize| coordinates.iter().enumerate().fold(0, |row, (bit, of)| row | (of >> k & 1) << bit);
    (0..count).map(row).collect()
}

/// Linearly independent vectors.
#[derive(Debug, Default, Clone)]
pub(crate) struct Basis {
    /// Each with a leading bit that no other has.
    reduced: Vec<u64>,
}

impl Basis {
    /// Basis of the span of some vectors.
    pub(crate) fn of(vectors: impl IntoIterator<Item = u64>) -> Self {
        let mut basis = Self::default();
        vectors.into_iter().for_each(|vector| _ = basis.extend(vector));
        basis
    }

    /// Number of the vectors.
    pub(crate) fn len(&self) -> usize {
        self.reduced.len()
    }

    /// Vectors of the basis.
    pub(crate) fn vectors(&self) -> &[u64] {
        &self.reduced
    }

    fn rest(&self, vector: u64) -> u64 {
        self.reduced.iter().fold(vector, |rest, reduced| rest.min(rest ^ reduced))
    }

    /// Whether a vector is a sum of vectors of the basis.
    pub(crate) fn contains(&self, vector: u64) -> bool {
        self.rest(vector) == 0
    }

    /// Takes a vector in, unless it depends on those there are.
    pub(crate) fn extend(&mut self, vector: u64) -> bool {
        let rest = self.rest(vector);
        if rest != 0 {
            let lead = rest.ilog2();
            self.reduced.iter_mut().filter(|other| **other >> lead & 1 == 1).for_each(|other| *other ^= rest);
            self.reduced.push(rest);
        }
        rest != 0
    }

    /// Basis of the masks of `bits` bits whose parity is even on every vector.
    pub(crate) fn annihilator(&self, bits: usize) -> Vec<u64> {
        let leads = self.reduced.iter().fold(0u64, |mask, row| mask | 1 << row.ilog2());
        let free = (0..bits).filter(|bit| leads >> bit & 1 == 0);
        free.map(|bit| {
            let with = self.reduced.iter().filter(|row| **row >> bit & 1 == 1);
            with.fold(1 << bit, |mask, row| mask | 1 << row.ilog2())
        })
        .collect()
    }
}

/// Conditions on the bits of an index: each is the parity of some of them. Masks have up to 63 bits.
#[derive(Debug, Default, Clone)]
pub(crate) struct Conditions(Basis);

/// Condition as a rule for one bit, which no other condition of the set reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) bit: u64,
    /// Bits whose parity decides it.
    pub(crate) others: u64,
    /// Value where their parity is even.
    pub(crate) value: bool,
}

impl Conditions {
    /// Adds the condition that the parity of the bits in `mask` is odd, or that it is even. The bit that it decides is its
    /// highest, once bits that earlier conditions decide are replaced.
    pub(crate) fn add(&mut self, mask: u64, odd: bool) {
        // As for homogeneous coordinates, a further bit is the constant; it is the lowest, so that it never leads.
        self.0.extend(mask << 1 | u64::from(odd));
    }

    /// Whether no index meets all conditions.
    pub(crate) fn contradict(&self) -> bool {
        self.0.contains(1)
    }

    /// Rules that are equivalent to the conditions, if these do not contradict each other.
    pub(crate) fn decided(&self) -> impl ExactSizeIterator<Item = Decided> {
        self.0.vectors().iter().map(|vector| {
            let (mask, value) = (vector >> 1, vector & 1 == 1);
            let bit = 1 << mask.ilog2();
            Decided { bit, others: mask ^ bit, value }
        })
    }
}

/// Computes `out[p] = sum over m of in[m] (-1)^|p & m|`, in place, for a number of entries that is a power of two. It
/// is exact for whole numbers.
#[inline(always)]
pub(crate) fn walsh_hadamard<N>(values: &mut [N])
where
    N: Copy + From<i8> + Add<Output = N> + Sub<Output = N> + Mul<Output = N>,
{
    let mut half = 1;
    // The first steps stay within eight neighbours.
    if let (eights, []) = values.as_chunks_mut::<8>() {
        for eight in eights {
            for bit in [1, 2, 4] {
                // Partners come by a shuffle and a sign, so that the eight numbers are one vector.
                let mut partners = *eight;
                for j in 0..8 {
                    partners[j] = eight[j ^ bit];
                }
                for j in 0..8 {
                    let sign = N::from(if j & bit == 0 { 1 } else { -1 });
                    eight[j] = sign * eight[j] + partners[j];
                }
            }
        }
        half = 8;
    }
    while half < values.len() {
        for block in values.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_and_masks() {
        assert_eq!(bits(0b10110).collect::<Vec<_>>(), [1, 2, 4]);
        assert_eq!(bits(1 << 63).collect::<Vec<_>>(), [63]);
        assert_eq!(bits(0).count(), 0);
        assert_eq!(mask(&[4, 1, 2]), 0b10110);
        assert_eq!((parity(0b10110), parity(0b101), parity(u64::MAX)), (true, false, false));
        assert_eq!(deposit(0b011, &[4, 1, 2]), 0b10010);
        for index in 0..64 {
            assert_eq!(extract(deposit(index & 7, &[5, 0, 3]), &[5, 0, 3]), index & 7);
        }
        for mask in [0, 1, 0b10110, 0b1100_0111, 1 << 63, u64::MAX, u64::MAX << 9] {
            for bits in [0, mask, 0x0123_4567_89ab_cdef, u64::MAX] {
                assert_eq!(compress(bits, mask), extract(bits, &super::bits(mask).collect::<Vec<_>>()));
            }
        }
    }

    /// Sums of columns and parities under rows are the same product; a dual basis takes a sum apart again.
    #[test]
    fn dual_bases_give_coordinates() {
        let vectors = vec![0b0110, 0b0111, 0b1110, 0b0100];
        let rows: Vec<u64> =
            (0..4).map(|bit| vectors.iter().enumerate().map(|(k, v)| (v >> bit & 1) << k).sum()).collect();
        let dual = dual(vectors.clone());
        for chosen in 0..16 {
            let sum = xor_of(&vectors, chosen);
            assert_eq!(parities(&rows, chosen), sum);
            assert_eq!(parities(&dual, sum), chosen);
        }
    }

    #[test]
    fn a_basis_takes_independent_vectors() {
        let mut basis = Basis::default();
        let taken = [0b0110, 0b0011, 0b0101, 0, 0b1000].map(|vector| basis.extend(vector));
        assert_eq!(taken, [true, true, false, false, true]);
    }

    #[test]
    fn walsh_hadamard_is_its_definition() {
        for size in [1, 2, 4, 8, 32] {
            let entries: Vec<i64> = (0..size).map(|k| k * k - 7 * k + 3).collect();
            let sum = |p: i64| -> i64 {
                let signed = |(m, entry): (usize, &i64)| if parity(p as u64 & m as u64) { -entry } else { *entry };
                entries.iter().enumerate().map(signed).sum()
            };
            let expected: Vec<i64> = (0..size).map(sum).collect();
            let mut transformed = entries.clone();
            walsh_hadamard(&mut transformed);
            assert_eq!(transformed, expected);
        }
    }
}
