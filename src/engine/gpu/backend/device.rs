//! Calls on a device: its memory, the bytecode of programs on it, and the states that forward passes save.
//!
//! A program's bytecode is copied to a device once, and stays there as long as the program lives. Besides the result, a
//! call allocates two pieces of memory: one for the buffers that its gradient may use, and one for the other buffers.
//! The gradient must use the inputs and weights of the forward call, even if a `Var` has been set since. If the
//! gradient reads them, copies are saved.

use crate::engine::NeedsGrad;
use crate::engine::gpu::abi::Buffer;
use crate::engine::gpu::launch::plan::LaunchPlan;
use crate::engine::gpu::launch::planner;
use crate::engine::gpu::lower::bytecode::Bytecode;
use crate::engine::gpu::{Dialect, Limits};
use crate::error::{DeviceError, Error, MemoryError, Result};
use crate::program::Program;
use candle_core::DType;
use std::any::Any;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Device with its memory and its queue of launches.
pub(crate) trait Device {
    /// Piece of memory; clones are the same piece.
    type Memory: Clone + Debug + Send + Sync + 'static;

    /// Number that distinguishes devices.
    fn id(&self) -> u64;
    /// Returns the dialect and the limits for a dtype.
    fn limits(&self, dtype: DType) -> Result<(Dialect, Limits)>;
    /// Returns the number of free bytes.
    fn free(&self) -> Result<u64>;
    /// Returns the bytes that a piece of memory of this size takes.
    fn occupied(&self, bytes: u64) -> u64 {
        bytes
    }
    /// Allocates at least one byte, with arbitrary content.
    fn allocate(&self, bytes: u64) -> Result<Self::Memory>;
    /// Allocates memory with a copy of these bytes.
    fn upload(&self, bytes: &[u8]) -> Result<Self::Memory>;
    /// Copies the first bytes of a piece of memory to a new piece.
    fn copy(&self, memory: &Self::Memory, bytes: u64) -> Result<Self::Memory>;
    /// Queues the launches of a plan. Each buffer is a piece of memory, from a byte on.
    fn submit(&self, dialect: Dialect, plan: &LaunchPlan, buffers: &Buffers<Self::Memory>) -> Result<()>;
}

/// Buffers of a plan by their numbers; buffers of size 0 may be missing.
pub(crate) type Buffers<M> = [Option<(M, u64)>; Buffer::ALL.len()];

/// Program, inputs and weights of a call, in the caller's memory.
#[derive(Debug)]
pub(crate) struct CallArgs<'a, M> {
    pub(crate) program: &'a Arc<Program>,
    pub(crate) dtype: DType,
    pub(crate) batch: usize,
    pub(crate) inputs: M,
    pub(crate) weights: M,
    pub(crate) memory_limit: Option<u64>,
}

/// Results that a forward pass has saved on a device.
#[derive(Debug)]
pub(crate) struct Saved<M> {
    /// Cosines and sines, tables and states; missing if they are too large to save.
    arena: Option<M>,
    /// Inputs and weights, if the gradient reads them.
    arguments: Option<[M; 2]>,
}

/// Outputs of a forward pass, and its saved results.
pub(crate) type Passed<M> = (M, Option<Saved<M>>);

/// Inverse fraction of the device's free memory that a forward pass may save for its gradient: an eighth.
const SAVED_FRACTION: u64 = 8;

/// Bytes that are saved without a check of the free memory.
const SAVED_FREELY: u64 = 1 << 25;

/// Amplitudes that fit any device: a check of the free memory takes longer than the computation.
const UNQUESTIONED: u64 = 1 << 24;

/// Alignment of the buffers in an arena, in bytes; allocators align the same way.
const ALIGNMENT: u64 = 256;

/// Bytecode of a program on a device, with its plans.
#[derive(Debug)]
struct Resident<M> {
    bytecode: Bytecode,
    dialect: Dialect,
    limits: Limits,
    memory: [M; 3],
    plans: Mutex<Vec<(Key, Arc<LaunchPlan>)>>,
}

/// Kind and size of a call, which determine its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Forward { batch: usize, keep: bool },
    Gradient { batch: usize, wanted: NeedsGrad, saved: bool },
}

/// Largest number of plans of a program on a device.
const PLANS: usize = 8;

type Entry = (Weak<Program>, u64, DType, Arc<dyn Any + Send + Sync>);

static RESIDENTS: Mutex<Vec<Entry>> = Mutex::new(Vec::new());

/// Checks that a forward pass fits the device. candle would wrap the error of an op beyond recognition.
pub(crate) fn check<D: Device>(
    device: &D,
    program: &Arc<Program>,
    batch: usize,
    dtype: DType,
    memory_limit: Option<u64>,
) -> Result<()> {
    let states = [DType::F32, DType::F64].contains(&dtype).then(|| program.qubits).and_then(|qubits| {
        (batch as u64).checked_mul(1u64.checked_shl(qubits as u32).filter(|amplitudes| *amplitudes > 0)?)
    });
    let unquestioned = memory_limit.is_none() && states.is_some_and(|amplitudes| amplitudes <= UNQUESTIONED);
    if !unquestioned {
        let needed = states.and_then(|amplitudes| amplitudes.checked_mul(2 * dtype.size_in_bytes() as u64));
        within(device, program, dtype, needed, memory_limit)?;
    }
    let resident = Resident::of(device, program, dtype)?;
    if unquestioned {
        return Ok(());
    }
    let plan = resident.plan(program, Key::Forward { batch, keep: true });
    within(device, program, dtype, Some(working_set(device, &plan)), memory_limit)
}

