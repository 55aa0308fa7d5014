//! Drawing of each layer, its range in the plane, and its sign in a legend.

use super::Drawn;
use super::axes::Axes;
use super::canvas::{
    Anchor, Canvas, GRID, INK, LABEL, SOFT_INK, TICK, draw_text, mixed_color, text_width, tinted_color,
};
use super::panel::{Color, Field, Layer, Matrix, Panel};
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::Color as _;
use std::ops::Range;

/// Width of a sign in a legend.
pub(super) const SIGN: i32 = 90;
/// Fraction of a colour where a field is at the end of its range.
const STRONGEST: f64 = 0.45;
/// Smallest number of a logarithmic scale, of the largest one.
const DECADES: f64 = 1e-12;
/// Smallest size of names of columns.
const SMALLEST: i32 = 22;
/// Largest number of rows and columns of a matrix that have names and numbers.
const NAMED: usize = 24;

/// Checks that the numbers of a layer fit together.
pub(super) fn check_layer(layer: &Layer) -> Drawn {
    let grid = |what: &str, numbers: usize, columns: usize| match columns > 0
        && numbers >= columns
        && numbers.is_multiple_of(columns)
    {
        true => Ok(()),
        false => Err(format!("{numbers} numbers of {what} do not fit rows of {columns}").into()),
    };
    match layer {
        Layer::Field(field) => grid("a field", field.values.len(), field.columns),
        Layer::Image { columns, values } => grid("an image", values.len(), *columns),
        Layer::Matrix(Matrix { rows, columns, shades, texts, .. }) => {
            let cells = rows.len() * columns.len();
            match cells > 0 && shades.len() == cells && (texts.is_empty() || texts.len() == cells) {
                true => Ok(()),
                false => {
                    Err(format!("{} shades and {} texts are not for {cells} cells", shades.len(), texts.len()).into())
                }
            }
        }
        Layer::Line { .. }
        | Layer::Dots { .. }
        | Layer::Segments { .. }
        | Layer::Labels { .. }
        | Layer::Bars { .. } => Ok(()),
    }
}

/// Returns the layers with a name; layers with the same name and look are listed once.
pub(super) fn legend_entries(panels: &[Panel]) -> Vec<&Layer> {
    let mut entries: Vec<&Layer> = Vec::new();
    let look = |layer: &Layer| match layer {
        Layer::Line { name, color, is_dashed, .. } => Some((name.clone(), *color, u8::from(*is_dashed))),
        Layer::Dots { name, color, is_diamond, .. } => Some((name.clone(), *color, 2 + u8::from(*is_diamond))),
        Layer::Bars { name, color, .. } => Some((name.clone(), *color, 4)),
        Layer::Segments { .. } | Layer::Labels { .. } | Layer::Field(_) | Layer::Matrix(_) | Layer::Image { .. } => {
            None
        }
    };
    for layer in panels.iter().flat_map(|panel| &panel.layers).filter(|layer| !layer_name(layer).is_empty()) {
        if !entries.iter().any(|entry| look(entry) == look(layer)) {
            entries.push(layer);
        }
    }
    entries
}

/// Returns the name of a layer, empty if it has none.
pub(super) fn layer_name(layer: &Layer) -> &str {
    match layer {
        Layer::Line { name, .. } | Layer::Dots { name, .. } | Layer::Bars { name, .. } => name,
        Layer::Segments { .. } | Layer::Labels { .. } | Layer::Field(_) | Layer::Matrix(_) | Layer::Image { .. } => "",
    }
}

