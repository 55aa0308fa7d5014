//! Emulated GPU in place of the CPU engine, which tests the kernels' text without a device.
//!
//! The emulator is a separate crate of the project. It compiles the text for the CPU and implements [`Submit`].

use super::device::{self, Buffers, CallArgs, Device};
use crate::engine::cpu::Cpu;
use crate::engine::gpu::abi::Buffer;
use crate::engine::gpu::launch::plan::LaunchPlan;
use crate::engine::gpu::{Dialect, Limits};
use crate::engine::{Arguments, Gradients, NeedsGrad, Real};
use crate::error::{Error, Result, TensorError};
use crate::program::Program;
use candle_core::DType;
use pulp::bytemuck::{cast_slice, cast_slice_mut};
use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

/// Piece of emulated memory, in units that are aligned for every type.
pub type Memory = Arc<Mutex<Vec<u128>>>;

/// Emulator that runs plans.
pub trait Submit: Debug {
    /// Number that distinguishes emulators.
    fn id(&self) -> u64;
    /// Dialect of the text that it runs.
    fn dialect(&self) -> Dialect;
    /// Limits of the device.
    fn limits(&self) -> Limits;
    /// Runs a plan. Each buffer is a piece of memory, from a byte on.
    fn submit(&self, plan: &LaunchPlan, buffers: &[Option<(Memory, u64)>; Buffer::ALL.len()]);
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<dyn Submit>>> = const { RefCell::new(None) };
}

/// Runs `f` with this emulator in place of the CPU engine, on this thread.
pub fn with<R>(submit: Arc<dyn Submit>, f: impl FnOnce() -> R) -> R {
    struct Reset(Option<Arc<dyn Submit>>);
    impl Drop for Reset {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }
    let _reset = Reset(CURRENT.replace(Some(submit)));
    f()
}

/// Emulated device of a call.
#[derive(Debug)]
pub(crate) struct Emulated {
    submit: Arc<dyn Submit>,
    memory_limit: Option<u64>,
}

/// Results that a forward pass has saved on the device.
pub(crate) type Saved = device::Saved<Memory>;

/// Emulated memory with a copy of these bytes. The rest of the last unit holds NaN.
fn filled(bytes: &[u8]) -> Memory {
    let mut units = vec![u128::MAX; bytes.len().div_ceil(16)];
    cast_slice_mut::<u128, u8>(&mut units)[..bytes.len()].copy_from_slice(bytes);
    Arc::new(Mutex::new(units))
}

fn read<T: Real>(memory: &Memory, count: usize) -> Vec<T> {
    let units = memory.lock().unwrap_or_else(PoisonError::into_inner);
    cast_slice::<u128, T>(&units)[..count].to_vec()
}

impl Device for Emulated {
    type Memory = Memory;

    fn id(&self) -> u64 {
        self.submit.id()
    }

    fn limits(&self, dtype: DType) -> Result<(Dialect, Limits)> {
        let limits = self.submit.limits();
        if dtype.size_in_bytes() == limits.real {
            return Ok((self.submit.dialect(), limits));
        }
        Err(Error::Tensor(TensorError::UnsupportedDType { what: "the emulated state".to_owned(), dtype }))
    }

    fn free(&self) -> Result<u64> {
        Ok(1 << 34)
    }

    fn allocate(&self, bytes: u64) -> Result<Memory> {
        Ok(Arc::new(Mutex::new(vec![u128::MAX; bytes.div_ceil(16) as usize])))
    }

    fn upload(&self, bytes: &[u8]) -> Result<Memory> {
        Ok(filled(bytes))
    }

    fn copy(&self, memory: &Memory, bytes: u64) -> Result<Memory> {
        let units = memory.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(filled(&cast_slice::<u128, u8>(&units)[..bytes as usize]))
    }

    fn submit(&self, _: Dialect, plan: &LaunchPlan, buffers: &Buffers<Memory>) -> Result<()> {
        self.submit.submit(plan, buffers);
        Ok(())
    }
}

impl Emulated {
    /// Returns the emulator that stands in place of the CPU engine, if there is one.
    pub(crate) fn current(cpu: Cpu) -> Option<Self> {
        let submit = CURRENT.with_borrow(Clone::clone)?;
        Some(Self { submit, memory_limit: cpu.memory_limit })
    }

    /// Checks that a forward pass fits the device.
    pub(crate) fn check(&self, program: &Arc<Program>, batch: usize, dtype: DType) -> Result<()> {
        device::check(self, program, batch, dtype, self.memory_limit)
    }

    fn given<'a, T: Real>(&self, program: &'a Arc<Program>, arguments: Arguments<'_, T>) -> CallArgs<'a, Memory> {
        CallArgs {
            program,
            dtype: T::DTYPE,
            batch: arguments.batch,
            inputs: filled(cast_slice(arguments.inputs)),
            weights: filled(cast_slice(arguments.weights)),
            memory_limit: self.memory_limit,
        }
    }

    /// Computes outputs, as [`Engine::forward`](crate::engine::Engine::forward) does.
    pub(crate) fn forward<T: Real>(
        &self,
        program: &Arc<Program>,
        arguments: Arguments<'_, T>,
        keep: bool,
    ) -> Result<(Vec<T>, Option<Saved>)> {
        let (result, saved) = device::forward(self, &self.given(program, arguments), keep)?;
        Ok((read(&result, arguments.batch * program.outputs()), saved))
    }

    /// Computes gradients, as [`Engine::gradient`](crate::engine::Engine::gradient) does.
    pub(crate) fn gradient<T: Real>(
        &self,
        program: &Arc<Program>,
        arguments: Arguments<'_, T>,
        cotangent: &[T],
        wanted: NeedsGrad,
        saved: Option<Saved>,
    ) -> Result<Gradients<T>> {
        let cotangent = filled(cast_slice(cotangent));
        let result = device::gradient(self, &self.given(program, arguments), cotangent, wanted, saved)?;
        let inputs = if wanted.inputs { arguments.inputs.len() } else { 0 };
        let weights = if wanted.weights { arguments.weights.len() } else { 0 };
        let mut result = read(&result, inputs + weights);
        let weights = result.split_off(inputs);
        Ok(Gradients { inputs: wanted.inputs.then_some(result), weights: wanted.weights.then_some(weights) })
    }
}
