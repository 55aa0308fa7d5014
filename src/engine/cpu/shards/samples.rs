//! Passes of a sample: from the product start through all segments to partial outputs, and back with λ.

use super::call_width;
use super::exchange::exchange;
use super::memory::{Planned, ShardMemory};
use crate::cluster::Sharing;
use crate::engine::cpu::angles::GroupSums;
use crate::engine::cpu::blocks::{embedded_amplitude, embedded_gradient};
use crate::engine::cpu::context::Call;
use crate::engine::cpu::partition::Partition;
use crate::engine::cpu::product_start::Qubit;
use crate::engine::cpu::scratch::Scratch;
use crate::engine::cpu::worker::Worker;
use crate::engine::simd::LANES;
use crate::engine::{Arguments, NeedsGrad, Real};
use crate::error::Result;
use crate::memory::zeroed_vec;
use crate::program::{Embedding, Program};
use num_complex::Complex64;

/// Facts of a sample's start that its gradient needs.
pub(super) struct Start {
    /// Norm of the embedded features.
    norm: f64,
    /// Whether an angle is NaN or infinite, or the features have no state.
    is_spoiled: bool,
}

impl Start {
    /// Facts of the sample that the memory holds.
    pub(super) fn of<T: Real>(memory: &ShardMemory<T>) -> Self {
        let angles = &memory.scratches[0].block.angles;
        Self { norm: angles.norms[0], is_spoiled: angles.spoiled[0] }
    }
}

/// Call of the engine on this member's shards.
pub(super) struct ShardCall<'a, T> {
    pub(super) program: &'a Program,
    pub(super) planned: &'a Planned,
    pub(super) sharing: &'a Sharing,
    pub(super) arguments: Arguments<'a, T>,
    pub(super) partition: &'a Partition,
}

