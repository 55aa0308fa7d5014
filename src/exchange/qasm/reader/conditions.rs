//! Conditions on measured bits: conjunctions of literals, or polynomials over GF(2) of what bits are.

use super::super::fault::{Read, unsupported};
use super::super::lexer::Operator;
use super::super::logical::{Angles, Bit, Computation, Kind, Outcome, Rule};
use super::super::names::Name;
use super::super::scope::Entity;
use super::super::syntax::{Expression, Function, Item, Term, Type};
use super::super::value::Value;
use super::Reader;
use crate::circuit::Condition;
use std::rc::Rc;

/// Most outcomes of which a condition is written out.
const SUPPORT: usize = 16;

/// Terms of written-out conditions that count as a step.
const WRITTEN_A_STEP: usize = 4;

/// Bits of a register that count as a step where they are compared.
const COMPARED_A_STEP: usize = 16;

/// Polynomial: outcomes and terms.
pub(super) type Polynomial = (Vec<Outcome>, Vec<u16>);

/// Outcomes that are taken as known while an expression is evaluated.
#[derive(Debug)]
pub(super) struct Assumed {
    outcomes: Vec<Outcome>,
    values: usize,
    /// Whether further outcomes are noted.
    collects: bool,
}

impl Assumed {
    pub(super) fn value(&mut self, at: u32, outcome: Outcome) -> Read<bool> {
        let known = self.outcomes.iter().position(|other| *other == outcome);
        match known {
            Some(place) => Ok(self.values >> place & 1 == 1),
            None if !self.collects => unsupported(at, "an index that depends on a measured value"),
            None if self.outcomes.len() == SUPPORT => unsupported(at, "a condition on more than 16 measured bits"),
            None => {
                self.outcomes.push(outcome);
                Ok(false)
            }
        }
    }
}

/// Value of a condition, as far as it is known.
#[derive(Debug)]
pub(super) enum Decision {
    Known(bool),
    /// All of these literals and conditions on inputs.
    All(Vec<(Outcome, bool)>, Vec<Rc<Condition>>),
}

/// Value that may depend on measured bits.
#[derive(Debug)]
enum Symbol {
    Value(Value),
    /// Classical bits: the first and their number.
    Register(usize, usize),
    Large(u32),
    All(Vec<(Outcome, bool)>, Vec<Rc<Condition>>),
}

