//! States that the members of a group share: each member has some shards of a state, and runs ordinary programs on them
//! between exchanges.
//!
//! All members call the engine with the same arguments in the same order. A call begins with an agreement, so an error of
//! one is an error of all. A pass sends amplitudes in exchanges, and partial sums once at its end: outputs and gradients
//! are linear in what the shards have. The sums are added in the order of shards, so results have the same bits for any
//! number of members.

mod exchange;
mod memory;
mod samples;

use super::angles::{GroupSums, weight_gradient};
use super::partition::Partition;
use super::state::state_bytes;
use crate::cluster::Sharing;
use crate::engine::host::HostEngine;
use crate::engine::pool::WorkspacePool;
use crate::engine::{Arguments, Gradients, NeedsGrad, Options, Real, Saved, budget};
use crate::error::Result;
use crate::hash::fnv1a;
use crate::memory::{exceeded_budget, zeroed_vec};
use crate::program::{Program, Quantity};
use memory::{Planned, SavedShards, ShardMemory};
use samples::{ShardCall, Start};
use std::sync::Arc;

/// Engine for states that a group shares.
#[derive(Debug)]
pub(crate) struct Shards(pub(crate) Sharing);

/// Bytes of final states that wait on a member for their gradients. Above this limit a gradient repeats the forward pass.
const SAVED_BYTES: u128 = 1 << 27;

/// Largest number of bytes of a message.
const MESSAGE: usize = 1 << 20;

/// Plans the shards of a program, for later calls.
///
/// # Errors
/// The program has no plan.
pub(crate) fn plan_shards(program: &Program, sharing: &Sharing) -> Result<()> {
    Planned::of(program, sharing).map(drop)
}

impl Shards {
    /// Plans a program, and checks that the memory of this member is enough for its part.
    fn planned<T: Real>(
        &self,
        program: &Program,
        batch: usize,
        gradient: bool,
        options: &Options,
    ) -> Result<Arc<Planned>> {
        let planned = Planned::of(program, &self.0)?;
        let states = planned.own.len() * if gradient { 2 } else { 1 };
        let needed = self.needed::<T>(program, (&planned, batch), (states, 0), options);
        budget::check::<T>(program, states, needed, options.memory_limit)?;
        Ok(planned)
    }

    /// Bytes of a call with so many states, beside final states with `saved` bytes.
    fn needed<T: Real>(
        &self,
        program: &Program,
        (planned, batch): (&Planned, usize),
        (states, saved): (usize, u128),
        options: &Options,
    ) -> Option<u64> {
        let state = state_bytes::<T>(planned.plan.local, 1);
        let permuted = if planned.moves { state / 2 } else { 0 };
        let numbers = (planned.outputs + call_width(program)) as u128 * 8 * (self.0.shards * batch) as u128;
        let bytes = state * states as u128 + permuted + saved + numbers + 2 * MESSAGE as u128;
        // A user's limit is for each member, and counts what waits; members on one machine share its memory.
        let (members, waiting) = match options.memory_limit {
            Some(_) => (1, WorkspacePool::of(program).waiting()),
            None => (self.0.cluster.members_here(), 0),
        };
        u64::try_from((bytes + waiting as u128) * members as u128).ok()
    }

    /// Whether this member can keep the final states of all samples for a gradient.
    fn may_save<T: Real>(&self, program: &Program, planned: &Planned, batch: usize, options: &Options) -> bool {
        let states = 2 * planned.own.len();
        let saved = state_bytes::<T>(planned.plan.local, 1) * planned.own.len() as u128 * batch as u128;
        let needed = self.needed::<T>(program, (planned, batch), (states, saved), options);
        let is_little = saved + WorkspacePool::of(program).waiting() as u128 <= SAVED_BYTES;
        is_little && exceeded_budget(needed, options.memory_limit).is_none()
    }

    /// Checks that all members call with the same arguments, and that none has an error. Returns this member's value, and
    /// whether any has the flag.
    fn agree<T: Real, V>(
        &self,
        (mine, flag): (Result<V>, bool),
        program: &Program,
        arguments: Arguments<'_, T>,
        (kind, cotangent): (u64, &[T]),
    ) -> Result<(V, bool)> {
        let hash = |numbers: &[T]| fnv1a(pulp::bytemuck::cast_slice(numbers));
        let sizes = [program.qubits, program.slots.len(), program.steps.len(), program.engine_outputs()];
        let sizes = sizes.iter().fold(kind, |hash, size| hash.wrapping_mul(0x100_0000_01b3) ^ *size as u64);
        let things = [
            ("the call", sizes),
            ("the number of samples", arguments.batch as u64),
            ("the weights", hash(arguments.weights)),
            ("the inputs", hash(arguments.inputs)),
            ("the cotangent", hash(cotangent)),
        ];
        let agreed = self.0.cluster.agree(mine, flag, &things);
        self.0.cluster.note_shared_call();
        agreed
    }
}

