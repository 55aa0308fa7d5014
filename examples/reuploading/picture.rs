//! Pictures of regions and accuracies.

use crate::problem::Problem;
use crate::{Outcome, layers_named};
use anyhow::Result;
use candle_core::{DType, Device, Module, Tensor};
use candlewick::data::Dataset;
use candlewick::plot::{Color, Field, Figure, Panel};
use std::ops::Range;
use std::path::Path;

/// Number of points along each side of the grid on which regions are evaluated.
const GRID: usize = 160;

/// Draws the regions of the best restart, for each number of layers.
pub(crate) fn regions(
    path: &Path,
    (problem, seed): (Problem, u64),
    train: &Dataset,
    outcomes: &[Outcome],
    device: &Device,
) -> Result<()> {
    let points = train.x.to_dtype(DType::F64)?.to_vec2::<f64>()?;
    let classes = train.y.to_vec1::<u32>()?;
    let of = |class: u32| -> Vec<(f64, f64)> {
        points.iter().zip(&classes).filter(|(_, c)| **c == class).map(|(p, _)| (p[0], p[1])).collect()
    };
    let sides = [0, 1].map(|axis| range(points.iter().map(|point| point[axis])));
    let borders = problem.borders();
    let dashes = if borders.is_empty() { "" } else { "; dashes: where the classes meet" };
    let mut figure = Figure::new(format!("One qubit, {}: regions for numbers of layers", problem.name()))
        .note(format!("seed {seed}; shade: probability of the class; line: where both are as probable{dashes}"))
        .columns(if outcomes.len() > 4 { 3 } else { 2 });
    for outcome in outcomes {
        let [x, y] = sides.clone();
        let values = probabilities(outcome, &x, &y, device)?;
        let colors = [Color::nth(0), Color::nth(1)];
        let field = Field { x: x.clone(), y: y.clone(), columns: GRID, values, colors, line: true, ..Field::default() };
        let heading = format!("{}: {:.3} of the test points", layers_named(outcome.layers), outcome.test[outcome.best]);
        let mut panel = Panel::new(heading).axes("feature 1", "feature 2").equal().x_range(x).y_range(y).field(field);
        for (class, name) in train.classes.iter().enumerate() {
            panel = panel.dots(format!("{name}, training"), Color::nth(class), &of(class as u32));
        }
        for border in &borders {
            panel = panel.dashes("", Color::GRAY, border);
        }
        figure = figure.panel(panel);
    }
    Ok(figure.save(path)?)
}

/// Returns the probabilities of class 1 on the grid.
fn probabilities(outcome: &Outcome, x: &Range<f64>, y: &Range<f64>, device: &Device) -> Result<Vec<f64>> {
    let grid: Vec<f32> = Field::grid(x.clone(), y.clone(), GRID)?.into_iter().flatten().map(|v| v as f32).collect();
    let grid = Tensor::from_vec(grid, (GRID * GRID, 2), &Device::Cpu)?.to_device(device)?;
    let outputs = outcome.restarts.forward(&grid)?.detach().narrow(1, outcome.best, 1)?;
    let outputs = outputs.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
    Ok(outputs.into_iter().map(|output| outcome.restarts.loss.probability(output)).collect())
}

/// Returns the range of all values, with a margin.
fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    let room = 0.05 * (high - low).max(0.1);
    low - room..high + room
}

/// Draws test accuracies of all restarts over the number of layers.
pub(crate) fn accuracies(path: &Path, (problem, seed): (Problem, u64), outcomes: &[Outcome]) -> Result<()> {
    let at = |outcome: &Outcome, value: f64| (outcome.layers as f64, value);
    let all: Vec<(f64, f64)> =
        outcomes.iter().flat_map(|outcome| outcome.test.iter().map(move |&value| at(outcome, value))).collect();
    let mut best: Vec<(f64, f64)> = outcomes.iter().map(|outcome| at(outcome, outcome.test[outcome.best])).collect();
    best.sort_by(|a, b| a.0.total_cmp(&b.0));
    let most = best.last().map_or(1.0, |point| point.0);
    let panel = Panel::new("")
        .axes("layers", "test accuracy")
        .counting()
        .x_range(0.0..most + 1.0)
        .line("the one with the lowest training loss", Color::nth(0), &best)
        .dots("every restart", Color::nth(1), &all);
    let title = format!("One qubit, {}: accuracy over layers", problem.name());
    let highest = best.iter().map(|point| point.1).fold(0.0, f64::max);
    let note = format!("seed {seed}; highest accuracy on the line: {highest:.4}");
    Ok(Figure::new(title).note(note).panel(panel).save(path)?)
}
