//! Scores of a run: losses and metrics of batches and of whole sets.

use super::cause::Part;
use super::gathered::Gathered;
use super::history::LOSS;
use super::source::load;
use super::spans::span;
use super::{BatchSource, Metric, Score, Training, count, numbers_of};
use crate::cluster::Workers;
use crate::error::{DataError, Error, Result, TensorError, TrainingError};
use crate::numbers::host_number;
use candle_core::{DType, Device, Tensor};

impl<O> Training<'_, O> {
    /// Returns the names of the metrics, if all scores have names of their own.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        let names: Vec<String> = self.metrics.iter().map(|metric| metric.name.clone()).collect();
        let mut known = vec![LOSS.to_owned()];
        for name in &names {
            if known.contains(name) {
                return Err(Error::Training(TrainingError::ScoreTwice { name: name.clone() }));
            }
            known.push(name.clone());
        }
        match known.contains(&self.monitor.name) {
            true => Ok(names),
            false => {
                let name = self.monitor.name.clone();
                Err(Error::Training(TrainingError::UnknownScore { name, known }))
            }
        }
    }

    /// Keeps the outputs of a batch if a metric of the whole set needs them.
    pub(super) fn gather(
        &self,
        gathered: &mut Gathered,
        place: usize,
        outputs: &Tensor,
        targets: &Tensor,
        samples: usize,
    ) -> Result<()> {
        if self.metrics.iter().any(|metric| metric.is_of_set) {
            // A checkpoint keeps them on the CPU.
            let [outputs, targets] = [outputs, targets].map(|of| of.to_device(&Device::Cpu));
            gathered.add(place, &outputs?, &targets?, samples)?;
        }
        Ok(())
    }

    /// Adds the metrics of the whole set to the means over its batches.
    pub(super) fn complete(&self, mut score: Score, gathered: &Gathered) -> Result<Score> {
        if let Some((outputs, targets)) = gathered.whole()? {
            for (value, metric) in score.metrics.iter_mut().zip(&self.metrics).filter(|(_, metric)| metric.is_of_set) {
                let [outputs, targets] = [&outputs, &targets].map(|of| of.to_device(&Device::Cpu));
                *value = (metric.judge)(&outputs?, &targets?)?;
            }
        }
        Ok(score)
    }

    /// Returns loss and metrics of the whole validation set.
    pub(super) fn validate(&self, set: &dyn BatchSource, workers: &Workers) -> Result<Score> {
        span!(INFO, "validation", samples = set.samples());
        let samples = numbers_of(count(set)?)?;
        let part = Part { name: "validation", source: set, samples: &samples };
        self.or_cause(self.score(set, &samples, workers), |score| score.loss.is_finite(), part)
    }

    fn score(&self, set: &dyn BatchSource, samples: &[u32], workers: &Workers) -> Result<Score> {
        let (mut sum, mut gathered) = (Score::default(), Gathered::default());
        for (index, batch) in samples.chunks(self.config.batch_size).enumerate() {
            // Whatever fails on one member of a group ends the scoring of all, before they share a state again.
            let (x, y) = workers.together(load(set, batch))?;
            let scored = self.model.forward_t(&x, false).map_err(Error::from).and_then(|outputs| {
                let outputs = outputs.detach();
                gathered.add(index * self.config.batch_size, &outputs, &y, samples.len())?;
                // The loss follows for the whole set.
                self.judge(&outputs, &y, 0.0)
            });
            sum = sum.plus(&workers.together(scored)?, batch.len() as f64);
        }
        let mut score = self.complete(sum.over(samples.len() as f64), &gathered)?;
        if let Some((outputs, targets)) = gathered.whole()? {
            let cause = |error| label_beyond(&outputs, &targets, |sample| sample).unwrap_or(error);
            score.loss = host_number(&self.loss(&outputs, &targets).map_err(cause)?)?;
        }
        Ok(score)
    }

    /// Returns the loss as a scalar.
    pub(super) fn loss(&self, outputs: &Tensor, targets: &Tensor) -> Result<Tensor> {
        let loss = (self.loss)(outputs, targets)?;
        match loss.elem_count() {
            1 => Ok(loss.reshape(())?),
            _ => Err(Error::Tensor(TensorError::Shape {
                what: "the loss of a batch",
                expected: ().into(),
                actual: loss.shape().clone(),
            })),
        }
    }

    /// Returns the scores of a batch with its loss: 0 for metrics of the whole set.
    pub(super) fn judge(&self, outputs: &Tensor, targets: &Tensor, loss: f64) -> Result<Score> {
        let metric = |metric: &Metric<'_>| if metric.is_of_set { Ok(0.0) } else { (metric.judge)(outputs, targets) };
        let metrics = self.metrics.iter().map(metric).collect::<candle_core::Result<Vec<f64>>>()?;
        Ok(Score { loss, metrics })
    }
}

/// Returns the likely cause of a failed loss of classes: a label without an output of the model. `sample` converts an
/// index in the batch to the number of the sample.
pub(super) fn label_beyond(outputs: &Tensor, labels: &Tensor, sample: impl Fn(usize) -> usize) -> Option<Error> {
    let (&[_, classes], [_]) = (outputs.dims(), labels.dims()) else { return None };
    if !labels.dtype().is_int() {
        return None;
    }
    let labels = labels.to_dtype(DType::I64).and_then(|labels| labels.to_vec1::<i64>()).ok()?;
    let beyond = |label: &i64| usize::try_from(*label).map_or(true, |label| label >= classes);
    Some(Error::Data(DataError::Label { sample: sample(labels.iter().position(beyond)?), classes }))
}
