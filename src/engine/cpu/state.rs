//! Amplitudes of a block of samples: real and imaginary parts apart, amplitude by amplitude, with the samples
//! innermost.

use crate::engine::Real;
use crate::engine::lines::{Memory, Row16};
use crate::engine::simd::LANES;
use crate::error::Result;
use std::ops::{Deref, DerefMut};

/// Numbers that start on a cache line. Their first values are arbitrary.
#[derive(Debug)]
pub(super) struct Buffer<T> {
    lines: Memory<T>,
    /// Lines at the start that are left empty.
    skipped: usize,
    len: usize,
    /// Numbers that the memory has space for.
    capacity: usize,
}

impl<T> Default for Buffer<T> {
    fn default() -> Self {
        Self { lines: Memory::Heap(Vec::new()), skipped: 0, len: 0, capacity: 0 }
    }
}

/// Lines after which a cache of 4 KB a way puts a line into the same place again.
const WAY: usize = 64;

/// Lines that a buffer of `len` numbers takes. A long buffer takes some more, which are left empty.
fn lines(len: usize) -> usize {
    let lines = len.div_ceil(LANES);
    if lines < WAY { lines } else { lines + WAY }
}

/// Bytes of `lanes` states of at most 58 qubits.
pub(super) fn state_bytes<T>(qubits: usize, lanes: usize) -> u128 {
    let plane = (lanes as u128) << qubits;
    let skipped = if plane < (WAY * LANES) as u128 { 0 } else { (WAY * LANES) as u128 };
    2 * size_of::<T>() as u128 * (plane.next_multiple_of(LANES as u128) + skipped)
}

impl<T: Real> Buffer<T> {
    /// Makes the buffer `len` long. The buffer keeps its memory if that is enough.
    pub(super) fn fit(&mut self, len: usize) {
        self.fit_at(len, 0);
    }

    /// Makes the buffer `len` long, as [`fit`](Self::fit) does, and sets everything to zero.
    pub(super) fn zeroed(&mut self, len: usize) {
        self.fit(len);
        self.fill(T::zero());
    }

    /// Makes the buffer `len` long. A long buffer starts `offset` lines behind a multiple of [`WAY`] lines. The four
    /// planes of ψ and λ are read with equal indices and often lie a power of 2 apart, so equal offsets would make the
    /// planes displace each other in the cache.
    fn fit_at(&mut self, len: usize, offset: usize) {
        if self.reserve_at(len, offset).is_err() {
            // States are reserved before a call begins. Buffers that are fitted without a reservation are small.
            std::alloc::handle_alloc_error(std::alloc::Layout::new::<Row16<T>>());
        }
        self.len = len;
    }

    /// Gets the memory for `len` numbers, unless the buffer has enough.
    fn reserve_at(&mut self, len: usize, offset: usize) -> Result<()> {
        if len > self.capacity {
            // The old memory is freed first: the old and the new memory together may not fit.
            *self = Self::default();
            let lines = lines(len);
            self.lines = Memory::new(lines)?;
            let start = self.lines.start() as usize / size_of::<Row16<T>>();
            self.skipped = if lines <= WAY { 0 } else { (offset + WAY - start % WAY) % WAY };
            self.capacity = len;
        }
        Ok(())
    }

    /// Gets the memory for `len` numbers, so that a later [`fit`](Self::fit) needs no more.
    pub(super) fn reserve(&mut self, len: usize) -> Result<()> {
        self.reserve_at(len, 0)
    }

    /// Bytes that the buffer holds.
    pub(super) fn bytes(&self) -> usize {
        lines(self.capacity) * size_of::<Row16<T>>()
    }

    /// Gives large pages back, so that another buffer can take them.
    pub(super) fn give_back_pages(&mut self) {
        if let Memory::Pages(_) = self.lines {
            *self = Self::default();
        }
    }
}

impl<T> Deref for Buffer<T> {
    type Target = [T];

    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: a line is `LANES` numbers without padding (64 or 128 bytes), and the lines behind the skipped ones
        // hold at least `len` numbers.
        unsafe { std::slice::from_raw_parts(self.lines.start().add(self.skipped).cast(), self.len) }
    }
}

impl<T> DerefMut for Buffer<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and `self` is borrowed mutably for as long.
        unsafe { std::slice::from_raw_parts_mut(self.lines.start_mut().add(self.skipped).cast(), self.len) }
    }
}

/// State of `2^qubits * lanes` entries; entry `i * lanes + l` is amplitude `i` of sample `l`.
#[derive(Debug)]
pub(super) struct State<T> {
    pub(super) qubits: usize,
    pub(super) lanes: usize,
    pub(super) re: Buffer<T>,
    pub(super) im: Buffer<T>,
}

impl<T> Default for State<T> {
    fn default() -> Self {
        Self { qubits: 0, lanes: 0, re: Buffer::default(), im: Buffer::default() }
    }
}

