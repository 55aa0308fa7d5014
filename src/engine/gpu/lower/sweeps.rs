//! Sweeps over tiles: the operations of one launch, in a tile's indices.
//!
//! A state that fits shared memory is one tile, and one sweep does everything. A larger state is swept several times
//! for each layer, as the [tile planner](crate::engine::tile_planner) cuts it. A phase that depends on the sample is
//! never in a table, as samples share the tables.

use super::stored_ops::{Matrix, StoredOp, StoredOps};
use super::tile::{LocalParity, Tile};
use crate::engine::gpu::abi::MAX_ANGLES;
use crate::engine::tile_planner::{Cut, PlanNode, PlannedSweep, Term, TilePlanner, TileShape, passes, terms};
use crate::program::layered::walsh_series;
use crate::program::stored::{Diagonal, Exchange, Mix, StoredStep};
use crate::program::{Kernel, Parity, Program, Rotation, Source, Step};
use num_complex::Complex64;
use std::cmp::Reverse;
use std::sync::Arc;

/// Cost of a sweep with the largest tiles, forward and reverse together.
const ALONE: usize = 5;

/// Cost of a sweep with smaller tiles.
const SEVERAL: usize = 4;

/// Smallest number of bits of a tile of a larger state: with fewer bits, threads of a group have no work.
const LEAST_TILE: usize = 10;

/// Binary logarithm of the fewest neighbouring amplitudes in a tile of a large state: 128 bytes of `f32`.
const LANES: usize = 4;

/// Operations on the tiles of a cut, in order.
#[derive(Debug, Clone)]
pub(crate) struct Sweep {
    pub(crate) tile: Tile,
    pub(crate) ops: Vec<Op>,
}

/// Operation in a tile's indices.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// Phase table, then up to three rotations.
    Pass {
        table: Vec<Term>,
        rotations: Vec<LocalRotation>,
    },
    /// Up to three diagonal factors.
    Diagonals(Vec<LocalDiagonal>),
    Mix {
        source: Source,
        real: bool,
        flip_mask: u32,
        negative: LocalParity,
        conditions: Vec<LocalParity>,
    },
    Exchange {
        flip_mask: u32,
        conditions: Vec<LocalParity>,
    },
    Matrix {
        qubits: Vec<(u32, LocalParity)>,
        entries: Arc<[Complex64]>,
        conditions: Vec<LocalParity>,
    },
}

#[derive(Debug, Clone)]
pub(crate) struct LocalRotation {
    pub(crate) source: Source,
    pub(crate) flip_mask: u32,
    pub(crate) parity: LocalParity,
}

#[derive(Debug, Clone)]
pub(crate) struct LocalDiagonal {
    pub(crate) source: Source,
    pub(crate) sign: LocalParity,
    pub(crate) conditions: Vec<LocalParity>,
}

/// Largest number of rotations, or of diagonal factors, in an operation.
const MOST: usize = MAX_ANGLES as usize;

/// Smallest number of phases in a table: fewer cost less one by one than with a transform.
const LEAST_TERMS: usize = 4;

/// Chooses the bits of a tile, and the sweeps of a program.
///
/// A state that fits a tile is one tile. A larger state is cut such that its sweeps, each a pass over the state, cost
/// least. If two cuts cost the same, the cut with larger tiles wins, since it has fewer tiles. A multiprocessor can
/// hold only one group with the largest tile, but two with a smaller one. With two, one computes while the other waits
/// for memory, so a sweep costs [`ALONE`] (largest) or [`SEVERAL`] (smaller).
pub(crate) fn cheapest_sweeps(program: &Program, stored: &StoredOps, most: usize) -> Option<(usize, Vec<Sweep>)> {
    let width = |step: &Step| if let Kernel::Matrix { qubits, .. } = &step.kernel { qubits.len() } else { 0 };
    let widest = program.steps.iter().map(width).max().unwrap_or(0);
    let most = most.max(widest);
    let least = if program.qubits <= most { most } else { LEAST_TILE.max(widest).min(most) };
    let cuts = (least..=most).filter_map(|bits| Some((bits, sweeps(program, &stored.ops, bits)?)));
    let price = |bits: usize| if bits == most { ALONE } else { SEVERAL };
    cuts.min_by_key(|(bits, sweeps)| (sweeps.len() * price(*bits), Reverse(*bits)))
}

