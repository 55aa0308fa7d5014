//! Numbers of the names in a text, and the words of the language among them.

use std::collections::HashMap;

/// Number of a name. The words of the language come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name(u32);

macro_rules! words {
    ($($word:ident $text:literal)*) => {
        /// Word of the language.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Word { $($word),* }

        const WORDS: &[(Word, &str)] = &[$((Word::$word, $text)),*];
    };
}
words! {
    OpenQasm "OPENQASM" Include "include" Qreg "qreg" Creg "creg" Gate "gate" Opaque "opaque" Measure "measure"
    Reset "reset" Barrier "barrier" If "if" Pi "pi"
    Qubit "qubit" Bit "bit" Int "int" Uint "uint" Float "float" Angle "angle" Bool "bool" Const "const" Input "input"
    Output "output" Let "let" For "for" In "in" While "while" Else "else" Def "def" Return "return" Nop "nop"
    Pragma "pragma" Inv "inv" Pow "pow" Ctrl "ctrl" Negctrl "negctrl" True "true" False "false" Tau "tau"
    Euler "euler" PiLetter "π" TauLetter "τ" EulerLetter "ℇ" Delay "delay" Box "box"
    Array "array" Complex "complex" Duration "duration" Stretch "stretch" Durationof "durationof" Extern "extern"
    Defcal "defcal" DefcalGrammar "defcalgrammar" Cal "cal" Switch "switch" Case "case" Default "default"
    Break "break" Continue "continue" End "end" Readonly "readonly" Mutable "mutable" Void "void" Sizeof "sizeof"
}

/// Words that are reserved in OpenQASM 2: the first of the list.
const RESERVED_2: usize = 11;

impl Word {
    /// Returns the word that a name is.
    pub(super) fn of(name: Name) -> Option<Self> {
        WORDS.get(name.0 as usize).map(|(word, _)| *word)
    }
}

impl Name {
    /// Returns the place in tables by name.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }

    /// Returns whether nothing may be declared under this name.
    pub(super) fn is_reserved(self, version: u32) -> bool {
        match version {
            2 => self.index() < RESERVED_2,
            _ => Word::of(self).is_some(),
        }
    }
}

/// Returns whether a text is a word of the language.
pub(super) fn is_word(text: &str) -> bool {
    WORDS.iter().any(|(_, word)| *word == text)
}

/// Names that were found last, by length and outer letters: most names of a text are among a few.
const RECENT: usize = 256;

/// Names of a text and their numbers.
#[derive(Debug)]
pub(super) struct Names<'s> {
    texts: Vec<&'s str>,
    numbers: HashMap<&'s str, Name>,
    recent: [Name; RECENT],
}

impl<'s> Names<'s> {
    pub(super) fn new() -> Self {
        let mut names = Self { texts: Vec::new(), numbers: HashMap::new(), recent: [Name(0); RECENT] };
        for (_, text) in WORDS {
            names.number(text);
        }
        names
    }

    /// Returns the number of a name.
    pub(super) fn number(&mut self, text: &'s str) -> Name {
        let bytes = text.as_bytes();
        let [first, last] = [bytes.first(), bytes.last()].map(|byte| usize::from(byte.copied().unwrap_or(0)));
        let slot = (first.wrapping_mul(31) ^ last.wrapping_mul(7) ^ bytes.len().wrapping_mul(67)) % RECENT;
        let recent = self.recent[slot];
        if self.texts.get(recent.index()) == Some(&text) {
            return recent;
        }
        let next = Name(self.texts.len() as u32);
        let number = *self.numbers.entry(text).or_insert(next);
        if number == next {
            self.texts.push(text);
        }
        self.recent[slot] = number;
        number
    }

    /// Returns the text of a name.
    pub(super) fn text(&self, name: Name) -> &'s str {
        self.texts.get(name.index()).copied().unwrap_or_default()
    }
}
