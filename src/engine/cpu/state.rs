//! The amplitudes of a block of samples: planar, amplitude by amplitude, samples innermost.

use crate::engine::Real;

/// `2^qubits * lanes` entries; entry `i * lanes + l` is amplitude `i` of sample `l`.
#[derive(Debug)]
pub(super) struct State<T> {
    pub(super) qubits: usize,
    pub(super) lanes: usize,
    pub(super) re: Vec<T>,
    pub(super) im: Vec<T>,
}

impl<T: Real> State<T> {
    pub(super) fn new(qubits: usize, lanes: usize) -> Self {
        let entries = lanes << qubits;
        Self { qubits, lanes, re: vec![T::zero(); entries], im: vec![T::zero(); entries] }
    }

    /// Every sample in |0..0>.
    pub(super) fn set_ground(&mut self) {
        self.clear();
        self.re[..self.lanes].fill(T::one());
    }

    pub(super) fn clear(&mut self) {
        self.re.fill(T::zero());
        self.im.fill(T::zero());
    }

    /// A view that kernels share.
    pub(super) fn planes(&mut self) -> Planes<T> {
        Planes { re: self.re.as_mut_ptr(), im: self.im.as_mut_ptr(), len: self.re.len(), lanes: self.lanes }
    }
}

/// A view on a state through which threads reach disjoint runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planes<T> {
    re: *mut T,
    im: *mut T,
    len: usize,
    lanes: usize,
}

// SAFETY: access goes through `chunk`, whose callers keep threads to disjoint entries.
unsafe impl<T: Send> Send for Planes<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Planes<T> {}

impl<T: Real> Planes<T> {
    /// `N` entries from `offset` entries behind basis index `index`, real and imaginary parts.
    ///
    /// # Safety
    /// The entries must lie inside the state, and nothing else may reach them while the references live.
    #[inline(always)]
    pub(super) unsafe fn chunk<'a, const N: usize>(
        self,
        index: usize,
        offset: usize,
    ) -> (&'a mut [T; N], &'a mut [T; N]) {
        let start = index * self.lanes + offset;
        debug_assert!(start + N <= self.len);
        // SAFETY: the caller keeps `start..start + N` inside the state and to itself; both planes are that long.
        unsafe { (&mut *self.re.add(start).cast(), &mut *self.im.add(start).cast()) }
    }
}
