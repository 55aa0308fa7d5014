//! Outputs of a density matrix: linear functions of the numbers of words, and λ for their gradients.

use crate::error::{Result, SimulationError};
use crate::gf2::{self, walsh};
use crate::linalg::{masks_of_word, word_index};
use crate::observable::Part;
use crate::program::{Columns, Program, Quantity, Sum};
use num_complex::Complex64;
use std::collections::BTreeMap;

/// Largest number of products of words for a variance.
const MAX_PRODUCTS: usize = 1 << 26;

/// Words with masks `(x, z)` and their coefficients.
type Words = BTreeMap<(u64, u64), f64>;

/// Sum of words: a constant, and the index and the coefficient of each word.
#[derive(Debug, Clone, Default)]
struct Linear {
    constant: f64,
    terms: Vec<(usize, f64)>,
}

/// Outputs of one quantity; the first of them is output `first`.
#[derive(Debug)]
enum Reading {
    Expectation {
        first: usize,
        outputs: Vec<Linear>,
    },
    /// Mean and mean square of each output.
    Variance {
        first: usize,
        outputs: Vec<[Linear; 2]>,
    },
    /// Indices of the words of Z on the measured qubits.
    Probabilities {
        first: usize,
        words: Vec<usize>,
    },
}

/// All outputs of a program.
#[derive(Debug)]
pub(super) struct Readings(Vec<Reading>);

impl Readings {
    pub(super) fn new(program: &Program) -> Result<Self> {
        let reading = |columns: &Columns| {
            let first = columns.first;
            Ok(match &columns.quantity {
                Quantity::Expectation(sum) => {
                    let words = words_of_outputs(sum);
                    let outputs = words
                        .iter()
                        .zip(&sum.constants)
                        .map(|(words, constant)| Linear::new(words, *constant))
                        .collect();
                    Reading::Expectation { first, outputs }
                }
                Quantity::Variance(sums) => {
                    let output = |sum: &Sum| {
                        let of = words_of_outputs(sum).swap_remove(0);
                        Ok([Linear::new(&of, 0.0), Linear::new(&square(&of)?, 0.0)])
                    };
                    Reading::Variance { first, outputs: sums.iter().map(output).collect::<Result<_>>()? }
                }
                Quantity::Probabilities(qubits) => {
                    let word = |k: usize| word_index(0, gf2::deposit(k as u64, qubits));
                    Reading::Probabilities { first, words: (0..1 << qubits.len()).map(word).collect() }
                }
                Quantity::State => return Err(SimulationError::NoAmplitudes.into()),
            })
        };
        Ok(Self(program.readout.quantities.iter().map(reading).collect::<Result<_>>()?))
    }

    /// Writes the outputs of a sample; `value` has the number of each word.
    pub(super) fn read(&self, value: &impl Fn(usize) -> f64, outputs: &mut [f64]) {
        for reading in &self.0 {
            match reading {
                Reading::Expectation { first, outputs: all } => {
                    outputs[*first..].iter_mut().zip(all).for_each(|(to, linear)| *to = linear.value(value));
                }
                Reading::Variance { first, outputs: all } => {
                    for (to, [mean, square]) in outputs[*first..].iter_mut().zip(all) {
                        *to = square.value(value) - mean.value(value).powi(2);
                    }
                }
                Reading::Probabilities { first, words } => {
                    let to = &mut outputs[*first..*first + words.len()];
                    to.iter_mut().zip(words).for_each(|(to, word)| *to = value(*word) / words.len() as f64);
                    walsh(to);
                }
            }
        }
    }

    /// Passes the words of λ to `add`, with their numbers. A word may come several times. The identity, whose number is
    /// always 1, is left out.
    pub(super) fn seed(&self, value: &impl Fn(usize) -> f64, cotangent: &[f64], mut add: impl FnMut(usize, f64)) {
        for reading in &self.0 {
            match reading {
                Reading::Expectation { first, outputs } => {
                    for (linear, cotangent) in outputs.iter().zip(&cotangent[*first..]) {
                        linear.seed(*cotangent, &mut add);
                    }
                }
                Reading::Variance { first, outputs } => {
                    for ([mean, square], cotangent) in outputs.iter().zip(&cotangent[*first..]) {
                        square.seed(*cotangent, &mut add);
                        mean.seed(-2.0 * mean.value(value) * cotangent, &mut add);
                    }
                }
                Reading::Probabilities { first, words } => {
                    let mut own = cotangent[*first..*first + words.len()].to_vec();
                    walsh(&mut own);
                    for (word, sum) in words.iter().zip(own).skip(1) {
                        add(*word, sum / words.len() as f64);
                    }
                }
            }
        }
    }
}

