//! Tile planner: chooses the operations of each sweep, and the state's cut into tiles.
//!
//! A state that fits shared memory is one tile, and one sweep does everything. A larger state is swept several times
//! for each layer. Each sweep has tiles along the flip masks of some of the layer's rotations. A phase goes into a
//! table that all tiles share if its parities allow this, before or after the rotations of an adjacent sweep. Other
//! phases are done one by one.

use super::stored_ops::{Diagonal, StoredOp, StoredOps};
use super::sweeps::{LocalRotation, MOST, Op, Sweep, diagonals, local, table};
use super::tile::Tile;
use crate::gf2::Basis;
use crate::program::{Kernel, Parity, Program, Rotation, Source, Step};
use std::cmp::Reverse;

/// Cost of a sweep with the largest tiles, forward and reverse together.
const ALONE: usize = 5;

/// Cost of a sweep with smaller tiles.
const SEVERAL: usize = 4;

/// Smallest number of bits of a tile of a larger state: with fewer bits, threads of a group have no work.
const LEAST_TILE: usize = 10;

/// Binary logarithm of the fewest neighbouring amplitudes in a tile of a large state: 128 bytes of `f32`.
const LANES: usize = 4;

/// Largest number of sweeps by which a phase moves back to a sweep whose table it fits.
const MOST_BACK: usize = 8;

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
    let qubits = program.qubits;
    let planner = TilePlanner { program, bits: bits.min(qubits), whole: qubits <= bits };
    let mut drafts: Vec<SweepDraft> = Vec::new();
    for op in ops {
        match op {
            StoredOp::Layer { phases, rotations } => {
                let mut own = planner.layer(rotations)?;
                phases.iter().for_each(|phase| planner.place(phase, &mut drafts, &mut own));
                drafts.append(&mut own);
            }
            StoredOp::Diagonal(_) | StoredOp::Mix(_) | StoredOp::Exchange(_) | StoredOp::Matrix(_) => {
                planner.general(op, &mut drafts)?;
            }
        }
    }
    let sweeps = drafts.into_iter().map(|draft| Sweep { ops: draft.ops(), tile: draft.tile });
    if !planner.whole {
        return Some(sweeps.collect());
    }
    let ops = sweeps.flat_map(|sweep| sweep.ops).collect();
    Some(vec![Sweep { tile: Tile::whole(qubits), ops }])
}

/// Draft of a sweep: loose phases, a table, rotations, a table, or general steps.
#[derive(Debug)]
struct SweepDraft {
    tile: Tile,
    loose: Vec<Diagonal>,
    before: Vec<Diagonal>,
    rotations: Vec<Rotation>,
    after: Vec<Diagonal>,
    general: Vec<StoredOp>,
}

struct TilePlanner<'a> {
    program: &'a Program,
    bits: usize,
    whole: bool,
}

impl TilePlanner<'_> {
    fn draft(&self, flip_masks: &[u64], rotations: Vec<Rotation>) -> Option<SweepDraft> {
        let tile = if self.whole {
            Tile::whole(self.program.qubits)
        } else {
            Tile::new(self.program.qubits, self.bits, LANES, flip_masks, &rotations)?
        };
        let (loose, before, after, general) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Some(SweepDraft { tile, loose, before, rotations, after, general })
    }

    /// Drafts of the sweeps that do a layer's rotations, at least one.
    fn layer(&self, rotations: &[Rotation]) -> Option<Vec<SweepDraft>> {
        if self.whole {
            return Some(vec![self.draft(&[], rotations.to_vec())?]);
        }
        let lanes = LANES.min(self.bits / 2);
        let beyond = |rotation: &&Rotation| rotation.flip_mask >> lanes != 0;
        let count = rotations.iter().filter(beyond).count();
        let most = count.div_ceil(count.div_ceil(self.bits - lanes).max(1));
        let mut rest = rotations.to_vec();
        let mut drafts = Vec::new();
        while drafts.is_empty() || !rest.is_empty() {
            let mut basis = Basis::default();
            (0..lanes).for_each(|bit| {
                basis.extend(1 << bit);
            });
            let (mut set, mut across) = (Vec::new(), 0);
            rest.retain(|rotation| {
                let is_beyond = beyond(&rotation);
                let fits = !is_beyond || across < most && basis.extend(rotation.flip_mask);
                if fits {
                    across += usize::from(is_beyond);
                    set.push(*rotation);
                }
                !fits
            });
            let flip_masks: Vec<u64> = set.iter().map(|rotation| rotation.flip_mask).collect();
            drafts.push(self.draft(&flip_masks, set)?);
        }
        Some(drafts)
    }

    /// Puts a phase before `own` into a table of these drafts, or into the table of an adjacent earlier sweep. A phase
    /// that fits no table becomes a loose phase of the first draft.
    fn place(&self, phase: &Diagonal, earlier: &mut [SweepDraft], own: &mut [SweepDraft]) {
        let masks: Vec<u64> = phase.walsh().into_iter().map(|(mask, _)| mask).collect();
        if self.is_shared(phase) {
            for draft in &mut *own {
                if masks.iter().all(|mask| draft.is_local(*mask)) {
                    draft.before.push(phase.clone());
                    return;
                }
                if !masks.iter().all(|mask| draft.commutes(*mask)) {
                    break;
                }
            }
            for draft in earlier.iter_mut().rev().take(if self.whole { 0 } else { MOST_BACK }) {
                if !draft.general.is_empty() {
                    break;
                }
                if masks.iter().all(|mask| draft.is_local(*mask)) {
                    draft.after.push(phase.clone());
                    return;
                }
                if !masks.iter().all(|mask| draft.commutes(*mask)) {
                    break;
                }
            }
        }
        own[0].loose.push(phase.clone());
    }

    fn is_shared(&self, phase: &Diagonal) -> bool {
        match phase.source {
            Source::Slot(slot) => !self.program.slots[slot].reads_inputs(),
            Source::Fixed(_) => true,
        }
    }

    /// Adds a general step to the last sweep if that sweep has general steps and the step fits, or to a new sweep.
    fn general(&self, op: &StoredOp, drafts: &mut Vec<SweepDraft>) -> Option<()> {
        let flip_masks = op.flip_masks();
        let last = drafts.last_mut().filter(|draft| !draft.general.is_empty());
        if let Some(draft) = last {
            let before = draft.general.iter().flat_map(StoredOp::flip_masks);
            let all: Vec<u64> = before.chain(flip_masks.iter().copied()).collect();
            if flip_masks.iter().all(|flip_mask| draft.tile.holds(*flip_mask)) {
                draft.general.push(op.clone());
                return Some(());
            }
            if let Some(tile) = Tile::new(self.program.qubits, self.bits, LANES, &all, &[]) {
                draft.tile = tile;
                draft.general.push(op.clone());
                return Some(());
            }
        }
        let mut draft = self.draft(&flip_masks, Vec::new())?;
        draft.general.push(op.clone());
        drafts.push(draft);
        Some(())
    }
}

