//! Layout of the sums over a micro-batch as one list of numbers, which workers add and exchange.

use super::Score;
use crate::error::Result;
use crate::numbers::host_numbers;
use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};

/// Numbers before those of variables and metrics: of samples, and the loss.
const HEAD: usize = 2;

/// Places of sums over samples: their number, the loss, the metrics; for each variable, in the order of names, in how
/// many parts it has a gradient; then the gradients.
#[derive(Debug)]
pub(super) struct Layout {
    variables: Vec<Var>,
    metrics: usize,
}

impl Layout {
    pub(super) fn new(variables: &[(String, Var)], metrics: usize) -> Self {
        Self { variables: variables.iter().map(|(_, var)| var.clone()).collect(), metrics }
    }

    /// Returns the place of the first gradient.
    fn first(&self) -> usize {
        HEAD + self.metrics + self.variables.len()
    }

    /// Returns the count of the numbers.
    pub(super) fn size(&self) -> usize {
        let entries = self.variables.iter().map(|var| var.elem_count());
        entries.fold(self.first(), usize::saturating_add)
    }

    /// Adds the scores and gradients of some samples, as means over them.
    pub(super) fn add(&self, sums: &mut [f64], samples: usize, score: &Score, gradients: &GradStore) -> Result<()> {
        let weight = samples as f64;
        sums[0] += weight;
        sums[1] += weight * score.loss;
        sums[HEAD..].iter_mut().zip(&score.metrics).for_each(|(sum, metric)| *sum += weight * metric);
        let mut place = self.first();
        for (index, var) in self.variables.iter().enumerate() {
            if let Some(gradient) = gradients.get(var) {
                sums[HEAD + self.metrics + index] += 1.0;
                let numbers = host_numbers(gradient)?;
                sums[place..].iter_mut().zip(numbers).for_each(|(sum, number)| *sum += weight * number);
            }
            place += var.elem_count();
        }
        Ok(())
    }

    /// Returns the mean gradients over all samples of a sum, each rounded to its variable's dtype, and the sum of the
    /// scores.
    pub(super) fn gradients(&self, sums: &[f64]) -> Result<(GradStore, Score)> {
        let (samples, mut gradients, mut place) = (sums[0], GradStore::default(), self.first());
        for (index, var) in self.variables.iter().enumerate() {
            let numbers = &sums[place..][..var.elem_count()];
            if sums[HEAD + self.metrics + index] > 0.0 {
                let mean: Vec<f64> = numbers.iter().map(|number| number / samples).collect();
                let mean = Tensor::from_vec(mean, var.shape(), &Device::Cpu)?.to_dtype(var.dtype())?;
                gradients.insert(var, mean.to_device(var.device())?);
            }
            place += numbers.len();
        }
        Ok((gradients, Score { loss: sums[1], metrics: sums[HEAD..][..self.metrics].to_vec() }))
    }
}
