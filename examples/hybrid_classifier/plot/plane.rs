//! Data on a plane, and what networks make of it.

use super::axes::{Axes, Scale};
use super::canvas::{Anchor, CLASSES, Canvas, INK, LABEL, SOFT_INK, Sign, TITLE, legend, picture, text, tint};
use crate::split::{Samples, Split};
use anyhow::Result;
use plotters::prelude::*;
use std::ops::Range;
use std::path::Path;

/// Points along each side of the grid on which a network is evaluated.
const GRID: usize = 160;

/// Part of the class colour where a network is certain.
const STRONGEST: f64 = 0.45;

/// Draws the samples alone.
pub(crate) fn scatter(path: &Path, title: &str, classes: &[String], split: &Split) -> Result<()> {
    let frame = Frame::new(split);
    let side = 1300;
    let (width, height) = (1800, 170 + frame.rows(side) + 380);
    picture(path, (width as u32, height as u32), |canvas| {
        text(canvas, title, (width / 2, 70), TITLE, INK, Anchor::Centre)?;
        let axes = frame.axes(300, 170, side);
        axes.draw_grid(canvas)?;
        points(canvas, &axes, split)?;
        axes.draw_frame(canvas, "", ["feature 1", "feature 2"])?;
        key(canvas, (width / 2, height - 170), classes, 2)
    })
}

/// The name of a network, and the probability that it gives to class 1 at points of the plane.
pub(crate) type Decision<'a> = (&'a str, &'a dyn Fn(&[[f32; 2]]) -> Result<Vec<f32>>);

