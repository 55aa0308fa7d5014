//! Kernels that apply steps: five operations, each written once for any width.

use crate::engine::Real;
use crate::engine::cpu::state::Planes;
use crate::engine::cpu::steps::placed::Coset;
use crate::engine::cpu::steps::{Kernel, Space, sweep_space, with_width};
use crate::engine::lines::held_bytes;
use crate::engine::simd::LANES;
use crate::gf2;
use crate::program::stored::Flip;
use crate::program::{Controls, Parity};
use num_complex::Complex64;
use std::mem::MaybeUninit;

/// Cosine and sine in each lane.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CosSin<T> {
    pub(crate) cos: [T; LANES],
    pub(crate) sin: [T; LANES],
}

impl<T: Real> CosSin<T> {
    pub(crate) fn fixed(value: Complex64) -> Self {
        Self { cos: [T::from_f64(value.re); LANES], sin: [T::from_f64(value.im); LANES] }
    }

    /// Returns the inverse rotation.
    #[inline]
    pub(crate) fn inverse(&self) -> Self {
        let mut inverse = *self;
        for sin in &mut inverse.sin {
            *sin = -*sin;
        }
        inverse
    }
}

/// State that a kernel works on: its planes, its size, and whether threads share its amplitudes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<T> {
    pub(crate) planes: Planes<T>,
    pub(crate) qubits: usize,
    pub(crate) lanes: usize,
    pub(crate) spread: bool,
}

impl<T> Target<T> {
    pub(crate) fn space(&self, fixed: u64, aligned: u64) -> Space {
        Space::new(self.qubits, self.lanes, fixed, aligned)
    }
}

/// Implements [`Kernel`] for a kernel without a sum.
macro_rules! sumless_kernel {
    ($name:ident, |$this:ident, $base:ident, $offset:ident| $body:expr) => {
        impl<T: Real, const N: usize> Kernel for $name<'_, T, N> {
            type Sum = ();
            fn zero(&self) {}
            fn add(&self, _: &mut (), _: ()) {}
            #[inline(always)]
            unsafe fn run(&self, $base: usize, _: &mut ()) {
                let $this = self;
                let mut $offset = 0;
                while $offset < $this.space.len {
                    $body;
                    $offset += N;
                }
            }
        }
    };
}
pub(crate) use sumless_kernel;

/// Multiplies by `cos + i sin`, lane by lane.
#[inline(always)]
pub(crate) fn turn_phase<T: Real, const N: usize>(re: &mut [T; N], im: &mut [T; N], by: &CosSin<T>) {
    for l in 0..N {
        let (r, i) = (re[l], im[l]);
        re[l] = by.cos[l] * r - by.sin[l] * i;
        im[l] = by.cos[l] * i + by.sin[l] * r;
    }
}

/// Rotates a pair about a word with an odd number of Y: `a' = cos a - sin b`, `b' = cos b + sin a`.
#[inline(always)]
pub(crate) fn mix_real<T: Real, const N: usize>(a: &mut [T; N], b: &mut [T; N], by: &CosSin<T>) {
    for l in 0..N {
        let (p, q) = (a[l], b[l]);
        a[l] = by.cos[l] * p - by.sin[l] * q;
        b[l] = by.cos[l] * q + by.sin[l] * p;
    }
}

/// Rotates a pair about a word with an even number of Y: `a' = cos a - i sin b`, `b' = cos b - i sin a`. A call treats
/// one part of each number: `(a.re, b.im)` or `(b.re, a.im)`.
#[inline(always)]
pub(crate) fn mix_imaginary<T: Real, const N: usize>(re: &mut [T; N], im: &mut [T; N], by: &CosSin<T>) {
    for l in 0..N {
        let (r, i) = (re[l], im[l]);
        re[l] = by.cos[l] * r + by.sin[l] * i;
        im[l] = by.cos[l] * i - by.sin[l] * r;
    }
}

/// Rotation about a word that flips bits.
struct Mix<'a, T, const N: usize> {
    space: &'a Space,
    planes: Planes<T>,
    word: Flip,
    at: &'a Coset,
    cos_sins: [&'a CosSin<T>; 2],
}

