//! Shapes as SVG. Letters are outlines of the crate's font, so that a picture looks the same everywhere and needs no
//! font; a white page lies below, as in a PNG, so that it can be read on any background.

use super::bitmap::{pixel_count, png_bytes};
use super::canvas::{BORDER, Canvas, Edges, Point, Rgb, Shape};
use super::text::{Piece, THICKER, outline};
use crate::error::Cause;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Returns the text of an SVG with a title for those who do not see it. A page with round corners has a border.
pub(super) fn svg(canvas: &Canvas, title: &str, corner: f64) -> Result<String, Cause> {
    let (width, height) = (canvas.width, canvas.height);
    let [across, down] = [width, height].map(|length| pixel_count(length, canvas.pixels));
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{across}\" height=\"{down}\" viewBox=\"0 0 {} {}\" role=\"img\">\n<title>{}</title>\n",
        number(width),
        number(height),
        escaped(title)
    );
    define_letters(&mut text, canvas)?;
    if corner > 0.0 {
        let [across, down, corner] = [width - 2.0, height - 2.0, corner].map(number);
        let size = format!("x=\"1\" y=\"1\" width=\"{across}\" height=\"{down}\" rx=\"{corner}\"");
        writeln!(text, "<rect {size} fill=\"#ffffff\" stroke=\"{}\" stroke-width=\"2\"/>", hex(BORDER))?;
    } else {
        writeln!(text, "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>")?;
    }
    for shape in &canvas.shapes {
        write_shape(&mut text, shape)?;
    }
    text.push_str("</svg>\n");
    Ok(text)
}

/// Writes each letter that the picture has, once.
fn define_letters(text: &mut String, canvas: &Canvas) -> Result<(), Cause> {
    let mut glyphs = BTreeSet::new();
    for shape in &canvas.shapes {
        if let Shape::Text { letters, .. } = shape {
            glyphs.extend(letters.iter().map(|letter| letter.glyph));
        }
    }
    text.push_str("<defs>\n");
    for glyph in glyphs {
        let pieces = outline(glyph);
        if !pieces.is_empty() {
            let path: String = [0.0, THICKER].iter().map(|&shift| letter_path(&pieces, shift)).collect();
            writeln!(text, "<path id=\"g{}-{}\" d=\"{path}\"/>", glyph.0, glyph.1)?;
        }
    }
    text.push_str("</defs>\n");
    Ok(())
}

/// Returns an outline, moved to the right, in thousandths of an em, downwards.
fn letter_path(pieces: &[Piece], shift: f64) -> String {
    let at = |(x, y): Point| format!("{} {}", number(1000.0 * (x + shift)), number(-1000.0 * y));
    let mut path = String::new();
    let mut end = None;
    for piece in pieces {
        let (first, last, command) = match *piece {
            Piece::Line([a, b]) => (a, b, format!("L{}", at(b))),
            Piece::Quadratic([a, b, c]) => (a, c, format!("Q{} {}", at(b), at(c))),
            Piece::Cubic([a, b, c, d]) => (a, d, format!("C{} {} {}", at(b), at(c), at(d))),
        };
        if end != Some(first) {
            path.push_str(&format!("{}M{}", if end.is_some() { "Z" } else { "" }, at(first)));
        }
        path.push_str(&command);
        end = Some(last);
    }
    path.push('Z');
    path
}

fn write_shape(text: &mut String, shape: &Shape) -> Result<(), Cause> {
    match shape {
        Shape::Lines { lines, width, color } => {
            let path: String = lines.iter().map(|line| line_path(line)).collect();
            writeln!(
                text,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/>",
                hex(*color),
                number(*width)
            )?;
        }
        Shape::Disk { center: (x, y), radius, color } => {
            let [x, y, radius] = [*x, *y, *radius].map(number);
            writeln!(text, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{}\"/>", hex(*color))?;
        }
        Shape::Polygon { corners, color } => {
            writeln!(text, "<path d=\"{}Z\" fill=\"{}\"/>", line_path(corners), hex(*color))?;
        }
        Shape::Rectangle { edges, color } => {
            writeln!(text, "<rect {} fill=\"{}\"/>", place(edges), hex(*color))?;
        }
        Shape::Text { letters, start: (x, y), em, upward, color } => {
            let turn = if *upward { " rotate(-90)" } else { "" };
            let size = em / 1000.0;
            write!(text, "<g fill=\"{}\" transform=\"translate({} {}){turn}", hex(*color), number(*x), number(*y))?;
            writeln!(text, " scale({size:.5})\">")?;
            for letter in letters.iter().filter(|letter| !outline(letter.glyph).is_empty()) {
                let (font, glyph) = letter.glyph;
                writeln!(text, "<use href=\"#g{font}-{glyph}\" x=\"{}\"/>", number(1000.0 * letter.start))?;
            }
            text.push_str("</g>\n");
        }
        Shape::Pixels { edges, columns, rgb } => {
            let rows = rgb.len() / 3 / columns.max(&1);
            let data = base64(&png_bytes((*columns as u32, rows as u32), rgb)?);
            let place = place(edges);
            writeln!(text, "<image {place} preserveAspectRatio=\"none\" href=\"data:image/png;base64,{data}\"/>")?;
        }
    }
    Ok(())
}

fn line_path(points: &[Point]) -> String {
    let at = |k: usize, (x, y): Point| format!("{}{} {}", if k == 0 { "M" } else { "L" }, number(x), number(y));
    let mut path: String = points.iter().enumerate().map(|(k, point)| at(k, *point)).collect();
    // A dash of length 0 is a dot in SVG if it has an end.
    if let [(x, y)] = points {
        let _ = write!(path, "L{} {}", number(*x), number(*y));
    }
    path
}

fn place(Edges { left, top, right, bottom }: &Edges) -> String {
    let [x, y, width, height] = [*left, *top, right - left, bottom - top].map(number);
    format!("x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"")
}

/// Writes a number with at most two digits behind the point: a fiftieth of a pixel is not seen, and rounding makes the
/// text the same on every machine.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn hex(Rgb(red, green, blue): Rgb) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// Replaces the signs that have a meaning in XML, and drops those that it does not allow.
fn escaped(text: &str) -> String {
    let allowed = text.chars().filter(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'));
    allowed.collect::<String>().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Encodes bytes as RFC 4648 does.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |k: usize| u32::from(group.get(k).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for k in 0..4 {
            let sign = SIGNS[(bits >> (18 - 6 * k) & 63) as usize];
            text.push(if k <= group.len() { char::from(sign) } else { '=' });
        }
    }
    text
}
