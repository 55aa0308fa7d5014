//! Fields of a table: missing ones, numbers, categories, and the errors that name their places.

use super::Table;
use crate::error::{DataError, Error, Result};
use candle_core::DType;

/// Spelling of the fields of a table, as an encoder saves it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spelling {
    pub(super) missing: Vec<String>,
    pub(super) decimal: char,
    /// Whether numbers are F64, otherwise F32.
    pub(super) is_wide: bool,
}

impl Spelling {
    pub(super) fn new(missing: &[String], decimal: char, dtype: DType) -> Result<Self> {
        let is_wide = match dtype {
            DType::F32 => false,
            DType::F64 => true,
            dtype => return Err(Error::Data(DataError::TableDType { dtype })),
        };
        let spelling = Self { missing: missing.to_vec(), decimal, is_wide };
        spelling.check().map(|()| spelling)
    }

    /// Checks a spelling, which may come from a file.
    pub(super) fn check(&self) -> Result<()> {
        let decimal = self.decimal;
        if decimal.is_alphanumeric() || decimal.is_whitespace() || decimal.is_control() || "+-\"".contains(decimal) {
            let (of, setting, allowed) = ("a table", "decimal", "no letter or digit, sign, quote, blank or line break");
            return Err(Error::Setting { of, setting, value: f64::from(u32::from(decimal)), allowed });
        }
        Ok(())
    }

    pub(super) fn dtype(&self) -> DType {
        if self.is_wide { DType::F64 } else { DType::F32 }
    }

    pub(super) fn is_missing(&self, table: &Table, row: usize, place: usize) -> bool {
        let text = table.field(row, place).unwrap_or_default();
        self.missing.iter().any(|spelling| spelling == text)
    }

    /// Returns the number that a text spells, in F64.
    pub(super) fn parse(&self, text: &str) -> Option<f64> {
        parse(text, self.decimal)
    }

    /// Returns whether a text is a number with another decimal character than its own, `.` or `,`.
    pub(super) fn is_foreign(&self, text: &str) -> bool {
        ['.', ','].iter().any(|&other| other != self.decimal && parse(text, other).is_some())
    }

    /// Returns the number of a field, in F64 even if it is one of F32.
    pub(super) fn number(&self, table: &Table, row: usize, place: usize) -> Result<f64> {
        let text = table.field(row, place).unwrap_or_default();
        let plain = with_point(text, self.decimal);
        let no_number = "is no number; list it in `missing`, or its column in `text`, or set `decimal`";
        let value = plain.ok_or(no_number).and_then(|plain| number(&plain, self.dtype(), no_number));
        value.map_err(|problem| field_error(table, row, place, problem))
    }
}

/// Returns the number that a text spells with `.` as decimal character, in F64 even if it is one of F32. A number that
/// is not finite, becomes 0, or is whole and rounded is an error in words; `no_number` is the error of other texts.
pub(super) fn number(text: &str, dtype: DType, no_number: &'static str) -> Result<f64, &'static str> {
    // Directly in F32, since a number that is rounded twice may be another.
    let value = match dtype {
        DType::F32 => text.parse::<f32>().map(f64::from),
        _ => text.parse::<f64>(),
    };
    let value = value.map_err(|_| no_number)?;
    let of = |single, double| if dtype == DType::F32 { single } else { double };
    if !value.is_finite() {
        return Err(of("is not finite in F32", "is not finite in F64"));
    }
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    if value == 0.0 && mantissa.contains(|c: char| ('1'..='9').contains(&c)) {
        return Err(of("becomes 0 in F32", "becomes 0 in F64"));
    }
    // Programs write whole numbers as 1700000001.0 where a column has gaps. A number with an exponent is measured.
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.strip_prefix(['+', '-']).unwrap_or(whole);
    let is_whole = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && fraction.bytes().all(|byte| byte == b'0');
    // A text that i128 does not hold is not what F64 holds either.
    if is_whole && whole.parse() != Ok(value as i128) {
        let wide = "is a whole number that F64 rounds; list its column in `text` or in `without`";
        return Err(of("is a whole number that F32 rounds; choose F64 as `dtype`, or leave out its column", wide));
    }
    Ok(value)
}

fn parse(text: &str, decimal: char) -> Option<f64> {
    with_point(text, decimal)?.parse().ok()
}

/// Returns a text with its decimal character replaced by `.`, or nothing if it has a `.` of another meaning.
fn with_point(text: &str, decimal: char) -> Option<String> {
    (decimal == '.' || !text.contains('.')).then(|| text.replace(decimal, "."))
}

/// Returns the number of a field's category, or nothing if it is unknown.
pub(super) fn category(table: &Table, row: usize, place: usize, categories: &[String]) -> Option<usize> {
    let text = table.field(row, place).unwrap_or_default();
    categories.iter().position(|category| category == text)
}

pub(super) fn unseen(table: &Table, row: usize, place: usize, categories: &[String]) -> Error {
    Error::Data(DataError::UnseenCategory {
        line: table.line(row).unwrap_or(0),
        field: place + 1,
        column: table.names()[place].clone(),
        value: table.field(row, place).unwrap_or_default().to_owned(),
        known: categories.to_vec(),
    })
}

pub(super) fn field_error(table: &Table, row: usize, place: usize, problem: &'static str) -> Error {
    Error::Data(DataError::Field {
        line: table.line(row).unwrap_or(0),
        field: place + 1,
        column: table.names()[place].clone(),
        value: table.field(row, place).unwrap_or_default().to_owned(),
        problem,
    })
}

pub(super) fn column_error(table: &Table, place: usize, problem: &'static str) -> Error {
    Error::Data(DataError::Column { field: place + 1, column: table.names()[place].clone(), problem })
}
