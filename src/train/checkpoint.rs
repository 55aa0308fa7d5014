//! Where a run is, and the files it can be continued from.

use super::{Ending, Epoch, History, Score, TrainConfig};
use crate::error::{Error, Result};
use crate::optim::{Resume, variables};
use candle_core::{Device, Tensor};
use candle_nn::VarMap;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// Where a run is.
pub(super) struct Position {
    pub(super) history: History,
    /// Epochs that are done.
    pub(super) epoch: usize,
    /// Batches of the one after them that are done.
    pub(super) batch: usize,
    /// Steps taken in all.
    pub(super) step: u64,
    /// The optimiser's step size, before the schedule.
    pub(super) rate: f64,
    /// What makes the run this one: samples, batch size, seed.
    run: [u64; 3],
    /// Sums over the samples of the batches that are done, their number, seconds, and the step size of the last of them.
    sum: Score,
    samples: f64,
    seconds: f64,
    last_rate: f64,
    /// The weights with the lowest loss, by name.
    best: HashMap<String, Tensor>,
}

/// Names in `last.safetensors`.
const MODEL: &str = "model.";
const OPTIMIZER: &str = "optimizer.";
const BEST: &str = "best.";
const RUN: &str = "run";
const POSITION: &str = "position";
const HISTORY: &str = "history";
/// Numbers that are saved of an epoch.
const COLUMNS: usize = 7;

impl Position {
    pub(super) fn new(history: History, samples: usize, config: &TrainConfig, rate: f64) -> Self {
        let run = [samples as u64, config.batch_size as u64, config.seed];
        let (sum, best) = (Score::default(), HashMap::new());
        Self { history, epoch: 0, batch: 0, step: 0, rate, run, sum, samples: 0.0, seconds: 0.0, last_rate: rate, best }
    }

    /// Whether another epoch follows; says why, if none does.
    pub(super) fn goes_on(&mut self, config: &TrainConfig) -> bool {
        let since = |best: usize| self.epoch - 1 - best;
        if let (Some(patience), Some(best)) = (config.patience, self.history.best)
            && since(best) >= patience
        {
            self.history.ending = Ending::Patience;
            return false;
        }
        self.epoch < config.epochs
    }

    /// Takes up the score of a batch.
    pub(super) fn advance(&mut self, score: Score, samples: usize, seconds: f64, rate: f64) {
        self.sum = self.sum.plus(score, samples as f64);
        self.samples += samples as f64;
        self.seconds += seconds;
        self.last_rate = rate;
        self.batch += 1;
        self.step += 1;
    }

    /// Makes an epoch of the batches that are done, and keeps the weights if its loss is the lowest.
    pub(super) fn close_epoch(&mut self, validation: Option<Score>, varmap: &VarMap) -> Result<()> {
        let train = self.sum.over(self.samples);
        let epoch = Epoch { train, validation, learning_rate: self.last_rate, seconds: self.seconds };
        let loss = |epoch: &Epoch| epoch.validation.unwrap_or(epoch.train).loss;
        let best = self.history.best.and_then(|best| self.history.epochs.get(best)).map(loss);
        if best.is_none_or(|best| best.is_nan() || loss(&epoch) < best) {
            self.history.best = Some(self.epoch);
            self.best = weights(varmap)?;
        }
        self.history.epochs.push(epoch);
        self.epoch += 1;
        (self.batch, self.sum, self.samples, self.seconds) = (0, Score::default(), 0.0, 0.0);
        Ok(())
    }

    pub(super) fn restore_best(&self, varmap: &VarMap) -> Result<()> {
        set(varmap, &self.best, "")
    }