impl Linear {
    fn new(words: &Words, constant: f64) -> Self {
        let identity = words.get(&(0, 0)).copied().unwrap_or(0.0);
        let others = words.iter().filter(|(masks, coefficient)| **masks != (0, 0) && **coefficient != 0.0);
        let terms = others.map(|(&(x, z), coefficient)| (word_index(x, z), *coefficient)).collect();
        Self { constant: constant + identity, terms }
    }

    fn value(&self, value: &impl Fn(usize) -> f64) -> f64 {
        self.constant + self.terms.iter().map(|(word, coefficient)| coefficient * value(*word)).sum::<f64>()
    }

    fn seed(&self, cotangent: f64, add: &mut impl FnMut(usize, f64)) {
        self.terms.iter().for_each(|(word, coefficient)| add(*word, cotangent * coefficient));
    }
}

/// Words of each observable of a sum, without its constant.
fn words_of_outputs(sum: &Sum) -> Vec<Words> {
    let mut words = vec![Words::new(); sum.outputs];
    for x_group in &sum.x_groups {
        for term in &x_group.terms {
            *words[term.output].entry((x_group.x, term.z)).or_default() += term.coefficient;
        }
    }
    for (output, coefficient, part) in &sum.parts {
        let words = &mut words[*output];
        words_of_part(part, |masks, value| *words.entry(masks).or_default() += coefficient * value);
    }
    words
}

/// Passes the words of a part to `add`, with their coefficients.
fn words_of_part(part: &Part, mut add: impl FnMut((u64, u64), f64)) {
    match part {
        Part::Diagonal { values, mask } => {
            let qubits: Vec<usize> = gf2::bits(*mask).collect();
            let mut sums = values.to_vec();
            walsh(&mut sums);
            for (word, sum) in sums.iter().enumerate() {
                add((0, gf2::deposit(word as u64, &qubits)), sum / values.len() as f64);
            }
        }
        Part::Projector { mask, bits } => {
            let share = (-f64::from(mask.count_ones())).exp2();
            for z in gf2::subsets(*mask) {
                add((0, z), if gf2::parity(z & bits) { -share } else { share });
            }
        }
        Part::Matrix { entries, qubits } => {
            let size = 1usize << qubits.len();
            for word in 0..size * size {
                let (x, z) = masks_of_word(word);
                // Tr(P H): column c of P has its entry in row c ^ x.
                let entry = |c: usize| {
                    let sign = if gf2::parity((z & c) as u64) { -1.0 } else { 1.0 };
                    sign * entries[c * size + (c ^ x)]
                };
                let trace: Complex64 = (0..size).map(entry).sum();
                let value = (Complex64::I.powu((x & z).count_ones()) * trace).re / size as f64;
                add((gf2::deposit(x as u64, qubits), gf2::deposit(z as u64, qubits)), value);
            }
        }
    }
}

/// Words of the square of a Hermitian sum of words.
fn square(words: &Words) -> Result<Words> {
    let products = words.len().saturating_mul(words.len());
    if products > MAX_PRODUCTS {
        return Err(SimulationError::VarianceWords { words: words.len(), allowed: MAX_PRODUCTS.isqrt() }.into());
    }
    let mut square = Words::new();
    for (&(ax, az), a) in words {
        for (&(bx, bz), b) in words {
            let (x, z) = (ax ^ bx, az ^ bz);
            let of_y = |x: u64, z: u64| i64::from((x & z).count_ones());
            let quarter_turns = of_y(ax, az) + of_y(bx, bz) - of_y(x, z) + 2 * of_y(bx, az);
            // Products with a factor i cancel with the products in the other order.
            match quarter_turns.rem_euclid(4) {
                0 => *square.entry((x, z)).or_default() += a * b,
                2 => *square.entry((x, z)).or_default() -= a * b,
                _ => {}
            }
        }
    }
    Ok(square)
}
