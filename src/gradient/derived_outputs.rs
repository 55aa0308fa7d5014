//! Derivatives of derived outputs, from the derivatives of an engine's outputs: the product rule for sums with
//! expressions as coefficients, the quotient rule for values under a condition.

use super::Wrt;
use super::chain::Numbers;
use super::hessian::Direction;
use crate::linalg::word_index;
use crate::program::{DerivedOutputs, Slot};

/// Value of a sample with its derivatives in the variables of a kind.
#[derive(Debug, Clone)]
struct Jet {
    value: f64,
    gradient: Vec<f64>,
    /// Matrix of second derivatives, row by row, or its product with a direction; empty for first derivatives alone.
    second: Vec<f64>,
}

/// Derivatives of an engine's outputs for all samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OfEngine<'a> {
    /// Outputs, `[batch, engine outputs]`.
    pub(crate) values: &'a [f64],
    /// Jacobian, `[batch, engine outputs, variables]`.
    pub(crate) jacobian: &'a [f64],
    /// Second derivatives as [`hessian_matrices`](super::hessian::hessian_matrices) returns them, or nothing.
    pub(crate) second: &'a [f64],
}

/// Computes the derivatives of the outputs, of the highest order that is given: `[batch, outputs, ..]`.
pub(crate) fn derive_derivatives(
    numbers: &Numbers<'_>,
    wrt: Wrt,
    of_engine: OfEngine<'_>,
    direction: Direction<'_>,
) -> Vec<f64> {
    let outputs = numbers.program.engine_outputs();
    let mut found = Vec::new();
    for sample in 0..numbers.batch {
        let rule = Rule { numbers, wrt, sample, count: numbers.count(wrt), direction };
        let block = |all: &[f64], output: usize| {
            let size = all.len() / (numbers.batch * outputs).max(1);
            all[(sample * outputs + output) * size..][..size].to_vec()
        };
        let jet = |output: usize| Jet {
            value: of_engine.values[sample * outputs + output],
            gradient: block(of_engine.jacobian, output),
            second: block(of_engine.second, output),
        };
        for one in &numbers.program.derived_outputs {
            let jets = rule.outputs(one, one.from.clone().map(jet).collect());
            let highest = |jet: Jet| if of_engine.second.is_empty() { jet.gradient } else { jet.second };
            found.extend(jets.into_iter().flat_map(highest));
        }
    }
    found
}

/// Rules of differentiation at a sample.
struct Rule<'a> {
    numbers: &'a Numbers<'a>,
    wrt: Wrt,
    sample: usize,
    /// Number of variables.
    count: usize,
    direction: Direction<'a>,
}

