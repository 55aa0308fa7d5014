//! One unit of a batch, sixteen samples or one: its state forward, outputs, and the reverse pass.

use super::cells::{CellScratch, Forward, Reverse, StatePointer};
use super::coefficients::{PartMatrix, Values, add_matrix, derivative, set_coefficients, slopes, split_derivative};
use super::lower::Op;
use super::plan::{Lanes, Pass, Plan};
use super::start::{words_of_state, words_on_state};
use super::tape::Tape;
use super::transfer::Transfer;
use crate::engine::lines::{Memory, Row16};
use crate::engine::simd::LANES;
use crate::engine::simd::arch::current_arch;
use crate::engine::{Arguments, Real, budget, share};
use crate::error::Result;
use crate::linalg::word_index;
use crate::program::{Embedding, Program, Slot, Variable};
use num_complex::Complex64;
use std::ops::Range;

/// Ranges into which the cells of a large state are cut. It does not depend on the number of threads.
const RANGES: usize = 16;

/// Rows from which a state is cut into ranges.
const RANGED_ROWS: usize = 1 << 12;

/// Call of the engine, the same for all units.
#[derive(Debug)]
pub(super) struct Call<'a, T> {
    pub(super) program: &'a Program,
    pub(super) tape: &'a Tape,
    pub(super) plan: &'a Plan,
    pub(super) arguments: Arguments<'a, T>,
    /// Values of the slots; arbitrary for slots that read inputs.
    pub(super) values: Vec<f64>,
    /// Whether all slots that read no inputs are finite.
    pub(super) is_finite: bool,
    /// Matrices of the parts of all ops; arbitrary for parts that vary.
    pub(super) matrices: Vec<PartMatrix>,
    /// Coefficients of all ops; arbitrary for ops that vary.
    pub(super) coefficients: Vec<Row16<T>>,
    /// Factor by which undoing the ops of each pass enlarges an error, without ops that vary.
    pub(super) growth: Vec<f64>,
    /// Largest factor that is allowed.
    pub(super) allowed_growth: f64,
    /// Whether threads share a state.
    pub(super) spread_state: bool,
    /// Bytes that the call may take, and the threads that take units.
    pub(super) memory: (Option<u64>, usize),
}

/// State of a unit after its last pass, and copies of it in front of some passes.
#[derive(Debug)]
pub(super) struct Kept<T> {
    pub(super) state: Memory<T>,
    pub(super) copies: Vec<(usize, Memory<T>)>,
}

/// Memory of a thread.
#[derive(Debug)]
pub(super) struct Scratch<T: Real> {
    values: Vec<[f64; LANES]>,
    valid: [bool; LANES],
    coefficients: Vec<Row16<T>>,
    /// Factor by which undoing each pass enlarges an error.
    growth: Vec<f64>,
    cells: Vec<CellScratch<T>>,
    sums: Vec<[f64; LANES]>,
    /// Sums of each range of a state.
    range_sums: Vec<Vec<[f64; LANES]>>,
    /// States that are free.
    spare: Vec<Memory<T>>,
    /// Derivatives in the slots of a sample.
    slopes: Vec<f64>,
}

impl<T: Real> Default for Scratch<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            valid: [false; LANES],
            coefficients: Vec::new(),
            growth: Vec::new(),
            cells: Vec::new(),
            sums: Vec::new(),
            range_sums: Vec::new(),
            spare: Vec::new(),
            slopes: Vec::new(),
        }
    }
}

/// Sums of a group of units.
#[derive(Debug, Default)]
pub(super) struct GroupSums {
    /// Derivatives in the matrices of parts that do not vary, or of ops without parts.
    matrices: Vec<Transfer>,
    weights: Vec<f64>,
}

impl<T: Real> Call<'_, T> {
    /// Samples of a unit.
    pub(super) fn samples(&self, unit: usize) -> Range<usize> {
        let each = samples_of_unit(self.plan.lanes);
        unit * each..self.arguments.batch.min((unit + 1) * each)
    }

    fn value(&self, slot: &Slot, sample: usize) -> f64 {
        slot_value(self.program, slot, self.arguments, sample)
    }
}

