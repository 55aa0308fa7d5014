//! Kernels on one tile of a single state: they read a tile from the state or write it back, and apply phases and
//! rotations on the way.
//!
//! Lane `l` of local vector `j` is the amplitude at `base ^ offsets[j] ^ l`. It is read from the vector at the upper
//! bits of that index, whose lanes are permuted by XOR with the lower bits.

use crate::engine::Real;
use crate::engine::cpu::single::tables::{LaneTable, SweepTables};
use crate::engine::cpu::single::tiling::Sweep;
use crate::engine::cpu::state::{Buffer, Planes, State};
use crate::engine::cpu::steps::forward::CosSin;
use crate::engine::lines::held_bytes;
use crate::engine::simd::LANE_QUBITS;
use crate::engine::simd::LANES;
use crate::engine::simd::lanes16::{Lanes16, Pair, with_lanes16};
use crate::gf2::parity;
use pulp::{Simd, WithSimd};

/// Sums for gradients, which are taken when tiles are read or written. Empty for parts that need no gradient.
#[derive(Debug)]
pub(crate) struct Sums<T> {
    /// `Im(λ* ψ)` of each local vector and lane, for the phases of the tables.
    pub(crate) before: Buffer<T>,
    pub(crate) after: Buffer<T>,
    /// Sums by rotation inside vectors and lane, and by loose phase and lane.
    pub(crate) within: Vec<[f64; LANES]>,
    pub(crate) loose: Vec<[f64; LANES]>,
}

impl<T> Default for Sums<T> {
    fn default() -> Self {
        let [before, after] = [Buffer::default(), Buffer::default()];
        Self { before, after, within: Vec::new(), loose: Vec::new() }
    }
}

impl<T: Real> Sums<T> {
    /// Bytes that the sums hold.
    pub(crate) fn bytes(&self) -> usize {
        self.before.bytes() + self.after.bytes() + held_bytes(&self.within) + held_bytes(&self.loose)
    }
}

/// Rows of 16 numbers of a plane, as many as a tile has vectors.
#[inline(always)]
fn lines_of<'a, T: Real>(sweep: &Sweep, plane: &'a [T]) -> &'a [[T; LANES]] {
    &plane.as_chunks::<LANES>().0[..sweep.offsets.len()]
}

/// Mutable rows of a plane, as [`lines_of`] gives them.
#[inline(always)]
fn lines_of_mut<'a, T: Real>(sweep: &Sweep, plane: &'a mut [T]) -> &'a mut [[T; LANES]] {
    &mut plane.as_chunks_mut::<LANES>().0[..sweep.offsets.len()]
}

/// Rows of two planes.
type Planar<'a, T> = (&'a [[T; LANES]], &'a [[T; LANES]]);

/// Rows of a table, if there is a table.
#[inline(always)]
fn table_of<'a, T: Real>(sweep: &Sweep, table: &'a LaneTable<T>) -> Option<Planar<'a, T>> {
    (!table.cos.is_empty()).then(|| (lines_of(sweep, &table.cos), lines_of(sweep, &table.sin)))
}

/// Rows of sums, if a gradient is needed.
#[inline(always)]
fn sums_of<'a, T: Real>(sweep: &Sweep, sums: &'a mut Buffer<T>) -> Option<&'a mut [[T; LANES]]> {
    (!sums.is_empty()).then(|| lines_of_mut(sweep, sums))
}

/// Row `index` of two planes.
#[inline(always)]
fn pair<S: Simd, T: Real, const N: usize>(
    lines: &Lanes16<S, T>,
    (re, im): Planar<'_, T>,
    index: usize,
) -> Pair<S, T, N> {
    (lines.load(&re[index]), lines.load(&im[index]))
}

/// Cosine and sine of a rotation or, if `back`, of its inverse.
#[inline(always)]
fn cos_sin<S: Simd, T: Real, const N: usize>(lines: &Lanes16<S, T>, cos_sin: &CosSin<T>, back: bool) -> Pair<S, T, N> {
    let sin = lines.load(&cos_sin.sin);
    (lines.load(&cos_sin.cos), if back { lines.minus(sin) } else { sin })
}

/// Conjugate of a phase.
#[inline(always)]
fn conjugate<S: Simd, T: Real, const N: usize>(lines: &Lanes16<S, T>, (cos, sin): Pair<S, T, N>) -> Pair<S, T, N> {
    (cos, lines.minus(sin))
}

/// Rotates each lane with its partner.
#[inline(always)]
fn rotate<S: Simd, T: Real, const N: usize>(
    lines: &Lanes16<S, T>,
    (re, im): &mut Pair<S, T, N>,
    partner: &Pair<S, T, N>,
    by: Pair<S, T, N>,
) {
    (*re, *im) = (lines.mix(by, *re, partner.0), lines.mix(by, *im, partner.1));
}

