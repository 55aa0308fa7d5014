//! Pictures of training, distributions and samples.

use crate::loss::Loss;
use crate::target::{Kind, PIXELS, SIDE, Target, is_valid};
use crate::{Args, Record};
use anyhow::Result;
use candlewick::plot::{Color, Figure, Panel};
use std::path::Path;

/// Number of samples that are drawn as pictures, before training and after it: two rows each.
const SHOWN: usize = 20;

/// Draws loss and distances, step by step.
pub(crate) fn training(path: &Path, args: &Args, records: &[Record]) -> Result<()> {
    let line = |value: &dyn Fn(&Record) -> f64| -> Vec<(f64, f64)> {
        records.iter().map(|record| (record.step as f64, value(record))).collect()
    };
    let panel = |name: &str| Panel::new("").axes("step", name).counting().logarithmic();
    let distances = panel("distance from the target")
        .line("Kullback-Leibler divergence (nats)", Color::BLUE, &line(&|record| record.distance.divergence))
        .line("total variation", Color::ORANGE, &line(&|record| record.distance.variation));
    let mut figure = Figure::new(format!("Born machine, {}: training", args.target.title()));
    if let Some(last) = records.last() {
        let divergence = last.distance.divergence;
        figure = figure.note(format!("seed {}; divergence after {} steps: {divergence:.5} nats", args.seed, last.step));
    }
    if args.loss != Loss::Divergence {
        figure =
            figure.panel(panel(args.loss.name()).line("loss", Color::VIOLET, &line(&|record| record.loss.max(0.0))));
    }
    Ok(figure.panel(distances).save(path)?)
}

/// Draws the target beside the learnt distribution and the drawn outcomes.
pub(crate) fn distribution(path: &Path, target: &Target, learnt: &[f64], drawn: &[f64]) -> Result<()> {
    let (sets, learnt_all) = ([drawn, &target.probabilities, learnt], learnt);
    let most = |sets: &[Vec<f64>]| 1.06 * sets.iter().flatten().copied().fold(0.0, f64::max);
    let [drawn_name, target_name, learnt_name] = ["drawn", "target", "learnt"];
    let (panel, note) = match target.kind {
        Kind::BarsAndStripes => {
            let bars = sets.map(valid_and_rest);
            let valid = bars[0].len() - 1;
            let names = (0..valid).map(|pattern| pattern.to_string()).chain(["rest".to_owned()]);
            let panel = Panel::new("")
                .axes("pattern", "probability")
                .positions(names)
                .y_range(0.0..most(&bars))
                .bars(target_name, Color::GRAY, &bars[1])
                .bars(learnt_name, Color::VIOLET, &bars[2])
                .bars(drawn_name, Color::TEAL, &bars[0]);
            let others = (1 << PIXELS) - valid;
            (panel, format!("patterns: bars and stripes, by their basis index; rest: the other {others} pictures"))
        }
        Kind::Gaussians => {
            let [drawn, wanted, learnt] =
                sets.map(|values| values.iter().enumerate().map(|(k, &p)| (k as f64, p)).collect::<Vec<_>>());
            let panel = Panel::new("")
                .axes("outcome", "probability")
                .y_range(0.0..most(&sets.map(<[f64]>::to_vec)))
                .dots(drawn_name, Color::TEAL, &drawn)
                .line(target_name, Color::GRAY, &wanted)
                .dashes(learnt_name, Color::ORANGE, &learnt);
            let found = target.distance(learnt_all);
            let (divergence, variation) = (found.divergence, found.variation);
            (panel, format!("learnt: divergence {divergence:.5} nats, total variation {variation:.4}"))
        }
    };
    let title = format!("Born machine, {}: distribution", target.kind.title());
    Ok(Figure::new(title).note(note).panel(panel.counting()).save(path)?)
}

/// Returns the probabilities of the valid patterns, and of all others together.
fn valid_and_rest(probabilities: &[f64]) -> Vec<f64> {
    let valid = probabilities.iter().enumerate().filter(|(picture, _)| is_valid(*picture)).map(|(_, &p)| p);
    let mut values: Vec<f64> = valid.collect();
    values.push((1.0 - values.iter().sum::<f64>()).max(0.0));
    values
}

/// Draws the first sampled pictures, before training and after it.
pub(crate) fn samples(path: &Path, target: &Target, outcomes: [&[usize]; 2]) -> Result<()> {
    let shown = outcomes[0].len().min(SHOWN);
    let columns = if shown == SHOWN { SHOWN / 2 } else { shown };
    let mut figure = Figure::new(format!("Born machine, {}: samples", target.kind.title()))
        .note("rows above: before training; rows below: after it")
        .columns(columns);
    for &outcome in outcomes.into_iter().flat_map(|outcomes| &outcomes[..outcomes.len().min(shown)]) {
        // Pixels are grey, because white pixels would have no edge on the page.
        let pixels: Vec<f64> = (0..PIXELS).map(|pixel| 0.85 - 0.7 * (outcome >> pixel & 1) as f64).collect();
        let heading = if is_valid(outcome) { "" } else { "neither" };
        figure = figure.panel(Panel::new(heading).image(SIDE, &pixels));
    }
    Ok(figure.save(path)?)
}
