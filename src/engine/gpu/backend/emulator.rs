//! Emulated GPU in place of the CPU engine, which tests the kernels' text without a device.
//!
//! The emulator is a separate crate of the project. It compiles the text for the CPU and implements [`Submit`].

use super::device::{Buffers, Device};
use crate::engine::gpu::abi::Buffer;
use crate::engine::gpu::launch::plan::LaunchPlan;
use crate::engine::gpu::{Dialect, Gpu, Limits};
use crate::engine::{self, Real};
use crate::error::{Error, Result, TensorError};
use candle_core::{CpuStorage, DType, Layout, Storage};
use pulp::bytemuck::{cast_slice, cast_slice_mut};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

/// Piece of emulated memory, in units that are aligned for every type.
pub type Memory = Arc<Mutex<Vec<u128>>>;

/// Emulator that runs plans.
pub trait Submit: Debug + Send + Sync {
    /// Number that distinguishes emulators.
    fn id(&self) -> u64;
    /// Dialect of the text that it runs.
    fn dialect(&self) -> Dialect;
    /// Limits of the device.
    fn limits(&self) -> Limits;
    /// Runs a plan. Each buffer is a piece of memory, from a byte on.
    fn submit(&self, plan: &LaunchPlan, buffers: &[Option<(Memory, u64)>; Buffer::ALL.len()]);
}

/// Runs `f` with this emulator in place of the CPU engine, on this thread.
pub fn with<R>(submit: Arc<dyn Submit>, f: impl FnOnce() -> R) -> R {
    engine::with_engine(Arc::new(Gpu(Emulated(submit))), f)
}

/// Emulated device.
#[derive(Debug)]
struct Emulated(Arc<dyn Submit>);

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
        self.0.id()
    }

    fn dialect(&self, dtype: DType) -> Result<Dialect> {
        if dtype.size_in_bytes() == self.0.limits().real {
            return Ok(self.0.dialect());
        }
        Err(unsupported(dtype))
    }

    fn limits(&self, _: DType) -> Result<Limits> {
        Ok(self.0.limits())
    }

    fn free(&self) -> Result<u64> {
        Ok(1 << 34)
    }

    fn reclaim(&self) -> Result<()> {
        Ok(())
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

    fn lend(&self, storage: &Storage, layout: &Layout) -> Result<Memory> {
        fn copied<T: Real>(numbers: &[T], layout: &Layout) -> Result<Memory> {
            let contiguous = layout.contiguous_offsets();
            let (start, end) = contiguous.ok_or(candle_core::Error::RequiresContiguous { op: "quantum" })?;
            Ok(filled(cast_slice(&numbers[start..end])))
        }
        match storage {
            Storage::Cpu(CpuStorage::F32(numbers)) => copied(numbers, layout),
            Storage::Cpu(CpuStorage::F64(numbers)) => copied(numbers, layout),
            other => Err(unsupported(other.dtype())),
        }
    }

    fn store(&self, memory: Memory, count: usize, dtype: DType) -> Result<Storage> {
        Ok(Storage::Cpu(match dtype {
            DType::F64 => CpuStorage::F64(read(&memory, count)),
            _ => CpuStorage::F32(read(&memory, count)),
        }))
    }

    fn submit(&self, _: Dialect, plan: &LaunchPlan, buffers: &Buffers<Memory>) -> Result<()> {
        self.0.submit(plan, buffers);
        Ok(())
    }
}

fn unsupported(dtype: DType) -> Error {
    Error::Tensor(TensorError::UnsupportedDType { what: "the emulated state".to_owned(), dtype })
}
