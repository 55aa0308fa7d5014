//! Merging of neighbours: rotations about the same word become one rotation, constant gates on one qubit become one
//! matrix, and a step that undoes its neighbour is removed with it.

use super::run::{Run, differ_in_angle};
use super::slots::Slots;
use super::{NOISE, is_one};
use crate::gf2;
use crate::program::{Controls, Kernel, Program, Step};
use num_complex::Complex64;

/// Matrix of one qubit, row by row.
type Matrix = [Complex64; 4];

pub(super) fn merge_steps(program: &mut Program) {
    let mut merger = Merger {
        slots: Slots::new(std::mem::take(&mut program.slots)),
        steps: Vec::with_capacity(program.steps.len()),
        last: vec![None; program.qubits],
    };
    for step in program.steps.drain(..) {
        merger.take(step);
    }
    let Merger { mut slots, steps, .. } = merger;
    let steps = steps.into_iter().flat_map(|merged| merged.into_steps(&mut slots)).collect();
    (program.slots, program.steps) = slots.into_needed(steps);
}

/// Entry of the merged steps.
enum Merged {
    Step(Step),
    /// Several steps that differ in their angles alone.
    Run(Box<Run>),
    /// Product of several constant gates on one qubit.
    Constant(usize, Matrix),
    /// Empty place of steps that cancelled.
    Nothing,
}

struct Merger {
    slots: Slots,
    steps: Vec<Merged>,
    /// Index of the last entry on each qubit.
    last: Vec<Option<usize>>,
}

impl Merger {
    fn take(&mut self, step: Step) {
        let support = step.support();
        let neighbor = gf2::bits(support).next().and_then(|qubit| self.last[qubit]);
        let alone = |index: &usize| {
            gf2::bits(support).all(|qubit| self.last[qubit] == Some(*index)) && self.steps[*index].support() == support
        };
        if let Some(index) = neighbor.filter(alone) {
            let earlier = std::mem::replace(&mut self.steps[index], Merged::Nothing);
            let combined = self.combined(earlier, &step);
            if matches!(combined, Ok(Merged::Nothing)) {
                gf2::bits(support).for_each(|qubit| self.last[qubit] = None);
            }
            let done = combined.is_ok();
            self.steps[index] = combined.unwrap_or_else(|earlier| earlier);
            if done {
                return;
            }
        }
        gf2::bits(support).for_each(|qubit| self.last[qubit] = Some(self.steps.len()));
        self.steps.push(Merged::Step(step));
    }

    /// Combines an entry with the next step, or returns the entry if they cannot be combined.
    fn combined(&mut self, earlier: Merged, later: &Step) -> Result<Merged, Merged> {
        let mut earlier = match earlier {
            Merged::Step(step) if matches!(step.kernel, Kernel::Exchange { .. }) && step == *later => {
                return Ok(Merged::Nothing);
            }
            Merged::Step(step) if differ_in_angle(&step, later) => match Run::new(step.clone(), &self.slots) {
                Some(run) => Merged::Run(Box::new(run)),
                None => Merged::Step(step),
            },
            other => other,
        };
        if let Merged::Run(run) = &mut earlier
            && run.try_add(later, &self.slots)
        {
            if !run.cancels() {
                return Ok(earlier);
            }
            // The slot stays without a step, so that a NaN in it reaches the outputs.
            earlier.into_steps(&mut self.slots);
            return Ok(Merged::Nothing);
        }
        Self::product(&earlier, later).ok_or(earlier)
    }

    /// Product of two constants on one qubit.
    fn product(earlier: &Merged, later: &Step) -> Option<Merged> {
        let (qubit, earlier) = match earlier {
            Merged::Step(earlier) => Self::constant(earlier)?,
            Merged::Constant(qubit, matrix) => (*qubit, *matrix),
            Merged::Run(_) | Merged::Nothing => return None,
        };
        let (_, later) = Self::constant(later)?;
        let product = multiply(&later, &earlier);
        Some(if is_identity(&product) { Merged::Nothing } else { Merged::Constant(qubit, product) })
    }

    /// Qubit and matrix of a constant step on one qubit.
    fn constant(step: &Step) -> Option<(usize, Matrix)> {
        let [zero, one] = [Complex64::from(0.0), Complex64::from(1.0)];
        let qubit = step.support().trailing_zeros() as usize;
        if step.support().count_ones() != 1 {
            return None;
        }
        let matrix = match &step.kernel {
            Kernel::FixedPhase(value) if step.controls.zeros == 0 => [one, zero, zero, *value],
            Kernel::FixedPhase(value) => [*value, zero, zero, one],
            Kernel::Exchange { .. } => [zero, one, one, zero],
            Kernel::Matrix { entries, .. } => entries[..].try_into().ok()?,
            Kernel::Rotation { .. } | Kernel::Phase { .. } => return None,
        };
        Some((qubit, matrix))
    }
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
            Self::Run(run) => run.support(),
            Self::Constant(qubit, _) => 1 << qubit,
            Self::Nothing => 0,
        }
    }

    /// Returns the steps of an entry. A constant becomes the steps that cost least.
    fn into_steps(self, slots: &mut Slots) -> Vec<Step> {
        let (qubit, m) = match self {
            Self::Step(step) => return vec![step],
            Self::Run(run) => return vec![run.into_step(slots)],
            Self::Nothing => return Vec::new(),
            Self::Constant(qubit, m) => (qubit, m),
        };
        let mask = 1 << qubit;
        let phase = |value: Complex64, mask: u64| {
            let kernel = Kernel::FixedPhase(value / value.norm());
            let step = Step { kernel, controls: Controls::ones(mask) };
            (!is_one(value)).then_some(step)
        };
        if m[1].norm() < NOISE && m[2].norm() < NOISE {
            return [phase(m[0], 0), phase(m[3] / m[0], mask)].into_iter().flatten().collect();
        }
        if m[0].norm() < NOISE && m[3].norm() < NOISE {
            let not = Step { kernel: Kernel::Exchange { mask, first: 0, second: mask }, controls: Controls::NONE };
            return [Some(not), phase(m[1], 0), phase(m[2] / m[1], mask)].into_iter().flatten().collect();
        }
        vec![Step { kernel: Kernel::Matrix { qubits: vec![qubit], entries: m.into() }, controls: Controls::NONE }]
    }
}
