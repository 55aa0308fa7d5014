//! Derived outputs of a sample: sums of an engine's outputs with expressions as coefficients, and quotients by the
//! probability of a condition.
//!
//! They are tensors made from tensors, on any device and for any engine. So their gradients are candle's, on top of the
//! gradients of the engine's outputs.

use crate::error::Result;
use crate::expressions::{add_columns, evaluate_slots};
use crate::memory;
use crate::program::{DerivedOutputs, Program};
use candle_core::Tensor;

/// Computes the outputs `[batch, outputs]` from an engine's. `rows` are features, `[batch, features]`; `weights` are all
/// weights in the program's order: `[weights]`, or `[batch, weights]` if each sample has its own.
pub(crate) fn derive_outputs(program: &Program, of_engine: Tensor, rows: &Tensor, weights: &Tensor) -> Result<Tensor> {
    if !program.derives_outputs() {
        return Ok(of_engine);
    }
    let derive = |one: &DerivedOutputs| {
        let mut outputs = of_engine.narrow(1, one.from.start, one.from.len())?;
        if !one.terms.is_empty() {
            let slots: Vec<_> = one.terms.iter().map(|(_, coefficient)| coefficient).collect();
            let products = outputs.broadcast_mul(&evaluate_slots(&slots, rows, weights)?)?;
            outputs = add_columns(&products, one.terms.iter().map(|(output, _)| *output), one.count)?;
        }
        if one.is_conditional {
            let (values, probability) = (outputs.narrow(1, 0, one.count - 1)?, outputs.narrow(1, one.count - 1, 1)?);
            outputs = Tensor::cat(&[values.broadcast_div(&or_nan(&probability)?)?, probability], 1)?;
        }
        if !one.constants.is_empty() {
            let slots: Vec<_> = one.constants.iter().map(|(_, constant)| constant).collect();
            let constants = evaluate_slots(&slots, rows, weights)?;
            let sums = add_columns(&constants, one.constants.iter().map(|(output, _)| *output), one.count)?;
            outputs = outputs.broadcast_add(&sums)?;
        }
        Ok(outputs)
    };
    // An engine's outputs are in memory beside their coefficients, products and sums, all of which a graph keeps.
    let terms = program.derived_outputs.iter().map(|one| one.from.len().max(one.terms.len()) as u64).sum::<u64>();
    memory::check_numbers("outputs that derive from an engine's", terms.checked_mul(6 * of_engine.dim(0)? as u64))?;
    Ok(Tensor::cat(&program.derived_outputs.iter().map(derive).collect::<Result<Vec<_>>>()?, 1)?)
}

/// Returns probabilities, and NaN in the place of 0: there are no values under a condition that never holds.
fn or_nan(probability: &Tensor) -> Result<Tensor> {
    let never = probability.detach().eq(0.0)?;
    let nan = Tensor::full(f32::NAN, probability.shape(), probability.device())?.to_dtype(probability.dtype())?;
    Ok(never.where_cond(&nan, probability)?)
}
