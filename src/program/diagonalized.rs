//! Eigenvalues and eigenvectors of dense unitaries.

use crate::error::Mistake;
use crate::gf2;
use nalgebra::linalg::SymmetricEigen;
use nalgebra::{ComplexField, DMatrix};
use num_complex::Complex64;
use std::f64::consts::FRAC_PI_4;
use std::sync::Arc;

/// Largest distance of an entry of `V D V†` from the matrix, beside the matrix's own distance from a unitary.
const TOLERANCE: f64 = 1e-12;

/// Distance that is as small as rounding allows.
const GOOD: f64 = 1e-14;

/// Angles α that are tried. Eigenvalues of usual gates have arguments that are multiples of π/8. At these α, no two
/// different arguments have the same cosine.
const TURNS: [f64; 6] = [0.41, 1.13, 1.87, 2.59, 0.77, 2.23];

/// Eigenvalues and eigenvectors of a unitary `U = V D V†`.
#[derive(Debug)]
pub(crate) struct Diagonalized {
    /// V, row by row. Its columns are the eigenvectors.
    pub(crate) vectors: Arc<[Complex64]>,
    /// Arguments of the diagonal of D.
    pub(crate) arguments: Vec<f64>,
}

impl Diagonalized {
    /// Finds the eigenvectors of U as eigenvectors of the Hermitian matrix `(e^-iα U + e^iα U†)/2`, whose eigenvalues
    /// are `cos(θ - α)`. Two different θ have the same eigenvalue if they are mirror images at α. So several α are
    /// tried, and the best result is taken.
    pub(crate) fn new(entries: &[Complex64]) -> Result<Self, Mistake> {
        let size = entries.len().isqrt();
        let u = DMatrix::from_row_slice(size, size, entries);
        let allowed = TOLERANCE + size as f64 * distance(&(u.adjoint() * &u), &DMatrix::identity(size, size));
        let (mut best, mut deviation) = (None, f64::INFINITY);
        for turn in TURNS {
            let Some((off, found)) = Self::turned(&u, turn) else { continue };
            if off < deviation {
                (best, deviation) = (Some(found), off);
            }
            if deviation < GOOD {
                break;
            }
        }
        best.filter(|_| deviation <= allowed).ok_or(Mistake::NotDiagonalized { deviation, allowed })
    }

    /// Coefficients of words of Z whose sum has the arguments on the basis states; bit `k` of an index is a Z on qubit
    /// `k`. Coefficients that are rounding are 0.
    pub(crate) fn words(&self) -> Vec<f64> {
        let of = |word: usize| {
            let sign = |state: usize| if gf2::parity((state & word) as u64) { -1.0 } else { 1.0 };
            let sum: f64 = self.arguments.iter().enumerate().map(|(state, argument)| sign(state) * argument).sum();
            let mean = sum / self.arguments.len() as f64;
            if mean.abs() < f64::EPSILON { 0.0 } else { mean }
        };
        (0..self.arguments.len()).map(of).collect()
    }

    /// Result for one α, with its distance from U.
    fn turned(u: &DMatrix<Complex64>, turn: f64) -> Option<(f64, Self)> {
        let turned = u.map(|entry| entry * Complex64::cis(-turn));
        let hermitian = (&turned + turned.adjoint()).map(|entry| 0.5 * entry);
        let v = SymmetricEigen::try_new(hermitian, f64::EPSILON, 1000 * u.nrows())?.eigenvectors;
        let diagonal = v.adjoint() * u * &v;
        let arguments: Vec<f64> = diagonal.diagonal().iter().map(|value| permuted(value.arg())).collect();
        let d = DMatrix::from_diagonal(
            &arguments.iter().map(|argument| Complex64::cis(*argument)).collect::<Vec<_>>().into(),
        );
        let unitary = distance(&(v.adjoint() * &v), &DMatrix::identity(u.nrows(), u.nrows()));
        let off = unitary.max(distance(&(&v * d * v.adjoint()), u));
        Some((off, Self { vectors: v.transpose().iter().copied().collect(), arguments }))
    }
}

/// Rounds an argument to a multiple of π/4 if it is close to one, so that phases such as 1, i and e^{iπ/4} are exact.
fn permuted(argument: f64) -> f64 {
    let simple = (argument / FRAC_PI_4).round() * FRAC_PI_4;
    if (argument - simple).abs() < GOOD { simple } else { argument }
}

/// Largest entry of a difference; infinite if an entry is NaN.
fn distance(a: &DMatrix<Complex64>, b: &DMatrix<Complex64>) -> f64 {
    let worst = |worst: f64, off: f64| if off.is_nan() { f64::INFINITY } else { worst.max(off) };
    a.iter().zip(b.iter()).map(|(a, b)| (a - b).modulus()).fold(0.0, worst)
}
