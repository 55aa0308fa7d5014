//! Calls of gates, on registers and under modifiers.

use super::super::definition::{Callee, Defined, GateCall, Instruction, KnownKind, Numbers};
use super::super::fault::{Read, cited, fault, unsupported};
use super::super::gates::{self, Library, Phase, Row};
use super::super::lexer::Operator;
use super::super::logical::{Angles, Kind};
use super::super::names::Name;
use super::super::syntax::{Call, Modifier};
use super::super::value::{self, Value};
use super::control::each;
use super::power::Transform;
use super::{Reader, Targets, check_qubits};
use crate::error::QasmProblem;
use crate::gate::Gate;
use crate::limits::MAX_QUBITS;
use crate::mask::{Mask, Wide};
use std::rc::Rc;

/// Terms of an angle that count as an operation.
const TERMS_AN_OPERATION: usize = 4;

/// Modifiers of a call, with their numbers.
#[derive(Debug, Default)]
pub(super) struct Modified {
    /// Values of the controls, which are the first qubits.
    pub(super) controls: Vec<bool>,
    /// Inverses and powers; the first acts first.
    pub(super) transforms: Vec<Transform>,
}

impl<'s> Reader<'s> {
    /// Calls a gate on each qubit of registers in turn.
    pub(super) fn call_gate(&mut self, call: &Call<'s>, callee: Callee) -> Read<()> {
        let at = call.at;
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            arguments.push(self.argument(argument)?);
        }
        let modified = self.modified(at, &call.modifiers)?;
        self.check_arity(at, call.name, &callee, &modified, (arguments.len(), call.operands.len()))?;
        let (callee, arguments) = annotated(call.annotated, callee, arguments);
        let mut targets = [const { Targets::One(0) }; 4];
        let mut many = Vec::new();
        let targets = match targets.get_mut(..call.operands.len()) {
            Some(targets) => targets,
            None => {
                many.resize_with(call.operands.len(), || Targets::One(0));
                &mut many[..]
            }
        };
        let mut rounds = None;
        for (target, operand) in targets.iter_mut().zip(&call.operands) {
            *target = self.qubits(operand)?;
            if let Targets::Many(qubits) = &target {
                let (first, second) = (*rounds.get_or_insert(qubits.len()), qubits.len());
                if first != second {
                    return fault(operand.at, QasmProblem::Sizes { first, second });
                }
            }
        }
        let mut qubits = [0; MAX_QUBITS];
        let qubits = &mut qubits[..targets.len()];
        for round in 0..rounds.unwrap_or(1) {
            let mut seen = Wide::EMPTY;
            for (place, target) in targets.iter().enumerate() {
                let qubit = match target {
                    Targets::One(qubit) => *qubit,
                    Targets::Many(qubits) => qubits[round],
                };
                if seen.contains(qubit.into()) {
                    let qubit = self.qubit_name(qubit);
                    return fault(call.operands[place].at, QasmProblem::Repeated { qubit });
                }
                seen |= Wide::of_qubit(qubit.into());
                qubits[place] = qubit;
            }
            self.apply_modified(at, &callee, &arguments, qubits, &modified)?;
        }
        Ok(())
    }

    fn check_arity(
        &self,
        at: u32,
        name: Name,
        callee: &Callee,
        modified: &Modified,
        (angles, qubits): (usize, usize),
    ) -> Read<()> {
        let (expected, own) = callee.arity();
        if expected != angles {
            let name = cited(self.parser.text(name));
            return fault(at, QasmProblem::Angles { name, expected, actual: angles });
        }
        let expected = own + modified.controls.len();
        if expected != qubits {
            let name = cited(self.parser.text(name));
            return fault(at, QasmProblem::Qubits { name, expected, actual: qubits });
        }
        check_qubits(at, qubits)
    }

    fn modified(&mut self, at: u32, modifiers: &[Modifier]) -> Read<Modified> {
        let mut modified = Modified::default();
        for modifier in modifiers {
            match modifier {
                Modifier::Inverse => modified.transforms.push(Transform::Inverse),
                Modifier::Power(power) => {
                    let value = self.evaluate(power)?;
                    if let Value::Angle(_) = value {
                        return unsupported(power.at(), "a power that depends on an input");
                    }
                    modified.transforms.push(Transform::Power(value.number(power.at())?));
                }
                Modifier::Control { value, count } => {
                    let count = match count {
                        Some(count) => self.evaluate(count)?.integer(count.at())?,
                        None => 1,
                    };
                    let all = usize::try_from(count).unwrap_or(0).saturating_add(modified.controls.len());
                    if count < 1 || all > MAX_QUBITS {
                        return fault(at, QasmProblem::NotA { name: count.to_string(), what: "number of controls" });
                    }
                    modified.controls.resize(all, *value);
                }
            }
        }
        modified.transforms.reverse();
        Ok(modified)
    }

    /// Applies a gate to distinct qubits, of which the first are the controls of its modifiers.
    pub(super) fn apply_modified(
        &mut self,
        at: u32,
        callee: &Callee,
        arguments: &[Value],
        qubits: &[u8],
        modified: &Modified,
    ) -> Read<()> {
        let (controls, qubits) = qubits.split_at(modified.controls.len());
        if controls.is_empty() {
            return self.transformed(at, callee, arguments, qubits, &modified.transforms);
        }
        let controls: Vec<(u8, bool)> = controls.iter().copied().zip(modified.controls.iter().copied()).collect();
        self.within(&controls, &[], &[], |reader| {
            reader.transformed(at, callee, arguments, qubits, &modified.transforms)
        })
    }

    /// Applies a gate to distinct qubits.
    pub(super) fn apply(&mut self, at: u32, callee: &Callee, arguments: &[Value], qubits: &[u8]) -> Read<()> {
        match callee {
            Callee::Row(row) => self.apply_row(at, row, arguments, qubits),
            Callee::Phase => self.phase(at, &arguments[0]),
            Callee::Defined(defined) => self.expand(at, defined, arguments, qubits),
        }
    }

    fn apply_row(&mut self, at: u32, row: &Row, arguments: &[Value], qubits: &[u8]) -> Read<()> {
        let (controls, own) = qubits.split_at(row.controls);
        if controls.is_empty() {
            self.gate(at, row.gate, arguments, own)?;
        } else {
            let controls: Vec<(u8, bool)> = controls.iter().map(|qubit| (*qubit, true)).collect();
            self.within(&controls, &[], &[], |reader| reader.gate(at, row.gate, arguments, own))?;
        }
        let version = self.version.0;
        let half =
            |value: Value, sign: f64| value::binary(Operator::Multiply, value, Value::Real(sign / 2.0), version, at);
        match (row.phase, arguments) {
            (Phase::None, _) => Ok(()),
            (Phase::HalfOfFirst, [first, ..]) => self.phase(at, &half(first.clone(), 1.0)?),
            (Phase::MinusHalfOfLastTwo, [.., phi, lambda]) => {
                let sum = value::binary(Operator::Add, phi.clone(), lambda.clone(), version, at)?;
                self.phase(at, &half(sum, -1.0)?)
            }
            _ => Ok(()),
        }
    }

    /// Appends a gate of the table.
    pub(super) fn gate(&mut self, at: u32, gate: Gate, arguments: &[Value], qubits: &[u8]) -> Read<()> {
        let count = gate.angles().len().min(arguments.len());
        self.count(at, 1)?;
        let angles = self.angles(at, &arguments[..count])?;
        self.push(at, Kind::Gate { gate, dagger: false }, angles, qubits);
        Ok(())
    }

    /// Appends a global phase, which is a relative phase under controls.
    pub(super) fn phase(&mut self, at: u32, angle: &Value) -> Read<()> {
        self.count(at, 1)?;
        let angles = self.angles(at, std::slice::from_ref(angle))?;
        self.push(at, Kind::GlobalPhase, angles, &[]);
        Ok(())
    }

    /// Stores the angles of an operation.
    fn angles(&mut self, at: u32, arguments: &[Value]) -> Read<Angles> {
        if arguments.iter().any(|argument| matches!(argument, Value::Angle(_))) {
            let first = self.logical.expressions.len() as u32;
            for argument in arguments {
                let angle = match argument {
                    Value::Angle(angle) => Rc::clone(angle),
                    number => Rc::new(number.number(at)?.into()),
                };
                self.count(at, angle.terms.len() / TERMS_AN_OPERATION)?;
                self.logical.expressions.push(angle);
            }
            return Ok(Angles::Expressions(first));
        }
        let first = self.logical.numbers.len() as u32;
        for argument in arguments {
            let number = argument.number(at)?;
            self.logical.numbers.push(number);
        }
        Ok(Angles::Numbers(first))
    }

    /// Writes out a definition.
    fn expand(&mut self, at: u32, defined: &Defined, arguments: &[Value], qubits: &[u8]) -> Read<()> {
        if let Some(known) = &defined.known {
            match &known.kind {
                KnownKind::Gate(gate) => self.gate(at, *gate, arguments, qubits)?,
                KnownKind::PauliRotation(word) => {
                    self.count(at, 1 + qubits.len() / TERMS_AN_OPERATION)?;
                    let angles = self.angles(at, arguments)?;
                    self.logical.rotations.push((Rc::clone(word), qubits.into()));
                    let place = self.logical.rotations.len() as u32 - 1;
                    self.push(at, Kind::PauliRotation(place), angles, &[]);
                }
            }
            return if known.phase == 0.0 { Ok(()) } else { self.phase(at, &Value::Real(known.phase)) };
        }
        self.write_out(at, defined, arguments, qubits)
    }

    /// Writes out the body of a definition.
    pub(super) fn write_out(&mut self, at: u32, defined: &Defined, arguments: &[Value], qubits: &[u8]) -> Read<()> {
        let Some(body) = &defined.body else { return unsupported(at, "a call of an opaque gate") };
        self.deeper(at)?;
        self.step(at, 1)?;
        let outer = (self.first_local, self.locals.len());
        for argument in arguments {
            // Parameters are numbers: integers divide as such in the text of the caller alone.
            let value = match argument {
                Value::Angle(_) => argument.clone(),
                number => Value::Real(number.number(at)?),
            };
            self.locals.push(value);
        }
        self.first_local = outer.1;
        // The text of a library is none that an error could cite.
        let place = defined.of_library.then_some(at);
        self.instructions_of(body, qubits, place)?;
        self.first_local = outer.0;
        self.locals.truncate(outer.1);
        self.depth -= 1;
        Ok(())
    }

    /// Applies instructions; `place` replaces their places in the text.
    fn instructions_of(&mut self, body: &[Instruction], qubits: &[u8], place: Option<u32>) -> Read<()> {
        for instruction in body {
            match instruction {
                Instruction::Call(call) => self.inner_gate(place.unwrap_or(call.at), call, qubits)?,
                Instruction::For { at, kind, variable, over, body } => {
                    let at = place.unwrap_or(*at);
                    self.inner_loop(at, over, |reader, value| {
                        reader.step(at, 1)?;
                        reader.locals.truncate(reader.first_local + variable);
                        reader.locals.push(value.cast(kind.0, kind.1, at)?);
                        reader.instructions_of(body, qubits, place)
                    })?;
                    self.locals.truncate(self.first_local + variable);
                }
            }
        }
        Ok(())
    }

    fn inner_gate(&mut self, at: u32, call: &GateCall, qubits: &[u8]) -> Read<()> {
        self.step(at, 1)?;
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            arguments.push(self.evaluate(argument)?);
        }
        let modified = self.modified(at, &call.modifiers)?;
        self.check_arity(at, call.name, &call.callee, &modified, (arguments.len(), call.qubits.len()))?;
        let mut own = [0; MAX_QUBITS];
        let own = &mut own[..call.qubits.len()];
        own.iter_mut().zip(&call.qubits).for_each(|(to, place)| *to = qubits[usize::from(*place)]);
        self.apply_modified(at, &call.callee, &arguments, own, &modified)
    }

    fn inner_loop(&mut self, at: u32, over: &Numbers, mut round: impl FnMut(&mut Self, Value) -> Read<()>) -> Read<()> {
        match over {
            Numbers::Range { start, step, end } => {
                let (start, step, end) = self.ends(at, start, step.as_ref(), end)?;
                each(start, step, end, |value| round(self, Value::Integer(value)))?;
            }
            Numbers::Set(set) => {
                for one in set {
                    let value = self.evaluate(one)?;
                    round(self, value)?;
                }
            }
        }
        Ok(())
    }
}

/// Returns the gate that an annotation asks for, if it does the same.
fn annotated(name: Option<&str>, callee: Callee, mut arguments: Vec<Value>) -> (Callee, Vec<Value>) {
    let is_right_angle = |value: &Value| matches!(value, Value::Real(angle) if *angle == std::f64::consts::FRAC_PI_2);
    let is_same = match (callee.table_gate(), name) {
        (Some((Gate::u, 0)), Some("u3")) | (Some((Gate::p, 0)), Some("u1")) => true,
        (Some((Gate::u, 0)), Some("u2")) => arguments.first().is_some_and(is_right_angle),
        _ => false,
    };
    let row = gates::rows(Library::Qelib1).find(|row| is_same && Some(row.name) == name);
    let Some(row) = row else { return (callee, arguments) };
    arguments.drain(..arguments.len() - row.angles);
    (Callee::Row(row), arguments)
}
