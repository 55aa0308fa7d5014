//! Numbers of a tape for the arguments of a call: values of slots, matrices of factors and parts, coefficients of ops.
//! Numbers that read no input are equal for all samples, and are made once; the others are made for each unit. A
//! forward pass hands both to its gradient.

use super::coefficients::{IN_NO_SAMPLE, OpValues, PartMatrix, set_coefficients};
use super::lower::{Op, Part};
use super::plan::{Lanes, Pass, PlacedOp, Plan};
use super::tape::Tape;
use super::transfer::{IDENTITY, Transfer, product};
use crate::engine::lines::Row16;
use crate::engine::simd::LANES;
use crate::engine::{Arguments, Real};
use crate::program::{Program, Slot, Variable};
use std::ops::Range;

/// Program, tape, plan and arguments of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a, T> {
    pub(super) program: &'a Program,
    pub(super) tape: &'a Tape,
    pub(super) plan: &'a Plan,
    pub(super) arguments: Arguments<'a, T>,
}

/// Numbers that all samples share.
#[derive(Debug)]
pub(super) struct SharedNumbers<T> {
    /// Values of the slots; 0 for slots that read inputs.
    pub(super) slots: Vec<f64>,
    /// Whether all slots that read no inputs are finite.
    pub(super) is_finite: bool,
    /// Matrices of the factors of parts that do not vary.
    pub(super) factors: Vec<Transfer>,
    /// Matrices of the parts that do not vary.
    pub(super) parts: Vec<PartMatrix>,
    /// Coefficients of the ops that do not vary.
    pub(super) coefficients: Vec<Row16<T>>,
    /// Factor by which undoing the ops of each pass enlarges an error, without ops that vary.
    pub(super) growth: Vec<f64>,
}

/// Numbers of the samples of a unit: the rest of [`SharedNumbers`].
#[derive(Debug, Default)]
pub(super) struct UnitNumbers<T> {
    /// Values of the slots that read inputs, in each lane.
    pub(super) slots: Vec<[f64; LANES]>,
    /// Lanes that have a sample with a state.
    pub(super) valid: [bool; LANES],
    /// Matrices of the factors of parts that vary, sample by sample.
    pub(super) factors: Vec<Transfer>,
    /// Matrices of the parts that vary, sample by sample.
    pub(super) parts: Vec<PartMatrix>,
    /// Coefficients of the ops that vary.
    pub(super) coefficients: Vec<Row16<T>>,
    /// Factor by which undoing each pass enlarges an error.
    pub(super) growth: Vec<f64>,
}

impl<'a, T: Real> Source<'a, T> {
    /// Samples of a unit.
    pub(super) fn samples(&self, unit: usize) -> Range<usize> {
        let each = self.plan.lanes.samples();
        unit * each..self.arguments.batch.min((unit + 1) * each)
    }

    /// Returns the values of the variables for a sample.
    pub(super) fn variables(&self, sample: usize) -> impl Fn(Variable) -> f64 + 'a {
        let Self { program, arguments, .. } = *self;
        move |variable| match variable {
            Variable::Input(index) => arguments.inputs[sample * program.engine_inputs + index].to_f64(),
            Variable::Weight(index) => arguments.weights[index].to_f64(),
        }
    }

    /// Whether the embedded features of a sample are a state.
    fn has_state(&self, sample: usize) -> bool {
        let Some(embedding) = self.program.embedding else { return true };
        let features = self.arguments.embedded(self.program, embedding, sample).iter().map(|x| x.to_f64());
        embedding.norm(features).is_finite()
    }

    /// Placed ops that vary, or those that do not, each with the index of its pass.
    fn ops(&self, varies: bool) -> impl Iterator<Item = (usize, &'a Pass, &'a PlacedOp)> {
        let passes = self.plan.passes.iter().enumerate();
        let all = passes.flat_map(|(index, pass)| pass.ops.iter().map(move |placed| (index, pass, placed)));
        all.filter(move |(_, _, placed)| placed.varies == varies)
    }
}

/// Parts of an op.
fn parts(op: &Op) -> &[Part] {
    if let Op::Local { parts, .. } = op { parts } else { &[] }
}

/// Appends the matrices of a part's factors, and returns the matrix of the part.
fn part_matrix(part: &Part, value: impl Fn(usize) -> f64, factors: &mut Vec<Transfer>) -> PartMatrix {
    let mut all = (IDENTITY, 1.0);
    for factor in &part.factors {
        let of = factor.transfer(&value);
        all = (product(&of, &all.0), all.1 * factor.smallest(&of));
        factors.push(of);
    }
    all
}

impl<T: Real> SharedNumbers<T> {
    pub(super) fn new(source: Source<'_, T>) -> Self {
        let Source { tape, plan, .. } = source;
        let value = |slot: &Slot| if slot.reads_inputs() { 0.0 } else { slot.value(source.variables(0)) };
        let slots: Vec<f64> = tape.slots.iter().map(value).collect();
        let mut numbers = Self {
            is_finite: slots.iter().all(|value| value.is_finite()),
            slots,
            factors: Vec::with_capacity(tape.factors.shared),
            parts: Vec::with_capacity(tape.parts.shared),
            coefficients: vec![Row16([T::zero(); LANES]); plan.coefficients.shared],
            growth: vec![1.0; plan.passes.len()],
        };
        for part in tape.ops.iter().flat_map(parts).filter(|part| !part.varies) {
            let of = part_matrix(part, |slot| numbers.slots[slot], &mut numbers.factors);
            numbers.parts.push(of);
        }
        let mut of_op = Vec::new();
        for (index, pass, placed) in source.ops(false) {
            let op = &tape.ops[placed.op];
            let values = match op {
                Op::Local { parts, .. } => {
                    of_op.clear();
                    of_op.push(numbers.op_matrix(parts));
                    OpValues::Local(&of_op)
                }
                Op::Mixing { slot, .. } => OpValues::Mixing(std::slice::from_ref(&numbers.slots[*slot])),
                Op::Dense { map, .. } => OpValues::Dense(map),
            };
            let to = &mut numbers.coefficients[placed.coefficients.clone()];
            numbers.growth[index] *= set_coefficients(plan, (pass, placed, op), &values, to);
        }
        numbers
    }

