//! Derived outputs: outputs that are computed from an engine's.
//!
//! An engine evaluates observables with constant coefficients. If a coefficient is an expression, each term that it
//! multiplies is an output of the engine, and the output is their sum with the values of the expressions. Values under
//! a condition are quotients: the engine evaluates `<Π O Π>` and the probability `<Π>`. A density matrix is a sum of Pauli
//! words, whose values the engine evaluates. [`crate::derived_outputs`]
//! computes both. All gradient methods thus serve them by the chain rule.

use super::{Program, Slot};
use crate::angle::{Angle, Variable};
use crate::circuit::Circuit;
use crate::error::{Error, Mistake, Result};
use crate::limits::MAX_OBSERVABLES;
use crate::linalg::masks_of_word;
use crate::measurement::{Measurement, Postselection};
use crate::observable::{Observable, PauliWord};
use std::ops::Range;

/// Outputs of a measurement, and the engine's outputs that they are computed from.
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
    /// Whether the outputs are the entries of the density matrix whose words the engine's outputs are.
    pub(crate) is_matrix: bool,
    /// Outputs and numbers that are added to them at the end: multiples of the identity under a condition. As terms they
    /// would cost digits.
    pub(crate) constants: Vec<(usize, C)>,
}

impl<C> DerivedOutputs<C> {
    /// Whether the outputs are others than the engine's.
    pub(super) fn is_derived(&self) -> bool {
        self.is_conditional || self.is_matrix || !self.terms.is_empty()
    }

    /// The same with other coefficients.
    pub(super) fn map<D>(&self, coefficient: impl Fn(&C) -> D) -> DerivedOutputs<D> {
        let map = |list: &[(usize, C)]| list.iter().map(|(output, of)| (*output, coefficient(of))).collect();
        DerivedOutputs {
            from: self.from.clone(),
            count: self.count,
            terms: map(&self.terms),
            is_conditional: self.is_conditional,
            is_matrix: self.is_matrix,
            constants: map(&self.constants),
        }
    }
}

/// Returns the measurement that engines evaluate: observables have constant coefficients, and there are no conditions.
pub(crate) fn engine_measurement(measurement: &Measurement, qubits: usize) -> Measurement {
    split_measurement(measurement, qubits).0
}

/// Returns the measurement that engines evaluate, and how outputs derive from it; nothing if they are its outputs.
pub(super) fn split_measurement(measurement: &Measurement, qubits: usize) -> (Measurement, Vec<DerivedOutputs<Angle>>) {
    let (mut parts, mut all, mut first) = (Vec::new(), Vec::new(), 0usize);
    for part in measurement.parts() {
        let mut derived = DerivedOutputs {
            from: 0..0,
            count: part.outputs(qubits),
            terms: Vec::new(),
            is_conditional: matches!(part, Measurement::Postselected(_)),
            is_matrix: *part == Measurement::DensityMatrix,
            constants: Vec::new(),
        };
        let of_engine = match part {
            Measurement::Expectation(observables) => with_terms(observables.clone(), &mut derived),
            Measurement::Postselected(_) if derived.count > MAX_OBSERVABLES => {
                Measurement::Expectation(vec![Observable::too_many("values under a condition", MAX_OBSERVABLES)])
            }
            Measurement::DensityMatrix => all_words(qubits),
            Measurement::Postselected(of) => with_terms(conditioned(of, &mut derived.constants), &mut derived),
            _ => part.clone(),
        };
        derived.from = first..first.saturating_add(of_engine.outputs(qubits));
        first = derived.from.end;
        all.push(derived);
        parts.push(of_engine);
    }
    if all.iter().any(DerivedOutputs::is_derived) {
        (Measurement::all(parts), all)
    } else {
        (measurement.clone(), Vec::new())
    }
}

impl Error {
    /// Error in an observable of an engine's measurement, with the index in the measurement that it derives from.
    pub(crate) fn of_original(self, measurement: &Measurement, qubits: usize) -> Self {
        match self {
            Self::Observable { index, mistake } => {
                Self::Observable { index: original_index(measurement, qubits, index), mistake }
            }
            other => other,
        }
    }
}

