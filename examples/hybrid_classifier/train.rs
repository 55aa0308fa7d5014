//! Training and what it is judged by.

use crate::data::{Purpose, generator};
use crate::model::Network;
use crate::split::Batch;
use anyhow::Result;
use candle_core::{D, Device, Module, Tensor};
use candle_nn::{AdamW, Optimizer, ParamsAdamW, loss, ops};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use std::time::{Duration, Instant};

/// How well a network does on a set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Score {
    /// Mean cross-entropy.
    pub(crate) loss: f64,
    /// Part of the samples whose most probable class is the right one.
    pub(crate) accuracy: f64,
}

/// Scores behind an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Epoch {
    /// On the training set.
    pub(crate) train: Score,
    /// On the test set; watched, but never used to choose anything.
    pub(crate) test: Score,
}

/// A network in training.
pub(crate) struct Trainer {
    /// Name in tables and plots.
    pub(crate) name: &'static str,
    /// The network.
    pub(crate) network: Network,
    /// One entry an epoch.
    pub(crate) history: Vec<Epoch>,
    /// Time spent on training steps; evaluation is not counted.
    pub(crate) elapsed: Duration,
    optimizer: AdamW,
}

impl Trainer {
    /// Prepares to train with Adam.
    pub(crate) fn new(name: &'static str, network: Network, learning_rate: f64) -> Result<Self> {
        let variables = network.variables()?.into_iter().map(|(_, var)| var).collect();
        let params = ParamsAdamW { lr: learning_rate, weight_decay: 0.0, ..Default::default() };
        let optimizer = AdamW::new(variables, params)?;
        Ok(Self { name, network, history: Vec::new(), elapsed: Duration::ZERO, optimizer })
    }

    /// Steps once for each batch, then scores both sets.
    pub(crate) fn epoch(&mut self, batches: &[Tensor], train: &Batch, test: &Batch) -> Result<Epoch> {
        let start = Instant::now();
        for indices in batches {
            let logits = self.network.forward(&train.x.index_select(indices, 0)?)?;
            let loss = loss::cross_entropy(&logits, &train.y.index_select(indices, 0)?)?;
            self.optimizer.backward_step(&loss)?;
        }
        self.elapsed += start.elapsed();
        let epoch = Epoch { train: score(&self.network, train)?, test: score(&self.network, test)? };
        self.history.push(epoch);
        Ok(epoch)
    }
}

/// Deals the training samples into batches, in a new order for each epoch.
pub(crate) struct Batches {
    order: Vec<u32>,
    size: usize,
    rng: StdRng,
}

impl Batches {
    /// Batches of `size` of `samples` samples; the last one of an epoch may be smaller.
    pub(crate) fn new(samples: usize, size: usize, seed: u64) -> Self {
        Self { order: (0..samples as u32).collect(), size, rng: generator(seed, Purpose::Batches) }
    }

    /// Indices of the samples of each batch of the next epoch.
    pub(crate) fn deal(&mut self, device: &Device) -> Result<Vec<Tensor>> {
        self.order.shuffle(&mut self.rng);
        let batches = self.order.chunks(self.size).map(|batch| Tensor::new(batch, device));
        Ok(batches.collect::<candle_core::Result<_>>()?)
    }
}

/// The most probable class of each row.
pub(crate) fn predict(network: &Network, x: &Tensor) -> Result<Vec<u32>> {
    Ok(network.forward(x)?.argmax(D::Minus1)?.to_vec1()?)
}

/// Probability of one class for each row.
pub(crate) fn probability(network: &Network, x: &Tensor, class: usize) -> Result<Vec<f32>> {
    Ok(ops::softmax(&network.forward(x)?.detach(), D::Minus1)?.narrow(1, class, 1)?.flatten_all()?.to_vec1()?)
}

/// Loss and accuracy on a set.
pub(crate) fn score(network: &Network, batch: &Batch) -> Result<Score> {
    let logits = network.forward(&batch.x)?.detach();
    let loss = loss::cross_entropy(&logits, &batch.y)?.to_scalar::<f32>()?;
    let right = logits.argmax(D::Minus1)?.eq(&batch.y)?.to_vec1::<u8>()?;
    let accuracy = right.iter().map(|&hit| f64::from(hit)).sum::<f64>() / right.len() as f64;
    Ok(Score { loss: f64::from(loss), accuracy })
}
