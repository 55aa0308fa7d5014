//! Kernels of a pass: a phase table and up to three rotations on a block of samples, in one sweep over the state.
//!
//! A pass takes groups of 2, 4 or 8 amplitudes of 16 samples. The indices of a group differ from a base index by XOR.
//! The amplitudes of a group stay in registers. RY is real, so real and imaginary parts go through it separately.
//!
//! A rotation `(c a - s b, c b + s a)` takes four operations. `(a - t b, b + t a)` with `t = s / c` takes two and
//! leaves out the factor c, which the phase table of the layer brings back. Passes whose rotations all samples share
//! use the shorter form (see `factored.rs`).

use crate::engine::Real;
use crate::engine::cpu::pass::{MAX_ROTATIONS, Pass};
use crate::engine::cpu::state::Planes;
use crate::engine::cpu::steps::forward::CosSin;
use crate::engine::simd::LANES;
use crate::engine::simd::arch::current_arch;
use crate::engine::simd::{SimdReal, align_frame, hidden_from_optimizer, lane_count, load_vector, store_vector};
use pulp::{Simd, WithSimd};

/// Cosines and sines of a phase table, by stored index.
#[derive(Debug)]
pub(super) struct Table<T> {
    pub(super) cos: Vec<T>,
    pub(super) sin: Vec<T>,
}

/// Rotations of a pass on pairs of amplitudes: `(cos a - sin b, cos b + sin a)`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rotors<T> {
    pub(super) cos_sins: [CosSin<T>; MAX_ROTATIONS],
    /// Whether all cosines are 1. The pairs are then rotated up to a factor.
    pub(super) unit: bool,
    /// Mask of rotations whose amplitudes are exchanged: position `j` of a group is written to position `j ^ swapped`.
    pub(super) swapped: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { cos: Vec::new(), sin: Vec::new() }
    }
}

impl<T: Real> Default for Rotors<T> {
    fn default() -> Self {
        Self { cos_sins: [CosSin::fixed(1.0.into()); MAX_ROTATIONS], unit: false, swapped: 0 }
    }
}

impl<T: Real> Rotors<T> {
    fn first<const K: usize>(&self) -> [&CosSin<T>; K] {
        std::array::from_fn(|k| &self.cos_sins[k])
    }
}

/// Gradients of the rotations of a pass, in each lane.
pub(super) type PassSums = [[f64; LANES]; MAX_ROTATIONS];

/// Groups between two additions into `f64`.
const FLUSH: usize = 64;

struct Forward<'a, T, const K: usize, const M: usize, const UNIT: bool> {
    groups: &'a Pass,
    state: Planes<T>,
    cos_sins: [&'a CosSin<T>; K],
    swapped: usize,
    table: Option<&'a Table<T>>,
}

/// Pair of vectors, such as a cosine and a sine.
type Pair<S, T> = (<T as SimdReal>::Vector<S>, <T as SimdReal>::Vector<S>);

/// Returns `cos a - sin b` and `cos b + sin a`; with `UNIT` the cosine is 1.
#[inline(always)]
fn rotate<S: Simd, T: Real, const UNIT: bool>(
    simd: S,
    (cos, sin): Pair<S, T>,
    a: T::Vector<S>,
    b: T::Vector<S>,
) -> Pair<S, T> {
    let minus = T::minus(simd, sin);
    let (c, d) = if UNIT { (a, b) } else { (T::times(simd, cos, a), T::times(simd, cos, b)) };
    (T::times_plus(simd, minus, b, c), T::times_plus(simd, sin, a, d))
}

/// Loads cosines and sines from lane `at` on.
#[inline(always)]
fn loaded<S: Simd, T: Real, const K: usize>(cos_sins: [&CosSin<T>; K], at: usize) -> [Pair<S, T>; K] {
    // SAFETY: `at` is the first lane of a vector that ends within the lanes.
    cos_sins.map(|cos_sin| unsafe {
        (load_vector::<S, T>(cos_sin.cos.as_ptr().add(at)), load_vector::<S, T>(cos_sin.sin.as_ptr().add(at)))
    })
}

