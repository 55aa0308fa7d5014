//! The position of a run, and the files from which it can be continued.

use super::files::{file, lock, remove, write};
use super::gathered::Gathered;
use super::weights::{check, set, weights};
use super::{Epoch, History, Mode, Monitor, Score, StopReason, TrainConfig};
use crate::cluster::Workers;
use crate::error::{Error, Result, TrainingError};
use crate::hash::fnv1a;
use crate::optim::{ReduceOnPlateau, Resume, Unreached, save_tensors, variables};
use candle_core::{Device, Tensor};
use candle_nn::VarMap;
use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;

/// Access to an optimiser's state, for optimisers that have one.
pub(super) struct Access<O> {
    take: fn(&O) -> Result<HashMap<String, Tensor>>,
    put: fn(&mut O, &HashMap<String, Tensor>) -> Result<()>,
}

impl<O: Resume> Access<O> {
    pub(super) fn new() -> Self {
        Self { take: O::state, put: O::restore }
    }
}

impl<O> Access<O> {
    /// Returns the optimiser's state by name.
    pub(super) fn state(self, of: &O) -> Result<HashMap<String, Tensor>> {
        (self.take)(of)
    }
}

impl<O> Clone for Access<O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O> Copy for Access<O> {}

/// Position of a run.
pub(super) struct Position {
    pub(super) history: History,
    /// Number of completed epochs.
    pub(super) epoch: usize,
    /// Number of completed steps of the current epoch.
    pub(super) batch: usize,
    /// Number of steps in all epochs.
    pub(super) step: u64,
    /// Optimiser's step size, before the schedule.
    pub(super) rate: f64,
    /// Numbers that identify the run: samples, validation samples, batch size, batches of a step, seed, bits of the
    /// step size, number of metrics, micro-batches.
    run: [u64; RUN_NUMBERS],
    /// Sums over the samples of the completed steps, the number of these samples, seconds, and the last step size.
    sum: Score,
    samples: f64,
    /// Outputs and targets of the completed batches of the current epoch, for metrics of the whole set.
    pub(super) gathered: Gathered,
    /// Whether each metric is one of a whole set.
    pub(super) of_sets: Vec<bool>,
    seconds: f64,
    last_rate: f64,
    /// Weights of the best epoch, by name.
    best: HashMap<String, Tensor>,
    /// Variables that no gradient has reached.
    pub(super) unreached: Unreached,
    /// Lock that excludes other runs from the folder.
    lock: Option<File>,
}

/// Prefixes of names in `last.safetensors`.
const MODEL: &str = "model.";
const OPTIMIZER: &str = "optimizer.";
const BEST: &str = "best.";
const RUN: &str = "run";
const POSITION: &str = "position";
const HISTORY: &str = "history";
const WITHOUT_GRADIENT: &str = "without_gradient";
const SCORES: &str = "scores";
const SUMS: &str = "sums";
const OUTPUTS: &str = "gathered.outputs";
const TARGETS: &str = "gathered.targets";
/// Names of files.
const LAST: &str = "last.safetensors";
const BEST_FILE: &str = "best.safetensors";
const CSV: &str = "history.csv";
/// Count of the numbers that identify a run.
const RUN_NUMBERS: usize = 8;
/// Count of the things on which members agree about a position before a run.
pub(super) const IDENTITY: usize = RUN_NUMBERS + 1;
/// Names of these numbers, for members of a cluster that differ in them.
const RUN_NAMES: [&str; RUN_NUMBERS] = [
    "the number of samples",
    "the number of validation samples",
    "the batch size",
    "the batches of a step",
    "the seed",
    "the step size",
    "the number of metrics",
    "the micro-batches",
];
/// Count of the numbers that are saved for an epoch, beside the metrics of two sets.
const COLUMNS: usize = 5;
/// Count of the numbers of a position.
const PLACES: usize = 8;

impl Position {
    /// Starts a run with its numbers of samples, and the step size of its optimiser.
    pub(super) fn new(history: History, [samples, validated]: [usize; 2], config: &TrainConfig, rate: f64) -> Self {
        let [samples, validated, batch_size, batches, micro_batches] =
            [samples, validated, config.batch_size, config.accumulate_batches, config.micro_batches]
                .map(|count| count as u64);
        let metrics = history.metrics.len() as u64;
        let run = [samples, validated, batch_size, batches, config.seed, rate.to_bits(), metrics, micro_batches];
        let (sum, best, unreached) = (Score::default(), HashMap::new(), Unreached::default());
        let (samples, seconds, last_rate) = (0.0, 0.0, rate);
        let lock = None;
        Self {
            history,
            epoch: 0,
            batch: 0,
            step: 0,
            rate,
            run,
            sum,
            samples,
            gathered: Gathered::default(),
            of_sets: Vec::new(),
            seconds,
            last_rate,
            best,
            unreached,
            lock,
        }
    }

