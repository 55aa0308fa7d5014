//! Nodes of candle's graph: a program is one node, whatever the number of its gates.
//!
//! An engine computes the outputs first. An op then puts them into the graph, with the [`Backward`] that computes their
//! gradients. So an error of the engine reaches the caller without candle around it, and nothing is computed for
//! arguments that candle does not track.

use crate::engine::{self, Engine, NeedsGrad, Options, Request, Saved};
use crate::error::{DeviceError, Error, Result};
use crate::program::{Columns, Program, Quantity, Readout};
use candle_core::op::BackpropOp;
use candle_core::{CpuStorage, CudaStorage, CustomOp2, Layout, MetalStorage, Shape, Storage, Tensor};
use std::sync::{Arc, Mutex, PoisonError};

/// Method for the gradients of computed outputs.
pub(crate) trait Backward: Send + Sync + 'static {
    /// Name of the op in candle's graph.
    const NAME: &'static str;

    /// Computes the gradients of `sum(cotangent * outputs)` in inputs and weights, in their shapes; `None` for a
    /// gradient that is not asked for.
    fn gradients(
        &self,
        program: &Arc<Program>,
        arguments: [&Tensor; 2],
        cotangent: &Tensor,
        needs_grad: NeedsGrad,
    ) -> Result<[Option<Tensor>; 2]>;
}

/// Op that puts computed outputs `[rows, outputs]` of a program into the graph.
struct Node<B> {
    program: Arc<Program>,
    /// Outputs, until candle takes them.
    outputs: Mutex<Option<Storage>>,
    shape: Shape,
    backward: B,
}

/// Returns outputs `[rows, outputs]` of a program as a node of the graph with these inputs and weights.
pub(crate) fn insert_outputs(
    program: &Arc<Program>,
    (outputs, rows): (Storage, usize),
    [inputs, weights]: [&Tensor; 2],
    backward: impl Backward,
) -> Result<Tensor> {
    let shape = (rows, program.engine_outputs()).into();
    let node = Node { program: Arc::clone(program), outputs: Mutex::new(Some(outputs)), shape, backward };
    Ok(inputs.apply_op2(weights, node)?)
}

/// Gradients by the adjoint method of the engine that has computed the outputs.
#[derive(Debug)]
struct Adjoint {
    engine: Arc<dyn Engine>,
    options: Options,
    /// Rows that the engine reads in place of the inputs, if it does.
    rows: Option<Tensor>,
    /// Saved results of the forward pass. candle has no save-for-backward: the graph owns the op, and the op owns
    /// these.
    saved: Mutex<Option<Saved>>,
}

/// Computes the outputs `[batch, outputs]` of a program. They are in the graph if `in_graph` is set and an argument is
/// tracked.
pub(crate) fn evaluate(
    program: &Arc<Program>,
    options: &Options,
    arguments: [&Tensor; 2],
    in_graph: bool,
) -> Result<Tensor> {
    evaluate_rows(program, options, arguments, None, in_graph)
}

/// Computes the outputs `[rows, outputs]` of a program on rows that repeat the inputs of each sample, with further
/// features `[rows, features]` behind them. The rows are no tensors of the graph: the gradient of a sample's inputs is
/// the sum over its rows, and further features have none.
pub(crate) fn evaluate_repeated(
    program: &Arc<Program>,
    options: &Options,
    [inputs, weights]: [&Tensor; 2],
    further: &Tensor,
    in_graph: bool,
) -> Result<Tensor> {
    let ((batch, width), rows) = (inputs.dims2()?, further.dim(0)?);
    let repeated = inputs.detach().unsqueeze(1)?.broadcast_as((batch, rows / batch.max(1), width))?;
    let rows = Tensor::cat(&[&repeated.contiguous()?.reshape((rows, width))?, further], 1)?;
    evaluate_rows(program, options, [inputs, weights], Some(rows), in_graph)
}

fn evaluate_rows(
    program: &Arc<Program>,
    options: &Options,
    arguments: [&Tensor; 2],
    rows: Option<Tensor>,
    in_graph: bool,
) -> Result<Tensor> {
    let [inputs, weights] = arguments;
    let read = rows.as_ref().unwrap_or(inputs);
    let engine = engine::for_device(inputs.device(), program, options)?;
    let tracked = in_graph && (inputs.track_op() || weights.track_op());
    let (outputs, saved) = engine.forward(&Request { program, inputs: read, weights, options }, tracked)?;
    let count = read.dim(0)?;
    if !tracked {
        let shape = (count, program.engine_outputs());
        return Ok(Tensor::from_storage(outputs, shape, BackpropOp::none(), false));
    }
    let backward = Adjoint { engine, options: options.clone(), rows, saved: Mutex::new(saved) };
    insert_outputs(program, (outputs, count), arguments, backward)
}