/// Draws the decisions of both networks with the samples on top.
pub(crate) fn boundary(
    path: &Path,
    title: &str,
    classes: &[String],
    split: &Split,
    networks: [Decision<'_>; 2],
) -> Result<()> {
    let frame = Frame::new(split);
    let side = 1280;
    let (width, height) = (3200, 330 + frame.rows(side) + 300);
    picture(path, (width as u32, height as u32), |canvas| {
        text(canvas, title, (width / 2, 70), TITLE, INK, Anchor::Centre)?;
        let note = "shade: probability of the class; line: where both are as probable; noise features set to 0";
        text(canvas, note, (width / 2, 150), LABEL, SOFT_INK, Anchor::Centre)?;
        for (half, (name, probability)) in networks.into_iter().enumerate() {
            let axes = frame.axes(230 + half as i32 * 1600, 290, side);
            shade(canvas, &axes, &probability(&grid(&axes))?)?;
            points(canvas, &axes, split)?;
            axes.draw_frame(canvas, name, ["feature 1", "feature 2"])?;
        }
        key(canvas, (width / 2, height - 90), classes, 4)
    })
}

/// The part of the plane that holds all samples.
struct Frame {
    x: Range<f64>,
    y: Range<f64>,
}

impl Frame {
    fn new(split: &Split) -> Self {
        let range = |k: usize| {
            let values = split.train.rows.iter().chain(&split.test.rows).map(|row| f64::from(row[k]));
            let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
            let margin = 0.06 * (high - low);
            low - margin..high + margin
        };
        Self { x: range(0), y: range(1) }
    }

    /// Height of a frame `width` wide with the same scale in both directions.
    fn rows(&self, width: i32) -> i32 {
        let rows = (f64::from(width) * (self.y.end - self.y.start) / (self.x.end - self.x.start)).round() as i32;
        rows + rows % 2
    }

    fn axes(&self, left: i32, top: i32, width: i32) -> Axes {
        let (x, y) = (Scale::linear(self.x.clone()), Scale::linear(self.y.clone()));
        Axes { columns: left..left + width, rows: top..top + self.rows(width), x, y }
    }
}

/// The points of the evaluation grid, row by row from the top.
fn grid(axes: &Axes) -> Vec<[f32; 2]> {
    let place = |k: usize| k as f64 / (GRID - 1) as f64;
    let row = |r: usize| (0..GRID).map(move |c| [axes.x.value(place(c)) as f32, axes.y.value(1.0 - place(r)) as f32]);
    (0..GRID).flat_map(row).collect()
}

/// Colours each pixel of the frame by the probability of class 1, and draws the line where it is one half.
fn shade(canvas: &Canvas<'_>, axes: &Axes, probabilities: &[f32]) -> Result<()> {
    let (width, height) = (axes.columns.len() as f64, axes.rows.len() as f64);
    let at = |x: f64, y: f64| interpolate(probabilities, x / width, y / height);
    for (j, row) in axes.rows.clone().enumerate() {
        for (i, column) in axes.columns.clone().enumerate() {
            let (x, y) = (i as f64, j as f64);
            let p = at(x, y);
            let slope = (at(x + 2.0, y) - at(x - 2.0, y)).hypot(at(x, y + 2.0) - at(x, y - 2.0)) / 4.0;
            // Distance to the line in pixels, to first order.
            let is_line = (p - 0.5).abs() < 3.0 * slope;
            let certainty = STRONGEST * (2.0 * p - 1.0).abs();
            let colour = if is_line { INK } else { tint(CLASSES[usize::from(p > 0.5)], certainty) };
            canvas.draw_pixel((column, row), &colour)?;
        }
    }
    Ok(())
}

/// Bilinear interpolation on the grid; `x` and `y` run from 0 to 1.
fn interpolate(values: &[f32], x: f64, y: f64) -> f64 {
    let split = |place: f64| {
        let position = place.clamp(0.0, 1.0) * (GRID - 1) as f64;
        let cell = (position as usize).min(GRID - 2);
        (cell, position - cell as f64)
    };
    let ((column, u), (row, v)) = (split(x), split(y));
    let value = |r: usize, c: usize| f64::from(values[(row + r) * GRID + column + c]);
    (1.0 - v) * ((1.0 - u) * value(0, 0) + u * value(0, 1)) + v * ((1.0 - u) * value(1, 0) + u * value(1, 1))
}

/// Training samples as dots, test samples as diamonds on top.
fn points(canvas: &Canvas<'_>, axes: &Axes, split: &Split) -> Result<()> {
    let places = |samples: &Samples| -> Vec<((i32, i32), u32)> {
        let place = |row: &Vec<f32>| axes.point((f64::from(row[0]), f64::from(row[1])));
        samples.rows.iter().map(place).zip(samples.labels.iter().copied()).collect()
    };
    for (place, label) in places(&split.train) {
        dot(canvas, place, label as usize)?;
    }
    for (place, label) in places(&split.test) {
        diamond(canvas, place, label as usize)?;
    }
    Ok(())
}

fn dot(canvas: &Canvas<'_>, place: (i32, i32), class: usize) -> Result<()> {
    canvas.draw(&Circle::new(place, 13, WHITE.filled()))?;
    canvas.draw(&Circle::new(place, 10, CLASSES[class].filled()))?;
    Ok(())
}

fn diamond(canvas: &Canvas<'_>, (x, y): (i32, i32), class: usize) -> Result<()> {
    for (size, colour) in [(22, INK), (17, CLASSES[class])] {
        canvas.draw(&Polygon::new([(x, y - size), (x + size, y), (x, y + size), (x - size, y)], colour.filled()))?;
    }
    Ok(())
}

/// Explains dots and diamonds, in rows of `per_row` entries.
fn key(canvas: &Canvas<'_>, (x, mut y): (i32, i32), classes: &[String], per_row: usize) -> Result<()> {
    let mut entries: Vec<(String, Sign<'_>)> = Vec::new();
    for (class, name) in classes.iter().enumerate() {
        entries.push((format!("{name}, training"), Box::new(move |place| dot(canvas, place, class))));
        entries.push((format!("{name}, test"), Box::new(move |place| diamond(canvas, place, class))));
    }
    for row in entries.chunks(per_row) {
        legend(canvas, (x, y), 44, row)?;
        y += 80;
    }
    Ok(())
}
