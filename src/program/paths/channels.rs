//! Channels on Pauli words.
//!
//! In front of a channel stands `f P` for a word P behind it, and, where the channel prepares, a further word without the
//! letter: damping of strength γ turns Z into `(1 - γ) Z + γ`.

use super::numbers::Coefficient;
use crate::mask::{Mask, Wide};
use crate::observable::{Letter, PauliWord};
use crate::program::{ChannelStep, Map, Slot};

/// Channel as a map of words.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Channel {
    /// On one qubit: a factor for each letter, and a multiple of the word without the letter that is added.
    Letters { qubit: usize, factors: [Coefficient; 3], shifts: [Option<Coefficient>; 3] },
    /// On several qubits: one factor for all words that have a letter there.
    Mixing { mask: Wide, factor: Coefficient },
    /// On several qubits: a factor for each word there. Digit `k` of an index in base 4 is the letter of qubit `k`, where
    /// none, X, Z and Y are 0, 1, 2 and 3.
    Words { qubits: Vec<usize>, factors: Vec<f64> },
}

/// Kraus operators that mix words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MixesWords;

impl Channel {
    /// Reads a channel of a program with these slots.
    ///
    /// # Errors
    /// Kraus operators that mix words.
    pub(crate) fn of(step: &ChannelStep, slots: &[Slot]) -> Result<Self, MixesWords> {
        let own = |slot: usize| Coefficient::of(slot, (1.0, 0.0), slots);
        let kept = |slot: usize| Coefficient::of(slot, (-1.0, 1.0), slots);
        let letters = |qubit: usize, factors: [Coefficient; 3]| Self::Letters { qubit, factors, shifts: [None; 3] };
        Ok(match (&step.map, &step.qubits[..]) {
            (&Map::Letters { factors: [x, z, y], shift }, &[qubit, ..]) => {
                Self::Letters { qubit, factors: [x, y, z].map(own), shifts: [None, None, shift.map(own)] }
            }
            (&Map::Readout { factor, offset }, &[qubit, ..]) => {
                Self::Letters { qubit, factors: [own(factor); 3], shifts: [Some(own(offset)); 3] }
            }
            (&Map::Mixing(slot), &[qubit]) => letters(qubit, [kept(slot); 3]),
            (&Map::Mixing(slot), qubits) => {
                Self::Mixing { mask: Wide::of_qubits(qubits.iter().copied()), factor: kept(slot) }
            }
            (Map::Dense(entries), qubits) => {
                let factors = diagonal(entries).ok_or(MixesWords)?;
                match (qubits, &factors[..]) {
                    (&[qubit], &[_, x, z, y]) => letters(qubit, [x, y, z].map(Coefficient::Constant)),
                    _ => Self::Words { qubits: qubits.to_vec(), factors },
                }
            }
            (Map::Letters { .. } | Map::Readout { .. }, []) => return Err(MixesWords),
        })
    }

    /// Qubits on which the channel acts.
    pub(super) fn qubits(&self) -> Wide {
        match self {
            Self::Letters { qubit, .. } => Wide::of_qubit(*qubit),
            Self::Mixing { mask, .. } => *mask,
            Self::Words { qubits, .. } => Wide::of_qubits(qubits.iter().copied()),
        }
    }

    /// Factor of a word, and the multiple that is added of the word without a letter: the coefficient and that letter.
    pub(super) fn image(&self, word: PauliWord) -> (Coefficient, Option<(Coefficient, PauliWord)>) {
        let nothing = (Coefficient::Constant(1.0), None);
        match self {
            Self::Letters { qubit, factors, shifts } => word.letter(*qubit).map_or(nothing, |letter| {
                let at = letter as usize;
                (factors[at], shifts[at].map(|shift| (shift, letter.on(*qubit))))
            }),
            Self::Mixing { mask, .. } if (word.support() & *mask).is_empty() => nothing,
            Self::Mixing { factor, .. } => (*factor, None),
            Self::Words { qubits, factors } => {
                let digit = |letter: Option<Letter>| letter.map_or(0, |letter| [1, 3, 2][letter as usize]);
                let index = qubits.iter().rev().fold(0, |index, qubit| 4 * index + digit(word.letter(*qubit)));
                (Coefficient::Constant(factors[index]), None)
            }
        }
    }
}

/// Diagonal of a matrix, or `None` if it has other entries.
fn diagonal(entries: &[f64]) -> Option<Vec<f64>> {
    let size = entries.len().isqrt();
    let is_zero = |at: usize| at / size == at % size || entries[at].abs() <= 1e-12;
    (0..entries.len()).all(is_zero).then(|| entries.iter().step_by(size + 1).copied().collect())
}
