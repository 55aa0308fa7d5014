//! The engine of all GPUs: it plans a call, takes its memory and submits the plan to a device.
//!
//! Besides the result, a call allocates two pieces of memory: one for the buffers that its gradient may use, and one for
//! the other buffers. The gradient must use the inputs and weights of the forward call, even if a `Var` has been set
//! since. If the gradient reads them, copies are saved.

use super::abi::Buffer;
use super::backend::device::{Buffers, Device};
use super::launch::plan::LaunchPlan;
use super::resident::{PlanKey, Resident, allocate_arena, arena_places, bind_arena};
use crate::engine::{Engine, NeedsGrad, Options, Request, Saved};
use crate::error::{Error, MemoryError, Result};
use crate::program::Program;
use candle_core::op::BackpropOp;
use candle_core::{DType, Storage, Tensor};

/// Engine of a GPU.
#[derive(Debug)]
pub(crate) struct Gpu<D>(pub(crate) D);

/// Results that a forward pass has saved on a device.
struct SavedOnDevice<M> {
    /// Cosines and sines, tables and states; missing if they are too large to save.
    arena: Option<M>,
    /// Inputs and weights, if the gradient reads them.
    arguments: Option<[M; 2]>,
}

/// Inverse fraction of the device's free memory that a forward pass may save for its gradient: an eighth.
const SAVED_FRACTION: u64 = 8;

/// Bytes that are saved without a check of the free memory.
const SAVED_FREELY: u64 = 1 << 25;

/// Amplitudes that fit any device: a check of the free memory takes longer than the computation.
const UNQUESTIONED: u64 = 1 << 24;

/// Largest number of qubits: indices on a device are words of 32 bits.
const MAX_GPU_QUBITS: usize = 31;

impl<D: Device> Engine for Gpu<D> {
    fn check(&self, program: &Program, batch: usize, dtype: DType, options: &Options) -> Result<()> {
        self.0.dialect(dtype)?;
        match self.check_memory(program, batch, dtype, options.memory_limit) {
            Err(Error::Memory(MemoryError::States { .. })) if options.memory_limit.is_none() => {
                self.0.reclaim()?;
                self.check_memory(program, batch, dtype, options.memory_limit)
            }
            outcome => outcome,
        }
    }

    fn forward(&self, request: &Request<'_>, save: bool) -> Result<(Storage, Option<Saved>)> {
        let Self(device) = self;
        let (program, dtype, batch) = (request.program, request.inputs.dtype(), request.batch());
        self.check(program, batch, dtype, request.options)?;
        let resident = Resident::of(device, program, dtype)?;
        let plan = resident.plan(program, PlanKey::Forward { batch, save });
        let (inputs, inputs_layout) = request.inputs.storage_and_layout();
        let (weights, weights_layout) = request.weights.storage_and_layout();
        let arguments = [device.lend(&inputs, inputs_layout)?, device.lend(&weights, weights_layout)?];
        let mut buffers = resident.buffers(arguments.clone());
        let arena = allocate_arena(device, &plan, Buffer::is_saved, &mut buffers)?;
        allocate_arena(device, &plan, Buffer::is_scratch, &mut buffers)?;
        let result = self.submit(&resident, &plan, buffers)?;
        let outputs = device.store(result, batch * program.engine_outputs(), dtype)?;
        if !save {
            return Ok((outputs, None));
        }
        let size: u64 = Buffer::ALL.iter().filter(|buffer| buffer.is_saved()).map(|buffer| plan.size(*buffer)).sum();
        let fits = match request.options.memory_limit {
            Some(limit) => size <= limit / SAVED_FRACTION,
            None => size <= SAVED_FREELY || size <= device.free()? / SAVED_FRACTION,
        };
        let mut saved = SavedOnDevice { arena: fits.then_some(arena), arguments: None };
        if resident.bytecode.reads_arguments || !fits {
            let [inputs, weights] = &arguments;
            let inputs = device.copy(inputs, plan.size(Buffer::Inputs))?;
            saved.arguments = Some([inputs, device.copy(weights, plan.size(Buffer::Weights))?]);
        }
        Ok((outputs, Some(Box::new(saved))))
    }

