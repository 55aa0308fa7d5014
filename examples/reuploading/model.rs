//! One qubit from several starting points at once.

use anyhow::Result;
use candle_core::{DType, Device, Module, Tensor};
use candle_nn::{Init, VarMap};
use candlewick::functional;
use candlewick::nn::{Affine, AffineConfig, SeededInit};
use candlewick::prelude::*;
use clap::ValueEnum;
use std::f64::consts::PI;

/// What is minimised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Loss {
    /// The cross-entropy of `scale <Z> + bias` as a logit.
    CrossEntropy,
    /// 1 minus the fidelity with |0> (class 0) or |1> (class 1), the paper's.
    Fidelity,
}

impl Loss {
    /// Returns losses of outputs `[n, restarts]` and classes `[n, 1]`, one by one.
    pub(crate) fn each(self, outputs: &Tensor, classes: &Tensor) -> candle_core::Result<Tensor> {
        // Sign of the right output: 1 for class 1 and -1 for class 0.
        let signs = classes.affine(2.0, -1.0)?;
        let right = outputs.broadcast_mul(&signs)?;
        match self {
            // Computes ln(1 + exp(-r)) without overflow.
            Self::CrossEntropy => Tensor::stack(&[right.neg()?, right.zeros_like()?], 0)?.log_sum_exp(0),
            Self::Fidelity => right.affine(-0.5, 0.5),
        }
    }

    /// Returns the mean loss. Restarts share no weights, so each is trained as if it were alone.
    pub(crate) fn mean(self, outputs: &Tensor, classes: &Tensor) -> candle_core::Result<Tensor> {
        self.each(outputs, classes)?.mean_all()
    }

    /// Returns the probability of class 1 for an output.
    pub(crate) fn probability(self, output: f64) -> f64 {
        match self {
            Self::CrossEntropy => 1.0 / (1.0 + (-output).exp()),
            Self::Fidelity => 0.5 * (1.0 + output),
        }
    }
}

/// Returns the fraction of the points on the right side of 0, for each restart.
pub(crate) fn accuracies(outputs: &Tensor, classes: &Tensor) -> Result<Vec<f64>> {
    let hits = outputs.gt(0.0)?.broadcast_eq(&classes.gt(0.5)?)?;
    Ok(hits.to_dtype(DType::F64)?.mean(0)?.to_vec1()?)
}

/// Classifiers of the same shape: points `[n, 2]` to outputs `[n, restarts]`, positive for class 1.
pub(crate) struct Restarts {
    circuit: Circuit,
    /// Weights by name, `[restarts, ..]`.
    weights: Vec<(String, Tensor)>,
    affine: Option<Affine>,
    pub(crate) loss: Loss,
    pub(crate) varmap: VarMap,
    count: usize,
}

impl Restarts {
    pub(crate) fn new(layers: usize, count: usize, loss: Loss, seed: u64, device: &Device) -> Result<Self> {
        let varmap = VarMap::new();
        let vb = SeededInit::new(seed).var_builder(&varmap, DType::F32, device);
        let mut circuit = Circuit::new(1);
        let (bias, scale) = circuit.data_reuploading("layer", layers, &[input(0), input(1)]);
        circuit.check()?;
        let inits = [Init::Uniform { lo: -PI, up: PI }, Init::Randn { mean: 0.0, stdev: 1.0 }];
        let mut weights = Vec::new();
        for (handle, init) in [bias, scale].into_iter().zip(inits) {
            let shape = [&[count], handle.shape()].concat();
            weights.push((handle.name().to_owned(), vb.get_with_hints(shape, handle.name(), init)?));
        }
        let affine = match loss {
            Loss::CrossEntropy => Some(Affine::new(count, AffineConfig::default(), vb.pp("affine"))?),
            Loss::Fidelity => None,
        };
        Ok(Self { circuit, weights, affine, loss, varmap, count })
    }

    /// Returns the number of weights of one restart.
    pub(crate) fn weights(&self) -> usize {
        self.varmap.all_vars().iter().map(|var| var.elem_count()).sum::<usize>() / self.count
    }
}

impl Module for Restarts {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let weights: Vec<(&str, &Tensor)> = self.weights.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        // |0> represents class 0.
        let measurement = Measurement::expectation([-1.0 * Z(0)]);
        let outputs = functional::evaluate(&self.circuit, &measurement, Some(x), &weights)?.squeeze(2)?.t()?;
        match &self.affine {
            Some(affine) => affine.forward(&outputs),
            None => Ok(outputs),
        }
    }
}
