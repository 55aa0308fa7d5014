//! Permutation of lanes by XOR with one instruction, on instruction sets that have an instruction for any permutation.
//!
//! `pulp` has no such operation. If the vectors of a kernel are of a known type, its intrinsic is called.

use pulp::Simd;
#[cfg(target_arch = "x86_64")]
use {
    pulp::x86::{V3, V4},
    std::any::TypeId,
    std::arch::x86_64::{__m256, __m256i, __m512, __m512d, __m512i},
};

/// Returns the bits of `value` as a `B`. The caller has found that both are the same type, or types of the same bits.
///
/// # Safety
/// The types must have the same size, and any bit pattern must be a valid `B`.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn same_bits<A: Copy, B: Copy>(value: A) -> B {
    debug_assert_eq!(size_of::<A>(), size_of::<B>());
    // SAFETY: the caller guarantees it.
    unsafe { std::mem::transmute_copy(&value) }
}

/// Table of lanes: row `by` has `l ^ by` for each lane `l`.
#[cfg(target_arch = "x86_64")]
#[repr(align(64))]
struct Indices<T>(T);

#[cfg(target_arch = "x86_64")]
static INDICES: [Indices<[u32; 16]>; 16] = {
    let mut rows = [const { Indices([0; 16]) }; 16];
    let mut by = 0;
    while by < 16 {
        let mut lane = 0;
        while lane < 16 {
            rows[by].0[lane] = (lane ^ by) as u32;
            lane += 1;
        }
        by += 1;
    }
    rows
};

#[cfg(target_arch = "x86_64")]
static WIDE_INDICES: [Indices<[u64; 8]>; 8] = {
    let mut rows = [const { Indices([0; 8]) }; 8];
    let mut by = 0;
    while by < 8 {
        let mut lane = 0;
        while lane < 8 {
            rows[by].0[lane] = (lane ^ by) as u64;
            lane += 1;
        }
        by += 1;
    }
    rows
};

/// Moves lane `l ^ by` to lane `l`, or returns `None` if this takes more than one instruction. `by` is less than the
/// number of lanes.
#[inline(always)]
pub(crate) fn permuted_f32<S: Simd>(simd: S, a: S::f32s, by: usize) -> Option<S::f32s> {
    #[cfg(target_arch = "x86_64")]
    {
        if TypeId::of::<S>() == TypeId::of::<V4>() {
            // SAFETY: `S` is `V4`, whose vectors of f32 have 16 lanes; a row has 16 numbers.
            return unsafe {
                let (simd, a): (V4, __m512) = (same_bits(simd), same_bits(a));
                let row: __m512i = same_bits(INDICES[by % 16].0);
                Some(same_bits(simd.avx512f._mm512_permutexvar_ps(row, a)))
            };
        }
        if TypeId::of::<S>() == TypeId::of::<V3>() {
            // SAFETY: `S` is `V3`, whose vectors of f32 have 8 lanes; half a row has 8 numbers.
            return unsafe {
                let (simd, a): (V3, __m256) = (same_bits(simd), same_bits(a));
                let row: __m256i = same_bits(*INDICES[by % 8].0.first_chunk::<8>()?);
                Some(same_bits(simd.avx2._mm256_permutevar8x32_ps(a, row)))
            };
        }
    }
    let _ = (simd, a, by);
    None
}

/// Moves lanes of f64, as [`permuted_f32`] does.
#[inline(always)]
pub(crate) fn permuted_f64<S: Simd>(simd: S, a: S::f64s, by: usize) -> Option<S::f64s> {
    #[cfg(target_arch = "x86_64")]
    if TypeId::of::<S>() == TypeId::of::<V4>() {
        // SAFETY: `S` is `V4`, whose vectors of f64 have 8 lanes; a row has 8 numbers.
        return unsafe {
            let (simd, a): (V4, __m512d) = (same_bits(simd), same_bits(a));
            let row: __m512i = same_bits(WIDE_INDICES[by % 8].0);
            Some(same_bits(simd.avx512f._mm512_permutexvar_pd(row, a)))
        };
    }
    let _ = (simd, a, by);
    None
}
