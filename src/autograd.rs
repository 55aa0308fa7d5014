//! The candle ops: a program as one node of candle's graph, whatever the number of its gates.
//!
//! [`Forward`] maps `(inputs [batch, features], weights [count])` to `[batch, outputs]`. Its `bwd` runs [`Backward`], whose
//! single output packs the gradients that are wanted: candle's ops have one output. Both read the storage directly, so that
//! an engine on another device never sends anything to the host.

use crate::engine::cpu::Cpu;
use crate::engine::{Arguments, Engine, Real, Wanted};
use crate::error::{Error, Result};
use crate::program::Program;
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp2, CustomOp3, DType, Layout, Shape, Tensor};
use std::sync::Arc;

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Forward {
    pub(crate) program: Arc<Program>,
    pub(crate) engine: Cpu,
}

#[derive(Debug)]
struct Backward {
    forward: Forward,
    wanted: Wanted,
}

impl Forward {
    /// Outputs `[batch, outputs]`, in the graph if an argument is tracked.
    pub(crate) fn apply(self, inputs: &Tensor, weights: &Tensor) -> Result<Tensor> {
        Ok(inputs.apply_op2(weights, self)?)
    }
}

/// Calls `$body` with the two slices of equal precision, or returns an error.
macro_rules! by_precision {
    ($first:expr, $second:expr, |$a:ident, $b:ident| $body:expr) => {
        match ($first, $second) {
            (CpuStorage::F32($a), CpuStorage::F32($b)) => CpuStorage::F32($body),
            (CpuStorage::F64($a), CpuStorage::F64($b)) => CpuStorage::F64($body),
            (first, _) => return Err(unsupported(first.dtype()).into()),
        }
    };
}

impl CustomOp2 for Forward {
    fn name(&self) -> &'static str {
        "quantum"
    }

    fn cpu_fwd(
        &self,
        inputs: &CpuStorage,
        inputs_layout: &Layout,
        weights: &CpuStorage,
        weights_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let batch = inputs_layout.dims()[0];
        let out = by_precision!(inputs, weights, |x, w| {
            let arguments = arguments(x, inputs_layout, w, weights_layout);
            self.engine.forward(&self.program, arguments)?
        });
        Ok((out, (batch, self.program.outputs()).into()))
    }

    fn bwd(
        &self,
        inputs: &Tensor,
        weights: &Tensor,
        _outputs: &Tensor,
        cotangent: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let wanted = Wanted { inputs: inputs.track_op(), weights: weights.track_op() };
        let op = Backward { forward: self.clone(), wanted };
        let cotangent = cotangent.contiguous()?.detach();
        let packed = inputs.detach().apply_op3_no_bwd(&weights.detach(), &cotangent, &op)?;
        let split = if wanted.inputs { inputs.elem_count() } else { 0 };
        let part = |wanted: bool, start: usize, like: &Tensor| {
            wanted.then(|| packed.narrow(0, start, like.elem_count())?.reshape(like.shape())).transpose()
        };
        Ok((part(wanted.inputs, 0, inputs)?, part(wanted.weights, split, weights)?))
    }
}

impl CustomOp3 for Backward {
    fn name(&self) -> &'static str {
        "quantum-backward"
    }

    fn cpu_fwd(
        &self,
        inputs: &CpuStorage,
        inputs_layout: &Layout,
        weights: &CpuStorage,
        weights_layout: &Layout,
        cotangent: &CpuStorage,
        cotangent_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let Forward { program, engine } = &self.forward;
        let packed = by_precision!(inputs, weights, |x, w| {
            let arguments = arguments(x, inputs_layout, w, weights_layout);
            let cotangent = contiguous(cotangent.as_slice()?, cotangent_layout);
            let gradients = engine.gradient(program, arguments, cotangent, self.wanted)?;
            let mut packed = gradients.inputs.unwrap_or_default();
            packed.extend(gradients.weights.unwrap_or_default());
            packed
        });
        let size = |wanted: bool, layout: &Layout| if wanted { layout.shape().elem_count() } else { 0 };
        let count = size(self.wanted.inputs, inputs_layout) + size(self.wanted.weights, weights_layout);
        Ok((packed, count.into()))
    }
}

fn arguments<'a, T: Real>(
    inputs: &'a [T],
    inputs_layout: &Layout,
    weights: &'a [T],
    weights_layout: &Layout,
) -> Arguments<'a, T> {
    let batch = inputs_layout.dims()[0];
    Arguments { inputs: contiguous(inputs, inputs_layout), weights: contiguous(weights, weights_layout), batch }
}

/// The elements of a tensor that the callers have made contiguous.
fn contiguous<'a, T>(values: &'a [T], layout: &Layout) -> &'a [T] {
    let start = layout.start_offset();
    &values[start..start + layout.shape().elem_count()]
}

fn unsupported(dtype: DType) -> Error {
    Error::UnsupportedDType { what: "the quantum op's argument".to_owned(), dtype }
}
