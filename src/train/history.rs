//! Scores of a run, and the scores as a table.

use std::fmt::Write;

/// Name of the loss among the scores.
pub(super) const LOSS: &str = "loss";

/// Loss and metrics of a model on a set.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Score {
    /// Mean loss over the samples.
    pub loss: f64,
    /// Metrics in the order of [`History::metrics`].
    pub metrics: Vec<f64>,
}

/// Direction in which a score becomes better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mode {
    /// Less is better, as for a loss.
    Min,
    /// More is better, as for an accuracy.
    Max,
}

/// Score that chooses the best epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Monitor {
    /// Name of the score: `loss`, or the name of a metric.
    pub name: String,
    /// Direction in which it becomes better.
    pub mode: Mode,
}

impl Monitor {
    /// Returns whether a value is better than the best so far. A NaN is never better.
    pub(super) fn is_better(&self, value: f64, best: Option<f64>) -> bool {
        let sign = if self.mode == Mode::Min { 1.0 } else { -1.0 };
        best.map_or(!value.is_nan(), |best| sign * value < sign * best)
    }
}

impl Score {
    /// Adds the score of a part to a sum, which starts with the default.
    pub(super) fn plus(mut self, part: &Self, weight: f64) -> Self {
        self.loss += weight * part.loss;
        self.metrics.resize(part.metrics.len(), 0.0);
        self.metrics.iter_mut().zip(&part.metrics).for_each(|(sum, metric)| *sum += weight * metric);
        self
    }

    pub(super) fn over(mut self, weight: f64) -> Self {
        self.loss /= weight;
        self.metrics.iter_mut().for_each(|metric| *metric /= weight);
        self
    }

    /// Returns the loss, or the metric with an index.
    pub(super) fn value(&self, metric: Option<usize>) -> f64 {
        metric.map_or(self.loss, |index| self.metrics.get(index).copied().unwrap_or(f64::NAN))
    }
}

/// One pass over the training set.
#[derive(Debug, Clone, PartialEq)]
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

impl Epoch {
    /// Returns the score that chooses: of the validation set if there is one.
    fn judged(&self) -> &Score {
        self.validation.as_ref().unwrap_or(&self.train)
    }
}

/// Reason for which a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopReason {
    /// Completion of all epochs.
    Finished,
    /// Score that did not become better for [`patience`](super::TrainConfig::patience) epochs.
    Patience,
    /// Request of the function of [`on_epoch`](super::Training::on_epoch).
    Stopped,
    /// Interruption by ctrl-C, `SIGUSR1` or the flag of [`stop_when`](super::Training::stop_when).
    Interrupted,
}

/// All epochs of a run, including the epochs before an interruption.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct History {
    /// Scores, with one entry for each epoch.
    pub epochs: Vec<Epoch>,
    /// Index of the best epoch by the [monitored](Self::monitor) score, on the validation set if there is one.
    pub best: Option<usize>,
    /// Names of the metrics.
    pub metrics: Vec<String>,
    /// Score that chooses the best epoch.
    pub monitor: Monitor,
    /// Reason for which the run ended.
    pub stop_reason: StopReason,
    /// Names of the variables that no gradient reached in any step: their gradient was missing, or all 0. Such a part
    /// of the model is detached, has no effect on the loss, or is in front of an operation that has no derivative in
    /// candle.
    pub without_gradient: Vec<String>,
}

impl History {
    pub(super) fn new(metrics: Vec<String>, monitor: Monitor) -> Self {
        let (epochs, without_gradient) = (Vec::new(), Vec::new());
        Self { epochs, best: None, metrics, monitor, stop_reason: StopReason::Finished, without_gradient }
    }

    /// Returns a score of each epoch by its name, `loss` or a metric's: of the validation set, or of the training set if
    /// there is none. There is nothing if no score has the name.
    pub fn values(&self, name: &str) -> Vec<f64> {
        let index = self.metrics.iter().position(|metric| metric == name);
        if index.is_none() && name != LOSS {
            return Vec::new();
        }
        self.epochs.iter().map(|epoch| epoch.judged().value(index)).collect()
    }

    /// Returns the monitored score of an epoch.
    pub(super) fn monitored(&self, epoch: &Epoch) -> f64 {
        epoch.judged().value(self.metrics.iter().position(|metric| *metric == self.monitor.name))
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
        let names: Vec<String> =
            self.metrics.iter().map(|metric| metric.replace([',', '"', '\n', '\r'], " ")).collect();
        let columns = |set: &str| {
            let names = [LOSS].into_iter().chain(names.iter().map(String::as_str));
            names.map(|name| format!("{set}_{name}")).collect::<Vec<_>>().join(",")
        };
        let mut csv = format!("epoch,learning_rate,{},{},seconds\n", columns("train"), columns("validation"));
        let fields = |score: Option<&Score>| match score {
            Some(Score { loss, metrics }) => {
                let numbers = [loss].into_iter().chain(metrics);
                numbers.map(ToString::to_string).collect::<Vec<_>>().join(",")
            }
            None => ",".repeat(names.len()),
        };
        for (index, Epoch { train, validation, learning_rate, seconds }) in self.epochs.iter().enumerate() {
            let (train, validation) = (fields(Some(train)), fields(validation.as_ref()));
            // Writing to a string does not fail.
            let _ = writeln!(csv, "{},{learning_rate},{train},{validation},{seconds:.6}", index + 1);
        }
        csv
    }
}
