//! Memory of a call, used again from call to call: a training step in its steady state takes no memory from the system
//! except for its results and the box of its [`SavedStates`].
//!
//! The pool of a [`Program`] has idle workspaces. A forward pass takes a workspace from it, or makes one if the pool is
//! empty. It sets the tables that depend on the arguments ([`CallTables`]), and gives each thread a [`Scratch`]. If a
//! gradient may follow, the forward pass leaves the final states in the workspace's blocks and hands the workspace to
//! the graph, as [`SavedStates`]. The gradient continues in this workspace. A workspace that is dropped goes back to the
//! pool. So there are as many workspaces as calls at a time, with the forward passes that wait for their gradients.
//! Each call has its own workspace: calls share nothing but the pool.
//!
//! Idle workspaces hold at most [`SPARE_BYTES`] together, or less if the user's limit is lower. Large pages go back to
//! the pages of the process (see `memory.rs`).

use crate::engine::cpu::angles::GroupSums;
use crate::engine::cpu::execution::Execution;
use crate::engine::cpu::partition::Partition;
use crate::engine::cpu::scratch::{Block, Scratch};
use crate::engine::cpu::tables::CallTables;
use crate::engine::lines::held_bytes;
use crate::engine::pool::{Pooled, WorkspacePool};
use crate::engine::{Arguments, Real};
use crate::error::Result;
use crate::program::{EngineCache, Program};
use std::sync::Arc;

/// Bytes of a program's idle workspaces.
const SPARE_BYTES: usize = 1 << 26;

/// Scratch of the threads of a call, an entry for each thread. It goes back after each pass, and does not wait in
/// graphs.
#[derive(Debug)]
pub(super) struct ScratchSpaces<T>(pub(super) Vec<Scratch<T>>);

/// Memory of a call that depends on its arguments.
#[derive(Debug)]
pub(super) struct Workspace<T> {
    /// Execution and lanes that the workspace was made for.
    shape: (Execution, usize),
    pub(super) prepared: CallTables<T>,
    /// Final states of each block, if they are saved.
    pub(super) blocks: Vec<Block<T>>,
    /// Sums of each group of blocks.
    pub(super) sums: Vec<GroupSums>,
    /// Arguments that tables and final states belong to. A `Var` may be set to other values before its gradient is
    /// computed.
    inputs: Vec<T>,
    weights: Vec<T>,
}

impl<T: Real> Workspace<T> {
    fn new(program: &Program, partition: &Partition) -> Self {
        Self {
            shape: (partition.execution, partition.lanes),
            prepared: CallTables::new(program, partition.execution, partition.lanes),
            blocks: Vec::new(),
            sums: Vec::new(),
            inputs: Vec::new(),
            weights: Vec::new(),
        }
    }
}

impl<T: Real> Pooled for Workspace<T> {
    fn bytes(&self) -> usize {
        let blocks = self.blocks.iter().map(Block::bytes).sum::<usize>() + held_bytes(&self.blocks);
        let sums = self.sums.iter().map(GroupSums::bytes).sum::<usize>() + held_bytes(&self.sums);
        self.prepared.bytes() + blocks + sums + held_bytes(&self.inputs) + held_bytes(&self.weights)
    }
}

impl<T: Real> Pooled for ScratchSpaces<T> {
    fn bytes(&self) -> usize {
        self.0.iter().map(Scratch::bytes).sum::<usize>() + held_bytes(&self.0)
    }
}

/// Takes the scratch and the workspace of a call. A workspace that is not `saved` is set to the arguments.
pub(super) fn take_workspace<T: Real>(
    program: &Program,
    arguments: Arguments<'_, T>,
    partition: &Partition,
    saved: Option<Box<Workspace<T>>>,
) -> (Box<ScratchSpaces<T>>, Box<Workspace<T>>) {
    let mut idle = WorkspacePool::of(program).idle();
    let scratches = idle.take::<ScratchSpaces<T>>();
    let idle_workspace = if saved.is_none() { idle.take::<Workspace<T>>() } else { None };
    // Other idle memory is dropped if the call leaves no memory for it.
    if let Some(most) = partition.idle_limit {
        idle.trim(usize::try_from(most).unwrap_or(usize::MAX));
    }
    drop(idle);
    let mut scratches = scratches.unwrap_or_else(|| Box::new(ScratchSpaces(Vec::new())));
    scratches.0.truncate(partition.workers);
    let workspace = saved.unwrap_or_else(|| {
        let fits = idle_workspace.filter(|workspace| workspace.shape == (partition.execution, partition.lanes));
        let mut workspace = fits.unwrap_or_else(|| Box::new(Workspace::new(program, partition)));
        workspace.set(program, arguments, partition);
        workspace
    });
    (scratches, workspace)
}

