//! Reference engine for the project's own tests: dense, in `f64`, and as plain as the definitions.
//!
//! It applies the steps of a program one by one to a vector of amplitudes, keeps every state for the gradient, and sums
//! `2 Re <λ| dU/dφ |ψ>` over the steps. It shares no code with the other engines but the program.

use super::host::{HostEngine, OnHost};
use super::{Arguments, Gradients, NeedsGrad, Options, Real, Saved, budget, with_engine};
use crate::error::Result;
use crate::observable::Part;
use crate::program::{Kernel, Program, Quantity, Readout, Step, Sum, Variable};
use num_complex::Complex64;
use std::sync::Arc;

/// Runs `f` with the reference engine in place of the CPU engine, on this thread.
pub fn with_reference_engine<R>(f: impl FnOnce() -> R) -> R {
    with_engine(Arc::new(OnHost(Reference)), f)
}

/// The reference engine.
#[derive(Debug)]
struct Reference;

type Amplitudes = Vec<Complex64>;

impl HostEngine for Reference {
    fn check<T: Real>(&self, program: &Program, _: usize, options: &Options) -> Result<()> {
        let states = program.steps.len() + 2;
        let bytes = 1u64.checked_shl(program.qubits as u32).and_then(|size| size.checked_mul(16 * states as u64));
        budget::check::<T>(program, states, bytes, options.memory_limit)
    }

    fn forward<T: Real>(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        options: &Options,
        _: bool,
    ) -> Result<(Vec<T>, Option<Saved>)> {
        self.check::<T>(program, arguments.batch, options)?;
        let outputs = (0..arguments.batch).flat_map(|sample| match Sample::new(program, arguments, sample) {
            Some(sample) => outputs(&program.readout, sample.states().last().expect("the start"), program.qubits),
            None => vec![f64::NAN; program.engine_outputs()],
        });
        Ok((outputs.map(T::from_f64).collect(), None))
    }

    fn gradient<T: Real>(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        options: &Options,
        cotangent: &[T],
        needs_grad: NeedsGrad,
        _: Option<Saved>,
    ) -> Result<Gradients<T>> {
        self.check::<T>(program, arguments.batch, options)?;
        let mut inputs = vec![0.0; arguments.inputs.len()];
        let mut weights = vec![0.0; program.weights];
        for sample in 0..arguments.batch {
            let row = &mut inputs[sample * program.engine_inputs..][..program.engine_inputs];
            let cotangent = &cotangent[sample * program.engine_outputs()..][..program.engine_outputs()];
            let cotangent: Vec<f64> = cotangent.iter().map(|value| value.to_f64()).collect();
            match Sample::new(program, arguments, sample) {
                Some(sample) => sample.add_gradients(&cotangent, row, &mut weights),
                None => [row, &mut weights].into_iter().for_each(|sums| sums.fill(f64::NAN)),
            }
        }
        let rounded = |sums: Vec<f64>| sums.into_iter().map(T::from_f64).collect();
        Ok(Gradients {
            inputs: needs_grad.inputs.then(|| rounded(inputs)),
            weights: needs_grad.weights.then(|| rounded(weights)),
        })
    }
}

/// Numbers of one sample, all finite.
struct Sample<'a> {
    program: &'a Program,
    inputs: Vec<f64>,
    weights: Vec<f64>,
    /// Angle of each slot.
    angles: Vec<f64>,
    /// Norm of the embedded features; 0 if they become |0..0>.
    norm: f64,
}

impl<'a> Sample<'a> {
    /// Returns the numbers of a sample, or `None` if it has no state.
    fn new<T: Real>(program: &'a Program, arguments: Arguments<'_, T>, sample: usize) -> Option<Self> {
        let numbers = |of: &[T]| of.iter().map(|value| value.to_f64()).collect::<Vec<_>>();
        let inputs = numbers(&arguments.inputs[sample * program.engine_inputs..][..program.engine_inputs]);
        let mut this = Self { program, inputs, weights: numbers(arguments.weights), angles: vec![], norm: 0.0 };
        let angle = |slot: &crate::program::Slot| {
            let factor = |variable: Option<Variable>| variable.map_or(1.0, |variable| this.value(variable));
            slot.terms.iter().map(|(c, first, second)| c * this.value(*first) * factor(*second)).sum::<f64>()
                + slot.constant
        };
        this.angles = program.slots.iter().map(angle).collect();
        if let Some(embedding) = program.embedding {
            this.norm = embedding.norm(this.inputs[embedding.first..][..embedding.count].iter().copied());
        }
        (this.norm.is_finite() && this.angles.iter().all(|angle| angle.is_finite())).then_some(this)
    }

