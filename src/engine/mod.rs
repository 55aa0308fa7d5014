//! Engines: what turns programs and numbers into outputs and gradients.
//!
//! An engine gets a [`Program`], inputs `[batch, features]` and concatenated weights, and gives outputs
//! `[batch, outputs]`; for a cotangent of the outputs it gives gradients in inputs and weights (a vector-Jacobian
//! product). This module and its children are the only home of `unsafe`.

mod budget;
pub(crate) mod cpu;
#[cfg(any(feature = "cuda", feature = "metal", feature = "emulator"))]
pub mod gpu;
pub(crate) mod host;
pub(crate) mod share;
pub(crate) mod threads;

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

/// A tensor's memory on a device, and where its elements stand in it.
pub(crate) type Storage<'a, S> = (&'a S, &'a Layout);

/// Whether this build has an engine for a device.
pub(crate) fn exists_for(device: &Device) -> bool {
    device.is_cpu() || device.is_cuda() && cfg!(feature = "cuda") || device.is_metal() && cfg!(feature = "metal")
}

/// Whether a forward pass fits a device's memory. candle would wrap the error of an op beyond recognition.
pub(crate) fn check(cpu: Cpu, device: &Device, program: &Arc<Program>, batch: usize, dtype: DType) -> Result<()> {
    match device {
        Device::Cpu => host::check(cpu, program, batch, dtype),
        Device::Cuda(device) => cuda::check(device, program, batch, dtype, cpu.memory_limit),
        Device::Metal(device) => metal::check(device, program, batch, dtype, cpu.memory_limit),
    }
}

/// The precision of a state: `f32` or `f64`.
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
    /// Not a number.
    fn nan() -> Self {
        Self::from_f64(f64::NAN)
    }
}

impl Real for f32 {}
impl Real for f64 {}

/// The numbers a program runs on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arguments<'a, T> {
    /// `[batch, features]`, row by row.
    pub(crate) inputs: &'a [T],
    /// All weight tensors, concatenated in the order of their names.
    pub(crate) weights: &'a [T],
    /// Number of samples.
    pub(crate) batch: usize,
}

impl<'a, T> Arguments<'a, T> {
    /// The features of a sample that become its initial state.
    pub(crate) fn embedded(&self, program: &Program, embedding: Embedding, sample: usize) -> &'a [T] {
        let start = sample * program.engine_inputs + embedding.first;
        &self.inputs[start..start + embedding.count]
    }
}

/// Which gradients are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NeedsGrad {
    /// In the inputs.
    pub(crate) inputs: bool,
    /// In the weights.
    pub(crate) weights: bool,
}

/// Gradients of `sum(cotangent * outputs)`; `None` where none was asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gradients<T> {
    /// `[batch, features]`.
    pub(crate) inputs: Option<Vec<T>>,
    /// All weight tensors, concatenated.
    pub(crate) weights: Option<Vec<T>>,
}

/// Executes programs.
pub(crate) trait Engine<T: Real> {
    /// Final states kept from a forward pass for the gradient that follows it.
    type Saved: Send;

    /// Outputs `[batch, outputs]`. With `keep`, also the final states, if they are small enough to be worth keeping.
    fn forward(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        save: bool,
    ) -> Result<(Vec<T>, Option<Self::Saved>)>;

    /// Gradients of `sum(cotangent * outputs)` for a cotangent `[batch, outputs]`. What was kept of a forward pass with the
    /// same arguments saves repeating it, and changes nothing else.
    fn gradient(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        cotangent: &[T],
        needs_grad: NeedsGrad,
        saved: Option<Self::Saved>,
    ) -> Result<Gradients<T>>;
}
