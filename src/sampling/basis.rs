//! The basis in which each qubit is measured.

use super::change::{Change, letter_changes};
use crate::error::Mistake;
use crate::linalg::adjoint_matrix;
use crate::observable::PauliWord;
use nalgebra::{DMatrix, SymmetricEigen};
use num_complex::Complex64;
use std::sync::Arc;

/// Largest number of iterations of the eigenvalue solver for each row; it takes two or three.
const ITERATIONS: usize = 100;

/// Largest distance of the product of the factors from the matrix, relative to its largest entry.
const TOLERANCE: f64 = 1e-11;

/// Basis of a measurement: letters of a Pauli word on some qubits, the eigenbasis of a matrix on other qubits together.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Basis {
    letters: PauliWord<u64>,
    /// Index of an eigenbasis, and the mask of its qubits.
    matrices: Vec<(usize, u64)>,
}

impl Basis {
    /// Makes the basis of the letters of a word.
    pub(super) fn word(letters: PauliWord<u64>) -> Self {
        Self { letters, matrices: Vec::new() }
    }

    /// Makes the basis of the eigenbasis `index`.
    pub(super) fn matrix(index: usize, mask: u64) -> Self {
        Self { letters: PauliWord::default(), matrices: vec![(index, mask)] }
    }

    /// Returns the mask of the qubits that are measured.
    pub(super) fn support(&self) -> u64 {
        self.lettered() | self.matrices.iter().fold(0, |all, (_, mask)| all | mask)
    }

    fn lettered(&self) -> u64 {
        self.letters.x | self.letters.z
    }

    /// Adds the basis `other` if no qubit is then measured in two ways. Returns whether it was added.
    pub(super) fn join(&mut self, other: &Self) -> bool {
        let common = self.lettered() & other.lettered();
        let letters = (self.letters.x ^ other.letters.x | self.letters.z ^ other.letters.z) & common == 0;
        let apart = |one: &Self, two: &Self| one.matrices.iter().all(|(_, mask)| mask & two.lettered() == 0);
        let same_or_apart = |(i, a): &(usize, u64)| other.matrices.iter().all(|(j, b)| i == j || a & b == 0);
        let fits = letters && apart(self, other) && apart(other, self) && self.matrices.iter().all(same_or_apart);
        if fits {
            self.letters.x |= other.letters.x;
            self.letters.z |= other.letters.z;
            let new = other.matrices.iter().filter(|matrix| !self.matrices.contains(matrix));
            let new: Vec<_> = new.copied().collect();
            self.matrices.extend(new);
        }
        fits
    }

    /// Returns the changes from this basis to the computational basis.
    pub(super) fn changes(&self, eigenbases: &[Eigenbasis]) -> Vec<Change> {
        let matrices = self.matrices.iter().map(|&(index, _)| eigenbases[index].change());
        letter_changes(self.letters).into_iter().chain(matrices).collect()
    }
}

/// Factors of a Hermitian matrix `V diag(values) V†`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Eigenbasis {
    /// Qubits of the matrix: bit k of a value's index is qubit `qubits[k]`.
    pub(super) qubits: Vec<usize>,
    pub(super) values: Arc<[f64]>,
    /// Matrix `V†`, row by row.
    unitary: Arc<[Complex64]>,
}

impl Eigenbasis {
    /// Factors a matrix with finite entries, Hermitian up to rounding.
    pub(super) fn new(entries: &[Complex64], qubits: &[usize]) -> Result<Self, Mistake> {
        // Scales the matrix so that nothing overflows.
        let largest = entries.iter().map(|entry| entry.re.abs().max(entry.im.abs())).fold(0.0, f64::max);
        let scale = if largest > 0.0 { largest } else { 1.0 };
        let size = entries.len().isqrt();
        let scaled: Vec<Complex64> = entries.iter().map(|entry| entry / scale).collect();
        let transposed = adjoint_matrix(&scaled);
        let hermitian = DMatrix::from_fn(size, size, |r, c| 0.5 * (scaled[r * size + c] + transposed[r * size + c]));
        let eigen = SymmetricEigen::try_new(hermitian.clone(), f64::EPSILON, ITERATIONS * size);
        let eigen = eigen.ok_or(Mistake::NoEigenbasis)?;
        let (v, values) = (&eigen.eigenvectors, &eigen.eigenvalues);
        let product = v * DMatrix::from_diagonal(&values.map(Complex64::from)) * v.adjoint();
        let same = |a: DMatrix<Complex64>, b: &DMatrix<Complex64>| (a - b).iter().all(|d| d.norm() <= TOLERANCE);
        if !same(v.adjoint() * v, &DMatrix::identity(size, size)) || !same(product, &hermitian) {
            return Err(Mistake::NoEigenbasis);
        }
        let unitary = (0..size * size).map(|k| v[(k % size, k / size)].conj()).collect();
        Ok(Self { qubits: qubits.to_vec(), values: values.iter().map(|value| value * scale).collect(), unitary })
    }

    fn change(&self) -> Change {
        Change { qubits: self.qubits.clone(), entries: Arc::clone(&self.unitary) }
    }
}
