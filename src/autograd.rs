//! The candle op: a program as one node of candle's graph, whatever the number of its gates.
//!
//! [`Forward`] maps `(inputs [batch, features], weights [count])` to `[batch, outputs]`. Its `bwd` computes the gradients that are
//! wanted, and only those. Both read the storage directly, so that an engine on another device never sends anything to
//! the host.

use crate::engine::cpu::{self, Cpu};
use crate::engine::{Arguments, Engine, Real, Wanted};
use crate::error::{Error, Result};
use crate::program::Program;
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp2, DType, Layout, Shape, Storage, Tensor};
use std::sync::{Arc, Mutex, PoisonError};

/// See the module.
#[derive(Debug)]
pub(crate) struct Forward {
    program: Arc<Program>,
    engine: Cpu,
    /// Whether a gradient may follow.
    tracked: bool,
    /// What the forward pass left for it. candle has no save-for-backward; the graph keeps the op, and the op keeps this.
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
enum Kept {
    F32(cpu::Kept<f32>),
    F64(cpu::Kept<f64>),
}

/// The gradients in inputs and weights, as candle's `bwd` returns them.
type Pair = (Option<Tensor>, Option<Tensor>);

impl Forward {
    pub(crate) fn new(program: &Arc<Program>, engine: Cpu) -> Self {
        Self { program: Arc::clone(program), engine, tracked: false, kept: Mutex::default() }
    }

    /// Outputs `[batch, outputs]`; in the graph, if they may be and an argument is tracked.
    pub(crate) fn apply(self, inputs: &Tensor, weights: &Tensor, in_graph: bool) -> Result<Tensor> {
        let tracked = in_graph && (inputs.track_op() || weights.track_op());
        Ok(match tracked {
            true => inputs.apply_op2(weights, Self { tracked, ..self })?,
            false => inputs.apply_op2_no_bwd(weights, &self)?,
        })
    }

    fn keep(&self, kept: Option<Kept>) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = kept;
    }

    /// Takes what was kept: a second gradient repeats the forward pass.
    fn take(&self) -> Option<Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn gradients<T: Real>(
        &self,
        inputs: &Tensor,
        weights: &Tensor,
        cotangent: &Tensor,
        kept: Option<cpu::Kept<T>>,
    ) -> candle_core::Result<Pair> {
        let wanted = Wanted { inputs: inputs.track_op(), weights: weights.track_op() };
        let cotangent = cotangent.contiguous()?;
        let ((x, x_layout), (w, w_layout)) = (inputs.storage_and_layout(), weights.storage_and_layout());
        let (c, c_layout) = cotangent.storage_and_layout();
        let arguments = arguments(on_host::<T>(&x)?, x_layout, on_host(&w)?, w_layout);
        let cotangent = contiguous(on_host(&c)?, c_layout);
        let gradients = self.engine.gradient(&self.program, arguments, cotangent, wanted, kept)?;
        let tensor = |gradient: Option<Vec<T>>, like: &Tensor| {
            gradient.map(|gradient| Tensor::from_vec(gradient, like.shape(), like.device())).transpose()
        };
        Ok((tensor(gradients.inputs, inputs)?, tensor(gradients.weights, weights)?))
    }
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
        let out = match (inputs, weights) {
            (CpuStorage::F32(x), CpuStorage::F32(w)) => {
                let arguments = arguments(x, inputs_layout, w, weights_layout);
                let (out, kept) = self.engine.forward(&self.program, arguments, self.tracked)?;
                self.keep(kept.map(Kept::F32));
                CpuStorage::F32(out)
            }
            (CpuStorage::F64(x), CpuStorage::F64(w)) => {
                let arguments = arguments(x, inputs_layout, w, weights_layout);
                let (out, kept) = self.engine.forward(&self.program, arguments, self.tracked)?;
                self.keep(kept.map(Kept::F64));
                CpuStorage::F64(out)
            }
            (other, _) => return Err(unsupported(other.dtype()).into()),
        };
        Ok((out, (batch, self.program.outputs()).into()))
    }

    fn bwd(
        &self,
        inputs: &Tensor,
        weights: &Tensor,
        _outputs: &Tensor,
        cotangent: &Tensor,
    ) -> candle_core::Result<Pair> {
        match (inputs.dtype(), self.take()) {
            (DType::F32, Some(Kept::F32(kept))) => self.gradients(inputs, weights, cotangent, Some(kept)),
            (DType::F32, _) => self.gradients::<f32>(inputs, weights, cotangent, None),
            (DType::F64, Some(Kept::F64(kept))) => self.gradients(inputs, weights, cotangent, Some(kept)),
            (DType::F64, _) => self.gradients::<f64>(inputs, weights, cotangent, None),
            (other, _) => Err(unsupported(other).into()),
        }
    }
}

/// The numbers of a tensor in the host's memory.
fn on_host<T: Real>(storage: &Storage) -> candle_core::Result<&[T]> {
    match storage {
        Storage::Cpu(storage) => storage.as_slice(),
        _ => Err(Error::UnsupportedDevice { device: format!("{:?}", storage.device().location()) }.into()),
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
