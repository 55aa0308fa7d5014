//! Passes over the cells of a state: forward, and in reverse with gradients.

#![allow(clippy::needless_range_loop, reason = "kernels read row by row, with equal indices in several arrays")]

use super::plan::{CELL_ROWS, Kernel, Pass, PlacedOp, Terms};
use crate::engine::Real;
use crate::engine::lines::Row16;
use crate::engine::simd::LANES;
use crate::engine::simd::align_frame;
use crate::engine::simd::lanes16::{Lanes16, Vectors, with_lanes16};
use pulp::{Simd, WithSimd};
use std::ops::Range;

/// Cells after which sums in the precision of the state are added to sums in f64.
const CELLS_OF_SUM: usize = 64;

/// Rows of a state, which threads share: each works on cells of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct StatePointer<T>(pub(super) *mut Row16<T>);

// SAFETY: threads that share a state access the rows of different cells.
unsafe impl<T: Send> Send for StatePointer<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for StatePointer<T> {}

/// Memory of a thread for the cell that it works on.
#[derive(Debug)]
pub(super) struct CellScratch<T> {
    buffers: [Box<[Row16<T>]>; 4],
    /// Cell in front of each op.
    stored: Vec<Row16<T>>,
    /// Sums of the ops of a pass.
    sums: Vec<Row16<T>>,
}

impl<T: Real> Default for CellScratch<T> {
    fn default() -> Self {
        let buffer = || vec![Row16([T::zero(); LANES]); CELL_ROWS].into_boxed_slice();
        Self { buffers: std::array::from_fn(|_| buffer()), stored: Vec::new(), sums: Vec::new() }
    }
}

/// Applies the ops of a pass to some of its cells.
pub(super) struct Forward<'a, T> {
    pub(super) pass: &'a Pass,
    pub(super) coefficients: &'a [Row16<T>],
    pub(super) state: StatePointer<T>,
    pub(super) cells: Range<usize>,
    pub(super) scratch: &'a mut CellScratch<T>,
}

/// Takes a pass back on some of its cells, with λ, and adds up gradients.
pub(super) struct Reverse<'a, T> {
    pub(super) pass: &'a Pass,
    pub(super) coefficients: &'a [Row16<T>],
    pub(super) state: StatePointer<T>,
    pub(super) lambda: StatePointer<T>,
    /// Whether the state is the state in front of the pass, and not behind it.
    pub(super) is_in_front: bool,
    pub(super) cells: Range<usize>,
    pub(super) scratch: &'a mut CellScratch<T>,
    /// Sums of all ops of the plan.
    pub(super) sums: &'a mut [[f64; LANES]],
}

/// Loads the rows of a cell.
///
/// # Safety
/// All rows of the cell must lie in the state, and no other thread may write to them.
#[inline(always)]
unsafe fn load_cell<T: Real>(state: StatePointer<T>, base: usize, offsets: &[usize], to: &mut [Row16<T>]) {
    for (row, offset) in to.iter_mut().zip(offsets) {
        // SAFETY: the caller guarantees it.
        *row = unsafe { *state.0.add(base + offset) };
    }
}

/// Stores the rows of a cell.
///
/// # Safety
/// All rows of the cell must lie in the state, and no other thread may access them.
#[inline(always)]
unsafe fn store_cell<T: Real>(state: StatePointer<T>, base: usize, offsets: &[usize], from: &[Row16<T>]) {
    for (row, offset) in from.iter().zip(offsets) {
        // SAFETY: the caller guarantees it.
        unsafe { *state.0.add(base + offset) = *row };
    }
}

impl<T: Real> WithSimd for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        with_lanes16!(self, simd, T)
    }
}

impl<T: Real> Forward<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        align_frame();
        let Self { pass, coefficients, state, cells, scratch } = self;
        let math = Math::<S, T, N> { lanes: Lanes16::new(simd) };
        let offsets = &pass.offsets[..];
        let rows = offsets.len();
        let [first, second, ..] = &mut scratch.buffers;
        let (mut now, mut next) = (&mut first[..rows], &mut second[..rows]);
        for cell in cells {
            let base = pass.base(cell);
            // SAFETY: a cell's rows lie in the state, and each cell belongs to one thread.
            unsafe { load_cell(state, base, offsets, now) };
            for op in &pass.ops {
                if math.apply(op, &coefficients[op.coefficients.clone()], now, next) {
                    std::mem::swap(&mut now, &mut next);
                }
            }
            // SAFETY: as above.
            unsafe { store_cell(state, base, offsets, now) };
        }
    }
}

