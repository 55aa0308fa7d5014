//! The interface to a GPU: its memory, its queue, and the tensors that candle keeps on it.

use crate::engine::gpu::abi::Buffer;
use crate::engine::gpu::launch::plan::LaunchPlan;
use crate::engine::gpu::{Dialect, Limits};
use crate::error::Result;
use candle_core::{DType, Layout, Storage};
use std::fmt::Debug;

/// Device with its memory and its queue of launches.
pub(crate) trait Device: Debug + Send + Sync {
    /// Piece of memory; clones are the same piece.
    type Memory: Clone + Debug + Send + Sync + 'static;

    /// Number that distinguishes devices.
    fn id(&self) -> u64;
    /// Returns the dialect of the kernels for a dtype, or an error if there are none.
    fn dialect(&self, dtype: DType) -> Result<Dialect>;
    /// Returns the limits for a dtype that has a dialect.
    fn limits(&self, dtype: DType) -> Result<Limits>;
    /// Returns the number of free bytes.
    fn free(&self) -> Result<u64>;
    /// Waits until memory that was freed is free on the device.
    fn reclaim(&self) -> Result<()>;
    /// Returns the bytes that a piece of memory of this size takes.
    fn occupied(&self, bytes: u64) -> u64 {
        bytes
    }
    /// Allocates at least one byte, with arbitrary content.
    fn allocate(&self, bytes: u64) -> Result<Self::Memory>;
    /// Allocates memory with a copy of these bytes.
    fn upload(&self, bytes: &[u8]) -> Result<Self::Memory>;
    /// Copies the first bytes of a piece of memory to a new piece.
    fn copy(&self, memory: &Self::Memory, bytes: u64) -> Result<Self::Memory>;
    /// Returns the memory of a tensor that is contiguous and outlives the call.
    fn lend(&self, storage: &Storage, layout: &Layout) -> Result<Self::Memory>;
    /// Makes the storage of a tensor with `count` numbers from memory that nothing else uses.
    fn store(&self, memory: Self::Memory, count: usize, dtype: DType) -> Result<Storage>;
    /// Queues the launches of a plan. Each buffer is a piece of memory, from a byte on.
    fn submit(&self, dialect: Dialect, plan: &LaunchPlan, buffers: &Buffers<Self::Memory>) -> Result<()>;
}

/// Buffers of a plan by their numbers; buffers of size 0 may be missing.
pub(crate) type Buffers<M> = [Option<(M, u64)>; Buffer::ALL.len()];
