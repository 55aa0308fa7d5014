//! Kernels on one tile of a single state: in from the state and out again, with what is done on the way.
//!
//! Lane `l` of local vector `j` is the amplitude at `base ^ offsets[j] ^ l`: the vector at the upper bits of that index,
//! its lanes permuted by the XOR of the lower ones.

use super::kernels::Turn;
use super::layers::Rotors;
use super::lines::{Line, Lines, Pair, with_lines};
use super::plan::LANES;
use super::state::{Buffer, Planes, State};
use crate::engine::Real;
use crate::program::{LANE_QUBITS, MAX_ROTATIONS, Sweep};
use pulp::{Simd, WithSimd};

/// Cosines and sines by local index and lane.
#[derive(Debug)]
pub(super) struct LaneTable<T> {
    pub(super) cos: Buffer<T>,
    pub(super) sin: Buffer<T>,
}

/// The numbers of a sweep for one sample. Sines have the sign that belongs to each lane.
#[derive(Debug)]
pub(super) struct Numbers<T> {
    pub(super) loose: Vec<Turn<T>>,
    pub(super) before: Option<LaneTable<T>>,
    pub(super) within: Vec<Turn<T>>,
    /// The rotations across vectors, pass by pass, and those that undo them.
    pub(super) rotors: Vec<[Rotors<T>; 2]>,
    /// What the gradients of the rotations across vectors are multiplied by.
    pub(super) weights: Vec<[f64; MAX_ROTATIONS]>,
    /// The same for what is undone after them and before the table in front.
    pub(super) weight: f64,
    pub(super) after: Option<LaneTable<T>>,
}

/// Where the sums for gradients go that are taken on the way in or out; `None` where no gradient is wanted.
#[derive(Debug)]
pub(super) struct Sums<T> {
    /// `Im(λ* ψ)` of each local vector and lane, for the tables' phases.
    pub(super) before: Option<Buffer<T>>,
    pub(super) after: Option<Buffer<T>>,
    /// By rotation inside vectors and lane, and by loose phase and lane.
    pub(super) within: Option<Vec<[f64; LANES]>>,
    pub(super) loose: Option<Vec<[f64; LANES]>>,
}

/// Entry `index` of a table.
#[inline(always)]
fn entry<S: Simd, T: Real, const N: usize>(lines: &Lines<S, T>, table: &LaneTable<T>, index: usize) -> Pair<S, T, N> {
    (line(lines, &table.cos, index), line(lines, &table.sin, index))
}

/// Line `index` of a plane.
#[inline(always)]
fn line<S: Simd, T: Real, const N: usize>(lines: &Lines<S, T>, plane: &[T], index: usize) -> Line<S, T, N> {
    lines.load(&plane.as_chunks::<LANES>().0[index])
}

#[inline(always)]
fn local<S: Simd, T: Real, const N: usize>(lines: &Lines<S, T>, state: &State<T>, index: usize) -> Pair<S, T, N> {
    (line(lines, &state.re, index), line(lines, &state.im, index))
}

#[inline(always)]
fn set_local<S: Simd, T: Real, const N: usize>(
    lines: &Lines<S, T>,
    state: &mut State<T>,
    index: usize,
    (re, im): Pair<S, T, N>,
) {
    lines.store(&mut state.re.as_chunks_mut::<LANES>().0[index], re);
    lines.store(&mut state.im.as_chunks_mut::<LANES>().0[index], im);
}

/// A turn, or the one back.
#[inline(always)]
fn turn<S: Simd, T: Real, const N: usize>(lines: &Lines<S, T>, turn: &Turn<T>, back: bool) -> Pair<S, T, N> {
    let sin = lines.load(&turn.sin);
    (lines.load(&turn.cos), if back { lines.minus(sin) } else { sin })
}

/// The conjugate of a phase.
#[inline(always)]
fn conjugate<S: Simd, T: Real, const N: usize>(lines: &Lines<S, T>, (cos, sin): Pair<S, T, N>) -> Pair<S, T, N> {
    (cos, lines.minus(sin))
}

