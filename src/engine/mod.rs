//! Engines compute outputs and gradients of programs.
//!
//! An engine gets a [`Program`], inputs `[batch, features]` and concatenated weights. It returns outputs
//! `[batch, outputs]` or, for a cotangent of the outputs, gradients in inputs and weights (a vector-Jacobian product).
//! All `unsafe` code of the crate is in this module and its children.

mod budget;
pub(crate) mod cpu;
#[cfg(any(feature = "cuda", feature = "metal", feature = "emulator"))]
pub mod gpu;
pub(crate) mod host;
pub(crate) mod share;
pub(crate) mod threads;
mod tile_planner;

#[cfg(not(all(feature = "cuda", feature = "metal")))]
pub(crate) mod absent;
#[cfg(not(feature = "cuda"))]
pub(crate) use absent as cuda;
#[cfg(not(feature = "metal"))]
pub(crate) use absent as metal;
#[cfg(feature = "cuda")]
pub(crate) use gpu::cuda;
#[cfg(feature = "metal")]
pub(crate) use gpu::metal;

use crate::error::Result;
use crate::program::{Embedding, Program};
use candle_core::{DType, Device, Layout};
use cpu::Cpu;
use std::ops::{Add, AddAssign, Mul, Neg, Sub};
use std::sync::Arc;

/// Memory of a tensor on a device, and the layout of the tensor's elements in it.
pub(crate) type Storage<'a, S> = (&'a S, &'a Layout);

/// Whether this build has an engine for a device.
pub(crate) fn exists_for(device: &Device) -> bool {
    device.is_cpu() || device.is_cuda() && cfg!(feature = "cuda") || device.is_metal() && cfg!(feature = "metal")
}

/// Checks that a forward pass fits a device's memory. candle would wrap the error of an op beyond recognition.
pub(crate) fn check(cpu: Cpu, device: &Device, program: &Arc<Program>, batch: usize, dtype: DType) -> Result<()> {
    match device {
        Device::Cpu => host::check(cpu, program, batch, dtype),
        Device::Cuda(device) => cuda::check(device, program, batch, dtype, cpu.memory_limit),
        Device::Metal(device) => metal::check(device, program, batch, dtype, cpu.memory_limit),
    }
}

/// Precision of a state: `f32` or `f64`.
pub(crate) trait Real:
    candle_core::WithDType
    + cpu::SimdReal
    + pulp::bytemuck::Pod
    + Default
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
    + AddAssign
{
    /// NaN.
    fn nan() -> Self {
        Self::from_f64(f64::NAN)
    }
}

impl Real for f32 {}
impl Real for f64 {}

/// Inputs and weights of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arguments<'a, T> {
    /// Inputs `[batch, features]`, row by row.
    pub(crate) inputs: &'a [T],
    /// All weight tensors, concatenated in the order of their names.
    pub(crate) weights: &'a [T],
    /// Number of samples.
    pub(crate) batch: usize,
}

impl<'a, T> Arguments<'a, T> {
    /// Features of a sample that become its initial state.
    pub(crate) fn embedded(&self, program: &Program, embedding: Embedding, sample: usize) -> &'a [T] {
        let start = sample * program.engine_inputs + embedding.first;
        &self.inputs[start..start + embedding.count]
    }
}

/// Arguments whose gradients are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NeedsGrad {
    /// Whether the gradient in the inputs is asked for.
    pub(crate) inputs: bool,
    /// Whether the gradient in the weights is asked for.
    pub(crate) weights: bool,
}

/// Gradients of `sum(cotangent * outputs)`; `None` for gradients that are not asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gradients<T> {
    /// Gradient in the inputs, `[batch, features]`.
    pub(crate) inputs: Option<Vec<T>>,
    /// Gradient in all weight tensors, concatenated.
    pub(crate) weights: Option<Vec<T>>,
}

/// Engine that runs programs.
pub(crate) trait Engine<T: Real> {
    /// Final states that a forward pass saves for its gradient.
    type Saved: Send;

    /// Computes outputs `[batch, outputs]`. If `save`, also returns the final states, unless they are too large to
    /// save.
    fn forward(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        save: bool,
    ) -> Result<(Vec<T>, Option<Self::Saved>)>;

    /// Computes gradients of `sum(cotangent * outputs)` for a cotangent `[batch, outputs]`. States saved by a forward
    /// pass with the same arguments make the gradient faster, and change nothing else.
    fn gradient(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        cotangent: &[T],
        needs_grad: NeedsGrad,
        saved: Option<Self::Saved>,
    ) -> Result<Gradients<T>>;
}
