//! Lowering of steps and channels to maps of Pauli words.
//!
//! Factors on one qubit gather until an operation on several qubits needs the qubit. A rotation about a word is a turn
//! of one qubit between two changes of basis. Controls become products of words: the projector on all of k controls
//! being 1 is `2^-k sum over subsets S of (-1)^|S| Z_S`.

use super::dense::DenseMap;
use super::transfer::{Factor, IDENTITY, Transfer, product};
use crate::error::{Result, SimulationError};
use crate::gf2;
use crate::linalg::{adjoint_matrix, pauli_transfer};
use crate::program::{ChannelStep, Diagonalized, Kernel, Map, Program, Slot, Step};
use num_complex::Complex64;
use std::f64::consts::PI;
use std::sync::Arc;

/// Largest number of qubits of a dense map: a matrix over the words of three qubits has 4096 entries.
const MAX_DENSE: usize = 3;

/// Map of a density matrix.
#[derive(Debug, Clone)]
pub(super) enum Op {
    /// Product of parts on one qubit; the first acts first.
    Local { qubit: usize, parts: Vec<Part>, is_diagonal: bool },
    /// Constant matrix over the words of up to three qubits.
    Dense { qubits: Vec<usize>, map: Arc<DenseMap> },
    /// Factor 1 minus the slot for words with a letter on the qubits.
    Mixing { qubits: Vec<usize>, slot: usize },
}

/// Neighbouring factors on one qubit that all read inputs, or of which none does.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) factors: Vec<Factor>,
    pub(super) varies: bool,
    /// Index of the part among all parts that vary, or among all that do not.
    pub(super) place: usize,
    /// Index of the first factor among the factors of these parts.
    pub(super) first_factor: usize,
}

/// Numbers of things whose values are equal for all samples, and of those whose values vary.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) shared: usize,
    pub(super) varying: usize,
}

impl Counts {
    /// Adds a number to one of the two, and returns the sum before.
    pub(super) fn add(&mut self, varies: bool, count: usize) -> usize {
        let to = if varies { &mut self.varying } else { &mut self.shared };
        *to += count;
        *to - count
    }
}

/// Maps of a program, the first acts first.
#[derive(Debug)]
pub(super) struct Lowered {
    pub(super) ops: Vec<Op>,
    /// Slots of the program, then further constants.
    pub(super) slots: Vec<Slot>,
    pub(super) parts: Counts,
    pub(super) factors: Counts,
}

impl Op {
    /// Slots of the op.
    pub(super) fn slots(&self) -> Vec<usize> {
        match self {
            Self::Local { parts, .. } => parts.iter().flat_map(|part| &part.factors).flat_map(Factor::slots).collect(),
            Self::Dense { .. } => Vec::new(),
            Self::Mixing { slot, .. } => vec![*slot],
        }
    }

    pub(super) fn qubits(&self) -> &[usize] {
        match self {
            Self::Local { qubit, .. } => std::slice::from_ref(qubit),
            Self::Dense { qubits, .. } | Self::Mixing { qubits, .. } => qubits,
        }
    }
}

/// Lowers a program to maps. Further slots are appended to the program's: angles of words of controls.
pub(super) fn lower_program(program: &Program) -> Result<Lowered> {
    let mut lowering = Lowering {
        slots: program.slots.clone(),
        pending: vec![Vec::new(); program.qubits],
        ops: Vec::new(),
        parts: Counts::default(),
        factors: Counts::default(),
        cx: Arc::new(DenseMap::unitary(&permutation([0, 3, 2, 1]))),
        swap: Arc::new(DenseMap::unitary(&permutation([0, 2, 1, 3]))),
    };
    let mut channels = program.channels.iter().peekable();
    for (index, step) in program.steps.iter().enumerate() {
        while let Some(channel) = channels.next_if(|channel| channel.after <= index) {
            lowering.channel(channel);
        }
        lowering.step(step)?;
    }
    channels.for_each(|channel| lowering.channel(channel));
    (0..program.qubits).for_each(|qubit| lowering.flush(qubit));
    let Lowering { ops, slots, parts, factors, .. } = lowering;
    Ok(Lowered { ops, slots, parts, factors })
}

