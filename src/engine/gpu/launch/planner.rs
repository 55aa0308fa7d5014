//! Planner: makes the launch plan of a program's bytecode on a batch.
//!
//! ```text
//! forward   prepare, flags, (embed), forward sweeps, readout
//! gradient  steps of the forward pass that it did not save, seed,
//!           reverse sweeps, slots, inputs, (unembed), weights
//! ```
//!
//! If a state is one tile and observables are read, each direction has two launches: prepare and forward; reverse and
//! weights.

use super::plan::{Launch, LaunchPlan};
use crate::engine::NeedsGrad;
use crate::engine::gpu::Limits;
use crate::engine::gpu::abi::kernels::{self, Bound};
use crate::engine::gpu::abi::{
    Buffer, ChainArgs, EmbedArgs, FORWARD_PLANES, FlagArgs, INPUTS, MAX_ANGLES, MAX_WARPS, PrepareArgs, REVERSE_PLANES,
    STORE_LAMBDA, STORE_PSI, SlotArgs, SweepArgs, View, WARP, WEIGHTS, Words,
};
use crate::engine::gpu::lower::bytecode::{Bytecode, EncodedSweep};
use crate::engine::gpu::lower::observables::{Observables, ReadQuantity, Reading};
use crate::program::Program;

/// Default number of threads of a group.
pub(crate) const THREADS: u32 = 128;

/// Binary logarithm of the amplitudes that a thread takes at a time: a pass of three rotations.
const THREAD_BITS: usize = MAX_ANGLES as usize;

/// Binary logarithm of the threads for a tile of a larger state, if a multiprocessor has memory for two tiles. In F32,
/// two groups of this size have enough registers for a reverse sweep, and one can compute while the other waits for
/// memory.
const TILED_THREAD_BITS: usize = 8;

/// Samples whose gradients in weights one group adds up.
const PART: usize = 2048;

/// Planner of the launches of a program on a batch.
pub(crate) struct LaunchPlanner<'a> {
    pub(crate) program: &'a Program,
    pub(crate) bytecode: &'a Bytecode,
    pub(crate) limits: Limits,
    pub(crate) batch: usize,
    pub(crate) plan: LaunchPlan,
}

/// Plan of a forward pass. If `save`, the pass saves the final states.
pub(crate) fn plan_forward(
    program: &Program,
    bytecode: &Bytecode,
    limits: Limits,
    batch: usize,
    save: bool,
) -> LaunchPlan {
    let mut planner = LaunchPlanner::new(program, bytecode, limits, batch);
    planner.size(Buffer::Result, batch * program.engine_outputs());
    planner.run(true, save);
    if planner.fused().is_none() {
        planner.read();
    }
    planner.plan
}

/// Plan of a gradient, which starts from saved states or, unless `saved`, with a forward pass.
pub(crate) fn plan_gradient(
    program: &Program,
    bytecode: &Bytecode,
    limits: Limits,
    batch: usize,
    needs_grad: NeedsGrad,
    saved: bool,
) -> LaunchPlan {
    let mut planner = LaunchPlanner::new(program, bytecode, limits, batch);
    let inputs = if needs_grad.inputs { batch * program.engine_inputs } else { 0 };
    let weights = if needs_grad.weights { program.weights } else { 0 };
    planner.size(Buffer::Result, inputs + weights);
    planner.size(Buffer::Cotangent, batch * program.engine_outputs());
    if planner.fused().is_none() || program.embedding.is_some() {
        planner.size(Buffer::Lambdas, batch << program.qubits);
    }
    planner.states();
    if !saved {
        planner.run(false, true);
    }
    if planner.fused().is_none() {
        planner.seed();
    }
    planner.reverse(needs_grad);
    planner.chain(needs_grad);
    planner.plan
}

/// Number of warps of a group.
fn warps(threads: u32) -> usize {
    threads.div_ceil(WARP) as usize
}

