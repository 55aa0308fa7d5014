//! Ranges of numbers on the command line.

use clap::builder::RangedU64ValueParser;

/// A whole number from 1 to `limit`.
pub(crate) fn up_to(limit: u64) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..=limit)
}

/// A positive, finite number.
pub(crate) fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        Ok(value) => Err(format!("{value} is not a positive number")),
        Err(error) => Err(error.to_string()),
    }
}