/// Takes a value out: a second call gets nothing.
fn take_once<V>(slot: &Mutex<Option<V>>) -> Option<V> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Backward for Adjoint {
    const NAME: &'static str = "quantum";

    fn gradients(
        &self,
        program: &Arc<Program>,
        [inputs, weights]: [&Tensor; 2],
        cotangent: &Tensor,
        needs_grad: NeedsGrad,
    ) -> Result<[Option<Tensor>; 2]> {
        let rows = self.rows.as_ref().unwrap_or(inputs);
        let request = Request { program, inputs: rows, weights, options: &self.options };
        // A second gradient finds nothing saved, and repeats the forward pass.
        let [of_rows, of_weights] = self.engine.gradient(&request, cotangent, needs_grad, take_once(&self.saved))?;
        if self.rows.is_none() {
            return Ok([of_rows, of_weights]);
        }
        let (batch, width) = inputs.dims2()?;
        let of_samples = |of_rows: Tensor| {
            let count = of_rows.dim(0)? / batch.max(1);
            of_rows.narrow(1, 0, width)?.contiguous()?.reshape((batch, count, width))?.sum(1)
        };
        Ok([of_rows.map(of_samples).transpose()?, of_weights])
    }
}

impl<B> Node<B> {
    /// Takes the outputs out, if they are on the device that candle asks for.
    fn outputs_on<S>(&self, of_device: fn(Storage) -> Option<S>) -> candle_core::Result<(S, Shape)> {
        let storage = take_once(&self.outputs).and_then(of_device);
        let elsewhere = || Error::Device(DeviceError::NoEngine { device: "the device of these arguments".to_owned() });
        Ok((storage.ok_or_else(elsewhere)?, self.shape.clone()))
    }
}

impl<B: Backward> CustomOp2 for Node<B> {
    fn name(&self) -> &'static str {
        B::NAME
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        self.outputs_on(|storage| if let Storage::Cpu(storage) = storage { Some(storage) } else { None })
    }

    fn cuda_fwd(
        &self,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> candle_core::Result<(CudaStorage, Shape)> {
        self.outputs_on(|storage| if let Storage::Cuda(storage) = storage { Some(storage) } else { None })
    }

    fn metal_fwd(
        &self,
        _: &MetalStorage,
        _: &Layout,
        _: &MetalStorage,
        _: &Layout,
    ) -> candle_core::Result<(MetalStorage, Shape)> {
        self.outputs_on(|storage| if let Storage::Metal(storage) = storage { Some(storage) } else { None })
    }

    fn bwd(
        &self,
        inputs: &Tensor,
        weights: &Tensor,
        outputs: &Tensor,
        cotangent: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let cotangent = without_ineffective_part(&self.program.readout, outputs, cotangent)?;
        let needs_grad = NeedsGrad { inputs: inputs.track_op(), weights: weights.track_op() };
        let arguments = [&inputs.detach(), &weights.detach()];
        let [inputs, weights] = self.backward.gradients(&self.program, arguments, &cotangent, needs_grad)?;
        Ok((inputs, weights))
    }
}

/// Returns a contiguous cotangent `[batch, outputs]` without the part that has no effect on a gradient. Probabilities
/// sum to 1, so a constant in their cotangent has no effect. A state has norm 1, so the part of its cotangent along the
/// state has no effect. If that part stayed, it would cover the digits of the rest of λ in F32.
fn without_ineffective_part(readout: &Readout, outputs: &Tensor, cotangent: &Tensor) -> candle_core::Result<Tensor> {
    let (outputs, cotangent) = (outputs.detach(), cotangent.detach());
    if let Some(quantity) = readout.single() {
        return effective_part(quantity, &outputs, &cotangent)?.contiguous();
    }
    let mut columns: Vec<&Columns> = readout.quantities.iter().collect();
    columns.sort_by_key(|columns| columns.first);
    let effective = |Columns { first, count, quantity }: &Columns| {
        effective_part(quantity, &outputs.narrow(1, *first, *count)?, &cotangent.narrow(1, *first, *count)?)
    };
    Tensor::cat(&columns.into_iter().map(effective).collect::<candle_core::Result<Vec<_>>>()?, 1)
}

fn effective_part(quantity: &Quantity, outputs: &Tensor, cotangent: &Tensor) -> candle_core::Result<Tensor> {
    let along = || (outputs * cotangent)?.sum_keepdim(1);
    match quantity {
        Quantity::Expectation(_) | Quantity::Variance(_) => Ok(cotangent.clone()),
        Quantity::Probabilities(_) => cotangent.broadcast_sub(&along()?),
        Quantity::State => cotangent - outputs.broadcast_mul(&along()?)?,
    }
}
