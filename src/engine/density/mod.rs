//! The engine for density matrices, on the CPU: noise channels, exactly.
//!
//! A density matrix is stored as the real numbers `r_P = Tr(P ρ)` of all Pauli words P on its qubits. Gates are then
//! orthogonal maps of few words, and an expectation value is a number or a few. The reverse pass undoes the maps one by
//! one, as the engine for state vectors undoes gates. Undoing a channel enlarges errors, because the channel has
//! shortened the numbers; where the product of these factors would cost too many digits, the call for gradients, which
//! runs the forward pass again, keeps a copy of the state. A map without an inverse always has one in front of it.

mod cells;
mod coefficients;
mod collect;
mod dense;
mod lower;
mod math;
mod numbers;
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
use collect::GroupSums;
use numbers::{SharedNumbers, Source, UnitNumbers};
use plan::Lanes;
use tape::Tape;
use unit::{Call, Kept, Scratch, Worker, is_ranged};

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

/// Runs `f` with another factor by which undoing may enlarge errors before a copy is kept, on this thread: 0 keeps a
/// copy in front of every pass.
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

/// States of a forward pass with their numbers, and the arguments that they belong to.
#[derive(Debug)]
struct KeptStates<T> {
    inputs: Vec<T>,
    weights: Vec<T>,
    shared: SharedNumbers<T>,
    units: Vec<Kept<T>>,
}

impl<T: Real> KeptStates<T> {
    /// Returns what a forward pass has saved, if it had these arguments.
    fn of(saved: Option<Saved>, arguments: Arguments<'_, T>) -> Option<Self> {
        let kept = *saved?.downcast::<Self>().ok()?;
        (kept.inputs == arguments.inputs && kept.weights == arguments.weights).then_some(kept)
    }
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

impl<'a, T: Real> Source<'a, T> {
    fn new(program: &'a Program, arguments: Arguments<'a, T>) -> Result<Self> {
        let tape = Tape::of(program)?;
        Ok(Self { program, tape, plan: tape.plan(lanes(program.qubits, arguments.batch)), arguments })
    }

    /// Computes the numbers that all samples share.
    fn shared_numbers(self) -> Result<SharedNumbers<T>> {
        self.program.check_strengths(4.0 * T::EPSILON, |slot| slot.value(self.variables(0)))?;
        Ok(SharedNumbers::new(self))
    }
}

impl<'a, T: Real> Call<'a, T> {
    fn new(source: Source<'a, T>, shared: SharedNumbers<T>) -> Self {
        Self { source, shared, allowed_growth: allowed_growth::<T>(), spread_state: false, memory: (None, 1) }
    }

    fn units(&self) -> usize {
        self.source.arguments.batch.div_ceil(self.source.plan.lanes.samples())
    }

    /// Decides where threads share the work. Returns whether they take units.
    fn spread(&mut self, threads: usize, options: &Options) -> bool {
        let Source { plan, tape, .. } = self.source;
        let work = plan.rows * LANES * tape.ops.len().max(1) * self.units();
        let is_large = work >= SERIAL_WORK;
        self.spread_state = is_large && is_ranged(plan) && (threads == 1 || self.units() < 2 * threads);
        let spread = is_large && threads > 1 && !self.spread_state;
        self.memory = (options.memory_limit, if spread { threads } else { 1 });
        spread
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
        let source = Source::new(program, arguments)?;
        let mut call = Call::new(source, source.shared_numbers()?);
        let spread = call.spread(threads, options);
        let (by, units) = (&call, call.units());
        let keep = save && may_keep(source, units, options);
        let mut outputs = zeroed_vec("outputs", arguments.batch * program.engine_outputs())?;
        let width = source.plan.lanes.samples() * program.engine_outputs();
        let mut found: Vec<Result<Option<Kept<T>>>> = (0..units).map(|_| Ok(None)).collect();
        let items = outputs.chunks_mut(width.max(1)).zip(&mut found).enumerate();
        share::for_each_item(spread, &mut Vec::new(), items, |scratch: &mut Scratch<T>, (unit, (outputs, found))| {
            *found = Worker { call: by, scratch, unit }.forward(outputs, keep);
        });
        let count = units;
        let units: Vec<Kept<T>> = found.into_iter().filter_map(Result::transpose).collect::<Result<_>>()?;
        let is_whole = keep && units.len() == count;
        let (inputs, weights, shared) = (arguments.inputs.to_vec(), arguments.weights.to_vec(), call.shared);
        Ok((outputs, is_whole.then(|| Box::new(KeptStates { inputs, weights, shared, units }) as Saved)))
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
        let source = Source::new(program, arguments)?;
        let (shared, mut kept) = match KeptStates::of(saved, arguments) {
            Some(kept) => (kept.shared, kept.units.into_iter().map(Some).collect()),
            None => (source.shared_numbers()?, Vec::new()),
        };
        let mut call = Call::new(source, shared);
        let spread = call.spread(threads, options);
        let (call, units) = (&call, call.units());
        kept.resize_with(units, || None);
        let size = if needs_grad.inputs { arguments.batch * program.engine_inputs } else { 0 };
        let mut inputs = zeroed_vec("gradients of inputs", size)?;
        let each = units.div_ceil(MAX_GROUPS).max(1);
        let mut groups: Vec<(GroupSums, Result<()>)> =
            (0..units.div_ceil(each)).map(|_| (GroupSums::default(), Ok(()))).collect();
        let width = source.plan.lanes.samples() * program.engine_inputs;
        let mut rows = inputs.chunks_mut((each * width).max(1));
        let mut of_groups = kept.chunks_mut(each);
        let items = groups.iter_mut().enumerate().map(|(index, group)| (index, group, of_groups.next(), rows.next()));
        share::for_each_item(spread, &mut Vec::new(), items, |scratch: &mut Scratch<T>, (index, group, kept, rows)| {
            let (sums, result) = group;
            let mut rows = rows.unwrap_or_default().chunks_mut(width.max(1));
            for (k, kept) in kept.unwrap_or_default().iter_mut().enumerate() {
                let row = rows.next();
                let mut worker = Worker { call, scratch, unit: index * each + k };
                *result = worker.gradient(kept.take(), cotangent, row, sums);
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
            weights: needs_grad.weights.then(|| total.weight_gradient(source, &call.shared)),
        })
    }
}

/// Whether the states and numbers of all units may be kept for the gradient.
fn may_keep<T: Real>(source: Source<'_, T>, units: usize, options: &Options) -> bool {
    let of_state = source.plan.rows.saturating_mul(size_of::<Row16<T>>());
    let bytes = of_state.saturating_add(UnitNumbers::<T>::bytes(source.tape, source.plan)).saturating_mul(units);
    let limit = options.memory_limit.map_or(KEPT_BYTES, |limit| usize::try_from(limit / 4).unwrap_or(usize::MAX));
    bytes <= limit.min(KEPT_BYTES)
}
