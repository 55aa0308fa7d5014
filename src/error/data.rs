//! Errors of data sets.

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
