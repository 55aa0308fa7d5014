//! Snapshots of a state: each of them measures every qubit in a random Pauli basis.
//!
//! Qubits are measured from the highest to the lowest, each under the condition of the outcomes so far. Snapshots that
//! agree in all bases and outcomes so far share the state that is left. This state halves with every qubit, so the
//! snapshots together take far less time than a change of basis for each of them.

use super::change::letter_entries;
use crate::observable::PauliWord;
use crate::random::Generator;
use candle_core::WithDType;
use num_complex::Complex64;
use rand::Rng;

/// Bases and outcomes of one measurement of all qubits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Snapshot {
    /// Letter X, Y or Z of each qubit.
    pub(crate) basis: PauliWord<u64>,
    /// Outcome of each qubit: bit `q` is 0 for the eigenvalue 1 of the letter of qubit `q`, and 1 for -1.
    pub(crate) outcome: u64,
}

/// Draws snapshots of a state of `2^n` pairs of real and imaginary part; `None` if the state has no finite, positive
/// norm. Memory besides the snapshots: twice the state in `f64`.
pub(crate) fn draw_snapshots<T: WithDType>(
    amplitudes: &[T],
    count: usize,
    random: &mut Generator,
) -> Option<Vec<Snapshot>> {
    let pair = |pair: &[T]| Complex64::new(pair[0].to_f64(), pair[1].to_f64());
    let state: Vec<Complex64> = amplitudes.chunks_exact(2).map(pair).collect();
    let norm: f64 = state.iter().map(Complex64::norm_sqr).sum();
    if !norm.is_finite() || norm <= 0.0 {
        return None;
    }
    let qubits = state.len().ilog2() as usize;
    let bases: Vec<PauliWord<u64>> = (0..count).map(|_| random_basis(qubits, random)).collect();
    let mut draw = Draw { bases: &bases, outcomes: vec![0; count], random };
    let mut order: Vec<usize> = (0..count).collect();
    draw.measure(&state, &mut order, &mut vec![Complex64::default(); state.len()]);
    let snapshot = |(&basis, outcome)| Snapshot { basis, outcome };
    Some(bases.iter().zip(draw.outcomes).map(snapshot).collect())
}

fn random_basis(qubits: usize, random: &mut Generator) -> PauliWord<u64> {
    let letter = |word: PauliWord<u64>, qubit| {
        let (x, z) = [(1u64, 0u64), (1, 1), (0, 1)][random.random_range(0..3)];
        PauliWord { x: word.x | x << qubit, z: word.z | z << qubit }
    };
    (0..qubits).fold(PauliWord::default(), letter)
}

/// State of the draws.
struct Draw<'a> {
    bases: &'a [PauliWord<u64>],
    outcomes: Vec<u64>,
    random: &'a mut Generator,
}

impl Draw<'_> {
    /// Measures all qubits of a state in the snapshots whose indices are in `order`. `scratch` has the size of the
    /// state.
    fn measure(&mut self, state: &[Complex64], order: &mut [usize], scratch: &mut [Complex64]) {
        let Some(qubit) = state.len().ilog2().checked_sub(1) else { return };
        let bases = self.bases;
        let letter = |at: usize| PauliWord { x: bases[at].x >> qubit & 1, z: bases[at].z >> qubit & 1 };
        // Stable sorts: the order in which snapshots draw is part of what a seed fixes.
        order.sort_by_key(|&at| letter(at));
        for group in order.chunk_by_mut(|&a, &b| letter(a) == letter(b)) {
            let rows = letter_entries(letter(group[0]));
            let left = |outcome: usize| {
                let (zeros, ones) = state.split_at(state.len() / 2);
                zeros.iter().zip(ones).map(move |(zero, one)| rows[2 * outcome] * zero + rows[2 * outcome + 1] * one)
            };
            let [zero, one] = [0, 1].map(|outcome| left(outcome).map(|amplitude| amplitude.norm_sqr()).sum::<f64>());
            // An outcome of weight 0 is never drawn: a draw is at least 0 and below 1.
            let share = one / (zero + one);
            for &at in &*group {
                self.outcomes[at] |= u64::from(self.random.random::<f64>() < share) << qubit;
            }
            let is_one = |at: usize| self.outcomes[at] >> qubit & 1 == 1;
            group.sort_by_key(|&at| is_one(at));
            let parts = group.split_at_mut(group.partition_point(|&at| !is_one(at)));
            for (outcome, part) in [parts.0, parts.1].into_iter().enumerate().filter(|(_, part)| !part.is_empty()) {
                let (rest, scratch) = scratch.split_at_mut(state.len() / 2);
                rest.iter_mut().zip(left(outcome)).for_each(|(to, amplitude)| *to = amplitude);
                self.measure(rest, part, scratch);
            }
        }
    }
}
