//! Positive numbers on the command line.

/// Parses a positive, finite number.
pub(crate) fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value),
        Ok(value) => Err(format!("{value} is not a positive number")),
        Err(error) => Err(error.to_string()),
    }
}
