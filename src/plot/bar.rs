//! Colour bars: the numbers behind the colours of a field or a matrix.

use super::axes::{APART, Scale, THIN};
use super::canvas::{Anchor, Canvas, Edges, INK, LABEL, SOFT_INK, TICK};
use super::panel::{Layer, Panel};
use super::{field, matrix};

/// Room that a bar takes to the right of a frame.
pub(super) const ROOM: f64 = 250.0;
/// Distance from the frame, and width.
const GAP: f64 = 30.0;
const WIDTH: f64 = 36.0;

/// Draws a bar beside a frame for the first field or matrix of the panel.
pub(super) fn draw_bar(canvas: &mut Canvas, panel: &Panel, name: &str, frame: Edges) {
    let colored = panel.layers.iter().find(|layer| matches!(layer, Layer::Field(_) | Layer::Matrix(_)));
    let range = match colored {
        Some(Layer::Field(field)) => field.range.clone(),
        Some(Layer::Matrix(of)) => of.range.clone(),
        _ => return,
    };
    // A range that has no numbers has no bar.
    if !(range.start < range.end && (range.end - range.start).is_finite()) {
        return;
    }
    let bar = Edges { left: frame.right + GAP, right: frame.right + GAP + WIDTH, ..frame };
    let scale = Scale::linear(range);
    canvas.colored(bar, |(_, y)| {
        let part = (bar.bottom - y) / bar.height();
        match colored {
            Some(Layer::Matrix(of)) => matrix::shade_color(of, scale.value(part)),
            Some(Layer::Field(of)) => field::field_color(of, part),
            _ => super::canvas::WHITE,
        }
    });
    canvas.border(bar, THIN, SOFT_INK);
    for (value, number) in scale.ticks(bar.height(), APART[1]) {
        let y = bar.bottom - bar.height() * scale.place(value);
        canvas.line(vec![(bar.right, y), (bar.right + 12.0, y)], THIN, SOFT_INK);
        canvas.text(&number, (bar.right + 26.0, y), TICK, SOFT_INK, Anchor::Left);
    }
    let at = (bar.right + 150.0, frame.middle().1);
    canvas.text_within(name, bar.height() + 200.0, at, LABEL, INK, Anchor::Upward);
}
