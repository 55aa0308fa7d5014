//! Drawing of each layer, its range in the plane, and its sign in a legend.

use super::Drawn;
use super::axes::Axes;
use super::canvas::{Anchor, Canvas, Edges, INK, Point, Rgb, TICK, WHITE};
use super::field;
use super::matrix;
use super::panel::{Color, Layer, Matrix, Panel, ink};
use std::ops::Range;

/// Width of a sign in a legend.
pub(super) const SIGN: f64 = 90.0;
/// Smallest number of a logarithmic scale, of the largest one.
const DECADES: f64 = 1e-12;

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
pub(super) fn draw_layer(canvas: &mut Canvas, axes: &Axes, layer: &Layer) -> Drawn {
    match layer {
        Layer::Line { color, points, is_dashed, .. } => {
            for part in axes.visible_parts(points) {
                line(canvas, part, *color, *is_dashed);
            }
        }
        Layer::Dots { color, points, is_diamond, .. } => {
            for place in points.iter().filter_map(|point| axes.try_point(*point)) {
                dot(canvas, place, *color, *is_diamond);
            }
        }
        Layer::Segments { color, ends } => {
            for [from, to] in ends {
                if let (Some(from), Some(to)) = (axes.try_point(*from), axes.try_point(*to)) {
                    canvas.line(vec![from, to], 5.0, ink(*color));
                }
            }
        }
        Layer::Labels { texts } => {
            for (point, label) in texts {
                if let Some(place) = axes.try_point(*point) {
                    canvas.text(label, place, TICK, INK, Anchor::Center);
                }
            }
        }
        Layer::Bars { color, values, part, .. } => bars(canvas, axes, values, *color, *part),
        Layer::Field(of) => field::draw_field(canvas, axes, of),
        Layer::Matrix(_) | Layer::Image { .. } => return Err("a matrix or an image takes a panel for itself".into()),
    }
    Ok(())
}

/// Draws a layer that has no axes with numbers.
pub(super) fn draw_alone(canvas: &mut Canvas, layer: &Layer, names: &[String; 2], frame: Edges) {
    match layer {
        Layer::Matrix(of) => matrix::draw_matrix(canvas, of, names, frame),
        Layer::Image { columns, values } => {
            let rows = values.len() / columns;
            canvas.colored(frame, |(x, y)| {
                let cell = |part: f64, count: usize| ((part * count as f64) as usize).min(count - 1);
                let row = cell((y - frame.top) / frame.height(), rows);
                let value = values[row * columns + cell((x - frame.left) / frame.width(), *columns)];
                let gray = if value.is_finite() { (255.0 * value.clamp(0.0, 1.0)).round() as u8 } else { 0 };
                Rgb(gray, gray, gray)
            });
        }
        _ => {}
    }
}

/// Draws the sign of a layer in a legend around a point.
pub(super) fn draw_sign(canvas: &mut Canvas, layer: &Layer, (x, y): Point) {
    match layer {
        Layer::Line { color, is_dashed, .. } => {
            line(canvas, vec![(x - SIGN / 2.0, y), (x + SIGN / 2.0, y)], *color, *is_dashed);
        }
        Layer::Dots { color, is_diamond, .. } => dot(canvas, (x, y), *color, *is_diamond),
        Layer::Bars { color, .. } => {
            canvas.fill(Edges { left: x - 22.0, top: y - 22.0, right: x + 22.0, bottom: y + 22.0 }, ink(*color));
        }
        Layer::Segments { .. } | Layer::Labels { .. } | Layer::Field(_) | Layer::Matrix(_) | Layer::Image { .. } => {}
    }
}

/// Draws a line, or a dot for a single point.
fn line(canvas: &mut Canvas, points: Vec<Point>, color: Color, is_dashed: bool) {
    let color = ink(color);
    match (points.as_slice(), is_dashed) {
        ([], _) => {}
        ([point], true) => {
            canvas.disk(*point, 16.0, color);
            canvas.disk(*point, 12.0, WHITE);
        }
        ([point], false) => canvas.disk(*point, 14.0, color),
        (points, true) => canvas.dashes(points, [18.0, 14.0], 5.0, color),
        (_, false) => canvas.line(points, 7.0, color),
    }
}

fn dot(canvas: &mut Canvas, (x, y): Point, color: Color, is_diamond: bool) {
    if is_diamond {
        for (size, color) in [(22.0, INK), (17.0, ink(color))] {
            canvas.polygon(vec![(x, y - size), (x + size, y), (x, y + size), (x - size, y)], color);
        }
    } else {
        canvas.disk((x, y), 13.0, WHITE);
        canvas.disk((x, y), 10.0, ink(color));
    }
}

fn bars(canvas: &mut Canvas, axes: &Axes, values: &[f64], color: Color, (index, of): (usize, usize)) {
    let width = 0.8 / of as f64;
    for (k, value) in values.iter().enumerate() {
        let left = k as f64 - 0.4 + width * index as f64;
        let Some(to) = axes.try_point((left + width, *value)) else { continue };
        // A logarithmic scale has no 0: bars stand on the frame there.
        let base = axes.try_point((left, 0.0)).map_or(axes.frame.bottom, |(_, y)| y);
        let (start, _) = axes.point((left, *value));
        let (top, bottom) = (base.min(to.1), base.max(to.1));
        canvas.fill(Edges { left: start, top, right: to.0.max(start + 1.0), bottom }, ink(color));
    }
}
