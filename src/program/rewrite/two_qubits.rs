//! Constant matrices on two qubits as gates on one qubit, rotations about XX, YY and ZZ, and a SWAP: these fit into
//! layers, where a matrix is a sweep of its own.
//!
//! Every unitary on two qubits is `(A1 ⊗ A0) exp(i (a XX + b YY + c ZZ)) (B1 ⊗ B0)` up to a phase (Kraus and Cirac, Phys.
//! Rev. A 63, 062309, 2001). In the magic basis the outer factors are real and orthogonal and the inner one is diagonal,
//! so the eigenvectors of `U^T U` there give all of them (Makhlin, Quantum Inf. Process. 1, 243, 2002).

use super::slots::Slots;
use super::{NOISE, is_one};
use crate::program::{Controls, Kernel, Program, Slot, Step};
use nalgebra::{Matrix2, Matrix4, SymmetricEigen};
use num_complex::Complex64;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2, FRAC_PI_4};

type C = Complex64;

/// Largest error of an entry of the product. Matrices whose product is further off stay as they are: their own entries
/// are no better a unitary.
const ERROR: f64 = 1e-13;

/// Largest distance of an angle from a multiple of π/4 that counts as rounding.
const SNAP: f64 = 4.0 * NOISE;

/// Number of combinations of real and imaginary part whose eigenvectors are tried. Eigenvalues that happen to be equal in
/// one combination differ in the others.
const TRIES: usize = 8;

/// Splits the matrices on two qubits that have no controls.
pub(super) fn split_matrices(program: &mut Program) {
    let mut slots = Slots::new(std::mem::take(&mut program.slots));
    let mut steps = Vec::with_capacity(program.steps.len());
    for step in program.steps.drain(..) {
        match &step.kernel {
            Kernel::Matrix { qubits, entries } if qubits.len() == 2 && step.controls == Controls::NONE => {
                let matrix = Matrix4::from_row_slice(entries);
                match Split::new(matrix).filter(|split| largest(split.product() - matrix) < ERROR) {
                    Some(split) => split.steps([qubits[0], qubits[1]], &mut slots, &mut steps),
                    None => steps.push(step),
                }
            }
            _ => steps.push(step),
        }
    }
    (program.slots, program.steps) = slots.into_needed(steps);
}

/// Factors of a unitary: `phase (A1 ⊗ A0) SWAP^swap exp(i (a XX + b YY + c ZZ)) (B1 ⊗ B0)`.
struct Split {
    phase: C,
    /// Matrices of the lower and the upper qubit.
    after: [Matrix2<C>; 2],
    swaps: bool,
    /// Angles of XX, YY and ZZ.
    angles: [f64; 3],
    before: [Matrix2<C>; 2],
}

impl Split {
    /// Splits a unitary; `None` if rounding, or a matrix that is no unitary, leaves no answer.
    fn new(matrix: Matrix4<C>) -> Option<Self> {
        let magic = magic();
        let root = matrix.determinant().powf(0.25);
        let inner = magic.adjoint() * matrix.map(|entry| entry / root) * magic;
        let symmetric = inner.transpose() * inner;
        let mut right = eigenvectors(symmetric);
        if right.determinant() < 0.0 {
            right.column_mut(0).neg_mut();
        }
        let right = right.map(C::from);
        let mut half = (right.transpose() * symmetric * right).diagonal().map(|value| value.arg() / 2.0);
        let mut left = inner * right * Matrix4::from_diagonal(&half.map(|half| C::cis(-half)));
        if left.determinant().re < 0.0 {
            left.column_mut(0).neg_mut();
            half[0] += std::f64::consts::PI;
        }
        // Signs of XX, YY and ZZ on the vectors of the magic basis.
        let signs = [[1.0, 1.0, -1.0, -1.0], [-1.0, 1.0, -1.0, 1.0], [1.0, -1.0, -1.0, 1.0]];
        let mean = |signs: [f64; 4]| half.iter().zip(signs).map(|(half, sign)| half * sign).sum::<f64>() / 4.0;
        let (after, first) = factors(magic * left * magic.adjoint())?;
        let (before, second) = factors(magic * right.transpose() * magic.adjoint())?;
        let phase = root * C::cis(mean([1.0; 4])) * first * second;
        let mut split = Self { phase, after, swaps: false, angles: signs.map(mean), before };
        split.reduce();
        Some(split)
    }