impl Rule<'_> {
    fn outputs(&self, one: &DerivedOutputs, of_engine: Vec<Jet>) -> Vec<Jet> {
        let mut outputs = if one.is_matrix { self.density_matrix(&of_engine) } else { of_engine };
        if !one.terms.is_empty() {
            let second = outputs.first().map_or(0, |jet| jet.second.len());
            let zero = Jet { value: 0.0, gradient: vec![0.0; self.count], second: vec![0.0; second] };
            let mut sums = vec![zero; one.count];
            for (jet, (output, coefficient)) in outputs.iter().zip(&one.terms) {
                let product = self.product(&self.coefficient(coefficient, second), jet);
                add(1.0, &product, &mut sums[*output]);
            }
            outputs = sums;
        }
        if one.is_conditional {
            let (probability, values) = outputs.split_last_mut().expect("a condition has a probability");
            values.iter_mut().for_each(|value| self.divide(value, probability));
        }
        for (output, constant) in &one.constants {
            let constant = self.coefficient(constant, outputs[*output].second.len());
            add(1.0, &constant, &mut outputs[*output]);
        }
        outputs
    }

    /// Entries of a density matrix from its words: `2^-n sum over z of r_(x,z) i^|x & z| (-1)^|z & j|` with the flips x of
    /// row i and column j.
    fn density_matrix(&self, words: &[Jet]) -> Vec<Jet> {
        let (size, second) = (words.len().isqrt(), words[0].second.len());
        let zero = Jet { value: 0.0, gradient: vec![0.0; self.count], second: vec![0.0; second] };
        let mut entries = vec![zero; 2 * words.len()];
        for (i, j) in (0..size).flat_map(|i| (0..size).map(move |j| (i, j))) {
            let x = i ^ j;
            for z in 0..size {
                let quarter_turns = (x & z).count_ones() + 2 * (z & j).count_ones();
                let (part, sign) = [(0, 1.0), (1, 1.0), (0, -1.0), (1, -1.0)][quarter_turns as usize % 4];
                let word = &words[word_index(x as u64, z as u64)];
                add(sign / size as f64, word, &mut entries[2 * (i * size + j) + part]);
            }
        }
        entries
    }

    fn coefficient(&self, slot: &Slot, second: usize) -> Jet {
        let Self { numbers, wrt, sample, count, .. } = *self;
        let (mut gradient, mut all) = (vec![0.0; count], vec![0.0; second]);
        numbers.derivatives(sample, slot, wrt, |place, derivative| gradient[place] += derivative);
        if second > 0 {
            numbers.second_derivatives(sample, slot, wrt, |row, column, derivative| match self.direction {
                Direction::None => all[row * count + column] += derivative,
                Direction::Each(vectors) => all[row] += derivative * vectors[sample * count + column],
            });
        }
        Jet { value: numbers.sample(sample).slot(slot), gradient, second: all }
    }

    fn product(&self, a: &Jet, b: &Jet) -> Jet {
        let mut product = Jet { value: 0.0, gradient: vec![0.0; self.count], second: vec![0.0; b.second.len()] };
        add(a.value, b, &mut product);
        add(b.value, a, &mut product);
        product.value = a.value * b.value;
        self.add_outer(1.0, &a.gradient, &b.gradient, &mut product.second);
        self.add_outer(1.0, &b.gradient, &a.gradient, &mut product.second);
        product
    }

    /// Replaces a value by its quotient: `q = n / p` has `dq = (dn - q dp) / p` and
    /// `d²q = (d²n - q d²p - dq dp - dp dq) / p`.
    fn divide(&self, value: &mut Jet, by: &Jet) {
        let quotient = value.value / by.value;
        add(-quotient, by, value);
        value.gradient.iter_mut().for_each(|entry| *entry /= by.value);
        let gradient = std::mem::take(&mut value.gradient);
        self.add_outer(-1.0, &gradient, &by.gradient, &mut value.second);
        self.add_outer(-1.0, &by.gradient, &gradient, &mut value.second);
        value.second.iter_mut().for_each(|entry| *entry /= by.value);
        *value = Jet { value: quotient, gradient, second: std::mem::take(&mut value.second) };
    }

    /// Adds `factor * a bᵀ` to second derivatives, or its product with the direction.
    fn add_outer(&self, factor: f64, a: &[f64], b: &[f64], to: &mut [f64]) {
        if to.is_empty() {
            return;
        }
        match self.direction {
            Direction::None => {
                for (row, a) in to.chunks_mut(self.count).zip(a) {
                    row.iter_mut().zip(b).for_each(|(entry, b)| *entry += factor * a * b);
                }
            }
            Direction::Each(vectors) => {
                let vector = &vectors[self.sample * self.count..][..self.count];
                let along: f64 = b.iter().zip(vector).map(|(b, v)| b * v).sum();
                to.iter_mut().zip(a).for_each(|(entry, a)| *entry += factor * a * along);
            }
        }
    }
}

/// Adds `factor * jet`, without products of derivatives.
fn add(factor: f64, jet: &Jet, to: &mut Jet) {
    to.value += factor * jet.value;
    to.gradient.iter_mut().zip(&jet.gradient).for_each(|(entry, other)| *entry += factor * other);
    to.second.iter_mut().zip(&jet.second).for_each(|(entry, other)| *entry += factor * other);
}
