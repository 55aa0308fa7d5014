//! A run from its beginning to its end. Members of a cluster agree on what they begin, and whatever fails on one of
//! them ends the run of all.

use super::checkpoint::{IDENTITY, Position};
use super::layout::Layout;
use super::progress::Progress;
use super::spans::{report_epoch, span};
use super::weights::hashes;
use super::{BatchSource, History, StopReason, TrainConfig, Training, count, interrupt};
use crate::cluster::Workers;
use crate::error::Result;
use crate::hash::{Fnv, fnv1a};
use crate::numbers::host_numbers;
use crate::optim::{Unreached, variables};
use candle_core::Var;
use candle_nn::Optimizer;
use std::sync::atomic::{AtomicBool, Ordering};

/// Parts of a run that stay the same.
pub(super) struct Run<'a> {
    pub(super) config: &'a TrainConfig,
    pub(super) train: &'a dyn BatchSource,
    pub(super) variables: Vec<(String, Var)>,
    pub(super) workers: Workers,
    pub(super) layout: Layout,
    stop: &'a AtomicBool,
    _listens: interrupt::Run,
}

impl Run<'_> {
    /// Whether this member was told to stop.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Checks that all members still have the same weights, unless one has an error. Hooks may have changed gradients,
    /// and a model may draw numbers of its own.
    fn check_weights(&self, what: &'static str, mine: Result<()>) -> Result<()> {
        let Some(cluster) = &self.config.cluster else { return mine };
        let numbers = mine.and_then(|()| Ok(hashes(&self.variables)?[1]));
        let number = numbers.as_ref().copied().unwrap_or_default();
        cluster.agree_all(numbers, &[(what, number)]).map(drop)
    }
}

impl<'a, O: Optimizer> Training<'a, O> {
    pub(super) fn run_all(
        &mut self,
        config: &TrainConfig,
        train: &dyn BatchSource,
        validation: Option<&dyn BatchSource>,
    ) -> Result<History> {
        span!(INFO, "training", name = config.name.as_str(), samples = train.samples());
        let (run, mut at) = self.begin(config, train, validation)?;
        let steps = count(train)?.div_ceil(config.step_size());
        let progress = Progress::new(config, steps, &at, run.workers.is_first())?;
        while at.history.stop_reason != StopReason::Interrupted && at.goes_on(config) {
            span!(INFO, "epoch", number = at.epoch);
            let is_finished = self.epoch(&run, &mut at, &progress)?;
            let closed = self.close(&run, &mut at, validation, is_finished, &progress);
            run.check_weights("the weights after an epoch", closed)?;
            let breaks =
                self.on_epoch.as_mut().filter(|_| is_finished).is_some_and(|hook| hook(&at.history).is_break());
            if run.workers.settle(Ok(()), breaks)?.1 {
                at.history.stop_reason = StopReason::Stopped;
                break;
            }
        }
        at.history.without_gradient = at.unreached.names();
        progress.finish(&at.history.without_gradient);
        run.workers.settle(self.finish(config, &at), false)?;
        Ok(at.history)
    }

