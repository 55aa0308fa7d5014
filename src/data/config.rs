//! Options for a table of samples.

use crate::__private::NonExhaustive;
use candle_core::DType;
use serde::{Deserialize, Serialize};

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

/// Treatment of missing values. A missing number is NaN, unless it is an error or leaves out its row: an
/// [`Imputer`](super::Imputer) puts a number in its place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Missing {
    /// An error that names line and column.
    #[default]
    Error,
    /// The row is left out.
    DropRow,
    /// A missing category is NaN in all of its features. An imputer fills them with numbers that may be no category;
    /// the further variants leave nothing to fill.
    Keep,
    /// A missing category is a category of its own, with the feature `colour=missing` or the like, in each column in
    /// which the training's table has a gap; a gap in another such column is an unknown category.
    Category,
    /// A missing category is the most frequent one of its column in the training's table, the first of equal ones:
    /// scikit-learn's `SimpleImputer(strategy="most_frequent")`.
    MostFrequent,
    /// A missing category is this text: scikit-learn's `SimpleImputer(strategy="constant", fill_value=..)`. It is one
    /// of the column's categories, or becomes one in a column in which the training's table has a gap; a gap in another
    /// column without it is an unknown category.
    Constant(String),
}

/// Treatment of rows whose target is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum MissingTarget {
    /// An error that names line and column, unless [`Missing::DropRow`] leaves out the row.
    #[default]
    Error,
    /// The row is left out.
    DropRow,
}

/// Treatment of categories that the training's table did not have. An unknown class is always an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Unknown {
    /// An error that names line and column.
    #[default]
    Error,
    /// All features of the column are 0, as of no known category.
    Zeros,
}

/// Options for a table of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct CsvConfig {
    /// Character between two fields, no quote and no line break. [`Dataset::read_csv`](super::Dataset::read_csv) reads
    /// it; a [`Table`](super::Table) has been given its own. Default `,`.
    pub delimiter: char,
    /// Character between a number's whole part and its fraction, such as the decimal comma: no letter or digit, sign,
    /// quote, blank or line break. Default `.`.
    pub decimal: char,
    /// Dtype of features and of numbers to predict, F32 or F64. F32 has every whole number up to 16777216: identifiers
    /// and times in seconds take F64. Default F32.
    pub dtype: DType,
    /// Column to predict. Default [`Target::Nothing`].
    pub target: Target,
    /// Classes in the order of their numbers, each different; no other class may occur. Default: none, which takes the
    /// classes of the table in ascending order, as numbers if all of them are numbers, otherwise by their characters.
    pub classes: Vec<String>,
    /// Names of columns to leave out, such as numbers of patients; an empty name leaves out all columns without a name.
    /// Default: none.
    pub without: Vec<String>,
    /// Names of columns of categories whose texts are numbers, such as postcodes. Default: none. A column without any
    /// number is one of categories in any case.
    pub text: Vec<String>,
    /// Spellings of missing values. Default: nothing at all, `NA`, `N/A`, `NaN`, `nan`, `null`, `NULL`.
    pub missing: Vec<String>,
    /// Treatment of missing values. Default [`Missing::Error`].
    pub on_missing: Missing,
    /// Treatment of rows whose target is missing. Default [`MissingTarget::Error`].
    pub on_missing_target: MissingTarget,
    /// Treatment of categories that the training's table did not have. Default [`Unknown::Error`].
    pub on_unknown: Unknown,
    /// Largest number of categories of a column, and of classes. Default 100.
    pub max_categories: usize,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for CsvConfig {
    fn default() -> Self {
        Self {
            delimiter: ',',
            decimal: '.',
            dtype: DType::F32,
            target: Target::Nothing,
            classes: Vec::new(),
            without: Vec::new(),
            text: Vec::new(),
            missing: ["", "NA", "N/A", "NaN", "nan", "null", "NULL"].map(str::to_owned).to_vec(),
            on_missing: Missing::Error,
            on_missing_target: MissingTarget::Error,
            on_unknown: Unknown::Error,
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
