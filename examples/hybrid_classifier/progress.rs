//! Progress while networks are trained.

use crate::train::{Epoch, Trainer};
use anyhow::Result;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// A bar for each network; where there is no terminal to draw on, a line every tenth of the way.
pub(crate) struct Progress {
    bars: Vec<ProgressBar>,
    epochs: usize,
    is_hidden: bool,
}

impl Progress {
    /// Bars for networks that are trained for `epochs`.
    pub(crate) fn new(trainers: &[Trainer], epochs: usize) -> Result<Self> {
        let all = MultiProgress::new();
        let style = ProgressStyle::with_template("{prefix:>9} {bar:30.cyan/blue} {pos:>3}/{len} epochs  {msg}")?;
        let bar = |trainer: &Trainer| {
            let bar = all.add(ProgressBar::new(epochs as u64).with_style(style.clone()).with_prefix(trainer.name));
            bar.tick();
            bar
        };
        Ok(Self { bars: trainers.iter().map(bar).collect(), epochs, is_hidden: all.is_hidden() })
    }

    /// Shows that network `index` has finished an epoch.
    pub(crate) fn advance(&self, index: usize, trainer: &Trainer, epoch: &Epoch) {
        let Epoch { train, test } = epoch;
        let message = format!("loss {:.4}  accuracy {:.4} (test {:.4})", train.loss, train.accuracy, test.accuracy);
        let done = trainer.history.len();
        if self.is_hidden {
            if done.is_multiple_of(self.epochs.div_ceil(10)) || done == self.epochs {
                println!("{:>9} {done:>3}/{} epochs  {message}", trainer.name, self.epochs);
            }
        } else if let Some(bar) = self.bars.get(index) {
            bar.set_message(message);
            bar.inc(1);
        }
    }

    /// Leaves the bars as they are, and the cursor on a new line.
    pub(crate) fn finish(&self) {
        self.bars.iter().for_each(ProgressBar::abandon);
        if !self.is_hidden {
            eprintln!();
        }
    }
}
