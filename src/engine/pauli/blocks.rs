//! Passes of a block of samples: its slots and angles, the sweeps, and the chain rule from angles to inputs and weights.

use super::lower::Lowered;
use super::memory::Block;
use super::sweep::{self, Derivatives, Room};
use crate::engine::simd::arch::current_arch;
use crate::engine::simd::sincos::sin_cos;
use crate::engine::{Arguments, Real};
use crate::program::paths::{Angle, Coefficient, Paths};
use crate::program::{Program, Slot, Variable};
use pulp::NullaryFnOnce;

/// Call of the engine: paths and arguments.
pub(super) struct Call<'a, T> {
    pub(super) program: &'a Program,
    pub(super) lowered: &'a Lowered,
    pub(super) arguments: Arguments<'a, T>,
}

impl<T: Real> Call<'_, T> {
    pub(super) fn paths(&self) -> &Paths {
        &self.lowered.paths
    }

    /// Number of outputs of a sample.
    pub(super) fn width(&self) -> usize {
        self.lowered.constants.len()
    }

    fn value(&self, variable: Variable, sample: usize) -> f64 {
        match variable {
            Variable::Input(index) => self.arguments.inputs[sample * self.program.engine_inputs + index].to_f64(),
            Variable::Weight(index) => self.arguments.weights[index].to_f64(),
        }
    }

    /// Evaluates slots, angles and coefficients of a block.
    fn fill<const L: usize>(&self, block: &mut Block<T, L>, first: usize, count: usize) {
        block.slots.clear();
        let mut nothing = [0.0; L];
        for slot in &self.program.slots {
            let mut values = [0.0; L];
            for (lane, value) in values[..count].iter_mut().enumerate() {
                *value = slot.value(|variable| self.value(variable, first + lane));
                nothing[lane] += 0.0 * *value;
            }
            block.slots.push(values);
        }
        let [values, sin, cos] = &mut block.angles;
        values.clear();
        for angle in &self.paths().angles {
            values.extend_from_slice(&match angle {
                Angle::Slot { slot, factor } => block.slots[*slot].map(|value| factor * value),
                Angle::Constant(angle) => [*angle; L],
            });
        }
        sin.resize(values.len(), 0.0);
        cos.resize(values.len(), 0.0);
        sin_cos(values, sin, cos);
        block.room.turns.clear();
        let lanes = |numbers: &[f64]| std::array::from_fn(|lane| T::from_f64(numbers[lane]));
        block.room.turns.extend(cos.chunks_exact(L).zip(sin.chunks_exact(L)).map(|(c, s)| [lanes(c), lanes(s)]));
        block.room.coefficients.clear();
        block.room.coefficients.extend(self.paths().coefficients.iter().map(|coefficient| match *coefficient {
            Coefficient::Slot { slot, scale, offset } => {
                block.slots[slot].map(|value| T::from_f64(offset + scale * value))
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
        block.is_finite = is_finite;
    }

    /// Computes the outputs of a block into rows of the outputs. `keep`: its gradient follows.
    pub(super) fn forward<const L: usize>(&self, block: &mut Block<T, L>, first: usize, rows: &mut [T], keep: bool) {
        let width = self.width();
        let count = L.min(self.arguments.batch - first);
        self.fill(block, first, count);
        block.outputs.resize(width, [0.0; L]);
        let (paths, qubits) = (self.paths(), self.program.qubits);
        let (room, outputs) = (&mut block.room, &mut block.outputs);
        current_arch().dispatch(Values { paths, room, qubits, keep, outputs });
        for (lane, row) in rows.chunks_mut(width.max(1)).enumerate() {
            for (to, (sum, constant)) in row.iter_mut().zip(block.outputs.iter().zip(&self.lowered.constants)) {
                *to = if block.is_finite[lane] { T::from_f64(sum[lane] + constant) } else { T::nan() };
            }
        }
    }

    /// Computes the gradients of a block behind its forward pass: in the inputs into their rows, and returns the one in the
    /// weights.
    pub(super) fn gradient<const L: usize>(
        &self,
        block: &mut Block<T, L>,
        first: usize,
        cotangent: &[T],
        rows: Option<&mut [T]>,
    ) -> Vec<f64> {
        let (width, count) = (self.width(), L.min(self.arguments.batch - first));
        for (output, cotangents) in block.outputs.iter_mut().enumerate() {
            *cotangents = std::array::from_fn(|lane| match lane < count {
                true => cotangent[(first + lane) * width + output].to_f64(),
                false => 0.0,
            });
        }
        for (list, count) in [
            (&mut block.gradients.angles, self.paths().angles.len()),
            (&mut block.gradients.coefficients, self.paths().coefficients.len()),
        ] {
            list.clear();
            list.resize(count, [0.0; L]);
        }
        let (paths, qubits) = (self.paths(), self.program.qubits);
        let Block { room, outputs, gradients, .. } = block;
        current_arch().dispatch(Undo { paths, room, qubits, cotangents: outputs, found: gradients });
        self.of_cosines(block);
        self.chain(block, first, count, rows)
    }

    /// Adds to the gradients of angles what the products of cosines have.
    fn of_cosines<const L: usize>(&self, block: &mut Block<T, L>) {
        let [_, sin, cos] = &block.angles;
        let Derivatives { angles, coefficients } = &mut block.gradients;
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
        block: &mut Block<T, L>,
        first: usize,
        count: usize,
        rows: Option<&mut [T]>,
    ) -> Vec<f64> {
        let (slots, is_finite) = (&mut block.slots, &block.is_finite[..count]);
        slots.fill([0.0; L]);
        let mut add = |slot: usize, factor: f64, gradient: &[f64; L]| {
            slots[slot] = std::array::from_fn(|lane| slots[slot][lane] + factor * gradient[lane]);
        };
        for (angle, gradient) in self.paths().angles.iter().zip(&block.gradients.angles) {
            if let Angle::Slot { slot, factor } = *angle {
                add(slot, factor, gradient);
            }
        }
        for (coefficient, gradient) in self.paths().coefficients.iter().zip(&block.gradients.coefficients) {
            if let Coefficient::Slot { slot, scale, .. } = *coefficient {
                add(slot, scale, gradient);
            }
        }
        let inputs = self.program.engine_inputs;
        let mut of_inputs = vec![0.0; if rows.is_some() { is_finite.len() * inputs } else { 0 }];
        let mut weights = vec![0.0; self.program.weights];
        for (slot, gradients) in self.program.slots.iter().zip(&*slots) {
            for lane in 0..is_finite.len() {
                let values = |variable| self.value(variable, first + lane);
                slot.derivatives(values, |variable, by| match variable {
                    Variable::Weight(index) => weights[index] += gradients[lane] * by,
                    Variable::Input(index) if !of_inputs.is_empty() => {
                        of_inputs[lane * inputs + index] += gradients[lane] * by;
                    }
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
