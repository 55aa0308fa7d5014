//! Words of messages.

/// Returns a number with its noun, whose plural ends with `s`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
