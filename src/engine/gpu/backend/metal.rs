//! Metal backend, on candle's device with its command buffers, its memory and its tensors.
//!
//! candle encodes all work of a queue into concurrent encoders, and tells Metal not to track hazards. A launch waits
//! for an earlier launch only if candle knows that one of them writes a piece of memory that both use. So every buffer
//! that a kernel writes is declared as an output. candle compares whole pieces of memory, so launches that share an
//! arena keep their order.

use super::device::{Buffers, Device};
use crate::engine::gpu::abi::{Buffer as Role, source};
use crate::engine::gpu::launch::plan::{Launch, LaunchPlan};
use crate::engine::gpu::{Dialect, Limits};
use crate::error::{DeviceError, Error, Result, TensorError};
use candle_core::backend::BackendStorage;
use candle_core::{DType, Layout, MetalDevice, MetalError, MetalStorage, Storage};
use candle_metal_kernels::MetalKernelError;
use candle_metal_kernels::metal::{Buffer, ComputeCommandEncoder, ComputePipeline, Library};
use candle_metal_kernels::utils::set_param;
use objc2_metal::{MTLCompileOptions, MTLDevice as _, MTLLanguageVersion, MTLMathMode, MTLSize};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

/// Binary logarithm of the largest number of threads for a tile: enough for the largest tile in a group's memory, and
/// fewer than the limit of any kernel.
const THREAD_BITS: usize = 7;

/// Groups that keep all processors busy. Metal does not report the number of processors; the largest chips have 80.
const GROUPS: usize = 160;

/// Alignment of the length of a group's memory, in bytes.
const GROUP_ALIGNMENT: u32 = 16;

/// Memory on the device, from a byte on.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    /// Buffer of candle's allocator, which reuses a buffer once it has the only reference. A tensor keeps its own
    /// buffer.
    buffer: Arc<Buffer>,
    start: u64,
}

fn candle(error: MetalKernelError) -> Error {
    candle_core::Error::from(MetalError::from(error)).into()
}

impl Device for MetalDevice {
    type Memory = Memory;

    fn id(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        MetalDevice::id(self).hash(&mut hasher);
        hasher.finish()
    }

    fn dialect(&self, dtype: DType) -> Result<Dialect> {
        if dtype != DType::F32 {
            return Err(Error::Tensor(TensorError::UnsupportedDType { what: "a state on Metal".to_owned(), dtype }));
        }
        Ok(Dialect::Metal)
    }

    fn limits(&self, _: DType) -> Result<Limits> {
        let group_bytes = self.metal_device().as_ref().maxThreadgroupMemoryLength();
        let limits = Limits { real: 4, angle: 4, group_bytes, thread_bits: THREAD_BITS, groups: GROUPS, tile_bits: 0 };
        Ok(limits.with_largest_tiles())
    }

    fn free(&self) -> Result<u64> {
        let device = self.metal_device();
        Ok(device.recommended_max_working_set_size().saturating_sub(device.current_allocated_size()) as u64)
    }

    /// Waits for all work: candle gives unused buffers back to the system only then.
    fn reclaim(&self) -> Result<()> {
        Ok(self.wait_until_completed()?)
    }

    /// Bytes of a buffer: candle's allocator rounds up to powers of two, so that more of its buffers can be reused.
    fn occupied(&self, bytes: u64) -> u64 {
        bytes.checked_next_power_of_two().unwrap_or(u64::MAX)
    }

    fn allocate(&self, bytes: u64) -> Result<Memory> {
        let bytes = bytes.max(1);
        let most = self.metal_device().as_ref().maxBufferLength() as u64;
        if self.occupied(bytes) > most {
            let reason =
                format!("a buffer of {bytes} bytes, rounded up to a power of two, is beyond the {most} of Metal");
            return Err(candle(MetalKernelError::FailedToCreateResource(reason)));
        }
        let buffer = self.new_buffer_builder().with_size_for(bytes as usize, DType::U8).with_label("quantum");
        Ok(Memory { buffer: buffer.build()?, start: 0 })
    }

    fn upload(&self, bytes: &[u8]) -> Result<Memory> {
        let bytes = if bytes.is_empty() { &[0u8; 4] } else { bytes };
        Ok(Memory { buffer: self.new_buffer_builder().with_data(bytes).with_label("quantum").build()?, start: 0 })
    }

    fn copy(&self, memory: &Memory, bytes: u64) -> Result<Memory> {
        let to = self.allocate(bytes)?;
        if bytes > 0 {
            let mut encoder = self.blit_command_encoder()?;
            encoder.copy_from_buffer(&memory.buffer, memory.start as usize, &to.buffer, 0, bytes as usize);
        }
        Ok(to)
    }

    fn lend(&self, storage: &Storage, layout: &Layout) -> Result<Memory> {
        let Storage::Metal(storage) = storage else {
            return Err(Error::Device(DeviceError::NoEngine { device: "Metal".to_owned() }));
        };
        let contiguous = layout.contiguous_offsets();
        let (offset, _) = contiguous.ok_or(candle_core::Error::RequiresContiguous { op: "quantum" })?;
        let start = (offset * storage.dtype().size_in_bytes()) as u64;
        Ok(Memory { buffer: Arc::new(storage.buffer().clone()), start })
    }

