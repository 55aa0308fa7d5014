//! Values of expressions.

use super::super::fault::{Read, fault, unsupported};
use super::super::lexer::Operator;
use super::super::logical::Bit;
use super::super::names::Name;
use super::super::scope::Entity;
use super::super::syntax::{Expression, Function, Item, Term};
use super::super::value::{self, Value};
use super::Reader;
use crate::error::QasmProblem;

/// Number of terms of an expression that count as a step.
const TERMS_A_STEP: usize = 16;

/// Steps of a product of two terms in inputs, which takes as much memory.
const STEPS_A_PRODUCT: usize = 16;

/// Terms in inputs that are copied in a step.
const COPIES_A_STEP: usize = 4;

impl Reader<'_> {
    /// Returns the value of an expression.
    pub(super) fn evaluate(&mut self, expression: &Expression) -> Read<Value> {
        match expression {
            Expression::One(item) => self.term(*item),
            Expression::Many(items) => self.evaluate_items(items),
        }
    }

    pub(super) fn evaluate_items(&mut self, items: &[Item]) -> Read<Value> {
        let base = self.stack.len();
        if let Some(first) = items.first().filter(|_| items.len() > TERMS_A_STEP) {
            self.step(first.at, items.len() / TERMS_A_STEP)?;
        }
        for item in items {
            let value = match item.term {
                Term::Unary(operator) => {
                    let operand = self.pop(item.at)?;
                    self.unary(item.at, operator, operand)?
                }
                Term::Binary(operator) => {
                    let right = self.pop(item.at)?;
                    let left = self.pop(item.at)?;
                    self.binary(item.at, operator, left, right)?
                }
                Term::Entry(name) => {
                    let place = self.pop(item.at)?.integer(item.at)?;
                    self.entry(item.at, name, place)?
                }
                Term::GlobalEntry(name) => {
                    let place = self.pop(item.at)?.integer(item.at)?;
                    match self.scope.global(name) {
                        Some(Entity::Value { value, bits, .. }) => {
                            let (value, bits) = (value.clone(), *bits);
                            self.entry_of(item.at, name, &value, bits, place)?
                        }
                        _ => return self.unknown(item.at, name),
                    }
                }
                Term::Call(function) => {
                    let first = self.stack.len().saturating_sub(function.operands());
                    let operands = self.stack.split_off(first);
                    self.called(item.at, function, &operands)?
                }
                _ => self.term(*item)?,
            };
            self.stack.push(value);
        }
        let value = self.pop(0)?;
        self.stack.truncate(base);
        Ok(value)
    }

    fn pop(&mut self, at: u32) -> Read<Value> {
        // The parser has given each operator its operands.
        self.stack.pop().map_or_else(|| unsupported(at, "an expression without operands"), Ok)
    }

    /// Returns the value of an operator with one operand.
    pub(super) fn unary(&mut self, at: u32, operator: Operator, operand: Value) -> Read<Value> {
        self.weigh(at, false, &operand, &operand)?;
        value::unary(operator, operand, at)
    }

    /// Returns the value of an operator with two operands.
    pub(super) fn binary(&mut self, at: u32, operator: Operator, left: Value, right: Value) -> Read<Value> {
        match operator {
            Operator::Multiply => self.weigh(at, true, &left, &right)?,
            // A square is a product of the expression and itself.
            Operator::Power => self.weigh(at, true, &left, &left)?,
            _ => self.weigh(at, false, &left, &right)?,
        }
        value::binary(operator, left, right, self.version.0, at)
    }

    /// Returns the value of a function.
    pub(super) fn called(&mut self, at: u32, function: Function, operands: &[Value]) -> Read<Value> {
        match (function, operands) {
            (Function::Mod, [left, right]) => self.binary(at, Operator::Remainder, left.clone(), right.clone()),
            (Function::Pow, [left, right]) => self.binary(at, Operator::Power, left.clone(), right.clone()),
            _ => value::call(function, operands, at),
        }
    }

    /// Counts the terms that an operation on expressions in inputs copies or makes.
    fn weigh(&mut self, at: u32, multiplies: bool, left: &Value, right: &Value) -> Read<()> {
        let size = |value: &Value| match value {
            Value::Angle(angle) => angle.terms.len(),
            Value::Condition(condition) => condition.code().len(),
            _ => 0,
        };
        match (size(left), size(right)) {
            (0, 0) => Ok(()),
            (left, right) => {
                let (left, right) = (left.max(1), right.max(1));
                let products = if multiplies { left.saturating_mul(right).saturating_mul(STEPS_A_PRODUCT) } else { 0 };
                self.step(at, products.saturating_add((left + right) / COPIES_A_STEP))
            }
        }
    }

    fn term(&mut self, item: Item) -> Read<Value> {
        match item.term {
            Term::Integer(value) => Ok(Value::Integer(value)),
            Term::Real(value) => Ok(Value::Real(value)),
            Term::Truth(value) => Ok(Value::Truth(value)),
            Term::Bits { width, bits } => Ok(Value::Bits { width, bits }),
            Term::Name(name) => self.named(item.at, name),
            Term::Local(place) => match self.locals.get(self.first_local + place as usize) {
                Some(value) => Ok(value.clone()),
                None => unsupported(item.at, "a local out of its block"),
            },
            Term::Large(_) => fault(item.at, QasmProblem::Overflow),
            Term::Entry(_) | Term::GlobalEntry(_) | Term::Unary(_) | Term::Binary(_) | Term::Call(_) => {
                unsupported(item.at, "an expression without operands")
            }
        }
    }

    /// Returns the value of a variable or a register.
    pub(super) fn named(&mut self, at: u32, name: Name) -> Read<Value> {
        let (first, count, single) = match self.scope.find(name) {
            Some(Entity::Value { value, .. }) => return Ok(value.clone()),
            Some(Entity::Bits { first, count, single }) => (*first as usize, *count as usize, *single),
            Some(_) => return self.is_not(at, name, "value"),
            None => return self.unknown(at, name),
        };
        if single {
            return self.bit(at, first).map(Value::Truth);
        }
        let Some(width) = u8::try_from(count).ok().filter(|width| *width <= 64) else {
            return unsupported(at, "a register of more than 64 bits in arithmetic");
        };
        let mut bits = 0;
        for place in 0..count {
            bits |= u64::from(self.bit(at, first + place)?) << place;
        }
        Ok(Value::Bits { width, bits })
    }

    /// Returns an entry of a register, or a bit of an integer.
    pub(super) fn entry(&mut self, at: u32, name: Name, index: i64) -> Read<Value> {
        match self.scope.find(name) {
            Some(Entity::Bits { first, count, .. }) => {
                let (first, count) = (*first as usize, *count as usize);
                let place = first + self.place(at, index, count)?;
                self.bit(at, place).map(Value::Truth)
            }
            Some(Entity::Value { value, bits, .. }) => {
                let (value, bits) = (value.clone(), *bits);
                self.entry_of(at, name, &value, bits, index)
            }
            Some(_) => self.is_not(at, name, "register of bits"),
            None => self.unknown(at, name),
        }
    }

    /// Returns a bit of a variable, which has so many.
    fn entry_of(&self, at: u32, name: Name, value: &Value, bits: Option<u32>, index: i64) -> Read<Value> {
        let (bits, size) = match value {
            Value::Integer(value) => (*value as u64, bits.map_or(64, |bits| bits.min(64) as usize)),
            Value::Bits { width, bits } => (*bits, usize::from(*width)),
            _ => return self.is_not(at, name, "register of bits"),
        };
        let place = self.place(at, index, size)?;
        Ok(Value::Truth(bits >> place & 1 == 1))
    }

    /// Returns the value of a classical bit, if it is known or assumed.
    fn bit(&mut self, at: u32, place: usize) -> Read<bool> {
        match (self.bits.get(place), &mut self.assumed) {
            (Some(Bit::Known(value)), _) => Ok(*value),
            (Some(Bit::Outcome(outcome)), Some(assumed)) => assumed.value(at, *outcome),
            _ => unsupported(at, "measured values in arithmetic"),
        }
    }
}
