//! Bytecode: a program as words, numbers and constants in a device's memory, which the kernels read.
//!
//! Bytecode consists of the records in `abi`. It is made once for each program.

use super::angles::Angles;
use super::assembler::{Assembler, words_of};
use super::observables::{CHUNK_BITS, Reading};
use super::stored_ops::StoredOps;
use super::sweeps::{LocalDiagonal, LocalRotation, Op, cheapest_sweeps};
use super::tile::{BANK_BITS, LocalParity, Tile};
use crate::engine::gpu::abi::{
    self, Dense, Diagonals, Exchange, Factor, KINDS, Mix, NONE, Pass, Qubit, TableTerm, Weighted, Words,
};
use crate::engine::tile_planner::Term;
use crate::gf2::{Basis, parity};
use crate::program::{Program, Slot, Source};
use num_complex::Complex64;

const _: () = assert!(abi::MAX_MATRIX_QUBITS as usize == crate::limits::MAX_MATRIX_QUBITS);

/// Bytecode of a program.
#[derive(Debug)]
pub(crate) struct Bytecode {
    pub(crate) code: Vec<u32>,
    /// Numbers in the precision of angles.
    pub(crate) numbers: Vec<f64>,
    /// Numbers in the precision of the state.
    pub(crate) constants: Vec<Complex64>,
    pub(crate) angles: Angles,
    pub(crate) sweeps: Vec<EncodedSweep>,
    /// Position of the list of the operations' positions.
    pub(crate) index: u32,
    /// Kinds of the variables that each operation reads.
    pub(crate) kinds: Vec<u32>,
    /// Bits of a tile.
    pub(crate) bits: usize,
    /// Number of phase tables, and position of their terms.
    pub(crate) tables: (u32, u32),
    /// Partial gradients that a reverse sweep writes for each tile.
    pub(crate) partials: u32,
    /// Position of the lists of each slot's partial gradients.
    pub(crate) slot_partials: u32,
    /// Bits of an index within a chunk. Observables are read chunk by chunk.
    pub(crate) chunk_bits: usize,
    pub(crate) readings: Vec<Reading>,
    /// Whether a gradient reads inputs and weights directly.
    pub(crate) reads_arguments: bool,
}

/// Sweep in the bytecode: operations `first..last`, and their tile.
#[derive(Debug)]
pub(crate) struct EncodedSweep {
    pub(crate) first: u32,
    pub(crate) last: u32,
    pub(crate) tile_basis: u32,
    pub(crate) offsets: u32,
    pub(crate) lane_bits: u32,
}

impl Bytecode {
    /// Encodes a program for tiles of up to `most` bits, or more if a matrix needs them. Returns `None` if a matrix
    /// fits no tile.
    pub(crate) fn new(program: &Program, most: usize) -> Option<Self> {
        let stored = StoredOps::new(program);
        let (bits, sweeps) = cheapest_sweeps(program, &stored, most)?;
        let mut assembler = Assembler::default();
        let angles = Angles::new(program, &sweeps, &mut assembler);
        let mut encoder = Encoder {
            assembler,
            angles: &angles,
            tables: Vec::new(),
            slots: vec![Vec::new(); angles.slots()],
            partials: 0,
        };
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
        let Encoder { mut assembler, tables, slots, partials, .. } = encoder;
        let index = assembler.block(positions);
        let tables = (tables.len() as u32, assembler.lists(&tables));
        let slot_partials = assembler.lists(&slots);
        let whole = sweeps.first().map(|sweep| &sweep.tile).filter(|tile| tile.tiles.is_empty());
        let chunk_bits = most.min(CHUNK_BITS).min(program.qubits);
        let readings = Reading::all(program, &stored, whole, chunk_bits, &mut assembler);
        let product = |slot: &Slot| slot.terms.iter().any(|(_, _, second)| second.is_some());
        let reads_arguments = program.embedding.is_some() || program.slots.iter().any(product);
        let bits = bits.min(program.qubits);
        let Assembler { code, numbers, constants, .. } = assembler;
        Some(Self {
            code,
            numbers,
            constants,
            sweeps: runs,
            index,
            kinds,
            bits,
            tables,
            partials,
            slot_partials,
            chunk_bits,
            readings,
            angles,
            reads_arguments,
        })
    }