    fn store(&self, memory: Memory, count: usize, dtype: DType) -> Result<Storage> {
        Ok(Storage::Metal(MetalStorage::new(memory.buffer, self.clone(), count, dtype)))
    }

    fn submit(&self, _: Dialect, plan: &LaunchPlan, buffers: &Buffers<Memory>) -> Result<()> {
        // Compilation takes long, and other threads need the encoder.
        let pipelines: Vec<_> = plan.launches.iter().map(|launch| pipeline(self, launch)).collect::<Result<_>>()?;
        let commands = self.command_encoder()?;
        for (launch, pipeline) in plan.launches.iter().zip(&pipelines) {
            encode(commands.as_ref(), pipeline, launch, plan, buffers);
        }
        Ok(())
    }
}

fn encode(
    encoder: &ComputeCommandEncoder,
    pipeline: &ComputePipeline,
    launch: &Launch,
    plan: &LaunchPlan,
    buffers: &Buffers<Memory>,
) {
    encoder.set_compute_pipeline_state(pipeline);
    for (place, (view, parameter)) in launch.buffers.iter().zip(launch.kernel.parameters).enumerate() {
        let bound = buffers[view.buffer as usize].as_ref().filter(|_| plan.size(view.buffer) > 0);
        match bound {
            Some((memory, start)) if parameter.is_written => {
                encoder.set_output_buffer(place, Some(&memory.buffer), (memory.start + start + view.start) as usize);
            }
            Some((memory, start)) => {
                encoder.set_input_buffer(place, Some(&memory.buffer), (memory.start + start + view.start) as usize);
            }
            // A kernel does not read a buffer without elements, but Metal needs a buffer in its place.
            None => {
                let bytecode = buffers[Role::Code as usize].as_ref();
                encoder.set_input_buffer(place, bytecode.map(|(memory, _)| &*memory.buffer), 0);
            }
        }
    }
    set_param(encoder, launch.buffers.len(), launch.args.as_slice());
    if launch.group_bytes > 0 {
        encoder.set_threadgroup_memory_length(0, launch.group_bytes.next_multiple_of(GROUP_ALIGNMENT) as usize);
    }
    let row = |width: u32| MTLSize { width: width as usize, height: 1, depth: 1 };
    encoder.dispatch_thread_groups(row(launch.groups), row(launch.threads));
}

/// Compiled kernels. candle's own cache takes only candle's own kernels.
struct Cache {
    /// Libraries by GPU.
    libraries: BTreeMap<u64, Library>,
    /// Pipelines by GPU and kernel name.
    pipelines: BTreeMap<(u64, &'static str), ComputePipeline>,
}

static CACHE: Mutex<Cache> = Mutex::new(Cache { libraries: BTreeMap::new(), pipelines: BTreeMap::new() });

/// Returns the compiled kernel of a launch, after a check of the launch's threads and memory.
fn pipeline(device: &MetalDevice, launch: &Launch) -> Result<ComputePipeline> {
    let pipeline = compiled(device, launch.kernel.name).map_err(candle)?;
    let threads = pipeline.max_total_threads_per_threadgroup();
    let bytes = device.metal_device().as_ref().maxThreadgroupMemoryLength();
    if launch.threads as usize > threads || launch.group_bytes as usize > bytes {
        return Err(Error::Device(DeviceError::Launch {
            kernel: launch.kernel.name,
            groups: launch.groups,
            threads: launch.threads,
            group_bytes: launch.group_bytes,
            source: format!("a group can have {threads} threads and {bytes} bytes on this device").into(),
        }));
    }
    Ok(pipeline)
}

fn compiled(device: &MetalDevice, kernel: &'static str) -> Result<ComputePipeline, MetalKernelError> {
    let device = device.metal_device();
    let gpu = device.registry_id();
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pipeline) = cache.pipelines.get(&(gpu, kernel)) {
        return Ok(pipeline.clone());
    }
    let library = match cache.libraries.get(&gpu) {
        Some(library) => library.clone(),
        None => {
            let library = device.new_library_with_source(&source(Dialect::Metal), Some(&options()))?;
            cache.libraries.insert(gpu, library.clone());
            library
        }
    };
    let pipeline = device.new_compute_pipeline_state_with_function(&library.get_function(kernel, None)?)?;
    cache.pipelines.insert((gpu, kernel), pipeline.clone());
    Ok(pipeline)
}

/// Compiler options for arithmetic as written: NaN stays NaN, and sums keep their order.
fn options() -> objc2::rc::Retained<MTLCompileOptions> {
    let options = MTLCompileOptions::new();
    options.setLanguageVersion(MTLLanguageVersion::Version3_0);
    if objc2::available!(macos = 15, ios = 18, tvos = 18, visionos = 2) {
        options.setMathMode(MTLMathMode::Safe);
    } else {
        #[allow(deprecated, reason = "earlier systems know nothing else")]
        options.setFastMathEnabled(false);
    }
    options
}
