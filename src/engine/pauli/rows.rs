//! Rows of numbers, one for each sample of a block, in aligned memory: a row that crosses cache lines costs twice as much.

use crate::engine::Real;
use crate::engine::lines::Memory;
use crate::engine::simd::LANES;
use crate::error::Result;

/// Rows of `L` numbers. Their first values are arbitrary.
#[derive(Debug)]
pub(super) struct Rows<T, const L: usize> {
    memory: Option<Memory<T>>,
    count: usize,
}

impl<T, const L: usize> Default for Rows<T, L> {
    fn default() -> Self {
        Self { memory: None, count: 0 }
    }
}

impl<T: Real, const L: usize> Rows<T, L> {
    /// Makes room for so many rows, unless it is there.
    ///
    /// # Errors
    /// The system refuses the memory.
    pub(super) fn reserve(&mut self, count: usize) -> Result<()> {
        if self.memory.is_none() || self.count != count {
            self.memory = None;
            self.memory = Some(Memory::new((count * L).div_ceil(LANES))?);
            self.count = count;
        }
        Ok(())
    }

    /// Bytes that the rows hold.
    pub(super) fn held_bytes(&self) -> usize {
        self.memory.as_ref().map_or(0, |memory| size_of_val(memory.lines()))
    }

    /// The rows, to change them.
    #[inline(always)]
    pub(super) fn all(&mut self) -> &mut [[T; L]] {
        let numbers = self.memory.as_mut().map_or(&mut [][..], Memory::numbers_mut);
        &mut numbers.as_chunks_mut().0[..self.count]
    }
}
