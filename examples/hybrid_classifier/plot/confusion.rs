//! Which classes are taken for which.

use super::canvas::{
    Anchor, Canvas, HEADING, INK, LABEL, NETWORKS, SOFT_INK, TICK, TITLE, picture, text, text_width, tint,
};
use anyhow::Result;
use plotters::prelude::*;
use std::path::Path;

/// The matrix of a network: its name, and how many samples of each class (row) were given each class (column).
#[derive(Debug)]
pub(crate) struct Confusion {
    name: &'static str,
    counts: Vec<Vec<usize>>,
}

const WIDTH: i32 = 3200;
/// Side of a matrix, about.
const SIDE: i32 = 1100;
const TOP: i32 = 260;

impl Confusion {
    /// Counts predictions against labels.
    pub(crate) fn new(name: &'static str, classes: usize, labels: &[u32], predictions: &[u32]) -> Self {
        let mut counts = vec![vec![0; classes]; classes];
        for (&label, &prediction) in labels.iter().zip(predictions) {
            counts[label as usize][prediction as usize] += 1;
        }
        Self { name, counts }
    }

    /// Part of the samples on the diagonal.
    fn accuracy(&self) -> f64 {
        let right: usize = self.counts.iter().enumerate().map(|(class, row)| row[class]).sum();
        right as f64 / self.counts.iter().flatten().sum::<usize>().max(1) as f64
    }
}

/// Draws the matrices of both networks. A cell is the darker the larger its part of its row.
pub(crate) fn confusion(path: &Path, title: &str, classes: &[String], networks: &[Confusion; 2]) -> Result<()> {
    let names = classes.iter().map(|name| text_width(name, TICK)).collect::<Result<Vec<_>>>()?;
    let margin = names.into_iter().max().unwrap_or(0) + 140;
    let cell = SIDE / classes.len() as i32;
    let height = TOP + cell * classes.len() as i32 + 200;
    picture(path, (WIDTH as u32, (height + height % 2) as u32), |canvas| {
        text(canvas, title, (WIDTH / 2, 70), TITLE, INK, Anchor::Centre)?;
        for (half, (network, colour)) in networks.iter().zip(NETWORKS).enumerate() {
            let centre = WIDTH / 4 + half as i32 * WIDTH / 2;
            let left = centre - (cell * classes.len() as i32 - margin) / 2;
            matrix(canvas, network, classes, (left, cell, margin), colour)?;
        }
        Ok(())
    })
}

fn matrix(
    canvas: &Canvas<'_>,
    network: &Confusion,
    classes: &[String],
    (left, cell, margin): (i32, i32, i32),
    colour: RGBColor,
) -> Result<()> {
    let (side, half) = (cell * classes.len() as i32, cell / 2);
    let number_size = (cell / 6).clamp(LABEL, 2 * LABEL);
    let bottom = TOP + side;
    let heading = format!("{}: accuracy {:.4}", network.name, network.accuracy());
    text(canvas, &heading, (left + side / 2, TOP - 50), HEADING, INK, Anchor::Centre)?;
    for (row, (counts, name)) in network.counts.iter().zip(classes).enumerate() {
        let y = TOP + row as i32 * cell;
        text(canvas, name, (left - 30, y + half), TICK, SOFT_INK, Anchor::Right)?;
        text(canvas, name, (left + row as i32 * cell + half, bottom + 44), TICK, SOFT_INK, Anchor::Centre)?;
        let total = counts.iter().sum::<usize>().max(1) as f64;
        for (column, &count) in counts.iter().enumerate() {
            let x = left + column as i32 * cell;
            let part = count as f64 / total;
            // The root keeps single mistakes visible.
            let shade = if count == 0 { 0.03 } else { part.sqrt() };
            canvas
                .draw(&Rectangle::new([(x + 3, y + 3), (x + cell - 3, y + cell - 3)], tint(colour, shade).filled()))?;
            if count > 0 {
                let ink = if shade > 0.5 { WHITE } else { INK };
                text(canvas, &count.to_string(), (x + half, y + half), number_size, ink, Anchor::Centre)?;
            }
        }
    }
    text(canvas, "predicted class", (left + side / 2, bottom + 120), LABEL, INK, Anchor::Centre)?;
    text(canvas, "actual class", (left - margin + 40, TOP + side / 2), LABEL, INK, Anchor::Upward)
}
