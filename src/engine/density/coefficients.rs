//! Coefficients of ops for given values of the slots, and how much undoing an op enlarges errors.

use super::lower::{Op, Part};
use super::plan::{Kernel, Lanes, Pass, PlacedOp, Plan, word_at};
use super::transfer::{self, IDENTITY, Transfer};
use crate::engine::Real;
use crate::engine::lines::Row16;
use crate::engine::simd::LANES;

/// Values of the slots in each lane, and the lanes that have a sample.
#[derive(Debug)]
pub(super) struct Values<'a> {
    pub(super) slots: &'a [[f64; LANES]],
    pub(super) valid: &'a [bool; LANES],
}

impl Values<'_> {
    fn of_lane(&self, lane: usize) -> impl Fn(usize) -> f64 + '_ {
        move |slot| self.slots[slot][lane]
    }
}

/// Matrix of a part, and a bound below its smallest singular value.
pub(super) type PartMatrix = (Transfer, f64);

/// Returns the matrix of a part.
pub(super) fn part_matrix(part: &Part, value: &impl Fn(usize) -> f64) -> PartMatrix {
    let smallest = part.factors.iter().map(|factor| factor.smallest(value)).product();
    (transfer::of_factors(&part.factors, value), smallest)
}

/// Returns the matrices of all parts of an op in a lane: those that vary, and those that samples share.
fn matrices_of_lane<'a>(
    parts: &'a [Part],
    shared: &'a [PartMatrix],
    value: &'a impl Fn(usize) -> f64,
) -> impl Iterator<Item = PartMatrix> + 'a {
    parts.iter().zip(shared).map(move |(part, shared)| if part.varies { part_matrix(part, value) } else { *shared })
}

/// Writes the coefficients of an op, and returns the largest factor by which undoing it enlarges an error.
///
/// `shared` has the matrices of the op's parts that do not vary. If `is_shared`, all samples have the values of the first
/// lane.
pub(super) fn set_coefficients<T: Real>(
    plan: &Plan,
    (pass, placed, op, shared): (&Pass, &PlacedOp, &Op, &[PartMatrix]),
    values: &Values<'_>,
    is_shared: bool,
    to: &mut [Row16<T>],
) -> f64 {
    // In lanes of letters all lanes belong to one sample.
    let is_shared = is_shared || plan.lanes == Lanes::Letters;
    let lanes = if is_shared { 0..1 } else { 0..LANES };
    match (op, &placed.kernel) {
        (Op::Dense { .. }, Kernel::Exchange { .. }) => 1.0,
        (Op::Dense { map, .. }, Kernel::Sparse { maps }) => {
            for terms in maps.iter() {
                for (row, values) in terms.values.iter().enumerate() {
                    to[terms.first + row] = Row16(values.map(T::from_f64));
                }
            }
            1.0 / map.smallest
        }
        (Op::Local { parts, .. }, kernel) => {
            let mut smallest = f64::INFINITY;
            for lane in lanes {
                let of = if is_shared || values.valid[lane] {
                    let value = values.of_lane(lane);
                    let all = matrices_of_lane(parts, shared, &value);
                    let (of, product) = all.fold((IDENTITY, 1.0), |(of, least), (next, smallest)| {
                        (transfer::product(&next, &of), least * smallest)
                    });
                    smallest = smallest.min(product);
                    of
                } else {
                    IDENTITY
                };
                match kernel {
                    Kernel::Row { .. } => {
                        let inverse = transfer::inverse(&of);
                        let entries = of[1..].iter().chain(&inverse[1..]).flatten();
                        for (row, entry) in to.iter_mut().zip(entries) {
                            match is_shared {
                                true => *row = Row16([T::from_f64(*entry); LANES]),
                                false => row.0[lane] = T::from_f64(*entry),
                            }
                        }
                    }
                    Kernel::RowFactors { .. } => {
                        for k in 0..3 {
                            let factor = of[k + 1][k + 1];
                            for (row, value) in [(k, factor), (k + 3, 1.0 / factor)] {
                                match is_shared {
                                    true => to[row] = Row16([T::from_f64(value); LANES]),
                                    false => to[row].0[lane] = T::from_f64(value),
                                }
                            }
                        }
                    }
                    Kernel::Lane { qubit } => set_lane(&of, *qubit, to),
                    Kernel::Diagonal { .. } => break,
                    Kernel::Sparse { .. } | Kernel::Exchange { .. } => {
                        unreachable!("a factor on one qubit has a kernel of its own")
                    }
                }
            }
            if let Kernel::Diagonal { count, .. } = kernel {
                let factor = |word: usize, lane: usize| {
                    let value = values.of_lane(lane);
                    matrices_of_lane(parts, shared, &value).map(|(of, _)| of[word][word]).product()
                };
                smallest = set_diagonal(plan, (pass, op, *count), values, is_shared, factor, to);
            }
            1.0 / smallest
        }
        (Op::Mixing { slot, .. }, Kernel::Diagonal { count, .. }) => {
            let factor = |word: usize, lane: usize| if word == 0 { 1.0 } else { 1.0 - values.slots[*slot][lane] };
            1.0 / set_diagonal(plan, (pass, op, *count), values, is_shared, factor, to)
        }
        (Op::Dense { .. }, _) | (Op::Mixing { .. }, _) => unreachable!("kernels follow from ops"),
    }
}

/// Writes a matrix over the letters of a lane digit as factors of XORs; then its inverse, and its transpose.
fn set_lane<T: Real>(of: &Transfer, qubit: usize, to: &mut [Row16<T>]) {
    let inverse = transfer::inverse(of);
    let letter = |lane: usize| lane >> (2 * qubit) & 3;
    for k in 0..4 {
        let row = |entry: &dyn Fn(usize, usize) -> f64| {
            Row16(std::array::from_fn(|lane| T::from_f64(entry(letter(lane), letter(lane) ^ k))))
        };
        to[k] = row(&|i, j| of[i][j]);
        to[4 + k] = row(&|i, j| inverse[i][j]);
        to[8 + k] = row(&|i, j| of[j][i]);
    }
}

