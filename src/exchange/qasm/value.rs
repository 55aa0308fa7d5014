//! Values of expressions, and what operators and functions make of them.

use super::fault::{Read, fault, unsupported};
use super::lexer::Operator;
use super::syntax::{Function, Term, Type};
use crate::circuit::{Angle, Condition};
use crate::error::QasmProblem;
use std::rc::Rc;

/// Largest size of a variable, in bits.
pub(super) const LARGEST_SIZE: i64 = 1 << 16;

/// Value of an expression.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Integer(i64),
    Real(f64),
    Truth(bool),
    Bits {
        width: u8,
        bits: u64,
    },
    /// Polynomial in inputs; input `k` of the text stands for feature `k`.
    Angle(Rc<Angle>),
    /// Condition on inputs.
    Condition(Rc<Condition>),
}

impl Value {
    /// Returns the value of a constant term.
    pub(super) fn constant(term: Term) -> Option<Self> {
        match term {
            Term::Integer(value) => Some(Self::Integer(value)),
            Term::Real(value) => Some(Self::Real(value)),
            Term::Truth(value) => Some(Self::Truth(value)),
            Term::Bits { width, bits } => Some(Self::Bits { width, bits }),
            _ => None,
        }
    }

    /// Returns the constant term of the value.
    pub(super) fn as_term(&self) -> Option<Term> {
        match self {
            Self::Integer(value) => Some(Term::Integer(*value)),
            Self::Real(value) => Some(Term::Real(*value)),
            Self::Truth(value) => Some(Term::Truth(*value)),
            Self::Bits { width, bits } => Some(Term::Bits { width: *width, bits: *bits }),
            Self::Angle(_) | Self::Condition(_) => None,
        }
    }

    /// Returns words for the value in a message.
    fn words(&self) -> String {
        match self {
            Self::Integer(value) => value.to_string(),
            Self::Real(value) => value.to_string(),
            Self::Truth(value) => value.to_string(),
            Self::Bits { bits, .. } => bits.to_string(),
            Self::Angle(_) => "an expression in inputs".to_owned(),
            Self::Condition(_) => "a condition on inputs".to_owned(),
        }
    }

    fn is_not<T>(&self, what: &'static str, at: u32) -> Read<T> {
        fault(at, QasmProblem::NotA { name: self.words(), what })
    }

    /// Returns the value as a number.
    pub(super) fn number(&self, at: u32) -> Read<f64> {
        match self {
            Self::Integer(value) => Ok(*value as f64),
            Self::Real(value) => Ok(*value),
            Self::Truth(value) => Ok(f64::from(u8::from(*value))),
            Self::Bits { .. } | Self::Condition(_) => self.is_not("number", at),
            Self::Angle(_) => fault(at, QasmProblem::Angle),
        }
    }

    /// Returns the value as an integer, for an index or a size. Numbers of OpenQASM 2 are real.
    pub(super) fn integer(&self, at: u32) -> Read<i64> {
        match self {
            Self::Integer(value) => Ok(*value),
            Self::Truth(value) => Ok((*value).into()),
            Self::Bits { bits, .. } => i64::try_from(*bits).or_else(|_| fault(at, QasmProblem::Overflow)),
            // The comparison is false beyond 53 bits.
            Self::Real(value) if value.fract() == 0.0 && value.abs() < 9e15 => Ok(*value as i64),
            _ => self.is_not("integer", at),
        }
    }

    /// Returns whether the value is true.
    pub(super) fn truth(&self, at: u32) -> Read<bool> {
        match self {
            Self::Truth(value) => Ok(*value),
            Self::Integer(value) => Ok(*value != 0),
            Self::Bits { bits, .. } => Ok(*bits != 0),
            _ => self.is_not("truth value", at),
        }
    }

    /// Returns the value as an integer for arithmetic; bits are those of an unsigned number.
    fn whole(&self, at: u32) -> Read<i128> {
        match self {
            Self::Bits { bits, .. } => Ok((*bits).into()),
            other => other.integer(at).map(i128::from),
        }
    }

    /// Returns the value as bits, of which the lowest is the first. Negative numbers have infinitely many bits, and 64
    /// of them are returned.
    fn bits(&self, at: u32) -> Read<u64> {
        match self {
            Self::Bits { bits, .. } => Ok(*bits),
            Self::Integer(value) => Ok(*value as u64),
            Self::Truth(value) => Ok((*value).into()),
            _ => self.is_not("string of bits", at),
        }
    }

