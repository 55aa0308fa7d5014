//! CUDA backend, on candle's device with its stream, its memory and its tensors.

use super::device::{Buffers, Device};
use crate::engine::gpu::abi::{MAX_ARGUMENT_WORDS, SWEEP_THREADS_F32, SWEEP_THREADS_F64, ptx};
use crate::engine::gpu::launch::plan::{Launch, LaunchPlan};
use crate::engine::gpu::{Dialect, Limits};
use crate::error::{DeviceError, Error, Result, TensorError};
use candle_core::backend::BackendStorage;
use candle_core::cuda_backend::cudarc;
use candle_core::cuda_backend::{CudaDType, WrapErr};
use candle_core::{CudaDevice, CudaStorage, DType, Layout, Storage};
use cudarc::driver::result::mem_pool;
use cudarc::driver::sys::{
    CUdevice_attribute as DeviceAttribute, CUfunction_attribute as FunctionAttribute,
    CUmemPool_attribute as PoolAttribute, CUmemoryPool,
};
use cudarc::driver::{CudaContext, CudaSlice, DevicePtr, DeviceRepr, DriverError, LaunchConfig, PushKernelArg};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Binary logarithms of the largest number of threads for a tile, in single and in double precision.
const THREAD_BITS: [usize; 2] = [SWEEP_THREADS_F32.ilog2() as usize, SWEEP_THREADS_F64.ilog2() as usize];

/// Bytes of shared memory that a group has without a request.
const GROUP_BYTES: u32 = 48 << 10;

/// Inverse fraction of the device's memory that stays with the process when it is freed: a sixteenth. By default, the
/// driver gives all freed memory back whenever the host waits for the device. A training loop waits at each step to
/// read its loss, and the next step would have to map the memory again, which takes longer than a small circuit.
const POOLED_FRACTION: u64 = 16;

/// Memory on the device.
#[derive(Debug, Clone)]
pub(crate) enum Memory {
    Own(Arc<CudaSlice<u8>>),
    /// Memory of a program, which any thread may use.
    Lasting(Arc<Lasting>),
    /// Memory of a tensor that outlives the call.
    Lent(u64),
}

/// Memory that other threads than its maker's use. Each thread may have a stream of its own, so no stream may have
/// queued work on the memory when it is freed.
#[derive(Debug)]
pub(crate) struct Lasting(CudaSlice<u8>);

impl Drop for Lasting {
    fn drop(&mut self) {
        // A device that fails here fails again at the next call, which returns the error.
        let context = self.0.context();
        let _ = context.bind_to_thread().and_then(|()| context.synchronize());
    }
}

/// Last argument of a kernel: a structure of words. The kernel reads as many words as it declares.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct Words([u32; MAX_ARGUMENT_WORDS]);

// SAFETY: the structure is an array of words, and every bit pattern is valid.
unsafe impl DeviceRepr for Words {}

impl Words {
    fn new(args: &[u32]) -> Self {
        let mut words = [0; MAX_ARGUMENT_WORDS];
        words[..args.len()].copy_from_slice(args);
        Self(words)
    }
}

fn candle(error: DriverError) -> Error {
    let wrapped: candle_core::Result<()> = Err(error).w();
    wrapped.map_or_else(Error::from, |()| elsewhere())
}

/// Pool of freed memory that the driver keeps.
struct Pool(CUmemoryPool);

impl Pool {
    /// Returns the pool that candle allocates from, or `None` if the device or the driver has no pools.
    fn of(context: &CudaContext) -> Option<Self> {
        let supported = context.attribute(DeviceAttribute::CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED).ok()?;
        // SAFETY: the context's device exists.
        let pool = || unsafe { cudarc::driver::result::device::get_mem_pool(context.cu_device()) };
        (supported > 0).then(pool)?.ok().map(Self)
    }

    fn get(&self, attribute: PoolAttribute) -> Option<u64> {
        let mut value = 0u64;
        // SAFETY: the pool exists as long as its device, and all attributes that are read here are 64 bits wide.
        unsafe { mem_pool::get_attribute(self.0, attribute, (&raw mut value).cast()) }.ok()?;
        Some(value)
    }

