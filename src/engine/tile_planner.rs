//! Tile planner: cuts layers into sweeps, and the state into tiles for each sweep.
//!
//! A *sweep* is one pass over a state that is larger than a fast memory: a cache, or the memory that the threads of a
//! GPU share. It reads each tile of the state once and does some of a layer's rotations there. Over GF(2) every index
//! is a sum of local vectors, which give the place within a tile, and of vectors that number the tile:
//!
//! ```text
//! index = lanes + flip masks + idle  +  tile
//! ```
//!
//! 1. *Lanes*: the lowest bits, so that neighbours in a tile are neighbours in memory.
//! 2. *Flip masks* of the sweep's rotations: the pairs of a rotation are within a tile.
//! 3. *Idle* vectors, which fill the tile.
//! 4. *Tile* vectors, chosen such that no rotation's parity depends on the tile. All tiles are the same small problem.
//!
//! A phase goes into a table that all tiles share, before or after the rotations of a sweep, if its parities do not
//! depend on the tile. Other phases are *loose*: they are done one by one, in front of their layer's first sweep.

use crate::gf2::{Basis, parity};
use crate::program::{Rotation, Source};
use std::collections::BTreeMap;
use std::ops::Range;

/// Largest number of sweeps by which a phase moves back to a sweep whose table can take it.
const MAX_BACK: usize = 8;

/// Sizes of an engine's tiles for a state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TileShape {
    pub(crate) qubits: usize,
    /// Bits of a tile, unless a layer's rotations need more.
    pub(crate) bits: usize,
    /// Lanes that rotations always leave.
    pub(crate) least_lanes: usize,
    /// Lanes of a tile whose flip masks leave place for them.
    pub(crate) most_lanes: usize,
    /// Largest number of rotations of a sweep whose flip masks are not within the least lanes.
    pub(crate) across: usize,
}

impl TileShape {
    /// Whether a rotation pairs amplitudes that differ in more than the least lanes.
    pub(crate) fn is_across(&self, rotation: &Rotation) -> bool {
        rotation.flip_mask >> self.least_lanes != 0
    }

    /// Rotations of a layer in sets, one for each sweep; at least one set. The sets have about as many rotations each.
    /// The flip masks of a set's rotations across lanes are linearly independent, whatever the lanes.
    pub(crate) fn sets(&self, rotations: &[Rotation]) -> Vec<Vec<Rotation>> {
        let count = rotations.iter().filter(|rotation| self.is_across(rotation)).count();
        let least = count.div_ceil(self.across.max(1)).max(1);
        let most = count.div_ceil(least);
        let mut rest = rotations.to_vec();
        let mut sets = Vec::new();
        while sets.is_empty() || !rest.is_empty() {
            let (mut set, mut basis, mut across) = (Vec::new(), Basis::default(), 0);
            rest.retain(|rotation| {
                let is_across = self.is_across(rotation);
                let fits = !is_across || across < most && basis.extend(rotation.flip_mask >> self.least_lanes);
                if fits {
                    across += usize::from(is_across);
                    set.push(*rotation);
                }
                !fits
            });
            sets.push(set);
        }
        sets
    }

    /// Bits of a tile with so many rotations across lanes.
    pub(crate) fn bits_for(&self, across: usize) -> usize {
        self.bits.max(self.least_lanes + across)
    }

    /// Cut that keeps flip masks within a tile, with as many lanes as they leave, but at least `lanes`. No parity of
    /// `rotations`, whose flip masks must be among them, depends on the tile. The cut has more than the shape's bits if
    /// lanes and flip masks need more.
    pub(crate) fn cut(&self, lanes: usize, flip_masks: &[u64], rotations: &[Rotation]) -> Cut {
        let cut = |lanes| Cut::new(self, lanes, flip_masks, rotations);
        let more = (lanes + 1..=self.most_lanes.min(self.bits)).rev().map(cut).find(|cut| cut.bits() <= self.bits);
        more.unwrap_or_else(|| cut(lanes))
    }
}

