//! The one small trait between kernels and vector instructions.

use pulp::Simd;

/// A number that comes in vectors of any instruction set.
pub(crate) trait Vectored: Copy {
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
}

macro_rules! vectored {
    ($real:ty, $vector:ident, $splat:ident, $mul:ident, $mul_add:ident, $neg:ident, $add:ident, $sum:ident) => {
        impl Vectored for $real {
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
        }
    };
}
vectored!(f32, f32s, splat_f32s, mul_f32s, mul_add_e_f32s, neg_f32s, add_f32s, reduce_sum_f32s);
vectored!(f64, f64s, splat_f64s, mul_f64s, mul_add_e_f64s, neg_f64s, add_f64s, reduce_sum_f64s);

/// Lanes of a vector.
#[inline(always)]
pub(super) fn lanes<S: Simd, T: Vectored>() -> usize {
    size_of::<T::Vector<S>>() / size_of::<T>()
}

/// A vector from memory.
///
/// # Safety
/// [`lanes`] numbers must be readable at `from`.
#[inline(always)]
pub(super) unsafe fn load<S: Simd, T: Vectored>(from: *const T) -> T::Vector<S> {
    // SAFETY: the caller's; vectors are plain numbers, for which every bit pattern is valid.
    unsafe { from.cast::<T::Vector<S>>().read_unaligned() }
}

/// A vector to memory.
///
/// # Safety
/// [`lanes`] numbers must be writable at `to`.
#[inline(always)]
pub(super) unsafe fn store<S: Simd, T: Vectored>(to: *mut T, value: T::Vector<S>) {
    // SAFETY: the caller's.
    unsafe { to.cast::<T::Vector<S>>().write_unaligned(value) }
}
