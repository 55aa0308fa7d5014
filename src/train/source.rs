//! Sources of batches: tensors in memory, or anything that loads some samples by their numbers.

use super::Samples;
use crate::error::{Error, Result, TensorError};
use crate::limits::{check_copy, check_rows};
use candle_core::Tensor;

/// Samples that are loaded batch by batch, so that a set need not fit the memory.
///
/// The training chooses the samples of each batch: from the seed and the number of the epoch alone, so a run that is
/// continued reads the same samples in the same order. A source must return the same numbers each time it is asked for
/// a sample; otherwise, as with random augmentation, a continued run is another run.
///
/// ```
/// use candle_core::{DType, Device, Result, Tensor};
/// use candle_nn::{VarBuilder, VarMap};
/// use candlewick::optim::{Adam, AdamConfig};
/// use candlewick::train::{BatchSource, TrainConfig, Training};
///
/// /// Points of a parabola, computed as they are needed.
/// struct Parabola;
///
/// impl BatchSource for Parabola {
///     fn samples(&self) -> usize {
///         1000
///     }
///
///     fn batch(&self, samples: &[u32]) -> Result<(Tensor, Tensor)> {
///         let x: Vec<f32> = samples.iter().map(|&sample| sample as f32 / 1000.0).collect();
///         let x = Tensor::from_vec(x, (samples.len(), 1), &Device::Cpu)?;
///         Ok((x.clone(), x.sqr()?))
///     }
/// }
///
/// let varmap = VarMap::new();
/// let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
/// let model = candle_nn::linear(1, 1, vb)?;
/// let mut adam = Adam::from_varmap(&varmap, AdamConfig::with_learning_rate(0.01))?;
/// let config = TrainConfig { epochs: 2, ..Default::default() };
/// let training = Training::new(&model, &varmap, &mut adam, candle_nn::loss::mse, config);
/// let history = training.run_on(&Parabola, None)?;
/// assert!(history.epochs[1].train.loss < history.epochs[0].train.loss);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait BatchSource {
    /// Number of samples of the set.
    fn samples(&self) -> usize;

    /// Loads the samples with these numbers, counted from 0: features and targets, in this order along the first
    /// dimension of both.
    ///
    /// # Errors
    /// Whatever prevents loading; the training ends with this error.
    fn batch(&self, samples: &[u32]) -> candle_core::Result<(Tensor, Tensor)>;
}

/// Samples in memory.
pub(super) struct InMemory {
    x: Tensor,
    y: Tensor,
}

impl InMemory {
    /// Checks that there are as many targets as samples, and makes copies of tensors that are not contiguous.
    pub(super) fn new((x, y): Samples<'_>) -> Result<Self> {
        let count = |tensor: &Tensor| tensor.dims().first().copied().unwrap_or(0);
        let (samples, targets) = (count(x), count(y));
        if samples != targets && samples > 0 {
            let (what, expected, actual) = ("the targets", samples.into(), targets.into());
            return Err(Error::Tensor(TensorError::Shape { what, expected, actual }));
        }
        check_copy("the samples", x, x.dtype())?;
        check_copy("the targets", y, y.dtype())?;
        Ok(Self { x: x.contiguous()?, y: y.contiguous()? })
    }
}

impl BatchSource for InMemory {
    fn samples(&self) -> usize {
        self.x.dims().first().copied().unwrap_or(0)
    }

    fn batch(&self, samples: &[u32]) -> candle_core::Result<(Tensor, Tensor)> {
        let are_neighbours = samples.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1]));
        match samples.first().filter(|_| are_neighbours) {
            Some(&first) => {
                let part = |tensor: &Tensor| tensor.narrow(0, first as usize, samples.len());
                Ok((part(&self.x)?, part(&self.y)?))
            }
            None => {
                check_rows("a batch of samples", &[&self.x, &self.y], samples.len())?;
                let indices = Tensor::new(samples, self.x.device())?;
                Ok((self.x.index_select(&indices, 0)?, self.y.index_select(&indices, 0)?))
            }
        }
    }
}

/// Loads a batch and checks that it has the requested number of samples.
pub(super) fn load(source: &dyn BatchSource, samples: &[u32]) -> Result<(Tensor, Tensor)> {
    let (x, y) = source.batch(samples)?;
    for (what, tensor) in [("the samples of a batch", &x), ("the targets of a batch", &y)] {
        if tensor.dims().first() != Some(&samples.len()) {
            let (expected, actual) = (samples.len().into(), tensor.shape().clone());
            return Err(Error::Tensor(TensorError::Shape { what, expected, actual }));
        }
    }
    Ok((x, y))
}
