//! Changes of basis, applied to a state on the host: all groups of a measurement share the state that an engine
//! computes.

use crate::gf2;
use crate::observable::PauliWord;
use candle_core::WithDType;
use num_complex::Complex64;
use std::f64::consts::FRAC_1_SQRT_2;
use std::sync::Arc;

/// Unitary on some qubits, row by row; `qubits[0]` is the low bit of an index.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(super) qubits: Vec<usize>,
    pub(super) entries: Arc<[Complex64]>,
}

/// Returns the changes from the eigenbases of a word's letters to the computational basis, in which Z is already.
pub(crate) fn letter_changes(word: PauliWord<u64>) -> Vec<Change> {
    let [of_x, of_y]: [Arc<[_]>; 2] = [0, 1].map(|z| letter_entries(PauliWord { x: 1, z }).into());
    let change = |qubit: usize| {
        let entries = if word.z >> qubit & 1 == 1 { &of_y } else { &of_x };
        Change { qubits: vec![qubit], entries: Arc::clone(entries) }
    };
    gf2::bits(word.x).map(change).collect()
}

/// Returns the unitary, row by row, from the eigenbasis of a letter on qubit 0 to the computational basis.
pub(super) fn letter_entries(letter: PauliWord<u64>) -> [Complex64; 4] {
    let (root, i) = (Complex64::from(FRAC_1_SQRT_2), Complex64::new(0.0, FRAC_1_SQRT_2));
    match (letter.x & 1, letter.z & 1) {
        (0, _) => [1.0, 0.0, 0.0, 1.0].map(Complex64::from),
        (_, 0) => [root, root, root, -root],
        _ => [root, -i, root, i],
    }
}

impl Change {
    /// Returns the qubits and the entries of the unitary.
    pub(crate) fn parts(&self) -> (&[usize], &[Complex64]) {
        (&self.qubits, &self.entries)
    }

    /// Returns the conjugate on the qubits of a density matrix's columns, which follow the `qubits` qubits of its rows.
    pub(super) fn of_columns(&self, qubits: usize) -> Self {
        let entries = self.entries.iter().map(Complex64::conj).collect();
        Self { qubits: self.qubits.iter().map(|qubit| qubit + qubits).collect(), entries }
    }

    /// Applies the unitary to `2^n` pairs of real and imaginary part. Products are summed in `f64`.
    pub(crate) fn apply<T: WithDType>(&self, state: &mut [T]) {
        match (&self.qubits[..], &self.entries[..]) {
            (&[qubit], &[a, b, c, d]) => one(state, qubit, [a, b, c, d]),
            _ => self.several(state),
        }
    }

    fn several<T: WithDType>(&self, state: &mut [T]) {
        let size = 1 << self.qubits.len();
        let places: Vec<usize> = (0..size).map(|local| gf2::deposit(local as u64, &self.qubits) as usize).collect();
        let mut local = vec![Complex64::default(); size];
        // Indices at which all of the qubits are 0.
        for base in (0..state.len() / 2).filter(|base| base & places[size - 1] == 0) {
            for (amplitude, place) in local.iter_mut().zip(&places) {
                *amplitude = get(&state[2 * (base + place)..]);
            }
            for (row, place) in self.entries.chunks_exact(size).zip(&places) {
                let sum = row.iter().zip(&local).map(|(entry, amplitude)| entry * amplitude).sum();
                set(&mut state[2 * (base + place)..], sum);
            }
        }
    }
}

fn one<T: WithDType>(state: &mut [T], qubit: usize, [a, b, c, d]: [Complex64; 4]) {
    for block in state.chunks_exact_mut(4 << qubit) {
        let (zeros, ones) = block.split_at_mut(2 << qubit);
        for (zero, one) in zeros.chunks_exact_mut(2).zip(ones.chunks_exact_mut(2)) {
            let (x, y) = (get(zero), get(one));
            set(zero, a * x + b * y);
            set(one, c * x + d * y);
        }
    }
}

fn get<T: WithDType>(pair: &[T]) -> Complex64 {
    Complex64::new(pair[0].to_f64(), pair[1].to_f64())
}

fn set<T: WithDType>(pair: &mut [T], value: Complex64) {
    (pair[0], pair[1]) = (T::from_f64(value.re), T::from_f64(value.im));
}
