//! Trajectories of Pauli noise: a program without channels, whose angles have signs.
//!
//! An error is a Pauli word behind a channel. It is moved to the end of the circuit (a Pauli frame): at a rotation it
//! changes the sign of the angle if it anticommutes with the rotation's word, and a Clifford gate makes it another
//! word. In front of a step that is neither, and at the end, the errors that have gathered on its qubits are written
//! out, as rotations by π/2 or 0. So all trajectories are one program in which each row has its own angles.

use super::derived_features::DerivedFeatures;
use super::read_errors::ReadErrors;
use super::{ChannelStep, Controls, Kernel, Map, Program, Slot, Step, Variable};
use crate::error::{Result, SimulationError};
use crate::gf2;
use crate::linalg::{masks_of_word, pauli_transfer, word_index};
use num_complex::Complex64;
use std::f64::consts::FRAC_PI_2;
use std::sync::Arc;

/// Largest number of error bits times angles.
const MAX_EFFECTS: usize = 1 << 28;

/// A program for trajectories, and how errors change its rows.
///
/// A step's angle is a factor, the sign of a trajectory, times an angle without errors. The program's features are the
/// features that are embedded, then the angles without errors that differ from sample to sample, then the factors of
/// all angles. Its weights are the angles that all samples share.
#[derive(Debug)]
pub(crate) struct Trajectories {
    pub(crate) program: Arc<Program>,
    /// Angle without errors of each step, or `None` for an error that is written out: a factor 0 or 1, times π/2.
    pub(crate) angles: Vec<Option<Slot>>,
    /// Channels whose errors are drawn.
    pub(crate) channels: Vec<PauliChannel>,
    /// Angles that each bit of an error changes, 64 to a number. A channel on k qubits has 2k bits: first the flips of
    /// its qubits, then their phases.
    effects: Vec<Vec<u64>>,
    /// Readout errors. The program's observables have them already; its probabilities do not.
    pub(crate) read_errors: ReadErrors,
}

/// Channel that applies Pauli words with probabilities.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PauliChannel {
    pub(crate) map: Map,
    /// Number of its qubits.
    pub(crate) qubits: usize,
    /// First of its bits.
    first: usize,
}

impl Trajectories {
    /// Angles without errors that differ from sample to sample, or those that all samples share.
    pub(crate) fn angles(&self, varying: bool) -> Vec<&Slot> {
        self.angles.iter().flatten().filter(|angle| angle.reads_inputs() == varying).collect()
    }

    /// Passes the indices of all angles that an error of a channel changes to `flip`. Bit `k` of `x` is a flip of the
    /// channel's qubit `k`, bit `k` of `z` a phase.
    pub(crate) fn flips(&self, channel: &PauliChannel, (x, z): (usize, usize), mut flip: impl FnMut(usize)) {
        let bits = x | z << channel.qubits;
        for word in 0..self.angles.len().div_ceil(64) {
            let of_bit = |bit: usize| self.effects[channel.first + bit][word];
            let changed = gf2::bits(bits as u64).fold(0, |all, bit| all ^ of_bit(bit));
            gf2::bits(changed).for_each(|bit| flip(64 * word + bit));
        }
    }
}

impl Program {
    /// Returns the program for trajectories.
    ///
    /// # Errors
    /// A channel whose errors are no Pauli words with probabilities; errors whose effects are too many to list.
    pub(crate) fn trajectories(&self) -> Result<&Arc<Trajectories>> {
        match self.made.trajectories.get() {
            Some(made) => Ok(made),
            None => {
                let made = Arc::new(Frame::of(self)?);
                Ok(self.made.trajectories.get_or_init(|| made))
            }
        }
    }
}

/// Errors that have gathered on each qubit, as bits of the channels.
struct Frame<'a> {
    program: &'a Program,
    /// Bits of flips and of phases on each qubit.
    x: Vec<Vec<u64>>,
    z: Vec<Vec<u64>>,
    steps: Vec<Step>,
    angles: Vec<Option<Slot>>,
    /// Angles that each bit changes.
    changed: Vec<Vec<usize>>,
    read_errors: ReadErrors,
}

fn add(to: &mut [u64], bits: &[u64]) {
    to.iter_mut().zip(bits).for_each(|(to, bits)| *to ^= bits);
}

