//! Grouping of a measurement's terms: which bases it needs, and which terms each basis measures.
//!
//! Terms can share a group if no qubit is measured in two ways ("qubit-wise commutation"). Grouping is first fit, with
//! the terms on most qubits first: few others go with large terms, while small terms fit in anywhere. Of the orders
//! tried (as they come, by coefficient, by conflicts) this order gives the fewest groups: 5 for the 14 words of H2, 149
//! for the 630 of LiH, 208 for the 665 of BeH2.

use super::basis::{Basis, Eigenbasis};
use super::estimate::{Estimates, Group, Lookup, Observed};
use crate::error::{Error, Mistake, Result};
use crate::gf2;
use crate::measurement::Measurement;
use crate::observable::{Observable, Part, PauliWord};
use std::cmp::Reverse;
use std::sync::Arc;

/// Checks a number of shots for a measurement.
pub(crate) fn check_shots(measurement: &Measurement, shots: usize) -> Result<u32> {
    let is_variance = |part: &Measurement| matches!(part, Measurement::Variance(_));
    let least = if measurement.parts().iter().any(is_variance) { 2 } else { 1 };
    let expected = || format!("{least} to {}", u32::MAX);
    let wrong = || Error::Measurement(Mistake::Length { what: "shots", expected: expected(), actual: shots });
    u32::try_from(shots).ok().filter(|&shots| shots >= least).ok_or_else(wrong)
}

/// Returns the groups of a measurement of `qubits` qubits, as engines know it, at least one. Their estimates, added up
/// from zeros, are the outputs.
pub(crate) fn group_terms(measurement: &Measurement, qubits: usize) -> Result<Vec<Group>> {
    measurement.check(qubits)?;
    let (mut means, mut variances, mut groups) = (Planner::default(), Planner::default(), Vec::new());
    let (mut first, mut index) = (0usize, 0);
    for part in measurement.parts() {
        match part {
            Measurement::Expectation(observables) => means.each(observables, (first, index), Planner::apart)?,
            Measurement::Variance(observables) => variances.each(observables, (first, index), Planner::whole)?,
            Measurement::Probabilities(measured) => {
                let (qubits, estimates) = (measured.clone(), Estimates::Frequencies { first });
                groups.push(Group { changes: Vec::new(), qubits, estimates });
            }
            Measurement::State => return Err(Error::Measurement(Mistake::StateFromShots)),
            Measurement::All(_) | Measurement::Postselected(_) | Measurement::DensityMatrix => {
                unreachable!("a part is no list, and engines know no conditions and no density matrices")
            }
        }
        first = first.saturating_add(part.outputs(qubits));
        index += part.observables().count();
    }
    groups.extend(means.finish(Estimates::Means));
    groups.extend(variances.finish(Estimates::Variances));
    Ok(groups)
}

/// Terms that one basis has to measure together.
#[derive(Debug, Clone, Default)]
struct Item {
    output: usize,
    constant: f64,
    basis: Basis,
    terms: Vec<(f64, Term)>,
}

/// Term of an observable, in the circuit's qubits.
#[derive(Debug, Clone)]
enum Term {
    /// Product of the signs of the qubits under the mask.
    Parity(u64),
    /// Values of the basis states of these qubits.
    Values(Vec<usize>, Arc<[f64]>),
    /// Indicator: 1 if the qubits under the mask are `bits`, otherwise 0.
    Hit { mask: u64, bits: u64 },
}

/// Term with its basis and its coefficient.
type Read = (Basis, f64, Term);

#[derive(Debug, Default)]
struct Planner {
    items: Vec<Item>,
    eigenbases: Vec<Eigenbasis>,
}

impl Planner {
    /// Adds observables, whose outputs begin with `first`. The first of them has the index `start` in errors.
    fn each(
        &mut self,
        observables: &[Observable],
        (first, start): (usize, usize),
        add: fn(&mut Self, usize, &Observable) -> Result<(), Mistake>,
    ) -> Result<()> {
        for (index, observable) in observables.iter().enumerate() {
            let wrong = |mistake| Error::Observable { index: start + index, mistake };
            add(self, first + index, observable).map_err(wrong)?;
        }
        Ok(())
    }

    /// Adds the terms of an observable one by one, and its constant.
    fn apart(&mut self, output: usize, observable: &Observable) -> Result<(), Mistake> {
        let (constant, terms) = self.terms(observable)?;
        self.items.push(Item { output, constant, ..Item::default() });
        let item = |(basis, coefficient, term)| Item { output, constant: 0.0, basis, terms: vec![(coefficient, term)] };
        self.items.extend(terms.into_iter().map(item));
        Ok(())
    }

