//! Statements, but for declarations.

use super::super::fault::{Read, fault, unsupported};
use super::super::lexer::Kind;
use super::super::names::{Name, Word};
use super::super::syntax::{Action, Argument, Call, Function, Label, Modifier, Operand, Source, Statement};
use super::Parser;
use crate::error::QasmProblem;

/// Annotation that names the gate of a call.
const GATE: &str = "candlewick.gate";

impl<'s> Parser<'s> {
    /// Takes a statement.
    pub(in super::super) fn statement(&mut self) -> Read<Statement<'s>> {
        let at = self.token.start;
        let action = self.action()?;
        if !matches!(action, Action::Nothing) {
            self.annotations.clear();
        }
        Ok(Statement { at, action })
    }

    fn action(&mut self) -> Read<Action<'s>> {
        match self.token.kind {
            Kind::Name(_) => match self.word() {
                Some(word) => self.of_word(word),
                None => self.call_or_assignment(),
            },
            Kind::Semicolon => {
                self.bump()?;
                Ok(Action::Nothing)
            }
            Kind::OpenBrace if self.is_3() => Ok(Action::Block(self.block()?)),
            Kind::At if self.is_3() => self.annotation(),
            Kind::Directive => {
                self.bump()?;
                Ok(Action::Nothing)
            }
            _ => self.expected("a statement"),
        }
    }

    fn of_word(&mut self, word: Word) -> Read<Action<'s>> {
        match word {
            Word::OpenQasm => self.version(),
            Word::Include => self.include(),
            Word::Qreg | Word::Creg => self.old_register(word == Word::Qreg),
            Word::Gate | Word::Opaque => self.gate(word == Word::Opaque),
            Word::Measure => self.measure(),
            Word::Reset => {
                self.bump()?;
                let operand = self.operand()?;
                self.semicolon()?;
                Ok(Action::Reset(operand))
            }
            Word::Barrier => {
                let operands = self.marked_operands()?;
                Ok(Action::Barrier(operands))
            }
            Word::If => self.conditional(),
            _ if !self.is_3() => self.call_or_assignment(),
            Word::Nop => {
                self.marked_operands()?;
                Ok(Action::Nothing)
            }
            Word::For => self.for_loop(),
            Word::While => self.while_loop(),
            Word::Qubit => self.qubits(),
            Word::Bit | Word::Int | Word::Uint | Word::Float | Word::Angle | Word::Bool => self.variable(false),
            Word::Const => {
                self.bump()?;
                self.variable(true)
            }
            Word::Input => self.input(),
            Word::Output => self.output(),
            Word::Let => self.alias(),
            Word::Def => self.subroutine(),
            Word::Return => self.returned(),
            Word::Pragma => self.line(),
            Word::Inv | Word::Pow | Word::Ctrl | Word::Negctrl => self.call_or_assignment(),
            Word::Delay | Word::Box if self.skip_timing => self.timing(word),
            _ => self.unsupported_word(word),
        }
    }

    /// Passes over a line.
    fn line(&mut self) -> Read<Action<'s>> {
        self.lexer.rest_of_line(self.token.start);
        self.bump()?;
        Ok(Action::Nothing)
    }

    fn annotation(&mut self) -> Read<Action<'s>> {
        let line = self.lexer.rest_of_line(self.token.start);
        self.annotations.push(line.trim_start_matches('@').trim());
        self.bump()?;
        Ok(Action::Nothing)
    }

    /// Passes over a `delay`, or over the head of a `box`.
    fn timing(&mut self, word: Word) -> Read<Action<'s>> {
        let at = self.bump()?.start;
        if self.take(Kind::OpenBracket)? {
            while !matches!(self.token.kind, Kind::CloseBracket | Kind::End) {
                self.bump()?;
            }
            self.want(Kind::CloseBracket, "`]`")?;
        }
        if word == Word::Box {
            return match self.token.kind {
                Kind::OpenBrace => Ok(Action::Block(self.block()?)),
                _ => self.expected("`{`"),
            };
        }
        if self.token.kind == Kind::Semicolon {
            return fault(at, QasmProblem::Expected { what: "qubits of the delay", found: Some(";".to_owned()) });
        }
        self.operands()?;
        self.semicolon()?;
        Ok(Action::Nothing)
    }

    fn unsupported_word<T>(&self, word: Word) -> Read<T> {
        let what = match word {
            Word::Delay => "`delay`; ImportConfig::skip_timing passes over it",
            Word::Box => "`box`; ImportConfig::skip_timing takes it as a block",
            Word::Array | Word::Readonly | Word::Mutable | Word::Sizeof => "an `array`",
            Word::Complex => "`complex` numbers",
            Word::Duration | Word::Stretch | Word::Durationof => "durations",
            Word::Extern => "`extern`",
            Word::Defcal | Word::DefcalGrammar | Word::Cal => "calibrations (`cal`, `defcal`)",
            Word::Switch | Word::Case | Word::Default => "`switch`",
            Word::Break => "`break`",
            Word::Continue => "`continue`",
            Word::End => "`end`",
            _ => return self.expected("a statement"),
        };
        unsupported(self.at(), what)
    }

    /// Takes a block in braces, or a single statement.
    pub(super) fn block(&mut self) -> Read<Vec<Statement<'s>>> {
        self.enter()?;
        let mut statements = Vec::new();
        let start = self.token.start;
        if self.take(Kind::OpenBrace)? {
            while self.token.kind != Kind::CloseBrace {
                if self.is_at_end() {
                    return fault(start, QasmProblem::Unterminated { what: "the block" });
                }
                statements.push(self.statement()?);
            }
            self.bump()?;
        } else {
            statements.push(self.statement()?);
        }
        self.leave();
        Ok(statements)
    }

    /// Takes a word and the qubits behind it, if there are any.
    fn marked_operands(&mut self) -> Read<Vec<Operand>> {
        self.bump()?;
        let operands = if self.token.kind == Kind::Semicolon { Vec::new() } else { self.operands()? };
        self.semicolon()?;
        Ok(operands)
    }

    fn measure(&mut self) -> Read<Action<'s>> {
        self.bump()?;
        let source = self.operand()?;
        let target = match self.take(Kind::Arrow)? {
            true => Some(self.operand()?),
            false if self.is_3() => None,
            false => return self.expected("`->`"),
        };
        self.semicolon()?;
        Ok(Action::Measure { source, target })
    }

    fn conditional(&mut self) -> Read<Action<'s>> {
        self.bump()?;
        self.want(Kind::Open, "`(`")?;
        let condition = self.expression()?;
        self.want(Kind::Close, "`)`")?;
        let branch = |parser: &mut Self| match parser.token.kind {
            Kind::OpenBrace if !parser.is_3() => parser.expected("an operation"),
            _ => parser.block(),
        };
        let then = branch(self)?;
        let otherwise = if self.is_3() && self.take_word(Word::Else)? { self.block()? } else { Vec::new() };
        Ok(Action::If { condition, then, otherwise })
    }

    fn for_loop(&mut self) -> Read<Action<'s>> {
        self.bump()?;
        let kind = self.kind_of_type();
        let size = match kind {
            Some(_) => {
                self.bump()?;
                self.size()?
            }
            None => None,
        };
        let name = self.new_name()?.name;
        if !self.take_word(Word::In)? {
            return self.expected("`in`");
        }
        let over = match self.token.kind {
            Kind::OpenBracket => self.index_or_none()?,
            Kind::OpenBrace => self.index(Kind::CloseBrace)?,
            Kind::Name(_) => return unsupported(self.at(), "a loop over an array or a register"),
            _ => return self.expected("`[` or `{`"),
        };
        let body = self.block()?;
        Ok(Action::For { kind, size, name, over, body })
    }

    fn while_loop(&mut self) -> Read<Action<'s>> {
        self.bump()?;
        self.want(Kind::Open, "`(`")?;
        let condition = self.expression()?;
        self.want(Kind::Close, "`)`")?;
        let body = self.block()?;
        Ok(Action::While { condition, body })
    }

    fn returned(&mut self) -> Read<Action<'s>> {
        self.bump()?;
        let value = if self.token.kind == Kind::Semicolon { None } else { Some(self.source()?) };
        self.semicolon()?;
        Ok(Action::Return(value))
    }

    /// Takes the right side of an assignment.
    pub(super) fn source(&mut self) -> Read<Source<'s>> {
        if self.is_3() && self.take_word(Word::Measure)? {
            return Ok(Source::Measure(self.operand()?));
        }
        let Kind::Name(name) = self.token.kind else { return self.expression().map(Source::Value) };
        let is_call = Word::of(name).is_none()
            && self.lexer.next_byte()? == b'('
            && !self.is_unsupported_function(name)
            && Function::named(self.text(name), self.version).is_none();
        if !is_call {
            return self.expression().map(Source::Value);
        }
        let Label { at, name } = self.name()?;
        let arguments = self.arguments()?;
        Ok(Source::Call(Call { at, name, modifiers: Vec::new(), arguments, operands: Vec::new(), annotated: None }))
    }

    /// Returns whether this is a function of the language that is not read.
    fn is_unsupported_function(&self, name: Name) -> bool {
        matches!(self.text(name), "popcount" | "rotl" | "rotr" | "real" | "imag")
    }

    fn arguments(&mut self) -> Read<Vec<Argument>> {
        self.want(Kind::Open, "`(`")?;
        let arguments = self.list(Kind::Close, Self::argument)?;
        self.want(Kind::Close, "`)`")?;
        Ok(arguments)
    }

    fn call_or_assignment(&mut self) -> Read<Action<'s>> {
        let modifiers = self.modifiers()?;
        let Label { at, name } = match self.token.kind {
            // A word of OpenQASM 3 may name a gate of OpenQASM 2.
            Kind::Name(name) if !name.is_reserved(self.version) => self.name()?,
            _ => return self.expected("a gate"),
        };
        let may_assign = self.is_3() && modifiers.is_empty();
        if may_assign && matches!(self.token.kind, Kind::Assign | Kind::AssignWith(_) | Kind::OpenBracket) {
            return self.assignment(at, name);
        }
        let arguments = if self.token.kind == Kind::Open { self.arguments()? } else { Vec::new() };
        let operands = if self.token.kind == Kind::Semicolon { Vec::new() } else { self.operands()? };
        self.semicolon()?;
        let annotated = self.annotations.iter().rev().find_map(|text| text.strip_prefix(GATE)).map(str::trim);
        Ok(Action::Call(Box::new(Call { at, name, modifiers, arguments, operands, annotated })))
    }

    fn modifiers(&mut self) -> Read<Vec<Modifier>> {
        let mut modifiers = Vec::new();
        while let (true, Some(word @ (Word::Inv | Word::Pow | Word::Ctrl | Word::Negctrl))) = (self.is_3(), self.word())
        {
            self.bump()?;
            let number = match self.take(Kind::Open)? {
                true => {
                    let number = self.expression()?;
                    self.want(Kind::Close, "`)`")?;
                    Some(number)
                }
                false => None,
            };
            modifiers.push(match (word, number) {
                (Word::Inv, None) => Modifier::Inverse,
                (Word::Pow, Some(power)) => Modifier::Power(power),
                (Word::Ctrl | Word::Negctrl, count) => Modifier::Control { value: word == Word::Ctrl, count },
                (Word::Pow, None) => return self.expected("`(`"),
                _ => return self.expected("`@`"),
            });
            self.want(Kind::At, "`@`")?;
        }
        Ok(modifiers)
    }

    fn assignment(&mut self, at: u32, name: Name) -> Read<Action<'s>> {
        let index = self.index_or_none()?;
        let target = Operand { at, name, index };
        let operator = match self.token.kind {
            Kind::Assign => None,
            Kind::AssignWith(operator) => Some(operator),
            _ => return self.expected("`=`"),
        };
        self.bump()?;
        let value = self.source()?;
        self.semicolon()?;
        Ok(match (value, operator) {
            (Source::Measure(source), None) => Action::Measure { source, target: Some(target) },
            (value, operator) => Action::Assign { target, operator, value },
        })
    }

    fn alias(&mut self) -> Read<Action<'s>> {
        self.bump()?;
        let label = self.new_name()?;
        self.want(Kind::Assign, "`=`")?;
        let mut parts = vec![self.operand()?];
        while self.take(Kind::Join)? {
            parts.push(self.operand()?);
        }
        self.semicolon()?;
        Ok(Action::Alias { label, parts })
    }
}
