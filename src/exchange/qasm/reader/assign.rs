//! Measurements and assignments.

use super::super::fault::{Read, fault, unsupported};
use super::super::lexer::Operator;
use super::super::logical::{Angles, Bit, Computation, Kind, Rule};
use super::super::scope::Entity;
use super::super::syntax::{Expression, Index, Item, Operand, Source, Term};
use super::super::value::Value;
use super::Reader;
use super::operands::Places;
use super::subroutine::Returned;
use crate::error::QasmProblem;

/// Bits that count as a step where they are set.
pub(super) const BITS_A_STEP: usize = 64;

/// Operations of a bit that is set under a condition.
const SELECTION: usize = 3;

impl<'s> Reader<'s> {
    /// Returns whether a condition that is not known surrounds the statement.
    fn is_conditional(&self) -> bool {
        !self.context.outcomes.is_empty() || !self.context.conditions.is_empty()
    }

    pub(super) fn measure(&mut self, at: u32, source: &Operand, target: Option<&Operand>) -> Read<()> {
        let qubits = self.qubits(source)?;
        let places = match target {
            Some(target) => Some(self.bits_of(target)?),
            None => None,
        };
        self.measure_into(at, qubits.as_slice(), places.as_ref())
    }

    /// Measures qubits into bits.
    pub(super) fn measure_into(&mut self, at: u32, qubits: &[u8], places: Option<&Places>) -> Read<()> {
        let (first, second) = (qubits.len(), places.map_or(qubits.len(), Places::len));
        if first != second {
            return fault(at, QasmProblem::Sizes { first, second });
        }
        for (index, &qubit) in qubits.iter().enumerate() {
            let place = places.map(|places| places.get(index));
            let old = place.and_then(|place| self.bits.get(place).copied()).unwrap_or(Bit::Known(false));
            let new = self.measured(at, qubit, place.is_some(), old)?;
            if let Some(bit) = place.and_then(|place| self.bits.get_mut(place)) {
                *bit = new;
            }
        }
        Ok(())
    }

    /// Measures a qubit, and returns the bit that was `old` before.
    pub(super) fn measured(&mut self, at: u32, qubit: u8, is_kept: bool, old: Bit) -> Read<Bit> {
        let outcome = self.logical.new_outcome();
        if self.is_conditional() {
            self.count(at, SELECTION)?;
            self.compute(at, Computation { outcome, rule: Rule::SelectMeasured { old } }, &[qubit]);
        } else {
            self.count(at, 1)?;
            self.push(at, Kind::Measure(is_kept.then_some(outcome)), Angles::Numbers(0), &[qubit]);
        }
        Ok(Bit::Outcome(outcome))
    }

    /// Sets bits to values, in the samples and branches in which the statement is reached.
    pub(super) fn set_bits(&mut self, at: u32, places: &Places, values: &[Bit]) -> Read<()> {
        let (first, second) = (places.len(), values.len());
        if first != second {
            return fault(at, QasmProblem::Sizes { first, second });
        }
        for (index, &new) in values.iter().enumerate() {
            let place = places.get(index);
            let Some(&old) = self.bits.get(place) else { continue };
            self.bits[place] = if old == new || !self.is_conditional() {
                new
            } else {
                self.count(at, SELECTION)?;
                let outcome = self.logical.new_outcome();
                self.compute(at, Computation { outcome, rule: Rule::Select { old, new } }, &[]);
                Bit::Outcome(outcome)
            };
        }
        Ok(())
    }

    /// Returns the values of so many bits that an expression gives.
    pub(super) fn bits_of_value(&mut self, expression: &Expression, count: usize) -> Read<Vec<Bit>> {
        if let Expression::One(Item { term: Term::Name(name), .. }) = expression
            && let Some(Entity::Bits { first, count, .. }) = self.scope.find(*name)
        {
            let (first, count) = (*first as usize, *count as usize);
            self.step(expression.at(), count / BITS_A_STEP)?;
            return Ok(self.bits.get(first..first + count).unwrap_or_default().to_vec());
        }
        self.step(expression.at(), count / BITS_A_STEP)?;
        let (value, support) = self.with_support(expression)?;
        let at = expression.at();
        if support.is_empty() {
            return known_bits(&value, count, at);
        }
        if count > 64 {
            return unsupported(at, "a register of more than 64 bits in arithmetic");
        }
        self.written_out(expression, count, |value| value.bits_within(count, at))
    }

