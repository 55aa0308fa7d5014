//! Tokens of OpenQASM 2 and 3.

use super::fault::{Fault, Read, cited, fault};
use super::names::{Name, Names};
use crate::error::QasmProblem;

/// Operator of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Or,
    And,
    BitOr,
    BitXor,
    BitAnd,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    ShiftLeft,
    ShiftRight,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Not,
    Complement,
}

/// Kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    End,
    Name(Name),
    Integer,
    Real,
    Duration,
    Imaginary,
    Text,
    Hardware(Name),
    /// Directive of a whole line, from `#` on.
    Directive,
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    OpenBrace,
    CloseBrace,
    Semicolon,
    Comma,
    Colon,
    Dot,
    Arrow,
    At,
    Join,
    Assign,
    AssignWith(Operator),
    Operator(Operator),
}

/// Token, with the bytes of the text that it takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// Reader of tokens.
#[derive(Debug)]
pub(super) struct Lexer<'s> {
    text: &'s str,
    place: usize,
    pub(super) names: Names<'s>,
}

/// Endings of numbers that make them durations, and imaginary numbers.
const UNITS: [(&str, Kind); 7] = [
    ("im", Kind::Imaginary),
    ("dt", Kind::Duration),
    ("ns", Kind::Duration),
    ("us", Kind::Duration),
    ("µs", Kind::Duration),
    ("ms", Kind::Duration),
    ("s", Kind::Duration),
];

impl<'s> Lexer<'s> {
    /// Starts at the beginning of a text of at most 4 GiB, behind its byte order mark.
    pub(super) fn new(text: &'s str) -> Self {
        let place = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { text, place, names: Names::new() }
    }