impl HostEngine for Shards {
    fn check<T: Real>(&self, program: &Program, batch: usize, options: &Options) -> Result<()> {
        self.planned::<T>(program, batch, false, options).map(drop)
    }

    fn forward<T: Real>(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        options: &Options,
        save: bool,
    ) -> Result<(Vec<T>, Option<Saved>)> {
        let batch = arguments.batch;
        let mut declines = false;
        let mine = self.planned::<T>(program, batch, save, options).and_then(|planned| {
            declines = !(save && self.may_save::<T>(program, &planned, batch, options));
            // The state of a single sample stays where it is.
            let places = if declines || batch == 1 { 0 } else { batch };
            let memory = ShardMemory::take(program, &planned, arguments, places)?;
            let outputs = zeroed_vec("outputs", batch * program.engine_outputs())?;
            let parts = zeroed_vec("outputs of shards", batch * planned.outputs * planned.own.len())?;
            Ok((planned, memory, outputs, parts))
        });
        let ((planned, mut memory, mut outputs, mut parts), declined) =
            self.agree((mine, declines), program, arguments, (u64::from(save), &[]))?;
        // All members save their states, or none does.
        let save = !declined;
        let partition = Partition::of_shard(planned.plan.local);
        let call = ShardCall { program, planned: &planned, sharing: &self.0, arguments, partition: &partition };
        for sample in 0..batch {
            call.forward(&mut memory, sample, &mut parts)?;
            if save {
                memory.keep(sample);
            }
        }
        call.gather_outputs(&parts, &mut outputs)?;
        add_constants(program, &mut outputs);
        if save {
            return Ok((outputs, Some(Box::new(SavedShards::new(memory, program)))));
        }
        memory.give_back(&program.cache);
        Ok((outputs, None))
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
        let batch = arguments.batch;
        let saved = saved.and_then(|saved| saved.downcast::<SavedShards<T>>().ok());
        let saved = saved.and_then(|saved| saved.of(arguments));
        let has_states = saved.is_some();
        let kind = 2 | u64::from(needs_grad.inputs) << 2 | u64::from(needs_grad.weights) << 3;
        let kind = kind | u64::from(has_states) << 4;
        let mine = self.planned::<T>(program, batch, true, options).and_then(|planned| {
            let memory = saved.map_or_else(|| ShardMemory::take(program, &planned, arguments, 0), Ok)?;
            let rows = if needs_grad.inputs { batch * program.engine_inputs } else { 0 };
            let inputs: Vec<T> = zeroed_vec("gradients of inputs", rows)?;
            let parts = zeroed_vec("gradients of shards", batch * call_width(program) * planned.own.len())?;
            Ok((planned, memory, inputs, parts))
        });
        let ((planned, mut memory, mut inputs, mut parts), _) =
            self.agree((mine, false), program, arguments, (kind, cotangent))?;
        let partition = Partition::of_shard(planned.plan.local);
        let call = ShardCall { program, planned: &planned, sharing: &self.0, arguments, partition: &partition };
        let width = program.engine_outputs();
        let mut starts = Vec::with_capacity(batch);
        for sample in 0..batch {
            match has_states {
                true => call.resume(&mut memory, sample),
                false => call.forward(&mut memory, sample, &mut [])?,
            }
            starts.push(Start::of(&memory));
            let cotangent = &cotangent[sample * width..(sample + 1) * width];
            call.reverse(&mut memory, sample, (cotangent, needs_grad), &mut parts)?;
        }
        let totals = call.gather_sums(&parts)?;
        let mut sums = GroupSums::default();
        sums.clear(program);
        call.finish(&mut memory, (&totals, &starts), &mut sums, &mut inputs);
        let weights = needs_grad.weights.then(|| weight_gradient(program, arguments.weights, &mut [sums]));
        memory.give_back(&program.cache);
        Ok(Gradients { inputs: needs_grad.inputs.then_some(inputs), weights })
    }
}

/// Numbers of a sample's gradient on a shard: one of each slot, and one of each embedded feature.
fn call_width(program: &Program) -> usize {
    program.slots.len() + program.embedding.map_or(0, |embedding| embedding.count)
}

/// Adds the constant of each output, which no shard has.
fn add_constants<T: Real>(program: &Program, outputs: &mut [T]) {
    let width = program.engine_outputs();
    for columns in &program.readout.quantities {
        if let Quantity::Expectation(sum) = &columns.quantity {
            for row in outputs.chunks_mut(width.max(1)) {
                for (to, constant) in row[columns.outputs()].iter_mut().zip(&sum.constants) {
                    *to += T::from_f64(*constant);
                }
            }
        }
    }
}

/// Runs `f` with states on so many shards of one member in place of the CPU engine, on this thread.
#[cfg(feature = "testing")]
pub fn with_shards<R>(shards: usize, f: impl FnOnce() -> R) -> R {
    let sharing = Sharing { cluster: crate::cluster::Cluster::alone(), shards };
    crate::engine::with_engine(Arc::new(crate::engine::host::OnHost(Shards(sharing))), f)
}
