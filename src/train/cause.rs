//! Causes of losses and gradients that are not finite: the sample and the column of a number of the caller's, or a
//! weight. They are looked for once such a loss or gradient is there, so that a sound run pays nothing.

use super::source::load;
use super::{BatchSource, Training};
use crate::error::{Error, Result, TensorError, TrainingError};
use crate::numbers::first_not_finite;
use crate::optim::{variables, weight_not_finite};

/// Samples of a set, by their numbers, as a run loads them.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    /// Name of the set in errors.
    pub(super) name: &'static str,
    pub(super) source: &'a dyn BatchSource,
    pub(super) samples: &'a [u32],
}

impl<O> Training<'_, O> {
    /// Returns an outcome as it is, unless it is not finite and its cause is found: then the cause is the error.
    pub(super) fn or_cause<T>(
        &self,
        outcome: Result<T>,
        is_finite: impl FnOnce(&T) -> bool,
        part: Part<'_>,
    ) -> Result<T> {
        let is_sound = match &outcome {
            Ok(value) => is_finite(value),
            Err(error) => !tells_of_numbers(error),
        };
        if is_sound {
            return outcome;
        }
        // An error on the way, as of a source that does not load twice, tells less than the outcome.
        self.cause(part).ok().flatten().map_or(outcome, Err)
    }

    /// Looks for a feature, else a target, else a weight that is not finite.
    fn cause(&self, Part { name, source, samples }: Part<'_>) -> Result<Option<Error>> {
        for batch in samples.chunks(self.config.batch_size) {
            let (x, y) = load(source, batch)?;
            for (what, tensor) in [("feature", &x), ("target", &y)] {
                let width = tensor.elem_count() / batch.len();
                if let Some((row, column, value)) = first_not_finite(tensor, width)? {
                    let sample = batch[row] as usize;
                    return Ok(Some(TrainingError::SampleNotFinite { set: name, sample, what, column, value }.into()));
                }
            }
        }
        weight_not_finite(&variables(self.varmap)?)
    }
}

/// Returns whether an error says that some number is not finite, but not which number of the caller's is the cause.
fn tells_of_numbers(error: &Error) -> bool {
    matches!(
        error,
        Error::Training(TrainingError::GradientNotFinite { .. } | TrainingError::LossNotFinite { .. })
            | Error::Tensor(
                TensorError::NotFinite { .. }
                    | TensorError::FeatureNotFinite { .. }
                    | TensorError::OutputNotFinite { .. }
            )
    )
}