impl<'a> Frame<'a> {
    fn of(program: &'a Program) -> Result<Trajectories> {
        let bits: usize = program.channels.iter().map(|channel| 2 * channel.qubits.len()).sum();
        let angles = program.steps.len() + bits + 2 * program.qubits;
        let effects = bits.saturating_mul(angles);
        if effects > MAX_EFFECTS {
            return Err(SimulationError::ManyErrors { effects, allowed: MAX_EFFECTS }.into());
        }
        let zero = vec![0; bits.div_ceil(64)];
        let mut frame = Frame {
            program,
            x: vec![zero.clone(); program.qubits],
            z: vec![zero; program.qubits],
            steps: Vec::new(),
            angles: Vec::new(),
            changed: vec![Vec::new(); bits],
            read_errors: ReadErrors::default(),
        };
        let (mut channels, mut first) = (Vec::new(), 0);
        let mut waiting = program.channels.iter().peekable();
        for index in 0..=program.steps.len() {
            while let Some(channel) = waiting.next_if(|channel| channel.after <= index) {
                if let Map::Readout { factor, offset } = &channel.map {
                    frame.read(channel, [*factor, *offset])?;
                    continue;
                }
                check_pauli(&channel.map)?;
                let count = channel.qubits.len();
                for (k, qubit) in channel.qubits.iter().enumerate() {
                    frame.x[*qubit][(first + k) / 64] ^= 1 << ((first + k) % 64);
                    frame.z[*qubit][(first + count + k) / 64] ^= 1 << ((first + count + k) % 64);
                }
                channels.push(PauliChannel { map: channel.map.clone(), qubits: count, first });
                first += 2 * count;
            }
            if let Some(step) = program.steps.get(index) {
                frame.step(step);
            }
        }
        (0..program.qubits).for_each(|qubit| frame.write_out(qubit));
        frame.finish(channels)
    }

    fn finish(self, channels: Vec<PauliChannel>) -> Result<Trajectories> {
        let (program, words) = (self.program, self.angles.len().div_ceil(64));
        let effects = self.changed.iter().map(|changed| {
            let mut bits = vec![0; words];
            changed.iter().for_each(|angle| bits[angle / 64] ^= 1 << (angle % 64));
            bits
        });
        let embedding = program.embedding.map(|embedding| super::Embedding { first: 0, ..embedding });
        let start = embedding.map_or(0, |embedding| embedding.count);
        let mut counts = [0, 0];
        let mut next = |varying: bool| {
            counts[usize::from(varying)] += 1;
            counts[usize::from(varying)] - 1
        };
        let own = self.angles.iter().map(|angle| match angle {
            None => None,
            Some(angle) if angle.reads_inputs() => Some(Variable::Input(start + next(true))),
            Some(_) => Some(Variable::Weight(next(false))),
        });
        let own: Vec<Option<Variable>> = own.collect();
        let [weights, varying] = counts;
        let (first, inputs) = (start + varying, start + varying + self.angles.len());
        let slot = |(k, own): (usize, Option<Variable>)| {
            let coefficient = if own.is_some() { 1.0 } else { FRAC_PI_2 };
            Slot { constant: 0.0, terms: vec![(coefficient, Variable::Input(first + k), own)] }
        };
        let slots = own.into_iter().enumerate().map(slot).collect();
        let variant = Program {
            features: inputs,
            derived: DerivedFeatures::default(),
            engine_inputs: inputs,
            tensors: Vec::new(),
            weights,
            embedding,
            slots,
            steps: self.steps,
            operations: Vec::new(),
            channels: Vec::new(),
            limits: Vec::new(),
            readout: self.read_errors.read(&program.readout)?,
            ..program.bare()
        };
        let (program, effects, read_errors) = (Arc::new(variant), effects.collect(), self.read_errors);
        Ok(Trajectories { program, angles: self.angles, channels, effects, read_errors })
    }

    /// Notes a readout error of constant strength on a qubit on which nothing else acts later.
    fn read(&mut self, channel: &ChannelStep, slots: [usize; 2]) -> Result<()> {
        let Program { steps, channels, slots: all, .. } = self.program;
        let [qubit] = channel.qubits[..] else { return Err(SimulationError::NotPauli.into()) };
        let is_constant = slots.iter().all(|slot| all[*slot].terms.is_empty());
        let is_used = |support: u64| support >> qubit & 1 == 1;
        let mut later = channels.iter().rev().take_while(|other| !std::ptr::eq(*other, channel));
        let is_last = !steps[channel.after..].iter().any(|step| is_used(step.support()))
            && !later.any(|other| is_used(other.support()));
        if !(is_constant && is_last) {
            return Err(SimulationError::ReadoutOfTrajectories { qubit }.into());
        }
        self.read_errors.add(qubit, slots.map(|slot| all[slot].constant));
        Ok(())
    }

