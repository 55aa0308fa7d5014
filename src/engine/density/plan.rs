//! Passes over a density matrix: ops that need few digits of an index are applied to one cell after the other.
//!
//! The numbers `r_P` of all words P stand in rows of sixteen lanes. An index has a digit in base 4 for each qubit.
//! Lanes are either sixteen samples, or the digits of the two lowest qubits of one sample; the other digits count the
//! rows. A pass fixes up to three row digits: a cell has the 64 rows that differ in them alone, and is small enough to
//! stay in the first cache while all ops of the pass are applied to it.

use super::lower::{Counts, Op};
use crate::engine::simd::LANES;
use std::collections::HashMap;
use std::ops::Range;

/// Largest number of row digits that a pass fixes.
const MAX_DIGITS: usize = 3;

/// Largest number of rows of a cell.
pub(super) const CELL_ROWS: usize = 1 << (2 * MAX_DIGITS);

/// Largest number of ops of a pass: a reverse pass may have to store the cell in front of each.
pub(super) const MAX_OPS: usize = 24;

/// Meaning of the lanes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lanes {
    /// Sixteen samples.
    Samples,
    /// Letters of the two lowest qubits, of one sample.
    Letters,
}

impl Lanes {
    /// Number of qubits whose letters are lanes.
    pub(super) fn qubits(self) -> usize {
        match self {
            Self::Samples => 0,
            Self::Letters => 2,
        }
    }

    /// Number of samples of each unit but the last.
    pub(super) fn samples(self) -> usize {
        match self {
            Self::Samples => LANES,
            Self::Letters => 1,
        }
    }

    /// Row and lane of a word; in lanes of samples the word fills its row.
    pub(super) fn place(self, word: usize) -> (usize, usize) {
        match self {
            Self::Samples => (word, 0),
            Self::Letters => (word / LANES, word % LANES),
        }
    }
}

/// Passes of a program, for one meaning of the lanes.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) lanes: Lanes,
    /// Rows of a state.
    pub(super) rows: usize,
    pub(super) passes: Vec<Pass>,
    /// Rows of coefficients of all ops.
    pub(super) coefficients: Counts,
    /// Rows of sums for gradients of all ops.
    pub(super) sums: usize,
}

#[derive(Debug)]
pub(super) struct Pass {
    /// Row digits that a cell has in full, in ascending order.
    digits: Vec<usize>,
    /// Offset of each row of a cell from its first.
    pub(super) offsets: Vec<usize>,
    pub(super) ops: Vec<PlacedOp>,
}

/// Op in the cells of a pass.
#[derive(Debug)]
pub(super) struct PlacedOp {
    /// Index among the tape's ops.
    pub(super) op: usize,
    pub(super) kernel: Kernel,
    /// Whether a slot of the op reads inputs.
    pub(super) varies: bool,
    /// Rows of its coefficients, in the list of the ops that vary or in the list of the ops that do not.
    pub(super) coefficients: Range<usize>,
    /// Rows of its sums; none if it has no slot.
    pub(super) sums: Range<usize>,
}

/// Arithmetic of an op in a cell.
#[derive(Debug)]
pub(super) enum Kernel {
    /// Matrix over the letters of a row digit; rows that differ in it are `stride` apart.
    /// Coefficients: rows X, Z, Y of the matrix, then of its inverse. Sums: in the same order.
    Row { stride: usize },
    /// Matrix over the letters of a lane digit, as factors of the lanes at XOR 0 to 3. Coefficients: of the matrix, of
    /// its inverse, of its transpose. Sums: of each XOR.
    Lane { qubit: usize },
    /// Factors of X, Z and Y of a row digit; rows that differ in it are `stride` apart.
    /// Coefficients: of X, Z and Y, then their inverses. Sums: of X, Z and Y.
    RowFactors { stride: usize },
    /// Exchanges of rows: an involution. The pairs from `negated` on also change their sign; such a pair may be a row
    /// and itself. No coefficients.
    Exchange { pairs: Vec<(u8, u8)>, negated: usize },
    /// Factor of each row, by its class; `rows` has a row of each class. Coefficients: of each class, then their
    /// inverses. Sums: of each class.
    Diagonal { classes: Vec<u8>, rows: Vec<u8> },
    /// Sums of few rows: of the map, of its inverse, of its transpose. Each has coefficients of its own.
    Sparse { maps: Box<[Terms; 3]> },
}

/// Linear map of the rows of a cell.
#[derive(Debug, Default)]
pub(super) struct Terms {
    /// Terms of row `k` are `starts[k]..starts[k + 1]`.
    pub(super) starts: Vec<u16>,
    pub(super) terms: Vec<Term>,
    /// Values of the coefficients, lane by lane.
    pub(super) values: Vec<[f64; LANES]>,
    /// Place of the first coefficient among the op's coefficients.
    pub(super) first: usize,
}

