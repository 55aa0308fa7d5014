//! The schedule: a program as a product start, layers of real rotations, and phases, for engines that hold a block of samples.
//!
//! Every one-qubit gate is phases and a rotation about Y; CX, X and SWAP only relabel indices ([`Frame`]). So a circuit becomes
//!
//! ```text
//! product state · (phases, rotations) · (phases, rotations) · .. · readout
//! ```
//!
//! with a *general* step (a dense matrix, a rotation of several qubits, whatever has controls and is not a phase) standing
//! between layers where the circuit has one. Each operation goes to the earliest layer its qubits allow. In front of a
//! readout of Z alone the last phases vanish, and the last relabelling moves into the signs of the readout.

use super::frame::{Frame, Parity, Relabelling};
use super::{Flip, FlipTerm, Kernel, Program, Readout, Step, Sum};
use num_complex::Complex64;
use std::f64::consts::FRAC_1_SQRT_2;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    /// For each qubit, the steps on it alone that come before any other.
    pub(crate) start: Vec<Vec<Step>>,
    pub(crate) nodes: Vec<Node>,
    /// What is read at the end, in physical indices.
    pub(crate) readout: Readout,
}

/// What follows the start.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    /// Phases, then rotations.
    Layer(Layer),
    /// A step of the program as it is; indices are logical here.
    Step { index: usize },
    /// Moves every amplitude from its physical to its logical index.
    Settle(Frame),
}

/// Phases that commute, then rotations about Y of different qubits.
#[derive(Debug, Clone)]
pub(crate) struct Layer {
    /// Phases that all samples share.
    pub(crate) shared: Vec<SharedPhase>,
    /// Phases that differ from sample to sample.
    pub(crate) varying: Vec<Phase>,
    pub(crate) passes: Vec<Pass>,
}

/// The most rotations of a pass: 8 amplitudes fill half the registers of AVX-512.
pub(crate) const MAX_ROTATIONS: usize = 3;

/// Up to three rotations done while the amplitudes are at hand, in groups of 1, 2, 4 or 8.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    pub(crate) rotations: Vec<Rotation>,
    /// Physical index of each group's first amplitude, in which the rotated qubits are 0.
    pub(crate) bases: Vec<u32>,
    /// XOR distance of the others: bit `k` of the position is qubit `k` of the pass.
    pub(crate) distances: [usize; 1 << MAX_ROTATIONS],
}

impl Pass {
    fn new(rotations: &[Rotation], frame: &Frame, qubits: usize) -> Self {
        let rotated = rotations.iter().fold(0, |mask: u64, rotation| mask | 1 << rotation.qubit);
        let bases = (0..1u64 << qubits).filter(|index| index & rotated == 0).map(|index| frame.physical(index) as u32);
        let distance = |position: usize| {
            let flipped = rotations.iter().enumerate().filter(|(k, _)| position >> k & 1 == 1);
            flipped.fold(0, |distance, (_, rotation)| distance ^ frame.displacement(rotation.qubit) as usize)
        };
        Self { rotations: rotations.to_vec(), bases: bases.collect(), distances: std::array::from_fn(distance) }
    }

    /// Passes for rotations of different qubits, the smallest first: it also does the phases, if there are any.
    fn split(rotations: &[Rotation], frame: &Frame, qubits: usize, phases: bool) -> Vec<Self> {
        let count = rotations.len().div_ceil(MAX_ROTATIONS).max(usize::from(phases));
        let at = |k: usize| k * rotations.len() / count;
        (0..count).map(|k| Self::new(&rotations[at(k)..at(k + 1)], frame, qubits)).collect()
    }
}

/// Where a cosine and a sine come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Source {
    Slot(usize),
    /// Cosine and sine themselves.
    Fixed(Complex64),
}

/// A phase that all samples share: `exp(i φ w)` with `w(p) = sum of weight * (-1)^|p & mask|` over physical indices `p`.
///
/// Sums of such phases are Walsh-Hadamard transforms, and so are their gradients.
#[derive(Debug, Clone)]
pub(crate) struct SharedPhase {
    pub(crate) source: Source,
    pub(crate) walsh: Vec<(u64, f64)>,
}

