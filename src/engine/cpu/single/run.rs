//! Execution of a single state by its [`StateTiling`]: sweeps over tiles, and general steps.
//!
//! Threads take chunks of tiles, which are cut at fixed places. The gradients of the chunks are added up in order.

use crate::engine::cpu::context::Call;
use crate::engine::cpu::factored::walsh_hadamard;
use crate::engine::cpu::passes::{apply_pass, undo_pass};
use crate::engine::cpu::scratch::{Block, Scratch};
use crate::engine::cpu::single::kernels::{Put, PutBack, Sums, Take, TakeBack};
use crate::engine::cpu::single::scratch::{Tile, Tiles};
use crate::engine::cpu::single::tables::{SweepTables, lane_signs, rotation_signs};
use crate::engine::cpu::single::tiling::{StateTiling, Sweep, TileNode};
use crate::engine::cpu::state::Planes;
use crate::engine::cpu::worker::Worker;
use crate::engine::simd::LANES;
use crate::engine::simd::arch::current_arch;
use crate::engine::tile_planner::Term;
use crate::engine::{NeedsGrad, Real, share};
use crate::gf2::xor_of;
use crate::program::{Rotation, Source};

/// Largest number of chunks in a sweep.
const MAX_CHUNKS: usize = 64;

/// Smallest number of tiles in a chunk. Finishing the sums of a chunk costs as much as a part of the work on one tile.
const MIN_TILES: usize = 32;

/// First index of tile `tile`.
fn base(sweep: &Sweep, tile: usize) -> usize {
    xor_of(&sweep.tiles, tile as u64) as usize
}

/// Number of tiles in a chunk, and number of chunks in a sweep.
fn cut(sweep: &Sweep) -> (usize, usize) {
    let tiles = 1usize << sweep.tiles.len();
    let each = tiles.div_ceil(MAX_CHUNKS).max(MIN_TILES.min(tiles));
    (each, tiles / each)
}

/// Binary logarithm of the number of vectors in a tile.
fn local(sweep: &Sweep) -> usize {
    sweep.offsets.len().ilog2() as usize
}

fn apply_sweep<T: Real>(
    sweep: &Sweep,
    numbers: &SweepTables<T>,
    state: Planes<T>,
    tiles: &mut Vec<Tile<T>>,
    spread: bool,
) {
    let (each, chunks) = cut(sweep);
    share::for_each_item(spread, tiles, 0..chunks, |Tile { psi, .. }, chunk| {
        psi.fit(local(sweep), LANES);
        for base in (chunk * each..(chunk + 1) * each).map(|tile| base(sweep, tile)) {
            current_arch().dispatch(Take { sweep, numbers, state, base, to: psi });
            for (pass, [rotors, _]) in sweep.passes.iter().zip(&numbers.rotors) {
                apply_pass(pass, psi.planes(), rotors, None);
            }
            current_arch().dispatch(Put { sweep, numbers, state, base, from: psi });
        }
    });
}

/// Parts of a sweep that need gradients.
#[derive(Debug, Clone, Copy)]
struct SweepNeedsGrad {
    loose: bool,
    before: bool,
    within: bool,
    /// Mask of the passes that need gradients.
    passes: u32,
    after: bool,
}

impl SweepNeedsGrad {
    fn new(sweep: &Sweep, matters: impl Fn(Source) -> bool) -> Self {
        let terms = |terms: &[Term]| terms.iter().flat_map(|term| &term.parts).any(|(source, _)| matters(*source));
        let rotations = |rotations: &[Rotation]| rotations.iter().any(|rotation| matters(rotation.source));
        Self {
            loose: terms(&sweep.loose),
            before: terms(&sweep.before),
            within: rotations(&sweep.within),
            passes: sweep.passes.iter().rev().fold(0, |bits, pass| bits << 1 | u32::from(rotations(&pass.rotations))),
            after: terms(&sweep.after),
        }
    }

    fn any(&self) -> bool {
        self.loose || self.before || self.within || self.after || self.passes != 0
    }

    /// Sets the sums of a chunk to zero, and their lengths to the needs.
    fn clear<T: Real>(self, sweep: &Sweep, sums: &mut Sums<T>) {
        let entries = sweep.offsets.len() * LANES;
        sums.before.zeroed(if self.before { entries } else { 0 });
        sums.after.zeroed(if self.after { entries } else { 0 });
        for (sums, needs_grad, len) in
            [(&mut sums.within, self.within, sweep.within.len()), (&mut sums.loose, self.loose, sweep.loose.len())]
        {
            sums.clear();
            sums.resize(if needs_grad { len } else { 0 }, [0.0; LANES]);
        }
    }
}

/// Lengths of the [`parts`] of a sweep's gradients.
fn lengths(sweep: &Sweep) -> [usize; 5] {
    [sweep.across.len(), sweep.within.len(), sweep.before.len(), sweep.after.len(), sweep.loose.len()]
}

