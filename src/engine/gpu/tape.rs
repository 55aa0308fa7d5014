//! A program as words, numbers and constants in a device's memory: what the kernels read.
//!
//! Made once a program; `kernels/common/*.h` say what each word means.

use super::angles::Angles;
use super::stages::Stages;
use super::sweeps::{LocalDiagonal, LocalRotation, Op, Sweep, Term, sweeps};
use super::terms::{CHUNK_BITS, Reading};
use super::tile::{BANK_BITS, LocalParity, Tile};
use crate::program::{Kernel, Program, Slot, Source, Step};
use num_complex::Complex64;
use std::cmp::Reverse;
use std::collections::HashMap;

/// No entry.
pub(super) const NONE: u32 = u32::MAX;

/// Bits of a source: its slot reads inputs, its slot reads weights.
pub(super) const INPUTS: u32 = 1 << 31;
pub(super) const WEIGHTS: u32 = 1 << 30;

/// See the module.
#[derive(Debug)]
pub(super) struct Tape {
    pub(super) words: Vec<u32>,
    /// Numbers in the precision of angles.
    pub(super) numbers: Vec<f64>,
    /// Numbers in the precision of the state.
    pub(super) constants: Vec<Complex64>,
    pub(super) angles: Angles,
    pub(super) sweeps: Vec<Run>,
    /// Where each operation stands.
    pub(super) index: u32,
    /// Which kinds of sources each operation has.
    pub(super) kinds: Vec<u32>,
    /// Bits of a tile.
    pub(super) bits: usize,
    /// Tables of phases: how many, and where their terms stand.
    pub(super) tables: (u32, u32),
    /// Numbers that the reverse sweep leaves a tile.
    pub(super) cells: u32,
    /// Where the cells of each slot are listed.
    pub(super) slot_cells: u32,
    /// Bits of an index within the chunks that observables are read from.
    pub(super) chunk_bits: usize,
    pub(super) reading: Reading,
    /// Whether a gradient reads inputs and weights themselves.
    pub(super) reads_arguments: bool,
}

/// A sweep on the tape: operations `first..last`, and its tiles.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) first: u32,
    pub(super) last: u32,
    pub(super) tile_basis: u32,
    pub(super) offsets: u32,
    pub(super) lane_bits: u32,
}

/// Words, numbers and constants in the making.
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) words: Vec<u32>,
    numbers: Vec<f64>,
    known: HashMap<u64, u32>,
    pub(super) constants: Vec<Complex64>,
    /// Runs of words that may be shared.
    blocks: HashMap<Vec<u32>, u32>,
}

impl Writer {
    pub(super) fn position(&self) -> u32 {
        self.words.len() as u32
    }

    /// Writes a run of words, or finds it where it has been written; returns where it stands.
    pub(super) fn block(&mut self, words: Vec<u32>) -> u32 {
        if let Some(position) = self.blocks.get(&words) {
            return *position;
        }
        let position = self.position();
        self.words.extend(&words);
        self.blocks.insert(words, position);
        position
    }

    pub(super) fn number(&mut self, value: f64) -> u32 {
        let numbers = &mut self.numbers;
        *self.known.entry(value.to_bits()).or_insert_with(|| {
            numbers.push(value);
            numbers.len() as u32 - 1
        })
    }

    /// Numbers one after the other.
    pub(super) fn numbers(&mut self, values: &[f64]) -> u32 {
        self.numbers.extend(values);
        (self.numbers.len() - values.len()) as u32
    }

    pub(super) fn constants(&mut self, values: impl IntoIterator<Item = Complex64>) -> u32 {
        let position = self.constants.len() as u32;
        self.constants.extend(values);
        position
    }

    /// For each list its first and last word, then the lists; returns where the former stand.
    pub(super) fn lists(&mut self, lists: &[Vec<u32>]) -> u32 {
        let head = self.position();
        let mut at = head + 2 * lists.len() as u32;
        for list in lists {
            self.words.extend([at, at + list.len() as u32]);
            at += list.len() as u32;
        }
        lists.iter().for_each(|list| self.words.extend(list));
        head
    }

    pub(super) fn parity_words(parity: LocalParity) -> [u32; 3] {
        [parity.local, parity.tile, u32::from(parity.odd)]
    }

