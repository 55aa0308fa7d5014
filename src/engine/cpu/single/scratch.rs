//! Scratch of a worker for the tiles of a single state.

use crate::engine::Real;
use crate::engine::cpu::single::kernels::Sums;
use crate::engine::cpu::state::State;
use crate::engine::lines::held_bytes;

/// Scratch of sweeps.
#[derive(Debug)]
pub(crate) struct Tiles<T> {
    /// Tile of each thread.
    pub(crate) tiles: Vec<Tile<T>>,
    /// Gradients of a sweep, chunk by chunk, in the order of `parts` in `run.rs`.
    pub(crate) gradients: Vec<f64>,
}

/// One tile of ψ and λ.
#[derive(Debug)]
pub(crate) struct Tile<T> {
    pub(crate) psi: State<T>,
    pub(crate) lambda: State<T>,
    pub(crate) sums: Sums<T>,
    /// Sums of a table, and their transform.
    pub(crate) transform: Vec<f64>,
}

impl<T> Default for Tiles<T> {
    fn default() -> Self {
        Self { tiles: Vec::new(), gradients: Vec::new() }
    }
}

impl<T> Default for Tile<T> {
    fn default() -> Self {
        Self { psi: State::default(), lambda: State::default(), sums: Sums::default(), transform: Vec::new() }
    }
}

impl<T: Real> Tiles<T> {
    /// Bytes that the tiles hold.
    pub(crate) fn bytes(&self) -> usize {
        let tile =
            |tile: &Tile<T>| tile.psi.bytes() + tile.lambda.bytes() + tile.sums.bytes() + held_bytes(&tile.transform);
        self.tiles.iter().map(tile).sum::<usize>() + held_bytes(&self.gradients)
    }
}
