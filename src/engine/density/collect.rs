//! Gradients of inputs and weights, from the sums of a reverse pass.

use super::lower::{Op, Part};
use super::numbers::{SharedNumbers, Source, UnitNumbers};
use super::plan::{Kernel, Lanes, Pass, PlacedOp, Plan, word_at};
use super::tape::Tape;
use super::transfer::{self, Transfer, each_derivative};
use crate::engine::Real;
use crate::engine::simd::LANES;
use crate::program::{Slot, Variable};

/// Sums of a group of units.
#[derive(Debug, Default)]
pub(super) struct GroupSums {
    /// Derivatives in the matrices of the parts that do not vary.
    parts: Vec<Transfer>,
    /// Derivatives in the slots of mixings that do not vary.
    slots: Vec<f64>,
    /// Derivatives in the weights, through all that varies.
    weights: Vec<f64>,
}

/// Sums of a unit, and the numbers that they were made with.
pub(super) struct UnitSums<'a, T> {
    pub(super) source: Source<'a, T>,
    pub(super) shared: &'a SharedNumbers<T>,
    pub(super) numbers: &'a UnitNumbers<T>,
    /// Sums of all ops.
    pub(super) sums: &'a [[f64; LANES]],
}

impl<T: Real> UnitSums<'_, T> {
    /// Adds the sums of the ops that do not vary to a group.
    pub(super) fn add_shared(&self, unit: usize, group: &mut GroupSums) {
        let Source { tape, plan, .. } = self.source;
        group.resize(tape, self.source.program.weights);
        let valid = |lane: &usize| self.numbers.valid[*lane];
        let lanes: Vec<usize> = match plan.lanes {
            Lanes::Samples => (0..self.source.samples(unit).len()).filter(valid).collect(),
            Lanes::Letters if self.numbers.valid[0] => (0..LANES).collect(),
            Lanes::Letters => return,
        };
        for (pass, placed) in with_sums(plan, false) {
            let op = &tape.ops[placed.op];
            let total = derivative(plan, (pass, placed, op), &self.sums[placed.sums.clone()], &lanes);
            match op {
                Op::Local { parts, .. } => {
                    let all = parts.iter().map(|part| &self.shared.parts[part.place].0);
                    each_derivative(all, &total, |index, of| add_matrix(&mut group.parts[parts[index].place], of));
                }
                Op::Mixing { slot, .. } => group.slots[*slot] -= total[0][0],
                Op::Dense { .. } => {}
            }
        }
    }

    /// Adds what varies of a sample to a group, and to the gradient of its inputs.
    pub(super) fn add_varying(
        &self,
        (lane, sample): (usize, usize),
        inputs: &mut [f64],
        slopes: &mut Vec<f64>,
        group: &mut GroupSums,
    ) {
        let Source { tape, plan, .. } = self.source;
        slopes.clear();
        slopes.resize(tape.slots.len(), 0.0);
        let own = if plan.lanes == Lanes::Letters { 0..LANES } else { lane..lane + 1 };
        let own: &[usize] = &std::array::from_fn::<usize, LANES, _>(|lane| lane)[own];
        for (pass, placed) in with_sums(plan, true) {
            let op = &tape.ops[placed.op];
            let total = derivative(plan, (pass, placed, op), &self.sums[placed.sums.clone()], own);
            match op {
                Op::Local { parts, .. } => self.split(parts, &total, lane, slopes, group),
                Op::Mixing { slot, .. } => slopes[*slot] -= total[0][0],
                Op::Dense { .. } => {}
            }
        }
        for (slot, slope) in tape.slots.iter().zip(&*slopes).filter(|(_, slope)| **slope != 0.0) {
            slot.derivatives(self.source.variables(sample), |variable, derivative| match variable {
                Variable::Input(index) => inputs[index] += slope * derivative,
                Variable::Weight(index) => group.weights[index] += slope * derivative,
            });
        }
    }

    /// Splits the derivative in an op's matrix among its parts: to slots for parts that vary, to the group's sums for
    /// the others.
    fn split(&self, parts: &[Part], total: &Transfer, lane: usize, slopes: &mut [f64], group: &mut GroupSums) {
        let (tape, numbers) = (self.source.tape, self.numbers);
        let all = parts.iter().map(|part| &numbers.part(tape, self.shared, part, lane).0);
        each_derivative(all, total, |index, of| {
            let part = &parts[index];
            match part.varies {
                true => {
                    let factors = numbers.factors(tape, part, lane);
                    transfer::slopes_of_factors(&part.factors, factors, of, |slot, slope| slopes[slot] += slope);
                }
                false => add_matrix(&mut group.parts[part.place], of),
            }
        });
    }
}

