//! Errors of data sets.

use candle_core::DType;

/// Data sets that are not valid.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// A line of a table that cannot be read.
    #[error(
        "line {line} of the table{place}: {problem}",
        place = .field.map_or_else(String::new, |field| format!(", field {field}"))
    )]
    Table {
        /// The line, counted from 1.
        line: usize,
        /// Number of the field in its line, from 1, if the mistake is in a field.
        field: Option<usize>,
        /// Problem, in words.
        problem: &'static str,
    },
    /// A line of a table with another number of fields than its header.
    #[error("line {line} of the table has {actual} field(s), the header has {expected}")]
    FieldCount {
        /// The line, counted from 1.
        line: usize,
        /// Number of fields of the header.
        expected: usize,
        /// Number of fields of the line.
        actual: usize,
    },
    /// A column that a table does not have.
    #[error("the table has no column `{name}`, only {known:?}")]
    UnknownColumn {
        /// Name of the column.
        name: String,
        /// Names of the table's columns.
        known: Vec<String>,
    },
    /// A row that a table does not have.
    #[error("the table has no row {row}, only {rows} row(s)")]
    Row {
        /// The row, counted from 0.
        row: usize,
        /// Number of rows of the table.
        rows: usize,
    },
    /// A dtype in which a table cannot be encoded.
    #[error("a table becomes tensors of F32 or F64, not of {dtype:?}")]
    TableDType {
        /// The dtype.
        dtype: candle_core::DType,
    },
    /// Two features of one name.
    #[error("two features of the table have the name `{name}`: rename a column or a category")]
    FeatureTwice {
        /// Name of both features.
        name: String,
    },
    /// A column of a table that cannot be used.
    #[error("column {field} of the table (`{column}`): {problem}")]
    Column {
        /// The column, counted from 1.
        field: usize,
        /// Name of the column.
        column: String,
        /// Problem, in words.
        problem: &'static str,
    },
    /// A field of a table that cannot be used.
    #[error("line {line} of the table, field {field} (`{column}`): `{value}` {problem}")]
    Field {
        /// The line, counted from 1.
        line: usize,
        /// Number of the field in its line, from 1.
        field: usize,
        /// Name of the column.
        column: String,
        /// Text of the field.
        value: String,
        /// Problem, in words.
        problem: &'static str,
    },
    /// A field of a table with a class or a category that the table of the training did not have.
    #[error("line {line} of the table, field {field} (`{column}`): `{value}` is none of {known:?}")]
    UnseenCategory {
        /// The line, counted from 1.
        line: usize,
        /// Number of the field in its line, from 1.
        field: usize,
        /// Name of the column.
        column: String,
        /// Text of the field.
        value: String,
        /// Classes or categories of the column.
        known: Vec<String>,
    },
    /// A column of text with too many different values.
    #[error(
        "column {field} of the table (`{column}`) has {count} or more different texts, and {limit} are allowed: leave it out or raise the limit"
    )]
    Categories {
        /// The column, counted from 1.
        field: usize,
        /// Name of the column.
        column: String,
        /// Number of different texts that were counted.
        count: usize,
        /// Largest number of different texts.
        limit: usize,
    },
    /// A feature that is missing in every sample, so that nothing can be put in its place.
    #[error("feature {feature}{} has no number in any sample", name_of(.name))]
    EmptyFeature {
        /// Column of the feature, counted from 0.
        feature: usize,
        /// Name of the feature, if it has one.
        name: Option<String>,
    },
    /// A number learnt or computed of a feature that its dtype does not hold.
    #[error("the {what} of feature {feature}{} is {value}, which must be {allowed}", name_of(.name))]
    FeatureNumber {
        /// Number that was learnt or computed: `scale`, `offset`, `covariance`, `fill`, `scaled number` and the like.
        what: &'static str,
        /// Column of the feature, counted from 0.
        feature: usize,
        /// Name of the feature, if it has one.
        name: Option<String>,
        /// The value.
        value: f64,
        /// Allowed range, in words.
        allowed: &'static str,
    },
    /// A number computed of a sample that the dtype does not hold.
    #[error("the {what} of feature {feature} of sample {sample} is {value:e}, which {} does not hold", dtype.as_str())]
    SampleNumber {
        /// Number that was computed: `scaled number`, `prepared number` and the like.
        what: &'static str,
        /// Column of the feature, counted from 0.
        feature: usize,
        /// Row of the sample, counted from 0.
        sample: usize,
        /// The value.
        value: f64,
        /// The dtype.
        dtype: DType,
    },
    /// A saved tensor that is missing or does not fit.
    #[error("the saved tensor `{name}` is {actual}, expected {expected}")]
    Saved {
        /// Name of the tensor.
        name: String,
        /// Shape that fits.
        expected: String,
        /// Shape that was saved, or `missing`.
        actual: String,
    },
    /// A class that needs samples and has none.
    #[error("class {class} of {classes} has no sample")]
    EmptyClass {
        /// The class, counted from 0.
        class: usize,
        /// Number of classes.
        classes: usize,
    },
    /// A class with fewer samples than parts of a split that each need one.
    #[error(
        "{} has {count} sample(s), and {parts} parts need one each",
        .class.as_ref().map_or_else(|| "the set".to_owned(), |class| format!("class `{class}`"))
    )]
    FewMembers {
        /// Name of the class; none for a set without classes.
        class: Option<String>,
        /// Number of samples of the class.
        count: usize,
        /// Number of parts that need a sample of it.
        parts: usize,
    },
    /// A file that does not have the images or labels of its data set.
    #[error("{path}: {what} is {actual}, expected {expected}")]
    ImageFile {
        /// The file.
        path: String,
        /// Number of the header that does not fit.
        what: &'static str,
        /// Number that fits.
        expected: u64,
        /// Number in the file.
        actual: u64,
    },
    /// A class that the data set does not have.
    #[error("the label of sample {sample} is beyond the {classes} class(es)")]
    Label {
        /// The sample, counted from 0.
        sample: usize,
        /// Number of classes.
        classes: usize,
    },
}

/// Returns the name of a feature in brackets, behind a blank; nothing if it has none.
pub(super) fn name_of(name: &Option<String>) -> String {
    name.as_ref().map_or_else(String::new, |name| format!(" (`{name}`)"))
}
