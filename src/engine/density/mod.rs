//! The engine for density matrices, on the CPU: noise channels, exactly.
//!
//! A density matrix is stored as the real numbers `r_P = Tr(P ρ)` of all Pauli words P on its qubits. Gates are then
//! orthogonal maps of few words, and an expectation value is a number or a few. The reverse pass undoes the maps one by
//! one, as the engine for state vectors undoes gates. Undoing a channel enlarges errors, because the channel has
//! shortened the numbers; where the product of these factors would cost too many digits, the call for gradients, which
//! runs the forward pass again, keeps a copy of the state. A map without an inverse always has one in front of it.

mod cells;
mod coefficients;
mod dense;
mod lower;
mod plan;
mod readout;
mod start;
mod tape;
mod transfer;
mod unit;

use super::host::HostEngine;
use super::lines::Row16;
use super::simd::{self, LANES};
use super::{Arguments, Gradients, NeedsGrad, Options, Real, Saved, budget, share, threads};
use crate::error::Result;
use crate::memory::zeroed_vec;
use crate::program::Program;
use coefficients::{PartMatrix, Values, part_matrix, set_coefficients};
use lower::{Op, Part};
use plan::{Lanes, Plan};
use tape::Tape;
use transfer::IDENTITY;
use unit::{Call, GroupSums, Kept, Scratch, Worker, samples_of_unit, slot_value};

/// Engine for density matrices of tensors on `Device::Cpu`.
#[derive(Debug)]
pub(crate) struct Density;

/// Runs `f` with this engine in place of the CPU engine, on this thread.
#[cfg(feature = "testing")]
pub fn with_density_engine<R>(f: impl FnOnce() -> R) -> R {
    super::with_engine(std::sync::Arc::new(super::host::OnHost(Density)), f)
}

#[cfg(feature = "testing")]
thread_local! {
    static ALLOWED: std::cell::Cell<Option<f64>> = const { std::cell::Cell::new(None) };
}

/// Runs `f` with another factor by which undoing may enlarge errors before a copy is kept, on this thread: 0 keeps a copy
/// in front of every pass.
#[cfg(feature = "testing")]
pub fn with_allowed_growth<R>(allowed: f64, f: impl FnOnce() -> R) -> R {
    let before = ALLOWED.replace(Some(allowed));
    let result = f();
    ALLOWED.set(before);
    result
}

/// Largest number of qubits for which samples share rows, and fewest samples that do.
const SHARED_ROWS: (usize, usize) = (6, 6);

/// Largest number of groups in which weight gradients are summed. It does not depend on the number of threads.
const MAX_GROUPS: usize = 64;

/// Numbers of a state times ops below which threads cost more time than they save.
const SERIAL_WORK: usize = 1 << 15;

/// Bytes that a forward pass may keep for its gradient.
const KEPT_BYTES: usize = 1 << 27;

/// Returns the factor by which undoing ops may enlarge an error.
fn allowed_growth<T: Real>() -> f64 {
    #[cfg(feature = "testing")]
    if let Some(allowed) = ALLOWED.get() {
        return allowed;
    }
    if T::DTYPE == candle_core::DType::F64 { 1e8 } else { 1e2 }
}

/// States of a forward pass, and the arguments that they belong to.
#[derive(Debug)]
struct KeptStates<T> {
    inputs: Vec<T>,
    weights: Vec<T>,
    units: Vec<Kept<T>>,
}

/// Meaning of the lanes. It does not depend on the number of threads.
fn lanes(qubits: usize, batch: usize) -> Lanes {
    match qubits < Lanes::Letters.qubits() || qubits <= SHARED_ROWS.0 && batch >= SHARED_ROWS.1 {
        true => Lanes::Samples,
        false => Lanes::Letters,
    }
}

/// Bytes of one state.
fn state_bytes<T: Real>(qubits: usize, lanes: Lanes) -> Option<u64> {
    let rows = 1u64.checked_shl(2 * (qubits - lanes.qubits()) as u32)?;
    rows.checked_mul(size_of::<Row16<T>>() as u64)
}

