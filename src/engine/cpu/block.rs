//! One worker: the states it owns, and the way of a block through them.
//!
//! Forward: embed, apply every step, read out. Gradient: the same forward pass, then `λ = sum_k c_k O_k ψ`, then every step
//! undone on ψ and λ from the last to the first whose angle matters. Two states, however deep the circuit.

use super::angles::{Angles, BlockAngles, GroupSums, LanePoints};
use super::arch::arch;
use super::fused;
use super::kernels::{Target, Turn};
use super::measure::Values;
use super::memory::held;
use super::numbers::Numbers;
use super::plan::{LANES, Plan, Way};
use super::prepare::{Phases, Prepared, SharedLayer};
use super::settle::Mover;
use super::single::Products;
use super::start::{Prepare, Qubit};
use super::state::State;
use super::sweeps::Tiles;
use crate::engine::{Arguments, Real, Wanted};
use crate::program::{Embedding, Kernel, Program, Step};

/// What all workers of a call read.
#[derive(Debug)]
pub(super) struct Call<'a, T> {
    pub(super) program: &'a Program,
    pub(super) arguments: Arguments<'a, T>,
    pub(super) plan: &'a Plan,
    /// What blocks share.
    pub(super) prepared: &'a Prepared<T>,
}

/// What a worker writes to. Nothing outlives a block but the memory.
#[derive(Debug)]
pub(super) struct Room<T> {
    pub(super) block: Block<T>,
    /// For blocks of one sample.
    single: LanePoints,
    pub(super) lambda: State<T>,
    /// A third state, for variances.
    pub(super) scratch: State<T>,
    /// Gradients of the features of each sample.
    rows: Vec<f64>,
    /// For the gradients of shared phases: `Im(λ* ψ)` of each amplitude, summed over the lanes.
    pub(super) overlaps: Vec<f64>,
    /// λ of the qubits of the product start.
    pub(super) lambdas: Vec<Qubit<T>>,
    pub(super) mover: Mover<T>,
    pub(super) values: Values<T>,
    pub(super) products: Products<T>,
    pub(super) tiles: Tiles<T>,
    /// The numbers of a sweep that reads inputs.
    pub(super) numbers: Numbers<T>,
    pub(super) phases: Phases,
    /// Of a layer that workers make themselves.
    pub(super) layer: SharedLayer<T>,
}

impl<T> Default for Room<T> {
    fn default() -> Self {
        Self {
            block: Block::default(),
            single: LanePoints::default(),
            lambda: State::default(),
            scratch: State::default(),
            rows: Vec::new(),
            overlaps: Vec::new(),
            lambdas: Vec::new(),
            mover: Mover::default(),
            values: Values::default(),
            products: Products::default(),
            tiles: Tiles::default(),
            numbers: Numbers::default(),
            phases: Phases::default(),
            layer: SharedLayer::default(),
        }
    }
}

impl<T: Real> Room<T> {
    /// Bytes it holds on to.
    pub(super) fn bytes(&self) -> usize {
        let states = self.block.bytes() + self.lambda.bytes() + self.scratch.bytes() + self.mover.bytes();
        let sums = held(&self.rows) + held(&self.overlaps) + held(&self.lambdas) + self.values.bytes();
        let numbers = self.single.bytes() + self.numbers.bytes() + self.phases.bytes() + self.layer.bytes();
        states + sums + numbers + self.products.bytes() + self.tiles.bytes()
    }

    /// As [`Buffer::give_back_pages`](super::state::Buffer::give_back_pages).
    pub(super) fn give_back_pages(&mut self) {
        [&mut self.block.psi, &mut self.lambda, &mut self.scratch].into_iter().for_each(State::give_back_pages);
        self.mover.spare.give_back_pages();
    }
}

/// A block's final states and angles, which a forward pass may keep for its gradient.
#[derive(Debug)]
pub(super) struct Block<T> {
    pub(super) psi: State<T>,
    pub(super) angles: BlockAngles<T>,
    /// The product start.
    pub(super) start: Vec<Qubit<T>>,
}

