//! Words of messages.

/// Returns a number with its noun, whose plural ends with `s`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Writes control characters as escapes: a name out of a file must not move the cursor of a terminal, or begin a line.
pub(crate) fn readable(text: &str) -> String {
    let mut readable = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { readable.extend(c.escape_default()) } else { readable.push(c) }
    }
    readable
}