    /// Returns the value as so many bits, if it fits: from `-2^(width-1)` to `2^width - 1`.
    pub(super) fn bits_within(&self, width: usize, at: u32) -> Read<u64> {
        let bits = self.bits(at)?;
        let is_negative = matches!(self, Self::Integer(..0));
        let width = width.clamp(1, 64);
        // A negative number fits if all bits beyond the width, and the highest of those within, are ones.
        let beyond = if is_negative { !(bits as i64) as u64 >> (width - 1) } else { bits & !lowest(width as u8) };
        match beyond {
            0 => Ok(bits & lowest(width as u8)),
            _ => fault(at, QasmProblem::Width { value: self.words(), bits: width }),
        }
    }

    /// Returns the value as a polynomial.
    fn polynomial(&self, at: u32) -> Read<Angle> {
        match self {
            Self::Angle(angle) => Ok((**angle).clone()),
            number => number.number(at).map(Angle::from),
        }
    }

    /// Returns the value of a variable of this type; `bits` is its declared width.
    pub(super) fn cast(self, kind: Type, bits: Option<u32>, at: u32) -> Read<Self> {
        match kind {
            Type::Float | Type::Angle => match self {
                Self::Angle(_) => Ok(self),
                other => Ok(Self::Real(other.number(at)?)),
            },
            Type::Bool => match self {
                Self::Real(value) => Ok(Self::Truth(value != 0.0)),
                Self::Condition(_) => Ok(self),
                other => Ok(Self::Truth(other.truth(at)?)),
            },
            Type::Bit => match u8::try_from(bits.unwrap_or(1)) {
                Ok(width @ ..=64) => Ok(Self::Bits { width, bits: self.bits_within(width.into(), at)? }),
                _ => unsupported(at, "a string of more than 64 bits"),
            },
            Type::Int | Type::Uint => {
                let whole = match self {
                    Self::Real(value) if value.abs() < 9.2e18 => value.trunc() as i128,
                    Self::Real(_) => return fault(at, QasmProblem::Overflow),
                    other => other.whole(at)?,
                };
                let wrapped = wrapped(whole, bits, kind == Type::Int);
                i64::try_from(wrapped).map(Self::Integer).or_else(|_| fault(at, QasmProblem::Overflow))
            }
        }
    }
}

/// Returns the integer that a variable of so many bits holds; without a size there are 64.
fn wrapped(value: i128, bits: Option<u32>, signed: bool) -> i128 {
    match bits.unwrap_or(64) {
        bits @ 1..=64 => {
            let unused = 128 - bits;
            if signed { value << unused >> unused } else { ((value << unused) as u128 >> unused) as i128 }
        }
        _ => value,
    }
}

fn finite(value: f64, at: u32) -> Read<Value> {
    if value.is_finite() { Ok(Value::Real(value)) } else { fault(at, QasmProblem::NotFinite) }
}

fn polynomial(angle: Angle, at: u32) -> Read<Value> {
    match angle.check() {
        Ok(()) => Ok(Value::Angle(Rc::new(angle))),
        Err(crate::error::Mistake::NotFinite { .. }) => fault(at, QasmProblem::NotFinite),
        Err(_) => fault(at, QasmProblem::Angle),
    }
}

/// Returns the value of an operator with one operand.
pub(super) fn unary(operator: Operator, value: Value, at: u32) -> Read<Value> {
    Ok(match (operator, value) {
        (Operator::Subtract, Value::Integer(value)) => match value.checked_neg() {
            Some(value) => Value::Integer(value),
            None => return fault(at, QasmProblem::Overflow),
        },
        (Operator::Subtract, Value::Angle(angle)) => Value::Angle(Rc::new(-(*angle).clone())),
        (Operator::Subtract, value) => Value::Real(-value.number(at)?),
        (Operator::Not, Value::Condition(condition)) => Value::Condition(Rc::new(!(*condition).clone())),
        (Operator::Not, value) => Value::Truth(!value.truth(at)?),
        (_, Value::Integer(value)) => Value::Integer(!value),
        (_, Value::Truth(value)) => Value::Truth(!value),
        (_, Value::Bits { width, bits }) => Value::Bits { width, bits: !bits & lowest(width) },
        (_, other) => return other.is_not("string of bits", at),
    })
}

/// Mask of the lowest bits.
fn lowest(width: u8) -> u64 {
    1u64.checked_shl(width.into()).map_or(u64::MAX, |bit| bit - 1)
}