    /// Moves angles of π/2 into the gates on one qubit, and π/4 of each word into a SWAP, `exp(i π/4 (XX + YY + ZZ))` up to
    /// a phase, where that leaves fewer rotations.
    fn reduce(&mut self) {
        self.fold();
        if self.angles.iter().filter(|angle| **angle == FRAC_PI_4).count() >= 2 {
            self.swaps = true;
            self.phase *= C::cis(FRAC_PI_4);
            self.angles = self.angles.map(|angle| angle - FRAC_PI_4);
            self.fold();
        }
    }

    /// Brings the angles to -π/4 to π/4, without the lower end.
    fn fold(&mut self) {
        for (angle, letter) in self.angles.iter_mut().zip(letters()) {
            let mut turns = (*angle / FRAC_PI_2).round();
            *angle -= turns * FRAC_PI_2;
            if angle.abs() < SNAP {
                *angle = 0.0;
            } else if (angle.abs() - FRAC_PI_4).abs() < SNAP {
                turns -= if *angle < 0.0 { 1.0 } else { 0.0 };
                *angle = FRAC_PI_4;
            }
            // An angle of π/2 is i times the word.
            let turns = (turns as i64).rem_euclid(4) as i32;
            self.phase *= C::i().powi(turns);
            if turns % 2 == 1 {
                self.before = self.before.map(|matrix| letter * matrix);
            }
        }
    }

    /// Steps of the factors on a lower and an upper qubit.
    fn steps(&self, qubits: [usize; 2], slots: &mut Slots, steps: &mut Vec<Step>) {
        let both = qubits.iter().fold(0, |mask, qubit| mask | 1 << qubit);
        let mut push = |kernel| steps.push(Step { kernel, controls: Controls::NONE });
        let matrix = |(qubit, matrix): (&usize, &Matrix2<C>)| Kernel::Matrix {
            qubits: vec![*qubit],
            entries: [matrix.m11, matrix.m12, matrix.m21, matrix.m22].into(),
        };
        qubits.iter().zip(&self.before).map(matrix).for_each(&mut push);
        for ((x, z), angle) in [(both, 0), (both, both), (0, both)].into_iter().zip(self.angles) {
            if angle != 0.0 {
                let slot = slots.derived(&[], Slot { constant: -angle, terms: Vec::new() });
                push(Kernel::Rotation { x, z, slot });
            }
        }
        if self.swaps {
            push(Kernel::Exchange { mask: both, first: 1 << qubits[0], second: 1 << qubits[1] });
        }
        qubits.iter().zip(&self.after).map(matrix).for_each(&mut push);
        if !is_one(self.phase) {
            push(Kernel::FixedPhase(self.phase / self.phase.norm()));
        }
    }

    /// Product of the factors.
    fn product(&self) -> Matrix4<C> {
        let turns = self.angles.iter().zip(letters()).map(|(angle, letter)| {
            Matrix4::identity() * C::from(angle.cos()) + letter.kronecker(&letter) * (C::i() * angle.sin())
        });
        let inner = turns.fold(Matrix4::identity(), |product, turn| turn * product);
        let swap = Matrix4::from_fn(|row, column| {
            let moved = if self.swaps { [0, 2, 1, 3][column] } else { column };
            C::from(f64::from(u8::from(row == moved)))
        });
        let [after, before] = [&self.after, &self.before].map(|[lower, upper]| upper.kronecker(lower));
        after * swap * inner * before * self.phase
    }
}

/// Matrices of X, Y and Z.
fn letters() -> [Matrix2<C>; 3] {
    let [o, one, i] = [C::from(0.0), C::from(1.0), C::i()];
    [Matrix2::new(o, one, one, o), Matrix2::new(o, -i, i, o), Matrix2::new(one, o, o, -one)]
}

/// Vectors of the magic basis, as columns.
fn magic() -> Matrix4<C> {
    let (o, r, i) = (C::from(0.0), C::from(FRAC_1_SQRT_2), C::new(0.0, FRAC_1_SQRT_2));
    Matrix4::new(r, o, o, i, o, i, r, o, o, i, -r, o, r, o, o, -i)
}

/// Real eigenvectors of a symmetric unitary, whose real and imaginary parts commute.
fn eigenvectors(symmetric: Matrix4<C>) -> Matrix4<f64> {
    let tried = (0..TRIES).map(|k| {
        let (sin, cos) = (0.4 + k as f64).sin_cos();
        let vectors = SymmetricEigen::new(symmetric.map(|entry| cos * entry.re + sin * entry.im)).eigenvectors;
        let complex = vectors.map(C::from);
        let mut rest = complex.transpose() * symmetric * complex;
        rest.fill_diagonal(C::from(0.0));
        (largest(rest), vectors)
    });
    tried.min_by(|(one, _), (other, _)| one.total_cmp(other)).map_or_else(Matrix4::identity, |(_, vectors)| vectors)
}

