//! Drawings in LaTeX, for the library quantikz2 of TikZ.

mod cells;
mod maths;

use super::Drawing;
use super::layout::{Layout, rows};
use super::picture::{Part, Picture, Shape};
use super::widths::text_width;
use crate::angle::Plain;
use cells::environment;
use maths::{Maths, wire_name};
use std::ops::Range;

/// Sizes of a text and of an exponent in points, and points of a pixel.
const SIZE: f64 = 10.0;
const EXPONENT: f64 = 7.0;
const POINTS: f64 = 0.75;
/// Space around the text of a gate and between columns, as quantikz makes it, least width of a gate, and widths of a
/// meter and of a mark without a box, in points.
const PADDING: f64 = 9.0;
const GAP: f64 = 15.0;
const LEAST: f64 = 15.0;
const METER: f64 = 19.0;
const SIGN: f64 = 8.0;

/// Start and end of a document that has nothing but the drawing.
const START: &str = r"\documentclass[varwidth=100in, border=2pt]{standalone}
\usepackage{tikz}
\usetikzlibrary{quantikz2}
\begin{document}
";
const END: &str = r"\end{document}
";

/// Returns the drawing in LaTeX.
pub(super) fn latex(drawing: &Drawing<'_>) -> String {
    let (layout, notation) = (Layout::new(drawing.circuit), Maths(drawing.digits));
    let names: Vec<String> =
        (0..drawing.circuit.qubits()).map(|qubit| wire_name(drawing.names.get(qubit), qubit)).collect();
    let title = drawing.title.clone().unwrap_or_else(|| drawing.summary());
    // A comment ends with its line.
    let title: String = title.chars().filter(|c| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}')).collect();
    let mut text = if drawing.standalone { START.to_owned() } else { String::new() };
    text += &format!("% {title}\n");
    for (index, row) in broken(drawing, &layout).into_iter().enumerate() {
        if index > 0 {
            text += "\n\\bigskip\n";
        }
        text += &environment(&layout, row, &names, notation);
    }
    for (number, conditions) in layout.legend(&notation) {
        text += &format!("\n\\noindent ?{number}: {conditions}\n");
    }
    if drawing.standalone { text + END } else { text }
}

/// Breaks the columns into rows, by the widths that they will have, as far as can be told.
fn broken(drawing: &Drawing<'_>, layout: &Layout<'_>) -> Vec<Range<usize>> {
    let notation = Plain(drawing.digits);
    let width = |picture: &Picture<'_>| {
        picture.parts.iter().map(|part| part_width(picture, part, notation)).fold(0.0, f64::max)
    };
    let widths: Vec<f64> =
        layout.columns.iter().map(|column| (column.iter().map(width).fold(0.0, f64::max) + GAP) / POINTS).collect();
    let names = drawing.wire_names().iter().map(|name| text_width(name, SIZE)).fold(0.0, f64::max);
    rows(&widths, (names + 2.0 * GAP) / POINTS, drawing.limit())
}

/// Returns the width of a part in points. Numbers in a box over several wires, and the condition above a meter, make
/// neither wider.
fn part_width(picture: &Picture<'_>, part: &Part<'_>, notation: Plain) -> f64 {
    let arguments = if part.has_arguments { picture.arguments.written(&notation) } else { String::new() };
    let condition = picture.condition.filter(|_| part.has_condition).map_or_else(String::new, |k| format!("?{k}"));
    let exponent = text_width(&condition, EXPONENT);
    match part.shape {
        Shape::Phase => text_width("e", SIZE) + text_width(&format!("i{arguments}"), EXPONENT) + exponent + PADDING,
        Shape::Control | Shape::OpenControl => (text_width(&arguments, SIZE) + exponent).max(SIGN),
        Shape::Box | Shape::Zero => {
            let brackets = if arguments.is_empty() { String::new() } else { format!("({arguments})") };
            let number = match part.numbers[..] {
                [(_, place)] => format!(":{place}"),
                _ => String::new(),
            };
            (text_width(&format!("{}{brackets}{number}", part.symbol), SIZE) + exponent + PADDING).max(LEAST)
        }
        Shape::Meter => METER,
        _ => SIGN,
    }
}
