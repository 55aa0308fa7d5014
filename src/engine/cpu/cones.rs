//! Programs whose outputs are computed in parts, from states of few qubits each.

use super::Cpu;
use crate::engine::host::HostEngine;
use crate::engine::{Arguments, Gradients, NeedsGrad, Options, Real, Saved};
use crate::error::Result;
use crate::memory::zeroed_vec;
use crate::program::{Cone, Program};

/// Results that each part has saved.
struct SavedParts(Vec<Option<Saved>>);

/// Computes outputs, as [`HostEngine::forward`] does.
pub(super) fn forward<T: Real>(
    (program, cones): (&Program, &[Cone]),
    arguments: Arguments<'_, T>,
    options: &Options,
    save: bool,
) -> Result<(Vec<T>, Option<Saved>)> {
    // A user's limit would have to be divided among the parts.
    let save = save && options.memory_limit.is_none();
    let width = program.engine_outputs();
    let mut out = zeroed_vec("outputs", arguments.batch * width)?;
    let mut parts = Vec::with_capacity(cones.len());
    for cone in cones {
        let (values, saved) = Cpu.forward(&cone.program, arguments, options, save)?;
        for (row, values) in out.chunks_mut(width).zip(values.chunks(cone.outputs.len())) {
            cone.outputs.iter().zip(values).for_each(|(output, value)| row[*output] = *value);
        }
        parts.push(saved);
    }
    Ok((out, save.then(|| Box::new(SavedParts(parts)) as Saved)))
}

/// Computes gradients, as [`HostEngine::gradient`] does: the sums of the parts' gradients, in f64.
pub(super) fn gradient<T: Real>(
    (program, cones): (&Program, &[Cone]),
    arguments: Arguments<'_, T>,
    options: &Options,
    cotangent: &[T],
    needs_grad: NeedsGrad,
    saved: Option<Saved>,
) -> Result<Gradients<T>> {
    let width = program.engine_outputs();
    let mut saved = saved.and_then(|saved| saved.downcast::<SavedParts>().ok()).map(|saved| saved.0.into_iter());
    let sums = |size: usize, needed: bool| needed.then(|| zeroed_vec::<f64>("gradients of parts", size)).transpose();
    let mut inputs = sums(arguments.batch * program.engine_inputs, needs_grad.inputs)?;
    let mut weights = sums(program.weights, needs_grad.weights)?;
    for cone in cones {
        let rows = cotangent.chunks(width);
        let part: Vec<T> = rows.flat_map(|row| cone.outputs.iter().map(|output| row[*output])).collect();
        let saved = saved.as_mut().and_then(Iterator::next).flatten();
        let found = Cpu.gradient(&cone.program, arguments, options, &part, needs_grad, saved)?;
        add(&mut inputs, found.inputs);
        add(&mut weights, found.weights);
    }
    let rounded = |sums: Option<Vec<f64>>| sums.map(|sums| sums.into_iter().map(T::from_f64).collect());
    Ok(Gradients { inputs: rounded(inputs), weights: rounded(weights) })
}

fn add<T: Real>(sums: &mut Option<Vec<f64>>, found: Option<Vec<T>>) {
    if let (Some(sums), Some(found)) = (sums, found) {
        sums.iter_mut().zip(found).for_each(|(sum, value)| *sum += value.to_f64());
    }
}