/// Parts of a sweep's gradients: in the φ of its rotations across and within vectors, and
/// `sum of (-1)^|p & mask| Im(λ* ψ)(p)` for its terms before, after and loose.
fn parts<'a>(sweep: &Sweep, mut gradients: &'a mut [f64]) -> [&'a mut [f64]; 5] {
    lengths(sweep).map(|len| {
        let (part, rest) = std::mem::take(&mut gradients).split_at_mut(len);
        gradients = rest;
        part
    })
}

/// Computes the gradients of a chunk from the sums that were taken when tiles were read and written.
fn finish<T: Real>(sweep: &Sweep, tile: &mut Tile<T>, weight: f64, gradients: &mut [f64]) {
    let [_, within, before, after, loose] = parts(sweep, gradients);
    let Tile { sums, transform, .. } = tile;
    let signed = |lanes: &[f64; LANES], signs: [f64; LANES]| -> f64 {
        lanes.iter().zip(signs).map(|(lane, sign)| lane * sign).sum()
    };
    for ((to, rotation), lanes) in within.iter_mut().zip(&sweep.within).zip(&sums.within) {
        *to = -2.0 * weight * signed(lanes, rotation_signs(rotation));
    }
    for ((to, term), lanes) in loose.iter_mut().zip(&sweep.loose).zip(&sums.loose) {
        *to = signed(lanes, lane_signs(term.mask, false));
    }
    for (to, terms, sums, weight) in
        [(before, &sweep.before, &sums.before, weight), (after, &sweep.after, &sums.after, 1.0)]
    {
        if !sums.is_empty() {
            transform.clear();
            transform.extend(sums.iter().map(|sum| sum.to_f64()));
            walsh_hadamard(transform);
            to.iter_mut().zip(terms).for_each(|(to, term)| *to = weight * transform[term.mask as usize]);
        }
    }
}

/// Adds the gradients of a sweep to the gradients of slots.
fn hand_out(sweep: &Sweep, sums: &mut [f64], gradients: &mut [[f64; LANES]]) {
    let [across, within, before, after, loose] = parts(sweep, sums);
    for (rotation, sum) in sweep.across.iter().zip(across).chain(sweep.within.iter().zip(within)) {
        if let Source::Slot(slot) = rotation.source {
            gradients[slot][0] += *sum;
        }
    }
    let before = sweep.before.iter().zip(before);
    for (term, sum) in before.chain(sweep.after.iter().zip(after)).chain(sweep.loose.iter().zip(loose)) {
        for (source, weight) in &term.parts {
            if let Source::Slot(slot) = source {
                gradients[*slot][0] -= 2.0 * weight * *sum;
            }
        }
    }
}

/// Undoes a sweep on one tile. Adds to the gradients of its rotations across vectors and to the tile's sums.
fn undo_tile<T: Real>(
    sweep: &Sweep,
    numbers: &SweepTables<T>,
    needs_grad: SweepNeedsGrad,
    states: [Planes<T>; 2],
    base: usize,
    tile: &mut Tile<T>,
    gradients: &mut [f64],
) {
    let Tile { psi, lambda, sums, .. } = tile;
    let to = [&mut *psi, &mut *lambda];
    current_arch().dispatch(TakeBack { sweep, numbers, states, base, to, sums });
    let planes = (psi.planes(), lambda.planes());
    let mut first = sweep.across.len();
    let passes = sweep.passes.iter().zip(&numbers.rotors).zip(&numbers.passes).enumerate();
    for (index, ((pass, [_, rotors]), shared)) in passes.rev() {
        first -= pass.rotations.len();
        if needs_grad.passes >> index & 1 == 1 {
            let lanes = undo_pass(pass, planes, rotors, None);
            for (k, lanes) in lanes.iter().enumerate().take(pass.rotations.len()) {
                let signs = rotation_signs(&sweep.across[first + k]);
                let sum: f64 = lanes.iter().zip(signs).map(|(a, b)| a * b).sum();
                gradients[first + k] += shared.weights[k] * sum;
            }
        } else {
            apply_pass(pass, planes.0, rotors, None);
            apply_pass(pass, planes.1, rotors, None);
        }
    }
    current_arch().dispatch(PutBack { sweep, numbers, states, base, from: [psi, lambda], sums });
}

/// Undoes a sweep. Afterwards the sweep's gradients are the first entries of `scratch.gradients`.
fn undo_sweep<T: Real>(
    sweep: &Sweep,
    numbers: &SweepTables<T>,
    needs_grad: SweepNeedsGrad,
    states: [Planes<T>; 2],
    scratch: &mut Tiles<T>,
    spread: bool,
) {
    let (each, chunks) = cut(sweep);
    let len = lengths(sweep).iter().sum::<usize>().max(1);
    scratch.gradients.clear();
    scratch.gradients.resize(chunks * len, 0.0);
    let gradients = scratch.gradients.chunks_mut(len).enumerate();
    share::for_each_item(spread, &mut scratch.tiles, gradients, |tile, (chunk, gradients)| {
        tile.psi.fit(local(sweep), LANES);
        tile.lambda.fit_second(local(sweep), LANES);
        needs_grad.clear(sweep, &mut tile.sums);
        for base in (chunk * each..(chunk + 1) * each).map(|tile| base(sweep, tile)) {
            undo_tile(sweep, numbers, needs_grad, states, base, tile, gradients);
        }
        finish(sweep, tile, numbers.weight, gradients);
    });
    let (total, later) = scratch.gradients.split_at_mut(len);
    for gradients in later.chunks(len) {
        total.iter_mut().zip(gradients).for_each(|(total, sum)| *total += sum);
    }
}

