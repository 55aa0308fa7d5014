//! Computation of a block, from its samples to outputs and gradients.
//!
//! A forward pass embeds the samples, applies every step and reads out. A gradient repeats the forward pass, computes
//! `λ = sum_k c_k O_k ψ`, and then undoes every step on ψ and λ, from the last to the first whose angle needs a
//! gradient. It holds two states, however deep the circuit is.

use crate::engine::cpu::angles::GroupSums;
use crate::engine::cpu::context::Call;
use crate::engine::cpu::execution::Execution;
use crate::engine::cpu::scratch::Block;
use crate::engine::cpu::steps::placed::PlacedSteps;
use crate::engine::cpu::worker::Worker;
use crate::engine::simd::LANES;
use crate::engine::{NeedsGrad, Real};
use crate::program::{Embedding, Program};

impl<T: Real> Worker<'_, T> {
    /// Writes the outputs of block `block` into its rows, and leaves the final states in `saved`, if there is a place.
    pub(super) fn forward(&mut self, block: usize, out: &mut [T], saved: Option<&mut Block<T>>) {
        let (first, count) = self.samples(block);
        let Some(saved) = saved else {
            self.run(first, count);
            return self.read_outputs(out);
        };
        self.exchange(saved);
        self.run(first, count);
        self.read_outputs(out);
        self.exchange(saved);
    }

    /// Exchanges the worker's states with the saved states of a block. A second call puts them back.
    fn exchange(&mut self, saved: &mut Block<T>) {
        std::mem::swap(&mut self.scratch.block.psi, &mut saved.psi);
        if self.call.partition.saves_angles {
            std::mem::swap(&mut self.scratch.block.angles, &mut saved.angles);
            std::mem::swap(&mut self.scratch.block.start, &mut saved.start);
        }
    }

    /// Writes the input gradients of all blocks of a group, and sets the sums of the weights. Blocks whose final states
    /// were saved do not run again.
    pub(super) fn gradient_group(
        &mut self,
        group: usize,
        cotangent: &[T],
        needs_grad: NeedsGrad,
        rows: &mut [T],
        saved: &mut [Block<T>],
        sums: &mut GroupSums,
    ) {
        let Call { program, partition, .. } = *self.call;
        let (width, outputs) = (program.engine_inputs, program.engine_outputs());
        let from = group * partition.blocks_per_group;
        sums.clear(program);
        for block in from..partition.blocks.min(from + partition.blocks_per_group) {
            let (first, count) = self.samples(block);
            self.final_states(first, count, saved.get_mut(block - from));
            self.seed_lambda(&cotangent[first * outputs..(first + count) * outputs]);
            match partition.execution {
                Execution::Batch => self.reverse_batch_passes(needs_grad, &mut sums.slots),
                Execution::Single => self.reverse_tiles(needs_grad, &mut sums.slots),
                Execution::Steps => self.reverse(needs_grad, &mut sums.slots),
            }
            let at = (first - from * partition.lanes) * width;
            let rows = if rows.is_empty() { &mut [] } else { &mut rows[at..at + count * width] };
            if let (Some(embedding), false) = (program.embedding, rows.is_empty()) {
                self.unembed(embedding, first, rows);
            }
            let Call { arguments, prepared, .. } = *self.call;
            sums.finish_block(program, arguments, &prepared.angles, (first, count), rows, &mut self.scratch.rows);
            // Without a state, or with an angle that is NaN or infinite, all gradients are NaN, also of angles without
            // effect.
            let spoiled = self.scratch.block.angles.spoiled;
            if spoiled[..count].contains(&true) {
                sums.spoil();
            }
            for (row, _) in rows.chunks_mut(width.max(1)).zip(spoiled).filter(|(_, spoiled)| *spoiled) {
                row.fill(T::nan());
            }
            if let Some(saved) = saved.get_mut(block - from) {
                self.exchange(saved);
            }
        }
    }

    /// Computes the final states of `count` samples from `first` on, or takes the saved ones.
    fn final_states(&mut self, first: usize, count: usize, saved: Option<&mut Block<T>>) {
        let Some(saved) = saved else { return self.run(first, count) };
        self.exchange(saved);
        if !self.call.partition.saves_angles {
            self.fill_angles(first, count);
            if self.call.partition.execution != Execution::Steps {
                self.prepare_start();
            }
        }
    }

    /// Computes the final states of `count` samples from `first` on.
    fn run(&mut self, first: usize, count: usize) {
        let Call { program, partition, .. } = *self.call;
        self.fill_angles(first, count);
        self.scratch.block.psi.fit(program.qubits, partition.lanes);
        if let Some(embedding) = program.embedding {
            self.embed(embedding, first, count);
        }
        match partition.execution {
            Execution::Batch => self.run_batch_passes(),
            Execution::Single => self.run_tiles(),
            Execution::Steps => {
                if program.embedding.is_none() {
                    self.scratch.block.psi.set_ground();
                }
                for (index, placed) in PlacedSteps::of(program).iter().enumerate() {
                    self.apply_step(index, placed);
                }
            }
        }
    }

    /// Undoes the steps on ψ and λ, from the last to the first that needs a gradient. Adds to the gradient of each
    /// slot.
    fn reverse(&mut self, needs_grad: NeedsGrad, gradients: &mut [[f64; LANES]]) {
        let Program { steps, embedding, .. } = self.call.program;
        let to_the_start = needs_grad.inputs && embedding.is_some();
        let first =
            if to_the_start { Some(0) } else { steps.iter().position(|step| self.angle_matters(step, needs_grad)) };
        let first = first.unwrap_or(steps.len());
        for (index, placed) in PlacedSteps::of(self.call.program).iter().enumerate().skip(first).rev() {
            self.undo_step(index, placed, needs_grad, gradients);
        }
    }

    fn embed(&mut self, embedding: Embedding, first: usize, count: usize) {
        let (psi, lanes) = (&mut self.scratch.block.psi, self.call.partition.lanes);
        psi.clear();
        for (lane, &norm) in self.scratch.block.angles.norms[..count].iter().enumerate() {
            let features = self.call.arguments.embedded(self.call.program, embedding, first + lane);
            for amplitude in 0..embedding.amplitudes() {
                let place = amplitude * lanes + lane;
                (psi.re[place], psi.im[place]) = embedded_amplitude(embedding, (features, norm), amplitude);
            }
        }
    }

    /// Adds the gradient in the embedded features, once λ is back at the start: see [`embedded_gradient`].
    fn unembed(&self, embedding: Embedding, first: usize, rows: &mut [T]) {
        let Call { program, arguments, .. } = *self.call;
        let rows = rows.chunks_mut(program.engine_inputs).zip(self.scratch.block.angles.norms).enumerate();
        for (lane, (row, norm)) in rows {
            let features = arguments.embedded(program, embedding, first + lane);
            let (lambda, lanes) = (&self.scratch.lambda, self.call.partition.lanes);
            let slope = |k: usize| match embedding.complex {
                false => 2.0 * lambda.re[k * lanes + lane].to_f64(),
                true if k.is_multiple_of(2) => 2.0 * lambda.re[k / 2 * lanes + lane].to_f64(),
                true => 2.0 * lambda.im[k / 2 * lanes + lane].to_f64(),
            };
            embedded_gradient(embedding, (features, norm), slope, row);
        }
    }
}

