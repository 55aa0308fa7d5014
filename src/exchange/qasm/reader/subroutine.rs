//! Subroutines, whose bodies are written out at each call.

use super::super::fault::{Read, cited, fault, unsupported};
use super::super::logical::Bit;
use super::super::scope::Entity;
use super::super::syntax::{
    Action, Argument, Call, Expression, Index, Item, Label, Operand, Parameter, Statement, Subroutine, Term, Type,
};
use super::super::value::Value;
use super::{Reader, Targets};
use crate::error::QasmProblem;
use crate::mask::{Mask, Wide};
use std::rc::Rc;

/// Result of a subroutine.
#[derive(Debug)]
pub(super) enum Returned {
    Nothing,
    Bits(Vec<Bit>),
    Value(Value),
}

impl<'s> Reader<'s> {
    pub(super) fn define_subroutine(&mut self, at: u32, subroutine: &Rc<Subroutine<'s>>) -> Read<()> {
        self.check_global(at, "a subroutine inside a block")?;
        self.declare(subroutine.label, Entity::Subroutine(Rc::clone(subroutine)))
    }

    /// Calls the subroutine of the right side of an assignment.
    pub(super) fn returned(&mut self, call: &Call<'s>) -> Read<Returned> {
        match self.scope.find(call.name) {
            Some(Entity::Subroutine(subroutine)) => {
                let subroutine = Rc::clone(subroutine);
                self.call_subroutine(call, &subroutine)
            }
            Some(_) => self.is_not(call.at, call.name, "subroutine"),
            None => self.unknown(call.at, call.name),
        }
    }

    pub(super) fn call_subroutine(&mut self, call: &Call<'s>, subroutine: &Subroutine<'s>) -> Read<Returned> {
        let at = call.at;
        let name = || cited(self.parser.text(call.name));
        if !call.modifiers.is_empty() {
            return unsupported(at, "modifiers of a subroutine");
        }
        if !call.operands.is_empty() {
            return fault(at, QasmProblem::Qubits { name: name(), expected: 0, actual: call.operands.len() });
        }
        let (expected, actual) = (subroutine.parameters.len(), call.arguments.len());
        if expected != actual {
            return fault(at, QasmProblem::Angles { name: name(), expected, actual });
        }
        let mut entities = Vec::with_capacity(expected);
        let mut seen = Wide::EMPTY;
        for (parameter, argument) in subroutine.parameters.iter().zip(&call.arguments) {
            entities.push(self.bound(at, parameter, argument, &mut seen)?);
        }
        self.deeper(at)?;
        self.step(at, 1 + entities.len())?;
        self.scope.enter_call();
        for (parameter, entity) in subroutine.parameters.iter().zip(entities) {
            self.declare(Label { at: subroutine.label.at, name: parameter.name() }, entity)?;
        }
        let bits = self.bits.len();
        let returned = self.body(subroutine, &subroutine.body)?;
        self.bits.truncate(bits);
        self.scope.leave_call();
        self.depth -= 1;
        Ok(returned)
    }

    fn body(&mut self, subroutine: &Subroutine<'s>, body: &[Statement<'s>]) -> Read<Returned> {
        let (last, statements) = match body.split_last() {
            Some((Statement { at, action: Action::Return(value) }, rest)) => (Some((*at, value)), rest),
            _ => (None, body),
        };
        for statement in statements {
            self.run(statement)?;
        }
        match (&subroutine.returns, last) {
            (None, None | Some((_, None))) => Ok(Returned::Nothing),
            (None, Some((at, Some(_)))) => self.is_not(at, subroutine.label.name, "subroutine that returns a value"),
            (Some(_), None | Some((_, None))) => {
                unsupported(subroutine.label.at, "a subroutine that does not end with `return` and a value")
            }
            (Some((Type::Bit, size)), Some((at, Some(source)))) => {
                let count = self.size(size.as_ref())?.map_or(1, |size| usize::try_from(size).unwrap_or(usize::MAX));
                if count > 64 {
                    return unsupported(at, "a register of more than 64 bits in arithmetic");
                }
                let bits = self.bits_of_source(at, source, count)?;
                match bits.len() == count {
                    true => Ok(Returned::Bits(bits)),
                    false => fault(at, QasmProblem::Sizes { first: count, second: bits.len() }),
                }
            }
            (Some((kind, size)), Some((at, Some(source)))) => {
                let bits = self.width(size.as_ref())?;
                Ok(Returned::Value(self.value_of_source(at, source)?.cast(*kind, bits, at)?))
            }
        }
    }

    /// Returns what a parameter means in a call. Qubits that are `seen` belong to other parameters.
    fn bound(&mut self, at: u32, parameter: &Parameter, argument: &Argument, seen: &mut Wide) -> Read<Entity<'s>> {
        let (kind, size) = match parameter {
            Parameter::Qubits { size, .. } => {
                let size = self.size(size.as_ref())?;
                return self.bound_qubits(at, size, argument, seen);
            }
            Parameter::Value { kind, size, .. } => (*kind, size),
        };
        let bits = self.width(size.as_ref())?;
        let value = self.argument(argument)?.cast(kind, bits, at)?;
        Ok(Entity::Value { value, kind, bits, constant: false })
    }

    fn bound_qubits(&mut self, at: u32, size: Option<i64>, argument: &Argument, seen: &mut Wide) -> Read<Entity<'s>> {
        let operand = match argument {
            Argument::Operand(operand) => operand.clone(),
            Argument::Value(Expression::One(Item { at, term: Term::Name(name) })) => {
                Operand { at: *at, name: *name, index: Index::Whole }
            }
            Argument::Value(expression) => {
                let what = "qubit";
                return fault(expression.at(), QasmProblem::NotA { name: "the value".to_owned(), what });
            }
        };
        let targets = self.qubits(&operand)?;
        for &qubit in targets.as_slice() {
            if seen.contains(qubit.into()) {
                return fault(operand.at, QasmProblem::Repeated { qubit: self.qubit_name(qubit) });
            }
            *seen |= Wide::of_qubit(qubit.into());
        }
        let second = targets.as_slice().len();
        match (size, targets) {
            (None, Targets::One(qubit)) => Ok(Entity::Qubit(qubit)),
            (None, Targets::Many(_)) => fault(at, QasmProblem::Sizes { first: 1, second }),
            (Some(size), _) if size != second as i64 => {
                fault(at, QasmProblem::Sizes { first: usize::try_from(size).unwrap_or(usize::MAX), second })
            }
            (Some(_), Targets::One(qubit)) => Ok(Entity::Qubits([qubit].into())),
            (Some(_), Targets::Many(qubits)) => Ok(Entity::Qubits(qubits)),
        }
    }

    /// Returns the value of an argument.
    pub(super) fn argument(&mut self, argument: &Argument) -> Read<Value> {
        match argument {
            Argument::Value(expression) => self.evaluate(expression),
            Argument::Operand(operand) => self.value_of_operand(operand),
        }
    }
}