/// Samples of each unit but the last.
pub(super) fn samples_of_unit(lanes: Lanes) -> usize {
    match lanes {
        Lanes::Samples => LANES,
        Lanes::Letters => 1,
    }
}

/// Returns the values of the variables for a sample.
fn variables<'a, T: Real>(
    program: &'a Program,
    arguments: Arguments<'a, T>,
    sample: usize,
) -> impl Fn(Variable) -> f64 + 'a {
    move |variable| match variable {
        Variable::Input(index) => arguments.inputs[sample * program.engine_inputs + index].to_f64(),
        Variable::Weight(index) => arguments.weights[index].to_f64(),
    }
}

/// Value of an expression for a sample.
pub(super) fn slot_value<T: Real>(program: &Program, slot: &Slot, arguments: Arguments<'_, T>, sample: usize) -> f64 {
    slot.value(variables(program, arguments, sample))
}

/// Worker on one unit.
pub(super) struct Worker<'a, T: Real> {
    pub(super) call: &'a Call<'a, T>,
    pub(super) scratch: &'a mut Scratch<T>,
}

impl<T: Real> Worker<'_, T> {
    /// Computes outputs of a unit, and keeps its state if asked to.
    pub(super) fn forward(&mut self, unit: usize, outputs: &mut [T], keep: bool) -> Result<Option<Kept<T>>> {
        self.prepare(unit);
        // Copies are left to the gradient, which repeats the forward pass then.
        let keep = keep && self.copies() == 0;
        let kept = self.run(unit, false)?;
        self.read(unit, &kept.state, outputs);
        if keep {
            return Ok(Some(kept));
        }
        self.free(kept);
        Ok(None)
    }

    /// Adds the gradients of a unit.
    pub(super) fn gradient(
        &mut self,
        unit: usize,
        kept: Option<Kept<T>>,
        cotangent: &[T],
        inputs: Option<&mut [T]>,
        group: &mut GroupSums,
    ) -> Result<()> {
        self.prepare(unit);
        let kept = match kept {
            Some(kept) => kept,
            None => self.run(unit, true)?,
        };
        let mut lambda = self.memory()?;
        self.seed(unit, &kept.state, cotangent, &mut lambda);
        let state = self.reverse(kept, &mut lambda);
        self.collect(unit, &lambda, inputs, group);
        self.scratch.spare.extend([state, lambda]);
        Ok(())
    }

    fn memory(&mut self) -> Result<Memory<T>> {
        self.scratch.spare.pop().map_or_else(|| Memory::new(self.call.plan.rows), Ok)
    }

    fn free(&mut self, kept: Kept<T>) {
        self.scratch.spare.push(kept.state);
        self.scratch.spare.extend(kept.copies.into_iter().map(|(_, copy)| copy));
    }

    /// Computes values and coefficients of the unit.
    fn prepare(&mut self, unit: usize) {
        let Self { call, scratch } = self;
        let (program, tape, samples) = (call.program, call.tape, call.samples(unit));
        scratch.values.resize(tape.slots.len(), [0.0; LANES]);
        scratch.valid = [false; LANES];
        for (lane, sample) in samples.clone().enumerate() {
            scratch.valid[lane] = call.is_finite && has_state(call, sample);
        }
        for (slot, values) in tape.slots.iter().zip(&mut scratch.values).enumerate().map(|(k, (s, v))| ((k, s), v)) {
            let (index, slot) = slot;
            if !slot.reads_inputs() {
                *values = [call.values[index]; LANES];
                continue;
            }
            for (lane, sample) in samples.clone().enumerate() {
                values[lane] = call.value(slot, sample);
                scratch.valid[lane] &= values[lane].is_finite();
            }
        }
        for (lane, sample) in samples.enumerate() {
            scratch.valid[lane] &= program.has_strengths(4.0 * T::EPSILON, |slot| call.value(slot, sample));
        }
        scratch.coefficients.clone_from(&call.coefficients);
        scratch.growth.clone_from(&call.growth);
        let values = Values { slots: &scratch.values, valid: &scratch.valid };
        for (pass, growth) in call.plan.passes.iter().zip(&mut scratch.growth) {
            for placed in pass.ops.iter().filter(|placed| tape.varies[placed.op]) {
                let to = &mut scratch.coefficients[placed.coefficients.clone()];
                let op = (pass, placed, &tape.ops[placed.op], &call.matrices[tape.parts[placed.op].clone()]);
                *growth *= set_coefficients(call.plan, op, &values, false, to);
            }
        }
    }

    /// Passes in front of which a copy is kept: where undoing what follows would enlarge errors too much.
    fn copied(&self) -> impl Iterator<Item = usize> + '_ {
        let mut growth = 1.0;
        let allowed = self.call.allowed_growth;
        self.scratch.growth.iter().enumerate().filter_map(move |(index, own)| {
            growth *= own;
            let is_too_large = f64::is_nan(growth) || growth > allowed;
            if is_too_large {
                growth = 1.0;
            }
            is_too_large.then_some(index)
        })
    }

    fn copies(&self) -> usize {
        self.copied().count()
    }

    /// Checks that the state, λ and all copies of a unit fit the memory, for each thread.
    fn check_copies(&self) -> Result<()> {
        let (limit, threads) = self.call.memory;
        let states = self.copies() + 2;
        let bytes = (states as u64).checked_mul((self.call.plan.rows * size_of::<Row16<T>>()) as u64);
        let bytes = bytes.and_then(|bytes| bytes.checked_mul(threads as u64));
        budget::check::<T>(self.call.program, states * threads, bytes, limit)
    }

    /// Runs all passes. If `keep`, copies the state where undoing would enlarge errors too much.
    fn run(&mut self, unit: usize, keep: bool) -> Result<Kept<T>> {
        let call = self.call;
        let mut state = self.memory()?;
        self.start(unit, &mut state);
        let (mut copies, mut copied) = (Vec::new(), Vec::new());
        if keep {
            self.check_copies()?;
            copied = self.copied().collect();
        }
        for (index, pass) in call.plan.passes.iter().enumerate() {
            if copied.contains(&index) {
                let mut copy = self.memory()?;
                copy.lines_mut().copy_from_slice(state.lines());
                copies.push((index, copy));
            }
            self.pass(pass, &mut state);
        }
        Ok(Kept { state, copies })
    }

    fn pass(&mut self, pass: &Pass, state: &mut Memory<T>) {
        let Scratch { cells, coefficients, .. } = &mut *self.scratch;
        let pointer = StatePointer(state.start_mut());
        let coefficients = &coefficients[..];
        let ranges = ranges(self.call.plan, pass);
        share::for_each_item(self.call.spread_state, cells, ranges, |scratch, cells| {
            current_arch().dispatch(Forward { pass, coefficients, state: pointer, cells, scratch });
        });
    }

    /// Takes all passes back. Returns the state's memory.
    fn reverse(&mut self, kept: Kept<T>, lambda: &mut Memory<T>) -> Memory<T> {
        let call = self.call;
        let Kept { mut state, mut copies } = kept;
        self.scratch.sums.clear();
        self.scratch.sums.resize(call.plan.sums, [0.0; LANES]);
        for (index, pass) in call.plan.passes.iter().enumerate().rev() {
            let copy = copies.pop_if(|(at, _)| *at == index);
            let is_in_front = copy.is_some();
            if let Some((_, copy)) = copy {
                self.scratch.spare.push(std::mem::replace(&mut state, copy));
            }
            self.reverse_pass(pass, (&mut state, lambda), is_in_front);
        }
        state
    }

    fn reverse_pass(&mut self, pass: &Pass, (state, lambda): (&mut Memory<T>, &mut Memory<T>), is_in_front: bool) {
        let Scratch { cells, coefficients, sums, range_sums, .. } = &mut *self.scratch;
        let (state, lambda) = (StatePointer(state.start_mut()), StatePointer(lambda.start_mut()));
        let coefficients = &coefficients[..];
        let ranges = ranges(self.call.plan, pass);
        if ranges.len() == 1 {
            if cells.is_empty() {
                cells.push(CellScratch::default());
            }
            let scratch = &mut cells[0];
            let cells = 0..pass.cells(self.call.plan.rows);
            let reverse = Reverse { pass, coefficients, state, lambda, is_in_front, cells, scratch, sums };
            current_arch().dispatch(reverse);
            return;
        }
        range_sums.resize_with(ranges.len(), Vec::new);
        for of_range in range_sums.iter_mut() {
            of_range.clear();
            of_range.resize(sums.len(), [0.0; LANES]);
        }
        let items = ranges.zip(range_sums.iter_mut());
        share::for_each_item(self.call.spread_state, cells, items, |scratch, (cells, sums)| {
            let reverse = Reverse { pass, coefficients, state, lambda, is_in_front, cells, scratch, sums };
            current_arch().dispatch(reverse);
        });
        for of_range in range_sums {
            for op in &pass.ops {
                for (sum, more) in sums[op.sums.clone()].iter_mut().zip(&of_range[op.sums.clone()]) {
                    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
                }
            }
        }
    }

    /// Lanes and samples of the unit that have a state.
    fn valid_samples(&self, unit: usize) -> impl Iterator<Item = (usize, usize)> + use<T> {
        let valid = self.scratch.valid;
        self.call.samples(unit).enumerate().filter(move |(lane, _)| valid[*lane])
    }

    fn amplitudes(&self, embedding: Embedding, sample: usize) -> Option<(Vec<Complex64>, f64)> {
        let Call { program, arguments, .. } = self.call;
        let features = arguments.embedded(program, embedding, sample).iter().map(|x| x.to_f64());
        let norm = embedding.norm(features.clone());
        if norm == 0.0 {
            return None;
        }
        let scaled: Vec<f64> = features.map(|x| x / norm).collect();
        let mut psi = vec![Complex64::ZERO; 1 << program.qubits];
        let of = |x: &[f64]| Complex64::new(x[0], x.get(1).copied().unwrap_or(0.0));
        let amplitudes = scaled.chunks(if embedding.complex { 2 } else { 1 }).map(of);
        psi.iter_mut().zip(amplitudes).for_each(|(to, amplitude)| *to = amplitude);
        Some((psi, norm))
    }

    /// Writes the initial state of each sample.
    fn start(&mut self, unit: usize, state: &mut Memory<T>) {
        let (program, plan) = (self.call.program, self.call.plan);
        let rows = state.lines_mut();
        rows.fill(Row16([T::zero(); LANES]));
        for z in 0..1u64 << program.qubits {
            let (row, lane) = plan.lanes.place(word_index(0, z));
            match plan.lanes {
                Lanes::Samples => rows[row] = Row16([T::one(); LANES]),
                Lanes::Letters => rows[row].0[lane] = T::one(),
            }
        }
        let Some(embedding) = program.embedding else { return };
        for (own_lane, sample) in self.valid_samples(unit) {
            let Some((psi, _)) = self.amplitudes(embedding, sample) else { continue };
            words_of_state(&psi, |word, value| {
                let (row, lane) = plan.lanes.place(word);
                rows[row].0[lane + own_lane] = T::from_f64(value);
            });
        }
    }

    /// Writes the outputs of each sample; NaN for samples without a state.
    fn read(&self, unit: usize, state: &Memory<T>, outputs: &mut [T]) {
        let Call { program, tape, plan, .. } = self.call;
        let (rows, width) = (state.lines(), program.engine_outputs());
        let mut numbers = vec![0.0; width];
        for (own_lane, _) in self.call.samples(unit).enumerate() {
            let to = &mut outputs[own_lane * width..(own_lane + 1) * width];
            if !self.scratch.valid[own_lane] {
                to.fill(T::nan());
                continue;
            }
            tape.readings.read(&number(rows, plan.lanes, own_lane), &mut numbers);
            to.iter_mut().zip(&numbers).for_each(|(to, number)| *to = T::from_f64(*number));
        }
    }

    /// Writes λ of the last state.
    fn seed(&self, unit: usize, state: &Memory<T>, cotangent: &[T], lambda: &mut Memory<T>) {
        let Call { program, tape, plan, .. } = self.call;
        let (rows, to, width) = (state.lines(), lambda.lines_mut(), program.engine_outputs());
        to.fill(Row16([T::zero(); LANES]));
        for (own_lane, sample) in self.valid_samples(unit) {
            let cotangent: Vec<f64> =
                cotangent[sample * width..(sample + 1) * width].iter().map(|value| value.to_f64()).collect();
            tape.readings.seed(&number(rows, plan.lanes, own_lane), &cotangent, |word, value| {
                let (row, lane) = plan.lanes.place(word);
                to[row].0[lane + own_lane] += T::from_f64(value);
            });
        }
    }

    /// Turns sums into gradients of inputs and, in the group, of weights.
    fn collect(&mut self, unit: usize, lambda: &Memory<T>, mut inputs: Option<&mut [T]>, group: &mut GroupSums) {
        let Self { call, scratch } = &mut *self;
        let Call { program, tape, plan, .. } = *call;
        let count = tape.parts.last().map_or(0, |parts| parts.end);
        group.matrices.resize(count, [[0.0; 4]; 4]);
        group.weights.resize(program.weights, 0.0);
        let valid: Vec<usize> =
            call.samples(unit).enumerate().map(|(lane, _)| lane).filter(|lane| scratch.valid[*lane]).collect();
        let lanes: Vec<usize> = if plan.lanes == Lanes::Letters { (0..LANES).collect() } else { valid.clone() };
        let placed = || plan.passes.iter().flat_map(|pass| pass.ops.iter().map(move |placed| (pass, placed)));
        for (pass, placed) in placed().filter(|(_, placed)| !placed.sums.is_empty() && !tape.varies[placed.op]) {
            if !valid.is_empty() {
                let sums = &scratch.sums[placed.sums.clone()];
                let total = derivative(plan, (pass, placed, &tape.ops[placed.op]), sums, &lanes);
                // An op that does not vary has one part.
                add_matrix(&mut group.matrices[tape.parts[placed.op].start], &total);
            }
        }
        let first = call.samples(unit).start;
        for (lane, sample) in call.samples(unit).enumerate() {
            let at = (sample - first) * program.engine_inputs;
            let row = inputs.as_deref_mut().map(|inputs| &mut inputs[at..at + program.engine_inputs]);
            if !scratch.valid[lane] {
                row.into_iter().for_each(|row| row.fill(T::nan()));
                group.weights.fill(f64::NAN);
                continue;
            }
            scratch.slopes.clear();
            scratch.slopes.resize(tape.slots.len(), 0.0);
            let own = if plan.lanes == Lanes::Letters { lanes.clone() } else { vec![lane] };
            for (pass, placed) in placed().filter(|(_, placed)| !placed.sums.is_empty() && tape.varies[placed.op]) {
                let op = &tape.ops[placed.op];
                let total = derivative(plan, (pass, placed, op), &scratch.sums[placed.sums.clone()], &own);
                let (values, of_slots) = (&scratch.values, &mut scratch.slopes);
                let parts = tape.parts[placed.op].clone();
                let numbers = (&|slot: usize| values[slot][lane], &call.matrices[parts.clone()]);
                let each = |slot: usize, slope: f64| of_slots[slot] += slope;
                split_derivative(op, &total, numbers, each, &mut group.matrices[parts]);
            }
            let mut gradient = vec![0.0; program.engine_inputs];
            for (slot, slope) in tape.slots.iter().zip(&scratch.slopes).filter(|(_, slope)| **slope != 0.0) {
                add_slope(call, slot, *slope, Some((sample, &mut gradient)), &mut group.weights);
            }
            if let Some(row) = row {
                row.iter_mut().zip(gradient).for_each(|(to, value)| *to = T::from_f64(value));
            }
        }
        if let (Some(embedding), Some(inputs)) = (program.embedding, inputs) {
            self.add_embedding_gradient(unit, embedding, lambda, inputs);
        }
    }

    fn add_embedding_gradient(&self, unit: usize, embedding: Embedding, lambda: &Memory<T>, inputs: &mut [T]) {
        let Call { program, plan, .. } = self.call;
        let first = self.call.samples(unit).start;
        for (own_lane, sample) in self.valid_samples(unit) {
            let Some((psi, norm)) = self.amplitudes(embedding, sample) else { continue };
            let gradient = words_on_state(&psi, number(lambda.lines(), plan.lanes, own_lane));
            let along: f64 = psi.iter().zip(&gradient).map(|(psi, g)| 2.0 * (psi.conj() * g).re).sum();
            let at = (sample - first) * program.engine_inputs + embedding.first;
            for (k, to) in inputs[at..at + embedding.count].iter_mut().enumerate() {
                let part = |of: &[Complex64]| match embedding.complex {
                    true if k % 2 == 1 => of[k / 2].im,
                    true => of[k / 2].re,
                    false => of[k].re,
                };
                *to += T::from_f64((2.0 * part(&gradient) - along * part(&psi)) / norm);
            }
        }
    }
}

