//! From variables to angles, and from derivatives in angles back to those in variables, on the host in `f64`.

use super::Wrt;
use super::points::host;
use crate::error::Result;
use crate::program::{Embedding, Program, Slot, Variable};
use candle_core::Tensor;

/// The inputs and weights of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Numbers<'a> {
    pub(super) program: &'a Program,
    /// `[batch, features]`.
    pub(super) inputs: Vec<f64>,
    pub(super) weights: Vec<f64>,
    pub(super) batch: usize,
}

/// One sample of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample<'a> {
    pub(super) inputs: &'a [f64],
    pub(super) weights: &'a [f64],
}

impl<'a> Numbers<'a> {
    /// Rows of features, `[batch, features]`, and weights beside them, as an engine gets them.
    pub(crate) fn new(program: &'a Program, rows: &Tensor, weights: &Tensor) -> Result<Self> {
        let batch = rows.dim(0)?;
        let (mut inputs, mut weights) = (host(rows)?, host(weights)?);
        // On a GPU an element that nothing reads takes the place of none.
        inputs.truncate(batch * program.engine_inputs);
        weights.truncate(program.weights);
        Ok(Self { program, inputs, weights, batch })
    }

    pub(super) fn sample(&self, sample: usize) -> Sample<'_> {
        let width = self.program.engine_inputs;
        Sample { inputs: &self.inputs[sample * width..(sample + 1) * width], weights: &self.weights }
    }

    /// Makes what was found, as much for each sample, NaN where an angle is NaN or infinite, even one that
    /// has no effect, or where there is no state.
    pub(crate) fn spoil(&self, found: &mut [f64]) {
        let each = found.len() / self.batch.max(1);
        for (sample, found) in found.chunks_mut(each.max(1)).enumerate() {
            if self.sample(sample).is_spoiled(self.program) {
                found.fill(f64::NAN);
            }
        }
    }

    /// How many variables of a kind a sample has.
    pub(super) fn count(&self, wrt: Wrt) -> usize {
        match wrt {
            Wrt::Inputs => self.program.inputs(),
            Wrt::Weights => self.program.weights,
        }
    }
}

impl Wrt {
    /// The place of a variable among those of this kind.
    fn place(self, variable: Variable) -> Option<usize> {
        match (self, variable) {
            (Self::Inputs, Variable::Input(index)) | (Self::Weights, Variable::Weight(index)) => Some(index),
            _ => None,
        }
    }

    /// Whether a slot depends on variables of this kind.
    pub(super) fn is_read(self, program: &Program, slot: &Slot) -> bool {
        let read = |variable: &Variable| program.origin(*variable).is_some_and(|(of, _)| self.place(of).is_some());
        slot.terms.iter().any(|(_, first, second)| read(first) || second.as_ref().is_some_and(read))
    }
}

impl Sample<'_> {
    fn value(self, variable: Variable) -> f64 {
        match variable {
            Variable::Input(index) => self.inputs[index],
            Variable::Weight(index) => self.weights[index],
        }
    }

    /// Whether an angle is NaN or infinite, even one that has no effect, or there is no state to start from: outputs are NaN then.
    pub(super) fn is_spoiled(self, program: &Program) -> bool {
        let norm = |embedding: Embedding| {
            embedding.norm(self.inputs[embedding.first..embedding.first + embedding.count].iter().copied())
        };
        program.embedding.is_some_and(|embedding| !norm(embedding).is_finite())
            || program.slots.iter().any(|slot| !self.slot(slot).is_finite())
    }

    pub(super) fn slot(self, slot: &Slot) -> f64 {
        slot.terms.iter().fold(slot.constant, |sum, (coefficient, first, second)| {
            sum + coefficient * self.value(*first) * second.map_or(1.0, |second| self.value(second))
        })
    }

    /// Hands every variable of a slot, with the slot's derivative in it, to `each`; a variable may come several times.
    pub(super) fn derivatives(self, slot: &Slot, mut each: impl FnMut(Variable, f64)) {
        for (coefficient, first, second) in &slot.terms {
            each(*first, coefficient * second.map_or(1.0, |second| self.value(second)));
            if let Some(second) = second {
                each(*second, coefficient * self.value(*first));
            }
        }
    }
}

/// Derivatives in what columns are made from, as a user has them.
impl Numbers<'_> {
    /// The place of a variable among those of a kind, and its derivative in that one: a product of a switch depends on the other
    /// factor, a switch on nothing.
    pub(super) fn place(&self, sample: usize, wrt: Wrt, variable: Variable) -> Option<(usize, f64)> {
        let (of, switch) = self.program.origin(variable)?;
        let factor = switch.map_or(1.0, |switch| self.sample(sample).inputs[switch]);
        Some((wrt.place(of)?, factor))
    }

    /// Hands the places of the variables of a slot, with the slot's derivatives in them, to `each`.
    pub(super) fn derivatives(&self, sample: usize, slot: &Slot, wrt: Wrt, mut each: impl FnMut(usize, f64)) {
        self.sample(sample).derivatives(slot, |variable, derivative| {
            if let Some((place, factor)) = self.place(sample, wrt, variable) {
                each(place, factor * derivative);
            }
        });
    }

    /// Hands every pair of places of a slot, with the slot's second derivative in them, to `each`, in both orders.
    pub(super) fn second_derivatives(
        &self,
        sample: usize,
        slot: &Slot,
        wrt: Wrt,
        mut each: impl FnMut(usize, usize, f64),
    ) {
        for (coefficient, first, second) in &slot.terms {
            let first = self.place(sample, wrt, *first);
            let second = second.and_then(|second| self.place(sample, wrt, second));
            if let (Some((first, a)), Some((second, b))) = (first, second) {
                each(first, second, coefficient * a * b);
                each(second, first, coefficient * a * b);
            }
        }
    }
}
