//! Execution of a block of 16 samples by its [`BatchPasses`]: product start, layers, general steps.

use crate::engine::cpu::angles::Angles;
use crate::engine::cpu::batch::passes::{BatchPasses, Layer, Node};
use crate::engine::cpu::batch::tables::{LayerTables, phase_gradients};
use crate::engine::cpu::batch::varying::VaryingPhases;
use crate::engine::cpu::context::Call;
use crate::engine::cpu::passes::{Rotors, apply_pass, undo_pass};
use crate::engine::cpu::product_start;
use crate::engine::cpu::scratch::{Block, Scratch};
use crate::engine::cpu::worker::Worker;
use crate::engine::simd::LANES;
use crate::engine::{NeedsGrad, Real};
use crate::program::{Phase, Rotation, Source};

impl<T: Real> Worker<'_, T> {
    /// Computes the final states of a block of 16 samples.
    pub(crate) fn run_batch_passes(&mut self) {
        let Call { program, partition, prepared, .. } = *self.call;
        if program.embedding.is_none() {
            self.prepare_start();
            let Block { psi, start, .. } = &mut self.scratch.block;
            product_start::build_product(psi, start);
        }
        for (node, shared) in BatchPasses::of(program).nodes.iter().zip(&prepared.layers) {
            match node {
                Node::Step { index, placed } => self.apply_step(*index, placed),
                Node::Permute(index_map) => {
                    self.scratch.permuter.permute(
                        &mut self.scratch.block.psi,
                        index_map,
                        false,
                        partition.spread_state,
                    );
                }
                Node::Layer(layer) => self.with_shared(layer, shared, |worker, shared| {
                    worker.apply_varying(&layer.varying);
                    let planes = worker.scratch.block.psi.planes();
                    let (mut table, mut scratch) = (shared.table.as_ref(), Rotors::default());
                    for (k, pass) in layer.passes.iter().enumerate() {
                        let rotors = shared.rotors((k, pass), worker.angles(), false, &mut scratch);
                        apply_pass(pass, planes, rotors, table.take());
                    }
                }),
            }
        }
    }

    /// Calls `body` with the tables of a layer, which are computed here if the blocks do not share them.
    fn with_shared(&mut self, layer: &Layer, shared: &LayerTables<T>, body: impl FnOnce(&mut Self, &LayerTables<T>)) {
        if shared.made {
            return body(self, shared);
        }
        let mut own = std::mem::take(&mut self.scratch.layer);
        own.set(self.call.program, layer, &self.call.prepared.angles, &mut self.scratch.phases);
        body(self, &own);
        self.scratch.layer = own;
    }

    /// Undoes the batch passes on ψ and λ, and adds to the gradients of slots.
    pub(crate) fn reverse_batch_passes(&mut self, needs_grad: NeedsGrad, gradients: &mut [[f64; LANES]]) {
        let Call { program, partition, prepared, .. } = *self.call;
        let nodes = &BatchPasses::of(program).nodes;
        let start_matters = self.start_matters(needs_grad);
        let embedding_matters = needs_grad.inputs && program.embedding.is_some();
        let first = if start_matters || embedding_matters {
            0
        } else {
            nodes.iter().position(|node| self.node_matters(node, needs_grad)).unwrap_or(nodes.len())
        };
        for (node, shared) in nodes.iter().zip(&prepared.layers).skip(first).rev() {
            match node {
                Node::Step { index, placed } => self.undo_step(*index, placed, needs_grad, gradients),
                Node::Permute(index_map) => {
                    for state in [&mut self.scratch.block.psi, &mut self.scratch.lambda] {
                        self.scratch.permuter.permute(state, index_map, true, partition.spread_state);
                    }
                }
                Node::Layer(layer) => self.with_shared(layer, shared, |worker, shared| {
                    worker.reverse_layer(layer, shared, needs_grad, gradients);
                }),
            }
        }
        if start_matters {
            let Scratch { block: Block { psi, start, .. }, lambda, lambdas, .. } = &mut *self.scratch;
            product_start::take_apart(psi, lambda, start, lambdas);
            self.reverse_qubits(needs_grad, gradients);
        }
    }

    fn reverse_layer(
        &mut self,
        layer: &Layer,
        shared: &LayerTables<T>,
        needs_grad: NeedsGrad,
        gradients: &mut [[f64; LANES]],
    ) {
        let planes = (self.scratch.block.psi.planes(), self.scratch.lambda.planes());
        let mut overlaps = std::mem::take(&mut self.scratch.overlaps);
        let mut scratch = Rotors::default();
        let shared_matters = layer.shared.iter().any(|phase| self.source_matters(phase.source, needs_grad));
        if shared_matters {
            overlaps.clear();
            overlaps.resize(1 << self.call.program.qubits, 0.0);
        }
        for (k, (pass, prepared)) in layer.passes.iter().zip(&shared.passes).enumerate().rev() {
            let table = shared.table.as_ref().filter(|_| k == 0);
            let table = table.map(|table| (table, shared_matters.then_some(&mut overlaps[..])));
            let matters = |rotation: &Rotation| self.source_matters(rotation.source, needs_grad);
            let rotors = shared.rotors((k, pass), self.angles(), true, &mut scratch);
            if table.is_none() && !pass.rotations.iter().any(matters) {
                apply_pass(pass, planes.0, rotors, None);
                apply_pass(pass, planes.1, rotors, None);
                continue;
            }
            let sums = undo_pass(pass, planes, rotors, table);
            for ((rotation, weight), sums) in pass.rotations.iter().zip(prepared.weights).zip(&sums) {
                if let (Source::Slot(slot), true) = (rotation.source, matters(rotation)) {
                    gradients[slot].iter_mut().zip(sums).for_each(|(total, sum)| *total += weight * sum);
                }
            }
        }
        if shared_matters {
            phase_gradients(layer, &mut overlaps, shared.weight, gradients);
        }
        self.scratch.overlaps = overlaps;
        self.undo_varying(&layer.varying, needs_grad, gradients);
    }

    /// Applies the phases of a layer that differ from sample to sample.
    fn apply_varying(&mut self, phases: &VaryingPhases) {
        let Scratch { block: Block { psi, angles, .. }, single, varying, .. } = &mut *self.scratch;
        phases.apply(Angles::new(&self.call.prepared.angles, angles, single), psi, varying);
    }

    /// Undoes them on ψ and λ, and adds to their gradients.
    fn undo_varying(&mut self, phases: &VaryingPhases, needs_grad: NeedsGrad, gradients: &mut [[f64; LANES]]) {
        let call = self.call;
        let of_slot = |phase: &Phase| match phase.source {
            Source::Slot(slot) if needs_grad.reaches(&call.program.slots[slot]) => Some(slot),
            Source::Slot(_) | Source::Fixed(_) => None,
        };
        let has_gradient = phases.phases.iter().any(|phase| of_slot(phase).is_some());
        let Scratch { block: Block { psi, angles, .. }, lambda, single, varying, .. } = &mut *self.scratch;
        let angles = Angles::new(&call.prepared.angles, angles, single);
        phases.undo(angles, (psi, lambda), varying, has_gradient, |index, sums| {
            if let Some(slot) = of_slot(&phases.phases[index]) {
                gradients[slot].iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
            }
        });
    }

    fn node_matters(&self, node: &Node, needs_grad: NeedsGrad) -> bool {
        match node {
            Node::Permute(_) => false,
            Node::Step { index, .. } => self.angle_matters(&self.call.program.steps[*index], needs_grad),
            Node::Layer(layer) => {
                let shared = layer.shared.iter().map(|phase| phase.source);
                let varying = layer.varying.phases.iter().map(|phase| phase.source);
                let rotations = layer.passes.iter().flat_map(|pass| &pass.rotations).map(|rotation| rotation.source);
                shared.chain(varying).chain(rotations).any(|source| self.source_matters(source, needs_grad))
            }
        }
    }
}
