//! One worker: the states it owns, and the way of a block through them.
//!
//! Forward: embed, apply every step, read out. Gradient: the same forward pass, then `λ = sum_k c_k O_k ψ`, then every step
//! undone on ψ and λ from the last to the first whose angle matters. Two states, however deep the circuit.

use super::angles::{Angles, Filled, GroupSums};
use super::fused;
use super::kernels::{Target, Turn};
use super::plan::{LANES, Plan, Way};
use super::prepare::Prepared;
use super::state::{Buffer, State};
use crate::engine::{Arguments, Real, Wanted};
use crate::program::{Embedding, Kernel, Program, Readout, Step};

/// See the module.
#[derive(Debug)]
pub(super) struct Worker<'a, T> {
    pub(super) program: &'a Program,
    arguments: Arguments<'a, T>,
    pub(super) plan: &'a Plan,
    pub(super) angles: Angles<T>,
    /// What blocks share.
    pub(super) prepared: &'a Prepared<T>,
    /// Empty until a block is run, and again once it is taken.
    pub(super) psi: State<T>,
    /// Made when the first gradient is asked for.
    pub(super) lambda: Option<State<T>>,
    /// A third state, for variances.
    pub(super) scratch: Option<State<T>>,
    /// For the gradients of shared phases: `Im(λ* ψ)` of each amplitude, summed over the lanes.
    pub(super) overlaps: Vec<f64>,
    /// Half a state, for moving amplitudes.
    pub(super) spare: Option<Buffer<T>>,
}

/// What a forward pass leaves of a block.
#[derive(Debug)]
pub(super) struct KeptBlock<T> {
    psi: State<T>,
    /// Unless they are larger than the state.
    angles: Option<Filled<T>>,
}

impl<'a, T: Real> Worker<'a, T> {
    pub(super) fn new(
        program: &'a Program,
        arguments: Arguments<'a, T>,
        plan: &'a Plan,
        prepared: &'a Prepared<T>,
    ) -> Self {
        Self {
            program,
            arguments,
            plan,
            angles: prepared.angles.clone(),
            prepared,
            psi: State::empty(program.qubits, plan.lanes),
            lambda: None,
            scratch: None,
            overlaps: Vec::new(),
            spare: None,
        }
    }

    /// Outputs of block `block` into its rows.
    pub(super) fn forward(&mut self, block: usize, out: &mut [T]) {
        let (first, count) = self.samples(block);
        self.run(first, count);
        self.read(out);
    }

    /// The final state of the last block, which the worker then no longer has, and its angles.
    pub(super) fn take(&mut self) -> KeptBlock<T> {
        let (qubits, lanes) = (self.psi.qubits, self.psi.lanes);
        let psi = std::mem::replace(&mut self.psi, State::empty(qubits, lanes));
        // A single state needs few, and more than their cosines and sines.
        let angles = if lanes == 1 { None } else { self.angles.filled(1 << qubits) };
        KeptBlock { psi, angles }
    }

    /// Gradients of all blocks of a group: the input rows are written, the sums returned. Blocks whose final states were
    /// kept are not run again.
    pub(super) fn gradient_group(
        &mut self,
        group: usize,
        cotangent: &[T],
        wanted: Wanted,
        rows: &mut [T],
        kept: &mut [Option<KeptBlock<T>>],
    ) -> GroupSums {
        let mut sums = GroupSums::new(self.program);
        let mut slots = vec![[0.0; LANES]; self.program.slots.len()];
        let from = group * self.plan.blocks_per_group;
        let (width, outputs) = (self.program.inputs, self.program.outputs());
        let group_first = from * self.plan.lanes;
        let to = from + kept.len();
        for (block, kept) in (from..to).zip(kept) {
            let (first, count) = self.samples(block);
            match kept.take() {
                None => self.run(first, count),
                Some(KeptBlock { psi, angles }) => {
                    match &angles {
                        Some(angles) => self.angles.refill(angles),
                        None => self.fill(first, count),
                    }
                    self.psi = psi;
                }
            }
            self.seed(&cotangent[first * outputs..(first + count) * outputs]);
            slots.fill([0.0; LANES]);
            match self.plan.way {
                Way::Schedule => self.reverse_schedule(wanted, &mut slots),
                Way::Tiling => self.reverse_tiling(wanted, &mut slots),
                Way::Steps => self.reverse(wanted, &mut slots),
            }
            let at = (first - group_first) * width;
            let mut rows = (!rows.is_empty()).then(|| &mut rows[at..at + count * width]);
            if let (Some(embedding), Some(rows)) = (self.program.embedding, rows.as_deref_mut()) {
                self.unembed(embedding, first, rows);
            }
            sums.add_block(self.program, self.arguments, first, &slots, rows.as_deref_mut(), count);
            // Where an angle is NaN or infinite there is no gradient, not even in what has no effect.
            for (row, spoiled) in rows.into_iter().flat_map(|rows| rows.chunks_mut(width)).zip(self.angles.spoiled) {
                if spoiled {
                    row.fill(T::nan());
                }
            }
        }
        sums
    }

    /// First sample and number of samples of a block.
    fn samples(&self, block: usize) -> (usize, usize) {
        let first = block * self.plan.lanes;
        (first, self.plan.lanes.min(self.arguments.batch - first))
    }

    pub(super) fn target(&mut self) -> Target<T> {
        fused::target(&mut self.psi, self.plan.spread_state)
    }

