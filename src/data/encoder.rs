//! Tables of text as samples: numbers, categories, classes, missing values.

use super::{Dataset, Table};
use crate::__private::NonExhaustive;
use crate::error::{DataError, Error, FileError, Result};
use crate::memory::check_numbers;
use candle_core::{Device, Tensor};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::Path;

/// Column that a network learns to predict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Target {
    /// None: all columns are features.
    #[default]
    Nothing,
    /// Column of classes, by its name. Each different text is a class.
    Class(String),
    /// Column of numbers, by its name, for a regression.
    Number(String),
}

/// Treatment of missing values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Missing {
    /// An error that names line and column.
    #[default]
    Error,
    /// The row is left out.
    DropRow,
    /// The feature is NaN, for an [`Imputer`](super::Imputer). A missing category is NaN in all of its features. A
    /// missing target is an error.
    Keep,
}

/// Options for a table of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct CsvConfig {
    /// Character between two fields, no quote and no line break. Default `,`.
    pub delimiter: char,
    /// Column to predict. Default [`Target::Nothing`].
    pub target: Target,
    /// Classes in the order of their numbers, each different; no other class may occur. Default: none, which takes the
    /// classes of the table in ascending order, as numbers if all of them are numbers, otherwise by their characters.
    pub classes: Vec<String>,
    /// Names of columns to leave out, such as numbers of patients. Default: none.
    pub without: Vec<String>,
    /// Names of columns of categories whose texts are numbers, such as postcodes. Default: none. A column without any
    /// number is one of categories in any case.
    pub text: Vec<String>,
    /// Spellings of missing values. Default: nothing at all, `NA`, `N/A`, `NaN`, `nan`, `null`, `NULL`.
    pub missing: Vec<String>,
    /// Treatment of missing values. Default [`Missing::Error`].
    pub on_missing: Missing,
    /// Largest number of categories of a column, and of classes. Default 100.
    pub max_categories: usize,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for CsvConfig {
    fn default() -> Self {
        Self {
            delimiter: ',',
            target: Target::Nothing,
            classes: Vec::new(),
            without: Vec::new(),
            text: Vec::new(),
            missing: ["", "NA", "N/A", "NaN", "nan", "null", "NULL"].map(str::to_owned).to_vec(),
            on_missing: Missing::Error,
            max_categories: 100,
            non_exhaustive: NonExhaustive(()),
        }
    }
}

impl CsvConfig {
    /// Returns the default with a column of classes to predict.
    pub fn with_label(column: impl Into<String>) -> Self {
        Self { target: Target::Class(column.into()), ..Self::default() }
    }

    /// Returns the default with a column of numbers to predict.
    pub fn with_number(column: impl Into<String>) -> Self {
        Self { target: Target::Number(column.into()), ..Self::default() }
    }
}

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
/// let train = Table::parse("id,age,colour,ill\n1,31,red,yes\n2,47,blue,no\n3,52,red,no\n", ',')?;
/// let config = CsvConfig { without: vec!["id".into()], ..CsvConfig::with_label("ill") };
/// let encoder = TableEncoder::fit(&train, &config)?;
/// assert_eq!(encoder.features(), ["age", "colour=blue", "colour=red"]);
/// assert_eq!(encoder.classes(), ["no", "yes"]);
/// let set = encoder.encode(&train)?;
/// assert_eq!(set.y.to_vec1::<u32>()?, [1, 0, 0]);
///
/// // Another program, with the text that the first one has saved, and a table without labels.
/// let encoder = TableEncoder::from_json(&encoder.to_json()?)?;
/// let x = encoder.encode_features(&Table::parse("colour,age\nblue,44\n", ',')?)?;
/// assert_eq!(x.to_vec2::<f32>()?, [[44.0, 1.0, 0.0]]);
/// let unseen = Table::parse("colour,age\nblue,44\ngreen,20\n", ',')?;
/// let error = encoder.encode_features(&unseen).unwrap_err();
/// assert_eq!(error.to_string(), r#"line 3 of the table, field 1 (`colour`): `green` is none of ["blue", "red"]"#);
/// # Ok::<(), candlewick::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
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
    missing: Vec<String>,
    on_missing: Missing,
}

/// Column of a table: numbers, or one of some texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Column {
    name: String,
    /// Categories or classes in the order of their numbers; `None` for a column of numbers.
    categories: Option<Vec<String>>,
}

