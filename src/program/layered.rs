//! Layered programs: a product start, then phases and real rotations in turn.
//!
//! Every rotation about a Pauli word is a real rotation between phases. CX, X and SWAP only change the [`IndexMap`]. So
//! a circuit becomes
//!
//! ```text
//! product state · (phases, rotations) · (phases, rotations) · .. · readout
//! ```
//!
//! A *general* step (a dense matrix, or a permutation that is not linear) stands between layers. Each operation goes to
//! the earliest layer that its qubits allow. The last index map changes the words of the readout. Engines derive their
//! own structures from a layered program: batch passes for 16 samples, a state tiling for a single state.

use super::index_map::{IndexMap, Parity, Relabelling};
use super::rewrite::{Rewrite, Rewrites, is_one, product_start};
use super::stored::{Logical, StoredStep};
use super::{Controls, Kernel, Program, Readout, Step};
use crate::gf2;
use crate::linalg::rotation_and_phases;
use num_complex::Complex64;
use std::f64::consts::FRAC_1_SQRT_2;

/// Program as alternating phases and real rotations.
#[derive(Debug, Clone)]
pub(crate) struct LayeredProgram {
    /// Steps of each qubit on it alone, before any other step on it.
    pub(crate) start: Vec<Vec<Step>>,
    pub(crate) nodes: Vec<Node>,
    /// Readout, in stored indices.
    pub(crate) readout: Readout,
}

/// Node behind the product start.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Layer(Layer),
    /// General step of the program, and the map from stored indices to the logical ones that its masks mean.
    Step {
        index: usize,
        map: IndexMap,
    },
    /// Permutation of every amplitude from its stored to its logical index.
    Permute(IndexMap),
}

/// Phases that commute, then rotations on disjoint qubits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layer {
    pub(crate) phases: Vec<Phase>,
    pub(crate) rotations: Vec<Rotation>,
}

/// Source of a cosine and a sine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Source {
    Slot(usize),
    /// Constant cosine and sine.
    Fixed(Complex64),
}

/// Diagonal factor, in stored indices.
#[derive(Debug, Clone)]
pub(crate) struct Phase {
    pub(crate) source: Source,
    pub(crate) region: Region,
}

/// Basis states on which a phase acts.
#[derive(Debug, Clone)]
pub(crate) enum Region {
    /// Phase `exp(-i φ)` where the parity is even, `exp(i φ)` where the parity is odd.
    Sign(Parity),
    /// Phase `exp(i φ)` where all parities are odd.
    All(Vec<Parity>),
}

/// Rotation about a Pauli word with an odd number of Y: `a'[p] = cos φ a[p] - sin φ a[p ^ flip mask]` where the parity
/// of `p` is even, and with `+` where it is odd. The flip mask of one rotation of a layer changes no parity of the
/// layer's other rotations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rotation {
    pub(crate) source: Source,
    pub(crate) flip_mask: u64,
    pub(crate) parity: Parity,
}

impl LayeredProgram {
    /// Bytes that the layered program holds.
    pub(crate) fn bytes(&self) -> u64 {
        let steps = |steps: &Vec<Step>| steps.capacity() * size_of::<Step>();
        let phase = |phase: &Phase| phase.region.bytes();
        let layer = |layer: &Layer| {
            let lists =
                layer.phases.capacity() * size_of::<Phase>() + layer.rotations.capacity() * size_of::<Rotation>();
            lists + layer.phases.iter().map(phase).sum::<usize>()
        };
        let node = |node: &Node| match node {
            Node::Layer(of) => layer(of) as u64,
            Node::Step { map, .. } => map.bytes(),
            Node::Permute(index_map) => index_map.bytes(),
        };
        let start: usize = self.start.iter().map(steps).sum();
        (self.nodes.capacity() * size_of::<Node>() + start) as u64 + self.nodes.iter().map(node).sum::<u64>()
    }
}

impl Region {
    /// Factor of φ in the exponent at a stored index: -1, 0 or 1.
    pub(crate) fn sign(&self, index: u64) -> i32 {
        match self {
            Self::Sign(parity) => {
                if parity.of(index) {
                    1
                } else {
                    -1
                }
            }
            Self::All(parities) => i32::from(parities.iter().all(|parity| parity.of(index))),
        }
    }