/// Product of a row, whose lanes are exchanged by XOR, and a coefficient.
#[derive(Debug, Clone, Copy)]
pub(super) struct Term {
    pub(super) from: u8,
    pub(super) xor: u8,
    pub(super) coefficient: u16,
}

impl Plan {
    /// Makes the passes of ops, of which some have slots that read inputs.
    pub(super) fn new(
        (ops, varies): (&[Op], &[bool]),
        has_gradient: impl Fn(&Op) -> bool,
        qubits: usize,
        lanes: Lanes,
    ) -> Self {
        let rows = 1 << (2 * (qubits - lanes.qubits()));
        let mut plan = Self { lanes, rows, passes: Vec::new(), coefficients: Counts::default(), sums: 0 };
        let mut first = 0;
        while first < ops.len() {
            let (digits, count) = next_pass(&ops[first..], lanes);
            let mut pass = Pass { offsets: offsets(&digits), digits, ops: Vec::new() };
            for (index, op) in ops.iter().enumerate().skip(first).take(count) {
                let kernel = kernel(op, &pass, lanes);
                let (coefficients, sums) = kernel.sizes();
                let sums = if has_gradient(op) { sums } else { 0 };
                let first = plan.coefficients.add(varies[index], coefficients);
                pass.ops.push(PlacedOp {
                    op: index,
                    kernel,
                    varies: varies[index],
                    coefficients: first..first + coefficients,
                    sums: plan.sums..plan.sums + sums,
                });
                plan.sums += sums;
            }
            plan.passes.push(pass);
            first += count;
        }
        plan
    }
}

/// Digits of the next pass, and the number of its ops.
fn next_pass(ops: &[Op], lanes: Lanes) -> (Vec<usize>, usize) {
    let mut digits: Vec<usize> = Vec::new();
    for (count, op) in ops.iter().enumerate().take(MAX_OPS) {
        let mut more = digits.clone();
        more.extend(op.qubits().iter().filter_map(|qubit| qubit.checked_sub(lanes.qubits())));
        more.sort_unstable();
        more.dedup();
        if more.len() > MAX_DIGITS {
            return (digits, count);
        }
        digits = more;
    }
    (digits, ops.len().min(MAX_OPS))
}

/// Offsets of the rows that differ in these digits alone.
fn offsets(digits: &[usize]) -> Vec<usize> {
    let offset = |row: usize| digits.iter().enumerate().map(|(k, digit)| (row >> (2 * k) & 3) << (2 * digit)).sum();
    (0..1 << (2 * digits.len())).map(offset).collect()
}

impl Pass {
    /// Number of cells of a state with so many rows.
    pub(super) fn cells(&self, rows: usize) -> usize {
        rows >> (2 * self.digits.len())
    }

    /// First row of a cell.
    #[inline(always)]
    pub(super) fn base(&self, cell: usize) -> usize {
        self.digits.iter().fold(cell, |base, digit| {
            let low = base & ((1 << (2 * digit)) - 1);
            (base - low) << 2 | low
        })
    }

    /// Place of a qubit among the digits of a cell.
    fn place(&self, qubit: usize, lanes: Lanes) -> Option<usize> {
        let digit = qubit.checked_sub(lanes.qubits())?;
        self.digits.iter().position(|own| *own == digit)
    }
}

impl Kernel {
    /// Rows of coefficients, and of sums.
    fn sizes(&self) -> (usize, usize) {
        match self {
            Self::Row { .. } => (24, 12),
            Self::RowFactors { .. } => (6, 3),
            Self::Exchange { .. } => (0, 0),
            Self::Lane { .. } => (12, 4),
            Self::Diagonal { rows, .. } => (2 * rows.len(), rows.len()),
            Self::Sparse { maps } => (maps.iter().map(|terms| terms.values.len()).sum(), 0),
        }
    }
}

fn kernel(op: &Op, pass: &Pass, lanes: Lanes) -> Kernel {
    match op {
        Op::Local { qubit, is_diagonal: false, .. } => match pass.place(*qubit, lanes) {
            Some(place) => Kernel::Row { stride: 1 << (2 * place) },
            None => Kernel::Lane { qubit: *qubit },
        },
        Op::Local { qubit, .. } if pass.place(*qubit, lanes).is_some() => {
            let place = pass.place(*qubit, lanes).unwrap_or(0);
            Kernel::RowFactors { stride: 1 << (2 * place) }
        }
        Op::Local { .. } | Op::Mixing { .. } => {
            let places: Vec<usize> = op.qubits().iter().filter_map(|qubit| pass.place(*qubit, lanes)).collect();
            let class = |row: usize| {
                places.iter().enumerate().map(|(k, place)| (row >> (2 * place) & 3) << (2 * k)).sum::<usize>() as u8
            };
            let classes: Vec<u8> = (0..pass.offsets.len()).map(class).collect();
            let mut rows = vec![0; 1 << (2 * places.len())];
            classes.iter().enumerate().rev().for_each(|(row, class)| rows[usize::from(*class)] = row as u8);
            Kernel::Diagonal { classes, rows }
        }
        Op::Dense { qubits, map } => {
            let size = map.entries.len().isqrt();
            let transposed: Vec<f64> = (0..size * size).map(|at| map.entries[at % size * size + at / size]).collect();
            let mut maps = [&map.entries, &map.inverse, &transposed].map(|entries| terms(qubits, entries, pass, lanes));
            if let Some(exchange) = exchange(&maps[0]) {
                return exchange;
            }
            let mut first = 0;
            for terms in &mut maps {
                terms.first = first;
                first += terms.values.len();
            }
            Kernel::Sparse { maps: Box::new(maps) }
        }
    }
}

