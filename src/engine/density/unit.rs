//! One unit of a batch, sixteen samples or one: its state forward, outputs, and the reverse pass.

use super::cells::{CellScratch, Coefficients, Forward, Reverse, StatePointer};
use super::collect::{GroupSums, UnitSums};
use super::numbers::{SharedNumbers, Source, UnitNumbers};
use super::plan::{Lanes, Pass, Plan};
use super::start::{words_of_state, words_on_state};
use crate::engine::lines::{Memory, Row16};
use crate::engine::simd::LANES;
use crate::engine::simd::arch::current_arch;
use crate::engine::{Real, budget, share};
use crate::error::Result;
use crate::linalg::{amplitudes_of, word_index};
use crate::program::Embedding;
use num_complex::Complex64;
use std::ops::Range;

/// Ranges into which the cells of a large state are cut. It does not depend on the number of threads.
const RANGES: usize = 16;

/// Rows from which a state is cut into ranges.
const RANGED_ROWS: usize = 1 << 12;

/// Call of the engine, the same for all units.
#[derive(Debug)]
pub(super) struct Call<'a, T> {
    pub(super) source: Source<'a, T>,
    pub(super) shared: SharedNumbers<T>,
    /// Largest factor by which undoing may enlarge an error before a copy is kept.
    pub(super) allowed_growth: f64,
    /// Whether threads share a state.
    pub(super) spread_state: bool,
    /// Bytes that the call may take, and the threads that take units.
    pub(super) memory: (Option<u64>, usize),
}

/// State of a unit after its last pass, and the numbers that made it.
#[derive(Debug)]
pub(super) struct Kept<T> {
    pub(super) state: Memory<T>,
    pub(super) numbers: UnitNumbers<T>,
}

/// Copies of a state in front of some passes, which are ascending.
type Copies<T> = Vec<(usize, Memory<T>)>;

/// Memory of a thread.
#[derive(Debug, Default)]
pub(super) struct Scratch<T: Real> {
    cells: Vec<CellScratch<T>>,
    sums: Vec<[f64; LANES]>,
    /// Sums of each range of a state.
    range_sums: Vec<Vec<[f64; LANES]>>,
    /// States that are free.
    spare: Vec<Memory<T>>,
    /// Numbers that are free.
    spare_numbers: Option<UnitNumbers<T>>,
    /// Derivatives in the slots of a sample.
    slopes: Vec<f64>,
}

/// Worker on one unit.
pub(super) struct Worker<'a, T: Real> {
    pub(super) call: &'a Call<'a, T>,
    pub(super) scratch: &'a mut Scratch<T>,
    pub(super) unit: usize,
}

