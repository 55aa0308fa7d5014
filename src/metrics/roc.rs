//! ROC curves.

use crate::error::{DataError, Error, Result, TensorError};
use crate::memory::check_numbers;

/// ROC curve: the fraction of the positive samples whose score is at least a threshold, over the fraction of the
/// negative samples, for each threshold.
///
/// ```
/// use candlewick::metrics::RocCurve;
/// let curve = RocCurve::new(&[0.1, 0.4, 0.4, 0.8], &[false, false, true, true])?;
/// assert_eq!(curve.points(), [(0.0, 0.0), (0.0, 0.5), (0.5, 1.0), (1.0, 1.0)]);
/// assert_eq!(curve.auc(), 0.875); // of four pairs, three are in order and one is a tie
/// # Ok::<(), candlewick::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RocCurve {
    points: Vec<(f64, f64)>,
    thresholds: Vec<f64>,
    auc: f64,
}

impl RocCurve {
    /// Makes the curve of scores, such as logits or probabilities of a class, and whether each sample belongs to it.
    ///
    /// # Errors
    /// Another number of flags than of scores; a score that is NaN; no positive sample (class 1), or no negative one
    /// (class 0); more than the memory holds.
    pub fn new(scores: &[f64], positive: &[bool]) -> Result<Self> {
        if scores.len() != positive.len() {
            let (expected, actual) = (scores.len().into(), positive.len().into());
            return Err(Error::Tensor(TensorError::Shape { what: "the flags of samples", expected, actual }));
        }
        // Scores with their flags, points and thresholds.
        check_numbers("a ROC curve", (scores.len() as u64).checked_mul(5))?;
        if let Some(row) = scores.iter().position(|score| score.is_nan()) {
            let (what, value) = ("the list of scores", scores[row]);
            return Err(Error::Tensor(TensorError::EntryNotFinite { what, row, column: 0, value }));
        }
        let positives = positive.iter().filter(|&&is_positive| is_positive).count();
        let negatives = positive.len() - positives;
        if positives == 0 || negatives == 0 {
            return Err(Error::Data(DataError::EmptyClass { class: usize::from(positives == 0), classes: 2 }));
        }
        let mut samples: Vec<(f64, bool)> = scores.iter().copied().zip(positive.iter().copied()).collect();
        samples.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut hits, mut alarms, mut twice_area) = (0u64, 0u64, 0u128);
        let (mut points, mut thresholds) = (vec![(0.0, 0.0)], vec![f64::INFINITY]);
        // Samples of equal scores cross the threshold together.
        for tied in samples.chunk_by(|a, b| a.0 == b.0) {
            let new = tied.iter().filter(|(_, is_positive)| *is_positive).count() as u64;
            let others = tied.len() as u64 - new;
            twice_area += u128::from(others) * u128::from(2 * hits + new);
            (hits, alarms) = (hits + new, alarms + others);
            points.push((alarms as f64 / negatives as f64, hits as f64 / positives as f64));
            thresholds.push(tied[0].0);
        }
        let auc = twice_area as f64 / (2.0 * positives as f64 * negatives as f64);
        Ok(Self { points, thresholds, auc })
    }

    /// Returns the points from (0, 0) to (1, 1): fraction of the negative samples, fraction of the positive samples.
    pub fn points(&self) -> &[(f64, f64)] {
        &self.points
    }

    /// Returns the threshold of each point; the first is infinite.
    pub fn thresholds(&self) -> &[f64] {
        &self.thresholds
    }

    /// Returns the area under the curve: the probability that a positive sample has a larger score than a negative one,
    /// where a tie counts one half.
    pub fn auc(&self) -> f64 {
        self.auc
    }
}