/// Rotates each lane with its partner.
#[inline(always)]
fn rotate<S: Simd, T: Real, const N: usize>(
    lines: &Lines<S, T>,
    (re, im): &mut Pair<S, T, N>,
    partner: &Pair<S, T, N>,
    by: Pair<S, T, N>,
) {
    (*re, *im) = (lines.mix(by, *re, partner.0), lines.mix(by, *im, partner.1));
}

/// Whether the parity of a phase is odd at the first lane of a vector.
#[inline(always)]
fn odd(mask: u64, index: usize) -> bool {
    (index as u64 & mask).count_ones() % 2 == 1
}

/// Implements the dispatch of a kernel to `run`.
macro_rules! dispatched {
    ($($kernel:ident)*) => {
        $(impl<T: Real> WithSimd for $kernel<'_, T> {
            type Output = ();

            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) {
                with_lines!(self, simd, T)
            }
        })*
    };
}
dispatched!(Take Put TakeBack PutBack);

/// Reads a tile; does loose phases, the table before, and the rotations inside vectors.
pub(super) struct Take<'a, T> {
    pub(super) sweep: &'a Sweep,
    pub(super) numbers: &'a Numbers<T>,
    pub(super) state: Planes<T>,
    pub(super) base: usize,
    pub(super) to: &'a mut State<T>,
}

impl<T: Real> Take<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let lines = &Lines::<S, T>::new(simd);
        let Self { sweep, numbers, state, base, to } = self;
        for (j, offset) in sweep.offsets.iter().enumerate() {
            let index = base ^ offset;
            // SAFETY: tiles are disjoint sets of whole vectors of the state, and one thread has this tile.
            let mut line = unsafe { lines.take::<N>(state, index) };
            for (term, by) in sweep.loose.iter().zip(&numbers.loose) {
                line = lines.spin(turn(lines, by, odd(term.mask, index)), line);
            }
            if let Some(table) = &numbers.before {
                line = lines.spin(entry(lines, table, j), line);
            }
            for (rotation, by) in sweep.within.iter().zip(&numbers.within) {
                let partner = lines.permuted_pair(line, rotation.displacement as usize);
                rotate(lines, &mut line, &partner, turn(lines, by, false));
            }
            set_local(lines, to, j, line);
        }
    }
}

/// Does the table after the rotations, and writes a tile.
pub(super) struct Put<'a, T> {
    pub(super) sweep: &'a Sweep,
    pub(super) numbers: &'a Numbers<T>,
    pub(super) state: Planes<T>,
    pub(super) base: usize,
    pub(super) from: &'a State<T>,
}

impl<T: Real> Put<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let lines = &Lines::<S, T>::new(simd);
        for (j, offset) in self.sweep.offsets.iter().enumerate() {
            let mut line = local::<S, T, N>(lines, self.from, j);
            if let Some(table) = &self.numbers.after {
                line = lines.spin(entry(lines, table, j), line);
            }
            // SAFETY: as in `Take`.
            unsafe { lines.put(self.state, self.base ^ offset, line) };
        }
    }
}

/// Reads a tile of ψ and λ and undoes the table after the rotations.
pub(super) struct TakeBack<'a, T> {
    pub(super) sweep: &'a Sweep,
    pub(super) numbers: &'a Numbers<T>,
    pub(super) states: [Planes<T>; 2],
    pub(super) base: usize,
    pub(super) to: [&'a mut State<T>; 2],
    pub(super) sums: &'a mut Sums<T>,
}

impl<T: Real> TakeBack<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let lines = &Lines::<S, T>::new(simd);
        let Self { sweep, numbers, states, base, to: [to_psi, to_lambda], sums } = self;
        for (j, offset) in sweep.offsets.iter().enumerate() {
            let index = base ^ offset;
            // SAFETY: as in `Take`, for both states.
            let (mut psi, mut lambda) = unsafe { (lines.take::<N>(states[0], index), lines.take(states[1], index)) };
            if let Some(table) = &numbers.after {
                add_overlap(lines, &mut sums.after, j, psi, lambda);
                let back = conjugate(lines, entry(lines, table, j));
                (psi, lambda) = (lines.spin(back, psi), lines.spin(back, lambda));
            }
            set_local(lines, to_psi, j, psi);
            set_local(lines, to_lambda, j, lambda);
        }
    }
}

