//! Sixteen lanes as `N` vectors of an instruction set.

use crate::engine::Real;
use crate::engine::simd::LANE_QUBITS;
use crate::engine::simd::LANES;
use crate::engine::simd::{SimdReal, lane_count, load_vector, store_vector};
use pulp::Simd;

/// Real or imaginary parts of sixteen amplitudes.
pub(crate) type Vectors<S, T, const N: usize> = [<T as SimdReal>::Vector<S>; N];

/// Sixteen amplitudes: real parts, imaginary parts.
pub(crate) type Pair<S, T, const N: usize> = (Vectors<S, T, N>, Vectors<S, T, N>);

/// Calls `$kernel.run::<S, N>($simd)`, where `N` is the number of vectors for 16 lanes.
macro_rules! with_lanes16 {
    ($kernel:ident, $simd:ident, $real:ty) => {
        match LANES / crate::engine::simd::lane_count::<S, $real>() {
            1 => $kernel.run::<S, 1>($simd),
            2 => $kernel.run::<S, 2>($simd),
            4 => $kernel.run::<S, 4>($simd),
            8 => $kernel.run::<S, 8>($simd),
            _ => $kernel.run::<S, 16>($simd),
        }
    };
}
pub(crate) use with_lanes16;

/// Operations on 16 lanes with one instruction set.
#[derive(Clone, Copy)]
pub(crate) struct Lanes16<S: Simd, T: Real> {
    pub(crate) simd: S,
    /// Vector `k` is positive in the lanes whose bit `k` is 0.
    clear: [T::Vector<S>; LANE_QUBITS],
}

impl<S: Simd, T: Real> Lanes16<S, T> {
    #[inline(always)]
    pub(crate) fn new(simd: S) -> Self {
        let bit = |k: usize| {
            let signs: [T; LANES] = std::array::from_fn(|l| if l >> k & 1 == 0 { T::one() } else { -T::one() });
            // SAFETY: a vector has at most 16 lanes.
            unsafe { load_vector::<S, T>(signs.as_ptr()) }
        };
        Self { simd, clear: [bit(0), bit(1), bit(2), bit(3)] }
    }

    #[inline(always)]
    pub(crate) fn splat<const N: usize>(&self, value: T) -> Vectors<S, T, N> {
        [T::splat(self.simd, value); N]
    }

    /// Loads 16 lanes from an array.
    #[inline(always)]
    pub(crate) fn load<const N: usize>(&self, from: &[T; LANES]) -> Vectors<S, T, N> {
        // SAFETY: the array has 16 numbers, and nothing writes behind a shared reference.
        unsafe { self.load_from(from.as_ptr()) }
    }

    #[inline(always)]
    pub(crate) fn store<const N: usize>(&self, to: &mut [T; LANES], line: Vectors<S, T, N>) {
        // SAFETY: the array has 16 numbers, and nothing else accesses a mutable reference's target.
        unsafe { self.store_to(to.as_mut_ptr(), line) };
    }

    /// Moves lane `l ^ by` to lane `l`.
    #[inline(always)]
    pub(crate) fn permuted<const N: usize>(&self, line: Vectors<S, T, N>, by: usize) -> Vectors<S, T, N> {
        let width = lane_count::<S, T>();
        let mut out = line;
        for (k, part) in out.iter_mut().enumerate() {
            *part = T::permuted(self.simd, line[(k ^ (by / width)) % N], by % width, &self.clear);
        }
        out
    }

    #[inline(always)]
    pub(crate) fn permuted_pair<const N: usize>(&self, (re, im): Pair<S, T, N>, by: usize) -> Pair<S, T, N> {
        (self.permuted(re, by), self.permuted(im, by))
    }

    /// Loads 16 lanes from memory.
    ///
    /// # Safety
    /// Sixteen numbers must be readable there, and nothing may write to them during the call.
    #[inline(always)]
    pub(crate) unsafe fn load_from<const N: usize>(&self, from: *const T) -> Vectors<S, T, N> {
        let mut line = self.splat::<N>(T::zero());
        for (k, part) in line.iter_mut().enumerate() {
            // SAFETY: the caller guarantees it; `N` vectors are 16 lanes.
            *part = unsafe { load_vector::<S, T>(from.add(k * lane_count::<S, T>())) };
        }
        line
    }

