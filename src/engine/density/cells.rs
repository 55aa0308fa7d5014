//! Passes over the cells of a state: forward, and in reverse with gradients.

use super::math::Math;
use super::plan::{CELL_ROWS, Pass, PlacedOp};
use crate::engine::Real;
use crate::engine::lines::Row16;
use crate::engine::simd::LANES;
use crate::engine::simd::align_frame;
use crate::engine::simd::lanes16::{Lanes16, with_lanes16};
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

/// Coefficients of all ops.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coefficients<'a, T> {
    pub(super) shared: &'a [Row16<T>],
    pub(super) varying: &'a [Row16<T>],
}

impl<'a, T: Real> Coefficients<'a, T> {
    /// Coefficients of an op.
    #[inline(always)]
    fn of(&self, op: &PlacedOp) -> &'a [Row16<T>] {
        &(if op.varies { self.varying } else { self.shared })[op.coefficients.clone()]
    }
}

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
    pub(super) coefficients: Coefficients<'a, T>,
    pub(super) state: StatePointer<T>,
    pub(super) cells: Range<usize>,
    pub(super) scratch: &'a mut CellScratch<T>,
}

/// Takes a pass back on some of its cells, with λ, and adds up gradients.
pub(super) struct Reverse<'a, T> {
    pub(super) pass: &'a Pass,
    pub(super) coefficients: Coefficients<'a, T>,
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
                if math.apply::<false>(op, coefficients.of(op), now, next) {
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
                    if math.apply::<false>(op, coefficients.of(op), r, r_next) {
                        std::mem::swap(&mut r, &mut r_next);
                    }
                }
            }
            for (at, op) in pass.ops.iter().enumerate().rev() {
                let own = coefficients.of(op);
                if is_in_front {
                    r.copy_from_slice(&stored[at * CELL_ROWS..at * CELL_ROWS + rows]);
                } else if math.apply::<true>(op, own, r, r_next) {
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