impl<T: Real> WithSimd for Reverse<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        with_lanes16!(self, simd, T)
    }
}

impl<T: Real> Reverse<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        align_frame();
        let Self { pass, coefficients, state, lambda, is_in_front, cells, scratch, sums } = self;
        let math = Math::<S, T, N> { lanes: Lanes16::new(simd) };
        let offsets = &pass.offsets[..];
        let rows = offsets.len();
        let of_pass = pass.ops.iter().map(|op| op.sums.clone()).reduce(|all, next| all.start..next.end).unwrap_or(0..0);
        let zero = Row16([T::zero(); LANES]);
        scratch.sums.clear();
        scratch.sums.resize(of_pass.len(), zero);
        if is_in_front {
            scratch.stored.resize(pass.ops.len() * CELL_ROWS, zero);
        }
        let CellScratch { buffers: [a, b, c, d], stored, sums: partial } = scratch;
        let (mut r, mut r_next) = (&mut a[..rows], &mut b[..rows]);
        let (mut l, mut l_next) = (&mut c[..rows], &mut d[..rows]);
        let flush = |partial: &mut [Row16<T>], sums: &mut [[f64; LANES]]| {
            for (sum, partial) in sums[of_pass.clone()].iter_mut().zip(partial) {
                sum.iter_mut().zip(partial.0).for_each(|(sum, lane)| *sum += lane.to_f64());
                *partial = zero;
            }
        };
        for (index, cell) in cells.enumerate() {
            let base = pass.base(cell);
            // SAFETY: a cell's rows lie in both states, and each cell belongs to one thread.
            unsafe {
                load_cell(state, base, offsets, r);
                load_cell(lambda, base, offsets, l);
            }
            if is_in_front {
                for (op, stored) in pass.ops.iter().zip(stored.chunks_mut(CELL_ROWS)) {
                    stored[..rows].copy_from_slice(r);
                    if math.apply(op, &coefficients[op.coefficients.clone()], r, r_next) {
                        std::mem::swap(&mut r, &mut r_next);
                    }
                }
            }
            for (at, op) in pass.ops.iter().enumerate().rev() {
                let own = &coefficients[op.coefficients.clone()];
                if is_in_front {
                    r.copy_from_slice(&stored[at * CELL_ROWS..at * CELL_ROWS + rows]);
                } else if math.undo(op, own, r, r_next) {
                    std::mem::swap(&mut r, &mut r_next);
                }
                let sums = &mut partial[op.sums.start - of_pass.start..op.sums.end - of_pass.start];
                if math.take_back(op, own, r, (l, l_next), sums) {
                    std::mem::swap(&mut l, &mut l_next);
                }
            }
            // SAFETY: as above.
            unsafe {
                if !is_in_front {
                    store_cell(state, base, offsets, r);
                }
                store_cell(lambda, base, offsets, l);
            }
            if index % CELLS_OF_SUM == CELLS_OF_SUM - 1 {
                flush(partial, sums);
            }
        }
        flush(partial, sums);
    }
}

/// Arithmetic on the rows of a cell.
struct Math<S: Simd, T: Real, const N: usize> {
    lanes: Lanes16<S, T>,
}

impl<S: Simd, T: Real, const N: usize> Math<S, T, N> {
    #[inline(always)]
    fn load(&self, row: &Row16<T>) -> Vectors<S, T, N> {
        self.lanes.load(&row.0)
    }

    #[inline(always)]
    fn store(&self, row: &mut Row16<T>, value: Vectors<S, T, N>) {
        self.lanes.store(&mut row.0, value);
    }

