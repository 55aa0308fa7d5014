//! Drawings as text. Each qubit has a wire line and, below it, a line for the vertical joins. Conditions have numbers,
//! `?1`, and are written below the drawing.

use super::Drawing;
use super::layout::{Layout, rows};
use super::picture::{Line, Part, Picture, Shape};
use crate::angle::Plain;
use crate::circuit::Circuit;
use std::fmt::{self, Write};

/// Pixels of a drawing's width that a character stands for: 860 pixels are 100 characters.
const PIXELS: f64 = 8.6;

/// Column of the drawing: the text of each wire line, and the text of the line below it.
struct Column {
    wires: Vec<String>,
    joins: Vec<&'static str>,
    width: usize,
}

impl Column {
    fn new(qubits: usize, pictures: &[Picture<'_>], notation: Plain) -> Self {
        let mut column = Self { wires: vec![String::new(); qubits], joins: vec![""; qubits], width: 1 };
        for picture in pictures {
            column.add(picture, notation);
        }
        column
    }

    fn add(&mut self, picture: &Picture<'_>, notation: Plain) {
        if picture.line != Line::None {
            self.joins[picture.low..picture.high].fill("│");
            self.wires[picture.low..picture.high].iter_mut().skip(1).for_each(|wire| *wire = "┼".to_owned());
        }
        let arguments = picture.arguments.written(&notation);
        for part in &picture.parts {
            if part.shape == Shape::Barrier {
                self.joins[part.first..part.last].fill("░");
            }
            for qubit in part.first..=part.last {
                let label = label(picture, part, qubit, &arguments);
                self.width = self.width.max(label.chars().count());
                self.wires[qubit] = label;
            }
        }
    }
}

/// Returns the label of a part on a wire. If targets have different roles, the label tells them apart.
fn label(picture: &Picture<'_>, part: &Part<'_>, qubit: usize, arguments: &str) -> String {
    let mut label = part.symbol.clone().into_owned();
    if part.has_arguments && !arguments.is_empty() {
        label += &format!("({arguments})");
    }
    if let Some((_, number)) = part.numbers.iter().find(|(wire, _)| *wire == qubit) {
        label += &format!(":{number}");
    }
    if let Some(number) = picture.condition.filter(|_| part.has_condition) {
        label += &format!("?{number}");
    }
    label
}

/// Draws the circuit with qubit 0 on top. A mistake is written below the operations before it.
pub(super) fn write(drawing: &Drawing<'_>, text: &mut String) -> fmt::Result {
    let (circuit, notation) = (drawing.circuit, Plain(drawing.digits));
    let names = drawing.wire_names();
    let name_width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let layout = Layout::new(circuit);
    let columns: Vec<Column> =
        layout.columns.iter().map(|pictures| Column::new(circuit.qubits(), pictures, notation)).collect();
    let widths: Vec<f64> = columns.iter().map(|column| column.width as f64 + 2.0).collect();
    let limit = (drawing.limit() / PIXELS).round();
    for (index, row) in rows(&widths, name_width as f64 + 3.0, limit).into_iter().enumerate() {
        if index > 0 {
            writeln!(text)?;
        }
        draw_row(text, &names, name_width, &columns[row])?;
    }
    for (number, conditions) in layout.legend(&notation) {
        writeln!(text, "?{number}: {conditions}")?;
    }
    match circuit.check() {
        Err(error) => writeln!(text, "error: {error}"),
        Ok(()) => Ok(()),
    }
}

fn draw_row(text: &mut String, names: &[String], name_width: usize, row: &[Column]) -> fmt::Result {
    for (qubit, name) in names.iter().enumerate() {
        let mut wire = format!("{name:<name_width$}: ");
        let mut join = " ".repeat(name_width + 2);
        for column in row {
            wire += &centered(&column.wires[qubit], column.width, '─');
            join += &centered(column.joins[qubit], column.width, ' ');
        }
        writeln!(text, "{wire}─")?;
        if qubit + 1 < names.len() && row.iter().any(|column| !column.joins[qubit].is_empty()) {
            writeln!(text, "{}", join.trim_end())?;
        }
    }
    Ok(())
}

/// Centers the text in `width` cells, with one more cell on each side.
fn centered(text: &str, width: usize, fill: char) -> String {
    let missing = width - text.chars().count();
    let repeat = |count| fill.to_string().repeat(count);
    format!("{}{text}{}", repeat(1 + missing / 2), repeat(1 + missing - missing / 2))
}

impl fmt::Display for Circuit {
    /// Draws the circuit as text, with qubit 0 on top. A mistake is written below the operations before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.draw().to_text())
    }
}
