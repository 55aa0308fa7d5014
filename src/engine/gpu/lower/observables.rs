//! Readouts in the bytecode: observables as terms in stored indices or, if a sweep evaluates them, in the indices of
//! its tile.

use super::assembler::{Assembler, words_of};
use super::stored_ops::{Chain, StoredOps};
use super::tile::Tile;
use crate::engine::gpu::abi::{
    self, Conditions, DiagonalTerm, MatrixTerm, ProjectorTerm, Qubit, Series, SeriesEntry, TERM_DIAGONAL, TERM_MATRIX,
    TERM_PROJECTOR, TERM_STRIDE, TERM_WORD, Term, WordTerm, Words,
};
use crate::gf2;
use crate::observable::Part;
use crate::program::stored::Indices as _;
use crate::program::{Columns, Parity, PauliTerm, Program, Quantity, Sum};

/// Quantity at the end of a program, and its first output.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) column: u32,
    pub(crate) quantity: ReadQuantity,
}

/// Quantity of a final state, as records of the bytecode.
#[derive(Debug)]
pub(crate) enum ReadQuantity {
    Expectation(Observables),
    Variance(Vec<Observables>),
    /// Probabilities of measured qubits.
    Probabilities(Basis),
    State(Basis),
}

/// Terms of a sum of observables.
#[derive(Debug)]
pub(crate) struct Observables {
    /// Position of the terms.
    pub(crate) terms: u32,
    pub(crate) count: u32,
    /// Number of the terms that are in no series. They come first.
    pub(crate) direct: u32,
    /// Position and number of the series.
    pub(crate) series: [u32; 2],
    pub(crate) outputs: u32,
    /// Position of the lists of each output's terms.
    pub(crate) lists: u32,
    /// Index of the first constant. Each output has a constant that is added to it.
    pub(crate) constants: u32,
    /// Whether sweeps evaluate the terms. The state is then one tile, and the terms are in its indices.
    pub(crate) fused: bool,
    /// Positions of the identity, which variances need: of its term, and of the list of output 0.
    identity: [u32; 2],
}

/// Basis states of measured qubits.
#[derive(Debug)]
pub(crate) struct Basis {
    pub(crate) count: u32,
    pub(crate) rows: u32,
    pub(crate) columns: u32,
    pub(crate) origin: u32,
}

/// Largest number of terms that a sweep evaluates: the smallest group has shared memory for their sums on any device.
const MOST_TERMS: usize = 128;

/// Smallest number of words in a series: fewer cost less one by one than with a transform.
const LEAST_SERIES: usize = 4;

/// Largest number of bits of an index within a chunk. Observables are read chunk by chunk. A chunk is enough work for a
/// group, and a multiprocessor holds several chunks.
pub(crate) const CHUNK_BITS: usize = 11;

/// Indices of the terms.
#[derive(Clone, Copy)]
struct Indices<'a> {
    index_map: &'a Chain,
    /// Tile that is the whole state; `None` for stored indices.
    tile: Option<&'a Tile>,
}

impl Indices<'_> {
    /// Flip mask of stored bits, in these indices.
    fn flip_mask(self, stored: u64) -> u32 {
        self.tile.map_or(stored as u32, |tile| tile.flip_mask(stored))
    }

    /// Parity of stored bits, in these indices.
    fn parity(self, stored: Parity) -> Parity {
        let local = |tile: &Tile| Parity { mask: tile.parity(stored).local.into(), ..stored };
        self.tile.map_or(stored, local)
    }

    /// Parity that is the value of a logical qubit.
    fn qubit(self, qubit: usize) -> Parity {
        self.parity(self.index_map.parity(1 << qubit))
    }
}

