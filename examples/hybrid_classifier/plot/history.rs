//! Loss and accuracy over the epochs.

use super::axes::{Axes, Scale};
use super::canvas::{Anchor, Canvas, INK, NETWORKS, Sign, TITLE, legend, picture, text};
use crate::train::{Epoch, Score, Trainer};
use anyhow::Result;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use std::path::Path;

const SIZE: (u32, u32) = (3200, 1400);

/// One curve: what it shows of an epoch, and its look.
struct Curve<'a> {
    name: String,
    history: &'a [Epoch],
    score: fn(&Epoch) -> Score,
    colour: RGBColor,
    is_dashed: bool,
}

/// Draws both networks: the loss at the left, the accuracy at the right; lines for the test set, dashes for the training
/// set.
pub(crate) fn history(path: &Path, title: &str, trainers: &[Trainer; 2]) -> Result<()> {
    let curves = curves(trainers);
    picture(path, SIZE, |canvas| {
        text(canvas, title, (SIZE.0 as i32 / 2, 70), TITLE, INK, Anchor::Centre)?;
        let epochs = trainers.iter().map(|trainer| trainer.history.len()).max().unwrap_or(0);
        let x = Scale::counting(epochs);
        let axes = |columns, y| Axes { columns, rows: 240..1090, x: x.clone(), y };

        let losses = Scale::decades(values(&curves, |score| score.loss));
        panel(canvas, &axes(230..1550, losses), "Cross-entropy", "loss", &curves, |score| score.loss)?;
        let worst = values(&curves, |score| score.accuracy).fold(1.0, f64::min);
        let lowest = (worst * 20.0 - 0.2).floor().max(0.0) / 20.0;
        // Some room above 1, or the best curves would lie on the frame.
        let accuracies = Scale::linear(lowest..1.0 + 0.04 * (1.0 - lowest).max(0.1));
        panel(canvas, &axes(1850..3150, accuracies), "Accuracy", "accuracy", &curves, |score| score.accuracy)?;

        let entries: Vec<_> = curves.iter().map(|curve| entry(canvas, curve)).collect();
        legend(canvas, (SIZE.0 as i32 / 2, 1310), 90, &entries)
    })
}

/// Training curves first, so that those of the test set lie on top.
fn curves(trainers: &[Trainer; 2]) -> Vec<Curve<'_>> {
    let mut curves = Vec::new();
    for (what, score, is_dashed) in
        [("training", (|epoch| epoch.train) as fn(&Epoch) -> Score, true), ("test", |epoch| epoch.test, false)]
    {
        for (trainer, colour) in trainers.iter().zip(NETWORKS) {
            let name = format!("{}, {what}", trainer.name);
            curves.push(Curve { name, history: &trainer.history, score, colour, is_dashed });
        }
    }
    curves
}

fn values(curves: &[Curve<'_>], value: fn(&Score) -> f64) -> impl Iterator<Item = f64> {
    curves.iter().flat_map(move |curve| curve.history.iter().map(move |epoch| value(&(curve.score)(epoch))))
}

fn panel(
    canvas: &Canvas<'_>,
    axes: &Axes,
    heading: &str,
    name: &str,
    curves: &[Curve<'_>],
    value: fn(&Score) -> f64,
) -> Result<()> {
    axes.draw_grid(canvas)?;
    for curve in curves {
        let point = |(k, epoch): (usize, &Epoch)| axes.point(((k + 1) as f64, value(&(curve.score)(epoch))));
        line(canvas, curve.history.iter().enumerate().map(point).collect(), curve)?;
    }
    axes.draw_frame(canvas, heading, ["epoch", name])
}

/// The legend's entry for a curve.
fn entry<'a>(canvas: &'a Canvas<'_>, curve: &'a Curve<'_>) -> (String, Sign<'a>) {
    let sign = move |(x, y): (i32, i32)| line(canvas, vec![(x - 45, y), (x + 45, y)], curve);
    (curve.name.clone(), Box::new(sign))
}

/// A line in the look of a curve; a single point, where there is only one, as a dot.
fn line(canvas: &Canvas<'_>, points: Vec<(i32, i32)>, curve: &Curve<'_>) -> Result<()> {
    if let [point] = points.as_slice() {
        let style = if curve.is_dashed { curve.colour.stroke_width(4) } else { curve.colour.filled() };
        canvas.draw(&Circle::new(*point, 14, style))?;
    } else if curve.is_dashed {
        canvas.draw(&DashedPathElement::new(points, 18, 14, curve.colour.stroke_width(4)))?;
    } else {
        canvas.draw(&PathElement::new(points, curve.colour.stroke_width(7)))?;
    }
    Ok(())
}
