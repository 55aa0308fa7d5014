//! Rows of tables: batches, and fields as they are written.

/// Rows that are predicted at a time, so that a table may have any length.
pub(crate) const BATCH: usize = 10_000;

/// Appends a field of a record, in quotes where it needs them.
pub(crate) fn push_field(line: &mut String, field: &str, delimiter: char, is_first: bool) {
    if !is_first {
        line.push(delimiter);
    }
    let needs_quotes =
        field.contains([delimiter, '"', '\n', '\r']) || field.starts_with([' ', '\t']) || field.ends_with([' ', '\t']);
    match needs_quotes {
        true => {
            line.push('"');
            line.push_str(&field.replace('"', "\"\""));
            line.push('"');
        }
        false => line.push_str(field),
    }
}