impl TableEncoder {
    /// Learns columns, categories and classes from a table. Rows that are left out for missing values do not count.
    ///
    /// # Errors
    /// - A column that the options name and the table does not have; a column without a name that is not left out; a
    ///   column without a value; no columns of features.
    /// - A text among numbers, a number that is not finite in F32 or becomes 0 there; a class that is not listed.
    /// - More categories or classes than allowed; a list of classes with one of them twice, or none for a target that
    ///   is not a class.
    pub fn fit(table: &Table, config: &CsvConfig) -> Result<Self> {
        let target = match &config.target {
            Target::Nothing => None,
            Target::Class(name) | Target::Number(name) => Some(table.column(name)?),
        };
        if !config.classes.is_empty() && !matches!(config.target, Target::Class(_)) {
            return Err(Error::SettingNeeds { of: "a table", setting: "classes", needs: "a target of classes" });
        }
        let chosen = |names: &[String]| names.iter().map(|name| table.column(name)).collect::<Result<Vec<_>>>();
        let (without, text) = (chosen(&config.without)?, chosen(&config.text)?);
        let is_feature = |place: &usize| !without.contains(place) && Some(*place) != target;
        let places: Vec<usize> = (0..table.names().len()).filter(is_feature).collect();
        let used: Vec<usize> = places.iter().copied().chain(target).collect();
        if let Some(&place) = used.iter().find(|&&place| table.names()[place].is_empty()) {
            return Err(column_error(table, place, "a column without a name; leave it out as \"\", or name it"));
        }
        let (missing, drops) = (&config.missing, config.on_missing == Missing::DropRow);
        let rows = kept_rows(table, &used, missing, drops);
        let fit = |place: usize, kind: Kind| fit_column(table, &rows, place, kind, config);
        let columns = places.iter().map(|&place| {
            let kind = if text.contains(&place) { Kind::Text } else { Kind::Any };
            fit(place, kind)
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let target = match (&config.target, target) {
            (Target::Class(name), Some(_)) if !config.classes.is_empty() => {
                Some(Column { name: name.clone(), categories: Some(config.classes.clone()) })
            }
            (Target::Class(_), Some(place)) => Some(fit(place, Kind::Text)?),
            (_, Some(place)) => Some(fit(place, Kind::Number)?),
            (_, None) => None,
        };
        Self::new(State { columns, target, missing: missing.clone(), on_missing: config.on_missing })
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
        for categories in state.columns.iter().chain(&state.target).filter_map(|column| column.categories.as_ref()) {
            if categories.is_empty() || has_twice(categories) {
                return Err(needs("classes", "one or more texts, each different"));
            }
        }
        let features = state.columns.iter().flat_map(|Column { name, categories }| match categories {
            None => vec![name.clone()],
            Some(categories) => categories.iter().map(|category| format!("{name}={category}")).collect(),
        });
        let features = features.collect();
        Ok(Self { state, features })
    }

    /// Returns the names of the features, in order.
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// Returns the names of the classes, in the order of their numbers; none without a target of classes.
    pub fn classes(&self) -> &[String] {
        self.state.target.as_ref().and_then(|target| target.categories.as_deref()).unwrap_or_default()
    }

    /// Makes samples with their targets. Rows with missing values are left out if the training left them out.
    ///
    /// # Errors
    /// - A column that the table does not have; a category or a class that the training's table did not have.
    /// - A missing value, unless it is treated otherwise; a text for a number; a number that is not finite in F32 or
    ///   becomes 0 there.
    /// - More than the memory holds.
    pub fn encode(&self, table: &Table) -> Result<Dataset> {
        let places = self.places(table)?;
        let target = self.state.target.as_ref().map(|target| Ok::<_, Error>((table.column(&target.name)?, target)));
        let target = target.transpose()?;
        let used: Vec<usize> = places.iter().copied().chain(target.map(|(place, _)| place)).collect();
        let rows = kept_rows(table, &used, &self.state.missing, self.state.on_missing == Missing::DropRow);
        let (x, samples) = (self.numbers(table, &places, &rows)?, rows.len());
        if let Some((place, _)) = target
            && let Some(&row) = rows.iter().find(|&&row| self.is_missing(table, row, place))
        {
            return Err(field_error(table, row, place, "is a missing target"));
        }
        let set = match target {
            None => Dataset::regression(x, Tensor::from_vec(Vec::<f32>::new(), (samples, 0), &Device::Cpu)?)?,
            Some((place, Column { categories: None, .. })) => {
                let y = rows.iter().map(|&row| number(table, row, place)).collect::<Result<Vec<_>>>()?;
                Dataset::regression(x, Tensor::from_vec(y, (samples, 1), &Device::Cpu)?)?
            }
            Some((place, Column { categories: Some(classes), .. })) => {
                let class = |&row: &usize| Ok(category(table, row, place, classes)? as u32);
                let y = rows.iter().map(class).collect::<Result<Vec<_>>>()?;
                Dataset::new(x, Tensor::from_vec(y, samples, &Device::Cpu)?, classes.clone())?
            }
        };
        Ok(Dataset { features: self.features.clone(), ..set })
    }

    /// Makes samples `[rows, features]` in F32 of a table that may have no targets: a sample for each row. Missing
    /// values are an error even where the training left their rows out.
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

    fn is_missing(&self, table: &Table, row: usize, place: usize) -> bool {
        is_missing(table, row, place, &self.state.missing)
    }

    /// Returns the features of some rows.
    fn numbers(&self, table: &Table, places: &[usize], rows: &[usize]) -> Result<Tensor> {
        let (samples, width) = (rows.len(), self.features.len());
        check_numbers("the samples", (samples as u64).checked_mul(width as u64))?;
        let mut x = Vec::with_capacity(samples * width);
        for &row in rows {
            for (column, &place) in self.state.columns.iter().zip(places) {
                let is_missing = self.is_missing(table, row, place);
                if is_missing && self.state.on_missing != Missing::Keep {
                    return Err(field_error(table, row, place, "is a missing value"));
                }
                match &column.categories {
                    Some(categories) if is_missing => x.extend(categories.iter().map(|_| f32::NAN)),
                    None if is_missing => x.push(f32::NAN),
                    None => x.push(number(table, row, place)?),
                    Some(categories) => {
                        let own = category(table, row, place, categories)?;
                        x.extend((0..categories.len()).map(|index| f32::from(u8::from(index == own))));
                    }
                }
            }
        }
        Ok(Tensor::from_vec(x, (samples, width), &Device::Cpu)?)
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
    /// assert_eq!((set.x.dims(), set.features), (&[2, 2][..], vec!["age".to_owned(), "dose".to_owned()]));
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

fn is_missing(table: &Table, row: usize, place: usize, missing: &[String]) -> bool {
    let text = table.field(row, place).unwrap_or_default();
    missing.iter().any(|spelling| spelling == text)
}

/// Returns all rows, or, if rows are left out, all rows without a missing value in the used columns.
fn kept_rows(table: &Table, used: &[usize], missing: &[String], drops: bool) -> Vec<usize> {
    let is_whole = |row: usize| !used.iter().any(|&place| is_missing(table, row, place, missing));
    (0..table.len()).filter(|&row| !drops || is_whole(row)).collect()
}

/// Kind of a column, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Any,
    Number,
    Text,
}

/// Learns the kind and the categories of a column.
fn fit_column(table: &Table, rows: &[usize], place: usize, kind: Kind, config: &CsvConfig) -> Result<Column> {
    let present = || rows.iter().copied().filter(|&row| !is_missing(table, row, place, &config.missing));
    let text = |row: usize| table.field(row, place).unwrap_or_default();
    let name = table.names()[place].clone();
    if present().next().is_none() {
        return Err(column_error(table, place, "the column has no value"));
    }
    let is_number = |row: usize| text(row).parse::<f64>().is_ok();
    if kind == Kind::Number || kind == Kind::Any && present().any(is_number) {
        present().try_for_each(|row| number(table, row, place).map(|_| ()))?;
        return Ok(Column { name, categories: None });
    }
    let mut found = BTreeSet::new();
    for row in present() {
        found.insert(text(row));
        if found.len() > config.max_categories {
            let (count, limit) = (found.len(), config.max_categories);
            return Err(Error::Data(DataError::Categories { field: place + 1, column: name, count, limit }));
        }
    }
    let mut categories: Vec<String> = found.into_iter().map(str::to_owned).collect();
    let value = |text: &String| text.parse::<f64>().ok().filter(|value| value.is_finite());
    if categories.iter().all(|category| value(category).is_some()) {
        categories.sort_by(|a, b| value(a).partial_cmp(&value(b)).unwrap_or(Ordering::Equal).then_with(|| a.cmp(b)));
    }
    Ok(Column { name, categories: Some(categories) })
}

/// Returns the number of a field.
fn number(table: &Table, row: usize, place: usize) -> Result<f32> {
    let text = table.field(row, place).unwrap_or_default();
    let refused = |problem| Err(field_error(table, row, place, problem));
    match (text.parse::<f32>(), text.parse::<f64>()) {
        (Ok(value), _) if !value.is_finite() => refused("is not finite in F32"),
        (Ok(value), Ok(exact)) if value == 0.0 && exact != 0.0 => refused("becomes 0 in F32"),
        (Ok(value), _) => Ok(value),
        (Err(_), _) => refused("is no number; list it in `missing`, or its column in `text`"),
    }
}

/// Returns the number of a field's category.
fn category(table: &Table, row: usize, place: usize, categories: &[String]) -> Result<usize> {
    let text = table.field(row, place).unwrap_or_default();
    categories.iter().position(|category| category == text).ok_or_else(|| {
        Error::Data(DataError::UnseenCategory {
            line: table.line(row).unwrap_or(0),
            field: place + 1,
            column: table.names()[place].clone(),
            value: text.to_owned(),
            known: categories.to_vec(),
        })
    })
}

fn field_error(table: &Table, row: usize, place: usize, problem: &'static str) -> Error {
    Error::Data(DataError::Field {
        line: table.line(row).unwrap_or(0),
        field: place + 1,
        column: table.names()[place].clone(),
        value: table.field(row, place).unwrap_or_default().to_owned(),
        problem,
    })
}

fn column_error(table: &Table, place: usize, problem: &'static str) -> Error {
    Error::Data(DataError::Column { field: place + 1, column: table.names()[place].clone(), problem })
}
