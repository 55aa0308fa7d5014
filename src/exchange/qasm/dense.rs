//! Dense matrices and Pauli words of operations, to find out what a definition does.

use super::logical::{Angles, Kind, LogicalCircuit, LogicalOperation};
use crate::circuit::input;
use crate::gate::{Gate, Inverse};
use crate::mask::Mask;
use crate::observable::{Letter, PauliWord};
use num_complex::Complex64;

/// Square matrix, row by row.
pub(super) type Dense = Vec<Vec<Complex64>>;

/// Largest deviation of equal entries.
const TOLERANCE: f64 = 1e-9;

/// Phases below are none.
const NO_PHASE: f64 = 1e-12;

/// Returns the angles of an operation, if they are numbers.
fn angles(logical: &LogicalCircuit, operation: &LogicalOperation, count: usize) -> Option<Vec<f64>> {
    match operation.angles {
        Angles::Numbers(first) => Some(logical.numbers.get(first as usize..)?.get(..count)?.to_vec()),
        Angles::Expressions(_) => None,
    }
}

/// Returns the matrix of the operations from `first` on, or `None` if there are others than gates and phases.
pub(super) fn matrix(logical: &LogicalCircuit, first: usize, qubits: usize) -> Option<Dense> {
    let size = 1usize << qubits;
    let one = |row, column| Complex64::from(f64::from(u8::from(row == column)));
    let mut whole: Dense = (0..size).map(|row| (0..size).map(|column| one(row, column)).collect()).collect();
    for operation in logical.list.get(first..)? {
        let (own, targets): (Dense, &[u8]) = match operation.kind {
            Kind::Gate { gate, dagger } => {
                let own = gate.matrix(&angles(logical, operation, gate.angles().len())?);
                (if dagger { adjoint(&own) } else { own }, logical.qubits(operation))
            }
            Kind::GlobalPhase => (vec![vec![Complex64::cis(*angles(logical, operation, 1)?.first()?)]], &[]),
            _ => return None,
        };
        let context = logical.contexts.get(operation.context as usize)?;
        let acts = |row: usize| context.controls.iter().all(|(qubit, value)| (row >> qubit & 1 == 1) == *value);
        let mask = targets.iter().fold(0, |mask, qubit| mask | 1usize << qubit);
        let place = |base: usize, index: usize| {
            targets.iter().enumerate().fold(base, |row, (k, qubit)| row | (index >> k & 1) << qubit)
        };
        for base in (0..size).filter(|base| base & mask == 0 && acts(*base)) {
            let rows: Vec<Vec<Complex64>> = (0..own.len()).map(|index| whole[place(base, index)].clone()).collect();
            for (index, entries) in own.iter().enumerate() {
                let row = &mut whole[place(base, index)];
                for (column, entry) in row.iter_mut().enumerate() {
                    *entry = entries.iter().zip(&rows).map(|(factor, row)| factor * row[column]).sum();
                }
            }
        }
    }
    Some(whole)
}

fn adjoint(matrix: &Dense) -> Dense {
    (0..matrix.len()).map(|row| matrix.iter().map(|line| line[row].conj()).collect()).collect()
}

/// Returns the phase in front of `other` that makes both matrices equal.
pub(super) fn phase_between(matrix: &Dense, other: &Dense) -> Option<f64> {
    let pairs = || matrix.iter().flatten().zip(other.iter().flatten());
    let (a, b) = pairs().max_by(|(_, a), (_, b)| a.norm().total_cmp(&b.norm()))?;
    let ratio = a / b;
    let is_close = pairs().all(|(a, b)| (a - ratio * b).norm() < TOLERANCE) && (ratio.norm() - 1.0).abs() < TOLERANCE;
    let phase = ratio.arg();
    is_close.then_some(if phase.abs() < NO_PHASE { 0.0 } else { phase })
}

/// Returns whether two phases are the same.
pub(super) fn same_phase(one: f64, other: f64) -> bool {
    (Complex64::cis(one) - Complex64::cis(other)).norm() < TOLERANCE
}

/// Pauli word with a sign.
struct Signed {
    letters: PauliWord,
    negative: bool,
}

/// Returns the Pauli word about which operations rotate by the first input: a rotation, with gates in front of it that bring
/// the word to a single letter, and their inverses behind it. `None` for other operations.
pub(super) fn rotated_word(logical: &LogicalCircuit, first: usize, qubits: usize) -> Option<String> {
    let list = logical.list.get(first..)?;
    let middle = list.len() / 2;
    let (front, back) = (list.get(..middle)?, list.get(middle + 1..)?);
    let pivot = list.get(middle)?;
    let is_undone = |(operation, undo): (&LogicalOperation, &LogicalOperation)| {
        let (gate, other) = (clifford(operation)?, clifford(undo)?);
        let inverse = match gate.spec().inverse {
            Inverse::Named(other) => other,
            _ => gate,
        };
        (inverse == other && logical.qubits(operation) == logical.qubits(undo)).then_some(())
    };
    front.iter().zip(back.iter().rev()).try_for_each(is_undone)?;
    let Kind::Gate { gate, .. } = pivot.kind else { return None };
    let letter = match gate {
        Gate::rx => 'X',
        Gate::ry => 'Y',
        Gate::rz => 'Z',
        _ => return None,
    };
    let letters = PauliWord::from_letters([(letter, pivot.qubits[0] as usize)]).ok()?;
    let Angles::Expressions(place) = pivot.angles else { return None };
    let (angle, turned) = (input(0), logical.expressions.get(place as usize)?);
    let negative = **turned == -angle.clone();
    if front.len() != back.len() || pivot.context != 0 || !negative && **turned != angle {
        return None;
    }
    let mut word = Signed { letters, negative };
    front.iter().rev().try_for_each(|operation| word.conjugate(clifford(operation)?, logical.qubits(operation)))?;
    (!word.negative).then(|| (0..qubits).map(|qubit| word.letters.letter(qubit).map_or('I', Letter::spelled)).collect())
}

/// Returns the gate of an operation without controls.
fn clifford(operation: &LogicalOperation) -> Option<Gate> {
    match operation.kind {
        Kind::Gate { gate, dagger: false } if operation.context == 0 && gate.angles().is_empty() => Some(gate),
        _ => None,
    }
}

impl Signed {
    /// Becomes `U† P U` for a gate `U`.
    fn conjugate(&mut self, gate: Gate, qubits: &[u8]) -> Option<()> {
        let word = &mut self.letters;
        let first = usize::from(*qubits.first()?);
        let (x, z) = (word.x.contains(first), word.z.contains(first));
        let (new_x, new_z, flips) = match gate {
            Gate::h => (z, x, x && z),
            Gate::s => (x, z ^ x, x && !z),
            Gate::sdg => (x, z ^ x, x && z),
            Gate::sx => (x ^ z, z, x && z),
            Gate::sxdg => (x ^ z, z, z && !x),
            Gate::x => (x, z, z),
            Gate::y => (x, z, x ^ z),
            Gate::z => (x, z, x),
            Gate::cx => {
                let target = usize::from(*qubits.get(1)?);
                let (tx, tz) = (word.x.contains(target), word.z.contains(target));
                word.x = word.x.with(target, tx ^ x);
                (x, z ^ tz, x && tz && (tx == z))
            }
            _ => return None,
        };
        word.x = word.x.with(first, new_x);
        word.z = word.z.with(first, new_z);
        self.negative ^= flips;
        Some(())
    }
}
