//! Derived outputs of a sample: sums of an engine's outputs with expressions as coefficients, and quotients by the
//! probability of a condition.
//!
//! They are tensors made from tensors, on any device and for any engine. So their gradients are candle's, on top of the
//! gradients of the engine's outputs.

use crate::error::Result;
use crate::expressions::{add_columns, evaluate_slots, row, select};
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
        if one.is_matrix {
            outputs = density_matrix(&outputs)?;
        }
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
    let numbers = |one: &DerivedOutputs| match one.is_matrix {
        // Two parts after the letters of each qubit.
        true => 2 * one.from.len() * (1 + one.from.len().ilog2() as usize / 2),
        false => one.from.len().max(one.terms.len()),
    };
    let terms = program.derived_outputs.iter().map(|one| numbers(one) as u64).sum::<u64>();
    memory::check_numbers("outputs that derive from an engine's", terms.checked_mul(6 * of_engine.dim(0)? as u64))?;
    Ok(Tensor::cat(&program.derived_outputs.iter().map(derive).collect::<Result<Vec<_>>>()?, 1)?)
}

/// Computes the entries of density matrices, `[batch, 2 * 4^n]`, from the numbers of their words, `[batch, 4^n]`.
///
/// Qubit by qubit the letters I, X, Z, Y become the entries 00, 01, 10, 11: I is |0><0| + |1><1|, Z is |0><0| - |1><1|, X is
/// |0><1| + |1><0| and Y is -i |0><1| + i |1><0|, each with the factor 1/2.
fn density_matrix(words: &Tensor) -> Result<Tensor> {
    let (batch, count) = words.dims2()?;
    let qubits = count.ilog2() as usize / 2;
    let matrix = |entries: [f64; 16]| row(entries.into_iter().map(|entry| 0.5 * entry), words)?.reshape((1, 4, 4));
    let real = matrix([1., 0., 1., 0., 0., 1., 0., 0., 0., 1., 0., 0., 1., 0., -1., 0.])?;
    let imaginary = matrix([0., 0., 0., 0., 0., 0., 0., -1., 0., 0., 0., 1., 0., 0., 0., 0.])?;
    let (mut re, mut im) = (words.clone(), words.zeros_like()?);
    for qubit in 0..qubits {
        let low = 1 << (2 * qubit);
        let apart = |part: Tensor| part.reshape((batch * count / (4 * low), 4, low));
        (re, im) = (apart(re)?, apart(im)?);
        let of = |matrix: &Tensor, part: &Tensor| matrix.broadcast_matmul(part);
        (re, im) = ((of(&real, &re)? - of(&imaginary, &im)?)?, (of(&real, &im)? + of(&imaginary, &re)?)?);
    }
    // Entry (i, j) has the digit `2 i_k + j_k` for qubit k.
    let size = 1usize << qubits;
    let digits = |i: usize, j: usize| (0..qubits).map(|k| (2 * (i >> k & 1) + (j >> k & 1)) << (2 * k)).sum::<usize>();
    let places = (0..count).map(|at| digits(at / size, at % size));
    let places: Vec<usize> = places.collect();
    let part = |part: Tensor| select(&part.reshape((batch, count))?, places.iter().copied());
    Ok(Tensor::stack(&[part(re)?, part(im)?], 2)?.reshape((batch, 2 * count))?)
}

/// Returns probabilities, and NaN in the place of 0: there are no values under a condition that never holds.
fn or_nan(probability: &Tensor) -> Result<Tensor> {
    let never = probability.detach().eq(0.0)?;
    let nan = Tensor::full(f32::NAN, probability.shape(), probability.device())?.to_dtype(probability.dtype())?;
    Ok(never.where_cond(&nan, probability)?)
}
