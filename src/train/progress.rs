//! Progress output of a run.

use super::checkpoint::Position;
use super::{History, TrainConfig};
use crate::error::Result;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::Write;

/// Bar over all steps; without a terminal, a line after every tenth of the run.
pub(super) struct Progress {
    bar: ProgressBar,
    name: String,
    epochs: usize,
    lines: bool,
    shown: bool,
}

impl Progress {
    /// Makes the bar of a run with `batches` batches an epoch, starting at its position, if this program shows it.
    pub(super) fn new(config: &TrainConfig, batches: usize, at: &Position, shows: bool) -> Result<Self> {
        let style = ProgressStyle::with_template("{prefix:>10} {bar:30.cyan/blue} {percent:>3}% {eta:>4} left  {msg}")
            .map_err(|error| candle_core::Error::msg(error.to_string()))?;
        let shown = config.progress && shows;
        let bar = if shown {
            ProgressBar::new((config.epochs as u64).saturating_mul(batches as u64))
        } else {
            ProgressBar::hidden()
        };
        let bar = bar.with_style(style).with_prefix(config.name.clone());
        bar.set_position(at.step);
        bar.reset_eta();
        let lines = shown && bar.is_hidden();
        Ok(Self { bar, name: config.name.clone(), epochs: config.epochs, lines, shown })
    }

    pub(super) fn step(&self) {
        self.bar.inc(1);
    }

    /// Shows the scores of the last epoch and, after the first epoch, names the variables that no gradient has reached.
    pub(super) fn epoch(&self, history: &History, unreached: &[String]) {
        let Some(epoch) = history.last() else { return };
        let show = |score: &super::Score| {
            let metrics = history.metrics.iter().zip(&score.metrics);
            metrics.fold(format!("loss {:.4}", score.loss), |text, (name, metric)| format!("{text} {name} {metric:.4}"))
        };
        let done = history.epochs.len();
        let mut message = format!("epoch {done}/{}  {}", self.epochs, show(&epoch.train));
        if let Some(score) = &epoch.validation {
            message += &format!("  (validation {})", show(score));
        }
        if self.lines && (done.is_multiple_of(self.epochs.div_ceil(10)) || done == self.epochs) {
            say(&format!("{:>10}  {message}", self.name));
        }
        self.bar.set_message(message);
        if done == 1 {
            self.unreached(unreached);
        }
    }

    /// Leaves the bar as it is, and names the variables that no gradient has reached.
    pub(super) fn finish(&self, unreached: &[String]) {
        self.bar.abandon();
        self.unreached(unreached);
    }

    fn unreached(&self, names: &[String]) {
        if self.shown && !names.is_empty() {
            let line = format!("{:>10}  no gradient so far of {}", self.name, names.join(", "));
            self.bar.suspend(|| say(&line));
        }
    }
}

/// Writes a line to the standard error output. A reader that has gone is no reason to end a training.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