impl<T: Real> Block<T> {
    /// Bytes it holds on to.
    pub(super) fn bytes(&self) -> usize {
        self.psi.bytes() + self.angles.bytes() + held(&self.start)
    }
}

impl<T> Default for Block<T> {
    fn default() -> Self {
        Self { psi: State::default(), angles: BlockAngles::default(), start: Vec::new() }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Worker<'a, T> {
    pub(super) call: &'a Call<'a, T>,
    pub(super) room: &'a mut Room<T>,
}

impl<'a, T: Real> Worker<'a, T> {
    /// Outputs of block `block` into its rows. What is `kept` of the block afterwards is in its place.
    pub(super) fn forward(&mut self, block: usize, out: &mut [T], kept: Option<&mut Block<T>>) {
        let (first, count) = self.samples(block);
        let Some(kept) = kept else {
            self.run(first, count);
            return self.read(out);
        };
        self.exchange(kept);
        self.run(first, count);
        self.read(out);
        self.exchange(kept);
    }

    /// Works on what was kept of a block, or puts it back.
    fn exchange(&mut self, kept: &mut Block<T>) {
        std::mem::swap(&mut self.room.block.psi, &mut kept.psi);
        if self.call.plan.keeps_angles {
            std::mem::swap(&mut self.room.block.angles, &mut kept.angles);
            std::mem::swap(&mut self.room.block.start, &mut kept.start);
        }
    }

    /// Gradients of all blocks of a group: the input rows are written, the weights' sums set. Blocks whose final states were
    /// kept are not run again.
    pub(super) fn gradient_group(
        &mut self,
        group: usize,
        cotangent: &[T],
        wanted: Wanted,
        rows: &mut [T],
        kept: &mut [Block<T>],
        sums: &mut GroupSums,
    ) {
        let Call { program, plan, .. } = *self.call;
        let (width, outputs) = (program.input_columns, program.outputs());
        let from = group * plan.blocks_per_group;
        sums.clear(program);
        for block in from..plan.blocks.min(from + plan.blocks_per_group) {
            let (first, count) = self.samples(block);
            self.final_states(first, count, kept.get_mut(block - from));
            self.seed(&cotangent[first * outputs..(first + count) * outputs]);
            match plan.way {
                Way::Schedule => self.reverse_schedule(wanted, &mut sums.slots),
                Way::Tiling => self.reverse_tiling(wanted, &mut sums.slots),
                Way::Steps => self.reverse(wanted, &mut sums.slots),
            }
            let at = (first - from * plan.lanes) * width;
            let rows = if rows.is_empty() { &mut [] } else { &mut rows[at..at + count * width] };
            if let (Some(embedding), false) = (program.embedding, rows.is_empty()) {
                self.unembed(embedding, first, rows);
            }
            sums.finish_block(self.call, (first, count), rows, &mut self.room.rows);
            // Where an angle is NaN or infinite, or there is no state, there is no gradient, not even in what has no effect.
            let spoiled = self.room.block.angles.spoiled;
            if spoiled[..count].contains(&true) {
                sums.spoil();
            }
            for (row, _) in rows.chunks_mut(width.max(1)).zip(spoiled).filter(|(_, spoiled)| *spoiled) {
                row.fill(T::nan());
            }
            if let Some(kept) = kept.get_mut(block - from) {
                self.exchange(kept);
            }
        }
    }

    /// The final states of `count` samples from `first` on, which may have been kept.
    fn final_states(&mut self, first: usize, count: usize, kept: Option<&mut Block<T>>) {
        let Some(kept) = kept else { return self.run(first, count) };
        self.exchange(kept);
        if !self.call.plan.keeps_angles {
            self.fill(first, count);
            if self.call.plan.way != Way::Steps {
                self.prepare_start();
            }
        }
    }

    /// First sample and number of samples of a block.
    fn samples(&self, block: usize) -> (usize, usize) {
        let Call { plan, arguments, .. } = self.call;
        let first = block * plan.lanes;
        (first, plan.lanes.min(arguments.batch - first))
    }

