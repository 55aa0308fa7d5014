//! Tables of text whose columns have names, read from CSV.

use crate::error::{Cause, DataError, Error, FileError, Result};
use crate::memory::check_numbers;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Table of text fields whose columns have names. [`TableEncoder`](super::TableEncoder) makes numbers of it.
///
/// The format is CSV as RFC 4180 describes it: a header, then a record a line. A field in double quotes may contain
/// delimiters, line breaks and, doubled, quotes. Blanks around a field and empty lines are left out. A line ends with a
/// line feed, with or without a carriage return before it.
///
/// ```
/// use candlewick::data::Table;
/// let table = Table::parse("age,city\n31,\"Bern, BE\"\n,Ulm\n", ',')?;
/// assert_eq!(table.names(), ["age", "city"]);
/// assert_eq!(table.row(0).collect::<Vec<_>>(), ["31", "Bern, BE"]);
/// assert_eq!((table.field(1, 0), table.line(1)), (Some(""), Some(3)));
/// # Ok::<(), candlewick::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    names: Vec<String>,
    /// Fields of all rows, one behind the other.
    text: String,
    /// End of each field in the text.
    ends: Vec<usize>,
    /// Line of each row, from 1.
    lines: Vec<usize>,
}

/// Bytes that are read at a time.
const CHUNK: u64 = 1 << 24;

impl Table {
    /// Reads a table from a file in UTF-8.
    ///
    /// # Errors
    /// A file that cannot be read, or that the memory does not hold; the errors of [`parse`](Self::parse).
    pub fn read_csv(path: impl AsRef<Path>, delimiter: char) -> Result<Self> {
        Self::parse(&read_text(path.as_ref())?, delimiter)
    }

