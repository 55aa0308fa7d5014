//! Kernels on one tile of a single state: in from the state and out again, with what is done on the way.
//!
//! Lane `l` of local vector `j` is the amplitude at `base ^ offsets[j] ^ l`: the vector at the upper bits of that index,
//! its lanes permuted by the XOR of the lower ones.

use super::kernels::Turn;
use super::plan::LANES;
use super::state::{Buffer, Planes, State};
use crate::engine::Real;
use crate::program::{LANE_QUBITS, Rotation, Sweep};
use pulp::NullaryFnOnce;

/// A vector's real and imaginary part.
type Line<T> = ([T; LANES], [T; LANES]);

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
    pub(super) across: Vec<Turn<T>>,
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

/// Entry `l` of the result is entry `l ^ by`.
#[inline(always)]
fn permuted<T: Real>(line: [T; LANES], by: usize) -> [T; LANES] {
    macro_rules! shuffles {
        ($($by:literal)*) => {
            match by {
                $($by => {
                    let mut out = line;
                    for l in 0..LANES {
                        out[l] = line[l ^ $by];
                    }
                    out
                })*
                _ => line,
            }
        };
    }
    shuffles!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
}

#[inline(always)]
fn permuted_line<T: Real>((re, im): Line<T>, by: usize) -> Line<T> {
    if by == 0 { (re, im) } else { (permuted(re, by), permuted(im, by)) }
}

/// The vector that holds index `index`, lanes in the order of the tile.
///
/// # Safety
/// As for [`Planes::chunk`].
#[inline(always)]
pub(super) unsafe fn take<T: Real>(state: Planes<T>, index: usize) -> Line<T> {
    // SAFETY: the caller's.
    let (re, im) = unsafe { state.chunk::<LANES>(index & !(LANES - 1), 0) };
    permuted_line((*re, *im), index % LANES)
}

/// Writes what [`take`] has read.
///
/// # Safety
/// As for [`Planes::chunk`].
#[inline(always)]
unsafe fn put<T: Real>(state: Planes<T>, index: usize, line: Line<T>) {
    // SAFETY: the caller's.
    let (re, im) = unsafe { state.chunk::<LANES>(index & !(LANES - 1), 0) };
    (*re, *im) = permuted_line(line, index % LANES);
}

/// Multiplies by entry `index` of a table.
#[inline(always)]
fn spin<T: Real>((re, im): &mut Line<T>, table: &LaneTable<T>, index: usize, back: bool) {
    let (cos, sin) = (&table.cos.as_chunks::<LANES>().0[index], &table.sin.as_chunks::<LANES>().0[index]);
    for l in 0..LANES {
        let sin = if back { -sin[l] } else { sin[l] };
        (re[l], im[l]) = (cos[l] * re[l] - sin * im[l], cos[l] * im[l] + sin * re[l]);
    }
}

/// Multiplies by `cos + i sin`, or its conjugate.
#[inline(always)]
fn turn_to<T: Real>((re, im): &mut Line<T>, by: &Turn<T>, back: bool) {
    for l in 0..LANES {
        let sin = if back { -by.sin[l] } else { by.sin[l] };
        (re[l], im[l]) = (by.cos[l] * re[l] - sin * im[l], by.cos[l] * im[l] + sin * re[l]);
    }
}

/// `cos a - sin b` in each lane, where `b` is the lane's partner.
#[inline(always)]
fn rotate<T: Real>(line: &mut [T; LANES], partner: &[T; LANES], turn: &Turn<T>, back: bool) {
    for l in 0..LANES {
        let sin = if back { -turn.sin[l] } else { turn.sin[l] };
        line[l] = turn.cos[l] * line[l] - sin * partner[l];
    }
}

/// Whether the parity of a phase is odd at the first lane of a vector.
#[inline(always)]
fn odd(mask: u64, index: usize) -> bool {
    (index as u64 & mask).count_ones() % 2 == 1
}

#[inline(always)]
fn local<T>(state: &State<T>, index: usize) -> Line<T>
where
    T: Real,
{
    (state.re.as_chunks::<LANES>().0[index], state.im.as_chunks::<LANES>().0[index])
}

#[inline(always)]
fn set_local<T: Real>(state: &mut State<T>, index: usize, (re, im): Line<T>) {
    state.re.as_chunks_mut::<LANES>().0[index] = re;
    state.im.as_chunks_mut::<LANES>().0[index] = im;
}

/// Reads a tile; does loose phases, the table before, and the rotations inside vectors.
pub(super) struct Take<'a, T> {
    pub(super) sweep: &'a Sweep,
    pub(super) numbers: &'a Numbers<T>,
    pub(super) state: Planes<T>,
    pub(super) base: usize,
    pub(super) to: &'a mut State<T>,
}

impl<T: Real> NullaryFnOnce for Take<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { sweep, numbers, state, base, to } = self;
        for (j, offset) in sweep.offsets.iter().enumerate() {
            let index = base ^ offset;
            // SAFETY: tiles are disjoint sets of whole vectors of the state, and one thread has this tile.
            let mut line = unsafe { take(state, index) };
            for (term, by) in sweep.loose.iter().zip(&numbers.loose) {
                turn_to(&mut line, by, odd(term.mask, index));
            }
            if let Some(table) = &numbers.before {
                spin(&mut line, table, j, false);
            }
            for (rotation, by) in sweep.within.iter().zip(&numbers.within) {
                let partner = permuted_line(line, rotation.displacement as usize);
                rotate(&mut line.0, &partner.0, by, false);
                rotate(&mut line.1, &partner.1, by, false);
            }
            set_local(to, j, line);
        }
    }
}