/// Matrix that takes basis state `k` to `to[k]`.
fn permutation(to: [usize; 4]) -> Vec<Complex64> {
    (0..16).map(|at| Complex64::from(f64::from(u8::from(to[at % 4] == at / 4)))).collect()
}

struct Lowering {
    slots: Vec<Slot>,
    /// Factors of each qubit that wait, the first acts first.
    pending: Vec<Vec<Factor>>,
    ops: Vec<Op>,
    parts: Counts,
    factors: Counts,
    /// CX with the first qubit as control.
    cx: Arc<DenseMap>,
    swap: Arc<DenseMap>,
}

impl Lowering {
    fn local(&mut self, qubit: usize, factor: Factor) {
        let pending = &mut self.pending[qubit];
        match (pending.last_mut(), factor.folded(&self.slots)) {
            (Some(Factor::Constant(earlier, smallest)), Factor::Constant(later, of_later)) => {
                *earlier = product(&later, earlier);
                *smallest *= of_later;
            }
            (_, factor) => pending.push(factor),
        }
    }

    fn constant(&mut self, qubit: usize, transfer: Transfer) {
        self.local(qubit, Factor::constant(transfer));
    }

    /// Appends the factors that wait on a qubit.
    fn flush(&mut self, qubit: usize) {
        let factors = std::mem::take(&mut self.pending[qubit]);
        let is_identity = |factor: &Factor| matches!(factor, Factor::Constant(of, _) if *of == IDENTITY);
        if !factors.iter().all(is_identity) {
            let is_diagonal = factors.iter().all(Factor::is_diagonal);
            let varies = |factor: &Factor| factor.slots().iter().any(|slot| self.slots[*slot].reads_inputs());
            let runs = factors.chunk_by(|a, b| varies(a) == varies(b));
            let (count, of_factors) = (&mut self.parts, &mut self.factors);
            let part = |run: &[Factor]| {
                let varies = varies(&run[0]);
                let (place, first_factor) = (count.add(varies, 1), of_factors.add(varies, run.len()));
                Part { factors: run.to_vec(), varies, place, first_factor }
            };
            let parts = runs.map(part).collect();
            self.ops.push(Op::Local { qubit, parts, is_diagonal });
        }
    }

    fn dense(&mut self, qubits: Vec<usize>, map: Arc<DenseMap>) {
        qubits.iter().for_each(|qubit| self.flush(*qubit));
        self.ops.push(Op::Dense { qubits, map });
    }

    /// Appends CX, or X or nothing if there are fewer qubits.
    fn not(&mut self, control: Option<usize>, target: usize) {
        match control {
            None => self.constant(target, diagonal([1.0, 1.0, -1.0, -1.0])),
            Some(control) => self.dense(vec![control, target], Arc::clone(&self.cx)),
        }
    }

    fn hadamard(&mut self, qubit: usize) {
        let mut transfer = [[0.0; 4]; 4];
        (transfer[0][0], transfer[1][2], transfer[2][1], transfer[3][3]) = (1.0, 1.0, 1.0, -1.0);
        self.constant(qubit, transfer);
    }

    fn channel(&mut self, channel: &ChannelStep) {
        match (&channel.map, &channel.qubits[..]) {
            (Map::Letters { factors, shift }, &[qubit]) => {
                self.local(qubit, Factor::Letters { factors: *factors, shift: *shift });
            }
            (Map::Mixing(slot), &[qubit]) => self.local(qubit, Factor::Mixing(*slot)),
            (&Map::Readout { factor, offset }, &[qubit]) => self.local(qubit, Factor::Readout { factor, offset }),
            (Map::Dense(entries), &[qubit]) => {
                self.constant(qubit, std::array::from_fn(|i| std::array::from_fn(|j| entries[4 * i + j])));
            }
            (Map::Mixing(slot), qubits) => {
                qubits.iter().for_each(|qubit| self.flush(*qubit));
                self.ops.push(Op::Mixing { qubits: qubits.to_vec(), slot: *slot });
            }
            (Map::Dense(entries), qubits) => self.dense(qubits.to_vec(), Arc::new(DenseMap::new(entries))),
            (Map::Letters { .. } | Map::Readout { .. }, _) => unreachable!("these channels act on one qubit"),
        }
    }

