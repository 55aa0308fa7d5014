//! Launch plans: what a device has to do for a forward pass and for a gradient, as data.
//!
//! A plan says how large each buffer is and which kernels run on which of them, with how many threads. CUDA, Metal and the
//! emulator only submit plans: none of them knows what a circuit is.
//!
//! ```text
//! forward   prepare, flags, (embed), forward sweeps, readout
//! gradient  what was not kept of the forward pass, seed, reverse sweeps, slots, inputs, (unembed), weights
//! ```
//!
//! Where a state is one tile and observables are read, it is two launches each way: prepare and forward; reverse and weights.

use super::Limits;
use super::args::{BasisArgs, ChainArgs, EmbedArgs, FlagArgs, OutputArgs, PrepareArgs, ReadArgs, SlotArgs, SweepArgs};
use super::tape::{INPUTS, NONE, Run, Tape, WEIGHTS};
use super::terms::{Basis, Observables, Reading};
use crate::engine::Wanted;
use crate::program::Program;

/// Buffers of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Buffer {
    /// What a program is: words.
    Tape,
    /// Numbers in the precision of angles.
    Numbers,
    /// Complex numbers in the precision of states.
    Constants,
    /// `[batch, features]`.
    Inputs,
    /// All weight tensors one after the other.
    Weights,
    /// `[batch, outputs]`.
    Cotangent,
    /// Outputs `[batch, outputs]`, or the wanted gradients in inputs and weights one after the other.
    Result,
    /// Turns (cosine and sine) of the angles that all samples share, then constant ones.
    Shared,
    /// Turns of each sample's own: `[batch, slots]`.
    Turns,
    /// 0 for each sample, or NaN if its outputs are.
    Flags,
    /// Tables of phases.
    Tables,
    /// ψ of each sample.
    States,
    /// λ of each sample.
    Lambdas,
    /// A third state of each sample.
    Scratch,
    /// Gradients of single operations, a row a tile.
    Cells,
    /// Expectation values of single terms, a row a chunk.
    Sums,
    /// Gradients of slots, a row a sample.
    Slots,
    /// Expectation values that variances need.
    Means,
}

impl Buffer {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 18] = [
        Self::Tape,
        Self::Numbers,
        Self::Constants,
        Self::Inputs,
        Self::Weights,
        Self::Cotangent,
        Self::Result,
        Self::Shared,
        Self::Turns,
        Self::Flags,
        Self::Tables,
        Self::States,
        Self::Lambdas,
        Self::Scratch,
        Self::Cells,
        Self::Sums,
        Self::Slots,
        Self::Means,
    ];

    /// Whether it is memory that a plan needs for its own time alone.
    pub(super) fn is_room(self) -> bool {
        use Buffer::{Cells, Lambdas, Means, Scratch, Slots, Sums};
        matches!(self, Lambdas | Scratch | Cells | Sums | Slots | Means)
    }

    /// Whether a forward pass leaves it for the gradient.
    pub(super) fn is_kept(self) -> bool {
        use Buffer::{Flags, Shared, States, Tables, Turns};
        matches!(self, Shared | Turns | Flags | Tables | States)
    }
}

/// One launch of a kernel.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The kernel's name in the text.
    pub kernel: &'static str,
    /// Groups of threads, in one row.
    pub groups: u32,
    /// Threads of a group.
    pub threads: u32,
    /// Bytes of memory that a group shares.
    pub group_bytes: u32,
    /// Buffers, each from a byte on, in the order of the kernel's parameters.
    pub buffers: Vec<(Buffer, u64)>,
    /// The structure after them, as words.
    pub args: Vec<u32>,
}

impl Launch {
    /// Which of its buffers the kernel writes, by their places among the parameters. Metal has to be told.
    pub fn written(&self) -> &'static [usize] {
        WRITTEN.iter().find(|(kernel, _)| *kernel == self.kernel).map_or(&[], |(_, places)| places)
    }
}

