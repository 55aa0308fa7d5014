//! A smaller step size once a loss no longer improves.

use crate::__private::NonExhaustive;
use crate::error::{Error, Result, TrainingError};

/// Factor of the step size that shrinks when a loss stops improving, by the rule of PyTorch's `ReduceLROnPlateau`, whose
/// threshold here is relative to the size of a loss also where losses are negative, as energies are. It is a function of
/// the losses so far alone, so it has no state to save.
///
/// A loss improves if it is below the lowest loss so far by more than [`threshold`](Self::threshold) times the size of
/// that loss. A NaN does not improve. Where all losses so far are NaN, a reduction is an error.
///
/// ```
/// use candlewick::optim::ReduceOnPlateau;
/// let plateau = ReduceOnPlateau { patience: 1, ..Default::default() };
/// assert_eq!(plateau.factor_after([3.0, 2.0, 2.0])?, 1.0);
/// // Two losses in a row without an improvement.
/// assert_eq!(plateau.factor_after([3.0, 2.0, 2.0, 2.5])?, 0.1);
/// # Ok::<(), candlewick::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReduceOnPlateau {
    /// Factor of each reduction, above 0 and below 1. Default 0.1.
    pub factor: f64,
    /// Number of losses in a row without an improvement that change nothing; the next one reduces. Default 10.
    pub patience: usize,
    /// Relative improvement below which a loss counts as no better, from 0. Default 1e-4.
    pub threshold: f64,
    /// Number of losses after a reduction that do not count. Default 0.
    pub cooldown: usize,
    /// Lowest product of all reductions, in [0, 1]. Default 0.
    pub floor: f64,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for ReduceOnPlateau {
    fn default() -> Self {
        let non_exhaustive = NonExhaustive(());
        Self { factor: 0.1, patience: 10, threshold: 1e-4, cooldown: 0, floor: 0.0, non_exhaustive }
    }
}

impl ReduceOnPlateau {
    /// Checks the ranges of the options.
    pub(crate) fn check(&self) -> Result<()> {
        let rows = [
            ("factor", self.factor, self.factor > 0.0 && self.factor < 1.0, "above 0 and below 1"),
            ("threshold", self.threshold, self.threshold >= 0.0 && self.threshold.is_finite(), "finite, from 0 on"),
            ("floor", self.floor, (0.0..=1.0).contains(&self.floor), "in [0, 1]"),
        ];
        match rows.into_iter().find(|&(_, _, fits, _)| !fits) {
            None => Ok(()),
            Some((setting, value, _, allowed)) => {
                Err(Error::Setting { of: "a reduction on plateaus", setting, value, allowed })
            }
        }
    }

    /// Returns the factor of the step size after these losses: 1, or the product of all reductions.
    ///
    /// # Errors
    /// Options out of range; losses that are all NaN where they would reduce the step size.
    pub fn factor_after(&self, losses: impl IntoIterator<Item = f64>) -> Result<f64> {
        self.check()?;
        let (mut product, mut lowest) = (1.0f64, f64::INFINITY);
        let (mut waited, mut cooling, mut has_number) = (0, 0, false);
        for (index, loss) in losses.into_iter().enumerate() {
            has_number |= !loss.is_nan();
            // The size of an infinity times 0 is NaN, and every number is below the infinity itself.
            let margin = if lowest.is_finite() { self.threshold * lowest.abs() } else { 0.0 };
            if loss < lowest - margin {
                (lowest, waited) = (loss, 0);
            } else {
                waited += 1;
            }
            if cooling > 0 {
                (cooling, waited) = (cooling - 1, 0);
            }
            if waited > self.patience && !has_number {
                let (name, epochs) = ("loss".to_owned(), index + 1);
                return Err(Error::Training(TrainingError::NoScore { name, epochs }));
            }
            if waited > self.patience {
                product = (product * self.factor).max(self.floor);
                (cooling, waited) = (self.cooldown, 0);
            }
        }
        Ok(product)
    }
}
