//! Kernels that apply steps: five operations, each written once for any width.

use crate::engine::Real;
use crate::engine::cpu::state::Planes;
use crate::engine::cpu::steps::{Kernel, Space, sweep_space, with_width};
use crate::engine::lines::held_bytes;
use crate::engine::simd::LANES;
use crate::gf2;
use crate::program::Controls;
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

/// Pauli word that flips bits, prepared for pairs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flipping {
    pub(crate) x: usize,
    z: usize,
    y_count: u32,
}

impl Flipping {
    pub(crate) fn new(x: u64, z: u64) -> Self {
        Self { x: x as usize, z: z as usize, y_count: (x & z).count_ones() }
    }

    /// Whether the word's matrix entries are imaginary.
    pub(crate) fn is_odd(self) -> bool {
        self.y_count % 2 == 1
    }

    /// Whether the matrix entry from `index` to its partner `index ^ x` is `-1` rather than `1` (even words), or `-i`
    /// rather than `i` (odd words).
    #[inline(always)]
    pub(crate) fn negative(self, index: usize) -> bool {
        (self.y_count / 2 + (index & self.z).count_ones()) % 2 == 1
    }

    /// Bit that distinguishes the two indices of a pair.
    pub(crate) fn pivot(self) -> u64 {
        1 << self.x.ilog2()
    }
}

/// Rotation about a word that flips bits.
struct Mix<'a, T, const N: usize> {
    space: &'a Space,
    planes: Planes<T>,
    word: Flipping,
    controls: usize,
    cos_sins: [&'a CosSin<T>; 2],
}

sumless_kernel!(Mix, |k, base, offset| {
    let first = base | k.controls;
    // SAFETY: this thread owns the run and its partner, which differs from the run in the pivot bit.
    let (a, b) = unsafe { (k.planes.chunk::<N>(first, offset), k.planes.chunk::<N>(first ^ k.word.x, offset)) };
    mix_pair(a, b, k.word.is_odd(), k.cos_sins[usize::from(k.word.negative(first))]);
});

/// Rotates a pair. The sine of `cos_sin` already has the sign of the matrix entry.
#[inline(always)]
pub(crate) fn mix_pair<T: Real, const N: usize>(
    a: (&mut [T; N], &mut [T; N]),
    b: (&mut [T; N], &mut [T; N]),
    odd: bool,
    cos_sin: &CosSin<T>,
) {
    if odd {
        mix_real(a.0, b.0, cos_sin);
        mix_real(a.1, b.1, cos_sin);
    } else {
        mix_imaginary(a.0, b.1, cos_sin);
        mix_imaginary(b.0, a.1, cos_sin);
    }
}

/// Phase whose sign is the parity of the index under `z`.
struct Spin<'a, T, const N: usize> {
    space: &'a Space,
    planes: Planes<T>,
    z: usize,
    controls: usize,
    cos_sins: [&'a CosSin<T>; 2],
}

sumless_kernel!(Spin, |k, base, offset| {
    let index = base | k.controls;
    // SAFETY: this thread owns the run.
    let (re, im) = unsafe { k.planes.chunk::<N>(index, offset) };
    turn_phase(re, im, k.cos_sins[usize::from(gf2::parity((index & k.z) as u64))]);
});

/// Exchange of two sets of basis states.
struct Exchange<'a, T, const N: usize> {
    space: &'a Space,
    planes: Planes<T>,
    first: usize,
    second: usize,
}

sumless_kernel!(Exchange, |k, base, offset| {
    // SAFETY: this thread owns the run for both values of the bits, and the two values differ.
    let (a, b) = unsafe { (k.planes.chunk::<N>(base | k.first, offset), k.planes.chunk::<N>(base | k.second, offset)) };
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
    /// Applies `exp(-i φ P)` where the controls are met; `by` holds cos φ and sin φ.
    pub(crate) fn rotate(&self, x: u64, z: u64, controls: Controls, by: &CosSin<T>) {
        let back = by.inverse();
        let planes = self.planes;
        if x == 0 {
            let space = self.space(controls.mask, z);
            let (z, controls, cos_sins) = (z as usize, controls.values() as usize, [&back, by]);
            with_width!(space, N => {
                sweep_space(&space, self.spread, &Spin::<T, N> { space: &space, planes, z, controls, cos_sins });
            });
        } else {
            let word = Flipping::new(x, z);
            let space = self.space(controls.mask | word.pivot(), x | z);
            let (controls, cos_sins) = (controls.values() as usize, [by, &back]);
            with_width!(space, N => {
                sweep_space(&space, self.spread, &Mix::<T, N> { space: &space, planes, word, controls, cos_sins });
            });
        }
    }

    /// Multiplies by `cos + i sin` where the controls are met.
    pub(crate) fn phase(&self, controls: Controls, by: &CosSin<T>) {
        let space = self.space(controls.mask, 0);
        let (planes, controls, cos_sins) = (self.planes, controls.values() as usize, [by, by]);
        with_width!(space, N => {
            sweep_space(&space, self.spread, &Spin::<T, N> { space: &space, planes, z: 0, controls, cos_sins });
        });
    }

    /// Exchanges the basis states whose `mask` bits are `first` with the basis states whose `mask` bits are `second`.
    pub(crate) fn exchange(&self, mask: u64, first: u64, second: u64, controls: Controls) {
        let space = self.space(mask | controls.mask, 0);
        let (planes, first, second) =
            (self.planes, (first | controls.values()) as usize, (second | controls.values()) as usize);
        with_width!(space, N => {
            sweep_space(&space, self.spread, &Exchange::<T, N> { space: &space, planes, first, second });
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
