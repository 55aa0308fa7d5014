//! Outputs of a set, for losses and metrics that are no means over batches.

use crate::error::Result;
use crate::memory::check_numbers;
use candle_core::Tensor;

/// Outputs and targets of the batches of a set.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    outputs: Vec<Tensor>,
    targets: Vec<Tensor>,
}

impl Gathered {
    /// Returns the tensors that an earlier run has saved.
    pub(super) fn saved(outputs: Option<Tensor>, targets: Option<Tensor>) -> Self {
        Self { outputs: outputs.into_iter().collect(), targets: targets.into_iter().collect() }
    }

    /// Returns the number of samples so far.
    pub(super) fn samples(&self) -> usize {
        self.outputs.iter().map(|outputs| outputs.dims().first().copied().unwrap_or(0)).sum()
    }

    /// Adds a batch of a set of `samples` samples.
    pub(super) fn add(&mut self, outputs: &Tensor, targets: &Tensor, samples: usize) -> Result<()> {
        if self.outputs.is_empty() {
            let of_a_sample = |of: &Tensor| of.elem_count() / of.dims().first().copied().unwrap_or(1).max(1);
            let numbers = of_a_sample(outputs).saturating_add(of_a_sample(targets)) as u64;
            // All outputs and targets once in batches, and once in one piece.
            let all = numbers.checked_mul(2).and_then(|both| both.checked_mul(samples as u64));
            check_numbers("the outputs and targets of a set", all)?;
        }
        self.outputs.push(outputs.detach());
        self.targets.push(targets.detach());
        Ok(())
    }

    /// Returns all outputs and all targets, or `None` before the first batch.
    pub(super) fn whole(&self) -> Result<Option<(Tensor, Tensor)>> {
        if self.outputs.is_empty() {
            return Ok(None);
        }
        Ok(Some((Tensor::cat(&self.outputs, 0)?, Tensor::cat(&self.targets, 0)?)))
    }
}