/// Cut of a state into tiles: every index is the sum of some of these vectors, in one way.
#[derive(Debug, Clone)]
pub(crate) struct Cut {
    /// Number of the first local vectors, which are 1, 2, 4, ..
    pub(crate) lanes: usize,
    /// Flip masks that are no sums of earlier ones and of lanes.
    pub(crate) flip_masks: Vec<u64>,
    /// Local vectors that fill the tile.
    pub(crate) idle: Vec<u64>,
    /// Vectors that number the tile. No parity of a rotation is odd on them.
    pub(crate) tiles: Vec<u64>,
}

impl Cut {
    /// Cut with exactly so many lanes.
    fn new(shape: &TileShape, lanes: usize, flip_masks: &[u64], rotations: &[Rotation]) -> Self {
        let mut basis = Basis::default();
        (0..lanes).for_each(|bit| _ = basis.extend(1 << bit));
        let flip_masks: Vec<u64> = flip_masks.iter().copied().filter(|flip_mask| basis.extend(*flip_mask)).collect();
        // A unit vector with an odd parity gets the rotation's flip mask, on which that parity alone is odd.
        let even = |unit: u64| {
            let odd = rotations.iter().filter(|rotation| parity(rotation.parity.mask & unit));
            odd.fold(unit, |vector, rotation| vector ^ rotation.flip_mask)
        };
        let mut free = (0..shape.qubits).map(|bit| 1 << bit).filter(|unit| basis.extend(*unit)).map(even);
        let idle = shape.bits.saturating_sub(lanes + flip_masks.len());
        let idle = free.by_ref().take(idle).collect();
        let tiles = free.collect();
        Self { lanes, flip_masks, idle, tiles }
    }

    /// Number of the local vectors.
    pub(crate) fn bits(&self) -> usize {
        self.lanes + self.flip_masks.len() + self.idle.len()
    }

    /// Whether the parity of a mask does not depend on the tile.
    fn is_local(&self, mask: u64) -> bool {
        !self.tiles.iter().any(|vector| parity(vector & mask))
    }
}

/// Sweep of a plan: loose phases, a table, rotations, a table.
#[derive(Debug)]
pub(crate) struct PlannedSweep<P> {
    pub(crate) cut: Cut,
    pub(crate) loose: Vec<P>,
    pub(crate) before: Vec<P>,
    pub(crate) rotations: Vec<Rotation>,
    pub(crate) after: Vec<P>,
}

impl<P> PlannedSweep<P> {
    fn new(shape: &TileShape, rotations: Vec<Rotation>) -> Self {
        let flip_masks: Vec<u64> = rotations.iter().map(|rotation| rotation.flip_mask).collect();
        let cut = shape.cut(shape.least_lanes, &flip_masks, &rotations);
        Self { cut, loose: Vec::new(), before: Vec::new(), rotations, after: Vec::new() }
    }

    /// Whether a phase with this parity commutes with the rotations.
    fn commutes(&self, mask: u64) -> bool {
        !self.rotations.iter().any(|rotation| parity(rotation.flip_mask & mask))
    }
}

/// Node of a plan.
#[derive(Debug)]
pub(crate) enum PlanNode<P, G> {
    Sweep(PlannedSweep<P>),
    /// Anything that no phase may pass.
    General(G),
}

/// Planner that takes a program's layers and general operations, one after the other. Phases are of type `P`, and
/// general nodes of type `G`.
#[derive(Debug)]
pub(crate) struct TilePlanner<P, G> {
    pub(crate) shape: TileShape,
    pub(crate) nodes: Vec<PlanNode<P, G>>,
}

impl<P, G> TilePlanner<P, G> {
    pub(crate) fn new(shape: TileShape) -> Self {
        Self { shape, nodes: Vec::new() }
    }

