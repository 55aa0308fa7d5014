//! Drawings as SVG: rows of wires, with the marks of operations on them, and the legend.

mod marks;
mod style;

use super::Drawing;
use super::layout::{Layout, rows};
use super::widths::{cut, text_width};
use crate::angle::Plain;
use marks::{Figure, Room};
use std::fmt::Write;
use std::ops::Range;
use style::{Px, escaped, identity, style, write_text};

/// Distance between wires, and the addition to it between rows.
const WIRE: f64 = 36.0;
const ROW: f64 = 16.0;
/// Space around the drawing, and distance of the outer wires from its ends.
const MARGIN: f64 = 8.0;
const TOP: f64 = 26.0;
/// Space between columns, and length of the wires beyond the outer ones.
const GAP: f64 = 10.0;
const END: f64 = 4.0;
/// Sizes of names and labels, and of the legend.
const LABEL: f64 = 13.0;
const LEGEND: f64 = 11.0;
/// Height of a line of the legend, and the width from which it is broken, however narrow the drawing is.
const LINE: f64 = 16.0;
const LEGEND_WIDTH: f64 = 240.0;
/// Most characters of a name that are shown.
const NAME: usize = 24;
/// Half of the distance of a double wire's lines.
const DOUBLE: f64 = 1.5;
/// Sign that stands for the drawing's own name until all else is known; no text has it.
const OWN: char = '\0';

/// Drawing with the places of all its columns.
struct Page<'l, 'c> {
    /// Names of the wires as they are shown.
    names: Vec<String>,
    /// End of the names.
    names_end: f64,
    columns: Vec<Vec<Figure<'l, 'c>>>,
    rooms: Vec<Room>,
    rows: Vec<Range<usize>>,
    /// Column from which on a wire is a record.
    records: &'l [Option<usize>],
}

/// Returns the drawing as the text of an SVG.
pub(super) fn svg(drawing: &Drawing<'_>) -> String {
    let (layout, notation) = (Layout::new(drawing.circuit), Plain(drawing.digits));
    let page = Page::new(drawing, &layout, notation);
    let mut body = String::with_capacity(400 * drawing.circuit.operations().len() + 1000);
    let mut width = page.names_end + 2.0 * END + MARGIN;
    let mut top = TOP;
    for row in &page.rows {
        width = width.max(page.write_row(&mut body, row, top));
        top += page.names.len() as f64 * WIRE + ROW;
    }
    // Below the last wire there is as much space as above the first.
    let below = top - ROW - WIRE + TOP;
    let legend = legend_lines(&layout, notation, width.max(LEGEND_WIDTH) - 2.0 * MARGIN);
    for (index, line) in legend.iter().enumerate() {
        write_text(&mut body, "l", line, (MARGIN, below + LINE * (index as f64 + 0.5)), LEGEND);
        width = width.max(text_width(line, LEGEND) + 2.0 * MARGIN);
    }
    let space = if legend.is_empty() { 0.0 } else { MARGIN };
    framed(drawing, &body, (width.ceil(), (below + LINE * legend.len() as f64 + space).ceil()))
}

impl<'l, 'c> Page<'l, 'c> {
    fn new(drawing: &Drawing<'c>, layout: &'l Layout<'c>, notation: Plain) -> Self {
        let names: Vec<String> = drawing.wire_names().iter().map(|name| cut(name, NAME)).collect();
        let figure = |picture| Figure::new(picture, notation, &drawing.names);
        let columns: Vec<Vec<_>> = layout.columns.iter().map(|column| column.iter().map(figure).collect()).collect();
        let rooms: Vec<Room> = columns.iter().map(|column| Room::of(column)).collect();
        let names_end = MARGIN + names.iter().map(|name| text_width(name, LABEL)).fold(0.0, f64::max);
        let widths: Vec<f64> = rooms.iter().map(|room| room.left + room.right + GAP).collect();
        let rows = rows(&widths, names_end + 3.0 * END - GAP + MARGIN, drawing.limit());
        Self { names, names_end, columns, rooms, rows, records: &layout.records }
    }