/// Returns the value of an operator with two operands.
pub(super) fn binary(operator: Operator, left: Value, right: Value, version: u32, at: u32) -> Read<Value> {
    use Operator as O;
    match (operator, &left, &right) {
        (O::And | O::Or, ..) => logical(operator, left, right, at),
        (_, Value::Angle(_), _) | (_, _, Value::Angle(_)) => symbolic(operator, &left, &right, at),
        (O::BitAnd | O::BitOr | O::BitXor, Value::Truth(a), Value::Truth(b)) => Ok(Value::Truth(match operator {
            O::BitAnd => a & b,
            O::BitOr => a | b,
            _ => a ^ b,
        })),
        (O::BitAnd | O::BitOr | O::BitXor | O::ShiftLeft | O::ShiftRight, Value::Bits { width, bits }, _) => {
            let other = right.bits(at)?;
            let wide = match &right {
                Value::Bits { width: other, .. } => *width.max(other),
                _ => *width,
            };
            let bits = match operator {
                O::BitAnd => bits & other,
                O::BitOr => bits | other,
                O::BitXor => bits ^ other,
                _ => shifted(operator, *bits, other),
            };
            Ok(Value::Bits { width: wide, bits: bits & lowest(wide) })
        }
        (
            _,
            Value::Integer(_) | Value::Bits { .. } | Value::Truth(_),
            Value::Integer(_) | Value::Bits { .. } | Value::Truth(_),
        ) if version != 2 || !is_arithmetic(operator) => integers(operator, left.whole(at)?, right.whole(at)?, at),
        _ => reals(operator, left.number(at)?, right.number(at)?, at),
    }
}

fn is_arithmetic(operator: Operator) -> bool {
    use Operator as O;
    matches!(operator, O::Add | O::Subtract | O::Multiply | O::Divide | O::Remainder | O::Power)
}

fn logical(operator: Operator, left: Value, right: Value, at: u32) -> Read<Value> {
    let is_and = operator == Operator::And;
    Ok(match (left, right) {
        (Value::Condition(a), Value::Condition(b)) => {
            let (a, b) = ((*a).clone(), &*b);
            Value::Condition(Rc::new(if is_and { a & b } else { a | b }))
        }
        (Value::Condition(condition), known) | (known, Value::Condition(condition)) => {
            // What is known decides alone, or not at all.
            match known.truth(at)? {
                known if known == is_and => Value::Condition(condition),
                known => Value::Truth(known),
            }
        }
        (left, right) => {
            let (left, right) = (left.truth(at)?, right.truth(at)?);
            Value::Truth(if is_and { left && right } else { left || right })
        }
    })
}

/// Returns 64 bits that are shifted to the left or the right; what leaves them is lost.
fn shifted(operator: Operator, bits: u64, places: u64) -> u64 {
    let places = u32::try_from(places).unwrap_or(u32::MAX);
    let shifted = if operator == Operator::ShiftLeft { bits.checked_shl(places) } else { bits.checked_shr(places) };
    shifted.unwrap_or(0)
}

fn integers(operator: Operator, left: i128, right: i128, at: u32) -> Read<Value> {
    use Operator as O;
    let result = match operator {
        O::Divide | O::Remainder if right == 0 => return fault(at, QasmProblem::DivisionByZero),
        O::Add => left.checked_add(right),
        O::Subtract => left.checked_sub(right),
        O::Multiply => left.checked_mul(right),
        O::Divide => left.checked_div(right),
        O::Remainder => left.checked_rem(right),
        O::Power => match u32::try_from(right) {
            Ok(power) => left.checked_pow(power),
            Err(_) => return finite((left as f64).powf(right as f64), at),
        },
        O::Equal => return Ok(Value::Truth(left == right)),
        O::NotEqual => return Ok(Value::Truth(left != right)),
        O::Less => return Ok(Value::Truth(left < right)),
        O::LessEqual => return Ok(Value::Truth(left <= right)),
        O::Greater => return Ok(Value::Truth(left > right)),
        O::GreaterEqual => return Ok(Value::Truth(left >= right)),
        O::BitAnd => Some(left & right),
        O::BitOr => Some(left | right),
        O::BitXor => Some(left ^ right),
        // Both operands have 64 bits.
        _ => Some((shifted(operator, left as u64, right as u64) as i64).into()),
    };
    match result.and_then(|value| i64::try_from(value).ok()) {
        Some(value) => Ok(Value::Integer(value)),
        None => fault(at, QasmProblem::Overflow),
    }
}

fn reals(operator: Operator, left: f64, right: f64, at: u32) -> Read<Value> {
    use Operator as O;
    let result = match operator {
        O::Divide | O::Remainder if right == 0.0 => return fault(at, QasmProblem::DivisionByZero),
        O::Add => left + right,
        O::Subtract => left - right,
        O::Multiply => left * right,
        O::Divide => left / right,
        O::Remainder => left % right,
        O::Power => left.powf(right),
        O::Equal => return Ok(Value::Truth(left == right)),
        O::NotEqual => return Ok(Value::Truth(left != right)),
        O::Less => return Ok(Value::Truth(left < right)),
        O::LessEqual => return Ok(Value::Truth(left <= right)),
        O::Greater => return Ok(Value::Truth(left > right)),
        O::GreaterEqual => return Ok(Value::Truth(left >= right)),
        _ => return Value::Real(left).is_not("string of bits", at),
    };
    finite(result, at)
}