/// Index of the observable of a measurement from which an engine's observable comes.
fn original_index(measurement: &Measurement, qubits: usize, of_engine: usize) -> usize {
    let (_, all) = split_measurement(measurement, qubits);
    let (mut first, mut first_of_engine) = (0, 0);
    for (part, derived) in measurement.parts().iter().zip(&all) {
        let own = match part {
            Measurement::Probabilities(_) | Measurement::State | Measurement::DensityMatrix => 0,
            _ => derived.from.len(),
        };
        let count = Measurement::all([part.clone()]).observables().count();
        if let Some(local) = of_engine.checked_sub(first_of_engine).filter(|local| *local < own) {
            let output = derived.terms.get(local).map_or(local, |(output, _)| *output);
            return first + output.min(count.saturating_sub(1));
        }
        (first, first_of_engine) = (first + count, first_of_engine + own);
    }
    of_engine
}

/// Returns the expectation values of all words on so many qubits, in the order of
/// [`masks_of_word`](crate::linalg::masks_of_word).
fn all_words(qubits: usize) -> Measurement {
    let word = |index: usize| {
        let (x, z) = masks_of_word(index);
        Observable::word(PauliWord { x: x as u64, z: z as u64 }.widened())
    };
    Measurement::Expectation((0..1 << (2 * qubits)).map(word).collect())
}

/// Returns the expectation values that an engine evaluates for these observables. If any coefficient is an expression,
/// each has its output and its coefficient among the terms.
fn with_terms(observables: Vec<Observable>, derived: &mut DerivedOutputs<Angle>) -> Measurement {
    if observables.iter().all(|observable| observable.weighted().is_empty()) {
        return Measurement::Expectation(observables);
    }
    let mut of_engine = Vec::new();
    let mut term = |output, coefficient, of| {
        derived.terms.push((output, coefficient));
        of_engine.push(of);
    };
    for (output, observable) in observables.iter().enumerate() {
        let constant = observable.constant_part();
        if constant != Observable::default() || observable.weighted().is_empty() {
            term(output, Angle::from(1.0), constant);
        }
        for (coefficient, of) in observable.weighted() {
            term(output, coefficient.clone(), of.clone());
        }
    }
    Measurement::expectation(of_engine)
}

/// Returns `Π O Π` for each value under a condition with the projector Π, then Π. Multiples of the identity are among
/// the constants instead.
fn conditioned(of: &Postselection, constants: &mut Vec<(usize, Angle)>) -> Vec<Observable> {
    let mut all: Vec<Observable> = Vec::new();
    for part in of.measurement().parts() {
        match part {
            Measurement::Expectation(observables) => {
                for observable in observables {
                    let (rest, own) = observable.without_identity();
                    constants.extend(own.into_iter().map(|constant| (all.len(), constant)));
                    all.push(rest.projected(of.values()));
                }
            }
            Measurement::Probabilities(qubits) => {
                let of_state = |state: usize| {
                    let bits = qubits.iter().enumerate().map(|(k, qubit)| (*qubit, state >> k & 1 == 1));
                    Observable::projector_on(bits).projected(of.values())
                };
                all.extend((0..1 << qubits.len()).map(of_state));
            }
            _ => unreachable!("the check of a post-selection refuses all others"),
        }
    }
    all.push(Observable::projector_on(of.values().iter().copied()));
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

    /// Which weights an angle reads, itself or times a switch.
    pub(crate) fn weights_of_angles(&self) -> Vec<bool> {
        let [inputs, mut weights] = self.variables_read();
        for index in (0..inputs.len()).filter(|index| inputs[*index]) {
            if let Some((super::Variable::Weight(weight), _)) = self.origin(super::Variable::Input(index)) {
                weights[weight] = true;
            }
        }
        for (_, first, second) in self.derived.arguments.iter().flat_map(|slot| &slot.terms) {
            for variable in [Some(*first), *second].into_iter().flatten() {
                if let super::Variable::Weight(weight) = variable {
                    weights[weight] = true;
                }
            }
        }
        weights
    }

    /// Which engine inputs and which weights an angle or the embedding reads.
    pub(crate) fn variables_read(&self) -> [Vec<bool>; 2] {
        let (mut inputs, mut weights) = (vec![false; self.engine_inputs], vec![false; self.weights]);
        if let Some(embedding) = self.embedding {
            inputs[embedding.first..embedding.first + embedding.count].fill(true);
        }
        let variables = self.slots.iter().flat_map(|slot| &slot.terms).flat_map(|(_, a, b)| [Some(*a), *b]).flatten();
        for variable in variables {
            match variable {
                super::Variable::Input(index) => inputs[index] = true,
                super::Variable::Weight(index) => weights[index] = true,
            }
        }
        [inputs, weights]
    }

    /// Whether the outputs are computed from an engine's.
    pub(crate) fn derives_outputs(&self) -> bool {
        !self.derived_outputs.is_empty()
    }
}