/// Writes the factors of all words of an op's qubits, then their inverses. Returns the smallest size of a factor.
fn set_diagonal<T: Real>(
    plan: &Plan,
    (pass, op, count): (&Pass, &Op, usize),
    values: &Values<'_>,
    is_shared: bool,
    factor: impl Fn(usize, usize) -> f64,
    to: &mut [Row16<T>],
) -> f64 {
    let mut smallest = f64::INFINITY;
    // Row of the cell for each class.
    let rows = (0..pass.offsets.len()).map(|row| (word_of_class(plan, pass, op, row, 0), row));
    let mut first = vec![None; count];
    rows.for_each(|(class, row)| _ = first[class].get_or_insert(row));
    for (class, row) in first.into_iter().enumerate() {
        let row = row.expect("each class has a row");
        for lane in 0..LANES {
            let factor = match plan.lanes {
                Lanes::Letters => factor(word_at(op.qubits(), pass, plan.lanes, row, lane), 0),
                Lanes::Samples if is_shared => factor(class, 0),
                Lanes::Samples if values.valid[lane] => factor(class, lane),
                Lanes::Samples => 1.0,
            };
            smallest = smallest.min(factor.abs());
            to[class].0[lane] = T::from_f64(factor);
            to[count + class].0[lane] = T::from_f64(1.0 / factor);
        }
    }
    smallest
}

/// Class of a row among the rows that differ in the op's row digits.
fn word_of_class(plan: &Plan, pass: &Pass, op: &Op, row: usize, lane: usize) -> usize {
    let in_rows: Vec<usize> = op.qubits().iter().copied().filter(|qubit| *qubit >= plan.lanes.qubits()).collect();
    word_at(&in_rows, pass, plan.lanes, row, lane)
}

/// Sum of products of λ and the state, as a derivative in the entries of the op's matrix; for mixing, the entry `[0][0]`
/// is the sum over all words but the identity.
pub(super) fn derivative(
    plan: &Plan,
    (pass, placed, op): (&Pass, &PlacedOp, &Op),
    sums: &[[f64; LANES]],
    lanes: &[usize],
) -> Transfer {
    let mut total = [[0.0; 4]; 4];
    let sum = |row: usize| lanes.iter().map(|lane| sums[row][*lane]).sum::<f64>();
    match (&placed.kernel, op) {
        (Kernel::Row { .. }, _) => (0..12).for_each(|k| total[k / 4 + 1][k % 4] = sum(k)),
        (Kernel::RowFactors { .. }, _) => (0..3).for_each(|k| total[k + 1][k + 1] = sum(k)),
        (Kernel::Lane { qubit }, _) => {
            for k in 0..4 {
                for lane in lanes {
                    let letter = lane >> (2 * qubit) & 3;
                    total[letter][letter ^ k] += sums[k][*lane];
                }
            }
        }
        (Kernel::Diagonal { classes, .. }, _) => {
            for (class, sums) in sums.iter().enumerate() {
                let row = classes.iter().position(|of| usize::from(*of) == class).expect("each class has a row");
                for lane in lanes {
                    let word = match plan.lanes {
                        Lanes::Samples => class,
                        Lanes::Letters => word_at(op.qubits(), pass, plan.lanes, row, *lane),
                    };
                    match op {
                        Op::Local { .. } => total[word][word] += sums[*lane],
                        _ if word != 0 => total[0][0] += sums[*lane],
                        _ => {}
                    }
                }
            }
        }
        (Kernel::Sparse { .. } | Kernel::Exchange { .. }, _) => {}
    }
    total
}

/// Splits the derivative in an op's matrix, see [`derivative`]: passes the derivative in each slot of the parts that vary
/// to `each`, and adds the derivatives in the matrices of the other parts to `sums`.
pub(super) fn split_derivative(
    op: &Op,
    total: &Transfer,
    (value, shared): (&impl Fn(usize) -> f64, &[PartMatrix]),
    mut each: impl FnMut(usize, f64),
    sums: &mut [Transfer],
) {
    match op {
        Op::Local { parts, .. } => {
            let all: Vec<Transfer> = matrices_of_lane(parts, shared, value).map(|(of, _)| of).collect();
            transfer::each_derivative(&all, total, |index, weight| match parts[index].varies {
                true => transfer::slopes_of_factors(&parts[index].factors, weight, value, &mut each),
                false => add_matrix(&mut sums[index], weight),
            });
        }
        Op::Mixing { slot, .. } => each(*slot, -total[0][0]),
        Op::Dense { .. } => {}
    }
}

/// Passes the derivative in each slot of an op that does not vary to `each`. `sums` has the derivative in the matrix of
/// each part, or of the op if it has no parts.
pub(super) fn slopes(op: &Op, sums: &[Transfer], value: &impl Fn(usize) -> f64, mut each: impl FnMut(usize, f64)) {
    match op {
        Op::Local { parts, .. } => {
            for (part, sums) in parts.iter().zip(sums).filter(|(part, _)| !part.varies) {
                transfer::slopes_of_factors(&part.factors, sums, value, &mut each);
            }
        }
        Op::Mixing { slot, .. } => each(*slot, -sums[0][0][0]),
        Op::Dense { .. } => {}
    }
}

/// Adds the entries of a matrix.
pub(super) fn add_matrix(to: &mut Transfer, more: &Transfer) {
    to.as_flattened_mut().iter_mut().zip(more.as_flattened()).for_each(|(to, more)| *to += more);
}
