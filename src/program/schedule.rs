//! The schedule of a block of samples: a layered program's layers as passes over groups of amplitudes.

use super::Program;
use super::layered::{self, LayeredProgram, Phase, Rotation, Source};
use std::ops::Range;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct BatchPasses {
    pub(crate) nodes: Vec<Node>,
}

/// What follows the start.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    /// Phases, then rotations.
    Layer(Layer),
    /// A step of the program as it is; indices are logical here.
    Step { index: usize },
    /// Moves every amplitude from its physical to its logical index.
    Permute(super::IndexMap),
}

/// Phases that commute, then rotations.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    /// Phases that all samples share.
    pub(crate) shared: Vec<SharedPhase>,
    /// Phases that differ from sample to sample.
    pub(crate) varying: Vec<Phase>,
    pub(crate) passes: Vec<Pass>,
}

/// The most rotations of a pass: 8 amplitudes fill half the registers of AVX-512.
pub(crate) const MAX_ROTATIONS: usize = 3;

/// Up to three rotations done while the amplitudes are at hand, in groups of 1, 2, 4 or 8.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    pub(crate) rotations: Vec<Rotation>,
    /// Physical index of each group's first amplitude, at which the parities of all rotations are even.
    pub(crate) bases: Vec<u32>,
    /// XOR distance of the others: bit `k` of the position is rotation `k` of the pass.
    pub(crate) distances: [usize; 1 << MAX_ROTATIONS],
}

impl Pass {
    pub(crate) fn new(rotations: &[Rotation], qubits: usize) -> Self {
        let even = |index: &u64| rotations.iter().all(|rotation| !rotation.parity.of(*index));
        let mut bases = Vec::with_capacity(Self::groups(rotations.len(), qubits) as usize);
        bases.extend((0..1u64 << qubits).filter(even).map(|index| index as u32));
        let distance = |position: usize| {
            let flipped = rotations.iter().enumerate().filter(|(k, _)| position >> k & 1 == 1);
            flipped.fold(0, |distance, (_, rotation)| distance ^ rotation.flip_mask as usize)
        };
        Self { rotations: rotations.to_vec(), bases, distances: std::array::from_fn(distance) }
    }

    /// Groups of amplitudes that so many rotations of a pass mix.
    fn groups(rotations: usize, qubits: usize) -> u64 {
        1 << (qubits - rotations)
    }

    /// Passes for the rotations of a layer, the smallest first: it also does the phases, if there are any.
    pub(crate) fn split(rotations: &[Rotation], qubits: usize, phases: bool) -> Vec<Self> {
        portions(rotations.len(), phases).map(|portion| Self::new(&rotations[portion], qubits)).collect()
    }

    /// Returns how many passes [`split`](Self::split) makes, and bytes that they take.
    pub(crate) fn bytes_of_split(rotations: usize, qubits: usize, phases: bool) -> (usize, u64) {
        let pass = |portion: Range<usize>| {
            let numbers = portion.len() * size_of::<Rotation>() + size_of::<Self>();
            Self::groups(portion.len(), qubits) * size_of::<u32>() as u64 + numbers as u64
        };
        let portions = portions(rotations, phases);
        (portions.len(), portions.map(pass).sum())
    }
}

/// The rotations of each pass of a layer.
fn portions(rotations: usize, phases: bool) -> impl ExactSizeIterator<Item = Range<usize>> {
    let count = rotations.div_ceil(MAX_ROTATIONS).max(usize::from(phases));
    let at = move |k: usize| k * rotations / count;
    (0..count).map(move |k| at(k)..at(k + 1))
}

/// A phase that all samples share: `exp(i φ w)` with `w(p) = sum of weight * (-1)^|p & mask|` over physical indices `p`.
///
/// Sums of such phases are Walsh-Hadamard transforms, and so are their gradients.
#[derive(Debug, Clone)]
pub(crate) struct SharedPhase {
    pub(crate) source: Source,
    pub(crate) walsh: Vec<(u64, f64)>,
}

/// How large a layer is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerSize {
    pub(crate) rotations: usize,
    pub(crate) passes: usize,
    /// Whether it has phases that all samples share.
    pub(crate) has_shared: bool,
}

