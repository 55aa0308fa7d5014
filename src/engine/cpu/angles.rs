//! Slots in, gradients of variables out: the only part of the engine that knows expressions.

use crate::engine::cpu::memory::held;
use crate::engine::cpu::simd::LANES;
use crate::engine::cpu::simd::sincos::sin_cos;
use crate::engine::cpu::steps::forward::CosSin;
use crate::engine::{Arguments, Real};
use crate::program::{Program, Slot, Source, Variable};
use num_complex::Complex64;

/// Angles with their sines and cosines, in `f64`.
#[derive(Debug, Default)]
struct Points {
    values: Vec<f64>,
    sin: Vec<f64>,
    cos: Vec<f64>,
}

impl Points {
    /// Sines and cosines of the values.
    fn finish(&mut self) {
        self.sin.resize(self.values.len(), 0.0);
        self.cos.resize(self.values.len(), 0.0);
        sin_cos(&self.values, &mut self.sin, &mut self.cos);
    }

    fn point(&self, index: usize) -> Complex64 {
        Complex64::new(self.cos[index], self.sin[index])
    }

    fn bytes(&self) -> usize {
        [&self.values, &self.sin, &self.cos].map(held).iter().sum()
    }
}

/// The slots that all samples share.
#[derive(Debug, Default)]
pub(super) struct SharedAngles {
    /// One entry a slot; zeros for those that differ from sample to sample.
    points: Points,
    /// Slots that differ from sample to sample.
    varying: Vec<usize>,
    /// For each slot its place among those.
    places: Vec<Option<usize>>,
    /// Whether a slot that all samples share is NaN or infinite.
    spoiled: bool,
}

/// The slots that differ from sample to sample, for the samples of one block.
#[derive(Debug)]
pub(super) struct BlockAngles<T> {
    cos_sins: Vec<CosSin<T>>,
    /// Samples of the block with a slot that is NaN or infinite, or without a state to start from. Their outputs and gradients are NaN
    /// even where that has no effect.
    pub(super) spoiled: [bool; LANES],
    /// Norms of the embedded features.
    pub(super) norms: [f64; LANES],
}

/// What [`BlockAngles::fill`] computes first: an entry for each lane of each slot. A block of one sample has one lane.
#[derive(Debug, Default)]
pub(super) struct LanePoints(Points);

/// The cosines and sines of all slots, for the samples of one block.
#[derive(Debug)]
pub(super) struct Angles<'a, T> {
    shared: &'a SharedAngles,
    cos_sins: &'a [CosSin<T>],
    /// Those of the block, if it is a single sample.
    single: &'a LanePoints,
}

impl<T> Clone for Angles<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Angles<'_, T> {}

impl<T> Default for BlockAngles<T> {
    fn default() -> Self {
        Self { cos_sins: Vec::new(), spoiled: [false; LANES], norms: [0.0; LANES] }
    }
}

/// Gradients of a group of blocks, in `f64`.
#[derive(Debug, Default)]
pub(super) struct GroupSums {
    /// In the slots that all samples share, lane by lane; in the others for the block at hand.
    pub(super) slots: Vec<[f64; LANES]>,
    /// In the weights, through slots that differ from sample to sample.
    weights: Vec<f64>,
}

/// The variables of some samples.
#[derive(Clone, Copy)]
struct Samples<'a, T> {
    arguments: Arguments<'a, T>,
    /// Features of a sample.
    width: usize,
    first: usize,
    count: usize,
}

impl<'a, T: Real> Samples<'a, T> {
    /// A variable's numbers, and the distance from a sample's to the next one's: 0 if they share it.
    fn column(&self, variable: Variable) -> (&'a [T], usize) {
        match variable {
            Variable::Input(index) => (&self.arguments.inputs[self.first * self.width + index..], self.width),
            Variable::Weight(index) => (&self.arguments.weights[index..], 0),
        }
    }