    /// Writes a row, whose first wire is at `top`; returns where it ends, with a margin.
    fn write_row(&self, out: &mut String, row: &Range<usize>, top: f64) -> f64 {
        let start = self.names_end + END;
        let mut x = start + END;
        let mut centers = Vec::with_capacity(row.len());
        for room in &self.rooms[row.clone()] {
            centers.push(x + room.left);
            x += room.left + room.right + GAP;
        }
        let end = if centers.is_empty() { x } else { x - GAP } + END;
        self.write_names(out, top);
        self.write_wires(out, row, &centers, (start, end), top);
        for (column, x) in self.columns[row.clone()].iter().zip(centers) {
            column.iter().for_each(|figure| figure.write(out, x, top));
        }
        end + MARGIN
    }

    /// Writes the names of the wires once; later rows refer to them.
    fn write_names(&self, out: &mut String, top: f64) {
        if top > TOP {
            let _ = write!(out, "\n<use href=\"#{OWN}n\" y=\"{}\"/>", Px(top - TOP));
            return;
        }
        // Rules such as `#name text` do not match inside `<use>`: copies inherit their ink.
        let _ = write!(out, "<g id=\"{OWN}n\" text-anchor=\"end\">");
        for (qubit, name) in self.names.iter().enumerate() {
            write_text(out, "", name, (self.names_end, top + qubit as f64 * WIRE), LABEL);
        }
        out.push_str("</g>");
    }

    /// Writes the wires of a row; from its outcome on, the wire of a record is double.
    fn write_wires(&self, out: &mut String, row: &Range<usize>, centers: &[f64], (start, end): (f64, f64), top: f64) {
        out.push_str("<path class=\"w\" d=\"");
        for (qubit, record) in self.records.iter().enumerate() {
            let y = top + qubit as f64 * WIRE;
            let outcome = record.map_or(end, |column| match column.checked_sub(row.start) {
                None => start,
                Some(place) => centers.get(place).copied().unwrap_or(end),
            });
            // Writing to a string does not fail, here and below.
            if outcome > start {
                let _ = write!(out, "M{} {}H{}", Px(start), Px(y), Px(outcome));
            }
            for y in [y - DOUBLE, y + DOUBLE].into_iter().filter(|_| outcome < end) {
                let _ = write!(out, "M{} {}H{}", Px(outcome), Px(y), Px(end));
            }
        }
        out.push_str("\"/>");
    }
}

/// Returns the lines of the legend; a line that is too long is broken between words.
fn legend_lines(layout: &Layout<'_>, notation: Plain, width: f64) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, conditions) in layout.legend(&notation) {
        let mut line = format!("?{number}:");
        for word in conditions.split(' ') {
            let longer = format!("{line} {word}");
            let fits = text_width(&longer, LEGEND) <= width;
            let rest = if fits { longer } else { format!("    {word}") };
            let done = std::mem::replace(&mut line, rest);
            lines.extend((!fits).then_some(done));
        }
        lines.push(line);
    }
    lines
}

/// Puts the head and the end of a document around its marks.
fn framed(drawing: &Drawing<'_>, body: &str, (width, height): (f64, f64)) -> String {
    let summary = drawing.summary();
    let (title, note) = match &drawing.title {
        Some(title) => (title.as_str(), format!("<desc>{summary}</desc>")),
        None => (summary.as_str(), String::new()),
    };
    // The theme is part of the name, so that its style sheet does not reach the same drawing in another theme.
    let id = identity(&[title, body, &format!("{:?}", drawing.theme)]);
    let body = body.replace(OWN, &id);
    let (width, height) = (Px(width), Px(height));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" id=\"{id}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" style=\"max-width:100%;height:auto\" role=\"img\" aria-labelledby=\"{id}t\" \
         font-family=\"Helvetica,Arial,Liberation Sans,DejaVu Sans,sans-serif\" font-size=\"{LABEL}\" \
         text-anchor=\"middle\">\n<title id=\"{id}t\">{}</title>{note}{}\n\
         <rect class=\"p\" width=\"{width}\" height=\"{height}\"/>\n{body}\n</svg>\n",
        escaped(title),
        style(drawing.theme, &id)
    )
}
