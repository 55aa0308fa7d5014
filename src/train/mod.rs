//! A small, optional training loop: batches in a seeded order, a schedule, clipping, a progress bar, metrics of batches
//! and of whole sets, early stopping and the best weights by any of them, checkpoints, a history as CSV and
//! (`History::figure`, with the feature `plot`) as a picture. Ctrl-C ends it with a checkpoint, from which the same
//! command continues, bit for bit.
//!
//! A run that cannot learn reports it. A step in which no variable has a gradient is an error. Variables without a
//! gradient in all steps are in [`History::without_gradient`], and the progress output names them.
//!
//! Samples need not be in memory: a [`BatchSource`] loads them batch by batch. Functions of the caller see each epoch
//! and each step ([`Training::on_epoch`], [`Training::on_step`]); with the feature `tracing`, spans and events go to
//! subscribers of the crate tracing.
//!
//! ```
//! use candle_core::{DType, Device};
//! use candle_nn::VarMap;
//! use candlewick::data::{MoonsConfig, Split3};
//! use candlewick::nn::SeededInit;
//! use candlewick::optim::{Adam, AdamConfig};
//! use candlewick::train::{TrainConfig, Training, accuracy};
//! use candlewick::{data, prelude::*};
//!
//! let mut circuit = Circuit::new(2);
//! circuit.ry(input(0), 0).ry(input(1), 1);
//! circuit.strongly_entangling_layers("w", 2);
//! let varmap = VarMap::new();
//! let vb = SeededInit::new(7).var_builder(&varmap, DType::F32, &Device::Cpu);
//! let layer =
//!     QuantumLayer::new(circuit, Measurement::expectation([Z(0), Z(1)]), vb.pp("quantum"))?;
//! let model = candle_nn::seq().add(layer).add(candle_nn::linear(2, 2, vb.pp("head"))?);
//!
//! let moons = data::moons(200, MoonsConfig { noise: 0.1, ..Default::default() })?;
//! let Split3 { train, validation, test, .. } = moons.split3(0.2, 0.2, 7)?;
//! let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(0.05))?;
//! let config = TrainConfig { epochs: 5, restore_best: true, ..Default::default() };
//! let history =
//!     Training::new(&model, &varmap, &mut adam, candle_nn::loss::cross_entropy, config)
//!         .metric("accuracy", accuracy)
//!         .run((&train.x, &train.y), Some((&validation.x, &validation.y)))?;
//! assert!(history.epochs[4].train.loss < history.epochs[0].train.loss);
//! // The accuracy of the best epoch.
//! let reported = accuracy(&candle_core::Module::forward(&model, &test.x)?, &test.y)?;
//! assert!(reported > 0.5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Several members
//!
//! Members of a [`Cluster`](crate::cluster::Cluster) divide the [micro-batches](TrainConfig::micro_batches) of each
//! batch and add their gradients, once a step. Each runs the same program on the same data, and ends with the same weights,
//! bit for bit those of one member alone. A flag to stop or an error of one member ends the run of all.
//!
//! ```
//! use candle_core::{DType, Device};
//! use candle_nn::{VarMap, loss::cross_entropy};
//! use candlewick::cluster::Cluster;
//! use candlewick::optim::{Adam, AdamConfig};
//! use candlewick::train::{TrainConfig, Training};
//! use candlewick::{data, nn::SeededInit, prelude::*};
//!
//! let train = |cluster: Option<Cluster>| -> candlewick::Result<Vec<f32>> {
//!     let mut circuit = Circuit::new(2);
//!     circuit.ry(input(0), 0).ry(input(1), 1);
//!     circuit.strongly_entangling_layers("w", 2);
//!     let varmap = VarMap::new();
//!     // The same seed on each member.
//!     let vb = SeededInit::new(7).var_builder(&varmap, DType::F32, &Device::Cpu);
//!     let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0), Z(1)]), vb)?;
//!     let moons = data::moons(100, Default::default())?;
//!     let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(0.05))?;
//!     let config =
//!         TrainConfig { epochs: 2, micro_batches: 4, cluster, ..Default::default() };
//!     Training::new(&layer, &varmap, &mut adam, cross_entropy, config)
//!         .run((&moons.x, &moons.y), None)?;
//!     let (_, weights) = layer.weights().next().expect("weights");
//!     Ok(weights.flatten_all()?.to_vec1()?)
//! };
//! let alone = train(None)?;
//! let both = std::thread::scope(|scope| {
//!     let start = |member| scope.spawn(|| train(Some(member)));
//!     let members: Vec<_> = Cluster::threads(2).into_iter().map(start).collect();
//!     members.into_iter().map(|member| member.join().expect("no panic")).collect::<Vec<_>>()
//! });
//! for weights in both {
//!     assert_eq!(weights?, alone);
//! }
//! # Ok::<(), candlewick::Error>(())
//! ```

