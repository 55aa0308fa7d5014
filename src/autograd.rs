//! The candle ops: a program is one node of candle's graph, whatever the number of its gates.
//!
//! [`Forward`] maps `(inputs [batch, features], weights [count])` to `[batch, outputs]`. Its `bwd` computes only the
//! gradients that candle needs. Both read the storage directly, so an engine on another device never copies anything to
//! the host. On a device the gradients come from an op of their own, [`Backward`], because only ops see a device's
//! storage. The single output of [`Backward`] packs both gradients.

use crate::engine::cpu::Cpu;
use crate::engine::{Arguments, NeedsGrad, Real, cuda, host, metal};
use crate::error::{DeviceError, Error, Result, TensorError};
use crate::program::{Program, Readout};
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CudaStorage, CustomOp2, CustomOp3, DType, Layout, MetalStorage, Shape, Storage, Tensor};
use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

/// Op of the forward pass; see the module.
#[derive(Debug)]
pub(crate) struct Forward {
    program: Arc<Program>,
    engine: Cpu,
    /// Whether a gradient may follow.
    tracked: bool,
    /// Saved numbers of the forward pass. candle has no save-for-backward: the graph owns the op, and the op owns
    /// these.
    saved: Mutex<Option<Saved>>,
}

#[derive(Debug)]
enum Saved {
    F32(host::Saved<f32>),
    F64(host::Saved<f64>),
    Device(Box<dyn Any + Send>),
}

/// Op of the gradients on a device: the gradient in the inputs, then the gradient in the weights, each only if it needs
/// grad.
#[derive(Debug)]
struct Backward {
    program: Arc<Program>,
    memory_limit: Option<u64>,
    needs_grad: NeedsGrad,
    saved: Mutex<Option<Box<dyn Any + Send>>>,
}

/// Gradients in inputs and weights, as candle's `bwd` returns them.
type Pair = (Option<Tensor>, Option<Tensor>);

impl Forward {
    pub(crate) fn new(program: &Arc<Program>, engine: Cpu) -> Self {
        Self { program: Arc::clone(program), engine, tracked: false, saved: Mutex::default() }
    }

    /// Returns outputs `[batch, outputs]`. They are in the graph if `in_graph` is set and an argument is tracked.
    pub(crate) fn apply(self, inputs: &Tensor, weights: &Tensor, in_graph: bool) -> Result<Tensor> {
        let tracked = in_graph && (inputs.track_op() || weights.track_op());
        Ok(match tracked {
            true => inputs.apply_op2(weights, Self { tracked, ..self })?,
            false => inputs.apply_op2_no_bwd(weights, &self)?,
        })
    }

    fn save(&self, saved: Option<Saved>) {
        *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = saved;
    }

    /// Takes the saved numbers out: a second gradient repeats the forward pass.
    fn take(&self) -> Option<Saved> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn gradients<T: Real>(
        &self,
        inputs: &Tensor,
        weights: &Tensor,
        cotangent: &Tensor,
        saved: Option<host::Saved<T>>,
    ) -> candle_core::Result<Pair> {
        let needs_grad = needs_grad(inputs, weights);
        let ((x, x_layout), (w, w_layout)) = (inputs.storage_and_layout(), weights.storage_and_layout());
        let (c, c_layout) = cotangent.storage_and_layout();
        let arguments = arguments(on_host::<T>(&x)?, x_layout, on_host(&w)?, w_layout);
        let cotangent = contiguous(on_host(&c)?, c_layout);
        let gradients = host::gradient(self.engine, &self.program, arguments, cotangent, needs_grad, saved)?;
        let tensor = |gradient: Option<Vec<T>>, like: &Tensor| {
            gradient.map(|gradient| Tensor::from_vec(gradient, like.shape(), like.device())).transpose()
        };
        Ok((tensor(gradients.inputs, inputs)?, tensor(gradients.weights, weights)?))
    }
}

impl Forward {
    /// Computes the gradients on a device; see [`gradients`](Self::gradients).
    fn device_gradients(&self, inputs: &Tensor, weights: &Tensor, cotangent: &Tensor) -> candle_core::Result<Pair> {
        let saved = self.take().and_then(|saved| if let Saved::Device(saved) = saved { Some(saved) } else { None });
        let (program, memory_limit) = (Arc::clone(&self.program), self.engine.memory_limit);
        let needs_grad = needs_grad(inputs, weights);
        let op = Backward { program, memory_limit, needs_grad, saved: Mutex::new(saved) };
        let packed = inputs.detach().apply_op3_no_bwd(&weights.detach(), cotangent, &op)?;
        let split = if needs_grad.inputs { inputs.elem_count() } else { 0 };
        let part = |needs_grad: bool, start: usize, like: &Tensor| {
            needs_grad.then(|| packed.narrow(0, start, like.elem_count())?.reshape(like.shape())).transpose()
        };
        Ok((part(needs_grad.inputs, 0, inputs)?, part(needs_grad.weights, split, weights)?))
    }
}

