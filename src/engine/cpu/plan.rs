//! How a batch is cut into blocks, groups and threads: the one place that decides it.

use super::Cpu;
use super::prepare::Prepared;
use super::state::state_bytes;
use crate::engine::{Real, budget, threads};
use crate::error::Result;
use crate::memory::left;
use crate::program::{OutlineNode, Program, Readout, Rewrite};

/// Samples a block holds when it holds more than one; also the widest SIMD vector, in f32.
pub(super) const LANES: usize = 16;

/// The fewest samples that share a block, and up to how many qubits: 16 small states cost little more than one in tiles,
/// whose tables of phases are then as large as the state. Above 12 qubits 16 states leave the cache. Measured.
const LEAST_SAMPLES: [(usize, usize); 3] = [(1, 8), (2, 10), (4, 12)];

/// Weight gradients are summed in at most so many groups, then over the groups, whatever the number of threads.
const MAX_GROUPS: usize = 64;

/// Bytes that the calls of a program may keep for gradients that follow, all together. Above this a gradient repeats the forward
/// pass, at a quarter of its cost.
const KEPT_BYTES: u64 = 1 << 27;

/// Bytes of tables that the blocks of a call share; deeper circuits have more, and each worker makes the others when it comes
/// to them. Those of a single state are sooner beyond the cache.
const SHARED_BYTES: [(Way, u64); 3] = [(Way::Schedule, 1 << 28), (Way::Tiling, 1 << 25), (Way::Steps, 0)];

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
    /// Bytes that tables may take.
    pub(super) tables: u64,
    /// Bytes that spare workspaces may take during the call.
    pub(super) spare: Option<u64>,
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

/// Bytes that a call needs, `None` beyond any number.
struct Needs {
    /// States that a worker has.
    states: usize,
    /// What there is once.
    call: u128,
    /// What each worker has.
    worker: u128,
}

impl Needs {
    fn new<T: Real>(program: &Program, batch: usize, shape: (Way, usize, usize), gradient: bool) -> Self {
        let (way, lanes, groups) = shape;
        let number = size_of::<T>() as u128;
        let [batch, lanes, groups] = [batch, lanes, groups].map(|count| count as u128);
        let [inputs, outputs, weights] =
            [program.input_columns, program.outputs(), program.weights].map(|count| count as u128);
        let [slots, varying] = [program.slots.len(), program.varying()].map(|count| count as u128);
        let states = 1 + usize::from(gradient) + usize::from(matches!(program.readout, Readout::Variance(_)));
        let state = state_bytes::<T>(program.qubits, lanes as usize);
        // Moving amplitudes takes half a state.
        let spare = if moves(program, way) { state / 2 } else { 0 };
        // Angles of phases, their sines and cosines in f64; a table; overlaps of gradients.
        let amplitudes = if way == Way::Schedule { 1 << program.qubits } else { 0 };
        let table = amplitudes * (24 + 2 * number + if gradient { 8 } else { 0 });
        let turns = varying * (32 * number + 24 * lanes);
        let rows = batch.saturating_mul(number).saturating_mul(outputs + inputs * if gradient { 2 } else { 1 });
        let sums = if gradient { groups * (128 * slots + 8 * weights) } else { 0 };
        let call = rows.saturating_add(number * weights + 48 * slots + 24 * amplitudes + sums);
        Self { states, call, worker: states as u128 * state + spare + table + turns }
    }

    fn bytes(&self, workers: usize) -> u128 {
        self.call.saturating_add(self.worker * workers as u128)
    }
}

/// Whether a way moves amplitudes.
fn moves(program: &Program, way: Way) -> bool {
    way != Way::Steps && program.outline().nodes.iter().any(|node| matches!(node, OutlineNode::Settle(_)))
}

impl Plan {
    pub(super) fn forward<T: Real>(program: &Program, batch: usize, engine: Cpu) -> Result<Self> {
        Self::new::<T>(program, batch, false, engine)
    }

    pub(super) fn gradient<T: Real>(program: &Program, batch: usize, engine: Cpu) -> Result<Self> {
        Self::new::<T>(program, batch, true, engine)
    }

