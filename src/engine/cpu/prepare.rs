//! What the blocks of a call share: tables of phases, and the turns of rotations that do not differ from sample to sample.
//!
//! Where all rotations of a pass are such, they are done as `[1 -t; t 1]`: with `t` the tangent if that is at most 1. If not,
//! with the cotangent `u`, as `[cos -sin; sin cos] = sin X [1 -u; u 1] Z`, which `sin Z X [1 -u; u 1]` undoes: X means that
//! amplitudes change places, and Z is the sign of half of the entries of the table of phases in front. The factors left
//! out, cosines and sines, are in that table too.
//! So the norm is off only within a layer, never by more than the square root of 2 a rotation; gradients taken there
//! are corrected.

use crate::engine::cpu::angles::{Angles, SharedAngles};
use crate::engine::cpu::batch::z_sums::Words;
use crate::engine::cpu::execution::Execution;
use crate::engine::cpu::memory::held;
use crate::engine::cpu::numbers::Numbers;
use crate::engine::cpu::passes::{Rotors, Table};
use crate::engine::cpu::plan::Plan;
use crate::engine::cpu::simd::LANES;
use crate::engine::cpu::simd::arch::arch;
use crate::engine::cpu::simd::sincos::sin_cos;
use crate::engine::cpu::steps::forward::{Dense, Turn};
use crate::engine::{Arguments, Real};
use crate::program::{Kernel, Layer, MAX_ROTATIONS, Node, Pass, Program, Readout, Source, Step, TileNode};
use num_complex::Complex64;
use pulp::NullaryFnOnce;

/// Rotations from which a table made for their factors alone costs less than it saves.
pub(super) const WORTH_A_TABLE: usize = 3;

/// See the module.
#[derive(Debug)]
pub(super) struct Prepared<T> {
    pub(super) angles: SharedAngles,
    /// The matrix of each step that has one, and its adjoint; nothing at all if none has.
    pub(super) matrices: Vec<Option<[Dense<T>; 2]>>,
    /// Words of Z that are read from full blocks; the first of their flips.
    pub(super) words: Option<Words>,
    /// One entry for each node of the schedule, empty for what is not a layer.
    pub(super) layers: Vec<SharedLayer<T>>,
    /// One entry for each node of the tiling, for sweeps that read no inputs. Of both, what there is no memory for is made by
    /// each worker when it comes to it.
    pub(super) sweeps: Vec<Option<Numbers<T>>>,
    room: Phases,
}

/// What a layer shares.
#[derive(Debug)]
pub(super) struct SharedLayer<T> {
    /// Whether it has been set.
    pub(super) made: bool,
    pub(super) table: Option<Table<T>>,
    pub(super) passes: Vec<SharedPass<T>>,
    /// The rotors of each pass, and those that undo it, if samples share them.
    rotors: Vec<Option<[Rotors<T>; 2]>>,
    /// What the gradients of the shared phases are multiplied by.
    pub(super) weight: f64,
}

impl<T> Default for SharedLayer<T> {
    fn default() -> Self {
        Self { made: false, table: None, passes: Vec::new(), rotors: Vec::new(), weight: 1.0 }
    }
}

/// Many phases, on the execution to a table: their angles, sines and cosines.
#[derive(Debug, Default)]
pub(super) struct Phases {
    angles: Vec<f64>,
    pub(super) sin: Vec<f64>,
    pub(super) cos: Vec<f64>,
}

impl Phases {
    /// Bytes it holds on to.
    pub(super) fn bytes(&self) -> usize {
        [&self.angles, &self.sin, &self.cos].map(held).iter().sum()
    }

    /// `count` phases, where a term `(mask, angle)` adds `angle * (-1)^|index & mask|`.
    pub(super) fn set(&mut self, count: usize, terms: impl Iterator<Item = (u64, f64)>) {
        self.angles.clear();
        self.angles.resize(count, 0.0);
        terms.for_each(|(mask, angle)| self.angles[mask as usize] += angle);
        walsh_hadamard(&mut self.angles);
        self.sin.resize(count, 0.0);
        self.cos.resize(count, 0.0);
        sin_cos(&self.angles, &mut self.sin, &mut self.cos);
    }
}

/// What is known of a pass before the angles of a block are.
#[derive(Debug)]
pub(super) struct SharedPass<T> {
    short: Option<Short<T>>,
    /// What the gradient of each rotation is multiplied by.
    pub(super) weights: [f64; MAX_ROTATIONS],
}

