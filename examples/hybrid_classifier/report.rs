//! The closing table.

use crate::train::{Epoch, Trainer};
use anyhow::Result;

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
