//! Batch passes of a program: the layers of a layered program as passes over groups of amplitudes, for 16 samples.

use crate::engine::cpu::batch::varying::{VaryingPhases, pattern_bytes};
use crate::engine::cpu::pass::{MAX_ROTATIONS, Pass};
use crate::engine::cpu::steps::placed::Placed;
use crate::engine::tile_planner;
use crate::program::layered::{self, LayeredProgram};
use crate::program::{IndexMap, Phase, Program, Source};
use std::sync::OnceLock;

/// Batch passes of a program, in order.
#[derive(Debug, Clone)]
pub(crate) struct BatchPasses {
    pub(crate) nodes: Vec<Node>,
}

/// Node behind the start of a program.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    /// Phases, then rotations.
    Layer(Layer),
    /// General step of the program.
    Step { index: usize, placed: Placed },
    /// Permutation of every amplitude from its stored to its logical index.
    Permute(IndexMap),
}

/// Phases that commute, then rotations.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    /// Phases that all samples share.
    pub(crate) shared: Vec<SharedPhase>,
    /// Phases that differ from sample to sample.
    pub(crate) varying: VaryingPhases,
    pub(crate) passes: Vec<Pass>,
}

/// Phase that all samples share: `exp(i φ w)` with `w(p) = sum of weight * (-1)^|p & mask|` over stored indices `p`.
///
/// Sums of shared phases are Walsh-Hadamard transforms, and so are the gradients of the phases.
#[derive(Debug, Clone)]
pub(crate) struct SharedPhase {
    pub(crate) source: Source,
    pub(crate) walsh: Vec<(u64, f64)>,
}

/// Size of a layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerSize {
    pub(crate) rotations: usize,
    pub(crate) passes: usize,
    /// Whether the layer has phases that all samples share.
    pub(crate) has_shared: bool,
}

impl LayerSize {
    /// Sizes of the passes that a layer of a layered program becomes.
    fn of(program: &Program, layer: &layered::Layer) -> Self {
        let (rotations, has_shared) =
            (layer.rotations.len(), layer.phases.iter().any(|phase| !program.varies(phase.source)));
        let passes = tile_planner::passes(rotations, MAX_ROTATIONS, has_shared);
        Self { rotations, passes: passes.len(), has_shared }
    }
}

/// Batch passes of a program, once they are made.
#[derive(Debug, Default)]
struct Made(OnceLock<BatchPasses>);

impl BatchPasses {
    /// Returns the batch passes of a program, which are made at the first call.
    pub(crate) fn of(program: &Program) -> &Self {
        program.cache.entry::<Made>().0.get_or_init(|| Self::new(program, program.layered()))
    }

    /// Whether the batch passes of a program have been made.
    pub(crate) fn are_made(program: &Program) -> bool {
        program.cache.entry::<Made>().0.get().is_some()
    }

    pub(crate) fn new(program: &Program, layered: &LayeredProgram) -> Self {
        let node = |node: &layered::Node| match node {
            layered::Node::Layer(layer) => Node::Layer(Layer::new(program, layer)),
            layered::Node::Step { index, map } => {
                Node::Step { index: *index, placed: Placed::new(&program.steps[*index], map) }
            }
            layered::Node::Permute(index_map) => Node::Permute(index_map.clone()),
        };
        Self { nodes: layered.nodes.iter().map(node).collect() }
    }

    /// Sizes of the layers of a program's batch passes, found without making the passes.
    pub(crate) fn sizes(program: &Program, layered: &LayeredProgram) -> impl Iterator<Item = LayerSize> {
        layered.nodes.iter().filter_map(|node| match node {
            layered::Node::Layer(layer) => Some(LayerSize::of(program, layer)),
            layered::Node::Step { .. } | layered::Node::Permute(_) => None,
        })
    }

    /// Upper bound of the bytes of a program's batch passes, found without making them.
    pub(crate) fn bytes(program: &Program, layered: &LayeredProgram) -> u64 {
        let node = |node: &layered::Node| match node {
            layered::Node::Layer(layer) => Layer::bytes(program, layer),
            layered::Node::Step { index, map } => Placed::new(&program.steps[*index], map).bytes() as u64,
            layered::Node::Permute(index_map) => index_map.bytes(),
        };
        let nodes: u64 = layered.nodes.iter().map(node).sum();
        nodes + (layered.nodes.len() * size_of::<Node>()) as u64
    }
}

