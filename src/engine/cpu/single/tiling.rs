//! Tiling of a single state: the layers of a layered program as sweeps over tiles that fit the cache.
//!
//! A vector has the amplitudes of all values of the lowest four bits, which are the lanes of a tile. The
//! [tile planner](crate::engine::tile_planner) cuts the layers. Here its plan becomes indices of vectors: a tile is
//! `2^local` vectors, on which rotation `k` joins local indices that differ in one bit, with a sign for each lane.
//! Rotations whose flip mask changes lanes alone are done inside a vector.

use crate::engine::cpu::pass::Pass;
use crate::engine::cpu::steps::placed::Placed;
use crate::engine::simd::LANE_QUBITS;
use crate::engine::tile_planner::{PlanNode, PlannedSweep, Term, TilePlanner, TileShape, terms};
use crate::gf2::{parities, xor_of};
use crate::program::layered::{LayeredProgram, Node, Rotation, Source};
use crate::program::{IndexMap, Parity, Program};
use std::sync::OnceLock;

/// Bits of a local index in a sweep that needs no more bits. With them, ψ and λ of a tile fit the first-level cache.
const LOCAL: usize = 7;

/// Largest number of rotations across vectors in a sweep, each with a bit of the local index. Measured from 6 to 11:
/// with more rotations there are fewer sweeps, but tiles leave the cache.
const MAX_ACROSS: usize = 8;

/// State tiling of a program.
#[derive(Debug, Clone)]
pub(crate) struct StateTiling {
    pub(crate) nodes: Vec<TileNode>,
}

/// Node behind the start of a program.
#[derive(Debug, Clone)]
pub(crate) enum TileNode {
    Sweep(Sweep),
    /// General step of the program.
    Step {
        index: usize,
        placed: Placed,
    },
    /// Permutation of every amplitude from its stored to its logical index.
    Permute(IndexMap),
}

/// Sweep over the state: loose phases, a table, rotations, a table.
#[derive(Debug, Clone)]
pub(crate) struct Sweep {
    /// Basis of the first indices of tiles.
    pub(crate) tiles: Vec<u64>,
    /// Offset (by XOR) of each local vector from the first index of a tile.
    pub(crate) offsets: Vec<usize>,
    /// Phases by stored index.
    pub(crate) loose: Vec<Term>,
    /// Phases by local index, with the lanes in the lowest bits.
    pub(crate) before: Vec<Term>,
    /// Rotations inside vectors.
    pub(crate) within: Vec<Rotation>,
    /// Rotations across vectors.
    pub(crate) across: Vec<Rotation>,
    /// Passes of the rotations across vectors, in local indices.
    pub(crate) passes: Vec<Pass>,
    /// Phases after the rotations, with masks as in `before`.
    pub(crate) after: Vec<Term>,
}

/// Shape of the tiles of a state of more than [`LANE_QUBITS`] qubits.
fn shape(qubits: usize) -> TileShape {
    TileShape {
        qubits,
        bits: qubits.min(LANE_QUBITS + LOCAL),
        least_lanes: LANE_QUBITS,
        most_lanes: LANE_QUBITS,
        across: MAX_ACROSS.min(qubits - LANE_QUBITS),
    }
}

/// Tiling of a program, once it is made.
#[derive(Debug, Default)]
struct Made(OnceLock<StateTiling>);

impl StateTiling {
    /// Returns the tiling of a program, which is made at the first call.
    pub(crate) fn of(program: &Program) -> &Self {
        program.cache.entry::<Made>().0.get_or_init(|| Self::new(program, program.layered()))
    }

    /// Whether the tiling of a program has been made.
    pub(crate) fn is_made(program: &Program) -> bool {
        program.cache.entry::<Made>().0.get().is_some()
    }

    /// Makes the tiling of a program of more than [`LANE_QUBITS`] qubits.
    pub(crate) fn new(program: &Program, layered: &LayeredProgram) -> Self {
        let shape = shape(program.qubits);
        let mut planner = TilePlanner::new(shape);
        for node in &layered.nodes {
            match node {
                Node::Step { index, map } => {
                    let placed = Placed::new(&program.steps[*index], map);
                    planner.nodes.push(PlanNode::General(TileNode::Step { index: *index, placed }));
                }
                Node::Permute(index_map) => {
                    planner.nodes.push(PlanNode::General(TileNode::Permute(index_map.clone())));
                }
                Node::Layer(layer) => {
                    let parts = layer.phases.iter().flat_map(|phase| {
                        phase.region.walsh().into_iter().map(|(mask, weight)| (mask, phase.source, weight))
                    });
                    planner.layer(&layer.rotations, terms(parts), |term| Some(vec![term.mask]));
                }
            }
        }
        let node = |node| match node {
            PlanNode::Sweep(planned) => TileNode::Sweep(Sweep::new(&shape, planned)),
            PlanNode::General(node) => node,
        };
        let mut nodes: Vec<TileNode> = planner.nodes.into_iter().map(node).collect();
        nodes.iter_mut().for_each(TileNode::shrink);
        nodes.shrink_to_fit();
        Self { nodes }
    }

