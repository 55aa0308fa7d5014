//! Grammar of OpenQASM 2 and 3, by hand: one token ahead, statement by statement.

mod declarations;
mod expressions;
mod statements;

use super::fault::{Read, cited, fault, unsupported};
use super::lexer::{Kind, Lexer, Token};
use super::names::{Name, Word};
use super::syntax::{Index, Item, Label, Operand, Range, Type};
use crate::error::QasmProblem;

/// Reader of statements.
#[derive(Debug)]
pub(super) struct Parser<'s> {
    pub(super) lexer: Lexer<'s>,
    token: Token,
    /// Version of the language, 2 or 3.
    pub(super) version: u32,
    /// Whether `delay` is passed over and `box` is a block.
    skip_timing: bool,
    depth: usize,
    limit: usize,
    /// Terms of the expressions that are being read.
    terms: Vec<Item>,
    /// Integers beyond 64 bits, as words of which the lowest comes first.
    pub(super) large: Vec<Box<[u64]>>,
    /// Annotations in front of the next statement.
    annotations: Vec<&'s str>,
}

impl<'s> Parser<'s> {
    /// Starts to read a text, of which nothing may be nested deeper than `limit`.
    pub(super) fn new(text: &'s str, version: u32, limit: usize, skip_timing: bool) -> Read<Self> {
        let mut lexer = Lexer::new(text);
        let token = lexer.next()?;
        let (terms, large, annotations) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { lexer, token, version, skip_timing, depth: 0, limit, terms, large, annotations })
    }

    /// Returns the text of a name.
    pub(super) fn text(&self, name: Name) -> &'s str {
        self.lexer.names.text(name)
    }

    /// Returns the place of the next token.
    pub(super) fn at(&self) -> u32 {
        self.token.start
    }

    /// Returns whether the text ends here.
    pub(super) fn is_at_end(&self) -> bool {
        self.token.kind == Kind::End
    }

    fn is_3(&self) -> bool {
        self.version != 2
    }

    fn bump(&mut self) -> Read<Token> {
        let token = self.token;
        self.token = self.lexer.next()?;
        Ok(token)
    }

    fn take(&mut self, kind: Kind) -> Read<bool> {
        let is = self.token.kind == kind;
        if is {
            self.bump()?;
        }
        Ok(is)
    }

    /// Returns the problem that the next token is not what is needed.
    fn expected<T>(&self, what: &'static str) -> Read<T> {
        let found = (!self.is_at_end()).then(|| cited(self.lexer.words(self.token)));
        fault(self.token.start, QasmProblem::Expected { what, found })
    }

    fn want(&mut self, kind: Kind, what: &'static str) -> Read<Token> {
        if self.token.kind == kind { self.bump() } else { self.expected(what) }
    }

    fn semicolon(&mut self) -> Read<()> {
        self.want(Kind::Semicolon, "`;`").map(|_| ())
    }

    /// Returns the word of the language that comes next.
    fn word(&self) -> Option<Word> {
        match self.token.kind {
            Kind::Name(name) => Word::of(name),
            _ => None,
        }
    }

    fn take_word(&mut self, word: Word) -> Read<bool> {
        let is = self.word() == Some(word);
        if is {
            self.bump()?;
        }
        Ok(is)
    }

    fn name(&mut self) -> Read<Label> {
        match self.token.kind {
            Kind::Name(name) => Ok(Label { at: self.bump()?.start, name }),
            _ => self.expected("a name"),
        }
    }

    /// Takes a name that a declaration gives.
    fn new_name(&mut self) -> Read<Label> {
        match self.token.kind {
            Kind::Name(name) if !name.is_reserved(self.version) => self.name(),
            _ => self.expected("a name"),
        }
    }

    /// Notes that the parser goes one level deeper.
    fn enter(&mut self) -> Read<()> {
        self.depth += 1;
        match self.depth > self.limit {
            true => fault(self.token.start, QasmProblem::TooDeep { limit: self.limit }),
            false => Ok(()),
        }
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Takes items, separated by commas, up to `end`, which is left.
    fn list<T>(&mut self, end: Kind, mut item: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let mut items = Vec::new();
        while self.token.kind != end {
            items.push(item(self)?);
            if !self.take(Kind::Comma)? {
                break;
            }
        }
        Ok(items)
    }

    /// Returns the type that comes next.
    fn kind_of_type(&self) -> Option<Type> {
        if !self.is_3() {
            return None;
        }
        Some(match self.word()? {
            Word::Bit => Type::Bit,
            Word::Int => Type::Int,
            Word::Uint => Type::Uint,
            Word::Float => Type::Float,
            Word::Angle => Type::Angle,
            Word::Bool => Type::Bool,
            _ => return None,
        })
    }

    /// Takes a type.
    fn type_name(&mut self) -> Read<Type> {
        match (self.kind_of_type(), self.word()) {
            (Some(kind), _) => {
                self.bump()?;
                Ok(kind)
            }
            (None, Some(Word::Complex)) => unsupported(self.at(), "`complex` numbers"),
            (None, Some(Word::Array | Word::Readonly | Word::Mutable)) => unsupported(self.at(), "an `array`"),
            (None, Some(Word::Duration | Word::Stretch)) => unsupported(self.at(), "durations"),
            _ => self.expected("a type"),
        }
    }

    /// Takes qubits or bits: a name, with an index or without.
    fn operand(&mut self) -> Read<Operand> {
        if let Kind::Hardware(name) = self.token.kind {
            let at = self.bump()?.start;
            return Ok(Operand { at, name, index: Index::Whole });
        }
        let Label { at, name } = match self.token.kind {
            Kind::Name(_) => self.name()?,
            _ => return self.expected("a register or a qubit"),
        };
        Ok(Operand { at, name, index: self.index_or_none()? })
    }

    fn index_or_none(&mut self) -> Read<Index> {
        if !self.take(Kind::OpenBracket)? {
            return Ok(Index::Whole);
        }
        let index = self.index(Kind::CloseBracket)?;
        self.want(Kind::CloseBracket, "`]`")?;
        Ok(index)
    }

    /// Takes an index up to `end`: a number, a range or a set.
    fn index(&mut self, end: Kind) -> Read<Index> {
        if self.is_3() && self.take(Kind::OpenBrace)? {
            let set = self.list(Kind::CloseBrace, Self::expression)?;
            self.want(Kind::CloseBrace, "`}`")?;
            return Ok(Index::Set(set.into()));
        }
        let start = if self.token.kind == Kind::Colon { None } else { Some(self.expression()?) };
        let is_range = self.is_3() && self.take(Kind::Colon)?;
        match start {
            Some(one) if !is_range => Ok(Index::One(one)),
            None if !is_range => self.expected("an index"),
            start => self.range(start, end),
        }
    }

    /// Takes the rest of a range, behind its first colon.
    fn range(&mut self, start: Option<super::syntax::Expression>, end: Kind) -> Read<Index> {
        let next = |parser: &mut Self| match parser.token.kind {
            kind if kind == end || kind == Kind::Colon => Ok(None),
            _ => parser.expression().map(Some),
        };
        let second = next(self)?;
        let (step, end) = if self.take(Kind::Colon)? { (second, next(self)?) } else { (None, second) };
        Ok(Index::Range(Box::new(Range { start, step, end })))
    }

    fn operands(&mut self) -> Read<Vec<Operand>> {
        let mut operands = Vec::with_capacity(2);
        loop {
            operands.push(self.operand()?);
            if !self.take(Kind::Comma)? || self.is_3() && self.token.kind == Kind::Semicolon {
                return Ok(operands);
            }
        }
    }

    /// Takes the size of a register or of a type, if it is there.
    fn size(&mut self) -> Read<Option<super::syntax::Expression>> {
        if !self.take(Kind::OpenBracket)? {
            return Ok(None);
        }
        let size = self.expression()?;
        self.want(Kind::CloseBracket, "`]`")?;
        Ok(Some(size))
    }
}