/// A pass of rotations `[1 -t; t 1]`.
#[derive(Debug)]
struct Short<T> {
    tangents: [T; MAX_ROTATIONS],
    factors: [f64; MAX_ROTATIONS],
    /// Bit `k`: the tangent is a cotangent.
    swapped: usize,
}

impl<T: Real> Short<T> {
    fn new(values: impl Iterator<Item = Complex64>) -> Self {
        let mut short = Self { tangents: [T::zero(); MAX_ROTATIONS], factors: [1.0; MAX_ROTATIONS], swapped: 0 };
        for (k, value) in values.enumerate() {
            let swap = value.im.abs() > value.re.abs();
            let (large, small) = if swap { (value.im, value.re) } else { (value.re, value.im) };
            short.tangents[k] = T::from_f64(small / large);
            // That of the rounded tangent, so that the rotation keeps the norm.
            let tangent = short.tangents[k].to_f64();
            short.factors[k] = (1.0 / (1.0 + tangent * tangent).sqrt()).copysign(large);
            short.swapped |= usize::from(swap) << k;
        }
        short
    }
}

impl<T: Real> SharedPass<T> {
    /// Rotations by these angles, left to their cosines and sines if `short` is false.
    pub(super) fn new(values: impl Iterator<Item = Complex64>, short: bool) -> Self {
        Self { short: short.then(|| Short::new(values)), weights: [1.0; MAX_ROTATIONS] }
    }

    /// The factor the rotors leave out.
    pub(super) fn factor(&self) -> f64 {
        self.short.as_ref().map_or(1.0, |short| short.factors.iter().product())
    }

    /// The rotations, as bits, that exchange amplitudes.
    pub(super) fn swapped(&self) -> usize {
        self.short.as_ref().map_or(0, |short| short.swapped)
    }

    /// Sets the rotors of a pass, or those that undo it.
    pub(super) fn set_rotors(&self, pass: &Pass, angles: Angles<'_, T>, back: bool, to: &mut Rotors<T>) {
        (to.unit, to.swapped) = (self.short.is_some(), self.swapped());
        for (k, (turn, rotation)) in to.turns.iter_mut().zip(&pass.rotations).enumerate() {
            match (&self.short, rotation.source) {
                (Some(short), _) => (turn.cos, turn.sin) = ([T::one(); LANES], [short.tangents[k]; LANES]),
                (None, Source::Slot(slot)) => *turn = angles.turn(slot),
                (None, Source::Fixed(value)) => *turn = Turn::fixed(value),
            }
            if back && self.swapped() >> k & 1 == 0 {
                turn.sin.iter_mut().for_each(|sin| *sin = -*sin);
            }
        }
    }
}

impl<T: Real> Prepared<T> {
    /// Scratch for a program's tables, and its matrices.
    pub(super) fn new(program: &Program, plan: &Plan) -> Self {
        let execution = plan.execution;
        let matrix = |step: &Step| match &step.kernel {
            // An outline takes one-qubit matrices apart.
            Kernel::Matrix { qubits, .. }
                if execution != Execution::Steps && qubits.len() == 1 && step.controls == 0 =>
            {
                None
            }
            Kernel::Matrix { qubits, entries } => Some([false, true].map(|dagger| Dense::new(entries, qubits, dagger))),
            _ => None,
        };
        let any = program.steps.iter().any(|step| matches!(step.kernel, Kernel::Matrix { .. }));
        let (mut layers, mut sweeps) = (Vec::new(), Vec::new());
        match execution {
            Execution::Batch => layers.resize_with(program.schedule().nodes.len(), SharedLayer::default),
            Execution::Single => sweeps.resize_with(program.tiling().nodes.len(), || None),
            Execution::Steps => {}
        }
        let matrices = if any { program.steps.iter().map(matrix).collect() } else { Vec::new() };
        let words = match plan.execution.readout(program) {
            Readout::Expectation(sum) if plan.lanes == LANES => sum.flips.first().filter(|flip| flip.x == 0),
            _ => None,
        };
        let words = words.map(|flip| Words::new(&flip.terms));
        Self { angles: SharedAngles::default(), matrices, words, layers, sweeps, room: Phases::default() }
    }

