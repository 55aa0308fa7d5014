//! Engine for tensors in the host's memory: the CPU engine or, in the project's own tests, an emulated GPU.

use super::cpu::{self, Cpu};
#[cfg(feature = "emulator")]
use super::gpu::emulator::{self, Emulated};
use super::{Arguments, Engine, Gradients, NeedsGrad, Real};
use crate::error::Result;
use crate::program::Program;
use candle_core::DType;
use std::sync::Arc;

/// Final states that a forward pass has saved.
#[derive(Debug)]
#[cfg_attr(feature = "emulator", allow(clippy::large_enum_variant, reason = "there is but one at a time"))]
pub(crate) enum Saved<T: Real> {
    Cpu(cpu::Saved<T>),
    #[cfg(feature = "emulator")]
    Emulated(emulator::Saved),
}

impl<T: Real> Saved<T> {
    fn cpu(self) -> Option<cpu::Saved<T>> {
        match self {
            Self::Cpu(saved) => Some(saved),
            #[cfg(feature = "emulator")]
            Self::Emulated(_) => None,
        }
    }
}

/// Checks a call, as [`Cpu::check`] does.
pub(crate) fn check(cpu: Cpu, program: &Arc<Program>, batch: usize, dtype: DType) -> Result<()> {
    #[cfg(feature = "emulator")]
    if let Some(emulated) = Emulated::current(cpu) {
        return emulated.check(program, batch, dtype);
    }
    cpu.check(program, batch, dtype)
}

/// Computes outputs, as [`Engine::forward`] does.
pub(crate) fn forward<T: Real>(
    cpu: Cpu,
    program: &Arc<Program>,
    arguments: Arguments<'_, T>,
    save: bool,
) -> Result<(Vec<T>, Option<Saved<T>>)> {
    #[cfg(feature = "emulator")]
    if let Some(emulated) = Emulated::current(cpu) {
        let (out, saved) = emulated.forward(program, arguments, save)?;
        return Ok((out, saved.map(Saved::Emulated)));
    }
    let (out, saved) = cpu.forward(program, arguments, save)?;
    Ok((out, saved.map(Saved::Cpu)))
}

/// Computes gradients, as [`Engine::gradient`] does.
pub(crate) fn gradient<T: Real>(
    cpu: Cpu,
    program: &Arc<Program>,
    arguments: Arguments<'_, T>,
    cotangent: &[T],
    needs_grad: NeedsGrad,
    saved: Option<Saved<T>>,
) -> Result<Gradients<T>> {
    #[cfg(feature = "emulator")]
    if let Some(emulated) = Emulated::current(cpu) {
        let saved = saved.and_then(|saved| if let Saved::Emulated(saved) = saved { Some(saved) } else { None });
        return emulated.gradient(program, arguments, cotangent, needs_grad, saved);
    }
    let saved = saved.and_then(Saved::cpu);
    cpu.gradient(program, arguments, cotangent, needs_grad, saved)
}