    /// Takes a layer: phases that commute, then rotations. `masks` returns the masks whose parities decide a phase, or
    /// `None` for a phase that must stay loose.
    ///
    /// A phase goes into the table before one of the layer's own sweeps. If none can take it, it goes into the table
    /// after an earlier sweep. In both cases it passes rotations with which it commutes, and no others.
    pub(crate) fn layer(
        &mut self,
        rotations: &[Rotation],
        phases: impl IntoIterator<Item = P>,
        masks: impl Fn(&P) -> Option<Vec<u64>>,
    ) {
        let sets = self.shape.sets(rotations).into_iter();
        let mut own: Vec<PlannedSweep<P>> = sets.map(|set| PlannedSweep::new(&self.shape, set)).collect();
        for phase in phases {
            let Some(masks) = masks(&phase) else {
                own[0].loose.push(phase);
                continue;
            };
            let earlier = self.nodes.iter_mut().rev().take(MAX_BACK).map_while(|node| match node {
                PlanNode::Sweep(sweep) => Some(sweep),
                PlanNode::General(_) => None,
            });
            if let Some(sweep) = first_that_takes(own.iter_mut(), &masks) {
                sweep.before.push(phase);
            } else if let Some(sweep) = first_that_takes(earlier, &masks) {
                sweep.after.push(phase);
            } else {
                own[0].loose.push(phase);
            }
        }
        self.nodes.extend(own.into_iter().map(PlanNode::Sweep));
    }
}

/// First sweep whose table can take a phase with these masks, if the phase commutes with all sweeps in front of it.
fn first_that_takes<'a, P: 'a>(
    sweeps: impl Iterator<Item = &'a mut PlannedSweep<P>>,
    masks: &[u64],
) -> Option<&'a mut PlannedSweep<P>> {
    for sweep in sweeps {
        if masks.iter().all(|mask| sweep.cut.is_local(*mask)) {
            return Some(sweep);
        }
        if !masks.iter().all(|mask| sweep.commutes(*mask)) {
            return None;
        }
    }
    None
}

/// Ranges of a sweep's rotations, one for each pass of up to `most` rotations, the smallest first. The first pass also
/// does the phases, if there are any.
pub(crate) fn passes(rotations: usize, most: usize, phases: bool) -> impl ExactSizeIterator<Item = Range<usize>> {
    let count = rotations.div_ceil(most).max(usize::from(phases));
    let at = move |k: usize| k * rotations / count;
    (0..count).map(move |k| at(k)..at(k + 1))
}

/// Phase `exp(i angle (-1)^|index & mask|)`, where the angle is a sum of weighted sources.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Term {
    pub(crate) mask: u64,
    pub(crate) parts: Vec<(Source, f64)>,
}