impl Layer {
    fn new(program: &Program, layer: &layered::Layer) -> Self {
        let varies = |phase: &&Phase| program.varies(phase.source);
        let (varying, shared): (Vec<&Phase>, Vec<_>) = layer.phases.iter().partition(varies);
        let shared = shared.iter().map(|phase| SharedPhase { source: phase.source, walsh: phase.region.walsh() });
        let passes = Pass::split(&layer.rotations, program.qubits, shared.len() > 0);
        let varying = VaryingPhases::new(varying.into_iter().cloned().collect(), program.qubits);
        Self { shared: shared.collect(), varying, passes }
    }

    pub(crate) fn size(&self) -> LayerSize {
        LayerSize {
            rotations: self.passes.iter().map(|pass| pass.rotations.len()).sum(),
            passes: self.passes.len(),
            has_shared: !self.shared.is_empty(),
        }
    }

    /// Upper bound of the bytes of a layer, found without making it.
    fn bytes(program: &Program, layer: &layered::Layer) -> u64 {
        let phase = |phase: &Phase| match program.varies(phase.source) {
            true => size_of::<Phase>() + phase.region.bytes(),
            false => size_of::<SharedPhase>() + phase.region.terms() * size_of::<(u64, f64)>(),
        };
        let phases: usize = layer.phases.iter().map(phase).sum();
        let varying = layer.phases.iter().filter(|phase| program.varies(phase.source)).count();
        let phases = phases + pattern_bytes(program.qubits, varying);
        let size = LayerSize::of(program, layer);
        Pass::bytes_of_split(size.rotations, program.qubits, size.has_shared).1 + phases as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::{Circuit, input};
    use crate::engine::cpu::single::tiling::{StateTiling, TileNode};
    use crate::measurement::Measurement;
    use crate::observable::Z;

    fn program(qubits: usize) -> Program {
        let mut circuit = Circuit::new(qubits);
        let w = circuit.weights("w", (3, qubits));
        for layer in 0..3 {
            for q in 0..qubits {
                circuit.ry(w.at([layer, q]), q).rz(input(q), q);
            }
            for q in 1..qubits {
                circuit.cz(q - 1, q).cx(q, q - 1);
            }
            circuit.cp(input(0), 0, qubits - 1).ccx(0, 1, 2);
        }
        Program::new(&circuit, &Measurement::expectation([Z(0)])).expect("a valid circuit")
    }

    fn held<T>(list: &Vec<T>) -> u64 {
        (list.capacity() * size_of::<T>()) as u64
    }

    fn held_by_passes(passes: &Vec<Pass>) -> u64 {
        held(passes) + passes.iter().map(|pass| held(&pass.rotations) + held(&pass.bases)).sum::<u64>()
    }

    #[test]
    fn bytes_are_known_before_a_schedule_is_made() {
        for qubits in 3..=10 {
            let program = program(qubits);
            let schedule = BatchPasses::of(&program);
            let of_node = |node: &Node| match node {
                Node::Layer(layer) => {
                    let shared = layer.shared.iter().map(|phase| held(&phase.walsh)).sum::<u64>();
                    let varying = layer.varying.phases.iter().map(|phase| phase.region.bytes() as u64).sum::<u64>();
                    let varying = varying + layer.varying.held() as u64;
                    held_by_passes(&layer.passes) + held(&layer.shared) + held(&layer.varying.phases) + shared + varying
                }
                Node::Step { placed, .. } => placed.bytes() as u64,
                Node::Permute(index_map) => index_map.bytes(),
            };
            let found = held(&schedule.nodes) + schedule.nodes.iter().map(of_node).sum::<u64>();
            let said = BatchPasses::bytes(&program, program.layered());
            assert!(found <= said && said < found + found / 16, "{qubits} qubits: {said} said, {found} found");
        }
    }

    #[test]
    fn bytes_are_known_before_a_tiling_is_made() {
        for qubits in 5..=16 {
            let program = program(qubits);
            let tiling = StateTiling::of(&program);
            let of_node = |node: &TileNode| match node {
                TileNode::Sweep(sweep) => {
                    let terms = [&sweep.loose, &sweep.before, &sweep.after];
                    let parts = terms.iter().flat_map(|terms| terms.iter()).map(|term| held(&term.parts));
                    let lists = terms.iter().map(|terms| held(terms)).sum::<u64>() + parts.sum::<u64>();
                    let numbers = held(&sweep.tiles) + held(&sweep.offsets);
                    lists + numbers + held(&sweep.within) + held(&sweep.across) + held_by_passes(&sweep.passes)
                }
                TileNode::Step { placed, .. } => placed.bytes() as u64,
                TileNode::Permute(index_map) => index_map.bytes(),
            };
            let found = held(&tiling.nodes) + tiling.nodes.iter().map(of_node).sum::<u64>();
            let said = StateTiling::size(&program, program.layered()).bytes(qubits);
            assert!(found <= said && said < found + found / 4, "{qubits} qubits: {said} said, {found} found");
        }
    }
}
