//! The chain rule on the host, in `f64`: from variables to angles, and from derivatives in angles to derivatives in
//! variables.

use super::Wrt;
use crate::error::{Error, Result};
use crate::numbers::host_numbers;
use crate::program::{Embedding, Program, Slot, Variable};
use candle_core::{DType, Tensor};

/// Inputs and weights of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Numbers<'a> {
    pub(super) program: &'a Program,
    /// Features of all samples, `[batch, features]`.
    pub(super) inputs: Vec<f64>,
    pub(super) weights: Vec<f64>,
    pub(super) batch: usize,
    /// Largest distance of a strength from its range that counts as rounding.
    rounding: f64,
}

/// Inputs and weights of one sample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample<'a> {
    pub(super) inputs: &'a [f64],
    pub(super) weights: &'a [f64],
    rounding: f64,
}

impl<'a> Numbers<'a> {
    /// Copies rows of features, `[batch, features]`, and weights to the host.
    pub(crate) fn new(program: &'a Program, rows: &Tensor, weights: &Tensor) -> Result<Self> {
        let batch = rows.dim(0)?;
        let (mut inputs, mut weights) = (host_numbers(rows)?, host_numbers(weights)?);
        // On a GPU a tensor without elements has one element that nothing reads.
        inputs.truncate(batch * program.engine_inputs);
        weights.truncate(program.weights);
        let epsilon = if rows.dtype() == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
        Ok(Self { program, inputs, weights, batch, rounding: 4.0 * epsilon })
    }

    pub(super) fn sample(&self, sample: usize) -> Sample<'_> {
        let width = self.program.engine_inputs;
        Sample {
            inputs: &self.inputs[sample * width..(sample + 1) * width],
            weights: &self.weights,
            rounding: self.rounding,
        }
    }

    /// Sets the results of a sample, an equal part of `found`, to NaN if an angle is NaN or infinite, even an angle
    /// without effect, or if the sample has no state.
    pub(crate) fn spoil(&self, found: &mut [f64]) {
        let each = found.len() / self.batch.max(1);
        for (sample, found) in found.chunks_mut(each.max(1)).enumerate() {
            if self.sample(sample).is_spoiled(self.program) {
                found.fill(f64::NAN);
            }
        }
    }

    /// Refuses weights that make a strength leave its range.
    pub(crate) fn check_strengths(&self) -> Result<()> {
        let shared = Sample { inputs: &[], weights: &self.weights, rounding: self.rounding };
        self.program.check_strengths(self.rounding, |slot| shared.slot(slot))
    }

    /// Refuses channels whose coefficients are square roots or exponential functions of inputs or weights.
    pub(super) fn check_no_functions(&self, method: &'static str) -> Result<()> {
        if !self.program.derived.has_functions() {
            return Ok(());
        }
        let of = "square roots and exponential functions of strengths that are inputs or weights";
        let instead = "take constant strengths there, or gradients by `backward()`";
        Err(Error::NoGradient { method, of, instead })
    }

    /// Returns the number of variables of a kind in a sample.
    pub(super) fn count(&self, wrt: Wrt) -> usize {
        match wrt {
            Wrt::Inputs => self.program.inputs(),
            Wrt::Weights => self.program.weights,
        }
    }
}

impl Wrt {
    /// Returns the index of a variable among the variables of this kind.
    fn place(self, variable: Variable) -> Option<usize> {
        match (self, variable) {
            (Self::Inputs, Variable::Input(index)) | (Self::Weights, Variable::Weight(index)) => Some(index),
            _ => None,
        }
    }

    /// Returns whether a slot depends on variables of this kind.
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

    /// Returns whether an angle is NaN or infinite, even an angle without effect, or the features embed no state:
    /// outputs are NaN then.
    pub(super) fn is_spoiled(self, program: &Program) -> bool {
        let norm = |embedding: Embedding| {
            embedding.norm(self.inputs[embedding.first..embedding.first + embedding.count].iter().copied())
        };
        program.embedding.is_some_and(|embedding| !norm(embedding).is_finite())
            || program.slots.iter().any(|slot| !self.slot(slot).is_finite())
            || !program.has_strengths(self.rounding, |slot| self.slot(slot))
    }

    pub(super) fn slot(self, slot: &Slot) -> f64 {
        slot.value(|variable| self.value(variable))
    }

    /// Passes every variable of a slot and the slot's derivative in it to `each`; a variable may occur several times.
    pub(super) fn derivatives(self, slot: &Slot, each: impl FnMut(Variable, f64)) {
        slot.derivatives(|variable| self.value(variable), each);
    }
}

/// Derivatives in the variables of the circuit, from which derived features are computed.
impl Numbers<'_> {
    /// Returns the index of a variable among the variables of a kind, and the derivative of the derived feature in it.
    /// A product of a variable and a switch has the switch as its derivative; a switch has none.
    pub(super) fn place(&self, sample: usize, wrt: Wrt, variable: Variable) -> Option<(usize, f64)> {
        let (of, switch) = self.program.origin(variable)?;
        let factor = switch.map_or(1.0, |switch| self.sample(sample).inputs[switch]);
        Some((wrt.place(of)?, factor))
    }

    /// Passes the indices of the variables of a slot and the slot's derivatives in them to `each`.
    pub(super) fn derivatives(&self, sample: usize, slot: &Slot, wrt: Wrt, mut each: impl FnMut(usize, f64)) {
        self.sample(sample).derivatives(slot, |variable, derivative| {
            if let Some((place, factor)) = self.place(sample, wrt, variable) {
                each(place, factor * derivative);
            }
        });
    }

    /// Passes every pair of indices of a slot and the slot's second derivative in them to `each`, in both orders.
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
