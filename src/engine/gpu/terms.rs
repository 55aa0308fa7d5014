//! Readouts on the tape: observables as terms in stored indices, or in those of the one tile that is read where it is.

use super::stages::{Chain, Stages};
use super::tape::Writer;
use super::tile::Tile;
use crate::observable::Part;
use crate::program::{Parity, Program, Readout, Sum};

/// What is read at the end.
#[derive(Debug)]
pub(super) enum Reading {
    Expectation(Observables),
    Variance(Vec<Observables>),
    /// Of a number of measured qubits.
    Probabilities(Basis),
    State(Basis),
}

/// Terms of a sum of observables.
#[derive(Debug)]
pub(super) struct Observables {
    /// Where the terms' records stand.
    pub(super) terms: u32,
    pub(super) count: u32,
    pub(super) outputs: u32,
    /// Where the terms of each output are listed.
    pub(super) lists: u32,
    /// Whether sweeps read them themselves: the state is one tile, in whose indices the terms are.
    pub(super) fused: bool,
    /// For variances: the identity, as a term of its own and as the list of output 0.
    pub(super) identity: [u32; 2],
}

/// Basis states of measured qubits.
#[derive(Debug)]
pub(super) struct Basis {
    pub(super) count: u32,
    pub(super) rows: u32,
    pub(super) columns: u32,
    pub(super) origin: u32,
}

/// Terms that a sweep reads itself, at the most: the least group of the smallest states has room for their sums on any device.
const MOST_TERMS: usize = 128;

/// Indices that terms are in.
#[derive(Clone, Copy)]
struct Indices<'a> {
    frame: &'a Chain,
    /// The tile that is the state; none for stored indices.
    tile: Option<&'a Tile>,
}

impl Indices<'_> {
    /// A displacement of stored bits.
    fn displaced(self, stored: u64) -> u32 {
        self.tile.map_or(stored as u32, |tile| tile.displacement(stored))
    }

    /// A parity of stored bits.
    fn parity(self, stored: Parity) -> Parity {
        let local = |tile: &Tile| Parity { mask: tile.parity(stored).local.into(), ..stored };
        self.tile.map_or(stored, local)
    }

    /// What a logical qubit reads.
    fn qubit(self, qubit: usize) -> Parity {
        self.parity(self.frame.parity(1 << qubit))
    }
}

impl Reading {
    /// `whole` is the tile of a state that is one.
    pub(super) fn new(program: &Program, stages: &Stages, whole: Option<&Tile>, writer: &mut Writer) -> Self {
        let frame = &stages.frame;
        let stored = Indices { frame, tile: None };
        match &stages.readout {
            Readout::Expectation(sum) => {
                let count = sum.parts.len() + sum.flips.iter().map(|flip| flip.terms.len()).sum::<usize>();
                let tile = whole.filter(|_| count <= MOST_TERMS);
                Self::Expectation(Observables::new(sum, Indices { frame, tile }, writer))
            }
            Readout::Variance(sums) => {
                Self::Variance(sums.iter().map(|sum| Observables::new(sum, stored, writer)).collect())
            }
            Readout::Probabilities(qubits) => Self::Probabilities(Basis::new(program, qubits, frame, writer)),
            Readout::State => {
                let qubits: Vec<usize> = (0..program.qubits).collect();
                Self::State(Basis::new(program, &qubits, frame, writer))
            }
        }
    }
}

impl Basis {
    fn new(program: &Program, measured: &[usize], frame: &Chain, writer: &mut Writer) -> Self {
        let others = (0..program.qubits).filter(|qubit| !measured.contains(qubit));
        let order: Vec<usize> = measured.iter().copied().chain(others).collect();
        let rows = measured.iter().flat_map(|qubit| words(frame.parity(1 << qubit))).collect();
        Self {
            count: measured.len() as u32,
            rows: writer.block(rows),
            columns: writer.block(order.iter().map(|qubit| frame.displaced(1 << qubit) as u32).collect()),
            origin: frame.physical(0) as u32,
        }
    }
}

fn words(parity: Parity) -> [u32; 3] {
    [parity.mask as u32, 0, u32::from(parity.odd)]
}

impl Observables {
    fn new(sum: &Sum, indices: Indices<'_>, writer: &mut Writer) -> Self {
        let mut records: Vec<[u32; 6]> = Vec::new();
        let mut lists = vec![Vec::new(); sum.outputs];
        for (flip, term) in sum.flips.iter().flat_map(|flip| flip.terms.iter().map(move |term| (flip, term))) {
            lists[term.output].push(records.len() as u32);
            let number = writer.number(term.coefficient);
            let z = indices.parity(Parity { mask: term.z, odd: false }).mask as u32;
            let x = indices.displaced(flip.x);
            records.push([0, term.output as u32, number, x, z, term.quarter_turns]);
        }
        for (output, coefficient, part) in &sum.parts {
            lists[*output].push(records.len() as u32);
            let number = writer.number(*coefficient);
            let (kind, count, first, second) = match part {
                Part::Diagonal(values) => {
                    let bits = values.len().ilog2();
                    let rows = (0..bits as usize).flat_map(|bit| words(indices.qubit(bit))).collect();
                    (1, bits, writer.numbers(values), writer.block(rows))
                }
                Part::Projector { mask, bits } => {
                    let fixed = (0..u64::BITS as usize).filter(|bit| mask >> bit & 1 == 1);
                    let condition = |bit: usize| {
                        let parity = indices.qubit(bit);
                        words(Parity { odd: parity.odd ^ (bits >> bit & 1 == 0), ..parity })
                    };
                    (2, mask.count_ones(), writer.block(fixed.flat_map(condition).collect()), 0)
                }
                Part::Matrix { entries, qubits } => {
                    let qubit = |qubit: &usize| {
                        let [mask, tile, odd] = words(indices.qubit(*qubit));
                        [indices.displaced(indices.frame.displaced(1 << qubit)), mask, tile, odd]
                    };
                    let at = writer.block(qubits.iter().flat_map(qubit).collect());
                    (3, qubits.len() as u32, writer.constants(entries.iter().copied()), at)
                }
            };
            records.push([kind | count << 8, *output as u32, number, first, second, 0]);
        }
        let count = records.len() as u32;
        let identity = [0, 0, writer.number(1.0), 0, 0, 0];
        let terms = writer.block(records.concat());
        let lists = writer.lists(&lists);
        let identity = [writer.block(identity.to_vec()), writer.lists(&[vec![0]])];
        let fused = indices.tile.is_some();
        Self { terms, count, outputs: sum.outputs as u32, lists, fused, identity }
    }
}