/// Amplitude of embedded features with a norm: its real and its imaginary part. Features of norm 0 are |0..0>.
pub(super) fn embedded_amplitude<T: Real>(
    embedding: Embedding,
    (features, norm): (&[T], f64),
    amplitude: usize,
) -> (T, T) {
    let value = |feature: usize| T::from_f64(features[feature].to_f64() / norm);
    match embedding.complex {
        _ if norm == 0.0 => (if amplitude == 0 { T::one() } else { T::zero() }, T::zero()),
        true => (value(2 * amplitude), value(2 * amplitude + 1)),
        false => (value(amplitude), T::zero()),
    }
}

/// Sets the gradient in embedded features of a sample. With `y = x / |x|` and the slopes `g = dL/dy = 2 Re λ`, or
/// `2 Im λ` for an imaginary part, the gradient is `(g - y (y . g)) / |x|`. It is 0 for features that are all zero.
pub(super) fn embedded_gradient<T: Real>(
    embedding: Embedding,
    (features, norm): (&[T], f64),
    slope: impl Fn(usize) -> f64,
    row: &mut [T],
) {
    if norm == 0.0 {
        return;
    }
    let along: f64 = features.iter().enumerate().map(|(k, x)| x.to_f64() / norm * slope(k)).sum();
    for (k, x) in features.iter().enumerate() {
        row[embedding.first + k] = T::from_f64((slope(k) - x.to_f64() / norm * along) / norm);
    }
}