    /// Applies an op. Returns whether the result is in `next`.
    #[inline(always)]
    fn apply(&self, op: &PlacedOp, coefficients: &[Row16<T>], now: &mut [Row16<T>], next: &mut [Row16<T>]) -> bool {
        match &op.kernel {
            Kernel::Row { stride } => self.row(*stride, &coefficients[..12], now),
            Kernel::RowFactors { stride } => self.row_factors(*stride, &coefficients[..3], now),
            Kernel::Exchange { pairs, negated } => self.exchange(pairs, *negated, now),
            Kernel::Lane { qubit } => self.lane(*qubit, &coefficients[..4], now),
            Kernel::Diagonal { classes, count } => self.diagonal(classes, &coefficients[..*count], now),
            Kernel::Sparse { maps } => {
                self.sparse(&maps[0], coefficients, now, next);
                return true;
            }
        }
        false
    }

    /// Undoes an op. Returns whether the result is in `next`.
    #[inline(always)]
    fn undo(&self, op: &PlacedOp, coefficients: &[Row16<T>], now: &mut [Row16<T>], next: &mut [Row16<T>]) -> bool {
        match &op.kernel {
            Kernel::Row { stride } => self.row(*stride, &coefficients[12..], now),
            Kernel::RowFactors { stride } => self.row_factors(*stride, &coefficients[3..], now),
            Kernel::Exchange { pairs, negated } => self.exchange(pairs, *negated, now),
            Kernel::Lane { qubit } => self.lane(*qubit, &coefficients[4..8], now),
            Kernel::Diagonal { classes, count } => self.diagonal(classes, &coefficients[*count..], now),
            Kernel::Sparse { maps } => {
                self.sparse(&maps[1], coefficients, now, next);
                return true;
            }
        }
        false
    }

    /// Adds products of λ and the state in front of the op to the sums, and takes λ to the front of the op. Returns
    /// whether λ is in the second place.
    #[inline(always)]
    fn take_back(
        &self,
        op: &PlacedOp,
        coefficients: &[Row16<T>],
        r: &[Row16<T>],
        (l, l_next): (&mut [Row16<T>], &mut [Row16<T>]),
        sums: &mut [Row16<T>],
    ) -> bool {
        match &op.kernel {
            Kernel::Row { stride } => {
                if !sums.is_empty() {
                    self.add_row_sums(*stride, r, l, sums);
                }
                self.row_transposed(*stride, &coefficients[..12], l);
            }
            Kernel::RowFactors { stride } => {
                if !sums.is_empty() {
                    self.add_factor_sums(*stride, r, l, sums);
                }
                self.row_factors(*stride, &coefficients[..3], l);
            }
            Kernel::Exchange { pairs, negated } => self.exchange(pairs, *negated, l),
            Kernel::Lane { qubit } => {
                if !sums.is_empty() {
                    self.add_lane_sums(*qubit, r, l, sums);
                }
                self.lane(*qubit, &coefficients[8..12], l);
            }
            Kernel::Diagonal { classes, count } => {
                if !sums.is_empty() {
                    self.add_class_sums(classes, r, l, sums);
                }
                self.diagonal(classes, &coefficients[..*count], l);
            }
            Kernel::Sparse { maps } => {
                self.sparse(&maps[2], coefficients, l, l_next);
                return true;
            }
        }
        false
    }

    /// Loads rows. Loops stand in place of closures here: a closure that is not inlined has no vector instructions.
    #[inline(always)]
    fn load_all<const K: usize>(&self, rows: &[Row16<T>]) -> [Vectors<S, T, N>; K] {
        let mut all = [self.lanes.splat::<N>(T::zero()); K];
        for k in 0..K {
            all[k] = self.load(&rows[k]);
        }
        all
    }

    /// Applies a matrix over the letters of a row digit, whose first row is 1 0 0 0.
    #[inline(always)]
    fn row(&self, stride: usize, coefficients: &[Row16<T>], rows: &mut [Row16<T>]) {
        let m = self.load_all::<12>(coefficients);
        for block in rows.chunks_exact_mut(4 * stride) {
            for k in 0..stride {
                let (i, x) = (self.load(&block[k]), self.load(&block[k + stride]));
                let (z, y) = (self.load(&block[k + 2 * stride]), self.load(&block[k + 3 * stride]));
                for a in 0..3 {
                    let mut sum = self.lanes.times(m[4 * a], i);
                    sum = self.lanes.times_plus(m[4 * a + 1], x, sum);
                    sum = self.lanes.times_plus(m[4 * a + 2], z, sum);
                    sum = self.lanes.times_plus(m[4 * a + 3], y, sum);
                    self.store(&mut block[k + (a + 1) * stride], sum);
                }
            }
        }
    }

