//! Tables of text as samples: numbers, categories, classes, missing values.

use super::columns::{Column, Kind, fit_column};
use super::fields::{Spelling, category, column_error, field_error, unseen};
use super::splits::{check_fractions, parts};
use super::{CsvConfig, Dataset, Missing, MissingTarget, Split3, Table, Target, Unknown};
use crate::error::{DataError, Error, FileError, Result};
use crate::memory::check_numbers;
use candle_core::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Columns, categories and classes of a training's table, with which other tables become samples of the same features.
///
/// Features are in the order of the columns. A column of numbers is a feature. A column of text is a feature for each
/// category, 1 for the sample's own and 0 for the others; categories are in the order that
/// [`classes`](CsvConfig::classes) describes, and the features' names are `colour=red` and the like. A column of both
/// numbers and other texts is an error.
///
/// Other tables may have their columns in another order, and further columns, which are not read.
///
/// ```
/// use candlewick::data::{CsvConfig, Table, TableEncoder};
/// let train =
///     Table::parse("id,age,colour,ill\n1,31,red,yes\n2,47,blue,no\n3,52,red,no\n", ',')?;
/// let config = CsvConfig { without: vec!["id".into()], ..CsvConfig::with_label("ill") };
/// let encoder = TableEncoder::fit(&train, &config)?;
/// assert_eq!(encoder.features(), ["age", "colour=blue", "colour=red"]);
/// assert_eq!(encoder.classes(), ["no", "yes"]);
/// let set = encoder.encode(&train)?;
/// assert_eq!(set.y.to_vec1::<u32>()?, [1, 0, 0]);
///
/// // Another program, with the text that the first one saved and a table without labels.
/// let encoder = TableEncoder::from_json(&encoder.to_json()?)?;
/// let x = encoder.encode_features(&Table::parse("colour,age\nblue,44\n", ',')?)?;
/// assert_eq!(x.to_vec2::<f32>()?, [[44.0, 1.0, 0.0]]);
/// let unseen = Table::parse("colour,age\nblue,44\ngreen,20\n", ',')?;
/// let error = encoder.encode_features(&unseen).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     r#"line 3 of the table, field 1 (`colour`): `green` is none of ["blue", "red"]"#
/// );
/// # Ok::<(), candlewick::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "State", into = "State")]
pub struct TableEncoder {
    state: State,
    /// Names of the features.
    features: Vec<String>,
}

/// State of an encoder, as it is saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    /// Columns of the features, in order.
    columns: Vec<Column>,
    /// Column of the target.
    target: Option<Column>,
    spelling: Spelling,
    on_missing: Missing,
    on_missing_target: MissingTarget,
    on_unknown: Unknown,
}

impl From<TableEncoder> for State {
    fn from(encoder: TableEncoder) -> Self {
        encoder.state
    }
}

impl TryFrom<State> for TableEncoder {
    type Error = Error;
    fn try_from(state: State) -> Result<Self> {
        Self::new(state)
    }
}

/// Text behind `=` in the name of the feature of missing categories.
const MISSING: &str = "missing";

