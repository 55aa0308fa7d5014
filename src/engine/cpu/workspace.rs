//! What a call works in, kept from call to call: a training step in its steady state takes no memory from the system but for
//! what it returns.
//!
//! A [`Program`] has spare workspaces. A forward pass takes one (or makes one, if there is none), sets what depends on the
//! arguments ([`CallTables`]), and hands each thread a [`Scratch`] to work in. If a gradient may follow, it leaves the final states
//! in the workspace's blocks and hands the whole to the graph, as `Saved`; the gradient goes on in it. Whoever drops a
//! workspace makes it a spare one again. So there are as many as there are calls at a time, forward passes that wait for their
//! gradients included, and each call has its own: nothing is shared but the list.
//!
//! Pooled ones hold at most [`SPARE_BYTES`] together, or what the user's limit allows. Large pages go back to those
//! of the process (see `memory.rs`).

use crate::engine::cpu::angles::GroupSums;
use crate::engine::cpu::execution::Execution;
use crate::engine::cpu::memory::held;
use crate::engine::cpu::partition::Partition;
use crate::engine::cpu::pool::{Pooled, WorkspacePool};
use crate::engine::cpu::scratch::{Block, Scratch};
use crate::engine::cpu::tables::CallTables;
use crate::engine::{Arguments, Real};
use crate::error::Result;
use crate::program::{EngineCache, Program};
use std::sync::Arc;

/// Bytes of a program's spare workspaces.
const SPARE_BYTES: usize = 1 << 26;

/// What the threads of a call work in, one each. It goes back after each pass, and does not wait in graphs.
#[derive(Debug)]
pub(super) struct ScratchSpaces<T>(pub(super) Vec<Scratch<T>>);

/// See the module.
#[derive(Debug)]
pub(super) struct Workspace<T> {
    /// What it was made for.
    shape: (Execution, usize),
    pub(super) prepared: CallTables<T>,
    /// One for each block, if their final states are kept.
    pub(super) blocks: Vec<Block<T>>,
    /// One for each group of blocks.
    pub(super) sums: Vec<GroupSums>,
    /// The arguments that tables and final states belong to: a `Var` may be set to other ones before its gradient is asked
    /// for.
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
        let blocks = self.blocks.iter().map(Block::bytes).sum::<usize>() + held(&self.blocks);
        let sums = self.sums.iter().map(GroupSums::bytes).sum::<usize>() + held(&self.sums);
        self.prepared.bytes() + blocks + sums + held(&self.inputs) + held(&self.weights)
    }
}

impl<T: Real> Pooled for ScratchSpaces<T> {
    fn bytes(&self) -> usize {
        self.0.iter().map(Scratch::bytes).sum::<usize>() + held(&self.0)
    }
}

/// Takes what a call works in: its rooms, and a workspace that is set to the arguments, unless it goes on in one that was `kept`.
pub(super) fn take<T: Real>(
    program: &Program,
    arguments: Arguments<'_, T>,
    partition: &Partition,
    saved: Option<Box<Workspace<T>>>,
) -> (Box<ScratchSpaces<T>>, Box<Workspace<T>>) {
    let mut idle = WorkspacePool::of(program).idle();
    let rooms = idle.take::<ScratchSpaces<T>>();
    let spare = if saved.is_none() { idle.take::<Workspace<T>>() } else { None };
    // The others go if the call leaves no memory for them.
    if let Some(most) = partition.spare {
        idle.trim(usize::try_from(most).unwrap_or(usize::MAX));
    }
    drop(idle);
    let mut rooms = rooms.unwrap_or_else(|| Box::new(ScratchSpaces(Vec::new())));
    rooms.0.truncate(partition.workers);
    let workspace = saved.unwrap_or_else(|| {
        let fits = spare.filter(|spare| spare.shape == (partition.execution, partition.lanes));
        let mut workspace = fits.unwrap_or_else(|| Box::new(Workspace::new(program, partition)));
        workspace.set(program, arguments, partition);
        workspace
    });
    (rooms, workspace)
}

