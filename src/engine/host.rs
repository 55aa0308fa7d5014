//! What runs on tensors in the host's memory: the CPU engine, or in the project's own tests an emulated GPU.

use super::cpu::{self, Cpu};
#[cfg(feature = "emulator")]
use super::gpu::emulator::{self, Emulated};
use super::{Arguments, Engine, Gradients, Real, Wanted};
use crate::error::Result;
use crate::program::Program;
use candle_core::DType;
use std::sync::Arc;

/// Final states kept from a forward pass.
#[derive(Debug)]
#[cfg_attr(feature = "emulator", allow(clippy::large_enum_variant, reason = "there is but one at a time"))]
pub(crate) enum Kept<T: Real> {
    Cpu(cpu::Kept<T>),
    #[cfg(feature = "emulator")]
    Emulated(emulator::Saved),
}

impl<T: Real> Kept<T> {
    fn cpu(self) -> Option<cpu::Kept<T>> {
        match self {
            Self::Cpu(kept) => Some(kept),
            #[cfg(feature = "emulator")]
            Self::Emulated(_) => None,
        }
    }
}

/// As [`Cpu::check`].
pub(crate) fn check(cpu: Cpu, program: &Arc<Program>, batch: usize, dtype: DType) -> Result<()> {
    #[cfg(feature = "emulator")]
    if let Some(emulated) = Emulated::current(cpu) {
        return emulated.check(program, batch, dtype);
    }
    cpu.check(program, batch, dtype)
}

/// As [`Engine::forward`].
pub(crate) fn forward<T: Real>(
    cpu: Cpu,
    program: &Arc<Program>,
    arguments: Arguments<'_, T>,
    keep: bool,
) -> Result<(Vec<T>, Option<Kept<T>>)> {
    #[cfg(feature = "emulator")]
    if let Some(emulated) = Emulated::current(cpu) {
        let (out, kept) = emulated.forward(program, arguments, keep)?;
        return Ok((out, kept.map(Kept::Emulated)));
    }
    let (out, kept) = cpu.forward(program, arguments, keep)?;
    Ok((out, kept.map(Kept::Cpu)))
}

/// As [`Engine::gradient`].
pub(crate) fn gradient<T: Real>(
    cpu: Cpu,
    program: &Arc<Program>,
    arguments: Arguments<'_, T>,
    cotangent: &[T],
    wanted: Wanted,
    kept: Option<Kept<T>>,
) -> Result<Gradients<T>> {
    #[cfg(feature = "emulator")]
    if let Some(emulated) = Emulated::current(cpu) {
        let kept = kept.and_then(|kept| if let Kept::Emulated(kept) = kept { Some(kept) } else { None });
        return emulated.gradient(program, arguments, cotangent, wanted, kept);
    }
    let kept = kept.and_then(Kept::cpu);
    cpu.gradient(program, arguments, cotangent, wanted, kept)
}