    /// Applies the transpose of such a matrix.
    #[inline(always)]
    fn row_transposed(&self, stride: usize, coefficients: &[Row16<T>], rows: &mut [Row16<T>]) {
        let m = self.load_all::<12>(coefficients);
        for block in rows.chunks_exact_mut(4 * stride) {
            for k in 0..stride {
                let i = self.load(&block[k]);
                let (x, z) = (self.load(&block[k + stride]), self.load(&block[k + 2 * stride]));
                let y = self.load(&block[k + 3 * stride]);
                for b in 0..4 {
                    let first = self.lanes.times(m[b], x);
                    let mut sum = if b == 0 { self.lanes.plus(i, first) } else { first };
                    sum = self.lanes.times_plus(m[4 + b], z, sum);
                    sum = self.lanes.times_plus(m[8 + b], y, sum);
                    self.store(&mut block[k + b * stride], sum);
                }
            }
        }
    }

    /// Adds `λ_a r_b` for the letters a other than I and all letters b.
    #[inline(always)]
    fn add_row_sums(&self, stride: usize, r: &[Row16<T>], l: &[Row16<T>], sums: &mut [Row16<T>]) {
        if N == 1 {
            return self.add_letter_sums::<3, 12>(stride, 1, r, l, sums);
        }
        // Registers have room for the four sums of one letter, not for the twelve sums of all three.
        for (letter, sums) in sums.chunks_exact_mut(4).enumerate() {
            self.add_letter_sums::<1, 4>(stride, letter + 1, r, l, sums);
        }
    }

    /// Adds `λ_a r_b` for `A` letters a from `first` on, and all letters b.
    #[inline(always)]
    fn add_letter_sums<const A: usize, const ALL: usize>(
        &self,
        stride: usize,
        first: usize,
        r: &[Row16<T>],
        l: &[Row16<T>],
        sums: &mut [Row16<T>],
    ) {
        let mut sum = self.load_all::<ALL>(sums);
        for (r, l) in r.chunks_exact(4 * stride).zip(l.chunks_exact(4 * stride)) {
            for k in 0..stride {
                let (i, x) = (self.load(&r[k]), self.load(&r[k + stride]));
                let (z, y) = (self.load(&r[k + 2 * stride]), self.load(&r[k + 3 * stride]));
                for a in 0..A {
                    let l = self.load(&l[k + (first + a) * stride]);
                    sum[4 * a] = self.lanes.times_plus(l, i, sum[4 * a]);
                    sum[4 * a + 1] = self.lanes.times_plus(l, x, sum[4 * a + 1]);
                    sum[4 * a + 2] = self.lanes.times_plus(l, z, sum[4 * a + 2]);
                    sum[4 * a + 3] = self.lanes.times_plus(l, y, sum[4 * a + 3]);
                }
            }
        }
        for k in 0..ALL {
            self.store(&mut sums[k], sum[k]);
        }
    }

    /// Multiplies the rows of X, Z and Y of a row digit.
    #[inline(always)]
    fn row_factors(&self, stride: usize, coefficients: &[Row16<T>], rows: &mut [Row16<T>]) {
        let factors = self.load_all::<3>(coefficients);
        for block in rows.chunks_exact_mut(4 * stride) {
            for a in 0..3 {
                for k in 0..stride {
                    let row = &mut block[k + (a + 1) * stride];
                    let product = self.lanes.times(self.load(row), factors[a]);
                    self.store(row, product);
                }
            }
        }
    }

