//! A program on rows that repeat the features of each sample, with factors of their own behind them.
//!
//! The repeated rows are no tensors of the graph: the gradient of a sample's features is the sum over its rows, and
//! factors have none.

use crate::autograd::{self, Backward};
use crate::engine::{self, Engine, NeedsGrad, Options, Request, Saved};
use crate::error::Result;
use crate::program::Program;
use candle_core::Tensor;
use candle_core::op::BackpropOp;
use std::sync::{Arc, Mutex};

/// Gradients by the adjoint method of the engine that has computed the outputs.
struct Repeated {
    engine: Arc<dyn Engine>,
    options: Options,
    /// Rows as the engine reads them.
    rows: Tensor,
    /// Saved results of the forward pass.
    saved: Mutex<Option<Saved>>,
}

/// Computes the outputs `[batch * count, outputs]` of a program whose features are columns `[batch, columns]`, if there
/// are any, then factors `[batch * count, factors]`.
pub(super) fn evaluate(
    program: &Arc<Program>,
    options: Options,
    (columns, factors): (Option<&Tensor>, &Tensor),
    weights: &Tensor,
    in_graph: bool,
) -> Result<Tensor> {
    let engine = engine::for_device(factors.device(), program, &options.simulation)?;
    let rows = repeated_rows(columns, factors)?;
    let tracked = in_graph && (weights.track_op() || columns.is_some_and(Tensor::track_op));
    let request = Request { program, inputs: &rows, weights, options: &options };
    let (outputs, saved) = engine.forward(&request, tracked)?;
    let count = rows.dim(0)?;
    if !tracked {
        let shape = (count, program.engine_outputs());
        return Ok(Tensor::from_storage(outputs, shape, BackpropOp::none(), false));
    }
    let backward = Repeated { engine, options, rows, saved: Mutex::new(saved) };
    // Factors stand in for columns that do not exist: they are not tracked.
    let columns = columns.unwrap_or(factors);
    autograd::insert_outputs(program, (outputs, count), [columns, weights], backward)
}

fn repeated_rows(columns: Option<&Tensor>, factors: &Tensor) -> Result<Tensor> {
    let Some(columns) = columns else { return Ok(factors.clone()) };
    let (batch, width) = columns.dims2()?;
    let (rows, _) = factors.dims2()?;
    let columns = columns.detach().unsqueeze(1)?.broadcast_as((batch, rows / batch.max(1), width))?;
    Ok(Tensor::cat(&[columns.contiguous()?.reshape((rows, width))?, factors.clone()], 1)?)
}

impl Backward for Repeated {
    const NAME: &'static str = "quantum";

    fn gradients(
        &self,
        program: &Arc<Program>,
        [columns, weights]: [&Tensor; 2],
        cotangent: &Tensor,
        needs_grad: NeedsGrad,
    ) -> Result<[Option<Tensor>; 2]> {
        let request = Request { program, inputs: &self.rows, weights, options: &self.options };
        let saved = autograd::take_once(&self.saved);
        let [inputs, weights] = self.engine.gradient(&request, cotangent, needs_grad, saved)?;
        let (batch, width) = columns.dims2()?;
        let of_sample = |inputs: Tensor| {
            let count = inputs.dim(0)? / batch.max(1);
            inputs.narrow(1, 0, width)?.contiguous()?.reshape((batch, count, width))?.sum(1)
        };
        Ok([inputs.map(of_sample).transpose()?, weights])
    }
}
