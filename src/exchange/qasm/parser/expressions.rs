//! Expressions, by precedence, in postfix order. Operations on constants are done at once.

use super::super::fault::{Read, cited, fault, unsupported};
use super::super::lexer::{Kind, Operator, Token};
use super::super::names::{Name, Word};
use super::super::syntax::{Argument, Expression, Function, Index, Item, Operand, Term};
use super::super::value::{self, Value};
use super::Parser;
use crate::error::QasmProblem;
use std::f64::consts::{E, PI, TAU};

/// Precedence of a sign in OpenQASM 3; `**` binds more tightly.
const SIGN: u8 = 11;
/// Precedence of a power.
const POWER: u8 = 12;

/// Largest number of digits of an integer.
const DIGITS: usize = 400;

impl Parser<'_> {
    /// Takes an expression.
    pub(super) fn expression(&mut self) -> Read<Expression> {
        let start = self.terms.len();
        self.binary(0)?;
        Ok(self.finished(start))
    }

    /// Takes an argument of a call: an expression, or qubits, which only subroutines take.
    pub(super) fn argument(&mut self) -> Read<Argument> {
        let is_entry = self.lexer.next_byte()? == b'[' && self.kind_of_type().is_none();
        match self.token.kind {
            Kind::Hardware(_) => return Ok(Argument::Operand(self.operand()?)),
            Kind::Name(_) if is_entry => {}
            _ => return Ok(Argument::Value(self.expression()?)),
        }
        let start = self.terms.len();
        let operand = self.operand()?;
        if matches!(self.token.kind, Kind::Comma | Kind::Close) {
            return Ok(Argument::Operand(operand));
        }
        let Operand { at, name, index: Index::One(index) } = operand else { return self.expected("`,` or `)`") };
        self.terms.extend(index.items());
        self.terms.push(Item { at, term: Term::Entry(name) });
        self.enter()?;
        self.operators(0)?;
        self.leave();
        Ok(Argument::Value(self.finished(start)))
    }

    /// Makes an expression of the last terms.
    fn finished(&mut self, start: usize) -> Expression {
        match self.terms.get(start..) {
            Some([one]) => {
                let one = *one;
                self.terms.truncate(start);
                Expression::One(one)
            }
            _ => Expression::Many(self.terms.drain(start..).collect()),
        }
    }

    fn binary(&mut self, least: u8) -> Read<()> {
        self.enter()?;
        self.prefix()?;
        self.operators(least)?;
        self.leave();
        Ok(())
    }

    /// Takes operators that bind at least so tightly, with their right operands.
    fn operators(&mut self, least: u8) -> Read<()> {
        while let Kind::Operator(operator) = self.token.kind {
            let Some((operator, precedence)) = self.precedence(operator).filter(|(_, own)| *own >= least) else {
                break;
            };
            let at = self.bump()?.start;
            // Powers group from the right, all others from the left.
            self.binary(if precedence == POWER { POWER } else { precedence + 1 })?;
            self.operate(Item { at, term: Term::Binary(operator) }, 2);
        }
        Ok(())
    }

    /// Returns the meaning of a binary operator and how tightly it binds.
    fn precedence(&self, operator: Operator) -> Option<(Operator, u8)> {
        use Operator as O;
        let precedence = match operator {
            O::Or => 1,
            O::And => 2,
            O::BitOr => 3,
            O::BitXor if !self.is_3() => return Some((O::Power, POWER)),
            O::BitXor => 4,
            O::BitAnd => 5,
            O::Equal | O::NotEqual => 6,
            O::Less | O::LessEqual | O::Greater | O::GreaterEqual => 7,
            O::ShiftLeft | O::ShiftRight => 8,
            O::Add | O::Subtract => 9,
            O::Multiply | O::Divide | O::Remainder => 10,
            O::Power if self.is_3() => POWER,
            O::Power | O::Not | O::Complement => return None,
        };
        Some((operator, precedence))
    }

    /// Appends an operation, or its result if its operands are constants.
    fn operate(&mut self, item: Item, operands: usize) {
        let (at, version) = (item.at, self.version);
        let start = self.terms.len().saturating_sub(operands);
        let constant = |place: usize| self.terms.get(place).and_then(|item| Value::constant(item.term));
        let result = match item.term {
            Term::Binary(operator) => constant(start)
                .zip(constant(start + 1))
                .and_then(|(left, right)| value::binary(operator, left, right, version, at).ok()),
            Term::Unary(operator) => constant(start).and_then(|value| value::unary(operator, value, at).ok()),
            _ => None,
        };
        match result.and_then(|value| value.as_term()) {
            Some(term) => {
                let at = self.terms.get(start).map_or(at, |first| first.at.min(at));
                self.terms.truncate(start);
                self.terms.push(Item { at, term });
            }
            // An operation that fails does so where it is evaluated, if it is.
            None => self.terms.push(item),
        }
    }

    fn prefix(&mut self) -> Read<()> {
        let token = self.token;
        let term = match token.kind {
            Kind::Operator(operator) => return self.signed(operator),
            Kind::Open => {
                self.bump()?;
                self.binary(0)?;
                return self.want(Kind::Close, "`)`").map(|_| ());
            }
            Kind::Name(name) => return self.named(name),
            Kind::Integer => self.integer(token)?,
            Kind::Real => self.real(token)?,
            Kind::Text => self.bits(token)?,
            Kind::Duration => return unsupported(token.start, "durations"),
            Kind::Imaginary => return unsupported(token.start, "`complex` numbers"),
            _ => return self.expected("an expression"),
        };
        self.bump()?;
        self.terms.push(Item { at: token.start, term });
        Ok(())
    }

    fn signed(&mut self, operator: Operator) -> Read<()> {
        let is_sign = match operator {
            Operator::Subtract => true,
            Operator::Add => !self.is_3(),
            Operator::Not | Operator::Complement => self.is_3(),
            _ => false,
        };
        if !is_sign {
            return self.expected("an expression");
        }
        let at = self.bump()?.start;
        self.binary(if self.is_3() { SIGN } else { POWER })?;
        if operator != Operator::Add {
            self.operate(Item { at, term: Term::Unary(operator) }, 1);
        }
        Ok(())
    }

    /// Takes a constant, a variable, an entry of a register, or a call.
    fn named(&mut self, name: Name) -> Read<()> {
        let kind = self.kind_of_type();
        let at = self.bump()?.start;
        if let Some(kind) = kind {
            let function = match self.size()? {
                Some(size) => {
                    self.terms.extend(size.items());
                    Function::SizedCast(kind)
                }
                None => Function::Cast(kind),
            };
            return self.call(at, name, Some(function));
        }
        let term = match self.token.kind {
            Kind::Open => return self.call(at, name, Function::named(self.text(name), self.version)),
            Kind::OpenBracket => {
                self.bump()?;
                self.binary(0)?;
                self.want(Kind::CloseBracket, "`]`")?;
                Term::Entry(name)
            }
            _ => match (Word::of(name), self.is_3()) {
                (Some(Word::Pi), _) => Term::Real(PI),
                (Some(Word::PiLetter), true) => Term::Real(PI),
                (Some(Word::Tau | Word::TauLetter), true) => Term::Real(TAU),
                (Some(Word::Euler | Word::EulerLetter), true) => Term::Real(E),
                (Some(Word::True), true) => Term::Truth(true),
                (Some(Word::False), true) => Term::Truth(false),
                (Some(Word::Measure), true) => return unsupported(at, "measured values in arithmetic"),
                (Some(Word::Durationof), true) => return unsupported(at, "durations"),
                _ => Term::Name(name),
            },
        };
        self.terms.push(Item { at, term });
        Ok(())
    }

    fn call(&mut self, at: u32, name: Name, function: Option<Function>) -> Read<()> {
        let text = self.text(name);
        let Some(function) = function else {
            return match (Word::of(name), text) {
                (Some(Word::Durationof), _) => unsupported(at, "durations"),
                (Some(Word::Sizeof), _) => unsupported(at, "an `array`"),
                (_, "popcount" | "rotl" | "rotr" | "real" | "imag") => unsupported(at, "this function"),
                _ => fault(at, QasmProblem::NotA { name: cited(text), what: "function that can be called here" }),
            };
        };
        self.want(Kind::Open, "`(`")?;
        let arguments = self.list(Kind::Close, |parser| parser.binary(0))?.len();
        self.want(Kind::Close, "`)`")?;
        let expected = if let Function::SizedCast(_) = function { 1 } else { function.operands() };
        if arguments != expected {
            return fault(at, QasmProblem::Angles { name: cited(text), expected, actual: arguments });
        }
        self.terms.push(Item { at, term: Term::Call(function) });
        Ok(())
    }

    fn integer(&mut self, token: Token) -> Read<Term> {
        let words = self.lexer.words(token);
        let plain = words.contains('_').then(|| words.replace('_', ""));
        let digits = plain.as_deref().unwrap_or(words);
        let bad = || fault(token.start, QasmProblem::Number { text: cited(words) });
        let (base, digits) = match digits.get(..2) {
            Some("0x" | "0X") => (16, &digits[2..]),
            Some("0b" | "0B") => (2, &digits[2..]),
            Some("0o" | "0O") => (8, &digits[2..]),
            _ => (10, digits),
        };
        match i64::from_str_radix(digits, base) {
            Ok(value) => Ok(Term::Integer(value)),
            Err(_) if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) => bad(),
            Err(_) if digits.len() > DIGITS => fault(token.start, QasmProblem::Overflow),
            Err(_) => {
                self.large.push(large(digits, base));
                Ok(Term::Large(self.large.len() as u32 - 1))
            }
        }
    }

    fn real(&self, token: Token) -> Read<Term> {
        let words = self.lexer.words(token);
        let value: Result<f64, _> = if words.contains('_') { words.replace('_', "").parse() } else { words.parse() };
        match value {
            Ok(value) if value.is_finite() => Ok(Term::Real(value)),
            Ok(_) => fault(token.start, QasmProblem::NotFinite),
            Err(_) => fault(token.start, QasmProblem::Number { text: cited(words) }),
        }
    }

    /// Reads a string of bits, of which the last is the lowest.
    fn bits(&self, token: Token) -> Read<Term> {
        let words = self.lexer.words(token);
        let (mut width, mut bits) = (0u8, 0u64);
        for letter in words.get(1..words.len() - 1).unwrap_or_default().bytes().filter(|letter| *letter != b'_') {
            if !matches!(letter, b'0' | b'1') || !self.is_3() {
                return fault(token.start, QasmProblem::NotA { name: cited(words), what: "string of bits" });
            }
            (width, bits) = (width.saturating_add(1), bits << 1 | u64::from(letter - b'0'));
        }
        if width > 64 {
            return unsupported(token.start, "a string of more than 64 bits");
        }
        Ok(Term::Bits { width, bits })
    }
}

/// Returns the bits of an integer as words, of which the lowest comes first.
fn large(digits: &str, base: u32) -> Box<[u64]> {
    let mut words: Vec<u64> = Vec::new();
    for digit in digits.chars().filter_map(|digit| digit.to_digit(base)) {
        let mut carry = u128::from(digit);
        for word in &mut words {
            carry += u128::from(*word) * u128::from(base);
            *word = carry as u64;
            carry >>= 64;
        }
        if carry > 0 {
            words.push(carry as u64);
        }
    }
    words.into()
}
