//! Conditions and loops.

use super::super::fault::{Read, fault, unsupported};
use super::super::lexer::Operator;
use super::super::names::Name;
use super::super::scope::Entity;
use super::super::syntax::{Expression, Index, Statement, Type};
use super::super::value::Value;
use super::Reader;
use super::conditions::Decision;
use crate::error::QasmProblem;

impl<'s> Reader<'s> {
    pub(super) fn conditional(
        &mut self,
        at: u32,
        condition: &Expression,
        then: &[Statement<'s>],
        otherwise: &[Statement<'s>],
    ) -> Read<()> {
        let (outcomes, conditions) = match self.decide(condition, !otherwise.is_empty())? {
            Decision::Known(true) => return self.block(at, then),
            Decision::Known(false) => return self.block(at, otherwise),
            Decision::All(outcomes, conditions) => (outcomes, conditions),
        };
        let outer = self.conditional_level;
        self.conditional_level = Some(outer.unwrap_or(self.scope.level()));
        self.within(&[], &outcomes, &conditions, |reader| reader.block(at, then))?;
        if !otherwise.is_empty() {
            // There is one of them: a conjunction has been written out.
            let outcomes: Vec<_> = outcomes.into_iter().map(|(outcome, value)| (outcome, !value)).collect();
            let mut complements = Vec::with_capacity(conditions.len());
            for condition in conditions {
                if let Value::Condition(complement) = self.unary(at, Operator::Not, Value::Condition(condition))? {
                    complements.push(complement);
                }
            }
            self.within(&[], &outcomes, &complements, |reader| reader.block(at, otherwise))?;
        }
        self.conditional_level = outer;
        Ok(())
    }

    pub(super) fn while_loop(&mut self, at: u32, condition: &Expression, body: &[Statement<'s>]) -> Read<()> {
        loop {
            self.step(at, 1)?;
            match self.decide(condition, false)? {
                Decision::Known(true) => self.block(at, body)?,
                Decision::Known(false) => return Ok(()),
                Decision::All(..) => return unsupported(at, "a loop until a measured value or an input"),
            }
        }
    }

    pub(super) fn for_loop(
        &mut self,
        at: u32,
        (kind, bits): (Type, Option<u32>),
        name: Name,
        over: &Index,
        body: &[Statement<'s>],
    ) -> Read<()> {
        let round = |reader: &mut Self, value: Value| {
            let value = value.cast(kind, bits, at)?;
            reader.step(at, 1)?;
            reader.scope.enter();
            reader.scope.declare(name, Entity::Value { value, kind, bits, constant: false });
            reader.block(at, body)?;
            reader.scope.leave();
            Ok(())
        };
        match over {
            Index::Range(range) => match (&range.start, &range.end) {
                (Some(start), Some(end)) => {
                    let (start, step, end) = self.ends(at, start, range.step.as_ref(), end)?;
                    each(start, step, end, |value| round(self, Value::Integer(value)))
                }
                _ => unsupported(at, "a loop over a range without an end"),
            },
            Index::Set(set) => {
                for one in set {
                    let value = self.evaluate(one)?;
                    round(self, value)?;
                }
                Ok(())
            }
            _ => unsupported(at, "a loop over an array or a register"),
        }
    }

    /// Returns start, step and end of a loop.
    pub(super) fn ends(
        &mut self,
        at: u32,
        start: &Expression,
        step: Option<&Expression>,
        end: &Expression,
    ) -> Read<(i64, i64, i64)> {
        let start = self.evaluate(start)?.integer(start.at())?;
        let step = match step {
            Some(step) => self.evaluate(step)?.integer(step.at())?,
            None => 1,
        };
        let end = self.evaluate(end)?.integer(end.at())?;
        match step {
            0 => fault(at, QasmProblem::NotA { name: "0".to_owned(), what: "step of a range" }),
            step => Ok((start, step, end)),
        }
    }
}

/// Calls `round` with the numbers of a range; its end is inside.
pub(super) fn each(start: i64, step: i64, end: i64, mut round: impl FnMut(i64) -> Read<()>) -> Read<()> {
    let mut next = start;
    while if step > 0 { next <= end } else { next >= end } {
        round(next)?;
        let Some(following) = next.checked_add(step) else { break };
        next = following;
    }
    Ok(())
}
