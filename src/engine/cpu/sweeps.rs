//! The way of a single state through a [`Tiling`](crate::program::Tiling): sweeps over tiles, general steps.
//!
//! Threads take chunks of tiles, cut at fixed places; the sums of a chunk for gradients are added up in their order.

use super::arch::arch;
use super::block::Worker;
use super::layers;
use super::numbers::{Numbers, lane_signs, rotation_signs};
use super::plan::LANES;
use super::prepare::walsh_hadamard;
use super::settle::settle;
use super::share;
use super::single;
use super::state::{Buffer, Planes, State};
use super::tile::{Put, PutBack, Sums, Take, TakeBack};
use crate::engine::{Real, Wanted};
use crate::program::{Rotation, Source, Sweep, Term, TileNode};

/// Chunks a sweep is cut into at the most.
const MAX_CHUNKS: usize = 64;

/// Tiles a chunk holds at the least: the sums of a chunk cost as much to finish as a part of a tile to undo.
const MIN_TILES: usize = 32;

/// The first index of tile `tile`.
fn base(sweep: &Sweep, tile: usize) -> usize {
    let set = sweep.tiles.iter().enumerate().filter(|(k, _)| tile >> k & 1 == 1);
    set.fold(0, |base, (_, bits)| base ^ bits)
}

/// Hands the tiles of each chunk of a sweep to `body`, on one thread or on all, and returns what it makes of each.
fn chunks<R: Send, S>(
    sweep: &Sweep,
    spread: bool,
    scratch: impl Fn() -> S + Sync + Send,
    body: impl Fn(&mut S, std::ops::Range<usize>) -> R + Sync + Send,
) -> Vec<R> {
    let tiles = 1usize << sweep.tiles.len();
    let each = tiles.div_ceil(MAX_CHUNKS).max(MIN_TILES.min(tiles));
    share::each(spread, 0..tiles / each, scratch, |scratch, _, index| body(scratch, index * each..(index + 1) * each))
}

fn apply_sweep<T: Real>(sweep: &Sweep, numbers: &Numbers<T>, state: Planes<T>, spread: bool) {
    let local = sweep.offsets.len().ilog2() as usize;
    let tile = |tile: &mut State<T>, base: usize| {
        arch().dispatch(Take { sweep, numbers, state, base, to: tile });
        for (pass, [rotors, _]) in sweep.passes.iter().zip(&numbers.rotors) {
            layers::forward(pass, tile.planes(), rotors, None);
        }
        arch().dispatch(Put { sweep, numbers, state, base, from: tile });
    };
    chunks(
        sweep,
        spread,
        || State::new(local, LANES),
        |scratch, tiles| tiles.for_each(|index| tile(scratch, base(sweep, index))),
    );
}

/// What a thread needs to undo a sweep.
struct Scratch<T> {
    psi: State<T>,
    lambda: State<T>,
}

/// Which gradients of a sweep are wanted.
#[derive(Debug, Clone)]
struct SweepWanted {
    loose: bool,
    before: bool,
    within: bool,
    passes: Vec<bool>,
    after: bool,
}

impl SweepWanted {
    fn new(sweep: &Sweep, matters: impl Fn(Source) -> bool) -> Self {
        let terms = |terms: &[Term]| terms.iter().flat_map(|term| &term.parts).any(|(source, _)| matters(*source));
        let rotations = |rotations: &[Rotation]| rotations.iter().any(|rotation| matters(rotation.source));
        Self {
            loose: terms(&sweep.loose),
            before: terms(&sweep.before),
            within: rotations(&sweep.within),
            passes: sweep.passes.iter().map(|pass| rotations(&pass.rotations)).collect(),
            after: terms(&sweep.after),
        }
    }

    fn any(&self) -> bool {
        self.loose || self.before || self.within || self.after || self.passes.contains(&true)
    }

    fn sums<T: Real>(&self, sweep: &Sweep) -> Sums<T> {
        let entries = sweep.offsets.len() * LANES;
        Sums {
            before: self.before.then(|| Buffer::zeroed(entries)),
            after: self.after.then(|| Buffer::zeroed(entries)),
            within: self.within.then(|| vec![[0.0; LANES]; sweep.within.len()]),
            loose: self.loose.then(|| vec![[0.0; LANES]; sweep.loose.len()]),
        }
    }
}