/// Gives the memory of a call back to the pool. A forward pass that saves its final states gives its scratch alone.
pub(super) fn give_back<T: Real>(
    cache: &EngineCache,
    scratches: Option<Box<ScratchSpaces<T>>>,
    workspace: Option<Box<Workspace<T>>>,
    limit: Option<u64>,
) {
    let scratches = scratches.map(|mut scratches| {
        scratches.0.iter_mut().for_each(Scratch::give_back_pages);
        scratches
    });
    let workspace = workspace.map(|mut workspace| {
        workspace.blocks.iter_mut().for_each(|block| block.psi.give_back_pages());
        workspace
    });
    let mut idle = cache.entry::<WorkspacePool>().idle();
    scratches.into_iter().for_each(|scratches| idle.put(scratches));
    workspace.into_iter().for_each(|workspace| idle.put(workspace));
    idle.trim(limit.map_or(SPARE_BYTES, |limit| SPARE_BYTES.min(usize::try_from(limit).unwrap_or(usize::MAX))));
}

impl<T: Real> ScratchSpaces<T> {
    /// Gets the memory for all states of a call: for `psi`, unless the blocks have places for them, and for `lambda`
    /// before a gradient.
    pub(super) fn reserve(&mut self, program: &Program, partition: &Partition, psi: bool, lambda: bool) -> Result<()> {
        let (qubits, lanes) = (program.qubits, partition.lanes);
        let items = if lambda { partition.groups } else { partition.blocks.div_ceil(partition.blocks_per_split) };
        let workers = partition.workers.min(items);
        if self.0.len() < workers {
            self.0.resize_with(workers, Scratch::default);
        }
        for scratch in &mut self.0[..workers] {
            if psi {
                scratch.block.psi.reserve(qubits, lanes)?;
            }
            if lambda {
                scratch.lambda.reserve_second(qubits, lanes)?;
            }
            if partition.third_state {
                scratch.third_state.reserve(qubits, lanes)?;
            }
            if partition.moves {
                scratch.permuter.copy.reserve(lanes << qubits)?;
            }
        }
        Ok(())
    }
}

impl<T: Real> Workspace<T> {
    /// Computes the tables that depend on the arguments.
    fn set(&mut self, program: &Program, arguments: Arguments<'_, T>, partition: &Partition) {
        self.prepared.set(program, arguments, partition.tables);
        for (to, from) in [(&mut self.inputs, arguments.inputs), (&mut self.weights, arguments.weights)] {
            to.clear();
            to.extend_from_slice(from);
        }
    }

    /// Makes a place for the final state of each block, with its memory.
    pub(super) fn reserve(&mut self, program: &Program, partition: &Partition) -> Result<()> {
        self.blocks.resize_with(partition.blocks, Block::default);
        self.blocks.iter_mut().try_for_each(|block| block.psi.reserve(program.qubits, partition.lanes))
    }
}

/// Final states of a forward pass, in its workspace.
#[derive(Debug)]
pub(super) struct SavedStates<T: Real> {
    /// Workspace, until a gradient takes it out.
    workspace: Option<Box<Workspace<T>>>,
    /// Bytes that the workspace counts for while it waits.
    bytes: usize,
    cache: Arc<EngineCache>,
    limit: Option<u64>,
}

impl<T: Real> SavedStates<T> {
    pub(super) fn new(workspace: Box<Workspace<T>>, program: &Program, limit: Option<u64>) -> Self {
        let bytes = workspace.bytes();
        WorkspacePool::of(program).begin_waiting(bytes);
        Self { workspace: Some(workspace), bytes, cache: Arc::clone(&program.cache), limit }
    }

    /// Returns the workspace if its final states belong to these arguments.
    pub(super) fn of(mut self, arguments: Arguments<'_, T>) -> Option<Box<Workspace<T>>> {
        let holds =
            |saved: &mut Box<Workspace<T>>| saved.inputs == arguments.inputs && saved.weights == arguments.weights;
        self.workspace.take_if(holds)
    }
}

impl<T: Real> Drop for SavedStates<T> {
    fn drop(&mut self) {
        self.cache.entry::<WorkspacePool>().end_waiting(self.bytes);
        if let Some(workspace) = self.workspace.take() {
            give_back(&self.cache, None, Some(workspace), self.limit);
        }
    }
}
