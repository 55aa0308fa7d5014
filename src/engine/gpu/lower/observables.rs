//! Readouts in the bytecode: observables as terms in stored indices, or in those of the one tile that is read where it is.

use super::assembler::Assembler;
use super::stored_ops::{Chain, StoredOps};
use super::tile::Tile;
use crate::observable::Part;
use crate::program::{FlipTerm, Parity, Program, Readout, Sum};

/// What is read at the end.
#[derive(Debug)]
pub(crate) enum Reading {
    Expectation(Observables),
    Variance(Vec<Observables>),
    /// Of a number of measured qubits.
    Probabilities(Basis),
    State(Basis),
}

/// Terms of a sum of observables.
#[derive(Debug)]
pub(crate) struct Observables {
    /// Where the terms' records stand.
    pub(crate) terms: u32,
    pub(crate) count: u32,
    /// How many of them, the first ones, are no series.
    pub(crate) direct: u32,
    /// Where the records of series stand, and how many there are.
    pub(crate) series: [u32; 2],
    pub(crate) outputs: u32,
    /// Where the terms of each output are listed.
    pub(crate) lists: u32,
    /// Where the numbers start that are added to the outputs, one each.
    pub(crate) constants: u32,
    /// Whether sweeps read them themselves: the state is one tile, in whose indices the terms are.
    pub(crate) fused: bool,
    /// For variances: the identity, as a term of its own and as the list of output 0.
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

/// Terms that a sweep reads itself, at the most: the least group of the smallest states has room for their sums on any device.
const MOST_TERMS: usize = 128;

/// Fewer words than this are cheaper one by one than as a series with its transform.
const LEAST_SERIES: usize = 4;

/// Bits of an index within a chunk of a state that observables are read from at a time, at the most: enough for a group, and a
/// processor has several chunks at hand.
pub(crate) const CHUNK_BITS: usize = 11;

/// Indices that terms are in.
#[derive(Clone, Copy)]
struct Indices<'a> {
    frame: &'a Chain,
    /// The tile that is the state; none for stored indices.
    tile: Option<&'a Tile>,
}

impl Indices<'_> {
    /// A flip mask of stored bits.
    fn flip_mask(self, stored: u64) -> u32 {
        self.tile.map_or(stored as u32, |tile| tile.flip_mask(stored))
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
    /// `whole` is the tile of a state that is one; of others, chunks of `chunk` bits are read at a time.
    pub(crate) fn new(
        program: &Program,
        stored: &StoredOps,
        whole: Option<&Tile>,
        chunk: usize,
        assembler: &mut Assembler,
    ) -> Self {
        let frame = &stored.frame;
        let whole_state = Indices { frame, tile: None };
        match &stored.readout {
            Readout::Expectation(sum) => {
                let count = sum.parts.len() + sum.flips.iter().map(|flip| flip.terms.len()).sum::<usize>();
                let tile = whole.filter(|_| count <= MOST_TERMS);
                Self::Expectation(Observables::new(sum, Indices { frame, tile }, chunk, assembler))
            }
            Readout::Variance(sums) => {
                Self::Variance(sums.iter().map(|sum| Observables::new(sum, whole_state, chunk, assembler)).collect())
            }
            Readout::Probabilities(qubits) => Self::Probabilities(Basis::new(program, qubits, frame, assembler)),
            Readout::State => {
                let qubits: Vec<usize> = (0..program.qubits).collect();
                Self::State(Basis::new(program, &qubits, frame, assembler))
            }
        }
    }
}

impl Basis {
    fn new(program: &Program, measured: &[usize], frame: &Chain, assembler: &mut Assembler) -> Self {
        let others = (0..program.qubits).filter(|qubit| !measured.contains(qubit));
        let order: Vec<usize> = measured.iter().copied().chain(others).collect();
        let rows = measured.iter().flat_map(|qubit| words(frame.parity(1 << qubit))).collect();
        Self {
            count: measured.len() as u32,
            rows: assembler.block(rows),
            columns: assembler.block(order.iter().map(|qubit| frame.flip_mask(1 << qubit) as u32).collect()),
            origin: frame.physical(0) as u32,
        }
    }
}

fn words(parity: Parity) -> [u32; 3] {
    [parity.mask as u32, 0, u32::from(parity.odd)]
}

/// Terms of observables as records, in the making.
struct Records<'a> {
    indices: Indices<'a>,
    assembler: &'a mut Assembler,
    records: Vec<[u32; 6]>,
    /// Terms of each output.
    lists: Vec<Vec<u32>>,
}