    /// Makes the beginning of a run, or loads the position of one, once all members agree on it.
    fn begin<'r>(
        &mut self,
        config: &'r TrainConfig,
        train: &'r dyn BatchSource,
        validation: Option<&dyn BatchSource>,
    ) -> Result<(Run<'r>, Position)>
    where
        'a: 'r,
    {
        let prepared = self.prepare(config, train, validation);
        let (run, mut at) = match &config.cluster {
            None => prepared?.0,
            Some(cluster) => {
                let things = prepared.as_ref().map_or([("", 0); THINGS], |(_, things)| *things);
                cluster.agree_all(prepared, &things)?.0
            }
        };
        let opened = at.open(config, self.varmap, self.optimizer, self.access, &run.workers);
        let Some(cluster) = &config.cluster else { return opened.map(|()| (run, at)) };
        let weights = opened.and_then(|()| hashes(&run.variables));
        let [_, numbers] = weights.as_ref().copied().unwrap_or_default();
        let things = [("the weights", numbers), (OPTIMIZER, self.optimizer_hash()), at.place()];
        cluster.agree_all(weights, &things)?;
        Ok((run, at))
    }

    /// Checks what can be checked on this member alone. Returns the beginning of a run, and the things on
    /// which the members agree.
    fn prepare<'r>(
        &self,
        config: &'r TrainConfig,
        train: &'r dyn BatchSource,
        validation: Option<&dyn BatchSource>,
    ) -> Result<((Run<'r>, Position), Things)>
    where
        'a: 'r,
    {
        config.check()?;
        let samples = [count(train)?, validation.map(count).transpose()?.unwrap_or(0)];
        let (watched, listens) = interrupt::watch_interrupt(self.stop.is_none())?;
        let history = History::new(self.names()?, self.monitor.clone());
        let mut at = Position::new(history, samples, config, self.optimizer.learning_rate());
        let variables = variables(self.varmap)?;
        at.unreached = Unreached::new(variables.clone());
        at.of_sets = self.metrics.iter().map(|metric| metric.is_of_set).collect();
        let workers = Workers::new(config.cluster.as_ref(), config.micro_batches)?;
        let layout = Layout::new(&variables, self.metrics.len());
        if config.micro_batches > 1 {
            workers.check_memory(layout.size())?;
        }
        let stop = self.stop.unwrap_or(watched);
        let run = Run { config, train, variables, workers, layout, stop, _listens: listens };
        let things = if config.cluster.is_some() { self.things(&run, &at)? } else { [("", 0); THINGS] };
        Ok(((run, at), things))
    }

    /// Returns the things on which members agree before anything is read, removed or computed.
    fn things(&self, run: &Run<'_>, at: &Position) -> Result<Things> {
        let [names, numbers] = hashes(&run.variables)?;
        // A run that continues has the weights and the optimiser of its file.
        let begun = |hash: u64| if run.config.resume { 0 } else { hash };
        let mut things = [("", 0); THINGS];
        things[..IDENTITY].copy_from_slice(&at.identity());
        things[IDENTITY..].copy_from_slice(&[
            ("the variables", names),
            ("the options of the training", fnv1a(options(run.config).as_bytes())),
            ("the initial weights", begun(numbers)),
            (OPTIMIZER, begun(self.optimizer_hash())),
        ]);
        Ok(things)
    }

    /// Hashes the state of the optimiser, if it has one that can be saved.
    fn optimizer_hash(&self) -> u64 {
        let state = self.access.and_then(|access| access.state(self.optimizer).ok()).unwrap_or_default();
        let mut tensors: Vec<_> = state.into_iter().collect();
        tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut hash = Fnv::new();
        for (name, tensor) in tensors {
            hash.bytes(name.as_bytes());
            host_numbers(&tensor).iter().flatten().for_each(|number| hash.bytes(&number.to_le_bytes()));
        }
        hash.value()
    }

    /// Ends an epoch that is finished, and writes the files. All members call it.
    fn close(
        &mut self,
        run: &Run<'_>,
        at: &mut Position,
        validation: Option<&dyn BatchSource>,
        is_finished: bool,
        progress: &Progress,
    ) -> Result<()> {
        if self.metrics.iter().any(|metric| metric.is_of_set) {
            let shared = at.gathered.share(&run.workers);
            run.workers.settle(shared, false)?;
        }
        if is_finished {
            let score = validation.map(|set| self.validate(set, &run.workers)).transpose()?;
            let train = self.complete(at.mean(), &at.gathered)?;
            at.close_epoch(train, score, self.varmap)?;
            progress.epoch(&at.history, &at.unreached.names());
            report_epoch(&at.history);
        } else {
            at.history.stop_reason = StopReason::Interrupted;
        }
        match run.workers.is_first() {
            true => at.save(run.config, self.varmap, self.optimizer, self.access, is_finished),
            false => Ok(()),
        }
    }

    fn finish(&self, config: &TrainConfig, at: &Position) -> Result<()> {
        // A run with a folder continues from its last weights.
        if at.history.stop_reason == StopReason::Interrupted && config.folder.is_some() {
            return Ok(());
        }
        at.check_best()?;
        if config.restore_best { at.restore_best(self.varmap) } else { Ok(()) }
    }
}

/// Count of the things on which members agree before a run.
const THINGS: usize = IDENTITY + 4;
const OPTIMIZER: &str = "the state of the optimiser";
/// Things on which members agree, each with a hash or a number.
type Things = [(&'static str, u64); THINGS];

/// Returns the options that decide on the steps and are no numbers that identify a run, as a text.
fn options(config: &TrainConfig) -> String {
    let TrainConfig { epochs, schedule, schedule_interval, reduce_on_plateau, .. } = config;
    let TrainConfig { clip_norm, patience, restore_best, folder, resume, .. } = config;
    let steps = format!("{epochs} {schedule:?} {schedule_interval:?} {reduce_on_plateau:?} {clip_norm:?}");
    format!("{steps} {patience:?} {restore_best} {} {resume}", folder.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cluster;
    use crate::error::{ClusterError, Error};
    use crate::nn::SeededInit;
    use crate::optim::{Adam, AdamConfig};
    use crate::train::accuracy;
    use candle_core::{DType, Device, Module, Tensor};
    use candle_nn::VarMap;
    use candle_nn::loss::cross_entropy;
    use std::cell::Cell;

    /// Place of one member's mistake.
    #[derive(Clone, Copy, PartialEq)]
    enum Mistake {
        None,
        Loss,
        Step,
        Scoring,
    }

    /// Trains a linear layer that notes a shared state in each call, as a layer on a shared state does. Returns the
    /// weights, the scores and the number of steps.
    fn train(cluster: Option<Cluster>, mistake: Mistake, stops: bool) -> Result<(Vec<f32>, Vec<f64>, usize)> {
        let varmap = VarMap::new();
        let layer = candle_nn::linear(2, 2, SeededInit::new(1).var_builder(&varmap, DType::F32, &Device::Cpu))?;
        let shared = |x: &Tensor| {
            // As an engine does, the members meet in each call.
            cluster.iter().try_for_each(|cluster| cluster.check_same("the inputs", x.elem_count() as u64))?;
            cluster.iter().for_each(Cluster::note_shared_call);
            layer.forward(x)
        };
        let calls = Cell::new(0);
        let loss = |outputs: &Tensor, targets: &Tensor| {
            calls.set(calls.get() + 1);
            if mistake == Mistake::Loss && calls.get() == 7 {
                candle_core::bail!("a mistake");
            }
            cross_entropy(outputs, targets)
        };
        let x: Vec<f32> = (0..42).map(|number| (number as f32 * 0.7).sin()).collect();
        let (x, y) = (Tensor::from_vec(x, (21, 2), &Device::Cpu)?, Tensor::new([0u32, 1, 1].repeat(7), &Device::Cpu)?);
        let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(0.1))?;
        let (flag, mut steps) = (AtomicBool::new(false), 0);
        let config = TrainConfig { batch_size: 8, micro_batches: 5, cluster: cluster.clone(), ..Default::default() };
        let history = Training::new(&shared, &varmap, &mut adam, loss, TrainConfig { epochs: 3, ..config })
            .metric("accuracy", accuracy)
            .batch_metric("scoring", |outputs, _| match mistake {
                // The set to score comes in one batch of five.
                Mistake::Scoring if outputs.dims()[0] == 5 => candle_core::bail!("a mistake"),
                _ => Ok(1.0),
            })
            .stop_when(&flag)
            .on_step(|step, _| {
                steps += 1;
                flag.store(stops && step.step == 3, Ordering::Relaxed);
                if mistake == Mistake::Step && step.step == 1 { candle_core::bail!("a mistake") } else { Ok(()) }
            })
            .run((&x, &y), Some((&x.narrow(0, 0, 5)?, &y.narrow(0, 0, 5)?)))?;
        let scores = history.epochs.iter().flat_map(|epoch| [epoch.train.loss, epoch.train.metrics[0]]).collect();
        let mut weights = Vec::new();
        for (_, var) in variables(&varmap)? {
            weights.extend(var.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok((weights, scores, steps))
    }

    /// Runs a function as each of four members in groups of two.
    fn groups<T: Send>(each: impl Fn(Cluster, usize) -> T + Sync) -> Vec<T> {
        std::thread::scope(|scope| {
            let each = &each;
            let start = |(rank, member): (usize, Cluster)| scope.spawn(move || each(member.split(2).unwrap(), rank));
            let threads: Vec<_> = Cluster::threads(4).into_iter().enumerate().map(start).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn groups_that_share_states_are_workers() {
        let expected = train(None, Mistake::None, false).unwrap();
        assert_eq!(expected.2, 9);
        for outcome in groups(|group, _| train(Some(group), Mistake::None, false)) {
            assert_eq!(outcome.unwrap(), expected);
        }
        // The flag of one member of a group stops both groups after the step in which they hear of it.
        for outcome in groups(|group, rank| train(Some(group), Mistake::None, rank == 3)) {
            assert_eq!(outcome.unwrap().2, 5);
        }
    }

    #[test]
    fn a_mistake_in_a_group_ends_all() {
        for mistake in [Mistake::Loss, Mistake::Step, Mistake::Scoring] {
            let here = |rank| if rank == 2 { mistake } else { Mistake::None };
            for (rank, outcome) in groups(|group, rank| train(Some(group), here(rank), false)).into_iter().enumerate() {
                match (rank, outcome.unwrap_err()) {
                    (2, error) => assert_eq!(error.to_string().lines().next(), Some("a mistake")),
                    (_, Error::Cluster(ClusterError::Elsewhere { rank: 2, error })) => {
                        assert!(error.starts_with("a mistake"), "{error}");
                    }
                    (_, error) => panic!("{error}"),
                }
            }
        }
    }
}