fn needs_grad(inputs: &Tensor, weights: &Tensor) -> NeedsGrad {
    NeedsGrad { inputs: inputs.track_op(), weights: weights.track_op() }
}

impl Backward {
    fn take(&self) -> Option<Box<dyn Any + Send>> {
        self.saved.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Shape of the packed gradients.
    fn shape(&self, inputs: &Layout, weights: &Layout) -> Shape {
        let size = |needs_grad: bool, layout: &Layout| if needs_grad { layout.shape().elem_count() } else { 0 };
        (size(self.needs_grad.inputs, inputs) + size(self.needs_grad.weights, weights)).into()
    }
}

impl CustomOp3 for Backward {
    fn name(&self) -> &'static str {
        "quantum-backward"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        // Gradients on the host need no op.
        Err(Error::Device(DeviceError::NoEngine { device: "Cpu".to_owned() }).into())
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
        let arguments = [(inputs, inputs_layout), (weights, weights_layout), (cotangent, cotangent_layout)];
        let packed = cuda::gradient(&self.program, arguments, self.memory_limit, self.needs_grad, self.take())?;
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
        let arguments = [(inputs, inputs_layout), (weights, weights_layout), (cotangent, cotangent_layout)];
        let packed = metal::gradient(&self.program, arguments, self.memory_limit, self.needs_grad, self.take())?;
        Ok((packed, self.shape(inputs_layout, weights_layout)))
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
                let (out, saved) = host::forward(self.engine, &self.program, arguments, self.tracked)?;
                self.save(saved.map(Saved::F32));
                CpuStorage::F32(out)
            }
            (CpuStorage::F64(x), CpuStorage::F64(w)) => {
                let arguments = arguments(x, inputs_layout, w, weights_layout);
                let (out, saved) = host::forward(self.engine, &self.program, arguments, self.tracked)?;
                self.save(saved.map(Saved::F64));
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
        let (out, saved) = cuda::forward(&self.program, arguments, self.engine.memory_limit, self.tracked)?;
        self.save(saved.map(Saved::Device));
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
        let (out, saved) = metal::forward(&self.program, arguments, self.engine.memory_limit, self.tracked)?;
        self.save(saved.map(Saved::Device));
        Ok((out, (inputs_layout.dims()[0], self.program.outputs()).into()))
    }

    fn bwd(
        &self,
        inputs: &Tensor,
        weights: &Tensor,
        outputs: &Tensor,
        cotangent: &Tensor,
    ) -> candle_core::Result<Pair> {
        let cotangent = &centered(&self.program.readout, outputs, cotangent)?;
        if !inputs.device().is_cpu() {
            return self.device_gradients(inputs, weights, cotangent);
        }
        match (inputs.dtype(), self.take()) {
            (DType::F32, Some(Saved::F32(saved))) => self.gradients(inputs, weights, cotangent, Some(saved)),
            (DType::F32, _) => self.gradients::<f32>(inputs, weights, cotangent, None),
            (DType::F64, Some(Saved::F64(saved))) => self.gradients(inputs, weights, cotangent, Some(saved)),
            (DType::F64, _) => self.gradients::<f64>(inputs, weights, cotangent, None),
            (other, _) => Err(unsupported(other).into()),
        }
    }
}

/// Returns a contiguous cotangent `[batch, outputs]` without the part that has no effect on a gradient. Probabilities
/// sum to 1, so a constant in their cotangent has no effect. A state has norm 1, so the part of its cotangent along the
/// state has no effect. If that part stayed, it would cover the digits of the rest of λ in F32.
pub(crate) fn centered(readout: &Readout, outputs: &Tensor, cotangent: &Tensor) -> candle_core::Result<Tensor> {
    let detached = || (outputs.detach(), cotangent.detach());
    let along = |(outputs, cotangent): &(Tensor, Tensor)| (outputs * cotangent)?.sum_keepdim(1);
    match readout {
        Readout::Expectation(_) | Readout::Variance(_) => cotangent.contiguous(),
        Readout::Probabilities(_) => {
            let both = detached();
            both.1.broadcast_sub(&along(&both)?)?.contiguous()
        }
        Readout::State => {
            let both = detached();
            (&both.1 - both.0.broadcast_mul(&along(&both)?)?)?.contiguous()
        }
    }
}

/// Returns the numbers of a tensor in the host's memory.
fn on_host<T: Real>(storage: &Storage) -> candle_core::Result<&[T]> {
    match storage {
        Storage::Cpu(storage) => storage.as_slice(),
        _ => Err(Error::Device(DeviceError::NoEngine { device: format!("{:?}", storage.device().location()) }).into()),
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

/// Returns the elements of a tensor that the callers have made contiguous.
fn contiguous<'a, T>(values: &'a [T], layout: &Layout) -> &'a [T] {
    let start = layout.start_offset();
    &values[start..start + layout.shape().elem_count()]
}

fn unsupported(dtype: DType) -> Error {
    Error::Tensor(TensorError::UnsupportedDType { what: "the quantum op's argument".to_owned(), dtype })
}