    pub(super) fn target(&mut self) -> Target<T> {
        fused::target(&mut self.room.block.psi, self.call.plan.spread_state)
    }

    /// ψ and λ, as general steps take them.
    fn targets(&mut self) -> [Target<T>; 2] {
        let psi = self.target();
        [psi, Target { planes: self.room.lambda.planes(), ..psi }]
    }

    /// Cosines and sines of all slots.
    pub(super) fn angles(&self) -> Angles<'_, T> {
        Angles::new(&self.call.prepared.angles, &self.room.block.angles, &self.room.single)
    }

    /// Makes the qubits of the product start.
    pub(super) fn prepare_start(&mut self) {
        let start = &self.call.program.outline().start;
        let mut to = std::mem::take(&mut self.room.block.start);
        to.resize(start.len(), Qubit::ground());
        arch().dispatch(Prepare { start, angles: self.angles(), to: &mut to });
        self.room.block.start = to;
    }

    /// Cosines and sines of `count` samples from `first` on.
    fn fill(&mut self, first: usize, count: usize) {
        let Call { program, arguments, plan, prepared } = *self.call;
        let (angles, single) = (&mut self.room.block.angles, &mut self.room.single);
        angles.fill(program, arguments, &prepared.angles, (first, count, plan.lanes), single);
    }

    /// The final states of `count` samples from `first` on.
    fn run(&mut self, first: usize, count: usize) {
        let Call { program, plan, .. } = *self.call;
        self.fill(first, count);
        self.room.block.psi.fit(program.qubits, plan.lanes);
        if let Some(embedding) = program.embedding {
            self.embed(embedding, first, count);
        }
        match plan.way {
            Way::Schedule => self.run_schedule(),
            Way::Tiling => self.run_tiling(),
            Way::Steps => {
                if program.embedding.is_none() {
                    self.room.block.psi.set_ground();
                }
                (0..program.steps.len()).for_each(|index| self.apply(index));
            }
        }
    }

    /// Applies a step to ψ.
    pub(super) fn apply(&mut self, index: usize) {
        let step = &self.call.program.steps[index];
        let target = self.target();
        match &step.kernel {
            Kernel::Rotation { x, z, slot } => target.rotate(*x, *z, step.controls, &self.angles().turn(*slot)),
            Kernel::Phase { slot } => target.phase(step.controls, &self.angles().turn(*slot)),
            Kernel::FixedPhase(value) => target.phase(step.controls, &Turn::fixed(*value)),
            Kernel::Exchange { mask, first, second } => target.exchange(*mask, *first, *second, step.controls),
            Kernel::Matrix { .. } => {
                if let Some([matrix, _]) = &self.call.prepared.matrices[index] {
                    target.multiply(matrix, step.controls);
                }
            }
        }
    }

    /// Undoes a step on ψ and λ; adds to the gradient of its slot, if that is wanted.
    pub(super) fn undo(&mut self, index: usize, wanted: Wanted, gradients: &mut [[f64; LANES]]) {
        let step = &self.call.program.steps[index];
        let (controls, lanes) = (step.controls, self.call.plan.lanes);
        let [psi, lambda] = self.targets();
        match &step.kernel {
            Kernel::Rotation { x, z, slot } => {
                let turn = &self.angles().turn(*slot);
                if self.slot_matters(*slot, wanted) {
                    let sums = psi.unrotate(lambda.planes, *x, *z, controls, turn);
                    add(&mut gradients[*slot], &sums, lanes);
                } else {
                    [psi, lambda].iter().for_each(|t| t.rotate(*x, *z, controls, &turn.inverse()));
                }
            }
            Kernel::Phase { slot } => {
                let turn = &self.angles().turn(*slot);
                if self.slot_matters(*slot, wanted) {
                    let sums = psi.unphase(lambda.planes, controls, turn);
                    add(&mut gradients[*slot], &sums, lanes);
                } else {
                    [psi, lambda].iter().for_each(|t| t.phase(controls, &turn.inverse()));
                }
            }
            Kernel::FixedPhase(value) => {
                [psi, lambda].iter().for_each(|t| t.phase(controls, &Turn::fixed(value.conj())));
            }
            Kernel::Exchange { mask, first, second } => {
                [psi, lambda].iter().for_each(|t| t.exchange(*mask, *first, *second, controls));
            }
            Kernel::Matrix { .. } => {
                if let Some([_, adjoint]) = &self.call.prepared.matrices[index] {
                    [psi, lambda].iter().for_each(|t| t.multiply(adjoint, controls));
                }
            }
        }
    }

