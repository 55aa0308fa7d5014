//! Metrics of a classifier's outputs. They return candle's `Result`, as everything that a training loop calls.

use super::regression::pairs;
use super::rows::{checked_rows, finite_rows, largest};
use super::{Confusion, RocCurve};
use crate::error::{DataError, Error, Result, TensorError};
use crate::memory::check_numbers;
use crate::numbers::{host_labels, host_numbers};
use candle_core::Tensor;

/// Returns the class of each sample: the index of its largest output, of `[samples, classes]` with at least two classes,
/// the first of equal ones.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::metrics::predictions;
/// let outputs = Tensor::new(&[[0.1f32, 2.0], [1.0, -1.0]], &Device::Cpu)?;
/// assert_eq!(predictions(&outputs)?, [1, 0]);
/// # Ok::<(), candlewick::Error>(())
/// ```
///
/// # Errors
/// An output that is not finite, with its sample: it belongs to no class; other shapes.
pub fn predictions(outputs: &Tensor) -> Result<Vec<u32>> {
    let (rows, width) = checked_rows(outputs)?;
    check_classes(outputs, width)?;
    Ok(largest(&rows, width))
}

/// Returns the fraction of the samples whose largest output, of `[samples, classes]`, is at their class, `[samples]`;
/// NaN if an output is not finite.
///
/// # Errors
/// The errors of [`balanced_accuracy`].
pub fn accuracy(outputs: &Tensor, labels: &Tensor) -> candle_core::Result<f64> {
    of_confusion(outputs, labels, Confusion::accuracy)
}

/// Returns the fraction of the logits that agree with their targets, of the same shape: above 0 for a target above one
/// half, and not above 0 for others. It is NaN if a logit or a target is not finite.
///
/// # Errors
/// Other shapes; no samples.
pub fn binary_accuracy(logits: &Tensor, targets: &Tensor) -> candle_core::Result<f64> {
    let pairs = pairs(logits, targets)?;
    if !pairs.iter().all(|(logit, target)| logit.is_finite() && target.is_finite()) {
        return Ok(f64::NAN);
    }
    let hits = pairs.iter().filter(|(logit, target)| (*logit > 0.0) == (*target > 0.5)).count();
    Ok(hits as f64 / pairs.len() as f64)
}

/// Checks that outputs have at least two classes: the largest of one output says nothing.
fn check_classes(outputs: &Tensor, width: usize) -> Result<()> {
    if width >= 2 {
        return Ok(());
    }
    let (expected, actual) = ((outputs.dim(0)?, 2).into(), outputs.shape().clone());
    Err(Error::Tensor(TensorError::Shape { what: "the outputs", expected, actual }))
}

/// Returns the mean recall of the classes that have samples: outputs `[samples, classes]`, labels `[samples]`. It is NaN
/// if an output is not finite.
///
/// # Errors
/// A label beyond the outputs; no samples; a single class; other shapes or dtypes.
pub fn balanced_accuracy(outputs: &Tensor, labels: &Tensor) -> candle_core::Result<f64> {
    of_confusion(outputs, labels, Confusion::balanced_accuracy)
}

/// Returns the mean F1 of all classes, a class without samples and predictions with an F1 of 0: outputs `[samples, classes]`, labels `[samples]`. It is NaN if an output is not
/// finite.
///
/// # Errors
/// The errors of [`balanced_accuracy`].
pub fn macro_f1(outputs: &Tensor, labels: &Tensor) -> candle_core::Result<f64> {
    of_confusion(outputs, labels, |confusion| confusion.macro_average().f1)
}

/// Returns the mean F1 of all classes, weighted by their numbers of samples.
///
/// # Errors
/// The errors of [`balanced_accuracy`].
pub fn weighted_f1(outputs: &Tensor, labels: &Tensor) -> candle_core::Result<f64> {
    of_confusion(outputs, labels, |confusion| confusion.weighted_average().f1)
}

/// Numbers of eight bytes for the name of a class: the string and its letters, once and once more.
const NAME: u64 = 16;

