//! The dense matrix of a gate, written for readers rather than for speed.

use super::{FactorKind, Form, Gate};
use num_complex::Complex64;

/// Square matrix, row by row.
type Dense = Vec<Vec<Complex64>>;

impl Gate {
    /// Returns the unitary of this gate for given angles in radians, row by row.
    ///
    /// The first qubit of the gate is the low bit of an index. Angles beyond the gate's angles are ignored, and missing
    /// angles are 0.
    ///
    /// ```
    /// use candlewick::gate::Gate;
    /// let swap = Gate::swap.matrix(&[]);
    /// assert_eq!(swap[1][2].re, 1.0);
    /// ```
    pub fn matrix(self, angles: &[f64]) -> Vec<Vec<Complex64>> {
        let spec = self.spec();
        let mut given = vec![0.0; spec.angles.len()];
        given.iter_mut().zip(angles).for_each(|(to, from)| *to = *from);
        let targets = spec.qubits.len() - spec.controls;
        let inner = form_matrix(&spec.form, targets, &given);
        let mut whole = identity(1 << spec.qubits.len());
        let controls = (1 << spec.controls) - 1;
        for (row, entries) in inner.iter().enumerate() {
            for (column, &entry) in entries.iter().enumerate() {
                whole[row << spec.controls | controls][column << spec.controls | controls] = entry;
            }
        }
        whole
    }
}

fn form_matrix(form: &Form, targets: usize, angles: &[f64]) -> Dense {
    let size = 1 << targets;
    let all: Vec<usize> = (0..targets).collect();
    match form {
        Form::Matrix1(matrix) => matrix.iter().map(|row| row.to_vec()).collect(),
        Form::Matrix2(matrix) => matrix.iter().map(|row| row.to_vec()).collect(),
        Form::PauliRotation(word) => rotation(word, &all, size, angles[0]),
        Form::Phase => phase(&all, size, Complex64::cis(angles[0])),
        Form::FixedPhase(value) => phase(&all, size, *value),
        Form::Permutation(pairs) => pairs.iter().fold(identity(size), |mut matrix, &(a, b)| {
            matrix.swap(a, b);
            matrix
        }),
        Form::Product(factors) => factors.iter().fold(identity(size), |matrix, factor| {
            let angle = factor.angle.value(angles);
            let left = match factor.kind {
                FactorKind::PauliRotation(word) => rotation(word, factor.targets, size, angle),
                FactorKind::Phase => phase(factor.targets, size, Complex64::cis(angle)),
            };
            product(&left, &matrix)
        }),
    }
}

fn identity(size: usize) -> Dense {
    let entry = |row, column| Complex64::from(f64::from(u8::from(row == column)));
    (0..size).map(|row| (0..size).map(|column| entry(row, column)).collect()).collect()
}

fn product(a: &Dense, b: &Dense) -> Dense {
    let entry = |row: &[Complex64], column: usize| row.iter().zip(b).map(|(x, line)| x * line[column]).sum();
    a.iter().map(|row| (0..b.len()).map(|column| entry(row, column)).collect()).collect()
}

fn phase(targets: &[usize], size: usize, value: Complex64) -> Dense {
    let mut matrix = identity(size);
    for (index, row) in matrix.iter_mut().enumerate() {
        if targets.iter().all(|&target| index >> target & 1 == 1) {
            row[index] = value;
        }
    }
    matrix
}

fn rotation(word: &str, targets: &[usize], size: usize, theta: f64) -> Dense {
    let (sin, cos) = (theta / 2.0).sin_cos();
    let mut matrix = vec![vec![Complex64::default(); size]; size];
    (0..size).for_each(|column| {
        let (row, entry) = pauli_entry(word, targets, column);
        matrix[column][column] += cos;
        matrix[row][column] += Complex64::new(0.0, -sin) * entry;
    });
    matrix
}

/// Returns the basis state to which a Pauli word maps a basis state, and the factor.
fn pauli_entry(word: &str, targets: &[usize], column: usize) -> (usize, Complex64) {
    let start = (column, Complex64::new(1.0, 0.0));
    word.chars().zip(targets).fold(start, |(row, factor), (letter, &target)| {
        let sign = if column >> target & 1 == 1 { -1.0 } else { 1.0 };
        match letter {
            'X' => (row ^ 1 << target, factor),
            'Y' => (row ^ 1 << target, factor * Complex64::new(0.0, sign)),
            'Z' => (row, factor * sign),
            _ => (row, factor),
        }
    })
}
