//! Launches from final states to outputs, and from a cotangent of the outputs to λ, unless they are fused with a sweep.

use super::planner::{LaunchPlanner, THREADS};
use crate::engine::gpu::abi::kernels;
use crate::engine::gpu::abi::{BasisArgs, Buffer, CHUNK_AMPLITUDES, MAX_WARPS, OutputArgs, ReadArgs, View};
use crate::engine::gpu::lower::observables::{Basis, CHUNK_BITS, Observables, ReadQuantity, Reading};

/// Number of terms outside a series that a group takes. The group's chunk of the state stays in the cache.
const SPAN: u32 = 8;

/// Binary logarithms of the fewest and the most threads for a chunk of a state. The fewest are a warp.
const CHUNK_THREADS: [usize; 2] = [5, 8];

/// Binary logarithm of the amplitudes of a chunk that a thread has.
const AMPLITUDE_BITS: usize = CHUNK_AMPLITUDES.ilog2() as usize;

const _: () = assert!(CHUNK_BITS <= CHUNK_THREADS[1] + AMPLITUDE_BITS);

impl LaunchPlanner<'_> {
    /// Number of entries in a row of outputs.
    fn width(&self) -> u32 {
        self.program.engine_outputs() as u32
    }

    pub(crate) fn read(&mut self) {
        let (bytecode, width) = (self.bytecode, self.width());
        for Reading { column, quantity } in &bytecode.readings {
            match quantity {
                ReadQuantity::Expectation(sum) => self.expect(sum, Buffer::States, Buffer::Result, *column, width),
                ReadQuantity::Variance(sums) => {
                    for (column, sum) in (*column..).zip(sums) {
                        self.deviate(sum, column);
                        self.expect(&sum.identity(), Buffer::Deviations, Buffer::Result, column, width);
                    }
                }
                ReadQuantity::Probabilities(basis) => {
                    let rest = self.program.qubits - basis.count as usize;
                    let items = self.batch << basis.count;
                    let per_item = if rest <= 5 { 1 } else { THREADS };
                    let groups = if per_item == 1 { items.div_ceil(THREADS as usize) } else { items };
                    let args = BasisArgs { per_item, ..self.basis(basis, *column) };
                    self.launch(kernels::Probabilities::USUAL, groups, THREADS, self.scratch_bytes(), args);
                }
                ReadQuantity::State(basis) => {
                    let args = self.basis(basis, *column);
                    self.each(kernels::Amplitudes::USUAL, self.batch << self.program.qubits, args);
                }
            }
        }
    }

    pub(crate) fn seed(&mut self) {
        let bytecode = self.bytecode;
        let items = self.batch << self.program.qubits;
        let mut keep = 0;
        for Reading { column, quantity } in &bytecode.readings {
            match quantity {
                ReadQuantity::Expectation(sum) => {
                    self.weigh(Buffer::States, *column, ReadArgs { keep, ..self.terms(sum) })
                }
                ReadQuantity::Variance(sums) => {
                    for (column, sum) in (*column..).zip(sums) {
                        self.deviate(sum, column);
                        let args = ReadArgs { centered: 1, keep, ..self.terms(sum) };
                        self.weigh(Buffer::Deviations, column, args);
                        keep = 1;
                    }
                }
                ReadQuantity::Probabilities(basis) => {
                    let args = BasisArgs { keep, ..self.basis(basis, *column) };
                    self.each(kernels::SeedProbabilities::USUAL, items, args);
                }
                ReadQuantity::State(basis) => {
                    let args = BasisArgs { keep, ..self.basis(basis, *column) };
                    self.each(kernels::SeedAmplitudes::USUAL, items, args);
                }
            }
            keep = 1;
        }
    }

    /// Launches terms, weighted by the cotangent from a column on, on the states in `from`. The result goes to λ.
    fn weigh(&mut self, from: Buffer, column: u32, args: ReadArgs) {
        let kernel = kernels::Apply { from: View::of(from), ..kernels::Apply::USUAL };
        self.apply(kernel, ReadArgs { cotangent: 1, outputs: self.width(), column, ..args });
    }

    /// Launches the mean of a sum, into a column of the means, and `(O - mean) ψ`, into the deviations.
    fn deviate(&mut self, sum: &Observables, column: u32) {
        let width = self.width();
        self.size(Buffer::Means, self.batch * width as usize);
        self.size(Buffer::Deviations, self.batch << self.program.qubits);
        self.expect(sum, Buffer::States, Buffer::Means, column, width);
        let args = ReadArgs { outputs: width, column, centered: 1, ..self.terms(sum) };
        let to = View::of(Buffer::Deviations);
        self.apply(kernels::Apply { to, ..kernels::Apply::USUAL }, args);
    }

    fn terms(&self, sum: &Observables) -> ReadArgs {
        let [series, series_count] = sum.series;
        ReadArgs {
            qubits: self.program.qubits as u32,
            batch: self.batch as u32,
            chunk_bits: self.bytecode.chunk_bits as u32,
            span: SPAN,
            terms: sum.terms,
            term_count: sum.count,
            direct: sum.direct,
            series,
            series_count,
            ..ReadArgs::default()
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

    fn basis(&self, basis: &Basis, column: u32) -> BasisArgs {
        BasisArgs {
            qubits: self.program.qubits as u32,
            batch: self.batch as u32,
            count: basis.count,
            rows: basis.rows,
            columns: basis.columns,
            origin: basis.origin,
            per_item: 1,
            column,
            width: self.width(),
            keep: 0,
        }
    }
}