impl LayerSize {
    /// Sizes of the layer that a layered program's becomes.
    fn of(program: &Program, layer: &layered::Layer) -> Self {
        let (rotations, has_shared) =
            (layer.rotations.len(), layer.phases.iter().any(|phase| !program.varies(phase.source)));
        Self { rotations, passes: portions(rotations, has_shared).len(), has_shared }
    }
}

impl BatchPasses {
    pub(crate) fn new(program: &Program, layered: &LayeredProgram) -> Self {
        let node = |node: &layered::Node| match node {
            layered::Node::Layer(layer) => Node::Layer(Layer::new(program, layer)),
            layered::Node::Step { index } => Node::Step { index: *index },
            layered::Node::Permute(index_map) => Node::Permute(index_map.clone()),
        };
        Self { nodes: layered.nodes.iter().map(node).collect() }
    }

    /// Sizes of the layers of a layered program's schedule, found without making it.
    pub(crate) fn sizes(program: &Program, layered: &LayeredProgram) -> impl Iterator<Item = LayerSize> {
        layered.nodes.iter().filter_map(|node| match node {
            layered::Node::Layer(layer) => Some(LayerSize::of(program, layer)),
            layered::Node::Step { .. } | layered::Node::Permute(_) => None,
        })
    }

    /// Bytes that the schedule of a layered program takes at the most, found without making it.
    pub(crate) fn bytes(program: &Program, layered: &LayeredProgram) -> u64 {
        let node = |node: &layered::Node| match node {
            layered::Node::Layer(layer) => Layer::bytes(program, layer),
            layered::Node::Step { .. } => 0,
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
        Self { shared: shared.collect(), varying: varying.into_iter().cloned().collect(), passes }
    }

    pub(crate) fn size(&self) -> LayerSize {
        LayerSize {
            rotations: self.passes.iter().map(|pass| pass.rotations.len()).sum(),
            passes: self.passes.len(),
            has_shared: !self.shared.is_empty(),
        }
    }

    /// Bytes that a layer takes at the most, found without making it.
    fn bytes(program: &Program, layer: &layered::Layer) -> u64 {
        let phase = |phase: &Phase| match program.varies(phase.source) {
            true => size_of::<Phase>() + phase.region.bytes(),
            false => size_of::<SharedPhase>() + phase.region.terms() * size_of::<(u64, f64)>(),
        };
        let phases: usize = layer.phases.iter().map(phase).sum();
        let size = LayerSize::of(program, layer);
        Pass::bytes_of_split(size.rotations, program.qubits, size.has_shared).1 + phases as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::{Circuit, input};
    use crate::measurement::Measurement;
    use crate::observable::Z;
    use crate::program::{StateTiling, TileNode};

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
            let schedule = program.batch_passes();
            let of_node = |node: &Node| match node {
                Node::Layer(layer) => {
                    let shared = layer.shared.iter().map(|phase| held(&phase.walsh)).sum::<u64>();
                    let varying = layer.varying.iter().map(|phase| phase.region.bytes() as u64).sum::<u64>();
                    held_by_passes(&layer.passes) + held(&layer.shared) + held(&layer.varying) + shared + varying
                }
                Node::Step { .. } => 0,
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
            let tiling = program.state_tiling();
            let of_node = |node: &TileNode| match node {
                TileNode::Sweep(sweep) => {
                    let terms = [&sweep.loose, &sweep.before, &sweep.after];
                    let parts = terms.iter().flat_map(|terms| terms.iter()).map(|term| held(&term.parts));
                    let lists = terms.iter().map(|terms| held(terms)).sum::<u64>() + parts.sum::<u64>();
                    let numbers = held(&sweep.tiles) + held(&sweep.offsets);
                    lists + numbers + held(&sweep.within) + held(&sweep.across) + held_by_passes(&sweep.passes)
                }
                TileNode::Step { .. } => 0,
                TileNode::Permute(index_map) => index_map.bytes(),
            };
            let found = held(&tiling.nodes) + tiling.nodes.iter().map(of_node).sum::<u64>();
            let said = StateTiling::size(qubits, program.layered()).bytes(qubits);
            assert!(found <= said && said < found + found / 4, "{qubits} qubits: {said} said, {found} found");
        }
    }
}