    /// Index of the first operation that a reverse sweep must undo for gradients of the kinds `wanted`.
    pub(crate) fn first_wanted(&self, wanted: u32) -> u32 {
        let wants = |kind: &u32| kind & wanted != 0;
        self.kinds.iter().position(wants).unwrap_or(self.kinds.len()) as u32
    }
}

/// Encoder of operations.
struct Encoder<'a> {
    assembler: Assembler,
    angles: &'a Angles,
    /// Terms of each table.
    tables: Vec<Vec<TableTerm>>,
    /// Partial gradients of each slot.
    slots: Vec<Vec<Weighted>>,
    partials: u32,
}

impl Encoder<'_> {
    fn run(&mut self, first: u32, last: u32, tile: &Tile) -> EncodedSweep {
        let tile_basis = self.assembler.block(tile.tiles.iter().map(|vector| *vector as u32));
        let offsets = self.assembler.block(tile.offsets());
        EncodedSweep { first, last, tile_basis, offsets, lane_bits: tile.lanes as u32 }
    }

    /// Numbers a new partial gradient, which counts for the gradients of its sources. Returns `NONE` if no source is a
    /// slot.
    fn partial(&mut self, parts: &[(Source, f64)]) -> u32 {
        let mut used = false;
        for (source, weight) in parts {
            if let Source::Slot(slot) = source {
                let weight = self.assembler.number(*weight);
                self.slots[self.angles.slot(*slot) as usize].push(Weighted { index: self.partials, weight });
                used = true;
            }
        }
        self.partials += 1;
        if used { self.partials - 1 } else { NONE }
    }

    /// Writes an operation. Returns its position and the kinds of its sources.
    fn op(&mut self, op: &Op, tile: &Tile) -> (u32, u32) {
        let (words, kinds) = match op {
            Op::Pass { table, rotations } => self.pass(table, rotations, tile),
            Op::Diagonals(factors) => self.diagonals(factors),
            Op::Mix { source, real, flip_mask, negative, conditions } => {
                let source_word = self.angles.source(source);
                let mix = Mix {
                    real: u32::from(*real),
                    source: source_word,
                    partial: self.partial(&[(*source, 1.0)]),
                    flip_mask: *flip_mask,
                    top_bit: 1 << flip_mask.ilog2(),
                    negative: (*negative).into(),
                    conditions: self.assembler.conditions(conditions),
                };
                (mix.words(), source_word & KINDS)
            }
            Op::Exchange { flip_mask, conditions } => {
                let conditions = self.assembler.conditions(conditions);
                (Exchange { flip_mask: *flip_mask, conditions }.words(), 0)
            }
            Op::Matrix { qubits, entries, conditions } => {
                let flip_masks: Vec<u32> = qubits.iter().map(|(flip_mask, _)| *flip_mask).collect();
                let dense = Dense {
                    qubits: qubits.len() as u32,
                    entries: self.assembler.constants(entries.iter().copied()),
                    adjoint: self.assembler.constants(crate::linalg::adjoint_matrix(entries).iter().copied()),
                    bases: self.assembler.block(representatives(tile.bits(), &flip_masks)),
                    conditions: self.assembler.conditions(conditions),
                };
                let qubits = qubits.iter().map(|(flip_mask, parity)| {
                    let (flip_mask, parity) = (*flip_mask, (*parity).into());
                    Qubit { flip_mask, parity }
                });
                ([dense.words(), words_of(qubits)].concat(), 0)
            }
        };
        let position = self.assembler.position();
        self.assembler.code.extend(words);
        (position, kinds)
    }

    fn pass(&mut self, table: &[Term], rotations: &[LocalRotation], tile: &Tile) -> (Vec<u32>, u32) {
        let first_partial = self.partials;
        let mut kinds = 0;
        let mut terms = Vec::new();
        for term in table {
            self.partial(&term.parts);
            kinds |= term.parts.iter().fold(0, |kinds, (source, _)| kinds | self.angles.kinds(source));
            terms.push(self.angles.term(term, &mut self.assembler));
        }
        let pass = Pass {
            rotations: rotations.len() as u32,
            bases: self.assembler.block(even(tile.bits(), rotations)),
            table: if table.is_empty() { NONE } else { self.tables.len() as u32 },
            term_count: table.len() as u32,
            term_kinds: kinds,
            term_masks: self.assembler.block(table.iter().map(|term| term.mask as u32)),
            first_partial,
        };
        if !table.is_empty() {
            self.tables.push(terms);
        }
        let mut words = pass.words();
        for rotation in rotations {
            kinds |= self.angles.kinds(&rotation.source);
            let record = abi::Rotation {
                source: self.angles.source(&rotation.source),
                partial: self.partial(&[(rotation.source, 1.0)]),
                flip_mask: rotation.flip_mask,
                tile_mask: rotation.parity.tile,
            };
            record.write(&mut words);
        }
        (words, kinds)
    }

    fn diagonals(&mut self, factors: &[LocalDiagonal]) -> (Vec<u32>, u32) {
        let mut words = Diagonals { factors: factors.len() as u32 }.words();
        let mut kinds = 0;
        for factor in factors {
            kinds |= self.angles.kinds(&factor.source);
            let record = Factor {
                source: self.angles.source(&factor.source),
                partial: self.partial(&[(factor.source, 1.0)]),
                sign: factor.sign.into(),
                conditions: self.assembler.conditions(&factor.conditions),
            };
            record.write(&mut words);
        }
        (words, kinds)
    }
}