    fn new<T: Real>(program: &Program, batch: usize, gradient: bool, engine: Cpu) -> Result<Self> {
        let (qubits, limit) = (program.qubits, engine.memory_limit);
        let lanes = lanes(qubits, batch);
        let way = match lanes {
            _ if !program.rewrites.contains(Rewrite::Layers) => Way::Steps,
            LANES => Way::Schedule,
            _ => Way::Tiling,
        };
        let blocks = batch.div_ceil(lanes);
        let blocks_per_group = blocks.div_ceil(MAX_GROUPS).max(1);
        let groups = blocks.div_ceil(blocks_per_group);
        // What waits for gradients counts against the user's limit; the machine has counted it already.
        let waiting = if limit.is_some() { program.spares.waiting() as u128 } else { 0 };
        let needs = Needs::new::<T>(program, batch, (way, lanes, groups), gradient);
        let bytes = |workers: usize| u64::try_from(needs.bytes(workers).saturating_add(waiting)).ok();
        budget::check::<T>(program, needs.states, bytes(1), limit)?;

        let entries = lanes << qubits;
        let work = entries.saturating_mul(program.steps.len().max(1)).saturating_mul(blocks);
        let threads = if work < SERIAL_WORK { 1 } else { threads::count() };
        let roomy = threads == 1 || budget::check::<T>(program, needs.states * threads, bytes(threads), limit).is_ok();
        // The passes of a schedule keep to one thread; what single states do is shared out if blocks are not.
        let few = groups < 2 * threads && way != Way::Schedule;
        let spread_state = threads > 1 && entries >= SPREAD_ENTRIES && (few || !roomy);
        let spread_blocks = threads > 1 && groups > 1 && roomy && !spread_state;
        let blocks_per_split = (blocks / (SPLITS * threads)).max(1);
        let mut plan = Self {
            lanes,
            way,
            blocks,
            tables: 0,
            spare: None,
            may_keep: false,
            groups,
            blocks_per_group,
            spread_blocks,
            workers: if spread_blocks { threads } else { 1 },
            scratch: matches!(program.readout, Readout::Variance(_)),
            moves: moves(program, way),
            blocks_per_split,
            spread_state,
        };
        plan.share_out::<T>(program, batch, limit);
        Ok(plan)
    }

    /// Shares out the memory that a call and the gradient that may follow do not need: to tables, then to final states.
    fn share_out<T: Real>(&mut self, program: &Program, batch: usize, limit: Option<u64>) {
        let Self { way, lanes, groups, blocks, .. } = *self;
        let waiting = program.spares.waiting() as u64;
        let needs = Needs::new::<T>(program, batch, (way, lanes, groups), true).bytes(self.workers);
        let needs = u64::try_from(needs).unwrap_or(u64::MAX);
        let most = SHARED_BYTES.iter().find(|(of, _)| *of == way).map_or(0, |(_, most)| *most);
        let tables = Prepared::<T>::most_bytes(program, way).min(most);
        let angles = if keeps_angles(program, lanes) { program.varying() * 32 * size_of::<T>() } else { 0 };
        let kept = (state_bytes::<T>(program.qubits, lanes) + angles as u128).saturating_mul(blocks as u128);
        let kept = u64::try_from(kept).ok().filter(|bytes| bytes.saturating_add(waiting) <= KEPT_BYTES);
        let needed = if limit.is_some() { needs.saturating_add(waiting) } else { needs };
        let left = left(needed, tables + kept.unwrap_or(0), limit);
        self.tables = tables.min(left);
        self.may_keep = kept.is_some_and(|kept| kept <= left - self.tables);
        let taken = self.tables + kept.filter(|_| self.may_keep).unwrap_or(0);
        self.spare = limit.map(|limit| limit.saturating_sub(needed).saturating_sub(taken));
    }
}

impl Plan {
    /// Lets spares of a program go that a call leaves no memory for. Those it uses have been taken.
    pub(super) fn make_place(&self, program: &Program) {
        if let Some(most) = self.spare {
            program.spares.trim(usize::try_from(most).unwrap_or(usize::MAX));
        }
    }
}

/// Whether angles are kept beside states: unless they are the larger ones, or a single state's, of which there are few.
pub(super) fn keeps_angles(program: &Program, lanes: usize) -> bool {
    lanes > 1 && program.varying() <= 1 << program.qubits
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
