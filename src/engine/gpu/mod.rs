//! Engines on a GPU: one text of kernels, one plan of launches, and a backend for each vendor.
//!
//! [`abi`] is the crate of the kernels: their text, and the table that Rust and the kernels share. [`lower`] turns a
//! program into bytecode that the kernels read. [`launch`] plans the kernels of a call. Each module of [`backend`]
//! submits such plans to a device.

mod backend;
mod engine;
mod launch;
mod lower;
mod resident;

use abi::{Dialect, Element, MAX_ANGLES, REVERSE_PLANES, WARP};
#[cfg(feature = "emulator")]
pub use backend::emulator;
use candlewick_kernels as abi;
pub(crate) use engine::Gpu;
pub use launch::plan::{Launch, LaunchPlan};

/// Limits of a device that plans keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Bytes of a real number of a state.
    pub real: usize,
    /// Bytes of an angle and of a sum over many numbers.
    pub angle: usize,
    /// Bytes of shared memory of a group.
    pub group_bytes: usize,
    /// Binary logarithm of the largest number of threads for a tile.
    pub thread_bits: usize,
    /// Groups that keep all multiprocessors busy.
    pub groups: usize,
    /// Bits of an index within a tile. A state of at most this many qubits is one tile.
    pub tile_bits: usize,
}

impl Limits {
    /// Bytes of an element of a buffer.
    fn bytes(self, element: Element) -> usize {
        match element {
            Element::Word => 4,
            Element::Angle | Element::Sum => self.angle,
            Element::Real => self.real,
            Element::Complex => 2 * self.real,
        }
    }

    /// Returns the limits with the largest tiles that leave a group memory for a reverse sweep and its sums.
    pub fn with_largest_tiles(self) -> Self {
        let warps = (1 << self.thread_bits as u32) / WARP;
        let sums = 2 * (MAX_ANGLES * warps.max(1)) as usize;
        let numbers = self.group_bytes / self.real;
        Self { tile_bits: (numbers.saturating_sub(sums) / REVERSE_PLANES as usize).max(1).ilog2() as usize, ..self }
    }
}
