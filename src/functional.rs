//! Circuits as functions of tensors, without a layer: weights may be any tensors, outputs of other networks included.

use crate::autograd::Forward;
use crate::circuit::Circuit;
use crate::columns;
use crate::engine;
use crate::engine::cpu::Cpu;
use crate::error::{Error, Result};
use crate::measurement::Measurement;
use crate::program::Program;
use candle_core::{DType, Device, Shape, Tensor};
use std::sync::Arc;

/// Evaluates a circuit on `inputs` (`[.., features]`, any leading dimensions) with the weight tensors given by name.
///
/// The result is `[.., outputs]` in the dtype of the arguments, and differentiable in all of them. A circuit that reads no
/// inputs takes `None` and returns `[outputs]`. The circuit is lowered anew at each call, and brought
/// to the device; a [`QuantumLayer`](crate::QuantumLayer) does that once.
///
/// ```
/// use candle_core::{Device, Tensor, Var};
/// use candlewick::{functional, prelude::*};
///
/// let mut circuit = Circuit::new(1);
/// let w = circuit.weights("w", 1);
/// circuit.ry(input(0), 0).ry(w.at([0]), 0);
///
/// let x = Tensor::new(&[[0.3f64], [0.5]], &Device::Cpu)?;
/// let weight = Var::new(&[0.2f64], &Device::Cpu)?;
/// let y = functional::evaluate(&circuit, &Measurement::expectation([z(0)]), Some(&x), &[("w", &weight)])?;
/// let gradients = y.sum_all()?.backward()?;
///
/// let slope = gradients.get(&weight).unwrap().to_vec1::<f64>()?[0];
/// assert!((slope + 0.5f64.sin() + 0.7f64.sin()).abs() < 1e-12); // d/dw of cos(x + w), summed
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Mistakes of the circuit or the measurement; weights missing, unknown or of another shape; an input of another width;
/// dtypes or devices that differ or are not supported; a state beyond the memory budget.
pub fn evaluate(
    circuit: &Circuit,
    measurement: &Measurement,
    inputs: Option<&Tensor>,
    weights: &[(&str, &Tensor)],
) -> Result<Tensor> {
    let program = Arc::new(Program::new(circuit, measurement)?);
    let sorted = sort_weights(&program, weights)?;
    run(&program, Cpu::default(), (DType::F32, &Device::Cpu), inputs, &sorted, true)
}

/// The tensors in the program's order, each checked against its declaration.
fn sort_weights<'a>(program: &Program, given: &[(&str, &'a Tensor)]) -> Result<Vec<&'a Tensor>> {
    let declared = || program.tensors.iter().map(|tensor| tensor.name.clone()).collect::<Vec<_>>();
    for (k, (name, _)) in given.iter().enumerate() {
        let twice = given[..k].iter().any(|(earlier, _)| earlier == name);
        if twice || !program.tensors.iter().any(|tensor| tensor.name == *name) {
            return Err(Error::UnexpectedWeights { name: (*name).to_owned(), declared: declared() });
        }
    }
    let find = |tensor: &crate::program::Tensor| {
        let found = given.iter().find(|(name, _)| *name == tensor.name);
        let Some((name, value)) = found else {
            return Err(Error::MissingWeights { name: tensor.name.clone(), declared: declared() });
        };
        if value.shape() != &tensor.shape {
            let (expected, actual) = (tensor.shape.clone(), value.shape().clone());
            return Err(Error::WeightShape { name: (*name).to_owned(), expected, actual });
        }
        Ok(*value)
    };
    program.tensors.iter().map(find).collect()
}