/// Does the table after the rotations, or undoes the one before, and writes a tile.
pub(super) struct Put<'a, T> {
    pub(super) sweep: &'a Sweep,
    pub(super) table: Option<&'a LaneTable<T>>,
    pub(super) state: Planes<T>,
    pub(super) base: usize,
    pub(super) from: &'a State<T>,
}

impl<T: Real> NullaryFnOnce for Put<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (j, offset) in self.sweep.offsets.iter().enumerate() {
            let mut line = local(self.from, j);
            if let Some(table) = self.table {
                spin(&mut line, table, j, false);
            }
            // SAFETY: as in `Take`.
            unsafe { put(self.state, self.base ^ offset, line) };
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

impl<T: Real> NullaryFnOnce for TakeBack<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { sweep, numbers, states, base, to: [to_psi, to_lambda], sums } = self;
        for (j, offset) in sweep.offsets.iter().enumerate() {
            // SAFETY: as in `Take`, for both states.
            let (mut psi, mut lambda) = unsafe { (take(states[0], base ^ offset), take(states[1], base ^ offset)) };
            if let Some(table) = &numbers.after {
                if let Some(sums) = &mut sums.after {
                    add_overlap(sums, j, &psi, &lambda);
                }
                spin(&mut psi, table, j, true);
                spin(&mut lambda, table, j, true);
            }
            set_local(to_psi, j, psi);
            set_local(to_lambda, j, lambda);
        }
    }
}

/// `Im(λ* ψ)` in each lane.
#[inline(always)]
fn overlap<T: Real>(psi: &Line<T>, lambda: &Line<T>) -> [T; LANES] {
    let mut out = [T::zero(); LANES];
    for l in 0..LANES {
        out[l] = lambda.0[l] * psi.1[l] - lambda.1[l] * psi.0[l];
    }
    out
}

#[inline(always)]
fn add_overlap<T: Real>(sums: &mut Buffer<T>, index: usize, psi: &Line<T>, lambda: &Line<T>) {
    let sum = &mut sums.as_chunks_mut::<LANES>().0[index];
    let overlap = overlap(psi, lambda);
    for l in 0..LANES {
        sum[l] += overlap[l];
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

impl<T: Real> NullaryFnOnce for PutBack<'_, T> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { sweep, numbers, states, base, from: [from_psi, from_lambda], sums } = self;
        let mut within = [[T::zero(); LANES]; MAX_WITHIN];
        let wanted = sums.within.is_some();
        for (j, offset) in sweep.offsets.iter().enumerate() {
            let index = base ^ offset;
            let (mut psi, mut lambda) = (local(from_psi, j), local(from_lambda, j));
            for ((rotation, by), sum) in sweep.within.iter().zip(&numbers.within).zip(&mut within) {
                unrotate(&mut psi, &mut lambda, rotation, by, wanted.then_some(sum));
            }
            if let Some(table) = &numbers.before {
                if let Some(sums) = &mut sums.before {
                    add_overlap(sums, j, &psi, &lambda);
                }
                spin(&mut psi, table, j, true);
                spin(&mut lambda, table, j, true);
            }
            if !sweep.loose.is_empty() {
                undo_loose(sweep, numbers, index, (&mut psi, &mut lambda), sums);
            }
            // SAFETY: as in `Take`, for both states.
            unsafe {
                put(states[0], index, psi);
                put(states[1], index, lambda);
            }
        }
        for (total, sum) in sums.within.iter_mut().flatten().zip(within) {
            total.iter_mut().zip(sum).for_each(|(total, sum)| *total += sum.to_f64());
        }
    }
}

/// Undoes a rotation inside vectors. Adds the product of each lane of λ with the partner of the same lane of ψ.
#[inline(always)]
fn unrotate<T: Real>(
    psi: &mut Line<T>,
    lambda: &mut Line<T>,
    rotation: &Rotation,
    by: &Turn<T>,
    sum: Option<&mut [T; LANES]>,
) {
    let partner = permuted_line(*psi, rotation.displacement as usize);
    if let Some(sum) = sum {
        for l in 0..LANES {
            sum[l] += lambda.0[l] * partner.0[l] + lambda.1[l] * partner.1[l];
        }
    }
    rotate(&mut psi.0, &partner.0, by, true);
    rotate(&mut psi.1, &partner.1, by, true);
    let partner = permuted_line(*lambda, rotation.displacement as usize);
    rotate(&mut lambda.0, &partner.0, by, true);
    rotate(&mut lambda.1, &partner.1, by, true);
}

/// Undoes the loose phases of a vector, and adds to their sums.
#[inline(always)]
fn undo_loose<T: Real>(
    sweep: &Sweep,
    numbers: &Numbers<T>,
    index: usize,
    (psi, lambda): (&mut Line<T>, &mut Line<T>),
    sums: &mut Sums<T>,
) {
    if let Some(sums) = &mut sums.loose {
        let overlap = overlap(psi, lambda);
        for (term, sum) in sweep.loose.iter().zip(sums) {
            let sign = if odd(term.mask, index) { -1.0 } else { 1.0 };
            for l in 0..LANES {
                sum[l] += sign * overlap[l].to_f64();
            }
        }
    }
    for (term, by) in sweep.loose.iter().zip(&numbers.loose) {
        turn_to(psi, by, !odd(term.mask, index));
        turn_to(lambda, by, !odd(term.mask, index));
    }
}