    /// Writes the files of a run; those of scores only if there are new ones.
    pub(super) fn save(
        &self,
        config: &TrainConfig,
        varmap: &VarMap,
        optimizer: &impl Resume,
        scored: bool,
    ) -> Result<()> {
        let Some(folder) = &config.folder else { return Ok(()) };
        let file = |error: std::io::Error| candle_core::Error::from(error);
        fs::create_dir_all(folder).map_err(file)?;
        let mut tensors = HashMap::new();
        let mut put = |prefix: &str, from: HashMap<String, Tensor>| {
            tensors.extend(from.into_iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
        };
        put(MODEL, weights(varmap)?);
        put(OPTIMIZER, optimizer.state()?);
        put(BEST, self.best.clone());
        let cpu = &Device::Cpu;
        let halves: Vec<u32> = self.run.iter().flat_map(|&number| [(number >> 32) as u32, number as u32]).collect();
        tensors.insert(RUN.to_owned(), Tensor::new(halves, cpu)?);
        let best = self.history.best.map_or(-1.0, |best| best as f64);
        let Score { loss, metric } = self.sum;
        let (epoch, batch, step) = (self.epoch as f64, self.batch as f64, self.step as f64);
        let position = [epoch, batch, step, self.rate, loss, metric, self.samples, self.seconds, self.last_rate, best];
        tensors.insert(POSITION.to_owned(), Tensor::new(&position, cpu)?);
        let rows: Vec<f64> = self.history.epochs.iter().flat_map(row).collect();
        tensors.insert(HISTORY.to_owned(), Tensor::from_vec(rows, (self.history.epochs.len(), COLUMNS), cpu)?);

        // Under another name first: who stops in the middle has the file before.
        let write = |name: &str, tensors: &HashMap<String, Tensor>| -> Result<()> {
            let (new, path) = (folder.join(format!("{name}.new")), folder.join(name));
            candle_core::safetensors::save(tensors, &new)?;
            Ok(fs::rename(new, path).map_err(file)?)
        };
        write("last.safetensors", &tensors)?;
        if scored {
            if self.history.best == Some(self.epoch - 1) {
                write("best.safetensors", &self.best)?;
            }
            fs::write(folder.join("history.csv"), self.history.to_csv()).map_err(file)?;
        }
        let is_over = !scored || self.epoch == config.epochs;
        if is_over { self.history.save_figure(&config.name, &folder.join("history.png")) } else { Ok(()) }
    }

    /// Takes up what [`save`](Self::save) wrote.
    pub(super) fn load(&mut self, config: &TrainConfig, varmap: &VarMap, optimizer: &mut impl Resume) -> Result<()> {
        let folder = config.folder.as_deref().unwrap_or(Path::new("."));
        let tensors = candle_core::safetensors::load(folder.join("last.safetensors"), &Device::Cpu)?;
        let get = |name: &str, expected: &str| {
            let saved =
                |actual: String| Error::SavedState { name: name.to_owned(), expected: expected.to_owned(), actual };
            tensors.get(name).ok_or_else(|| saved("missing".to_owned()))
        };
        let halves = get(RUN, "U32 [6]")?.to_vec1::<u32>()?;
        let run: Vec<u64> =
            halves.chunks(2).map(|pair| pair.iter().fold(0, |n, &half| n << 32 | u64::from(half))).collect();
        if run != self.run {
            let describe = |run: &[u64]| format!("of [samples, batch size, seed] {run:?}");
            let (expected, actual) = (describe(&self.run), describe(&run));
            return Err(Error::SavedState { name: RUN.to_owned(), expected, actual });
        }
        let position = get(POSITION, "F64 [10]")?.to_vec1::<f64>()?;
        let &[epoch, batch, step, rate, loss, metric, samples, seconds, last_rate, best] = position.as_slice() else {
            let (name, expected, actual) =
                (POSITION.to_owned(), "F64 [10]".to_owned(), format!("F64 [{}]", position.len()));
            return Err(Error::SavedState { name, expected, actual });
        };
        let rows = get(HISTORY, "F64 [epochs, 7]")?.flatten_all()?.to_vec1::<f64>()?;
        let under = |prefix: &str| -> HashMap<String, Tensor> {
            let strip =
                |(name, tensor): (&String, &Tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor.clone()));
            tensors.iter().filter_map(strip).collect()
        };
        optimizer.restore(&under(OPTIMIZER))?;
        set(varmap, &under(MODEL), MODEL)?;
        self.history.epochs = rows.chunks_exact(COLUMNS).map(from_row).collect();
        self.history.best = (best >= 0.0).then_some(best as usize);
        (self.epoch, self.batch, self.step, self.rate) = (epoch as usize, batch as usize, step as u64, rate);
        (self.sum, self.samples, self.seconds, self.last_rate) = (Score { loss, metric }, samples, seconds, last_rate);
        self.best = under(BEST);
        Ok(())
    }
}

fn row(epoch: &Epoch) -> [f64; COLUMNS] {
    let Epoch { train, validation, learning_rate, seconds } = *epoch;
    let is_validated = f64::from(u8::from(validation.is_some()));
    let validation = validation.unwrap_or_default();
    [train.loss, train.metric, is_validated, validation.loss, validation.metric, learning_rate, seconds]
}

fn from_row(row: &[f64]) -> Epoch {
    let score = |at: usize| Score { loss: row[at], metric: row[at + 1] };
    let validation = (row[2] == 1.0).then(|| score(3));
    Epoch { train: score(0), validation, learning_rate: row[5], seconds: row[6] }
}

/// Copies of all variables, by name.
fn weights(varmap: &VarMap) -> Result<HashMap<String, Tensor>> {
    variables(varmap)?.into_iter().map(|(name, var)| Ok((name, var.copy()?.detach()))).collect()
}

/// Sets all variables to tensors of their names.
fn set(varmap: &VarMap, to: &HashMap<String, Tensor>, prefix: &str) -> Result<()> {
    let variables = variables(varmap)?;
    for (name, var) in &variables {
        let described = |tensor: &Tensor| format!("{:?} {:?}", tensor.dtype(), tensor.shape());
        let fits = |tensor: &&Tensor| tensor.dtype() == var.dtype() && tensor.shape() == var.shape();
        let found = to.get(name);
        if found.filter(fits).is_none() {
            let actual = found.map_or_else(|| "missing".to_owned(), described);
            return Err(Error::SavedState { name: format!("{prefix}{name}"), expected: described(var), actual });
        }
    }
    for (name, var) in &variables {
        if let Some(tensor) = to.get(name) {
            var.set(&tensor.to_device(var.device())?)?;
        }
    }
    Ok(())
}