    /// Bytes that the region holds.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Sign(_) => 0,
            Self::All(parities) => parities.capacity() * size_of::<Parity>(),
        }
    }

    /// Number of terms of the region's Walsh series.
    pub(crate) fn terms(&self) -> usize {
        match self {
            Self::Sign(_) => 1,
            Self::All(parities) => 1 << parities.len(),
        }
    }

    /// Walsh series of [`sign`](Self::sign).
    pub(crate) fn walsh(&self) -> Vec<(u64, f64)> {
        match self {
            Self::Sign(parity) => walsh_series(*parity, &[]),
            Self::All(parities) => walsh_series(Parity { mask: 0, odd: true }, parities),
        }
    }
}

/// Walsh series, a sum of weight · (-1)^|index & mask|. Where all conditions are odd, its value is 1 if `sign` is odd
/// and -1 if `sign` is even. Elsewhere its value is 0.
pub(crate) fn walsh_series(sign: Parity, conditions: &[Parity]) -> Vec<(u64, f64)> {
    let turned = |parity: &Parity| if parity.odd { -1.0 } else { 1.0 };
    conditions.iter().fold(vec![(sign.mask, -turned(&sign))], |series, parity| {
        // Each condition multiplies the series by (1 - s) / 2, where s is the sign of its parity.
        let halved = series.iter().map(|(mask, weight)| (*mask, 0.5 * weight));
        let flipped = series.iter().map(|(mask, weight)| (mask ^ parity.mask, -0.5 * turned(parity) * weight));
        halved.chain(flipped).collect()
    })
}

/// Part of a step, on logical qubits.
enum Piece {
    Relabel(Relabelling),
    /// Phase: its φ, and a mask whose parity gives the sign.
    Sign(Source, u64),
    /// Phase: its φ, and the bits of the basis states on which it acts.
    All(Source, Controls),
    Rotate(RotationWord),
}

/// Rotation about the word with these masks, which has an odd number of Y; about minus the word if `negative`.
#[derive(Debug, Clone, Copy)]
struct RotationWord {
    x: u64,
    z: u64,
    negative: bool,
    source: Source,
}

/// Largest number of qubits of a phase in a layer: its series of signs has a term for each subset of the qubits.
const MAX_PHASE_QUBITS: u32 = 4;

/// Binary logarithm of a run of amplitudes that is as good as a longer one: a vector.
const LONG_RUN: u32 = 4;

/// Pieces of a step, or `None` for a general step.
fn pieces(step: &Step, rewrites: Rewrites) -> Option<Vec<Piece>> {
    let eighth = |sign: f64| Source::Fixed(Complex64::new(FRAC_1_SQRT_2, sign * FRAC_1_SQRT_2));
    match &step.kernel {
        Kernel::Phase { .. } | Kernel::FixedPhase(_) if step.controls.count() > MAX_PHASE_QUBITS => None,
        Kernel::Phase { slot } => Some(vec![Piece::All(Source::Slot(*slot), step.controls)]),
        Kernel::FixedPhase(value) => Some(vec![Piece::All(Source::Fixed(*value), step.controls)]),
        Kernel::Exchange { .. } if !rewrites.contains(Rewrite::Relabel) => None,
        Kernel::Exchange { .. } => Relabelling::from_step(step).map(|relabelling| vec![Piece::Relabel(relabelling)]),
        Kernel::Rotation { x: 0, z, slot } if step.controls.is_empty() => {
            Some(vec![Piece::Sign(Source::Slot(*slot), *z)])
        }
        Kernel::Rotation { x, z, slot } if step.controls.is_empty() => {
            let word = RotationWord { x: *x, z: *z, negative: false, source: Source::Slot(*slot) };
            if gf2::parity(x & z) {
                return Some(vec![Piece::Rotate(word)]);
            }
            // RZ(π/2) turns X into Y and Y into -X. Changing one letter gives the word an odd number of Y, as in RX(θ)
            // = RZ(-π/2) RY(θ) RZ(π/2).
            let plain = x & !z;
            let bit = 1 << if plain != 0 { plain } else { *x }.trailing_zeros();
            let real = RotationWord { z: z ^ bit, negative: plain == 0, ..word };
            Some(vec![Piece::Sign(eighth(1.0), bit), Piece::Rotate(real), Piece::Sign(eighth(-1.0), bit)])
        }
        Kernel::Matrix { qubits, entries } if step.controls.is_empty() && qubits.len() == 1 => {
            Some(euler(qubits[0], entries))
        }
        Kernel::Rotation { .. } | Kernel::Matrix { .. } => None,
    }
}

