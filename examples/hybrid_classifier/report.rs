//! Results of a run: a table and files.

use super::checkpoint;
use super::model::Network;
use super::table;
use super::task::Task;
use anyhow::{Context, Result};
use candle_core::{D, DType, Device, Module, Tensor};
use candle_nn::{loss, ops};
use candlewick::data::Dataset as Samples;
use candlewick::metrics::Confusion;
use candlewick::plot::{self, Color, Figure};
use candlewick::train::{self, History};
use std::path::Path;

/// Largest number of images in a picture of mistakes.
const MISTAKES: usize = 18;

/// Score of a network on a set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Score {
    /// Mean cross-entropy.
    pub(crate) loss: f64,
    /// Fraction of the samples whose most probable class is the right class.
    pub(crate) accuracy: f64,
}

/// Trained network.
pub(crate) struct Trained {
    /// Name in tables and plots.
    pub(crate) name: &'static str,
    /// Network after the training.
    pub(crate) network: Network,
    /// History of its training.
    pub(crate) history: History,
    /// Score on the validation set, with the weights of the best epoch.
    pub(crate) validation: Score,
    /// Score on the test set, with the same weights.
    pub(crate) test: Score,
}

impl Trained {
    /// Scores a network after its training.
    pub(crate) fn new(name: &'static str, network: Network, history: History, task: &Task) -> Result<Self> {
        let (validation, test) = (score(&network, &task.validation)?, score(&network, &task.test)?);
        Ok(Self { name, network, history, validation, test })
    }
}

/// Returns loss and accuracy on a set.
pub(crate) fn score(network: &Network, samples: &Samples) -> Result<Score> {
    let logits = network.forward(&samples.x)?.detach();
    let loss = loss::cross_entropy(&logits, &samples.y)?.to_scalar::<f32>()?;
    Ok(Score { loss: f64::from(loss), accuracy: train::accuracy(&logits, &samples.y)? })
}

/// Returns a table of both networks.
pub(crate) fn table(trained: &[Trained]) -> String {
    let head = [
        "network",
        "parameters",
        "best epoch",
        "validation loss",
        "validation accuracy",
        "test loss",
        "test accuracy",
        "seconds",
    ];
    let row = |Trained { name, network, history, validation, test }: &Trained| {
        let figures = [validation.loss, validation.accuracy, test.loss, test.accuracy];
        let figures = figures.map(|value| format!("{value:.4}"));
        let best = history.best.map_or_else(String::new, |best| (best + 1).to_string());
        let names = [(*name).to_owned(), network.parameters().to_string(), best];
        names.into_iter().chain(figures).chain([format!("{:.1}", history.seconds())]).collect()
    };
    table::table(&head, &trained.iter().map(row).collect::<Vec<_>>())
}

/// Writes the trained hybrid network and the plots into `folder`.
pub(crate) fn write(folder: &Path, task: &Task, trained: &[Trained; 2], device: &Device) -> Result<()> {
    checkpoint::save(&folder.join("hybrid.safetensors"), &task.settings, &task.scaler, &trained[0].network)?;
    plots(folder, task, trained, device).with_context(|| format!("cannot draw into {}", folder.display()))
}

fn plots(folder: &Path, task: &Task, trained: &[Trained; 2], device: &Device) -> Result<()> {
    let dataset = task.settings.dataset;
    let title = |what: &str| format!("{}: {what}", dataset.title());
    let runs = trained.each_ref().map(|trained| (trained.name, &trained.history));
    let scores = trained.each_ref().map(|of| format!("{} {:.4}", of.name, of.test.accuracy)).join(", ");
    let (name, seed) = (dataset.name(), task.settings.seed);
    let note = format!("data set {name}, seed {seed}; test accuracy of the best epoch: {scores}");
    History::figure(&title("training"), &runs).note(note.as_str()).save(folder.join("history.png"))?;
    let [train, _, test] = &task.recorded;
    if dataset.is_plane() {
        let data = Figure::new(title("data")).note(format!("data set {name}, seed {seed}"));
        data.panel(plot::scatter("", train, test)?).save(folder.join("data.png"))?;
        let mut figure = Figure::new(title("decision boundaries")).note(format!(
            "data set {name}, seed {seed}; line: where both classes are as probable; noise features set to 0"
        ));
        for trained in trained {
            let heading = format!("{}: test accuracy {:.4}", trained.name, trained.test.accuracy);
            let probability = |points: &Tensor| plane(&trained.network, points, task, device);
            figure = figure.panel(plot::decisions(&heading, train, test, probability)?);
        }
        // Small panels have large text, for a page of text.
        figure.frame(430, 300).card().save(folder.join("boundary.png"))?;
    } else {
        let mut figure = Figure::new(title("confusion matrices of the test set")).note(note.as_str());
        for (trained, color) in trained.iter().zip([Color::VIOLET, Color::TEAL]) {
            let outputs = trained.network.forward(&task.test.x)?.detach();
            let confusion = Confusion::of_outputs(&test.classes, &outputs, &task.test.y)?;
            let heading = format!("{}: macro F1 {:.4}", trained.name, confusion.macro_average().f1);
            figure = figure.panel(plot::confusion(&heading, &confusion, color)?);
        }
        figure.save(folder.join("confusion.png"))?;
        mistakes(folder, task, trained)?;
    }
    Ok(())
}

/// Draws the test images that the networks get wrong, a file for each network; nothing if samples are no images.
fn mistakes(folder: &Path, task: &Task, trained: &[Trained; 2]) -> Result<()> {
    let Some(side) = task.settings.dataset.side() else { return Ok(()) };
    let [_, _, test] = &task.recorded;
    let images = test.clone().with_x(test.x.reshape(((), side, side))?)?;
    for of in trained {
        let outputs = of.network.forward(&task.test.x)?.detach();
        let predictions = outputs.argmax(D::Minus1)?.to_vec1::<u32>()?;
        let (name, seed) = (task.settings.dataset.title(), task.settings.seed);
        let title = format!("{name}, seed {seed}: test images that the {} network gets wrong", of.name);
        plot::mistakes(&title, &images, &predictions, MISTAKES)?
            .save(folder.join(format!("mistakes-{}.png", of.name)))?;
    }
    Ok(())
}

/// Returns the probability of class 1 at points of the plane; the features that are noise are 0.
fn plane(network: &Network, points: &Tensor, task: &Task, device: &Device) -> candle_core::Result<Vec<f64>> {
    let x = task.scaler.apply(&points.pad_with_zeros(1, 0, task.settings.shape.features - 2)?)?.to_device(device)?;
    let probabilities = ops::softmax(&network.forward(&x)?.detach(), D::Minus1)?;
    probabilities.narrow(1, 1, 1)?.flatten_all()?.to_dtype(DType::F64)?.to_vec1()
}