    /// Number and place of conditions.
    pub(super) fn conditions(&mut self, conditions: &[LocalParity]) -> [u32; 2] {
        let words = conditions.iter().copied().flat_map(Self::parity_words).collect();
        [conditions.len() as u32, self.block(words)]
    }
}

impl Tape {
    /// For tiles of up to `most` bits, or more if a matrix needs them.
    pub(super) fn new(program: &Program, most: usize) -> Option<Self> {
        let stages = Stages::new(program);
        let (bits, sweeps) = cheapest_sweeps(program, &stages, most)?;
        let mut writer = Writer::default();
        let angles = Angles::new(program, &sweeps, &mut writer);
        let mut encoder =
            Encoder { writer, angles: &angles, tables: Vec::new(), slots: vec![Vec::new(); angles.slots()], cells: 0 };
        let (mut positions, mut kinds, mut runs) = (Vec::new(), Vec::new(), Vec::new());
        for sweep in &sweeps {
            let first = positions.len() as u32;
            for op in &sweep.ops {
                let (position, kind) = encoder.op(op, &sweep.tile);
                positions.push(position);
                kinds.push(kind);
            }
            runs.push(encoder.run(first, positions.len() as u32, &sweep.tile));
        }
        let Encoder { mut writer, tables, slots, cells, .. } = encoder;
        let index = writer.block(positions);
        let tables = (tables.len() as u32, writer.lists(&tables));
        let slot_cells = writer.lists(&slots);
        let whole = sweeps.first().map(|sweep| &sweep.tile).filter(|tile| tile.tiles.is_empty());
        let chunk_bits = most.min(CHUNK_BITS).min(program.qubits);
        let reading = Reading::new(program, &stages, whole, chunk_bits, &mut writer);
        let product = |slot: &Slot| slot.terms.iter().any(|(_, _, second)| second.is_some());
        let reads_arguments = program.embedding.is_some() || program.slots.iter().any(product);
        let bits = bits.min(program.qubits);
        let Writer { words, numbers, constants, .. } = writer;
        Some(Self {
            words,
            numbers,
            constants,
            sweeps: runs,
            index,
            kinds,
            bits,
            tables,
            cells,
            slot_cells,
            chunk_bits,
            reading,
            angles,
            reads_arguments,
        })
    }

    /// The first operation that a reverse sweep must undo for gradients of these kinds.
    pub(super) fn first_wanted(&self, wanted: u32) -> u32 {
        let wants = |kind: &u32| kind & wanted != 0;
        self.kinds.iter().position(wants).unwrap_or(self.kinds.len()) as u32
    }
}

/// A state that fits a tile is one. A larger one is cut so that its sweeps, each of which is a pass over the state, cost least; of
/// equals into larger tiles, of which there are fewer. Of the largest a processor has one at a time, of others two, one of
/// which computes while the other waits for memory.
fn cheapest_sweeps(program: &Program, stages: &Stages, most: usize) -> Option<(usize, Vec<Sweep>)> {
    let width = |step: &Step| if let Kernel::Matrix { qubits, .. } = &step.kernel { qubits.len() } else { 0 };
    let widest = program.steps.iter().map(width).max().unwrap_or(0);
    let most = most.max(widest);
    let least = if program.qubits <= most { most } else { LEAST_TILE.max(widest).min(most) };
    let cuts = (least..=most).filter_map(|bits| Some((bits, sweeps(program, &stages.stages, bits)?)));
    let price = |bits: usize| if bits == most { ALONE } else { SEVERAL };
    cuts.min_by_key(|(bits, sweeps)| (sweeps.len() * price(*bits), Reverse(*bits)))
}

/// What a sweep costs with the largest tiles and with others, forward and reverse together.
const ALONE: usize = 5;
const SEVERAL: usize = 4;

/// Fewer bits of a tile would leave threads of a group without work.
const LEAST_TILE: usize = 10;

/// Encodes operations.
struct Encoder<'a> {
    writer: Writer,
    angles: &'a Angles,
    /// Terms of each table.
    tables: Vec<Vec<u32>>,
    /// For each slot its cells, each with the number of a weight.
    slots: Vec<Vec<u32>>,
    cells: u32,
}