/// Whether the parity of a phase is odd at the first lane of a vector.
#[inline(always)]
fn odd(mask: u64, index: usize) -> bool {
    parity(index as u64 & mask)
}

/// Implements the dispatch of a kernel to `run`.
macro_rules! dispatched {
    ($($kernel:ident)*) => {
        $(impl<T: Real> WithSimd for $kernel<'_, T> {
            type Output = ();

            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) {
                with_lanes16!(self, simd, T)
            }
        })*
    };
}
dispatched!(Take Put TakeBack PutBack);

/// Reads a tile, and applies loose phases, the leading table, and the rotations inside vectors.
pub(crate) struct Take<'a, T> {
    pub(crate) sweep: &'a Sweep,
    pub(crate) numbers: &'a SweepTables<T>,
    pub(crate) state: Planes<T>,
    pub(crate) base: usize,
    pub(crate) to: &'a mut State<T>,
}

impl<T: Real> Take<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let lines = &Lanes16::<S, T>::new(simd);
        let Self { sweep, numbers, state, base, to } = self;
        let before = table_of(sweep, &numbers.before);
        let (to_re, to_im) = (lines_of_mut(sweep, &mut to.re), lines_of_mut(sweep, &mut to.im));
        for (j, offset) in sweep.offsets.iter().enumerate() {
            let index = base ^ offset;
            // SAFETY: tiles are disjoint sets of whole vectors of the state, and one thread has this tile.
            let mut line = unsafe { lines.load_pair::<N>(state, index) };
            for (term, by) in sweep.loose.iter().zip(&numbers.loose) {
                line = lines.spin(cos_sin(lines, by, odd(term.mask, index)), line);
            }
            if let Some(table) = before {
                line = lines.spin(pair(lines, table, j), line);
            }
            for (rotation, by) in sweep.within.iter().zip(&numbers.within) {
                let partner = lines.permuted_pair(line, rotation.flip_mask as usize);
                rotate(lines, &mut line, &partner, cos_sin(lines, by, false));
            }
            lines.store(&mut to_re[j], line.0);
            lines.store(&mut to_im[j], line.1);
        }
    }
}

/// Applies the table behind the rotations, and writes a tile.
pub(crate) struct Put<'a, T> {
    pub(crate) sweep: &'a Sweep,
    pub(crate) numbers: &'a SweepTables<T>,
    pub(crate) state: Planes<T>,
    pub(crate) base: usize,
    pub(crate) from: &'a State<T>,
}

impl<T: Real> Put<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let lines = &Lanes16::<S, T>::new(simd);
        let Self { sweep, numbers, state, base, from } = self;
        let after = table_of(sweep, &numbers.after);
        let from = (lines_of(sweep, &from.re), lines_of(sweep, &from.im));
        for (j, offset) in sweep.offsets.iter().enumerate() {
            let mut line = pair::<S, T, N>(lines, from, j);
            if let Some(table) = after {
                line = lines.spin(pair(lines, table, j), line);
            }
            // SAFETY: as in `Take`.
            unsafe { lines.store_pair(state, base ^ offset, line) };
        }
    }
}

/// Reads a tile of ψ and λ, and undoes the table behind the rotations.
pub(crate) struct TakeBack<'a, T> {
    pub(crate) sweep: &'a Sweep,
    pub(crate) numbers: &'a SweepTables<T>,
    pub(crate) states: [Planes<T>; 2],
    pub(crate) base: usize,
    pub(crate) to: [&'a mut State<T>; 2],
    pub(crate) sums: &'a mut Sums<T>,
}

impl<T: Real> TakeBack<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let lines = &Lanes16::<S, T>::new(simd);
        let Self { sweep, numbers, states, base, to: [psi, lambda], sums } = self;
        let after = table_of(sweep, &numbers.after);
        let mut sums = sums_of(sweep, &mut sums.after);
        let (psi_re, psi_im) = (lines_of_mut(sweep, &mut psi.re), lines_of_mut(sweep, &mut psi.im));
        let (lambda_re, lambda_im) = (lines_of_mut(sweep, &mut lambda.re), lines_of_mut(sweep, &mut lambda.im));
        for (j, offset) in sweep.offsets.iter().enumerate() {
            let index = base ^ offset;
            // SAFETY: as in `Take`, for both states.
            let (mut psi, mut lambda) =
                unsafe { (lines.load_pair::<N>(states[0], index), lines.load_pair(states[1], index)) };
            if let Some(table) = after {
                add_overlap(lines, sums.as_mut().map(|sums| &mut sums[j]), psi, lambda);
                let back = conjugate(lines, pair(lines, table, j));
                (psi, lambda) = (lines.spin(back, psi), lines.spin(back, lambda));
            }
            lines.store(&mut psi_re[j], psi.0);
            lines.store(&mut psi_im[j], psi.1);
            lines.store(&mut lambda_re[j], lambda.0);
            lines.store(&mut lambda_im[j], lambda.1);
        }
    }
}