    /// Computes both gradients in one piece of memory, of which the two tensors are parts.
    fn gradient(
        &self,
        request: &Request<'_>,
        cotangent: &Tensor,
        needs_grad: NeedsGrad,
        saved: Option<Saved>,
    ) -> Result<[Option<Tensor>; 2]> {
        let Self(device) = self;
        let (program, dtype, batch) = (request.program, request.inputs.dtype(), request.batch());
        let resident = Resident::of(device, program, dtype)?;
        let saved = saved.and_then(|saved| saved.downcast::<SavedOnDevice<D::Memory>>().ok());
        let (arena, arguments) = saved.map_or((None, None), |saved| (saved.arena, saved.arguments));
        let plan = resident.plan(program, PlanKey::Gradient { batch, needs_grad, saved: arena.is_some() });
        // The memory of λ and its buffers has not been checked in the forward pass.
        let needed = self.working_set(&plan);
        if request.options.memory_limit.is_some() || needed > 8 * UNQUESTIONED {
            self.check_budget(program, dtype, Some(needed), request.options.memory_limit)?;
        }
        let (inputs, inputs_layout) = request.inputs.storage_and_layout();
        let (weights, weights_layout) = request.weights.storage_and_layout();
        let (cotangent, cotangent_layout) = cotangent.storage_and_layout();
        let arguments = match arguments {
            Some(arguments) => arguments,
            None => [device.lend(&inputs, inputs_layout)?, device.lend(&weights, weights_layout)?],
        };
        let mut buffers = resident.buffers(arguments);
        buffers[Buffer::Cotangent as usize] = Some((device.lend(&cotangent, cotangent_layout)?, 0));
        match arena {
            Some(arena) => bind_arena(&plan, Buffer::is_saved, &arena, &mut buffers),
            None => allocate_arena(device, &plan, Buffer::is_saved, &mut buffers).map(drop)?,
        }
        allocate_arena(device, &plan, Buffer::is_scratch, &mut buffers)?;
        let result = self.submit(&resident, &plan, buffers)?;
        let count = |needs_grad: bool, like: &Tensor| if needs_grad { like.elem_count() } else { 0 };
        let counts = [count(needs_grad.inputs, request.inputs), count(needs_grad.weights, request.weights)];
        let storage = device.store(result, counts[0] + counts[1], dtype)?;
        let packed = Tensor::from_storage(storage, counts[0] + counts[1], BackpropOp::none(), false);
        let part = |needs_grad: bool, start: usize, like: &Tensor| {
            needs_grad.then(|| packed.narrow(0, start, like.elem_count())?.reshape(like.shape())).transpose()
        };
        Ok([part(needs_grad.inputs, 0, request.inputs)?, part(needs_grad.weights, counts[0], request.weights)?])
    }
}

impl<D: Device> Gpu<D> {
    /// Allocates the result of a plan, queues the plan, and returns the result.
    fn submit(
        &self,
        resident: &Resident<D::Memory>,
        plan: &LaunchPlan,
        mut buffers: Buffers<D::Memory>,
    ) -> Result<D::Memory> {
        let result = self.0.allocate(plan.size(Buffer::Result))?;
        buffers[Buffer::Result as usize] = Some((result.clone(), 0));
        self.0.submit(resident.dialect, plan, &buffers)?;
        Ok(result)
    }

    /// Checks that a forward pass fits the device.
    fn check_memory(&self, program: &Program, batch: usize, dtype: DType, memory_limit: Option<u64>) -> Result<()> {
        let amplitudes = 1u64.checked_shl(program.qubits as u32).filter(|amplitudes| *amplitudes > 0);
        let amplitudes = amplitudes.and_then(|amplitudes| amplitudes.checked_mul(batch as u64));
        // Kernels count the outputs of a sample in 32 bits.
        let bytes_of = |outputs: u64| outputs.checked_mul(dtype.size_in_bytes() as u64);
        let (outputs, most) = (program.engine_outputs() as u64, u64::from(u32::MAX));
        if outputs > most {
            let (what, budget) = ("the outputs of a sample on a GPU", bytes_of(most).unwrap_or(u64::MAX));
            return Err(Error::Memory(MemoryError::Numbers { what, needed: bytes_of(outputs), budget }));
        }
        let unquestioned = memory_limit.is_none() && amplitudes.is_some_and(|amplitudes| amplitudes <= UNQUESTIONED);
        if unquestioned {
            return Ok(());
        }
        let needed = amplitudes.and_then(|amplitudes| amplitudes.checked_mul(2 * dtype.size_in_bytes() as u64));
        // Bytecode of a state that does not fit would be made in vain.
        self.check_budget(program, dtype, needed, memory_limit)?;
        let plan = Resident::of(&self.0, program, dtype)?.plan(program, PlanKey::Forward { batch, save: true });
        self.check_budget(program, dtype, Some(self.working_set(&plan)), memory_limit)
    }

    fn check_budget(
        &self,
        program: &Program,
        dtype: DType,
        needed: Option<u64>,
        memory_limit: Option<u64>,
    ) -> Result<()> {
        let budget = memory_limit.map_or_else(|| self.0.free(), Ok)?;
        match needed {
            Some(bytes) if bytes <= budget && program.qubits <= MAX_GPU_QUBITS => Ok(()),
            _ => Err(Error::Memory(MemoryError::States { qubits: program.qubits, dtype, states: 1, needed, budget })),
        }
    }

    /// Bytes of a plan's buffers: the caller's, and the buffers that a call allocates.
    fn working_set(&self, plan: &LaunchPlan) -> u64 {
        let taken = |buffer: Buffer| buffer.is_saved() || buffer.is_scratch() || buffer == Buffer::Result;
        let given: u64 = Buffer::ALL.into_iter().filter(|buffer| !taken(*buffer)).map(|buffer| plan.size(buffer)).sum();
        let arena = |kind| self.0.occupied(arena_places(plan, kind, |_, _| ()));
        let own = [self.0.occupied(plan.size(Buffer::Result)), arena(Buffer::is_saved), arena(Buffer::is_scratch)];
        own.into_iter().fold(given, u64::saturating_add)
    }
}