/// One-qubit unitary as phases, a rotation about Y, and phases.
fn euler(qubit: usize, m: &[Complex64]) -> Vec<Piece> {
    let (point, [a, b, c]) = rotation_and_phases(m);
    let mask = 1 << qubit;
    let all = |value: Complex64, mask: u64| {
        (!is_one(value)).then_some(Piece::All(Source::Fixed(value), Controls::ones(mask)))
    };
    let source = Source::Fixed(point);
    let rotation = Some(Piece::Rotate(RotationWord { x: mask, z: mask, negative: false, source }));
    [all(c, mask), rotation, all(a, 0), all(b / a, mask)].into_iter().flatten().collect()
}

impl LayeredProgram {
    pub(crate) fn new(program: &Program) -> Self {
        let rewrites = program.rewrites;
        let (start, absorbed) = if rewrites.contains(Rewrite::ProductStart) {
            product_start(program)
        } else {
            (vec![Vec::new(); program.qubits], vec![false; program.steps.len()])
        };
        let mut builder = LayerBuilder::new(program.qubits);
        for (index, step) in program.steps.iter().enumerate().filter(|(index, _)| !absorbed[*index]) {
            match pieces(step, rewrites) {
                Some(pieces) => pieces.into_iter().for_each(|piece| builder.place(piece)),
                None => {
                    builder.close();
                    if builder.moves_for(step) {
                        builder.move_to_logical();
                    }
                    builder.nodes.push(Node::Step { index, map: builder.index_map.clone() });
                }
            }
        }
        let readout = builder.finish(&program.readout);
        let mut nodes = builder.nodes;
        let ends_in_phases = matches!(nodes.last(), Some(Node::Layer(layer)) if layer.rotations.is_empty());
        if rewrites.contains(Rewrite::TrailingPhases) && ends_in_phases && readout.sees_no_phases() {
            nodes.pop();
        }
        Self { start, nodes, readout }
    }
}

/// Entry of a table: an operation between two sets of rotations.
enum Entry {
    Relabel(Relabelling),
    Sign(Source, u64),
    All(Source, Controls),
}

/// Builder that places pieces into tables and sets of rotations: table 0, rotations 0, table 1, rotations 1, ..
struct LayerBuilder {
    qubits: usize,
    tables: Vec<Vec<Entry>>,
    rotations: Vec<Vec<RotationWord>>,
    /// `free[q]`: the earliest table, and set of rotations, that can still take an operation on qubit `q`.
    free: Vec<usize>,
    index_map: IndexMap,
    nodes: Vec<Node>,
}

impl LayerBuilder {
    fn new(qubits: usize) -> Self {
        let (tables, rotations, nodes) = (vec![Vec::new()], Vec::new(), Vec::new());
        Self { qubits, tables, rotations, free: vec![0; qubits], index_map: IndexMap::identity(qubits), nodes }
    }

    fn place(&mut self, piece: Piece) {
        match piece {
            Piece::Relabel(relabelling) => self.enter(relabelling.support(), Entry::Relabel(relabelling)),
            Piece::Sign(source, mask) => self.enter(mask, Entry::Sign(source, mask)),
            Piece::All(source, bits) => self.enter(bits.mask, Entry::All(source, bits)),
            Piece::Rotate(word) => {
                let at = self.reserve(word.x | word.z, 1);
                if self.rotations.len() == at {
                    self.rotations.push(Vec::new());
                    self.tables.push(Vec::new());
                }
                self.rotations[at].push(word);
            }
        }
    }

