//! Results of a run: a table and pictures.

use crate::data::Images;
use crate::model::{Core, Network};
use crate::table;
use anyhow::{Context, Result};
use candlewick::metrics::Confusion;
use candlewick::plot::{self, Color, Figure, confusion};
use candlewick::train::History;
use std::path::Path;

/// Trained network.
pub(crate) struct Trained {
    pub(crate) core: Core,
    pub(crate) network: Network,
    pub(crate) history: History,
    /// Predicted class of each test image.
    pub(crate) classes: Vec<u32>,
    /// Fraction of the test images that are classified correctly.
    pub(crate) accuracy: f64,
}

/// Largest number of images in the picture of mistakes.
const MISTAKES: usize = 24;

impl Trained {
    /// Evaluates a network on the test images.
    pub(crate) fn new(core: Core, network: Network, history: History, images: &Images) -> Result<Self> {
        let classes = network.classify(&images.test.x)?;
        let labels = images.test.y.to_vec1::<u32>()?;
        let hits = labels.iter().zip(&classes).filter(|(label, class)| label == class).count();
        let accuracy = hits as f64 / labels.len().max(1) as f64;
        Ok(Self { core, network, history, classes, accuracy })
    }
}

/// Returns a table of both networks.
pub(crate) fn table(trained: &[Trained]) -> String {
    let row = |of: &Trained| {
        let last = of.history.last();
        let train = last.and_then(|epoch| epoch.train.metrics.first().copied()).unwrap_or(f64::NAN);
        vec![
            of.core.name().to_owned(),
            of.network.parameters().to_string(),
            format!("{train:.4}"),
            format!("{:.4}", of.accuracy),
            format!("{:.1}", of.history.seconds()),
        ]
    };
    let head = ["network", "parameters", "train accuracy", "test accuracy", "seconds"];
    table::table(&head, &trained.iter().map(row).collect::<Vec<_>>())
}

/// Writes the pictures.
pub(crate) fn draw(folder: &Path, images: &Images, trained: &[Trained], seed: u64) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot write to {}", folder.display()))?;
    let title = |what: &str| format!("{}: {what}", images.title);
    let runs: Vec<(&str, &History)> = trained.iter().map(|of| (of.core.name(), &of.history)).collect();
    let scores: Vec<String> = trained.iter().map(|of| format!("{} {:.4}", of.core.name(), of.accuracy)).collect();
    let note = format!("{} test images, seed {seed}; test accuracy: {}", images.test.len(), scores.join(", "));
    History::figure(&title("training"), &runs).note(note.as_str()).save(folder.join("history.png"))?;

    let labels = images.test.y.to_vec1::<u32>()?;
    let mut figure = Figure::new(title("confusion matrices of the test set")).note(note);
    for (of, color) in trained.iter().zip([Color::VIOLET, Color::TEAL]) {
        let heading = format!("{}: accuracy {:.4}", of.core.name(), of.accuracy);
        figure =
            figure.panel(confusion(&heading, &Confusion::new(&images.test.classes, &labels, &of.classes)?, color)?);
    }
    figure.save(folder.join("confusion.png"))?;
    trained.first().map_or(Ok(()), |hybrid| mistakes(folder, images, hybrid))
}

/// Draws images that a network gets wrong.
fn mistakes(folder: &Path, images: &Images, of: &Trained) -> Result<()> {
    let title = format!("{}: test images that the {} network gets wrong", images.title, of.core.name());
    Ok(plot::mistakes(&title, &images.test, &of.classes, MISTAKES)?.save(folder.join("mistakes.png"))?)
}