    /// A variable in each lane; zeros where there is no sample.
    fn lanes(&self, variable: Variable) -> [f64; LANES] {
        let (numbers, step) = self.column(variable);
        let mut lanes = [0.0; LANES];
        lanes[..self.count].iter_mut().enumerate().for_each(|(lane, to)| *to = numbers[lane * step].to_f64());
        lanes
    }

    /// A slot in each lane; its constant where there is no sample.
    fn slot(&self, slot: &Slot) -> [f64; LANES] {
        let mut sums = [slot.constant; LANES];
        for (coefficient, first, second) in &slot.terms {
            let (first, second) = (self.column(*first), second.map(|second| self.column(second)));
            let at = |(numbers, step): (&[T], usize), lane: usize| numbers[lane * step].to_f64();
            for (lane, sum) in sums[..self.count].iter_mut().enumerate() {
                let product = coefficient * at(first, lane);
                *sum += second.map_or(product, |second| product * at(second, lane));
            }
        }
        sums
    }

    /// Hands every variable of a slot and the slot's derivative in it, times a gradient, to `each`.
    fn derivatives(&self, slot: &Slot, gradient: &[f64; LANES], mut each: impl FnMut(Variable, [f64; LANES])) {
        let times = |coefficient: f64, variable: Option<Variable>| {
            let factor = variable.map_or([1.0; LANES], |variable| self.lanes(variable));
            std::array::from_fn(|lane| gradient[lane] * (coefficient * factor[lane]))
        };
        for (coefficient, first, second) in &slot.terms {
            each(*first, times(*coefficient, *second));
            if let Some(second) = second {
                each(*second, times(*coefficient, Some(*first)));
            }
        }
    }
}

/// The value of an expression in weights alone.
fn weight_value<T: Real>(slot: &Slot, weights: &[T]) -> f64 {
    let value = |variable: Variable| match variable {
        Variable::Weight(index) => weights[index].to_f64(),
        // Slots that read inputs are not asked for.
        Variable::Input(_) => f64::NAN,
    };
    slot.terms.iter().fold(slot.constant, |sum, (coefficient, first, second)| {
        sum + coefficient * value(*first) * second.map_or(1.0, value)
    })
}

impl SharedAngles {
    /// Evaluates the slots that all samples share.
    pub(super) fn set<T: Real>(&mut self, program: &Program, weights: &[T]) {
        if self.places.len() != program.slots.len() {
            self.varying = (0..program.slots.len()).filter(|slot| program.slots[*slot].reads_inputs()).collect();
            self.places = vec![None; program.slots.len()];
            self.varying.iter().enumerate().for_each(|(place, slot)| self.places[*slot] = Some(place));
        }
        let slots = program.slots.iter().zip(&self.places);
        let value =
            |(slot, place): (&Slot, &Option<usize>)| if place.is_some() { 0.0 } else { weight_value(slot, weights) };
        self.points.values.clear();
        self.points.values.extend(slots.map(value));
        self.points.finish();
        self.spoiled = self.points.values.iter().any(|value| !value.is_finite());
    }

    /// Bytes it holds on to.
    pub(super) fn bytes(&self) -> usize {
        self.points.bytes() + held(&self.varying) + held(&self.places)
    }

    pub(super) fn varies(&self, source: Source) -> bool {
        matches!(source, Source::Slot(slot) if self.places[slot].is_some())
    }

    /// φ of a source that all samples share.
    pub(super) fn value(&self, source: Source) -> f64 {
        match source {
            Source::Slot(slot) => self.points.values[slot],
            Source::Fixed(value) => value.arg(),
        }
    }

    /// Cosine and sine of a source that all samples share.
    pub(super) fn point(&self, source: Source) -> Complex64 {
        match source {
            Source::Slot(slot) => self.points.point(slot),
            Source::Fixed(value) => value,
        }
    }
}

