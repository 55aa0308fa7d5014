//! Declarations of versions, registers, variables, gates and subroutines.

use super::super::fault::{Read, cited, fault, unsupported};
use super::super::lexer::Kind;
use super::super::names::{Name, Word};
use super::super::syntax::{Action, Definition, Label, Parameter, Subroutine, Type};
use super::Parser;
use crate::error::QasmProblem;
use std::collections::BTreeSet;
use std::rc::Rc;

impl<'s> Parser<'s> {
    pub(super) fn version(&mut self) -> Read<Action<'s>> {
        self.bump()?;
        let token = self.token;
        if !matches!(token.kind, Kind::Integer | Kind::Real) {
            return self.expected("a version");
        }
        let text = self.lexer.words(token);
        let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
        let version = match (major, minor.parse::<u32>()) {
            ("2", Ok(0)) => (2, 0),
            ("3", Ok(minor)) => (3, minor),
            _ => return fault(token.start, QasmProblem::Version { text: cited(text) }),
        };
        // The language decides how the next statements are read; their first token is taken already.
        self.bump()?;
        self.semicolon()?;
        Ok(Action::Version(version.0, version.1))
    }

    pub(super) fn include(&mut self) -> Read<Action<'s>> {
        self.bump()?;
        let token = self.want(Kind::Text, "the name of a file, in quotes")?;
        self.semicolon()?;
        let words = self.lexer.words(token);
        Ok(Action::Include(words.get(1..words.len() - 1).unwrap_or_default()))
    }

    /// Takes a register as OpenQASM 2 declares it: its size behind its name.
    pub(super) fn old_register(&mut self, of_qubits: bool) -> Read<Action<'s>> {
        self.bump()?;
        let label = self.new_name()?;
        let size = self.size()?;
        if size.is_none() && !self.is_3() {
            return self.expected("`[`");
        }
        self.semicolon()?;
        Ok(match of_qubits {
            true => Action::Qubits { label, size, old: true },
            false => Action::Bits { label, size, old: true, value: None },
        })
    }

    pub(super) fn qubits(&mut self) -> Read<Action<'s>> {
        self.bump()?;
        let size = self.size()?;
        let label = self.new_name()?;
        self.semicolon()?;
        Ok(Action::Qubits { label, size, old: false })
    }

    /// Takes the declaration of a classical variable.
    pub(super) fn variable(&mut self, constant: bool) -> Read<Action<'s>> {
        let kind = self.type_name()?;
        let size = self.size()?;
        let label = self.new_name()?;
        let value = if self.take(Kind::Assign)? { Some(self.source()?) } else { None };
        if constant && value.is_none() {
            return self.expected("`=`");
        }
        self.semicolon()?;
        Ok(match kind {
            Type::Bit if !constant => Action::Bits { label, size, old: false, value },
            _ => Action::Variable { kind, size, label, value, constant },
        })
    }

    pub(super) fn input(&mut self) -> Read<Action<'s>> {
        self.bump()?;
        let at = self.at();
        let kind = self.type_name()?;
        self.size()?;
        let label = self.new_name()?;
        self.semicolon()?;
        match kind {
            Type::Float | Type::Angle => {
                Ok(Action::Input { label, annotations: self.annotations.iter().copied().collect() })
            }
            _ => unsupported(at, "an `input` that is no `float` or `angle`"),
        }
    }

    pub(super) fn output(&mut self) -> Read<Action<'s>> {
        self.bump()?;
        let at = self.at();
        match self.type_name()? {
            Type::Bit => {}
            _ => return unsupported(at, "an `output` that is no `bit`"),
        }
        let size = self.size()?;
        let label = self.new_name()?;
        self.semicolon()?;
        Ok(Action::Bits { label, size, old: false, value: None })
    }

    /// Takes distinct names up to `end`.
    fn names(&mut self, end: Kind) -> Read<Vec<Name>> {
        let labels = self.list(end, Self::new_name)?;
        let mut known = BTreeSet::new();
        if let Some(Label { at, name }) = labels.iter().find(|label| !known.insert(label.name.index())) {
            return fault(*at, QasmProblem::Redeclared { name: cited(self.text(*name)) });
        }
        Ok(labels.into_iter().map(|label| label.name).collect())
    }

    pub(super) fn gate(&mut self, opaque: bool) -> Read<Action<'s>> {
        self.bump()?;
        let label = self.new_name()?;
        let mut parameters = Vec::new();
        if self.take(Kind::Open)? {
            parameters = self.names(Kind::Close)?;
            self.want(Kind::Close, "`)`")?;
        }
        let qubits = self.names(if opaque { Kind::Semicolon } else { Kind::OpenBrace })?;
        let body = match self.token.kind {
            Kind::Semicolon if opaque => {
                self.bump()?;
                None
            }
            Kind::OpenBrace if !opaque => Some(self.block()?),
            _ => return self.expected(if opaque { "`;`" } else { "`{`" }),
        };
        Ok(Action::Gate(Box::new(Definition { label, parameters, qubits, body })))
    }

    pub(super) fn subroutine(&mut self) -> Read<Action<'s>> {
        self.bump()?;
        let label = self.new_name()?;
        self.want(Kind::Open, "`(`")?;
        let parameters = self.list(Kind::Close, Self::parameter)?;
        self.want(Kind::Close, "`)`")?;
        let returns = match self.take(Kind::Arrow)? {
            true => Some((self.type_name()?, self.size()?)),
            false => None,
        };
        if self.token.kind != Kind::OpenBrace {
            return self.expected("`{`");
        }
        let body = self.block()?;
        Ok(Action::Subroutine(Rc::new(Subroutine { label, parameters, returns, body })))
    }

    fn parameter(&mut self) -> Read<Parameter> {
        if self.take_word(Word::Qreg)? {
            let name = self.new_name()?.name;
            return Ok(Parameter::Qubits { name, size: self.size()? });
        }
        if self.take_word(Word::Qubit)? {
            let size = self.size()?;
            return Ok(Parameter::Qubits { size, name: self.new_name()?.name });
        }
        self.take_word(Word::Const)?;
        let kind = self.type_name()?;
        let size = self.size()?;
        Ok(Parameter::Value { name: self.new_name()?.name, kind, size })
    }
}
