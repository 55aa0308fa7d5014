//! Columns of a table, as an encoder learns them: numbers, or categories and what stands in for missing ones.

use super::fields::{Spelling, column_error};
use super::{CsvConfig, Missing, Table};
use crate::error::{DataError, Error, Result};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Column of a table: numbers, or one of some texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Column {
    pub(super) name: String,
    /// Categories or classes in the order of their numbers; `None` for a column of numbers.
    pub(super) categories: Option<Vec<String>>,
    /// Whether a missing value is a category of its own, behind the others.
    pub(super) has_missing: bool,
    /// Category that stands in for a missing value.
    #[serde(default)]
    pub(super) fill: Option<usize>,
}

impl Column {
    /// Returns the number of features.
    pub(super) fn width(&self) -> usize {
        self.categories.as_ref().map_or(1, Vec::len) + usize::from(self.has_missing)
    }

    /// Returns the number of the category that a missing value has, if it has one.
    pub(super) fn missing_category(&self) -> Option<usize> {
        if self.has_missing { self.categories.as_ref().map(Vec::len) } else { self.fill }
    }
}

/// Kind of a column, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Any,
    Number,
    Text,
}

/// Learns the kind and the categories of a column.
pub(super) fn fit_column(
    table: &Table,
    rows: &[usize],
    place: usize,
    kind: Kind,
    spelling: &Spelling,
    config: &CsvConfig,
) -> Result<Column> {
    let present = || rows.iter().copied().filter(|&row| !spelling.is_missing(table, row, place));
    let text = |row: usize| table.field(row, place).unwrap_or_default();
    let name = table.names()[place].clone();
    if present().next().is_none() {
        return Err(column_error(table, place, "the column has no value"));
    }
    let is_number = |row: usize| spelling.parse(text(row)).is_some();
    if kind == Kind::Number || kind == Kind::Any && present().any(is_number) {
        present().try_for_each(|row| spelling.number(table, row, place).map(|_| ()))?;
        return Ok(Column { name, categories: None, has_missing: false, fill: None });
    }
    if kind == Kind::Any && present().all(|row| spelling.is_foreign(text(row))) {
        let problem = "all texts are numbers with another decimal character; set `decimal`, or list it in `text`";
        return Err(column_error(table, place, problem));
    }
    let has_gaps = present().count() < rows.len();
    let constant = match &config.on_missing {
        Missing::Constant(text) if has_gaps => Some((text.as_str(), 0)),
        _ => None,
    };
    // Number of rows of each text.
    let mut found: BTreeMap<&str, usize> = constant.into_iter().collect();
    for row in present() {
        *found.entry(text(row)).or_default() += 1;
        if found.len() > config.max_categories {
            let (count, limit) = (found.len(), config.max_categories);
            return Err(Error::Data(DataError::Categories { field: place + 1, column: name, count, limit }));
        }
    }
    let mut categories: Vec<String> = found.keys().map(|&text| text.to_owned()).collect();
    let value = |text: &String| spelling.parse(text).filter(|value| value.is_finite());
    if categories.iter().all(|category| value(category).is_some()) {
        categories.sort_by(|a, b| value(a).partial_cmp(&value(b)).unwrap_or(Ordering::Equal).then_with(|| a.cmp(b)));
    }
    let fill = match &config.on_missing {
        Missing::MostFrequent => {
            let counts = categories.iter().map(|category| found[category.as_str()]).enumerate();
            Some(counts.fold((0, 0), |most, (index, count)| if count > most.1 { (index, count) } else { most }).0)
        }
        Missing::Constant(text) => categories.iter().position(|category| category == text),
        _ => None,
    };
    let has_missing = config.on_missing == Missing::Category && has_gaps;
    Ok(Column { name, categories: Some(categories), has_missing, fill })
}
