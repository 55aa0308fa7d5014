//! Widths of texts: the advances of Helvetica, so that a drawing needs no font.

/// Advances of the characters from the space to `~`, in thousandths of the size.
#[rustfmt::skip]
const ADVANCES: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, // to /
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, // to ?
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, // to O
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, // to _
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, // to o
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584, // to ~
];
/// Advance of characters outside the table, and of square ones.
const OTHER: u16 = 600;
const SQUARE: u16 = 1000;
/// First character of the scripts whose characters are squares.
const FIRST_SQUARE: char = '\u{2e80}';

/// Returns the width of a line of text.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let advance = |character: char| {
        let other = if character < FIRST_SQUARE { OTHER } else { SQUARE };
        let place = (character as usize).checked_sub(usize::from(b' '));
        u64::from(place.and_then(|place| ADVANCES.get(place)).copied().unwrap_or(other))
    };
    text.chars().map(advance).sum::<u64>() as f64 * size / 1000.0
}

/// Cuts a text that has more characters than `most`; a sign says so.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}