impl LanePoints {
    /// Bytes it holds on to.
    pub(super) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

impl<T: Real> BlockAngles<T> {
    /// Bytes it holds on to.
    pub(super) fn bytes(&self) -> usize {
        held(&self.cos_sins)
    }

    /// Evaluates the slots for a block of `lanes` samples, of which `count` exist, from sample `first` on.
    pub(super) fn fill(
        &mut self,
        program: &Program,
        arguments: Arguments<'_, T>,
        shared: &SharedAngles,
        (first, count, lanes): (usize, usize, usize),
        LanePoints(points): &mut LanePoints,
    ) {
        let samples = Samples { arguments, width: program.engine_inputs, first, count };
        // NaN where a slot is NaN or infinite.
        let mut nothing = [0.0; LANES];
        points.values.clear();
        for &index in &shared.varying {
            let values = samples.slot(&program.slots[index]);
            nothing.iter_mut().zip(values).for_each(|(nothing, value)| *nothing += 0.0 * value);
            points.values.extend_from_slice(&values[..lanes]);
        }
        self.spoiled = nothing.map(|nothing| shared.spoiled || f64::is_nan(nothing));
        if let Some(embedding) = program.embedding {
            for lane in 0..count {
                let features = arguments.embedded(program, embedding, first + lane);
                self.norms[lane] = embedding.norm(features.iter().map(|x| x.to_f64()));
                self.spoiled[lane] |= !self.norms[lane].is_finite();
            }
        }
        points.finish();
        self.cos_sins.resize(shared.varying.len(), CosSin::fixed(1.0.into()));
        let found = points.cos.chunks_exact(lanes).zip(points.sin.chunks_exact(lanes));
        for (cos_sin, (cos, sin)) in self.cos_sins.iter_mut().zip(found) {
            let lanes_of = |values: &[f64]| match <&[f64; LANES]>::try_from(values) {
                Ok(values) => values.map(T::from_f64),
                // A block of one sample uses all vector lanes for it.
                Err(_) => [T::from_f64(values[0]); LANES],
            };
            *cos_sin = CosSin { cos: lanes_of(cos), sin: lanes_of(sin) };
        }
    }
}

impl<'a, T: Real> Angles<'a, T> {
    /// For what reads no slots that differ from sample to sample.
    pub(super) fn shared(shared: &'a SharedAngles) -> Self {
        static NONE: LanePoints = LanePoints(Points { values: Vec::new(), sin: Vec::new(), cos: Vec::new() });
        Self { shared, cos_sins: &[], single: &NONE }
    }

    pub(super) fn new(shared: &'a SharedAngles, block: &'a BlockAngles<T>, single: &'a LanePoints) -> Self {
        Self { shared, cos_sins: &block.cos_sins, single }
    }

    /// φ of a source, for a block of one sample or if all samples share it.
    pub(super) fn value(&self, source: Source) -> f64 {
        match self.place(source) {
            Some(place) => self.single.0.values[place],
            None => self.shared.value(source),
        }
    }

    /// Its cosine and sine.
    pub(super) fn point(&self, source: Source) -> Complex64 {
        match self.place(source) {
            Some(place) => self.single.0.point(place),
            None => self.shared.point(source),
        }
    }

    #[inline(always)]
    fn place(&self, source: Source) -> Option<usize> {
        match source {
            Source::Slot(slot) => self.shared.places[slot],
            Source::Fixed(_) => None,
        }
    }

    /// Cosine and sine of a slot in each lane, or of all lanes if samples share it.
    #[inline(always)]
    pub(super) fn look_up(&self, slot: usize) -> std::result::Result<&'a CosSin<T>, Complex64> {
        match self.shared.places[slot] {
            Some(place) => Ok(&self.cos_sins[place]),
            None => Err(self.shared.points.point(slot)),
        }
    }

    pub(super) fn cos_sin(&self, slot: usize) -> CosSin<T> {
        self.look_up(slot).copied().unwrap_or_else(CosSin::fixed)
    }
}

