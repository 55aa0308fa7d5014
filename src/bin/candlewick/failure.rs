//! Errors of the program: their words, the line of the text that they are about, and the exit status.

use super::words::readable;
use candlewick::Error;
use std::io::{self, Write};
use std::process::ExitCode;

/// Result of the program's functions.
pub(crate) type Outcome<T> = Result<T, Failure>;

/// Reason for which the program ends early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The reader of the output has gone: nothing is wrong, and nothing is left to do.
    BrokenPipe,
    /// A file or a computation is wrong; the message, and the line that it is about.
    Error { message: String, picture: Option<String> },
    /// Options do not fit each other.
    Usage(String),
}

/// Most characters of a line that a picture shows.
const SHOWN: usize = 100;

/// Characters of a long line in front of the place that a picture is about.
const BEFORE: usize = 60;

impl Failure {
    /// Makes an error of a message alone.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self::Error { message: message.into(), picture: None }
    }

    /// Makes an error of the system about a file.
    pub(crate) fn of_file(name: &str, action: &str, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::BrokenPipe,
            _ => Self::new(format!("{name}: cannot be {action}: {error}")),
        }
    }

    /// Makes an error at a place of a text. Line and column count from 1; column 0 is the whole line.
    pub(crate) fn at(name: &str, text: &str, (line, column): (usize, usize), problem: &str) -> Self {
        let place = if column > 0 { format!("{name}:{line}:{column}") } else { format!("{name}:{line}") };
        Self::Error { message: format!("{place}: {problem}"), picture: picture(text, line, column) }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<candle_core::Error> for Failure {
    fn from(error: candle_core::Error) -> Self {
        Error::from(error).into()
    }
}

/// Draws a line of a text with a caret below a column.
pub(crate) fn picture(text: &str, line: usize, column: usize) -> Option<String> {
    let whole: Vec<char> = text.lines().nth(line.checked_sub(1)?)?.chars().collect();
    let start = if column > SHOWN { column - BEFORE } else { 0 };
    let part = whole.iter().skip(start).take(SHOWN);
    // A control character would move what stands behind it.
    let part: String = part.map(|c| if c.is_control() { ' ' } else { *c }).collect();
    let (before, after) = (if start > 0 { "…" } else { "" }, if whole.len() > start + SHOWN { "…" } else { "" });
    let number = line.to_string();
    let mut drawn = format!("{number} | {before}{part}{after}");
    if column > 0 {
        let blanks = column - 1 - start + before.chars().count();
        drawn += &format!("\n{} | {}^", " ".repeat(number.len()), " ".repeat(blanks));
    }
    Some(drawn)
}

/// Prints an error, if there is one, and returns the exit status.
pub(crate) fn ending(outcome: Outcome<()>) -> ExitCode {
    let (text, status) = match outcome {
        Ok(()) | Err(Failure::BrokenPipe) => return ExitCode::SUCCESS,
        Err(Failure::Error { message, picture }) => {
            let picture = picture.map_or_else(String::new, |picture| picture + "\n");
            (format!("error: {}\n{picture}", readable(&message)), 1)
        }
        Err(Failure::Usage(message)) => (format!("error: {message}\n\nFor more information, try '--help'.\n"), 2),
    };
    note(&text);
    ExitCode::from(status)
}

/// Writes to the standard error output, which may have lost its reader.
pub(crate) fn note(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
