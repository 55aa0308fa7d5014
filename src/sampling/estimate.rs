//! Estimates of the outputs from the outcomes of a group.

use super::change::Change;
use super::draw::Counts;
use super::outcomes::Outcomes;
use crate::gf2::{extract, parity, walsh_hadamard};
use candle_core::WithDType;
use rand::Rng;
use std::sync::Arc;

/// Group of terms that one choice of bases measures together, and the outputs that they serve.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    pub(super) changes: Vec<Change>,
    /// Qubits that are measured: bit k of an outcome is qubit `qubits[k]`.
    pub(super) qubits: Vec<usize>,
    pub(super) estimates: Estimates,
}

/// Kind of estimates that counts give.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Estimates {
    /// Means of sums; an output may have further sums in other groups.
    Means(Vec<Observed>),
    /// Variances of whole observables.
    Variances(Vec<Observed>),
    /// Frequencies of all outcomes, which are outputs from `first` on.
    Frequencies { first: usize },
}

/// Function of an outcome that gives one output.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Observed {
    pub(super) output: usize,
    pub(super) constant: f64,
    /// Masks and coefficients: a coefficient changes its sign with the parity of the outcome's bits under the mask.
    pub(super) parities: Vec<(u64, f64)>,
    /// Coefficients, and other functions that they multiply.
    pub(super) lookups: Vec<(f64, Lookup)>,
}

/// Function of some bits of an outcome.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Lookup {
    /// Table of values: the bits at these places, side by side, are the index of the value.
    Values { places: Vec<usize>, values: Arc<[f64]> },
    /// Indicator: 1 if the bits under the mask are `bits`, otherwise 0.
    Hit { mask: u64, bits: u64 },
}

/// Mean and second moment of an observable, as sampled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moments {
    pub(crate) output: usize,
    pub(crate) mean: f64,
    pub(crate) square: f64,
    /// Unbiased variance; NaN for less than two shots.
    pub(crate) variance: f64,
}

impl Group {
    /// Takes the constants of expectation values out of the group, each with its output.
    pub(crate) fn take_constants(&mut self) -> Vec<(usize, f64)> {
        let Estimates::Means(observed) = &mut self.estimates else { return Vec::new() };
        let taken = observed.iter_mut().map(|one| (one.output, std::mem::take(&mut one.constant)));
        taken.filter(|(_, constant)| *constant != 0.0).collect()
    }

    /// Returns whether the group measures all qubits in the computational basis.
    pub(crate) fn changes_nothing(&self) -> bool {
        self.changes.is_empty()
    }

    /// Returns the qubits that are measured: bit k of an outcome is the k-th of them.
    pub(crate) fn qubits(&self) -> &[usize] {
        &self.qubits
    }

    /// Returns the changes from the group's basis to the computational basis.
    pub(crate) fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Returns the mask of the qubits that are measured.
    #[cfg(test)]
    pub(super) fn support(&self) -> u64 {
        crate::gf2::mask(&self.qubits)
    }

    /// Draws shots from a state of `2^n` pairs of real and imaginary part, which is in the group's basis, and adds the
    /// estimates to the outputs. All outputs are NaN if the state is NaN.
    pub(crate) fn read<T: WithDType>(&self, amplitudes: &[T], shots: u32, rng: &mut impl Rng, outputs: &mut [f64]) {
        match self.draw(amplitudes, shots, rng) {
            Some(counts) => self.estimate(&counts, outputs),
            None => outputs.fill(f64::NAN),
        }
    }

    /// Draws the outcomes of shots; `None` if the state is NaN.
    pub(crate) fn draw<T: WithDType>(&self, amplitudes: &[T], shots: u32, rng: &mut impl Rng) -> Option<Counts> {
        Outcomes::new(amplitudes, &self.qubits).counts(shots, rng)
    }

    /// Adds the estimates from the counts to the outputs: NaN if there are too few counts.
    pub(crate) fn estimate(&self, counts: &Counts, outputs: &mut [f64]) {
        match &self.estimates {
            Estimates::Means(observed) => self.means(observed, counts, outputs),
            Estimates::Variances(_) => {
                self.moments(counts).iter().for_each(|moments| outputs[moments.output] += moments.variance);
            }
            Estimates::Frequencies { first } => {
                let (shots, outputs) = (total(counts), &mut outputs[*first..]);
                counts.iter().for_each(|&(outcome, count)| outputs[outcome as usize] += count as f64 / shots);
            }
        }
    }