/// Adds `Im(λ* ψ)` to a row of sums, if a gradient is needed.
#[inline(always)]
fn add_overlap<S: Simd, T: Real, const N: usize>(
    lines: &Lanes16<S, T>,
    sum: Option<&mut [T; LANES]>,
    psi: Pair<S, T, N>,
    lambda: Pair<S, T, N>,
) {
    if let Some(sum) = sum {
        lines.store::<N>(sum, lines.overlap(psi, lambda, lines.load(sum)));
    }
}

/// Undoes on ψ and λ the operations of [`Take`], and writes both.
pub(crate) struct PutBack<'a, T> {
    pub(crate) sweep: &'a Sweep,
    pub(crate) numbers: &'a SweepTables<T>,
    pub(crate) states: [Planes<T>; 2],
    pub(crate) base: usize,
    pub(crate) from: [&'a State<T>; 2],
    pub(crate) sums: &'a mut Sums<T>,
}

/// Largest number of rotations inside vectors: one for each bit.
const MAX_WITHIN: usize = LANE_QUBITS;

impl<T: Real> PutBack<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let lines = &Lanes16::<S, T>::new(simd);
        let Self { sweep, numbers, states, base, from: [psi, lambda], sums } = self;
        let before = table_of(sweep, &numbers.before);
        let mut overlaps = sums_of(sweep, &mut sums.before);
        let from_psi = (lines_of(sweep, &psi.re), lines_of(sweep, &psi.im));
        let from_lambda = (lines_of(sweep, &lambda.re), lines_of(sweep, &lambda.im));
        let mut within = [lines.splat::<N>(T::zero()); MAX_WITHIN];
        for (j, offset) in sweep.offsets.iter().enumerate() {
            let index = base ^ offset;
            let (mut psi, mut lambda) = (pair::<S, T, N>(lines, from_psi, j), pair(lines, from_lambda, j));
            for ((rotation, by), sum) in sweep.within.iter().zip(&numbers.within).zip(&mut within) {
                // The gradient is λ in each lane times ψ in the partner lane.
                let (by, flip_mask) = (cos_sin(lines, by, true), rotation.flip_mask as usize);
                let partner = lines.permuted_pair(psi, flip_mask);
                *sum = lines.times_plus(lambda.1, partner.1, lines.times_plus(lambda.0, partner.0, *sum));
                rotate(lines, &mut psi, &partner, by);
                let partner = lines.permuted_pair(lambda, flip_mask);
                rotate(lines, &mut lambda, &partner, by);
            }
            if let Some(table) = before {
                add_overlap(lines, overlaps.as_mut().map(|sums| &mut sums[j]), psi, lambda);
                let back = conjugate(lines, pair(lines, table, j));
                (psi, lambda) = (lines.spin(back, psi), lines.spin(back, lambda));
            }
            if !sweep.loose.is_empty() {
                (psi, lambda) = undo_loose(lines, sweep, numbers, index, (psi, lambda), &mut sums.loose);
            }
            // SAFETY: as in `Take`, for both states.
            unsafe {
                lines.store_pair(states[0], index, psi);
                lines.store_pair(states[1], index, lambda);
            }
        }
        for (total, sum) in sums.within.iter_mut().zip(within) {
            let mut lanes = [T::zero(); LANES];
            lines.store(&mut lanes, sum);
            total.iter_mut().zip(lanes).for_each(|(total, sum)| *total += sum.to_f64());
        }
    }
}

/// Undoes the loose phases of a vector, and adds to their sums.
#[inline(always)]
fn undo_loose<S: Simd, T: Real, const N: usize>(
    lines: &Lanes16<S, T>,
    sweep: &Sweep,
    numbers: &SweepTables<T>,
    index: usize,
    (mut psi, mut lambda): (Pair<S, T, N>, Pair<S, T, N>),
    sums: &mut [[f64; LANES]],
) -> (Pair<S, T, N>, Pair<S, T, N>) {
    if !sums.is_empty() {
        let mut overlap = [T::zero(); LANES];
        lines.store(&mut overlap, lines.overlap(psi, lambda, lines.splat(T::zero())));
        for (term, sum) in sweep.loose.iter().zip(sums) {
            let sign = if odd(term.mask, index) { -1.0 } else { 1.0 };
            for l in 0..LANES {
                sum[l] += sign * overlap[l].to_f64();
            }
        }
    }
    for (term, by) in sweep.loose.iter().zip(&numbers.loose) {
        let back = cos_sin(lines, by, !odd(term.mask, index));
        (psi, lambda) = (lines.spin(back, psi), lines.spin(back, lambda));
    }
    (psi, lambda)
}
