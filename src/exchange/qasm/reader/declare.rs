//! Declarations of registers, variables, inputs and names for them.

use super::super::definition::Callee;
use super::super::fault::{Read, cited, fault, unsupported};
use super::super::gates::{Library, QELIB1_DEFINITIONS};
use super::super::logical::Bit;
use super::super::parser::Parser;
use super::super::scope::Entity;
use super::super::syntax::{Action, Expression, Label, Operand, Source, Type};
use super::super::value::Value;
use super::assign::BITS_A_STEP;
use super::{Declared, Input, Reader, check_qubits};
use crate::circuit::input;
use crate::error::QasmProblem;
use crate::mask::{Mask, Wide};
use std::rc::Rc;

/// Most classical bits of a text.
const BITS: usize = 1 << 20;

/// Most inputs of a text.
const INPUTS: usize = 1 << 20;

impl<'s> Reader<'s> {
    pub(super) fn include(&mut self, at: u32, file: &'s str) -> Read<()> {
        self.check_global(at, "an `include` inside a block")?;
        match (file, self.version.0) {
            ("qelib1.inc", 2) => self.load(Library::Qelib1),
            ("qelib1.inc", _) => {
                // A gate of both libraries is the gate of OpenQASM 3.
                self.load(Library::Qelib1);
                self.load(Library::StdGates);
            }
            ("stdgates.inc", 3) => {
                self.load(Library::StdGates);
                return Ok(());
            }
            _ => return fault(at, QasmProblem::Include { file: cited(file) }),
        }
        self.define_library(QELIB1_DEFINITIONS)
    }

    /// Defines the gates of a library's text.
    fn define_library(&mut self, text: &'static str) -> Read<()> {
        let mut library = Parser::new(text, 2, self.config.limits.depth(), false)?;
        // Both texts have the same numbers of names; the words of the language have them anyway.
        std::mem::swap(&mut self.parser.lexer.names, &mut library.lexer.names);
        let mut definitions = Vec::new();
        while !library.is_at_end() {
            definitions.push(library.statement()?);
        }
        std::mem::swap(&mut self.parser.lexer.names, &mut library.lexer.names);
        for definition in definitions {
            if let Action::Gate(definition) = definition.action {
                let defined = self.compiled(&definition, true)?;
                self.scope.set_global(definition.label.name, Entity::Gate(Callee::Defined(Rc::new(defined))));
            }
        }
        Ok(())
    }

    pub(super) fn declare(&mut self, label: Label, entity: Entity<'s>) -> Read<()> {
        match self.scope.declare(label.name, entity) {
            true => Ok(()),
            false => fault(label.at, QasmProblem::Redeclared { name: cited(self.parser.text(label.name)) }),
        }
    }

    pub(super) fn declare_qubits(&mut self, at: u32, label: Label, size: Option<&Expression>, old: bool) -> Read<()> {
        self.check_global(at, "qubits that are declared inside a block")?;
        if self.hardware > 0 {
            return unsupported(at, "physical qubits beside registers of qubits");
        }
        let size = self.size(size)?;
        let count = size.map_or(1, |size| usize::try_from(size).unwrap_or(usize::MAX));
        let first = self.qubits;
        check_qubits(at, first.saturating_add(count))?;
        let entity = match size {
            None if !old || self.version.0 != 2 => Entity::Qubit(first as u8),
            _ => Entity::Qubits((first..first + count).map(|qubit| qubit as u8).collect()),
        };
        self.declare(label, entity)?;
        self.registers.push(Declared { name: self.parser.text(label.name).to_owned(), first, count });
        self.qubits += count;
        Ok(())
    }

    pub(super) fn declare_bits(
        &mut self,
        label: Label,
        size: Option<&Expression>,
        old: bool,
        value: Option<&Source<'s>>,
    ) -> Read<()> {
        let size = self.size(size)?;
        let count = size.map_or(1, |size| usize::try_from(size).unwrap_or(usize::MAX));
        let first = self.bits.len();
        let bits = first.saturating_add(count);
        if bits > BITS {
            return fault(label.at, QasmProblem::TooManyBits { bits, limit: BITS });
        }
        // The bits are new: their values elsewhere do not matter.
        let values = match value {
            Some(source) => self.bits_of_source(label.at, source, count)?,
            None => vec![Bit::Known(false); count],
        };
        if values.len() != count {
            return fault(label.at, QasmProblem::Sizes { first: count, second: values.len() });
        }
        self.step(label.at, count / BITS_A_STEP)?;
        self.bits.extend(values);
        let single = size.is_none() && !(old && self.version.0 == 2);
        self.declare(label, Entity::Bits { first: first as u32, count: count as u32, single })?;
        if self.is_global() {
            self.bit_registers.push(Declared { name: self.parser.text(label.name).to_owned(), first, count });
        }
        Ok(())
    }

    pub(super) fn declare_variable(&mut self, action: &Action<'s>) -> Read<()> {
        let Action::Variable { kind, size, label, value, constant } = action else { return Ok(()) };
        let at = label.at;
        let bits = self.width(size.as_ref())?;
        let value = match value {
            Some(source) => self.value_of_source(at, source)?.cast(*kind, bits, at)?,
            None => Value::Integer(0).cast(*kind, bits, at)?,
        };
        self.declare(*label, Entity::Value { value, kind: *kind, bits, constant: *constant })
    }

    pub(super) fn declare_input(&mut self, at: u32, label: Label, annotations: &[&'s str]) -> Read<()> {
        self.check_global(at, "an `input` inside a block")?;
        if self.inputs.len() >= INPUTS {
            return unsupported(at, "more than 2^20 inputs");
        }
        let value = Value::Angle(Rc::new(input(self.inputs.len())));
        let name = self.parser.text(label.name);
        self.declare(label, Entity::Value { value, kind: Type::Float, bits: None, constant: true })?;
        self.inputs.push(Input { at: label.at, name, annotations: annotations.into() });
        Ok(())
    }

    pub(super) fn declare_alias(&mut self, label: Label, parts: &[Operand]) -> Read<()> {
        let mut qubits = Vec::new();
        let mut seen = Wide::EMPTY;
        for part in parts {
            if let Some(Entity::Bits { .. }) = self.scope.find(part.name) {
                return unsupported(part.at, "another name for classical bits");
            }
            for &qubit in self.qubits(part)?.as_slice() {
                if seen.contains(qubit.into()) {
                    return fault(part.at, QasmProblem::Repeated { qubit: self.qubit_name(qubit) });
                }
                seen |= Wide::of_qubit(qubit.into());
                qubits.push(qubit);
            }
        }
        self.declare(label, Entity::Qubits(qubits.into()))
    }

    /// Returns the name of a qubit in the text.
    pub(super) fn qubit_name(&self, qubit: u8) -> String {
        let qubit = usize::from(qubit);
        let register =
            self.registers.iter().find(|register| (register.first..register.first + register.count).contains(&qubit));
        match register {
            Some(register) => cited(&format!("{}[{}]", register.name, qubit - register.first)),
            None => format!("${qubit}"),
        }
    }
}