impl Encoder<'_> {
    fn run(&mut self, first: u32, last: u32, tile: &Tile) -> Run {
        let tile_basis = self.writer.block(tile.tiles.iter().map(|vector| *vector as u32).collect());
        let offsets = self.writer.block(tile.offsets());
        Run { first, last, tile_basis, offsets, lane_bits: tile.lanes as u32 }
    }

    /// A new cell that adds to a source's gradient, or `NONE`.
    fn cell(&mut self, parts: &[(Source, f64)]) -> u32 {
        let mut used = false;
        for (source, weight) in parts {
            if let Source::Slot(slot) = source {
                let weight = self.writer.number(*weight);
                self.slots[self.angles.slot(*slot) as usize].extend([self.cells, weight]);
                used = true;
            }
        }
        self.cells += 1;
        if used { self.cells - 1 } else { NONE }
    }

    /// Writes an operation; returns where it stands and the kinds of its sources.
    fn op(&mut self, op: &Op, tile: &Tile) -> (u32, u32) {
        let (words, kinds) = match op {
            Op::Pass { table, rotations } => self.pass(table, rotations, tile),
            Op::Diagonals(factors) => self.diagonals(factors),
            Op::Mix { source, real, flip_mask, negative, conditions } => {
                let source_word = self.angles.source(source);
                let bit = 1 << flip_mask.ilog2();
                let mut words = vec![2 | u32::from(*real) << 8, source_word, self.cell(&[(*source, 1.0)])];
                words.extend([*flip_mask, bit]);
                words.extend(Writer::parity_words(*negative));
                words.extend(self.writer.conditions(conditions));
                (words, source_word & (INPUTS | WEIGHTS))
            }
            Op::Exchange { flip_mask, conditions } => {
                let [count, at] = self.writer.conditions(conditions);
                (vec![3, *flip_mask, count, at], 0)
            }
            Op::Matrix { qubits, entries, conditions } => {
                let forward = self.writer.constants(entries.iter().copied());
                let adjoint = self.writer.constants(crate::linalg::adjoint(entries).iter().copied());
                let flip_masks: Vec<u32> = qubits.iter().map(|(flip_mask, _)| *flip_mask).collect();
                let bases = self.writer.block(representatives(tile.bits(), &flip_masks));
                let mut words = vec![4 | (qubits.len() as u32) << 8, forward, adjoint, bases];
                words.extend(self.writer.conditions(conditions));
                for (flip_mask, parity) in qubits {
                    words.push(*flip_mask);
                    words.extend(Writer::parity_words(*parity));
                }
                (words, 0)
            }
        };
        let position = self.writer.position();
        self.writer.words.extend(words);
        (position, kinds)
    }

    fn pass(&mut self, table: &[Term], rotations: &[LocalRotation], tile: &Tile) -> (Vec<u32>, u32) {
        let first_cell = self.cells;
        let mut kinds = 0;
        let mut terms = Vec::new();
        for term in table {
            self.cell(&term.parts);
            kinds |= term.parts.iter().fold(0, |kinds, (source, _)| kinds | self.angles.kinds(source));
            terms.extend(self.angles.term(term, &mut self.writer));
        }
        let count = table.len() as u32 | kinds;
        let masks = self.writer.block(table.iter().map(|term| term.mask).collect());
        let number = if table.is_empty() { NONE } else { self.tables.len() as u32 };
        if !table.is_empty() {
            self.tables.push(terms);
        }
        let bases = self.writer.block(even(tile.bits(), rotations));
        let mut words = vec![(rotations.len() as u32) << 8, bases, number, count, masks, first_cell];
        for rotation in rotations {
            let source = self.angles.source(&rotation.source);
            kinds |= self.angles.kinds(&rotation.source);
            let cell = self.cell(&[(rotation.source, 1.0)]);
            words.extend([source, cell, rotation.flip_mask, rotation.parity.tile]);
        }
        (words, kinds)
    }

    fn diagonals(&mut self, factors: &[LocalDiagonal]) -> (Vec<u32>, u32) {
        let mut words = vec![1 | (factors.len() as u32) << 8];
        let mut kinds = 0;
        for factor in factors {
            kinds |= self.angles.kinds(&factor.source);
            words.extend([self.angles.source(&factor.source), self.cell(&[(factor.source, 1.0)])]);
            words.extend(Writer::parity_words(factor.sign));
            words.extend(self.writer.conditions(&factor.conditions));
        }
        (words, kinds)
    }
}

