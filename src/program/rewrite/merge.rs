//! Neighbouring rotations about the same word become one, neighbouring constant gates on one qubit one matrix, and what
//! undoes its neighbour goes away with it.

use super::slots::Slots;
use super::{NOISE, is_one};
use crate::program::{Kernel, Program, Slot, Step};
use num_complex::Complex64;

/// Row by row.
type Matrix = [Complex64; 4];

pub(super) fn merge(program: &mut Program) {
    let mut merger = Merger {
        slots: Slots::new(std::mem::take(&mut program.slots)),
        steps: Vec::with_capacity(program.steps.len()),
        last: vec![None; program.qubits],
    };
    for step in program.steps.drain(..) {
        merger.take(step);
    }
    let steps = merger.steps.into_iter().flat_map(Merged::into_steps).collect();
    (program.slots, program.steps) = merger.slots.finish(steps);
}

/// A step of the result so far.
enum Merged {
    Step(Step),
    /// Several constant gates on one qubit.
    Constant(usize, Matrix),
    /// Steps that cancelled.
    Nothing,
}

struct Merger {
    slots: Slots,
    steps: Vec<Merged>,
    /// The last step on each qubit.
    last: Vec<Option<usize>>,
}

impl Merger {
    fn take(&mut self, step: Step) {
        let support = step.support();
        let bits = |mask: u64| (0..u64::BITS as usize).filter(move |qubit| mask >> qubit & 1 == 1);
        let neighbour = bits(support).next().and_then(|qubit| self.last[qubit]);
        let alone = |index: &usize| {
            bits(support).all(|qubit| self.last[qubit] == Some(*index)) && self.steps[*index].support() == support
        };
        if let Some(index) = neighbour.filter(alone)
            && let Some(merged) = self.combined(index, &step)
        {
            if matches!(merged, Merged::Nothing) {
                bits(support).for_each(|qubit| self.last[qubit] = None);
            }
            self.steps[index] = merged;
            return;
        }
        bits(support).for_each(|qubit| self.last[qubit] = Some(self.steps.len()));
        self.steps.push(Merged::Step(step));
    }

    /// A step and the one after it as one.
    fn combined(&mut self, index: usize, later: &Step) -> Option<Merged> {
        if let Merged::Step(earlier) = &self.steps[index]
            && earlier.controls == later.controls
        {
            match (&earlier.kernel, &later.kernel) {
                (
                    &Kernel::Rotation { x, z, slot: first },
                    &Kernel::Rotation { x: other_x, z: other_z, slot: second },
                ) if (x, z) == (other_x, other_z) => {
                    let controls = earlier.controls;
                    let sum = self.sum(first, second);
                    return Some(sum.map_or(Merged::Nothing, |slot| {
                        Merged::Step(Step { kernel: Kernel::Rotation { x, z, slot }, controls })
                    }));
                }
                (&Kernel::Phase { slot: first }, &Kernel::Phase { slot: second }) => {
                    let controls = earlier.controls;
                    let sum = self.sum(first, second);
                    return Some(sum.map_or(Merged::Nothing, |slot| {
                        Merged::Step(Step { kernel: Kernel::Phase { slot }, controls })
                    }));
                }
                (Kernel::Exchange { .. }, Kernel::Exchange { .. }) if earlier == later => return Some(Merged::Nothing),
                _ => {}
            }
        }
        let (qubit, earlier) = match &self.steps[index] {
            Merged::Step(earlier) => self.constant(earlier)?,
            Merged::Constant(qubit, matrix) => (*qubit, *matrix),
            Merged::Nothing => return None,
        };
        let (_, later) = self.constant(later)?;
        let product = multiply(&later, &earlier);
        Some(if is_identity(&product) { Merged::Nothing } else { Merged::Constant(qubit, product) })
    }

    /// The slot of two angles added, or `None` if they cancel whatever the variables are.
    fn sum(&mut self, first: usize, second: usize) -> Option<usize> {
        let slot = self.slots.derived(&[first, second], |from| sum(from[0], from[1]));
        let zero = |slot: &Slot| slot.constant == 0.0 && slot.terms.iter().all(|(coefficient, ..)| *coefficient == 0.0);
        (!zero(self.slots.get(slot))).then_some(slot)
    }

    /// The qubit and the matrix of a constant step on one qubit.
    fn constant(&self, step: &Step) -> Option<(usize, Matrix)> {
        let [zero, one] = [Complex64::from(0.0), Complex64::from(1.0)];
        let qubit = step.support().trailing_zeros() as usize;
        if step.support().count_ones() != 1 {
            return None;
        }
        let matrix = match &step.kernel {
            Kernel::FixedPhase(value) => [one, zero, zero, *value],
            Kernel::Exchange { .. } => [zero, one, one, zero],
            Kernel::Matrix { entries, .. } => entries[..].try_into().ok()?,
            Kernel::Rotation { .. } | Kernel::Phase { .. } => return None,
        };
        Some((qubit, matrix))
    }
}

/// Two angles added. Terms that cancel stay, with a factor of zero: a NaN in them is to show.
fn sum(first: &Slot, second: &Slot) -> Slot {
    let mut out = first.clone();
    out.constant += second.constant;
    for term in &second.terms {
        match out.terms.iter_mut().find(|known| (known.1, known.2) == (term.1, term.2)) {
            Some(known) => known.0 += term.0,
            None => out.terms.push(*term),
        }
    }
    out
}

fn multiply(a: &Matrix, b: &Matrix) -> Matrix {
    std::array::from_fn(|k| a[k & 2] * b[k & 1] + a[k & 2 | 1] * b[k & 1 | 2])
}

fn is_identity(m: &Matrix) -> bool {
    m[1].norm() < NOISE && m[2].norm() < NOISE && is_one(m[0]) && is_one(m[3])
}

impl Merged {
    fn support(&self) -> u64 {
        match self {
            Self::Step(step) => step.support(),
            Self::Constant(qubit, _) => 1 << qubit,
            Self::Nothing => 0,
        }
    }

    /// A constant as the steps that cost least.
    fn into_steps(self) -> Vec<Step> {
        let (qubit, m) = match self {
            Self::Step(step) => return vec![step],
            Self::Nothing => return Vec::new(),
            Self::Constant(qubit, m) => (qubit, m),
        };
        let mask = 1 << qubit;
        let phase = |value: Complex64, controls: u64| {
            let step = Step { kernel: Kernel::FixedPhase(value / value.norm()), controls };
            (!is_one(value)).then_some(step)
        };
        if m[1].norm() < NOISE && m[2].norm() < NOISE {
            return [phase(m[0], 0), phase(m[3] / m[0], mask)].into_iter().flatten().collect();
        }
        if m[0].norm() < NOISE && m[3].norm() < NOISE {
            let flip = Step { kernel: Kernel::Exchange { mask, first: 0, second: mask }, controls: 0 };
            return [Some(flip), phase(m[1], 0), phase(m[2] / m[1], mask)].into_iter().flatten().collect();
        }
        vec![Step { kernel: Kernel::Matrix { qubits: vec![qubit], entries: m.into() }, controls: 0 }]
    }
}