impl SweepDraft {
    /// Whether the parity of a mask does not depend on the tile.
    fn is_local(&self, mask: u64) -> bool {
        self.tile.parity(Parity { mask, odd: false }).tile == 0
    }

    /// Whether a phase with this parity commutes with the rotations.
    fn commutes(&self, mask: u64) -> bool {
        self.rotations.iter().all(|rotation| (rotation.flip_mask & mask).count_ones().is_multiple_of(2))
    }

    fn ops(&self) -> Vec<Op> {
        let tile = &self.tile;
        let [(before, few_before), (after, few_after)] = [&self.before, &self.after].map(|phases| table(phases, tile));
        let mut ops = diagonals(self.loose.iter().chain(few_before), tile);
        let rotation = |rotation: &Rotation| LocalRotation {
            source: rotation.source,
            flip_mask: tile.flip_mask(rotation.flip_mask),
            parity: tile.parity(rotation.parity),
        };
        let rotations: Vec<LocalRotation> = self.rotations.iter().map(rotation).collect();
        let passes = rotations.len().div_ceil(MOST).max(usize::from(!before.is_empty()));
        let mut before = Some(before);
        // The first pass also does the phases, so it has the fewest rotations.
        let at = |k: usize| k * rotations.len() / passes;
        ops.extend((0..passes).map(|k| {
            let rotations = rotations[at(k)..at(k + 1)].to_vec();
            Op::Pass { table: before.take().unwrap_or_default(), rotations }
        }));
        if !after.is_empty() {
            ops.push(Op::Pass { table: after, rotations: Vec::new() });
        }
        ops.extend(diagonals(few_after.iter(), tile));
        for op in &self.general {
            match op {
                StoredOp::Diagonal(factor) => match ops.last_mut() {
                    Some(Op::Diagonals(factors)) if factors.len() < MOST => factors.push(local(factor, tile)),
                    _ => ops.push(Op::Diagonals(vec![local(factor, tile)])),
                },
                StoredOp::Mix(mix) => ops.push(mix.op(tile)),
                StoredOp::Exchange(exchange) => ops.push(exchange.op(tile)),
                StoredOp::Matrix(matrix) => ops.push(matrix.op(tile)),
                StoredOp::Layer { .. } => {}
            }
        }
        ops
    }
}

impl StoredOp {
    /// Flip masks that must stay within a tile.
    fn flip_masks(&self) -> Vec<u64> {
        match self {
            Self::Layer { rotations, .. } => rotations.iter().map(|rotation| rotation.flip_mask).collect(),
            Self::Diagonal(_) => Vec::new(),
            Self::Mix(mix) => vec![mix.flip_mask],
            Self::Exchange(exchange) => vec![exchange.flip_mask],
            Self::Matrix(matrix) => matrix.qubits.iter().map(|(flip_mask, _)| *flip_mask).collect(),
        }
    }
}
