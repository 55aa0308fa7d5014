//! Final states on the host: amplitudes, or the density matrix of a circuit with noise.

use super::change::Change;
use crate::engine::share;
use crate::error::Result;
use crate::gf2;
use crate::linalg::word_index;
use crate::numbers::host_numbers;
use candle_core::{Tensor, WithDType};
use num_complex::Complex64;
use std::borrow::Cow;

/// Largest distance of a probability below 0 that counts as rounding, in f32.
const ROUNDING: f64 = 1e-5;

/// Final state of a sample.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FinalState<'a, T> {
    /// `2^n` pairs of real and imaginary part.
    Amplitudes(&'a [T]),
    /// `4^n` pairs: the entry in row i and column j is pair `i + 2^n j`.
    Density(&'a [f64]),
}

impl<T: WithDType> FinalState<'_, T> {
    /// Bytes of the state.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Amplitudes(amplitudes) => size_of_val(*amplitudes),
            Self::Density(pairs) => size_of_val(*pairs),
        }
    }

    /// Returns amplitudes whose squares are the probabilities of the outcomes after changes of basis. Those of a mixed
    /// state are real.
    pub(crate) fn in_basis(&self, changes: &[Change]) -> Cow<'_, [T]> {
        match self {
            Self::Amplitudes(amplitudes) if changes.is_empty() => Cow::Borrowed(amplitudes),
            Self::Amplitudes(amplitudes) => {
                let mut changed = amplitudes.to_vec();
                changes.iter().for_each(|change| change.apply(&mut changed));
                Cow::Owned(changed)
            }
            Self::Density(pairs) => {
                let size = (pairs.len() / 2).isqrt();
                let mut changed = pairs.to_vec();
                for change in changes {
                    change.apply(&mut changed);
                    change.of_columns(size.ilog2() as usize).apply(&mut changed);
                }
                let probability = |k: usize| changed[2 * (k + size * k)];
                // Rounding may leave a probability of 0 below 0; what is further below is no state.
                let is_state = (0..size).all(|k| probability(k) >= -ROUNDING);
                let root = |k: usize| if is_state { probability(k).max(0.0).sqrt() } else { f64::NAN };
                Cow::Owned((0..size).flat_map(|k| [T::from_f64(root(k)), T::from_f64(0.0)]).collect())
            }
        }
    }
}

/// Returns the density matrix with these numbers `Tr(P ρ)` of all words P, in the order of
/// [`masks_of_word`](crate::linalg::masks_of_word): `4^n` pairs of real and imaginary part, where the entry in row i and
/// column j is pair `i + 2^n j`.
fn density_matrix(words: &[f64]) -> Vec<f64> {
    let size = words.len().isqrt();
    let mut pairs = vec![0.0; 2 * words.len()];
    for x in 0..size {
        // Column c of a word with these flips has its entry in row c ^ x.
        let of = |z: usize| {
            let turns =
                [Complex64::ONE, Complex64::I, -Complex64::ONE, -Complex64::I][(x & z).count_ones() as usize % 4];
            turns * words[word_index(x as u64, z as u64)]
        };
        let mut sums: Vec<Complex64> = (0..size).map(of).collect();
        gf2::walsh(&mut sums);
        for (c, sum) in sums.into_iter().enumerate() {
            let at = 2 * ((c ^ x) + size * c);
            (pairs[at], pairs[at + 1]) = (sum.re / size as f64, sum.im / size as f64);
        }
    }
    pairs
}

/// Passes the density matrix of each row of words, `[batch, 4^n]`, to `read`.
pub(super) fn each_density<R: Send>(
    words: &Tensor,
    read: impl Fn(usize, FinalState<'_, f64>) -> R + Sync,
) -> Result<Vec<R>> {
    let (width, words) = (words.dim(1)?, host_numbers(words)?);
    let row = |(row, words): (usize, &[f64])| read(row, FinalState::Density(&density_matrix(words)));
    Ok(share::map_items(words.chunks(width.max(1)).enumerate(), row))
}
