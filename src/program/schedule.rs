//! The schedule of a block of samples: a layered program's layers as passes over groups of amplitudes.

use super::Program;
use super::layered::{self, LayeredProgram, Phase, Rotation, Source};

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
        let bases = (0..1u64 << qubits).filter(even).map(|index| index as u32);
        let distance = |position: usize| {
            let flipped = rotations.iter().enumerate().filter(|(k, _)| position >> k & 1 == 1);
            flipped.fold(0, |distance, (_, rotation)| distance ^ rotation.flip_mask as usize)
        };
        Self { rotations: rotations.to_vec(), bases: bases.collect(), distances: std::array::from_fn(distance) }
    }

    /// Passes for the rotations of a layer, the smallest first: it also does the phases, if there are any.
    pub(crate) fn split(rotations: &[Rotation], qubits: usize, phases: bool) -> Vec<Self> {
        let count = rotations.len().div_ceil(MAX_ROTATIONS).max(usize::from(phases));
        let at = |k: usize| k * rotations.len() / count;
        (0..count).map(|k| Self::new(&rotations[at(k)..at(k + 1)], qubits)).collect()
    }
}

/// A phase that all samples share: `exp(i φ w)` with `w(p) = sum of weight * (-1)^|p & mask|` over physical indices `p`.
///
/// Sums of such phases are Walsh-Hadamard transforms, and so are their gradients.
#[derive(Debug, Clone)]
pub(crate) struct SharedPhase {
    pub(crate) source: Source,
    pub(crate) walsh: Vec<(u64, f64)>,
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
}

impl Layer {
    fn new(program: &Program, layer: &layered::Layer) -> Self {
        let varies = |phase: &&Phase| match phase.source {
            Source::Slot(slot) => program.slots[slot].reads_inputs(),
            Source::Fixed(_) => false,
        };
        let (varying, shared): (Vec<&Phase>, Vec<_>) = layer.phases.iter().partition(varies);
        let shared = shared.iter().map(|phase| SharedPhase { source: phase.source, walsh: phase.region.walsh() });
        let passes = Pass::split(&layer.rotations, program.qubits, shared.len() > 0);
        Self { shared: shared.collect(), varying: varying.into_iter().cloned().collect(), passes }
    }
}
