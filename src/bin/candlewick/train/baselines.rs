//! Figures of the test part: of the model, and of simple predictions that it has to beat.

use super::super::failure::{Failure, Outcome};
use super::super::rows;
use super::{Parts, Task};
use candlewick::candle_core::{self, DType, Device, Module, Tensor};
use candlewick::candle_nn::{Linear, VarMap, linear};
use candlewick::data::Dataset;
use candlewick::metrics;
use candlewick::model::Model;
use candlewick::nn::SeededInit;
use candlewick::optim::{Lbfgs, LbfgsConfig};

/// Figures of the test part: shares of right classes, or root mean squared errors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Scores {
    /// Task of all of them.
    pub(crate) task: Task,
    /// Figure of the model.
    pub(crate) model: f64,
    /// Figure of the most frequent class, or of the mean, of the training part.
    pub(crate) constant: f64,
    /// Figure of a logistic or linear regression on the same features of the training part.
    pub(crate) linear: f64,
}

impl Scores {
    /// Returns the figures with their names.
    pub(crate) fn named(&self) -> [(&'static str, f64); 3] {
        let names = match self.task {
            Task::Classes => ["accuracy", "most frequent class", "logistic regression"],
            Task::Values => ["RMSE", "mean", "linear regression"],
        };
        [(names[0], self.model), (names[1], self.constant), (names[2], self.linear)]
    }
}

/// Computes the figures of the test part; none if it is empty.
pub(crate) fn scores(task: &Task, parts: &Parts, model: &Model) -> Outcome<Option<Scores>> {
    let Some(test) = &parts.test else { return Ok(None) };
    let (own, linear) = (outputs(model, test)?, linear_outputs(*task, parts, test, model)?);
    let (model, constant, linear) = match task {
        Task::Classes => {
            let most = most_frequent(&parts.train.y.to_vec1()?, parts.encoder.classes().len());
            let constant = test.y.eq(most)?.to_dtype(DType::F64)?.mean_all()?.to_scalar()?;
            (metrics::accuracy(&own, &test.y)?, constant, metrics::accuracy(&linear, &test.y)?)
        }
        Task::Values => {
            let linear = parts.target_scaler.as_ref().map_or(Ok(linear.clone()), |scaler| scaler.invert(&linear))?;
            let truth = wide(&test.y)?;
            let mean = wide(&parts.train.y)?.mean_all()?.broadcast_as(truth.shape())?;
            let error = |values: &Tensor| metrics::mean_squared_error(&wide(values)?, &truth).map(f64::sqrt);
            (error(&own)?, error(&mean)?, error(&linear)?)
        }
    };
    Ok(Some(Scores { task: *task, model, constant, linear }))
}

fn wide(tensor: &Tensor) -> candle_core::Result<Tensor> {
    tensor.to_dtype(DType::F64)
}

/// Returns the model's probabilities or values of a set.
fn outputs(model: &Model, set: &Dataset) -> Outcome<Tensor> {
    let mut all = Vec::new();
    for batch in batches(&set.x)? {
        all.push(model.predict(&batch)?.numbers().clone());
    }
    Ok(Tensor::cat(&all, 0)?)
}

/// Returns the samples in batches as `candlewick predict` has them.
fn batches(x: &Tensor) -> Outcome<Vec<Tensor>> {
    let rows = x.dim(0)?;
    let starts = (0..rows).step_by(rows::BATCH);
    let part = |start: usize| Ok(x.narrow(0, start, rows::BATCH.min(rows - start))?);
    starts.map(part).collect()
}

/// Returns the outputs for the test part of a linear model of the training part: a logistic regression with the penalty
/// that scikit-learn has by default, or least squares.
fn linear_outputs(task: Task, parts: &Parts, test: &Dataset, model: &Model) -> Outcome<Tensor> {
    let outputs = if task.is_classes() { parts.encoder.classes().len() } else { 1 };
    let (x, test) = (wide(&model.prepare(&parts.train.x)?)?, wide(&model.prepare(&test.x)?)?);
    let targets = parts.targets(&parts.train)?;
    let targets = if task.is_classes() { targets } else { wide(&targets)? };
    let varmap = VarMap::new();
    let vb = SeededInit::new(0).var_builder(&varmap, DType::F64, &Device::Cpu);
    let layer = linear(x.dim(1)?, outputs, vb)?;
    minimize(task, &varmap, &layer, (&x, &targets))?;
    Ok(layer.forward(&test)?.detach())
}

/// Fits a linear model.
fn minimize(task: Task, varmap: &VarMap, layer: &Linear, (x, targets): (&Tensor, &Tensor)) -> Outcome<()> {
    let penalty = 0.5 / x.dim(0)? as f64;
    let loss = || -> candle_core::Result<Tensor> {
        let loss = task.loss(&layer.forward(x)?, targets)?;
        match task {
            Task::Classes => loss + (layer.weight().sqr()?.sum_all()? * penalty)?,
            Task::Values => Ok(loss),
        }
    };
    let config = LbfgsConfig { steps: 300, ..LbfgsConfig::default() };
    Lbfgs::from_varmap(varmap, config)?.minimize(loss).map_err(Failure::from)?;
    Ok(())
}

/// Returns the most frequent class, the first of equal ones.
fn most_frequent(labels: &[u32], classes: usize) -> u32 {
    let count = |class: u32| labels.iter().filter(|label| **label == class).count();
    let classes = (0..classes as u32).map(|class| (class, count(class)));
    classes.fold((0, 0), |most, one| if one.1 > most.1 { one } else { most }).0
}