sumless_kernel!(Mix, |k, base, offset| {
    let first = k.at.index(base);
    let second = first ^ k.word.mask as usize;
    // SAFETY: this thread owns the run and its partner, which is in no other run.
    let (a, b) = unsafe { (k.planes.chunk::<N>(first, offset), k.planes.chunk::<N>(second, offset)) };
    mix_pair(a, b, k.word.real, k.cos_sins[usize::from(k.word.negative.of(first as u64))]);
});

/// Rotates a pair. The sine of `cos_sin` already has the sign of the matrix entry.
#[inline(always)]
pub(crate) fn mix_pair<T: Real, const N: usize>(
    a: (&mut [T; N], &mut [T; N]),
    b: (&mut [T; N], &mut [T; N]),
    real: bool,
    cos_sin: &CosSin<T>,
) {
    if real {
        mix_real(a.0, b.0, cos_sin);
        mix_real(a.1, b.1, cos_sin);
    } else {
        mix_imaginary(a.0, b.1, cos_sin);
        mix_imaginary(b.0, a.1, cos_sin);
    }
}

/// Phase whose sign is a parity of the index.
struct Spin<'a, T, const N: usize> {
    space: &'a Space,
    planes: Planes<T>,
    sign: Parity,
    at: &'a Coset,
    cos_sins: [&'a CosSin<T>; 2],
}

sumless_kernel!(Spin, |k, base, offset| {
    let index = k.at.index(base);
    // SAFETY: this thread owns the run.
    let (re, im) = unsafe { k.planes.chunk::<N>(index, offset) };
    turn_phase(re, im, k.cos_sins[usize::from(k.sign.of(index as u64))]);
});

/// Exchange of two sets of basis states.
struct Exchange<'a, T, const N: usize> {
    space: &'a Space,
    planes: Planes<T>,
    flip_mask: usize,
    at: &'a Coset,
}

sumless_kernel!(Exchange, |k, base, offset| {
    let first = k.at.index(base);
    // SAFETY: this thread owns the run and its partner, which is in no other run.
    let (a, b) = unsafe { (k.planes.chunk::<N>(first, offset), k.planes.chunk::<N>(first ^ k.flip_mask, offset)) };
    std::mem::swap(a.0, b.0);
    std::mem::swap(a.1, b.1);
});

/// Dense matrix in the precision of the state, with the basis offset of each local index.
#[derive(Debug)]
pub(crate) struct Dense<T> {
    /// Entries that are not zero, as `(row, column, re, im)`.
    pub(crate) entries: Vec<(usize, usize, T, T)>,
    pub(crate) offsets: Vec<usize>,
    pub(crate) mask: u64,
}

/// Local basis states of the largest matrix.
pub(crate) const MAX_LOCAL: usize = 1 << crate::limits::MAX_MATRIX_QUBITS;

impl<T: Real> Dense<T> {
    /// Bytes that the matrix holds.
    pub(crate) fn bytes(&self) -> usize {
        held_bytes(&self.entries) + held_bytes(&self.offsets)
    }

    pub(crate) fn new(matrix: &[Complex64], qubits: &[usize], dagger: bool) -> Self {
        let size = 1 << qubits.len();
        let offset = |local: usize| gf2::deposit(local as u64, qubits) as usize;
        let entry = |(at, value): (usize, &Complex64)| {
            let (row, column) = (at / size, at % size);
            let (re, im) = (T::from_f64(value.re), T::from_f64(value.im));
            if dagger { (column, row, re, -im) } else { (row, column, re, im) }
        };
        let filled = matrix.iter().enumerate().filter(|(_, value)| **value != Complex64::default());
        let offsets = (0..size).map(offset).collect();
        Self { entries: filled.map(entry).collect(), offsets, mask: gf2::mask(qubits) }
    }

