//! Outcomes of measuring some qubits of a final state.

use super::draw::{self, Counts};
use crate::gf2;
use candle_core::WithDType;
use rand::Rng;

/// Number of amplitudes whose part of an index is looked up instead of computed bit by bit.
const STRETCH: usize = 1 << 10;

/// Probabilities of all outcomes; bit k of an outcome is the k-th measured qubit.
#[derive(Debug)]
pub(crate) enum Outcomes<'a, T> {
    /// All qubits in their order: amplitudes as pairs of real and imaginary part.
    All(&'a [T]),
    /// Some qubits: probabilities, summed over the other qubits.
    Some(Vec<f64>),
}

impl<'a, T: WithDType> Outcomes<'a, T> {
    /// Takes different qubits of a state of `2^n` pairs of real and imaginary part.
    pub(crate) fn new(amplitudes: &'a [T], qubits: &[usize]) -> Self {
        let all = (amplitudes.len() / 2).checked_ilog2().unwrap_or(0) as usize;
        if qubits.iter().copied().eq(0..all) { Self::All(amplitudes) } else { Self::Some(marginal(amplitudes, qubits)) }
    }

    /// Draws counts; see [`draw::counts`].
    pub(crate) fn counts(&self, shots: u32, rng: &mut impl Rng) -> Option<Counts> {
        match self {
            Self::All(amplitudes) => draw::draw_counts(amplitudes.len() / 2, |at| weight(amplitudes, at), shots, rng),
            Self::Some(weights) => draw::draw_counts(weights.len(), |at| weights[at], shots, rng),
        }
    }

    /// Draws shots; see [`draw::shots`].
    pub(crate) fn shots(&self, shots: u32, rng: &mut impl Rng) -> Option<Vec<u64>> {
        match self {
            Self::All(amplitudes) => draw::draw_shots(amplitudes.len() / 2, |at| weight(amplitudes, at), shots, rng),
            Self::Some(weights) => draw::draw_shots(weights.len(), |at| weights[at], shots, rng),
        }
    }
}

fn weight<T: WithDType>(amplitudes: &[T], at: usize) -> f64 {
    let (re, im) = (amplitudes[2 * at].to_f64(), amplitudes[2 * at + 1].to_f64());
    re * re + im * im
}

fn marginal<T: WithDType>(amplitudes: &[T], qubits: &[usize]) -> Vec<f64> {
    let outcome = |index: u64| gf2::extract(index, qubits) as usize;
    let low: Vec<usize> = (0..STRETCH as u64).map(outcome).collect();
    let mut weights = vec![0.0; 1 << qubits.len()];
    for (stretch, pairs) in amplitudes.chunks(2 * STRETCH).enumerate() {
        let high = outcome((stretch * STRETCH) as u64);
        for (at, low) in low.iter().enumerate().take(pairs.len() / 2) {
            weights[high | low] += weight(pairs, at);
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn weights_are_sums_over_the_other_qubits() {
        let mut rng = draw::shot_generator(11, 0, 0, 0);
        for qubits in [0, 1, 3, 12] {
            let state: Vec<f32> = (0..2 << qubits).map(|_| rng.random_range(-1.0..1.0)).collect();
            let mut reads = vec![vec![], (0..qubits).collect(), (0..qubits).rev().collect::<Vec<usize>>()];
            if qubits > 1 {
                reads.extend([vec![qubits / 2], vec![qubits - 1, 0]]);
            }
            for read in &reads {
                let mut expected = vec![0.0; 1 << read.len()];
                for index in 0..1 << qubits {
                    let outcome: usize = read.iter().enumerate().map(|(k, q)| (index >> q & 1) << k).sum();
                    let (re, im) = (f64::from(state[2 * index]), f64::from(state[2 * index + 1]));
                    expected[outcome] += re * re + im * im;
                }
                let actual = match Outcomes::new(&state, read) {
                    Outcomes::All(all) => (0..1 << qubits).map(|at| weight(all, at)).collect(),
                    Outcomes::Some(weights) => weights,
                };
                assert_eq!(actual.len(), expected.len());
                let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * b;
                assert!(actual.iter().zip(&expected).all(close), "{qubits} qubits, {read:?} of them");
            }
        }
    }

    #[test]
    fn a_nan_leaves_nothing_to_draw() {
        let state = [0.6, 0.0, f64::NAN, 0.0, 0.0, 0.8, 0.0, 0.0];
        for qubits in [vec![0, 1], vec![0], vec![1, 0], vec![]] {
            let outcomes = Outcomes::new(&state, &qubits);
            assert!(outcomes.counts(10, &mut draw::shot_generator(0, 0, 0, 0)).is_none());
            assert!(outcomes.shots(10, &mut draw::shot_generator(0, 0, 0, 0)).is_none());
        }
    }
}
