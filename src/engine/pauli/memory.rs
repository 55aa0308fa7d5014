//! Memory of blocks of samples, which later calls of the program use again.

use super::sweep::{Derivatives, Room};
use crate::engine::lines::held_bytes;
use crate::engine::pool::{Pooled, WorkspacePool};
use crate::engine::{Arguments, Real};
use crate::error::Result;
use crate::program::paths::Paths;
use crate::program::{EngineCache, Program};
use std::sync::Arc;

/// Memory of a block, and what its forward pass leaves for the gradient.
pub(super) struct Block<T, const L: usize> {
    pub(super) room: Room<T, L>,
    pub(super) slots: Vec<[f64; L]>,
    pub(super) angles: [Vec<f64>; 3],
    /// Whether all slots of a lane are finite, and its strengths in range.
    pub(super) is_finite: [bool; L],
    pub(super) outputs: Vec<[f64; L]>,
    pub(super) gradients: Derivatives<L>,
}

impl<T: Real, const L: usize> Default for Block<T, L> {
    fn default() -> Self {
        Self {
            room: Room::default(),
            slots: Vec::new(),
            angles: Default::default(),
            is_finite: [false; L],
            outputs: Vec::new(),
            gradients: Derivatives::default(),
        }
    }
}

impl<T: Real, const L: usize> Block<T, L> {
    fn bytes(&self) -> usize {
        let angles: usize = self.angles.iter().map(held_bytes).sum();
        let Derivatives { angles: of_angles, coefficients } = &self.gradients;
        let gradients = held_bytes(of_angles) + held_bytes(coefficients);
        self.room.held_bytes() + held_bytes(&self.slots) + angles + held_bytes(&self.outputs) + gradients
    }
}

/// Blocks of a call, and the arguments of the forward pass that they hold.
#[derive(Default)]
pub(super) struct Blocks<T: Real, const L: usize> {
    pub(super) list: Vec<Block<T, L>>,
    inputs: Vec<T>,
    weights: Vec<T>,
}

impl<T: Real, const L: usize> Pooled for Blocks<T, L> {
    fn bytes(&self) -> usize {
        self.list.iter().map(Block::bytes).sum::<usize>() + held_bytes(&self.inputs) + held_bytes(&self.weights)
    }
}

impl<T: Real, const L: usize> Blocks<T, L> {
    /// Takes memory for so many blocks, idle memory first.
    ///
    /// # Errors
    /// The system refuses the memory.
    pub(super) fn take(program: &Program, count: usize, paths: &Paths, gradient: bool) -> Result<Box<Self>> {
        let mut blocks = WorkspacePool::of(program).idle().take::<Self>().unwrap_or_default();
        blocks.list.resize_with(count, Block::default);
        blocks.list.iter_mut().try_for_each(|block| block.room.reserve(paths, gradient))?;
        Ok(blocks)
    }

    /// Gives the memory back, in place of what was left of earlier calls.
    pub(super) fn give_back(self: Box<Self>, cache: &EngineCache) {
        let bytes = self.bytes();
        let mut idle = cache.entry::<WorkspacePool>().idle();
        idle.put(self);
        idle.trim(bytes);
    }
}

/// Blocks of a forward pass that wait for their gradient.
pub(super) struct Waiting<T: Real, const L: usize> {
    /// Blocks, until a gradient takes them out.
    blocks: Option<Box<Blocks<T, L>>>,
    /// Bytes that the blocks count for while they wait.
    bytes: usize,
    cache: Arc<EngineCache>,
}

impl<T: Real, const L: usize> Waiting<T, L> {
    pub(super) fn new(mut blocks: Box<Blocks<T, L>>, arguments: Arguments<'_, T>, program: &Program) -> Self {
        for (to, from) in [(&mut blocks.inputs, arguments.inputs), (&mut blocks.weights, arguments.weights)] {
            to.clear();
            to.extend_from_slice(from);
        }
        let bytes = blocks.bytes();
        WorkspacePool::of(program).begin_waiting(bytes);
        Self { blocks: Some(blocks), bytes, cache: Arc::clone(&program.cache) }
    }

    /// Returns the blocks if they belong to these arguments: a variable may have been set since.
    pub(super) fn of(mut self, arguments: Arguments<'_, T>) -> Option<Box<Blocks<T, L>>> {
        self.blocks.take_if(|blocks| blocks.inputs == arguments.inputs && blocks.weights == arguments.weights)
    }
}

impl<T: Real, const L: usize> Drop for Waiting<T, L> {
    fn drop(&mut self) {
        self.cache.entry::<WorkspacePool>().end_waiting(self.bytes);
        if let Some(blocks) = self.blocks.take() {
            blocks.give_back(&self.cache);
        }
    }
}