    /// Multiplies the matrix by the local amplitudes at `base`. The result has an entry for each local basis state.
    ///
    /// # Safety
    /// The conditions of [`Planes::chunk`] hold for every local basis state.
    #[inline(always)]
    pub(crate) unsafe fn times<'a, const N: usize>(
        &self,
        planes: Planes<T>,
        base: usize,
        offset: usize,
        scratch: &'a mut [MaybeUninit<[[T; N]; 2]>; MAX_LOCAL],
    ) -> &'a [[[T; N]; 2]] {
        let scratch = &mut scratch[..self.offsets.len()];
        scratch.fill(MaybeUninit::new([[T::zero(); N]; 2]));
        // SAFETY: every element of this slice has just been written.
        let out = unsafe { &mut *(std::ptr::from_mut(scratch) as *mut [[[T; N]; 2]]) };
        for &(row, column, re, im) in &self.entries {
            // SAFETY: the caller guarantees it for every local basis state.
            let (from_re, from_im) = unsafe { planes.chunk::<N>(base | self.offsets[column], offset) };
            let [to_re, to_im] = &mut out[row];
            for l in 0..N {
                to_re[l] += re * from_re[l] - im * from_im[l];
                to_im[l] += re * from_im[l] + im * from_re[l];
            }
        }
        out
    }
}

/// Application of a dense matrix.
struct Multiply<'a, T, const N: usize> {
    space: &'a Space,
    planes: Planes<T>,
    matrix: &'a Dense<T>,
    controls: usize,
}

sumless_kernel!(Multiply, |k, base, offset| {
    let base = base | k.controls;
    let mut scratch = [MaybeUninit::uninit(); MAX_LOCAL];
    // SAFETY: this thread owns the run for every value of the matrix's qubits.
    unsafe {
        let out = k.matrix.times::<N>(k.planes, base, offset, &mut scratch);
        for (bits, [re, im]) in k.matrix.offsets.iter().zip(out) {
            let (to_re, to_im) = k.planes.chunk::<N>(base | bits, offset);
            (*to_re, *to_im) = (*re, *im);
        }
    }
});

impl<T: Real> Target<T> {
    /// Space of the indices of a coset, in runs in which the bits of `aligned` are constant.
    pub(super) fn space_at(&self, at: &Coset, aligned: u64) -> Space {
        self.space(at.fixed, at.read | aligned)
    }

    /// Applies `exp(-i φ P)` in a coset, for a word that flips bits; `by` holds cos φ and sin φ.
    pub(crate) fn rotate(&self, word: Flip, at: &Coset, by: &CosSin<T>) {
        let back = by.inverse();
        let space = self.space_at(at, word.mask | word.negative.mask);
        let (planes, cos_sins) = (self.planes, [by, &back]);
        with_width!(space, N => {
            sweep_space(&space, self.spread, &Mix::<T, N> { space: &space, planes, word, at, cos_sins });
        });
    }

    /// Multiplies by `exp(i φ)` in a coset where the sign is odd, and by `exp(-i φ)` where it is even.
    pub(crate) fn spin(&self, sign: Parity, at: &Coset, by: &CosSin<T>) {
        let back = by.inverse();
        let space = self.space_at(at, sign.mask);
        let (planes, cos_sins) = (self.planes, [&back, by]);
        with_width!(space, N => {
            sweep_space(&space, self.spread, &Spin::<T, N> { space: &space, planes, sign, at, cos_sins });
        });
    }

    /// Exchanges the amplitudes of a coset with those that differ by the flip mask.
    pub(crate) fn exchange(&self, flip_mask: u64, at: &Coset) {
        let space = self.space_at(at, flip_mask);
        let (planes, flip_mask) = (self.planes, flip_mask as usize);
        with_width!(space, N => {
            sweep_space(&space, self.spread, &Exchange::<T, N> { space: &space, planes, flip_mask, at });
        });
    }

    /// Applies a dense matrix where the controls are met.
    pub(crate) fn multiply(&self, matrix: &Dense<T>, controls: Controls) {
        let space = self.space(matrix.mask | controls.mask, 0);
        let (planes, controls) = (self.planes, controls.values() as usize);
        with_width!(space, N => {
            sweep_space(&space, self.spread, &Multiply::<T, N> { space: &space, planes, matrix, controls });
        });
    }
}
