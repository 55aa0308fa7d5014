//! Tables of shaded cells.

use super::axes::THIN;
use super::canvas::{
    Anchor, Canvas, Edges, GRID, INK, LABEL, Rgb, SMALLEST, SOFT_INK, TICK, WHITE, mixed_color, readable_color, shorten,
};
use super::panel::{Matrix, ink};
use super::text::text_width;

/// Largest number of rows and columns of a matrix that have names and numbers.
const NAMED: usize = 24;

/// Returns the colour of a shade.
pub(super) fn shade_color(of: &Matrix, shade: f64) -> Rgb {
    let part = (shade - of.range.start) / (of.range.end - of.range.start);
    let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
    let part = match (shade.is_finite(), of.is_linear) {
        (false, _) => 0.0,
        (true, true) => part,
        (true, false) => part.sqrt().max(0.03),
    };
    mixed_color(ink(of.color), WHITE, part)
}

/// Draws the cells, their names and the names of the axes.
pub(super) fn draw_matrix(canvas: &mut Canvas, of: &Matrix, names: &[String; 2], frame: Edges) {
    let (down, across) = (of.rows.len(), of.columns.len());
    let is_named = down.max(across) <= NAMED;
    let row_names: Vec<String> = match is_named {
        true => of.rows.iter().map(|name| shorten(name, frame.width() / 2.0, TICK)).collect(),
        false => Vec::new(),
    };
    let widest = row_names.iter().map(|name| text_width(name, TICK)).fold(0.0, f64::max);
    let margin = (widest - 60.0).max(0.0);
    let cell = ((frame.width() - margin) / across as f64).min(frame.height() / down as f64);
    // Whole pixels, so that cells have sharp edges.
    let left = (frame.left + (frame.width() + margin - cell * across as f64) / 2.0).round();
    let corner =
        |row: usize, column: usize| (left + (cell * column as f64).round(), frame.top + (cell * row as f64).round());
    let end = corner(down, across);
    let table = Edges { left, top: frame.top, right: end.0, bottom: end.1 };
    if is_named {
        draw_cells(canvas, of, corner, cell);
        for (row, name) in row_names.iter().enumerate() {
            let place = (left - 30.0, corner(row, 0).1 + cell / 2.0);
            canvas.text(name, place, TICK, SOFT_INK, Anchor::Right);
        }
        // Names that are wider than their columns are written smaller, down to a readable size.
        let room = (cell - 10.0).max(40.0);
        let widest = of.columns.iter().map(|name| text_width(name, TICK)).fold(1.0, f64::max);
        let size = if widest > room { (TICK * room / widest).max(SMALLEST) } else { TICK };
        for (column, name) in of.columns.iter().enumerate() {
            let place = (corner(0, column).0 + cell / 2.0, end.1 + 40.0);
            canvas.text(&shorten(name, room, size), place, size, SOFT_INK, Anchor::Center);
        }
    } else {
        canvas.colored(table, |(x, y)| {
            let cell = |part: f64, count: usize| ((part * count as f64) as usize).min(count - 1);
            let row = cell((y - table.top) / table.height(), down);
            shade_color(of, of.shades[row * across + cell((x - table.left) / table.width(), across)])
        });
        canvas.border(table, THIN, GRID);
    }
    let (x, y) = table.middle();
    let below = if is_named { 108.0 } else { 44.0 };
    canvas.text(&names[0], (x, end.1 + below), LABEL, INK, Anchor::Center);
    canvas.text(&names[1], (left - margin - 150.0, y), LABEL, INK, Anchor::Upward);
}

fn draw_cells(canvas: &mut Canvas, of: &Matrix, corner: impl Fn(usize, usize) -> (f64, f64), cell: f64) {
    let across = of.columns.len();
    let (gap, size) = (3.0, (cell / 6.0).clamp(LABEL, 2.0 * LABEL));
    for (index, &shade) in of.shades.iter().enumerate() {
        let (row, column) = (index / across, index % across);
        let ((x, y), (end_x, end_y)) = (corner(row, column), corner(row + 1, column + 1));
        let edges = Edges { left: x + gap, top: y + gap, right: end_x - gap, bottom: end_y - gap };
        let color = shade_color(of, shade);
        canvas.fill(edges, color);
        if let Some(label) = of.texts.get(index) {
            canvas.text(label, edges.middle(), size, readable_color(color), Anchor::Center);
        }
    }
}