/// Sweeps of a program, for tiles of up to `bits` local bits. Returns `None` if a matrix does not fit a tile.
pub(crate) fn sweeps(program: &Program, ops: &[StoredOp], bits: usize) -> Option<Vec<Sweep>> {
    let mut planner = TilePlanner::new(shape(program.qubits, bits));
    for op in ops {
        match op {
            StoredOp::Layer { phases, rotations } => planner.layer(rotations, phases, |phase| masks(program, phase)),
            StoredOp::Step(_) | StoredOp::Matrix(_) => place_general(op, &mut planner)?,
        }
    }
    let whole = (program.qubits <= bits).then(|| planner.shape.cut(0, &[], &[]));
    let sweeps = planner.nodes.into_iter().map(|node| match node {
        PlanNode::Sweep(planned) => Sweep::of_layer(planned),
        PlanNode::General(general) => Sweep { ops: general_ops(&general), tile: general.tile },
    });
    Some(match whole {
        Some(cut) => vec![Sweep { tile: Tile::new(cut), ops: sweeps.flat_map(|sweep| sweep.ops).collect() }],
        None => sweeps.collect(),
    })
}

/// Shape of tiles of up to `bits` bits.
fn shape(qubits: usize, bits: usize) -> TileShape {
    if qubits <= bits {
        return TileShape { qubits, bits: qubits, least_lanes: qubits, most_lanes: qubits, across: 0 };
    }
    let least_lanes = LANES.min(bits / 2);
    TileShape { qubits, bits, least_lanes, most_lanes: LANES, across: bits - least_lanes }
}

/// Cut that keeps flip masks within a tile. Returns `None` if they do not fit.
fn general_cut(shape: &TileShape, flip_masks: &[u64]) -> Option<Cut> {
    Some(shape.cut(0, flip_masks, &[])).filter(|cut| cut.bits() <= shape.bits)
}

/// Masks of a phase, if samples share it.
fn masks(program: &Program, phase: &Diagonal) -> Option<Vec<u64>> {
    match phase.source {
        Source::Slot(slot) if program.slots[slot].reads_inputs() => None,
        Source::Slot(_) | Source::Fixed(_) => Some(phase.walsh().into_iter().map(|(mask, _)| mask).collect()),
    }
}

/// General operations that share a sweep.
struct GeneralSweep<'a> {
    tile: Tile,
    ops: Vec<&'a StoredOp>,
}

/// Adds a general operation to the last sweep if that has general operations and a tile for all of them exists, or to a
/// new sweep.
fn place_general<'a, P>(op: &'a StoredOp, planner: &mut TilePlanner<P, GeneralSweep<'a>>) -> Option<()> {
    let flip_masks = op.flip_masks();
    if let Some(PlanNode::General(last)) = planner.nodes.last_mut() {
        let mut fits = flip_masks.iter().all(|flip_mask| last.tile.holds(*flip_mask));
        if !fits {
            let all = last.ops.iter().flat_map(|op| op.flip_masks()).chain(flip_masks.iter().copied());
            let cut = general_cut(&planner.shape, &all.collect::<Vec<_>>());
            fits = cut.map(|cut| last.tile = Tile::new(cut)).is_some();
        }
        if fits {
            last.ops.push(op);
            return Some(());
        }
    }
    let tile = Tile::new(general_cut(&planner.shape, &flip_masks)?);
    planner.nodes.push(PlanNode::General(GeneralSweep { tile, ops: vec![op] }));
    Some(())
}

impl Sweep {
    fn of_layer(planned: PlannedSweep<&Diagonal>) -> Self {
        let PlannedSweep { cut, loose, before, rotations, after } = planned;
        let tile = Tile::new(cut);
        let [(before, few_before), (after, few_after)] = [before, after].map(|phases| table(phases, &tile));
        let mut ops = diagonals(loose.into_iter().chain(few_before), &tile);
        let rotation = |rotation: &Rotation| LocalRotation {
            source: rotation.source,
            flip_mask: tile.flip_mask(rotation.flip_mask),
            parity: tile.parity(rotation.parity),
        };
        let rotations: Vec<LocalRotation> = rotations.iter().map(rotation).collect();
        let (passes, mut before) = (passes(rotations.len(), MOST, !before.is_empty()), Some(before));
        ops.extend(passes.map(|portion| {
            let rotations = rotations[portion].to_vec();
            Op::Pass { table: before.take().unwrap_or_default(), rotations }
        }));
        if !after.is_empty() {
            ops.push(Op::Pass { table: after, rotations: Vec::new() });
        }
        ops.extend(diagonals(few_after.into_iter(), &tile));
        Self { tile, ops }
    }
}