    /// Returns the values of so many bits that the right side of an assignment gives.
    pub(super) fn bits_of_source(&mut self, at: u32, source: &Source<'s>, count: usize) -> Read<Vec<Bit>> {
        match source {
            Source::Value(expression) => self.bits_of_value(expression, count),
            Source::Measure(operand) => {
                let qubits = self.qubits(operand)?;
                let old = Bit::Known(false);
                qubits.as_slice().iter().map(|qubit| self.measured(at, *qubit, true, old)).collect()
            }
            Source::Call(call) => match self.returned(call)? {
                Returned::Bits(bits) => Ok(bits),
                Returned::Value(value) => known_bits(&value, count, call.at),
                Returned::Nothing => self.is_not(call.at, call.name, "subroutine that returns a value"),
            },
        }
    }

    /// Returns the value that the right side of an assignment to a variable gives.
    pub(super) fn value_of_source(&mut self, at: u32, source: &Source<'s>) -> Read<Value> {
        match source {
            Source::Value(expression) => self.evaluate(expression),
            Source::Measure(_) => unsupported(at, "measured values in arithmetic"),
            Source::Call(call) => match self.returned(call)? {
                Returned::Value(value) => Ok(value),
                Returned::Bits(_) => unsupported(call.at, "measured values in arithmetic"),
                Returned::Nothing => self.is_not(call.at, call.name, "subroutine that returns a value"),
            },
        }
    }

    pub(super) fn assign(&mut self, target: &Operand, operator: Option<Operator>, source: &Source<'s>) -> Read<()> {
        let at = target.at;
        let joined;
        let source = match (operator, source) {
            (None, source) => source,
            (Some(operator), Source::Value(value)) => {
                joined = Source::Value(combined(target, operator, value)?);
                &joined
            }
            (Some(_), _) => return unsupported(at, "measured values in arithmetic"),
        };
        match self.scope.find(target.name) {
            Some(Entity::Bits { .. }) => {
                let places = self.bits_of(target)?;
                let values = self.bits_of_source(at, source, places.len())?;
                self.set_bits(at, &places, &values)
            }
            Some(Entity::Value { constant: false, .. }) => {
                if !matches!(target.index, Index::Whole) {
                    return unsupported(at, "an assignment to a bit of a number");
                }
                let value = self.value_of_source(at, source)?;
                self.set_variable(target, value)
            }
            Some(_) => self.is_not(at, target.name, "variable"),
            None => self.unknown(at, target.name),
        }
    }

    fn set_variable(&mut self, target: &Operand, new: Value) -> Read<()> {
        let (at, conditional_level) = (target.at, self.conditional_level);
        match self.scope.variable(target.name) {
            Some((level, _)) if conditional_level.is_some_and(|conditional| level <= conditional) => {
                unsupported(at, "a variable that is set under a condition on measured bits or inputs")
            }
            Some((_, Entity::Value { value, kind, bits, .. })) => {
                *value = new.cast(*kind, *bits, at)?;
                Ok(())
            }
            _ => self.is_not(at, target.name, "variable"),
        }
    }
}

/// Returns the lowest bits of a value that fits into them.
fn known_bits(value: &Value, count: usize, at: u32) -> Read<Vec<Bit>> {
    let bits = value.bits_within(count, at)?;
    // A negative number has ones beyond 64 bits.
    let sign = matches!(value, Value::Integer(..0));
    Ok((0..count).map(|place| Bit::Known(if place < 64 { bits >> place & 1 == 1 } else { sign })).collect())
}

/// Returns the new value of `target operator= value`.
fn combined(target: &Operand, operator: Operator, value: &Expression) -> Read<Expression> {
    let at = target.at;
    let mut items: Vec<Item> = Vec::new();
    match &target.index {
        Index::Whole => items.push(Item { at, term: Term::Name(target.name) }),
        Index::One(_) => items.extend(target.as_entry().iter().flat_map(Expression::items)),
        _ => return unsupported(at, "an assignment with an operator to several bits"),
    }
    items.extend(value.items());
    items.push(Item { at, term: Term::Binary(operator) });
    Ok(Expression::Many(items.into()))
}