    /// Appends a step with an angle of its own.
    fn push_angle(&mut self, angle: Option<Slot>, controls: Controls, kernel: impl Fn(usize) -> Kernel) -> usize {
        let slot = self.angles.len();
        self.angles.push(angle);
        self.steps.push(Step { kernel: kernel(slot), controls });
        slot
    }

    /// Notes that an angle changes with each of these bits.
    fn note(&mut self, angle: usize, bits: &[u64]) {
        for (word, bits) in bits.iter().enumerate() {
            gf2::bits(*bits).for_each(|bit| self.changed[64 * word + bit].push(angle));
        }
    }

    /// Bits whose errors anticommute with a word.
    fn anticommuting(&self, x: u64, z: u64) -> Vec<u64> {
        let mut bits = vec![0; self.x.first().map_or(0, Vec::len)];
        gf2::bits(z).for_each(|qubit| add(&mut bits, &self.x[qubit]));
        gf2::bits(x).for_each(|qubit| add(&mut bits, &self.z[qubit]));
        bits
    }

    fn is_clean(&self, qubit: usize) -> bool {
        self.x[qubit].iter().chain(&self.z[qubit]).all(|bits| *bits == 0)
    }

    /// Writes the errors of a qubit out, as rotations by π/2.
    fn write_out(&mut self, qubit: usize) {
        if self.is_clean(qubit) {
            return;
        }
        for (is_flip, bits) in [(true, self.x[qubit].clone()), (false, self.z[qubit].clone())] {
            if bits.iter().all(|bits| *bits == 0) {
                continue;
            }
            let (x, z) = if is_flip { (1 << qubit, 0) } else { (0, 1 << qubit) };
            let angle = self.push_angle(None, Controls::NONE, |slot| Kernel::Rotation { x, z, slot });
            self.note(angle, &bits);
        }
        self.x[qubit].fill(0);
        self.z[qubit].fill(0);
    }

    fn step(&mut self, step: &Step) {
        let (program, controls) = (self.program, step.controls);
        match &step.kernel {
            Kernel::Rotation { x, z, slot } if controls.is_empty() => {
                let (bits, angle) = (self.anticommuting(*x, *z), program.slots[*slot].clone());
                let (x, z) = (*x, *z);
                let angle = self.push_angle(Some(angle), controls, |slot| Kernel::Rotation { x, z, slot });
                self.note(angle, &bits);
            }
            // A flip in front of a phase is a flip behind the inverse phase, up to a phase of the whole state.
            Kernel::Phase { slot } if controls.count() == 1 => {
                let (bits, angle) = (self.anticommuting(0, controls.mask), program.slots[*slot].clone());
                let angle = self.push_angle(Some(angle), controls, |slot| Kernel::Phase { slot });
                self.note(angle, &bits);
            }
            Kernel::FixedPhase(value) if controls.count() == 1 && !is_clifford_phase(*value) => {
                let bits = self.anticommuting(0, controls.mask);
                let angle = Slot { constant: value.arg(), terms: Vec::new() };
                let angle = self.push_angle(Some(angle), controls, |slot| Kernel::Phase { slot });
                self.note(angle, &bits);
            }
            _ => {
                if !self.conjugate(step) {
                    gf2::bits(step.support()).for_each(|qubit| self.write_out(qubit));
                }
                let kernel = match &step.kernel {
                    Kernel::Rotation { x, z, slot } => {
                        let (x, z) = (*x, *z);
                        let angle = program.slots[*slot].clone();
                        self.push_angle(Some(angle), controls, |slot| Kernel::Rotation { x, z, slot });
                        return;
                    }
                    Kernel::Phase { slot } => {
                        let angle = program.slots[*slot].clone();
                        self.push_angle(Some(angle), controls, |slot| Kernel::Phase { slot });
                        return;
                    }
                    kernel @ (Kernel::FixedPhase(_) | Kernel::Exchange { .. } | Kernel::Matrix { .. }) => {
                        kernel.clone()
                    }
                };
                self.steps.push(Step { kernel, controls });
            }
        }
    }

    /// Moves the errors behind a Clifford step. Returns whether the step is one, or has no errors on its qubits.
    fn conjugate(&mut self, step: &Step) -> bool {
        let qubits: Vec<usize> = gf2::bits(step.support()).collect();
        if qubits.iter().all(|qubit| self.is_clean(*qubit)) {
            return true;
        }
        let Some(images) = clifford_images(step, &qubits) else { return false };
        let width = self.x.first().map_or(0, Vec::len);
        let (mut x, mut z) = (vec![vec![0; width]; qubits.len()], vec![vec![0; width]; qubits.len()]);
        for (k, qubit) in qubits.iter().enumerate() {
            for (own, image) in [(&self.x[*qubit], images[2 * k]), (&self.z[*qubit], images[2 * k + 1])] {
                gf2::bits(image.0).for_each(|to| add(&mut x[to], own));
                gf2::bits(image.1).for_each(|to| add(&mut z[to], own));
            }
        }
        for ((qubit, x), z) in qubits.iter().zip(x).zip(z) {
            (self.x[*qubit], self.z[*qubit]) = (x, z);
        }
        true
    }
}

