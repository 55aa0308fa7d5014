//! Scratch of a worker: memory that it writes to. No value is read after the block that has written it.

use crate::engine::Real;
use crate::engine::cpu::angles::{BlockAngles, LanePoints};
use crate::engine::cpu::batch::tables::LayerTables;
use crate::engine::cpu::batch::varying::VaryingScratch;
use crate::engine::cpu::batch::z_sums::WordScratch;
use crate::engine::cpu::factored::Phases;
use crate::engine::cpu::permute::Permuter;
use crate::engine::cpu::product_start::Qubit;
use crate::engine::cpu::single::product_start::Products;
use crate::engine::cpu::single::scratch::Tiles;
use crate::engine::cpu::single::tables::SweepTables;
use crate::engine::cpu::state::State;
use crate::engine::lines::held_bytes;
use crate::engine::simd::LANES;

/// Scratch of one worker.
#[derive(Debug)]
pub(super) struct Scratch<T> {
    pub(super) block: Block<T>,
    /// Angles of a block of one sample.
    pub(super) single: LanePoints,
    pub(super) lambda: State<T>,
    /// Third state, for variances.
    pub(super) third_state: State<T>,
    /// Gradients of the features of each sample.
    pub(super) rows: Vec<f64>,
    /// Overlaps for the gradients of shared phases: `Im(λ* ψ)` of each amplitude, summed over the lanes.
    pub(super) overlaps: Vec<f64>,
    /// λ of the qubits of the product start.
    pub(super) lambdas: Vec<Qubit<T>>,
    pub(super) permuter: Permuter<T>,
    pub(super) values: Values<T>,
    pub(super) products: Products<T>,
    pub(super) tiles: Tiles<T>,
    /// Tables of a sweep that reads inputs.
    pub(super) numbers: SweepTables<T>,
    pub(super) phases: Phases,
    /// Tables of phases of a layer that differ from sample to sample.
    pub(super) varying: VaryingScratch<T>,
    /// Tables of a layer whose tables are not shared.
    pub(super) layer: LayerTables<T>,
}

impl<T> Default for Scratch<T> {
    fn default() -> Self {
        Self {
            block: Block::default(),
            single: LanePoints::default(),
            lambda: State::default(),
            third_state: State::default(),
            rows: Vec::new(),
            overlaps: Vec::new(),
            lambdas: Vec::new(),
            permuter: Permuter::default(),
            values: Values::default(),
            products: Products::default(),
            tiles: Tiles::default(),
            numbers: SweepTables::default(),
            phases: Phases::default(),
            varying: VaryingScratch::default(),
            layer: LayerTables::default(),
        }
    }
}

impl<T: Real> Scratch<T> {
    /// Bytes that the scratch holds.
    pub(super) fn bytes(&self) -> usize {
        let states = self.block.bytes() + self.lambda.bytes() + self.third_state.bytes() + self.permuter.bytes();
        let sums =
            held_bytes(&self.rows) + held_bytes(&self.overlaps) + held_bytes(&self.lambdas) + self.values.bytes();
        let layers = self.phases.bytes() + self.varying.bytes() + self.layer.bytes();
        let numbers = self.single.bytes() + self.numbers.bytes() + layers;
        states + sums + numbers + self.products.bytes() + self.tiles.bytes()
    }

    /// Gives large pages back, as [`Buffer::give_back_pages`](crate::engine::cpu::state::Buffer::give_back_pages) does.
    pub(super) fn give_back_pages(&mut self) {
        [&mut self.block.psi, &mut self.lambda, &mut self.third_state].into_iter().for_each(State::give_back_pages);
        self.permuter.copy.give_back_pages();
    }
}

/// Final states and angles of a block, which a forward pass may save for its gradient.
#[derive(Debug)]
pub(super) struct Block<T> {
    pub(super) psi: State<T>,
    pub(super) angles: BlockAngles<T>,
    /// Qubits of the product start.
    pub(super) start: Vec<Qubit<T>>,
}

impl<T: Real> Block<T> {
    /// Bytes that the block holds.
    pub(super) fn bytes(&self) -> usize {
        self.psi.bytes() + self.angles.bytes() + held_bytes(&self.start)
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
    pub(super) words: WordScratch<T>,
}

impl<T> Default for Values<T> {
    fn default() -> Self {
        Self { sums: Vec::new(), factors: Vec::new(), words: WordScratch::default() }
    }
}

impl<T> Values<T> {
    /// Bytes that the values hold.
    pub(super) fn bytes(&self) -> usize {
        held_bytes(&self.sums) + held_bytes(&self.factors) + self.words.bytes()
    }

    /// Sets all sums to zero.
    pub(super) fn clear(&mut self, outputs: usize) {
        self.sums.clear();
        self.sums.resize(outputs * LANES, 0.0);
    }

    /// Adds the sums of all lanes into lane 0 of each output, for a block of one sample, which uses all lanes.
    pub(super) fn fold(&mut self, lanes: usize) {
        if lanes == 1 {
            self.sums.chunks_mut(LANES).for_each(|lanes| lanes[0] = lanes.iter().sum());
        }
    }
}