/// Returns the ranges that a panel shows: the ranges that are set, else the ranges of all layers with a margin.
pub(super) fn seen_ranges(panel: &Panel) -> [Range<f64>; 2] {
    let (mut x, mut y) = (Vec::new(), Vec::new());
    let mut is_full = false;
    for layer in &panel.layers {
        match layer {
            Layer::Line { points, .. } | Layer::Dots { points, .. } => {
                x.extend(points.iter().map(|point| point.0));
                y.extend(points.iter().map(|point| point.1));
            }
            Layer::Segments { ends, .. } => {
                x.extend(ends.iter().flatten().map(|point| point.0));
                y.extend(ends.iter().flatten().map(|point| point.1));
            }
            Layer::Labels { texts } => {
                x.extend(texts.iter().map(|(point, _)| point.0));
                y.extend(texts.iter().map(|(point, _)| point.1));
            }
            Layer::Bars { values, .. } => {
                x.extend([-0.6, values.len() as f64 - 0.4]);
                y.extend(values.iter().copied().chain([0.0]));
            }
            Layer::Field(field) => {
                is_full = true;
                x.extend([field.x.start, field.x.end]);
                y.extend([field.y.start, field.y.end]);
            }
            Layer::Matrix(_) | Layer::Image { .. } => {}
        }
    }
    let counted = panel.is_counting || is_full;
    let across = panel.ranges[0].clone().unwrap_or_else(|| extent(&x, if counted { 0.0 } else { 0.04 }, false));
    let room = if is_full { 0.0 } else { 0.06 };
    let up = panel.ranges[1].clone().unwrap_or_else(|| match panel.is_logarithmic {
        true => {
            let Range { start, end } = extent(&y, 0.0, true);
            let start = start.max(end * DECADES);
            // The same margin, of the logarithms.
            let margin = (end / start).powf(room);
            if margin.is_finite() { start / margin..end * margin } else { start..end }
        }
        false => extent(&y, room, false),
    });
    [sound(across, false), sound(up, panel.is_logarithmic)]
}

/// Returns the range of finite values, with a fraction `room` of it added at each end.
fn extent(values: &[f64], room: f64, positive: bool) -> Range<f64> {
    let drawn = values.iter().filter(|value| value.is_finite() && !(positive && **value <= 0.0));
    let (low, high) = drawn.fold((f64::MAX, f64::MIN), |(low, high), &v| (low.min(v), high.max(v)));
    let width = room * (high - low);
    if low <= high { low - width..high + width } else { 0.0..0.0 }
}

/// Returns a range that can be drawn: finite, and not empty.
fn sound(range: Range<f64>, positive: bool) -> Range<f64> {
    let Range { start, end } = range;
    let limit = 1e300;
    if !(start.is_finite() && end.is_finite())
        || start.abs() > limit
        || end.abs() > limit
        || (positive && end <= 1e-200)
    {
        return if positive { 0.1..1.0 } else { 0.0..1.0 };
    }
    let start = if positive { start.max(end * DECADES).max(1e-200) } else { start };
    let least = (1e-9 * start.abs().max(end.abs())).max(1e-200);
    match end - start > least {
        true => start..end,
        false if positive => start..start * 10.0,
        false => {
            let half = (0.5 * start.abs()).max(if start == 0.0 { 0.5 } else { least });
            start - half..start + half
        }
    }
}

/// Returns height over width of a panel's frame, if a layer or a setting determines it.
pub(super) fn height_over_width(panel: &Panel, x: &Range<f64>, y: &Range<f64>) -> Option<f64> {
    match panel.layers.first() {
        Some(Layer::Image { columns, values }) => Some((values.len() / columns) as f64 / *columns as f64),
        // Cells are squares. A frame that is as high as wide would be larger than a page.
        Some(Layer::Matrix(of)) => Some((of.rows.len() as f64 / of.columns.len() as f64).clamp(0.2, 0.85)),
        _ if panel.is_equal => Some((y.end - y.start) / (x.end - x.start)),
        _ => None,
    }
}

