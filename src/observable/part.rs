//! Parts of an observable that are no Pauli words.

use super::matrix;
use super::word::{PauliWord, above_rounding};
use crate::error::Mistake;
use crate::gf2;
use crate::limits::MAX_MATRIX_QUBITS;
use crate::mask::{Mask, Wide};
use num_complex::Complex64;
use std::sync::Arc;

/// Part of an observable that is no Pauli word. Observables have it with wide masks, engines for states with masks of one
/// word.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part<M = u64> {
    /// Values of the basis states of the qubits under `mask`; the lowest of the qubits is the low bit of an index.
    Diagonal { values: Arc<[f64]>, mask: M },
    /// Hermitian matrix on one to six qubits, row by row; `qubits[0]` is the low bit of an index.
    Matrix { entries: Arc<[Complex64]>, qubits: Vec<usize> },
    /// Projector: 1 if the qubits under `mask` are `bits`.
    Projector { mask: M, bits: M },
}

impl<M: Mask> Part<M> {
    /// Returns the mask of the qubits on which the part acts.
    pub(crate) fn support(&self) -> M {
        match self {
            Self::Diagonal { mask, .. } | Self::Projector { mask, .. } => *mask,
            Self::Matrix { qubits, .. } => M::of_qubits(qubits.iter().copied()),
        }
    }

    /// Returns the largest number of Pauli words whose sum is the part.
    pub(crate) fn word_count(&self) -> u64 {
        let bits = match self {
            Self::Diagonal { mask, .. } | Self::Projector { mask, .. } => mask.count(),
            Self::Matrix { qubits, .. } => 2 * qubits.len() as u32,
        };
        1u64.checked_shl(bits).unwrap_or(u64::MAX)
    }

    /// Returns the part with wide masks.
    pub(crate) fn widened(&self) -> Part<Wide> {
        self.with_masks(M::widened)
    }

    fn with_masks<N>(&self, of: impl Fn(M) -> N) -> Part<N> {
        match self {
            Self::Diagonal { values, mask } => Part::Diagonal { values: Arc::clone(values), mask: of(*mask) },
            Self::Matrix { entries, qubits } => Part::Matrix { entries: Arc::clone(entries), qubits: qubits.clone() },
            Self::Projector { mask, bits } => Part::Projector { mask: of(*mask), bits: of(*bits) },
        }
    }
}

impl Part<Wide> {
    /// Returns the part with masks of another kind, which have to have bits for its qubits.
    pub(crate) fn narrowed<M: Mask>(&self) -> Part<M> {
        self.with_masks(M::of_wide)
    }

    /// Returns the mistake of a part whose numbers do not fit each other, or do not make it Hermitian.
    pub(super) fn mistake(&self) -> Option<Mistake> {
        match self {
            Self::Diagonal { values, mask } => {
                let qubits = mask.count();
                if let Some(&value) = values.iter().find(|value| !value.is_finite()) {
                    return Some(Mistake::NotFinite { what: "a diagonal value", value });
                }
                let size = 1u64.checked_shl(qubits).filter(|size| *size == values.len() as u64);
                let expected = format!("2^{qubits}");
                let wrong = Mistake::Length { what: "diagonal values", expected, actual: values.len() };
                size.is_none().then_some(wrong)
            }
            Self::Matrix { entries, qubits } if qubits.len() <= MAX_MATRIX_QUBITS => {
                matrix::check(entries, qubits).err()
            }
            Self::Matrix { qubits, .. } => {
                let expected = format!("1 to {MAX_MATRIX_QUBITS}");
                Some(Mistake::QubitCount { expected, actual: qubits.len() })
            }
            Self::Projector { mask, bits } if mask.is_empty() || !(*bits & !*mask).is_empty() => {
                Some(Mistake::QubitCount { expected: "1 or more".to_owned(), actual: mask.count() as usize })
            }
            Self::Projector { .. } => None,
        }
    }

    /// Returns the mask of the qubits in which the part is not diagonal.
    pub(super) fn flipped(&self) -> Wide {
        let Self::Matrix { entries, qubits } = self else { return Wide::EMPTY };
        let size = 1 << qubits.len();
        let filled = (0..entries.len()).filter(|entry| entries[*entry] != Complex64::default());
        let local = filled.fold(0, |local, entry| local | (entry / size) ^ (entry % size));
        Wide::deposit(local, qubits)
    }

    /// Returns the part on the qubits `places`, in ascending order, as qubits 0, 1, .. It acts on no others.
    pub(super) fn on_places(&self, places: &[usize]) -> Self {
        match self {
            Self::Diagonal { values, mask } => {
                Self::Diagonal { values: Arc::clone(values), mask: mask.extract(places) }
            }
            Self::Matrix { entries, qubits } => {
                let place = |qubit: &usize| places.partition_point(|place| place < qubit);
                Self::Matrix { entries: Arc::clone(entries), qubits: qubits.iter().map(place).collect() }
            }
            Self::Projector { mask, bits } => {
                Self::Projector { mask: mask.extract(places), bits: bits.extract(places) }
            }
        }
    }

    /// Returns the Pauli words whose sum is the part, each with its coefficient. There are up to
    /// [`word_count`](Self::word_count) of them.
    pub(crate) fn words(&self) -> Vec<(PauliWord, Complex64)> {
        let as_z = |z: Wide, coefficient: f64| (PauliWord { x: Wide::EMPTY, z }, Complex64::from(coefficient));
        match self {
            Self::Matrix { entries, qubits } => matrix::words(entries, qubits),
            Self::Projector { mask, bits } => {
                let size = 1.0 / self.word_count() as f64;
                mask.subsets().map(|z| as_z(z, if (z & *bits).parity() { -size } else { size })).collect()
            }
            Self::Diagonal { values, mask } => {
                let mut series: Vec<f64> = values.iter().map(|value| value / values.len() as f64).collect();
                gf2::walsh_hadamard(&mut series);
                above_rounding(mask.subsets().zip(series).map(|(z, coefficient)| as_z(z, coefficient)).collect())
            }
        }
    }
}
