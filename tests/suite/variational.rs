//! Variational algorithms against known eigenvalues and costs.

mod adapt;
mod eigensolver;
mod molecules;
mod rings;
mod search;

use nalgebra::DMatrix;
use num_complex::Complex64 as C;

/// The matrix of a sum of words such as `"X0 Z2"`, entry by entry.
pub(crate) fn dense<'a>(qubits: usize, terms: impl IntoIterator<Item = (f64, &'a str)>) -> DMatrix<C> {
    let mut matrix = DMatrix::zeros(1 << qubits, 1 << qubits);
    for (coefficient, word) in terms {
        for column in 0..1usize << qubits {
            let (mut row, mut entry) = (column, C::from(coefficient));
            for token in word.split(' ').filter(|token| !token.is_empty()) {
                let qubit: usize = token[1..].parse().expect("a number");
                let one = column >> qubit & 1 == 1;
                match &token[..1] {
                    "X" => row ^= 1 << qubit,
                    "Y" => (row ^= 1 << qubit, entry *= if one { -C::i() } else { C::i() }).0,
                    "Z" => entry *= if one { -1.0 } else { 1.0 },
                    other => panic!("{other}"),
                }
            }
            matrix[(row, column)] += entry;
        }
    }
    matrix
}

/// The lowest eigenvalue.
pub(crate) fn lowest(matrix: DMatrix<C>) -> f64 {
    matrix.symmetric_eigenvalues().min()
}