    /// What depends on the arguments, with at most so many bytes for tables.
    pub(super) fn set(&mut self, program: &Program, arguments: Arguments<'_, T>, mut tables: u64) {
        let mut fits = |bytes: usize| {
            let left = tables.checked_sub(bytes as u64);
            tables = left.unwrap_or(tables);
            left.is_some()
        };
        let Self { angles, layers, sweeps, room, .. } = self;
        angles.set(program, arguments.weights);
        if !layers.is_empty() {
            for (shared, node) in layers.iter_mut().zip(&program.schedule().nodes) {
                match node {
                    Node::Layer(layer) if fits(SharedLayer::<T>::most_bytes(program, layer)) => {
                        shared.set(program, layer, angles, room);
                    }
                    _ => *shared = SharedLayer::default(),
                }
            }
        }
        if !sweeps.is_empty() {
            for (numbers, node) in sweeps.iter_mut().zip(&program.tiling().nodes) {
                let TileNode::Sweep(sweep) = node else { continue };
                if !sweep.sources().any(|source| angles.varies(source)) && fits(Numbers::<T>::most_bytes(sweep)) {
                    let numbers = numbers.get_or_insert_with(Numbers::default);
                    numbers.set(sweep, Angles::shared(angles), room);
                } else {
                    *numbers = None;
                }
            }
        }
    }

    /// Bytes it holds on to.
    pub(super) fn bytes(&self) -> usize {
        let matrices = self.matrices.iter().flatten().flatten().map(Dense::bytes).sum::<usize>() + held(&self.matrices);
        let layers = self.layers.iter().map(SharedLayer::bytes).sum::<usize>() + held(&self.layers);
        let sweeps = self.sweeps.iter().flatten().map(Numbers::bytes).sum::<usize>() + held(&self.sweeps);
        let words = self.words.as_ref().map_or(0, Words::bytes);
        self.angles.bytes() + self.room.bytes() + matrices + layers + sweeps + words
    }

    /// The most bytes that all tables of a program take.
    pub(super) fn most_bytes(program: &Program, execution: Execution) -> u64 {
        let all: usize = match execution {
            Execution::Batch => {
                let layer = |node: &Node| match node {
                    Node::Layer(layer) => SharedLayer::<T>::most_bytes(program, layer),
                    Node::Step { .. } | Node::Settle(_) => 0,
                };
                program.schedule().nodes.iter().map(layer).sum()
            }
            Execution::Single => {
                let sweep = |node: &TileNode| match node {
                    TileNode::Sweep(sweep) => Numbers::<T>::most_bytes(sweep),
                    TileNode::Step { .. } | TileNode::Settle(_) => 0,
                };
                program.tiling().nodes.iter().map(sweep).sum()
            }
            Execution::Steps => 0,
        };
        all as u64
    }
}

impl<T: Real> SharedLayer<T> {
    /// The rotors of pass `k`, or those that undo it; made in `room`, if samples do not share them.
    pub(super) fn rotors<'a>(
        &'a self,
        (k, pass): (usize, &Pass),
        angles: Angles<'_, T>,
        back: bool,
        room: &'a mut Rotors<T>,
    ) -> &'a Rotors<T> {
        match &self.rotors[k] {
            Some(both) => &both[usize::from(back)],
            None => {
                self.passes[k].set_rotors(pass, angles, back, room);
                room
            }
        }
    }

    /// The most bytes that what a layer shares takes.
    fn most_bytes(program: &Program, layer: &Layer) -> usize {
        let rotations: usize = layer.passes.iter().map(|pass| pass.rotations.len()).sum();
        let has_table = !layer.shared.is_empty() || rotations >= WORTH_A_TABLE;
        let table = if has_table { (2 * size_of::<T>()) << program.qubits } else { 0 };
        table + layer.passes.len() * (size_of::<Option<[Rotors<T>; 2]>>() + size_of::<SharedPass<T>>())
    }

    /// Bytes it holds on to.
    pub(super) fn bytes(&self) -> usize {
        let table = self.table.as_ref().map_or(0, |table| held(&table.cos) + held(&table.sin));
        table + held(&self.passes) + held(&self.rotors)
    }

    /// Makes it for the arguments at hand.
    pub(super) fn set(&mut self, program: &Program, layer: &Layer, angles: &SharedAngles, room: &mut Phases) {
        self.made = true;
        let all = |pass: &Pass| pass.rotations.iter().all(|rotation| !angles.varies(rotation.source));
        let shortened = layer.passes.iter().filter(|pass| all(pass)).map(|pass| pass.rotations.len());
        let has_table = !layer.shared.is_empty() || shortened.sum::<usize>() >= WORTH_A_TABLE;
        self.passes.clear();
        self.passes.extend(layer.passes.iter().map(|pass| {
            let values = pass.rotations.iter().map(|rotation| angles.point(rotation.source));
            SharedPass::new(values, has_table && all(pass) && !pass.rotations.is_empty())
        }));
        self.weight = weigh(&mut self.passes);
        self.rotors.resize_with(layer.passes.len(), Default::default);
        for ((pass, shared), rotors) in layer.passes.iter().zip(&self.passes).zip(&mut self.rotors) {
            if !all(pass) {
                *rotors = None;
            } else {
                let [forth, back] = rotors.get_or_insert_with(Default::default);
                shared.set_rotors(pass, Angles::shared(angles), false, forth);
                shared.set_rotors(pass, Angles::shared(angles), true, back);
            }
        }
        if !has_table {
            self.table = None;
        } else {
            let table = self.table.get_or_insert_with(Table::default);
            let terms = layer.shared.iter().flat_map(|phase| {
                let value = angles.value(phase.source);
                phase.walsh.iter().map(move |(mask, weight)| (*mask, weight * value))
            });
            room.set(1 << program.qubits, terms);
            set_table(table, layer, &self.passes, room);
        }
    }
}

