//! Memory of states: small states are on the heap, large states in large pages, which later states use again.

use crate::engine::Real;
use crate::engine::simd::LANES;
use crate::error::{Error, MemoryError, Result};
use memmap2::MmapMut;
use std::sync::{Mutex, PoisonError};

/// One amplitude of 16 samples, aligned to a cache line: an unaligned vector would cross two lines.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(in crate::engine) struct Row16<T>(pub(in crate::engine) [T; LANES]);

/// Bytes from which large pages are requested; a large page has 2 MB on most systems. With small pages, a tile spreads
/// over more pages of a large state than the processor can track.
const LARGE: usize = 1 << 22;

/// Bytes of large pages that stay for the next call. Taking them from the system and giving them back costs as much as
/// a sweep over them.
const RETAINED: usize = (1 << 26) + (1 << 16);

/// Pages that nothing uses now.
static UNUSED: Mutex<Vec<MmapMut>> = Mutex::new(Vec::new());

/// Lines of memory. Their first values are arbitrary.
#[derive(Debug)]
pub(in crate::engine) enum Memory<T> {
    Heap(Vec<Row16<T>>),
    Pages(Pages),
}

/// Large pages, which go to the next user when they are dropped.
#[derive(Debug)]
pub(in crate::engine) struct Pages(Option<MmapMut>);

impl<T: Real> Memory<T> {
    /// Gets memory for `lines` lines. An error says that the system refuses it.
    pub(in crate::engine) fn new(lines: usize) -> Result<Self> {
        let bytes = lines.saturating_mul(size_of::<Row16<T>>());
        let pages = if bytes < LARGE { None } else { take_unused(bytes).or_else(|| fresh(bytes)) };
        if let Some(pages) = pages {
            return Ok(Self::Pages(Pages(Some(pages))));
        }
        let mut heap = Vec::new();
        let refused = |_| Error::Memory(MemoryError::Refused { what: "a state", bytes: bytes as u64 });
        heap.try_reserve_exact(lines).map_err(refused)?;
        heap.resize(lines, Row16([T::zero(); LANES]));
        Ok(Self::Heap(heap))
    }
}

impl<T: Real> Memory<T> {
    /// The lines.
    pub(in crate::engine) fn lines(&self) -> &[Row16<T>] {
        // SAFETY: the memory has so many lines, and every bit pattern is a number.
        unsafe { std::slice::from_raw_parts(self.start(), self.count()) }
    }

    /// The lines, to change them.
    pub(in crate::engine) fn lines_mut(&mut self) -> &mut [Row16<T>] {
        // SAFETY: as above; the memory is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.start_mut(), self.count()) }
    }

    /// All numbers, line by line, to change them.
    pub(in crate::engine) fn numbers_mut(&mut self) -> &mut [T] {
        let lines = self.lines_mut();
        let count = LANES * lines.len();
        // SAFETY: a line is so many numbers and nothing else, and the lines stand side by side.
        unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), count) }
    }

    fn count(&self) -> usize {
        match self {
            Self::Heap(lines) => lines.len(),
            Self::Pages(pages) => pages.0.as_ref().map_or(0, |pages| pages.len() / size_of::<Row16<T>>()),
        }
    }
}

impl<T> Memory<T> {
    pub(in crate::engine) fn start(&self) -> *const Row16<T> {
        match self {
            Self::Heap(lines) => lines.as_ptr(),
            Self::Pages(pages) => pages.0.as_ref().map_or(std::ptr::dangling(), |pages| pages.as_ptr().cast()),
        }
    }

    pub(in crate::engine) fn start_mut(&mut self) -> *mut Row16<T> {
        match self {
            Self::Heap(lines) => lines.as_mut_ptr(),
            Self::Pages(pages) => pages.0.as_mut().map_or(std::ptr::dangling_mut(), |pages| pages.as_mut_ptr().cast()),
        }
    }
}

/// Bytes that a vector holds.
pub(in crate::engine) fn held_bytes<V>(vector: &Vec<V>) -> usize {
    vector.capacity() * size_of::<V>()
}

impl Drop for Pages {
    fn drop(&mut self) {
        let mut unused = UNUSED.lock().unwrap_or_else(PoisonError::into_inner);
        unused.extend(self.0.take());
        // The oldest go first.
        while unused.iter().map(|pages| pages.len()).sum::<usize>() > RETAINED {
            unused.remove(0);
        }
    }
}

/// Takes unused pages of the size, if there are any.
fn take_unused(bytes: usize) -> Option<MmapMut> {
    let mut unused = UNUSED.lock().unwrap_or_else(PoisonError::into_inner);
    let at = unused.iter().position(|pages| pages.len() == bytes)?;
    Some(unused.swap_remove(at))
}

fn fresh(bytes: usize) -> Option<MmapMut> {
    let pages = MmapMut::map_anon(bytes).ok()?;
    // The advice is only a hint: without large pages everything works, but slower.
    #[cfg(target_os = "linux")]
    pages.advise(memmap2::Advice::HugePage).ok();
    Some(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_the_system_refuses_is_an_error() {
        let lines = isize::MAX as usize / size_of::<Row16<f32>>();
        let Err(Error::Memory(MemoryError::Refused { bytes, .. })) = Memory::<f32>::new(lines) else {
            panic!("there is no such memory")
        };
        assert_eq!(bytes, (lines * size_of::<Row16<f32>>()) as u64);
        assert!(matches!(Memory::<f64>::new(usize::MAX), Err(Error::Memory(MemoryError::Refused { .. }))));
    }
}