/// Checks that the states of a gradient fit the memory of one thread. Returns how many threads may work on units.
fn check_memory<T: Real>(program: &Program, batch: usize, options: &Options) -> Result<usize> {
    simd::arch::check_arch()?;
    let lanes = lanes(program.qubits, batch);
    // The state and λ; the words of an embedding are computed in f64 from amplitudes.
    let each = state_bytes::<T>(program.qubits, lanes).and_then(|bytes| bytes.checked_mul(2));
    budget::check::<T>(program, 2, each, options.memory_limit)?;
    let threads = threads::thread_count();
    let all = each.and_then(|bytes| bytes.checked_mul(threads as u64));
    let roomy = budget::check::<T>(program, 2 * threads, all, options.memory_limit).is_ok();
    Ok(if roomy { threads } else { 1 })
}

impl<'a, T: Real> Call<'a, T> {
    /// Makes a call; `allowed_growth` is the factor by which undoing may enlarge an error before a copy is kept.
    fn new(program: &'a Program, arguments: Arguments<'a, T>, allowed_growth: f64) -> Result<Self> {
        let tape = Tape::of(program)?;
        let plan = tape.plan(lanes(program.qubits, arguments.batch));
        program.check_strengths(4.0 * T::EPSILON, |slot| slot_value(program, slot, arguments, 0))?;
        let value = |slot: &crate::program::Slot| match slot.reads_inputs() {
            true => 0.0,
            false => slot_value(program, slot, arguments, 0),
        };
        let values: Vec<f64> = tape.slots.iter().map(value).collect();
        let is_finite = values.iter().all(|value| value.is_finite());
        let mut call = Call {
            program,
            tape,
            plan,
            arguments,
            is_finite,
            matrices: Vec::new(),
            coefficients: vec![Row16([T::zero(); LANES]); plan.coefficients],
            growth: vec![1.0; plan.passes.len()],
            allowed_growth,
            spread_state: false,
            memory: (None, 1),
            values,
        };
        call.matrices = tape.ops.iter().flat_map(|op| shared_matrices(op, &call.values)).collect();
        let lanes: Vec<[f64; LANES]> = call.values.iter().map(|value| [*value; LANES]).collect();
        let values = Values { slots: &lanes, valid: &[true; LANES] };
        for (pass, growth) in plan.passes.iter().zip(&mut call.growth) {
            for placed in pass.ops.iter().filter(|placed| !tape.varies[placed.op]) {
                let to = &mut call.coefficients[placed.coefficients.clone()];
                let shared = &call.matrices[tape.parts[placed.op].clone()];
                *growth *= set_coefficients(plan, (pass, placed, &tape.ops[placed.op], shared), &values, true, to);
            }
        }
        Ok(call)
    }

    fn units(&self) -> usize {
        self.arguments.batch.div_ceil(samples_of_unit(self.plan.lanes))
    }

    /// Decides where threads share the work. Returns whether they take units.
    fn spread(&mut self, threads: usize, options: &Options) -> bool {
        let work = self.plan.rows * LANES * self.tape.ops.len().max(1) * self.units();
        let is_large = work >= SERIAL_WORK;
        self.spread_state = is_large && (threads == 1 || self.units() < 2 * threads);
        let spread = is_large && threads > 1 && !self.spread_state;
        self.memory = (options.memory_limit, if spread { threads } else { 1 });
        spread
    }
}

/// Matrices of the parts of an op, the identity for parts that vary and for an op without parts.
fn shared_matrices(op: &Op, values: &[f64]) -> Vec<PartMatrix> {
    let of = |part: &Part| match part.varies {
        true => (IDENTITY, 1.0),
        false => part_matrix(part, &|slot| values[slot]),
    };
    match op {
        Op::Local { parts, .. } => parts.iter().map(of).collect(),
        Op::Dense { .. } | Op::Mixing { .. } => vec![(IDENTITY, 1.0)],
    }
}

impl HostEngine for Density {
    fn check<T: Real>(&self, program: &Program, batch: usize, options: &Options) -> Result<()> {
        check_memory::<T>(program, batch, options)?;
        Tape::of(program).map(drop)
    }

