//! The trait between kernels and vector instructions.

pub(crate) mod arch;
pub(crate) mod lanes16;
mod shuffle;
pub(crate) mod sincos;

use pulp::Simd;

/// Samples in a block of more than one sample; also the length of the widest vector of f32.
pub(crate) const LANES: usize = 1 << LANE_QUBITS;

/// Bits of an index that distinguish the lanes of a vector.
pub(crate) const LANE_QUBITS: usize = 4;

/// Number type that has vectors on any instruction set.
pub(crate) trait SimdReal: Copy {
    /// Vector of numbers.
    type Vector<S: Simd>: Copy;

    /// Vector with `value` in all lanes.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;
    /// Product `a b`.
    fn times<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// Product and sum `a b + c`.
    fn times_plus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
    /// Negative `-a`.
    fn minus<S: Simd>(simd: S, a: Self::Vector<S>) -> Self::Vector<S>;
    /// Sum `a + b`.
    fn plus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// Sum of the lanes.
    fn sum<S: Simd>(simd: S, a: Self::Vector<S>) -> Self;
    /// Moves lane `l ^ by` to lane `l`. Vector `k` of `clear` is positive in the lanes whose bit `k` is 0.
    fn permuted<S: Simd>(simd: S, a: Self::Vector<S>, by: usize, clear: &[Self::Vector<S>; 4]) -> Self::Vector<S>;
}

macro_rules! vectored {
    ($real:ty, $vector:ident, $splat:ident, $mul:ident, $mul_add:ident, $neg:ident, $add:ident, $sum:ident,
     $less:ident, $select:ident, $left:ident, $right:ident, $permuted:ident) => {
        impl SimdReal for $real {
            type Vector<S: Simd> = S::$vector;

            #[inline(always)]
            fn splat<S: Simd>(simd: S, value: Self) -> S::$vector {
                simd.$splat(value)
            }

            #[inline(always)]
            fn times<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$mul(a, b)
            }

            #[inline(always)]
            fn times_plus<S: Simd>(simd: S, a: S::$vector, b: S::$vector, c: S::$vector) -> S::$vector {
                simd.$mul_add(a, b, c)
            }

            #[inline(always)]
            fn minus<S: Simd>(simd: S, a: S::$vector) -> S::$vector {
                simd.$neg(a)
            }

            #[inline(always)]
            fn plus<S: Simd>(simd: S, a: S::$vector, b: S::$vector) -> S::$vector {
                simd.$add(a, b)
            }

            #[inline(always)]
            fn sum<S: Simd>(simd: S, a: S::$vector) -> Self {
                simd.$sum(a)
            }

            #[inline(always)]
            fn permuted<S: Simd>(simd: S, a: S::$vector, by: usize, clear: &[S::$vector; 4]) -> S::$vector {
                if let Some(permuted) = shuffle::$permuted(simd, a, by) {
                    return permuted;
                }
                // The lanes move bit by bit, each from further up or further down.
                let mut out = a;
                for (bit, clear) in clear.iter().enumerate() {
                    if 1 << bit < lane_count::<S, Self>() && by >> bit & 1 == 1 {
                        let upper = simd.$less(simd.$splat(0.0), *clear);
                        out = simd.$select(upper, simd.$left(out, 1 << bit), simd.$right(out, 1 << bit));
                    }
                }
                out
            }
        }
    };
}
vectored!(
    f32,
    f32s,
    splat_f32s,
    mul_f32s,
    mul_add_e_f32s,
    neg_f32s,
    add_f32s,
    reduce_sum_f32s,
    less_than_f32s,
    select_f32s,
    rotate_left_f32s,
    rotate_right_f32s,
    permuted_f32
);
vectored!(
    f64,
    f64s,
    splat_f64s,
    mul_f64s,
    mul_add_e_f64s,
    neg_f64s,
    add_f64s,
    reduce_sum_f64s,
    less_than_f64s,
    select_f64s,
    rotate_left_f64s,
    rotate_right_f64s,
    permuted_f64
);

/// Number of lanes of a vector.
#[inline(always)]
pub(crate) fn lane_count<S: Simd, T: SimdReal>() -> usize {
    size_of::<T::Vector<S>>() / size_of::<T>()
}

/// Loads a vector from memory.
///
/// # Safety
/// [`lanes`] numbers must be readable at `from`.
#[inline(always)]
pub(crate) unsafe fn load_vector<S: Simd, T: SimdReal>(from: *const T) -> T::Vector<S> {
    // SAFETY: the caller guarantees it. Vectors are plain numbers, for which every bit pattern is valid.
    unsafe { from.cast::<T::Vector<S>>().read_unaligned() }
}

/// Stores a vector to memory.
///
/// # Safety
/// [`lanes`] numbers must be writable at `to`.
#[inline(always)]
pub(crate) unsafe fn store_vector<S: Simd, T: SimdReal>(to: *mut T, value: T::Vector<S>) {
    // SAFETY: the caller guarantees it.
    unsafe { to.cast::<T::Vector<S>>().write_unaligned(value) }
}

/// Returns `value`, and hides it from the optimizer. Without this, LLVM computes the addresses of a group in a vector
/// and then extracts them one by one before the loads.
#[inline(always)]
pub(crate) fn hidden_from_optimizer(value: usize) -> usize {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    {
        let mut value = value;
        // SAFETY: the assembly has no instructions.
        unsafe { std::arch::asm!("/* {0} */", inout(reg) value, options(pure, nomem, nostack, preserves_flags)) };
        value
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    value
}

#[repr(align(64))]
struct Aligned(#[allow(dead_code, reason = "only its place matters")] u8);

/// Aligns the stack frame of the function that it is inlined into to a cache line. Without this, the system's choice of
/// the stack's address decides whether spilled vectors cross two lines, which costs a fifth of the time of a sweep.
#[inline(always)]
pub(crate) fn align_frame() {
    let aligned = Aligned(0);
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    // SAFETY: the assembly has no instructions.
    unsafe {
        std::arch::asm!("/* {0} */", in(reg) &raw const aligned, options(readonly, nostack, preserves_flags));
    };
    let _ = aligned;
}