/// Local indices at which the parities of all rotations are even in tile 0, spread over the banks: threads side by side take
/// indices side by side in this list.
fn even(bits: usize, rotations: &[LocalRotation]) -> Vec<u32> {
    let is_even = |index: &u32| {
        let odd = |parity: LocalParity| ((index & parity.local).count_ones() % 2 == 1) != parity.odd;
        !rotations.iter().any(|rotation| odd(rotation.parity))
    };
    let mut banks = vec![Vec::new(); 1 << BANK_BITS];
    for index in (0..1u32 << bits).filter(is_even) {
        banks[index as usize % (1 << BANK_BITS)].push(index);
    }
    // The indices are the sum of one of them and a linear space, so all banks that hold any hold equally many.
    banks.retain(|bank| !bank.is_empty());
    let depth = banks.first().map_or(0, Vec::len);
    (0..depth).flat_map(|k| banks.iter().filter_map(move |bank| bank.get(k).copied())).collect()
}

/// One local index of each set that the flip masks make up.
fn representatives(bits: usize, flip_masks: &[u32]) -> Vec<u32> {
    // Reduced so that no two have the same leading bit; the sets' first indices have none of these.
    let mut pivots: Vec<u32> = Vec::new();
    for flip_mask in flip_masks {
        let rest = pivots.iter().fold(*flip_mask, |rest: u32, pivot| rest.min(rest ^ pivot));
        pivots.push(rest);
    }
    let mask = pivots.iter().fold(0, |mask, pivot| mask | 1u32 << pivot.ilog2());
    (0..1u32 << bits).filter(|index| index & mask == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::{Circuit, input};
    use crate::measurement::Measurement;
    use crate::observable::Z;

    /// Threads of a warp meet in one bank at most twice on average, over the passes of rings of CX.
    #[test]
    fn threads_side_by_side_use_different_banks() {
        for (qubits, bits) in [(8, 13), (10, 13), (12, 13), (16, 12), (20, 12)] {
            let mut circuit = Circuit::new(qubits);
            let w = circuit.weights("w", (4, qubits));
            for layer in 0..4 {
                (0..qubits).for_each(|q| _ = circuit.ry(w.at([layer, q]) + 0.5 * input(q), q));
                (0..qubits).for_each(|q| _ = circuit.cx(q, (q + 1) % qubits));
            }
            let program = Program::new(&circuit, &Measurement::expectation((0..qubits).map(Z))).expect("valid");
            let stages = Stages::new(&program);
            let (mut warps, mut turns) = (0, 0);
            for sweep in sweeps(&program, &stages.stages, bits).expect("rotations fit") {
                for op in &sweep.ops {
                    let Op::Pass { rotations, .. } = op else { continue };
                    for warp in even(sweep.tile.bits(), rotations).chunks(32) {
                        let mut banks = [0; 32];
                        warp.iter().for_each(|index| banks[*index as usize % 32] += 1);
                        warps += 1;
                        turns += banks.into_iter().max().unwrap_or(0);
                    }
                }
            }
            assert!(turns <= 2 * warps, "{qubits} qubits: {turns} turns of {warps} warps");
        }
    }

    /// Two or three sweeps a layer, in tiles of which a processor has two.
    #[test]
    fn a_large_state_is_cut_for_few_sweeps() {
        for (qubits, bits, count) in [(13, 13, 1), (16, 12, 8), (24, 12, 12)] {
            let mut circuit = Circuit::new(qubits);
            let w = circuit.weights("w", (4, qubits));
            (0..qubits).for_each(|q| _ = circuit.ry(input(q), q));
            for layer in 0..4 {
                (0..qubits).for_each(|q| _ = circuit.ry(w.at([layer, q]), q).rz(w.at([layer, q]), q));
                (0..qubits).for_each(|q| _ = circuit.cx(q, (q + 1) % qubits));
            }
            let program = Program::new(&circuit, &Measurement::expectation((0..qubits).map(Z))).expect("valid");
            let tape = Tape::new(&program, 13).expect("rotations fit");
            assert_eq!((tape.bits, tape.sweeps.len()), (bits, count), "{qubits} qubits");
        }
    }
}