mod cause;
mod checkpoint;
mod config;
mod files;
mod gathered;
mod history;
mod hooks;
mod interrupt;
mod layout;
#[cfg(feature = "plot")]
mod picture;
mod progress;
mod run;
mod scores;
mod source;
mod spans;
mod steps;
mod weights;

pub use crate::metrics::{accuracy, binary_accuracy};
pub use config::TrainConfig;
pub use history::{Epoch, History, Mode, Monitor, Score, StopReason};
pub use hooks::TrainStep;
pub use interrupt::interrupted;
pub use source::BatchSource;

use crate::error::{Error, Result};
use crate::memory::check_numbers;
use crate::optim::Resume;
use candle_core::{ModuleT, Tensor};
use candle_nn::{Optimizer, VarMap};
use checkpoint::Access;
use history::LOSS;
use hooks::{OnEpoch, OnStep};
use source::InMemory;
use std::sync::atomic::AtomicBool;

/// Samples and targets, along the first dimension of both.
pub type Samples<'a> = (&'a Tensor, &'a Tensor);

/// Function of a model's outputs and the targets.
type Judge<'a, T> = Box<dyn Fn(&Tensor, &Tensor) -> candle_core::Result<T> + 'a>;

/// Metric of a training.
struct Metric<'a> {
    name: String,
    judge: Judge<'a, f64>,
    /// Whether it judges the whole set at once, instead of each batch.
    is_of_set: bool,
}

/// Model with its optimiser, loss and options.
pub struct Training<'a, O> {
    config: TrainConfig,
    model: &'a dyn ModuleT,
    varmap: &'a VarMap,
    optimizer: &'a mut O,
    access: Option<Access<O>>,
    loss: Judge<'a, Tensor>,
    metrics: Vec<Metric<'a>>,
    monitor: Monitor,
    stop: Option<&'a AtomicBool>,
    on_step: Option<OnStep<'a>>,
    on_epoch: Option<OnEpoch<'a>>,
}

impl<O> std::fmt::Debug for Training<'_, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let metrics: Vec<&String> = self.metrics.iter().map(|metric| &metric.name).collect();
        f.debug_struct("Training").field("config", &self.config).field("metrics", &metrics).finish_non_exhaustive()
    }
}

impl<'a, O: Optimizer + Resume> Training<'a, O> {
    /// Takes a model whose variables are in `varmap`, an optimiser of them, a loss and options. The loss is the mean
    /// over a batch, from the model's outputs and the targets. Any `Module` is a `ModuleT`. A `ModuleT` such as
    /// dropout, which behaves differently in training, learns whether it is in training.
    pub fn new(
        model: &'a dyn ModuleT,
        varmap: &'a VarMap,
        optimizer: &'a mut O,
        loss: impl Fn(&Tensor, &Tensor) -> candle_core::Result<Tensor> + 'a,
        config: TrainConfig,
    ) -> Self {
        Self { access: Some(Access::new()), ..Self::without_checkpoints(model, varmap, optimizer, loss, config) }
    }
}

