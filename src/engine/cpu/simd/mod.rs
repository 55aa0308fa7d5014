//! The one small trait between kernels and vector instructions.

pub(crate) mod arch;
mod shuffle;
pub(crate) mod sincos;

use pulp::Simd;

/// Samples a block holds when it holds more than one; also the widest SIMD vector, in f32.
pub(crate) const LANES: usize = 1 << LANE_QUBITS;

/// Bits of an index that tell the lanes of a vector apart.
pub(crate) const LANE_QUBITS: usize = 4;

/// A number that comes in vectors of any instruction set.
pub(crate) trait SimdReal: Copy {
    /// A vector of them.
    type Vector<S: Simd>: Copy;

    /// All lanes equal.
    fn splat<S: Simd>(simd: S, value: Self) -> Self::Vector<S>;
    /// `a b`.
    fn times<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// `a b + c`.
    fn times_plus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>, c: Self::Vector<S>) -> Self::Vector<S>;
    /// `-a`.
    fn minus<S: Simd>(simd: S, a: Self::Vector<S>) -> Self::Vector<S>;
    /// `a + b`.
    fn plus<S: Simd>(simd: S, a: Self::Vector<S>, b: Self::Vector<S>) -> Self::Vector<S>;
    /// The sum of the lanes.
    fn sum<S: Simd>(simd: S, a: Self::Vector<S>) -> Self;
    /// Lane `l ^ by` in lane `l`. Vector `k` of `clear` is positive in the lanes in which bit `k` is 0.
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
                // Bit by bit: each lane from further up or further down.
                let mut out = a;
                for (bit, clear) in clear.iter().enumerate() {
                    if 1 << bit < lanes::<S, Self>() && by >> bit & 1 == 1 {
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

/// Lanes of a vector.
#[inline(always)]
pub(crate) fn lanes<S: Simd, T: SimdReal>() -> usize {
    size_of::<T::Vector<S>>() / size_of::<T>()
}

/// A vector from memory.
///
/// # Safety
/// [`lanes`] numbers must be readable at `from`.
#[inline(always)]
pub(crate) unsafe fn load<S: Simd, T: SimdReal>(from: *const T) -> T::Vector<S> {
    // SAFETY: the caller's; vectors are plain numbers, for which every bit pattern is valid.
    unsafe { from.cast::<T::Vector<S>>().read_unaligned() }
}

/// A vector to memory.
///
/// # Safety
/// [`lanes`] numbers must be writable at `to`.
#[inline(always)]
pub(crate) unsafe fn store<S: Simd, T: SimdReal>(to: *mut T, value: T::Vector<S>) {
    // SAFETY: the caller's.
    unsafe { to.cast::<T::Vector<S>>().write_unaligned(value) }
}

/// The same number, of which the compiler knows nothing. Without it LLVM computes the addresses of a group in a vector, only to
/// take them out again one by one in front of the loads.
#[inline(always)]
pub(crate) fn opaque(value: usize) -> usize {
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    {
        let mut value = value;
        // SAFETY: there are no instructions.
        unsafe { std::arch::asm!("/* {0} */", inout(reg) value, options(pure, nomem, nostack, preserves_flags)) };
        value
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    value
}

#[repr(align(64))]
struct Aligned(#[allow(dead_code, reason = "only its place matters")] u8);

/// Makes the stack frame of the function it is inlined into start on a cache line. Otherwise vectors that do not fit into
/// registers straddle two lines, or do not, by where the system put the stack: a fifth of the time of a sweep.
#[inline(always)]
pub(crate) fn align_frame() {
    let aligned = Aligned(0);
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    // SAFETY: there are no instructions.
    unsafe {
        std::arch::asm!("/* {0} */", in(reg) &raw const aligned, options(readonly, nostack, preserves_flags));
    };
    let _ = aligned;
}