/// Terms of a phase table, in a tile's indices. If there are few phases, returns no terms, and the phases.
fn table<'a>(phases: Vec<&'a Diagonal>, tile: &Tile) -> (Vec<Term>, Vec<&'a Diagonal>) {
    if phases.len() < LEAST_TERMS {
        return (Vec::new(), phases);
    }
    let local = |mask: u64| tile.parity(Parity { mask, odd: false }).local;
    let parts = |phase: &Diagonal| {
        let source = phase.source;
        phase.walsh().into_iter().map(move |(mask, weight)| (mask, source, weight))
    };
    let parts = phases.into_iter().flat_map(parts);
    (terms(parts.map(|(mask, source, weight)| (local(mask).into(), source, weight))), Vec::new())
}

fn diagonals<'a>(factors: impl Iterator<Item = &'a Diagonal>, tile: &Tile) -> Vec<Op> {
    let factors: Vec<LocalDiagonal> = factors.map(|factor| local(factor, tile)).collect();
    factors.chunks(MOST).map(|factors| Op::Diagonals(factors.to_vec())).collect()
}

fn general_ops(general: &GeneralSweep<'_>) -> Vec<Op> {
    let tile = &general.tile;
    let mut ops = Vec::new();
    for op in &general.ops {
        match op {
            StoredOp::Step(StoredStep::Diagonal(factor)) => match ops.last_mut() {
                Some(Op::Diagonals(factors)) if factors.len() < MOST => factors.push(local(factor, tile)),
                _ => ops.push(Op::Diagonals(vec![local(factor, tile)])),
            },
            StoredOp::Step(StoredStep::Mix(mix)) => ops.push(mix.op(tile)),
            StoredOp::Step(StoredStep::Exchange(exchange)) => ops.push(exchange.op(tile)),
            StoredOp::Matrix(matrix) => ops.push(matrix.op(tile)),
            StoredOp::Layer { .. } => {}
        }
    }
    ops
}

fn local(factor: &Diagonal, tile: &Tile) -> LocalDiagonal {
    LocalDiagonal {
        source: factor.source,
        sign: tile.parity(factor.sign),
        conditions: conditions(&factor.conditions, tile),
    }
}

fn conditions(parities: &[Parity], tile: &Tile) -> Vec<LocalParity> {
    parities.iter().map(|parity| tile.parity(*parity)).collect()
}

impl Diagonal {
    /// Factor of φ in the exponent as a Walsh series: a sum of weight · (-1)^|index & mask|.
    fn walsh(&self) -> Vec<(u64, f64)> {
        walsh_series(self.sign, &self.conditions)
    }
}

impl Mix {
    fn op(&self, tile: &Tile) -> Op {
        Op::Mix {
            source: self.source,
            real: self.word.real,
            flip_mask: tile.flip_mask(self.word.mask),
            negative: tile.parity(self.word.negative),
            conditions: conditions(&self.conditions, tile),
        }
    }
}

impl Exchange {
    fn op(&self, tile: &Tile) -> Op {
        let conditions = conditions(&self.conditions, tile);
        Op::Exchange { flip_mask: tile.flip_mask(self.flip_mask), conditions }
    }
}

impl Matrix {
    fn op(&self, tile: &Tile) -> Op {
        let qubit = |(flip_mask, parity): &(u64, Parity)| (tile.flip_mask(*flip_mask), tile.parity(*parity));
        Op::Matrix {
            qubits: self.qubits.iter().map(qubit).collect(),
            entries: Arc::clone(&self.entries),
            conditions: conditions(&self.conditions, tile),
        }
    }
}

impl StoredOp {
    /// Flip masks that must stay within a tile.
    fn flip_masks(&self) -> Vec<u64> {
        match self {
            Self::Layer { rotations, .. } => rotations.iter().map(|rotation| rotation.flip_mask).collect(),
            Self::Step(StoredStep::Diagonal(_)) => Vec::new(),
            Self::Step(StoredStep::Mix(mix)) => vec![mix.word.mask],
            Self::Step(StoredStep::Exchange(exchange)) => vec![exchange.flip_mask],
            Self::Matrix(matrix) => matrix.qubits.iter().map(|(flip_mask, _)| *flip_mask).collect(),
        }
    }
}
