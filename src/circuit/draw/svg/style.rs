//! Colours, texts and numbers of an SVG.

use super::super::Theme;
use super::super::widths::text_width;
use crate::hash::Fnv;
use std::fmt::{self, Write};

/// Colours: ink, page, boxes, and the ink of small texts. Labels on boxes have a contrast of 14.9 to 1 and 10.5 to 1,
/// small texts of 5.1 and 5.3; readers with weak eyes need 4.5.
const LIGHT: [&str; 4] = ["#1a1a1a", "#fff", "#e8eef7", "#5b6472"];
const DARK: [&str; 4] = ["#e8e8e8", "#16181d", "#26324a", "#a0a8b4"];

/// Height of capitals above the line on which letters stand, of the size of a text.
const CAPITALS: f64 = 0.718;

/// Number with at most one digit behind the point: less is not seen, and rounding makes the text the same on every
/// machine.
pub(super) struct Px(pub(super) f64);

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round() as i64;
        let (sign, whole, rest) = (if tenths < 0 { "-" } else { "" }, tenths.abs() / 10, tenths.abs() % 10);
        if rest == 0 { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{rest}") }
    }
}

/// Writes a line of text whose middle has the height `y`. It is set to its width, so that it is as long in every font.
pub(super) fn write_text(out: &mut String, class: &str, text: &str, (x, y): (f64, f64), size: f64) {
    let width = text_width(text, size);
    if width <= 0.0 {
        return;
    }
    out.push_str("<text ");
    if !class.is_empty() {
        let _ = write!(out, "class=\"{class}\" ");
    }
    let (x, y, width, text) = (Px(x), Px(y + CAPITALS / 2.0 * size), Px(width), escaped(text));
    // Writing to a string does not fail.
    let _ = write!(out, "x=\"{x}\" y=\"{y}\" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\">{text}</text>");
}

/// Replaces the signs that have a meaning in XML, and drops those that it does not allow.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => {}
            control if control.is_control() => {}
            other => escaped.push(other),
        }
    }
    escaped
}

/// Returns a name for the drawing that other drawings of a page do not have: a hash of its texts.
pub(super) fn identity(texts: &[&str]) -> String {
    let mut hash = Fnv::new();
    texts.iter().for_each(|text| hash.bytes(text.as_bytes()));
    let hash = hash.value();
    format!("cw{:08x}", hash >> 32 ^ hash & 0xffff_ffff)
}

/// Returns the style sheet of the drawing with this name. Programs that know no media queries see the light colours.
pub(super) fn style(theme: Theme, id: &str) -> String {
    let colors = match theme {
        Theme::Light => colors(id, LIGHT),
        Theme::Dark => colors(id, DARK),
        Theme::Auto => format!("{}@media(prefers-color-scheme:dark){{{}}}", colors(id, LIGHT), colors(id, DARK)),
    };
    let rules = [
        ".w{fill:none}",
        ".b{stroke-dasharray:4 3}",
        ".e{stroke-dasharray:3 2}",
        ".s{font-size:9px}",
        ".t{text-anchor:start}",
        ".l{font-size:11px;text-anchor:start}",
    ];
    let rules: String = rules.iter().map(|rule| format!("#{id} {rule}")).collect();
    format!("<style>{colors}{rules}</style>")
}

/// Returns the rules of the colours.
fn colors(id: &str, [ink, page, boxes, soft]: [&str; 4]) -> String {
    [
        format!("#{id} text,#{id} use{{fill:{ink}}}"),
        format!("#{id} .p{{fill:{page}}}"),
        format!("#{id} .w{{stroke:{ink}}}"),
        format!("#{id} .g{{fill:{boxes};stroke:{ink}}}"),
        format!("#{id} .e,#{id} .o{{fill:{page};stroke:{ink}}}"),
        format!("#{id} .d{{fill:{ink};stroke:{ink}}}"),
        format!("#{id} .s{{fill:{soft}}}"),
    ]
    .concat()
}