    fn step(&mut self, step: &Step) -> Result<()> {
        // A control on 0 is a control on 1 between two X.
        gf2::bits(step.controls.zeros).for_each(|qubit| self.not(None, qubit));
        let controls = step.controls.mask;
        match &step.kernel {
            Kernel::Rotation { x, z, slot } => self.rotation((*x, *z), *slot, controls),
            Kernel::Phase { slot } => self.phase(*slot, controls),
            Kernel::FixedPhase(value) => self.fixed_phase(value.arg(), controls),
            Kernel::Exchange { mask, first, second } => self.exchange([*mask, *first, *second], controls),
            Kernel::Matrix { qubits, entries } => self.matrix(qubits, entries, controls)?,
        }
        gf2::bits(step.controls.zeros).for_each(|qubit| self.not(None, qubit));
        Ok(())
    }

    fn constant_slot(&mut self, constant: f64) -> usize {
        self.slots.push(Slot { constant, terms: Vec::new() });
        self.slots.len() - 1
    }

    /// Appends `exp(-i φ P)` under controls: with the share of each subset, the product over subsets S of the controls
    /// of `exp(-i ± φ 2^-k P Z_S)`.
    fn rotation(&mut self, (x, z): (u64, u64), slot: usize, controls: u64) {
        let each = (-f64::from(controls.count_ones())).exp2();
        for subset in gf2::subsets(controls) {
            let sign = if gf2::parity(subset) { -1.0 } else { 1.0 };
            self.word((x, z | subset), slot, sign * each);
        }
    }

    /// Appends `exp(-i times φ P)`.
    fn word(&mut self, (x, z): (u64, u64), slot: usize, times: f64) {
        let support: Vec<usize> = gf2::bits(x | z).collect();
        let axis = |qubit: usize| (x >> qubit & 1 | (z >> qubit & 1) << 1) as usize;
        match support[..] {
            [] => {}
            [qubit] => self.local(qubit, Factor::Turn { axis: axis(qubit), slot, times: 2.0 * times }),
            [target, ref others @ ..] => {
                support.iter().for_each(|qubit| self.change_basis(*qubit, axis(*qubit), false));
                others.iter().for_each(|other| self.not(Some(*other), target));
                self.local(target, Factor::Turn { axis: 2, slot, times: 2.0 * times });
                others.iter().rev().for_each(|other| self.not(Some(*other), target));
                support.iter().for_each(|qubit| self.change_basis(*qubit, axis(*qubit), true));
            }
        }
    }

    /// Appends the change of basis that makes a letter Z, or its inverse.
    fn change_basis(&mut self, qubit: usize, axis: usize, back: bool) {
        match axis {
            1 => self.hadamard(qubit),
            // A quarter turn about X takes Y to Z.
            3 => {
                let sign = if back { -1.0 } else { 1.0 };
                let mut transfer = IDENTITY;
                (transfer[2][2], transfer[2][3], transfer[3][2], transfer[3][3]) = (0.0, sign, -sign, 0.0);
                self.constant(qubit, transfer);
            }
            _ => {}
        }
    }

    /// Appends the phase `exp(i φ)` of the states in which all controls are 1.
    fn phase(&mut self, slot: usize, controls: u64) {
        let each = (-f64::from(controls.count_ones())).exp2();
        // The empty subset is a phase of the whole state.
        for subset in gf2::subsets(controls).filter(|subset| *subset != 0) {
            let sign = if gf2::parity(subset) { 1.0 } else { -1.0 };
            self.word((0, subset), slot, sign * each);
        }
    }