    fn value(&self, variable: Variable) -> f64 {
        match variable {
            Variable::Input(index) => self.inputs[index],
            Variable::Weight(index) => self.weights[index],
        }
    }

    /// States in front of each step, and the final state.
    fn states(&self) -> Vec<Amplitudes> {
        let mut start = vec![Complex64::ZERO; 1 << self.program.qubits];
        match self.program.embedding.filter(|_| self.norm > 0.0) {
            Some(embedding) => {
                let features = &self.inputs[embedding.first..][..embedding.count];
                let of = |x: &[f64]| Complex64::new(x[0], x.get(1).copied().unwrap_or(0.0)) / self.norm;
                let amplitudes = features.chunks(if embedding.complex { 2 } else { 1 });
                start.iter_mut().zip(amplitudes).for_each(|(amplitude, x)| *amplitude = of(x));
            }
            None => start[0] = Complex64::ONE,
        }
        let mut states = vec![start];
        for step in &self.program.steps {
            let next = self.applied(step, states.last().expect("the start"));
            states.push(next);
        }
        states
    }

    /// Returns the state behind a step.
    fn applied(&self, step: &Step, psi: &Amplitudes) -> Amplitudes {
        let mut out = controlled(step, psi);
        let is_on = |index: usize| index as u64 & step.controls.mask == step.controls.values();
        for index in (0..psi.len()).filter(|index| is_on(*index)) {
            out[index] = match &step.kernel {
                Kernel::Rotation { x, z, slot } => {
                    let (sin, cos) = self.angles[*slot].sin_cos();
                    cos * psi[index] - Complex64::I * sin * word_entry(*x, *z, index, psi)
                }
                Kernel::Phase { slot } => Complex64::cis(self.angles[*slot]) * psi[index],
                Kernel::FixedPhase(phase) => phase * psi[index],
                Kernel::Exchange { mask, first, second } => match index as u64 & mask {
                    bits if bits == *first || bits == *second => psi[index ^ (first ^ second) as usize],
                    _ => psi[index],
                },
                Kernel::Matrix { qubits, entries } => matrix_entry(qubits, entries, index, psi),
            };
        }
        out
    }

    /// Returns λ in front of a step: the adjoint of the step applied to λ behind it.
    fn undone(&self, step: &Step, lambda: &Amplitudes) -> Amplitudes {
        let adjoint = match &step.kernel {
            Kernel::Rotation { slot, .. } | Kernel::Phase { slot } => {
                let mut angles = self.angles.clone();
                angles[*slot] = -angles[*slot];
                let (inputs, weights) = (self.inputs.clone(), self.weights.clone());
                return Sample { program: self.program, inputs, weights, angles, norm: self.norm }
                    .applied(step, lambda);
            }
            Kernel::FixedPhase(phase) => Kernel::FixedPhase(phase.conj()),
            Kernel::Exchange { .. } => step.kernel.clone(),
            Kernel::Matrix { qubits, entries } => {
                let size = 1 << qubits.len();
                let entries = (0..entries.len()).map(|at| entries[at % size * size + at / size].conj()).collect();
                Kernel::Matrix { qubits: qubits.clone(), entries }
            }
        };
        self.applied(&Step { kernel: adjoint, controls: step.controls }, lambda)
    }

