//! Derived outputs: outputs that are computed from an engine's.
//!
//! An engine evaluates observables with constant coefficients. If a coefficient is an expression, each term that it
//! multiplies is an output of the engine, and the output is their sum with the values of the expressions. Values under
//! a condition are quotients: the engine evaluates `<Π O Π>` and the probability `<Π>`. [`crate::derived_outputs`]
//! computes both. All gradient methods thus serve them by the chain rule.

use super::{Program, Slot};
use crate::angle::{Angle, Variable};
use crate::circuit::Circuit;
use crate::error::{Error, Mistake, Result};
use crate::limits::MAX_OBSERVABLES;
use crate::measurement::{Measurement, Postselection};
use crate::observable::Observable;
use std::ops::Range;

/// Outputs of neighbouring measurements, and the engine's outputs that they are computed from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DerivedOutputs<C = Slot> {
    /// Outputs of the engine.
    pub(crate) from: Range<usize>,
    /// Number of the outputs.
    pub(crate) count: usize,
    /// Output and coefficient of each of the engine's outputs, which are added up. If empty, outputs are the engine's.
    pub(crate) terms: Vec<(usize, C)>,
    /// Whether the last output is the probability of a condition, which then divides all others.
    pub(crate) is_conditional: bool,
}

impl<C> DerivedOutputs<C> {
    /// Whether the outputs are others than the engine's.
    pub(super) fn is_derived(&self) -> bool {
        self.is_conditional || !self.terms.is_empty()
    }
}

/// Returns the measurement that engines evaluate: observables have constant coefficients, and there are no conditions.
pub(crate) fn engine_measurement(measurement: &Measurement, qubits: usize) -> Measurement {
    split_measurement(measurement, qubits).0
}

/// Returns the measurement that engines evaluate, and how outputs derive from it; nothing if they are its outputs.
pub(super) fn split_measurement(measurement: &Measurement, qubits: usize) -> (Measurement, Vec<DerivedOutputs<Angle>>) {
    let (mut parts, mut derived, mut first) = (Vec::new(), Vec::new(), 0usize);
    for part in measurement.parts() {
        let (of_engine, terms, is_conditional) = match part {
            Measurement::Expectation(observables) => with_terms(observables.clone(), false),
            Measurement::Postselected(of) => with_terms(conditioned(of), true),
            _ => (part.clone(), Vec::new(), false),
        };
        let from = first..first.saturating_add(of_engine.outputs(qubits));
        first = from.end;
        derived.push(DerivedOutputs { from, count: part.outputs(qubits), terms, is_conditional });
        parts.push(of_engine);
    }
    if derived.iter().any(DerivedOutputs::is_derived) {
        (Measurement::all(parts), derived)
    } else {
        (measurement.clone(), Vec::new())
    }
}

/// Returns the expectation values that an engine evaluates for these observables, with the output and the coefficient
/// of each, if any is no constant.
fn with_terms(observables: Vec<Observable>, is_conditional: bool) -> (Measurement, Vec<(usize, Angle)>, bool) {
    if observables.iter().all(|observable| observable.weighted().is_empty()) {
        return (Measurement::Expectation(observables), Vec::new(), is_conditional);
    }
    let (mut of_engine, mut terms) = (Vec::new(), Vec::new());
    for (output, observable) in observables.iter().enumerate() {
        of_engine.push(observable.constant_part());
        terms.push((output, Angle::from(1.0)));
        for (coefficient, of) in observable.weighted() {
            of_engine.push(of.clone());
            terms.push((output, coefficient.clone()));
        }
    }
    (Measurement::expectation(of_engine), terms, is_conditional)
}

/// Returns `Π O Π` for each value under a condition with the projector Π, and Π.
fn conditioned(of: &Postselection) -> Vec<Observable> {
    let projector = of.projector();
    let on_condition = |observable: Observable| match observable.flipped() & projector.reads_beyond_z() {
        0 => observable * &projector,
        _ => &projector * observable * &projector,
    };
    let mut all = Vec::new();
    for part in of.measurement().parts() {
        match part {
            Measurement::Expectation(observables) => all.extend(observables.iter().cloned().map(on_condition)),
            Measurement::Probabilities(qubits) if 1 << qubits.len() <= MAX_OBSERVABLES => {
                let of_state = |state: usize| {
                    let bits = qubits.iter().enumerate().map(|(k, qubit)| (*qubit, state >> k & 1 == 1));
                    on_condition(Observable::projector_on(bits))
                };
                all.extend((0..1 << qubits.len()).map(of_state));
            }
            Measurement::Probabilities(_) => {
                all.push(Observable::too_many("probabilities under a condition", MAX_OBSERVABLES));
            }
            // The check of a post-selection refuses all others.
            _ => {}
        }
    }
    all.push(projector);
    all
}

impl Circuit {
    /// Checks that the circuit has the weights and inputs of a measurement's coefficients.
    pub(super) fn check_coefficients(&self, measurement: &Measurement) -> Result<()> {
        for (index, observable) in measurement.observables().enumerate() {
            let wrong = |mistake| Error::Observable { index, mistake };
            for variable in observable.weighted().iter().flat_map(|(coefficient, _)| coefficient.variables()) {
                match variable {
                    Variable::Input(index) if *index >= self.inputs() => {
                        return Err(wrong(Mistake::InputOutOfRange { index: *index, width: self.inputs() }));
                    }
                    Variable::Weight { tensor, .. } => self.check_declared(tensor).map_err(wrong)?,
                    Variable::Input(_) => {}
                }
            }
        }
        Ok(())
    }
}

impl Program {
    /// Number of a sample's outputs that an engine computes; `usize::MAX` if the number is larger.
    pub(crate) fn engine_outputs(&self) -> usize {
        self.readout.quantities.iter().fold(0, |sum: usize, columns| sum.saturating_add(columns.count))
    }

    /// Whether the outputs are computed from an engine's.
    pub(crate) fn derives_outputs(&self) -> bool {
        !self.derived_outputs.is_empty()
    }
}