impl<T: Real, const K: usize, const M: usize, const UNIT: bool> Forward<'_, T, K, M, UNIT> {
    #[inline(always)]
    fn chunk<S: Simd, const TABLE: bool>(&self, simd: S, at: usize) {
        let cos_sins = loaded::<S, T, K>(self.cos_sins, at);
        let swapped: [usize; M] = std::array::from_fn(|j| self.groups.distances[j ^ self.swapped]);
        for &base in &self.groups.bases {
            let index: [usize; M] =
                std::array::from_fn(|j| hidden_from_optimizer(base as usize ^ self.groups.distances[j]));
            // SAFETY: groups hold indices of the state, `at` is as in `loaded`, and this worker alone holds the state.
            let mut re = index.map(|index| unsafe { load_vector::<S, T>(self.state.re_at(index, at)) });
            // SAFETY: as for the real parts.
            let mut im = index.map(|index| unsafe { load_vector::<S, T>(self.state.im_at(index, at)) });
            if let (true, Some(table)) = (TABLE, self.table) {
                for j in 0..M {
                    // SAFETY: tables have an entry for each amplitude of the state.
                    let (cos, sin) =
                        unsafe { (*table.cos.get_unchecked(index[j]), *table.sin.get_unchecked(index[j])) };
                    let cos_sin = (T::splat(simd, cos), T::splat(simd, sin));
                    (re[j], im[j]) = rotate::<S, T, false>(simd, cos_sin, re[j], im[j]);
                }
            }
            for k in 0..K {
                for j in 0..M {
                    if j >> k & 1 == 0 {
                        let other = j | 1 << k;
                        (re[j], re[other]) = rotate::<S, T, UNIT>(simd, cos_sins[k], re[j], re[other]);
                        (im[j], im[other]) = rotate::<S, T, UNIT>(simd, cos_sins[k], im[j], im[other]);
                    }
                }
            }
            for j in 0..M {
                let index = hidden_from_optimizer(base as usize ^ swapped[j]);
                // SAFETY: as for the loads.
                unsafe {
                    store_vector::<S, T>(self.state.re_at(index, at), re[j]);
                    store_vector::<S, T>(self.state.im_at(index, at), im[j]);
                }
            }
        }
    }
}

impl<T: Real, const K: usize, const M: usize, const UNIT: bool> WithSimd for Forward<'_, T, K, M, UNIT> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        align_frame();
        for at in (0..LANES).step_by(lane_count::<S, T>()) {
            if self.table.is_some() {
                self.chunk::<S, true>(simd, at);
            } else {
                self.chunk::<S, false>(simd, at);
            }
        }
    }
}