    /// Stores 16 lanes to memory.
    ///
    /// # Safety
    /// Sixteen numbers must be writable there, and nothing else may read or write them during the call.
    #[inline(always)]
    pub(crate) unsafe fn store_to<const N: usize>(&self, to: *mut T, line: Vectors<S, T, N>) {
        for (k, part) in line.into_iter().enumerate() {
            // SAFETY: as in `load_from`.
            unsafe { store_vector::<S, T>(to.add(k * lane_count::<S, T>()), part) };
        }
    }

    /// Sum `a + b`.
    #[inline(always)]
    pub(crate) fn plus<const N: usize>(&self, a: Vectors<S, T, N>, b: Vectors<S, T, N>) -> Vectors<S, T, N> {
        let mut out = a;
        for k in 0..N {
            out[k] = T::plus(self.simd, a[k], b[k]);
        }
        out
    }

    /// Negative `-a`.
    #[inline(always)]
    pub(crate) fn minus<const N: usize>(&self, a: Vectors<S, T, N>) -> Vectors<S, T, N> {
        let mut out = a;
        for part in &mut out {
            *part = T::minus(self.simd, *part);
        }
        out
    }

    /// Product `a b`.
    #[inline(always)]
    pub(crate) fn times<const N: usize>(&self, a: Vectors<S, T, N>, b: Vectors<S, T, N>) -> Vectors<S, T, N> {
        let mut out = a;
        for k in 0..N {
            out[k] = T::times(self.simd, a[k], b[k]);
        }
        out
    }

    /// Product and sum `a b + c`.
    #[inline(always)]
    pub(crate) fn times_plus<const N: usize>(
        &self,
        a: Vectors<S, T, N>,
        b: Vectors<S, T, N>,
        c: Vectors<S, T, N>,
    ) -> Vectors<S, T, N> {
        let mut out = c;
        for k in 0..N {
            out[k] = T::times_plus(self.simd, a[k], b[k], c[k]);
        }
        out
    }

    /// Rotation `cos a - sin b`.
    #[inline(always)]
    pub(crate) fn mix<const N: usize>(
        &self,
        (cos, sin): Pair<S, T, N>,
        a: Vectors<S, T, N>,
        b: Vectors<S, T, N>,
    ) -> Vectors<S, T, N> {
        self.times_plus(self.minus(sin), b, self.times(cos, a))
    }

    /// Phase `(cos + i sin) a`.
    #[inline(always)]
    pub(crate) fn spin<const N: usize>(&self, (cos, sin): Pair<S, T, N>, a: Pair<S, T, N>) -> Pair<S, T, N> {
        (self.mix((cos, sin), a.0, a.1), self.times_plus(sin, a.0, self.times(cos, a.1)))
    }

    /// Adds `Im(λ* ψ)` to a sum.
    #[inline(always)]
    pub(crate) fn overlap<const N: usize>(
        &self,
        psi: Pair<S, T, N>,
        lambda: Pair<S, T, N>,
        sum: Vectors<S, T, N>,
    ) -> Vectors<S, T, N> {
        self.times_plus(self.minus(lambda.1), psi.0, self.times_plus(lambda.0, psi.1, sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, WithSimd};

    struct Permute<T>([T; LANES], usize);

    impl<T: Real> Permute<T> {
        fn run<S: Simd, const N: usize>(self, simd: S) -> [T; LANES] {
            let lines = Lanes16::<S, T>::new(simd);
            let mut out = self.0;
            lines.store::<N>(&mut out, lines.permuted(lines.load(&self.0), self.1));
            out
        }
    }

    impl<T: Real> WithSimd for Permute<T> {
        type Output = [T; LANES];

        fn with_simd<S: Simd>(self, simd: S) -> [T; LANES] {
            with_lanes16!(self, simd, T)
        }
    }

    fn check<T: Real + PartialEq + std::fmt::Debug>() {
        let line: [T; LANES] = std::array::from_fn(|l| T::from_f64(l as f64));
        for by in 0..LANES {
            let expected: [T; LANES] = std::array::from_fn(|l| T::from_f64((l ^ by) as f64));
            assert_eq!(Arch::new().dispatch(Permute(line, by)), expected);
            assert_eq!(Permute(line, by).with_simd(pulp::Scalar::new()), expected);
        }
    }

    #[test]
    fn lanes_are_exchanged() {
        check::<f32>();
        check::<f64>();
    }
}