/// Bytes of a plan's buffers: the caller's, and the buffers that a call allocates.
fn working_set<D: Device>(device: &D, plan: &LaunchPlan) -> u64 {
    let taken = |buffer: Buffer| buffer.is_saved() || buffer.is_scratch() || buffer == Buffer::Result;
    let given: u64 = Buffer::ALL.into_iter().filter(|buffer| !taken(*buffer)).map(|buffer| plan.size(buffer)).sum();
    let arenas = [Buffer::is_saved, Buffer::is_scratch].map(|kind| device.occupied(places(plan, kind, |_, _| ())));
    arenas.into_iter().fold(given.saturating_add(device.occupied(plan.size(Buffer::Result))), u64::saturating_add)
}

fn within<D: Device>(
    device: &D,
    program: &Program,
    dtype: DType,
    needed: Option<u64>,
    memory_limit: Option<u64>,
) -> Result<()> {
    let budget = memory_limit.map_or_else(|| device.free(), Ok)?;
    match needed {
        Some(bytes) if bytes <= budget && program.qubits <= MOST_QUBITS => Ok(()),
        _ => Err(Error::Memory(MemoryError::States { qubits: program.qubits, dtype, states: 1, needed, budget })),
    }
}

/// Largest number of qubits: indices on a device are words of 32 bits.
const MOST_QUBITS: usize = 31;

/// Computes outputs `[batch, outputs]` in new memory. If `keep`, also returns the results that the gradient can use.
pub(crate) fn forward<D: Device>(device: &D, given: &CallArgs<'_, D::Memory>, keep: bool) -> Result<Passed<D::Memory>> {
    let resident = Resident::of(device, given.program, given.dtype)?;
    let plan = resident.plan(given.program, Key::Forward { batch: given.batch, keep });
    let mut buffers = resident.buffers(given);
    let arena = resident.arena(device, &plan, Buffer::is_saved, &mut buffers)?;
    resident.arena(device, &plan, Buffer::is_scratch, &mut buffers)?;
    let result = device.allocate(plan.size(Buffer::Result))?;
    buffers[Buffer::Result as usize] = Some((result.clone(), 0));
    device.submit(resident.dialect, &plan, &buffers)?;
    if !keep {
        return Ok((result, None));
    }
    let size: u64 = Buffer::ALL.iter().filter(|buffer| buffer.is_saved()).map(|buffer| plan.size(*buffer)).sum();
    let keeps = match given.memory_limit {
        Some(limit) => size <= limit / SAVED_FRACTION,
        None => size <= SAVED_FREELY || size <= device.free()? / SAVED_FRACTION,
    };
    let copy = |memory: &D::Memory, buffer: Buffer| device.copy(memory, plan.size(buffer));
    let arguments = resident.bytecode.reads_arguments || !keeps;
    let arguments = arguments
        .then(|| Ok::<_, Error>([copy(&given.inputs, Buffer::Inputs)?, copy(&given.weights, Buffer::Weights)?]));
    Ok((result, Some(Saved { arena: keeps.then_some(arena), arguments: arguments.transpose()? })))
}

/// Computes the requested gradients in inputs and weights, one after the other in new memory.
pub(crate) fn gradient<D: Device>(
    device: &D,
    given: &CallArgs<'_, D::Memory>,
    cotangent: D::Memory,
    wanted: NeedsGrad,
    saved: Option<Saved<D::Memory>>,
) -> Result<D::Memory> {
    let resident = Resident::of(device, given.program, given.dtype)?;
    let mut buffers = resident.buffers(given);
    let Saved { arena, arguments } = saved.unwrap_or(Saved { arena: None, arguments: None });
    if let Some([inputs, weights]) = arguments {
        buffers[Buffer::Inputs as usize] = Some((inputs, 0));
        buffers[Buffer::Weights as usize] = Some((weights, 0));
    }
    buffers[Buffer::Cotangent as usize] = Some((cotangent, 0));
    let plan = resident.plan(given.program, Key::Gradient { batch: given.batch, wanted, saved: arena.is_some() });
    // The memory of λ and its buffers has not been checked in the forward pass.
    let needed = working_set(device, &plan);
    if given.memory_limit.is_some() || needed > 8 * UNQUESTIONED {
        within(device, given.program, given.dtype, Some(needed), given.memory_limit)?;
    }
    match arena {
        Some(arena) => bind(&plan, Buffer::is_saved, &arena, &mut buffers),
        None => resident.arena(device, &plan, Buffer::is_saved, &mut buffers).map(drop)?,
    }
    resident.arena(device, &plan, Buffer::is_scratch, &mut buffers)?;
    let result = device.allocate(plan.size(Buffer::Result))?;
    buffers[Buffer::Result as usize] = Some((result.clone(), 0));
    device.submit(resident.dialect, &plan, &buffers)?;
    Ok(result)
}

