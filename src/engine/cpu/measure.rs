//! Readouts: from ψ to outputs, and from a cotangent of the outputs to `λ = dL/dψ*`.

use super::block::Worker;
use super::kernels::Target;
use super::observe::{Diagonal, Within};
use super::plan::LANES;
use super::state::State;
use super::words;
use crate::engine::Real;
use crate::program::{Flip, FlipTerm, Readout, Sum};

/// The identity into output 0.
const IDENTITY: Diagonal<'static> =
    Diagonal::Words(&[FlipTerm { output: 0, z: 0, coefficient: 1.0, quarter_turns: 0 }]);

impl<T: Real> Worker<'_, T> {
    /// Writes the outputs of all samples of the block, row by row.
    pub(super) fn read(&mut self, out: &mut [T]) {
        self.read_states(out);
        let outputs = self.program.outputs().max(1);
        for (row, _) in out.chunks_mut(outputs).zip(self.angles.spoiled).filter(|(_, spoiled)| *spoiled) {
            row.fill(T::nan());
        }
    }

    /// Sets λ for the rows of the cotangent that belong to the block.
    pub(super) fn seed(&mut self, cotangent: &[T]) {
        self.seed_states(cotangent);
        let lanes = self.psi.lanes;
        let spoiled = (0..lanes).filter(|lane| self.angles.spoiled[*lane]);
        if let Some(lambda) = &mut self.lambda {
            spoiled.for_each(|lane| lambda.re.iter_mut().skip(lane).step_by(lanes).for_each(|entry| *entry = T::nan()));
        }
    }

    fn read_states(&mut self, out: &mut [T]) {
        let psi = self.target();
        match self.readout() {
            Readout::Expectation(sum) => {
                let mut values = vec![0.0; sum.outputs * LANES];
                let (words, flips) = full_block_words(sum, psi.lanes);
                words::expect(&self.psi, words, &mut values);
                psi.expect_terms(flips, &sum.parts, sum.outputs, &mut values);
                let values = fold(values, psi.lanes);
                write_rows(out, sum.outputs, |output, lane| values[output * LANES + lane]);
            }
            Readout::Variance(sums) => {
                let mut variances = Vec::with_capacity(sums.len());
                for sum in sums {
                    let (_, deviation) = deviation(psi, sum, &mut self.scratch);
                    variances.push(fold(deviation.expect_diagonal(IDENTITY, Within::default(), 1), psi.lanes));
                }
                write_rows(out, sums.len(), |output, lane| variances[output][lane]);
            }
            Readout::Probabilities(qubits) => {
                let outputs = 1 << qubits.len();
                for output in 0..outputs {
                    let sums = fold(psi.expect_diagonal(IDENTITY, within(qubits, output), 1), psi.lanes);
                    for (row, sum) in out.chunks_mut(outputs).zip(sums) {
                        row[output] = T::from_f64(sum);
                    }
                }
            }
            Readout::State => {
                let entries = 2 << psi.qubits;
                for (lane, row) in out.chunks_mut(entries).enumerate() {
                    for (index, pair) in row.chunks_mut(2).enumerate() {
                        pair[0] = self.psi.re[index * psi.lanes + lane];
                        pair[1] = self.psi.im[index * psi.lanes + lane];
                    }
                }
            }
        }
    }

    fn seed_states(&mut self, cotangent: &[T]) {
        let psi = self.target();
        let readout = self.readout();
        let outputs = self.program.outputs();
        let lambda = self.lambda.get_or_insert_with(|| State::second(psi.qubits, psi.lanes));
        let factors = |outputs: std::ops::Range<usize>| -> Vec<[T; LANES]> {
            outputs.map(|output| factor(cotangent, self.program.outputs(), output, psi.lanes)).collect()
        };
        match readout {
            Readout::Expectation(sum) => {
                let factors = factors(0..outputs);
                let (words, flips) = full_block_words(sum, psi.lanes);
                let flips = match flips {
                    [first, rest @ ..] if psi.lanes == 1 => {
                        psi.set_words(first, &factors, lambda.planes());
                        rest
                    }
                    flips if words.is_empty() => {
                        lambda.clear();
                        flips
                    }
                    flips => {
                        words::apply(&self.psi, words, &factors, lambda);
                        flips
                    }
                };
                psi.add_terms(flips, &sum.parts, &factors, lambda.planes());
            }
            Readout::Variance(sums) => {
                lambda.clear();
                for (output, sum) in sums.iter().enumerate() {
                    let (mean, deviation) = deviation(psi, sum, &mut self.scratch);
                    let factor = factors(output..output + 1);
                    deviation.add_applied(sum, &factor, lambda.planes());
                    let shift = [std::array::from_fn(|lane| factor[0][lane] * T::from_f64(-mean[lane]))];
                    deviation.add_diagonal(IDENTITY, Within::default(), &shift, lambda.planes());
                }
            }
            Readout::Probabilities(qubits) => {
                lambda.clear();
                for output in 0..outputs {
                    let factor = factors(output..output + 1);
                    psi.add_diagonal(IDENTITY, within(qubits, output), &factor, lambda.planes());
                }
            }
            Readout::State => {
                lambda.clear();
                let half = T::from_f64(0.5);
                for (lane, row) in cotangent.chunks(outputs).enumerate() {
                    for (index, pair) in row.chunks(2).enumerate() {
                        lambda.re[index * psi.lanes + lane] = half * pair[0];
                        lambda.im[index * psi.lanes + lane] = half * pair[1];
                    }
                }
            }
        }
    }
}

