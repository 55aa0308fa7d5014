//! Memory that a worker writes to. No value outlives a block.

use crate::engine::Real;
use crate::engine::cpu::angles::{BlockAngles, LanePoints};
use crate::engine::cpu::batch::tables::LayerTables;
use crate::engine::cpu::batch::z_sums::WordRoom;
use crate::engine::cpu::factored::Phases;
use crate::engine::cpu::memory::held;
use crate::engine::cpu::permute::Permuter;
use crate::engine::cpu::product_start::Qubit;
use crate::engine::cpu::simd::LANES;
use crate::engine::cpu::single::product_start::Products;
use crate::engine::cpu::single::scratch::Tiles;
use crate::engine::cpu::single::tables::SweepTables;
use crate::engine::cpu::state::State;

/// Memory of one worker.
#[derive(Debug)]
pub(super) struct Scratch<T> {
    pub(super) block: Block<T>,
    /// For blocks of one sample.
    pub(super) single: LanePoints,
    pub(super) lambda: State<T>,
    /// A third state, for variances.
    pub(super) scratch: State<T>,
    /// Gradients of the features of each sample.
    pub(super) rows: Vec<f64>,
    /// For the gradients of shared phases: `Im(λ* ψ)` of each amplitude, summed over the lanes.
    pub(super) overlaps: Vec<f64>,
    /// λ of the qubits of the product start.
    pub(super) lambdas: Vec<Qubit<T>>,
    pub(super) permuter: Permuter<T>,
    pub(super) values: Values<T>,
    pub(super) products: Products<T>,
    pub(super) tiles: Tiles<T>,
    /// The numbers of a sweep that reads inputs.
    pub(super) numbers: SweepTables<T>,
    pub(super) phases: Phases,
    /// Of a layer that workers make themselves.
    pub(super) layer: LayerTables<T>,
}

impl<T> Default for Scratch<T> {
    fn default() -> Self {
        Self {
            block: Block::default(),
            single: LanePoints::default(),
            lambda: State::default(),
            scratch: State::default(),
            rows: Vec::new(),
            overlaps: Vec::new(),
            lambdas: Vec::new(),
            permuter: Permuter::default(),
            values: Values::default(),
            products: Products::default(),
            tiles: Tiles::default(),
            numbers: SweepTables::default(),
            phases: Phases::default(),
            layer: LayerTables::default(),
        }
    }
}

impl<T: Real> Scratch<T> {
    /// Bytes it holds on to.
    pub(super) fn bytes(&self) -> usize {
        let states = self.block.bytes() + self.lambda.bytes() + self.scratch.bytes() + self.permuter.bytes();
        let sums = held(&self.rows) + held(&self.overlaps) + held(&self.lambdas) + self.values.bytes();
        let numbers = self.single.bytes() + self.numbers.bytes() + self.phases.bytes() + self.layer.bytes();
        states + sums + numbers + self.products.bytes() + self.tiles.bytes()
    }

    /// As [`Buffer::give_back_pages`](crate::engine::cpu::state::Buffer::give_back_pages).
    pub(super) fn give_back_pages(&mut self) {
        [&mut self.block.psi, &mut self.lambda, &mut self.scratch].into_iter().for_each(State::give_back_pages);
        self.permuter.spare.give_back_pages();
    }
}

/// A block's final states and angles, which a forward pass may keep for its gradient.
#[derive(Debug)]
pub(super) struct Block<T> {
    pub(super) psi: State<T>,
    pub(super) angles: BlockAngles<T>,
    /// The product start.
    pub(super) start: Vec<Qubit<T>>,
}

impl<T: Real> Block<T> {
    /// Bytes it holds on to.
    pub(super) fn bytes(&self) -> usize {
        self.psi.bytes() + self.angles.bytes() + held(&self.start)
    }
}

impl<T> Default for Block<T> {
    fn default() -> Self {
        Self { psi: State::default(), angles: BlockAngles::default(), start: Vec::new() }
    }
}

/// Memory of readouts.
#[derive(Debug)]
pub(super) struct Values<T> {
    /// Expectation values, `[outputs][LANES]`.
    pub(super) sums: Vec<f64>,
    /// Factors of the outputs in each lane.
    pub(super) factors: Vec<[T; LANES]>,
    pub(super) words: WordRoom<T>,
}

impl<T> Default for Values<T> {
    fn default() -> Self {
        Self { sums: Vec::new(), factors: Vec::new(), words: WordRoom::default() }
    }
}

impl<T> Values<T> {
    /// Bytes it holds on to.
    pub(super) fn bytes(&self) -> usize {
        held(&self.sums) + held(&self.factors) + self.words.bytes()
    }

    /// Sets all sums to zero.
    pub(super) fn clear(&mut self, outputs: usize) {
        self.sums.clear();
        self.sums.resize(outputs * LANES, 0.0);
    }

    /// A block of one sample used all vector lanes for it: adds them into lane 0 of each output.
    pub(super) fn fold(&mut self, lanes: usize) {
        if lanes == 1 {
            self.sums.chunks_mut(LANES).for_each(|lanes| lanes[0] = lanes.iter().sum());
        }
    }
}