    fn add_gradients(&self, cotangent: &[f64], inputs: &mut [f64], weights: &mut [f64]) {
        let Self { program, .. } = self;
        let states = self.states();
        let mut lambda = lambda(&program.readout, states.last().expect("the start"), cotangent, program.qubits);
        for (step, psi) in program.steps.iter().zip(&states).rev() {
            if let Some(slot) = step.kernel.slot() {
                // Both are exponentials of the angle, so a quarter turn more is the derivative.
                let mut ahead = Sample { program, inputs: vec![], weights: vec![], angles: vec![], norm: 0.0 };
                ahead.angles = self.angles.iter().map(|angle| angle + std::f64::consts::FRAC_PI_2).collect();
                let mut slope = ahead.applied(step, psi);
                let is_on = |index: usize| index as u64 & step.controls.mask == step.controls.values();
                (0..slope.len()).filter(|index| !is_on(*index)).for_each(|index| slope[index] = Complex64::ZERO);
                self.add_slope(slot, 2.0 * inner(&lambda, &slope).re, inputs, weights);
            }
            lambda = self.undone(step, &lambda);
        }
        if let Some(embedding) = program.embedding.filter(|_| self.norm > 0.0) {
            let along = 2.0 * inner(&lambda, &states[0]).re;
            for k in 0..embedding.count {
                let part = |amplitudes: &Amplitudes| match embedding.complex {
                    true if k % 2 == 1 => amplitudes[k / 2].im,
                    true => amplitudes[k / 2].re,
                    false => amplitudes[k].re,
                };
                inputs[embedding.first + k] += (2.0 * part(&lambda) - along * part(&states[0])) / self.norm;
            }
        }
    }

    /// Adds the derivative in a slot to the derivatives in the slot's variables.
    fn add_slope(&self, slot: usize, slope: f64, inputs: &mut [f64], weights: &mut [f64]) {
        let mut add = |variable: Variable, value: f64| match variable {
            Variable::Input(index) => inputs[index] += value,
            Variable::Weight(index) => weights[index] += value,
        };
        for (coefficient, first, second) in &self.program.slots[slot].terms {
            add(*first, slope * coefficient * second.map_or(1.0, |second| self.value(second)));
            if let Some(second) = *second {
                add(second, slope * coefficient * self.value(*first));
            }
        }
    }
}

/// Returns the state that a step leaves alone where its controls are not met.
fn controlled(step: &Step, psi: &Amplitudes) -> Amplitudes {
    let is_off = |index: usize| index as u64 & step.controls.mask != step.controls.values();
    psi.iter().enumerate().map(|(index, value)| if is_off(index) { *value } else { Complex64::ZERO }).collect()
}

/// Entry of `P psi` for the Pauli word `P = i^|x & z| X^x Z^z`.
fn word_entry(x: u64, z: u64, index: usize, psi: &[Complex64]) -> Complex64 {
    let from = index as u64 ^ x;
    let sign = if (from & z).count_ones() % 2 == 1 { -1.0 } else { 1.0 };
    Complex64::I.powu((x & z).count_ones()) * sign * psi[from as usize]
}

/// Entry of `M psi` for a matrix on some qubits.
fn matrix_entry(qubits: &[usize], entries: &[Complex64], index: usize, psi: &[Complex64]) -> Complex64 {
    let row = qubits.iter().enumerate().map(|(k, qubit)| (index >> qubit & 1) << k).sum::<usize>();
    let from = |column: usize| {
        qubits.iter().enumerate().fold(index, |from, (k, qubit)| from & !(1 << qubit) | (column >> k & 1) << qubit)
    };
    let size = 1 << qubits.len();
    (0..size).map(|column| entries[row * size + column] * psi[from(column)]).sum()
}

fn inner(left: &[Complex64], right: &[Complex64]) -> Complex64 {
    left.iter().zip(right).map(|(left, right)| left.conj() * right).sum()
}