    /// Returns the things on which members of a cluster agree before a run: the numbers that identify it, its scores.
    pub(super) fn identity(&self) -> [(&'static str, u64); IDENTITY] {
        let scores = ("the scores", fnv1a(self.scores().as_bytes()));
        std::array::from_fn(|at| if at < RUN_NUMBERS { (RUN_NAMES[at], self.run[at]) } else { scores })
    }

    /// Returns the progress of a run, on which members of a cluster agree once it is open.
    pub(super) fn place(&self) -> (&'static str, u64) {
        ("the position of the run", fnv1a(format!("{:?} {:?}", (self.epoch, self.batch), self.history.best).as_bytes()))
    }

    /// Returns the number of samples of the completed steps of the epoch.
    pub(super) fn samples(&self) -> usize {
        self.samples as usize
    }

    /// Returns the count of the numbers that are saved for an epoch.
    fn columns(&self) -> usize {
        COLUMNS + 2 * self.history.metrics.len()
    }

    /// Returns a text that identifies the scores of a run: the monitored one, then the metrics.
    fn scores(&self) -> String {
        let Monitor { name, mode } = &self.history.monitor;
        let first = format!("{mode:?} {name}");
        let kind = |of_set: bool| if of_set { "" } else { " of batches" };
        let metrics = self.history.metrics.iter().zip(&self.of_sets);
        metrics.fold(first, |text, (metric, of_set)| format!("{text}\n{metric}{}", kind(*of_set)))
    }

    /// Returns whether another epoch follows; otherwise stores the reason.
    pub(super) fn goes_on(&mut self, config: &TrainConfig) -> bool {
        let since = self.epoch - self.history.best.map_or(0, |best| best + 1);
        if self.epoch > 0 && config.patience.is_some_and(|patience| since >= patience) {
            self.history.stop_reason = StopReason::Patience;
            return false;
        }
        self.epoch < config.epochs
    }

    /// Returns the factor of the step size by which the monitored scores of all epochs so far have reduced it.
    pub(super) fn reduction(&self, config: &TrainConfig) -> Result<f64> {
        let scores = self.history.epochs.iter().map(|epoch| self.history.monitored(epoch));
        let sign = if self.history.monitor.mode == Mode::Min { 1.0 } else { -1.0 };
        let factor = |plateau: ReduceOnPlateau| plateau.factor_after(scores.map(|score| sign * score));
        config.reduce_on_plateau.map_or(Ok(1.0), factor).map_err(|error| match error {
            Error::Training(TrainingError::NoScore { epochs, .. }) => self.no_score(epochs),
            error => error,
        })
    }

    /// Checks that the monitored score was a number in one of the epochs, if there are any: otherwise none is the best.
    pub(super) fn check_best(&self) -> Result<()> {
        match self.history.best {
            None if self.epoch > 0 => Err(self.no_score(self.epoch)),
            _ => Ok(()),
        }
    }

    fn no_score(&self, epochs: usize) -> Error {
        Error::Training(TrainingError::NoScore { name: self.history.monitor.name.clone(), epochs })
    }

    /// Adds a step with the sum of its samples' scores.
    pub(super) fn advance(&mut self, sum: &Score, samples: usize, seconds: f64, rate: f64) {
        self.sum = std::mem::take(&mut self.sum).plus(sum, 1.0);
        self.samples += samples as f64;
        self.seconds += seconds;
        self.last_rate = rate;
        self.batch += 1;
        self.step += 1;
    }

    /// Returns the means over the samples of the completed batches.
    pub(super) fn mean(&self) -> Score {
        self.sum.clone().over(self.samples)
    }

    /// Makes an epoch of its scores, and copies the weights if it is the best one.
    pub(super) fn close_epoch(&mut self, train: Score, validation: Option<Score>, varmap: &VarMap) -> Result<()> {
        let epoch = Epoch { train, validation, learning_rate: self.last_rate, seconds: self.seconds };
        let best = self.history.best_epoch().map(|best| self.history.monitored(best));
        if self.history.monitor.is_better(self.history.monitored(&epoch), best) {
            self.history.best = Some(self.epoch);
            self.best = weights(varmap)?;
        }
        self.history.epochs.push(epoch);
        self.epoch += 1;
        (self.batch, self.sum, self.samples, self.seconds) = (0, Score::default(), 0.0, 0.0);
        self.gathered = Gathered::default();
        Ok(())
    }

    pub(super) fn restore_best(&self, varmap: &VarMap) -> Result<()> {
        if self.history.best.is_some() { set(varmap, &self.best, BEST) } else { Ok(()) }
    }

    /// Checks that the files of a run can be written. Then loads the files if the run continues, or removes files of
    /// another run. The first member of a cluster alone has the folder; the others read.
    pub(super) fn open<O>(
        &mut self,
        config: &TrainConfig,
        varmap: &VarMap,
        optimizer: &mut O,
        access: Option<Access<O>>,
        workers: &Workers,
    ) -> Result<()> {
        let place = place_of(config, access).and_then(|place| {
            if let Some((folder, access)) = place {
                self.lock = workers.is_first().then(|| lock(folder)).transpose()?;
                (access.take)(optimizer)?;
            }
            Ok(place)
        });
        match workers.settle(place, false)? {
            (Some((folder, access)), _) if config.resume => self.load(folder, varmap, optimizer, access),
            (Some((folder, _)), _) if workers.is_first() => remove(folder, &[LAST, BEST_FILE, CSV]),
            _ => Ok(()),
        }
    }

    /// Writes the files of a run; the files of scores only if there are new scores. Of a cluster, the first member
    /// writes them.
    pub(super) fn save<O>(
        &self,
        config: &TrainConfig,
        varmap: &VarMap,
        optimizer: &O,
        access: Option<Access<O>>,
        scored: bool,
    ) -> Result<()> {
        let (Some(folder), Some(access)) = (&config.folder, access) else { return Ok(()) };
        let best = folder.join(BEST_FILE);
        if scored && !self.best.is_empty() && (self.history.best == Some(self.epoch - 1) || !best.exists()) {
            write(best, |path| save_tensors(&self.best, path))?;
        }
        let csv = |path: &Path| fs::write(path, self.history.to_csv()).map_err(|error| file(path, "written", error));
        write(folder.join(CSV), csv)?;
        let tensors = self.tensors(varmap, (access.take)(optimizer)?)?;
        write(folder.join(LAST), |path| save_tensors(&tensors, path))
    }

    /// Returns all tensors from which a run continues.
    fn tensors(&self, varmap: &VarMap, optimizer: HashMap<String, Tensor>) -> Result<HashMap<String, Tensor>> {
        let mut tensors = HashMap::new();
        let mut put = |prefix: &str, from: HashMap<String, Tensor>| {
            tensors.extend(from.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
        };
        put(MODEL, weights(varmap)?);
        put(OPTIMIZER, optimizer);
        put(BEST, self.best.clone());
        let cpu = &Device::Cpu;
        let halves: Vec<u32> = self.run.iter().flat_map(|&number| [(number >> 32) as u32, number as u32]).collect();
        tensors.insert(RUN.to_owned(), Tensor::new(halves, cpu)?);
        let best = self.history.best.map_or(-1.0, |best| best as f64);
        let (epoch, batch, step) = (self.epoch as f64, self.batch as f64, self.step as f64);
        let position: [f64; PLACES] =
            [epoch, batch, step, self.sum.loss, self.samples, self.seconds, self.last_rate, best];
        tensors.insert(POSITION.to_owned(), Tensor::new(&position, cpu)?);
        tensors.insert(SCORES.to_owned(), Tensor::new(self.scores().as_bytes(), cpu)?);
        let mut sums = self.sum.metrics.clone();
        sums.resize(self.history.metrics.len(), 0.0);
        tensors.insert(SUMS.to_owned(), Tensor::from_vec(sums, self.history.metrics.len(), cpu)?);
        if let Some((outputs, targets)) = self.gathered.whole()? {
            tensors.extend([(OUTPUTS.to_owned(), outputs), (TARGETS.to_owned(), targets)]);
        }
        let unreached = self.unreached.names();
        let flags = variables(varmap)?.iter().map(|(name, _)| u8::from(unreached.contains(name))).collect::<Vec<_>>();
        let count = flags.len();
        tensors.insert(WITHOUT_GRADIENT.to_owned(), Tensor::from_vec(flags, count, cpu)?);
        let metrics = self.history.metrics.len();
        let rows: Vec<f64> = self.history.epochs.iter().flat_map(|epoch| row(epoch, metrics)).collect();
        tensors.insert(HISTORY.to_owned(), Tensor::from_vec(rows, (self.history.epochs.len(), self.columns()), cpu)?);
        Ok(tensors)
    }

    /// Returns whether this run can have a saved position and sums of metrics, after epochs with these rows.
    fn fits(&self, position: &[f64], metrics: &[f64], rows: &[f64]) -> bool {
        let &[epoch, batch, step, loss, samples, seconds, _, best] = position else { return false };
        let [all, validated, batch_size, accumulated, ..] = self.run.map(|number| number as f64);
        let batch_size = batch_size * accumulated;
        let batches = (all / batch_size).ceil();
        let is_count = |count: f64| count >= 0.0 && count.fract() == 0.0;
        let done = is_count(batch) && batch < batches && samples == batch * batch_size;
        // Sums of an epoch without any batch.
        let sums = match batch == 0.0 {
            true => [loss, seconds].iter().chain(metrics).all(|&sum| sum == 0.0),
            false => seconds >= 0.0 && seconds.is_finite(),
        };
        let (columns, validated_at) = (self.columns(), 1 + self.history.metrics.len());
        let is_best = best == -1.0 || is_count(best) && best < epoch;
        let flags = rows.chunks_exact(columns).all(|row| row[validated_at] == f64::from(u8::from(validated > 0.0)));
        let place = epoch == (rows.len() / columns) as f64 && step == epoch * batches + batch;
        done && sums && is_best && flags && place
    }

    /// Returns an epoch of this run from its saved numbers.
    fn epoch_of(&self, row: &[f64]) -> Epoch {
        let metrics = self.history.metrics.len();
        let score = |start: usize| Score { loss: row[start], metrics: row[start + 1..=start + metrics].to_vec() };
        let validation = (row[metrics + 1] == 1.0).then(|| score(metrics + 2));
        let [learning_rate, seconds] = [row[2 * metrics + 3], row[2 * metrics + 4]];
        Epoch { train: score(0), validation, learning_rate, seconds }
    }

    /// Loads the position that [`save`](Self::save) wrote.
    fn load<O>(&mut self, folder: &Path, varmap: &VarMap, optimizer: &mut O, access: Access<O>) -> Result<()> {
        let path = folder.join(LAST);
        let tensors =
            candle_core::safetensors::load(&path, &Device::Cpu).map_err(|error| file(&path, "read", error))?;
        let misfit = |name: &str, expected: String, actual: String| {
            Error::Training(TrainingError::SavedState { name: name.to_owned(), expected, actual })
        };
        let get = |name: &str, expected: &str| {
            tensors.get(name).ok_or_else(|| misfit(name, expected.to_owned(), "missing".to_owned()))
        };
        let halves = get(RUN, "U32 [16]")?.flatten_all()?.to_vec1::<u32>()?;
        let whole = |pair: &[u32]| pair.iter().fold(0, |number, &half| number << 32 | u64::from(half));
        let mut run: Vec<u64> = halves.chunks(2).map(whole).collect();
        if run.len() == RUN_NUMBERS - 1 {
            // Files from before there were micro-batches.
            run.push(1);
        }
        if run != self.run {
            return Err(misfit(RUN, describe_run(&self.run), describe_run(&run)));
        }
        let scores = String::from_utf8_lossy(&get(SCORES, "U8")?.flatten_all()?.to_vec1::<u8>()?).into_owned();
        if scores != self.scores() {
            return Err(misfit(SCORES, format!("{:?}", self.scores()), format!("{scores:?}")));
        }
        let (columns, metrics) = (self.columns(), self.history.metrics.len());
        let position = get(POSITION, "F64 [8]")?.flatten_all()?.to_vec1::<f64>()?;
        let rows = get(HISTORY, &format!("F64 [epochs, {columns}]"))?.flatten_all()?.to_vec1::<f64>()?;
        let &[epoch, batch, step, loss, samples, seconds, last_rate, best] = position.as_slice() else {
            return Err(misfit(POSITION, format!("F64 [{PLACES}]"), format!("F64 [{}]", position.len())));
        };
        let sums = get(SUMS, &format!("F64 [{metrics}]"))?.flatten_all()?.to_vec1::<f64>()?;
        if sums.len() != metrics {
            return Err(misfit(SUMS, format!("F64 [{metrics}]"), format!("F64 [{}]", sums.len())));
        }
        let gathered = Gathered::saved(tensors.get(OUTPUTS).cloned(), tensors.get(TARGETS).cloned());
        let epochs = rows.len() / columns;
        if rows.len() != epochs * columns || !self.fits(&position, &sums, &rows) {
            let expected = format!("a position behind {epochs} epochs of this run");
            return Err(misfit(POSITION, expected, format!("{position:?}")));
        }
        let needed = if self.of_sets.contains(&true) { samples } else { 0.0 };
        if gathered.samples() as f64 != needed {
            return Err(misfit(OUTPUTS, format!("{needed} samples"), format!("{} samples", gathered.samples())));
        }
        let under = |prefix: &str| -> HashMap<String, Tensor> {
            let strip =
                |(name, tensor): (&String, &Tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor.clone()));
            tensors.iter().filter_map(strip).collect()
        };
        let (model, kept) = (under(MODEL), under(BEST));
        check(varmap, &model, MODEL)?;
        if best >= 0.0 {
            check(varmap, &kept, BEST)?;
        }
        let names: Vec<String> = variables(varmap)?.into_iter().map(|(name, _)| name).collect();
        let expected = format!("U8 [{}]", names.len());
        let flags = get(WITHOUT_GRADIENT, &expected)?.flatten_all()?.to_vec1::<u8>()?;
        if flags.len() != names.len() {
            return Err(misfit(WITHOUT_GRADIENT, expected, format!("U8 [{}]", flags.len())));
        }
        (access.put)(optimizer, &under(OPTIMIZER))?;
        set(varmap, &model, MODEL)?;
        self.unreached.retain(|name| names.iter().zip(&flags).any(|(own, flag)| own == name && *flag != 0));
        self.history.epochs = rows.chunks_exact(columns).map(|row| self.epoch_of(row)).collect();
        self.history.best = (best >= 0.0).then_some(best as usize);
        (self.epoch, self.batch, self.step) = (epoch as usize, batch as usize, step as u64);
        (self.samples, self.seconds, self.last_rate, self.gathered) = (samples, seconds, last_rate, gathered);
        self.sum = Score { loss, metrics: sums };
        self.best = kept;
        Ok(())
    }
}

/// Returns the folder of a run, if it has one, and the access to its optimiser.
fn place_of<O>(config: &TrainConfig, access: Option<Access<O>>) -> Result<Option<(&Path, Access<O>)>> {
    let needs = |setting, needs| Err(Error::SettingNeeds { of: "training", setting, needs });
    match (&config.folder, access) {
        (None, _) if config.resume => needs("resume", "a folder"),
        (None, _) => Ok(None),
        (Some(_), None) => needs("folder", "an optimiser whose state can be saved, as `Training::new` takes it"),
        (Some(folder), Some(access)) => Ok(Some((folder, access))),
    }
}

fn describe_run(run: &[u64]) -> String {
    match run {
        [samples, validated, batch_size, batches, seed, rate, metrics, micro_batches] => format!(
            "of {samples} samples ({validated} for validation) in batches of {batch_size} ({micro_batches} micro-batch(es)), {batches} a step, seed {seed}, step size {}, {}",
            f64::from_bits(*rate),
            if *metrics == 0 { "without a metric".to_owned() } else { format!("with {metrics} metric(s)") }
        ),
        other => format!("of {} numbers", other.len()),
    }
}

/// Returns the numbers of an epoch as they are saved: loss and metrics, whether there is a validation set, its loss and
/// metrics or zeros, step size, seconds.
fn row(epoch: &Epoch, metrics: usize) -> Vec<f64> {
    let none = Score { loss: 0.0, metrics: vec![0.0; metrics] };
    let numbers = |score: &Score| [&[score.loss], score.metrics.as_slice()].concat();
    let is_validated = f64::from(u8::from(epoch.validation.is_some()));
    let validation = numbers(epoch.validation.as_ref().unwrap_or(&none));
    [numbers(&epoch.train), vec![is_validated], validation, vec![epoch.learning_rate, epoch.seconds]].concat()
}