/// Gradients of a sweep: in the φ of its rotations, and `sum of (-1)^|p & mask| Im(λ* ψ)(p)` of its terms.
struct SweepGradients {
    across: Vec<f64>,
    within: Vec<f64>,
    before: Vec<f64>,
    after: Vec<f64>,
    loose: Vec<f64>,
}

impl SweepGradients {
    fn new(sweep: &Sweep) -> Self {
        Self {
            across: vec![0.0; sweep.across.len()],
            within: vec![0.0; sweep.within.len()],
            before: vec![0.0; sweep.before.len()],
            after: vec![0.0; sweep.after.len()],
            loose: vec![0.0; sweep.loose.len()],
        }
    }

    fn add(&mut self, later: &Self) {
        let pairs = [
            (&mut self.across, &later.across),
            (&mut self.within, &later.within),
            (&mut self.before, &later.before),
            (&mut self.after, &later.after),
            (&mut self.loose, &later.loose),
        ];
        for (to, from) in pairs {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        }
    }

    /// Adds the sums of a chunk that were taken on the way in or out.
    fn finish<T: Real>(&mut self, sweep: &Sweep, sums: Sums<T>, weight: f64) {
        let signed = |lanes: &[f64; LANES], signs: [f64; LANES]| -> f64 {
            lanes.iter().zip(signs).map(|(lane, sign)| lane * sign).sum()
        };
        for ((to, rotation), lanes) in self.within.iter_mut().zip(&sweep.within).zip(sums.within.iter().flatten()) {
            *to = -2.0 * weight * signed(lanes, rotation_signs(rotation));
        }
        for ((to, term), lanes) in self.loose.iter_mut().zip(&sweep.loose).zip(sums.loose.iter().flatten()) {
            *to = signed(lanes, lane_signs(term.mask, false));
        }
        for (to, terms, sums, weight) in
            [(&mut self.before, &sweep.before, sums.before, weight), (&mut self.after, &sweep.after, sums.after, 1.0)]
        {
            let Some(sums) = sums else { continue };
            let mut sums: Vec<f64> = sums.iter().map(|sum| sum.to_f64()).collect();
            walsh_hadamard(&mut sums);
            to.iter_mut().zip(terms).for_each(|(to, term)| *to = weight * sums[term.mask as usize]);
        }
    }

    fn hand_out(&self, sweep: &Sweep, gradients: &mut [[f64; LANES]]) {
        let rotations = sweep.across.iter().zip(&self.across).chain(sweep.within.iter().zip(&self.within));
        for (rotation, sum) in rotations {
            if let Source::Slot(slot) = rotation.source {
                gradients[slot][0] += sum;
            }
        }
        let before = sweep.before.iter().zip(&self.before);
        for (term, sum) in before.chain(sweep.after.iter().zip(&self.after)).chain(sweep.loose.iter().zip(&self.loose))
        {
            for (source, weight) in &term.parts {
                if let Source::Slot(slot) = source {
                    gradients[*slot][0] -= 2.0 * weight * sum;
                }
            }
        }
    }
}

fn undo_sweep<T: Real>(
    sweep: &Sweep,
    numbers: &Numbers<T>,
    wanted: &SweepWanted,
    states: [Planes<T>; 2],
    spread: bool,
) -> SweepGradients {
    let local = sweep.offsets.len().ilog2() as usize;
    let scratch = || Scratch { psi: State::new(local, LANES), lambda: State::second(local, LANES) };
    let partial = chunks(sweep, spread, scratch, |Scratch { psi, lambda }, tiles| {
        let mut gradients = SweepGradients::new(sweep);
        let mut sums = wanted.sums(sweep);
        for tile in tiles {
            let base = base(sweep, tile);
            let to = [&mut *psi, &mut *lambda];
            arch().dispatch(TakeBack { sweep, numbers, states, base, to, sums: &mut sums });
            let planes = (psi.planes(), lambda.planes());
            let mut first = sweep.across.len();
            let passes = sweep.passes.iter().zip(&numbers.rotors).zip(&numbers.weights).zip(&wanted.passes);
            for (((pass, [_, rotors]), weights), wanted) in passes.rev() {
                first -= pass.rotations.len();
                if *wanted {
                    let lanes = layers::reverse(pass, planes, rotors, None);
                    for (k, lanes) in lanes.iter().enumerate().take(pass.rotations.len()) {
                        let signs = rotation_signs(&sweep.across[first + k]);
                        let sum: f64 = lanes.iter().zip(signs).map(|(a, b)| a * b).sum();
                        gradients.across[first + k] += weights[k] * sum;
                    }
                } else {
                    layers::forward(pass, planes.0, rotors, None);
                    layers::forward(pass, planes.1, rotors, None);
                }
            }
            let from = [&*psi, &*lambda];
            arch().dispatch(PutBack { sweep, numbers, states, base, from, sums: &mut sums });
        }
        gradients.finish(sweep, sums, numbers.weight);
        gradients
    });
    let mut total = SweepGradients::new(sweep);
    partial.iter().for_each(|gradients| total.add(gradients));
    total
}

