//! Axes: a frame with a grid, ticks and labels.

use super::Drawn;
use super::canvas::{Anchor, Canvas, GRID, HEADING, INK, LABEL, SOFT_INK, TICK, draw_text};
use plotters::prelude::*;
use std::ops::Range;

/// Scale of one axis.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    range: Range<f64>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Linear,
    /// Linear scale with ticks at whole numbers only.
    Counting,
    Logarithmic,
}

/// Frame on the canvas with a scale for each direction.
#[derive(Debug, Clone)]
pub(super) struct Axes {
    /// Canvas columns.
    pub(super) columns: Range<i32>,
    /// Canvas rows.
    pub(super) rows: Range<i32>,
    /// Scale from left to right.
    pub(super) x: Scale,
    /// Scale from bottom to top.
    pub(super) y: Scale,
}

impl Scale {
    /// Makes a linear scale.
    pub(super) fn linear(range: Range<f64>) -> Self {
        Self { range, kind: Kind::Linear }
    }

    /// Makes a linear scale with ticks at whole numbers only.
    pub(super) fn counting(range: Range<f64>) -> Self {
        Self { range, kind: Kind::Counting }
    }

    /// Makes a logarithmic scale of a range above 0.
    pub(super) fn logarithmic(range: Range<f64>) -> Self {
        Self { range, kind: Kind::Logarithmic }
    }

    /// Returns the position of a value, 0 at the start and 1 at the end. Values outside the range are moved to the
    /// edge.
    fn place(&self, value: f64) -> f64 {
        let map = |v: f64| if self.kind == Kind::Logarithmic { v.log10() } else { v };
        let (start, end) = (map(self.range.start), map(self.range.end));
        ((map(value.clamp(self.range.start, self.range.end)) - start) / (end - start)).clamp(0.0, 1.0)
    }

    /// Returns the value at a position between 0 and 1 of a linear scale.
    pub(super) fn value(&self, place: f64) -> f64 {
        self.range.start + place * (self.range.end - self.range.start)
    }

    /// Returns round values and their texts.
    fn ticks(&self) -> Vec<(f64, String)> {
        if self.kind == Kind::Logarithmic {
            // The coarsest steps of which there are enough.
            let steps = [&[1.0][..], &[1.0, 3.0], &[1.0, 2.0, 5.0]];
            if let Some(ticks) = steps.map(|steps| self.decades(steps)).into_iter().find(|ticks| ticks.len() > 2) {
                return ticks;
            }
        }
        let finest = if self.kind == Kind::Counting { 1.0 } else { 0.0 };
        let rough = ((self.range.end - self.range.start) / 6.0).max(finest);
        let power = rough.log10().floor();
        let unit = 10f64.powf(power);
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * unit).into_iter().find(|step| *step >= rough * 0.999);
        let step = step.unwrap_or(10.0 * unit);
        let first = (self.range.start / step - 1e-6).ceil() as i64;
        let last = (self.range.end / step + 1e-6).floor() as i64;
        let places = -step.log10().floor() as i32;
        (first..=last).map(|k| (k as f64 * step, decimal(k as f64 * step, places))).collect()
    }
}

impl Scale {
    /// Returns the multiples of the powers of ten in the range, and their texts; not all decades of a long range.
    fn decades(&self, multiples: &[f64]) -> Vec<(f64, String)> {
        let (first, last) = (self.range.start.log10().floor() as i32, self.range.end.log10().ceil() as i32);
        let stride = ((last - first) / 8).max(1) as usize;
        let is_inside = |value: f64| value >= self.range.start * 0.999 && value <= self.range.end * 1.001;
        let ticks = (first..=last).step_by(stride).flat_map(|decade| multiples.iter().map(move |by| (*by, decade)));
        let tick = |(by, decade): (f64, i32)| (by * 10f64.powi(decade), decimal(by * 10f64.powi(decade), -decade));
        ticks.map(tick).filter(|(value, _)| is_inside(*value)).collect()
    }
}