/// A diagonal factor, in physical indices.
#[derive(Debug, Clone)]
pub(crate) struct Phase {
    pub(crate) source: Source,
    pub(crate) region: Region,
}

/// What a phase depends on.
#[derive(Debug, Clone)]
pub(crate) enum Region {
    /// `exp(-i φ)` where the parity is even, `exp(i φ)` where it is odd.
    Sign(Parity),
    /// `exp(i φ)` where all parities are odd.
    All(Vec<Parity>),
}

/// `exp(-i φ Y)` on a logical qubit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rotation {
    pub(crate) qubit: usize,
    pub(crate) source: Source,
}

impl Region {
    /// The factor of φ in the exponent at a physical index: -1, 0 or 1.
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

    /// The sign as a Walsh series.
    fn walsh(&self) -> Vec<(u64, f64)> {
        let turned = |parity: &Parity| if parity.odd { -1.0 } else { 1.0 };
        match self {
            Self::Sign(parity) => vec![(parity.mask, -turned(parity))],
            // A product of (1 - s) / 2 over the parities' signs s.
            Self::All(parities) => parities.iter().fold(vec![(0, 1.0)], |series, parity| {
                let halved = series.iter().map(|(mask, weight)| (*mask, 0.5 * weight));
                let flipped = series.iter().map(|(mask, weight)| (mask ^ parity.mask, -0.5 * turned(parity) * weight));
                halved.chain(flipped).collect()
            }),
        }
    }
}

/// A step taken apart, on logical qubits.
enum Piece {
    Relabel(Relabelling),
    /// φ and a mask whose parity gives its sign.
    Sign(Source, u64),
    /// φ and a mask whose bits must all be 1.
    All(Source, u64),
    Rotate(usize, Source),
}

/// The pieces of a step, or `None` for a general one.
fn pieces(step: &Step) -> Option<Vec<Piece>> {
    let eighth = |sign: f64| Source::Fixed(Complex64::new(FRAC_1_SQRT_2, sign * FRAC_1_SQRT_2));
    match &step.kernel {
        Kernel::Phase { slot } => Some(vec![Piece::All(Source::Slot(*slot), step.controls)]),
        Kernel::FixedPhase(value) => Some(vec![Piece::All(Source::Fixed(*value), step.controls)]),
        Kernel::Exchange { .. } => Relabelling::of(step).map(|relabelling| vec![Piece::Relabel(relabelling)]),
        Kernel::Rotation { x, z, slot } if step.controls == 0 => {
            let (slot, qubit) = (Source::Slot(*slot), x.trailing_zeros() as usize);
            match (x.count_ones(), z & x == *x, z & !x) {
                (0, ..) => Some(vec![Piece::Sign(slot, *z)]),
                (1, true, 0) => Some(vec![Piece::Rotate(qubit, slot)]),
                // RX(θ) = RZ(-π/2) RY(θ) RZ(π/2)
                (1, false, 0) => {
                    Some(vec![Piece::Sign(eighth(1.0), *x), Piece::Rotate(qubit, slot), Piece::Sign(eighth(-1.0), *x)])
                }
                _ => None,
            }
        }
        Kernel::Matrix { qubits, entries } if step.controls == 0 && qubits.len() == 1 => {
            Some(euler(qubits[0], entries))
        }
        Kernel::Rotation { .. } | Kernel::Matrix { .. } => None,
    }
}

/// A one-qubit unitary as phases, a rotation about Y, and phases.
fn euler(qubit: usize, m: &[Complex64]) -> Vec<Piece> {
    let (cos, sin) = (m[0].norm(), m[2].norm());
    let unit = |value: Complex64| value / value.norm();
    // Columns and rows carry phases: m = diag(a, b) [[cos, -sin], [sin, cos]] diag(1, c).
    let one = Complex64::from(1.0);
    // The phases of the larger entries count; those of a vanishing one are noise, and cancel.
    let (a, b, c) = if cos >= sin {
        let b = if sin > 0.0 { unit(m[2]) } else { one };
        (unit(m[0]), b, unit(m[3]) / b)
    } else {
        let a = if cos > 0.0 { unit(m[0]) } else { one };
        (a, unit(m[2]), -unit(m[1]) / a)
    };
    let mask = 1 << qubit;
    let all = |value: Complex64, mask: u64| Piece::All(Source::Fixed(value), mask);
    vec![
        all(c, mask),
        Piece::Rotate(qubit, Source::Fixed(Complex64::new(cos, sin) / cos.hypot(sin))),
        all(a, 0),
        all(b / a, mask),
    ]
}