    /// Lets `bytes` freed bytes stay in the pool, unless a number has been set before. If the driver refuses, calls are
    /// only slower.
    fn hold(&self, mut bytes: u64) {
        let threshold = PoolAttribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
        if self.get(threshold) == Some(0) {
            // SAFETY: as in `get`.
            let _ = unsafe { mem_pool::set_attribute(self.0, threshold, (&raw mut bytes).cast()) };
        }
    }

    /// Unused bytes in the pool.
    fn idle(&self) -> Option<u64> {
        let reserved = self.get(PoolAttribute::CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT)?;
        Some(reserved.saturating_sub(self.get(PoolAttribute::CU_MEMPOOL_ATTR_USED_MEM_CURRENT)?))
    }
}

impl Device for CudaDevice {
    type Memory = Memory;

    fn id(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        CudaDevice::id(self).hash(&mut hasher);
        hasher.finish()
    }

    fn dialect(&self, dtype: DType) -> Result<Dialect> {
        match dtype {
            DType::F32 => Ok(Dialect::CudaF32),
            DType::F64 => Ok(Dialect::CudaF64),
            dtype => Err(Error::Tensor(TensorError::UnsupportedDType { what: "the state".to_owned(), dtype })),
        }
    }

    fn limits(&self, dtype: DType) -> Result<Limits> {
        let stream = self.cuda_stream();
        let attribute = |which: DeviceAttribute| stream.context().attribute(which).map_err(candle);
        let real = dtype.size_in_bytes();
        let group_bytes = attribute(DeviceAttribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)? as usize;
        let groups = 2 * attribute(DeviceAttribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)? as usize;
        let thread_bits = THREAD_BITS[usize::from(real == 8)];
        let limits = Limits { real, angle: 8, group_bytes, thread_bits, groups, tile_bits: 0 };
        let (_, total) = stream.context().mem_get_info().map_err(candle)?;
        Pool::of(stream.context()).inspect(|pool| pool.hold(total as u64 / POOLED_FRACTION));
        Ok(limits.with_largest_tiles())
    }

    fn free(&self) -> Result<u64> {
        let stream = self.cuda_stream();
        let (free, _) = stream.context().mem_get_info().map_err(candle)?;
        let idle = Pool::of(stream.context()).and_then(|pool| pool.idle());
        Ok(free as u64 + idle.unwrap_or(0))
    }

    fn reclaim(&self) -> Result<()> {
        self.cuda_stream().synchronize().map_err(candle)
    }

    fn allocate(&self, bytes: u64) -> Result<Memory> {
        // SAFETY: the kernels write all bytes that they and candle read.
        let slice = unsafe { self.alloc::<u8>(bytes.max(1) as usize) }?;
        Ok(Memory::Own(Arc::new(slice)))
    }

    fn upload(&self, bytes: &[u8]) -> Result<Memory> {
        let bytes = if bytes.is_empty() { &[0u8] } else { bytes };
        let slice = self.clone_htod(bytes)?;
        // Other threads read the memory on streams of their own.
        self.cuda_stream().synchronize().map_err(candle)?;
        Ok(Memory::Lasting(Arc::new(Lasting(slice))))
    }

    fn copy(&self, memory: &Memory, bytes: u64) -> Result<Memory> {
        let stream = self.cuda_stream();
        // SAFETY: as in `allocate`.
        let to = unsafe { self.alloc::<u8>(bytes.max(1) as usize) }?;
        let from = pointer(memory, &stream);
        if bytes > 0 {
            let (there, _recorded) = to.device_ptr(&stream);
            // SAFETY: both pieces of memory have at least `bytes` bytes, and the stream orders the copy.
            unsafe { cudarc::driver::result::memcpy_dtod_async(there, from, bytes as usize, stream.cu_stream()) }
                .map_err(candle)?;
        }
        Ok(Memory::Own(Arc::new(to)))
    }

    fn lend(&self, storage: &Storage, layout: &Layout) -> Result<Memory> {
        fn start<T: CudaDType>(storage: &CudaStorage, offset: usize) -> Result<u64> {
            let stream = storage.device().cuda_stream();
            let base = storage.as_cuda_slice::<T>()?.device_ptr(&stream).0;
            Ok(base + (offset * size_of::<T>()) as u64)
        }
        let Storage::Cuda(storage) = storage else { return Err(elsewhere()) };
        let contiguous = layout.contiguous_offsets();
        let (offset, _) = contiguous.ok_or(candle_core::Error::RequiresContiguous { op: "quantum" })?;
        Ok(Memory::Lent(match storage.dtype() {
            DType::F64 => start::<f64>(storage, offset)?,
            _ => start::<f32>(storage, offset)?,
        }))
    }