impl<'a, O: Optimizer> Training<'a, O> {
    /// Makes a training as [`new`](Training::new) does, for an optimiser whose state cannot be saved, such as candle's
    /// own. The training writes no files.
    pub fn without_checkpoints(
        model: &'a dyn ModuleT,
        varmap: &'a VarMap,
        optimizer: &'a mut O,
        loss: impl Fn(&Tensor, &Tensor) -> candle_core::Result<Tensor> + 'a,
        config: TrainConfig,
    ) -> Self {
        let monitor = Monitor { name: LOSS.to_owned(), mode: Mode::Min };
        let (access, loss, metrics, stop) = (None, Box::new(loss), Vec::new(), None);
        let (on_step, on_epoch) = (None, None);
        Self { config, model, varmap, optimizer, access, loss, metrics, monitor, stop, on_step, on_epoch }
    }

    /// Adds a metric to the scores of each epoch, such as [`accuracy`], [`macro_f1`](crate::metrics::macro_f1) or
    /// [`roc_auc`](crate::metrics::roc_auc). It gets all outputs and all targets of a set on the CPU. Outputs of the
    /// training set are those before the step of each batch, in the order of the batches.
    #[must_use]
    pub fn metric(
        self,
        name: impl Into<String>,
        metric: impl Fn(&Tensor, &Tensor) -> candle_core::Result<f64> + 'a,
    ) -> Self {
        self.with_metric(Metric { name: name.into(), judge: Box::new(metric), is_of_set: true })
    }

    /// Adds a metric that is a mean over samples, for sets whose outputs the memory does not hold. It gets the outputs
    /// and targets of a batch. The score of a set is the mean over its batches, weighted by their numbers of samples: F1
    /// or the area under a ROC curve are no such means.
    #[must_use]
    pub fn batch_metric(
        self,
        name: impl Into<String>,
        metric: impl Fn(&Tensor, &Tensor) -> candle_core::Result<f64> + 'a,
    ) -> Self {
        self.with_metric(Metric { name: name.into(), judge: Box::new(metric), is_of_set: false })
    }

    fn with_metric(mut self, metric: Metric<'a>) -> Self {
        self.metrics.push(metric);
        self
    }

