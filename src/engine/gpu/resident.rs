//! Programs on a device: their bytecode and the launch plans of their calls.
//!
//! A program's bytecode is copied to a device once, and stays there as long as the program lives.

use super::Limits;
use super::abi::{Buffer, Dialect};
use super::backend::device::{Buffers, Device};
use super::launch::plan::LaunchPlan;
use super::launch::planner;
use super::lower::bytecode::Bytecode;
use crate::engine::NeedsGrad;
use crate::error::{DeviceError, Error, Result};
use crate::program::Program;
use candle_core::DType;
use std::sync::{Arc, Mutex, PoisonError};

/// Alignment of the buffers in an arena, in bytes; allocators align the same way.
const ALIGNMENT: u64 = 256;

/// Largest number of plans of a program on a device.
const MAX_PLANS: usize = 8;

/// Bytecode of a program on a device, with its plans.
#[derive(Debug)]
pub(super) struct Resident<M> {
    pub(super) bytecode: Bytecode,
    pub(super) dialect: Dialect,
    limits: Limits,
    memory: [M; 3],
    plans: Mutex<Vec<(PlanKey, Arc<LaunchPlan>)>>,
}

/// Kind and size of a call, which determine its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlanKey {
    Forward { batch: usize, save: bool },
    Gradient { batch: usize, needs_grad: NeedsGrad, saved: bool },
}

/// Bytecode on a device, by the device's number and the dtype.
type Entry<M> = (u64, DType, Arc<Resident<M>>);

/// A program's bytecode on each device and in each dtype, in the program's cache.
struct Residents<M>(Mutex<Vec<Entry<M>>>);

impl<M> Default for Residents<M> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<M: Clone + Send + Sync + 'static> Resident<M> {
    /// Returns the bytecode of a program on the device. The first call copies it there.
    pub(super) fn of<D: Device<Memory = M>>(device: &D, program: &Program, dtype: DType) -> Result<Arc<Self>> {
        let Residents(residents) = program.cache.entry::<Residents<M>>();
        let mut residents = residents.lock().unwrap_or_else(PoisonError::into_inner);
        let id = device.id();
        if let Some((.., resident)) = residents.iter().find(|(on, of, _)| (*on, *of) == (id, dtype)) {
            return Ok(Arc::clone(resident));
        }
        let resident = Arc::new(Self::new(device, program, dtype)?);
        residents.push((id, dtype, Arc::clone(&resident)));
        Ok(resident)
    }

    fn new<D: Device<Memory = M>>(device: &D, program: &Program, dtype: DType) -> Result<Self> {
        let (dialect, limits) = (device.dialect(dtype)?, device.limits(dtype)?);
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

    /// Returns the plan of a call.
    pub(super) fn plan(&self, program: &Program, key: PlanKey) -> Arc<LaunchPlan> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, plan)) = plans.iter().find(|(of, _)| *of == key) {
            return Arc::clone(plan);
        }
        let plan = Arc::new(match key {
            PlanKey::Forward { batch, save } => {
                planner::plan_forward(program, &self.bytecode, self.limits, batch, save)
            }
            PlanKey::Gradient { batch, needs_grad, saved } => {
                planner::plan_gradient(program, &self.bytecode, self.limits, batch, needs_grad, saved)
            }
        });
        if plans.len() == MAX_PLANS {
            plans.remove(0);
        }
        plans.push((key, Arc::clone(&plan)));
        plan
    }

    /// Buffers that exist before a call allocates memory, with the call's inputs and weights.
    pub(super) fn buffers(&self, [inputs, weights]: [M; 2]) -> Buffers<M> {
        let mut buffers = [const { None }; Buffer::ALL.len()];
        let [bytecode, numbers, constants] = self.memory.clone();
        let known = [
            (Buffer::Code, bytecode),
            (Buffer::Numbers, numbers),
            (Buffer::Constants, constants),
            (Buffer::Inputs, inputs),
            (Buffer::Weights, weights),
        ];
        known.into_iter().for_each(|(buffer, memory)| buffers[buffer as usize] = Some((memory, 0)));
        buffers
    }
}

/// Calls `place` with each buffer of a kind and its position in an arena. Returns the size of the arena.
pub(super) fn arena_places(plan: &LaunchPlan, kind: fn(Buffer) -> bool, mut place: impl FnMut(Buffer, u64)) -> u64 {
    Buffer::ALL.into_iter().filter(|buffer| kind(*buffer)).fold(0, |at, buffer| {
        place(buffer, at);
        at + plan.size(buffer).next_multiple_of(ALIGNMENT)
    })
}

/// Gives each buffer of a kind its place in an arena.
pub(super) fn bind_arena<M: Clone>(plan: &LaunchPlan, kind: fn(Buffer) -> bool, arena: &M, buffers: &mut Buffers<M>) {
    arena_places(plan, kind, |buffer, at| buffers[buffer as usize] = Some((arena.clone(), at)));
}

/// Allocates an arena for all buffers of a kind.
pub(super) fn allocate_arena<D: Device>(
    device: &D,
    plan: &LaunchPlan,
    kind: fn(Buffer) -> bool,
    buffers: &mut Buffers<D::Memory>,
) -> Result<D::Memory> {
    let arena = device.allocate(arena_places(plan, kind, |_, _| ()).max(1))?;
    bind_arena(plan, kind, &arena, buffers);
    Ok(arena)
}

/// Bytes of numbers in the precision that takes `width` bytes.
fn bytes(values: &[f64], width: usize) -> Vec<u8> {
    match width {
        8 => values.iter().flat_map(|value| value.to_ne_bytes()).collect(),
        _ => values.iter().flat_map(|value| (*value as f32).to_ne_bytes()).collect(),
    }
}