    fn store(&self, memory: Memory, count: usize, dtype: DType) -> Result<Storage> {
        let Memory::Own(slice) = memory else { return Err(elsewhere()) };
        let pointer = Arc::into_inner(slice).ok_or_else(elsewhere)?.leak();
        // SAFETY: the memory was allocated on this stream for `count` numbers of the type, and nothing else uses it.
        unsafe fn typed<T: CudaDType>(device: &CudaDevice, pointer: u64, count: usize) -> CudaStorage {
            // SAFETY: the caller guarantees it.
            let slice = unsafe { device.cuda_stream().upgrade_device_ptr::<T>(pointer, count) };
            CudaStorage::wrap_cuda_slice(slice, device.clone())
        }
        Ok(Storage::Cuda(match dtype {
            // SAFETY: the memory was allocated on this stream for `count` numbers of the type, and nothing else uses it.
            DType::F64 => unsafe { typed::<f64>(self, pointer, count) },
            // SAFETY: as for `f64`.
            _ => unsafe { typed::<f32>(self, pointer, count) },
        }))
    }

    fn submit(&self, dialect: Dialect, plan: &LaunchPlan, buffers: &Buffers<Memory>) -> Result<()> {
        let stream = self.cuda_stream();
        let places = buffers.each_ref().map(|buffer| match buffer {
            Some((memory, start)) => pointer(memory, &stream) + start,
            None => 0,
        });
        plan.launches.iter().try_for_each(|launch| {
            let pointers: Vec<u64> =
                launch.buffers.iter().map(|view| places[view.buffer as usize] + view.start).collect();
            queue(self, dialect, launch, &pointers)
        })
    }
}

fn pointer(memory: &Memory, stream: &cudarc::driver::CudaStream) -> u64 {
    match memory {
        Memory::Own(slice) => slice.device_ptr(stream).0,
        Memory::Lasting(lasting) => lasting.0.device_ptr(stream).0,
        Memory::Lent(pointer) => *pointer,
    }
}

fn queue(device: &CudaDevice, dialect: Dialect, launch: &Launch, pointers: &[u64]) -> Result<()> {
    let (module, text) = match dialect {
        Dialect::CudaF64 => (concat!("candlewick-f64-", env!("CARGO_PKG_VERSION")), ptx::F64),
        Dialect::CudaF32 | Dialect::Metal => (concat!("candlewick-f32-", env!("CARGO_PKG_VERSION")), ptx::F32),
    };
    let function = device.get_or_load_custom_func(launch.kernel.name, module, text)?;
    let refused = |error: DriverError| {
        Error::Device(DeviceError::Launch {
            kernel: launch.kernel.name,
            groups: launch.groups,
            threads: launch.threads,
            group_bytes: launch.group_bytes,
            source: error.into(),
        })
    };
    if launch.group_bytes > GROUP_BYTES {
        // The value is always the same, since other threads share the function and may be about to launch it.
        let most = DeviceAttribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN;
        let most = device.cuda_stream().context().attribute(most).map_err(candle)?;
        let attribute = FunctionAttribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES;
        function.set_attribute(attribute, most).map_err(refused)?;
    }
    let words = Words::new(&launch.args);
    let mut call = function.builder();
    pointers.iter().for_each(|pointer| {
        call.arg(pointer);
    });
    call.arg(&words);
    let shape = LaunchConfig {
        grid_dim: (launch.groups, 1, 1),
        block_dim: (launch.threads, 1, 1),
        shared_mem_bytes: launch.group_bytes,
    };
    // SAFETY: the plan gives each kernel the buffers that it declares, in the sizes that it reads and writes. The
    // buffers live until the stream has run the kernel, since memory is freed in the order of the stream.
    unsafe { call.launch(shape) }.map_err(refused)?;
    Ok(())
}

fn elsewhere() -> Error {
    Error::Device(DeviceError::NoEngine { device: "CUDA".to_owned() })
}