    /// Product of parts that do not vary.
    fn op_matrix(&self, parts: &[Part]) -> PartMatrix {
        product_of(parts.iter().map(|part| &self.parts[part.place]))
    }
}

/// Product of matrices; the first acts first.
fn product_of<'a>(mut parts: impl Iterator<Item = &'a PartMatrix>) -> PartMatrix {
    let first = parts.next().copied().unwrap_or((IDENTITY, 1.0));
    parts.fold(first, |(of, least), (next, smallest)| (product(next, &of), least * smallest))
}

impl<T: Real> UnitNumbers<T> {
    /// Sets the numbers of a unit.
    pub(super) fn set(&mut self, source: Source<'_, T>, shared: &SharedNumbers<T>, unit: usize) {
        let Source { tape, plan, .. } = source;
        self.set_slots(source, shared, unit);
        self.factors.clear();
        self.parts.clear();
        for lane in 0..source.samples(unit).len() {
            for part in tape.ops.iter().flat_map(parts).filter(|part| part.varies) {
                let value = |slot: usize| match tape.slots[slot].reads_inputs() {
                    true => self.slots[slot][lane],
                    false => shared.slots[slot],
                };
                let of = part_matrix(part, value, &mut self.factors);
                self.parts.push(of);
            }
        }
        self.coefficients.resize(plan.coefficients.varying, Row16([T::zero(); LANES]));
        self.growth.clone_from(&shared.growth);
        let lanes = if plan.lanes == Lanes::Letters { 1 } else { LANES };
        let (mut of_op, mut strengths) = (Vec::new(), Vec::new());
        for (index, pass, placed) in source.ops(true) {
            let op = &tape.ops[placed.op];
            let values = match op {
                Op::Local { parts, .. } => {
                    let of_lane = |lane: usize| match self.valid[lane] {
                        true => product_of(parts.iter().map(|part| self.part(tape, shared, part, lane))),
                        false => IN_NO_SAMPLE,
                    };
                    of_op.clear();
                    of_op.extend((0..lanes).map(of_lane));
                    OpValues::Local(&of_op)
                }
                Op::Mixing { slot, .. } => {
                    strengths.clear();
                    strengths
                        .extend((0..lanes).map(|lane| if self.valid[lane] { self.slots[*slot][lane] } else { 0.0 }));
                    OpValues::Mixing(&strengths)
                }
                Op::Dense { map, .. } => OpValues::Dense(map),
            };
            let to = &mut self.coefficients[placed.coefficients.clone()];
            self.growth[index] *= set_coefficients(plan, (pass, placed, op), &values, to);
        }
    }

    /// Sets the values of the slots, and which lanes have a state.
    fn set_slots(&mut self, source: Source<'_, T>, shared: &SharedNumbers<T>, unit: usize) {
        let Source { program, tape, .. } = source;
        let samples = || source.samples(unit).enumerate();
        self.slots.resize(tape.slots.len(), [0.0; LANES]);
        self.valid = [false; LANES];
        for (lane, sample) in samples() {
            self.valid[lane] = shared.is_finite && source.has_state(sample);
        }
        for (slot, values) in tape.slots.iter().zip(&mut self.slots).filter(|(slot, _)| slot.reads_inputs()) {
            for (lane, sample) in samples() {
                values[lane] = slot.value(source.variables(sample));
                self.valid[lane] &= values[lane].is_finite();
            }
        }
        for (lane, sample) in samples() {
            let value = |slot: &Slot| slot.value(source.variables(sample));
            self.valid[lane] &= program.has_strengths(4.0 * T::EPSILON, value);
        }
    }

    /// Matrix of a part in a lane.
    pub(super) fn part<'a>(
        &'a self,
        tape: &Tape,
        shared: &'a SharedNumbers<T>,
        part: &Part,
        lane: usize,
    ) -> &'a PartMatrix {
        match part.varies {
            true => &self.parts[lane * tape.parts.varying + part.place],
            false => &shared.parts[part.place],
        }
    }

    /// Matrices of the factors of a part that varies, in a lane.
    pub(super) fn factors(&self, tape: &Tape, part: &Part, lane: usize) -> &[Transfer] {
        let first = lane * tape.factors.varying + part.first_factor;
        &self.factors[first..first + part.factors.len()]
    }

    /// Bytes of the numbers of each unit of a plan.
    pub(super) fn bytes(tape: &Tape, plan: &Plan) -> usize {
        let of_sample = tape.parts.varying * size_of::<PartMatrix>() + tape.factors.varying * size_of::<Transfer>();
        let of_unit = tape.slots.len() * size_of::<[f64; LANES]>() + plan.coefficients.varying * size_of::<Row16<T>>();
        plan.lanes.samples() * of_sample + of_unit
    }
}
