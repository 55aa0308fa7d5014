//! Partition of a batch into blocks, groups and threads. No other file decides any of this.

use crate::engine::cpu::execution::Execution;
use crate::engine::cpu::footprint::Footprint;
use crate::engine::pool::WorkspacePool;
use crate::engine::simd::{self, LANES};
use crate::engine::{Options, Real, budget, threads};
use crate::error::Result;
use crate::memory::memory_left;
use crate::program::Program;

/// Fewest samples that share a block, and the largest number of qubits for which they do. Sixteen small states cost
/// little more than a single state in tiles, whose phase tables are as large as the state. Above 12 qubits, 16 states
/// leave the cache. Measured.
const LEAST_SAMPLES: [(usize, usize); 3] = [(1, 8), (2, 10), (4, 12)];

/// Largest number of groups in which weight gradients are summed before the groups are added up. It does not depend on
/// the number of threads.
const MAX_GROUPS: usize = 64;

/// Bytes that all calls of a program may save for later gradients. Above this limit a gradient repeats the forward
/// pass, which costs a quarter of the gradient.
const SAVED_BYTES: u64 = 1 << 27;

/// Entries of all states times steps below which threads cost more time than they save: some 80 µs of a gradient on one
/// thread. A second thread takes microseconds to wake up, spins in the pool while it waits, and delays whatever the caller
/// computes between two calls; on a busy machine the caller waits for one that is not running. Measured.
const SERIAL_WORK: usize = 1 << 20;

/// Entries of a block from which threads share its amplitudes.
const SPREAD_ENTRIES: usize = 1 << 15;

/// Portions of the work for each thread: several, so that no thread waits long for the slowest.
const SPLITS: usize = 4;

/// Partition of a batch, with the memory that each part of a call may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Partition {
    /// States in a block.
    pub(super) lanes: usize,
    pub(super) execution: Execution,
    pub(super) blocks: usize,
    /// Bytes that tables may take.
    pub(super) tables: u64,
    /// Bytes that idle workspaces may take during the call.
    pub(super) idle_limit: Option<u64>,
    /// Whether all final states together are small enough to save from a forward pass for the gradient.
    pub(super) may_save: bool,
    /// Whether angles are saved beside the final states.
    pub(super) saves_angles: bool,
    /// Groups of blocks that are summed separately.
    pub(super) groups: usize,
    pub(super) blocks_per_group: usize,
    /// Whether threads take blocks.
    pub(super) spread_blocks: bool,
    /// Threads that take blocks; 1 if threads do not.
    pub(super) workers: usize,
    /// Whether the measurement needs a further state.
    pub(super) third_state: bool,
    /// Whether amplitudes are permuted, which needs half a state.
    pub(super) moves: bool,
    /// Blocks of a forward pass that a thread takes at once.
    pub(super) blocks_per_split: usize,
    /// Whether threads take ranges of a block's amplitudes.
    pub(super) spread_state: bool,
}

impl Partition {
    pub(super) fn forward<T: Real>(program: &Program, batch: usize, options: &Options) -> Result<Self> {
        Self::new::<T>(program, batch, false, options)
    }

    pub(super) fn gradient<T: Real>(program: &Program, batch: usize, options: &Options) -> Result<Self> {
        Self::new::<T>(program, batch, true, options)
    }

    /// Partition of a call on a shard of so many qubits: one state, whose amplitudes threads share.
    pub(super) fn of_shard(qubits: usize) -> Self {
        let entries = 1usize << qubits;
        Self {
            lanes: 1,
            execution: Execution::Single,
            blocks: 1,
            tables: 0,
            idle_limit: None,
            may_save: false,
            saves_angles: false,
            groups: 1,
            blocks_per_group: 1,
            spread_blocks: false,
            workers: 1,
            third_state: false,
            moves: false,
            blocks_per_split: 1,
            spread_state: threads::thread_count() > 1 && entries >= SPREAD_ENTRIES,
        }
    }

    fn new<T: Real>(program: &Program, batch: usize, gradient: bool, options: &Options) -> Result<Self> {
        simd::arch::check_arch()?;
        let (qubits, limit) = (program.qubits, options.memory_limit);
        let lanes = lanes(qubits, batch);
        let footprint = Footprint::of::<T>(program, lanes);
        let Footprint { execution, third_state, moves, saves_angles, .. } = *footprint;
        let blocks = batch.div_ceil(lanes);
        let blocks_per_group = blocks.div_ceil(MAX_GROUPS).max(1);
        let groups = blocks.div_ceil(blocks_per_group);
        // Saved states that wait for gradients count against the user's limit. The machine has counted them already.
        let waiting = WorkspacePool::of(program).waiting() as u64;
        let beside = footprint.beside::<T>(program, limit.is_some());
        let counted = beside + if limit.is_some() { waiting } else { 0 };
        let needs = footprint.of_pass(gradient);
        let bytes = |workers: usize| {
            u64::try_from(needs.bytes(batch, groups, workers)).ok().and_then(|bytes| bytes.checked_add(counted))
        };
        budget::check::<T>(program, needs.states, bytes(1), limit)?;

        let entries = lanes << qubits;
        let work = entries.saturating_mul(program.steps.len().max(1)).saturating_mul(blocks);
        let threads = if work < SERIAL_WORK { 1 } else { threads::thread_count() };
        let roomy = threads == 1 || budget::check::<T>(program, needs.states * threads, bytes(threads), limit).is_ok();
        // Batch passes of a block run on one thread. Threads share the work on a single state if they do not take
        // blocks.
        let few = groups < 2 * threads && execution != Execution::Batch;
        let spread_state = threads > 1 && entries >= SPREAD_ENTRIES && (few || !roomy);
        let spread_blocks = threads > 1 && groups > 1 && roomy && !spread_state;
        let blocks_per_split = (blocks / (SPLITS * threads)).max(1);
        let mut partition = Self {
            lanes,
            execution,
            blocks,
            tables: 0,
            idle_limit: None,
            may_save: false,
            saves_angles,
            groups,
            blocks_per_group,
            spread_blocks,
            workers: if spread_blocks { threads } else { 1 },
            third_state,
            moves,
            blocks_per_split,
            spread_state,
        };
        // A gradient may follow a forward pass, so both count the memory of the gradient.
        let needed = footprint.of_pass(true).bytes(batch, groups, partition.workers);
        let needed = u64::try_from(needed).unwrap_or(u64::MAX).saturating_add(counted);
        partition.share_out(footprint, (needed, waiting), limit);
        Ok(partition)
    }

    /// Divides the memory that a call and a later gradient do not need: first to tables, then to final states.
    fn share_out(&mut self, footprint: &Footprint, (needed, waiting): (u64, u64), limit: Option<u64>) {
        let saved = footprint.saved.saturating_mul(self.blocks as u128);
        let saved = u64::try_from(saved).ok().filter(|bytes| bytes.saturating_add(waiting) <= SAVED_BYTES);
        let left = memory_left(needed, footprint.tables + saved.unwrap_or(0), limit);
        self.tables = footprint.tables.min(left);
        self.may_save = saved.is_some_and(|saved| saved <= left - self.tables);
        let taken = self.tables + saved.filter(|_| self.may_save).unwrap_or(0);
        self.idle_limit = limit.map(|limit| limit.saturating_sub(needed).saturating_sub(taken));
    }
}

/// Number of samples that share a block. It does not depend on the number of threads, since no result may.
fn lanes(qubits: usize, batch: usize) -> usize {
    let shared = LEAST_SAMPLES.iter().any(|(samples, most)| batch >= *samples && qubits <= *most);
    if shared { LANES } else { 1 }
}