/// Local indices at which the parities of all rotations are even in tile 0. Neighbours in the list, which neighbouring
/// threads take, are in different banks as far as possible.
fn even(bits: usize, rotations: &[LocalRotation]) -> Vec<u32> {
    let is_even = |index: &u32| {
        let odd = |of: LocalParity| parity((index & of.local).into()) != of.odd;
        !rotations.iter().any(|rotation| odd(rotation.parity))
    };
    let mut banks = vec![Vec::new(); 1 << BANK_BITS];
    for index in (0..1u32 << bits).filter(is_even) {
        banks[index as usize % (1 << BANK_BITS)].push(index);
    }
    // The indices are a coset of a linear space, so all banks with any of them have equally many.
    banks.retain(|bank| !bank.is_empty());
    let depth = banks.first().map_or(0, Vec::len);
    (0..depth).flat_map(|k| banks.iter().filter_map(move |bank| bank.get(k).copied())).collect()
}

/// First local index of each set of indices that differ by the flip masks.
fn representatives(bits: usize, flip_masks: &[u32]) -> Vec<u32> {
    let mut basis = Basis::default();
    flip_masks.iter().for_each(|flip_mask| _ = basis.extend((*flip_mask).into()));
    // Bits that flip masks and lower bits can flip together: the first index of a set has none of them.
    let mask = (0..bits).filter(|bit| !basis.extend(1 << bit)).fold(0, |mask, bit| mask | 1 << bit);
    (0..1u32 << bits).filter(|index| index & mask == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::{Circuit, input};
    use crate::engine::gpu::lower::sweeps::sweeps;
    use crate::measurement::Measurement;
    use crate::observable::Z;

    /// Threads of a warp access the same bank at most twice on average, in the passes of rings of CX.
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
            let stored = StoredOps::new(&program);
            let (mut warps, mut cycles) = (0, 0);
            for sweep in sweeps(&program, &stored.ops, bits).expect("rotations fit") {
                for op in &sweep.ops {
                    let Op::Pass { rotations, .. } = op else { continue };
                    for warp in even(sweep.tile.bits(), rotations).chunks(32) {
                        let mut banks = [0; 32];
                        warp.iter().for_each(|index| banks[*index as usize % 32] += 1);
                        warps += 1;
                        cycles += banks.into_iter().max().unwrap_or(0);
                    }
                }
            }
            assert!(cycles <= 2 * warps, "{qubits} qubits: {cycles} cycles of {warps} warps");
        }
    }

    /// A large state takes two or three sweeps for each layer, with tiles of which a multiprocessor holds two.
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
            let bytecode = Bytecode::new(&program, 13).expect("rotations fit");
            assert_eq!((bytecode.bits, bytecode.sweeps.len()), (bits, count), "{qubits} qubits");
        }
    }
}