/// Runs a program on tensors of any supported dtype; `weights` are in the program's order and of its shapes. Without any
/// tensor the dtype and the device are the `default` ones. The result is in the graph if it may be.
pub(crate) fn run(
    program: &Arc<Program>,
    cpu: Cpu,
    default: (DType, &Device),
    inputs: Option<&Tensor>,
    weights: &[impl AsRef<Tensor>],
    in_graph: bool,
) -> Result<Tensor> {
    let named = program.tensors.iter().map(|tensor| Some(tensor.name.as_str())).zip(weights.iter().map(AsRef::as_ref));
    let common = common(named.chain(inputs.map(|tensor| (None, tensor))))?;
    let (outer, device) = common.as_ref().map_or(default, |(dtype, device)| (*dtype, device));
    if !engine::exists_for(device) {
        return Err(Error::UnsupportedDevice { device: place(device) });
    }
    let inner = state_dtype(outer);

    // A GPU has no tensors without elements; an element that nothing reads takes the place of none.
    let least = usize::from(!device.is_cpu());
    let (leading, rows) = match inputs {
        Some(tensor) => rows(program, tensor)?,
        None if program.features > 0 => return Err(Error::MissingInputs { expected: program.features }),
        None => (&[][..], Tensor::zeros((1, least), outer, device)?),
    };
    let shape = || leading.iter().chain(&program.output_shape).copied();
    let batch = rows.dim(0)?;
    if batch == 0 {
        return Ok(rows.detach().reshape(shape().collect::<Vec<_>>())?);
    }
    engine::check(cpu, device, program, batch, inner)?;
    let rows = rows.to_dtype(inner)?.contiguous()?;
    let weights = match weights {
        [] => Tensor::zeros(least, inner, device)?,
        // The op takes weights of any shape, and every reshaping is one more node of the graph.
        [one] => one.as_ref().to_dtype(inner)?.contiguous()?,
        many => {
            let flat = many.iter().map(|one| one.as_ref().flatten_all()).collect::<candle_core::Result<Vec<_>>>()?;
            Tensor::cat(&flat, 0)?.to_dtype(inner)?
        }
    };
    let rows =
        if program.columns.is_empty() { rows } else { columns::append(program, &rows, &weights.flatten_all()?)? };
    let out = Forward::new(program, cpu).apply(&rows, &weights, in_graph)?.to_dtype(outer)?;
    Ok(if shape().eq(out.dims().iter().copied()) { out } else { out.reshape(shape().collect::<Vec<_>>())? })
}

/// Leading dimensions of an input, and the input as `[batch, features]`.
fn rows<'a>(program: &Program, tensor: &'a Tensor) -> Result<(&'a [usize], Tensor)> {
    let wrong = || Error::InputWidth { expected: program.features, shape: tensor.shape().clone() };
    let (&width, leading) = tensor.dims().split_last().ok_or_else(wrong)?;
    if width != program.features {
        return Err(wrong());
    }
    let batch: usize = leading.iter().product();
    let rows = if leading.len() == 1 { tensor.clone() } else { tensor.reshape((batch, width))? };
    Ok((leading, rows))
}

/// A device, in words.
fn place(device: &Device) -> String {
    format!("{:?}", device.location())
}

/// The one dtype and the one device of all tensors, if there are any. Weight tensors come with their names, the input with
/// none.
fn common<'a>(tensors: impl Iterator<Item = (Option<&'a str>, &'a Tensor)>) -> Result<Option<(DType, Device)>> {
    let what = |name: Option<&str>| name.map_or("the input".to_owned(), |name| format!("weight tensor `{name}`"));
    let mut common = None;
    for (name, tensor) in tensors {
        let actual = tensor.dtype();
        if !matches!(actual, DType::F16 | DType::BF16 | DType::F32 | DType::F64) {
            return Err(Error::UnsupportedDType { what: what(name), dtype: actual });
        }
        let (expected, device) = common.get_or_insert_with(|| (actual, tensor.device().clone()));
        let expected = *expected;
        if actual != expected {
            return Err(Error::DTypeMismatch { what: what(name), expected, actual });
        }
        if !tensor.device().same_device(device) {
            let (expected, actual) = (place(device), place(tensor.device()));
            return Err(Error::DeviceMismatch { what: what(name), expected, actual });
        }
    }
    Ok(common)
}

/// Precision of the state for a dtype at the boundary.
fn state_dtype(outer: DType) -> DType {
    if outer == DType::F64 { DType::F64 } else { DType::F32 }
}

/// Shapes and names that a layer asks its `VarBuilder` for.
pub(crate) fn declared(program: &Program) -> impl Iterator<Item = (&str, &Shape, candle_nn::Init)> {
    program.tensors.iter().map(|tensor| (tensor.name.as_str(), &tensor.shape, tensor.init))
}
