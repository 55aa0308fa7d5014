//! Coefficients of ops, and how much undoing an op enlarges errors.

use super::dense::DenseMap;
use super::lower::Op;
use super::plan::{Kernel, Lanes, Pass, PlacedOp, Plan, Terms, word_at};
use super::transfer::{self, IDENTITY, Transfer};
use crate::engine::Real;
use crate::engine::lines::Row16;
use crate::engine::simd::LANES;

/// Matrix of a part, and a bound below its smallest singular value.
pub(super) type PartMatrix = (Transfer, f64);

/// Matrix in a lane without a sample.
pub(super) const IN_NO_SAMPLE: PartMatrix = (IDENTITY, f64::INFINITY);

/// Values of an op in each lane; a single value stands for all lanes.
#[derive(Debug)]
pub(super) enum OpValues<'a> {
    Local(&'a [PartMatrix]),
    Mixing(&'a [f64]),
    Dense(&'a DenseMap),
}

/// Writes the coefficients of an op, and returns the largest factor by which undoing it enlarges an error.
pub(super) fn set_coefficients<T: Real>(
    plan: &Plan,
    (pass, placed, op): (&Pass, &PlacedOp, &Op),
    values: &OpValues<'_>,
    to: &mut [Row16<T>],
) -> f64 {
    match (values, &placed.kernel) {
        (OpValues::Dense(_), Kernel::Exchange { .. }) => 1.0,
        (OpValues::Dense(map), Kernel::Sparse { maps }) => {
            maps.iter().for_each(|terms| set_terms(terms, to));
            1.0 / map.smallest
        }
        (OpValues::Local(matrices), Kernel::Row { .. }) => set_row(matrices, to),
        (OpValues::Local(matrices), Kernel::RowFactors { .. }) => set_row_factors(matrices, to),
        (OpValues::Local(matrices), Kernel::Lane { qubit }) => {
            let (of, smallest) = &matrices[0];
            set_lane(of, *qubit, to);
            1.0 / smallest
        }
        (OpValues::Local(matrices), Kernel::Diagonal { rows, .. }) => {
            let factor = |word: usize, lane: usize| matrices[lane].0[word][word];
            1.0 / set_diagonal(plan.lanes, (pass, op, rows), matrices.len(), factor, to)
        }
        (OpValues::Mixing(strengths), Kernel::Diagonal { rows, .. }) => {
            let factor = |word: usize, lane: usize| if word == 0 { 1.0 } else { 1.0 - strengths[lane] };
            1.0 / set_diagonal(plan.lanes, (pass, op, rows), strengths.len(), factor, to)
        }
        (OpValues::Local(_) | OpValues::Mixing(_) | OpValues::Dense(_), _) => unreachable!("kernels follow from ops"),
    }
}

/// Writes the number of one lane, or of all lanes if there is one for all.
fn set<T: Real>(row: &mut Row16<T>, lane: usize, lanes: usize, value: f64) {
    match lanes {
        1 => *row = Row16([T::from_f64(value); LANES]),
        _ => row.0[lane] = T::from_f64(value),
    }
}

/// Largest factor by which the inverse of one of the matrices enlarges an error.
fn growth(matrices: &[PartMatrix]) -> f64 {
    1.0 / matrices.iter().map(|(_, smallest)| *smallest).fold(f64::INFINITY, f64::min)
}

fn set_terms<T: Real>(terms: &Terms, to: &mut [Row16<T>]) {
    for (row, values) in to[terms.first..].iter_mut().zip(&terms.values) {
        *row = Row16(values.map(T::from_f64));
    }
}

/// Writes the rows X, Z and Y of a matrix, then of its inverse.
fn set_row<T: Real>(matrices: &[PartMatrix], to: &mut [Row16<T>]) -> f64 {
    for (lane, (of, _)) in matrices.iter().enumerate() {
        let inverse = transfer::inverse(of);
        let entries = of[1..].iter().chain(&inverse[1..]).flatten();
        to.iter_mut().zip(entries).for_each(|(row, entry)| set(row, lane, matrices.len(), *entry));
    }
    growth(matrices)
}

/// Writes the factors of X, Z and Y, then their inverses.
fn set_row_factors<T: Real>(matrices: &[PartMatrix], to: &mut [Row16<T>]) -> f64 {
    let (factors, inverses) = to.split_at_mut(3);
    for (lane, (of, _)) in matrices.iter().enumerate() {
        for (k, (factor, inverse)) in factors.iter_mut().zip(&mut *inverses).enumerate() {
            set(factor, lane, matrices.len(), of[k + 1][k + 1]);
            set(inverse, lane, matrices.len(), 1.0 / of[k + 1][k + 1]);
        }
    }
    growth(matrices)
}

/// Writes a matrix over the letters of a lane digit as factors of XORs; then its inverse, and its transpose.
fn set_lane<T: Real>(of: &Transfer, qubit: usize, to: &mut [Row16<T>]) {
    let inverse = transfer::inverse(of);
    let transposed: Transfer = std::array::from_fn(|i| std::array::from_fn(|j| of[j][i]));
    for (of, to) in [of, &inverse, &transposed].into_iter().zip(to.chunks_exact_mut(4)) {
        for (k, row) in to.iter_mut().enumerate() {
            let letters: [T; 4] = std::array::from_fn(|letter| T::from_f64(of[letter][letter ^ k]));
            *row = Row16(std::array::from_fn(|lane| letters[lane >> (2 * qubit) & 3]));
        }
    }
}

/// Writes the factors of all words of an op's qubits, then their inverses. Returns the smallest size of a factor.
fn set_diagonal<T: Real>(
    lanes: Lanes,
    (pass, op, rows): (&Pass, &Op, &[u8]),
    samples: usize,
    factor: impl Fn(usize, usize) -> f64,
    to: &mut [Row16<T>],
) -> f64 {
    let (factors, inverses) = to.split_at_mut(rows.len());
    let mut smallest = f64::INFINITY;
    for ((row, to), inverse) in rows.iter().zip(factors).zip(inverses) {
        let word = |lane: usize| word_at(op.qubits(), pass, lanes, usize::from(*row), lane);
        let of_first = word(0);
        let all: [f64; LANES] = match lanes {
            Lanes::Letters => std::array::from_fn(|lane| factor(word(lane), 0)),
            Lanes::Samples if samples == 1 => [factor(of_first, 0); LANES],
            Lanes::Samples => std::array::from_fn(|lane| factor(of_first, lane)),
        };
        smallest = all.iter().map(|factor| factor.abs()).fold(smallest, f64::min);
        *to = Row16(all.map(T::from_f64));
        *inverse = Row16(all.map(|factor| T::from_f64(1.0 / factor)));
    }
    smallest
}
