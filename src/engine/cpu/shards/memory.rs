//! Plans of a program's shards, and the memory of a call on them, both of which later calls use again.

use super::exchange::Messages;
use crate::cluster::Sharing;
use crate::engine::cpu::execution::Execution;
use crate::engine::cpu::scratch::Scratch;
use crate::engine::cpu::state::State;
use crate::engine::cpu::tables::CallTables;
use crate::engine::lines::held_bytes;
use crate::engine::pool::{Pooled, WorkspacePool};
use crate::engine::{Arguments, Real};
use crate::error::Result;
use crate::program::shards::{LocalProgram, ShardPlan};
use crate::program::{EngineCache, LayeredNode, Program};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Plan of a program, with the programs of this member's shards.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) plan: ShardPlan,
    /// Shards of this member.
    pub(super) own: Range<usize>,
    /// Programs of each segment, one for each shard of this member.
    pub(super) programs: Vec<Vec<LocalProgram>>,
    /// Scatters of each segment's outputs, for all shards.
    pub(super) scatters: Vec<Vec<Vec<crate::program::shards::Scatter>>>,
    /// Outputs of a sample on each shard.
    pub(super) outputs: usize,
    /// Whether amplitudes are permuted, which needs half a state.
    pub(super) moves: bool,
}

/// Plans of a program, by the number of shards and those of the member.
#[derive(Debug, Default)]
struct Plans(Mutex<Vec<(usize, Arc<Planned>)>>);

impl Planned {
    /// Returns the plan of a program, which is made at the first call.
    pub(super) fn of(program: &Program, sharing: &Sharing) -> Result<Arc<Self>> {
        let (own, shards) = (sharing.own(), sharing.shards);
        let mut plans = program.cache.entry::<Plans>().0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, planned)) = plans.iter().find(|(of, planned)| *of == shards && planned.own == own) {
            return Ok(Arc::clone(planned));
        }
        let plan = ShardPlan::new(program, shards)?;
        let segments = 0..plan.segments.len();
        let scatters = segments
            .clone()
            .map(|segment| (0..shards).map(|shard| plan.scatters(program, segment, shard)).collect())
            .collect();
        let programs: Vec<Vec<LocalProgram>> = segments
            .map(|segment| own.clone().map(|shard| plan.local_program(program, segment, shard)).collect())
            .collect();
        let outputs = programs.iter().flat_map(|of| of.first()).map(|local| local.program.engine_outputs()).sum();
        let permutes = |node: &LayeredNode| matches!(node, LayeredNode::Permute(_));
        let moves = programs.iter().flatten().any(|local| local.program.layered().nodes.iter().any(permutes));
        let planned = Arc::new(Self { plan, own, programs, scatters, outputs, moves });
        plans.push((shards, Arc::clone(&planned)));
        Ok(planned)
    }
}

/// Memory of a call.
#[derive(Debug)]
pub(super) struct ShardMemory<T> {
    /// Scratch of each shard of this member.
    pub(super) scratches: Vec<Scratch<T>>,
    /// Tables of each segment, for each shard.
    pub(super) tables: Vec<Vec<CallTables<T>>>,
    pub(super) messages: Messages<T>,
    /// Final states of each sample that waits for its gradient, for each shard.
    saved: Vec<Vec<State<T>>>,
    inputs: Vec<T>,
    weights: Vec<T>,
    /// Plan that the tables are for.
    planned: Arc<Planned>,
}

impl<T: Real> Pooled for ShardMemory<T> {
    fn bytes(&self) -> usize {
        let tables = self.tables.iter().flatten().map(CallTables::bytes).sum::<usize>();
        let saved = self.saved.iter().flatten().map(State::bytes).sum::<usize>();
        let scratches = self.scratches.iter().map(Scratch::bytes).sum::<usize>();
        tables + saved + scratches + self.messages.bytes() + held_bytes(&self.inputs) + held_bytes(&self.weights)
    }
}

