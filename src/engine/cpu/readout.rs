//! Readouts: from ψ to outputs, and from a cotangent of the outputs to `λ = dL/dψ*`.

use crate::engine::Real;
use crate::engine::cpu::batch::z_sums::{self, WordScratch, ZWords};
use crate::engine::cpu::context::Call;
use crate::engine::cpu::outcomes::{self, Columns, Outcomes};
use crate::engine::cpu::scratch::{Scratch, Values};
use crate::engine::cpu::state::{Planes, State};
use crate::engine::cpu::steps::forward::Target;
use crate::engine::cpu::steps::observables::{Diagonal, SumPart, Within};
use crate::engine::cpu::worker::Worker;
use crate::engine::simd::LANES;
use crate::gf2;
use crate::program::{PauliTerm, Quantity, Sum, XMaskGroup};

/// Identity, for output 0.
const IDENTITY: Diagonal<'static> =
    Diagonal::ZWords(&[PauliTerm { output: 0, z: 0, coefficient: 1.0, quarter_turns: 0 }]);

impl<T: Real> Worker<'_, T> {
    /// Writes the outputs of all samples of the block, row by row.
    pub(super) fn read_outputs(&mut self, out: &mut [T]) {
        self.read_states(out);
        let spoiled = self.scratch.block.angles.spoiled;
        if !spoiled.contains(&true) {
            return;
        }
        let outputs = self.call.program.engine_outputs().max(1);
        for (row, _) in out.chunks_mut(outputs).zip(spoiled).filter(|(_, spoiled)| *spoiled) {
            row.fill(T::nan());
        }
    }

    /// Sets λ from the rows of the cotangent that belong to the block.
    pub(super) fn seed_lambda(&mut self, cotangent: &[T]) {
        let Call { program, partition, .. } = *self.call;
        self.scratch.lambda.fit_second(program.qubits, partition.lanes);
        self.seed_states(cotangent, false);
        self.spoil_lambda();
    }

    /// Adds to λ as [`seed_lambda`](Self::seed_lambda) sets it.
    pub(super) fn add_to_lambda(&mut self, cotangent: &[T]) {
        self.seed_states(cotangent, true);
        self.spoil_lambda();
    }

    /// Makes λ of samples without a state NaN.
    fn spoil_lambda(&mut self) {
        let partition = self.call.partition;
        let Scratch { lambda, block, .. } = &mut *self.scratch;
        let spoiled = (0..partition.lanes).filter(|lane| block.angles.spoiled[*lane]);
        spoiled.for_each(|lane| {
            lambda.re.iter_mut().skip(lane).step_by(partition.lanes).for_each(|entry| *entry = T::nan());
        });
    }

    fn read_states(&mut self, out: &mut [T]) {
        let psi = self.target();
        let Call { program, partition, prepared, .. } = *self.call;
        let width = program.engine_outputs();
        for (place, columns) in partition.execution.readout(program).quantities.iter().enumerate() {
            let Scratch { block, third_state, values, .. } = &mut *self.scratch;
            let words = prepared.words.as_ref().filter(|_| place == 0);
            let column = |output: usize| (columns.first + output, width);
            match &columns.quantity {
                Quantity::Expectation(sum) => {
                    values.clear(sum.outputs);
                    if let Some(words) = words {
                        z_sums::expect_z_words(&block.psi, words, &mut values.words, &mut values.sums);
                    }
                    expect(psi, &sum.x_groups[usize::from(words.is_some())..], &sum.parts, values);
                    values.fold(psi.lanes);
                    for (output, (sums, constant)) in values.sums.chunks_exact(LANES).zip(&sum.constants).enumerate() {
                        write_column(out, column(output), (sums, *constant));
                    }
                }
                Quantity::Variance(sums) => {
                    for (output, sum) in sums.iter().enumerate() {
                        let (_, deviation) = deviation(psi, sum, third_state, values);
                        values.clear(1);
                        deviation.expect_diagonal(IDENTITY, Within::default(), &mut values.sums);
                        values.fold(psi.lanes);
                        write_column(out, column(output), (&values.sums, 0.0));
                    }
                }
                Quantity::Probabilities(qubits) => {
                    if let Some(outcomes) = Outcomes::new(qubits, program.qubits) {
                        outcomes.read(&block.psi, psi.spread, out, Columns { first: columns.first, width });
                        continue;
                    }
                    for output in 0..columns.count {
                        values.clear(1);
                        psi.expect_diagonal(IDENTITY, within(qubits, output), &mut values.sums);
                        values.fold(psi.lanes);
                        write_column(out, column(output), (&values.sums, 0.0));
                    }
                }
                Quantity::State => {
                    outcomes::read_amplitudes(&block.psi, out, Columns { first: columns.first, width });
                }
            }
        }
    }

    fn seed_states(&mut self, cotangent: &[T], add: bool) {
        let psi = self.target();
        let Call { program, partition, prepared, .. } = *self.call;
        let width = program.engine_outputs();
        for (place, columns) in partition.execution.readout(program).quantities.iter().enumerate() {
            let Scratch { block, lambda, third_state, values, .. } = &mut *self.scratch;
            let factor = |output: usize| [factor(cotangent, width, columns.first + output, psi.lanes)];
            let is_first = place == 0 && !add;
            let outcomes = match &columns.quantity {
                Quantity::Probabilities(qubits) => Outcomes::new(qubits, program.qubits),
                _ => None,
            };
            if is_first && outcomes.is_none() && !matches!(columns.quantity, Quantity::Expectation(_)) {
                lambda.clear();
            }
            match &columns.quantity {
                Quantity::Expectation(sum) => {
                    values.factors.clear();
                    values.factors.extend((0..columns.count).flat_map(factor));
                    if is_first {
                        seed_sum(psi, &block.psi, prepared.words.as_ref(), sum, values, lambda);
                    } else {
                        apply(psi, sum, &values.factors, &mut values.words, lambda.planes());
                    }
                }
                Quantity::Variance(sums) => {
                    for (output, sum) in sums.iter().enumerate() {
                        let (mean, deviation) = deviation(psi, sum, third_state, values);
                        let [factor] = factor(output);
                        apply(deviation, sum, &[factor], &mut values.words, lambda.planes());
                        let shift = [std::array::from_fn(|lane| factor[lane] * T::from_f64(-mean[lane]))];
                        deviation.add_diagonal(IDENTITY, Within::default(), &shift, lambda.planes());
                    }
                }
                Quantity::Probabilities(qubits) => {
                    if let Some(outcomes) = outcomes {
                        let columns = Columns { first: columns.first, width };
                        outcomes.seed((&block.psi, lambda), is_first, psi.spread, cotangent, columns);
                        continue;
                    }
                    for output in 0..columns.count {
                        psi.add_diagonal(IDENTITY, within(qubits, output), &factor(output), lambda.planes());
                    }
                }
                Quantity::State => {
                    outcomes::seed_amplitudes(lambda, cotangent, Columns { first: columns.first, width });
                }
            }
        }
    }
}

