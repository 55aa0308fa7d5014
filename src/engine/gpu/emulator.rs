//! An engine that hands plans to an emulator of a GPU: how the kernels' text is proven without one.
//!
//! The emulator itself is a crate of the project's own, which compiles the text for the CPU and implements [`Submit`].

use super::plan::{self, Buffer, Plan};
use super::tape::Tape;
use super::{Dialect, Limits};
use crate::engine::cpu::Cpu;
use crate::engine::{Arguments, Engine, Gradients, Real, Wanted, budget};
use crate::error::{Error, Result};
use crate::program::Program;
use candle_core::DType;
use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::Arc;

/// Memory of a device: each buffer of a plan, in units that are aligned for every type.
pub type Memory = Vec<Vec<u128>>;

/// What submits plans.
pub trait Submit: Debug {
    /// What the device can do.
    fn limits(&self) -> Limits;
    /// The text it runs.
    fn dialect(&self) -> Dialect;
    /// Runs a plan.
    fn submit(&self, plan: &Plan, memory: &mut Memory);
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

/// See the module.
#[derive(Debug)]
pub(crate) struct Emulated {
    submit: Arc<dyn Submit>,
    memory_limit: Option<u64>,
}

/// What a forward pass left on the device, and the numbers it belongs to.
#[derive(Debug)]
pub(crate) struct Kept {
    memory: Memory,
    arguments: [Vec<u128>; 2],
}

/// `values` in a buffer of `bytes` bytes; what is left over holds NaN.
fn buffer<V: pulp::bytemuck::Pod>(values: &[V], bytes: u64) -> Vec<u128> {
    let mut buffer = vec![u128::MAX; bytes.div_ceil(16) as usize];
    let (from, to) = (pulp::bytemuck::cast_slice(values), pulp::bytemuck::cast_slice_mut::<u128, u8>(&mut buffer));
    to[..from.len()].copy_from_slice(from);
    buffer
}

impl Emulated {
    /// The emulator in place of the CPU engine, if there is one.
    pub(crate) fn current(cpu: Cpu) -> Option<Self> {
        let submit = CURRENT.with_borrow(Clone::clone)?;
        Some(Self { submit, memory_limit: cpu.memory_limit })
    }

    /// As [`Cpu::check`].
    pub(crate) fn check(&self, program: &Program, batch: usize, dtype: DType) -> Result<()> {
        match dtype {
            DType::F64 => self.plan::<f64>(program, |tape, limits| plan::forward(program, tape, limits, batch)),
            _ => self.plan::<f32>(program, |tape, limits| plan::forward(program, tape, limits, batch)),
        }
        .map(drop)
    }

    /// A plan within the memory limit, and the tape it needs.
    fn plan<T: Real>(&self, program: &Program, make: impl FnOnce(&Tape, Limits) -> Plan) -> Result<(Tape, Plan)> {
        let limits = self.submit.limits();
        if size_of::<T>() != limits.real {
            return Err(Error::UnsupportedDType { what: "the emulated state".to_owned(), dtype: T::DTYPE });
        }
        budget::check::<T>(program, 1, budget::state_bytes::<T>(program.qubits, 1, 1), self.memory_limit)?;
        let unfit = || Error::UnsupportedDevice { device: "an emulated GPU: a matrix exceeds a tile".to_owned() };
        let tape = Tape::new(program, limits.tile_bits).ok_or_else(unfit)?;
        let plan = make(&tape, limits);
        budget::check::<T>(program, 1, Some(plan.sizes.iter().sum()), self.memory_limit)?;
        Ok((tape, plan))
    }

    /// Memory for a plan with what is known in it, and NaN in the rest.
    fn memory<T: Real>(&self, tape: &Tape, plan: &Plan, arguments: Arguments<'_, T>, cotangent: &[T]) -> Memory {
        let narrow = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<_>>();
        let complex: Vec<f64> = tape.constants.iter().flat_map(|value| [value.re, value.im]).collect();
        let Limits { real, angle, .. } = self.submit.limits();
        let converted = |values: &[f64], bytes: usize, size: u64| match bytes {
            8 => buffer(values, size),
            _ => buffer(&narrow(values), size),
        };
        let fill = |which: &Buffer| {
            let size = plan.sizes[*which as usize];
            match which {
                Buffer::Tape => buffer(&tape.words, size),
                Buffer::Numbers => converted(&tape.numbers, angle, size),
                Buffer::Constants => converted(&complex, real, size),
                Buffer::Inputs => buffer(arguments.inputs, size),
                Buffer::Weights => buffer(arguments.weights, size),
                Buffer::Cotangent => buffer(cotangent, size),
                _ => buffer::<u8>(&[], size),
            }
        };
        Buffer::ALL.iter().map(fill).collect()
    }

    fn result<T: Real>(memory: &Memory, count: usize) -> Vec<T> {
        pulp::bytemuck::cast_slice::<u128, T>(&memory[Buffer::Result as usize])[..count].to_vec()
    }
}

impl<T: Real> Engine<T> for Emulated {
    type Kept = Kept;

    fn forward(&self, program: &Program, arguments: Arguments<'_, T>, keep: bool) -> Result<(Vec<T>, Option<Kept>)> {
        let make = |tape: &Tape, limits| plan::forward(program, tape, limits, arguments.batch);
        let (tape, plan) = self.plan::<T>(program, make)?;
        let mut memory = self.memory(&tape, &plan, arguments, &[]);
        self.submit.submit(&plan, &mut memory);
        let out = Self::result(&memory, arguments.batch * program.outputs());
        let arguments = [Buffer::Inputs, Buffer::Weights].map(|buffer| memory[buffer as usize].clone());
        Ok((out, keep.then_some(Kept { memory, arguments })))
    }

    fn gradient(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        cotangent: &[T],
        wanted: Wanted,
        kept: Option<Kept>,
    ) -> Result<Gradients<T>> {
        let same = |kept: &Kept| {
            let [inputs, weights] = &kept.arguments;
            let of = |values: &[T], bytes: &[u128]| bytes == buffer(values, size_of_val(values) as u64);
            of(arguments.inputs, inputs) && of(arguments.weights, weights)
        };
        let kept = kept.filter(same);
        let make = |tape: &Tape, limits| plan::gradient(program, tape, limits, arguments.batch, wanted, kept.is_some());
        let (tape, plan) = self.plan::<T>(program, make)?;
        let mut memory = self.memory(&tape, &plan, arguments, cotangent);
        for (which, kept) in Buffer::ALL.iter().zip(kept.into_iter().flat_map(|kept| kept.memory)) {
            if which.is_kept() {
                memory[*which as usize] = kept;
            }
        }
        self.submit.submit(&plan, &mut memory);
        let inputs = if wanted.inputs { arguments.inputs.len() } else { 0 };
        let weights = if wanted.weights { arguments.weights.len() } else { 0 };
        let mut result = Self::result(&memory, inputs + weights);
        let weights = result.split_off(inputs);
        Ok(Gradients { inputs: wanted.inputs.then_some(result), weights: wanted.weights.then_some(weights) })
    }
}