/// Draws a layer into a frame.
pub(super) fn draw_layer(canvas: &Canvas<'_>, axes: &Axes, layer: &Layer) -> Drawn {
    match layer {
        Layer::Line { color, points, is_dashed, .. } => {
            let mut drawn = Vec::new();
            for point in points {
                match axes.try_point(*point) {
                    Some(place) => drawn.push(place),
                    None => line(canvas, std::mem::take(&mut drawn), *color, *is_dashed)?,
                }
            }
            line(canvas, drawn, *color, *is_dashed)
        }
        Layer::Dots { color, points, is_diamond, .. } => {
            for place in points.iter().filter_map(|point| axes.try_point(*point)) {
                dot(canvas, place, *color, *is_diamond)?;
            }
            Ok(())
        }
        Layer::Segments { color, ends } => {
            for [from, to] in ends {
                if let (Some(from), Some(to)) = (axes.try_point(*from), axes.try_point(*to)) {
                    canvas.draw(&PathElement::new([from, to], ink(*color).stroke_width(5)))?;
                }
            }
            Ok(())
        }
        Layer::Labels { texts } => {
            for (point, label) in texts {
                if let Some(place) = axes.try_point(*point) {
                    draw_text(canvas, label, place, TICK, INK, Anchor::Center)?;
                }
            }
            Ok(())
        }
        Layer::Bars { color, values, part, .. } => bars(canvas, axes, values, *color, *part),
        Layer::Field(field) => shade(canvas, axes, field),
        Layer::Matrix(_) | Layer::Image { .. } => Err("a matrix or an image takes a panel for itself".into()),
    }
}

/// Draws a layer that has no axes with numbers.
pub(super) fn draw_alone(
    canvas: &Canvas<'_>,
    layer: &Layer,
    names: &[String; 2],
    columns: Range<i32>,
    rows: Range<i32>,
) -> Drawn {
    match layer {
        Layer::Matrix(of) => matrix(canvas, of, names, columns, rows),
        Layer::Image { columns: across, values } => {
            let (width, height) = (columns.len(), rows.len());
            let down = values.len() / across;
            for (j, row) in rows.enumerate() {
                for (i, column) in columns.clone().enumerate() {
                    let value = values[j * down / height * across + i * across / width];
                    let gray = if value.is_finite() { (255.0 * value.clamp(0.0, 1.0)).round() as u8 } else { 0 };
                    canvas.draw_pixel((column, row), &RGBColor(gray, gray, gray))?;
                }
            }
            Ok(())
        }
        other => Err(format!("{other:?} has axes").into()),
    }
}

/// Draws the sign of a layer in a legend around a point.
pub(super) fn draw_sign(canvas: &Canvas<'_>, layer: &Layer, (x, y): (i32, i32)) -> Drawn {
    match layer {
        Layer::Line { color, is_dashed, .. } => {
            line(canvas, vec![(x - SIGN / 2, y), (x + SIGN / 2, y)], *color, *is_dashed)
        }
        Layer::Dots { color, is_diamond, .. } => dot(canvas, (x, y), *color, *is_diamond),
        Layer::Bars { color, .. } => {
            Ok(canvas.draw(&Rectangle::new([(x - 22, y - 22), (x + 22, y + 22)], ink(*color).filled()))?)
        }
        Layer::Segments { .. } | Layer::Labels { .. } | Layer::Field(_) | Layer::Matrix(_) | Layer::Image { .. } => {
            Ok(())
        }
    }
}

fn ink(Color(r, g, b): Color) -> RGBColor {
    RGBColor(r, g, b)
}

/// Draws a line, or a dot for a single point.
fn line(canvas: &Canvas<'_>, points: Vec<(i32, i32)>, color: Color, is_dashed: bool) -> Drawn {
    let color = ink(color);
    match (points.as_slice(), is_dashed) {
        ([], _) => {}
        ([point], true) => canvas.draw(&Circle::new(*point, 14, color.stroke_width(4)))?,
        ([point], false) => canvas.draw(&Circle::new(*point, 14, color.filled()))?,
        (_, true) => canvas.draw(&DashedPathElement::new(points, 18, 14, color.stroke_width(4)))?,
        (_, false) => canvas.draw(&PathElement::new(points, color.stroke_width(7)))?,
    }
    Ok(())
}

