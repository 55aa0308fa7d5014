//! Blocks of samples: their memory, their slots and angles, and the chain rule from angles to inputs and weights.

use super::lower::Lowered;
use super::sweep::{self, Derivatives, Room};
use crate::engine::simd::arch::current_arch;
use crate::engine::simd::sincos::sin_cos;
use crate::engine::{Arguments, Gradients, NeedsGrad, Options, Real, Saved, share, threads};
use crate::error::{MemoryError, Result};
use crate::memory::{exceeded_budget, zeroed_vec};
use crate::program::paths::{Angle, Coefficient, Paths};
use crate::program::{EngineCache, Program, Slot, Variable};
use pulp::NullaryFnOnce;
use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Turned pairs times samples below which threads cost more time than they save.
const SERIAL_WORK: usize = 1 << 14;

/// Call of the engine: paths and arguments.
pub(super) struct Call<'a, T> {
    pub(super) program: &'a Program,
    pub(super) lowered: &'a Lowered,
    pub(super) arguments: Arguments<'a, T>,
}

/// Memory of a block, and what its forward pass leaves for the gradient.
struct Scratch<T, const L: usize> {
    room: Room<T, L>,
    slots: Vec<[f64; L]>,
    angles: [Vec<f64>; 3],
    /// Whether all slots of a lane are finite, and its strengths in range.
    is_finite: [bool; L],
    outputs: Vec<[f64; L]>,
    gradients: Derivatives<L>,
}

impl<T: Real, const L: usize> Default for Scratch<T, L> {
    fn default() -> Self {
        Self {
            room: Room::default(),
            slots: Vec::new(),
            angles: Default::default(),
            is_finite: [false; L],
            outputs: Vec::new(),
            gradients: Derivatives::default(),
        }
    }
}

/// Memory of calls that have ended, for later calls of the program.
#[derive(Default)]
struct Idle(Mutex<Vec<Box<dyn Any + Send>>>);

impl Idle {
    fn of(cache: &EngineCache) -> &Self {
        cache.entry()
    }

    fn list(&self) -> MutexGuard<'_, Vec<Box<dyn Any + Send>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes up to `most` entries of a type.
    fn take<S: Any>(&self, most: usize) -> Vec<S> {
        let mut list = self.list();
        let fits = |list: &[Box<dyn Any + Send>]| list.iter().rposition(|entry| entry.is::<S>());
        let next = || {
            let at = fits(&list)?;
            list.swap_remove(at).downcast().ok().map(|entry| *entry)
        };
        std::iter::from_fn(next).take(most).collect()
    }

    /// Keeps the memory of a call in place of what was left of earlier ones.
    fn keep<S: Any + Send>(&self, of_call: Vec<S>) {
        *self.list() = of_call.into_iter().map(|entry| Box::new(entry) as Box<dyn Any + Send>).collect();
    }
}

/// Blocks of a forward pass that wait for their gradient.
struct Waiting<T: Real, const L: usize> {
    blocks: Vec<Scratch<T, L>>,
    cache: Arc<EngineCache>,
}

impl<T: Real, const L: usize> Drop for Waiting<T, L> {
    fn drop(&mut self) {
        if !self.blocks.is_empty() {
            Idle::of(&self.cache).keep(std::mem::take(&mut self.blocks));
        }
    }
}