    fn enter(&mut self, mask: u64, entry: Entry) {
        let at = self.reserve(mask, 0);
        self.tables[at].push(entry);
    }

    /// Returns the first table that all qubits of `mask` allow. Later pieces on these qubits come `further` tables
    /// later.
    fn reserve(&mut self, mask: u64, further: usize) -> usize {
        let at = gf2::bits(mask).map(|q| self.free[q]).max().unwrap_or(0);
        gf2::bits(mask).for_each(|q| self.free[q] = at + further);
        at
    }

    /// Turns the placed pieces into layers. Returns the last layer, which has no rotations.
    fn flush(&mut self) -> Layer {
        let tables = std::mem::replace(&mut self.tables, vec![Vec::new()]);
        let mut rotations = std::mem::take(&mut self.rotations).into_iter();
        self.free.fill(0);
        let mut last: Option<Layer> = None;
        for table in tables {
            let phases = self.phases(table);
            let rotations = rotations.next().unwrap_or_default();
            let layer = Layer { phases, rotations: rotations.iter().map(|word| self.rotation(word)).collect() };
            self.nodes.extend(last.replace(layer).map(Node::Layer));
        }
        last.unwrap_or_default()
    }

    fn rotation(&self, word: &RotationWord) -> Rotation {
        let flip_mask = self.index_map.flip_mask(word.x);
        let mut parity = self.index_map.parity(word.z);
        // A word with three Y has the opposite sign to a word with one Y.
        parity.odd ^= word.negative ^ ((word.x & word.z).count_ones() % 4 == 3);
        Rotation { source: word.source, flip_mask, parity }
    }

    /// Phases of a table in stored indices. The index map takes the table's relabellings.
    fn phases(&mut self, table: Vec<Entry>) -> Vec<Phase> {
        let mut phases = Vec::new();
        for entry in table {
            match entry {
                Entry::Relabel(relabelling) => self.index_map.absorb(relabelling),
                Entry::Sign(source, mask) => {
                    phases.push(Phase { source, region: Region::Sign(self.index_map.parity(mask)) });
                }
                Entry::All(source, Controls { mask, zeros }) => {
                    let parity = |q: usize| {
                        let parity = self.index_map.parity(1 << q);
                        Parity { odd: parity.odd ^ (zeros >> q & 1 == 1), ..parity }
                    };
                    let region = Region::All(gf2::bits(mask).map(parity).collect());
                    phases.push(Phase { source, region });
                }
            }
        }
        phases
    }

    /// Ends the layers, with all phases applied.
    fn close(&mut self) {
        let last = self.flush();
        if !last.phases.is_empty() {
            self.nodes.push(Node::Layer(last));
        }
    }

    /// Whether a general step is better done on logical indices, with all amplitudes moved to them. A dense matrix is
    /// nowhere else; other steps are sweeps over runs of amplitudes, which end at the lowest bit that a step reads.
    fn moves_for(&self, step: &Step) -> bool {
        let run = |step: StoredStep| step.read().trailing_zeros().min(LONG_RUN);
        let runs = (StoredStep::new(step, &self.index_map).map(run), StoredStep::new(step, &Logical).map(run));
        // A dense matrix is no stored step.
        matches!(runs, (None, _) | (_, None)) || runs.0 < runs.1
    }

    /// Moves every amplitude to its logical index.
    fn permute(&mut self) {
        self.close();
        self.move_to_logical();
    }

    /// [`permute`](Self::permute), with the layers ended.
    fn move_to_logical(&mut self) {
        if !self.index_map.is_identity() {
            let index_map = std::mem::replace(&mut self.index_map, IndexMap::identity(self.qubits));
            self.nodes.push(Node::Permute(index_map));
        }
    }

    /// Ends the layered program, and returns the readout in the indices that the final state has.
    fn finish(&mut self, readout: &Readout) -> Readout {
        if readout.has_words_alone() {
            self.close();
        } else {
            self.permute();
        }
        let index_map = &self.index_map;
        readout.moved(|mask| index_map.parity(mask), |mask| index_map.flip_mask(mask))
    }
}