    /// Sizes of the tiling of a layered program, found without making it.
    pub(crate) fn size(program: &Program, layered: &LayeredProgram) -> TilingSize {
        let shape = shape(program.qubits);
        let mut size = TilingSize::default();
        for node in &layered.nodes {
            match node {
                Node::Layer(layer) => {
                    size.sweeps.extend(shape.sets(&layer.rotations).iter().map(|set| SweepSize::new(&shape, set)));
                    size.terms += layer.phases.iter().map(|phase| phase.region.terms()).sum::<usize>();
                }
                Node::Step { index, map } => {
                    let placed = Placed::new(&program.steps[*index], map);
                    size.others += (size_of::<TileNode>() + placed.bytes()) as u64;
                }
                Node::Permute(index_map) => size.others += size_of::<TileNode>() as u64 + index_map.bytes(),
            }
        }
        size
    }
}

/// Size of a tiling.
#[derive(Debug, Default)]
pub(crate) struct TilingSize {
    pub(crate) sweeps: Vec<SweepSize>,
    /// Upper bound of the number of terms of all phases. Terms of equal masks become one term.
    pub(crate) terms: usize,
    /// Bytes of the nodes that are not sweeps.
    others: u64,
}

/// Size of a sweep without its terms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SweepSize {
    /// Bits of a local index.
    pub(crate) local: usize,
    /// Rotations inside vectors.
    pub(crate) within: usize,
    /// Rotations across vectors.
    pub(crate) across: usize,
}

impl TilingSize {
    /// Upper bound of the bytes of the tiling.
    pub(crate) fn bytes(&self, qubits: usize) -> u64 {
        let sweep = |size: &SweepSize| {
            let numbers = (qubits - LANE_QUBITS - size.local) + (1 << size.local);
            let rotations = (size.within + size.across) * size_of::<Rotation>();
            let own = size_of::<TileNode>() + numbers * size_of::<usize>() + rotations;
            own as u64 + Pass::bytes_of_split(size.across, size.local, false).1
        };
        let terms = self.terms * (size_of::<Term>() + size_of::<(Source, f64)>());
        self.sweeps.iter().map(sweep).sum::<u64>() + terms as u64 + self.others
    }
}

impl SweepSize {
    fn new(shape: &TileShape, rotations: &[Rotation]) -> Self {
        let across = rotations.iter().filter(|rotation| shape.is_across(rotation)).count();
        Self { local: shape.bits_for(across) - LANE_QUBITS, within: rotations.len() - across, across }
    }

    /// Passes over a tile.
    pub(crate) fn passes(&self) -> usize {
        Pass::bytes_of_split(self.across, self.local, false).0
    }
}

impl TileNode {
    /// Frees the unused capacity of its lists.
    fn shrink(&mut self) {
        let Self::Sweep(sweep) = self else { return };
        [&mut sweep.within, &mut sweep.across].into_iter().for_each(Vec::shrink_to_fit);
        for terms in [&mut sweep.loose, &mut sweep.before, &mut sweep.after] {
            terms.shrink_to_fit();
            terms.iter_mut().for_each(|term| term.parts.shrink_to_fit());
        }
        sweep.tiles.shrink_to_fit();
    }
}

impl Sweep {
    fn new(shape: &TileShape, planned: PlannedSweep<Term>) -> Self {
        let PlannedSweep { cut, loose, before, rotations, after } = planned;
        let (across, within): (Vec<Rotation>, Vec<Rotation>) =
            rotations.into_iter().partition(|rotation| shape.is_across(rotation));
        let local: Vec<u64> = cut.idle.iter().chain(&cut.flip_masks).copied().collect();
        // Each rotation across vectors has one of the flip masks, in the same order.
        let localised = |(k, rotation): (usize, &Rotation)| {
            let mask = 1 << (cut.idle.len() + k);
            Rotation { flip_mask: mask, parity: Parity { mask, odd: false }, ..*rotation }
        };
        let localised: Vec<Rotation> = across.iter().enumerate().map(localised).collect();
        let by_local_index = |terms: Vec<Term>| -> Vec<Term> {
            let lanes = (1 << LANE_QUBITS) - 1;
            let mask = |mask: u64| mask & lanes | parities(&local, mask) << LANE_QUBITS;
            terms.into_iter().map(|term| Term { mask: mask(term.mask), ..term }).collect()
        };
        Self {
            tiles: cut.tiles,
            offsets: (0..1 << local.len()).map(|index| xor_of(&local, index) as usize).collect(),
            loose,
            before: by_local_index(before),
            within,
            across,
            passes: Pass::split(&localised, local.len(), false),
            after: by_local_index(after),
        }
    }

    pub(crate) fn size(&self) -> SweepSize {
        let local = self.offsets.len().ilog2() as usize;
        SweepSize { local, within: self.within.len(), across: self.across.len() }
    }

    /// Sources of the sweep's angles.
    pub(crate) fn sources(&self) -> impl Iterator<Item = Source> {
        let rotations = self.within.iter().chain(&self.across).map(|rotation| rotation.source);
        let terms = self.loose.iter().chain(&self.before).chain(&self.after);
        rotations.chain(terms.flat_map(|term| term.parts.iter().map(|(source, _)| *source)))
    }
}
