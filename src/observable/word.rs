//! Pauli words as bit masks.

use crate::error::Mistake;
use crate::gf2;
use num_complex::Complex64;

/// Largest coefficient of a word that is left out, relative to the largest coefficient.
pub(super) const NEGLIGIBLE: f64 = 1e-15;

/// Pauli word: X or Y where `x` has a bit, Z or Y where `z` has a bit.
///
/// The operator is `i^|x & z| X^x Z^z`, so both bits together are Y.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct PauliWord {
    pub(crate) x: u64,
    pub(crate) z: u64,
}

impl PauliWord {
    /// Returns the number of Y letters.
    pub(crate) fn y_count(self) -> u32 {
        (self.x & self.z).count_ones()
    }

    /// Makes the word of letters on given qubits, which must be in range.
    pub(crate) fn from_letters(letters: impl IntoIterator<Item = (char, usize)>) -> Result<Self, Mistake> {
        let mut word = Self::default();
        for (letter, qubit) in letters {
            let bit = 1 << qubit;
            match letter {
                'I' => {}
                'X' => word.x |= bit,
                'Y' => (word.x |= bit, word.z |= bit).0,
                'Z' => word.z |= bit,
                letter => return Err(Mistake::PauliLetter { letter }),
            }
        }
        Ok(word)
    }

    /// Returns the letter of a qubit: I, X, Y or Z.
    pub(crate) fn letter(self, qubit: usize) -> char {
        [['I', 'X'], ['Z', 'Y']][(self.z >> qubit & 1) as usize][(self.x >> qubit & 1) as usize]
    }

    /// Returns the word as text, such as `"X0 Y2"`; the identity is an empty text.
    pub(crate) fn spelled(self) -> String {
        gf2::bits(self.x | self.z).map(|qubit| format!("{}{qubit}", self.letter(qubit))).collect::<Vec<_>>().join(" ")
    }

    /// Returns the product as a word and its factor, a power of i.
    pub(super) fn times(self, other: Self) -> (Self, Complex64) {
        let product = Self { x: self.x ^ other.x, z: self.z ^ other.z };
        let quarter_turns =
            self.y_count() + other.y_count() + 2 * (self.z & other.x).count_ones() + 3 * product.y_count();
        let factor = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)][quarter_turns as usize % 4];
        (product, Complex64::new(factor.0, factor.1))
    }
}

/// Returns the words whose coefficients are no rounding of the largest.
pub(super) fn above_rounding(mut words: Vec<(PauliWord, Complex64)>) -> Vec<(PauliWord, Complex64)> {
    let largest = words.iter().map(|(_, coefficient)| coefficient.norm()).fold(0.0, f64::max);
    words.retain(|(_, coefficient)| coefficient.norm() > NEGLIGIBLE * largest);
    words
}