    pub(super) fn slot_matters(&self, slot: usize, wanted: Wanted) -> bool {
        let slot = &self.call.program.slots[slot];
        wanted.inputs && slot.reads_inputs() || wanted.weights && slot.reads_weights()
    }

    /// Whether a gradient is wanted of a step's angle.
    pub(super) fn matters(&self, step: &Step, wanted: Wanted) -> bool {
        match &step.kernel {
            Kernel::Rotation { slot, .. } | Kernel::Phase { slot } => self.slot_matters(*slot, wanted),
            Kernel::FixedPhase(_) | Kernel::Exchange { .. } | Kernel::Matrix { .. } => false,
        }
    }

    /// Undoes the steps on ψ and λ, from the last to the first that matters; adds to the gradient of each slot.
    fn reverse(&mut self, wanted: Wanted, gradients: &mut [[f64; LANES]]) {
        let Program { steps, embedding, .. } = self.call.program;
        let to_the_start = wanted.inputs && embedding.is_some();
        let first = if to_the_start { Some(0) } else { steps.iter().position(|step| self.matters(step, wanted)) };
        let first = first.unwrap_or(steps.len());
        (first..steps.len()).rev().for_each(|index| self.undo(index, wanted, gradients));
    }

    fn embed(&mut self, embedding: Embedding, first: usize, count: usize) {
        let (psi, lanes) = (&mut self.room.block.psi, self.call.plan.lanes);
        psi.clear();
        for (lane, &norm) in self.room.block.angles.norms[..count].iter().enumerate() {
            if norm == 0.0 {
                psi.re[lane] = T::one();
                continue;
            }
            let features = self.call.arguments.embedded(self.call.program, embedding, first + lane);
            for (amplitude, feature) in features.iter().enumerate() {
                psi.re[amplitude * lanes + lane] = T::from_f64(feature.to_f64() / norm);
            }
        }
    }

    /// Adds the gradient in the embedded features, once λ is back at the start: with `y = x / |x|` and
    /// `g = dL/dy = 2 Re λ`, it is `(g - y (y . g)) / |x|`; nothing for features that are all zero.
    fn unembed(&self, embedding: Embedding, first: usize, rows: &mut [T]) {
        let Call { program, arguments, .. } = *self.call;
        let rows = rows.chunks_mut(program.input_columns).zip(self.room.block.angles.norms).enumerate();
        for (lane, (row, norm)) in rows.filter(|(_, (_, norm))| *norm != 0.0) {
            let features = arguments.embedded(program, embedding, first + lane);
            let slope = |k: usize| 2.0 * self.room.lambda.re[k * self.call.plan.lanes + lane].to_f64();
            let along: f64 = features.iter().enumerate().map(|(k, x)| x.to_f64() / norm * slope(k)).sum();
            for (k, x) in features.iter().enumerate() {
                row[embedding.first + k] = T::from_f64((slope(k) - x.to_f64() / norm * along) / norm);
            }
        }
    }
}

/// Adds a kernel's sums to a slot. A block of one sample used all vector lanes for it.
fn add(slot: &mut [f64; LANES], sums: &[f64; LANES], lanes: usize) {
    if lanes == 1 {
        slot[0] += sums.iter().sum::<f64>();
    } else {
        slot.iter_mut().zip(sums).for_each(|(slot, sum)| *slot += sum);
    }
}