/// Leaves what a call has worked in for the next one; of a forward pass that keeps its final states, the rooms alone.
pub(super) fn give_back<T: Real>(
    cache: &EngineCache,
    rooms: Option<Box<ScratchSpaces<T>>>,
    workspace: Option<Box<Workspace<T>>>,
    limit: Option<u64>,
) {
    let rooms = rooms.map(|mut rooms| {
        rooms.0.iter_mut().for_each(Scratch::give_back_pages);
        rooms
    });
    let workspace = workspace.map(|mut workspace| {
        workspace.blocks.iter_mut().for_each(|block| block.psi.give_back_pages());
        workspace
    });
    let mut idle = cache.of::<WorkspacePool>().idle();
    rooms.into_iter().for_each(|rooms| idle.put(rooms));
    workspace.into_iter().for_each(|workspace| idle.put(workspace));
    idle.trim(limit.map_or(SPARE_BYTES, |limit| SPARE_BYTES.min(usize::try_from(limit).unwrap_or(usize::MAX))));
}

impl<T: Real> ScratchSpaces<T> {
    /// Gets the memory for all states of a call: for `psi`, unless they have their places in blocks, and for `lambda` before a
    /// gradient.
    pub(super) fn reserve(&mut self, program: &Program, partition: &Partition, psi: bool, lambda: bool) -> Result<()> {
        let (qubits, lanes) = (program.qubits, partition.lanes);
        let items = if lambda { partition.groups } else { partition.blocks.div_ceil(partition.blocks_per_split) };
        let workers = partition.workers.min(items);
        if self.0.len() < workers {
            self.0.resize_with(workers, Scratch::default);
        }
        for room in &mut self.0[..workers] {
            if psi {
                room.block.psi.reserve(qubits, lanes)?;
            }
            if lambda {
                room.lambda.reserve_second(qubits, lanes)?;
            }
            if partition.scratch {
                room.scratch.reserve(qubits, lanes)?;
            }
            if partition.moves {
                room.permuter.spare.reserve(lanes << qubits)?;
            }
        }
        Ok(())
    }
}

impl<T: Real> Workspace<T> {
    /// What depends on the arguments. No final states are kept.
    fn set(&mut self, program: &Program, arguments: Arguments<'_, T>, partition: &Partition) {
        self.prepared.set(program, arguments, partition.tables);
        for (to, from) in [(&mut self.inputs, arguments.inputs), (&mut self.weights, arguments.weights)] {
            to.clear();
            to.extend_from_slice(from);
        }
    }

    /// Places for the final states of all blocks, with memory for them.
    pub(super) fn reserve(&mut self, program: &Program, partition: &Partition) -> Result<()> {
        self.blocks.resize_with(partition.blocks, Block::default);
        self.blocks.iter_mut().try_for_each(|block| block.psi.reserve(program.qubits, partition.lanes))
    }
}

/// Final states of a forward pass, in the workspace it has left them in.
#[derive(Debug)]
pub(crate) struct Saved<T: Real> {
    /// There until it is taken out.
    workspace: Option<Box<Workspace<T>>>,
    /// Bytes that it counts for while it waits.
    bytes: usize,
    cache: Arc<EngineCache>,
    limit: Option<u64>,
}

impl<T: Real> Saved<T> {
    pub(super) fn new(workspace: Box<Workspace<T>>, program: &Program, limit: Option<u64>) -> Self {
        let bytes = workspace.bytes();
        WorkspacePool::of(program).begin_waiting(bytes);
        Self { workspace: Some(workspace), bytes, cache: Arc::clone(&program.cache), limit }
    }

    /// The workspace, if its final states are what these arguments lead to.
    pub(super) fn of(mut self, arguments: Arguments<'_, T>) -> Option<Box<Workspace<T>>> {
        let holds =
            |saved: &mut Box<Workspace<T>>| saved.inputs == arguments.inputs && saved.weights == arguments.weights;
        self.workspace.take_if(holds)
    }
}

impl<T: Real> Drop for Saved<T> {
    fn drop(&mut self) {
        self.cache.of::<WorkspacePool>().end_waiting(self.bytes);
        if let Some(workspace) = self.workspace.take() {
            give_back(&self.cache, None, Some(workspace), self.limit);
        }
    }
}