/// Sets what the gradients of rotations are multiplied by, for the factors that the states lack once they are undone; returns
/// the same for what is undone after them. A layer is undone from its last pass on, each pass from its first rotation on.
pub(super) fn weigh<T>(passes: &mut [SharedPass<T>]) -> f64 {
    let mut weight = 1.0;
    for pass in passes.iter_mut().rev() {
        let Some(short) = &pass.short else {
            pass.weights = [weight; MAX_ROTATIONS];
            continue;
        };
        for (k, factor) in short.factors.iter().enumerate() {
            pass.weights[k] = weight;
            weight *= factor * factor;
        }
    }
    weight
}

/// The phases of a layer, with the factors and signs of its rotations.
fn set_table<T: Real>(table: &mut Table<T>, layer: &Layer, passes: &[SharedPass<T>], phases: &Phases) {
    let factor: f64 = passes.iter().map(SharedPass::factor).product();
    for (to, from) in [(&mut table.cos, &phases.cos), (&mut table.sin, &phases.sin)] {
        to.clear();
        to.extend(from.iter().map(|value| T::from_f64(factor * value)));
    }
    for (pass, shared) in layer.passes.iter().zip(passes) {
        let swapped = shared.swapped();
        let negative = (0..1 << pass.rotations.len()).filter(|j| (j & swapped).count_ones() % 2 == 1);
        for distance in negative.map(|j: usize| pass.distances[j]) {
            for base in &pass.bases {
                let index = *base as usize ^ distance;
                (table.cos[index], table.sin[index]) = (-table.cos[index], -table.sin[index]);
            }
        }
    }
}

/// `out[p] = sum over m of in[m] (-1)^|p & m|`, in place.
pub(super) fn walsh_hadamard(values: &mut [f64]) {
    arch().dispatch(Transform(values));
}

struct Transform<'a>(&'a mut [f64]);

impl NullaryFnOnce for Transform<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self(values) = self;
        let mut half = 1;
        // The first steps stay within eight neighbours.
        if let (eights, []) = values.as_chunks_mut::<8>() {
            for eight in eights {
                for bit in [1, 2, 4] {
                    // Partners by a shuffle, and a sign: as one vector.
                    let mut partners = [0.0; 8];
                    for j in 0..8 {
                        partners[j] = eight[j ^ bit];
                    }
                    for j in 0..8 {
                        let sign = if j & bit == 0 { 1.0 } else { -1.0 };
                        eight[j] = sign * eight[j] + partners[j];
                    }
                }
            }
            half = 8;
        }
        while half < values.len() {
            for block in values.chunks_exact_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                for (a, b) in low.iter_mut().zip(high) {
                    (*a, *b) = (*a + *b, *a - *b);
                }
            }
            half *= 2;
        }
    }
}

/// The gradients of shared phases from `Im(λ* ψ)` of each amplitude: `-2 sum of w(p) Im(λ* ψ)(p)`, times `factor`.
pub(super) fn phase_gradients(layer: &Layer, overlaps: &mut [f64], factor: f64, gradients: &mut [[f64; LANES]]) {
    walsh_hadamard(overlaps);
    for phase in &layer.shared {
        if let Source::Slot(slot) = phase.source {
            let series = phase.walsh.iter().map(|(mask, weight)| weight * overlaps[*mask as usize]);
            gradients[slot][0] -= 2.0 * factor * series.sum::<f64>();
        }
    }
}