/// Terms of phases; terms with equal masks become one term. Each part is a mask, a source and its weight.
pub(crate) fn terms(parts: impl Iterator<Item = (u64, Source, f64)>) -> Vec<Term> {
    let mut terms: BTreeMap<u64, Vec<(Source, f64)>> = BTreeMap::new();
    for (mask, source, weight) in parts {
        terms.entry(mask).or_default().push((source, weight));
    }
    terms.into_iter().map(|(mask, parts)| Term { mask, parts }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gf2::{dual, parities, xor_of};
    use crate::program::Parity;
    use crate::random::Generator;
    use rand::{Rng, SeedableRng};

    const QUBITS: usize = 8;

    /// Operation of a program: phase with its masks, rotation with its flip mask, or general.
    enum Op {
        Phase { masks: Vec<u64>, is_loose: bool },
        Rotation { layer: usize, flip_mask: u64 },
        General,
    }

    /// The oracle: whether the order of two operations does not matter.
    fn commute(a: &Op, b: &Op) -> bool {
        match (a, b) {
            (Op::Phase { .. }, Op::Phase { .. }) => true,
            (Op::Phase { masks, .. }, Op::Rotation { flip_mask, .. })
            | (Op::Rotation { flip_mask, .. }, Op::Phase { masks, .. }) => {
                masks.iter().all(|mask| (mask & flip_mask).count_ones() % 2 == 0)
            }
            (Op::Rotation { layer, .. }, Op::Rotation { layer: other, .. }) => layer == other,
            (Op::General, _) | (_, Op::General) => false,
        }
    }

    /// Random program. Rotations and phases have stored indices, as after CX gates. Returns the operations in order,
    /// and the planner that has taken them. The source of a rotation is its place among the operations.
    fn planned(shape: TileShape, rng: &mut Generator) -> (Vec<Op>, TilePlanner<usize, usize>) {
        let units: Vec<u64> = (0..QUBITS).map(|q| 1 << q).collect();
        let (mut rows, mut columns) = (units.clone(), units);
        let (mut ops, mut planner) = (Vec::new(), TilePlanner::new(shape));
        for layer in 0..rng.random_range(1..12) {
            for _ in 0..rng.random_range(0..2 * QUBITS) {
                let (control, target) = (rng.random_range(0..QUBITS), rng.random_range(0..QUBITS));
                if control != target {
                    rows[target] ^= rows[control];
                    columns[control] ^= columns[target];
                }
            }
            if rng.random_range(0..6) == 0 {
                planner.nodes.push(PlanNode::General(ops.len()));
                ops.push(Op::General);
            }
            let first = ops.len();
            for _ in 0..rng.random_range(0..8) {
                let [a, b] = [0; 2].map(|_| rows[rng.random_range(0..QUBITS)]);
                let masks = [vec![a], vec![a ^ b], vec![0, a, b, a ^ b]][rng.random_range(0..3)].clone();
                ops.push(Op::Phase { masks, is_loose: rng.random_range(0..4) == 0 });
            }
            let phases = first..ops.len();
            let mut rotations = Vec::new();
            let mut q = 0;
            while q < QUBITS {
                // A rotation about Y, or about XY on two qubits.
                let width = rng.random_range(1..=2).min(QUBITS - q);
                if rng.random_range(0..3) > 0 {
                    let flip_mask = (q..q + width).fold(0, |flip_mask, q| flip_mask ^ columns[q]);
                    let parity = Parity { mask: rows[q], odd: rng.random() };
                    rotations.push(Rotation { source: Source::Slot(ops.len()), flip_mask, parity });
                    ops.push(Op::Rotation { layer, flip_mask });
                }
                q += width;
            }
            let masks = |phase: &usize| match &ops[*phase] {
                Op::Phase { masks, is_loose: false } => Some(masks.clone()),
                _ => None,
            };
            planner.layer(&rotations, phases, masks);
        }
        (ops, planner)
    }

    fn shapes() -> [TileShape; 4] {
        let cpu = TileShape { qubits: QUBITS, bits: 5, least_lanes: 2, most_lanes: 2, across: 4 };
        let gpu = TileShape { qubits: QUBITS, bits: 4, least_lanes: 2, most_lanes: 4, across: 2 };
        let whole = TileShape { qubits: QUBITS, bits: QUBITS, least_lanes: QUBITS, most_lanes: QUBITS, across: 0 };
        let narrow = TileShape { qubits: QUBITS, bits: 1, least_lanes: 0, most_lanes: 4, across: 1 };
        [cpu, gpu, narrow, whole]
    }

    /// Calls a check with a hundred random plans of each shape.
    fn each_plan(check: impl Fn(&TileShape, &[Op], &[PlanNode<usize, usize>])) {
        let mut rng = Generator::seed_from_u64(1);
        for shape in shapes() {
            for _ in 0..100 {
                let (ops, planner) = planned(shape, &mut rng);
                check(&shape, &ops, &planner.nodes);
            }
        }
    }

    fn sweeps(nodes: &[PlanNode<usize, usize>]) -> impl Iterator<Item = &PlannedSweep<usize>> {
        nodes.iter().filter_map(|node| match node {
            PlanNode::Sweep(sweep) => Some(sweep),
            PlanNode::General(_) => None,
        })
    }

    #[test]
    fn every_index_is_in_one_tile() {
        each_plan(|shape, _, nodes| {
            for PlannedSweep { cut, rotations, .. } in sweeps(nodes) {
                let across = rotations.iter().filter(|rotation| shape.is_across(rotation)).count();
                assert_eq!(cut.bits(), shape.bits_for(across));
                assert!((shape.least_lanes..=shape.most_lanes).contains(&cut.lanes), "{cut:?}");
                let lanes = (0..cut.lanes).map(|bit| 1 << bit);
                let vectors = lanes.chain(cut.flip_masks.clone()).chain(cut.idle.clone()).chain(cut.tiles.clone());
                let vectors: Vec<u64> = vectors.collect();
                let mut indices: Vec<u64> = (0..1 << QUBITS).map(|chosen| xor_of(&vectors, chosen)).collect();
                indices.sort_unstable();
                assert_eq!(indices, (0..1 << QUBITS).collect::<Vec<u64>>());
            }
        });
    }

    /// The pairs of each rotation are within a tile. The parities of rotations and table phases do not depend on the tile.
    #[test]
    fn all_tiles_are_the_same_problem() {
        each_plan(|_, ops, nodes| {
            for sweep in sweeps(nodes) {
                let cut = &sweep.cut;
                let lanes = (0..cut.lanes).map(|bit| 1 << bit);
                let local = lanes.chain(cut.flip_masks.clone()).chain(cut.idle.clone());
                let coordinates = dual(local.chain(cut.tiles.clone()).collect());
                let tabled = sweep.before.iter().chain(&sweep.after).flat_map(|phase| match &ops[*phase] {
                    Op::Phase { masks, is_loose: false } => masks.clone(),
                    _ => panic!("operation {phase} is in a table"),
                });
                for mask in tabled.chain(sweep.rotations.iter().map(|rotation| rotation.parity.mask)) {
                    assert_eq!(parities(&cut.tiles, mask), 0);
                }
                for rotation in &sweep.rotations {
                    assert_eq!(parities(&coordinates, rotation.flip_mask) >> cut.bits(), 0);
                }
            }
        });
    }

    #[test]
    fn operations_are_planned_once_and_pass_none_that_matters() {
        each_plan(|_, ops, nodes| {
            let mut order = Vec::new();
            for node in nodes {
                match node {
                    PlanNode::General(op) => order.push(*op),
                    PlanNode::Sweep(sweep) => {
                        let rotations = sweep.rotations.iter().map(|rotation| match rotation.source {
                            Source::Slot(op) => op,
                            Source::Fixed(_) => panic!("no rotation is constant"),
                        });
                        order.extend(sweep.loose.iter().chain(&sweep.before).copied());
                        order.extend(rotations.chain(sweep.after.iter().copied()));
                    }
                }
            }
            let mut place = vec![usize::MAX; ops.len()];
            order.iter().enumerate().for_each(|(at, op)| place[*op] = at);
            assert_eq!((order.len(), place.contains(&usize::MAX)), (ops.len(), false));
            for (i, a) in ops.iter().enumerate() {
                for (j, b) in ops.iter().enumerate().skip(i + 1) {
                    assert!(place[i] < place[j] || commute(a, b), "operations {i} and {j}");
                }
            }
        });
    }

    /// In random plans phases go to every kind of place, so that the tests above see them all.
    #[test]
    fn phases_go_before_and_after_and_stay_loose() {
        let mut rng = Generator::seed_from_u64(2);
        for shape in &shapes()[..2] {
            let mut counts = [0; 3];
            for _ in 0..100 {
                let (_, planner) = planned(*shape, &mut rng);
                for sweep in sweeps(&planner.nodes) {
                    let lists = [&sweep.loose, &sweep.before, &sweep.after];
                    counts.iter_mut().zip(lists).for_each(|(count, list)| *count += list.len());
                }
            }
            assert!(counts.iter().all(|count| *count > 50), "{counts:?}");
        }
    }

    #[test]
    fn passes_share_the_rotations() {
        let ranges = |rotations, phases| passes(rotations, 3, phases).collect::<Vec<_>>();
        assert_eq!(ranges(7, true), [0..2, 2..4, 4..7]);
        assert_eq!(ranges(2, true), ranges(2, false));
        assert!(ranges(0, false).is_empty());
    }

    #[test]
    fn flip_masks_take_the_place_of_lanes() {
        let [cpu, ..] = shapes();
        let flip_masks = [0b0011_0000, 0b0110_0001, 0b1100_0000, 0b1000_0100, 0b0100_0000];
        let sizes = |flip_masks: &[u64]| {
            let cut = cpu.cut(0, flip_masks, &[]);
            (cut.lanes, cut.flip_masks.len(), cut.idle.len())
        };
        assert_eq!([sizes(&[]), sizes(&flip_masks[..4]), sizes(&flip_masks)], [(2, 0, 3), (1, 4, 0), (0, 5, 0)]);
        assert_eq!(TileShape { bits: 4, ..cpu }.cut(0, &flip_masks, &[]).bits(), 5);
    }
}
