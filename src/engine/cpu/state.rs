//! The amplitudes of a block of samples: planar, amplitude by amplitude, samples innermost.

use super::memory::{Line, Memory};
use super::plan::LANES;
use crate::engine::Real;
use std::ops::{Deref, DerefMut};

/// Numbers that start on a cache line. At first they are zero if there are few, and anything if there are many: see
/// [`Memory`].
#[derive(Debug)]
pub(super) struct Buffer<T> {
    lines: Memory<T>,
    /// Lines in front that are left empty.
    skipped: usize,
    len: usize,
}

/// Lines after which a cache of 4 KB a way puts a line to the same place again.
const WAY: usize = 64;

impl<T: Real> Buffer<T> {
    pub(super) fn new(len: usize) -> Self {
        Self::at(len, 0)
    }

    pub(super) fn zeroed(len: usize) -> Self {
        let mut buffer = Self::new(len);
        buffer.fill(T::zero());
        buffer
    }

    /// Numbers that start `offset` lines behind a multiple of [`WAY`] lines, if there are many. The four planes of ψ and λ
    /// are read with equal indices, often a power of 2 apart; different offsets keep them from displacing each other.
    fn at(len: usize, offset: usize) -> Self {
        let count = len.div_ceil(LANES);
        let spare = if count < WAY { 0 } else { WAY };
        let lines = Memory::new(count + spare);
        let start = lines.start() as usize / size_of::<Line<T>>();
        let skipped = if spare == 0 { 0 } else { (offset + WAY - start % WAY) % WAY };
        Self { lines, skipped, len }
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: a line is `LANES` numbers without padding (64 or 128 bytes), and the lines behind the skipped ones hold at
        // least `len`.
        unsafe { std::slice::from_raw_parts(self.lines.start().add(self.skipped).cast(), self.len) }
    }
}

impl<T> DerefMut for Buffer<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as above, and `self` is borrowed for as long.
        unsafe { std::slice::from_raw_parts_mut(self.lines.start_mut().add(self.skipped).cast(), self.len) }
    }
}

/// `2^qubits * lanes` entries; entry `i * lanes + l` is amplitude `i` of sample `l`.
#[derive(Debug)]
pub(super) struct State<T> {
    pub(super) qubits: usize,
    pub(super) lanes: usize,
    pub(super) re: Buffer<T>,
    pub(super) im: Buffer<T>,
}

impl<T: Real> State<T> {
    pub(super) fn new(qubits: usize, lanes: usize) -> Self {
        let entries = lanes << qubits;
        Self { qubits, lanes, re: Buffer::new(entries), im: Buffer::at(entries, WAY / 4) }
    }

    /// A state to go through memory together with one from [`new`](Self::new).
    pub(super) fn second(qubits: usize, lanes: usize) -> Self {
        let entries = lanes << qubits;
        Self { qubits, lanes, re: Buffer::at(entries, WAY / 2), im: Buffer::at(entries, 3 * WAY / 4) }
    }

    /// A state whose memory is elsewhere.
    pub(super) fn empty(qubits: usize, lanes: usize) -> Self {
        Self { qubits, lanes, re: Buffer::new(0), im: Buffer::new(0) }
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
    /// Where the real part of amplitude `index` stands, from lane `lane` on. For full blocks.
    ///
    /// # Safety
    /// The place must lie inside the state.
    #[inline(always)]
    pub(super) unsafe fn re_at(self, index: usize, lane: usize) -> *mut T {
        debug_assert!(index * LANES + lane < self.len);
        // SAFETY: the caller's.
        unsafe { self.re.add(index * LANES + lane) }
    }

    /// As [`re_at`](Self::re_at), for the imaginary part.
    ///
    /// # Safety
    /// As for [`re_at`](Self::re_at).
    #[inline(always)]
    pub(super) unsafe fn im_at(self, index: usize, lane: usize) -> *mut T {
        debug_assert!(index * LANES + lane < self.len);
        // SAFETY: the caller's.
        unsafe { self.im.add(index * LANES + lane) }
    }

    /// Where the amplitudes from basis index `index` on of a single state stand, real and imaginary parts.
    ///
    /// # Safety
    /// A line from there on must lie inside the state.
    #[inline(always)]
    pub(super) unsafe fn line(self, index: usize) -> (*mut T, *mut T) {
        debug_assert!(self.lanes == 1 && index + LANES <= self.len);
        // SAFETY: the caller's.
        unsafe { (self.re.add(index), self.im.add(index)) }
    }

    /// Numbers of each plane.
    pub(super) fn len(self) -> usize {
        self.len
    }

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