    fn fixed_phase(&mut self, argument: f64, controls: u64) {
        match (controls.count_ones(), gf2::bits(controls).next()) {
            (2, Some(target)) if (argument.abs() - PI).abs() < 4.0 * f64::EPSILON => {
                let control = gf2::bits(controls).last();
                self.hadamard(target);
                self.not(control, target);
                self.hadamard(target);
            }
            _ => {
                let slot = self.constant_slot(argument);
                self.phase(slot, controls);
            }
        }
    }

    /// Appends an exchange under controls. One of the moved bits is the pivot. CX from the pivot to the other moved
    /// bits makes the two states differ in the pivot alone; X where a bit is 0 turns the other bits into controls.
    fn exchange(&mut self, [mask, first, second]: [u64; 3], controls: u64) {
        let moved = first ^ second;
        let Some(pivot) = gf2::bits(moved).next() else { return };
        if mask.count_ones() == 2 && moved == mask && controls == 0 && first.count_ones() == 1 {
            return self.dense(gf2::bits(mask).collect(), Arc::clone(&self.swap));
        }
        let others = moved & !(1 << pivot);
        let permuted = if first >> pivot & 1 == 0 { first } else { first ^ others };
        let zeros = mask & !(1 << pivot) & !permuted;
        let around = |this: &mut Self| {
            gf2::bits(others).for_each(|other| this.not(Some(pivot), other));
            gf2::bits(zeros).for_each(|qubit| this.not(None, qubit));
        };
        let back = |this: &mut Self| {
            gf2::bits(zeros).for_each(|qubit| this.not(None, qubit));
            gf2::bits(others).for_each(|other| this.not(Some(pivot), other));
        };
        around(self);
        let controls = controls | mask & !(1 << pivot);
        match controls.count_ones() {
            0 | 1 => self.not(gf2::bits(controls).next(), pivot),
            _ => {
                self.hadamard(pivot);
                self.fixed_phase(PI, controls | 1 << pivot);
                self.hadamard(pivot);
            }
        }
        back(self);
    }

    fn matrix(&mut self, qubits: &[usize], entries: &Arc<[Complex64]>, controls: u64) -> Result<()> {
        if qubits.len() > MAX_DENSE {
            return Err(SimulationError::MatrixSize { qubits: qubits.len(), allowed: MAX_DENSE }.into());
        }
        let all: Vec<usize> = qubits.iter().copied().chain(gf2::bits(controls)).collect();
        if all.len() <= MAX_DENSE {
            let entries = controlled(entries, all.len() - qubits.len());
            self.small_matrix(&all, &entries);
            return Ok(());
        }
        let found = Diagonalized::new(entries).map_err(SimulationError::Matrix)?;
        self.small_matrix(qubits, &adjoint_matrix(&found.vectors));
        for (word, argument) in found.words().into_iter().enumerate() {
            let z = gf2::deposit(word as u64, qubits);
            let slot = self.constant_slot(-argument);
            self.rotation((0, z), slot, controls);
        }
        self.small_matrix(qubits, &found.vectors);
        Ok(())
    }

    /// Appends a matrix on up to three qubits.
    fn small_matrix(&mut self, qubits: &[usize], entries: &[Complex64]) {
        match *qubits {
            [qubit] => {
                let of = pauli_transfer(&[entries], 1);
                self.constant(qubit, std::array::from_fn(|i| std::array::from_fn(|j| of[4 * i + j])));
            }
            _ => self.dense(qubits.to_vec(), Arc::new(DenseMap::unitary(entries))),
        }
    }
}

fn diagonal(entries: [f64; 4]) -> Transfer {
    std::array::from_fn(|i| std::array::from_fn(|j| if i == j { entries[i] } else { 0.0 }))
}

/// Matrix under so many controls, which are the high bits of an index.
fn controlled(entries: &[Complex64], controls: usize) -> Vec<Complex64> {
    let (inner, size) = (entries.len().isqrt(), entries.len().isqrt() << controls);
    let entry = |at: usize| {
        let (row, column) = (at / size, at % size);
        let first = size - inner;
        match row >= first && column >= first {
            true => entries[(row - first) * inner + column - first],
            false => Complex64::from(f64::from(u8::from(row == column))),
        }
    };
    (0..size * size).map(entry).collect()
}