/// Calls `place` with each buffer of a kind and its position in an arena. Returns the size of the arena.
fn places(plan: &LaunchPlan, kind: fn(Buffer) -> bool, mut place: impl FnMut(Buffer, u64)) -> u64 {
    Buffer::ALL.into_iter().filter(|buffer| kind(*buffer)).fold(0, |at, buffer| {
        place(buffer, at);
        at + plan.size(buffer).next_multiple_of(ALIGNMENT)
    })
}

fn bind<M: Clone>(plan: &LaunchPlan, kind: fn(Buffer) -> bool, arena: &M, buffers: &mut Buffers<M>) {
    places(plan, kind, |buffer, at| buffers[buffer as usize] = Some((arena.clone(), at)));
}

impl<M: Clone + Debug + Send + Sync + 'static> Resident<M> {
    /// Returns the entry of a program on the device. The first call copies the bytecode there.
    fn of<D: Device<Memory = M>>(device: &D, program: &Arc<Program>, dtype: DType) -> Result<Arc<Self>> {
        let mut entries = RESIDENTS.lock().unwrap_or_else(PoisonError::into_inner);
        let id = device.id();
        let found = entries.iter().find(|(owner, on, kind, _)| {
            std::ptr::eq(owner.as_ptr(), Arc::as_ptr(program)) && (*on, *kind) == (id, dtype)
        });
        if let Some(resident) = found.and_then(|(.., resident)| Arc::clone(resident).downcast().ok()) {
            return Ok(resident);
        }
        let resident = Arc::new(Self::new(device, program, dtype)?);
        entries.retain(|(owner, ..)| owner.strong_count() > 0);
        let any: Arc<dyn Any + Send + Sync> = Arc::<Self>::clone(&resident);
        entries.push((Arc::downgrade(program), id, dtype, any));
        Ok(resident)
    }

    fn new<D: Device<Memory = M>>(device: &D, program: &Program, dtype: DType) -> Result<Self> {
        let (dialect, limits) = device.limits(dtype)?;
        let unfit = || {
            Error::Device(DeviceError::NoEngine { device: format!("a GPU with tiles of {} bits", limits.tile_bits) })
        };
        let bytecode = Bytecode::new(program, limits.tile_bits).ok_or_else(unfit)?;
        let constants: Vec<f64> = bytecode.constants.iter().flat_map(|value| [value.re, value.im]).collect();
        let memory = [
            device.upload(pulp::bytemuck::cast_slice(&bytecode.code))?,
            device.upload(&bytes(&bytecode.numbers, limits.angle))?,
            device.upload(&bytes(&constants, limits.real))?,
        ];
        Ok(Self { bytecode, dialect, limits, memory, plans: Mutex::default() })
    }

    fn plan(&self, program: &Program, key: Key) -> Arc<LaunchPlan> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, plan)) = plans.iter().find(|(of, _)| *of == key) {
            return Arc::clone(plan);
        }
        let plan = Arc::new(match key {
            Key::Forward { batch, keep } => planner::plan_forward(program, &self.bytecode, self.limits, batch, keep),
            Key::Gradient { batch, wanted, saved } => {
                planner::plan_gradient(program, &self.bytecode, self.limits, batch, wanted, saved)
            }
        });
        if plans.len() == PLANS {
            plans.remove(0);
        }
        plans.push((key, Arc::clone(&plan)));
        plan
    }

    /// Buffers that exist before a call allocates memory.
    fn buffers(&self, given: &CallArgs<'_, M>) -> Buffers<M> {
        let mut buffers = [const { None }; Buffer::ALL.len()];
        let [bytecode, numbers, constants] = self.memory.clone();
        let known = [
            (Buffer::Code, bytecode),
            (Buffer::Numbers, numbers),
            (Buffer::Constants, constants),
            (Buffer::Inputs, given.inputs.clone()),
            (Buffer::Weights, given.weights.clone()),
        ];
        known.into_iter().for_each(|(buffer, memory)| buffers[buffer as usize] = Some((memory, 0)));
        buffers
    }

    /// Allocates memory for all buffers of a kind.
    fn arena<D: Device<Memory = M>>(
        &self,
        device: &D,
        plan: &LaunchPlan,
        kind: fn(Buffer) -> bool,
        buffers: &mut Buffers<M>,
    ) -> Result<M> {
        let size = places(plan, kind, |_, _| ());
        let arena = device.allocate(size.max(1))?;
        bind(plan, kind, &arena, buffers);
        Ok(arena)
    }
}

/// Bytes of numbers in the precision that takes `width` bytes.
fn bytes(values: &[f64], width: usize) -> Vec<u8> {
    match width {
        8 => values.iter().flat_map(|value| value.to_ne_bytes()).collect(),
        _ => values.iter().flat_map(|value| (*value as f32).to_ne_bytes()).collect(),
    }
}