/// Ranges of the cells of a pass.
fn ranges(plan: &Plan, pass: &Pass) -> impl ExactSizeIterator<Item = Range<usize>> + Send + use<> {
    let cells = pass.cells(plan.rows);
    let count = if plan.rows < RANGED_ROWS { 1 } else { RANGES.min(cells) };
    (0..count).map(move |k| k * cells / count..(k + 1) * cells / count)
}

/// Whether the embedded features of a sample are a state.
fn has_state<T: Real>(call: &Call<'_, T>, sample: usize) -> bool {
    let Some(embedding) = call.program.embedding else { return true };
    let features = call.arguments.embedded(call.program, embedding, sample).iter().map(|x| x.to_f64());
    embedding.norm(features).is_finite()
}

/// Returns the number of each word of a sample.
fn number<T: Real>(rows: &[Row16<T>], lanes: Lanes, own_lane: usize) -> impl Fn(usize) -> f64 + '_ {
    move |word| {
        let (row, lane) = lanes.place(word);
        rows[row].0[lane + own_lane].to_f64()
    }
}

/// Adds the derivative in a slot to the derivatives in its variables.
fn add_slope<T: Real>(
    call: &Call<'_, T>,
    slot: &Slot,
    slope: f64,
    mut inputs: Option<(usize, &mut [f64])>,
    weights: &mut [f64],
) {
    let sample = inputs.as_ref().map_or(0, |(sample, _)| *sample);
    slot.derivatives(variables(call.program, call.arguments, sample), |variable, derivative| match variable {
        Variable::Input(index) => inputs.iter_mut().for_each(|(_, row)| row[index] += slope * derivative),
        Variable::Weight(index) => weights[index] += slope * derivative,
    });
}