impl Reading {
    /// Encodes a readout. `whole` is the tile of a state that is one tile. Other states are read in chunks of `chunk`
    /// bits.
    pub(crate) fn all(
        program: &Program,
        stored: &StoredOps,
        whole: Option<&Tile>,
        chunk: usize,
        assembler: &mut Assembler,
    ) -> Vec<Self> {
        let index_map = &stored.index_map;
        let whole_state = Indices { index_map, tile: None };
        let is_single = stored.readout.single().is_some();
        let mut encode = |columns: &Columns| {
            let quantity = match &columns.quantity {
                Quantity::Expectation(sum) => {
                    let tile = whole.filter(|_| is_single && terms(sum) <= MOST_TERMS);
                    ReadQuantity::Expectation(Observables::new(sum, Indices { index_map, tile }, chunk, assembler))
                }
                Quantity::Variance(sums) => {
                    let sum = |sum| Observables::new(sum, whole_state, chunk, assembler);
                    ReadQuantity::Variance(sums.iter().map(sum).collect())
                }
                Quantity::Probabilities(qubits) => {
                    ReadQuantity::Probabilities(Basis::new(program, qubits, index_map, assembler))
                }
                Quantity::State => {
                    let qubits: Vec<usize> = (0..program.qubits).collect();
                    ReadQuantity::State(Basis::new(program, &qubits, index_map, assembler))
                }
            };
            Self { column: columns.first as u32, quantity }
        };
        stored.readout.quantities.iter().map(&mut encode).collect()
    }
}

/// Number of terms: of words and of other parts.
fn terms(sum: &Sum) -> usize {
    sum.parts.len() + sum.x_groups.iter().map(|x_group| x_group.terms.len()).sum::<usize>()
}

impl Basis {
    fn new(program: &Program, measured: &[usize], index_map: &Chain, assembler: &mut Assembler) -> Self {
        let others = (0..program.qubits).filter(|qubit| !measured.contains(qubit));
        let order: Vec<usize> = measured.iter().copied().chain(others).collect();
        Self {
            count: measured.len() as u32,
            rows: assembler.block(measured.iter().map(|qubit| record(index_map.parity(1 << qubit)))),
            columns: assembler.block(order.iter().map(|qubit| index_map.flip_mask(1 << qubit) as u32)),
            origin: index_map.physical(0) as u32,
        }
    }
}

fn record(parity: Parity) -> abi::Parity {
    abi::Parity { local: parity.mask as u32, tile: 0, odd: u32::from(parity.odd) }
}

/// Records of the terms of observables.
struct Records<'a> {
    indices: Indices<'a>,
    assembler: &'a mut Assembler,
    /// Terms with their operands.
    words: Vec<u32>,
    /// Terms of each output.
    lists: Vec<Vec<u32>>,
}