impl<'a> LaunchPlanner<'a> {
    fn new(program: &'a Program, bytecode: &'a Bytecode, limits: Limits, batch: usize) -> Self {
        let plan = LaunchPlan { sizes: [0; Buffer::ALL.len()], launches: Vec::new() };
        let mut planner = Self { program, bytecode, limits, batch, plan };
        let angles = &bytecode.angles;
        planner.size(Buffer::Code, bytecode.code.len());
        planner.size(Buffer::Numbers, bytecode.numbers.len());
        planner.size(Buffer::Constants, bytecode.constants.len());
        planner.size(Buffer::Inputs, batch * program.engine_inputs);
        planner.size(Buffer::Weights, program.weights);
        planner.size(Buffer::SharedCosSin, (angles.shared + angles.fixed) as usize);
        planner.size(Buffer::OwnCosSin, batch * angles.own as usize);
        planner.size(Buffer::Flags, batch);
        planner.size(Buffer::Tables, (bytecode.tables.0 as usize) << bytecode.bits);
        planner
    }

    /// Makes a buffer at least `count` elements long.
    pub(crate) fn size(&mut self, buffer: Buffer, count: usize) {
        let bytes = self.limits.bytes(buffer.element());
        let size = &mut self.plan.sizes[buffer as usize];
        *size = (count as u64 * bytes as u64).max(*size);
    }

    /// Makes the buffer of ψ long enough for all samples.
    fn states(&mut self) {
        self.size(Buffer::States, self.batch << self.program.qubits);
    }

    /// Launches `items` threads in groups.
    pub(crate) fn each<K: Bound>(&mut self, kernel: K, items: usize, args: K::Arguments) {
        self.launch(kernel, items.div_ceil(THREADS as usize), THREADS, 0, args);
    }

    pub(crate) fn launch<K: Bound>(
        &mut self,
        kernel: K,
        groups: usize,
        threads: u32,
        group_bytes: usize,
        args: K::Arguments,
    ) {
        let buffers = kernel.views();
        let fits =
            |(view, parameter): (&View, &kernels::Parameter)| view.buffer.element() == parameter.buffer.element();
        debug_assert!(buffers.iter().zip(K::KERNEL.parameters).all(fits), "{}: {buffers:?}", K::KERNEL.name);
        if groups > 0 {
            // A device refuses more groups than it can launch, with their number in the error.
            let (groups, group_bytes) = (u32::try_from(groups).unwrap_or(u32::MAX), group_bytes as u32);
            let args = args.words();
            self.plan.launches.push(Launch { kernel: K::KERNEL, groups, threads, group_bytes, buffers, args });
        }
    }

    /// Launches angles, tables and final states. If `read` and the sweep is fused, the outputs too.
    fn run(&mut self, read: bool, store: bool) {
        let (program, bytecode, batch) = (self.program, self.bytecode, self.batch);
        let angles = &bytecode.angles;
        let args = PrepareArgs {
            shared: angles.shared,
            fixed: angles.fixed,
            own: angles.own,
            batch: batch as u32,
            inputs: program.engine_inputs as u32,
            slots: angles.expressions,
            constants: angles.constants,
            tables: bytecode.tables.0,
            bits: bytecode.bits as u32,
            lists: bytecode.tables.1,
        };
        let cos_sins = (angles.shared + angles.fixed) as usize + batch * angles.own as usize;
        let items = cos_sins + ((bytecode.tables.0 as usize) << bytecode.bits);
        self.each(kernels::Prepare::USUAL, items, args);
        let fused = self.fused();
        if store || fused.is_none() || program.embedding.is_some() {
            self.states();
        }
        let embedding = self.embedding();
        if let Some(args) = embedding {
            self.launch(kernels::Embed::USUAL, batch, THREADS, 2 * self.scratch_bytes(), args);
        }
        if fused.is_none() || !read {
            let args = FlagArgs {
                batch: batch as u32,
                shared: angles.shared,
                own: angles.own,
                qubits: program.qubits as u32,
                embedded: u32::from(embedding.is_some()),
            };
            self.each(kernels::Flag::USUAL, WARP as usize * batch, args);
        }
        let from_zero = program.embedding.is_none();
        let fused = fused.filter(|_| read);
        let reading = fused.map_or(0, |sum| {
            let plane = if sum.series[1] > 0 { 1 << bytecode.bits } else { 0 };
            plane + sum.count as usize
        });
        let numbers = ((FORWARD_PLANES as usize) << bytecode.bits) + reading;
        let (threads, per_group) = self.shape(numbers);
        let numbers = per_group * numbers + 2 * warps(threads);
        for (k, run) in bytecode.sweeps.iter().enumerate() {
            let args = SweepArgs {
                from_zero: u32::from(from_zero && k == 0),
                store: if store || fused.is_none() { STORE_PSI } else { 0 },
                ..self.sweep(run, per_group, fused)
            };
            let bytes = numbers * self.limits.real;
            self.launch(kernels::Forward::USUAL, self.tiles().div_ceil(per_group), threads, bytes, args);
        }
    }