    /// What is read at the end, in the indices the states then have.
    pub(super) fn readout(&self) -> &'a Readout {
        if self.plan.way == Way::Steps { &self.program.readout } else { &self.program.outline().readout }
    }

    /// Cosines and sines of `count` samples from `first` on.
    fn fill(&mut self, first: usize, count: usize) {
        self.angles.fill(self.program, self.arguments, first, count, self.plan.lanes);
    }

    /// The final states of `count` samples from `first` on.
    fn run(&mut self, first: usize, count: usize) {
        self.fill(first, count);
        if self.psi.re.is_empty() {
            self.psi = State::new(self.psi.qubits, self.psi.lanes);
        }
        if let Some(embedding) = self.program.embedding {
            self.embed(embedding, first, count);
        }
        match self.plan.way {
            Way::Schedule => self.run_schedule(),
            Way::Tiling => self.run_tiling(),
            Way::Steps => {
                if self.program.embedding.is_none() {
                    self.psi.set_ground();
                }
                (0..self.program.steps.len()).for_each(|index| self.apply(index));
            }
        }
    }

    /// Applies a step to ψ.
    pub(super) fn apply(&mut self, index: usize) {
        let step = &self.program.steps[index];
        let target = self.target();
        match &step.kernel {
            Kernel::Rotation { x, z, slot } => target.rotate(*x, *z, step.controls, self.angles.turn(*slot)),
            Kernel::Phase { slot } => target.phase(step.controls, self.angles.turn(*slot)),
            Kernel::FixedPhase(value) => target.phase(step.controls, &Turn::fixed(*value)),
            Kernel::Exchange { mask, first, second } => target.exchange(*mask, *first, *second, step.controls),
            Kernel::Matrix { .. } => {
                if let Some([matrix, _]) = &self.prepared.matrices[index] {
                    target.multiply(matrix, step.controls);
                }
            }
        }
    }

    /// Undoes a step on ψ and λ; adds to the gradient of its slot, if that is wanted.
    pub(super) fn undo(&mut self, index: usize, wanted: Wanted, gradients: &mut [[f64; LANES]]) {
        let step = &self.program.steps[index];
        let controls = step.controls;
        let psi = self.target();
        let Some(lambda) = &mut self.lambda else { return };
        let lambda = Target { planes: lambda.planes(), ..psi };
        match &step.kernel {
            Kernel::Rotation { x, z, slot } => {
                let turn = self.angles.turn(*slot);
                if self.slot_matters(*slot, wanted) {
                    let sums = psi.unrotate(lambda.planes, *x, *z, controls, turn);
                    add(&mut gradients[*slot], &sums, self.plan.lanes);
                } else {
                    [psi, lambda].iter().for_each(|t| t.rotate(*x, *z, controls, &turn.inverse()));
                }
            }
            Kernel::Phase { slot } => {
                let turn = self.angles.turn(*slot);
                if self.slot_matters(*slot, wanted) {
                    let sums = psi.unphase(lambda.planes, controls, turn);
                    add(&mut gradients[*slot], &sums, self.plan.lanes);
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
                if let Some([_, adjoint]) = &self.prepared.matrices[index] {
                    [psi, lambda].iter().for_each(|t| t.multiply(adjoint, controls));
                }
            }
        }
    }

    pub(super) fn slot_matters(&self, slot: usize, wanted: Wanted) -> bool {
        let slot = &self.program.slots[slot];
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
        let steps = &self.program.steps;
        let to_the_start = wanted.inputs && self.program.embedding.is_some();
        let first = if to_the_start { Some(0) } else { steps.iter().position(|step| self.matters(step, wanted)) };
        let first = first.unwrap_or(steps.len());
        (first..steps.len()).rev().for_each(|index| self.undo(index, wanted, gradients));
    }

    fn embed(&mut self, embedding: Embedding, first: usize, count: usize) {
        self.psi.clear();
        for lane in 0..count {
            let features = self.embedded(embedding, first + lane);
            let norm = norm(features);
            for (amplitude, feature) in features.iter().enumerate() {
                self.psi.re[amplitude * self.plan.lanes + lane] = T::from_f64(feature.to_f64() / norm);
            }
        }
    }

    /// Adds the gradient in the embedded features, once λ is back at the start: with `y = x / |x|` and
    /// `g = dL/dy = 2 Re λ`, it is `(g - y (y . g)) / |x|`.
    fn unembed(&self, embedding: Embedding, first: usize, rows: &mut [T]) {
        let Some(lambda) = &self.lambda else { return };
        for (lane, row) in rows.chunks_mut(self.program.inputs).enumerate() {
            let features = self.embedded(embedding, first + lane);
            let norm = norm(features);
            let slope = |k: usize| 2.0 * lambda.re[k * self.plan.lanes + lane].to_f64();
            let along: f64 = features.iter().enumerate().map(|(k, x)| x.to_f64() / norm * slope(k)).sum();
            for (k, x) in features.iter().enumerate() {
                row[embedding.first + k] = T::from_f64((slope(k) - x.to_f64() / norm * along) / norm);
            }
        }
    }

    fn embedded(&self, embedding: Embedding, sample: usize) -> &'a [T] {
        let start = sample * self.program.inputs + embedding.first;
        &self.arguments.inputs[start..start + embedding.count]
    }
}

/// The Euclidean norm, scaled so that neither tiny nor huge features lose it.
fn norm<T: Real>(features: &[T]) -> f64 {
    let largest = features.iter().map(|x| x.to_f64().abs()).fold(0.0, f64::max);
    let sum: f64 = features.iter().map(|x| (x.to_f64() / largest).powi(2)).sum();
    largest * sum.sqrt()
}

/// Adds a kernel's sums to a slot. A block of one sample used all vector lanes for it.
fn add(slot: &mut [f64; LANES], sums: &[f64; LANES], lanes: usize) {
    if lanes == 1 {
        slot[0] += sums.iter().sum::<f64>();
    } else {
        slot.iter_mut().zip(sums).for_each(|(slot, sum)| *slot += sum);
    }
}