    /// Returns the moments of the observables whose variances this group serves.
    pub(crate) fn moments(&self, counts: &Counts) -> Vec<Moments> {
        match &self.estimates {
            Estimates::Variances(observed) => observed.iter().map(|one| self.moments_of(one, counts)).collect(),
            Estimates::Means(_) | Estimates::Frequencies { .. } => Vec::new(),
        }
    }

    fn moments_of(&self, observed: &Observed, counts: &Counts) -> Moments {
        let (values, shots) = (self.values(observed, counts), total(counts));
        let sum = |term: &dyn Fn(f64) -> f64| -> f64 {
            counts.iter().zip(&values).map(|(&(_, count), &value)| count as f64 / shots * term(value)).sum()
        };
        let mean = sum(&|value| value);
        // Sums squares of distances from the mean: squares of the values would cancel.
        let square = sum(&|value| (value - mean).powi(2));
        let (variance, shifted) = (square * (shots / (shots - 1.0)), mean + observed.constant);
        Moments { output: observed.output, mean: shifted, square: square + shifted * shifted, variance }
    }

    /// Returns the observable's values at the outcomes that occurred, without its constant.
    fn values(&self, observed: &Observed, counts: &Counts) -> Vec<f64> {
        let mut values: Vec<f64> = if self.worth_transforming(observed.parities.len(), counts) {
            let mut series = vec![0.0; 1 << self.qubits.len()];
            observed.parities.iter().for_each(|&(mask, coefficient)| series[mask as usize] += coefficient);
            walsh_hadamard(&mut series);
            counts.iter().map(|&(outcome, _)| series[outcome as usize]).collect()
        } else {
            let term = |outcome, &(mask, c): &(u64, f64)| if parity(outcome & mask) { -c } else { c };
            let value = |outcome| observed.parities.iter().map(|one| term(outcome, one)).sum();
            counts.iter().map(|&(outcome, _)| value(outcome)).collect()
        };
        for (coefficient, lookup) in &observed.lookups {
            counts.iter().zip(&mut values).for_each(|(count, value)| *value += coefficient * lookup.at(count.0));
        }
        values
    }

    fn means(&self, observed: &[Observed], counts: &Counts, outputs: &mut [f64]) {
        let shots = total(counts);
        let parities = observed.iter().map(|one| one.parities.len()).sum();
        let transform = self.worth_transforming(parities, counts).then(|| {
            let mut dense = vec![0; 1 << self.qubits.len()];
            counts.iter().for_each(|&(outcome, count)| dense[outcome as usize] += count as i64);
            walsh_hadamard(&mut dense);
            dense
        });
        let signed = |mask: u64| match &transform {
            Some(dense) => dense[mask as usize],
            None => {
                counts.iter().map(|&(at, count)| if parity(at & mask) { -(count as i64) } else { count as i64 }).sum()
            }
        };
        for one in observed {
            let words: f64 =
                one.parities.iter().map(|&(mask, coefficient)| coefficient * (signed(mask) as f64 / shots)).sum();
            let lookup = |(coefficient, lookup): &(f64, Lookup)| -> f64 {
                coefficient * counts.iter().map(|&(at, count)| count as f64 / shots * lookup.at(at)).sum::<f64>()
            };
            let others: f64 = one.lookups.iter().map(lookup).sum();
            outputs[one.output] += one.constant + words + others;
        }
    }

    /// Returns whether single parities cost more than a Walsh-Hadamard transform, which computes all parities in
    /// `s 2^s` additions.
    fn worth_transforming(&self, parities: usize, counts: &Counts) -> bool {
        let s = self.qubits.len();
        // A product beyond 2^64 exceeds any number of counts.
        let additions = 1usize.checked_shl(s as u32).and_then(|states| states.checked_mul(s));
        additions.is_some_and(|additions| parities.saturating_mul(counts.len()) > additions)
    }
}

impl Lookup {
    fn at(&self, outcome: u64) -> f64 {
        match self {
            Self::Values { places, values } => values[extract(outcome, places) as usize],
            Self::Hit { mask, bits } => f64::from(u8::from(outcome & mask == *bits)),
        }
    }
}

fn total(counts: &Counts) -> f64 {
    counts.iter().map(|&(_, count)| count).sum::<u64>() as f64
}