/// Adds the expectation value of each output in each lane to the sums. Pauli words on a single state read it in
/// stretches.
fn expect<T: Real>(psi: Target<T>, mut x_groups: &[XMaskGroup], parts: &[SumPart], values: &mut Values<T>) {
    if psi.lanes == 1 {
        psi.expect_words(x_groups, &mut values.words, &mut values.sums);
        x_groups = &[];
    }
    psi.expect(x_groups, parts, &mut values.sums);
}

/// Adds `(sum over outputs of factors[output] * O[output]) psi` to `to`.
fn apply<T: Real>(psi: Target<T>, sum: &Sum, factors: &[[T; LANES]], words: &mut WordScratch<T>, to: Planes<T>) {
    let mut x_groups = &sum.x_groups[..];
    if psi.lanes == 1 && !x_groups.is_empty() {
        psi.apply_words(x_groups, factors, words, to, false);
        x_groups = &[];
    }
    psi.apply(x_groups, &sum.parts, factors, to);
}

/// Sets λ to the sum of the observables with the factors in `values`, applied to ψ.
fn seed_sum<T: Real>(
    target: Target<T>,
    psi: &State<T>,
    words: Option<&ZWords>,
    sum: &Sum,
    values: &mut Values<T>,
    lambda: &mut State<T>,
) {
    let Values { factors, words: scratch, .. } = values;
    let x_groups = match (&sum.x_groups[..], words) {
        ([_, rest @ ..], Some(words)) => {
            z_sums::apply_z_words(psi, words, factors, scratch, lambda);
            rest
        }
        (x_groups @ [_, ..], None) if target.lanes == 1 => {
            target.apply_words(x_groups, factors, scratch, lambda.planes(), true);
            &[]
        }
        (x_groups, _) => {
            lambda.clear();
            x_groups
        }
    };
    target.apply(x_groups, &sum.parts, factors, lambda.planes());
}

/// Returns `<O>` in each lane, and `(O - <O>) ψ`. The squared norm of the latter is the variance, without cancellation.
fn deviation<T: Real>(
    psi: Target<T>,
    sum: &Sum,
    third_state: &mut State<T>,
    values: &mut Values<T>,
) -> ([f64; LANES], Target<T>) {
    third_state.fit(psi.qubits, psi.lanes);
    third_state.clear();
    let to = third_state.planes();
    apply(psi, sum, &[[T::one(); LANES]], &mut values.words, to);
    values.clear(1);
    expect(psi, &sum.x_groups, &sum.parts, values);
    values.fold(psi.lanes);
    let mean = std::array::from_fn(|lane| values.sums[if psi.lanes == 1 { 0 } else { lane }]);
    psi.add_diagonal(IDENTITY, Within::default(), &[mean.map(|mean| T::from_f64(-mean))], to);
    (mean, Target { planes: to, ..psi })
}

/// Returns the basis states in which `qubits` read `output`.
fn within(qubits: &[usize], output: usize) -> Within {
    Within { fixed: gf2::mask(qubits), ones: gf2::deposit(output as u64, qubits) }
}

/// Cotangent of one output in each lane. All lanes are equal for a block of one sample.
fn factor<T: Real>(cotangent: &[T], outputs: usize, output: usize, lanes: usize) -> [T; LANES] {
    let count = cotangent.len() / outputs.max(1);
    std::array::from_fn(|lane| {
        let row = if lanes == 1 { 0 } else { lane };
        if row < count { cotangent[row * outputs + output] } else { T::zero() }
    })
}

/// Writes output `output` of each sample: its value plus a constant.
fn write_column<T: Real>(out: &mut [T], (output, outputs): (usize, usize), (values, constant): (&[f64], f64)) {
    let entries = out.iter_mut().skip(output).step_by(outputs);
    entries.zip(values).for_each(|(entry, value)| *entry = T::from_f64(value + constant));
}
