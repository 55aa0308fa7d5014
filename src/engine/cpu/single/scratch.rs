//! Memory of a worker that goes through tiles of a single state.

use crate::engine::Real;
use crate::engine::cpu::memory::held;
use crate::engine::cpu::single::kernels::Sums;
use crate::engine::cpu::state::State;

/// Memory of sweeps.
#[derive(Debug)]
pub(crate) struct Tiles<T> {
    /// One for each thread.
    pub(crate) tiles: Vec<Tile<T>>,
    /// Gradients of a sweep, chunk by chunk; see `parts` of the sweeps.
    pub(crate) gradients: Vec<f64>,
}

/// One tile of ψ and λ.
#[derive(Debug)]
pub(crate) struct Tile<T> {
    pub(crate) psi: State<T>,
    pub(crate) lambda: State<T>,
    pub(crate) sums: Sums<T>,
    /// A table's sums and their transform.
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
    /// Bytes it holds on to.
    pub(crate) fn bytes(&self) -> usize {
        let tile = |tile: &Tile<T>| tile.psi.bytes() + tile.lambda.bytes() + tile.sums.bytes() + held(&tile.transform);
        self.tiles.iter().map(tile).sum::<usize>() + held(&self.gradients)
    }
}
