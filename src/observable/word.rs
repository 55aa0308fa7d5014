//! Pauli words as masks.

use crate::error::Mistake;
use crate::mask::{Mask, Wide};
use num_complex::Complex64;

/// Largest coefficient of a word that is left out, relative to the largest coefficient.
pub(super) const NEGLIGIBLE: f64 = 1e-15;

/// Pauli word: X or Y where `x` has a qubit, Z or Y where `z` has a qubit.
///
/// The operator is `i^|x & z| X^x Z^z`, so both together are Y. Words on the qubits of a state have masks of one machine
/// word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub(crate) struct PauliWord<M = Wide> {
    pub(crate) x: M,
    pub(crate) z: M,
}

/// Letter of a word at a qubit, in the order of Bloch vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Letter {
    X = 0,
    Y = 1,
    Z = 2,
}

impl Letter {
    /// Returns the word with this letter on one qubit.
    pub(crate) fn on(self, qubit: usize) -> PauliWord {
        let bit = Wide::of_qubit(qubit);
        let has = |is_there: bool| if is_there { bit } else { Wide::EMPTY };
        PauliWord { x: has(self != Self::Z), z: has(self != Self::X) }
    }

    /// Returns the letter: X, Y or Z.
    pub(crate) fn spelled(self) -> char {
        ['X', 'Y', 'Z'][self as usize]
    }
}

impl PauliWord {
    /// Returns the word with masks of one machine word. It has to be on the lowest 64 qubits.
    pub(crate) fn narrowed(self) -> PauliWord<u64> {
        PauliWord { x: self.x.narrowed(), z: self.z.narrowed() }
    }

    /// Returns the word on the qubits `places` as qubits 0, 1, ..
    pub(crate) fn on_places(self, places: &[usize]) -> Self {
        Self { x: self.x.extract(places), z: self.z.extract(places) }
    }
}

impl<M: Mask> PauliWord<M> {
    /// Returns the word with wide masks.
    pub(crate) fn widened(self) -> PauliWord {
        PauliWord { x: self.x.widened(), z: self.z.widened() }
    }

    /// Makes the word Z on one qubit.
    pub(crate) fn z(qubit: usize) -> Self {
        Self { x: M::EMPTY, z: M::of_qubit(qubit) }
    }

    /// Makes the word X on one qubit.
    pub(crate) fn x(qubit: usize) -> Self {
        Self { x: M::of_qubit(qubit), z: M::EMPTY }
    }

    /// Makes the word of letters on given qubits, which must be in range.
    pub(crate) fn from_letters(letters: impl IntoIterator<Item = (char, usize)>) -> Result<Self, Mistake> {
        let mut word = Self::default();
        for (letter, qubit) in letters {
            let bit = M::of_qubit(qubit);
            match letter {
                'I' => {}
                'X' => word.x = word.x | bit,
                'Y' => (word.x, word.z) = (word.x | bit, word.z | bit),
                'Z' => word.z = word.z | bit,
                letter => return Err(Mistake::PauliLetter { letter }),
            }
        }
        Ok(word)
    }

    /// Returns the qubits with a letter.
    #[inline]
    pub(crate) fn support(self) -> M {
        self.x | self.z
    }

    /// Returns the number of qubits with a letter.
    #[inline]
    pub(crate) fn weight(self) -> u32 {
        self.support().count()
    }

    /// Returns whether no qubit has a letter.
    pub(crate) fn is_identity(self) -> bool {
        self.support().is_empty()
    }

    /// Returns the number of letters Y.
    #[inline]
    pub(crate) fn y_count(self) -> u32 {
        (self.x & self.z).count()
    }

    /// Returns the letter of a qubit, or `None` where the word has none.
    pub(crate) fn letter(self, qubit: usize) -> Option<Letter> {
        match (self.x.contains(qubit), self.z.contains(qubit)) {
            (true, false) => Some(Letter::X),
            (true, true) => Some(Letter::Y),
            (false, true) => Some(Letter::Z),
            (false, false) => None,
        }
    }

    /// Returns the qubits with their letters, in ascending order.
    pub(crate) fn letters(self) -> impl Iterator<Item = (usize, Letter)> {
        self.support().qubits().filter_map(move |qubit| Some((qubit, self.letter(qubit)?)))
    }

    /// Returns the word as text, such as `"X0 Y2"`; the identity is an empty text.
    pub(crate) fn spelled(self) -> String {
        self.letters().map(|(qubit, letter)| format!("{}{qubit}", letter.spelled())).collect::<Vec<_>>().join(" ")
    }

    /// Returns whether the words anticommute.
    #[inline]
    pub(crate) fn anticommutes(self, other: Self) -> bool {
        ((self.x & other.z) ^ (self.z & other.x)).parity()
    }

    /// Returns the product without its factor.
    #[inline]
    pub(crate) fn product(self, other: Self) -> Self {
        Self { x: self.x ^ other.x, z: self.z ^ other.z }
    }

    /// Returns the number of quarter turns, modulo 4, of the factor of the product: the product is `i^turns` times
    /// [`product`](Self::product).
    #[inline]
    fn product_turns(self, other: Self) -> u32 {
        // Modulo 4, a difference is a sum with three times the second number.
        let of_y = self.y_count() + other.y_count() + 3 * self.product(other).y_count();
        (of_y + 2 * (self.z & other.x).count()) % 4
    }

    /// Returns whether the product of words that commute is minus [`product`](Self::product).
    #[inline]
    pub(crate) fn product_is_negative(self, other: Self) -> bool {
        self.product_turns(other) == 2
    }

    /// Returns whether `i self other` of words that anticommute is minus [`product`](Self::product).
    #[inline]
    pub(crate) fn turn_is_negative(self, other: Self) -> bool {
        self.product_turns(other) == 1
    }

    /// Returns the product as a word and its factor, a power of i.
    pub(super) fn times(self, other: Self) -> (Self, Complex64) {
        let (re, im) = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)][self.product_turns(other) as usize];
        (self.product(other), Complex64::new(re, im))
    }
}

/// Returns the words whose coefficients are no rounding of the largest.
pub(super) fn above_rounding(mut words: Vec<(PauliWord, Complex64)>) -> Vec<(PauliWord, Complex64)> {
    let largest = words.iter().map(|(_, coefficient)| coefficient.norm()).fold(0.0, f64::max);
    words.retain(|(_, coefficient)| coefficient.norm() > NEGLIGIBLE * largest);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Matrix of a word on the lowest three qubits, from the definition of its letters.
    fn matrix(word: PauliWord) -> Vec<Complex64> {
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
        let word = |code: usize| PauliWord {
            x: Wide::of_qubits((0..3).filter(|q| code >> q & 1 == 1)),
            z: Wide::of_qubits((0..3).filter(|q| code >> (q + 3) & 1 == 1)),
        };
        for (a, b) in (0..64).flat_map(|a| (0..64).map(move |b| (word(a), word(b)))) {
            let product = product(&matrix(a), &matrix(b));
            let (phase, negative) = match a.anticommutes(b) {
                true => (Complex64::I, a.turn_is_negative(b)),
                false => (Complex64::ONE, a.product_is_negative(b)),
            };
            let sign = if negative { -1.0 } else { 1.0 };
            assert_eq!(
                a.times(b),
                (a.product(b), if a.anticommutes(b) { -Complex64::I } else { Complex64::ONE } * sign)
            );
            let expected: Vec<_> = matrix(a.product(b)).iter().map(|entry| sign * entry).collect();
            let found: Vec<_> = product.iter().map(|entry| phase * entry).collect();
            assert_eq!(found, expected, "{a:?} {b:?}");
        }
    }
}
