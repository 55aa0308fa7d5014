//! Evaluates one circuit with many sets of weights.
//!
//! With many samples each member is a call of its own on the same inputs: numbers that a member's samples share are
//! computed once. With few samples, each pair of member and sample is a sample of one call, and the weights are
//! features.

use super::{CallArgs, least};
use crate::autograd;
use crate::derived_features;
use crate::derived_outputs::derive_outputs;
use crate::engine::{self, Options};
use crate::error::Result;
use crate::gradient::Numbers;
use crate::limits;
use crate::memory;
use crate::program::Program;
use candle_core::{DType, Device, Tensor};
use std::sync::Arc;

/// Number of samples from which a single member fills the vectors of an engine.
const OWN_CALL: usize = 16;

/// Returns outputs `[members, .., outputs]`; `weights` are in the program's order, with or without a leading dimension
/// of members.
pub(crate) fn run_ensemble(
    program: &Arc<Program>,
    options: &Options,
    members: usize,
    default: (DType, &Device),
    inputs: Option<&Tensor>,
    weights: &[&Tensor],
) -> Result<Tensor> {
    let given = CallArgs::new(program, default, inputs, weights)?;
    let batch = given.batch();
    let nothing = weights.iter().copied().find(|weights| weights.elem_count() == 0);
    if let Some(nothing) = nothing.filter(|_| members == 0).or((batch == 0).then_some(&given.rows)) {
        return given.empty(nothing, &[members], program);
    }
    let numbers = (members as u64).checked_mul(program.weights as u64);
    // Counts the weights twice: in their own dtype, and in one tensor in the precision of the state.
    memory::check_numbers("the weights of all members", numbers.and_then(|numbers| numbers.checked_mul(2)))?;
    let flat = |(tensor, value): (&crate::program::Tensor, &&Tensor)| {
        let size = tensor.shape.elem_count();
        let shared = value.dims().len() == tensor.shape.dims().len();
        value.reshape((if shared { 1 } else { members }, size))?.broadcast_as((members, size))
    };
    let flat = program.tensors.iter().zip(weights).map(flat).collect::<candle_core::Result<Vec<_>>>()?;
    let weights = Tensor::cat(&flat, 1)?.to_dtype(given.inner())?.contiguous()?;
    let engine = engine::for_device(&given.device, program, options)?;
    let out = if batch >= OWN_CALL || members == 1 {
        engine.check(program, batch, given.inner(), options)?;
        // Outputs are there twice: member by member, and in one piece.
        let outputs = limits::checked_product("outputs of all members", &[members, batch, program.outputs(), 2])?;
        memory::check_numbers("the outputs of all members", Some(outputs as u64))?;
        let one = |member| {
            let weights = weights.get(member)?;
            let rows = given.with_derived_features(program, &weights)?;
            let of_engine = autograd::evaluate(program, options, [&rows, &weights], true)?;
            derive_outputs(program, of_engine, &given.rows, &weights)
        };
        Tensor::stack(&(0..members).map(one).collect::<Result<Vec<_>>>()?, 0)?
    } else {
        let (form, points) =
            (program.with_weights_as_inputs(), limits::checked_product("points of all members", &[members, batch])?);
        engine.check(form, points, given.inner(), options)?;
        let repeated = |tensor: Tensor| {
            let width = tensor.dim(2)?;
            tensor.broadcast_as((members, batch, width))?.reshape((points, width))
        };
        let of_members = weights;
        let (features, weights) = (repeated(given.rows.unsqueeze(0)?)?, repeated(of_members.unsqueeze(1)?)?);
        let rows = match program.engine_inputs {
            0 => weights.clone(),
            _ => Tensor::cat(&[&derived_features::append_features(program, &features, &weights)?, &weights], 1)?,
        };
        // The engine sees the weights as features, whose strengths it may make NaN.
        if program.has_limits() {
            let rows = given.rows.narrow(0, 0, 1)?;
            for member in 0..members {
                Numbers::new(program, &rows, &of_members.get(member)?)?.check_strengths()?;
            }
        }
        let none = Tensor::zeros(least(&given.device), given.inner(), &given.device)?;
        let of_engine = autograd::evaluate(form, options, [&rows, &none], true)?;
        derive_outputs(program, of_engine, &features, &weights)?
    };
    given.shaped(&out, &[members], program)
}