/// The qubits a step touches.
fn support(step: &Step) -> u64 {
    step.controls
        | match &step.kernel {
            Kernel::Rotation { x, z, .. } => x | z,
            Kernel::Phase { .. } | Kernel::FixedPhase(_) => 0,
            Kernel::Exchange { mask, .. } => *mask,
            Kernel::Matrix { qubits, .. } => qubits.iter().fold(0, |mask, qubit| mask | 1 << qubit),
        }
}

impl Schedule {
    pub(crate) fn new(program: &Program) -> Self {
        let (start, absorbed) = start(program);
        let mut planner = Planner::new(program.qubits);
        for (index, step) in program.steps.iter().enumerate().filter(|(index, _)| !absorbed[*index]) {
            match pieces(step) {
                Some(pieces) => pieces.into_iter().for_each(|piece| planner.place(piece)),
                None => {
                    planner.settle(program);
                    planner.nodes.push(Node::Step { index });
                }
            }
        }
        let readout = planner.finish(program);
        Self { start, nodes: planner.nodes, readout }
    }
}

/// For each qubit the steps on it alone before any other, and which steps those are.
fn start(program: &Program) -> (Vec<Vec<Step>>, Vec<bool>) {
    let mut start = vec![Vec::new(); program.qubits];
    let mut absorbed = vec![false; program.steps.len()];
    let mut closed = if program.embedding.is_some() { u64::MAX } else { 0 };
    for (step, absorbed) in program.steps.iter().zip(&mut absorbed) {
        let touched = support(step);
        if touched.count_ones() == 1 && touched & closed == 0 {
            let qubit = touched.trailing_zeros() as usize;
            start[qubit].push(alone(step, qubit));
            *absorbed = true;
        } else {
            closed |= touched;
        }
    }
    (start, absorbed)
}

/// A step on one qubit as a step on qubit 0.
fn alone(step: &Step, qubit: usize) -> Step {
    let kernel = match &step.kernel {
        Kernel::Rotation { x, z, slot } => Kernel::Rotation { x: x >> qubit, z: z >> qubit, slot: *slot },
        Kernel::Exchange { mask, first, second } => {
            Kernel::Exchange { mask: mask >> qubit, first: first >> qubit, second: second >> qubit }
        }
        Kernel::Matrix { entries, .. } => Kernel::Matrix { qubits: vec![0], entries: entries.clone() },
        Kernel::Phase { .. } | Kernel::FixedPhase(_) => step.kernel.clone(),
    };
    Step { kernel, controls: step.controls >> qubit }
}

/// An operation of a table: what stands between two sets of rotations.
enum Entry {
    Relabel(Relabelling),
    Sign(Source, u64),
    All(Source, u64),
}

/// Places pieces into tables and sets of rotations: table 0, rotations 0, table 1, rotations 1, ..
struct Planner {
    tables: Vec<Vec<Entry>>,
    rotations: Vec<Vec<Rotation>>,
    /// For each qubit, the first table, and the first set of rotations, a further piece on it may go to.
    free: Vec<usize>,
    frame: Frame,
    nodes: Vec<Node>,
}

impl Planner {
    fn new(qubits: usize) -> Self {
        let (tables, rotations, nodes) = (vec![Vec::new()], Vec::new(), Vec::new());
        Self { tables, rotations, free: vec![0; qubits], frame: Frame::identity(qubits), nodes }
    }

    fn place(&mut self, piece: Piece) {
        match piece {
            Piece::Relabel(relabelling) => self.enter(relabelling.support(), Entry::Relabel(relabelling)),
            Piece::Sign(source, mask) => self.enter(mask, Entry::Sign(source, mask)),
            Piece::All(source, mask) => self.enter(mask, Entry::All(source, mask)),
            Piece::Rotate(qubit, source) => {
                let at = self.free[qubit];
                if self.rotations.len() == at {
                    self.rotations.push(Vec::new());
                    self.tables.push(Vec::new());
                }
                self.rotations[at].push(Rotation { qubit, source });
                self.free[qubit] = at + 1;
            }
        }
    }