impl TableEncoder {
    /// Learns columns, categories and classes from a table. Rows that are left out for missing values do not count.
    ///
    /// # Errors
    /// - A column that the options name and the table does not have; a column without a name that is not left out; a
    ///   column without a value; no columns of features.
    /// - A text among numbers; numbers with another decimal character; a number that is not finite in the chosen dtype,
    ///   becomes 0 there, or is whole and rounded; another dtype than F32 and F64.
    /// - Two features of one name; more categories or classes than allowed; a list of classes with one of them twice, or
    ///   one for a target that is not a class.
    pub fn fit(table: &Table, config: &CsvConfig) -> Result<Self> {
        let target = match &config.target {
            Target::Nothing => None,
            Target::Class(name) | Target::Number(name) => Some(table.column(name)?),
        };
        if !config.classes.is_empty() && !matches!(config.target, Target::Class(_)) {
            return Err(Error::SettingNeeds { of: "a table", setting: "classes", needs: "a target of classes" });
        }
        let spelling = Spelling::new(&config.missing, config.decimal, config.dtype)?;
        let chosen = |names: &[String]| names.iter().map(|name| table.column(name)).collect::<Result<Vec<_>>>();
        chosen(&config.without)?;
        let text = chosen(&config.text)?;
        let places = feature_places(table, config, target);
        let used: Vec<usize> = places.iter().copied().chain(target).collect();
        if let Some(&place) = used.iter().find(|&&place| table.names()[place].is_empty()) {
            return Err(column_error(table, place, "a column without a name; leave it out as \"\", or name it"));
        }
        let rows = kept_rows(table, &places, target, &spelling, &config.on_missing, config.on_missing_target);
        let fit = |place: usize, kind: Kind| fit_column(table, &rows, place, kind, &spelling, config);
        let columns = places.iter().map(|&place| {
            let kind = if text.contains(&place) { Kind::Text } else { Kind::Any };
            fit(place, kind)
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        // Nothing stands in for a missing class.
        let of_target = CsvConfig { on_missing: Missing::Error, ..config.clone() };
        let fit_target = |place| fit_column(table, &rows, place, Kind::Text, &spelling, &of_target);
        let target = match (&config.target, target) {
            (Target::Class(name), Some(_)) if !config.classes.is_empty() => {
                let categories = Some(config.classes.clone());
                Some(Column { name: name.clone(), categories, has_missing: false, fill: None })
            }
            (Target::Class(_), Some(place)) => Some(fit_target(place)?),
            (_, Some(place)) => Some(fit(place, Kind::Number)?),
            (_, None) => None,
        };
        let CsvConfig { on_missing_target, on_unknown, .. } = *config;
        let on_missing = config.on_missing.clone();
        Self::new(State { columns, target, spelling, on_missing, on_missing_target, on_unknown })
    }

    /// Checks a state, which may come from a file, and names its features.
    fn new(state: State) -> Result<Self> {
        let needs = |setting, needs| Error::SettingNeeds { of: "a table", setting, needs };
        let has_twice = |texts: &[String]| texts.iter().collect::<BTreeSet<_>>().len() < texts.len();
        let names: Vec<String> = state.columns.iter().chain(&state.target).map(|column| column.name.clone()).collect();
        if state.columns.is_empty() {
            return Err(needs("features", "a column beside the target that is not left out"));
        }
        if has_twice(&names) {
            return Err(needs("columns", "different names"));
        }
        state.spelling.check()?;
        for categories in state.columns.iter().chain(&state.target).filter_map(|column| column.categories.as_ref()) {
            if categories.is_empty() || has_twice(categories) {
                return Err(needs("classes", "one or more texts, each different"));
            }
        }
        if state.columns.iter().any(|column| column.fill.is_some_and(|fill| fill >= column.width())) {
            return Err(needs("a category in the place of missing ones", "one of the column's categories"));
        }
        let features = state.columns.iter().flat_map(|Column { name, categories, has_missing, .. }| match categories {
            None => vec![name.clone()],
            Some(categories) => {
                let own = Some(MISSING).filter(|_| *has_missing);
                let texts = categories.iter().map(String::as_str).chain(own);
                texts.map(|text| format!("{name}={text}")).collect()
            }
        });
        let features: Vec<String> = features.collect();
        let mut seen = BTreeSet::new();
        if let Some(name) = features.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(Error::Data(DataError::FeatureTwice { name: name.clone() }));
        }
        Ok(Self { state, features })
    }

    /// Returns the names of the features, in order.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// Returns the names of the columns that the features come from, in order.
    pub fn columns(&self) -> Vec<&str> {
        self.state.columns.iter().map(|column| column.name.as_str()).collect()
    }

    /// Returns the names of the classes, in the order of their numbers; none without a target of classes.
    pub fn classes(&self) -> &[String] {
        self.state.target.as_ref().and_then(|target| target.categories.as_deref()).unwrap_or_default()
    }

    /// Returns the dtype of the features.
    pub fn dtype(&self) -> DType {
        self.state.spelling.dtype()
    }

    /// Makes samples with their targets. Rows with missing values are left out if the training left them out.
    ///
    /// # Errors
    /// - A column that the table does not have; a class that the training's table did not have, and a category, unless
    ///   it is treated otherwise.
    /// - A missing value, unless it is treated otherwise; a text for a number; a number that is not finite in the
    ///   chosen dtype, becomes 0 there, or is whole and rounded.
    /// - More than the memory holds.
    pub fn encode(&self, table: &Table) -> Result<Dataset> {
        let (places, state) = (self.places(table)?, &self.state);
        let target = state.target.as_ref().map(|target| Ok::<_, Error>((table.column(&target.name)?, target)));
        let target = target.transpose()?;
        let (place, spelling) = (target.map(|(place, _)| place), &state.spelling);
        let rows = kept_rows(table, &places, place, spelling, &state.on_missing, state.on_missing_target);
        let (x, samples, dtype) = (self.numbers(table, &places, &rows)?, rows.len(), spelling.dtype());
        if let Some(place) = place
            && let Some(&row) = rows.iter().find(|&&row| spelling.is_missing(table, row, place))
        {
            return Err(field_error(table, row, place, "is a missing target"));
        }
        let set = match target {
            None => Dataset::regression(x, Tensor::zeros((samples, 0), dtype, &Device::Cpu)?)?,
            Some((place, Column { categories: None, .. })) => {
                let y = rows.iter().map(|&row| spelling.number(table, row, place)).collect::<Result<Vec<_>>>()?;
                Dataset::regression(x, Tensor::from_vec(y, (samples, 1), &Device::Cpu)?.to_dtype(dtype)?)?
            }
            Some((place, Column { categories: Some(classes), .. })) => {
                let class = |&row: &usize| {
                    let own = category(table, row, place, classes).map(|class| class as u32);
                    own.ok_or_else(|| unseen(table, row, place, classes))
                };
                let y = rows.iter().map(class).collect::<Result<Vec<_>>>()?;
                Dataset::new(x, Tensor::from_vec(y, samples, &Device::Cpu)?, classes.clone())?
            }
        };
        Ok(Dataset { features: self.features.clone(), ..set })
    }

    /// Makes samples `[rows, features]` in the chosen dtype of a table that may have no targets: a sample for each row.
    /// Missing values are an error even where the training left their rows out.
    ///
    /// # Errors
    /// The errors of [`encode`](Self::encode), except for targets.
    pub fn encode_features(&self, table: &Table) -> Result<Tensor> {
        self.numbers(table, &self.places(table)?, &(0..table.len()).collect::<Vec<_>>())
    }

    /// Returns the encoder as text, to be saved beside a network.
    ///
    /// # Errors
    /// An error of the writer.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string_pretty(&self.state).map_err(json_error)
    }