fn of_confusion(outputs: &Tensor, labels: &Tensor, of: fn(&Confusion) -> f64) -> candle_core::Result<f64> {
    let (_, width) = outputs.dims2()?;
    check_classes(outputs, width)?;
    let Some((rows, width)) = finite_rows(outputs)? else { return Ok(f64::NAN) };
    // Even without samples there is a name for each class.
    let names = (width as u64).checked_mul(NAME);
    let cells = (width as u64).checked_mul(width as u64);
    check_numbers("a confusion matrix", cells.zip(names).and_then(|(cells, names)| cells.checked_add(names)))?;
    let classes: Vec<String> = (0..width).map(|class| class.to_string()).collect();
    Ok(of(&Confusion::new(&classes, &host_labels(labels, width)?, &largest(&rows, width))?))
}

/// Returns the area under the ROC curve.
///
/// - Logits `[samples]` or `[samples, 1]` of class 1, targets of as many entries: positive above one half.
/// - Logits `[samples, 2]`, labels `[samples]`: the area for the probability of class 1.
/// - Logits `[samples, classes]`, labels `[samples]`: the mean over the classes of the area for the class against all
///   others, by the softmax; scikit-learn's `multi_class="ovr"` with `average="macro"`.
///
/// Ties count one half. The area is NaN if an output is not finite.
///
/// # Errors
/// A class without samples, as it has no curve; a label beyond the outputs; other shapes or dtypes.
pub fn roc_auc(outputs: &Tensor, labels: &Tensor) -> candle_core::Result<f64> {
    let column = if outputs.rank() == 1 { outputs.unsqueeze(1)? } else { outputs.clone() };
    let Some((rows, width)) = finite_rows(&column)? else { return Ok(f64::NAN) };
    if width == 1 {
        if labels.elem_count() != rows.len() {
            let (expected, actual) = (outputs.shape().clone(), labels.shape().clone());
            return Err(Error::Tensor(TensorError::Shape { what: "the targets", expected, actual }).into());
        }
        let targets = host_numbers(labels)?;
        if let Some(sample) = targets.iter().position(|target| !target.is_finite()) {
            return Err(Error::Data(DataError::Label { sample, classes: 2 }).into());
        }
        return Ok(RocCurve::new(&rows, &targets.iter().map(|&target| target > 0.5).collect::<Vec<_>>())?.auc());
    }
    let labels = host_labels(labels, width)?;
    if labels.len() * width != rows.len() {
        let (expected, actual) = ((labels.len(), width).into(), outputs.shape().clone());
        return Err(Error::Tensor(TensorError::Shape { what: "the outputs", expected, actual }).into());
    }
    let is = |class: u32| labels.iter().map(|&label| label == class).collect::<Vec<bool>>();
    if width == 2 {
        return Ok(RocCurve::new(&rows.chunks_exact(2).map(|row| log_odds(row, 1)).collect::<Vec<_>>(), &is(1))?.auc());
    }
    let mut sum = 0.0;
    for class in 0..width {
        let scores: Vec<f64> = rows.chunks_exact(width).map(|row| log_odds(row, class)).collect();
        let curve = RocCurve::new(&scores, &is(class as u32));
        sum += curve.map_err(|error| of_class(error, class, width))?.auc();
    }
    Ok(sum / width as f64)
}

/// Returns the logarithm of the odds of a class by the softmax. It grows with the probability, which would be rounded to
/// 1 where logits are far apart.
fn log_odds(row: &[f64], class: usize) -> f64 {
    let others = || row.iter().enumerate().filter(|(other, _)| *other != class).map(|(_, logit)| *logit);
    let most = others().fold(f64::NEG_INFINITY, f64::max);
    row[class] - most - others().map(|logit| (logit - most).exp()).sum::<f64>().ln()
}

/// Returns the error of a class without samples with the number of the class among all classes.
fn of_class(error: Error, class: usize, classes: usize) -> Error {
    match error {
        Error::Data(DataError::EmptyClass { class: 1, .. }) => Error::Data(DataError::EmptyClass { class, classes }),
        other => other,
    }
}
