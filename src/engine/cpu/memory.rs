//! Where states are: small ones on the heap, large ones in large pages, which are used again.

use crate::engine::Real;
use crate::engine::cpu::simd::LANES;
use crate::error::{Error, MemoryError, Result};
use memmap2::MmapMut;
use std::sync::{Mutex, PoisonError};

/// One amplitude of a full block, on cache lines of its own: an unaligned vector would straddle two.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Row16<T>(pub(super) [T; LANES]);

/// Bytes from which large pages are asked for; one is 2 MB on most systems. Otherwise the pages of a tile, scattered over a
/// large state, are more than the processor can keep track of.
const LARGE: usize = 1 << 22;

/// Bytes of large pages that are kept for the next call: taking them from the system and giving them back costs as much as
/// a sweep over them.
const RETAINED: usize = (1 << 26) + (1 << 16);

/// Pages that nobody uses now.
static SPARE: Mutex<Vec<MmapMut>> = Mutex::new(Vec::new());

/// Some lines, which may hold anything.
#[derive(Debug)]
pub(super) enum Memory<T> {
    Heap(Vec<Row16<T>>),
    Pages(Pages),
}

/// Large pages, for the next user when this one is done.
#[derive(Debug)]
pub(super) struct Pages(Option<MmapMut>);

impl<T: Real> Memory<T> {
    /// Memory for so many lines, if the system gives it.
    pub(super) fn new(lines: usize) -> Result<Self> {
        let bytes = lines.saturating_mul(size_of::<Row16<T>>());
        let pages = if bytes < LARGE { None } else { spare(bytes).or_else(|| fresh(bytes)) };
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

impl<T> Memory<T> {
    pub(super) fn start(&self) -> *const Row16<T> {
        match self {
            Self::Heap(lines) => lines.as_ptr(),
            Self::Pages(pages) => pages.0.as_ref().map_or(std::ptr::dangling(), |pages| pages.as_ptr().cast()),
        }
    }

    pub(super) fn start_mut(&mut self) -> *mut Row16<T> {
        match self {
            Self::Heap(lines) => lines.as_mut_ptr(),
            Self::Pages(pages) => pages.0.as_mut().map_or(std::ptr::dangling_mut(), |pages| pages.as_mut_ptr().cast()),
        }
    }
}

/// Bytes that a vector holds on to.
pub(super) fn held<V>(vector: &Vec<V>) -> usize {
    vector.capacity() * size_of::<V>()
}

impl Drop for Pages {
    fn drop(&mut self) {
        let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
        spare.extend(self.0.take());
        // The oldest go first.
        while spare.iter().map(|pages| pages.len()).sum::<usize>() > RETAINED {
            spare.remove(0);
        }
    }
}

/// Pages of that size that are there.
fn spare(bytes: usize) -> Option<MmapMut> {
    let mut spare = SPARE.lock().unwrap_or_else(PoisonError::into_inner);
    let at = spare.iter().position(|pages| pages.len() == bytes)?;
    Some(spare.swap_remove(at))
}

fn fresh(bytes: usize) -> Option<MmapMut> {
    let pages = MmapMut::map_anon(bytes).ok()?;
    // Only a hint: without large pages everything works, but slower.
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