impl<T: Real> Call<'_, T> {
    fn paths(&self) -> &Paths {
        &self.lowered.paths
    }

    fn value(&self, variable: Variable, sample: usize) -> f64 {
        match variable {
            Variable::Input(index) => self.arguments.inputs[sample * self.program.engine_inputs + index].to_f64(),
            Variable::Weight(index) => self.arguments.weights[index].to_f64(),
        }
    }

    /// Evaluates slots, angles and coefficients of a block.
    fn fill<const L: usize>(&self, scratch: &mut Scratch<T, L>, first: usize, count: usize) {
        scratch.slots.clear();
        let mut nothing = [0.0; L];
        for slot in &self.program.slots {
            let mut values = [0.0; L];
            for (lane, value) in values[..count].iter_mut().enumerate() {
                *value = slot.value(|variable| self.value(variable, first + lane));
                nothing[lane] += 0.0 * *value;
            }
            scratch.slots.push(values);
        }
        let [values, sin, cos] = &mut scratch.angles;
        values.clear();
        for angle in &self.paths().angles {
            values.extend_from_slice(&match angle {
                Angle::Slot { slot, factor } => scratch.slots[*slot].map(|value| factor * value),
                Angle::Constant(angle) => [*angle; L],
            });
        }
        sin.resize(values.len(), 0.0);
        cos.resize(values.len(), 0.0);
        sin_cos(values, sin, cos);
        scratch.room.turns.clear();
        let lanes = |numbers: &[f64]| std::array::from_fn(|lane| T::from_f64(numbers[lane]));
        scratch.room.turns.extend(cos.chunks_exact(L).zip(sin.chunks_exact(L)).map(|(c, s)| [lanes(c), lanes(s)]));
        scratch.room.coefficients.clear();
        scratch.room.coefficients.extend(self.paths().coefficients.iter().map(|coefficient| match *coefficient {
            Coefficient::Slot { slot, scale, offset } => {
                scratch.slots[slot].map(|value| T::from_f64(offset + scale * value))
            }
            Coefficient::Constant(value) => [T::from_f64(value); L],
            Coefficient::Cosines { first, count } => {
                let factors = &self.paths().cosines[first as usize..(first + count) as usize];
                std::array::from_fn(|lane| {
                    let factor = |&(angle, power): &(u32, u32)| cos[angle as usize * L + lane].powi(power as i32);
                    T::from_f64(factors.iter().map(factor).product())
                })
            }
        }));
        let mut is_finite = nothing.map(|nothing: f64| !nothing.is_nan());
        if self.program.has_limits() {
            for (lane, is_finite) in is_finite[..count].iter_mut().enumerate() {
                // Strengths are as exact as the dtype of the weights and the inputs.
                let value = |slot: &Slot| slot.value(|variable| self.value(variable, first + lane));
                *is_finite &= self.program.has_strengths(4.0 * T::EPSILON, value);
            }
        }
        scratch.is_finite = is_finite;
    }

    /// Computes the outputs of a block into rows of the outputs. `keep`: its gradient follows.
    fn forward<const L: usize>(&self, scratch: &mut Scratch<T, L>, first: usize, rows: &mut [T], keep: bool) {
        let width = self.lowered.constants.len();
        let count = L.min(self.arguments.batch - first);
        self.fill(scratch, first, count);
        scratch.outputs.resize(width, [0.0; L]);
        let (paths, qubits) = (self.paths(), self.program.qubits);
        let (room, outputs) = (&mut scratch.room, &mut scratch.outputs);
        current_arch().dispatch(Values { paths, room, qubits, keep, outputs });
        for (lane, row) in rows.chunks_mut(width.max(1)).enumerate() {
            for (to, (sum, constant)) in row.iter_mut().zip(scratch.outputs.iter().zip(&self.lowered.constants)) {
                *to = if scratch.is_finite[lane] { T::from_f64(sum[lane] + constant) } else { T::nan() };
            }
        }
    }

    /// Computes the gradients of a block behind its forward pass: in the inputs into their rows, and returns the one in the
    /// weights.
    fn gradient<const L: usize>(
        &self,
        scratch: &mut Scratch<T, L>,
        first: usize,
        cotangent: &[T],
        rows: Option<&mut [T]>,
    ) -> Vec<f64> {
        let (width, count) = (self.lowered.constants.len(), L.min(self.arguments.batch - first));
        for (output, cotangents) in scratch.outputs.iter_mut().enumerate() {
            *cotangents = std::array::from_fn(|lane| match lane < count {
                true => cotangent[(first + lane) * width + output].to_f64(),
                false => 0.0,
            });
        }
        for (list, count) in [
            (&mut scratch.gradients.angles, self.paths().angles.len()),
            (&mut scratch.gradients.coefficients, self.paths().coefficients.len()),
        ] {
            list.clear();
            list.resize(count, [0.0; L]);
        }
        let (paths, qubits) = (self.paths(), self.program.qubits);
        let Scratch { room, outputs, gradients, .. } = scratch;
        current_arch().dispatch(Undo { paths, room, qubits, cotangents: outputs, found: gradients });
        self.of_cosines(scratch);
        self.chain(scratch, first, count, rows)
    }

    /// Adds to the gradients of angles what the products of cosines have.
    fn of_cosines<const L: usize>(&self, scratch: &mut Scratch<T, L>) {
        let [_, sin, cos] = &scratch.angles;
        let Derivatives { angles, coefficients } = &mut scratch.gradients;
        let mut behind = Vec::new();
        for (coefficient, gradient) in self.paths().coefficients.iter().zip(coefficients.iter()) {
            let Coefficient::Cosines { first, count } = *coefficient else { continue };
            let factors = &self.paths().cosines[first as usize..(first + count) as usize];
            for lane in 0..L {
                let at = |angle: u32| angle as usize * L + lane;
                // Products of the factors behind each, so that nothing is divided by a cosine that may be 0.
                behind.clear();
                behind.push(1.0);
                for (angle, power) in factors.iter().rev() {
                    behind.push(behind[behind.len() - 1] * cos[at(*angle)].powi(*power as i32));
                }
                let mut before = gradient[lane];
                for ((angle, power), behind) in factors.iter().zip(behind.iter().rev().skip(1)) {
                    let (c, s) = (cos[at(*angle)], sin[at(*angle)]);
                    let rest = c.powi(*power as i32 - 1);
                    angles[*angle as usize][lane] -= before * behind * f64::from(*power) * rest * s;
                    before *= rest * c;
                }
            }
        }
    }

    /// Turns gradients of angles into gradients of inputs and weights.
    fn chain<const L: usize>(
        &self,
        scratch: &mut Scratch<T, L>,
        first: usize,
        count: usize,
        rows: Option<&mut [T]>,
    ) -> Vec<f64> {
        let (slots, is_finite) = (&mut scratch.slots, &scratch.is_finite[..count]);
        slots.fill([0.0; L]);
        let mut add = |slot: usize, factor: f64, gradient: &[f64; L]| {
            slots[slot] = std::array::from_fn(|lane| slots[slot][lane] + factor * gradient[lane]);
        };
        for (angle, gradient) in self.paths().angles.iter().zip(&scratch.gradients.angles) {
            if let Angle::Slot { slot, factor } = *angle {
                add(slot, factor, gradient);
            }
        }
        for (coefficient, gradient) in self.paths().coefficients.iter().zip(&scratch.gradients.coefficients) {
            if let Coefficient::Slot { slot, scale, .. } = *coefficient {
                add(slot, scale, gradient);
            }
        }
        let inputs = self.program.engine_inputs;
        let mut of_inputs = vec![0.0; if rows.is_some() { is_finite.len() * inputs } else { 0 }];
        let mut weights = vec![0.0; self.program.weights];
        for (slot, gradients) in self.program.slots.iter().zip(&*slots) {
            for lane in 0..is_finite.len() {
                self.through(slot, first + lane, gradients[lane], |variable, part| match variable {
                    Variable::Weight(index) => weights[index] += part,
                    Variable::Input(index) if !of_inputs.is_empty() => of_inputs[lane * inputs + index] += part,
                    Variable::Input(_) => {}
                });
            }
        }
        if is_finite.contains(&false) {
            weights.fill(f64::NAN);
        }
        for (row, (to, from)) in rows.into_iter().flatten().zip(of_inputs).enumerate() {
            *to = if is_finite[row / inputs] { T::from_f64(from) } else { T::nan() };
        }
        weights
    }

    fn through(&self, slot: &Slot, sample: usize, gradient: f64, mut each: impl FnMut(Variable, f64)) {
        slot.derivatives(|variable| self.value(variable, sample), |variable, by| each(variable, gradient * by));
    }
}

