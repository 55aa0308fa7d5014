//! Sweeps over tiles: the operations of one launch, in a tile's indices.

use super::stored_ops::{Diagonal, Exchange, Matrix, Mix};
use super::tile::{LocalParity, Tile};
use crate::engine::gpu::abi::MAX_ANGLES;
use crate::program::layered::walsh_series;
use crate::program::{Parity, Source};
use num_complex::Complex64;
use std::collections::BTreeMap;
use std::sync::Arc;

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

/// Phase `exp(i angle (-1)^|e & mask|)`, where the angle is a sum of weighted sources.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    pub(crate) mask: u32,
    pub(crate) parts: Vec<(Source, f64)>,
}

/// Largest number of rotations, or of diagonal factors, in an operation.
pub(crate) const MOST: usize = MAX_ANGLES as usize;

/// Smallest number of phases in a table: fewer cost less one by one than with a transform.
const LEAST_TERMS: usize = 4;

/// Terms of a phase table. If there are few phases, returns no terms, and the phases.
pub(crate) fn table<'a>(phases: &'a [Diagonal], tile: &Tile) -> (Vec<Term>, &'a [Diagonal]) {
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

pub(crate) fn diagonals<'a>(factors: impl Iterator<Item = &'a Diagonal>, tile: &Tile) -> Vec<Op> {
    let factors: Vec<LocalDiagonal> = factors.map(|factor| local(factor, tile)).collect();
    factors.chunks(MOST).map(|factors| Op::Diagonals(factors.to_vec())).collect()
}

pub(crate) fn local(factor: &Diagonal, tile: &Tile) -> LocalDiagonal {
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
    pub(crate) fn walsh(&self) -> Vec<(u64, f64)> {
        walsh_series(self.sign, &self.conditions)
    }
}

impl Mix {
    pub(crate) fn op(&self, tile: &Tile) -> Op {
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
    pub(crate) fn op(&self, tile: &Tile) -> Op {
        let conditions = conditions(&self.conditions, tile);
        Op::Exchange { flip_mask: tile.flip_mask(self.flip_mask), conditions }
    }
}

impl Matrix {
    pub(crate) fn op(&self, tile: &Tile) -> Op {
        let qubit = |(flip_mask, parity): &(u64, Parity)| (tile.flip_mask(*flip_mask), tile.parity(*parity));
        Op::Matrix {
            qubits: self.qubits.iter().map(qubit).collect(),
            entries: Arc::clone(&self.entries),
            conditions: conditions(&self.conditions, tile),
        }
    }
}