    /// Makes the encoder of a text that [`to_json`](Self::to_json) has written.
    ///
    /// # Errors
    /// A text that is no encoder.
    pub fn from_json(text: &str) -> Result<Self> {
        Self::new(serde_json::from_str(text).map_err(json_error)?)
    }

    /// Returns the place of each column of features.
    fn places(&self, table: &Table) -> Result<Vec<usize>> {
        self.state.columns.iter().map(|column| table.column(&column.name)).collect()
    }

    /// Returns the features of some rows.
    fn numbers(&self, table: &Table, places: &[usize], rows: &[usize]) -> Result<Tensor> {
        let (samples, width, spelling) = (rows.len(), self.features.len(), &self.state.spelling);
        // In F64 first, which holds every number of F32.
        check_numbers("the samples", (samples as u64).checked_mul(width as u64).and_then(|all| all.checked_mul(2)))?;
        let mut x = Vec::with_capacity(samples * width);
        for &row in rows {
            for (column, &place) in self.state.columns.iter().zip(places) {
                let is_missing = spelling.is_missing(table, row, place);
                if is_missing && matches!(self.state.on_missing, Missing::Error | Missing::DropRow) {
                    return Err(field_error(table, row, place, "is a missing value"));
                }
                match &column.categories {
                    None if is_missing => x.push(f64::NAN),
                    None => x.push(spelling.number(table, row, place)?),
                    Some(categories) if is_missing && self.state.on_missing == Missing::Keep => {
                        x.extend((0..categories.len()).map(|_| f64::NAN));
                    }
                    Some(categories) => {
                        let own = match is_missing {
                            true => column.missing_category(),
                            false => category(table, row, place, categories),
                        };
                        if own.is_none() && self.state.on_unknown == Unknown::Error {
                            return Err(unseen(table, row, place, categories));
                        }
                        x.extend((0..column.width()).map(|index| f64::from(u8::from(Some(index) == own))));
                    }
                }
            }
        }
        Ok(Tensor::from_vec(x, (samples, width), &Device::Cpu)?.to_dtype(spelling.dtype())?)
    }
}