    /// Returns the words of a token.
    pub(super) fn words(&self, token: Token) -> &'s str {
        self.text.get(token.start as usize..token.end as usize).unwrap_or_default()
    }

    fn byte(&self, place: usize) -> u8 {
        self.text.as_bytes().get(place).copied().unwrap_or(0)
    }

    /// Returns the next byte that belongs to no blank or comment, without taking it.
    pub(super) fn next_byte(&self) -> Read<u8> {
        Ok(self.byte(self.behind_blanks(self.place)?))
    }

    /// Takes the rest of the line behind a byte of it.
    pub(super) fn rest_of_line(&mut self, from: u32) -> &'s str {
        let rest = self.text.get(from as usize..).unwrap_or_default();
        let line = rest.split('\n').next().unwrap_or_default();
        self.place = from as usize + line.len();
        line
    }

    /// Returns the place behind blanks and comments.
    fn behind_blanks(&self, mut place: usize) -> Read<usize> {
        loop {
            let rest = self.text.get(place + 2..).unwrap_or_default();
            match (self.byte(place), self.byte(place + 1)) {
                (b' ' | b'\t' | b'\r' | b'\n', _) => place += 1,
                (b'/', b'/') => place += 2 + rest.find('\n').unwrap_or(rest.len()),
                (b'/', b'*') => match rest.find("*/") {
                    Some(length) => place += length + 4,
                    None => return fault(place as u32, QasmProblem::Unterminated { what: "the comment" }),
                },
                _ => return Ok(place),
            }
        }
    }

    /// Takes the next token.
    pub(super) fn next(&mut self) -> Read<Token> {
        let start = self.behind_blanks(self.place)?;
        self.place = start;
        let first = self.byte(start);
        let kind = match first {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.name(start),
            b'0'..=b'9' => self.number(start)?,
            b'.' if self.byte(start + 1).is_ascii_digit() => self.number(start)?,
            0x80.. => self.letter(start)?,
            0 if start >= self.text.len() => Kind::End,
            b'"' | b'\'' => self.quoted(start, first)?,
            b'$' => self.hardware(start)?,
            b'#' => {
                self.rest_of_line(start as u32);
                Kind::Directive
            }
            _ => {
                let (kind, length) = self.sign(start)?;
                self.place += length;
                kind
            }
        };
        Ok(Token { kind, start: start as u32, end: self.place as u32 })
    }

    /// Takes a sign and returns its length.
    fn sign(&self, start: usize) -> Read<(Kind, usize)> {
        let (first, second) = (self.byte(start), self.byte(start + 1));
        let single = match first {
            b'(' => Kind::Open,
            b')' => Kind::Close,
            b'[' => Kind::OpenBracket,
            b']' => Kind::CloseBracket,
            b'{' => Kind::OpenBrace,
            b'}' => Kind::CloseBrace,
            b';' => Kind::Semicolon,
            b',' => Kind::Comma,
            b':' => Kind::Colon,
            b'.' => Kind::Dot,
            b'@' => Kind::At,
            b'=' if second != b'=' => Kind::Assign,
            b'-' if second == b'>' => return Ok((Kind::Arrow, 2)),
            b'+' if second == b'+' => return Ok((Kind::Join, 2)),
            _ => return self.operator(start),
        };
        Ok((single, 1))
    }

    /// Takes an operator, or an assignment with an operator.
    fn operator(&self, start: usize) -> Read<(Kind, usize)> {
        use Operator as O;
        let (first, second) = (self.byte(start), self.byte(start + 1));
        let (operator, length, assigns) = match (first, second) {
            (b'=', b'=') => (O::Equal, 2, false),
            (b'!', b'=') => (O::NotEqual, 2, false),
            (b'<', b'=') => (O::LessEqual, 2, false),
            (b'>', b'=') => (O::GreaterEqual, 2, false),
            (b'&', b'&') => (O::And, 2, false),
            (b'|', b'|') => (O::Or, 2, false),
            (b'*', b'*') => (O::Power, 2, true),
            (b'<', b'<') => (O::ShiftLeft, 2, true),
            (b'>', b'>') => (O::ShiftRight, 2, true),
            (b'<', _) => (O::Less, 1, false),
            (b'>', _) => (O::Greater, 1, false),
            (b'!', _) => (O::Not, 1, false),
            (b'~', _) => (O::Complement, 1, true),
            (b'+', _) => (O::Add, 1, true),
            (b'-', _) => (O::Subtract, 1, true),
            (b'*', _) => (O::Multiply, 1, true),
            (b'/', _) => (O::Divide, 1, true),
            (b'%', _) => (O::Remainder, 1, true),
            (b'^', _) => (O::BitXor, 1, true),
            (b'&', _) => (O::BitAnd, 1, true),
            (b'|', _) => (O::BitOr, 1, true),
            _ => return fault(start as u32, QasmProblem::Character { found: char::from(first) }),
        };
        match assigns && self.byte(start + length) == b'=' && self.byte(start + length + 1) != b'=' {
            true => Ok((Kind::AssignWith(operator), length + 1)),
            false => Ok((Kind::Operator(operator), length)),
        }
    }

    /// Takes a name that begins with a letter beyond ASCII.
    fn letter(&mut self, start: usize) -> Read<Kind> {
        match self.text.get(start..).and_then(|rest| rest.chars().next()) {
            Some(letter) if letter.is_alphabetic() || letter == 'ℇ' => Ok(self.name(start)),
            found => fault(start as u32, QasmProblem::Character { found: found.unwrap_or('\u{fffd}') }),
        }
    }

    fn name(&mut self, start: usize) -> Kind {
        let bytes = self.text.as_bytes();
        let mut end = start;
        loop {
            while bytes.get(end).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
                end += 1;
            }
            if self.byte(end) < 0x80 {
                break;
            }
            match self.text.get(end..).and_then(|rest| rest.chars().next()) {
                Some(letter) if letter.is_alphanumeric() || letter == 'ℇ' => end += letter.len_utf8(),
                _ => break,
            }
        }
        self.place = end;
        Kind::Name(self.names.number(self.text.get(start..end).unwrap_or_default()))
    }

    /// Returns the end of digits, of which `_` may separate some.
    fn digits(&self, mut place: usize, is_digit: fn(&u8) -> bool) -> usize {
        while is_digit(&self.byte(place)) || self.byte(place) == b'_' && is_digit(&self.byte(place + 1)) {
            place += 1;
        }
        place
    }

    fn number(&mut self, start: usize) -> Read<Kind> {
        let (mut kind, mut end) = (Kind::Integer, start);
        if self.byte(start) == b'0' && matches!(self.byte(start + 1), b'x' | b'X' | b'b' | b'B' | b'o' | b'O') {
            end = self.digits(start + 2, u8::is_ascii_hexdigit);
        } else {
            end = self.digits(end, u8::is_ascii_digit);
            if self.byte(end) == b'.' {
                (kind, end) = (Kind::Real, self.digits(end + 1, u8::is_ascii_digit));
            }
            if matches!(self.byte(end), b'e' | b'E') {
                let digits = end + 1 + usize::from(matches!(self.byte(end + 1), b'+' | b'-'));
                if self.byte(digits).is_ascii_digit() {
                    (kind, end) = (Kind::Real, self.digits(digits, u8::is_ascii_digit));
                }
            }
        }
        self.place = end;
        let next = self.byte(end);
        if next.is_ascii_alphabetic() || next == b'_' || next >= 0x80 {
            return self.unit(start);
        }
        Ok(kind)
    }

    /// Takes the unit of a number: nothing else may follow its digits at once.
    fn unit(&mut self, start: usize) -> Read<Kind> {
        let rest = self.text.get(self.place..).unwrap_or_default();
        let letters = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        let unit = rest.get(..letters).unwrap_or_default();
        match UNITS.iter().find(|(name, _)| *name == unit) {
            Some((_, kind)) => {
                self.place += letters;
                Ok(*kind)
            }
            None => {
                let text = self.text.get(start..self.place + letters).unwrap_or_default();
                Err(Box::new(Fault { at: start as u32, problem: QasmProblem::Number { text: cited(text) } }))
            }
        }
    }

    fn quoted(&mut self, start: usize, mark: u8) -> Read<Kind> {
        let rest = self.text.as_bytes().get(start + 1..).unwrap_or_default();
        match rest.iter().position(|byte| *byte == mark || *byte == b'\n') {
            Some(length) if rest[length] == mark => {
                self.place = start + length + 2;
                Ok(Kind::Text)
            }
            _ => fault(start as u32, QasmProblem::Unterminated { what: "the string" }),
        }
    }

    fn hardware(&mut self, start: usize) -> Read<Kind> {
        let end = self.digits(start + 1, u8::is_ascii_digit);
        if end == start + 1 {
            return fault(start as u32, QasmProblem::Character { found: '$' });
        }
        self.place = end;
        Ok(Kind::Hardware(self.names.number(self.text.get(start..end).unwrap_or_default())))
    }
}