impl<T: Real> ShardCall<'_, T> {
    /// Calls `body` with a worker for each shard of this member in a segment.
    fn each_shard(
        &self,
        memory: &mut ShardMemory<T>,
        segment: usize,
        mut body: impl FnMut(usize, Worker<'_, T>, &[crate::program::shards::Scatter]),
    ) {
        let locals = self.planned.programs[segment].iter().zip(&memory.tables[segment]);
        for (at, (scratch, (local, prepared))) in memory.scratches.iter_mut().zip(locals).enumerate() {
            let (program, arguments, partition) = (&local.program, self.arguments, self.partition);
            let call = &Call { program, arguments, partition, prepared };
            body(at, Worker { call, scratch }, &local.scatters);
        }
    }

    /// Does an exchange on ψ, and on λ if that is there.
    fn exchange(&self, memory: &mut ShardMemory<T>, segment: usize, with_lambda: bool) -> Result<()> {
        let Some(of) = &self.planned.plan.segments[segment].exchange else { return Ok(()) };
        let ShardMemory { scratches, messages, .. } = memory;
        let mut states: Vec<_> = scratches.iter_mut().map(|scratch| &mut scratch.block.psi).collect();
        exchange(of, self.sharing, &mut states, messages)?;
        if with_lambda {
            let mut states: Vec<_> = scratches.iter_mut().map(|scratch| &mut scratch.lambda).collect();
            exchange(of, self.sharing, &mut states, messages)?;
        }
        Ok(())
    }

    /// Takes the final state of a sample that has been kept.
    pub(super) fn resume(&self, memory: &mut ShardMemory<T>, sample: usize) {
        self.begin(memory, sample);
        memory.keep(sample);
    }

    /// Computes angles and the qubits of the product start.
    fn begin(&self, memory: &mut ShardMemory<T>, sample: usize) {
        let whole = self.program;
        self.each_shard(memory, 0, |_, mut worker, _| {
            let Scratch { block, single, .. } = &mut *worker.scratch;
            block.angles.fill(whole, self.arguments, &worker.call.prepared.angles, (sample, 1, 1), single);
            worker.prepare_start();
        });
    }

    /// Computes the final state of a sample, and its outputs on each shard into the places of `parts`, if there are any.
    pub(super) fn forward(&self, memory: &mut ShardMemory<T>, sample: usize, parts: &mut [T]) -> Result<()> {
        self.begin(memory, sample);
        let (plan, batch) = (&self.planned.plan, self.arguments.batch);
        self.each_shard(memory, 0, |at, worker, _| {
            let label = plan.segments[0].labels[self.planned.own.start + at];
            worker.scratch.block.psi.fit(plan.local, 1);
            match self.program.embedding {
                Some(embedding) => self.embed(embedding, sample, label, worker.scratch),
                None => self.start(label, worker.scratch),
            }
        });
        let mut first = 0;
        for segment in 0..plan.segments.len() {
            self.exchange(memory, segment, false)?;
            let mut width = 0;
            self.each_shard(memory, segment, |at, mut worker, _| {
                worker.run_nodes();
                width = worker.call.program.engine_outputs();
                let start = (at * batch + sample) * self.planned.outputs + first;
                if width > 0 && !parts.is_empty() {
                    worker.read_outputs(&mut parts[start..start + width]);
                }
            });
            first += width;
        }
        Ok(())
    }

    /// Undoes a sample on ψ and λ, and puts its gradients on each shard into the places of `parts`.
    pub(super) fn reverse(
        &self,
        memory: &mut ShardMemory<T>,
        sample: usize,
        (cotangent, needs_grad): (&[T], NeedsGrad),
        parts: &mut [f64],
    ) -> Result<()> {
        let (segments, batch) = (self.planned.plan.segments.len(), self.arguments.batch);
        let mut slots = vec![vec![[0.0; LANES]; self.program.slots.len()]; self.planned.own.len()];
        let local = self.planned.plan.local;
        self.each_shard(memory, 0, |_, worker, _| {
            worker.scratch.lambda.fit_second(local, 1);
            worker.scratch.lambda.clear();
        });
        let mut start_matters = needs_grad.inputs && self.program.embedding.is_some();
        self.each_shard(memory, 0, |_, worker, _| start_matters |= worker.start_matters(needs_grad));
        let mut first = None;
        for segment in (0..segments).rev() {
            self.each_shard(memory, segment, |_, worker, _| {
                if start_matters || worker.first_that_matters(needs_grad).is_some() {
                    first = Some(segment);
                }
            });
        }
        for segment in (first.unwrap_or(segments)..segments).rev() {
            self.each_shard(memory, segment, |at, mut worker, scatters| {
                let part: Vec<T> = scatters
                    .iter()
                    .flat_map(|scatter| (0..scatter.count).map(|output| scatter.place(output)))
                    .map(|place| place.map_or(T::zero(), |place| cotangent[place]))
                    .collect();
                if !part.is_empty() {
                    worker.add_to_lambda(&part);
                }
                worker.reverse_nodes(0, needs_grad, &mut slots[at]);
            });
            self.exchange(memory, segment, true)?;
        }
        let width = call_width(self.program);
        self.each_shard(memory, 0, |at, worker, _| {
            let label = self.planned.plan.segments[0].labels[self.planned.own.start + at];
            let to = &mut parts[(at * batch + sample) * width..][..width];
            let (to, embedded) = to.split_at_mut(slots[at].len());
            match self.program.embedding {
                Some(embedding) if start_matters => self.slopes(embedding, label, worker.scratch, embedded),
                None if start_matters => self.take_apart(label, worker, needs_grad, &mut slots[at]),
                _ => {}
            }
            to.iter_mut().zip(&slots[at]).for_each(|(to, sum)| *to = sum[0]);
        });
        Ok(())
    }

    /// Amplitudes of the label's qubits, with the origin's number of each, at the values that the label gives them.
    fn of_label<'b>(&self, label: u64, qubits: &'b [Qubit<T>]) -> impl Iterator<Item = (usize, usize, Complex64)> + 'b {
        let plan = &self.planned.plan;
        let (local, bits, start) = (plan.local, plan.bits, plan.start.clone());
        (local..bits).map(move |bit| {
            let (qubit, value) =
                (start.logical(1 << bit).trailing_zeros() as usize, (label >> (bit - local) & 1) as usize);
            let amplitudes = qubits.get(qubit).map_or(GROUND, Qubit::amplitudes);
            (qubit, value, amplitudes[value])
        })
    }

    /// Qubits of the local bits, of which the first has the label's amplitudes as a factor.
    fn local_qubits(&self, label: u64, qubits: &[Qubit<T>]) -> (Vec<Qubit<T>>, Complex64) {
        let plan = &self.planned.plan;
        let factor = self.of_label(label, qubits).fold(Complex64::from(1.0), |product, (_, _, value)| product * value);
        let of_bit = |bit: usize| {
            let qubit = plan.start.logical(1 << bit).trailing_zeros() as usize;
            let amplitudes = qubits.get(qubit).map_or(GROUND, Qubit::amplitudes);
            Qubit::new(if bit == 0 { amplitudes.map(|value| value * factor) } else { amplitudes })
        };
        ((0..plan.local).map(of_bit).collect(), factor)
    }

    /// Writes the shard's part of the product start.
    fn start(&self, label: u64, scratch: &mut Scratch<T>) {
        let (qubits, _) = self.local_qubits(label, &scratch.block.start);
        scratch.products.build(&mut scratch.block.psi, &qubits, self.partition.spread_state);
    }

    /// Adds the gradients in the product start, which are linear in λ.
    fn take_apart(&self, label: u64, worker: Worker<'_, T>, needs_grad: NeedsGrad, gradients: &mut [[f64; LANES]]) {
        let plan = &self.planned.plan;
        let Scratch { block, lambda, lambdas, products, .. } = &mut *worker.scratch;
        let (qubits, factor) = self.local_qubits(label, &block.start);
        let mut of_bits = Vec::new();
        products.take_apart(lambda, &qubits, &mut of_bits, self.partition.spread_state);
        // The first qubit's own λ lacks the factor that its amplitudes have here.
        let first = of_bits[0].amplitudes();
        let own = block.start.get(plan.start.logical(1).trailing_zeros() as usize).map_or(GROUND, Qubit::amplitudes);
        let overlap: Complex64 = own.iter().zip(first).map(|(amplitude, lambda)| amplitude.conj() * lambda).sum();
        of_bits[0] = Qubit::new(first.map(|lambda| factor.conj() * lambda));
        lambdas.clear();
        lambdas.resize(block.start.len(), Qubit::new([Complex64::default(); 2]));
        for (bit, of_bit) in of_bits.into_iter().enumerate() {
            if let Some(to) = lambdas.get_mut(plan.start.logical(1 << bit).trailing_zeros() as usize) {
                *to = of_bit;
            }
        }
        let of_label: Vec<_> = self.of_label(label, &block.start).collect();
        for (place, (qubit, value, _)) in of_label.iter().enumerate() {
            let others = of_label.iter().enumerate().filter(|(other, _)| *other != place);
            let product = others.fold(Complex64::from(1.0), |product, (_, (_, _, value))| product * value);
            let mut of_qubit = [Complex64::default(); 2];
            of_qubit[*value] = product.conj() * overlap;
            if let Some(to) = lambdas.get_mut(*qubit) {
                *to = Qubit::new(of_qubit);
            }
        }
        worker.reverse_qubits(needs_grad, gradients);
    }

    /// Places of the embedded amplitudes that lie on a shard: number of the amplitude, and local index.
    fn embedded(&self, embedding: Embedding, label: u64) -> impl Iterator<Item = (usize, usize)> + '_ {
        let plan = &self.planned.plan;
        let on_shard = move |amplitude: usize| {
            let index = plan.start.stored(amplitude as u64);
            (index >> plan.local == label).then_some((amplitude, (index & ((1 << plan.local) - 1)) as usize))
        };
        (0..embedding.amplitudes()).filter_map(on_shard)
    }

    fn embed(&self, embedding: Embedding, sample: usize, label: u64, scratch: &mut Scratch<T>) {
        let (psi, norm) = (&mut scratch.block.psi, scratch.block.angles.norms[0]);
        psi.clear();
        let features = self.arguments.embedded(self.program, embedding, sample);
        for (amplitude, place) in self.embedded(embedding, label) {
            (psi.re[place], psi.im[place]) = embedded_amplitude(embedding, (features, norm), amplitude);
        }
    }

    /// Derivatives in the embedded features before they are normed, of those that lie on a shard.
    fn slopes(&self, embedding: Embedding, label: u64, scratch: &Scratch<T>, to: &mut [f64]) {
        let lambda = &scratch.lambda;
        for (amplitude, place) in self.embedded(embedding, label) {
            let (re, im) = (2.0 * lambda.re[place].to_f64(), 2.0 * lambda.im[place].to_f64());
            match embedding.complex {
                true => (to[2 * amplitude], to[2 * amplitude + 1]) = (re, im),
                false => to[amplitude] = re,
            }
        }
    }

    /// Gathers the outputs of all shards, and adds them up in the order of shards.
    pub(super) fn gather_outputs(&self, parts: &[T], outputs: &mut [T]) -> Result<()> {
        let (batch, width) = (self.arguments.batch, self.program.engine_outputs());
        let mut all = zeroed_vec("outputs of all shards", batch * self.planned.outputs * self.sharing.shards)?;
        let bytes = pulp::bytemuck::cast_slice(parts);
        self.sharing.cluster.comm().gather(bytes, pulp::bytemuck::cast_slice_mut::<T, u8>(&mut all))?;
        let mut sums = vec![0.0; width];
        for (sample, row) in outputs.chunks_mut(width.max(1)).enumerate() {
            sums.fill(0.0);
            let mut first = 0;
            for scatters in &self.planned.scatters {
                let mut count = 0;
                for (shard, scatters) in scatters.iter().enumerate() {
                    let from = &all[(shard * batch + sample) * self.planned.outputs + first..];
                    let places = scatters.iter().flat_map(|scatter| (0..scatter.count).map(|at| scatter.place(at)));
                    count = 0;
                    for (place, value) in places.zip(from) {
                        count += 1;
                        if let Some(place) = place {
                            sums[place] += value.to_f64();
                        }
                    }
                }
                first += count;
            }
            row.iter_mut().zip(&sums).for_each(|(to, sum)| *to = T::from_f64(*sum));
        }
        Ok(())
    }

    /// Gathers the gradients of all shards, and adds them up in the order of shards: of each sample, those of its slots
    /// and embedded features.
    pub(super) fn gather_sums(&self, parts: &[f64]) -> Result<Vec<f64>> {
        let own = self.planned.own.len();
        let len = parts.len() / own;
        let mut all: Vec<f64> = zeroed_vec("gradients of all shards", len * self.sharing.shards)?;
        let bytes = pulp::bytemuck::cast_slice(parts);
        self.sharing.cluster.comm().gather(bytes, pulp::bytemuck::cast_slice_mut::<f64, u8>(&mut all))?;
        let mut totals = vec![0.0; len];
        for part in all.chunks(len.max(1)) {
            totals.iter_mut().zip(part).for_each(|(total, part)| *total += part);
        }
        Ok(totals)
    }

    /// Turns the gradients of slots into gradients of inputs and of weights.
    pub(super) fn finish(
        &self,
        memory: &mut ShardMemory<T>,
        (totals, starts): (&[f64], &[Start]),
        sums: &mut GroupSums,
        inputs: &mut [T],
    ) {
        let (program, arguments) = (self.program, self.arguments);
        let (width, features) = (call_width(program), program.engine_inputs);
        for (sample, start) in starts.iter().enumerate() {
            let (slots, slopes) = totals[sample * width..][..width].split_at(program.slots.len());
            sums.slots.iter_mut().zip(slots).for_each(|(to, sum)| to[0] += sum);
            let row = if inputs.is_empty() { &mut [][..] } else { &mut inputs[sample * features..][..features] };
            if let (Some(embedding), false) = (program.embedding, row.is_empty()) {
                let features = arguments.embedded(program, embedding, sample);
                embedded_gradient(embedding, (features, start.norm), |feature| slopes[feature], row);
            }
            let angles = &memory.tables[0][0].angles;
            sums.finish_block(program, arguments, angles, (sample, 1), row, &mut memory.scratches[0].rows);
            if start.is_spoiled {
                sums.spoil();
                row.fill(T::nan());
            }
        }
    }
}

/// Amplitudes of a qubit in 0.
const GROUND: [Complex64; 2] = [Complex64::new(1.0, 0.0), Complex64::new(0.0, 0.0)];