    fn forward<T: Real>(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        options: &Options,
        save: bool,
    ) -> Result<(Vec<T>, Option<Saved>)> {
        let threads = check_memory::<T>(program, arguments.batch, options)?;
        let mut call = Call::new(program, arguments, allowed_growth::<T>())?;
        let spread = call.spread(threads, options);
        let (call, units) = (&call, call.units());
        let keep = save && may_keep::<T>(call.plan, units, options);
        let mut outputs = zeroed_vec("outputs", arguments.batch * program.engine_outputs())?;
        let width = samples_of_unit(call.plan.lanes) * program.engine_outputs();
        let mut found: Vec<Result<Option<Kept<T>>>> = (0..units).map(|_| Ok(None)).collect();
        let items = outputs.chunks_mut(width.max(1)).zip(&mut found).enumerate();
        share::for_each_item(spread, &mut Vec::new(), items, |scratch: &mut Scratch<T>, (unit, (outputs, found))| {
            *found = Worker { call, scratch }.forward(unit, outputs, keep);
        });
        let count = units;
        let units: Vec<Kept<T>> = found.into_iter().filter_map(Result::transpose).collect::<Result<_>>()?;
        let is_whole = keep && units.len() == count;
        let kept = || KeptStates { inputs: arguments.inputs.to_vec(), weights: arguments.weights.to_vec(), units };
        Ok((outputs, is_whole.then(|| Box::new(kept()) as Saved)))
    }

    fn gradient<T: Real>(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        options: &Options,
        cotangent: &[T],
        needs_grad: NeedsGrad,
        saved: Option<Saved>,
    ) -> Result<Gradients<T>> {
        let threads = check_memory::<T>(program, arguments.batch, options)?;
        let mut call = Call::new(program, arguments, allowed_growth::<T>())?;
        let spread = call.spread(threads, options);
        let (call, units) = (&call, call.units());
        let saved = saved.and_then(|saved| saved.downcast::<KeptStates<T>>().ok());
        let saved = saved.filter(|kept| kept.inputs == arguments.inputs && kept.weights == arguments.weights);
        let mut kept: Vec<Option<Kept<T>>> = match saved {
            Some(kept) => kept.units.into_iter().map(Some).collect(),
            None => (0..units).map(|_| None).collect(),
        };
        let size = if needs_grad.inputs { arguments.batch * program.engine_inputs } else { 0 };
        let mut inputs = zeroed_vec("gradients of inputs", size)?;
        let each = units.div_ceil(MAX_GROUPS).max(1);
        let mut groups: Vec<(GroupSums, Result<()>)> =
            (0..units.div_ceil(each)).map(|_| (GroupSums::default(), Ok(()))).collect();
        let width = samples_of_unit(call.plan.lanes) * program.engine_inputs;
        let mut rows = inputs.chunks_mut((each * width).max(1));
        let mut of_groups = kept.chunks_mut(each);
        let items = groups.iter_mut().enumerate().map(|(index, group)| (index, group, of_groups.next(), rows.next()));
        share::for_each_item(spread, &mut Vec::new(), items, |scratch: &mut Scratch<T>, (index, group, kept, rows)| {
            let (sums, result) = group;
            let mut rows = rows.unwrap_or_default().chunks_mut(width.max(1));
            for (k, kept) in kept.unwrap_or_default().iter_mut().enumerate() {
                let row = rows.next();
                let mut worker = Worker { call, scratch };
                *result = worker.gradient(index * each + k, kept.take(), cotangent, row, sums);
                if result.is_err() {
                    return;
                }
            }
        });
        let mut total = GroupSums::default();
        for (sums, result) in groups {
            result?;
            total.add(&sums);
        }
        Ok(Gradients {
            inputs: needs_grad.inputs.then_some(inputs),
            weights: needs_grad.weights.then(|| total.weight_gradient(call)),
        })
    }
}

/// Whether the states of all units may be kept for the gradient.
fn may_keep<T: Real>(plan: &Plan, units: usize, options: &Options) -> bool {
    let bytes = plan.rows.saturating_mul(units).saturating_mul(size_of::<Row16<T>>());
    let limit = options.memory_limit.map_or(KEPT_BYTES, |limit| usize::try_from(limit / 4).unwrap_or(usize::MAX));
    bytes <= limit.min(KEPT_BYTES)
}
