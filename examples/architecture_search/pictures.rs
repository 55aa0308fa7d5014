//! Pictures of the costs and of the circuit's answer.

use anyhow::Result;
use candlewick::plot::{Color, Figure, Panel};
use candlewick::variational::VqeOptimum;
use std::path::Path;

/// Draws costs and probabilities of all strings, and the mean cost from step to step.
pub(crate) fn save(path: &Path, costs: &[f64], found: &VqeOptimum) -> Result<()> {
    let bars = Panel::new("Strings, 0 to 15")
        .axes("string as a number", "cost, probability")
        .positions((0..costs.len()).map(|string| string.to_string()))
        .bars("cost", Color::GRAY, costs)
        .bars("probability", Color::VIOLET, &found.probabilities);
    let history: Vec<(f64, f64)> = (0..).map(f64::from).zip(found.history.iter().copied()).collect();
    let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
    let level = [(0.0, least), (history.len().saturating_sub(1) as f64, least)];
    let means = Panel::new("Mean cost under the circuit")
        .axes("epoch", "cost")
        .counting()
        .line("VQE", Color::VIOLET, &history)
        .dashes("least of the list", Color::TEAL, &level);
    let note = format!("found string {} of cost {:.4}; the least of the list is {least:.4}", found.bits, found.cost);
    Ok(Figure::new("A search among 16 transformers").note(note).panel(bars).panel(means).save(path)?)
}
