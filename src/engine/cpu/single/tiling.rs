//! Tiling of a single state: the layers of a layered program as sweeps over tiles that fit the cache.
//!
//! A vector has the amplitudes of all values of the lowest four bits. A *sweep* does a set of a layer's rotations. Over
//! GF(2) the indices are the sum of three spaces,
//!
//! ```text
//! index = tile + local + lane
//! ```
//!
//! The space of `local` has the flip masks of the set, and some further bits, so that tiles are longer pieces of
//! memory. The basis of the tiles is chosen such that no rotation's parity depends on the tile. So every tile is the
//! same small problem: `2^local` vectors, on which rotation `k` joins local indices that differ in one bit, with a sign
//! for each lane. Rotations whose flip mask changes lanes alone are done inside a vector.
//!
//! If the parity of a phase does not depend on the tile, the phase goes into one table for all tiles, before or after
//! an adjacent set of rotations. The other phases are *loose*: they are done one by one.

use crate::engine::cpu::pass::Pass;
use crate::engine::cpu::simd::LANE_QUBITS;
use crate::gf2::Basis;
use crate::program::layered::{LayeredProgram, Node, Phase, Rotation, Source};
use crate::program::{IndexMap, Parity, Program};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Bits of a local index in a sweep that needs no more bits. With them, ψ and λ of a tile fit the first-level cache.
const LOCAL: usize = 7;

/// Largest number of rotations across vectors in a sweep, each with a bit of the local index. Measured from 6 to 11:
/// with more rotations there are fewer sweeps, but tiles leave the cache.
const MAX_ACROSS: usize = 8;

/// Largest number of sweeps by which a phase moves back to a sweep whose table can take it.
const MAX_BACK: usize = 8;

/// State tiling of a program.
#[derive(Debug, Clone)]
pub(crate) struct StateTiling {
    pub(crate) nodes: Vec<TileNode>,
}

/// Node behind the start of a program.
#[derive(Debug, Clone)]
pub(crate) enum TileNode {
    Sweep(Sweep),
    /// Step of the program, unchanged. Indices are logical here.
    Step {
        index: usize,
    },
    /// Permutation of every amplitude from its stored to its logical index.
    Permute(IndexMap),
}

/// Sweep over the state: loose phases, a table, rotations, a table.
#[derive(Debug, Clone)]
pub(crate) struct Sweep {
    /// Basis of the first indices of tiles.
    pub(crate) tiles: Vec<usize>,
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

/// Phase `exp(i angle (-1)^|index & mask|)`, where the angle is a sum of weighted sources.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Term {
    pub(crate) mask: u64,
    pub(crate) parts: Vec<(Source, f64)>,
}

/// Tiling of a program, once it is made.
#[derive(Debug, Default)]
struct Made(OnceLock<StateTiling>);

impl StateTiling {
    /// Returns the tiling of a program, which is made at the first call.
    pub(crate) fn of(program: &Program) -> &Self {
        program.cache.entry::<Made>().0.get_or_init(|| Self::new(program.qubits, program.layered()))
    }

    /// Whether the tiling of a program has been made.
    pub(crate) fn is_made(program: &Program) -> bool {
        program.cache.entry::<Made>().0.get().is_some()
    }

    /// Makes the tiling of a program of more than [`LANE_QUBITS`] qubits.
    pub(crate) fn new(qubits: usize, layered: &LayeredProgram) -> Self {
        let mut nodes = Vec::new();
        for node in &layered.nodes {
            match node {
                Node::Step { index } => nodes.push(TileNode::Step { index: *index }),
                Node::Permute(index_map) => nodes.push(TileNode::Permute(index_map.clone())),
                Node::Layer(layer) => {
                    let sets = sets(qubits, &layer.rotations).into_iter();
                    let mut sweeps: Vec<Sweep> = sets.map(|set| Sweep::new(qubits, set)).collect();
                    for term in terms(&layer.phases) {
                        place(term, &mut nodes, &mut sweeps);
                    }
                    nodes.extend(sweeps.into_iter().map(TileNode::Sweep));
                }
            }
        }
        nodes.iter_mut().for_each(TileNode::shrink);
        nodes.shrink_to_fit();
        Self { nodes }
    }