impl GroupSums {
    /// Adds the sums of another group.
    pub(super) fn add(&mut self, other: &Self) {
        self.matrices.resize(other.matrices.len(), [[0.0; 4]; 4]);
        self.weights.resize(other.weights.len(), 0.0);
        let to = self.matrices.as_flattened_mut().as_flattened_mut().iter_mut();
        to.zip(other.matrices.as_flattened().as_flattened()).for_each(|(to, more)| *to += more);
        self.weights.iter_mut().zip(&other.weights).for_each(|(to, more)| *to += more);
    }

    /// Gradient in the weights.
    pub(super) fn weight_gradient<T: Real>(mut self, call: &Call<'_, T>) -> Vec<T> {
        let tape = call.tape;
        self.weights.resize(call.program.weights, 0.0);
        let mut of_slots = vec![0.0; tape.slots.len()];
        for ((op, parts), varies) in tape.ops.iter().zip(&tape.parts).zip(&tape.varies) {
            // Mixing that varies has gone to its slot already.
            let is_shared = !varies || matches!(op, Op::Local { .. });
            if let Some(sums) = self.matrices.get(parts.clone()).filter(|_| is_shared) {
                slopes(op, sums, &|slot| call.values[slot], |slot, slope| of_slots[slot] += slope);
            }
        }
        for (slot, slope) in tape.slots.iter().zip(&of_slots).filter(|(_, slope)| **slope != 0.0) {
            add_slope(call, slot, *slope, None, &mut self.weights);
        }
        self.weights.into_iter().map(T::from_f64).collect()
    }
}