/// Returns `O_k psi` for observable `k` of a sum, without its constant.
fn observed(sum: &Sum, output: usize, psi: &Amplitudes, qubits: usize) -> Amplitudes {
    let mut out = vec![Complex64::ZERO; psi.len()];
    for (index, entry) in out.iter_mut().enumerate() {
        for x_group in &sum.x_groups {
            for term in x_group.terms.iter().filter(|term| term.output == output) {
                *entry += term.coefficient * word_entry(x_group.x, term.z, index, psi);
            }
        }
        for (_, coefficient, part) in sum.parts.iter().filter(|(of, ..)| *of == output) {
            *entry += *coefficient
                * match part {
                    Part::Diagonal { values, mask } => {
                        let of: Vec<usize> = (0..qubits).filter(|qubit| mask >> qubit & 1 == 1).collect();
                        values[outcome(&of, index)] * psi[index]
                    }
                    Part::Matrix { entries, qubits } => matrix_entry(qubits, entries, index, psi),
                    Part::Projector { mask, bits } if index as u64 & mask == *bits => psi[index],
                    Part::Projector { .. } => Complex64::ZERO,
                };
        }
    }
    out
}

/// Index of the outcome of some qubits in a basis state.
fn outcome(qubits: &[usize], index: usize) -> usize {
    qubits.iter().enumerate().map(|(k, qubit)| (index >> qubit & 1) << k).sum()
}

/// Returns the outputs of a final state.
fn outputs(readout: &Readout, psi: &Amplitudes, qubits: usize) -> Vec<f64> {
    let mut outputs = vec![0.0; readout.quantities.iter().map(|columns| columns.count).sum()];
    for columns in &readout.quantities {
        outputs[columns.outputs()].copy_from_slice(&values(&columns.quantity, psi, qubits));
    }
    outputs
}

fn values(quantity: &Quantity, psi: &Amplitudes, qubits: usize) -> Vec<f64> {
    match quantity {
        Quantity::Expectation(sum) => {
            let value = |output| sum.constants[output] + inner(psi, &observed(sum, output, psi, qubits)).re;
            (0..sum.outputs).map(value).collect()
        }
        Quantity::Variance(sums) => {
            let variance = |sum: &Sum| {
                let moved = observed(sum, 0, psi, qubits);
                inner(&moved, &moved).re - inner(psi, &moved).re.powi(2)
            };
            sums.iter().map(variance).collect()
        }
        Quantity::Probabilities(of) => {
            let mut outputs = vec![0.0; 1 << of.len()];
            psi.iter().enumerate().for_each(|(index, value)| outputs[outcome(of, index)] += value.norm_sqr());
            outputs
        }
        Quantity::State => psi.iter().flat_map(|value| [value.re, value.im]).collect(),
    }
}

/// Returns λ: the change of `sum(cotangent * outputs)` is `2 Re <λ|dψ>`.
fn lambda(readout: &Readout, psi: &Amplitudes, cotangent: &[f64], qubits: usize) -> Amplitudes {
    let mut lambda = vec![Complex64::ZERO; psi.len()];
    for columns in &readout.quantities {
        add_lambda(&columns.quantity, psi, &cotangent[columns.outputs()], qubits, &mut lambda);
    }
    lambda
}

fn add_lambda(quantity: &Quantity, psi: &Amplitudes, cotangent: &[f64], qubits: usize, lambda: &mut Amplitudes) {
    let mut add = |factor: f64, vector: &Amplitudes| {
        lambda.iter_mut().zip(vector).for_each(|(sum, value)| *sum += factor * value);
    };
    match quantity {
        Quantity::Expectation(sum) => {
            (0..sum.outputs).for_each(|output| add(cotangent[output], &observed(sum, output, psi, qubits)));
        }
        Quantity::Variance(sums) => {
            for (sum, c) in sums.iter().zip(cotangent) {
                let moved = observed(sum, 0, psi, qubits);
                add(*c, &observed(sum, 0, &moved, qubits));
                add(-2.0 * c * inner(psi, &moved).re, &moved);
            }
        }
        Quantity::Probabilities(of) => {
            for (index, value) in lambda.iter_mut().enumerate() {
                *value += cotangent[outcome(of, index)] * psi[index];
            }
        }
        Quantity::State => {
            for (value, pair) in lambda.iter_mut().zip(cotangent.chunks(2)) {
                *value += 0.5 * Complex64::new(pair[0], pair[1]);
            }
        }
    }
}
