//! The candle ops: a program as one node of candle's graph, whatever the number of its gates.
//!
//! [`Forward`] maps `(inputs [batch, features], weights [count])` to `[batch, outputs]`. Its `bwd` runs [`Backward`], whose
//! single output packs the gradients that are wanted: candle's ops have one output. Both read the storage directly, so that
//! an engine on another device never sends anything to the host.

use crate::engine::cpu::Cpu;
use crate::engine::{Arguments, Real, Storage, Wanted, cuda, host, metal};
use crate::error::{Error, Result};
use crate::program::Program;
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CudaStorage, CustomOp2, CustomOp3, DType, Layout, MetalStorage, Shape, Tensor};
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

/// See the module.
#[derive(Debug, Clone)]
pub(crate) struct Forward {
    program: Arc<Program>,
    engine: Cpu,
    /// Whether a gradient may follow.
    tracked: bool,
    /// What the forward pass left for it. candle has no save-for-backward; the graph keeps the op, and the op keeps this.
    kept: Arc<Mutex<Option<Kept>>>,
}

#[derive(Debug)]
enum Kept {
    F32(host::Kept<f32>),
    F64(host::Kept<f64>),
    Device(Box<dyn Any + Send>),
}

#[derive(Debug)]
struct Backward {
    forward: Forward,
    wanted: Wanted,
}

impl Forward {
    pub(crate) fn new(program: &Arc<Program>, engine: Cpu) -> Self {
        Self { program: Arc::clone(program), engine, tracked: false, kept: Arc::default() }
    }

    /// Outputs `[batch, outputs]`, in the graph if an argument is tracked.
    pub(crate) fn apply(self, inputs: &Tensor, weights: &Tensor) -> Result<Tensor> {
        let tracked = inputs.track_op() || weights.track_op();
        Ok(inputs.apply_op2(weights, Self { tracked, ..self })?)
    }

    fn keep(&self, kept: Option<Kept>) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = kept;
    }

    /// Takes what was kept: a second gradient repeats the forward pass.
    fn take(&self) -> Option<Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).take()
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
                let (out, kept) = host::forward(self.engine, &self.program, arguments, self.tracked)?;
                self.keep(kept.map(Kept::F32));
                CpuStorage::F32(out)
            }
            (CpuStorage::F64(x), CpuStorage::F64(w)) => {
                let arguments = arguments(x, inputs_layout, w, weights_layout);
                let (out, kept) = host::forward(self.engine, &self.program, arguments, self.tracked)?;
                self.keep(kept.map(Kept::F64));
                CpuStorage::F64(out)
            }
            (other, _) => return Err(unsupported(other.dtype()).into()),
        };
        Ok((out, (batch, self.program.outputs()).into()))
    }

    fn cuda_fwd(
        &self,
        inputs: &CudaStorage,
        inputs_layout: &Layout,
        weights: &CudaStorage,
        weights_layout: &Layout,
    ) -> candle_core::Result<(CudaStorage, Shape)> {
        let arguments = [(inputs, inputs_layout), (weights, weights_layout)];
        let (out, kept) = cuda::forward(&self.program, arguments, self.engine.memory_limit, self.tracked)?;
        self.keep(kept.map(Kept::Device));
        Ok((out, (inputs_layout.dims()[0], self.program.outputs()).into()))
    }

    fn metal_fwd(
        &self,
        inputs: &MetalStorage,
        inputs_layout: &Layout,
        weights: &MetalStorage,
        weights_layout: &Layout,
    ) -> candle_core::Result<(MetalStorage, Shape)> {
        let arguments = [(inputs, inputs_layout), (weights, weights_layout)];
        let (out, kept) = metal::forward(&self.program, arguments, self.engine.memory_limit, self.tracked)?;
        self.keep(kept.map(Kept::Device));
        Ok((out, (inputs_layout.dims()[0], self.program.outputs()).into()))
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

impl Backward {
    /// What the forward pass left on a device.
    fn kept(&self) -> Option<Box<dyn Any + Send>> {
        self.forward.take().and_then(|kept| if let Kept::Device(kept) = kept { Some(kept) } else { None })
    }

    /// Of the packed gradients.
    fn shape(&self, inputs: &Layout, weights: &Layout) -> Shape {
        let size = |wanted: bool, layout: &Layout| if wanted { layout.shape().elem_count() } else { 0 };
        (size(self.wanted.inputs, inputs) + size(self.wanted.weights, weights)).into()
    }

    /// The gradient in the inputs, then the one in the weights, as far as they are wanted.
    fn packed<T: Real>(
        &self,
        arguments: Arguments<'_, T>,
        cotangent: &[T],
        kept: Option<host::Kept<T>>,
    ) -> Result<Vec<T>> {
        let Forward { program, engine, .. } = &self.forward;
        let gradients = host::gradient(*engine, program, arguments, cotangent, self.wanted, kept)?;
        let mut packed = gradients.inputs.unwrap_or_default();
        packed.extend(gradients.weights.unwrap_or_default());
        Ok(packed)
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
        let packed = match (inputs, weights, self.forward.take()) {
            (CpuStorage::F32(x), CpuStorage::F32(w), kept) => {
                let arguments = arguments(x, inputs_layout, w, weights_layout);
                let kept = kept.and_then(|kept| if let Kept::F32(kept) = kept { Some(kept) } else { None });
                CpuStorage::F32(self.packed(arguments, contiguous(cotangent.as_slice()?, cotangent_layout), kept)?)
            }
            (CpuStorage::F64(x), CpuStorage::F64(w), kept) => {
                let arguments = arguments(x, inputs_layout, w, weights_layout);
                let kept = kept.and_then(|kept| if let Kept::F64(kept) = kept { Some(kept) } else { None });
                CpuStorage::F64(self.packed(arguments, contiguous(cotangent.as_slice()?, cotangent_layout), kept)?)
            }
            (other, ..) => return Err(unsupported(other.dtype()).into()),
        };
        Ok((packed, self.shape(inputs_layout, weights_layout)))
    }

    fn cuda_fwd(
        &self,
        inputs: &CudaStorage,
        inputs_layout: &Layout,
        weights: &CudaStorage,
        weights_layout: &Layout,
        cotangent: &CudaStorage,
        cotangent_layout: &Layout,
    ) -> candle_core::Result<(CudaStorage, Shape)> {
        let arguments: [Storage<'_, CudaStorage>; 3] =
            [(inputs, inputs_layout), (weights, weights_layout), (cotangent, cotangent_layout)];
        let Forward { program, engine, .. } = &self.forward;
        let packed = cuda::gradient(program, arguments, engine.memory_limit, self.wanted, self.kept())?;
        Ok((packed, self.shape(inputs_layout, weights_layout)))
    }

    fn metal_fwd(
        &self,
        inputs: &MetalStorage,
        inputs_layout: &Layout,
        weights: &MetalStorage,
        weights_layout: &Layout,
        cotangent: &MetalStorage,
        cotangent_layout: &Layout,
    ) -> candle_core::Result<(MetalStorage, Shape)> {
        let arguments: [Storage<'_, MetalStorage>; 3] =
            [(inputs, inputs_layout), (weights, weights_layout), (cotangent, cotangent_layout)];
        let Forward { program, engine, .. } = &self.forward;
        let packed = metal::gradient(program, arguments, engine.memory_limit, self.wanted, self.kept())?;
        Ok((packed, self.shape(inputs_layout, weights_layout)))
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