impl<T: Real> ShardMemory<T> {
    /// Takes the memory of a call, idle memory first, and sets its tables to the arguments. `samples` will be saved.
    pub(super) fn take(
        program: &Program,
        planned: &Arc<Planned>,
        arguments: Arguments<'_, T>,
        samples: usize,
    ) -> Result<Box<Self>> {
        let idle = WorkspacePool::of(program).idle().take::<Self>();
        let idle = idle.filter(|memory| Arc::ptr_eq(&memory.planned, planned));
        let mut memory = idle.unwrap_or_else(|| Box::new(Self::new(planned)));
        for (tables, locals) in memory.tables.iter_mut().zip(&planned.programs) {
            for (tables, local) in tables.iter_mut().zip(locals) {
                tables.set(&local.program, arguments, 0);
            }
        }
        let local = planned.plan.local;
        memory.scratches.iter_mut().try_for_each(|scratch| scratch.block.psi.reserve(local, 1))?;
        memory.saved.resize_with(samples, Vec::new);
        for states in &mut memory.saved {
            states.resize_with(planned.own.len(), State::default);
            states.iter_mut().try_for_each(|state| state.reserve(local, 1))?;
        }
        for (to, from) in [(&mut memory.inputs, arguments.inputs), (&mut memory.weights, arguments.weights)] {
            to.clear();
            to.extend_from_slice(from);
        }
        Ok(memory)
    }

    fn new(planned: &Arc<Planned>) -> Self {
        let tables = |local: &LocalProgram| CallTables::new(&local.program, Execution::Single, 1);
        Self {
            scratches: planned.own.clone().map(|_| Scratch::default()).collect(),
            tables: planned.programs.iter().map(|locals| locals.iter().map(tables).collect()).collect(),
            messages: Messages::default(),
            saved: Vec::new(),
            inputs: Vec::new(),
            weights: Vec::new(),
            planned: Arc::clone(planned),
        }
    }

    /// Puts the states of all shards aside for a sample's gradient, or takes them back.
    pub(super) fn keep(&mut self, sample: usize) {
        for (state, scratch) in self.saved.get_mut(sample).into_iter().flatten().zip(&mut self.scratches) {
            std::mem::swap(state, &mut scratch.block.psi);
        }
    }

    /// Gives the memory back, in place of what was left of earlier calls.
    pub(super) fn give_back(mut self: Box<Self>, cache: &EngineCache) {
        self.scratches.iter_mut().for_each(Scratch::give_back_pages);
        self.saved.iter_mut().flatten().for_each(State::give_back_pages);
        let bytes = self.bytes();
        let mut idle = cache.entry::<WorkspacePool>().idle();
        idle.put(self);
        idle.trim(bytes);
    }
}

/// Memory of a forward pass that waits for its gradient.
#[derive(Debug)]
pub(super) struct SavedShards<T: Real> {
    memory: Option<Box<ShardMemory<T>>>,
    bytes: usize,
    cache: Arc<EngineCache>,
}

impl<T: Real> SavedShards<T> {
    pub(super) fn new(memory: Box<ShardMemory<T>>, program: &Program) -> Self {
        let bytes = memory.bytes();
        WorkspacePool::of(program).begin_waiting(bytes);
        Self { memory: Some(memory), bytes, cache: Arc::clone(&program.cache) }
    }

    /// Returns the memory if its final states belong to these arguments.
    pub(super) fn of(mut self, arguments: Arguments<'_, T>) -> Option<Box<ShardMemory<T>>> {
        self.memory.take_if(|memory| memory.inputs == arguments.inputs && memory.weights == arguments.weights)
    }
}

impl<T: Real> Drop for SavedShards<T> {
    fn drop(&mut self) {
        self.cache.entry::<WorkspacePool>().end_waiting(self.bytes);
        if let Some(memory) = self.memory.take() {
            memory.give_back(&self.cache);
        }
    }
}
