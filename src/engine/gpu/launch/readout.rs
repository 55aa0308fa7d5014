//! From final states to outputs, and from a cotangent of the outputs to λ, where no sweep does it.

use super::args::{BasisArgs, OutputArgs, ReadArgs};
use super::plan::Buffer;
use super::planner::{LaunchPlanner, THREAD_BITS, THREADS};
use crate::engine::gpu::lower::assembler::NONE;
use crate::engine::gpu::lower::observables::{Basis, CHUNK_BITS, Observables, Reading};

/// Terms that are no series, of which a group of threads takes so many: its chunk of the state stays at hand.
const SPAN: u32 = 8;

/// Bits of the number of threads that share a chunk of a state: from a warp on.
const CHUNK_THREADS: [usize; 2] = [5, 8];

// `cw_apply` has registers for so many amplitudes of a chunk a thread.
const _: () = assert!(CHUNK_BITS <= CHUNK_THREADS[1] + THREAD_BITS);

impl LaunchPlanner<'_> {
    pub(crate) fn read(&mut self) {
        let bytecode = self.bytecode;
        match &bytecode.reading {
            Reading::Expectation(sum) => {
                self.expect(sum, Buffer::States, Buffer::Result, 0, sum.outputs);
            }
            Reading::Variance(sums) => {
                let width = sums.len() as u32;
                for (output, sum) in sums.iter().enumerate() {
                    self.deviate(sum, output as u32, width);
                    self.expect(&sum.identity(), Buffer::Deviations, Buffer::Result, output as u32, width);
                }
            }
            Reading::Probabilities(basis) => {
                let rest = self.program.qubits - basis.count as usize;
                let items = self.batch << basis.count;
                let per_item = if rest <= 5 { 1 } else { THREADS };
                let groups = if per_item == 1 { items.div_ceil(THREADS as usize) } else { items };
                let buffers = [Buffer::Code, Buffer::States, Buffer::Flags, Buffer::Result];
                let args = self.basis(basis, per_item);
                self.launch("cw_probabilities", groups, THREADS, self.scratch_bytes(), &buffers, args.words());
            }
            Reading::State(basis) => {
                let args = self.basis(basis, 1);
                let buffers = [Buffer::Code, Buffer::States, Buffer::Flags, Buffer::Result];
                self.each("cw_amplitudes", self.batch << self.program.qubits, &buffers, args.words());
            }
        }
    }

    pub(crate) fn seed(&mut self) {
        use Buffer::{Cotangent, Deviations, Flags, Lambdas, States};
        let bytecode = self.bytecode;
        let items = self.batch << self.program.qubits;
        match &bytecode.reading {
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
                    self.apply(Deviations, Lambdas, args);
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
                let buffers = [Buffer::Code, States, Cotangent, Flags, Lambdas];
                self.each("cw_seed_probabilities", items, &buffers, args.words());
            }
            Reading::State(basis) => {
                let args = self.basis(basis, 1);
                self.each("cw_seed_amplitudes", items, &[Buffer::Code, Cotangent, Flags, Lambdas], args.words());
            }
        }
    }

    /// The mean of a sum into a column of the means, and `(O - mean) ψ` into the deviations.
    fn deviate(&mut self, sum: &Observables, output: u32, width: u32) {
        self.size(Buffer::Means, self.batch * width as usize, self.limits.real);
        self.size(Buffer::Deviations, self.batch << self.program.qubits, 2 * self.limits.real);
        self.expect(sum, Buffer::States, Buffer::Means, output, width);
        let args = ReadArgs { outputs: width, shift: output, ..self.terms(sum) };
        self.apply(Buffer::States, Buffer::Deviations, args);
    }

    fn whole(&self) -> ReadArgs {
        let (qubits, chunk_bits) = (self.program.qubits as u32, self.bytecode.chunk_bits as u32);
        ReadArgs { qubits, batch: self.batch as u32, chunk_bits, span: SPAN, ..ReadArgs::default() }
    }

    fn terms(&self, sum: &Observables) -> ReadArgs {
        let [series, series_count] = sum.series;
        ReadArgs {
            terms: sum.terms,
            term_count: sum.count,
            direct: sum.direct,
            series,
            series_count,
            shift: NONE,
            ..self.whole()
        }
    }

    /// Threads of a group for a chunk of a state, and the bytes it shares: a number an amplitude, which is more than sums of its
    /// warps take.
    fn chunk(&self) -> (u32, usize) {
        let bits = self.bytecode.chunk_bits;
        let [least, most] = CHUNK_THREADS;
        (1 << bits.saturating_sub(THREAD_BITS).clamp(least, most), self.limits.real << bits)
    }

    /// Chunks of all states.
    fn rows(&self) -> usize {
        self.batch << (self.program.qubits - self.bytecode.chunk_bits)
    }

    fn apply(&mut self, from: Buffer, to: Buffer, args: ReadArgs) {
        use Buffer::{Constants, Cotangent, Flags, Means, Numbers};
        let buffers = [Buffer::Code, Numbers, Constants, from, to, Cotangent, Means, Flags];
        let (threads, bytes) = self.chunk();
        self.launch("cw_apply", self.rows(), threads, bytes, &buffers, args.words());
    }

    /// What the states in `from` expect of a sum, into columns from `column` on of rows of `width` entries.
    fn expect(&mut self, sum: &Observables, from: Buffer, to: Buffer, column: u32, width: u32) {
        use Buffer::{Constants, Flags, Numbers, Sums};
        let rows = self.rows();
        let chunks = rows / self.batch.max(1);
        self.size(Sums, rows * sum.count as usize, self.limits.real);
        let args = self.terms(sum);
        let buffers = [Buffer::Code, Numbers, Constants, from, Sums];
        let groups = (args.direct.div_ceil(SPAN) + args.series_count) as usize;
        let (threads, bytes) = self.chunk();
        self.launch("cw_expect", rows * groups, threads, bytes, &buffers, args.words());
        let items = self.batch * sum.outputs as usize;
        let per_item = if chunks <= 32 { 1 } else { THREADS };
        let args = OutputArgs {
            batch: self.batch as u32,
            outputs: sum.outputs,
            chunks: chunks as u32,
            terms: sum.terms,
            first: sum.lists,
            constants: sum.constants,
            term_count: sum.count,
            column,
            width,
            per_item,
        };
        let groups = if per_item == 1 { items.div_ceil(THREADS as usize) } else { items };
        let buffers = [Buffer::Code, Numbers, Sums, Flags, to];
        self.launch("cw_outputs", groups, THREADS, self.scratch_bytes(), &buffers, args.words());
    }

    /// Bytes in which a group adds up numbers.
    pub(crate) fn scratch_bytes(&self) -> usize {
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
}
