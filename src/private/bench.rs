//! The CPU engine without candle around it, for `benches/step.rs` alone.

use crate::engine::cpu::Cpu;
use crate::engine::host::HostEngine;
use crate::engine::{Arguments, NeedsGrad, Options};
use crate::error::{Error, Result, TensorError};
use crate::program::Program;

/// Outputs, and gradients of `sum(cotangent * outputs)` in inputs and weights if there is a cotangent. All row by row.
pub fn step(program: &Program, inputs: &[f32], weights: &[f32], cotangent: Option<&[f32]>) -> Result<[Vec<f32>; 3]> {
    let options = &Options::default();
    let batch = inputs.len() / program.engine_inputs.max(1);
    let fits = batch * program.engine_inputs == inputs.len() && weights.len() == program.weights();
    if !fits || cotangent.is_some_and(|cotangent| cotangent.len() != batch * program.engine_outputs()) {
        return Err(Error::Tensor(TensorError::InputWidth {
            expected: program.engine_inputs,
            shape: inputs.len().into(),
        }));
    }
    let arguments = Arguments { inputs, weights, batch };
    let (outputs, saved) = Cpu.forward(program, arguments, options, cotangent.is_some())?;
    let Some(cotangent) = cotangent else { return Ok([outputs, Vec::new(), Vec::new()]) };
    let needs_grad = NeedsGrad { inputs: true, weights: true };
    let gradients = Cpu.gradient(program, arguments, options, cotangent, needs_grad, saved)?;
    Ok([outputs, gradients.inputs.unwrap_or_default(), gradients.weights.unwrap_or_default()])
}

/// Numbers a sample that [`step`] wants: its features, and those that conditional gates add.
pub fn width(program: &Program) -> usize {
    program.engine_inputs
}
