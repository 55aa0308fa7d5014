//! Slots in, gradients of variables out: the only part of the engine that knows expressions.

use super::kernels::Turn;
use super::plan::LANES;
use super::sincos::sin_cos;
use crate::engine::{Arguments, Real};
use crate::program::{Kernel, Program, Slot, Step, Variable};
use num_complex::Complex64;

/// The cosines and sines of all slots, for the samples of one block.
#[derive(Debug, Clone)]
pub(super) struct Angles<T> {
    turns: Vec<Turn<T>>,
    /// φ of the slots that all samples share, in f64; for a block of one sample, of all slots.
    values: Vec<f64>,
    /// Their cosines and sines.
    shared: Vec<Complex64>,
    /// Slots that differ from sample to sample.
    varying: Vec<usize>,
    /// Whether a slot that all samples share is NaN or infinite.
    shared_spoiled: bool,
    /// Samples of the block with a slot that is NaN or infinite. Their outputs are NaN even where the slot has no effect.
    pub(super) spoiled: [bool; LANES],
}

/// What [`Angles::fill`] found for a block.
#[derive(Debug)]
pub(super) struct Filled<T> {
    turns: Vec<Turn<T>>,
    spoiled: [bool; LANES],
}

/// Gradients of a group of blocks, in `f64`.
#[derive(Debug)]
pub(super) struct GroupSums {
    /// In the slots that all samples share.
    pub(super) slots: Vec<f64>,
    /// In the weights, through slots that differ from sample to sample.
    pub(super) weights: Vec<f64>,
}

/// One sample's variables.
#[derive(Clone, Copy)]
struct Point<'a, T> {
    inputs: &'a [T],
    weights: &'a [T],
}

impl<T: Real> Point<'_, T> {
    fn value(&self, variable: Variable) -> f64 {
        match variable {
            Variable::Input(index) => self.inputs[index].to_f64(),
            Variable::Weight(index) => self.weights[index].to_f64(),
        }
    }

    fn slot(&self, slot: &Slot) -> f64 {
        slot.terms.iter().fold(slot.constant, |sum, (coefficient, first, second)| {
            sum + coefficient * self.value(*first) * second.map_or(1.0, |second| self.value(second))
        })
    }

    /// Hands every variable of a slot and the slot's derivative in it to `each`.
    fn derivatives(&self, slot: &Slot, mut each: impl FnMut(Variable, f64)) {
        for (coefficient, first, second) in &slot.terms {
            match second {
                None => each(*first, *coefficient),
                Some(second) => {
                    each(*first, coefficient * self.value(*second));
                    each(*second, coefficient * self.value(*first));
                }
            }
        }
    }
}

/// Features of sample `sample`.
fn features<'a, T>(program: &Program, arguments: Arguments<'a, T>, sample: usize) -> &'a [T] {
    &arguments.inputs[sample * program.inputs..(sample + 1) * program.inputs]
}

impl<T: Real> Angles<T> {
    /// Evaluates the slots that all samples share.
    pub(super) fn new(program: &Program, arguments: Arguments<'_, T>) -> Self {
        let point = Point { inputs: &[], weights: arguments.weights };
        let value = |slot: &Slot| if slot.reads_inputs() { 0.0 } else { point.slot(slot) };
        let values: Vec<f64> = program.slots.iter().map(value).collect();
        let (mut sin, mut cos) = (vec![0.0; values.len()], vec![0.0; values.len()]);
        sin_cos(&values, &mut sin, &mut cos);
        let shared: Vec<Complex64> = cos.into_iter().zip(sin).map(|(cos, sin)| Complex64::new(cos, sin)).collect();
        let turns = shared.iter().map(|value| Turn::fixed(*value)).collect();
        let varying = (0..program.slots.len()).filter(|slot| program.slots[*slot].reads_inputs()).collect();
        let shared_spoiled = values.iter().any(|value| !value.is_finite());
        Self { turns, values, shared, varying, shared_spoiled, spoiled: [false; LANES] }
    }

    /// Evaluates the other slots for a block of `lanes` samples, of which `count` exist, from sample `first` on.
    pub(super) fn fill(
        &mut self,
        program: &Program,
        arguments: Arguments<'_, T>,
        first: usize,
        count: usize,
        lanes: usize,
    ) {
        self.spoiled = [self.shared_spoiled; LANES];
        for &index in &self.varying {
            let mut values = [0.0; LANES];
            for (lane, value) in values[..count].iter_mut().enumerate() {
                let point = Point { inputs: features(program, arguments, first + lane), weights: arguments.weights };
                *value = point.slot(&program.slots[index]);
                self.spoiled[lane] |= !value.is_finite();
            }
            if lanes == 1 {
                self.values[index] = values[0];
                // A block of one sample uses all vector lanes for it.
                values = [values[0]; LANES];
            }
            let (mut sin, mut cos) = ([0.0; LANES], [0.0; LANES]);
            sin_cos(&values, &mut sin, &mut cos);
            let turn = &mut self.turns[index];
            for lane in 0..LANES {
                (turn.cos[lane], turn.sin[lane]) = (T::from_f64(cos[lane]), T::from_f64(sin[lane]));
            }
        }
    }