    /// Sizes of the tiling of a layered program, found without making it.
    pub(crate) fn size(qubits: usize, layered: &LayeredProgram) -> TilingSize {
        let mut size = TilingSize::default();
        for node in &layered.nodes {
            match node {
                Node::Layer(layer) => {
                    size.sweeps.extend(sets(qubits, &layer.rotations).iter().map(|set| set.size(qubits)));
                    size.terms += layer.phases.iter().map(|phase| phase.region.terms()).sum::<usize>();
                }
                Node::Step { .. } => size.others += size_of::<TileNode>() as u64,
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

/// Phases by their masks.
fn terms(phases: &[Phase]) -> Vec<Term> {
    let mut terms: BTreeMap<u64, Vec<(Source, f64)>> = BTreeMap::new();
    for phase in phases {
        for (mask, weight) in phase.region.walsh() {
            terms.entry(mask).or_default().push((phase.source, weight));
        }
    }
    terms.into_iter().map(|(mask, parts)| Term { mask, parts }).collect()
}

/// Puts a phase before `sweeps` into a table of theirs, or into the table of an adjacent earlier sweep. A phase that
/// fits no table becomes a loose phase of the first sweep.
fn place(term: Term, nodes: &mut [TileNode], sweeps: &mut [Sweep]) {
    for sweep in &mut *sweeps {
        if let Some(mask) = sweep.local(term.mask) {
            sweep.before.push(Term { mask, ..term });
            return;
        }
        if !sweep.commutes(term.mask) {
            break;
        }
    }
    for node in nodes.iter_mut().rev().take(MAX_BACK) {
        let TileNode::Sweep(sweep) = node else { break };
        if let Some(mask) = sweep.local(term.mask) {
            sweep.after.push(Term { mask, ..term });
            return;
        }
        if !sweep.commutes(term.mask) {
            break;
        }
    }
    if let Some(first) = sweeps.first_mut() {
        first.loose.push(term);
    }
}

/// Rotations of a sweep.
struct Set {
    /// Basis of the flip masks of the rotations across vectors.
    basis: Basis,
    within: Vec<Rotation>,
    across: Vec<Rotation>,
}

/// Sets of a layer's rotations, one for each sweep; at least one set.
fn sets(qubits: usize, rotations: &[Rotation]) -> Vec<Set> {
    let vectors = |rotation: &&Rotation| rotation.flip_mask >> LANE_QUBITS != 0;
    let count = rotations.iter().filter(vectors).count();
    let least = count.div_ceil(MAX_ACROSS.min(qubits - LANE_QUBITS)).max(1);
    let most = count.div_ceil(least);
    let mut rest = rotations.to_vec();
    let mut sets = Vec::new();
    while sets.is_empty() || !rest.is_empty() {
        let mut set = Set { basis: Basis::default(), within: Vec::new(), across: Vec::new() };
        rest.retain(|rotation| {
            if !vectors(&rotation) {
                set.within.push(*rotation);
            } else if set.across.len() < most && set.basis.extend(rotation.flip_mask >> LANE_QUBITS) {
                set.across.push(*rotation);
            } else {
                return true;
            }
            false
        });
        sets.push(set);
    }
    sets
}

impl Set {
    fn size(&self, qubits: usize) -> SweepSize {
        let local = (qubits - LANE_QUBITS).min(self.across.len().max(LOCAL));
        SweepSize { local, within: self.within.len(), across: self.across.len() }
    }
}

impl Sweep {
    fn new(qubits: usize, set: Set) -> Self {
        let local = set.size(qubits).local;
        let Set { mut basis, within, across } = set;
        let rotations: Vec<Rotation> = across.iter().chain(&within).copied().collect();
        // Vector of the bit, changed such that no parity of a rotation depends on it.
        let permuted = |bit: usize| {
            let odd = rotations.iter().filter(|rotation| rotation.parity.mask >> bit & 1 == 1);
            odd.fold(1 << bit, |index, rotation| index ^ rotation.flip_mask as usize)
        };
        let mut free = (LANE_QUBITS..qubits)
            .filter(|&bit| basis.extend((1 << bit) >> LANE_QUBITS))
            .collect::<Vec<_>>()
            .into_iter();
        let idle = free.by_ref().take(local - across.len()).map(permuted);
        let dimensions: Vec<usize> = idle.chain(across.iter().map(|rotation| rotation.flip_mask as usize)).collect();
        let tiles = free.map(permuted).collect();

        let offset = |index: usize| {
            let set = dimensions.iter().enumerate().filter(|(k, _)| index >> k & 1 == 1);
            set.fold(0, |offset, (_, dimension)| offset ^ dimension)
        };
        let first = dimensions.len() - across.len();
        let localised = |(k, rotation): (usize, &Rotation)| {
            let mask = 1 << (first + k);
            Rotation { flip_mask: mask, parity: Parity { mask, odd: false }, ..*rotation }
        };
        let localised: Vec<Rotation> = across.iter().enumerate().map(localised).collect();
        Self {
            tiles,
            offsets: (0..1 << dimensions.len()).map(offset).collect(),
            loose: Vec::new(),
            before: Vec::new(),
            within,
            across,
            passes: Pass::split(&localised, dimensions.len(), false),
            after: Vec::new(),
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

    /// Mask in local indices, if its parity does not depend on the tile.
    fn local(&self, mask: u64) -> Option<u64> {
        let odd = |index: usize| (index as u64 & mask).count_ones() % 2 == 1;
        if self.tiles.iter().any(|tile| odd(*tile)) {
            return None;
        }
        let dimensions = self.offsets.len().ilog2();
        let lanes = mask & ((1 << LANE_QUBITS) - 1);
        let set = (0..dimensions).filter(|k| odd(self.offsets[1 << k]));
        Some(set.fold(lanes, |local, k| local | 1 << (LANE_QUBITS as u32 + k)))
    }

    /// Whether a phase with this mask commutes with the rotations.
    fn commutes(&self, mask: u64) -> bool {
        let even = |rotation: &Rotation| (rotation.flip_mask & mask).count_ones().is_multiple_of(2);
        self.across.iter().chain(&self.within).all(even)
    }
}