/// Whether a constant phase on one qubit is Clifford: a power of i.
fn is_clifford_phase(value: Complex64) -> bool {
    let quarter = value.arg() / FRAC_PI_2;
    (quarter - quarter.round()).abs() < 1e-14
}

/// Masks of flips and phases of the images of X and Z on each of these qubits, as masks over the qubits' places; `None`
/// if the step, on at most two qubits, is no Clifford gate.
fn clifford_images(step: &Step, qubits: &[usize]) -> Option<Vec<(u64, u64)>> {
    if qubits.len() > 2 || matches!(step.kernel, Kernel::Rotation { .. } | Kernel::Phase { .. }) {
        return None;
    }
    let transfer = pauli_transfer(&[local_matrix(step, qubits)], qubits.len());
    let size = 1usize << (2 * qubits.len());
    let image = |x: u64, z: u64| {
        let column = word_index(x, z);
        let row = (0..size).find(|row| transfer[row * size + column].abs() > 0.5)?;
        if (0..size).any(|other| other != row && transfer[other * size + column].abs() > 1e-13) {
            return None;
        }
        let (x, z) = masks_of_word(row);
        Some((x as u64, z as u64))
    };
    (0..qubits.len()).flat_map(|k| [image(1 << k, 0), image(0, 1 << k)]).collect()
}

/// Matrix of a step without an angle on its qubits, row by row.
fn local_matrix(step: &Step, qubits: &[usize]) -> Vec<Complex64> {
    let size = 1usize << qubits.len();
    let mut matrix = vec![Complex64::ZERO; size * size];
    for column in 0..size {
        let state = gf2::deposit(column as u64, qubits);
        let mut entry = |row: u64, value: Complex64| {
            matrix[gf2::extract(row, qubits) as usize * size + column] += value;
        };
        if state & step.controls.mask != step.controls.values() {
            entry(state, Complex64::ONE);
            continue;
        }
        match &step.kernel {
            Kernel::FixedPhase(value) => entry(state, *value),
            Kernel::Exchange { mask, first, second } => match state & mask {
                bits if bits == *first || bits == *second => entry(state ^ first ^ second, Complex64::ONE),
                _ => entry(state, Complex64::ONE),
            },
            Kernel::Matrix { qubits: own, entries } => {
                let inner = 1usize << own.len();
                let from = gf2::extract(state, own) as usize;
                for to in 0..inner {
                    entry(state & !gf2::mask(own) | gf2::deposit(to as u64, own), entries[to * inner + from]);
                }
            }
            Kernel::Rotation { .. } | Kernel::Phase { .. } => {}
        }
    }
    matrix
}

/// Probability of each word of a constant map, which is diagonal if it applies words with probabilities.
pub(crate) fn pauli_probabilities(entries: &[f64]) -> Option<Vec<f64>> {
    let size = entries.len().isqrt();
    if (0..size * size).any(|at| at / size != at % size && entries[at].abs() > 1e-12) {
        return None;
    }
    // A word changes the sign of the words that it anticommutes with.
    let sign = |error: usize, word: usize| {
        let ((ex, ez), (x, z)) = (masks_of_word(error), masks_of_word(word));
        if gf2::parity((ex & z) as u64) == gf2::parity((ez & x) as u64) { 1.0 } else { -1.0 }
    };
    let of =
        |error: usize| (0..size).map(|word| sign(error, word) * entries[word * (size + 1)]).sum::<f64>() / size as f64;
    let all: Vec<f64> = (0..size).map(of).collect();
    all.iter().all(|p| *p > -1e-12).then(|| all.into_iter().map(|p| p.max(0.0)).collect())
}

/// Refuses channels whose errors are no Pauli words.
fn check_pauli(map: &Map) -> Result<()> {
    match map {
        Map::Letters { shift: None, .. } | Map::Mixing(_) => Ok(()),
        Map::Dense(entries) if pauli_probabilities(entries).is_some() => Ok(()),
        Map::Letters { .. } | Map::Readout { .. } | Map::Dense(_) => Err(SimulationError::NotPauli.into()),
    }
}
