//! Kernels of the reverse sweep: each takes the gradient of an angle and undoes its step on both states, in one sweep.
//!
//! With `L = <ψ|O|ψ>` and `λ = O ψ`, the gradient in the φ of `exp(-i φ P)` is `2 Im <λ|P|ψ>`, taken after the step.
//! The gradient in the φ of a phase is `-2 Im <λ|Π|ψ>`, where Π projects onto the basis states that the phase
//! multiplies.

use crate::engine::Real;
use crate::engine::cpu::state::Planes;
use crate::engine::cpu::steps::forward::{CosSin, Target, mix_pair, turn_phase};
use crate::engine::cpu::steps::placed::Coset;
use crate::engine::cpu::steps::{Kernel, Space, sweep_space, with_width};
use crate::engine::simd::LANES;
use crate::program::Parity;
use crate::program::stored::Flip;

/// Sum for each lane, in `f64`.
pub(crate) type LaneSums = [f64; LANES];

/// Implements the sum of a kernel whose sum is [`LaneSums`].
macro_rules! lane_sums {
    () => {
        type Sum = LaneSums;

        fn zero(&self) -> LaneSums {
            [0.0; LANES]
        }

        fn add(&self, sum: &mut LaneSums, later: LaneSums) {
            sum.iter_mut().zip(later).for_each(|(sum, later)| *sum += later);
        }
    };
}
pub(crate) use lane_sums;

/// Adds `factor * run` to `sum`, from the precision of the state into `f64`.
#[inline(always)]
pub(crate) fn add_run<T: Real, const N: usize>(sum: &mut [f64], run: &[T; N], factor: f64) {
    for (sum, &run) in sum.iter_mut().zip(run) {
        *sum += factor * run.to_f64();
    }
}

/// Reverse of a rotation about a word that flips bits.
struct UnMix<'a, T, const N: usize> {
    space: &'a Space,
    psi: Planes<T>,
    lambda: Planes<T>,
    word: Flip,
    at: &'a Coset,
    back: [&'a CosSin<T>; 2],
}

impl<T: Real, const N: usize> Kernel for UnMix<'_, T, N> {
    lane_sums!();

    #[inline(always)]
    unsafe fn run(&self, base: usize, sum: &mut LaneSums) {
        let first = self.at.index(base);
        let second = first ^ self.word.mask as usize;
        let negative = self.word.negative.of(first as u64);
        let real = self.word.real;
        let mut run = [T::zero(); N];
        let mut offset = 0;
        while offset < self.space.len {
            // SAFETY: this thread owns the run and its partner, which is in no other run, in both states.
            let (a, b, la, lb) = unsafe {
                (
                    self.psi.chunk::<N>(first, offset),
                    self.psi.chunk::<N>(second, offset),
                    self.lambda.chunk::<N>(first, offset),
                    self.lambda.chunk::<N>(second, offset),
                )
            };
            if real {
                for l in 0..N {
                    run[l] += lb.0[l] * a.0[l] + lb.1[l] * a.1[l] - la.0[l] * b.0[l] - la.1[l] * b.1[l];
                }
            } else {
                for l in 0..N {
                    run[l] += la.0[l] * b.1[l] - la.1[l] * b.0[l] + lb.0[l] * a.1[l] - lb.1[l] * a.0[l];
                }
            }
            let cos_sin = self.back[usize::from(negative)];
            mix_pair(a, b, real, cos_sin);
            mix_pair(la, lb, real, cos_sin);
            offset += N;
        }
        add_run(sum, &run, if negative { -1.0 } else { 1.0 });
    }
}

/// Reverse of a phase whose sign is a parity of the index.
struct UnSpin<'a, T, const N: usize> {
    space: &'a Space,
    psi: Planes<T>,
    lambda: Planes<T>,
    sign: Parity,
    at: &'a Coset,
    back: [&'a CosSin<T>; 2],
}

impl<T: Real, const N: usize> Kernel for UnSpin<'_, T, N> {
    lane_sums!();

    #[inline(always)]
    unsafe fn run(&self, base: usize, sum: &mut LaneSums) {
        let index = self.at.index(base);
        let odd = self.sign.of(index as u64);
        let mut run = [T::zero(); N];
        let mut offset = 0;
        while offset < self.space.len {
            // SAFETY: this thread owns the run in both states.
            let (a, la) = unsafe { (self.psi.chunk::<N>(index, offset), self.lambda.chunk::<N>(index, offset)) };
            for l in 0..N {
                run[l] += la.0[l] * a.1[l] - la.1[l] * a.0[l];
            }
            let by = self.back[usize::from(odd)];
            turn_phase(a.0, a.1, by);
            turn_phase(la.0, la.1, by);
            offset += N;
        }
        add_run(sum, &run, if odd { -1.0 } else { 1.0 });
    }
}

impl<T: Real> Target<T> {
    /// Undoes [`rotate`](Self::rotate) on this state and on `lambda`. Returns the gradient in φ of each lane.
    pub(crate) fn unrotate(&self, lambda: Planes<T>, word: Flip, at: &Coset, by: &CosSin<T>) -> LaneSums {
        let back = by.inverse();
        let space = self.space_at(at, word.mask | word.negative.mask);
        let (psi, back) = (self.planes, [&back, by]);
        let sums = with_width!(space, N => {
            sweep_space(&space, self.spread, &UnMix::<T, N> { space: &space, psi, lambda, word, at, back })
        });
        sums.map(|sum| 2.0 * sum)
    }

    /// Undoes [`spin`](Self::spin) on this state and on `lambda`. Returns the gradient in φ of each lane.
    pub(crate) fn unspin(&self, lambda: Planes<T>, sign: Parity, at: &Coset, by: &CosSin<T>) -> LaneSums {
        let back = by.inverse();
        let space = self.space_at(at, sign.mask);
        let (psi, back) = (self.planes, [by, &back]);
        let sums = with_width!(space, N => {
            sweep_space(&space, self.spread, &UnSpin::<T, N> { space: &space, psi, lambda, sign, at, back })
        });
        sums.map(|sum| 2.0 * sum)
    }
}