impl GroupSums {
    /// Bytes it holds on to.
    pub(super) fn bytes(&self) -> usize {
        held(&self.slots) + held(&self.weights)
    }

    pub(super) fn clear(&mut self, program: &Program) {
        self.slots.resize(program.slots.len(), [0.0; LANES]);
        self.weights.resize(program.weights, 0.0);
        self.slots.as_flattened_mut().fill(0.0);
        self.weights.fill(0.0);
    }

    /// Takes the gradients of a block in the slots that differ from sample to sample: adds them to those of the weights, and
    /// to the block's rows of the input gradient if there are any; `room` is for sums in `f64`. Lanes without a sample hold
    /// zeros, as their cotangent is zero.
    pub(super) fn finish_block<T: Real>(
        &mut self,
        program: &Program,
        arguments: Arguments<'_, T>,
        shared: &SharedAngles,
        (first, count): (usize, usize),
        rows: &mut [T],
        room: &mut Vec<f64>,
    ) {
        let width = program.engine_inputs;
        let samples = Samples { arguments, width, first, count };
        room.clear();
        room.resize(rows.len(), 0.0);
        for &slot in &shared.varying {
            let gradients = std::mem::replace(&mut self.slots[slot], [0.0; LANES]);
            samples.derivatives(&program.slots[slot], &gradients, |variable, parts| match variable {
                Variable::Weight(index) => self.weights[index] += sum(&parts),
                Variable::Input(index) => {
                    let entries = room.iter_mut().skip(index).step_by(width);
                    entries.zip(parts).for_each(|(entry, part)| *entry += part);
                }
            });
        }
        rows.iter_mut().zip(room).for_each(|(to, sum)| *to += T::from_f64(*sum));
    }

    /// Makes all gradients NaN, in whatever the samples at hand have an effect on.
    pub(super) fn spoil(&mut self) {
        self.weights.fill(f64::NAN);
    }

    /// Adds the sums of a later group.
    fn add(&mut self, later: &Self) {
        let slots = self.slots.as_flattened_mut().iter_mut().zip(later.slots.as_flattened());
        slots.for_each(|(to, from)| *to += from);
        self.weights.iter_mut().zip(&later.weights).for_each(|(to, from)| *to += from);
    }
}

/// The sum of the lanes, by halves: one after the other, each addition would wait for the last.
#[inline(always)]
fn sum(lanes: &[f64; LANES]) -> f64 {
    let mut lanes = *lanes;
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            lanes[lane] += lanes[lane + half];
        }
    }
    lanes[0]
}

/// The weight gradient from the sums of all groups, added in their order to the first.
pub(super) fn weight_gradient<T: Real>(program: &Program, weights: &[T], groups: &mut [GroupSums]) -> Vec<T> {
    let Some((total, later)) = groups.split_first_mut() else { return vec![T::zero(); program.weights] };
    later.iter().for_each(|group| total.add(group));
    let GroupSums { slots, weights: sums } = total;
    let mut add = |variable: Variable, gradient: f64| {
        if let Variable::Weight(index) = variable {
            sums[index] += gradient;
        }
    };
    let value = |variable: &Variable| match variable {
        Variable::Weight(index) => weights[*index].to_f64(),
        Variable::Input(_) => f64::NAN,
    };
    // The slots that read inputs have been taken.
    for (slot, gradient) in program.slots.iter().zip(slots).filter(|(slot, _)| !slot.reads_inputs()) {
        let gradient = sum(gradient);
        for (coefficient, first, second) in &slot.terms {
            add(*first, gradient * (coefficient * second.as_ref().map_or(1.0, value)));
            if let Some(second) = second {
                add(*second, gradient * (coefficient * value(first)));
            }
        }
    }
    sums.iter().map(|sum| T::from_f64(*sum)).collect()
}
