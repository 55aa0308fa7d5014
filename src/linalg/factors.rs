//! Dense matrices as gates on one qubit under controls.
//!
//! A unitary is a product of unitaries that change two basis states each (M. A. Nielsen, I. L. Chuang, Quantum
//! Computation and Quantum Information, section 4.5.1). Here the basis states stand in the order of a Gray code, and
//! each factor changes two neighbours. These differ in one bit, so a factor is a gate on one qubit, and the values of
//! all others are its controls. Factors of 1 are left out, so sparse matrices have few.

use num_complex::Complex64;

/// Largest entry that is rounding.
const ROUNDING: f64 = 1e-15;

/// Gate on one qubit under controls, as part of a matrix: qubits are places in the list of the matrix's qubits.
#[derive(Debug)]
pub(crate) struct Factor {
    pub(crate) target: usize,
    /// Controls, and the values that they have to have: all other qubits.
    pub(crate) controls: Vec<(usize, bool)>,
    /// Entries of the gate, row by row.
    pub(crate) entries: [Complex64; 4],
}

/// Splits a unitary, row by row, into factors, the first of which acts first. There are at most `size (size - 1) / 2`.
pub(crate) fn factors(entries: &[Complex64]) -> Vec<Factor> {
    let size = entries.len().isqrt();
    // Row and column k are the basis state `gray(k)`.
    let mut rest: Vec<Vec<Complex64>> =
        (0..size).map(|row| (0..size).map(|column| entries[gray(row) * size + gray(column)]).collect()).collect();
    let mut factors = Vec::new();
    for column in 0..size.saturating_sub(2) {
        for row in (column + 1..size).rev() {
            let pair = (rest[row - 1][column], rest[row][column]);
            if let Some(turn) = towards_first(pair, row == column + 1) {
                apply(turn, &mut rest, row);
                factors.push(factor(size, row, adjoint(turn)));
            }
        }
    }
    if let [.., above, below] = &rest[..] {
        let last = [above[size - 2], above[size - 1], below[size - 2], below[size - 1]];
        if deviation(last) > ROUNDING {
            factors.push(factor(size, size - 1, last));
        }
    }
    factors.reverse();
    factors
}

/// Returns basis state k of the Gray code.
fn gray(k: usize) -> usize {
    k ^ k >> 1
}

/// Returns the unitary that turns two amplitudes into the first alone, which becomes positive; `None` if there is
/// nothing to do. The phase of the first alone is left as it is unless it is the last step of its column.
fn towards_first((a, b): (Complex64, Complex64), is_last: bool) -> Option<[Complex64; 4]> {
    let norm = a.norm().hypot(b.norm());
    if b.norm() > ROUNDING {
        return Some([a.conj() / norm, b.conj() / norm, -b / norm, a / norm]);
    }
    let is_done = !is_last || (a - 1.0).norm() <= ROUNDING;
    (!is_done).then(|| [a.conj() / a.norm(), Complex64::ZERO, Complex64::ZERO, Complex64::ONE])
}

/// Multiplies rows `row - 1` and `row` by a unitary.
fn apply([a, b, c, d]: [Complex64; 4], rest: &mut [Vec<Complex64>], row: usize) {
    let (above, below) = rest.split_at_mut(row);
    for (x, y) in above[row - 1].iter_mut().zip(&mut below[0]) {
        (*x, *y) = (a * *x + b * *y, c * *x + d * *y);
    }
}

fn adjoint([a, b, c, d]: [Complex64; 4]) -> [Complex64; 4] {
    [a, c, b, d].map(|entry| entry.conj())
}

fn deviation([a, b, c, d]: [Complex64; 4]) -> f64 {
    [a - 1.0, b, c, d - 1.0].iter().map(|entry| entry.norm()).fold(0.0, f64::max)
}

/// Returns the factor that changes states `row - 1` and `row` of the Gray code.
fn factor(size: usize, row: usize, [a, b, c, d]: [Complex64; 4]) -> Factor {
    let (first, second) = (gray(row - 1), gray(row));
    let target = (first ^ second).trailing_zeros() as usize;
    let others = (0..size.ilog2() as usize).filter(|place| *place != target);
    let entries = if first >> target & 1 == 0 { [a, b, c, d] } else { [d, c, b, a] };
    Factor { target, controls: others.map(|place| (place, first >> place & 1 == 1)).collect(), entries }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Multiplies factors out, by their definition.
    fn product(factors: &[Factor], qubits: usize) -> Vec<Complex64> {
        let size = 1 << qubits;
        let mut whole: Vec<Complex64> =
            (0..size * size).map(|k| f64::from(u8::from(k / size == k % size)).into()).collect();
        for Factor { target, controls, entries } in factors {
            let acts = |row: usize| controls.iter().all(|(place, value)| (row >> place & 1 == 1) == *value);
            let before = whole.clone();
            for (row, column) in (0..size).filter(|row| acts(*row)).flat_map(|row| (0..size).map(move |c| (row, c))) {
                let bit = row >> target & 1;
                let at = |value: usize| before[(row & !(1 << target) | value << target) * size + column];
                whole[row * size + column] = entries[2 * bit] * at(0) + entries[2 * bit + 1] * at(1);
            }
        }
        whole
    }

    /// Unitary with known entries: a Fourier transform with further phases.
    fn dense(size: usize) -> Vec<Complex64> {
        let angle = |row: usize, column: usize| {
            std::f64::consts::TAU * (row * column) as f64 / size as f64 + 0.3 * row as f64 - 0.7 * column as f64
        };
        let entry = |k: usize| Complex64::from_polar((size as f64).sqrt().recip(), angle(k / size, k % size));
        (0..size * size).map(entry).collect()
    }

    #[test]
    fn factors_multiply_to_the_matrix() {
        for qubits in 1..=6 {
            let (size, expected) = (1 << qubits, dense(1 << qubits));
            let found = factors(&expected);
            assert!(found.len() <= size * (size - 1) / 2);
            let off = product(&found, qubits).iter().zip(&expected).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max);
            assert!(off < 1e-13, "{qubits} qubits: {off:e}");
        }
    }

    #[test]
    fn sparse_matrices_have_few_factors() {
        let diagonal = |phases: [f64; 4]| -> Vec<Complex64> {
            (0..16).map(|k| if k % 5 == 0 { Complex64::cis(phases[k / 5]) } else { Complex64::ZERO }).collect()
        };
        assert!(factors(&diagonal([0.0; 4])).is_empty());
        for phases in [[0.0, 0.0, 0.0, 0.4], [0.3, 0.0, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4]] {
            let found = factors(&diagonal(phases));
            assert!(found.len() <= 3);
            let off: f64 = product(&found, 2).iter().zip(diagonal(phases)).map(|(a, b)| (a - b).norm()).sum();
            assert!(off < 1e-15, "{off:e}");
        }
    }
}
