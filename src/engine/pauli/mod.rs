//! The engine for Pauli propagation, on the CPU: expectation values from the observables' side.
//!
//! A block of samples goes through all words side by side; blocks are shared between threads. Slots become cosines and
//! sines in `f64`, and gradients of angles gradients of inputs and weights, as in the engine for state vectors.

mod lower;
mod sweep;

use super::host::HostEngine;
use super::simd::arch::{check_arch, current_arch};
use super::simd::sincos::sin_cos;
use super::{Arguments, Gradients, NeedsGrad, Options, Real, Saved, Simulation, share, threads};
use crate::error::{MemoryError, Result};
use crate::memory::{exceeded_budget, zeroed_vec};
use crate::program::paths::{Angle, Coefficient, Paths};
use crate::program::{Program, Slot, Variable};
use candle_core::DType;
use lower::Lowered;
use pulp::NullaryFnOnce;
use sweep::{Derivatives, Room};

/// Options of Pauli propagation: which words are kept.
///
/// A rotation by an unknown angle turns a Pauli word into a sum of two. The limits leave out words that a rotation would
/// bear; without limits, and as long as there are fewer words than `max_terms`, values are exact.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::VarBuilder;
/// use candlewick::{PauliPropagation, Simulation, nn::QuantumLayerConfig, prelude::*};
///
/// // A state vector of 50 qubits has 2^50 amplitudes; here Z of one of them is two words.
/// let mut circuit = Circuit::new(50);
/// for q in 0..50 { circuit.rx(0.3, q); }
/// for q in 0..49 { circuit.rzz(0.2, q, q + 1); }
/// let simulation = Simulation::Pauli(PauliPropagation::with_weight(8));
/// let config = QuantumLayerConfig { simulation, ..Default::default() };
/// let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
/// let z = Measurement::expectation([Z(25)]);
/// let layer = QuantumLayer::with_config(circuit, z, config, vb)?;
/// assert!((layer.evaluate()?.to_vec1::<f64>()?[0] - 0.3f64.cos()).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PauliPropagation {
    /// Largest weight, a number of letters, of a word that a rotation bears; `None` for no limit. Clifford gates may
    /// make words heavier. Default: none.
    pub max_weight: Option<u32>,
    /// Largest number of sines on a path to a word; `None` for no limit. For small angles. Default: none.
    pub max_sines: Option<u32>,
    /// Largest number of words while paths are made, which is 5 to 20 times what stays of them. Default 2^22.
    pub max_terms: usize,
}

impl Default for PauliPropagation {
    fn default() -> Self {
        Self { max_weight: None, max_sines: None, max_terms: 1 << 22 }
    }
}

impl PauliPropagation {
    /// Returns the default with a largest weight.
    pub fn with_weight(max_weight: u32) -> Self {
        Self { max_weight: Some(max_weight), ..Self::default() }
    }

    /// Returns the same options with limits of weight and sines that are higher by 2; what has no limit stays so.
    pub(crate) fn raised(self) -> Self {
        let [max_weight, max_sines] = [self.max_weight, self.max_sines].map(|limit| limit.map(|n| n.saturating_add(2)));
        Self { max_weight, max_sines, ..self }
    }
}

/// Numbers of the Pauli words of a layer, from [`QuantumLayer::paths`](crate::QuantumLayer::paths).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PauliPaths {
    /// Number of words that carry values.
    pub terms: usize,
    /// Number of words that turns and channels move, each move counted.
    pub moves: usize,
    /// Number of words that the limits left out. Words are counted before it is known whether they would have come to
    /// anything, so values may be exact even if some were left out.
    pub left_out: usize,
    /// Number of words among [`left_out`](Self::left_out) that were borne of words heavier than the limit. Where there
    /// are many, Clifford gates spread words faster than the limit allows, and outputs become products of cosines that
    /// hardly depend on angles: raise the limit, or entangle neighbours in two halves and not one after another.
    pub of_heavy: usize,
    /// Bytes that a thread takes for a gradient: for one sample alone, or for 16 (8 in F64) side by side.
    pub bytes: u64,
}

impl PauliPaths {
    /// Returns whether no word was left out, so that values are exact up to rounding.
    pub fn is_exact(&self) -> bool {
        self.left_out == 0
    }
}