fn dot(canvas: &Canvas<'_>, (x, y): (i32, i32), color: Color, is_diamond: bool) -> Drawn {
    if is_diamond {
        for (size, color) in [(22, INK), (17, ink(color))] {
            canvas.draw(&Polygon::new([(x, y - size), (x + size, y), (x, y + size), (x - size, y)], color.filled()))?;
        }
    } else {
        canvas.draw(&Circle::new((x, y), 13, WHITE.filled()))?;
        canvas.draw(&Circle::new((x, y), 10, ink(color).filled()))?;
    }
    Ok(())
}

fn bars(canvas: &Canvas<'_>, axes: &Axes, values: &[f64], color: Color, (index, of): (usize, usize)) -> Drawn {
    let width = 0.8 / of as f64;
    for (k, value) in values.iter().enumerate() {
        let left = k as f64 - 0.4 + width * index as f64;
        let Some(to) = axes.try_point((left + width, *value)) else { continue };
        // A logarithmic scale has no 0: bars stand on the frame there.
        let base = axes.try_point((left, 0.0)).map_or(axes.rows.end, |(_, row)| row);
        let (start, _) = axes.point((left, *value));
        let (top, bottom) = (base.min(to.1), base.max(to.1));
        canvas.draw(&Rectangle::new([(start, top), (to.0.max(start + 1), bottom)], ink(color).filled()))?;
    }
    Ok(())
}

/// Colours each pixel of the frame.
fn shade(canvas: &Canvas<'_>, axes: &Axes, field: &Field) -> Drawn {
    for row in axes.rows.clone() {
        for column in axes.columns.clone() {
            let p = part(axes, field, column, row).clamp(0.0, 1.0);
            if p.is_finite() {
                let color = ink(field.colors[usize::from(p > 0.5)]);
                canvas.draw_pixel((column, row), &tinted_color(color, STRONGEST * (2.0 * p - 1.0).abs()))?;
            }
        }
    }
    Ok(())
}

/// Draws the line half-way of a field that has `line` set.
pub(super) fn draw_halfway(canvas: &Canvas<'_>, axes: &Axes, layer: &Layer) -> Drawn {
    let Layer::Field(field @ Field { line: true, .. }) = layer else { return Ok(()) };
    let at = |column, row| part(axes, field, column, row);
    for row in axes.rows.clone() {
        for column in axes.columns.clone() {
            let slope =
                (at(column + 2, row) - at(column - 2, row)).hypot(at(column, row + 2) - at(column, row - 2)) / 4.0;
            // Distance to the line in pixels, to first order.
            if (at(column, row).clamp(0.0, 1.0) - 0.5).abs() < 3.0 * slope {
                canvas.draw_pixel((column, row), &INK)?;
            }
        }
    }
    Ok(())
}

