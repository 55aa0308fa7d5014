//! How a batch is cut into blocks, groups and threads: the one place that decides it.

use super::Cpu;
use crate::engine::{Real, budget, threads};
use crate::error::Result;
use crate::program::{OutlineNode, Program, Readout, Rewrite};

/// Samples a block holds when it holds more than one; also the widest SIMD vector, in f32.
pub(super) const LANES: usize = 16;

/// The fewest samples that share a block, and up to how many qubits: 16 small states cost little more than one in tiles,
/// whose tables of phases are then as large as the state. Above 12 qubits 16 states leave the cache. Measured.
const LEAST_SAMPLES: [(usize, usize); 3] = [(1, 8), (2, 10), (4, 12)];

/// Weight gradients are summed in at most so many groups, then over the groups, whatever the number of threads.
const MAX_GROUPS: usize = 64;

/// Bytes of final states that a call may keep for its gradient. Above this a gradient repeats the forward pass, at a
/// quarter of its cost.
const KEPT_BYTES: u64 = 1 << 27;

/// Entries of a state times steps below which threads cost more than they bring.
const SERIAL_WORK: usize = 1 << 17;

/// Entries of a block from which its amplitudes are worth sharing out.
const SPREAD_ENTRIES: usize = 1 << 15;

/// What a block follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The program's schedule, for full blocks.
    Schedule,
    /// The program's tiling, for single states.
    Tiling,
    /// The program's steps.
    Steps,
}

/// Portions of the work for each thread: several, so that none waits long for the slowest.
const SPLITS: usize = 4;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    /// States a block holds.
    pub(super) lanes: usize,
    pub(super) way: Way,
    pub(super) blocks: usize,
    /// Whether all final states together are small enough to keep from a forward pass for the gradient.
    pub(super) may_keep: bool,
    /// Groups of blocks that are summed separately.
    pub(super) groups: usize,
    pub(super) blocks_per_group: usize,
    /// Threads take blocks.
    pub(super) spread_blocks: bool,
    /// Threads that take them; one if they do not.
    pub(super) workers: usize,
    /// Whether the measurement needs a further state.
    pub(super) scratch: bool,
    /// Whether amplitudes are moved, which needs half a state.
    pub(super) moves: bool,
    /// Blocks of a forward pass that a thread takes at once.
    pub(super) blocks_per_split: usize,
    /// Threads take ranges of a block's amplitudes.
    pub(super) spread_state: bool,
}

impl Plan {
    pub(super) fn forward<T: Real>(program: &Program, batch: usize, engine: Cpu) -> Result<Self> {
        Self::new::<T>(program, batch, 1, engine)
    }

    pub(super) fn gradient<T: Real>(program: &Program, batch: usize, engine: Cpu) -> Result<Self> {
        Self::new::<T>(program, batch, 2, engine)
    }

    fn new<T: Real>(program: &Program, batch: usize, states: usize, engine: Cpu) -> Result<Self> {
        let (qubits, limit) = (program.qubits, engine.memory_limit);
        let scratch = matches!(program.readout, Readout::Variance(_));
        let states = states + usize::from(scratch);
        let lanes = lanes(qubits, batch);
        let outputs = (batch as u64).checked_mul(program.outputs() as u64 * size_of::<T>() as u64);
        let way = match lanes {
            _ if !program.rewrites.contains(Rewrite::Layers) => Way::Steps,
            LANES => Way::Schedule,
            _ => Way::Tiling,
        };
        let moves =
            way != Way::Steps && program.outline().nodes.iter().any(|node| matches!(node, OutlineNode::Settle(_)));
        let bytes = |workers: usize| {
            let spare = budget::state_bytes::<T>(qubits, lanes, usize::from(moves) * workers)? / 2;
            budget::state_bytes::<T>(qubits, lanes, states * workers)?.checked_add(spare)?.checked_add(outputs?)
        };
        let needed = bytes(1);
        budget::check::<T>(program, states, needed, limit)?;

        let blocks = batch.div_ceil(lanes);
        let blocks_per_group = blocks.div_ceil(MAX_GROUPS).max(1);
        let groups = blocks.div_ceil(blocks_per_group);
        let entries = lanes << qubits;
        let work = entries.saturating_mul(program.steps.len().max(1)).saturating_mul(blocks);
        let threads = if work < SERIAL_WORK { 1 } else { threads::count() };
        let roomy = budget::check::<T>(program, states * threads, bytes(threads), limit).is_ok();
        // The passes of a schedule keep to one thread; what single states do is shared out if blocks are not.
        let few = groups < 2 * threads && way != Way::Schedule;
        let spread_state = threads > 1 && entries >= SPREAD_ENTRIES && (few || !roomy);
        let spread_blocks = threads > 1 && groups > 1 && roomy && !spread_state;
        let blocks_per_split = (blocks / (SPLITS * threads)).max(1);
        let kept = budget::state_bytes::<T>(qubits, lanes, blocks);
        let allowed =
            limit.map_or(KEPT_BYTES, |limit| limit.saturating_sub(bytes(threads).unwrap_or(limit)).min(KEPT_BYTES));
        let may_keep = kept.is_some_and(|bytes| bytes <= allowed);
        Ok(Self {
            lanes,
            way,
            blocks,
            may_keep,
            groups,
            blocks_per_group,
            spread_blocks,
            workers: if spread_blocks { threads } else { 1 },
            scratch,
            moves,
            blocks_per_split,
            spread_state,
        })
    }
}

impl Plan {
    /// What is read at the end, in the indices the states then have.
    pub(super) fn readout<'a>(&self, program: &'a Program) -> &'a Readout {
        if self.way == Way::Steps { &program.readout } else { &program.outline().readout }
    }
}

/// How many samples share a block; independent of the number of threads, on which no result may depend.
fn lanes(qubits: usize, batch: usize) -> usize {
    let shared = LEAST_SAMPLES.iter().any(|(samples, most)| batch >= *samples && qubits <= *most);
    if shared { LANES } else { 1 }
}
