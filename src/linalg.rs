//! Dense matrices, stored row by row.

pub(crate) mod factors;

use crate::gf2;
use num_complex::Complex64;
use std::sync::Arc;

/// The conjugate transpose of a square matrix.
pub(crate) fn adjoint_matrix(matrix: &[Complex64]) -> Arc<[Complex64]> {
    let size = matrix.len().isqrt();
    (0..matrix.len()).map(|k| matrix[k % size * size + k / size].conj()).collect()
}

/// Amplitudes of features: one feature each, or two if they are complex.
pub(crate) fn amplitudes_of(features: impl Iterator<Item = f64>, complex: bool) -> Vec<Complex64> {
    let features: Vec<f64> = features.collect();
    let amplitude = |parts: &[f64]| Complex64::new(parts[0], parts.get(1).copied().unwrap_or(0.0));
    features.chunks(if complex { 2 } else { 1 }).map(amplitude).collect()
}

/// Splits a one-qubit unitary, row by row, into `diag(a, b) [[cos, -sin], [sin, cos]] diag(1, c)`: the number
/// `cos + i sin`, whose parts are not negative, and the phases a, b and c.
pub(crate) fn rotation_and_phases(m: &[Complex64]) -> (Complex64, [Complex64; 3]) {
    let (cos, sin) = (m[0].norm(), m[2].norm());
    let unit = |value: Complex64| value / value.norm();
    let one = Complex64::from(1.0);
    // The phases come from the larger entries. Phases of entries near 0 are noise, and cancel.
    let phases = if cos >= sin {
        let b = if sin > 0.0 { unit(m[2]) } else { one };
        [unit(m[0]), b, unit(m[3]) / b]
    } else {
        let a = if cos > 0.0 { unit(m[0]) } else { one };
        [a, unit(m[2]), -unit(m[1]) / a]
    };
    (Complex64::new(cos, sin) / cos.hypot(sin), phases)
}

/// Masks of the letters of a Pauli word: digit `k` of `word` in base 4 is the letter of qubit `k`, where I, X, Z and Y
/// are 0, 1, 2 and 3. Returns the qubits with X or Y, and the qubits with Z or Y.
pub(crate) fn masks_of_word(word: usize) -> (usize, usize) {
    let digits = (0..usize::BITS / 2).map(|k| (k, word >> (2 * k) & 3));
    digits.fold((0, 0), |(x, z), (k, digit)| (x | (digit & 1) << k, z | (digit >> 1) << k))
}

/// Index of a word with its masks, in base 4: digit `k` is the letter of qubit `k`.
pub(crate) fn word_index(x: u64, z: u64) -> usize {
    gf2::bits(x | z).fold(0, |index, qubit| index | ((x >> qubit & 1 | (z >> qubit & 1) << 1) as usize) << (2 * qubit))
}

/// Returns the Pauli transfer matrix `Tr(P sum of K Q K†) / 2^k` of Kraus operators on `qubits` qubits, row by row: P
/// is the word of a row and Q the word of a column, as [`masks_of_word`] counts them. Entries that are rounding are 0.
pub(crate) fn pauli_transfer<K: AsRef<[Complex64]>>(operators: &[K], qubits: usize) -> Vec<f64> {
    let (size, words) = (1usize << qubits, 1usize << (2 * qubits));
    // Entry of the word in the row `column ^ x`, without the factor i of each letter Y.
    let sign = |z: usize, column: usize| if gf2::parity((z & column) as u64) { -1.0 } else { 1.0 };
    let turns = |x: usize, z: usize| Complex64::I.powu((x & z).count_ones());
    let mut transfer = vec![0.0; words * words];
    for column in 0..words {
        let (x, z) = masks_of_word(column);
        let mut image = vec![Complex64::ZERO; size * size];
        for operator in operators.iter().map(AsRef::as_ref) {
            for c in 0..size {
                // Column `c` of Q has its entry in row `c ^ x`.
                let entry = turns(x, z) * sign(z, c);
                for row in 0..size {
                    let factor = operator[row * size + (c ^ x)] * entry;
                    for to in 0..size {
                        image[row * size + to] += factor * operator[to * size + c].conj();
                    }
                }
            }
        }
        for row in 0..words {
            let (x, z) = masks_of_word(row);
            let trace: Complex64 = (0..size).map(|c| sign(z, c) * image[c * size + (c ^ x)]).sum();
            let entry = (turns(x, z) * trace).re / size as f64;
            transfer[row * words + column] = if entry.abs() < 1e-15 { 0.0 } else { entry };
        }
    }
    transfer
}