/// What each kernel writes; a test compares it with the text of both dialects.
const WRITTEN: [(&str, &[usize]); 16] = [
    ("cw_prepare", &[5, 6, 7]),
    ("cw_flags", &[2]),
    ("cw_embed", &[1]),
    ("cw_forward", &[6, 7, 8]),
    ("cw_reverse", &[6, 7, 8, 11, 14]),
    ("cw_expect", &[4]),
    ("cw_outputs", &[4]),
    ("cw_apply", &[4]),
    ("cw_probabilities", &[3]),
    ("cw_seed_probabilities", &[4]),
    ("cw_amplitudes", &[3]),
    ("cw_seed_amplitudes", &[3]),
    ("cw_slots", &[3]),
    ("cw_inputs", &[6]),
    ("cw_weights", &[5]),
    ("cw_unembed", &[2]),
];

/// See the module.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Bytes of each buffer, by its number; 0 if the plan does not use it.
    pub sizes: [u64; Buffer::ALL.len()],
    /// In the order in which they run.
    pub launches: Vec<Launch>,
}

impl Plan {
    /// Bytes of a buffer.
    pub(super) fn size(&self, buffer: Buffer) -> u64 {
        self.sizes[buffer as usize]
    }
}

/// Threads of a group where nothing else decides.
const THREADS: u32 = 128;

/// Amplitudes a thread takes at a time, as a power of two: a pass of three rotations.
const THREAD_BITS: usize = 3;

/// Bits of an index within the chunks that observables are summed over.
const CHUNK_BITS: usize = 12;

/// Makes plans for a program on a batch.
pub(super) struct Planner<'a> {
    program: &'a Program,
    tape: &'a Tape,
    limits: Limits,
    batch: usize,
    plan: Plan,
}

/// A forward pass; with `keep`, it leaves the final states.
pub(super) fn forward(program: &Program, tape: &Tape, limits: Limits, batch: usize, keep: bool) -> Plan {
    let mut planner = Planner::new(program, tape, limits, batch);
    planner.size(Buffer::Result, batch * program.outputs(), limits.real);
    planner.run(true, keep);
    if planner.fused().is_none() {
        planner.read();
    }
    planner.plan
}

/// A gradient, after what a forward pass kept or, without, with a forward pass in front.
pub(super) fn gradient(
    program: &Program,
    tape: &Tape,
    limits: Limits,
    batch: usize,
    wanted: Wanted,
    kept: bool,
) -> Plan {
    let mut planner = Planner::new(program, tape, limits, batch);
    let inputs = if wanted.inputs { batch * program.inputs } else { 0 };
    let weights = if wanted.weights { program.weights } else { 0 };
    planner.size(Buffer::Result, inputs + weights, limits.real);
    planner.size(Buffer::Cotangent, batch * program.outputs(), limits.real);
    if planner.fused().is_none() || program.embedding.is_some() {
        planner.size(Buffer::Lambdas, batch << program.qubits, 2 * limits.real);
    }
    if !kept {
        planner.run(false, true);
    }
    if planner.fused().is_none() {
        planner.seed();
    }
    planner.reverse(wanted);
    planner.chain(wanted);
    planner.plan
}

impl<'a> Planner<'a> {
    fn new(program: &'a Program, tape: &'a Tape, limits: Limits, batch: usize) -> Self {
        let plan = Plan { sizes: [0; Buffer::ALL.len()], launches: Vec::new() };
        let mut planner = Self { program, tape, limits, batch, plan };
        let Limits { real, angle, .. } = limits;
        let angles = &tape.angles;
        planner.size(Buffer::Tape, tape.words.len(), 4);
        planner.size(Buffer::Numbers, tape.numbers.len(), angle);
        planner.size(Buffer::Constants, tape.constants.len(), 2 * real);
        planner.size(Buffer::Inputs, batch * program.inputs, real);
        planner.size(Buffer::Weights, program.weights, real);
        planner.size(Buffer::Shared, (angles.shared + angles.fixed) as usize, 2 * real);
        planner.size(Buffer::Turns, batch * angles.own as usize, 2 * real);
        planner.size(Buffer::Flags, batch, real);
        planner.size(Buffer::Tables, (tape.tables.0 as usize) << tape.bits, 2 * real);
        planner.size(Buffer::States, batch << program.qubits, 2 * real);
        planner
    }

