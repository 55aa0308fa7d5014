//! The most probable numbers, and their error bars.

use crate::device::{KINDS, Numbers};
use crate::experiments::Experiment;
use anyhow::{Context, Result};
use candle_core::{DType, Device, Tensor};
use candle_nn::ops::sigmoid;
use candle_nn::{Init, VarBuilder, VarMap};
use candlewick::optim::{Lbfgs, LbfgsConfig};
use nalgebra::DMatrix;

/// Steps of differences: a part of the number, and at least so much.
const STEP: f64 = 1e-4;
const LEAST_STEP: f64 = 1e-7;

/// Result of a fit.
pub(crate) struct Learnt {
    pub(crate) numbers: Numbers,
    /// Numbers one after the other, in the order of [`KINDS`], and their error bars.
    pub(crate) values: Vec<f64>,
    pub(crate) errors: Vec<f64>,
    pub(crate) steps: usize,
    pub(crate) evaluations: usize,
    /// Norm of the gradient at the end.
    pub(crate) gradient: f64,
}

/// Free variables, which may have any value, and the numbers that they stand for, which may not: times are positive, T2
/// is at most 2 T1, and probabilities are between 0 and 1.
struct Variables([Tensor; 6]);

impl Variables {
    /// Starts from what anyone would guess of such a device.
    fn new(vb: &VarBuilder<'_>) -> Result<Self> {
        let logit = |p: f64| (p / (1.0 - p)).ln();
        let starts = [60f64.ln(), 0.0, 0.0, logit(0.01), logit(0.02), logit(0.02)];
        let mut variables = Vec::new();
        for (kind, start) in KINDS.iter().zip(starts) {
            variables.push(vb.get_with_hints(kind.truth.len(), kind.weights, Init::Const(start))?);
        }
        Ok(Self(variables.try_into().ok().context("there is a start for each kind")?))
    }

    fn numbers(&self) -> candle_core::Result<Numbers> {
        let [t1, t2, detuning, cx, p1_given_0, p0_given_1] = &self.0;
        let t1 = t1.exp()?;
        let t2 = (2.0 * &t1 * sigmoid(t2)?)?;
        let tensors = [t1, t2, detuning.clone(), sigmoid(cx)?, sigmoid(p1_given_0)?, sigmoid(p0_given_1)?];
        Ok(KINDS.iter().map(|kind| kind.weights).zip(tensors).collect())
    }
}

/// Finds the numbers under which the data are most probable.
pub(crate) fn fit(experiments: &[Experiment], data: &[Tensor], shots: usize, steps: usize) -> Result<Learnt> {
    let varmap = VarMap::new();
    let variables = Variables::new(&VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu))?;
    let config = LbfgsConfig { steps, gradient_tolerance: 1e-4, ..Default::default() };
    let found = Lbfgs::from_varmap(&varmap, config)?.minimize(|| {
        let numbers = variables.numbers()?;
        loss(experiments, data, &numbers).map_err(candle_core::Error::wrap)
    })?;
    let numbers: Numbers = variables.numbers()?.into_iter().map(|(name, tensor)| (name, tensor.detach())).collect();
    let mut values = Vec::new();
    for (_, tensor) in &numbers {
        values.extend(tensor.to_vec1::<f64>()?);
    }
    let errors = error_bars(experiments, &numbers, &values, shots)?;
    let (steps, evaluations, gradient) = (found.losses.len() - 1, found.evaluations, found.gradient_norm);
    Ok(Learnt { numbers, values, errors, steps, evaluations, gradient })
}

/// Minus the logarithm of the probability of the data, divided by the shots of a setting.
fn loss(experiments: &[Experiment], data: &[Tensor], numbers: &Numbers) -> Result<Tensor> {
    let mut sum = Tensor::zeros((), DType::F64, &Device::Cpu)?;
    for (experiment, frequencies) in experiments.iter().zip(data) {
        sum = (sum - (frequencies * experiment.probabilities(numbers)?.log()?)?.sum_all()?)?;
    }
    Ok(sum)
}

/// Returns the roots of the diagonal of the inverse Fisher information.
///
/// A shot with probabilities `p` has the information `sum of dp dp^T / p`. The derivatives are central differences: all
/// numbers that are moved up, and all that are moved down, are one ensemble.
fn error_bars(experiments: &[Experiment], numbers: &Numbers, values: &[f64], shots: usize) -> Result<Vec<f64>> {
    let count = values.len();
    let steps: Vec<f64> = values.iter().map(|value| LEAST_STEP.max(STEP * value.abs())).collect();
    let moved = Tensor::from_vec(steps.clone(), count, &Device::Cpu)?;
    let diagonal = Tensor::eye(count, DType::F64, &Device::Cpu)?.broadcast_mul(&moved)?;
    let (mut sets, mut first) = (Vec::new(), 0);
    for (name, tensor) in numbers {
        let size = tensor.dim(0)?;
        let part = diagonal.narrow(1, first, size)?;
        sets.push((*name, Tensor::cat(&[&tensor.broadcast_add(&part)?, &tensor.broadcast_sub(&part)?], 0)?));
        first += size;
    }
    let mut information = Tensor::zeros((count, count), DType::F64, &Device::Cpu)?;
    for experiment in experiments {
        let p = experiment.probabilities(numbers)?.flatten_all()?;
        let moved_p = experiment.probabilities(&sets)?.flatten_from(1)?;
        let difference = (moved_p.narrow(0, 0, count)? - moved_p.narrow(0, count, count)?)?;
        let slopes = difference.broadcast_div(&(2.0 * &moved)?.unsqueeze(1)?)?;
        information = (information + (shots as f64 * slopes.broadcast_div(&p)?.matmul(&slopes.t()?)?)?)?;
    }
    let information = DMatrix::from_vec(count, count, information.flatten_all()?.to_vec1::<f64>()?);
    let covariance = information.cholesky().context("the data do not tell all numbers")?.inverse();
    Ok(covariance.diagonal().iter().map(|variance| variance.sqrt()).collect())
}
