//! Layers on a block of samples: up to three rotations and a table of phases in one pass over the state.
//!
//! A pass takes groups of 2, 4 or 8 amplitudes of 16 samples, found by XOR from a base index, and holds them in
//! registers. RY is real, so real and imaginary parts go through it separately.

use super::kernels::Turn;
use super::plan::LANES;
use super::simd::{Vectored, lanes, load, store};
use super::state::Planes;
use crate::engine::Real;
use crate::program::{MAX_ROTATIONS, Pass};
use pulp::{Arch, Simd, WithSimd};

/// Cosines and sines of a table of phases, by physical index.
#[derive(Debug)]
pub(super) struct Table<T> {
    pub(super) cos: Vec<T>,
    pub(super) sin: Vec<T>,
}

/// Gradients of the rotations of a pass, in each lane.
pub(super) type PassSums = [[f64; LANES]; MAX_ROTATIONS];

/// Groups between two additions into `f64`.
const FLUSH: usize = 64;

struct Forward<'a, T, const K: usize, const M: usize> {
    groups: &'a Pass,
    state: Planes<T>,
    turns: [&'a Turn<T>; K],
    table: Option<&'a Table<T>>,
}

/// Two vectors, such as a cosine and a sine.
type Pair<S, T> = (<T as Vectored>::Vector<S>, <T as Vectored>::Vector<S>);

/// `cos a - sin b`, `cos b + sin a`.
#[inline(always)]
fn rotate<S: Simd, T: Real>(simd: S, (cos, sin): Pair<S, T>, a: T::Vector<S>, b: T::Vector<S>) -> Pair<S, T> {
    let minus = T::minus(simd, sin);
    (T::times_plus(simd, minus, b, T::times(simd, cos, a)), T::times_plus(simd, sin, a, T::times(simd, cos, b)))
}

impl<T: Real, const K: usize, const M: usize> Forward<'_, T, K, M> {
    #[inline(always)]
    fn chunk<S: Simd, const TABLE: bool>(&self, simd: S, at: usize) {
        // SAFETY: `at` is the first lane of a vector that ends within the lanes.
        let turns = self
            .turns
            .map(|turn| unsafe { (load::<S, T>(turn.cos.as_ptr().add(at)), load::<S, T>(turn.sin.as_ptr().add(at))) });
        for &base in &self.groups.bases {
            let index: [usize; M] = std::array::from_fn(|j| base as usize ^ self.groups.distances[j]);
            // SAFETY: groups hold indices of the state, and `at` as above; this worker alone holds the state.
            let mut re = index.map(|index| unsafe { load::<S, T>(self.state.re_at(index, at)) });
            // SAFETY: as above.
            let mut im = index.map(|index| unsafe { load::<S, T>(self.state.im_at(index, at)) });
            if let (true, Some(table)) = (TABLE, self.table) {
                for j in 0..M {
                    let turn = (T::splat(simd, table.cos[index[j]]), T::splat(simd, table.sin[index[j]]));
                    (re[j], im[j]) = rotate::<S, T>(simd, turn, re[j], im[j]);
                }
            }
            for (k, turn) in turns.iter().enumerate() {
                for j in 0..M {
                    if j >> k & 1 == 0 {
                        let other = j | 1 << k;
                        (re[j], re[other]) = rotate::<S, T>(simd, *turn, re[j], re[other]);
                        (im[j], im[other]) = rotate::<S, T>(simd, *turn, im[j], im[other]);
                    }
                }
            }
            for j in 0..M {
                // SAFETY: as above.
                unsafe {
                    store::<S, T>(self.state.re_at(index[j], at), re[j]);
                    store::<S, T>(self.state.im_at(index[j], at), im[j]);
                }
            }
        }
    }
}

impl<T: Real, const K: usize, const M: usize> WithSimd for Forward<'_, T, K, M> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for at in (0..LANES).step_by(lanes::<S, T>()) {
            if self.table.is_some() {
                self.chunk::<S, true>(simd, at);
            } else {
                self.chunk::<S, false>(simd, at);
            }
        }
    }
}