    /// Makes a buffer hold `count` entries of `bytes` bytes at the least.
    fn size(&mut self, buffer: Buffer, count: usize, bytes: usize) {
        let size = &mut self.plan.sizes[buffer as usize];
        *size = (count as u64 * bytes as u64).max(*size);
    }

    /// `items` threads in groups.
    fn each(&mut self, kernel: &'static str, items: usize, buffers: &[Buffer], args: Vec<u32>) {
        if items > 0 {
            self.launch(kernel, items.div_ceil(THREADS as usize), THREADS, 0, buffers, args);
        }
    }

    fn launch(
        &mut self,
        kernel: &'static str,
        groups: usize,
        threads: u32,
        group_bytes: usize,
        buffers: &[Buffer],
        args: Vec<u32>,
    ) {
        if groups > 0 {
            let buffers = buffers.iter().map(|buffer| (*buffer, 0)).collect();
            let (groups, group_bytes) = (groups as u32, group_bytes as u32);
            self.plan.launches.push(Launch { kernel, groups, threads, group_bytes, buffers, args });
        }
    }

    /// Angles, tables and final states; the outputs too, if `read` and all is fused.
    fn run(&mut self, read: bool, store: bool) {
        use Buffer::{Constants, Flags, Inputs, Numbers, Result, Shared, States, Tables, Turns, Weights};
        let (program, tape, batch) = (self.program, self.tape, self.batch);
        let angles = &tape.angles;
        let args = PrepareArgs {
            shared: angles.shared,
            fixed: angles.fixed,
            own: angles.own,
            batch: batch as u32,
            inputs: program.inputs as u32,
            slots: angles.expressions,
            constants: angles.constants,
            tables: tape.tables.0,
            bits: tape.bits as u32,
            lists: tape.tables.1,
        };
        let turns = (angles.shared + angles.fixed) as usize + batch * angles.own as usize;
        let items = turns + ((tape.tables.0 as usize) << tape.bits);
        let buffers = [Buffer::Tape, Numbers, Constants, Inputs, Weights, Shared, Turns, Tables];
        self.each("cw_prepare", items, &buffers, args.words());
        let fused = self.fused();
        if fused.is_none() || !read {
            let args = FlagArgs { batch: batch as u32, shared: angles.shared, own: angles.own };
            self.each("cw_flags", batch, &[Shared, Turns, Flags], args.words());
        }
        if let Some(args) = self.embedding() {
            self.launch("cw_embed", batch, THREADS, 0, &[Inputs, States], args.words());
        }
        let ground = program.embedding.is_none();
        let (threads, per_group) = self.shape(2);
        let fused = fused.filter(|_| read);
        let numbers = fused.map_or((per_group * 2) << tape.bits, |sum| self.fused_numbers(sum));
        for (k, run) in tape.sweeps.iter().enumerate() {
            let args = SweepArgs {
                ground: u32::from(ground && k == 0),
                store: u32::from(store || fused.is_none()),
                ..self.sweep(run, per_group, fused)
            };
            let buffers = [Buffer::Tape, Numbers, Shared, Turns, Tables, Constants, States, Flags, Result];
            let bytes = numbers * self.limits.real;
            self.launch("cw_forward", self.units().div_ceil(per_group), threads, bytes, &buffers, args.words());
        }
    }