    /// Reads a table from text.
    ///
    /// # Errors
    /// - A text without a header; two columns of one name, unless they have none; more than the memory holds.
    /// - A line with another number of fields than the header, a quote that is never closed, text behind a closing
    ///   quote, a quote inside a field without quotes; a carriage return that ends a line alone, as on old Macs.
    /// - A delimiter that is a quote or a line break.
    pub fn parse(text: &str, delimiter: char) -> Result<Self> {
        if ['"', '\n', '\r'].contains(&delimiter) {
            let (of, setting, allowed) = ("a table", "delimiter", "no quote and no line break");
            return Err(Error::Setting { of, setting, value: f64::from(u32::from(delimiter)), allowed });
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        // Counts fields and lines, a number for each, and the text itself.
        let count = |of: char| text.matches(of).count() as u64 + 1;
        check_numbers("the fields of a table", Some(count(delimiter) + 2 * count('\n') + text.len() as u64 / 8))?;
        let mut reader = Reader { rest: text, line: 1, delimiter };
        let mut table = Self { names: Vec::new(), text: String::new(), ends: Vec::new(), lines: Vec::new() };
        let Some((_, width)) = reader.record(&mut table.text, &mut table.ends)? else {
            return Err(Error::Data(DataError::Table { line: 1, field: None, problem: "the table is empty" }));
        };
        table.names = (0..width).map(|column| table.at(column).to_owned()).collect();
        check_names(&table.names)?;
        (table.text, table.ends) = (String::new(), Vec::new());
        while let Some((line, actual)) = reader.record(&mut table.text, &mut table.ends)? {
            if actual != width {
                return Err(Error::Data(DataError::FieldCount { line, expected: width, actual }));
            }
            table.lines.push(line);
        }
        Ok(table)
    }

    /// Makes a table of fields, as a file with a header would have them: row 0 is line 2.
    ///
    /// ```
    /// use candlewick::data::Table;
    /// let rows = [["31", "Bern"], ["44", "Ulm"]];
    /// let table = Table::new(["age", "city"], rows)?;
    /// assert_eq!(table, Table::parse("age,city\n31,Bern\n44,Ulm\n", ',')?);
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// No columns; two columns of one name, unless they have none; a row with another number of fields.
    pub fn new<N: Into<String>, F: AsRef<str>, R: IntoIterator<Item = F>>(
        names: impl IntoIterator<Item = N>,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<Self> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        if names.is_empty() {
            return Err(Error::Data(DataError::Table { line: 1, field: None, problem: "the table is empty" }));
        }
        check_names(&names)?;
        let mut table = Self { names, text: String::new(), ends: Vec::new(), lines: Vec::new() };
        for (line, row) in (2..).zip(rows) {
            let before = table.ends.len();
            for field in row {
                table.text.push_str(field.as_ref());
                table.ends.push(table.text.len());
            }
            let (expected, actual) = (table.names.len(), table.ends.len() - before);
            if actual != expected {
                return Err(Error::Data(DataError::FieldCount { line, expected, actual }));
            }
            table.lines.push(line);
        }
        Ok(table)
    }

    /// Returns the delimiter of a text: of `,`, `;` and tab the most frequent one in the first line, outside of quotes,
    /// and the first of equal ones.
    ///
    /// ```
    /// use candlewick::data::Table;
    /// assert_eq!(Table::delimiter_of("\"age, in years\";city\n31;Bern\n"), ';');
    /// ```
    pub fn delimiter_of(text: &str) -> char {
        let mut counts = [(',', 0), (';', 0), ('\t', 0)];
        let mut quoted = false;
        for c in text.trim_start_matches(['\u{feff}', '\r', '\n']).chars() {
            quoted ^= c == '"';
            if c == '\n' && !quoted {
                break;
            }
            if !quoted {
                counts.iter_mut().filter(|(delimiter, _)| *delimiter == c).for_each(|(_, count)| *count += 1);
            }
        }
        // The last of equal ones wins.
        counts.into_iter().rev().max_by_key(|(_, count)| *count).map_or(',', |(delimiter, _)| delimiter)
    }

    /// Returns the names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Returns the line on which a row begins, counted from 1; the header counts.
    pub fn line(&self, row: usize) -> Option<usize> {
        self.lines.get(row).copied()
    }

    /// Returns a field by row and column, both counted from 0.
    pub fn field(&self, row: usize, column: usize) -> Option<&str> {
        (row < self.len() && column < self.names.len()).then(|| self.at(row * self.names.len() + column))
    }

    /// Returns the fields of a row, counted from 0; none if there is no such row.
    pub fn row(&self, row: usize) -> impl Iterator<Item = &str> {
        (0..self.names.len()).filter_map(move |column| self.field(row, column))
    }

    /// Returns the rows of `indices`, counted from 0, in that order. They keep the numbers of their lines.
    ///
    /// ```
    /// use candlewick::data::Table;
    /// let table = Table::parse("age,city\n31,Bern\n44,Ulm\n", ',')?.select(&[1])?;
    /// assert_eq!((table.len(), table.field(0, 1), table.line(0)), (1, Some("Ulm"), Some(3)));
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// A row that the table does not have; more than the memory holds.
    pub fn select(&self, indices: &[usize]) -> Result<Self> {
        let width = self.names.len();
        let mut bytes = 0u64;
        for &row in indices {
            if row >= self.len() {
                return Err(Error::Data(DataError::Row { row, rows: self.len() }));
            }
            bytes = bytes.saturating_add((self.ends[(row + 1) * width - 1] - self.start(row * width)) as u64);
        }
        let ends = (indices.len() as u64).checked_mul(width as u64 + 1);
        check_numbers("the fields of a table", ends.and_then(|ends| ends.checked_add(bytes / 8 + 1)))?;
        let mut chosen = Self {
            names: self.names.clone(),
            text: String::with_capacity(bytes as usize),
            ends: Vec::with_capacity(indices.len() * width),
            lines: indices.iter().map(|&row| self.lines[row]).collect(),
        };
        for &row in indices {
            for field in self.row(row) {
                chosen.text.push_str(field);
                chosen.ends.push(chosen.text.len());
            }
        }
        Ok(chosen)
    }

    /// Returns the place of a column, counted from 0.
    pub(super) fn column(&self, name: &str) -> Result<usize> {
        self.names
            .iter()
            .position(|other| other == name)
            .ok_or_else(|| Error::Data(DataError::UnknownColumn { name: name.to_owned(), known: self.names.clone() }))
    }

    fn at(&self, index: usize) -> &str {
        &self.text[self.start(index)..self.ends[index]]
    }

    fn start(&self, index: usize) -> usize {
        if index == 0 { 0 } else { self.ends[index - 1] }
    }
}

fn check_names(names: &[String]) -> Result<()> {
    let mut sorted: Vec<(&String, usize)> = names.iter().zip(1..).filter(|(name, _)| !name.is_empty()).collect();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        None => Ok(()),
        Some(pair) => {
            let problem = "another column has the same name";
            Err(Error::Data(DataError::Column { field: pair[1].1, column: pair[1].0.clone(), problem }))
        }
    }
}