/// Factors of a product `upper ⊗ lower`, as `[lower, upper]` of determinant 1, and the phase that is left.
fn factors(product: Matrix4<C>) -> Option<([Matrix2<C>; 2], C)> {
    let (at, _) = product.iter().enumerate().max_by(|(_, one), (_, other)| one.norm().total_cmp(&other.norm()))?;
    // nalgebra counts down the columns.
    let (row, column) = (at % 4, at / 4);
    let lower = Matrix2::from_fn(|r, c| product[((row & 2) + r, (column & 2) + c)]);
    let upper = Matrix2::from_fn(|r, c| product[(2 * r + (row & 1), 2 * c + (column & 1))]);
    let unit = |matrix: Matrix2<C>| {
        let root = matrix.determinant().sqrt();
        matrix.map(|entry| entry / root)
    };
    let [lower, upper] = [lower, upper].map(unit);
    let phase = product[(row, column)] / (lower[(row & 1, column & 1)] * upper[(row / 2, column / 2)]);
    phase.is_finite().then_some(([lower, upper], phase))
}

/// Largest absolute value of an entry; NaN if there is one.
fn largest(matrix: Matrix4<C>) -> f64 {
    matrix
        .iter()
        .map(|entry| entry.norm())
        .fold(0.0, |most, value| if most.is_nan() || value <= most { most } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(matrix: Matrix4<C>) -> Split {
        let split = Split::new(matrix).expect("a unitary");
        let error = largest(split.product() - matrix);
        assert!(error < 1e-14, "{error:e}: {matrix}");
        assert!(split.angles.iter().all(|angle| *angle > -FRAC_PI_4 && *angle <= FRAC_PI_4), "{:?}", split.angles);
        split
    }

    fn number(state: &mut u64) -> f64 {
        *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (*state >> 11) as f64 / (1u64 << 53) as f64 - 0.5
    }

    /// A unitary from the columns of a matrix of random numbers.
    fn random(state: &mut u64) -> Matrix4<C> {
        Matrix4::from_fn(|_, _| C::new(number(state), number(state))).qr().q()
    }

    #[test]
    fn random_unitaries_are_products() {
        let mut state = 1;
        for _ in 0..10_000 {
            check(random(&mut state));
        }
    }

    /// Gates whose angles are multiples of π/4, in front of and behind gates on one qubit; local gates, and SWAP, need no
    /// rotation.
    #[test]
    fn gates_with_equal_eigenvalues() {
        let [o, one, i, r] = [C::from(0.0), C::from(1.0), C::i(), C::from(FRAC_1_SQRT_2)];
        let identity = Matrix4::identity();
        let cx = Matrix4::new(one, o, o, o, o, o, o, one, o, o, one, o, o, one, o, o);
        let swap = Matrix4::new(one, o, o, o, o, o, one, o, o, one, o, o, o, o, o, one);
        let iswap = Matrix4::new(one, o, o, o, o, o, i, o, o, i, o, o, o, o, o, one);
        let ecr = Matrix4::new(o, r, o, i * r, r, o, -i * r, o, o, i * r, o, r, -i * r, o, r, o);
        let mut state = 2;
        for (gate, rotations, swaps) in [
            (identity, 0, false),
            (cx, 1, false),
            (swap, 0, true),
            (iswap, 1, true),
            (ecr, 1, false),
            (iswap * cx, 1, true),
        ] {
            for round in 0..1000 {
                let mut local = || Matrix2::from_fn(|_, _| C::new(number(&mut state), number(&mut state))).qr().q();
                let [before, after] = [local().kronecker(&local()), local().kronecker(&local())];
                let split = check(if round == 0 { gate } else { after * gate * before });
                let found = split.angles.iter().filter(|angle| **angle != 0.0).count();
                assert_eq!((found, split.swaps), (rotations, swaps), "{:?} {gate}", split.angles);
            }
        }
    }

    #[test]
    fn what_is_no_unitary_is_told() {
        for value in [0.0, f64::NAN, f64::INFINITY] {
            let matrix = Matrix4::from_element(C::from(value));
            let error = Split::new(matrix).map_or(f64::NAN, |split| largest(split.product() - matrix));
            assert!(error.is_nan() || error > ERROR, "{error}");
        }
    }
}