    /// The observables of a program whose whole call is one sweep each way. A group has to have room for their sums.
    fn fused(&self) -> Option<&'a Observables> {
        let fits = |sum: &Observables| self.fused_numbers(sum) * self.limits.real <= self.limits.group_bytes;
        match &self.tape.reading {
            Reading::Expectation(sum) if sum.fused && fits(sum) => Some(sum),
            _ => None,
        }
    }

    /// Numbers that a group holds which also reads the outputs of its tiles: states, and a sum for each term.
    fn fused_numbers(&self, sum: &Observables) -> usize {
        let (threads, per_group) = self.shape(2);
        per_group * ((2 << self.tape.bits) + sum.count as usize) + 2 * (threads as usize).div_ceil(32)
    }

    fn embedding(&self) -> Option<EmbedArgs> {
        self.program.embedding.map(|embedding| EmbedArgs {
            qubits: self.program.qubits as u32,
            batch: self.batch as u32,
            inputs: self.program.inputs as u32,
            first: embedding.first as u32,
            count: embedding.count as u32,
        })
    }

    /// Tiles of all samples.
    fn units(&self) -> usize {
        self.batch << (self.program.qubits - self.tape.bits)
    }

    /// Threads of a group and the tiles it works on, with `planes` real numbers an amplitude.
    fn shape(&self, planes: usize) -> (u32, usize) {
        let bits = self.tape.bits;
        let threads = 1 << bits.saturating_sub(THREAD_BITS).min(self.limits.thread_bits);
        // Whole warps; more tiles as long as all processors have some.
        let least = 32usize.div_ceil(threads);
        let fits = self.limits.group_bytes / ((planes * self.limits.real) << bits);
        let most = (THREADS as usize / threads).min(self.units() / self.limits.groups).min(fits);
        let per_group = least.max(if most > 0 { 1 << most.ilog2() } else { 1 });
        ((threads * per_group) as u32, per_group)
    }

    fn sweep(&self, run: &Run, per_group: usize, fused: Option<&Observables>) -> SweepArgs {
        let tape = self.tape;
        let ends = fused.map(|sum| SweepArgs {
            fused: 1,
            turns: tape.angles.shared,
            terms: sum.terms,
            term_count: sum.count,
            outputs: sum.outputs,
            lists: sum.lists,
            slots: tape.angles.slots() as u32,
            slot_lists: tape.slot_cells,
            inputs: self.program.inputs as u32,
            input_lists: tape.angles.inputs,
            ..SweepArgs::default()
        });
        SweepArgs {
            qubits: self.program.qubits as u32,
            bits: self.tape.bits as u32,
            batch: self.batch as u32,
            per_group: per_group as u32,
            tile_basis: run.tile_basis,
            offsets: run.offsets,
            lane_bits: run.lane_bits,
            index: self.tape.index,
            first: run.first,
            last: run.last,
            own: self.tape.angles.own,
            cells: self.tape.cells,
            ..ends.unwrap_or_default()
        }
    }

    fn read(&mut self) {
        let tape = self.tape;
        match &tape.reading {
            Reading::Expectation(sum) => {
                self.expect(sum, Buffer::States, Buffer::Result, 0, sum.outputs);
            }
            Reading::Variance(sums) => {
                let width = sums.len() as u32;
                for (output, sum) in sums.iter().enumerate() {
                    self.deviate(sum, output as u32, width);
                    let identity = Observables {
                        terms: sum.identity[0],
                        count: 1,
                        outputs: 1,
                        lists: sum.identity[1],
                        fused: false,
                        identity: sum.identity,
                    };
                    self.expect(&identity, Buffer::Scratch, Buffer::Result, output as u32, width);
                }
            }
            Reading::Probabilities(basis) => {
                let rest = self.program.qubits - basis.count as usize;
                let items = self.batch << basis.count;
                let per_item = if rest <= 5 { 1 } else { THREADS };
                let groups = if per_item == 1 { items.div_ceil(THREADS as usize) } else { items };
                let buffers = [Buffer::Tape, Buffer::States, Buffer::Flags, Buffer::Result];
                let args = self.basis(basis, per_item);
                self.launch("cw_probabilities", groups, THREADS, self.room(), &buffers, args.words());
            }
            Reading::State(basis) => {
                let args = self.basis(basis, 1);
                let buffers = [Buffer::Tape, Buffer::States, Buffer::Flags, Buffer::Result];
                self.each("cw_amplitudes", self.batch << self.program.qubits, &buffers, args.words());
            }
        }
    }

    fn seed(&mut self) {
        use Buffer::{Cotangent, Flags, Lambdas, Scratch, States};
        let tape = self.tape;
        let items = self.batch << self.program.qubits;
        match &tape.reading {
            Reading::Expectation(sum) => {
                let args = ReadArgs { cotangent: 1, outputs: sum.outputs, ..self.terms(sum) };
                self.apply(States, Lambdas, args);
            }
            Reading::Variance(sums) => {
                let width = sums.len() as u32;
                if sums.is_empty() {
                    self.apply(States, Lambdas, ReadArgs { shift: NONE, ..self.whole() });
                }
                for (output, sum) in sums.iter().enumerate() {
                    self.deviate(sum, output as u32, width);
                    // The records name output 0: the cotangent is read from this one on.
                    let (shift, keep) = (0, u32::from(output > 0));
                    let args = ReadArgs { cotangent: 1, outputs: width, shift, keep, ..self.terms(sum) };
                    self.apply(Scratch, Lambdas, args);
                    let start = (output * self.limits.real) as u64;
                    if let Some(launch) = self.plan.launches.last_mut() {
                        for (buffer, from) in &mut launch.buffers {
                            if matches!(buffer, Cotangent | Buffer::Means) {
                                *from = start;
                            }
                        }
                    }
                }
            }
            Reading::Probabilities(basis) => {
                let args = self.basis(basis, 1);
                let buffers = [Buffer::Tape, States, Cotangent, Flags, Lambdas];
                self.each("cw_seed_probabilities", items, &buffers, args.words());
            }
            Reading::State(basis) => {
                let args = self.basis(basis, 1);
                self.each("cw_seed_amplitudes", items, &[Buffer::Tape, Cotangent, Flags, Lambdas], args.words());
            }
        }
    }

    /// The mean of a sum into a column of the means, and `(O - mean) ψ` into scratch.
    fn deviate(&mut self, sum: &Observables, output: u32, width: u32) {
        self.size(Buffer::Means, self.batch * width as usize, self.limits.real);
        self.size(Buffer::Scratch, self.batch << self.program.qubits, 2 * self.limits.real);
        self.expect(sum, Buffer::States, Buffer::Means, output, width);
        let args = ReadArgs { outputs: width, shift: output, ..self.terms(sum) };
        self.apply(Buffer::States, Buffer::Scratch, args);
    }

    fn whole(&self) -> ReadArgs {
        ReadArgs { qubits: self.program.qubits as u32, batch: self.batch as u32, ..ReadArgs::default() }
    }

    fn terms(&self, sum: &Observables) -> ReadArgs {
        ReadArgs { terms: sum.terms, last: sum.count, shift: NONE, ..self.whole() }
    }

    fn apply(&mut self, from: Buffer, to: Buffer, args: ReadArgs) {
        use Buffer::{Constants, Cotangent, Flags, Means, Numbers};
        let buffers = [Buffer::Tape, Numbers, Constants, from, to, Cotangent, Means, Flags];
        self.each("cw_apply", self.batch << self.program.qubits, &buffers, args.words());
    }

    /// What the states in `from` expect of a sum, into columns from `column` on of rows of `width` entries.
    fn expect(&mut self, sum: &Observables, from: Buffer, to: Buffer, column: u32, width: u32) {
        use Buffer::{Constants, Flags, Numbers, Sums};
        let qubits = self.program.qubits;
        let chunk_bits = qubits.min(CHUNK_BITS);
        let chunks = 1usize << (qubits - chunk_bits);
        let rows = self.batch * chunks;
        self.size(Sums, rows * sum.count as usize, self.limits.real);
        let args = ReadArgs { chunk_bits: chunk_bits as u32, term_count: sum.count, ..self.terms(sum) };
        let buffers = [Buffer::Tape, Numbers, Constants, from, Sums];
        if sum.count > 0 {
            self.launch("cw_expect", rows, THREADS, 64 * self.limits.real, &buffers, args.words());
        }
        let items = self.batch * sum.outputs as usize;
        let per_item = if chunks <= 32 { 1 } else { THREADS };
        let args = OutputArgs {
            batch: self.batch as u32,
            outputs: sum.outputs,
            chunks: chunks as u32,
            terms: sum.terms,
            first: sum.lists,
            term_count: sum.count,
            column,
            width,
            per_item,
        };
        let groups = if per_item == 1 { items.div_ceil(THREADS as usize) } else { items };
        let buffers = [Buffer::Tape, Numbers, Sums, Flags, to];
        self.launch("cw_outputs", groups, THREADS, self.room(), &buffers, args.words());
    }

    /// Bytes in which a group adds up numbers.
    fn room(&self) -> usize {
        32 * self.limits.angle
    }

    fn basis(&self, basis: &Basis, per_item: u32) -> BasisArgs {
        BasisArgs {
            qubits: self.program.qubits as u32,
            batch: self.batch as u32,
            count: basis.count,
            rows: basis.rows,
            columns: basis.columns,
            origin: basis.origin,
            per_item,
        }
    }

    /// The reverse sweeps, down to the first operation that matters.
    fn reverse(&mut self, wanted: Wanted) {
        use Buffer::{Cells, Constants, Cotangent, Flags, Inputs, Lambdas, Numbers, Result, Shared, Slots, States};
        use Buffer::{Tables, Turns, Weights};
        let tape = self.tape;
        let kinds = (u32::from(wanted.inputs) * INPUTS) | (u32::from(wanted.weights) * WEIGHTS);
        let to_the_start = wanted.inputs && self.program.embedding.is_some();
        let stop = if to_the_start { 0 } else { tape.first_wanted(kinds) };
        let fused = self.fused();
        self.size(Cells, self.units() * tape.cells as usize, self.limits.real);
        self.size(Slots, self.batch * tape.angles.slots(), self.limits.angle);
        let (threads, per_group) = self.shape(5);
        let warps = (threads as usize).div_ceil(32);
        let bytes = self.limits.real * (((per_group * 5) << tape.bits) + 6 * warps);
        let store = if fused.is_none() { 3 } else { 2 * u32::from(to_the_start) };
        for run in tape.sweeps.iter().rev() {
            // The ends are fused with the only sweep, which runs even if it undoes nothing.
            if run.last <= stop && fused.is_none() {
                break;
            }
            let args = self.sweep(run, per_group, fused);
            let args = SweepArgs { wanted: kinds, first: run.first.max(stop).min(run.last), store, ..args };
            let buffers = [
                Buffer::Tape,
                Numbers,
                Shared,
                Turns,
                Tables,
                Constants,
                States,
                Lambdas,
                Cells,
                Cotangent,
                Flags,
                Slots,
                Inputs,
                Weights,
                Result,
            ];
            self.launch("cw_reverse", self.units().div_ceil(per_group), threads, bytes, &buffers, args.words());
        }
    }

    /// The gradient in each slot of each sample.
    fn slots(&mut self) {
        let (program, tape) = (self.program, self.tape);
        let tile_bits = program.qubits - tape.bits;
        let per_item = if tile_bits <= 4 { 1 } else { THREADS };
        let slots = tape.angles.slots();
        let args = SlotArgs {
            batch: self.batch as u32,
            slots: slots as u32,
            tile_bits: tile_bits as u32,
            cells: tape.cells,
            lists: tape.slot_cells,
            per_item,
        };
        let items = self.batch * slots;
        let groups = if per_item == 1 { items.div_ceil(THREADS as usize) } else { items };
        let buffers = [Buffer::Tape, Buffer::Numbers, Buffer::Cells, Buffer::Slots];
        self.launch("cw_slots", groups, THREADS, self.room(), &buffers, args.words());
    }

    /// From cells to gradients of variables.
    fn chain(&mut self, wanted: Wanted) {
        use Buffer::{Flags, Inputs, Lambdas, Numbers, Result, Slots, Weights};
        let (program, tape, batch) = (self.program, self.tape, self.batch);
        let room = self.room();
        let fused = self.fused().is_some();
        let slots = tape.angles.slots();
        if !fused {
            self.slots();
        }
        let args = |variables: usize, lists: u32| ChainArgs {
            batch: batch as u32,
            inputs: program.inputs as u32,
            variables: variables as u32,
            slots: slots as u32,
            lists,
        };
        let mut start = 0;
        if wanted.inputs && program.inputs > 0 {
            let args = args(program.inputs, tape.angles.inputs);
            let buffers = [Buffer::Tape, Numbers, Slots, Flags, Inputs, Weights, Result];
            if !fused {
                self.each("cw_inputs", batch * program.inputs, &buffers, args.words());
            }
            if let Some(args) = self.embedding() {
                self.launch("cw_unembed", batch, THREADS, room, &[Inputs, Lambdas, Result], args.words());
            }
            start = (batch * program.inputs * self.limits.real) as u64;
        }
        if wanted.weights {
            let args = args(program.weights, tape.angles.weights);
            let buffers = [Buffer::Tape, Numbers, Slots, Inputs, Weights, Result];
            self.launch("cw_weights", program.weights, THREADS, room, &buffers, args.words());
            if let Some(launch) = self.plan.launches.last_mut().filter(|launch| launch.kernel == "cw_weights") {
                launch.buffers[5].1 = start;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::WRITTEN;
    use crate::engine::gpu::{Dialect, source};

    /// Kernels of a text, each with the declarations of its parameters.
    fn kernels(text: &str) -> Vec<(&str, Vec<&str>)> {
        let declarations = text.split("\nkernel ").flat_map(|part| part.split("\nextern \"C\" __global__ ")).skip(1);
        let kernel = |declaration| {
            let (head, rest) = str::split_once(declaration, '(').expect("parameters");
            let name = head.split_whitespace().last().expect("a name");
            (name, rest.split_once("\n{").expect("a body").0.split(',').map(str::trim).collect())
        };
        declarations.map(kernel).collect()
    }

    /// What kernels write is what they declare without `const`, and the argument structures come after all buffers.
    #[test]
    fn written_buffers_are_those_of_the_text() {
        for dialect in [Dialect::CudaF32, Dialect::Metal] {
            let text = source(dialect);
            let kernels = kernels(&text);
            assert_eq!(kernels.len(), WRITTEN.len(), "{dialect:?}");
            for ((name, parameters), (expected, places)) in kernels.iter().zip(WRITTEN) {
                assert_eq!(*name, expected, "{dialect:?}");
                let pointer = |declared: &&&str| declared.contains('*') && !declared.starts_with("threadgroup ");
                let buffers: Vec<&&str> = parameters.iter().filter(pointer).collect();
                let written: Vec<usize> = (0..buffers.len()).filter(|k| !buffers[*k].contains("const ")).collect();
                assert_eq!(written, places, "{dialect:?} {name}");
                let numbered = |(k, declared): (usize, &&str)| declared.contains(&format!("[[buffer({k})]]"));
                let numbered =
                    dialect != Dialect::Metal || parameters[..=buffers.len()].iter().enumerate().all(numbered);
                assert!(numbered && parameters[buffers.len()].contains("Args "), "{dialect:?} {name}: {parameters:?}");
            }
        }
    }
}