impl Records<'_> {
    fn add(&mut self, output: usize, record: [u32; 6]) {
        self.lists[output].push(self.records.len() as u32);
        self.records.push(record);
    }

    fn word(&mut self, x: u32, z: u32, term: &FlipTerm) {
        let number = self.assembler.number(term.coefficient);
        self.add(term.output, [0, term.output as u32, number, x, z, term.quarter_turns]);
    }

    fn part(&mut self, output: usize, coefficient: f64, part: &Part) {
        let Self { indices, assembler, .. } = self;
        let number = assembler.number(coefficient);
        let (kind, count, first, second) = match part {
            Part::Diagonal(values) => {
                let bits = values.len().ilog2();
                let rows = (0..bits as usize).flat_map(|bit| words(indices.qubit(bit))).collect();
                (1, bits, assembler.numbers(values), assembler.block(rows))
            }
            Part::Projector { mask, bits } => {
                let fixed = (0..u64::BITS as usize).filter(|bit| mask >> bit & 1 == 1);
                let condition = |bit: usize| {
                    let parity = indices.qubit(bit);
                    words(Parity { odd: parity.odd ^ (bits >> bit & 1 == 0), ..parity })
                };
                (2, mask.count_ones(), assembler.block(fixed.flat_map(condition).collect()), 0)
            }
            Part::Matrix { entries, qubits } => {
                let qubit = |qubit: &usize| {
                    let [mask, tile, odd] = words(indices.qubit(*qubit));
                    [indices.flip_mask(indices.frame.flip_mask(1 << qubit)), mask, tile, odd]
                };
                let at = assembler.block(qubits.iter().flat_map(qubit).collect());
                (3, qubits.len() as u32, assembler.constants(entries.iter().copied()), at)
            }
        };
        self.add(output, [kind | count << 8, output as u32, number, first, second, 0]);
    }

    /// A series of words that are given with their masks; returns its record.
    fn series(&mut self, x: u32, is_imaginary: bool, mut series: Vec<(u32, &FlipTerm)>, low: u32) -> [u32; 6] {
        series.sort_by_key(|(z, _)| (z & low, *z));
        let first = self.records.len() as u32;
        let mut entries: Vec<[u32; 3]> = Vec::new();
        for (z, term) in series {
            let at = self.records.len() as u32;
            self.word(x, z, term);
            match entries.last_mut() {
                Some([mask, _, last]) if *mask == z & low => *last = at + 1,
                _ => entries.push([z & low, at, at + 1]),
            }
        }
        let at = self.assembler.block(entries.concat());
        [u32::from(is_imaginary), x, first, self.records.len() as u32, at, at + 3 * entries.len() as u32]
    }
}

impl Observables {
    fn new(sum: &Sum, indices: Indices<'_>, chunk: usize, assembler: &mut Assembler) -> Self {
        let chunk = indices.tile.map_or(chunk, Tile::bits);
        let low = ((1u64 << chunk) - 1) as u32;
        let lists = vec![Vec::new(); sum.outputs];
        let mut records = Records { indices, assembler, records: Vec::new(), lists };
        let mut long = Vec::new();
        for (flip, imaginary) in sum.flips.iter().flat_map(|flip| [(flip, 0), (flip, 1)]) {
            let x = indices.flip_mask(flip.x);
            let z = |term: &FlipTerm| indices.parity(Parity { mask: term.z, odd: false }).mask as u32;
            let words = flip.terms.iter().filter(|term| term.quarter_turns % 2 == imaginary);
            let words: Vec<(u32, &FlipTerm)> = words.map(|term| (z(term), term)).collect();
            match words.len() {
                ..LEAST_SERIES => words.into_iter().for_each(|(z, term)| records.word(x, z, term)),
                _ => long.push((x, imaginary == 1, words)),
            }
        }
        sum.parts.iter().for_each(|(output, coefficient, part)| records.part(*output, *coefficient, part));
        let direct = records.records.len() as u32;
        let series: Vec<[u32; 6]> =
            long.into_iter().map(|(x, imaginary, words)| records.series(x, imaginary, words, low)).collect();
        let Records { assembler, records, lists, .. } = records;
        let identity = [0, 0, assembler.number(1.0), 0, 0, 0];
        Self {
            count: records.len() as u32,
            direct,
            series: [assembler.block(series.concat()), series.len() as u32],
            terms: assembler.block(records.concat()),
            lists: assembler.lists(&lists),
            constants: assembler.numbers(&sum.constants),
            outputs: sum.outputs as u32,
            identity: [assembler.block(identity.to_vec()), assembler.lists(&[vec![0]])],
            fused: indices.tile.is_some(),
        }
    }

    /// The identity as an observable of one term, next to a sum.
    pub(crate) fn identity(&self) -> Self {
        let [terms, lists] = self.identity;
        // The constants are those of a variance, which are 0.
        let constants = self.constants;
        Self { terms, lists, constants, count: 1, direct: 1, series: [0, 0], outputs: 1, ..*self }
    }
}
