//! Problems with their place in the text.

use crate::error::words;
use crate::error::{Error, QasmProblem};

/// Problem at a byte of the text.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: u32,
    pub(super) problem: QasmProblem,
}

/// Result of reading; the fault is boxed, as it is rare and large.
pub(super) type Read<T> = std::result::Result<T, Box<Fault>>;

/// Returns a problem at a byte of the text.
pub(super) fn fault<T>(at: u32, problem: QasmProblem) -> Read<T> {
    Err(Box::new(Fault { at, problem }))
}

/// Returns the problem of a construct that has no counterpart in a circuit.
pub(super) fn unsupported<T>(at: u32, what: &'static str) -> Read<T> {
    fault(at, QasmProblem::Unsupported { what })
}

/// Largest number of characters that are cited.
const CITED: usize = 40;

/// Returns words of the text for a message: at most 40 characters, without control characters.
pub(super) fn cited(text: &str) -> String {
    words::cited(text, CITED)
}

impl Fault {
    /// Returns the error with line and column, both counted from 1.
    pub(super) fn in_text(self, text: &str) -> Error {
        // A place is the start of a token, or the end of the text.
        let before = text.get(..self.at as usize).unwrap_or(text);
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        let column = 1 + before.rsplit('\n').next().unwrap_or_default().chars().count();
        Error::Qasm { line, column, problem: self.problem }
    }
}