/// Undoes a pass on ψ and λ.
struct Reverse<'a, T, const K: usize, const M: usize> {
    groups: &'a Pass,
    psi: Planes<T>,
    lambda: Planes<T>,
    turns: [&'a Turn<T>; K],
    /// The phases undone after the rotations, and where `Im(λ* ψ)` of each amplitude and lane is added up before.
    table: Option<(&'a Table<T>, Option<*mut T>)>,
}

impl<T: Real, const K: usize, const M: usize> Reverse<'_, T, K, M> {
    /// Undoes the rotations on one plane of a group; adds to the gradients.
    #[inline(always)]
    fn plane<S: Simd>(
        simd: S,
        turns: &[Pair<S, T>; K],
        p: &mut [T::Vector<S>; M],
        l: &mut [T::Vector<S>; M],
        sums: &mut [T::Vector<S>; K],
    ) {
        for k in 0..K {
            let (cos, sin) = turns[k];
            let back = (cos, T::minus(simd, sin));
            for j in 0..M {
                if j >> k & 1 == 0 {
                    let other = j | 1 << k;
                    sums[k] = T::times_plus(simd, l[other], p[j], sums[k]);
                    sums[k] = T::times_plus(simd, T::minus(simd, l[j]), p[other], sums[k]);
                    (p[j], p[other]) = rotate::<S, T>(simd, back, p[j], p[other]);
                    (l[j], l[other]) = rotate::<S, T>(simd, back, l[j], l[other]);
                }
            }
        }
    }

    #[inline(always)]
    fn chunk<S: Simd, const TABLE: bool>(&self, simd: S, at: usize, total: &mut PassSums) {
        let zero = T::splat(simd, T::zero());
        // SAFETY: `at` is the first lane of a vector that ends within the lanes.
        let turns = self
            .turns
            .map(|turn| unsafe { (load::<S, T>(turn.cos.as_ptr().add(at)), load::<S, T>(turn.sin.as_ptr().add(at))) });
        for bases in self.groups.bases.chunks(FLUSH) {
            let mut sums = [zero; K];
            for &base in bases {
                let index: [usize; M] = std::array::from_fn(|j| base as usize ^ self.groups.distances[j]);
                // SAFETY: groups hold indices of both states, `at` as above; this worker alone holds the states.
                let (mut p_re, mut l_re) = unsafe {
                    (
                        index.map(|i| load::<S, T>(self.psi.re_at(i, at))),
                        index.map(|i| load::<S, T>(self.lambda.re_at(i, at))),
                    )
                };
                Self::plane(simd, &turns, &mut p_re, &mut l_re, &mut sums);
                // SAFETY: as above.
                let (mut p_im, mut l_im) = unsafe {
                    (
                        index.map(|i| load::<S, T>(self.psi.im_at(i, at))),
                        index.map(|i| load::<S, T>(self.lambda.im_at(i, at))),
                    )
                };
                Self::plane(simd, &turns, &mut p_im, &mut l_im, &mut sums);
                if let (true, Some((table, overlaps))) = (TABLE, self.table) {
                    for j in 0..M {
                        let (cos, sin) = (table.cos[index[j]], table.sin[index[j]]);
                        let back = (T::splat(simd, cos), T::splat(simd, -sin));
                        if let Some(overlaps) = overlaps {
                            // SAFETY: `overlaps` has a line for each amplitude of the state.
                            unsafe {
                                let place = overlaps.add(index[j] * LANES + at);
                                let mut overlap = load::<S, T>(place);
                                overlap = T::times_plus(simd, l_re[j], p_im[j], overlap);
                                overlap = T::times_plus(simd, T::minus(simd, l_im[j]), p_re[j], overlap);
                                store::<S, T>(place, overlap);
                            }
                        }
                        (p_re[j], p_im[j]) = rotate::<S, T>(simd, back, p_re[j], p_im[j]);
                        (l_re[j], l_im[j]) = rotate::<S, T>(simd, back, l_re[j], l_im[j]);
                    }
                }
                for j in 0..M {
                    // SAFETY: as above.
                    unsafe {
                        store::<S, T>(self.psi.re_at(index[j], at), p_re[j]);
                        store::<S, T>(self.psi.im_at(index[j], at), p_im[j]);
                        store::<S, T>(self.lambda.re_at(index[j], at), l_re[j]);
                        store::<S, T>(self.lambda.im_at(index[j], at), l_im[j]);
                    }
                }
            }
            for (total, sum) in total.iter_mut().zip(sums) {
                let mut lane = [T::zero(); LANES];
                // SAFETY: `lane` holds at least one vector.
                unsafe { store::<S, T>(lane.as_mut_ptr(), sum) };
                for (total, lane) in total[at..].iter_mut().zip(&lane[..lanes::<S, T>()]) {
                    *total += lane.to_f64();
                }
            }
        }
    }
}

impl<T: Real, const K: usize, const M: usize> WithSimd for Reverse<'_, T, K, M> {
    type Output = PassSums;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> PassSums {
        let mut total = [[0.0; LANES]; MAX_ROTATIONS];
        for at in (0..LANES).step_by(lanes::<S, T>()) {
            if self.table.is_some() {
                self.chunk::<S, true>(simd, at, &mut total);
            } else {
                self.chunk::<S, false>(simd, at, &mut total);
            }
        }
        total
    }
}

/// Applies the phases of a table, then the rotations of a pass.
pub(super) fn forward<T: Real>(groups: &Pass, state: Planes<T>, turns: &[&Turn<T>], table: Option<&Table<T>>) {
    let arch = Arch::new();
    match *turns {
        [] => arch.dispatch(Forward::<T, 0, 1> { groups, state, turns: [], table }),
        [a] => arch.dispatch(Forward::<T, 1, 2> { groups, state, turns: [a], table }),
        [a, b] => arch.dispatch(Forward::<T, 2, 4> { groups, state, turns: [a, b], table }),
        [a, b, c, ..] => arch.dispatch(Forward::<T, 3, 8> { groups, state, turns: [a, b, c], table }),
    }
}

/// Undoes the rotations of a pass on ψ and λ, then the phases of a table. Returns the gradient in the φ of each rotation and
/// adds `Im(λ* ψ)` of each amplitude and lane, as it is before the phases are undone, to the table's overlaps.
pub(super) fn reverse<T: Real>(
    groups: &Pass,
    (psi, lambda): (Planes<T>, Planes<T>),
    turns: &[&Turn<T>],
    table: Option<(&Table<T>, Option<&mut [T]>)>,
) -> PassSums {
    let arch = Arch::new();
    let table = table.map(|(table, overlaps)| (table, overlaps.map(|overlaps| overlaps.as_mut_ptr())));
    let sums = match *turns {
        [] => arch.dispatch(Reverse::<T, 0, 1> { groups, psi, lambda, turns: [], table }),
        [a] => arch.dispatch(Reverse::<T, 1, 2> { groups, psi, lambda, turns: [a], table }),
        [a, b] => arch.dispatch(Reverse::<T, 2, 4> { groups, psi, lambda, turns: [a, b], table }),
        [a, b, c, ..] => arch.dispatch(Reverse::<T, 3, 8> { groups, psi, lambda, turns: [a, b, c], table }),
    };
    sums.map(|lanes| lanes.map(|sum| 2.0 * sum))
}
