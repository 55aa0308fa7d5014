//! Stages as sweeps over tiles: what each launch of a kernel does to a state.
//!
//! A state that fits group memory is one tile, and one sweep does everything. A larger one is swept several times a layer,
//! each time with tiles cut along the flip masks of some of the layer's rotations; phases go into a table that all tiles
//! share where their parities allow it, before or after the rotations of a sweep they are next to, and are done one by one
//! elsewhere.

use super::stages::{Diagonal, Exchange, Matrix, Mix, Stage};
use super::tile::{LocalParity, Tile};
use crate::gf2::Basis;
use crate::program::layered::walsh;
use crate::program::{Parity, Program, Rotation, Source};
use num_complex::Complex64;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Operations on tiles, in their order.
#[derive(Debug, Clone)]
pub(super) struct Sweep {
    pub(super) tile: Tile,
    pub(super) ops: Vec<Op>,
}

/// An operation in a tile's indices.
#[derive(Debug, Clone)]
pub(super) enum Op {
    /// A table of phases, then up to three rotations.
    Pass {
        table: Vec<Term>,
        rotations: Vec<LocalRotation>,
    },
    /// Up to three.
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
pub(super) struct LocalRotation {
    pub(super) source: Source,
    pub(super) flip_mask: u32,
    pub(super) parity: LocalParity,
}

#[derive(Debug, Clone)]
pub(super) struct LocalDiagonal {
    pub(super) source: Source,
    pub(super) sign: LocalParity,
    pub(super) conditions: Vec<LocalParity>,
}

/// `exp(i angle (-1)^|e & mask|)`, where the angle is a sum of weighted sources.
#[derive(Debug, Clone)]
pub(super) struct Term {
    pub(super) mask: u32,
    pub(super) parts: Vec<(Source, f64)>,
}

/// The most rotations, or diagonal factors, of one operation: the kernels have as many registers.
pub(super) const MOST: usize = 3;

/// Fewer terms than this are cheaper one by one than as a table and its transform.
const LEAST_TERMS: usize = 4;

/// Neighbouring amplitudes a tile of a large state has at the least, as a power of two: 128 bytes of `f32`.
const LANES: usize = 4;

/// Sweeps a phase is moved back at the most, to one whose table it fits.
const MOST_BACK: usize = 8;

/// The sweeps of a program, for tiles of up to `bits` local bits. `None` if a matrix does not fit a tile.
pub(super) fn sweeps(program: &Program, stages: &[Stage], bits: usize) -> Option<Vec<Sweep>> {
    let qubits = program.qubits;
    let cutter = Cutter { program, bits: bits.min(qubits), whole: qubits <= bits };
    let mut drafts: Vec<Draft> = Vec::new();
    for stage in stages {
        match stage {
            Stage::Layer { phases, rotations } => {
                let mut own = cutter.layer(rotations)?;
                phases.iter().for_each(|phase| cutter.place(phase, &mut drafts, &mut own));
                drafts.append(&mut own);
            }
            Stage::Diagonal(_) | Stage::Mix(_) | Stage::Exchange(_) | Stage::Matrix(_) => {
                cutter.general(stage, &mut drafts)?;
            }
        }
    }
    let sweeps = drafts.into_iter().map(|draft| Sweep { ops: draft.ops(), tile: draft.tile });
    if !cutter.whole {
        return Some(sweeps.collect());
    }
    let ops = sweeps.flat_map(|sweep| sweep.ops).collect();
    Some(vec![Sweep { tile: Tile::whole(qubits), ops }])
}

/// A sweep in the making: loose phases, a table, rotations, a table, or general steps.
#[derive(Debug)]
struct Draft {
    tile: Tile,
    loose: Vec<Diagonal>,
    before: Vec<Diagonal>,
    rotations: Vec<Rotation>,
    after: Vec<Diagonal>,
    general: Vec<Stage>,
}

struct Cutter<'a> {
    program: &'a Program,
    bits: usize,
    whole: bool,
}