/// Returns a map as exchanges of rows, if it is one: each row has a single term with the same sign in all lanes, and
/// the map is its own inverse.
fn exchange(terms: &Terms) -> Option<Kernel> {
    let rows = terms.starts.len() - 1;
    let image = |row: usize| -> Option<(usize, bool)> {
        let [term] = terms.terms[usize::from(terms.starts[row])..usize::from(terms.starts[row + 1])] else {
            return None;
        };
        let value = terms.values[usize::from(term.coefficient)];
        let is_sign = term.xor == 0 && (value == [1.0; LANES] || value == [-1.0; LANES]);
        is_sign.then_some((usize::from(term.from), value[0] < 0.0))
    };
    let images: Vec<(usize, bool)> = (0..rows).map(image).collect::<Option<_>>()?;
    let is_involution = (0..rows).all(|row| images[images[row].0] == (row, images[row].1));
    let pairs = |negated: bool| {
        let own = (0..rows).filter(|row| images[*row].1 == negated && images[*row].0 >= *row);
        // A row that stays as it is needs nothing.
        let moves = own.filter(|row| negated || images[*row].0 != *row);
        moves.map(|row| (row as u8, images[row].0 as u8)).collect::<Vec<_>>()
    };
    let (plain, negated) = (pairs(false), pairs(true));
    is_involution.then(|| Kernel::Exchange { negated: plain.len(), pairs: [plain, negated].concat() })
}

/// Letters of an op's word in a row and a lane.
pub(super) fn word_at(qubits: &[usize], pass: &Pass, lanes: Lanes, row: usize, lane: usize) -> usize {
    let digit = |qubit: usize| match pass.place(qubit, lanes) {
        Some(place) => row >> (2 * place) & 3,
        None => lane >> (2 * qubit) & 3,
    };
    qubits.iter().enumerate().map(|(k, qubit)| digit(*qubit) << (2 * k)).sum()
}

/// Splits a matrix over the words of some qubits into products of rows and coefficients.
fn terms(qubits: &[usize], entries: &[f64], pass: &Pass, lanes: Lanes) -> Terms {
    let size = entries.len().isqrt();
    let places: Vec<usize> = qubits.iter().filter_map(|qubit| pass.place(*qubit, lanes)).collect();
    let in_lanes: Vec<usize> = qubits.iter().copied().filter(|qubit| pass.place(*qubit, lanes).is_none()).collect();
    // Rows of a cell that differ in the op's digits, and XORs of lanes in its digits.
    let row_parts = offsets(&places);
    let xors = offsets(&in_lanes);
    let own = row_parts.last().copied().unwrap_or(0);
    // Letters of the op's word are in the row or in the lane.
    let of_rows: Vec<usize> = (0..pass.offsets.len()).map(|row| word_at(qubits, pass, lanes, row, 0)).collect();
    let of_lanes: [usize; LANES] = std::array::from_fn(|lane| word_at(qubits, pass, lanes, 0, lane));
    let (mut found, mut known) = (Terms::default(), HashMap::new());
    found.starts.push(0);
    for row in 0..pass.offsets.len() {
        for from in row_parts.iter().map(|part| row & !own | part) {
            for xor in &xors {
                let coefficient = *known.entry((row & own, from & own, *xor)).or_insert_with(|| {
                    let entry = |lane: usize| {
                        let (to, from) = (of_rows[row] + of_lanes[lane], of_rows[from] + of_lanes[lane ^ xor]);
                        entries[to * size + from]
                    };
                    let values: [f64; LANES] = match in_lanes.is_empty() {
                        true => [entry(0); LANES],
                        false => std::array::from_fn(entry),
                    };
                    (values != [0.0; LANES]).then(|| {
                        found.values.push(values);
                        (found.values.len() - 1) as u16
                    })
                });
                if let Some(coefficient) = coefficient {
                    found.terms.push(Term { from: from as u8, xor: *xor as u8, coefficient });
                }
            }
        }
        found.starts.push(found.terms.len() as u16);
    }
    found
}
