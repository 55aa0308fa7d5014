//! Engines for tensors in the host's memory: they work on slices of numbers, and [`OnHost`] takes these out of tensors.

use super::{Arguments, Engine, Gradients, NeedsGrad, Options, Real, Request, Saved};
use crate::error::{DeviceError, Error, Result, TensorError};
use crate::program::Program;
use candle_core::{CpuStorage, DType, Device, Layout, Storage, Tensor};
use std::fmt::Debug;

/// Engine that runs programs on numbers in the host's memory.
pub(crate) trait HostEngine: Debug + Send + Sync {
    /// Checks that a forward pass of this many samples fits the memory.
    fn check<T: Real>(&self, program: &Program, batch: usize, options: &Options) -> Result<()>;

    /// Computes outputs; see [`Engine::forward`].
    fn forward<T: Real>(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        options: &Options,
        save: bool,
    ) -> Result<(Vec<T>, Option<Saved>)>;

    /// Computes gradients for a cotangent `[batch, outputs]`; see [`Engine::gradient`].
    fn gradient<T: Real>(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        options: &Options,
        cotangent: &[T],
        needs_grad: NeedsGrad,
        saved: Option<Saved>,
    ) -> Result<Gradients<T>>;
}

/// Adapter of a [`HostEngine`] to tensors.
#[derive(Debug)]
pub(crate) struct OnHost<E>(pub(crate) E);

impl<E: HostEngine> Engine for OnHost<E> {
    fn check(&self, program: &Program, batch: usize, dtype: DType, options: &Options) -> Result<()> {
        match dtype {
            DType::F32 => self.0.check::<f32>(program, batch, options),
            DType::F64 => self.0.check::<f64>(program, batch, options),
            dtype => Err(unsupported(dtype)),
        }
    }

    fn forward(&self, request: &Request<'_>, save: bool) -> Result<(Storage, Option<Saved>)> {
        let (storage, saved) = match request.inputs.dtype() {
            DType::F32 => {
                let (outputs, saved) = self.forward_typed::<f32>(request, save)?;
                (CpuStorage::F32(outputs), saved)
            }
            DType::F64 => {
                let (outputs, saved) = self.forward_typed::<f64>(request, save)?;
                (CpuStorage::F64(outputs), saved)
            }
            dtype => return Err(unsupported(dtype)),
        };
        Ok((Storage::Cpu(storage), saved))
    }

    fn gradient(
        &self,
        request: &Request<'_>,
        cotangent: &Tensor,
        needs_grad: NeedsGrad,
        saved: Option<Saved>,
    ) -> Result<[Option<Tensor>; 2]> {
        match request.inputs.dtype() {
            DType::F32 => self.gradient_typed::<f32>(request, cotangent, needs_grad, saved),
            DType::F64 => self.gradient_typed::<f64>(request, cotangent, needs_grad, saved),
            dtype => Err(unsupported(dtype)),
        }
    }
}

impl<E: HostEngine> OnHost<E> {
    fn forward_typed<T: Real>(&self, request: &Request<'_>, save: bool) -> Result<(Vec<T>, Option<Saved>)> {
        let (inputs, inputs_layout) = request.inputs.storage_and_layout();
        let (weights, weights_layout) = request.weights.storage_and_layout();
        let (inputs, weights) = (numbers(&inputs, inputs_layout)?, numbers(&weights, weights_layout)?);
        let arguments = Arguments { inputs, weights, batch: request.batch() };
        self.0.forward(request.program, arguments, request.options, save)
    }

    fn gradient_typed<T: Real>(
        &self,
        request: &Request<'_>,
        cotangent: &Tensor,
        needs_grad: NeedsGrad,
        saved: Option<Saved>,
    ) -> Result<[Option<Tensor>; 2]> {
        let (inputs, inputs_layout) = request.inputs.storage_and_layout();
        let (weights, weights_layout) = request.weights.storage_and_layout();
        let (cotangent, cotangent_layout) = cotangent.storage_and_layout();
        let (inputs, weights) = (numbers(&inputs, inputs_layout)?, numbers(&weights, weights_layout)?);
        let cotangent = numbers(&cotangent, cotangent_layout)?;
        let arguments = Arguments { inputs, weights, batch: request.batch() };
        let gradients =
            self.0.gradient::<T>(request.program, arguments, request.options, cotangent, needs_grad, saved)?;
        let tensor = |gradient: Option<Vec<T>>, like: &Tensor| {
            gradient.map(|gradient| Tensor::from_vec(gradient, like.shape(), &Device::Cpu)).transpose()
        };
        Ok([tensor(gradients.inputs, request.inputs)?, tensor(gradients.weights, request.weights)?])
    }
}

/// Returns the numbers of a contiguous tensor in the host's memory.
fn numbers<'a, T: Real>(storage: &'a Storage, layout: &Layout) -> Result<&'a [T]> {
    let Storage::Cpu(storage) = storage else {
        return Err(Error::Device(DeviceError::NoEngine { device: format!("{:?}", storage.device().location()) }));
    };
    let (start, end) = layout.contiguous_offsets().ok_or(candle_core::Error::RequiresContiguous { op: "quantum" })?;
    Ok(&storage.as_slice()?[start..end])
}

fn unsupported(dtype: DType) -> Error {
    Error::Tensor(TensorError::UnsupportedDType { what: "the quantum op's argument".to_owned(), dtype })
}