struct Values<'a, T, const L: usize> {
    paths: &'a Paths,
    room: &'a mut Room<T, L>,
    qubits: usize,
    keep: bool,
    outputs: &'a mut [[f64; L]],
}

impl<T: Real, const L: usize> NullaryFnOnce for Values<'_, T, L> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        sweep::values(self.paths, self.room, self.qubits, self.keep, self.outputs);
    }
}

struct Undo<'a, T, const L: usize> {
    paths: &'a Paths,
    room: &'a mut Room<T, L>,
    qubits: usize,
    cotangents: &'a [[f64; L]],
    found: &'a mut Derivatives<L>,
}

impl<T: Real, const L: usize> NullaryFnOnce for Undo<'_, T, L> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        sweep::gradient(self.paths, self.room, self.qubits, self.cotangents, self.found);
    }
}

/// Bytes of a block for a gradient.
pub(super) fn block_bytes<T: Real, const L: usize>(paths: &Paths) -> u64 {
    Room::<T, L>::bytes(paths, true)
}

/// Checks that a block of samples fits the memory.
pub(super) fn check_memory<T: Real, const L: usize>(paths: &Paths, options: &Options) -> Result<()> {
    let needed = Room::<T, L>::bytes(paths, false);
    match exceeded_budget(Some(needed), options.memory_limit) {
        Some(budget) => Err(too_large(needed, budget)),
        None => Ok(()),
    }
}

fn too_large(needed: u64, budget: u64) -> crate::error::Error {
    MemoryError::Numbers { what: "the words of a block of samples", needed: Some(needed), budget }.into()
}

/// Returns on how many threads blocks may be worked on.
fn threads_for<T: Real, const L: usize>(call: &Call<'_, T>, gradient: bool, options: &Options) -> Result<usize> {
    let each = Room::<T, L>::bytes(call.paths(), gradient);
    let exceeded = |count: usize| exceeded_budget(each.checked_mul(count as u64), options.memory_limit);
    if let Some(budget) = exceeded(1) {
        return Err(too_large(each, budget));
    }
    let threads = threads::thread_count();
    let is_large = call.paths().work() * call.arguments.batch >= SERIAL_WORK;
    Ok(if is_large && exceeded(threads).is_none() { threads } else { 1 })
}

