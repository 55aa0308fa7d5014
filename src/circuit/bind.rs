//! Bound circuits: numbers in the place of inputs and weights.

use super::deferred::Roles;
use super::{Amplitudes, Angle, Circuit, Comparison, Condition, Kind, Operation, Token, Variable};
use crate::angle::Term;
use crate::error::{Error, Result, TensorError, WeightsError};
use crate::linalg::amplitudes_of;
use crate::numbers::host_numbers;
use candle_core::{Shape, Tensor};
use std::collections::BTreeMap;

impl Circuit {
    /// Returns the circuit of one sample: its angles are numbers, and it reads neither inputs nor weights.
    ///
    /// `features` are the sample's, as many as [`inputs`](Self::inputs), and `weights` are all tensors that the circuit
    /// declares, by name. Operations whose conditions ([`when`](Self::when)) do not hold are left out; comparisons are
    /// in `f64`. An amplitude embedding becomes a [`state_preparation`](Self::state_preparation), so it has at most 12
    /// qubits. Measurements, resets and channels stay.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(2);
    /// let w = circuit.weights("w", 2);
    /// circuit.ry(input(0) + w.at(1), 0).when(input(1).gt(0.5), |c| c.x(1)).cx(0, 1);
    ///
    /// let w = Tensor::new(&[0.0, 0.25], &Device::Cpu)?;
    /// let bound = circuit.bind(&[0.5, 0.1], &[("w", &w)])?;
    /// let mut expected = Circuit::new(2);
    /// expected.ry(0.75, 0).cx(0, 1); // without the X
    /// assert_eq!(bound, expected);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Mistakes of the circuit; another number of features; a weight tensor that is missing, unknown, given twice or of
    /// another shape; a number that is not finite; features of zeros that should become amplitudes, or amplitudes of
    /// more than 12 qubits; a channel whose strength leaves its range.
    pub fn bind(&self, features: &[f64], weights: &[(&str, &Tensor)]) -> Result<Self> {
        self.check()?;
        if features.len() != self.inputs() {
            let shape = Shape::from(features.len());
            return Err(TensorError::InputWidth { expected: self.inputs(), shape }.into());
        }
        if let Some(feature) = features.iter().position(|value| !value.is_finite()) {
            let value = features[feature];
            return Err(TensorError::FeatureNotFinite { feature, name: None, sample: 0, value }.into());
        }
        let numbers = Numbers { features, weights: self.numbers(weights)? };
        let mut roles = Roles::default();
        roles.take_prepared(self.roles);
        let mut bound = Self { roles, ..Self::new(self.qubits) };
        for operation in &self.operations {
            if operation.conditions.iter().all(|condition| numbers.meet(condition)) {
                numbers.append(operation, &mut bound)?;
            }
        }
        bound.check()?;
        Ok(bound)
    }

    /// Returns the circuit with numbers in the place of its weights: it still reads its features, and it has no weights
    /// to train. A weight that a feature multiplies becomes the coefficient of the feature.
    ///
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(1);
    /// let w = circuit.weights("w", 2);
    /// circuit.ry(w.at(0) * input(0) + w.at(1), 0);
    ///
    /// let w = Tensor::new(&[0.5, 0.25], &Device::Cpu)?;
    /// let mut expected = Circuit::new(1);
    /// expected.ry(0.5 * input(0) + 0.25, 0);
    /// assert_eq!(circuit.bind_weights(&[("w", &w)])?, expected.with_inputs(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Mistakes of the circuit; a weight tensor that is missing, unknown, given twice or of another shape; a number that
    /// is not finite; a channel whose strength leaves its range.
    pub fn bind_weights(&self, weights: &[(&str, &Tensor)]) -> Result<Self> {
        self.check()?;
        let numbers = Numbers { features: &[], weights: self.numbers(weights)? };
        let mut roles = Roles::default();
        roles.take_prepared(self.roles);
        let mut bound = Self { roles, ..Self::new(self.qubits).with_inputs(self.inputs()) };
        for operation in &self.operations {
            let angles = operation.angles.iter().map(|angle| numbers.without_weights(angle)).collect();
            bound.push_operation(Operation { angles, ..operation.clone() });
        }
        bound.check()?;
        Ok(bound)
    }