impl Records<'_> {
    /// Number of terms.
    fn count(&self) -> u32 {
        self.words.len() as u32 / TERM_STRIDE
    }

    fn add(&mut self, head: Term, operand: impl Words) {
        let number = self.count();
        self.lists[head.output as usize].push(number);
        head.write(&mut self.words);
        operand.write(&mut self.words);
    }

    fn word(&mut self, x: u32, z: u32, term: &PauliTerm) {
        let coefficient = self.assembler.number(term.coefficient);
        let head = Term { kind: TERM_WORD, output: term.output as u32, coefficient };
        self.add(head, WordTerm { flip_mask: x, sign_mask: z, quarter_turns: term.quarter_turns });
    }

    fn part(&mut self, output: usize, coefficient: f64, part: &Part) {
        let Self { indices, assembler, .. } = self;
        let (indices, output) = (*indices, output as u32);
        let coefficient = assembler.number(coefficient);
        match part {
            Part::Diagonal { values, mask } => {
                let count = mask.count_ones();
                let values = assembler.numbers(values);
                let bits = assembler.block(gf2::bits(*mask).map(|bit| record(indices.qubit(bit))));
                self.add(Term { kind: TERM_DIAGONAL, output, coefficient }, DiagonalTerm { count, bits, values });
            }
            Part::Projector { mask, bits } => {
                let condition = |bit: usize| {
                    let parity = indices.qubit(bit);
                    record(Parity { odd: parity.odd ^ (bits >> bit & 1 == 0), ..parity })
                };
                let conditions =
                    Conditions { count: mask.count_ones(), at: assembler.block(gf2::bits(*mask).map(condition)) };
                self.add(Term { kind: TERM_PROJECTOR, output, coefficient }, ProjectorTerm { conditions, unused: 0 });
            }
            Part::Matrix { entries, qubits } => {
                let qubit = |qubit: &usize| Qubit {
                    flip_mask: indices.flip_mask(indices.index_map.flip_mask(1 << qubit)),
                    parity: record(indices.qubit(*qubit)),
                };
                let count = qubits.len() as u32;
                let qubits = assembler.block(qubits.iter().map(qubit));
                let entries = assembler.constants(entries.iter().copied());
                self.add(Term { kind: TERM_MATRIX, output, coefficient }, MatrixTerm { count, qubits, entries });
            }
        }
    }

    /// Writes a series of words, each with its z-mask.
    fn series(&mut self, x: u32, is_imaginary: bool, mut series: Vec<(u32, &PauliTerm)>, low: u32) -> Series {
        series.sort_by_key(|(z, _)| (z & low, *z));
        let first_term = self.count();
        let mut entries: Vec<SeriesEntry> = Vec::new();
        for (z, term) in series {
            let first_term = self.count();
            self.word(x, z, term);
            let end_term = self.count();
            match entries.last_mut() {
                Some(entry) if entry.mask == z & low => entry.end_term = end_term,
                _ => entries.push(SeriesEntry { mask: z & low, first_term, end_term }),
            }
        }
        Series {
            imaginary: u32::from(is_imaginary),
            flip_mask: x,
            first_term,
            end_term: self.count(),
            entries: self.assembler.list(&entries),
        }
    }
}

impl Observables {
    fn new(sum: &Sum, indices: Indices<'_>, chunk: usize, assembler: &mut Assembler) -> Self {
        let chunk = indices.tile.map_or(chunk, Tile::bits);
        let low = ((1u64 << chunk) - 1) as u32;
        let lists = vec![Vec::new(); sum.outputs];
        let mut records = Records { indices, assembler, words: Vec::new(), lists };
        let mut long = Vec::new();
        for (x_group, imaginary) in sum.x_groups.iter().flat_map(|x_group| [(x_group, 0), (x_group, 1)]) {
            let x = indices.flip_mask(x_group.x);
            let z = |term: &PauliTerm| indices.parity(Parity { mask: term.z, odd: false }).mask as u32;
            let words = x_group.terms.iter().filter(|term| term.quarter_turns % 2 == imaginary);
            let words: Vec<(u32, &PauliTerm)> = words.map(|term| (z(term), term)).collect();
            match words.len() {
                ..LEAST_SERIES => words.into_iter().for_each(|(z, term)| records.word(x, z, term)),
                _ => long.push((x, imaginary == 1, words)),
            }
        }
        sum.parts.iter().for_each(|(output, coefficient, part)| records.part(*output, *coefficient, part));
        let direct = records.count();
        let series: Vec<Series> =
            long.into_iter().map(|(x, imaginary, words)| records.series(x, imaginary, words, low)).collect();
        let count = records.count();
        let Records { assembler, words, lists, .. } = records;
        let identity = Term { kind: TERM_WORD, output: 0, coefficient: assembler.number(1.0) };
        let identity = [words_of([identity]), words_of([WordTerm::default()])].concat();
        Self {
            count,
            direct,
            series: [assembler.block(series.iter().copied()), series.len() as u32],
            terms: assembler.block(words),
            lists: assembler.lists(&lists),
            constants: assembler.numbers(&sum.constants),
            outputs: sum.outputs as u32,
            identity: [assembler.block(identity), assembler.lists(&[vec![0]])],
            fused: indices.tile.is_some(),
        }
    }

    /// Returns the identity as an observable of one term.
    pub(crate) fn identity(&self) -> Self {
        let [terms, lists] = self.identity;
        // The constants belong to a variance, so they are 0.
        let constants = self.constants;
        Self { terms, lists, constants, count: 1, direct: 1, series: [0, 0], outputs: 1, ..*self }
    }
}
