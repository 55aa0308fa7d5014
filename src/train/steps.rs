//! The steps of an epoch: gradients of batches or of their micro-batches, here or on other members, and the step along
//! them.

use super::cause::Part;
use super::checkpoint::Position;
use super::hooks::TrainStep;
use super::progress::Progress;
use super::run::Run;
use super::scores::label_beyond;
use super::source::load;
use super::spans::span;
use super::{Score, Training, count, numbers_of};
use crate::cluster::{Roots, share};
use crate::data::{Purpose, seeded_generator};
use crate::error::{Error, Result, TrainingError};
use crate::numbers::host_number;
use crate::optim::{Interval, clip_by_norm, require_gradient};
use candle_core::Tensor;
use candle_core::backprop::GradStore;
use candle_nn::Optimizer;
use rand::seq::SliceRandom;
use std::ops::Range;
use std::time::Instant;

/// Gradients of a step, with the sum of the scores of its samples.
enum Gradients {
    /// Gradients of whole batches.
    Whole(GradStore, Score),
    /// Sums over micro-batches, in the layout of the run.
    Sums(Vec<f64>),
}

impl<O: Optimizer> Training<'_, O> {
    /// Takes the steps from the position in the epoch. Returns whether the epoch was completed.
    pub(super) fn epoch(&mut self, run: &Run<'_>, at: &mut Position, progress: &Progress) -> Result<bool> {
        let begun = order(count(run.train)?, run.config.seed, at.epoch)
            .and_then(|order| Ok((order, at.reduction(run.config)?)));
        let ((order, reduction), mut stops) = run.workers.settle(begun, run.is_stopped())?;
        let steps = order.len().div_ceil(run.config.step_size()) as u64;
        let (mut taken, mut is_finished) = (Ok(()), true);
        for samples in order.chunks(run.config.step_size()).skip(at.batch) {
            if run.workers.is_alone() {
                stops = run.is_stopped();
            }
            if stops {
                is_finished = false;
                break;
            }
            let factor = match run.config.schedule_interval {
                Interval::Step => run.config.schedule.factor(at.step),
                Interval::Epoch => run.config.schedule.factor_by_epoch(at.step, steps),
            };
            self.optimizer.set_learning_rate(at.rate * factor * reduction);
            span!(DEBUG, "step", number = at.step);
            let start = Instant::now();
            let part = Part { name: "training", source: run.train, samples };
            // An error of the step before is told with this step's gradients: the others are waiting for those.
            let (gradients, others_stop) = self.gradients(run, at, samples, taken)?;
            let step = self.step(run, at, samples, gradients, start);
            taken = run.workers.together(self.or_cause(step, |()| true, part));
            stops = others_stop;
            if taken.is_ok() {
                progress.step();
            }
        }
        run.workers.settle(taken, false)?;
        Ok(is_finished)
    }

    /// Computes the gradients of the mean loss of some samples, unless there is an error already. Returns whether a
    /// member is to stop, too.
    fn gradients(
        &self,
        run: &Run<'_>,
        at: &mut Position,
        samples: &[u32],
        before: Result<()>,
    ) -> Result<(Gradients, bool)> {
        let part = Part { name: "training", source: run.train, samples };
        if run.config.micro_batches == 1 {
            let mine = before.and_then(|()| {
                let whole = self.of_batches(run, at, samples);
                let whole = self.or_cause(whole, |_| true, part)?;
                run.workers.check_shared()?;
                Ok(Gradients::Whole(whole.0, whole.1))
            });
            return run.workers.settle(mine, run.is_stopped());
        }
        let mine = before.and_then(|()| {
            let sums = self.of_micro_batches(run, at, samples);
            let sums = self.or_cause(sums, |_| true, part)?;
            run.workers.check_shared()?;
            Ok(sums)
        });
        let (sums, stops) = run.workers.sum(mine, run.layout.size(), run.is_stopped())?;
        Ok((Gradients::Sums(sums), stops))
    }

    /// Takes a step along gradients.
    fn step(
        &mut self,
        run: &Run<'_>,
        at: &mut Position,
        samples: &[u32],
        gradients: Gradients,
        start: Instant,
    ) -> Result<()> {
        let (mut gradients, score) = match gradients {
            Gradients::Whole(gradients, score) => (gradients, score),
            Gradients::Sums(sums) => run.layout.gradients(&sums)?,
        };
        require_gradient("training", &run.variables, &gradients)?;
        at.unreached.note(&gradients)?;
        if let Some(hook) = &mut self.on_step {
            let (epoch, step, learning_rate) = (at.epoch, at.step, self.optimizer.learning_rate());
            let loss = score.loss / samples.len() as f64;
            hook(&TrainStep { epoch, step, samples: samples.len(), loss, learning_rate }, &mut gradients)?;
        }
        if let Some(limit) = run.config.clip_norm {
            clip_by_norm(&mut gradients, self.varmap, limit)?;
        }
        self.optimizer.step(&gradients)?;
        at.advance(&score, samples.len(), start.elapsed().as_secs_f64(), self.optimizer.learning_rate());
        Ok(())
    }

    /// Returns the gradients of the mean loss of some samples, batch by batch, and the sum of their scores.
    fn of_batches(&self, run: &Run<'_>, at: &mut Position, samples: &[u32]) -> Result<(GradStore, Score)> {
        let (mut gradients, mut sum) = (GradStore::default(), Score::default());
        for (index, batch) in samples.chunks(run.config.batch_size).enumerate() {
            let place = at.samples() + index * run.config.batch_size;
            let (loss, score) = self.forward(run, at, batch, place)?;
            sum = sum.plus(&score, batch.len() as f64);
            // A batch counts by its part of all samples of the step.
            match batch.len() == samples.len() {
                true => gradients = run.workers.together(backward(&loss))?,
                false => {
                    let loss = (loss * (batch.len() as f64 / samples.len() as f64))?;
                    gradients.extend(run.workers.together(backward(&loss))?)?;
                }
            }
        }
        Ok((gradients, sum))
    }

    /// Returns the sums over this worker's micro-batches of the batches of a step.
    fn of_micro_batches(&self, run: &Run<'_>, at: &mut Position, samples: &[u32]) -> Result<Roots> {
        let (parts, batches) = (run.config.micro_batches, samples.chunks(run.config.batch_size));
        // All batches but the last are of one size.
        let sizes = [batches.clone().next(), batches.clone().last()].map(|batch| batch.map_or(0, <[u32]>::len));
        let start = |size: usize, part: usize| share(size, part, parts).start;
        let is_empty = |node: &Range<usize>| sizes.iter().all(|&size| start(size, node.start) == start(size, node.end));
        let mut micro_batch = |number: usize| {
            let mut sums = vec![0.0; run.layout.size()];
            for (index, batch) in batches.clone().enumerate() {
                let part = share(batch.len(), number, parts);
                if part.is_empty() {
                    continue;
                }
                let place = at.samples() + index * run.config.batch_size + part.start;
                let (loss, score) = self.forward(run, at, &batch[part.clone()], place)?;
                let gradients = run.workers.together(backward(&loss))?;
                run.layout.add(&mut sums, part.len(), &score, &gradients)?;
            }
            Ok(sums)
        };
        run.workers.roots(&is_empty, &mut micro_batch)
    }

    /// Returns the loss of some samples, and their scores. `place` is the place of the first of them in the epoch.
    fn forward(&self, run: &Run<'_>, at: &mut Position, samples: &[u32], place: usize) -> Result<(Tensor, Score)> {
        // Whatever fails on one member of a group ends the step of all, before they share a state again.
        let (x, y) = run.workers.together(load(run.train, samples))?;
        run.workers.together(self.judged(run, at, samples, place, &x, &y))
    }

    fn judged(
        &self,
        run: &Run<'_>,
        at: &mut Position,
        samples: &[u32],
        place: usize,
        x: &Tensor,
        y: &Tensor,
    ) -> Result<(Tensor, Score)> {
        let outputs = self.model.forward_t(x, true)?;
        let sample = |place: usize| samples.get(place).map_or(place, |sample| *sample as usize);
        let loss = self.loss(&outputs, y).map_err(|error| label_beyond(&outputs, y, sample).unwrap_or(error))?;
        let value = host_number(&loss)?;
        if !value.is_finite() {
            let (of, evaluation) = ("training", at.step as usize + 1);
            return Err(Error::Training(TrainingError::LossNotFinite { of, evaluation, loss: value }));
        }
        let score = self.judge(&outputs.detach(), y, value)?;
        self.gather(&mut at.gathered, place, &outputs, y, run.train.samples())?;
        Ok((loss, score))
    }
}

fn backward(loss: &Tensor) -> Result<GradStore> {
    Ok(loss.backward()?)
}

/// Returns the order of the samples in an epoch. It is a function of seed and epoch alone, so there is no state to
/// save.
fn order(samples: usize, seed: u64, epoch: usize) -> Result<Vec<u32>> {
    let mut order = numbers_of(samples)?;
    let seed = seed.wrapping_add((epoch as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    order.shuffle(&mut seeded_generator(seed, Purpose::Batches));
    Ok(order)
}
