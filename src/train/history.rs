//! Scores of a run, and the scores as a table.

use std::fmt::Write;

/// Loss and metric of a model on a set.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct Score {
    /// Mean loss over the samples.
    pub loss: f64,
    /// Mean metric over the samples, or `None` if the training has no metric.
    pub metric: Option<f64>,
}

impl Score {
    /// Adds the score of a part to a sum, which starts with the default.
    pub(super) fn plus(self, Self { loss, metric }: Self, weight: f64) -> Self {
        let metric = metric.map(|metric| self.metric.unwrap_or(0.0) + weight * metric);
        Self { loss: self.loss + weight * loss, metric }
    }

    pub(super) fn over(self, weight: f64) -> Self {
        Self { loss: self.loss / weight, metric: self.metric.map(|metric| metric / weight) }
    }
}

/// One pass over the training set.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Epoch {
    /// Score of the training set during the epoch.
    pub train: Score,
    /// Score of the validation set after the epoch, or `None` without a validation set.
    pub validation: Option<Score>,
    /// Optimiser's step size at the end of the epoch.
    pub learning_rate: f64,
    /// Seconds spent on training, evaluation excluded.
    pub seconds: f64,
}

/// Reason for which a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// Completion of all epochs.
    Finished,
    /// Loss that did not become lower for [`patience`](super::TrainConfig::patience) epochs.
    Patience,
    /// Interruption by ctrl-C or the flag of [`stop_when`](super::Training::stop_when).
    Interrupted,
}

/// All epochs of a run, including the epochs before an interruption.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct History {
    /// Scores, with one entry for each epoch.
    pub epochs: Vec<Epoch>,
    /// Index of the epoch with the lowest loss, on the validation set if there is one.
    pub best: Option<usize>,
    /// Name of the metric.
    pub metric: Option<String>,
    /// Reason for which the run ended.
    pub stop_reason: StopReason,
    /// Names of the variables that no gradient reached in any step: their gradient was missing, or all 0. Such a part
    /// of the model is detached, has no effect on the loss, or is in front of an operation that has no derivative in
    /// candle.
    pub without_gradient: Vec<String>,
}

impl History {
    pub(super) fn new(metric: Option<String>) -> Self {
        Self { epochs: Vec::new(), best: None, metric, stop_reason: StopReason::Finished, without_gradient: Vec::new() }
    }

    /// Returns the last epoch.
    pub fn last(&self) -> Option<&Epoch> {
        self.epochs.last()
    }

    /// Returns the best epoch, whose weights [`restore_best`](super::TrainConfig::restore_best) restores.
    pub fn best_epoch(&self) -> Option<&Epoch> {
        self.epochs.get(self.best?)
    }

    /// Returns the seconds of training, evaluation excluded.
    pub fn seconds(&self) -> f64 {
        self.epochs.iter().map(|epoch| epoch.seconds).sum()
    }

    /// Returns a line of names, then a line for each epoch; fields without a value are empty.
    pub fn to_csv(&self) -> String {
        let metric = self.metric.as_deref().unwrap_or("metric").replace([',', '"', '\n', '\r'], " ");
        let mut csv =
            format!("epoch,learning_rate,train_loss,train_{metric},validation_loss,validation_{metric},seconds\n");
        let fields = |score: Option<Score>| {
            let loss = score.map(|score| score.loss.to_string()).unwrap_or_default();
            let metric = score.and_then(|score| score.metric).map(|metric| metric.to_string()).unwrap_or_default();
            format!("{loss},{metric}")
        };
        for (index, Epoch { train, validation, learning_rate, seconds }) in self.epochs.iter().enumerate() {
            let (train, validation) = (fields(Some(*train)), fields(*validation));
            // Writing to a string does not fail.
            let _ = writeln!(csv, "{},{learning_rate},{train},{validation},{seconds:.6}", index + 1);
        }
        csv
    }
}
