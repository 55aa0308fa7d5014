//! What is left of a run: a table and files.

use crate::checkpoint;
use crate::plot::{self, Confusion};
use crate::split::Scaler;
use crate::task::Task;
use crate::train::{Epoch, Trainer, predict, probability};
use anyhow::{Context, Result};
use candle_core::Device;
use std::path::Path;

/// Width of each column; the first is set to the left, the others to the right.
const WIDTHS: [usize; 7] = [10, 10, 10, 14, 9, 13, 7];

/// Both networks side by side.
pub(crate) fn table(trainers: &[Trainer]) -> Result<String> {
    let head = ["network", "parameters", "train loss", "train accuracy", "test loss", "test accuracy", "seconds"];
    let rule = WIDTHS.map(|width| "─".repeat(width)).join("  ");
    let mut lines = vec![line(&head.map(str::to_owned)), rule];
    for trainer in trainers {
        let Some(Epoch { train, test }) = trainer.history.last() else { continue };
        let figures = [train.loss, train.accuracy, test.loss, test.accuracy].map(|value| format!("{value:.4}"));
        let [train_loss, train_accuracy, test_loss, test_accuracy] = figures;
        lines.push(line(&[
            trainer.name.to_owned(),
            trainer.network.parameters()?.to_string(),
            train_loss,
            train_accuracy,
            test_loss,
            test_accuracy,
            format!("{:.1}", trainer.elapsed.as_secs_f64()),
        ]));
    }
    Ok(lines.join("\n"))
}

fn line(cells: &[String; 7]) -> String {
    let padded = cells.iter().zip(WIDTHS).enumerate().map(|(column, (cell, width))| match column {
        0 => format!("{cell:<width$}"),
        _ => format!("{cell:>width$}"),
    });
    padded.collect::<Vec<_>>().join("  ")
}

/// Writes the trained hybrid network and the plots into `folder`.
pub(crate) fn write(folder: &Path, task: &Task, trainers: &[Trainer; 2], device: &Device) -> Result<()> {
    checkpoint::save(&folder.join("hybrid.safetensors"), &task.settings, &task.scaler, &trainers[0].network)?;
    plots(folder, task, trainers, device).with_context(|| format!("cannot draw into {}", folder.display()))
}

fn plots(folder: &Path, task: &Task, trainers: &[Trainer; 2], device: &Device) -> Result<()> {
    let dataset = task.settings.dataset;
    let title = |what: &str| format!("{}: {what}", dataset.title());
    plot::history(&folder.join("history.png"), &title("training"), trainers)?;
    if dataset.is_plane() {
        plot::scatter(&folder.join("data.png"), &title("data"), &task.classes, &task.split)?;
        let [hybrid, classical] = trainers;
        let at = |trainer: &Trainer, points: &[[f32; 2]]| plane(trainer, points, &task.scaler, device);
        plot::boundary(
            &folder.join("boundary.png"),
            &title("decision boundaries"),
            &task.classes,
            &task.split,
            [(hybrid.name, &|points| at(hybrid, points)), (classical.name, &|points| at(classical, points))],
        )
    } else {
        let labels = &task.split.test.labels;
        let matrix = |trainer: &Trainer| -> Result<Confusion> {
            Ok(Confusion::new(trainer.name, task.classes.len(), labels, &predict(&trainer.network, &task.test.x)?))
        };
        let matrices = [matrix(&trainers[0])?, matrix(&trainers[1])?];
        plot::confusion(
            &folder.join("confusion.png"),
            &title("confusion matrices of the test set"),
            &task.classes,
            &matrices,
        )
    }
}

/// Probability of class 1 at points of the plane, where the features that mean nothing are 0.
fn plane(trainer: &Trainer, points: &[[f32; 2]], scaler: &Scaler, device: &Device) -> Result<Vec<f32>> {
    let rows: Vec<Vec<f32>> = points.iter().map(|&[x, y]| vec![x, y, 0.0, 0.0]).collect();
    probability(&trainer.network, &scaler.tensor(&rows, device)?, 1)
}
