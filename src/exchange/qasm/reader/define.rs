//! Definitions of gates: their names are looked up once, where they are defined.

use super::super::definition::{Callee, Defined, GateCall, Instruction, Numbers};
use super::super::fault::{Read, cited, fault, unsupported};
use super::super::names::Name;
use super::super::scope::Entity;
use super::super::syntax::{
    Action, Argument, Call, Definition, Expression, Index, Item, Modifier, Operand, Statement, Term, Type,
};
use super::super::value::Value;
use super::{Reader, check_qubits};
use crate::error::QasmProblem;
use crate::mask::{Mask, Wide};
use std::collections::HashMap;
use std::rc::Rc;

/// Names of a definition: its qubits, and its parameters and loop variables.
struct Inner {
    qubits: HashMap<usize, u8>,
    locals: Vec<Name>,
}

impl<'s> Reader<'s> {
    pub(super) fn define_gate(&mut self, at: u32, definition: &Definition<'s>) -> Read<()> {
        self.check_global(at, "a gate that is defined inside a block")?;
        let label = definition.label;
        let may_replace = self.version.0 == 2
            && match self.scope.global(label.name) {
                Some(Entity::Gate(Callee::Row(_))) => true,
                Some(Entity::Gate(Callee::Defined(defined))) => defined.of_library,
                _ => false,
            };
        if self.scope.global(label.name).is_some() && !may_replace {
            return fault(label.at, QasmProblem::Redeclared { name: cited(self.parser.text(label.name)) });
        }
        let mut defined = self.compiled(definition, false)?;
        defined.known = self.recognized(self.parser.text(label.name), &defined);
        self.scope.set_global(label.name, Entity::Gate(Callee::Defined(Rc::new(defined))));
        Ok(())
    }

    /// Looks up the names of a definition.
    pub(super) fn compiled(&mut self, definition: &Definition<'s>, of_library: bool) -> Read<Defined> {
        check_qubits(definition.label.at, definition.qubits.len())?;
        let qubits = definition.qubits.iter().zip(0..).map(|(name, place)| (name.index(), place)).collect();
        let mut inner = Inner { qubits, locals: definition.parameters.clone() };
        let body = match &definition.body {
            Some(body) => Some(self.instructions(body, &mut inner)?),
            None => None,
        };
        let (parameters, qubits) = (definition.parameters.len(), definition.qubits.len());
        Ok(Defined { parameters, qubits, body, of_library, known: None })
    }