    /// Observables of a program whose call is one sweep in each direction.
    fn fused(&self) -> Option<&'a Observables> {
        match &self.bytecode.readings[..] {
            [Reading { quantity: ReadQuantity::Expectation(sum), .. }] if sum.fused => Some(sum),
            _ => None,
        }
    }

    fn embedding(&self) -> Option<EmbedArgs> {
        self.program.embedding.map(|embedding| EmbedArgs {
            qubits: self.program.qubits as u32,
            batch: self.batch as u32,
            inputs: self.program.engine_inputs as u32,
            first: embedding.first as u32,
            count: embedding.count as u32,
            zero_state: u32::from(embedding.zero_state),
            pairs: u32::from(embedding.complex),
        })
    }

    /// Number of tiles of all samples.
    fn tiles(&self) -> usize {
        self.batch << (self.program.qubits - self.bytecode.bits)
    }

    /// Threads of a group, and number of tiles that it works on, each with `numbers` real numbers.
    fn shape(&self, numbers: usize) -> (u32, usize) {
        let bits = self.bytecode.bits;
        let is_alone = 2 * numbers * self.limits.real > self.limits.group_bytes;
        let most = if bits < self.program.qubits && !is_alone { TILED_THREAD_BITS } else { usize::MAX };
        let threads = 1 << bits.saturating_sub(THREAD_BITS).min(self.limits.thread_bits).min(most);
        // A group has whole warps. It has more tiles as long as all multiprocessors have work.
        let least = (WARP as usize).div_ceil(threads);
        let sums = 2 * (MAX_ANGLES * MAX_WARPS) as usize;
        let fits = (self.limits.group_bytes / self.limits.real).saturating_sub(sums) / numbers;
        let most = (THREADS as usize / threads).min(self.tiles() / self.limits.groups).min(fits);
        let per_group = least.max(if most > 0 { 1 << most.ilog2() } else { 1 });
        ((threads * per_group) as u32, per_group)
    }

    fn sweep(&self, run: &EncodedSweep, per_group: usize, fused: Option<&Observables>) -> SweepArgs {
        let bytecode = self.bytecode;
        let ends = fused.map(|sum| SweepArgs {
            fused: 1,
            shared: bytecode.angles.shared,
            terms: sum.terms,
            term_count: sum.count,
            direct: sum.direct,
            series: sum.series[0],
            series_count: sum.series[1],
            outputs: sum.outputs,
            lists: sum.lists,
            output_constants: sum.constants,
            slots: bytecode.angles.slots() as u32,
            slot_lists: bytecode.slot_partials,
            inputs: self.program.engine_inputs as u32,
            input_lists: bytecode.angles.inputs,
            ..SweepArgs::default()
        });
        SweepArgs {
            qubits: self.program.qubits as u32,
            bits: self.bytecode.bits as u32,
            batch: self.batch as u32,
            per_block: per_group as u32,
            tile_basis: run.tile_basis,
            offsets: run.offsets,
            lane_bits: run.lane_bits,
            index: self.bytecode.index,
            first: run.first,
            last: run.last,
            own: self.bytecode.angles.own,
            partials: self.bytecode.partials,
            ..ends.unwrap_or_default()
        }
    }

    /// Launches the reverse sweeps, down to the first operation that needs a gradient.
    fn reverse(&mut self, needs_grad: NeedsGrad) {
        let bytecode = self.bytecode;
        let kinds = (u32::from(needs_grad.inputs) * INPUTS) | (u32::from(needs_grad.weights) * WEIGHTS);
        let to_the_start = needs_grad.inputs && self.program.embedding.is_some();
        let stop = if to_the_start { 0 } else { bytecode.first_wanted(kinds) };
        let fused = self.fused();
        self.size(Buffer::Partials, self.tiles() * bytecode.partials as usize);
        self.size(Buffer::Slots, self.batch * bytecode.angles.slots());
        let numbers = (REVERSE_PLANES as usize) << bytecode.bits;
        let (threads, per_group) = self.shape(numbers);
        let bytes = self.limits.real * (per_group * numbers + 2 * MAX_ANGLES as usize * warps(threads));
        let store = match fused {
            None => STORE_PSI | STORE_LAMBDA,
            Some(_) if to_the_start => STORE_LAMBDA,
            Some(_) => 0,
        };
        for run in bytecode.sweeps.iter().rev() {
            // The ends are fused with the only sweep, which runs even if it undoes nothing.
            if run.last <= stop && fused.is_none() {
                break;
            }
            let args = self.sweep(run, per_group, fused);
            let args = SweepArgs { wanted: kinds, first: run.first.max(stop).min(run.last), store, ..args };
            self.launch(kernels::Reverse::USUAL, self.tiles().div_ceil(per_group), threads, bytes, args);
        }
    }

    /// Launches the sums for the gradient in each slot of each sample.
    fn slots(&mut self) {
        let (program, bytecode) = (self.program, self.bytecode);
        let tile_bits = program.qubits - bytecode.bits;
        let per_item = if tile_bits <= 4 { 1 } else { THREADS };
        let slots = bytecode.angles.slots();
        let args = SlotArgs {
            batch: self.batch as u32,
            slots: slots as u32,
            tile_bits: tile_bits as u32,
            partials: bytecode.partials,
            lists: bytecode.slot_partials,
            per_item,
        };
        let items = self.batch * slots;
        let groups = if per_item == 1 { items.div_ceil(THREADS as usize) } else { items };
        self.launch(kernels::SumSlots::USUAL, groups, THREADS, self.scratch_bytes(), args);
    }

    /// Launches the chain rule from partial gradients to gradients of variables.
    fn chain(&mut self, needs_grad: NeedsGrad) {
        let (program, bytecode, batch) = (self.program, self.bytecode, self.batch);
        let scratch = self.scratch_bytes();
        let fused = self.fused().is_some();
        if !fused {
            self.slots();
        }
        let parts = batch.div_ceil(PART).max(1);
        let args = |variables: usize, lists: u32| ChainArgs {
            batch: batch as u32,
            inputs: program.engine_inputs as u32,
            variables: variables as u32,
            lists,
            parts: parts as u32,
            span: PART as u32,
        };
        let mut start = 0;
        if needs_grad.inputs && program.engine_inputs > 0 {
            let args = args(program.engine_inputs, bytecode.angles.inputs);
            if !fused {
                self.each(kernels::InputGradients::USUAL, batch * program.engine_inputs, args);
            }
            if let Some(args) = self.embedding() {
                self.launch(kernels::Unembed::USUAL, batch, THREADS, 2 * scratch, args);
            }
            start = (batch * program.engine_inputs * self.limits.real) as u64;
        }
        if needs_grad.weights {
            let args = args(program.weights, bytecode.angles.weights);
            let gradient = View { buffer: Buffer::Result, start };
            let kernel = kernels::WeightGradients { gradient, ..kernels::WeightGradients::USUAL };
            self.launch(kernel, program.weights * parts, THREADS, scratch, args);
            if parts > 1 {
                self.size(Buffer::Parts, program.weights * parts);
                let kernel = kernels::WeightTotals { gradient, ..kernels::WeightTotals::USUAL };
                self.each(kernel, program.weights, args);
            }
        }
    }
}
