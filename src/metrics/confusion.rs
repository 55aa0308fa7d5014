//! Confusion matrices, and precision, recall and F1 from them.

use super::rows::{checked_rows, largest};
use crate::error::{DataError, Error, Result, TensorError};
use crate::memory::check_numbers;
use crate::numbers::host_labels;
use candle_core::Tensor;
use std::fmt;

/// Number of samples of each class (rows) that were assigned to each class (columns).
///
/// Its figures are scikit-learn's with the classes as `labels`. A ratio without any sample below its line is 0, as it is
/// there with `zero_division=0`: the precision of a class that was never predicted, the recall of a class without
/// samples. As text, it is scikit-learn's `classification_report`; `{:.4}` shows four digits in place of two.
///
/// ```
/// use candlewick::metrics::Confusion;
/// let classes = ["a", "b"].map(str::to_owned);
/// let confusion = Confusion::new(&classes, &[0, 0, 0, 1], &[0, 0, 1, 1])?;
/// assert_eq!(confusion.rows().collect::<Vec<_>>(), [[2, 1], [0, 1]]);
/// assert_eq!((confusion.accuracy(), confusion.class_scores()[1].precision), (0.75, 0.5));
/// # Ok::<(), candlewick::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    classes: Vec<String>,
    /// Rows of the matrix, one behind the other.
    counts: Vec<u64>,
}

/// Scores of a class, or their average over classes.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct ClassScores {
    /// Fraction of the samples assigned to the class that belong to it.
    pub precision: f64,
    /// Fraction of the samples of the class that were assigned to it.
    pub recall: f64,
    /// Harmonic mean of precision and recall.
    pub f1: f64,
    /// Number of samples of the class, or of all classes.
    pub support: u64,
}

impl Confusion {
    /// Counts labels and predictions of the same samples.
    ///
    /// # Errors
    /// No samples; another number of predictions than of labels; a label or a prediction beyond the classes; more
    /// classes than the memory holds a matrix of.
    pub fn new(classes: &[String], labels: &[u32], predictions: &[u32]) -> Result<Self> {
        let width = classes.len();
        check_numbers("a confusion matrix", (width as u64).checked_mul(width as u64))?;
        if labels.is_empty() {
            let (of, setting, allowed) = ("a confusion matrix", "samples", "at least 1");
            return Err(Error::Setting { of, setting, value: 0.0, allowed });
        }
        if labels.len() != predictions.len() {
            let (expected, actual) = (labels.len().into(), predictions.len().into());
            return Err(Error::Tensor(TensorError::Shape { what: "the predictions", expected, actual }));
        }
        let mut counts = vec![0; width * width];
        for (sample, (&label, &prediction)) in labels.iter().zip(predictions).enumerate() {
            if label.max(prediction) as usize >= width {
                return Err(Error::Data(DataError::Label { sample, classes: width }));
            }
            counts[label as usize * width + prediction as usize] += 1;
        }
        Ok(Self { classes: classes.to_vec(), counts })
    }

    /// Counts the classes with the largest outputs, of `[samples, classes]`, against labels `[samples]`.
    ///
    /// # Errors
    /// An output that is not finite, with its sample; other shapes or dtypes; the errors of [`new`](Self::new).
    pub fn of_outputs(classes: &[String], outputs: &Tensor, labels: &Tensor) -> Result<Self> {
        let (rows, width) = checked_rows(outputs)?;
        if width != classes.len() {
            let (expected, actual) = ((rows.len() / width.max(1), classes.len()).into(), outputs.shape().clone());
            return Err(Error::Tensor(TensorError::Shape { what: "the outputs", expected, actual }));
        }
        Self::new(classes, &host_labels(labels, width)?, &largest(&rows, width))
    }

    /// Returns the names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Returns the number of samples of a class that were assigned to a class.
    pub fn count(&self, actual: usize, predicted: usize) -> Option<u64> {
        let width = self.classes.len();
        (actual < width && predicted < width).then(|| self.counts[actual * width + predicted])
    }

    /// Returns the rows of the matrix, one for each actual class.
    pub fn rows(&self) -> impl Iterator<Item = &[u64]> {
        self.counts.chunks_exact(self.classes.len().max(1))
    }

    /// Returns the number of samples.
    pub fn samples(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the fraction of the samples that were assigned to their class.
    pub fn accuracy(&self) -> f64 {
        ratio(self.rows().enumerate().map(|(class, row)| row[class]).sum(), self.samples())
    }

    /// Returns the mean recall of all classes that have samples.
    pub fn balanced_accuracy(&self) -> f64 {
        let scores = self.class_scores();
        let recalls = scores.iter().filter(|scores| scores.support > 0).map(|scores| scores.recall);
        recalls.clone().sum::<f64>() / recalls.count().max(1) as f64
    }

    /// Returns precision, recall, F1 and support of each class.
    pub fn class_scores(&self) -> Vec<ClassScores> {
        let width = self.classes.len();
        let mut predicted = vec![0; width];
        self.rows().for_each(|row| predicted.iter_mut().zip(row).for_each(|(sum, count)| *sum += count));
        let scores = |(class, row): (usize, &[u64])| {
            let (hits, support) = (row[class], row.iter().sum());
            let (precision, recall) = (ratio(hits, predicted[class]), ratio(hits, support));
            ClassScores { precision, recall, f1: ratio(2 * hits, support + predicted[class]), support }
        };
        self.rows().enumerate().map(scores).collect()
    }

    /// Returns the means of the scores over all classes.
    pub fn macro_average(&self) -> ClassScores {
        self.average(|_| 1.0)
    }

    /// Returns the means of the scores over all classes, weighted by their numbers of samples.
    pub fn weighted_average(&self) -> ClassScores {
        self.average(|support| support as f64)
    }

    fn average(&self, weight: impl Fn(u64) -> f64) -> ClassScores {
        let scores = self.class_scores();
        let total: f64 = scores.iter().map(|of| weight(of.support)).sum();
        let mean = |value: fn(&ClassScores) -> f64| {
            scores.iter().map(|of| weight(of.support) * value(of)).sum::<f64>() / total
        };
        let [precision, recall, f1] = [mean(|of| of.precision), mean(|of| of.recall), mean(|of| of.f1)];
        ClassScores { precision, recall, f1, support: self.samples() }
    }
}

/// Returns a ratio of counts, or 0 if there is nothing to divide by.
fn ratio(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { part as f64 / of as f64 }
}

impl fmt::Display for Confusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = f.precision().unwrap_or(2);
        let letters = self.classes.iter().map(|name| name.chars().count());
        let width = letters.chain(["weighted avg".len()]).max().unwrap_or(0);
        writeln!(f, "{:>width$}  {:>9} {:>9} {:>9} {:>9}\n", "", "precision", "recall", "f1-score", "support")?;
        let row = |f: &mut fmt::Formatter<'_>, name: &str, of: ClassScores| {
            let ClassScores { precision, recall, f1, support } = of;
            writeln!(f, "{name:>width$}  {precision:>9.digits$} {recall:>9.digits$} {f1:>9.digits$} {support:>9}")
        };
        for (name, scores) in self.classes.iter().zip(self.class_scores()) {
            row(f, name, scores)?;
        }
        let (accuracy, samples) = (self.accuracy(), self.samples());
        writeln!(f, "\n{:>width$}  {:>9} {:>9} {accuracy:>9.digits$} {samples:>9}", "accuracy", "", "")?;
        row(f, "macro avg", self.macro_average())?;
        row(f, "weighted avg", self.weighted_average())
    }
}
