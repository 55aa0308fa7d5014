//! Angles: slots are evaluated, and gradients of slots become gradients of inputs and weights. No other file of the
//! engine reads expressions.

use crate::engine::cpu::steps::forward::CosSin;
use crate::engine::lines::held_bytes;
use crate::engine::simd::LANES;
use crate::engine::simd::sincos::sin_cos;
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
    /// Computes sines and cosines of the values.
    fn finish(&mut self) {
        self.sin.resize(self.values.len(), 0.0);
        self.cos.resize(self.values.len(), 0.0);
        sin_cos(&self.values, &mut self.sin, &mut self.cos);
    }

    fn point(&self, index: usize) -> Complex64 {
        Complex64::new(self.cos[index], self.sin[index])
    }

    fn bytes(&self) -> usize {
        [&self.values, &self.sin, &self.cos].map(held_bytes).iter().sum()
    }
}

/// Slots that all samples share.
#[derive(Debug, Default)]
pub(super) struct SharedAngles {
    /// One entry for each slot; 0 for a slot that differs from sample to sample.
    points: Points,
    /// Slots that differ from sample to sample.
    varying: Vec<usize>,
    /// Place of each slot in `varying`.
    places: Vec<Option<usize>>,
    /// Whether a slot that all samples share is NaN or infinite.
    spoiled: bool,
}

/// Cosines and sines of the slots that differ from sample to sample, for the samples of one block.
#[derive(Debug)]
pub(super) struct BlockAngles<T> {
    cos_sins: Vec<CosSin<T>>,
    /// Samples of the block with a slot that is NaN or infinite, or without an initial state. Their outputs and
    /// gradients are NaN even where the slot has no effect.
    pub(super) spoiled: [bool; LANES],
    /// Norms of the embedded features.
    pub(super) norms: [f64; LANES],
}

/// Angles that [`BlockAngles::fill`] computes first: an entry for each lane of each slot. A block of one sample has one
/// lane.
#[derive(Debug, Default)]
pub(super) struct LanePoints(Points);

/// Cosines and sines of all slots, for the samples of one block.
#[derive(Debug)]
pub(super) struct Angles<'a, T> {
    shared: &'a SharedAngles,
    cos_sins: &'a [CosSin<T>],
    /// Angles of the block, if it is a single sample.
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
    /// Gradients in the slots: lane by lane for a slot that all samples share, and of the current block for the others.
    pub(super) slots: Vec<[f64; LANES]>,
    /// Gradients in the weights, through slots that differ from sample to sample.
    weights: Vec<f64>,
}

/// Range of samples with their variables.
#[derive(Clone, Copy)]
struct Samples<'a, T> {
    arguments: Arguments<'a, T>,
    /// Number of features of a sample.
    width: usize,
    first: usize,
    count: usize,
}

impl<'a, T: Real> Samples<'a, T> {
    /// Numbers of a variable, and their stride from sample to sample: 0 if the samples share the variable.
    fn column(&self, variable: Variable) -> (&'a [T], usize) {
        match variable {
            Variable::Input(index) => (&self.arguments.inputs[self.first * self.width + index..], self.width),
            Variable::Weight(index) => (&self.arguments.weights[index..], 0),
        }
    }

    /// Values of a variable in each lane; 0 where there is no sample.
    fn lanes(&self, variable: Variable) -> [f64; LANES] {
        let (numbers, step) = self.column(variable);
        let mut lanes = [0.0; LANES];
        lanes[..self.count].iter_mut().enumerate().for_each(|(lane, to)| *to = numbers[lane * step].to_f64());
        lanes
    }

    /// Values of a slot in each lane; the slot's constant where there is no sample.
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

    /// Calls `each` with every variable of a slot, and the slot's derivative in the variable times `gradient`.
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

/// Evaluates an expression in weights alone.
fn weight_value<T: Real>(slot: &Slot, weights: &[T]) -> f64 {
    let value = |variable: Variable| match variable {
        Variable::Weight(index) => weights[index].to_f64(),
        // Slots that read inputs are not evaluated here.
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

    /// Bytes that the angles hold.
    pub(super) fn bytes(&self) -> usize {
        self.points.bytes() + held_bytes(&self.varying) + held_bytes(&self.places)
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
    /// Bytes that the angles hold.
    pub(super) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

impl<T: Real> BlockAngles<T> {
    /// Bytes that the angles hold.
    pub(super) fn bytes(&self) -> usize {
        held_bytes(&self.cos_sins)
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
        // A lane becomes NaN if a slot is NaN or infinite, since 0 times such a number is NaN.
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
                // A block of one sample uses all lanes for it.
                Err(_) => [T::from_f64(values[0]); LANES],
            };
            *cos_sin = CosSin { cos: lanes_of(cos), sin: lanes_of(sin) };
        }
    }
}

impl<'a, T: Real> Angles<'a, T> {
    /// Angles for steps that read no slot that differs from sample to sample.
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

    /// Cosine and sine of a source, for a block of one sample or if all samples share it.
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

    /// Cosine and sine of a slot: in each lane, or as `Err` one value that all samples share.
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
    /// Bytes that the sums hold.
    pub(super) fn bytes(&self) -> usize {
        held_bytes(&self.slots) + held_bytes(&self.weights)
    }

    pub(super) fn clear(&mut self, program: &Program) {
        self.slots.resize(program.slots.len(), [0.0; LANES]);
        self.weights.resize(program.weights, 0.0);
        self.slots.as_flattened_mut().fill(0.0);
        self.weights.fill(0.0);
    }

    /// Takes the block's gradients in the slots that differ from sample to sample. Adds them to the gradients of the
    /// weights, and to the block's rows of the input gradient, if there are any. `scratch` is scratch for sums in `f64`.
    /// Lanes without a sample hold 0, as their cotangent is 0.
    pub(super) fn finish_block<T: Real>(
        &mut self,
        program: &Program,
        arguments: Arguments<'_, T>,
        shared: &SharedAngles,
        (first, count): (usize, usize),
        rows: &mut [T],
        scratch: &mut Vec<f64>,
    ) {
        let width = program.engine_inputs;
        let samples = Samples { arguments, width, first, count };
        scratch.clear();
        scratch.resize(rows.len(), 0.0);
        for &slot in &shared.varying {
            let gradients = std::mem::replace(&mut self.slots[slot], [0.0; LANES]);
            samples.derivatives(&program.slots[slot], &gradients, |variable, parts| match variable {
                Variable::Weight(index) => self.weights[index] += sum(&parts),
                Variable::Input(index) => {
                    let entries = scratch.iter_mut().skip(index).step_by(width);
                    entries.zip(parts).for_each(|(entry, part)| *entry += part);
                }
            });
        }
        rows.iter_mut().zip(scratch).for_each(|(to, sum)| *to += T::from_f64(*sum));
    }

    /// Makes the gradients of all weights NaN.
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

/// Adds the lanes by halves. If they were added one after the other, each addition would wait for the last.
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

/// Computes the weight gradient from the sums of all groups, which are added to the first group in their order.
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
    // `finish_block` has taken the slots that read inputs.
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