impl Reader<'_> {
    /// Decides a condition, or says on what it depends. With `both` the caller also needs the complement: a condition
    /// on measured bits becomes a single literal.
    pub(super) fn decide(&mut self, expression: &Expression, both: bool) -> Read<Decision> {
        let items = expression.items();
        self.step(expression.at(), 1 + items.len() / WRITTEN_A_STEP)?;
        match self.symbol(items)? {
            Some(Symbol::Value(Value::Condition(condition))) => Ok(Decision::All(Vec::new(), vec![condition])),
            Some(Symbol::Value(value)) => Ok(Decision::Known(value.truth(expression.at())?)),
            Some(Symbol::All(outcomes, conditions)) if !both || outcomes.len() + conditions.len() < 2 => {
                Ok(Decision::All(outcomes, conditions))
            }
            Some(Symbol::All(outcomes, conditions)) if !outcomes.is_empty() && !conditions.is_empty() => {
                unsupported(expression.at(), "`else` of a condition on measured bits and inputs together")
            }
            _ => {
                let at = expression.at();
                let bits = self.written_out(expression, 1, |value| value.truth(at).map(u64::from))?;
                match bits[..] {
                    [Bit::Outcome(outcome)] => Ok(Decision::All(vec![(outcome, true)], Vec::new())),
                    _ => Ok(Decision::Known(bits.contains(&Bit::Known(true)))),
                }
            }
        }
    }

    /// Returns the value of an expression as literals, if it is so simple.
    fn symbol(&mut self, items: &[Item]) -> Read<Option<Symbol>> {
        let mut stack: Vec<Symbol> = Vec::new();
        for item in items {
            let symbol = match item.term {
                Term::Name(name) => match self.scope.find(name) {
                    Some(Entity::Bits { first, count, .. }) => Symbol::Register(*first as usize, *count as usize),
                    _ => Symbol::Value(self.named(item.at, name)?),
                },
                Term::Large(place) => Symbol::Large(place),
                Term::Entry(name) => {
                    let Some(Symbol::Value(index)) = stack.pop() else { return Ok(None) };
                    self.symbol_of_entry(item.at, name, index.integer(item.at)?)?
                }
                Term::Unary(operator) => {
                    let Some(operand) = stack.pop() else { return Ok(None) };
                    match self.negated(operator, operand, item.at)? {
                        Some(symbol) => symbol,
                        None => return Ok(None),
                    }
                }
                Term::Binary(operator) => {
                    let (Some(right), Some(left)) = (stack.pop(), stack.pop()) else { return Ok(None) };
                    match self.joined(operator, left, right, item.at)? {
                        Some(symbol) => symbol,
                        None => return Ok(None),
                    }
                }
                Term::Call(function) => {
                    let operands = stack.split_off(stack.len().saturating_sub(function.operands()));
                    match self.symbol_of_call(item.at, function, operands)? {
                        Some(symbol) => symbol,
                        None => return Ok(None),
                    }
                }
                _ => Symbol::Value(self.evaluate_items(&[*item])?),
            };
            stack.push(symbol);
        }
        Ok(match stack.pop() {
            Some(Symbol::Register(first, 1)) => Some(self.simplified(first, 1)),
            Some(Symbol::Register(..)) => None,
            other => other,
        })
    }

    fn symbol_of_call(&mut self, at: u32, function: Function, operands: Vec<Symbol>) -> Read<Option<Symbol>> {
        let mut values = Vec::with_capacity(operands.len());
        let mut register = None;
        for operand in operands {
            match operand {
                Symbol::Value(value) => values.push(value),
                Symbol::Register(first, count) if register.is_none() => register = Some((first, count)),
                _ => return Ok(None),
            }
        }
        match (function, register, &values[..]) {
            (_, None, values) => self.called(at, function, values).map(|value| Some(Symbol::Value(value))),
            // The bits of a register are those of a number without a sign.
            (Function::Cast(Type::Uint), Some((first, count)), []) if count <= 64 => {
                Ok(Some(Symbol::Register(first, count)))
            }
            (Function::Cast(Type::Int), Some((first, count)), []) if count < 64 => {
                Ok(Some(Symbol::Register(first, count)))
            }
            (Function::SizedCast(Type::Uint), Some((first, count)), [size]) => match usize::try_from(size.integer(at)?)
            {
                Ok(size @ 1..) => Ok(Some(Symbol::Register(first, count.min(size)))),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    fn symbol_of_entry(&mut self, at: u32, name: Name, index: i64) -> Read<Symbol> {
        match self.scope.find(name) {
            Some(Entity::Bits { first, count, .. }) => {
                let (first, count) = (*first as usize, *count as usize);
                Ok(self.simplified(first + self.place(at, index, count)?, 1))
            }
            _ => self.entry(at, name, index).map(Symbol::Value),
        }
    }

    /// Returns a register of one bit as a value or a literal.
    fn simplified(&self, first: usize, count: usize) -> Symbol {
        match (count, self.bits.get(first)) {
            (1, Some(Bit::Known(value))) => Symbol::Value(Value::Truth(*value)),
            (1, Some(Bit::Outcome(outcome))) => Symbol::All(vec![(*outcome, true)], Vec::new()),
            _ => Symbol::Register(first, count),
        }
    }

    fn negated(&mut self, operator: Operator, operand: Symbol, at: u32) -> Read<Option<Symbol>> {
        let operand = match operand {
            Symbol::Register(first, 1) => self.simplified(first, 1),
            other => other,
        };
        Ok(match (operator, operand) {
            (_, Symbol::Value(value)) => Some(Symbol::Value(self.unary(at, operator, value)?)),
            (Operator::Not | Operator::Complement, Symbol::All(outcomes, conditions)) => {
                match (&outcomes[..], &conditions[..]) {
                    ([(outcome, value)], []) => Some(Symbol::All(vec![(*outcome, !value)], Vec::new())),
                    _ => None,
                }
            }
            _ => None,
        })
    }

    fn joined(&mut self, operator: Operator, left: Symbol, right: Symbol, at: u32) -> Read<Option<Symbol>> {
        let [left, right] = [left, right].map(|side| match side {
            Symbol::Register(first, 1) if operator == Operator::And => self.simplified(first, 1),
            other => other,
        });
        Ok(match (operator, left, right) {
            (_, Symbol::Value(left), Symbol::Value(right)) => {
                Some(Symbol::Value(self.binary(at, operator, left, right)?))
            }
            (Operator::And, left, right) => conjunction(left, right, at)?,
            (Operator::Equal | Operator::NotEqual, Symbol::Register(first, count), other)
            | (Operator::Equal | Operator::NotEqual, other, Symbol::Register(first, count)) => {
                self.compared(operator == Operator::Equal, (first, count), other, at)?
            }
            (Operator::Equal | Operator::NotEqual, Symbol::All(literals, conditions), Symbol::Value(value))
            | (Operator::Equal | Operator::NotEqual, Symbol::Value(value), Symbol::All(literals, conditions)) => {
                let integer = value.integer(at).ok();
                match (&literals[..], &conditions[..], integer) {
                    ([(outcome, is)], [], Some(value @ 0..=1)) => {
                        let same = (operator == Operator::Equal) == (value == 1);
                        Some(Symbol::All(vec![(*outcome, *is == same)], Vec::new()))
                    }
                    _ => None,
                }
            }
            _ => None,
        })
    }

    /// Compares a register with a number.
    fn compared(&mut self, equal: bool, register: (usize, usize), other: Symbol, at: u32) -> Read<Option<Symbol>> {
        let (first, count) = register;
        self.step(at, count / COMPARED_A_STEP)?;
        let small;
        let words: &[u64] = match other {
            Symbol::Large(place) => self.parser.large.get(place as usize).map_or(&[], |words| &words[..]),
            Symbol::Value(Value::Integer(negative)) if negative < 0 => {
                return Ok(Some(Symbol::Value(Value::Truth(!equal))));
            }
            Symbol::Value(Value::Real(value)) if value.fract() != 0.0 => {
                return Ok(Some(Symbol::Value(Value::Truth(!equal))));
            }
            Symbol::Value(value) => {
                small = [match value {
                    Value::Bits { bits, .. } => bits,
                    other => other.integer(at)? as u64,
                }];
                &small
            }
            _ => return Ok(None),
        };
        let bit = |place: usize| words.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1);
        let mut literals = Vec::new();
        let mut differs = (count..words.len() * 64).any(bit);
        for place in 0..count {
            match self.bits.get(first + place) {
                Some(Bit::Outcome(outcome)) => literals.push((*outcome, bit(place))),
                Some(Bit::Known(value)) => differs |= *value != bit(place),
                None => {}
            }
        }
        let literals = if differs { None } else { reduced(literals) };
        Ok(match literals {
            None => Some(Symbol::Value(Value::Truth(!equal))),
            Some(literals) if literals.is_empty() => Some(Symbol::Value(Value::Truth(equal))),
            Some(literals) if equal => Some(Symbol::All(literals, Vec::new())),
            Some(literals) => match literals[..] {
                [(outcome, value)] => Some(Symbol::All(vec![(outcome, !value)], Vec::new())),
                _ => None,
            },
        })
    }

    /// Returns the lowest bits of any expression's value; `bits` returns them of a value.
    pub(super) fn written_out(
        &mut self,
        expression: &Expression,
        count: usize,
        bits: impl Fn(&Value) -> Read<u64>,
    ) -> Read<Vec<Bit>> {
        let at = expression.at();
        let (value, support) = self.with_support(expression)?;
        bits(&value)?;
        let size = 1usize << support.len();
        self.step(at, size.saturating_mul(expression.items().len()) / WRITTEN_A_STEP)?;
        let mut table = Vec::with_capacity(size);
        for values in 0..size {
            self.assumed = Some(Assumed { outcomes: support.clone(), values, collects: false });
            table.push(bits(&self.evaluate(expression)?)?);
        }
        self.assumed = None;
        self.step(at, size.saturating_mul(count - 1) / WRITTEN_A_STEP)?;
        let bit = |place: usize| table.iter().map(|bits| bits >> place & 1 == 1).collect();
        (0..count).map(|place| self.polynomial(at, support.clone(), bit(place))).collect()
    }

    /// Returns the value of an expression where all outcomes are 0, and the outcomes on which it depends.
    pub(super) fn with_support(&mut self, expression: &Expression) -> Read<(Value, Vec<Outcome>)> {
        self.assumed = Some(Assumed { outcomes: Vec::new(), values: 0, collects: true });
        let value = self.evaluate(expression)?;
        let support = self.assumed.take().map(|assumed| assumed.outcomes).unwrap_or_default();
        Ok((value, support))
    }

    /// Returns the bit with a table of values as a polynomial over GF(2).
    fn polynomial(&mut self, at: u32, support: Vec<Outcome>, mut table: Vec<bool>) -> Read<Bit> {
        for place in 0..support.len() {
            for values in (0..table.len()).filter(|values| values >> place & 1 == 1) {
                table[values] ^= table[values ^ 1 << place];
            }
        }
        let terms: Vec<u16> = (0..table.len()).filter(|values| table[*values]).map(|values| values as u16).collect();
        match terms[..] {
            [] => return Ok(Bit::Known(false)),
            [0] => return Ok(Bit::Known(true)),
            [one] if one.is_power_of_two() => return Ok(Bit::Outcome(support[one.ilog2() as usize])),
            _ => {}
        }
        let polynomial = (support, terms);
        if let Some(outcome) = self.computed.get(&polynomial) {
            return Ok(Bit::Outcome(*outcome));
        }
        self.count(at, polynomial.1.len())?;
        let outcome = self.logical.new_outcome();
        let (support, terms) = polynomial.clone();
        self.computed.insert(polynomial, outcome);
        self.compute(at, Computation { outcome, rule: Rule::Polynomial { support, terms } }, &[]);
        Ok(Bit::Outcome(outcome))
    }

    /// Appends the computation of a bit.
    pub(super) fn compute(&mut self, at: u32, computation: Computation, qubits: &[u8]) {
        self.logical.computations.push(computation);
        let kind = Kind::Compute(self.logical.computations.len() as u32 - 1);
        self.push(at, kind, Angles::Numbers(0), qubits);
    }
}

/// Returns literals without repetitions, or `None` if they contradict each other.
fn reduced(mut literals: Vec<(Outcome, bool)>) -> Option<Vec<(Outcome, bool)>> {
    literals.sort_unstable();
    literals.dedup();
    let contradict = literals.windows(2).any(|pair| pair[0].0 == pair[1].0);
    (!contradict).then_some(literals)
}

/// Side of a conjunction: known, or literals and conditions on inputs.
enum Side {
    Known(bool),
    All(Vec<(Outcome, bool)>, Vec<Rc<Condition>>),
}

/// Returns a symbol as a side of a conjunction, if it is so simple.
fn side(symbol: Symbol, at: u32) -> Read<Option<Side>> {
    Ok(match symbol {
        Symbol::Value(Value::Condition(condition)) => Some(Side::All(Vec::new(), vec![condition])),
        Symbol::Value(value) => Some(Side::Known(value.truth(at)?)),
        Symbol::All(outcomes, conditions) => Some(Side::All(outcomes, conditions)),
        Symbol::Register(..) | Symbol::Large(_) => None,
    })
}

/// Returns what holds where both sides hold.
fn conjunction(left: Symbol, right: Symbol, at: u32) -> Read<Option<Symbol>> {
    let (Some(left), Some(right)) = (side(left, at)?, side(right, at)?) else { return Ok(None) };
    Ok(Some(match (left, right) {
        (Side::Known(false), _) | (_, Side::Known(false)) => Symbol::Value(Value::Truth(false)),
        (Side::Known(true), Side::Known(true)) => Symbol::Value(Value::Truth(true)),
        (Side::Known(true), Side::All(outcomes, conditions)) | (Side::All(outcomes, conditions), Side::Known(true)) => {
            Symbol::All(outcomes, conditions)
        }
        (Side::All(mut outcomes, mut conditions), Side::All(more, further)) => {
            outcomes.extend(more);
            conditions.extend(further);
            match reduced(outcomes) {
                Some(outcomes) => Symbol::All(outcomes, conditions),
                None => Symbol::Value(Value::Truth(false)),
            }
        }
    }))
}