    /// What the last block was filled with, for [`refill`](Self::refill). Nothing if that is larger than its `states` amplitudes.
    pub(super) fn filled(&self, states: usize) -> Option<Filled<T>> {
        let turns = || self.varying.iter().map(|slot| self.turns[*slot]).collect();
        (self.varying.len() <= states).then(|| Filled { turns: turns(), spoiled: self.spoiled })
    }

    /// As the block was that this was taken from.
    pub(super) fn refill(&mut self, filled: &Filled<T>) {
        for (slot, turn) in self.varying.iter().zip(&filled.turns) {
            self.turns[*slot] = *turn;
        }
        self.spoiled = filled.spoiled;
    }

    /// φ of a slot that all samples of the block share.
    pub(super) fn value(&self, slot: usize) -> f64 {
        self.values[slot]
    }

    /// Cosine and sine of a slot that all samples share.
    pub(super) fn shared(&self, slot: usize) -> Complex64 {
        self.shared[slot]
    }

    /// Cosine and sine of a step; those of 0 if it has no angle.
    #[inline(always)]
    pub(super) fn step(&self, step: &Step) -> Turn<T> {
        match step.kernel {
            Kernel::Rotation { slot, .. } | Kernel::Phase { slot } => *self.turn(slot),
            Kernel::FixedPhase(_) | Kernel::Exchange { .. } | Kernel::Matrix { .. } => Turn::fixed(1.0.into()),
        }
    }

    #[inline(always)]
    pub(super) fn turn(&self, slot: usize) -> &Turn<T> {
        &self.turns[slot]
    }
}

impl GroupSums {
    pub(super) fn new(program: &Program) -> Self {
        Self { slots: vec![0.0; program.slots.len()], weights: vec![0.0; program.weights] }
    }

    /// Adds the slot gradients `[slots][lanes]` of one block to the group's, and to the block's rows of the input
    /// gradient if there are any.
    pub(super) fn add_block<T: Real>(
        &mut self,
        program: &Program,
        arguments: Arguments<'_, T>,
        first: usize,
        gradients: &[[f64; LANES]],
        rows: Option<&mut [T]>,
        count: usize,
    ) {
        let width = program.inputs;
        let mut sums = rows.as_ref().map(|rows| vec![0.0; rows.len()]);
        for ((slot, gradients), shared) in program.slots.iter().zip(gradients).zip(&mut self.slots) {
            if !slot.reads_inputs() {
                *shared += sum(gradients, count);
                continue;
            }
            for (lane, gradient) in gradients[..count].iter().enumerate() {
                let point = Point { inputs: features(program, arguments, first + lane), weights: arguments.weights };
                point.derivatives(slot, |variable, derivative| match (variable, &mut sums) {
                    (Variable::Weight(index), _) => self.weights[index] += gradient * derivative,
                    (Variable::Input(index), Some(sums)) => sums[lane * width + index] += gradient * derivative,
                    (Variable::Input(_), None) => {}
                });
            }
        }
        if let (Some(rows), Some(sums)) = (rows, sums) {
            rows.iter_mut().zip(sums).for_each(|(to, sum)| *to += T::from_f64(sum));
        }
    }
}

/// The sum of the first `count` lanes, by halves: one after the other, each addition would wait for the last.
fn sum(lanes: &[f64; LANES], count: usize) -> f64 {
    let mut lanes = *lanes;
    lanes[count..].fill(0.0);
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
    }
    lanes[0]
}

/// The weight gradient from the sums of all groups, added in their order.
pub(super) fn weight_gradient<T: Real>(program: &Program, arguments: Arguments<'_, T>, groups: &[GroupSums]) -> Vec<T> {
    let mut total = GroupSums::new(program);
    for group in groups {
        total.slots.iter_mut().zip(&group.slots).for_each(|(total, sum)| *total += sum);
        total.weights.iter_mut().zip(&group.weights).for_each(|(total, sum)| *total += sum);
    }
    let point = Point { inputs: &[], weights: arguments.weights };
    for (slot, gradient) in program.slots.iter().zip(total.slots).filter(|(slot, _)| !slot.reads_inputs()) {
        point.derivatives(slot, |variable, derivative| {
            if let Variable::Weight(index) = variable {
                total.weights[index] += gradient * derivative;
            }
        });
    }
    total.weights.into_iter().map(T::from_f64).collect()
}