/// Offsets of the two planes of a state, for [`Buffer::fit_at`].
const OFFSETS: [usize; 2] = [0, WAY / 4];

/// Offsets of the two planes of a state that is read together with a state at [`OFFSETS`].
const SECOND: [usize; 2] = [WAY / 2, 3 * WAY / 4];

impl<T: Real> State<T> {
    /// Makes the planes long enough for `lanes` states.
    pub(super) fn fit(&mut self, qubits: usize, lanes: usize) {
        self.fit_at(qubits, lanes, OFFSETS);
    }

    /// Makes the planes long enough for `lanes` states that are read together with a state of [`fit`](Self::fit).
    pub(super) fn fit_second(&mut self, qubits: usize, lanes: usize) {
        self.fit_at(qubits, lanes, SECOND);
    }

    /// Gets the memory that a later [`fit`](Self::fit) needs.
    pub(super) fn reserve(&mut self, qubits: usize, lanes: usize) -> Result<()> {
        self.reserve_at(qubits, lanes, OFFSETS)
    }

    /// Gets the memory that a later [`fit_second`](Self::fit_second) needs.
    pub(super) fn reserve_second(&mut self, qubits: usize, lanes: usize) -> Result<()> {
        self.reserve_at(qubits, lanes, SECOND)
    }

    fn reserve_at(&mut self, qubits: usize, lanes: usize, [re, im]: [usize; 2]) -> Result<()> {
        self.re.reserve_at(lanes << qubits, re)?;
        self.im.reserve_at(lanes << qubits, im)
    }

    fn fit_at(&mut self, qubits: usize, lanes: usize, [re, im]: [usize; 2]) {
        (self.qubits, self.lanes) = (qubits, lanes);
        self.re.fit_at(lanes << qubits, re);
        self.im.fit_at(lanes << qubits, im);
    }

    /// Bytes that the state holds.
    pub(super) fn bytes(&self) -> usize {
        self.re.bytes() + self.im.bytes()
    }

    /// Gives large pages back, as [`Buffer::give_back_pages`] does.
    pub(super) fn give_back_pages(&mut self) {
        self.re.give_back_pages();
        self.im.give_back_pages();
    }

    /// Sets every sample to |0..0>.
    pub(super) fn set_ground(&mut self) {
        self.clear();
        self.re[..self.lanes].fill(T::one());
    }

    pub(super) fn clear(&mut self) {
        self.re.fill(T::zero());
        self.im.fill(T::zero());
    }

    /// Returns a view that kernels share.
    pub(super) fn planes(&mut self) -> Planes<T> {
        Planes { re: self.re.as_mut_ptr(), im: self.im.as_mut_ptr(), len: self.re.len(), lanes: self.lanes }
    }
}

/// View of a state through which threads reach disjoint ranges.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planes<T> {
    re: *mut T,
    im: *mut T,
    len: usize,
    lanes: usize,
}

// SAFETY: access goes through `chunk`, whose callers give threads disjoint entries.
unsafe impl<T: Send> Send for Planes<T> {}
// SAFETY: as for `Send`.
unsafe impl<T: Send> Sync for Planes<T> {}

impl<T: Real> Planes<T> {
    /// Pointer to the real part of amplitude `index`, at lane `lane`, in a block of 16 samples.
    ///
    /// # Safety
    /// The place must lie inside the state.
    #[inline(always)]
    pub(super) unsafe fn re_at(self, index: usize, lane: usize) -> *mut T {
        debug_assert!(index * LANES + lane < self.len);
        // SAFETY: the caller guarantees that the place lies inside the state.
        unsafe { self.re.add(index * LANES + lane) }
    }

    /// Pointer to the imaginary part, as [`re_at`](Self::re_at) is to the real part.
    ///
    /// # Safety
    /// The place must lie inside the state.
    #[inline(always)]
    pub(super) unsafe fn im_at(self, index: usize, lane: usize) -> *mut T {
        debug_assert!(index * LANES + lane < self.len);
        // SAFETY: the caller guarantees that the place lies inside the state.
        unsafe { self.im.add(index * LANES + lane) }
    }

    /// Pointers to the real and imaginary parts of a single state, from basis index `index` on.
    ///
    /// # Safety
    /// The 16 amplitudes from there on must lie inside the state.
    #[inline(always)]
    pub(super) unsafe fn line(self, index: usize) -> (*mut T, *mut T) {
        debug_assert!(self.lanes == 1 && index + LANES <= self.len);
        // SAFETY: the caller guarantees that the line lies inside the state.
        unsafe { (self.re.add(index), self.im.add(index)) }
    }

    /// Numbers in each plane.
    pub(super) fn len(self) -> usize {
        self.len
    }

    /// `N` entries that start `offset` entries behind basis index `index`: real and imaginary parts.
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