impl Table {
    /// Splits the rows into parts for training, validation and the test, as [`Dataset::split3`] does: shares are those
    /// of each class if the target of `config` is one. An encoder of the training part alone learns nothing of the
    /// others. Rows that `config` leaves out for missing values are in no part.
    ///
    /// ```
    /// use candlewick::data::{CsvConfig, Split3, Table, TableEncoder};
    /// let rows = (0..50).map(|k| format!("{k},{}\n", if k % 5 == 0 { "ill" } else { "well" }));
    /// let table = Table::parse(&format!("age,state\n{}", rows.collect::<String>()), ',')?;
    /// let config = CsvConfig::with_label("state");
    /// let Split3 { train, validation, test, .. } = table.split3(&config, 0.2, 0.2, 7)?;
    /// let encoder = TableEncoder::fit(&train, &config)?;
    /// let test = encoder.encode(&test)?;
    /// assert_eq!((train.len(), validation.len(), test.len()), (30, 10, 10));
    /// assert_eq!(test.y.to_vec1::<u32>()?.iter().filter(|&&class| class == 0).count(), 2);
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`Dataset::split3`]; a column that the options name and the table does not have.
    pub fn split3(&self, config: &CsvConfig, validation: f64, test: f64, seed: u64) -> Result<Split3<Self>> {
        check_fractions([test, validation])?;
        let target = match &config.target {
            Target::Nothing => None,
            Target::Class(name) | Target::Number(name) => Some(self.column(name)?),
        };
        let spelling = Spelling::new(&config.missing, config.decimal, config.dtype)?;
        let places = feature_places(self, config, target);
        let rows = kept_rows(self, &places, target, &spelling, &config.on_missing, config.on_missing_target);
        let class = target.filter(|_| matches!(config.target, Target::Class(_)));
        let mut groups: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for row in rows {
            let group = class.and_then(|place| self.field(row, place)).unwrap_or_default();
            let index = u32::try_from(row).map_err(|_| {
                let (of, setting, allowed) = ("a table", "rows", "at most 4294967295");
                Error::Setting { of, setting, value: self.len() as f64, allowed }
            })?;
            groups.entry(group).or_default().push(index);
        }
        let named = |(group, members): (&str, Vec<u32>)| (class.map(|_| group.to_owned()), members);
        let parts = parts(groups.into_iter().map(named).collect(), [test, validation], seed)?;
        let [train, test, validation] =
            parts.map(|rows| self.select(&rows.into_iter().map(|row| row as usize).collect::<Vec<_>>()));
        Ok(Split3 { train: train?, validation: validation?, test: test? })
    }
}

impl Dataset {
    /// Reads a table with a header, by [`Table::read_csv`] and a [`TableEncoder`] of the table itself. A further table
    /// needs the encoder of the first: make and keep it.
    ///
    /// ```
    /// use candlewick::data::{CsvConfig, Dataset};
    /// # let path = std::env::temp_dir().join(format!("candlewick-doc-{}.csv", std::process::id()));
    /// # std::fs::write(&path, "age,dose,diagnosis\n31,0.5,healthy\n47,1.5,ill\n").unwrap();
    /// let set = Dataset::read_csv(&path, &CsvConfig::with_label("diagnosis"))?;
    /// assert_eq!(
    ///     (set.x.dims(), set.features),
    ///     (&[2, 2][..], vec!["age".to_owned(), "dose".to_owned()])
    /// );
    /// assert_eq!(set.classes, ["healthy", "ill"]);
    /// # std::fs::remove_file(path).unwrap();
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`Table::read_csv`], [`TableEncoder::fit`] and [`TableEncoder::encode`].
    pub fn read_csv(path: impl AsRef<Path>, config: &CsvConfig) -> Result<Self> {
        let table = Table::read_csv(path, config.delimiter)?;
        TableEncoder::fit(&table, config)?.encode(&table)
    }
}

fn json_error(source: serde_json::Error) -> Error {
    Error::File(FileError::Json { what: "an encoder of tables", source })
}

/// Returns the columns that become features: neither the target nor left out, and not empty without a name, as
/// spreadsheets write at the end of a line.
fn feature_places(table: &Table, config: &CsvConfig, target: Option<usize>) -> Vec<usize> {
    let is_hollow = |place: usize| {
        table.names()[place].is_empty() && (0..table.len()).all(|row| table.field(row, place) == Some(""))
    };
    let is_feature =
        |&place: &usize| !config.without.contains(&table.names()[place]) && Some(place) != target && !is_hollow(place);
    (0..table.names().len()).filter(is_feature).collect()
}

/// Returns the rows that are not left out for missing values in the columns of features or in the target's.
fn kept_rows(
    table: &Table,
    places: &[usize],
    target: Option<usize>,
    spelling: &Spelling,
    on_missing: &Missing,
    on_missing_target: MissingTarget,
) -> Vec<usize> {
    let drops = *on_missing == Missing::DropRow;
    let drops_targets = drops || on_missing_target == MissingTarget::DropRow;
    let read = places.iter().filter(|_| drops).chain(target.iter().filter(|_| drops_targets));
    let read: Vec<usize> = read.copied().collect();
    (0..table.len()).filter(|&row| !read.iter().any(|&place| spelling.is_missing(table, row, place))).collect()
}