/// Takes memory for so many blocks, idle memory first.
fn reserved<T: Real, const L: usize>(
    idle: &Idle,
    count: usize,
    paths: &Paths,
    gradient: bool,
) -> Result<Vec<Scratch<T, L>>> {
    let mut scratches = idle.take::<Scratch<T, L>>(count);
    scratches.resize_with(count, Scratch::default);
    scratches.iter_mut().try_for_each(|scratch| scratch.room.reserve(paths, gradient))?;
    Ok(scratches)
}

/// Computes all outputs. If `save`, and if the memory is there, the blocks stay as they are for the gradient.
pub(super) fn forward<T: Real, const L: usize>(
    call: &Call<'_, T>,
    options: &Options,
    save: bool,
) -> Result<(Vec<T>, Option<Saved>)> {
    let threads = threads_for::<T, L>(call, false, options)?;
    let (width, count) = (call.lowered.constants.len(), call.arguments.batch.div_ceil(L));
    let mut outputs = zeroed_vec("outputs", call.arguments.batch * width)?;
    let rows = outputs.chunks_mut((L * width).max(1));
    let idle = Idle::of(&call.program.cache);
    // A quarter of the memory may wait.
    let all = block_bytes::<T, L>(call.paths()).checked_mul(4 * count as u64);
    if !save || width == 0 || exceeded_budget(all, options.memory_limit).is_some() {
        let mut scratches = reserved::<T, L>(idle, threads.min(count), call.paths(), false)?;
        share::for_each_item(threads > 1, &mut scratches, rows.enumerate(), |scratch, (block, rows)| {
            call.forward(scratch, L * block, rows, false);
        });
        idle.keep(scratches);
        return Ok((outputs, None));
    }
    let mut blocks = reserved::<T, L>(idle, count, call.paths(), true)?;
    let items = blocks.iter_mut().zip(rows).enumerate();
    share::for_each_item(threads > 1, &mut Vec::<()>::new(), items, |(), (block, (scratch, rows))| {
        call.forward(scratch, L * block, rows, true);
    });
    Ok((outputs, Some(Box::new(Waiting { blocks, cache: Arc::clone(&call.program.cache) }))))
}

/// Computes the gradients, from the blocks of the forward pass if they wait.
pub(super) fn gradient<T: Real, const L: usize>(
    call: &Call<'_, T>,
    options: &Options,
    (cotangent, needs_grad): (&[T], NeedsGrad),
    saved: Option<Saved>,
) -> Result<Gradients<T>> {
    let threads = threads_for::<T, L>(call, true, options)?;
    let (batch, width) = (call.arguments.batch, call.program.engine_inputs);
    let mut inputs = zeroed_vec("gradients of inputs", if needs_grad.inputs { batch * width } else { 0 })?;
    let mut found: Vec<Option<Vec<f64>>> = (0..batch.div_ceil(L)).map(|_| None).collect();
    let mut rows = inputs.chunks_mut((L * width).max(1));
    let items = found.iter_mut().enumerate().map(|(block, to)| (block, to, rows.next()));
    match saved.and_then(|saved| saved.downcast::<Waiting<T, L>>().ok()) {
        Some(mut waiting) if waiting.blocks.len() == items.len() => {
            let items = waiting.blocks.iter_mut().zip(items);
            let states = &mut Vec::<()>::new();
            share::for_each_item(threads > 1, states, items, |(), (scratch, (block, to, rows))| {
                *to = Some(call.gradient(scratch, L * block, cotangent, rows));
            });
        }
        _ => {
            let idle = Idle::of(&call.program.cache);
            let mut scratches = reserved::<T, L>(idle, threads.min(items.len()), call.paths(), true)?;
            share::for_each_item(threads > 1, &mut scratches, items, |scratch, (block, to, rows)| {
                call.forward(scratch, L * block, &mut [], true);
                *to = Some(call.gradient(scratch, L * block, cotangent, rows));
            });
            idle.keep(scratches);
        }
    }
    // Blocks are added in order, on however many threads they were computed.
    let mut weights = vec![0.0; call.program.weights];
    for block in found.into_iter().flatten() {
        weights.iter_mut().zip(block).for_each(|(to, from)| *to += from);
    }
    Ok(Gradients {
        inputs: needs_grad.inputs.then_some(inputs),
        weights: needs_grad.weights.then(|| weights.into_iter().map(T::from_f64).collect()),
    })
}