    /// Returns the entries of all declared weight tensors, by name.
    fn numbers(&self, given: &[(&str, &Tensor)]) -> Result<BTreeMap<String, Vec<f64>>> {
        let declared = || self.declarations().map(|one| one.handle.name().to_owned()).collect::<Vec<_>>();
        for (k, (name, _)) in given.iter().enumerate() {
            let twice = given[..k].iter().any(|(earlier, _)| earlier == name);
            if twice || !self.declarations().any(|one| one.handle.name() == *name) {
                return Err(WeightsError::Unexpected { name: (*name).to_owned(), declared: declared() }.into());
            }
        }
        let numbers = |declaration: &super::Declaration| {
            let name = declaration.handle.name().to_owned();
            let Some((_, tensor)) = given.iter().find(|(given, _)| *given == name) else {
                return Err(Error::from(WeightsError::Missing { name, declared: declared() }));
            };
            if tensor.dims() != declaration.handle.shape() {
                let (expected, actual) = (Shape::from(declaration.handle.shape()), tensor.shape().clone());
                return Err(WeightsError::Shape { name, expected, actual }.into());
            }
            let numbers = host_numbers(tensor)?;
            match numbers.iter().position(|number| !number.is_finite()) {
                Some(entry) => Err(WeightsError::NotFinite { name, entry, value: numbers[entry] }.into()),
                None => Ok((name, numbers)),
            }
        };
        self.declarations().map(numbers).collect()
    }
}

/// Numbers of a sample.
struct Numbers<'a> {
    features: &'a [f64],
    /// Entries of each weight tensor, row by row.
    weights: BTreeMap<String, Vec<f64>>,
}

impl Numbers<'_> {
    fn value(&self, variable: &Variable) -> f64 {
        let found = match variable {
            Variable::Input(index) => self.features.get(*index),
            Variable::Weight { tensor, index } => self.weights.get(&tensor.name).and_then(|all| all.get(*index)),
        };
        // A circuit without a mistake declares all of its weights and reads no feature beyond its width.
        found.copied().unwrap_or(f64::NAN)
    }

    fn angle(&self, angle: &Angle) -> f64 {
        let terms = angle.terms.iter().map(|term| {
            let second = term.second.as_ref().map_or(1.0, |second| self.value(second));
            term.coefficient * self.value(&term.first) * second
        });
        angle.constant + terms.sum::<f64>()
    }

    /// Returns an angle with numbers in the place of weights.
    fn without_weights(&self, angle: &Angle) -> Angle {
        let terms = angle.terms.iter().map(|term| {
            let variables = [Some(&term.first), term.second.as_ref()].into_iter().flatten();
            let (inputs, weights): (Vec<_>, Vec<_>) =
                variables.partition(|variable| matches!(variable, Variable::Input(_)));
            let coefficient = weights.iter().fold(term.coefficient, |all, weight| all * self.value(weight));
            (coefficient, inputs)
        });
        let (mut constant, mut left) = (angle.constant, Vec::new());
        for (coefficient, inputs) in terms {
            match inputs[..] {
                [] => constant += coefficient,
                [first, ..] => {
                    left.push(Term {
                        coefficient,
                        first: first.clone(),
                        second: inputs.get(1).map(|&one| one.clone()),
                    });
                }
            }
        }
        Angle::from_terms(constant, left)
    }

    /// Returns whether a condition holds.
    fn meet(&self, condition: &Condition) -> bool {
        let mut stack: Vec<bool> = Vec::new();
        for token in condition.code() {
            let right = if matches!(token, Token::Test(_)) { None } else { stack.pop() };
            let left = if matches!(token, Token::And | Token::Or) { stack.pop() } else { None };
            stack.push(match (token, left, right) {
                (Token::Test(test), ..) => self.holds(test),
                (Token::Not, _, Some(one)) => !one,
                (Token::And, Some(one), Some(other)) => one && other,
                (Token::Or, Some(one), Some(other)) => one || other,
                // Operators have their operands before them.
                (Token::Not | Token::And | Token::Or, ..) => false,
            });
        }
        stack.pop().unwrap_or(true)
    }

    fn holds(&self, test: &Comparison<Angle>) -> bool {
        let value = self.angle(&test.value);
        let value = if test.absolute { value.abs() } else { value };
        if test.above { value > test.threshold } else { value < test.threshold }
    }

    /// Appends an operation with its numbers.
    fn append(&self, operation: &Operation, to: &mut Circuit) -> Result<()> {
        if let Kind::AmplitudeEmbedding { first, count, options } = operation.kind {
            return self.prepare((first, count, options), operation.embedded_qubits(), to);
        }
        let angles = operation.angles.iter().map(|angle| Angle::from(self.angle(angle))).collect();
        to.push_operation(Operation { angles, conditions: Vec::new(), ..operation.clone() });
        Ok(())
    }

    /// Appends the preparation of the state that features become.
    fn prepare(
        &self,
        (first, count, options): (usize, usize, Amplitudes),
        qubits: &[usize],
        to: &mut Circuit,
    ) -> Result<()> {
        let features = &self.features[first..first + count];
        if features.iter().all(|feature| *feature == 0.0) {
            let last = first + count - 1;
            let error = TensorError::NoState { sample: 0, first, last };
            return if options.zero_state { Ok(()) } else { Err(error.into()) };
        }
        // A single amplitude fills no qubit: it is a phase.
        if qubits.is_empty() {
            return Ok(());
        }
        let amplitudes = amplitudes_of(features.iter().copied(), options.complex);
        to.state_preparation(&amplitudes, qubits.iter().copied());
        Ok(())
    }
}