    /// Adds an observable as a whole.
    fn whole(&mut self, output: usize, observable: &Observable) -> Result<(), Mistake> {
        let (constant, terms) = self.terms(observable)?;
        let mut item = Item { output, constant, ..Item::default() };
        for (basis, coefficient, term) in terms {
            if !item.basis.join(&basis) {
                return Err(Mistake::VarianceBases);
            }
            item.terms.push((coefficient, term));
        }
        self.items.push(item);
        Ok(())
    }

    /// Returns the constant of an observable, and its terms with their bases and coefficients.
    fn terms(&mut self, observable: &Observable) -> Result<(f64, Vec<Read>), Mistake> {
        let (mut constant, mut terms) = (0.0, Vec::new());
        for (word, coefficient) in observable.words().filter(|&(_, coefficient)| coefficient != 0.0) {
            let word = word.narrowed();
            match word.support() {
                0 => constant += coefficient,
                mask => terms.push((Basis::word(word), coefficient, Term::Parity(mask))),
            }
        }
        for (coefficient, part) in observable.parts().iter().filter(|(coefficient, _)| *coefficient != 0.0) {
            let as_z = |mask| Basis::word(PauliWord { x: 0, z: mask });
            match &part.narrowed::<u64>() {
                Part::Diagonal { values, mask: 0 } => constant += coefficient * values[0],
                Part::Projector { mask: 0, .. } => constant += coefficient,
                Part::Diagonal { values, mask } => {
                    let term = Term::Values(gf2::bits(*mask).collect(), Arc::clone(values));
                    terms.push((as_z(*mask), *coefficient, term));
                }
                &Part::Projector { mask, bits } => terms.push((as_z(mask), *coefficient, Term::Hit { mask, bits })),
                Part::Matrix { entries, qubits } => {
                    let index = self.eigenbasis(Eigenbasis::new(entries, qubits)?);
                    let term = Term::Values(qubits.clone(), Arc::clone(&self.eigenbases[index].values));
                    terms.push((Basis::matrix(index, gf2::mask(qubits)), *coefficient, term));
                }
            }
        }
        Ok((constant, terms))
    }

    /// Returns the index of an eigenbasis. A matrix that occurs twice is measured once.
    fn eigenbasis(&mut self, eigenbasis: Eigenbasis) -> usize {
        let known = self.eigenbases.iter().position(|known| *known == eigenbasis);
        known.unwrap_or_else(|| {
            self.eigenbases.push(eigenbasis);
            self.eigenbases.len() - 1
        })
    }

    fn finish(mut self, estimates: fn(Vec<Observed>) -> Estimates) -> Vec<Group> {
        // The sort is stable: equal items are in the order of the observables and of their words.
        self.items.sort_by_key(|item| Reverse(item.basis.support().count_ones()));
        let mut groups: Vec<(Basis, Vec<Item>)> = Vec::new();
        for item in self.items {
            match groups.iter_mut().find_map(|(basis, items)| basis.join(&item.basis).then_some(items)) {
                Some(items) => items.push(item),
                None => groups.push((item.basis.clone(), vec![item])),
            }
        }
        let group = |(basis, items): (Basis, Vec<Item>)| {
            let qubits: Vec<usize> = gf2::bits(basis.support()).collect();
            let estimates = estimates(observed(items, &qubits));
            Group { changes: basis.changes(&self.eigenbases), qubits, estimates }
        };
        groups.into_iter().map(group).collect()
    }
}

/// Returns the terms of a group for each output, in bits of its outcomes.
fn observed(mut items: Vec<Item>, qubits: &[usize]) -> Vec<Observed> {
    items.sort_by_key(|item| item.output);
    let mut observed: Vec<Observed> = Vec::new();
    for item in items {
        if observed.last().is_none_or(|last| last.output != item.output) {
            observed.push(Observed { output: item.output, ..Observed::default() });
        }
        let Some(last) = observed.last_mut() else { continue };
        last.constant += item.constant;
        for (coefficient, term) in item.terms {
            match term {
                Term::Parity(mask) => last.parities.push((gf2::extract(mask, qubits), coefficient)),
                Term::Hit { mask, bits } => {
                    let (mask, bits) = (gf2::extract(mask, qubits), gf2::extract(bits, qubits));
                    last.lookups.push((coefficient, Lookup::Hit { mask, bits }));
                }
                Term::Values(of, values) => {
                    let place = |qubit| qubits.iter().position(|other| other == qubit);
                    let places = of.iter().filter_map(place).collect();
                    last.lookups.push((coefficient, Lookup::Values { places, values }));
                }
            }
        }
    }
    observed
}