    /// Chooses the best epoch, also for [`patience`](TrainConfig::patience), by another score than the loss: the name of
    /// a metric, or `loss`.
    ///
    /// ```
    /// # use candle_core::{DType, Device};
    /// # use candlewick::{data::{self, MoonsConfig, Split3}, metrics, nn::SeededInit, optim::{Adam, AdamConfig}};
    /// # use candlewick::train::{Mode, TrainConfig, Training, accuracy};
    /// # let varmap = candle_nn::VarMap::new();
    /// # let vb = SeededInit::new(7).var_builder(&varmap, DType::F32, &Device::Cpu);
    /// # let model = candle_nn::linear(2, 2, vb)?;
    /// # let moons = data::moons(200, MoonsConfig { noise: 0.1, ..Default::default() })?;
    /// # let Split3 { train, validation, .. } = moons.split3(0.2, 0.2, 7)?;
    /// # let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(0.05))?;
    /// let config = TrainConfig {
    ///     epochs: 20,
    ///     patience: Some(5),
    ///     restore_best: true,
    ///     ..Default::default()
    /// };
    /// let history =
    ///     Training::new(&model, &varmap, &mut adam, candle_nn::loss::cross_entropy, config)
    ///         .metric("accuracy", accuracy)
    ///         .metric("AUC", metrics::roc_auc)
    ///         .monitor("AUC", Mode::Max)
    ///         .run((&train.x, &train.y), Some((&validation.x, &validation.y)))?;
    /// let (best, auc) = (history.best.expect("an epoch"), history.values("AUC"));
    /// assert!(auc.iter().all(|value| *value <= auc[best]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn monitor(mut self, name: impl Into<String>, mode: Mode) -> Self {
        self.monitor = Monitor { name: name.into(), mode };
        self
    }

    /// Ends the run, with a checkpoint, once the flag is set, instead of at ctrl-C.
    #[must_use]
    pub fn stop_when(mut self, flag: &'a AtomicBool) -> Self {
        self.stop = Some(flag);
        self
    }

    /// Trains the model. The loss of the training set is a mean over the batches of an epoch, before the step of each
    /// batch. Scores of the validation set belong to the weights after the epoch; its loss is that of all its outputs
    /// together, which for weights of classes is no mean over batches. During the run, ctrl-C ends it after
    /// the current batch (see [`interrupted`]).
    ///
    /// After an error, the files of the last epoch stay.
    ///
    /// All members of a [cluster](TrainConfig::cluster) call it, with the same data. Hooks are called on each of them.
    /// A member that ctrl-C, the flag of [`stop_when`](Self::stop_when) or [`on_epoch`](Self::on_epoch) tells to end
    /// tells all, which end after the same step.
    ///
    /// # Errors
    /// - A batch size, an accumulation or a patience of 0; micro-batches out of range, or fewer than the workers of the
    ///   cluster; options of a plateau out of range; no samples; a number of
    ///   targets other than of samples.
    /// - Two scores of one name, of which `loss` is one; a score to monitor that there is not.
    /// - A loss that is no single number; no variables; a step in which no variable has a gradient.
    /// - A folder with an optimiser that cannot be saved, or a folder that another run has; `resume` without a folder.
    /// - A label beyond the model's outputs, if the loss refuses it.
    /// - A score to choose the best epoch that is NaN in all epochs, once the run has ended; the variables then have
    ///   the last weights.
    /// - A loss or a gradient that is not finite: the first feature or target of the step, else the first weight, that
    ///   is not finite itself, is in the error. The same holds for the loss of the validation set, except that it may
    ///   be NaN or infinite where all these numbers are finite.
    /// - A checkpoint of another run.
    /// - Errors of model, loss, optimiser, hooks and files.
    /// - Of a cluster, [`ClusterError`](crate::error::ClusterError): members that [differ] in numbers, names, weights
    ///   or options; that merely [repeat] each other; that have [ended]. An error of one member is that error there and
    ///   [`Elsewhere`] on all others.
    ///
    /// [differ]: crate::error::ClusterError::Differs
    /// [repeat]: crate::error::ClusterError::Replicated
    /// [ended]: crate::error::ClusterError::Left
    /// [`Elsewhere`]: crate::error::ClusterError::Elsewhere
    pub fn run(self, train: Samples<'_>, validation: Option<Samples<'_>>) -> Result<History> {
        let sets =
            self.config.check().and_then(|()| Ok((InMemory::new(train)?, validation.map(InMemory::new).transpose()?)));
        let (train, validation) = match &self.config.cluster {
            Some(cluster) => cluster.agree_all(sets, &[])?,
            None => sets?,
        };
        self.run_on(&train, validation.as_ref().map(|set| set as &dyn BatchSource))
    }

    /// Trains as [`run`](Self::run) does, on samples that are loaded batch by batch.
    ///
    /// # Errors
    /// The errors of [`run`](Self::run); a source with more samples than a u32 counts; errors of the source, or a batch
    /// of another number of samples.
    pub fn run_on(mut self, train: &dyn BatchSource, validation: Option<&dyn BatchSource>) -> Result<History> {
        let (config, rate) = (self.config.clone(), self.optimizer.learning_rate());
        let history = self.run_all(&config, train, validation);
        self.optimizer.set_learning_rate(rate);
        history
    }
}

/// Returns the number of samples of a source, if it is one that u32 counts and not 0.
fn count(source: &dyn BatchSource) -> Result<usize> {
    let samples = source.samples();
    match u32::try_from(samples) {
        Ok(1..) => Ok(samples),
        _ => {
            let (of, setting, allowed) = ("training", "samples", "at least 1 and at most 4294967295");
            Err(Error::Setting { of, setting, value: samples as f64, allowed })
        }
    }
}

/// Returns the numbers of the samples of a set.
fn numbers_of(samples: usize) -> Result<Vec<u32>> {
    check_numbers("the order of the samples", Some(samples as u64))?;
    Ok((0..samples as u32).collect())
}