impl<T: Real> Worker<'_, T> {
    /// Computes outputs of a unit, and keeps its state if asked to.
    pub(super) fn forward(&mut self, outputs: &mut [T], keep: bool) -> Result<Option<Kept<T>>> {
        let numbers = self.numbers();
        // Copies are left to the gradient, which repeats the forward pass then.
        let keep = keep && self.copied(&numbers).next().is_none();
        let state = self.run(&numbers, &[], &mut Vec::new())?;
        self.read(&numbers, &state, outputs);
        if keep {
            return Ok(Some(Kept { state, numbers }));
        }
        self.scratch.spare.push(state);
        self.scratch.spare_numbers = Some(numbers);
        Ok(None)
    }

    /// Adds the gradients of a unit.
    pub(super) fn gradient(
        &mut self,
        kept: Option<Kept<T>>,
        cotangent: &[T],
        inputs: Option<&mut [T]>,
        group: &mut GroupSums,
    ) -> Result<()> {
        let mut copies = Vec::new();
        let Kept { state, numbers } = match kept {
            Some(kept) => kept,
            None => {
                let numbers = self.numbers();
                let copied: Vec<usize> = self.copied(&numbers).collect();
                self.check_copies(copied.len())?;
                Kept { state: self.run(&numbers, &copied, &mut copies)?, numbers }
            }
        };
        let mut lambda = self.memory()?;
        self.seed(&numbers, &state, cotangent, &mut lambda);
        let state = self.reverse(&numbers, (state, copies), &mut lambda);
        self.collect(&numbers, &lambda, inputs, group);
        self.scratch.spare.extend([state, lambda]);
        self.scratch.spare_numbers = Some(numbers);
        Ok(())
    }

    fn memory(&mut self) -> Result<Memory<T>> {
        self.scratch.spare.pop().map_or_else(|| Memory::new(self.call.source.plan.rows), Ok)
    }

    /// Computes the numbers of the unit.
    fn numbers(&mut self) -> UnitNumbers<T> {
        let mut numbers = self.scratch.spare_numbers.take().unwrap_or_default();
        numbers.set(self.call.source, &self.call.shared, self.unit);
        numbers
    }

    /// Passes in front of which a copy is kept: where undoing what follows would enlarge errors too much.
    fn copied<'a>(&self, numbers: &'a UnitNumbers<T>) -> impl Iterator<Item = usize> + use<'a, T> {
        let mut growth = 1.0;
        let allowed = self.call.allowed_growth;
        numbers.growth.iter().enumerate().filter_map(move |(index, own)| {
            growth *= own;
            let is_too_large = f64::is_nan(growth) || growth > allowed;
            if is_too_large {
                growth = 1.0;
            }
            is_too_large.then_some(index)
        })
    }

    /// Checks that the state, λ and all copies of a unit fit the memory, for each thread.
    fn check_copies(&self, copies: usize) -> Result<()> {
        let (limit, threads) = self.call.memory;
        let states = copies + 2;
        let bytes = (states as u64).checked_mul((self.call.source.plan.rows * size_of::<Row16<T>>()) as u64);
        let bytes = bytes.and_then(|bytes| bytes.checked_mul(threads as u64));
        budget::check::<T>(self.call.source.program, states * threads, bytes, limit)
    }

    /// Runs all passes, and copies the state in front of those in `copied`.
    fn run(&mut self, numbers: &UnitNumbers<T>, copied: &[usize], copies: &mut Copies<T>) -> Result<Memory<T>> {
        let mut state = self.memory()?;
        self.start(numbers, &mut state);
        for (index, pass) in self.call.source.plan.passes.iter().enumerate() {
            if copied.contains(&index) {
                let mut copy = self.memory()?;
                copy.lines_mut().copy_from_slice(state.lines());
                copies.push((index, copy));
            }
            self.pass(numbers, pass, &mut state);
        }
        Ok(state)
    }

    fn coefficients<'a>(&self, numbers: &'a UnitNumbers<T>) -> Coefficients<'a, T>
    where
        Self: 'a,
    {
        Coefficients { shared: &self.call.shared.coefficients, varying: &numbers.coefficients }
    }

    fn pass(&mut self, numbers: &UnitNumbers<T>, pass: &Pass, state: &mut Memory<T>) {
        let coefficients = self.coefficients(numbers);
        let cells = &mut self.scratch.cells;
        let pointer = StatePointer(state.start_mut());
        let ranges = ranges(self.call.source.plan, pass);
        share::for_each_item(self.call.spread_state, cells, ranges, |scratch, cells| {
            current_arch().dispatch(Forward { pass, coefficients, state: pointer, cells, scratch });
        });
    }

    /// Takes all passes back. Returns the state's memory.
    fn reverse(
        &mut self,
        numbers: &UnitNumbers<T>,
        (mut state, mut copies): (Memory<T>, Copies<T>),
        lambda: &mut Memory<T>,
    ) -> Memory<T> {
        let plan = self.call.source.plan;
        self.scratch.sums.clear();
        self.scratch.sums.resize(plan.sums, [0.0; LANES]);
        for (index, pass) in plan.passes.iter().enumerate().rev() {
            let copy = copies.pop_if(|(at, _)| *at == index);
            let is_in_front = copy.is_some();
            if let Some((_, copy)) = copy {
                self.scratch.spare.push(std::mem::replace(&mut state, copy));
            }
            self.reverse_pass(numbers, pass, (&mut state, lambda), is_in_front);
        }
        state
    }

    fn reverse_pass(
        &mut self,
        numbers: &UnitNumbers<T>,
        pass: &Pass,
        (state, lambda): (&mut Memory<T>, &mut Memory<T>),
        is_in_front: bool,
    ) {
        let coefficients = self.coefficients(numbers);
        let Scratch { cells, sums, range_sums, .. } = &mut *self.scratch;
        let (state, lambda) = (StatePointer(state.start_mut()), StatePointer(lambda.start_mut()));
        let plan = self.call.source.plan;
        let ranges = ranges(plan, pass);
        if ranges.len() == 1 {
            if cells.is_empty() {
                cells.push(CellScratch::default());
            }
            let scratch = &mut cells[0];
            let cells = 0..pass.cells(plan.rows);
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
    fn valid_samples(&self, numbers: &UnitNumbers<T>) -> impl Iterator<Item = (usize, usize)> + use<T> {
        let valid = numbers.valid;
        self.call.source.samples(self.unit).enumerate().filter(move |(lane, _)| valid[*lane])
    }

    fn amplitudes(&self, embedding: Embedding, sample: usize) -> Option<(Vec<Complex64>, f64)> {
        let Source { program, arguments, .. } = self.call.source;
        let features = arguments.embedded(program, embedding, sample).iter().map(|x| x.to_f64());
        let norm = embedding.norm(features.clone());
        if norm == 0.0 {
            return None;
        }
        let mut psi = amplitudes_of(features.map(|x| x / norm), embedding.complex);
        psi.resize(1 << program.qubits, Complex64::ZERO);
        Some((psi, norm))
    }

    /// Writes the initial state of each sample.
    fn start(&mut self, numbers: &UnitNumbers<T>, state: &mut Memory<T>) {
        let Source { program, plan, .. } = self.call.source;
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
        for (own_lane, sample) in self.valid_samples(numbers) {
            let Some((psi, _)) = self.amplitudes(embedding, sample) else { continue };
            words_of_state(&psi, |word, value| {
                let (row, lane) = plan.lanes.place(word);
                rows[row].0[lane + own_lane] = T::from_f64(value);
            });
        }
    }

    /// Writes the outputs of each sample; NaN for samples without a state.
    fn read(&self, numbers: &UnitNumbers<T>, state: &Memory<T>, outputs: &mut [T]) {
        let Source { program, tape, plan, .. } = self.call.source;
        let (rows, width) = (state.lines(), program.engine_outputs());
        let mut values = vec![0.0; width];
        for own_lane in 0..self.call.source.samples(self.unit).len() {
            let to = &mut outputs[own_lane * width..(own_lane + 1) * width];
            if !numbers.valid[own_lane] {
                to.fill(T::nan());
                continue;
            }
            tape.readings.read(&number(rows, plan.lanes, own_lane), &mut values);
            to.iter_mut().zip(&values).for_each(|(to, value)| *to = T::from_f64(*value));
        }
    }

    /// Writes λ of the last state.
    fn seed(&self, numbers: &UnitNumbers<T>, state: &Memory<T>, cotangent: &[T], lambda: &mut Memory<T>) {
        let Source { program, tape, plan, .. } = self.call.source;
        let (rows, to, width) = (state.lines(), lambda.lines_mut(), program.engine_outputs());
        to.fill(Row16([T::zero(); LANES]));
        for (own_lane, sample) in self.valid_samples(numbers) {
            let cotangent: Vec<f64> =
                cotangent[sample * width..(sample + 1) * width].iter().map(|value| value.to_f64()).collect();
            tape.readings.seed(&number(rows, plan.lanes, own_lane), &cotangent, |word, value| {
                let (row, lane) = plan.lanes.place(word);
                to[row].0[lane + own_lane] += T::from_f64(value);
            });
        }
    }

    /// Turns sums into gradients of inputs and, in the group, of weights.
    fn collect(
        &mut self,
        numbers: &UnitNumbers<T>,
        lambda: &Memory<T>,
        mut inputs: Option<&mut [T]>,
        group: &mut GroupSums,
    ) {
        let Self { call, scratch, unit } = &mut *self;
        let (source, shared, sums) = (call.source, &call.shared, &scratch.sums[..]);
        let sums = UnitSums { source, shared, numbers, sums };
        sums.add_shared(*unit, group);
        let width = source.program.engine_inputs;
        let mut gradient = vec![0.0; width];
        for (lane, sample) in source.samples(*unit).enumerate() {
            let row = inputs.as_deref_mut().map(|inputs| &mut inputs[lane * width..(lane + 1) * width]);
            if !numbers.valid[lane] {
                row.into_iter().for_each(|row| row.fill(T::nan()));
                group.spoil();
                continue;
            }
            gradient.fill(0.0);
            sums.add_varying((lane, sample), &mut gradient, &mut scratch.slopes, group);
            if let Some(row) = row {
                row.iter_mut().zip(&gradient).for_each(|(to, value)| *to = T::from_f64(*value));
            }
        }
        if let (Some(embedding), Some(inputs)) = (source.program.embedding, inputs) {
            self.add_embedding_gradient(numbers, embedding, lambda, inputs);
        }
    }

    fn add_embedding_gradient(
        &self,
        numbers: &UnitNumbers<T>,
        embedding: Embedding,
        lambda: &Memory<T>,
        inputs: &mut [T],
    ) {
        let Source { program, plan, .. } = self.call.source;
        for (own_lane, sample) in self.valid_samples(numbers) {
            let Some((psi, norm)) = self.amplitudes(embedding, sample) else { continue };
            let gradient = words_on_state(&psi, number(lambda.lines(), plan.lanes, own_lane));
            let along: f64 = psi.iter().zip(&gradient).map(|(psi, g)| 2.0 * (psi.conj() * g).re).sum();
            let at = own_lane * program.engine_inputs + embedding.first;
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

/// Whether threads can share a state.
pub(super) fn is_ranged(plan: &Plan) -> bool {
    plan.rows >= RANGED_ROWS
}

/// Ranges of the cells of a pass.
fn ranges(plan: &Plan, pass: &Pass) -> impl ExactSizeIterator<Item = Range<usize>> + Send + use<> {
    let cells = pass.cells(plan.rows);
    let count = if is_ranged(plan) { RANGES.min(cells) } else { 1 };
    (0..count).map(move |k| k * cells / count..(k + 1) * cells / count)
}

/// Returns the number of each word of a sample.
fn number<T: Real>(rows: &[Row16<T>], lanes: Lanes, own_lane: usize) -> impl Fn(usize) -> f64 + '_ {
    move |word| {
        let (row, lane) = lanes.place(word);
        rows[row].0[lane + own_lane].to_f64()
    }
}
