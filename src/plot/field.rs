//! Values over the plane as colours, with the line half-way.

use super::axes::Axes;
use super::canvas::{Canvas, INK, Point, Rgb, WHITE, tinted_color};
use super::panel::{Field, Layer, ink};
use std::ops::Range;

/// Fraction of a colour where a field is at the end of its range.
const STRONGEST: f64 = 0.45;
/// Width of the line half-way.
const LINE: f64 = 6.0;

/// Returns the colour for a position in the range of a field, from 0 to 1.
pub(super) fn field_color(field: &Field, part: f64) -> Rgb {
    if !part.is_finite() {
        return WHITE;
    }
    let part = part.clamp(0.0, 1.0);
    tinted_color(ink(field.colors[usize::from(part > 0.5)]), STRONGEST * (2.0 * part - 1.0).abs())
}

/// Colours the frame.
pub(super) fn draw_field(canvas: &mut Canvas, axes: &Axes, field: &Field) {
    canvas.colored(axes.frame, |point| {
        let [x, y] = axes.values(point);
        let value = interpolate(field, along(x, &field.x), 1.0 - along(y, &field.y));
        field_color(field, along(value, &field.range))
    });
}

fn along(value: f64, range: &Range<f64>) -> f64 {
    (value - range.start) / (range.end - range.start)
}

/// Interpolates bilinearly on the grid; `x` (to the right) and `y` (down) run from 0 to 1.
fn interpolate(field: &Field, x: f64, y: f64) -> f64 {
    let (columns, rows) = (field.columns, field.values.len() / field.columns);
    let split = |place: f64, count: usize| {
        let position = place.clamp(0.0, 1.0) * (count - 1) as f64;
        let cell = (position as usize).min(count.saturating_sub(2));
        (cell, position - cell as f64)
    };
    let ((column, u), (row, v)) = (split(x, columns), split(y, rows));
    let value = |r: usize, c: usize| field.values[(row + r).min(rows - 1) * columns + (column + c).min(columns - 1)];
    (1.0 - v) * ((1.0 - u) * value(0, 0) + u * value(0, 1)) + v * ((1.0 - u) * value(1, 0) + u * value(1, 1))
}

/// Draws the line half-way of a field that has `line` set.
pub(super) fn draw_halfway(canvas: &mut Canvas, axes: &Axes, layer: &Layer) {
    let Layer::Field(field @ Field { line: true, .. }) = layer else { return };
    for line in halfway(field) {
        for part in axes.visible_parts(&line) {
            canvas.line(part, LINE, INK);
        }
    }
}

/// Returns the lines, in the plane, on which a field is half-way: marching squares, cell by cell, joined to long lines.
fn halfway(field: &Field) -> Vec<Vec<Point>> {
    let (columns, rows) = (field.columns, field.values.len() / field.columns);
    let above = |row: usize, column: usize| along(field.values[row * columns + column], &field.range) - 0.5;
    // An edge is named by its upper or left corner and whether it goes down.
    let mut joined = Joined::default();
    for row in 1..rows {
        for column in 1..columns {
            let corners = [(row - 1, column - 1), (row - 1, column), (row, column), (row, column - 1)];
            let values = corners.map(|(row, column)| above(row, column));
            if values.iter().any(|value| !value.is_finite()) {
                continue;
            }
            let edges = [
                (row - 1, column - 1, false),
                (row - 1, column, true),
                (row, column - 1, false),
                (row - 1, column - 1, true),
            ];
            let crossed: Vec<Edge> =
                (0..4).filter(|&k| (values[k] >= 0.0) != (values[(k + 1) % 4] >= 0.0)).map(|k| edges[k]).collect();
            match *crossed.as_slice() {
                [a, b] => joined.add(a, b),
                // A saddle: its middle says which corners belong together.
                [a, b, c, d] if (values.iter().sum::<f64>() >= 0.0) == (values[0] >= 0.0) => {
                    joined.add(a, b);
                    joined.add(c, d);
                }
                [a, b, c, d] => {
                    joined.add(a, d);
                    joined.add(b, c);
                }
                _ => {}
            }
        }
    }
    let point = |(row, column, is_down): Edge| {
        let (to_row, to_column) = if is_down { (row + 1, column) } else { (row, column + 1) };
        let (from, to) = (above(row, column), above(to_row, to_column));
        let part = (from / (from - to)).clamp(0.0, 1.0);
        let place = |from: usize, to: usize, count: usize| {
            (from as f64 + part * (to as f64 - from as f64)) / (count - 1).max(1) as f64
        };
        let (x, y) = (place(column, to_column, columns), 1.0 - place(row, to_row, rows));
        let at = |range: &Range<f64>, place: f64| range.start + place * (range.end - range.start);
        (at(&field.x, x), at(&field.y, y))
    };
    joined.lines().into_iter().map(|line| line.into_iter().map(point).collect()).collect()
}

/// Edge of the grid: row and column of its start, and whether it goes down.
type Edge = (usize, usize, bool);

/// Lines through edges, which grow at both ends.
#[derive(Debug, Default)]
struct Joined {
    /// The one or two edges that each edge is joined with, in the order of the grid.
    next: std::collections::BTreeMap<Edge, Vec<Edge>>,
}

impl Joined {
    fn add(&mut self, a: Edge, b: Edge) {
        self.next.entry(a).or_default().push(b);
        self.next.entry(b).or_default().push(a);
    }

    /// Returns the lines; a closed one ends where it starts.
    fn lines(mut self) -> Vec<Vec<Edge>> {
        let mut lines = Vec::new();
        // Open lines first, from one of their ends.
        let ends: Vec<Edge> = self.next.iter().filter(|(_, next)| next.len() == 1).map(|(edge, _)| *edge).collect();
        let all: Vec<Edge> = self.next.keys().copied().collect();
        for start in ends.into_iter().chain(all) {
            let mut line = vec![start];
            let mut at = start;
            while let Some(to) = self.next.get_mut(&at).and_then(Vec::pop) {
                if let Some(back) = self.next.get_mut(&to) {
                    back.retain(|edge| *edge != at);
                }
                line.push(to);
                at = to;
            }
            if line.len() > 1 {
                lines.push(line);
            }
        }
        lines
    }
}
