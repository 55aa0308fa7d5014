//! Pictures of kernel matrices, and of accuracies over regularisation and width.

use crate::kernels::Kernel;
use crate::{Outcome, RIDGES, Split, WIDTHS};
use anyhow::Result;
use candlewick::plot::{Color, Figure, Matrix, Panel};
use std::path::Path;

/// Number of samples of a matrix that are drawn.
const DRAWN: usize = 160;

/// Draws the matrices of training samples, sorted by class, at the chosen width.
pub(crate) fn matrices(path: &Path, split: &Split, outcomes: &[Outcome; 4], classes: &[String]) -> Result<()> {
    let samples = split.train_labels.len();
    // Samples are taken evenly from all of them in the order of their classes, so that each class has its share.
    let label = |sample: u32| split.train_labels[sample as usize];
    let mut sorted: Vec<u32> = (0..samples as u32).collect();
    sorted.sort_by(|&a, &b| label(a).total_cmp(&label(b)));
    let kept: Vec<u32> = sorted.into_iter().step_by(samples.div_ceil(DRAWN)).collect();
    let first = kept.iter().filter(|&&sample| label(sample) < 0.0).count();
    let x = split.train.index_select(&candle_core::Tensor::new(kept.as_slice(), split.train.device())?, 0)?;
    let names: Vec<String> = kept.iter().map(u32::to_string).collect();
    let note = format!(
        "training samples sorted by class: {first} {} before {} {}",
        classes.first().map_or("", String::as_str),
        kept.len() - first,
        classes.get(1).map_or("", String::as_str)
    );
    let mut figure = Figure::new("Breast cancer: kernel matrices at the widths chosen").note(note).columns(3);
    let colors = [Color::GRAY, Color::ORANGE, Color::TEAL, Color::VIOLET];
    for (index, kernel) in Kernel::ALL.into_iter().enumerate().skip(Kernel::GAUSSIAN) {
        let width = WIDTHS[outcomes[index].chosen.0];
        let shades = kernel.matrix(width, &x, &x)?.flatten_all()?.to_vec1::<f64>()?;
        let (rows, columns) = (names.clone(), names.clone());
        let matrix = Matrix { rows, columns, shades, color: colors[index], is_linear: true, ..Matrix::default() };
        let heading = format!("{}, width {width}", kernel.name());
        figure = figure.panel(Panel::new(heading).axes("sample", "sample").matrix(matrix).color_bar("kernel"));
    }
    Ok(figure.save(path)?)
}

/// Draws means over the splits: over the regularisation at the chosen width, and over the width at the chosen
/// regularisation.
pub(crate) fn accuracies(path: &Path, outcomes: &[[Outcome; 4]]) -> Result<()> {
    let mut over_ridge = Panel::new("At the width chosen").axes("log₁₀ of the regularisation", "accuracy");
    let mut over_width = Panel::new("At the regularisation chosen").axes("log₁₀ of the width", "accuracy");
    let colors = [Color::GRAY, Color::ORANGE, Color::TEAL, Color::VIOLET];
    for (index, kernel) in Kernel::ALL.into_iter().enumerate() {
        let mean = |value: &dyn Fn(&Outcome) -> f64| {
            outcomes.iter().map(|all| value(&all[index])).sum::<f64>() / outcomes.len() as f64
        };
        let line = |values: &[f64], value: &dyn Fn(&Outcome, usize) -> f64| -> Vec<(f64, f64)> {
            values.iter().enumerate().map(|(k, v)| (v.log10(), mean(&|outcome| value(outcome, k)))).collect()
        };
        let (name, color) = (kernel.name(), colors[index]);
        over_ridge = over_ridge
            .dashes("", color, &line(&RIDGES, &|of, k| of.fits[of.chosen.0].left_out[k].accuracy))
            .line(name, color, &line(&RIDGES, &|of, k| of.fits[of.chosen.0].test[k]));
        if kernel != Kernel::Linear {
            over_width = over_width
                .dashes("", color, &line(&WIDTHS, &|of, k| of.fits[k].left_out[of.chosen.1].accuracy))
                .line(name, color, &line(&WIDTHS, &|of, k| of.fits[k].test[of.chosen.1]));
        }
    }
    let note = format!(
        "means over {} splits; lines: test samples; dashes: training samples, each left out of its own fit",
        outcomes.len()
    );
    let figure = Figure::new("Breast cancer: kernel ridge regression").note(note);
    Ok(figure.panel(over_ridge).panel(over_width).save(path)?)
}
