//! One worker: a call, the memory that it writes to, and general steps on its states.

use crate::engine::cpu::angles::Angles;
use crate::engine::cpu::context::Call;
use crate::engine::cpu::product_start::{Prepare, Qubit, Undo};
use crate::engine::cpu::scratch::Scratch;
use crate::engine::cpu::state::State;
use crate::engine::cpu::steps::forward::{CosSin, Target};
use crate::engine::cpu::steps::placed::Placed;
use crate::engine::simd::LANES;
use crate::engine::simd::arch::current_arch;
use crate::engine::{NeedsGrad, Real};
use crate::program::{Source, Step};

/// Worker with the scratch of one thread.
#[derive(Debug)]
pub(super) struct Worker<'a, T> {
    pub(super) call: &'a Call<'a, T>,
    pub(super) scratch: &'a mut Scratch<T>,
}

impl<T: Real> Worker<'_, T> {
    /// First sample and number of samples of a block.
    pub(super) fn samples(&self, block: usize) -> (usize, usize) {
        let Call { partition, arguments, .. } = self.call;
        let first = block * partition.lanes;
        (first, partition.lanes.min(arguments.batch - first))
    }

    pub(super) fn target(&mut self) -> Target<T> {
        target(&mut self.scratch.block.psi, self.call.partition.spread_state)
    }

    /// ψ and λ in the form that general steps take.
    fn targets(&mut self) -> [Target<T>; 2] {
        let psi = self.target();
        [psi, Target { planes: self.scratch.lambda.planes(), ..psi }]
    }

    /// Cosines and sines of all slots.
    pub(super) fn angles(&self) -> Angles<'_, T> {
        Angles::new(&self.call.prepared.angles, &self.scratch.block.angles, &self.scratch.single)
    }

    /// Computes the qubits of the product start.
    pub(super) fn prepare_start(&mut self) {
        let start = &self.call.program.layered().start;
        let mut to = std::mem::take(&mut self.scratch.block.start);
        to.resize(start.len(), Qubit::zero());
        current_arch().dispatch(Prepare { start, angles: self.angles(), to: &mut to });
        self.scratch.block.start = to;
    }

    /// Computes cosines and sines of `count` samples from `first` on.
    pub(super) fn fill_angles(&mut self, first: usize, count: usize) {
        let Call { program, arguments, partition, prepared } = *self.call;
        let (angles, single) = (&mut self.scratch.block.angles, &mut self.scratch.single);
        angles.fill(program, arguments, &prepared.angles, (first, count, partition.lanes), single);
    }

    /// Cosine and sine of a source.
    fn of_source(&self, source: Source) -> CosSin<T> {
        match source {
            Source::Slot(slot) => self.angles().cos_sin(slot),
            Source::Fixed(value) => CosSin::fixed(value),
        }
    }

    /// Applies step `index` of the program, which has been placed, to ψ.
    pub(super) fn apply_step(&mut self, index: usize, placed: &Placed) {
        let target = self.target();
        match placed {
            Placed::Mix { source, word, at } => target.rotate(*word, at, &self.of_source(*source)),
            Placed::Diagonal { source, sign, at } => target.spin(*sign, at, &self.of_source(*source)),
            Placed::Exchange { flip_mask, at } => target.exchange(*flip_mask, at),
            Placed::Matrix => {
                if let Some([matrix, _]) = &self.call.prepared.matrices[index] {
                    target.multiply(matrix, self.call.program.steps[index].controls);
                }
            }
        }
    }

    /// Undoes step `index` of the program, which has been placed, on ψ and λ. Adds to the gradient of its slot, if the slot
    /// needs a gradient.
    pub(super) fn undo_step(
        &mut self,
        index: usize,
        placed: &Placed,
        needs_grad: NeedsGrad,
        gradients: &mut [[f64; LANES]],
    ) {
        let lanes = self.call.partition.lanes;
        let [psi, lambda] = self.targets();
        let needed = |source: Source| match source {
            Source::Slot(slot) if self.slot_matters(slot, needs_grad) => Some(slot),
            Source::Slot(_) | Source::Fixed(_) => None,
        };
        match placed {
            Placed::Mix { source, word, at } => {
                let by = self.of_source(*source);
                match needed(*source) {
                    Some(slot) => {
                        add(&mut gradients[slot], &psi.unrotate(lambda.planes, *word, at, &by), lanes);
                    }
                    None => [psi, lambda].iter().for_each(|t| t.rotate(*word, at, &by.inverse())),
                }
            }
            Placed::Diagonal { source, sign, at } => {
                let by = self.of_source(*source);
                match needed(*source) {
                    Some(slot) => add(&mut gradients[slot], &psi.unspin(lambda.planes, *sign, at, &by), lanes),
                    None => [psi, lambda].iter().for_each(|t| t.spin(*sign, at, &by.inverse())),
                }
            }
            Placed::Exchange { flip_mask, at } => [psi, lambda].iter().for_each(|t| t.exchange(*flip_mask, at)),
            Placed::Matrix => {
                if let Some([_, adjoint]) = &self.call.prepared.matrices[index] {
                    let controls = self.call.program.steps[index].controls;
                    [psi, lambda].iter().for_each(|t| t.multiply(adjoint, controls));
                }
            }
        }
    }

    pub(super) fn slot_matters(&self, slot: usize, needs_grad: NeedsGrad) -> bool {
        needs_grad.reaches(&self.call.program.slots[slot])
    }

    /// Whether an angle of the product start needs a gradient.
    pub(super) fn start_matters(&self, needs_grad: NeedsGrad) -> bool {
        self.call.program.layered().start.iter().flatten().any(|step| self.angle_matters(step, needs_grad))
    }

    /// Undoes the gates of the product start on each qubit and its λ.
    pub(super) fn reverse_qubits(&self, needs_grad: NeedsGrad, gradients: &mut [[f64; LANES]]) {
        let (qubits, lambdas) = (&self.scratch.block.start, &self.scratch.lambdas);
        let (start, angles) = (&self.call.program.layered().start, self.angles());
        let matters = |steps: &[Step]| steps.iter().any(|step| self.angle_matters(step, needs_grad));
        current_arch().dispatch(Undo { start, qubits, lambdas, angles, matters, gradients });
    }

    pub(super) fn source_matters(&self, source: Source, needs_grad: NeedsGrad) -> bool {
        match source {
            Source::Slot(slot) => self.slot_matters(slot, needs_grad),
            Source::Fixed(_) => false,
        }
    }

    /// Whether the angle of a step needs a gradient.
    pub(super) fn angle_matters(&self, step: &Step, needs_grad: NeedsGrad) -> bool {
        step.kernel.slot().is_some_and(|slot| self.slot_matters(slot, needs_grad))
    }
}

/// Adds a kernel's sums to a slot. In a block of one sample the kernel has used all lanes for this sample.
fn add(slot: &mut [f64; LANES], sums: &[f64; LANES], lanes: usize) {
    if lanes == 1 {
        slot[0] += sums.iter().sum::<f64>();
    } else {
        slot.iter_mut().zip(sums).for_each(|(slot, sum)| *slot += sum);
    }
}

/// Returns the state that general steps work on.
fn target<T: Real>(state: &mut State<T>, spread: bool) -> Target<T> {
    let (qubits, lanes) = (state.qubits, state.lanes);
    Target { planes: state.planes(), qubits, lanes, spread }
}
