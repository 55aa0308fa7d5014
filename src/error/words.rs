//! Words of other programs, for messages.

/// Returns the first characters of a text, with control characters escaped.
pub(crate) fn cited(text: &str, most: usize) -> String {
    let mut cited = escaped(text.chars().take(most));
    if text.chars().nth(most).is_some() {
        cited += "..";
    }
    cited
}

/// Returns the last characters of a text, with control characters escaped. White space at both ends is left out.
pub(crate) fn last(text: &str, most: usize) -> String {
    let text = text.trim();
    match text.chars().count().checked_sub(most) {
        None | Some(0) => escaped(text.chars()),
        Some(before) => format!("..{}", escaped(text.chars().skip(before))),
    }
}

fn escaped(letters: impl Iterator<Item = char>) -> String {
    let mut escaped = String::new();
    for letter in letters {
        if letter.is_control() { escaped.extend(letter.escape_default()) } else { escaped.push(letter) }
    }
    escaped
}