    fn instructions(&mut self, body: &[Statement<'s>], inner: &mut Inner) -> Read<Vec<Instruction>> {
        let mut instructions = Vec::with_capacity(body.len());
        for statement in body {
            let at = statement.at;
            match &statement.action {
                Action::Nothing => {}
                Action::Barrier(operands) => {
                    for operand in operands {
                        self.inner_qubit(operand, inner)?;
                    }
                }
                Action::Call(call) => instructions.push(Instruction::Call(self.inner_call(call, inner)?)),
                Action::Block(body) => instructions.extend(self.instructions(body, inner)?),
                Action::For { kind, size, name, over, body } => {
                    let bits = match size {
                        Some(size) => {
                            let size = self.inner_expression(size, inner)?;
                            self.width(Some(&size))?
                        }
                        None => None,
                    };
                    let kind = (kind.unwrap_or(Type::Int), bits);
                    let over = self.numbers(at, over, inner)?;
                    let variable = inner.locals.len();
                    inner.locals.push(*name);
                    let body = self.instructions(body, inner)?;
                    inner.locals.truncate(variable);
                    instructions.push(Instruction::For { at, kind, variable, over, body });
                }
                _ => return unsupported(at, "a statement in a gate that is no gate"),
            }
        }
        Ok(instructions)
    }

    fn inner_qubit(&self, operand: &Operand, inner: &Inner) -> Read<u8> {
        let Operand { at, name, index } = operand;
        match (inner.qubits.get(&name.index()), index) {
            (Some(qubit), Index::Whole) => Ok(*qubit),
            (Some(_), _) => self.is_not(*at, *name, "register"),
            (None, _) if self.scope.global(*name).is_some() => self.is_not(*at, *name, "qubit of this gate"),
            (None, _) => self.unknown(*at, *name),
        }
    }

    fn inner_call(&mut self, call: &Call<'s>, inner: &Inner) -> Read<GateCall> {
        let at = call.at;
        let callee = match self.scope.global(call.name) {
            Some(Entity::Gate(callee)) => callee.clone(),
            Some(_) => return self.is_not(at, call.name, "gate"),
            None => return self.unknown(at, call.name),
        };
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            match argument {
                Argument::Value(expression) => arguments.push(self.inner_expression(expression, inner)?),
                Argument::Operand(operand) => match operand.as_entry() {
                    Some(entry) => arguments.push(self.inner_expression(&entry, inner)?),
                    None => return self.is_not(operand.at, operand.name, "number"),
                },
            }
        }
        let mut modifiers = Vec::with_capacity(call.modifiers.len());
        for modifier in &call.modifiers {
            modifiers.push(match modifier {
                Modifier::Inverse => Modifier::Inverse,
                Modifier::Power(power) => Modifier::Power(self.inner_expression(power, inner)?),
                Modifier::Control { value, count: None } => Modifier::Control { value: *value, count: None },
                Modifier::Control { value, count: Some(count) } => {
                    Modifier::Control { value: *value, count: Some(self.inner_expression(count, inner)?) }
                }
            });
        }
        let mut qubits = Vec::with_capacity(call.operands.len());
        let mut seen = Wide::EMPTY;
        for operand in &call.operands {
            let qubit = self.inner_qubit(operand, inner)?;
            if seen.contains(qubit.into()) {
                let qubit = cited(self.parser.text(operand.name));
                return fault(operand.at, QasmProblem::Repeated { qubit });
            }
            seen |= Wide::of_qubit(qubit.into());
            qubits.push(qubit);
        }
        let (expected, _) = callee.arity();
        if expected != arguments.len() {
            let name = cited(self.parser.text(call.name));
            return fault(at, QasmProblem::Angles { name, expected, actual: arguments.len() });
        }
        Ok(GateCall { at, name: call.name, callee, modifiers, arguments, qubits })
    }

    /// Looks up the names of an expression: constants become numbers, parameters and loop variables become locals.
    fn inner_expression(&mut self, expression: &Expression, inner: &Inner) -> Read<Expression> {
        let mut items: Vec<Item> = expression.items().to_vec();
        for item in &mut items {
            let name = match item.term {
                Term::Name(name) | Term::Entry(name) => name,
                _ => continue,
            };
            if let Term::Entry(_) = item.term {
                let is_local = inner.locals.contains(&name);
                match self.scope.global(name).filter(|_| !is_local) {
                    Some(Entity::Value { constant: true, .. }) => item.term = Term::GlobalEntry(name),
                    None if !is_local => return self.unknown(item.at, name),
                    _ => return self.is_not(item.at, name, "constant register of bits"),
                }
                continue;
            }
            if let Some(place) = inner.locals.iter().rposition(|local| *local == name) {
                item.term = Term::Local(place as u32);
                continue;
            }
            let constant = match self.scope.global(name) {
                Some(Entity::Value { value, constant: true, .. }) => Value::as_term(value),
                Some(_) => return self.is_not(item.at, name, "constant or parameter of this gate"),
                None => return self.unknown(item.at, name),
            };
            match constant {
                Some(term) => item.term = term,
                None => return unsupported(item.at, "an input inside of a gate; give it as a parameter"),
            }
        }
        Ok(match items[..] {
            [one] => Expression::One(one),
            _ => Expression::Many(items.into()),
        })
    }

    fn numbers(&mut self, at: u32, over: &Index, inner: &Inner) -> Read<Numbers> {
        match over {
            Index::Range(range) => match (&range.start, &range.step, &range.end) {
                (Some(start), step, Some(end)) => Ok(Numbers::Range {
                    start: self.inner_expression(start, inner)?,
                    step: match step {
                        Some(step) => Some(self.inner_expression(step, inner)?),
                        None => None,
                    },
                    end: self.inner_expression(end, inner)?,
                }),
                _ => unsupported(at, "a loop over a range without an end"),
            },
            Index::Set(set) => {
                let set: Read<Vec<Expression>> = set.iter().map(|one| self.inner_expression(one, inner)).collect();
                Ok(Numbers::Set(set?.into()))
            }
            _ => unsupported(at, "a loop over an array or a register"),
        }
    }
}