/// Undoes a pass on ψ and λ.
struct Reverse<'a, T, const K: usize, const M: usize, const UNIT: bool> {
    groups: &'a Pass,
    psi: Planes<T>,
    lambda: Planes<T>,
    /// Cosines and sines that undo the rotations.
    cos_sins: [&'a CosSin<T>; K],
    swapped: usize,
    /// Phase table that is undone after the rotations. `Im(λ* ψ)` of each amplitude is added to the overlaps before
    /// that.
    table: Option<(&'a Table<T>, Option<*mut f64>)>,
}

impl<T: Real, const K: usize, const M: usize, const UNIT: bool> Reverse<'_, T, K, M, UNIT> {
    /// Undoes the rotations on one plane of a group, and adds to the gradients.
    #[inline(always)]
    fn plane<S: Simd>(
        simd: S,
        cos_sins: &[Pair<S, T>; K],
        p: &mut [T::Vector<S>; M],
        l: &mut [T::Vector<S>; M],
        sums: &mut [T::Vector<S>; K],
    ) {
        for k in 0..K {
            for j in 0..M {
                if j >> k & 1 == 0 {
                    let other = j | 1 << k;
                    sums[k] = T::times_plus(simd, l[other], p[j], sums[k]);
                    sums[k] = T::times_plus(simd, T::minus(simd, l[j]), p[other], sums[k]);
                    (p[j], p[other]) = rotate::<S, T, UNIT>(simd, cos_sins[k], p[j], p[other]);
                    (l[j], l[other]) = rotate::<S, T, UNIT>(simd, cos_sins[k], l[j], l[other]);
                }
            }
        }
    }

    /// Undoes the phase of the table on the given imaginary parts and on the real parts in memory. Adds to the
    /// overlaps.
    #[inline(always)]
    fn unphase<S: Simd>(&self, simd: S, i: usize, at: usize, p: T::Vector<S>, l: T::Vector<S>) -> Pair<S, T> {
        let Some((table, overlaps)) = self.table else { return (p, l) };
        // SAFETY: tables and overlaps have an entry for each amplitude of the states, and `at` is as in `chunk`.
        unsafe {
            let (re, l_re) = (self.psi.re_at(i, at), self.lambda.re_at(i, at));
            let (p_re, lambda_re) = (load_vector::<S, T>(re), load_vector::<S, T>(l_re));
            if let Some(overlaps) = overlaps {
                let other = T::times(simd, T::minus(simd, l), p_re);
                *overlaps.add(i) += T::sum(simd, T::times_plus(simd, lambda_re, p, other)).to_f64();
            }
            let back = (T::splat(simd, *table.cos.get_unchecked(i)), T::splat(simd, -*table.sin.get_unchecked(i)));
            let psi = rotate::<S, T, false>(simd, back, p_re, p);
            let lambda = rotate::<S, T, false>(simd, back, lambda_re, l);
            store_vector::<S, T>(re, psi.0);
            store_vector::<S, T>(l_re, lambda.0);
            (psi.1, lambda.1)
        }
    }

    #[inline(always)]
    fn chunk<S: Simd, const TABLE: bool>(&self, simd: S, at: usize, total: &mut PassSums) {
        let zero = T::splat(simd, T::zero());
        let cos_sins = loaded::<S, T, K>(self.cos_sins, at);
        let swapped: [usize; M] = std::array::from_fn(|j| self.groups.distances[j ^ self.swapped]);
        for bases in self.groups.bases.chunks(FLUSH) {
            let mut sums = [zero; K];
            for &base in bases {
                let index: [usize; M] =
                    std::array::from_fn(|j| hidden_from_optimizer(base as usize ^ self.groups.distances[j]));
                let to: [usize; M] = std::array::from_fn(|j| hidden_from_optimizer(base as usize ^ swapped[j]));
                // The planes are treated one after the other, since two groups fill the registers.
                // SAFETY: groups hold indices of both states, `at` is as in `loaded`, and this worker alone holds the
                // states.
                let (mut p, mut l) = unsafe {
                    (
                        index.map(|i| load_vector::<S, T>(self.psi.re_at(i, at))),
                        index.map(|i| load_vector::<S, T>(self.lambda.re_at(i, at))),
                    )
                };
                Self::plane(simd, &cos_sins, &mut p, &mut l, &mut sums);
                for j in 0..M {
                    // SAFETY: as for the loads.
                    unsafe {
                        store_vector::<S, T>(self.psi.re_at(to[j], at), p[j]);
                        store_vector::<S, T>(self.lambda.re_at(to[j], at), l[j]);
                    }
                }
                // SAFETY: as for the real parts.
                let (mut p, mut l) = unsafe {
                    (
                        index.map(|i| load_vector::<S, T>(self.psi.im_at(i, at))),
                        index.map(|i| load_vector::<S, T>(self.lambda.im_at(i, at))),
                    )
                };
                Self::plane(simd, &cos_sins, &mut p, &mut l, &mut sums);
                for j in 0..M {
                    if TABLE {
                        (p[j], l[j]) = self.unphase(simd, to[j], at, p[j], l[j]);
                    }
                    // SAFETY: as for the loads.
                    unsafe {
                        store_vector::<S, T>(self.psi.im_at(to[j], at), p[j]);
                        store_vector::<S, T>(self.lambda.im_at(to[j], at), l[j]);
                    }
                }
            }
            for (total, sum) in total.iter_mut().zip(sums) {
                let mut lane = [T::zero(); LANES];
                // SAFETY: `lane` holds at least one vector.
                unsafe { store_vector::<S, T>(lane.as_mut_ptr(), sum) };
                for (total, lane) in total[at..].iter_mut().zip(&lane[..lane_count::<S, T>()]) {
                    *total += lane.to_f64();
                }
            }
        }
    }
}