impl<T: Real> Worker<'_, T> {
    /// The final state of a sample.
    pub(super) fn run_tiling(&mut self) {
        if self.program.embedding.is_none() {
            let qubits = self.start();
            single::build(&mut self.psi, &qubits, self.plan.spread_state);
        }
        for (index, node) in self.program.tiling().nodes.iter().enumerate() {
            match node {
                TileNode::Step { index } => self.apply(*index),
                TileNode::Settle(frame) => settle(&mut self.psi, &mut self.spare, frame, false, self.plan.spread_state),
                TileNode::Sweep(sweep) => {
                    let (planes, spread) = (self.psi.planes(), self.plan.spread_state);
                    self.with_numbers(index, sweep, |numbers| apply_sweep(sweep, numbers, planes, spread));
                }
            }
        }
    }

    /// Calls `body` with the numbers of a sweep for the sample at hand.
    fn with_numbers<R>(&self, index: usize, sweep: &Sweep, body: impl FnOnce(&Numbers<T>) -> R) -> R {
        match &self.prepared.sweeps[index] {
            Some(numbers) => body(numbers),
            None => body(&Numbers::new(sweep, &self.angles)),
        }
    }

    /// Undoes the tiling on ψ and λ; adds to the gradients of slots.
    pub(super) fn reverse_tiling(&mut self, wanted: Wanted, gradients: &mut [[f64; LANES]]) {
        let nodes = &self.program.tiling().nodes;
        let start_matters = self.start_matters(wanted);
        let to_the_start = start_matters || wanted.inputs && self.program.embedding.is_some();
        let matters = |node: &TileNode| match node {
            TileNode::Settle(_) => false,
            TileNode::Step { index } => self.matters(&self.program.steps[*index], wanted),
            TileNode::Sweep(sweep) => SweepWanted::new(sweep, |source| self.source_matters(source, wanted)).any(),
        };
        let first = if to_the_start { Some(0) } else { nodes.iter().position(matters) };
        for (index, node) in nodes.iter().enumerate().skip(first.unwrap_or(nodes.len())).rev() {
            match node {
                TileNode::Step { index } => self.undo(*index, wanted, gradients),
                TileNode::Settle(frame) => {
                    let spread = self.plan.spread_state;
                    settle(&mut self.psi, &mut self.spare, frame, true, spread);
                    if let Some(lambda) = &mut self.lambda {
                        settle(lambda, &mut self.spare, frame, true, spread);
                    }
                }
                TileNode::Sweep(sweep) => {
                    let wanted = SweepWanted::new(sweep, |source| self.source_matters(source, wanted));
                    let Some(lambda) = &mut self.lambda else { return };
                    let (states, spread) = ([self.psi.planes(), lambda.planes()], self.plan.spread_state);
                    let undo = |numbers: &_| undo_sweep(sweep, numbers, &wanted, states, spread);
                    self.with_numbers(index, sweep, undo).hand_out(sweep, gradients);
                }
            }
        }
        if let (true, Some(lambda)) = (start_matters, &self.lambda) {
            let qubits = self.start();
            let lambdas = single::take_apart(lambda, &qubits, self.plan.spread_state);
            self.reverse_qubits(qubits, lambdas, wanted, gradients);
        }
    }
}
