//! Options of a training.

use crate::__private::NonExhaustive;
use crate::cluster::Cluster;
use crate::error::{Error, Result};
use crate::optim::{Interval, ReduceOnPlateau, Schedule};
use std::path::PathBuf;

/// Options of a [`Training`](super::Training).
#[derive(Debug, Clone, PartialEq)]
pub struct TrainConfig {
    /// Name in the progress output. Default `training`.
    pub name: String,
    /// Number of passes over the training set. Default 10.
    pub epochs: usize,
    /// Number of samples of a batch, at least 1; the last batch of an epoch may be smaller. The validation set is
    /// scored in such batches, too. Default 32.
    pub batch_size: usize,
    /// Number of batches, at least 1, whose gradients make one step; an epoch's last step may have fewer. The step is the
    /// step of one batch of all these samples, in the memory of one batch of [`batch_size`](Self::batch_size): each
    /// batch counts by its number of samples. Up to rounding in the variables' dtype this is exact for a loss that is a
    /// mean over samples, in a model that computes each sample by itself. Default 1.
    pub accumulate_batches: usize,
    /// Number of contiguous parts, at least 1 and at most [`batch_size`](Self::batch_size), into which each batch is
    /// cut, of sizes that differ by at most one. A part of a last batch that is smaller may be empty. Model, loss and
    /// metrics of batches see a part at a time, and each part counts by its number of samples, as in
    /// [`accumulate_batches`](Self::accumulate_batches). The gradients of the parts are added in F64 along one tree and
    /// rounded once. So all weights and scores are the same bits, however many workers of a [`cluster`](Self::cluster)
    /// divide the parts among themselves, also without a cluster; with another number of parts they differ by rounding.
    /// Default 1.
    pub micro_batches: usize,
    /// Members that train together, each of which runs the same training on the same data. Its workers each compute a
    /// contiguous range of the [`micro_batches`](Self::micro_batches) of every batch, and exchange their gradients
    /// once a step:
    ///
    /// - after a [`Cluster::split`], each group is a worker, whose members share the states of layers with the same
    ///   handle;
    /// - otherwise each member is a worker, if there are at least 2 micro-batches;
    /// - with one micro-batch all members are one worker, whose layers have to share their states.
    ///
    /// A training in which the members would merely repeat each other is an error. Only the [first
    /// member](Cluster::is_first) shows progress and writes files; the others read them from the same folder when a
    /// run continues. Each worker scores the whole validation set. Default `None`.
    pub cluster: Option<Cluster>,
    /// Seed of the order of the samples; each epoch has another order. Default 0.
    pub seed: u64,
    /// Factor of the optimiser's step size. Default [`Schedule::Constant`].
    pub schedule: Schedule,
    /// Unit in which the schedule counts. With [`Interval::Epoch`] a `Cosine` of 40 takes 40 epochs, whatever the batch
    /// size. Default [`Interval::Step`].
    pub schedule_interval: Interval,
    /// Further factor of the step size, which shrinks at the end of an epoch once the score that chooses the best epoch
    /// no longer improves: the loss, unless [`Training::monitor`] names another one. A reduction before that score was
    /// a number in any epoch is an error. Default `None`.
    ///
    /// [`Training::monitor`]: super::Training::monitor
    pub reduce_on_plateau: Option<ReduceOnPlateau>,
    /// Largest norm of all gradients together, see [`clip_by_norm`](crate::optim::clip_by_norm). Default `None`: no limit.
    pub clip_norm: Option<f64>,
    /// Number of epochs in a row, at least 1, without a better score on the validation set that end the run. The score
    /// is the loss, unless [`Training::monitor`] names another one. Without a validation set the training set counts. A
    /// score that is NaN is not better than any other; a run in which it is NaN in all epochs ends with an error.
    /// Default `None`: all epochs are run.
    ///
    /// [`Training::monitor`]: super::Training::monitor
    pub patience: Option<usize>,
    /// Whether the run ends with the weights of the best epoch, by the same score, instead of the last weights. A run
    /// that is interrupted has its last weights, unless it has no folder to continue from. Default `false`.
    pub restore_best: bool,
    /// Folder of the run's files. After each epoch the run writes `last.safetensors` (from which a run continues),
    /// `best.safetensors` (the weights of the best epoch, for `VarMap::load`) and `history.csv`. Only one run at a
    /// time has the folder. Existing files of these names are removed first, unless the run continues. Default `None`:
    /// nothing is written.
    pub folder: Option<PathBuf>,
    /// Whether the run continues from the folder's `last.safetensors`. That file must come from a run with as many
    /// samples, the same batch size, batches of a step, micro-batches, seed and step size, and the same metrics, with
    /// an optimiser of the same options. The other options here may change: they hold from the next step on. So may the
    /// cluster, and where layers share no states the weights are the same bits then. Default `false`.
    pub resume: bool,
    /// Whether progress is shown on the standard error output: a bar in a terminal, otherwise lines. Default `false`.
    pub progress: bool,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            name: "training".to_owned(),
            epochs: 10,
            batch_size: 32,
            accumulate_batches: 1,
            micro_batches: 1,
            cluster: None,
            seed: 0,
            schedule: Schedule::Constant,
            schedule_interval: Interval::Step,
            reduce_on_plateau: None,
            clip_norm: None,
            patience: None,
            restore_best: false,
            folder: None,
            resume: false,
            progress: false,
            non_exhaustive: NonExhaustive(()),
        }
    }
}

impl TrainConfig {
    /// Checks the ranges of the options.
    pub(super) fn check(&self) -> Result<()> {
        let setting = |setting| Error::Setting { of: "training", setting, value: 0.0, allowed: "at least 1" };
        if self.micro_batches == 0 || self.micro_batches > self.batch_size.max(1) {
            let (setting, value) = ("micro_batches", self.micro_batches as f64);
            let allowed = "at least 1 and at most the batch size";
            return Err(Error::Setting { of: "training", setting, value, allowed });
        }
        if self.batch_size == 0 {
            return Err(setting("batch_size"));
        }
        if self.accumulate_batches == 0 {
            return Err(setting("accumulate_batches"));
        }
        if self.patience == Some(0) {
            return Err(setting("patience"));
        }
        self.reduce_on_plateau.map_or(Ok(()), |plateau| plateau.check())
    }

    /// Number of samples of a step.
    pub(super) fn step_size(&self) -> usize {
        self.batch_size.saturating_mul(self.accumulate_batches)
    }
}