/// Ops that have sums, of those that vary or of those that do not.
fn with_sums(plan: &Plan, varies: bool) -> impl Iterator<Item = (&Pass, &PlacedOp)> {
    let all = plan.passes.iter().flat_map(|pass| pass.ops.iter().map(move |placed| (pass, placed)));
    all.filter(move |(_, placed)| !placed.sums.is_empty() && placed.varies == varies)
}

/// Sum of products of λ and the state, as a derivative in the entries of the op's matrix; for mixing, the entry
/// `[0][0]` is the sum over all words but the identity.
fn derivative(
    plan: &Plan,
    (pass, placed, op): (&Pass, &PlacedOp, &Op),
    sums: &[[f64; LANES]],
    lanes: &[usize],
) -> Transfer {
    let mut total = [[0.0; 4]; 4];
    let sum = |row: usize| lanes.iter().map(|lane| sums[row][*lane]).sum::<f64>();
    match &placed.kernel {
        Kernel::Row { .. } => (0..12).for_each(|k| total[k / 4 + 1][k % 4] = sum(k)),
        Kernel::RowFactors { .. } => (0..3).for_each(|k| total[k + 1][k + 1] = sum(k)),
        Kernel::Lane { qubit } => {
            for (k, lane) in (0..4).flat_map(|k| lanes.iter().map(move |lane| (k, *lane))) {
                let letter = lane >> (2 * qubit) & 3;
                total[letter][letter ^ k] += sums[k][lane];
            }
        }
        Kernel::Diagonal { rows, .. } => {
            for (row, sums) in rows.iter().zip(sums) {
                for lane in lanes {
                    let in_word = if plan.lanes == Lanes::Letters { *lane } else { 0 };
                    let word = word_at(op.qubits(), pass, plan.lanes, usize::from(*row), in_word);
                    match op {
                        Op::Local { .. } => total[word][word] += sums[*lane],
                        _ if word != 0 => total[0][0] += sums[*lane],
                        _ => {}
                    }
                }
            }
        }
        Kernel::Sparse { .. } | Kernel::Exchange { .. } => {}
    }
    total
}

/// Adds the entries of a matrix.
fn add_matrix(to: &mut Transfer, more: &Transfer) {
    to.as_flattened_mut().iter_mut().zip(more.as_flattened()).for_each(|(to, more)| *to += more);
}

impl GroupSums {
    fn resize(&mut self, tape: &Tape, weights: usize) {
        self.parts.resize(tape.parts.shared, [[0.0; 4]; 4]);
        self.slots.resize(tape.slots.len(), 0.0);
        self.weights.resize(weights, 0.0);
    }

    /// Makes all gradients of weights NaN, for a sample without a state.
    pub(super) fn spoil(&mut self) {
        self.weights.fill(f64::NAN);
    }

    /// Adds the sums of another group.
    pub(super) fn add(&mut self, other: &Self) {
        self.parts.resize(other.parts.len(), [[0.0; 4]; 4]);
        self.parts.iter_mut().zip(&other.parts).for_each(|(to, more)| add_matrix(to, more));
        for (to, more) in [(&mut self.slots, &other.slots), (&mut self.weights, &other.weights)] {
            to.resize(more.len(), 0.0);
            to.iter_mut().zip(more).for_each(|(to, more)| *to += more);
        }
    }

    /// Gradient in the weights.
    pub(super) fn weight_gradient<T: Real>(mut self, source: Source<'_, T>, shared: &SharedNumbers<T>) -> Vec<T> {
        let tape = source.tape;
        self.resize(tape, source.program.weights);
        let Self { parts: sums, slots: mut slopes, mut weights } = self;
        for op in &tape.ops {
            let Op::Local { parts, .. } = op else { continue };
            for part in parts.iter().filter(|part| !part.varies) {
                let factors = &shared.factors[part.first_factor..part.first_factor + part.factors.len()];
                let each = |slot: usize, slope: f64| slopes[slot] += slope;
                transfer::slopes_of_factors(&part.factors, factors, &sums[part.place], each);
            }
        }
        let variables = source.variables(0);
        let with_slope = tape.slots.iter().zip(&slopes).filter(|(_, slope)| **slope != 0.0);
        with_slope.for_each(|(slot, slope)| add_slope(slot, *slope, &variables, &mut weights));
        weights.into_iter().map(T::from_f64).collect()
    }
}

/// Adds the derivative in a slot that reads no inputs to the derivatives in its weights.
fn add_slope(slot: &Slot, slope: f64, variables: &impl Fn(Variable) -> f64, weights: &mut [f64]) {
    slot.derivatives(variables, |variable, derivative| match variable {
        Variable::Weight(index) => weights[index] += slope * derivative,
        Variable::Input(_) => {}
    });
}
