//! The arithmetic, and the training of a transformer on it.

use crate::args::Args;
use crate::model::{Architecture, Transformer};
use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use candle_nn::{AdamW, Module, Optimizer, ParamsAdamW, loss};
use candlewick::optim::Schedule;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

/// Size of the first step of AdamW, and its decay of the weights. With little decay a transformer learns the questions
/// by heart.
const LEARNING_RATE: f64 = 0.005;
const WEIGHT_DECAY: f64 = 1.0;

/// Questions `[n, 3]` (two numbers, and the equals sign as the number after the last) and answers `[n]`.
pub(crate) struct Questions {
    questions: Tensor,
    answers: Tensor,
}

/// All sums, split into two parts.
pub(crate) struct Task {
    pub(crate) train: Questions,
    pub(crate) held_out: Questions,
    modulus: usize,
}

/// Result of a transformer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Score {
    pub(crate) parameters: usize,
    pub(crate) train: f64,
    pub(crate) held_out: f64,
}

impl Questions {
    fn new(pairs: &[(u32, u32)], modulus: u32) -> Result<Self> {
        let tokens: Vec<u32> = pairs.iter().flat_map(|&(a, b)| [a, b, modulus]).collect();
        let answers: Vec<u32> = pairs.iter().map(|(a, b)| (a + b) % modulus).collect();
        Ok(Self {
            questions: Tensor::from_vec(tokens, (pairs.len(), 3), &Device::Cpu)?,
            answers: Tensor::from_vec(answers, pairs.len(), &Device::Cpu)?,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.answers.elem_count()
    }

    /// Returns the share of right answers.
    fn accuracy(&self, model: &Transformer) -> Result<f64> {
        let right = model.forward(&self.questions)?.argmax(1)?.eq(&self.answers)?;
        Ok(right.to_dtype(DType::F64)?.mean_all()?.to_scalar()?)
    }
}

impl Task {
    pub(crate) fn new(args: &Args) -> Result<Self> {
        let modulus = args.modulus as u32;
        let mut pairs: Vec<_> = (0..modulus).flat_map(|a| (0..modulus).map(move |b| (a, b))).collect();
        pairs.shuffle(&mut StdRng::seed_from_u64(args.seed));
        let trained = (pairs.len() * args.train / 100).clamp(1, pairs.len() - 1);
        let (train, held_out) = pairs.split_at(trained);
        Ok(Self {
            train: Questions::new(train, modulus)?,
            held_out: Questions::new(held_out, modulus)?,
            modulus: args.modulus,
        })
    }

    /// Trains a transformer on all training questions at once and scores it.
    pub(crate) fn train(&self, of: Architecture, steps: usize, seed: u64) -> Result<Score> {
        let model = Transformer::new(of, self.modulus, seed)?;
        let config = ParamsAdamW { lr: LEARNING_RATE, weight_decay: WEIGHT_DECAY, ..Default::default() };
        let mut optimizer = AdamW::new(model.varmap.all_vars(), config)?;
        let schedule = Schedule::Cosine { steps: steps as u64, floor: 0.0 }.after_warmup(20);
        for step in 0..steps as u64 {
            optimizer.set_learning_rate(LEARNING_RATE * schedule.factor(step));
            let logits = model.forward(&self.train.questions)?;
            optimizer.backward_step(&loss::cross_entropy(&logits, &self.train.answers)?)?;
        }
        Ok(Score {
            parameters: model.parameters(),
            train: self.train.accuracy(&model)?,
            held_out: self.held_out.accuracy(&model)?,
        })
    }
}