impl<T: Real> Worker<'_, T> {
    /// Computes the final state of a sample.
    pub(crate) fn run_tiles(&mut self) {
        let Call { program, partition, .. } = *self.call;
        if program.embedding.is_none() {
            self.prepare_start();
            let Scratch { block: Block { psi, start, .. }, products, .. } = &mut *self.scratch;
            products.build(psi, start, partition.spread_state);
        }
        self.run_nodes();
    }

    /// Runs the tiling on ψ.
    pub(crate) fn run_nodes(&mut self) {
        let Call { program, partition, .. } = *self.call;
        for (index, node) in StateTiling::of(program).nodes.iter().enumerate() {
            match node {
                TileNode::Step { index, placed } => self.apply_step(*index, placed),
                TileNode::Permute(index_map) => {
                    self.scratch.permuter.permute(
                        &mut self.scratch.block.psi,
                        index_map,
                        false,
                        partition.spread_state,
                    );
                }
                TileNode::Sweep(sweep) => {
                    self.set_numbers(index, sweep);
                    let Scratch { block, numbers, tiles, .. } = &mut *self.scratch;
                    let numbers = self.call.prepared.sweeps[index].as_ref().unwrap_or(numbers);
                    apply_sweep(sweep, numbers, block.psi.planes(), &mut tiles.tiles, partition.spread_state);
                }
            }
        }
    }

    /// Computes the tables of a sweep for the current sample, unless samples share them.
    fn set_numbers(&mut self, index: usize, sweep: &Sweep) {
        if self.call.prepared.sweeps[index].is_none() {
            let mut numbers = std::mem::take(&mut self.scratch.numbers);
            let mut phases = std::mem::take(&mut self.scratch.phases);
            numbers.set(sweep, self.angles(), &mut phases);
            (self.scratch.numbers, self.scratch.phases) = (numbers, phases);
        }
    }

    /// Undoes the tiling on ψ and λ, and adds to the gradients of slots.
    pub(crate) fn reverse_tiles(&mut self, needs_grad: NeedsGrad, gradients: &mut [[f64; LANES]]) {
        let Call { program, partition, .. } = *self.call;
        let start_matters = self.start_matters(needs_grad);
        let to_the_start = start_matters || needs_grad.inputs && program.embedding.is_some();
        let first = if to_the_start { Some(0) } else { self.first_that_matters(needs_grad) };
        self.reverse_nodes(first.unwrap_or(usize::MAX), needs_grad, gradients);
        if start_matters {
            let Scratch { block, lambda, lambdas, products, .. } = &mut *self.scratch;
            products.take_apart(lambda, &block.start, lambdas, partition.spread_state);
            self.reverse_qubits(needs_grad, gradients);
        }
    }

    /// First node of the tiling with an angle that needs a gradient.
    pub(crate) fn first_that_matters(&self, needs_grad: NeedsGrad) -> Option<usize> {
        let program = self.call.program;
        let matters = |node: &TileNode| match node {
            TileNode::Permute(_) => false,
            TileNode::Step { index, .. } => self.angle_matters(&program.steps[*index], needs_grad),
            TileNode::Sweep(sweep) => {
                SweepNeedsGrad::new(sweep, |source| self.source_matters(source, needs_grad)).any()
            }
        };
        StateTiling::of(program).nodes.iter().position(matters)
    }

    /// Undoes the nodes of the tiling from the last to node `first` on ψ and λ, and adds to the gradients of slots.
    pub(crate) fn reverse_nodes(&mut self, first: usize, needs_grad: NeedsGrad, gradients: &mut [[f64; LANES]]) {
        let Call { program, partition, .. } = *self.call;
        for (index, node) in StateTiling::of(program).nodes.iter().enumerate().skip(first).rev() {
            match node {
                TileNode::Step { index, placed } => self.undo_step(*index, placed, needs_grad, gradients),
                TileNode::Permute(index_map) => {
                    for state in [&mut self.scratch.block.psi, &mut self.scratch.lambda] {
                        self.scratch.permuter.permute(state, index_map, true, partition.spread_state);
                    }
                }
                TileNode::Sweep(sweep) => {
                    let needs_grad = SweepNeedsGrad::new(sweep, |source| self.source_matters(source, needs_grad));
                    self.set_numbers(index, sweep);
                    let Scratch { block, lambda, numbers, tiles, .. } = &mut *self.scratch;
                    let numbers = self.call.prepared.sweeps[index].as_ref().unwrap_or(numbers);
                    let states = [block.psi.planes(), lambda.planes()];
                    undo_sweep(sweep, numbers, needs_grad, states, tiles, partition.spread_state);
                    hand_out(sweep, &mut tiles.gradients, gradients);
                }
            }
        }
    }
}