impl<T: Real, const K: usize, const M: usize, const UNIT: bool> WithSimd for Reverse<'_, T, K, M, UNIT> {
    type Output = PassSums;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> PassSums {
        let mut total = [[0.0; LANES]; MAX_ROTATIONS];
        align_frame();
        for at in (0..LANES).step_by(lane_count::<S, T>()) {
            if self.table.is_some() {
                self.chunk::<S, true>(simd, at, &mut total);
            } else {
                self.chunk::<S, false>(simd, at, &mut total);
            }
        }
        total
    }
}

/// Dispatches a kernel with the constants for the number and kind of a pass's rotations.
macro_rules! with_size {
    ($groups:expr, $rotors:expr, |$cos_sins:ident| $kernel:ident { $($field:tt)* }) => {
        match ($groups.rotations.len(), $rotors.unit) {
            (0, _) => with_size!(@ $rotors, $cos_sins, $kernel, 0, 1, false, { $($field)* }),
            (1, false) => with_size!(@ $rotors, $cos_sins, $kernel, 1, 2, false, { $($field)* }),
            (1, true) => with_size!(@ $rotors, $cos_sins, $kernel, 1, 2, true, { $($field)* }),
            (2, false) => with_size!(@ $rotors, $cos_sins, $kernel, 2, 4, false, { $($field)* }),
            (2, true) => with_size!(@ $rotors, $cos_sins, $kernel, 2, 4, true, { $($field)* }),
            (_, false) => with_size!(@ $rotors, $cos_sins, $kernel, 3, 8, false, { $($field)* }),
            (_, true) => with_size!(@ $rotors, $cos_sins, $kernel, 3, 8, true, { $($field)* }),
        }
    };
    (@ $rotors:expr, $cos_sins:ident, $kernel:ident, $k:literal, $m:literal, $unit:literal, { $($field:tt)* }) => {{
        let $cos_sins = $rotors.first::<$k>();
        current_arch().dispatch($kernel::<T, $k, $m, $unit> { $($field)* })
    }};
}

/// Checks the sizes that the kernels rely on: the indices of a pass are below the number of its bases times the size of
/// a group.
fn check<T: Real>(groups: &Pass, state: Planes<T>, table: Option<&Table<T>>) {
    let amplitudes = groups.bases.len() << groups.rotations.len();
    assert_eq!(state.len(), amplitudes * LANES, "a pass is made for states of one size");
    assert!(table.is_none_or(|table| table.cos.len() == amplitudes && table.sin.len() == amplitudes));
}

/// Applies the phases of a table, then the rotations of a pass.
pub(super) fn apply_pass<T: Real>(groups: &Pass, state: Planes<T>, rotors: &Rotors<T>, table: Option<&Table<T>>) {
    check(groups, state, table);
    let swapped = rotors.swapped;
    with_size!(groups, rotors, |cos_sins| Forward { groups, state, cos_sins, swapped, table });
}

/// Applies the rotors that undo a pass to ψ and λ, then undoes the phases of a table. Returns the gradient in the φ of
/// each rotation. Before the phases are undone, `Im(λ* ψ)` of each amplitude, summed over the lanes, is added to the
/// table's overlaps.
pub(super) fn undo_pass<T: Real>(
    groups: &Pass,
    (psi, lambda): (Planes<T>, Planes<T>),
    rotors: &Rotors<T>,
    table: Option<(&Table<T>, Option<&mut [f64]>)>,
) -> PassSums {
    let plain = table.as_ref().map(|(table, _)| *table);
    check(groups, psi, plain);
    check(groups, lambda, plain);
    let table = table.map(|(table, overlaps)| (table, overlaps.map(|overlaps| overlaps.as_mut_ptr())));
    let swapped = rotors.swapped;
    let sums = with_size!(groups, rotors, |cos_sins| Reverse { groups, psi, lambda, cos_sins, swapped, table });
    sums.map(|lanes| lanes.map(|sum| 2.0 * sum))
}