    fn enter(&mut self, mask: u64, entry: Entry) {
        let touched = |q: &usize| mask >> q & 1 == 1;
        let at = (0..self.free.len()).filter(touched).map(|q| self.free[q]).max().unwrap_or(0);
        (0..self.free.len()).filter(touched).for_each(|q| self.free[q] = at);
        self.tables[at].push(entry);
    }

    /// Turns what has been placed into layers; returns the phases of the last table.
    fn flush(&mut self, program: &Program) -> Layer {
        let tables = std::mem::replace(&mut self.tables, vec![Vec::new()]);
        let mut rotations = std::mem::take(&mut self.rotations).into_iter();
        self.free.fill(0);
        let mut last = None;
        for table in tables {
            let (shared, varying) = self.phases(program, table);
            let rotations = rotations.next().unwrap_or_default();
            let passes = Pass::split(&rotations, &self.frame, program.qubits, !shared.is_empty());
            let layer = Layer { shared, varying, passes };
            if let Some(earlier) = last.replace(layer) {
                self.nodes.push(Node::Layer(earlier));
            }
        }
        last.unwrap_or_else(|| unreachable!("there is always a last table"))
    }

    fn phases(&mut self, program: &Program, table: Vec<Entry>) -> (Vec<SharedPhase>, Vec<Phase>) {
        let mut phases = Vec::new();
        for entry in table {
            match entry {
                Entry::Relabel(relabelling) => self.frame.take(relabelling),
                Entry::Sign(source, mask) => {
                    phases.push(Phase { source, region: Region::Sign(self.frame.parity(mask)) });
                }
                Entry::All(source, mask) => {
                    let bits = (0..self.free.len()).filter(|q| mask >> q & 1 == 1);
                    let region = Region::All(bits.map(|q| self.frame.parity(1 << q)).collect());
                    phases.push(Phase { source, region });
                }
            }
        }
        let varies = |phase: &Phase| match phase.source {
            Source::Slot(slot) => program.slots[slot].reads_inputs(),
            Source::Fixed(_) => false,
        };
        let (varying, shared): (Vec<_>, Vec<_>) = phases.into_iter().partition(varies);
        let series = |phase: Phase| SharedPhase { source: phase.source, walsh: phase.region.walsh() };
        (shared.into_iter().map(series).collect(), varying)
    }

    /// Leaves every amplitude at its logical index.
    fn settle(&mut self, program: &Program) {
        let last = self.flush(program);
        if !last.shared.is_empty() || !last.varying.is_empty() {
            self.nodes.push(Node::Layer(last));
        }
        if !self.frame.is_identity() {
            let frame = std::mem::replace(&mut self.frame, Frame::identity(program.qubits));
            self.nodes.push(Node::Settle(frame));
        }
    }

    /// Ends the schedule; returns the readout in the indices the state then has.
    fn finish(&mut self, program: &Program) -> Readout {
        match &program.readout {
            Readout::Expectation(sum) if sum.is_diagonal() => {
                drop(self.flush(program));
                Readout::Expectation(relabelled(sum, &self.frame))
            }
            Readout::Variance(sums) if sums.iter().all(Sum::is_diagonal) => {
                drop(self.flush(program));
                Readout::Variance(sums.iter().map(|sum| relabelled(sum, &self.frame)).collect())
            }
            other => {
                self.settle(program);
                other.clone()
            }
        }
    }
}

/// A sum of words of Z in physical indices.
fn relabelled(sum: &Sum, frame: &Frame) -> Sum {
    let term = |term: &FlipTerm| {
        let parity = frame.parity(term.z);
        let coefficient = if parity.odd { -term.coefficient } else { term.coefficient };
        FlipTerm { z: parity.mask, coefficient, ..*term }
    };
    let flip = |flip: &Flip| Flip { x: 0, terms: flip.terms.iter().map(term).collect() };
    Sum { flips: sum.flips.iter().map(flip).collect(), ..sum.clone() }
}