/// Returns the numbers of the words of a program, which are made at the first request.
///
/// # Errors
/// A program that Pauli propagation cannot run; more words than the limits.
pub(crate) fn count_paths(
    program: &Program,
    options: &PauliPropagation,
    memory_limit: Option<u64>,
    (dtype, is_one): (DType, bool),
) -> Result<PauliPaths> {
    let lowered = Lowered::of(program, options, memory_limit)?;
    let paths = &lowered.paths;
    let bytes = match (dtype, is_one) {
        (DType::F64, true) => Room::<f64, 1>::bytes(paths, true),
        (DType::F64, false) => Room::<f64, 8>::bytes(paths, true),
        (_, true) => Room::<f32, 1>::bytes(paths, true),
        (_, false) => Room::<f32, 16>::bytes(paths, true),
    };
    let (left_out, of_heavy) = (paths.left_out, paths.of_heavy);
    Ok(PauliPaths { terms: paths.terms, moves: paths.work(), left_out, of_heavy, bytes })
}

/// Engine for Pauli propagation of tensors on `Device::Cpu`.
#[derive(Debug)]
pub(crate) struct Pauli;

/// Runs `f` with this engine in place of the CPU engine, on this thread.
#[cfg(feature = "testing")]
pub fn with_pauli_engine<R>(f: impl FnOnce() -> R) -> R {
    super::with_engine(std::sync::Arc::new(super::host::OnHost(Pauli)), f)
}

/// Turned pairs times samples below which threads cost more time than they save.
const SERIAL_WORK: usize = 1 << 14;

fn options_of(options: &Options) -> PauliPropagation {
    match &options.simulation {
        Simulation::Pauli(options) => *options,
        _ => PauliPropagation::default(),
    }
}

/// Call of the engine: paths and arguments.
struct Call<'a, T> {
    program: &'a Program,
    lowered: &'a Lowered,
    arguments: Arguments<'a, T>,
}

/// Memory of a thread, and the numbers of a block's slots.
#[derive(Default)]
struct Scratch<T, const L: usize> {
    room: Room<T, L>,
    slots: Vec<[f64; L]>,
    angles: [Vec<f64>; 3],
    outputs: Vec<[f64; L]>,
    gradients: Derivatives<L>,
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

