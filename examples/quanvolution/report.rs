//! Results of the runs: a table, a line, pictures.

use crate::model::{Filter, Shape};
use crate::{Trained, table};
use anyhow::{Context, Result};
use candle_core::{DType, Tensor};
use candlewick::data::Dataset;
use candlewick::plot::{Figure, Panel};
use candlewick::train::History;
use std::path::Path;

/// Number of images, with feature maps of each filter, in the picture.
const SHOWN: usize = 4;

/// Returns mean and standard deviation.
fn statistics(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let square = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
    (mean, square.sqrt())
}

fn of(all: &[Trained], filter: Filter) -> impl Iterator<Item = &Trained> {
    all.iter().filter(move |trained| trained.filter == filter)
}

fn accuracies(all: &[Trained], filter: Filter) -> Vec<f64> {
    of(all, filter).map(|trained| trained.accuracy).collect()
}

/// Returns a table with a row for each filter, over all seeds.
pub(crate) fn table(all: &[Trained]) -> String {
    let row = |filter: Filter| {
        let (mean, deviation) = statistics(&accuracies(all, filter));
        let train: Vec<f64> = of(all, filter)
            .filter_map(|trained| trained.history.best_epoch()?.train.metrics.first().copied())
            .collect();
        let seconds: Vec<f64> = of(all, filter).map(|trained| trained.history.seconds()).collect();
        let parameters = of(all, filter).next().map_or(0, |trained| trained.network.parameters());
        vec![
            filter.name().to_owned(),
            parameters.to_string(),
            format!("{:.4}", statistics(&train).0),
            format!("{mean:.4}"),
            format!("{deviation:.4}"),
            format!("{:.2}", statistics(&seconds).0),
        ]
    };
    let head = ["filter", "parameters", "train accuracy", "test accuracy", "deviation", "seconds"];
    table::table(&head, &Filter::ALL.map(row))
}

/// Returns the test accuracies in a line.
pub(crate) fn line(all: &[Trained]) -> String {
    let mean = |filter| statistics(&accuracies(all, filter)).0;
    format!(
        "test accuracy of the trained quanvolution: {:.4} (fixed: {:.4}; convolution: {:.4}; no filter: {:.4}; mean of {} seed(s))",
        mean(Filter::Trained),
        mean(Filter::Fixed),
        mean(Filter::Classical),
        mean(Filter::None),
        accuracies(all, Filter::None).len()
    )
}

/// Draws the training of each filter, and feature maps of some images.
pub(crate) fn draw(folder: &Path, shape: &Shape, trained: &[Trained], test: &Dataset, seed: u64) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot write to {}", folder.display()))?;
    let runs: Vec<(&str, &History)> = trained.iter().map(|run| (run.filter.name(), &run.history)).collect();
    let scores: Vec<String> = trained.iter().map(|of| format!("{} {:.4}", of.filter.name(), of.accuracy)).collect();
    let note = format!("digits, seed {seed}; test accuracy of the best epoch: {}", scores.join(", "));
    History::figure("Quanvolution: training", &runs).note(note).save(folder.join("history.png"))?;

    let classes = test.y.to_vec1::<u32>()?;
    let first = |class: u32| classes.iter().position(|&label| label == class).and_then(|at| u32::try_from(at).ok());
    let shown = [0, 3, 5, 8];
    let chosen: Vec<u32> = shown.into_iter().filter_map(first).collect();
    let images = test.select(&chosen)?.x;
    let fixed = shape.fixed(&images, seed)?;
    let learnt = of(trained, Filter::Trained).next().map(|run| run.network.maps(&images)).transpose()?;
    let sources = [("fixed", Some(fixed)), ("trained", learnt)];
    let mut figure = Figure::new("Quanvolution: images and their feature maps")
        .note(format!(
            "digits {}; ⟨Z⟩ of each qubit behind a fixed random and behind a trained circuit: −1 is black, 1 is white",
            shown.map(|class| class.to_string()).join(", ")
        ))
        .columns(1 + 2 * SHOWN.min(shape.kernel * shape.kernel));
    for row in 0..chosen.len() {
        let heading = |text: String| if row == 0 { text } else { String::new() };
        figure = figure.panel(gray(heading("image".to_owned()), &images.get(row)?.get(0)?, false)?);
        for (name, maps) in sources.iter().filter_map(|(name, maps)| Some((name, maps.as_ref()?))) {
            let maps = maps.get(row)?.detach();
            for map in 0..maps.dim(0)?.min(SHOWN) {
                figure = figure.panel(gray(heading(format!("{name} {}", map + 1)), &maps.get(map)?, true)?);
            }
        }
    }
    Ok(figure.save(folder.join("maps.png"))?)
}

/// Draws an image, `[rows, columns]`, of values from 0 to 1, or from -1 to 1 if signed.
fn gray(heading: String, image: &Tensor, signed: bool) -> Result<Panel> {
    let values = if signed { image.affine(0.5, 0.5)? } else { image.clone() };
    let values: Vec<f64> = values.flatten_all()?.to_dtype(DType::F64)?.to_vec1()?;
    Ok(Panel::new(heading).image(image.dim(1)?, &values))
}
