//! Qubits and bits that operands name.

use super::super::fault::{Read, fault, unsupported};
use super::super::scope::Entity;
use super::super::syntax::{Expression, Index, Operand, Range};
use super::super::value::Value;
use super::{Reader, Targets, check_qubits};
use crate::error::QasmProblem;
use std::rc::Rc;

/// Bits of an operand.
#[derive(Debug)]
pub(super) enum Places {
    /// First and number of neighbours.
    Run(usize, usize),
    List(Vec<usize>),
}

impl Places {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Run(_, count) => *count,
            Self::List(list) => list.len(),
        }
    }

    pub(super) fn get(&self, index: usize) -> usize {
        match self {
            Self::Run(first, _) => first + index,
            Self::List(list) => list[index],
        }
    }
}

impl<'s> Reader<'s> {
    /// Returns the qubits of an operand.
    pub(super) fn qubits(&mut self, operand: &Operand) -> Read<Targets> {
        let Operand { at, name, index } = operand;
        let list = match self.scope.find(*name) {
            Some(Entity::Qubits(list)) => Rc::clone(list),
            Some(Entity::Qubit(qubit)) => {
                let qubit = *qubit;
                return match index {
                    Index::Whole => Ok(Targets::One(qubit)),
                    _ => self.is_not(*at, *name, "register"),
                };
            }
            Some(_) => return self.is_not(*at, *name, "qubit"),
            None => return self.physical(operand),
        };
        match index {
            Index::Whole => Ok(Targets::Many(list)),
            Index::One(one) => {
                let place = self.evaluate(one)?.integer(one.at())?;
                let place = self.place(one.at(), place, list.len())?;
                Ok(Targets::One(list[place]))
            }
            Index::Set(set) => {
                let places = self.set(set, list.len())?;
                Ok(Targets::Many(places.into_iter().map(|place| list[place]).collect()))
            }
            Index::Range(range) => {
                let places = self.range(*at, range, list.len())?;
                Ok(Targets::Many(places.into_iter().map(|place| list[place]).collect()))
            }
        }
    }

    /// Returns a physical qubit.
    fn physical(&mut self, operand: &Operand) -> Read<Targets> {
        let Operand { at, name, .. } = *operand;
        let Some(number) = self.parser.text(name).strip_prefix('$') else { return self.unknown(at, name) };
        let number = number.parse().unwrap_or(usize::MAX - 1);
        check_qubits(at, number.saturating_add(1))?;
        if self.qubits > 0 {
            return unsupported(at, "physical qubits beside registers of qubits");
        }
        self.hardware = self.hardware.max(number + 1);
        Ok(Targets::One(number as u8))
    }

    /// Returns the bits of an operand.
    pub(super) fn bits_of(&mut self, operand: &Operand) -> Read<Places> {
        let Operand { at, name, index } = operand;
        let (first, count) = match self.scope.find(*name) {
            Some(Entity::Bits { first, count, .. }) => (*first as usize, *count as usize),
            Some(_) => return self.is_not(*at, *name, "classical bit"),
            None => return self.unknown(*at, *name),
        };
        match index {
            Index::Whole => Ok(Places::Run(first, count)),
            Index::One(one) => {
                let place = self.evaluate(one)?.integer(one.at())?;
                Ok(Places::Run(first + self.place(one.at(), place, count)?, 1))
            }
            Index::Set(set) => {
                let places = self.set(set, count)?;
                Ok(Places::List(places.into_iter().map(|place| first + place).collect()))
            }
            Index::Range(range) => {
                let places = self.range(*at, range, count)?;
                Ok(Places::List(places.into_iter().map(|place| first + place).collect()))
            }
        }
    }

    /// Returns the place of an index, which OpenQASM 3 may count from the end.
    pub(super) fn place(&self, at: u32, index: i64, size: usize) -> Read<usize> {
        let from_start = if index < 0 && self.version.0 != 2 { index.saturating_add(size as i64) } else { index };
        match usize::try_from(from_start) {
            Ok(place) if place < size => Ok(place),
            _ => fault(at, QasmProblem::Index { index, size }),
        }
    }

    /// Returns the places of a set of indices.
    fn set(&mut self, set: &[Expression], size: usize) -> Read<Vec<usize>> {
        let mut places = Vec::with_capacity(set.len());
        for one in set {
            self.step(one.at(), 1)?;
            let place = self.evaluate(one)?.integer(one.at())?;
            places.push(self.place(one.at(), place, size)?);
        }
        Ok(places)
    }

    /// Returns the places of a range of indices.
    fn range(&mut self, at: u32, range: &Range, size: usize) -> Read<Vec<usize>> {
        let step = self.number_or(range.step.as_ref(), 1)?;
        if step == 0 {
            return fault(at, QasmProblem::NotA { name: "0".to_owned(), what: "step of a range" });
        }
        let last = size as i64 - 1;
        let (start, end) = if step > 0 { (0, last) } else { (last, 0) };
        let ends = [(range.start.as_ref(), start), (range.end.as_ref(), end)];
        let mut from_start = [0; 2];
        for (to, (given, otherwise)) in from_start.iter_mut().zip(ends) {
            let number = self.number_or(given, otherwise)?;
            *to = if number < 0 { number.saturating_add(size as i64) } else { number };
        }
        let [start, end] = from_start;
        let (mut places, mut next) = (Vec::new(), start);
        while if step > 0 { next <= end } else { next >= end } {
            places.push(self.place(at, next, size)?);
            let Some(following) = next.checked_add(step) else { break };
            next = following;
        }
        self.step(at, places.len() / 8)?;
        Ok(places)
    }

    fn number_or(&mut self, given: Option<&Expression>, otherwise: i64) -> Read<i64> {
        match given {
            Some(expression) => self.evaluate(expression)?.integer(expression.at()),
            None => Ok(otherwise),
        }
    }

    /// Returns the value of an operand that stands as an argument.
    pub(super) fn value_of_operand(&mut self, operand: &Operand) -> Read<Value> {
        let Operand { at, name, index } = operand;
        match index {
            Index::Whole => self.named(*at, *name),
            Index::One(one) => {
                let place = self.evaluate(one)?.integer(one.at())?;
                self.entry(*at, *name, place)
            }
            _ => self.is_not(*at, *name, "value"),
        }
    }
}
