//! Amplitudes of a state in sixteen lanes.

use crate::engine::Real;
use crate::engine::cpu::state::Planes;
use crate::engine::simd::LANES;
use crate::engine::simd::lanes16::{Lanes16, Pair};
use pulp::Simd;

impl<S: Simd, T: Real> Lanes16<S, T> {
    /// Loads the amplitude at `index ^ l` into each lane `l`.
    ///
    /// # Safety
    /// The 16 amplitudes around `index` must lie inside the state, and nothing may write to them during the call.
    #[inline(always)]
    pub(in crate::engine::cpu) unsafe fn load_pair<const N: usize>(
        &self,
        state: Planes<T>,
        index: usize,
    ) -> Pair<S, T, N> {
        // SAFETY: the caller guarantees it.
        let (re, im) = unsafe {
            let (re, im) = state.line(index & !(LANES - 1));
            (self.load_from(re), self.load_from(im))
        };
        self.permuted_pair((re, im), index % LANES)
    }

    /// Stores the amplitudes at the places from which [`load_pair`](Self::load_pair) has loaded them.
    ///
    /// # Safety
    /// The 16 amplitudes around `index` must lie inside the state, and nothing else may read or write them during the
    /// call.
    #[inline(always)]
    pub(in crate::engine::cpu) unsafe fn store_pair<const N: usize>(
        &self,
        state: Planes<T>,
        index: usize,
        line: Pair<S, T, N>,
    ) {
        let line = self.permuted_pair(line, index % LANES);
        // SAFETY: the caller guarantees it.
        unsafe {
            let (re, im) = state.line(index & !(LANES - 1));
            self.store_to(re, line.0);
            self.store_to(im, line.1);
        }
    }
}