/// Writes a number with `places` digits behind the point, or no digits if `places` is negative. A number that would be
/// long is written as a power of ten.
fn decimal(value: f64, places: i32) -> String {
    if value != 0.0 && (places > 4 || value.abs() >= 1e6) {
        let digits = (value.abs().log10().floor() as i32 + places).clamp(0, 3) as usize;
        return format!("{value:.digits$e}").replace('-', "−");
    }
    let text = format!("{value:.*}", places.max(0) as usize);
    if text.chars().all(|c| "-0.".contains(c)) { "0".to_owned() } else { text.replace('-', "−") }
}

impl Axes {
    /// Returns the point of the canvas for a pair of values.
    pub(super) fn point(&self, (x, y): (f64, f64)) -> (i32, i32) {
        let along = |range: &Range<i32>, place: f64| (f64::from(range.end - range.start) * place).round() as i32;
        (self.columns.start + along(&self.columns, self.x.place(x)), self.rows.end - along(&self.rows, self.y.place(y)))
    }

    /// Returns the point, or `None` if a value cannot be drawn.
    pub(super) fn try_point(&self, (x, y): (f64, f64)) -> Option<(i32, i32)> {
        let is_drawn =
            |scale: &Scale, value: f64| value.is_finite() && !(scale.kind == Kind::Logarithmic && value <= 0.0);
        (is_drawn(&self.x, x) && is_drawn(&self.y, y)).then(|| self.point((x, y)))
    }

    /// Returns the values at a point of the canvas, on linear scales.
    pub(super) fn values(&self, (column, row): (i32, i32)) -> [f64; 2] {
        let part = |at: i32, range: &Range<i32>| f64::from(at - range.start) / f64::from(range.end - range.start);
        [self.x.value(part(column, &self.columns)), self.y.value(1.0 - part(row, &self.rows))]
    }

    /// Returns the horizontal middle.
    pub(super) fn middle(&self) -> i32 {
        (self.columns.start + self.columns.end) / 2
    }

    /// Draws grid and ticks; everything that is drawn later lies on top of them.
    pub(super) fn draw_grid(&self, canvas: &Canvas<'_>) -> Drawn {
        for (value, _) in self.x.ticks() {
            let (x, _) = self.point((value, self.y.range.start));
            canvas.draw(&PathElement::new([(x, self.rows.start), (x, self.rows.end)], GRID.stroke_width(2)))?;
        }
        for (value, _) in self.y.ticks() {
            let (_, y) = self.point((self.x.range.start, value));
            canvas.draw(&PathElement::new([(self.columns.start, y), (self.columns.end, y)], GRID.stroke_width(2)))?;
        }
        Ok(())
    }

    /// Draws frame, numbers, names of the axes and a heading.
    pub(super) fn draw_frame(&self, canvas: &Canvas<'_>, heading: &str, [x_name, y_name]: [&str; 2]) -> Drawn {
        let (start, end) = ((self.columns.start, self.rows.start), (self.columns.end, self.rows.end));
        canvas.draw(&Rectangle::new([start, end], SOFT_INK.stroke_width(2)))?;
        for (value, number) in self.x.ticks() {
            let (x, _) = self.point((value, self.y.range.start));
            canvas.draw(&PathElement::new([(x, end.1), (x, end.1 + 12)], SOFT_INK.stroke_width(2)))?;
            draw_text(canvas, &number, (x, end.1 + 44), TICK, SOFT_INK, Anchor::Center)?;
        }
        for (value, number) in self.y.ticks() {
            let (_, y) = self.point((self.x.range.start, value));
            canvas.draw(&PathElement::new([(start.0 - 12, y), (start.0, y)], SOFT_INK.stroke_width(2)))?;
            draw_text(canvas, &number, (start.0 - 26, y), TICK, SOFT_INK, Anchor::Right)?;
        }
        draw_text(canvas, x_name, (self.middle(), end.1 + 108), LABEL, INK, Anchor::Center)?;
        draw_text(canvas, y_name, (start.0 - 150, (start.1 + end.1) / 2), LABEL, INK, Anchor::Upward)?;
        draw_text(canvas, heading, (self.middle(), start.1 - 46), HEADING, INK, Anchor::Center)
    }
}