/// Adds `Im(λ* ψ)` to line `index` of the sums, if they are wanted.
#[inline(always)]
fn add_overlap<S: Simd, T: Real, const N: usize>(
    lines: &Lines<S, T>,
    sums: &mut Option<Buffer<T>>,
    index: usize,
    psi: Pair<S, T, N>,
    lambda: Pair<S, T, N>,
) {
    if let Some(sums) = sums {
        let sum = &mut sums.as_chunks_mut::<LANES>().0[index];
        lines.store::<N>(sum, lines.overlap(psi, lambda, lines.load(sum)));
    }
}

/// Undoes what [`Take`] does, on ψ and λ, and writes both.
pub(super) struct PutBack<'a, T> {
    pub(super) sweep: &'a Sweep,
    pub(super) numbers: &'a Numbers<T>,
    pub(super) states: [Planes<T>; 2],
    pub(super) base: usize,
    pub(super) from: [&'a State<T>; 2],
    pub(super) sums: &'a mut Sums<T>,
}

/// The most rotations inside vectors: one for each bit.
const MAX_WITHIN: usize = LANE_QUBITS;

impl<T: Real> PutBack<'_, T> {
    #[inline(always)]
    fn run<S: Simd, const N: usize>(self, simd: S) {
        let lines = &Lines::<S, T>::new(simd);
        let Self { sweep, numbers, states, base, from: [from_psi, from_lambda], sums } = self;
        let mut within = [lines.splat::<N>(T::zero()); MAX_WITHIN];
        for (j, offset) in sweep.offsets.iter().enumerate() {
            let index = base ^ offset;
            let (mut psi, mut lambda) = (local::<S, T, N>(lines, from_psi, j), local(lines, from_lambda, j));
            for ((rotation, by), sum) in sweep.within.iter().zip(&numbers.within).zip(&mut within) {
                // λ in each lane times ψ in its partner
                let (by, displacement) = (turn(lines, by, true), rotation.displacement as usize);
                let partner = lines.permuted_pair(psi, displacement);
                *sum = lines.times_plus(lambda.1, partner.1, lines.times_plus(lambda.0, partner.0, *sum));
                rotate(lines, &mut psi, &partner, by);
                let partner = lines.permuted_pair(lambda, displacement);
                rotate(lines, &mut lambda, &partner, by);
            }
            if let Some(table) = &numbers.before {
                add_overlap(lines, &mut sums.before, j, psi, lambda);
                let back = conjugate(lines, entry(lines, table, j));
                (psi, lambda) = (lines.spin(back, psi), lines.spin(back, lambda));
            }
            if !sweep.loose.is_empty() {
                (psi, lambda) = undo_loose(lines, sweep, numbers, index, (psi, lambda), sums);
            }
            // SAFETY: as in `Take`, for both states.
            unsafe {
                lines.put(states[0], index, psi);
                lines.put(states[1], index, lambda);
            }
        }
        for (total, sum) in sums.within.iter_mut().flatten().zip(within) {
            let mut lanes = [T::zero(); LANES];
            lines.store(&mut lanes, sum);
            total.iter_mut().zip(lanes).for_each(|(total, sum)| *total += sum.to_f64());
        }
    }
}

/// Undoes the loose phases of a vector, and adds to their sums.
#[inline(always)]
fn undo_loose<S: Simd, T: Real, const N: usize>(
    lines: &Lines<S, T>,
    sweep: &Sweep,
    numbers: &Numbers<T>,
    index: usize,
    (mut psi, mut lambda): (Pair<S, T, N>, Pair<S, T, N>),
    sums: &mut Sums<T>,
) -> (Pair<S, T, N>, Pair<S, T, N>) {
    if let Some(sums) = &mut sums.loose {
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
        let back = turn(lines, by, !odd(term.mask, index));
        (psi, lambda) = (lines.spin(back, psi), lines.spin(back, lambda));
    }
    (psi, lambda)
}
