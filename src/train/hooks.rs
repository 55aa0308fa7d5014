//! Hooks: functions of the caller that a run calls before each step of the optimiser and after each epoch.

use super::{History, Training};
use candle_core::backprop::GradStore;
use std::ops::ControlFlow;

/// State of a run between the backward pass and the step of the optimiser.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct TrainStep {
    /// Epoch, counted from 0.
    pub epoch: usize,
    /// Step, counted from 0 over all epochs.
    pub step: u64,
    /// Number of samples behind the gradients.
    pub samples: usize,
    /// Mean loss over these samples.
    pub loss: f64,
    /// Step size of the step that follows.
    pub learning_rate: f64,
}

/// Function that is called before each step.
pub(super) type OnStep<'a> = Box<dyn FnMut(&TrainStep, &mut GradStore) -> candle_core::Result<()> + 'a>;
/// Function that is called after each epoch.
pub(super) type OnEpoch<'a> = Box<dyn FnMut(&History) -> ControlFlow<()> + 'a>;

impl<'a, O> Training<'a, O> {
    /// Calls a function before each step of the optimiser, and before clipping. It sees the gradients that the
    /// step will follow and may change them: to log them, or to average them over machines.
    ///
    /// Members of a [cluster](super::TrainConfig::cluster) see the gradients of all, and have to change them alike.
    ///
    /// An error ends the run, without the step. A second function replaces the first.
    ///
    /// ```
    /// # use candle_core::{DType, Device, Tensor};
    /// # use candle_nn::{VarBuilder, VarMap};
    /// # use candlewick::optim::{Adam, AdamConfig};
    /// # use candlewick::train::{TrainConfig, Training};
    /// # use std::ops::ControlFlow;
    /// # let varmap = VarMap::new();
    /// # let model = candle_nn::linear(2, 1, VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu))?;
    /// # let (x, y) = (Tensor::ones((64, 2), DType::F32, &Device::Cpu)?, Tensor::zeros((64, 1), DType::F32, &Device::Cpu)?);
    /// # let mut adam = Adam::from_varmap(&varmap, AdamConfig::default())?;
    /// let mut losses = Vec::new();
    /// let history = Training::new(
    ///     &model,
    ///     &varmap,
    ///     &mut adam,
    ///     candle_nn::loss::mse,
    ///     TrainConfig::default(),
    /// )
    /// .on_step(|step, _gradients| {
    ///     losses.push(step.loss);
    ///     Ok(())
    /// })
    /// .on_epoch(|history| match history.epochs.len() {
    ///     3 => ControlFlow::Break(()), // the run ends here
    ///     _ => ControlFlow::Continue(()),
    /// })
    /// .run((&x, &y), None)?;
    /// assert_eq!((history.epochs.len(), losses.len()), (3, 6)); // 64 samples in batches of 32
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn on_step(mut self, hook: impl FnMut(&TrainStep, &mut GradStore) -> candle_core::Result<()> + 'a) -> Self {
        self.on_step = Some(Box::new(hook));
        self
    }

    /// Calls a function after each epoch, once its files are written. The epoch is the last of the history. `Break`
    /// ends the run, with [`StopReason::Stopped`](super::StopReason::Stopped).
    ///
    /// A second function replaces the first. [`on_step`](Self::on_step) has an example.
    #[must_use]
    pub fn on_epoch(mut self, hook: impl FnMut(&History) -> ControlFlow<()> + 'a) -> Self {
        self.on_epoch = Some(Box::new(hook));
        self
    }
}