/// Reads a file whose size the system may not know in advance.
fn read_text(path: &Path) -> Result<String> {
    let access =
        |source: Cause| Error::File(FileError::Access { path: path.display().to_string(), action: "read", source });
    let mut file = File::open(path).map_err(|error| access(error.into()))?;
    let length = file.metadata().map_err(|error| access(error.into()))?.len();
    check_numbers("the bytes of a table", Some(length / 8))?;
    let mut bytes = Vec::new();
    loop {
        // While the bytes are copied to more space, the old copy stays.
        check_numbers("the bytes of a table", Some((2 * bytes.len() as u64 + CHUNK) / 8))?;
        let read = (&mut file).take(CHUNK).read_to_end(&mut bytes).map_err(|error| access(error.into()))?;
        if read == 0 {
            break;
        }
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|&&byte| byte == b'\n').count() + 1;
        Error::Data(DataError::Table { line, field: None, problem: "the text is not UTF-8" })
    })
}

/// Rest of a text, with the line on which it begins.
struct Reader<'a> {
    rest: &'a str,
    line: usize,
    delimiter: char,
}

impl Reader<'_> {
    /// Appends the fields of the next record that is no empty line. Returns its line and its number of fields.
    fn record(&mut self, text: &mut String, ends: &mut Vec<usize>) -> Result<Option<(usize, usize)>> {
        loop {
            let blank = self.rest.split('\n').next().filter(|_| !self.rest.is_empty());
            let Some(blank) = blank else { return Ok(None) };
            if !blank.trim_matches(|c| c == '\r' || c == ' ' && c != self.delimiter).is_empty() {
                break;
            }
            self.rest = self.rest.get(blank.len() + 1..).unwrap_or_default();
            self.line += 1;
        }
        let (line, mut count) = (self.line, 0);
        loop {
            count += 1;
            self.field(text).map_err(|problem| Error::Data(DataError::Table { line, field: Some(count), problem }))?;
            ends.push(text.len());
            let mut after = self.rest.chars();
            match after.next() {
                Some(next) if next == self.delimiter => self.rest = after.as_str(),
                _ => {
                    self.rest = after.as_str();
                    self.line += 1;
                    return Ok(Some((line, count)));
                }
            }
        }
    }

    /// Appends a field, and leaves the rest at the delimiter or line break behind it.
    fn field(&mut self, text: &mut String) -> Result<(), &'static str> {
        let delimiter = self.delimiter;
        let is_blank = |c: char| [' ', '\t'].contains(&c) && c != delimiter;
        let Some(quoted) = self.rest.trim_start_matches(is_blank).strip_prefix('"') else {
            let (field, rest) = self.rest.split_at(self.rest.find([delimiter, '\n']).unwrap_or(self.rest.len()));
            if field.contains('"') {
                return Err("a quote stands inside a field that does not begin with one");
            }
            text.push_str(of_line(field, rest)?.trim_matches(is_blank));
            self.rest = rest;
            return Ok(());
        };
        self.rest = quoted;
        loop {
            let (part, rest) = self.rest.split_once('"').ok_or("a quote is never closed")?;
            self.line += part.matches('\n').count();
            text.push_str(part);
            self.rest = rest;
            match rest.strip_prefix('"') {
                Some(rest) => self.rest = rest,
                None => break,
            }
            text.push('"');
        }
        let (behind, rest) = self.rest.split_at(self.rest.find([delimiter, '\n']).unwrap_or(self.rest.len()));
        self.rest = rest;
        match of_line(behind, rest)?.trim_matches(is_blank).is_empty() {
            true => Ok(()),
            false => Err("text follows a closing quote"),
        }
    }
}

/// Returns a text without the carriage returns at the end of its line. `rest` follows the text.
fn of_line<'a>(text: &'a str, rest: &str) -> Result<&'a str, &'static str> {
    let ends = rest.is_empty() || rest.starts_with('\n');
    let text = if ends { text.trim_end_matches('\r') } else { text };
    match text.contains('\r') {
        true => Err("a carriage return stands without a line feed; end lines with `\\n` or `\\r\\n`"),
        false => Ok(text),
    }
}