/// Returns what an operator makes of expressions in inputs.
fn symbolic(operator: Operator, left: &Value, right: &Value, at: u32) -> Read<Value> {
    use Operator as O;
    let divisor = |value: &Value| match value.number(at)? {
        0.0 => fault(at, QasmProblem::DivisionByZero),
        number => Ok(number),
    };
    let result = match operator {
        O::Add => left.polynomial(at)? + right.polynomial(at)?,
        O::Subtract => left.polynomial(at)? - right.polynomial(at)?,
        O::Multiply => match (left, right) {
            (Value::Angle(angle), Value::Angle(other)) => (**angle).clone() * &**other,
            (Value::Angle(angle), number) | (number, Value::Angle(angle)) => number.number(at)? * (**angle).clone(),
            _ => return fault(at, QasmProblem::Angle),
        },
        O::Divide => left.polynomial(at)? / divisor(right)?,
        O::Power => match right.integer(at) {
            Ok(0) => return Ok(Value::Real(1.0)),
            Ok(1) => left.polynomial(at)?,
            Ok(2) => left.polynomial(at)? * left.polynomial(at)?,
            _ => return fault(at, QasmProblem::Angle),
        },
        O::Less | O::LessEqual | O::Greater | O::GreaterEqual | O::Equal | O::NotEqual => {
            return compared(operator, left, right, at);
        }
        _ => return left.is_not("string of bits", at),
    };
    polynomial(result, at)
}

/// Returns the condition that two expressions in inputs compare so.
fn compared(operator: Operator, left: &Value, right: &Value, at: u32) -> Read<Value> {
    use Operator as O;
    let (value, threshold, mirrored) = match (left, right) {
        (Value::Angle(a), Value::Angle(b)) => ((**a).clone() - &**b, 0.0, false),
        (Value::Angle(a), number) => ((**a).clone(), number.number(at)?, false),
        (number, other) => (other.polynomial(at)?, number.number(at)?, true),
    };
    let operator = match (operator, mirrored) {
        (O::Less, true) => O::Greater,
        (O::Greater, true) => O::Less,
        (O::LessEqual, true) => O::GreaterEqual,
        (O::GreaterEqual, true) => O::LessEqual,
        (other, _) => other,
    };
    let condition = match operator {
        O::Less => value.lt(threshold),
        O::Greater => value.gt(threshold),
        O::LessEqual => !value.gt(threshold),
        O::GreaterEqual => !value.lt(threshold),
        O::Equal => !value.clone().lt(threshold) & !value.gt(threshold),
        _ => value.clone().lt(threshold) | value.gt(threshold),
    };
    match condition.check() {
        Ok(()) => Ok(Value::Condition(Rc::new(condition))),
        Err(_) => fault(at, QasmProblem::NotFinite),
    }
}

/// Returns the value of a function that is no operator.
pub(super) fn call(function: Function, operands: &[Value], at: u32) -> Read<Value> {
    use Function as F;
    let (first, second) = match operands {
        [first] => (first, None),
        [first, second, ..] => (first, Some(second)),
        [] => return unsupported(at, "an expression without operands"),
    };
    let x = match (function, second) {
        (F::Cast(kind), _) => return first.clone().cast(kind, None, at),
        (F::SizedCast(kind), Some(value)) => {
            return match first.integer(at)? {
                size @ 1..=LARGEST_SIZE => value.clone().cast(kind, Some(size as u32), at),
                size => fault(at, QasmProblem::NotA { name: size.to_string(), what: "size of a variable" }),
            };
        }
        _ => first.number(at)?,
    };
    let value = match function {
        F::Sin => x.sin(),
        F::Cos => x.cos(),
        F::Tan => x.tan(),
        F::Arcsin => x.asin(),
        F::Arccos => x.acos(),
        F::Arctan => x.atan(),
        F::Exp => x.exp(),
        F::Log => x.ln(),
        F::Sqrt => x.sqrt(),
        F::Floor => x.floor(),
        F::Ceiling => x.ceil(),
        // These are operators, or returned above.
        F::Mod | F::Pow | F::Cast(_) | F::SizedCast(_) => return unsupported(at, "an expression without operands"),
    };
    finite(value, at)
}