/// Returns the position of a field's value at a pixel in its range, from 0 to 1.
fn part(axes: &Axes, field: &Field, column: i32, row: i32) -> f64 {
    let [x, y] = axes.values((column, row));
    let along = |value: f64, range: &Range<f64>| (value - range.start) / (range.end - range.start);
    let value = interpolate(field, along(x, &field.x), 1.0 - along(y, &field.y));
    along(value, &field.range)
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

/// Returns a name that fits the width `room`: its beginning, if it is too long.
fn shorten(name: &str, room: i32, size: i32) -> Drawn<String> {
    let letters: Vec<char> = name.chars().take(200).collect();
    if text_width(name, size)? <= room {
        return Ok(name.to_owned());
    }
    for kept in (0..letters.len()).rev() {
        let short: String = letters[..kept].iter().chain(&['…']).collect();
        if text_width(&short, size)? <= room {
            return Ok(short);
        }
    }
    Ok(String::new())
}

/// Returns a colour for text on a background, with a contrast of at least 4.5 as WCAG 2 defines it: black has it
/// wherever white has not.
fn readable_color(background: RGBColor) -> RGBColor {
    let contrast = |text: RGBColor| {
        let (a, b) = (luminance(text), luminance(background));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    };
    [INK, WHITE].into_iter().find(|&text| contrast(text) >= 4.5).unwrap_or(BLACK)
}

/// Returns the relative luminance of a colour in sRGB, from 0 to 1.
fn luminance(RGBColor(red, green, blue): RGBColor) -> f64 {
    let linear = |channel: u8| {
        let value = f64::from(channel) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

fn matrix(canvas: &Canvas<'_>, of: &Matrix, names: &[String; 2], columns: Range<i32>, rows: Range<i32>) -> Drawn {
    let widest = columns.len() as i32 / 2;
    let names_of = |names: &[String], room: i32, size: i32| {
        names.iter().map(|name| shorten(name, room, size)).collect::<Drawn<Vec<_>>>()
    };
    let row_names = names_of(&of.rows, widest, TICK)?;
    let widths = row_names.iter().map(|name| text_width(name, TICK)).collect::<Drawn<Vec<_>>>()?;
    let (down, across) = (of.rows.len(), of.columns.len());
    let is_named = down.max(across) <= NAMED;
    let margin = if is_named { (widths.into_iter().max().unwrap_or(0) - 60).max(0) } else { 0 };
    let cell = ((columns.len() as i32 - margin) as f64 / across as f64).min(rows.len() as f64 / down as f64);
    let left = columns.start + (columns.len() as i32 + margin - (cell * across as f64) as i32) / 2;
    let corner = |row: usize, column: usize| {
        (left + (cell * column as f64).round() as i32, rows.start + (cell * row as f64).round() as i32)
    };
    let gap = if is_named { 3 } else { 0 };
    let size = (cell as i32 / 6).clamp(LABEL, 2 * LABEL);
    for (index, shade) in of.shades.iter().enumerate() {
        let (row, column) = (index / across, index % across);
        let ((x, y), (end_x, end_y)) = (corner(row, column), corner(row + 1, column + 1));
        let shade = if shade.is_finite() { shade.clamp(0.0, 1.0).sqrt().max(0.03) } else { 0.0 };
        let color = mixed_color(ink(of.color), WHITE, shade);
        canvas.draw(&Rectangle::new([(x + gap, y + gap), (end_x - gap, end_y - gap)], color.filled()))?;
        if let Some(label) = of.texts.get(index).filter(|_| is_named) {
            let middle = ((x + end_x) / 2, (y + end_y) / 2);
            draw_text(canvas, label, middle, size, readable_color(color), Anchor::Center)?;
        }
    }
    let (end, half) = (corner(down, across), cell as i32 / 2);
    if is_named {
        for (row, name) in row_names.iter().enumerate() {
            draw_text(canvas, name, (left - 30, corner(row, 0).1 + half), TICK, SOFT_INK, Anchor::Right)?;
        }
        // Names that are wider than their columns are written smaller, down to a readable size.
        let room = (cell as i32 - 10).max(40);
        let widths = of.columns.iter().map(|name| text_width(name, TICK)).collect::<Drawn<Vec<_>>>()?;
        let widest = widths.into_iter().max().unwrap_or(0).max(1);
        let size = if widest > room { (TICK * room / widest).max(SMALLEST) } else { TICK };
        for (column, name) in names_of(&of.columns, room, size)?.iter().enumerate() {
            draw_text(canvas, name, (corner(0, column).0 + half, end.1 + 40), size, SOFT_INK, Anchor::Center)?;
        }
    } else {
        canvas.draw(&Rectangle::new([(left, rows.start), end], GRID.stroke_width(2)))?;
    }
    draw_text(canvas, &names[0], ((left + end.0) / 2, end.1 + 108), LABEL, INK, Anchor::Center)?;
    draw_text(canvas, &names[1], (left - margin - 130, (rows.start + end.1) / 2), LABEL, INK, Anchor::Upward)
}
