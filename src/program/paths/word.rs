//! Pauli words over up to 256 qubits.

use crate::program::mask::{Mask, Wide};

/// Hermitian word `i^|x & z| X^x Z^z`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Word {
    pub(crate) x: Wide,
    pub(crate) z: Wide,
}

/// Letter of a word at a qubit, in the order of Bloch vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Letter {
    X = 0,
    Y = 1,
    Z = 2,
}

fn count(mask: Wide) -> u32 {
    mask.0.iter().map(|limb| limb.count_ones()).sum()
}

impl Word {
    /// The word Z on one qubit.
    pub(crate) fn z(qubit: usize) -> Self {
        Self { x: Wide::EMPTY, z: Wide::of_qubit(qubit) }
    }

    /// The word X on one qubit.
    pub(crate) fn x(qubit: usize) -> Self {
        Self { x: Wide::of_qubit(qubit), z: Wide::EMPTY }
    }

    /// Number of qubits with a letter.
    pub(crate) fn weight(&self) -> u32 {
        count(self.x | self.z)
    }

    pub(crate) fn is_identity(&self) -> bool {
        (self.x | self.z).is_empty()
    }

    /// Whether the words anticommute.
    pub(crate) fn anticommutes(&self, other: &Self) -> bool {
        (count(self.x & other.z) + count(self.z & other.x)) % 2 == 1
    }

    /// The product without its phase.
    pub(crate) fn times(&self, other: &Self) -> Self {
        Self { x: self.x ^ other.x, z: self.z ^ other.z }
    }

    /// Quarter turns of the phase of the product `self other`, modulo 4: the product is `i^turns` times
    /// [`times`](Self::times).
    fn product_turns(&self, other: &Self) -> u32 {
        let letters_y = |word: &Self| count(word.x & word.z);
        let product = self.times(other);
        // Modulo 4, a difference is a sum with three times the second number.
        (letters_y(self) + letters_y(other) + 3 * letters_y(&product) + 2 * count(self.z & other.x)) % 4
    }

    /// Whether the product of words that commute is minus [`times`](Self::times).
    pub(crate) fn product_is_negative(&self, other: &Self) -> bool {
        self.product_turns(other) == 2
    }

    /// Whether `i self other` of words that anticommute is minus [`times`](Self::times).
    pub(crate) fn turn_is_negative(&self, other: &Self) -> bool {
        self.product_turns(other) == 1
    }

    /// Qubits with their letters, in ascending order.
    pub(crate) fn letters(self) -> impl Iterator<Item = (usize, Letter)> {
        (self.x | self.z).qubits().map(move |qubit| (qubit, self.letter(qubit).unwrap_or(Letter::Z)))
    }

    /// Letter at a qubit, or `None` where the word has none.
    pub(crate) fn letter(&self, qubit: usize) -> Option<Letter> {
        let has = |mask: Wide| mask.0[qubit / 64] >> (qubit % 64) & 1 == 1;
        match (has(self.x), has(self.z)) {
            (true, false) => Some(Letter::X),
            (true, true) => Some(Letter::Y),
            (false, true) => Some(Letter::Z),
            (false, false) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_complex::Complex64;

    /// Matrix of a word on the lowest three qubits, from the definition of its letters.
    fn matrix(word: &Word) -> Vec<Complex64> {
        let [zero, one, i] = [Complex64::ZERO, Complex64::ONE, Complex64::I];
        let letter = |qubit: usize| match word.letter(qubit) {
            None => [one, zero, zero, one],
            Some(Letter::X) => [zero, one, one, zero],
            Some(Letter::Y) => [zero, -i, i, zero],
            Some(Letter::Z) => [one, zero, zero, -one],
        };
        let letters: Vec<_> = (0..3).map(letter).collect();
        let entry = |row: usize, column: usize| -> Complex64 {
            (0..3).map(|q| letters[q][2 * (row >> q & 1) + (column >> q & 1)]).product()
        };
        (0..64).map(|at| entry(at / 8, at % 8)).collect()
    }

    fn product(a: &[Complex64], b: &[Complex64]) -> Vec<Complex64> {
        (0..64).map(|at| (0..8).map(|k| a[at / 8 * 8 + k] * b[8 * k + at % 8]).sum()).collect()
    }

    #[test]
    fn products_have_the_signs_of_matrices() {
        let word = |code: usize| Word {
            x: Wide::of_qubits((0..3).filter(|q| code >> q & 1 == 1)),
            z: Wide::of_qubits((0..3).filter(|q| code >> (q + 3) & 1 == 1)),
        };
        for (a, b) in (0..64).flat_map(|a| (0..64).map(move |b| (word(a), word(b)))) {
            let product = product(&matrix(&a), &matrix(&b));
            let (phase, negative) = match a.anticommutes(&b) {
                true => (Complex64::I, a.turn_is_negative(&b)),
                false => (Complex64::ONE, a.product_is_negative(&b)),
            };
            let sign = if negative { -1.0 } else { 1.0 };
            let expected: Vec<_> = matrix(&a.times(&b)).iter().map(|entry| sign * entry).collect();
            let found: Vec<_> = product.iter().map(|entry| phase * entry).collect();
            assert_eq!(found, expected, "{a:?} {b:?}");
        }
    }
}