/// The words of Z that full blocks have a kernel for, and the other words. Words are in the order of their flips.
fn full_block_words(sum: &Sum, lanes: usize) -> (&[FlipTerm], &[Flip]) {
    match &sum.flips[..] {
        [words, flips @ ..] if words.x == 0 && lanes == LANES => (&words.terms, flips),
        flips => (&[], flips),
    }
}

/// `<O>` in each lane, and `(O - <O>) ψ`, whose squared norm is the variance without cancellation.
fn deviation<T: Real>(psi: Target<T>, sum: &Sum, scratch: &mut Option<State<T>>) -> ([f64; LANES], Target<T>) {
    let scratch = scratch.get_or_insert_with(|| State::new(psi.qubits, psi.lanes));
    scratch.clear();
    let to = scratch.planes();
    psi.add_applied(sum, &[[T::one(); LANES]], to);
    let values = fold(psi.expect(sum), psi.lanes);
    let mean = std::array::from_fn(|lane| values[if psi.lanes == 1 { 0 } else { lane }]);
    psi.add_diagonal(IDENTITY, Within::default(), &[mean.map(|mean| T::from_f64(-mean))], to);
    (mean, Target { planes: to, ..psi })
}

/// The basis states in which `qubits` read `output`.
fn within(qubits: &[usize], output: usize) -> Within {
    let fixed = qubits.iter().fold(0, |mask, qubit| mask | 1 << qubit);
    let ones = qubits.iter().enumerate().fold(0, |bits, (k, qubit)| bits | (output as u64 >> k & 1) << qubit);
    Within { fixed, ones }
}

/// A block of one sample used all vector lanes for it: adds them into lane 0 of each output.
fn fold(mut values: Vec<f64>, lanes: usize) -> Vec<f64> {
    if lanes == 1 {
        values.chunks_mut(LANES).for_each(|lanes| lanes[0] = lanes.iter().sum());
    }
    values
}

/// One output's cotangent in each lane; in all lanes for a block of one sample.
fn factor<T: Real>(cotangent: &[T], outputs: usize, output: usize, lanes: usize) -> [T; LANES] {
    let count = cotangent.len() / outputs.max(1);
    std::array::from_fn(|lane| {
        let row = if lanes == 1 { 0 } else { lane };
        if row < count { cotangent[row * outputs + output] } else { T::zero() }
    })
}

fn write_rows<T: Real>(out: &mut [T], outputs: usize, value: impl Fn(usize, usize) -> f64) {
    for (lane, row) in out.chunks_mut(outputs).enumerate() {
        for (output, entry) in row.iter_mut().enumerate() {
            *entry = T::from_f64(value(output, lane));
        }
    }
}