    /// Adds `λ_a r_a` for the letters a other than I.
    #[inline(always)]
    fn add_factor_sums(&self, stride: usize, r: &[Row16<T>], l: &[Row16<T>], sums: &mut [Row16<T>]) {
        let mut sum = self.load_all::<3>(sums);
        for (r, l) in r.chunks_exact(4 * stride).zip(l.chunks_exact(4 * stride)) {
            for a in 0..3 {
                for k in (a + 1) * stride..(a + 2) * stride {
                    sum[a] = self.lanes.times_plus(self.load(&l[k]), self.load(&r[k]), sum[a]);
                }
            }
        }
        for k in 0..3 {
            self.store(&mut sums[k], sum[k]);
        }
    }

    #[inline(always)]
    fn exchange(&self, pairs: &[(u8, u8)], negated: usize, rows: &mut [Row16<T>]) {
        let (plain, negated) = pairs.split_at(negated);
        for &(a, b) in plain {
            rows.swap(usize::from(a), usize::from(b));
        }
        for &(a, b) in negated {
            let (a, b) = (usize::from(a), usize::from(b));
            let (of_a, of_b) = (self.load(&rows[a]), self.load(&rows[b]));
            self.store(&mut rows[a], self.lanes.minus(of_b));
            self.store(&mut rows[b], self.lanes.minus(of_a));
        }
    }

    /// Adds up the lanes of each row at XOR 0 to 3 of a lane digit, each times a coefficient.
    #[inline(always)]
    fn lane(&self, qubit: usize, coefficients: &[Row16<T>], rows: &mut [Row16<T>]) {
        let m = self.load_all::<4>(coefficients);
        for row in rows {
            let of = self.load(row);
            let mut sum = self.lanes.times(m[0], of);
            for k in 1..4 {
                sum = self.lanes.times_plus(m[k], self.lanes.permuted(of, k << (2 * qubit)), sum);
            }
            self.store(row, sum);
        }
    }

    /// Adds `λ_l r_(l ^ k)` for the XORs k of a lane digit.
    #[inline(always)]
    fn add_lane_sums(&self, qubit: usize, r: &[Row16<T>], l: &[Row16<T>], sums: &mut [Row16<T>]) {
        let mut sum = self.load_all::<4>(sums);
        for (r, l) in r.iter().zip(l) {
            let (r, l) = (self.load(r), self.load(l));
            for k in 0..4 {
                sum[k] = self.lanes.times_plus(l, self.lanes.permuted(r, k << (2 * qubit)), sum[k]);
            }
        }
        for k in 0..4 {
            self.store(&mut sums[k], sum[k]);
        }
    }

    /// Multiplies each row by the coefficient of its class.
    #[inline(always)]
    fn diagonal(&self, classes: &[u8], coefficients: &[Row16<T>], rows: &mut [Row16<T>]) {
        for (row, class) in rows.iter_mut().zip(classes) {
            let product = self.lanes.times(self.load(row), self.load(&coefficients[usize::from(*class)]));
            self.store(row, product);
        }
    }

    /// Adds `λ r` of each row to the sum of its class.
    #[inline(always)]
    fn add_class_sums(&self, classes: &[u8], r: &[Row16<T>], l: &[Row16<T>], sums: &mut [Row16<T>]) {
        for ((r, l), class) in r.iter().zip(l).zip(classes) {
            let sum = &mut sums[usize::from(*class)];
            let total = self.lanes.times_plus(self.load(l), self.load(r), self.load(sum));
            self.store(sum, total);
        }
    }

    #[inline(always)]
    fn sparse(&self, terms: &Terms, coefficients: &[Row16<T>], rows: &[Row16<T>], to: &mut [Row16<T>]) {
        let coefficients = &coefficients[terms.first..];
        for (row, bounds) in to.iter_mut().zip(terms.starts.windows(2)) {
            let mut sum = self.lanes.splat::<N>(T::zero());
            for term in &terms.terms[usize::from(bounds[0])..usize::from(bounds[1])] {
                let from = self.load(&rows[usize::from(term.from)]);
                let from = if term.xor == 0 { from } else { self.lanes.permuted(from, usize::from(term.xor)) };
                sum = self.lanes.times_plus(self.load(&coefficients[usize::from(term.coefficient)]), from, sum);
            }
            self.store(row, sum);
        }
    }
}
