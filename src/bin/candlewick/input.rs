//! Inputs: files and the standard input, as bytes, texts and tables.

use super::failure::{Failure, Outcome, picture};
use candlewick::data::Table;
use candlewick::error::{DataError, Error};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Path of the standard input and of the standard output.
pub(crate) const STANDARD: &str = "-";

/// Longest input, in bytes.
const LONGEST: u64 = 4 << 30;

/// Text with the name of its file.
#[derive(Debug)]
pub(crate) struct Input {
    /// Name of the file, as it was given.
    pub(crate) name: String,
    /// Text of the file.
    pub(crate) text: String,
    /// Character between two fields, if the text is a table.
    pub(crate) delimiter: char,
}

/// Contents of a file that may be a model or a text.
#[derive(Debug)]
pub(crate) enum Content {
    /// Bytes of a safetensors file.
    Model { name: String, bytes: Vec<u8> },
    /// Text in OpenQASM.
    Circuit(Input),
    /// Table.
    Table(Input),
}

/// Returns the name of a path in messages.
pub(crate) fn name_of(path: &Path) -> String {
    if is_standard(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// Returns whether a path means the standard input or output.
pub(crate) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == STANDARD
}

/// Reads a file or the standard input.
pub(crate) fn read_bytes(path: &Path) -> Outcome<Vec<u8>> {
    let name = name_of(path);
    let refused = |error: io::Error| Failure::of_file(&name, "read", &error);
    let too_long = || Failure::new(format!("{name}: it has more than 4 GiB, which is the limit"));
    let mut bytes = Vec::new();
    let read = if is_standard(path) {
        io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes)
    } else {
        let file = File::open(path).map_err(refused)?;
        // The length of a pipe is not known.
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        if length > LONGEST {
            return Err(too_long());
        }
        bytes.try_reserve_exact(length as usize + 1).map_err(|error| refused(error.into()))?;
        file.take(LONGEST + 1).read_to_end(&mut bytes)
    };
    match read {
        Err(error) => Err(refused(error)),
        Ok(length) if length as u64 > LONGEST => Err(too_long()),
        Ok(_) => Ok(bytes),
    }
}

/// Reads a file or the standard input, and finds out what it is: a model by its first bytes, a circuit or a table by the
/// ending of the name, or else by the first word.
pub(crate) fn read(path: &Path) -> Outcome<Content> {
    let (name, bytes) = (name_of(path), read_bytes(path)?);
    if bytes.get(8) == Some(&b'{') && bytes.first_chunk().is_some_and(|size| u64::from_le_bytes(*size) < LONGEST) {
        return Ok(Content::Model { name, bytes });
    }
    let input = Input::new(name, bytes)?;
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
    Ok(match ending.as_str() {
        "qasm" | "qasm2" | "qasm3" | "inc" => Content::Circuit(input),
        "csv" | "tsv" => Content::Table(input),
        _ if input.is_qasm() => Content::Circuit(input),
        _ => Content::Table(input),
    })
}

/// Reads a table, whose delimiter is given or found in its first line.
pub(crate) fn read_table(path: &Path, delimiter: Option<char>) -> Outcome<(Input, Table)> {
    Input::new(name_of(path), read_bytes(path)?)?.into_table(delimiter)
}

impl Input {
    /// Makes a text of bytes.
    fn new(name: String, bytes: Vec<u8>) -> Outcome<Self> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = valid.iter().filter(|&&byte| byte == b'\n').count() + 1;
            Failure::new(format!("{name}:{line}: the text is not UTF-8"))
        })?;
        Ok(Self { name, text, delimiter: ',' })
    }

    /// Makes an error of the library about this text, with the line if the error knows it.
    pub(crate) fn failure(&self, error: Error) -> Failure {
        let place = match &error {
            Error::Qasm { line, column, problem } => {
                return Failure::at(&self.name, &self.text, (*line, *column), &problem.to_string());
            }
            Error::Data(DataError::Table { line, field, .. }) => Some((*line, *field)),
            Error::Data(DataError::FieldCount { line, .. }) => Some((*line, None)),
            Error::Data(DataError::Field { line, field, .. } | DataError::UnseenCategory { line, field, .. }) => {
                Some((*line, Some(*field)))
            }
            _ => None,
        };
        let picture = place.and_then(|(line, field)| {
            let column = field.map_or(0, |field| self.column(line, field));
            picture(&self.text, line, column)
        });
        Failure::Error { message: format!("{}: {error}", self.name), picture }
    }

    /// Reads the text as a table.
    pub(crate) fn into_table(mut self, delimiter: Option<char>) -> Outcome<(Self, Table)> {
        self.delimiter = delimiter.unwrap_or_else(|| Table::delimiter_of(&self.text));
        let table = Table::parse(&self.text, self.delimiter).map_err(|error| self.failure(error))?;
        let is_number = |name: &String| name.parse::<f64>().is_ok();
        if table.names().iter().all(is_number) {
            let problem = "the first line has numbers alone; a header with the names of the columns must stand there";
            return Err(Failure::at(&self.name, &self.text, (1, 0), problem));
        }
        Ok((self, table))
    }

    /// Returns whether the text begins as OpenQASM does.
    fn is_qasm(&self) -> bool {
        let mut rest = self.text.trim_start_matches('\u{feff}').trim_start();
        loop {
            let end = match (rest.starts_with("//"), rest.starts_with("/*")) {
                (true, _) => rest.find('\n').map(|end| end + 1),
                (_, true) => rest.find("*/").map(|end| end + 2),
                _ => break,
            };
            rest = rest[end.unwrap_or(rest.len())..].trim_start();
        }
        ["OPENQASM", "include", "qubit", "qreg", "@candlewick", "gate "].iter().any(|word| rest.starts_with(word))
    }

    /// Returns the column, in characters from 1, at which a field of a line begins; 0 if quotes make it hard to say.
    fn column(&self, line: usize, field: usize) -> usize {
        let Some(text) = line.checked_sub(1).and_then(|line| self.text.lines().nth(line)) else { return 0 };
        let (mut quoted, mut fields) = (false, 1);
        for (place, c) in text.chars().enumerate() {
            if fields == field {
                return place + 1;
            }
            quoted ^= c == '"';
            fields += usize::from(c == self.delimiter && !quoted);
        }
        if fields == field { text.chars().count() + 1 } else { 0 }
    }
}

/// Parses the delimiter of a table.
pub(crate) fn delimiter(text: &str) -> Result<char, String> {
    match text {
        "tab" | "\\t" => Ok('\t'),
        _ => {
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) if !['"', '\n', '\r'].contains(&c) => Ok(c),
                _ => Err("a delimiter is one character, no quote and no line break, or the word tab".to_owned()),
            }
        }
    }
}