    /// Evaluates slots and angles of a block. Returns for each lane whether all slots are finite.
    fn fill<const L: usize>(&self, scratch: &mut Scratch<T, L>, first: usize, count: usize) -> [bool; L] {
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
        }));
        let mut is_finite = nothing.map(|nothing: f64| !nothing.is_nan());
        if self.program.has_limits() {
            for (lane, is_finite) in is_finite[..count].iter_mut().enumerate() {
                // Strengths are as exact as the dtype of the weights and the inputs.
                let value = |slot: &Slot| slot.value(|variable| self.value(variable, first + lane));
                *is_finite &= self.program.has_strengths(4.0 * T::EPSILON, value);
            }
        }
        is_finite
    }

    /// Computes the outputs of a block into rows of the outputs.
    fn forward<const L: usize>(
        &self,
        scratch: &mut Scratch<T, L>,
        first: usize,
        rows: &mut [T],
        keep: bool,
    ) -> [bool; L] {
        let width = self.lowered.constants.len();
        let count = L.min(self.arguments.batch - first);
        let is_finite = self.fill(scratch, first, count);
        scratch.outputs.resize(width, [0.0; L]);
        let (paths, qubits) = (self.paths(), self.program.qubits);
        let (room, outputs) = (&mut scratch.room, &mut scratch.outputs);
        current_arch().dispatch(Values { paths, room, qubits, keep, outputs });
        for (lane, row) in rows.chunks_mut(width.max(1)).enumerate() {
            for (to, (sum, constant)) in row.iter_mut().zip(scratch.outputs.iter().zip(&self.lowered.constants)) {
                *to = if is_finite[lane] { T::from_f64(sum[lane] + constant) } else { T::nan() };
            }
        }
        is_finite
    }

    /// Computes the gradients of a block: in the inputs into their rows, and returns the one in the weights.
    fn gradient<const L: usize>(
        &self,
        scratch: &mut Scratch<T, L>,
        first: usize,
        cotangent: &[T],
        rows: Option<&mut [T]>,
    ) -> Vec<f64> {
        let (width, count) = (self.lowered.constants.len(), L.min(self.arguments.batch - first));
        let is_finite = self.forward(scratch, first, &mut [], true);
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
        self.chain(scratch, first, &is_finite[..count], rows)
    }

    /// Turns gradients of angles into gradients of inputs and weights.
    fn chain<const L: usize>(
        &self,
        scratch: &mut Scratch<T, L>,
        first: usize,
        is_finite: &[bool],
        rows: Option<&mut [T]>,
    ) -> Vec<f64> {
        let slots = &mut scratch.slots;
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

/// Returns on how many threads blocks of `L` samples may be worked on.
fn check_memory<T: Real, const L: usize>(paths: &Paths, gradient: bool, options: &Options) -> Result<usize> {
    let each = Room::<T, L>::bytes(paths, gradient);
    let needed = |threads: usize| exceeded_budget(each.checked_mul(threads as u64), options.memory_limit);
    if let Some(budget) = needed(1) {
        return Err(MemoryError::Numbers { what: "the words of a block of samples", needed: Some(each), budget }.into());
    }
    let threads = threads::thread_count();
    Ok(if needed(threads).is_none() { threads } else { 1 })
}

/// Runs generic code for the number of lanes of a block: one for a single sample, else a cache line or two.
macro_rules! in_lanes {
    ($t:ty, $batch:expr, $body:ident, $($arguments:expr),*) => {
        match (<$t>::DTYPE, $batch) {
            (_, 1) => $body::<$t, 1>($($arguments),*),
            (DType::F64, _) => $body::<$t, 8>($($arguments),*),
            _ => $body::<$t, 16>($($arguments),*),
        }
    };
}

fn forward<T: Real, const L: usize>(call: &Call<'_, T>, options: &Options) -> Result<Vec<T>> {
    let threads = check_memory::<T, L>(call.paths(), false, options)?;
    let width = call.lowered.constants.len();
    let mut outputs = zeroed_vec("outputs", call.arguments.batch * width)?;
    let spread = threads > 1 && call.paths().work() * call.arguments.batch >= SERIAL_WORK;
    let blocks = outputs.chunks_mut((L * width).max(1)).enumerate();
    share::for_each_item(spread, &mut Vec::new(), blocks, |scratch: &mut Scratch<T, L>, (block, rows)| {
        call.forward(scratch, L * block, rows, false);
    });
    Ok(outputs)
}

fn gradient<T: Real, const L: usize>(
    call: &Call<'_, T>,
    options: &Options,
    cotangent: &[T],
    needs_grad: NeedsGrad,
) -> Result<Gradients<T>> {
    let threads = check_memory::<T, L>(call.paths(), true, options)?;
    let (batch, width) = (call.arguments.batch, call.program.engine_inputs);
    let mut inputs = zeroed_vec("gradients of inputs", if needs_grad.inputs { batch * width } else { 0 })?;
    let spread = threads > 1 && call.paths().work() * batch >= SERIAL_WORK;
    let mut found: Vec<Option<Vec<f64>>> = (0..batch.div_ceil(L)).map(|_| None).collect();
    let mut rows = inputs.chunks_mut((L * width).max(1));
    let blocks = found.iter_mut().enumerate().map(|(block, to)| (block, to, rows.next()));
    share::for_each_item(spread, &mut Vec::new(), blocks, |scratch: &mut Scratch<T, L>, (block, to, rows)| {
        *to = Some(call.gradient(scratch, L * block, cotangent, rows));
    });
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

impl HostEngine for Pauli {
    fn check<T: Real>(&self, program: &Program, batch: usize, options: &Options) -> Result<()> {
        check_arch()?;
        let lowered = Lowered::of(program, &options_of(options), options.memory_limit)?;
        in_lanes!(T, batch, check_memory, &lowered.paths, false, options).map(drop)
    }

    fn forward<T: Real>(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        options: &Options,
        _save: bool,
    ) -> Result<(Vec<T>, Option<Saved>)> {
        check_arch()?;
        let lowered = Lowered::of(program, &options_of(options), options.memory_limit)?;
        let call = Call { program, lowered: &lowered, arguments };
        Ok((in_lanes!(T, arguments.batch, forward, &call, options)?, None))
    }

    fn gradient<T: Real>(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        options: &Options,
        cotangent: &[T],
        needs_grad: NeedsGrad,
        _saved: Option<Saved>,
    ) -> Result<Gradients<T>> {
        check_arch()?;
        let lowered = Lowered::of(program, &options_of(options), options.memory_limit)?;
        let call = Call { program, lowered: &lowered, arguments };
        in_lanes!(T, arguments.batch, gradient, &call, options, cotangent, needs_grad)
    }
}