impl Cutter<'_> {
    fn draft(&self, flip_masks: &[u64], rotations: Vec<Rotation>) -> Option<Draft> {
        let tile = if self.whole {
            Tile::whole(self.program.qubits)
        } else {
            Tile::new(self.program.qubits, self.bits, LANES, flip_masks, &rotations)?
        };
        let (loose, before, after, general) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Some(Draft { tile, loose, before, rotations, after, general })
    }

    /// The sweeps that do a layer's rotations, at least one.
    fn layer(&self, rotations: &[Rotation]) -> Option<Vec<Draft>> {
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

    /// Puts a phase that stands before `own` into one of their tables, or that of an earlier sweep next to it.
    fn place(&self, phase: &Diagonal, earlier: &mut [Draft], own: &mut [Draft]) {
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

    /// Adds a general step to the last sweep if that has general steps and room, or to a new one.
    fn general(&self, stage: &Stage, drafts: &mut Vec<Draft>) -> Option<()> {
        let flip_masks = stage.flip_masks();
        let last = drafts.last_mut().filter(|draft| !draft.general.is_empty());
        if let Some(draft) = last {
            let before = draft.general.iter().flat_map(Stage::flip_masks);
            let all: Vec<u64> = before.chain(flip_masks.iter().copied()).collect();
            if flip_masks.iter().all(|flip_mask| draft.tile.holds(*flip_mask)) {
                draft.general.push(stage.clone());
                return Some(());
            }
            if let Some(tile) = Tile::new(self.program.qubits, self.bits, LANES, &all, &[]) {
                draft.tile = tile;
                draft.general.push(stage.clone());
                return Some(());
            }
        }
        let mut draft = self.draft(&flip_masks, Vec::new())?;
        draft.general.push(stage.clone());
        drafts.push(draft);
        Some(())
    }
}

impl Draft {
    /// Whether a parity does not depend on the tile.
    fn is_local(&self, mask: u64) -> bool {
        self.tile.parity(Parity { mask, odd: false }).tile == 0
    }

    /// Whether a phase with this parity may be done after the rotations as well as before.
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
        // The first pass also does the phases, so it is the smallest.
        let at = |k: usize| k * rotations.len() / passes;
        ops.extend((0..passes).map(|k| {
            let rotations = rotations[at(k)..at(k + 1)].to_vec();
            Op::Pass { table: before.take().unwrap_or_default(), rotations }
        }));
        if !after.is_empty() {
            ops.push(Op::Pass { table: after, rotations: Vec::new() });
        }
        ops.extend(diagonals(few_after.iter(), tile));
        for stage in &self.general {
            match stage {
                Stage::Diagonal(factor) => match ops.last_mut() {
                    Some(Op::Diagonals(factors)) if factors.len() < MOST => factors.push(local(factor, tile)),
                    _ => ops.push(Op::Diagonals(vec![local(factor, tile)])),
                },
                Stage::Mix(mix) => ops.push(mix.op(tile)),
                Stage::Exchange(exchange) => ops.push(exchange.op(tile)),
                Stage::Matrix(matrix) => ops.push(matrix.op(tile)),
                Stage::Layer { .. } => {}
            }
        }
        ops
    }
}

/// The terms of a table of phases; or no terms, and the phases back, if there are few.
fn table<'a>(phases: &'a [Diagonal], tile: &Tile) -> (Vec<Term>, &'a [Diagonal]) {
    let mut terms: BTreeMap<u32, Vec<(Source, f64)>> = BTreeMap::new();
    for phase in phases {
        for (mask, weight) in phase.walsh() {
            let mask = tile.parity(Parity { mask, odd: false }).local;
            terms.entry(mask).or_default().push((phase.source, weight));
        }
    }
    if phases.len() < LEAST_TERMS {
        return (Vec::new(), phases);
    }
    (terms.into_iter().map(|(mask, parts)| Term { mask, parts }).collect(), &[])
}

fn diagonals<'a>(factors: impl Iterator<Item = &'a Diagonal>, tile: &Tile) -> Vec<Op> {
    let factors: Vec<LocalDiagonal> = factors.map(|factor| local(factor, tile)).collect();
    factors.chunks(MOST).map(|factors| Op::Diagonals(factors.to_vec())).collect()
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
    /// The factor of φ in the exponent as a Walsh series: a sum of weight · (-1)^|index & mask|.
    fn walsh(&self) -> Vec<(u64, f64)> {
        walsh(self.sign, &self.conditions)
    }
}

impl Mix {
    fn op(&self, tile: &Tile) -> Op {
        Op::Mix {
            source: self.source,
            real: self.real,
            flip_mask: tile.flip_mask(self.flip_mask),
            negative: tile.parity(self.negative),
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

impl Stage {
    /// What must stay within a tile.
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
