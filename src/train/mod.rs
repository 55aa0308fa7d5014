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

mod cause;
mod checkpoint;
mod config;
mod gathered;
mod history;
mod hooks;
mod interrupt;
#[cfg(feature = "plot")]
mod picture;
mod progress;
mod scores;
mod source;
mod spans;

pub use crate::metrics::{accuracy, binary_accuracy};
pub use config::TrainConfig;
pub use history::{Epoch, History, Mode, Monitor, Score, StopReason};
pub use hooks::TrainStep;
pub use interrupt::interrupted;
pub use source::BatchSource;

use crate::data::{Purpose, seeded_generator};
use crate::error::{Error, Result, TrainingError};
use crate::memory::check_numbers;
use crate::numbers::host_number;
use crate::optim::{Interval, Resume, Unreached, clip_by_norm, require_gradient, variables};
use candle_core::backprop::GradStore;
use candle_core::{ModuleT, Tensor, Var};
use candle_nn::{Optimizer, VarMap};
use cause::Part;
use checkpoint::{Access, Position};
use history::LOSS;
use hooks::{OnEpoch, OnStep};
use progress::Progress;
use rand::seq::SliceRandom;
use scores::label_beyond;
use source::{InMemory, load};
use spans::{report_epoch, span};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

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
    /// # Errors
    /// - A batch size, an accumulation or a patience of 0; options of a plateau out of range; no samples; a number of
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
    pub fn run(self, train: Samples<'_>, validation: Option<Samples<'_>>) -> Result<History> {
        self.config.check()?;
        let train = InMemory::new(train)?;
        let validation = validation.map(InMemory::new).transpose()?;
        self.run_on(&train, validation.as_ref().map(|set| set as &dyn BatchSource))
    }

    /// Trains as [`run`](Self::run) does, on samples that are loaded batch by batch.
    ///
    /// # Errors
    /// The errors of [`run`](Self::run); a source with more samples than a u32 counts; errors of the source, or a batch
    /// of another number of samples.
    pub fn run_on(mut self, train: &dyn BatchSource, validation: Option<&dyn BatchSource>) -> Result<History> {
        self.config.check()?;
        let (config, rate) = (self.config.clone(), self.optimizer.learning_rate());
        let history = self.run_all(&config, train, validation);
        self.optimizer.set_learning_rate(rate);
        history
    }

    fn run_all(
        &mut self,
        config: &TrainConfig,
        train: &dyn BatchSource,
        validation: Option<&dyn BatchSource>,
    ) -> Result<History> {
        span!(INFO, "training", name = config.name.as_str(), samples = train.samples());
        let samples = count(train)?;
        let validated = validation.map(count).transpose()?;
        let (watched, _guard) = interrupt::watch_interrupt(self.stop.is_none())?;
        let stop = self.stop.unwrap_or(watched);
        let metrics = self.names()?;
        let run = [samples, validated.unwrap_or(0), config.batch_size, config.accumulate_batches];
        let run = run.map(|count| count as u64);
        let history = History::new(metrics, self.monitor.clone());
        let mut at = Position::new(history, run, config.seed, self.optimizer.learning_rate());
        at.unreached = Unreached::new(variables(self.varmap)?);
        at.of_sets = self.metrics.iter().map(|metric| metric.is_of_set).collect();
        at.open(config, self.varmap, self.optimizer, self.access)?;
        let variables = variables(self.varmap)?;
        let steps = samples.div_ceil(config.step_size());
        let progress = Progress::new(config, steps, &at)?;
        while at.history.stop_reason != StopReason::Interrupted && at.goes_on(config) {
            span!(INFO, "epoch", number = at.epoch);
            let finished = self.epoch(config, &mut at, &variables, train, stop, &progress)?;
            if finished {
                let score = validation.map(|set| self.validate(set)).transpose()?;
                let train = self.complete(at.mean(), &at.gathered)?;
                at.close_epoch(train, score, self.varmap)?;
                progress.epoch(&at.history, &at.unreached.names());
                report_epoch(&at.history);
            } else {
                at.history.stop_reason = StopReason::Interrupted;
            }
            at.save(config, self.varmap, self.optimizer, self.access, finished)?;
            if let Some(hook) = self.on_epoch.as_mut().filter(|_| finished)
                && hook(&at.history).is_break()
            {
                at.history.stop_reason = StopReason::Stopped;
                break;
            }
        }
        at.history.without_gradient = at.unreached.names();
        progress.finish(&at.history.without_gradient);
        // A run with a folder continues from its last weights.
        let is_over = at.history.stop_reason != StopReason::Interrupted || config.folder.is_none();
        if is_over {
            at.check_best()?;
            if config.restore_best {
                at.restore_best(self.varmap)?;
            }
        }
        Ok(at.history)
    }

    /// Takes the steps from the position in the epoch. Returns whether the epoch was completed.
    fn epoch(
        &mut self,
        config: &TrainConfig,
        at: &mut Position,
        variables: &[(String, Var)],
        train: &dyn BatchSource,
        stop: &AtomicBool,
        progress: &Progress,
    ) -> Result<bool> {
        let order = order(count(train)?, config.seed, at.epoch)?;
        let steps = order.len().div_ceil(config.step_size()) as u64;
        let reduction = at.reduction(config)?;
        for samples in order.chunks(config.step_size()).skip(at.batch) {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let factor = match config.schedule_interval {
                Interval::Step => config.schedule.factor(at.step),
                Interval::Epoch => config.schedule.factor_by_epoch(at.step, steps),
            };
            self.optimizer.set_learning_rate(at.rate * factor * reduction);
            let step = self.step(config, at, variables, train, samples);
            self.or_cause(step, |()| true, Part { name: "training", source: train, samples })?;
            progress.step();
        }
        Ok(true)
    }

    /// Takes a step along the gradients of some samples.
    fn step(
        &mut self,
        config: &TrainConfig,
        at: &mut Position,
        variables: &[(String, Var)],
        train: &dyn BatchSource,
        samples: &[u32],
    ) -> Result<()> {
        span!(DEBUG, "step", number = at.step);
        let start = Instant::now();
        let (mut gradients, score) = self.gradients(train, samples, at)?;
        require_gradient("training", variables, &gradients)?;
        at.unreached.note(&gradients)?;
        if let Some(hook) = &mut self.on_step {
            let (epoch, step, learning_rate) = (at.epoch, at.step, self.optimizer.learning_rate());
            let loss = score.loss / samples.len() as f64;
            hook(&TrainStep { epoch, step, samples: samples.len(), loss, learning_rate }, &mut gradients)?;
        }
        if let Some(limit) = config.clip_norm {
            clip_by_norm(&mut gradients, self.varmap, limit)?;
        }
        self.optimizer.step(&gradients)?;
        at.advance(&score, samples.len(), start.elapsed().as_secs_f64(), self.optimizer.learning_rate());
        Ok(())
    }

    /// Returns the gradients of the mean loss of some samples, batch by batch, and the sum of their scores.
    fn gradients(&self, train: &dyn BatchSource, samples: &[u32], at: &mut Position) -> Result<(GradStore, Score)> {
        let (mut gradients, mut sum) = (GradStore::default(), Score::default());
        for batch in samples.chunks(self.config.batch_size) {
            let (x, y) = load(train, batch)?;
            let outputs = self.model.forward_t(&x, true)?;
            let sample = |place: usize| batch.get(place).map_or(place, |sample| *sample as usize);
            let loss = self.loss(&outputs, &y).map_err(|error| label_beyond(&outputs, &y, sample).unwrap_or(error))?;
            let value = host_number(&loss)?;
            if !value.is_finite() {
                let (of, evaluation) = ("training", at.step as usize + 1);
                return Err(Error::Training(TrainingError::LossNotFinite { of, evaluation, loss: value }));
            }
            sum = sum.plus(&self.judge(&outputs.detach(), &y, value)?, batch.len() as f64);
            self.gather(&mut at.gathered, &outputs, &y, train.samples())?;
            // A batch counts by its part of all samples of the step.
            match batch.len() == samples.len() {
                true => gradients = loss.backward()?,
                false => gradients.extend((loss * (batch.len() as f64 / samples.len() as f64))?.backward()?)?,
            }
        }
        Ok((gradients, sum))
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

/// Returns the order of the samples in an epoch. It is a function of seed and epoch alone, so there is no state to
/// save.
fn order(samples: usize, seed: u64, epoch: usize) -> Result<Vec<u32>> {
    let mut order = numbers_of(samples)?;
    let seed = seed.wrapping_add((epoch as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    order.shuffle(&mut seeded_generator(seed, Purpose::Batches));
    Ok(order)
}
