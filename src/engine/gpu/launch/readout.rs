//! Launches from final states to outputs, and from a cotangent of the outputs to λ, unless they are fused with a sweep.

use super::planner::{LaunchPlanner, THREADS};
use crate::engine::gpu::abi::kernels;
use crate::engine::gpu::abi::{BasisArgs, Buffer, CHUNK_AMPLITUDES, MAX_WARPS, NONE, OutputArgs, ReadArgs, View};
use crate::engine::gpu::lower::observables::{Basis, CHUNK_BITS, Observables, Reading};

/// Number of terms outside a series that a group takes. The group's chunk of the state stays in the cache.
const SPAN: u32 = 8;

/// Binary logarithms of the fewest and the most threads for a chunk of a state. The fewest are a warp.
const CHUNK_THREADS: [usize; 2] = [5, 8];

/// Binary logarithm of the amplitudes of a chunk that a thread has.
const AMPLITUDE_BITS: usize = CHUNK_AMPLITUDES.ilog2() as usize;

const _: () = assert!(CHUNK_BITS <= CHUNK_THREADS[1] + AMPLITUDE_BITS);

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
                let args = self.basis(basis, per_item);
                self.launch(kernels::Probabilities::USUAL, groups, THREADS, self.scratch_bytes(), args);
            }
            Reading::State(basis) => {
                let args = self.basis(basis, 1);
                self.each(kernels::Amplitudes::USUAL, self.batch << self.program.qubits, args);
            }
        }
    }

    pub(crate) fn seed(&mut self) {
        let bytecode = self.bytecode;
        let items = self.batch << self.program.qubits;
        match &bytecode.reading {
            Reading::Expectation(sum) => {
                let args = ReadArgs { cotangent: 1, outputs: sum.outputs, ..self.terms(sum) };
                self.apply(kernels::Apply::USUAL, args);
            }
            Reading::Variance(sums) => {
                let width = sums.len() as u32;
                if sums.is_empty() {
                    self.apply(kernels::Apply::USUAL, ReadArgs { shift: NONE, ..self.whole() });
                }
                for (output, sum) in sums.iter().enumerate() {
                    self.deviate(sum, output as u32, width);
                    // The records name output 0, so the cotangent is read from this output on.
                    let (shift, keep) = (0, u32::from(output > 0));
                    let args = ReadArgs { cotangent: 1, outputs: width, shift, keep, ..self.terms(sum) };
                    let start = (output * self.limits.real) as u64;
                    let kernel = kernels::Apply {
                        from: View::of(Buffer::Deviations),
                        cotangent: View { buffer: Buffer::Cotangent, start },
                        means: View { buffer: Buffer::Means, start },
                        ..kernels::Apply::USUAL
                    };
                    self.apply(kernel, args);
                }
            }
            Reading::Probabilities(basis) => {
                let args = self.basis(basis, 1);
                self.each(kernels::SeedProbabilities::USUAL, items, args);
            }
            Reading::State(basis) => {
                let args = self.basis(basis, 1);
                self.each(kernels::SeedAmplitudes::USUAL, items, args);
            }
        }
    }

    /// Launches the mean of a sum, into a column of the means, and `(O - mean) ψ`, into the deviations.
    fn deviate(&mut self, sum: &Observables, output: u32, width: u32) {
        self.size(Buffer::Means, self.batch * width as usize);
        self.size(Buffer::Deviations, self.batch << self.program.qubits);
        self.expect(sum, Buffer::States, Buffer::Means, output, width);
        let args = ReadArgs { outputs: width, shift: output, ..self.terms(sum) };
        let to = View::of(Buffer::Deviations);
        self.apply(kernels::Apply { to, ..kernels::Apply::USUAL }, args);
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

    /// Threads of a group for a chunk of a state, and the bytes of its shared memory: a number for each amplitude,
    /// which is more than the sums of its warps take.
    fn chunk(&self) -> (u32, usize) {
        let bits = self.bytecode.chunk_bits;
        let [least, most] = CHUNK_THREADS;
        (1 << bits.saturating_sub(AMPLITUDE_BITS).clamp(least, most), self.limits.real << bits)
    }

    /// Number of chunks of all states.
    fn rows(&self) -> usize {
        self.batch << (self.program.qubits - self.bytecode.chunk_bits)
    }

    fn apply(&mut self, kernel: kernels::Apply, args: ReadArgs) {
        let (threads, bytes) = self.chunk();
        self.launch(kernel, self.rows(), threads, bytes, args);
    }

    /// Launches the expectation values of a sum on the states in `from`. They go to `to`, in rows of `width` entries
    /// from `column` on.
    fn expect(&mut self, sum: &Observables, from: Buffer, to: Buffer, column: u32, width: u32) {
        let rows = self.rows();
        let chunks = rows / self.batch.max(1);
        self.size(Buffer::Sums, rows * sum.count as usize);
        let args = self.terms(sum);
        let groups = (args.direct.div_ceil(SPAN) + args.series_count) as usize;
        let (threads, bytes) = self.chunk();
        let kernel = kernels::Expect { states: View::of(from), ..kernels::Expect::USUAL };
        self.launch(kernel, rows * groups, threads, bytes, args);
        let items = self.batch * sum.outputs as usize;
        let per_item = if chunks <= 32 { 1 } else { THREADS };
        let args = OutputArgs {
            batch: self.batch as u32,
            outputs: sum.outputs,
            chunks: chunks as u32,
            terms: sum.terms,
            lists: sum.lists,
            constants: sum.constants,
            term_count: sum.count,
            column,
            width,
            per_item,
        };
        let groups = if per_item == 1 { items.div_ceil(THREADS as usize) } else { items };
        let kernel = kernels::Collect { outputs: View::of(to), ..kernels::Collect::USUAL };
        self.launch(kernel, groups, THREADS, self.scratch_bytes(), args);
    }

    /// Bytes of shared memory in which a group adds up numbers.
    pub(crate) fn scratch_bytes(&self) -> usize {
        MAX_WARPS as usize * self.limits.angle
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
