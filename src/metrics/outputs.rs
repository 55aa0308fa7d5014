//! Metrics of a classifier's outputs. They return candle's `Result`, as everything that a training loop calls.

use super::rows::{finite_rows, labels_of, largest};
use super::{Confusion, RocCurve};
use crate::error::{DataError, Error, TensorError};
use candle_core::{D, DType, Device, Tensor};

/// Returns the fraction of the samples whose largest output, of `[samples, classes]`, is at their class, `[samples]` in
/// U32; NaN if an output is not finite.
///
/// # Errors
/// candle's error for other shapes.
pub fn accuracy(outputs: &Tensor, classes: &Tensor) -> candle_core::Result<f64> {
    part(&outputs.argmax(D::Minus1)?.eq(classes)?, outputs)
}

/// Returns the fraction of the logits that agree with their targets, of the same shape: above 0 for a target above one
/// half, and not above 0 for others. It is NaN if a logit is not finite.
///
/// # Errors
/// candle's error for other shapes.
pub fn binary_accuracy(logits: &Tensor, targets: &Tensor) -> candle_core::Result<f64> {
    part(&logits.gt(0.0)?.eq(&targets.gt(0.5)?)?, logits)
}

/// Returns the fraction of the entries that are 1 and not 0, or NaN if an output is not finite.
fn part(hits: &Tensor, outputs: &Tensor) -> candle_core::Result<f64> {
    let sum = |tensor: &Tensor| tensor.to_dtype(DType::F32)?.sum_all()?.to_dtype(DType::F64)?.to_scalar::<f64>();
    // 0 times an infinity or a NaN is NaN.
    Ok(sum(hits)? / hits.elem_count().max(1) as f64 + sum(&outputs.affine(0.0, 0.0)?)?)
}

/// Returns the mean recall of the classes that have samples: outputs `[samples, classes]`, labels `[samples]`. It is NaN
/// if an output is not finite.
///
/// # Errors
/// A label beyond the outputs; no samples; other shapes or dtypes.
pub fn balanced_accuracy(outputs: &Tensor, labels: &Tensor) -> candle_core::Result<f64> {
    of_confusion(outputs, labels, Confusion::balanced_accuracy)
}

/// Returns the mean F1 of all classes: outputs `[samples, classes]`, labels `[samples]`. It is NaN if an output is not
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

fn of_confusion(outputs: &Tensor, labels: &Tensor, of: fn(&Confusion) -> f64) -> candle_core::Result<f64> {
    let Some((rows, width)) = finite_rows(outputs)? else { return Ok(f64::NAN) };
    let classes: Vec<String> = (0..width).map(|class| class.to_string()).collect();
    Ok(of(&Confusion::new(&classes, &labels_of(labels, width)?, &largest(&rows, width))?))
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
        let targets = labels.flatten_all()?.to_dtype(DType::F64)?.to_device(&Device::Cpu)?.to_vec1::<f64>()?;
        return Ok(RocCurve::new(&rows, &targets.iter().map(|&target| target > 0.5).collect::<Vec<_>>())?.auc());
    }
    let labels = labels_of(labels, width)?;
    if labels.len() * width != rows.len() {
        let (expected, actual) = ((labels.len(), width).into(), outputs.shape().clone());
        return Err(Error::Tensor(TensorError::Shape { what: "the outputs", expected, actual }).into());
    }
    let is = |class: u32| labels.iter().map(|&label| label == class).collect::<Vec<bool>>();
    if width == 2 {
        // The probability grows with the difference of the logits, which is not rounded to 1.
        let scores: Vec<f64> = rows.chunks_exact(2).map(|row| row[1] - row[0]).collect();
        return Ok(RocCurve::new(&scores, &is(1))?.auc());
    }
    let probability = |row: &[f64], class: usize| {
        let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (row[class] - most).exp() / row.iter().map(|logit| (logit - most).exp()).sum::<f64>()
    };
    let mut sum = 0.0;
    for class in 0..width {
        let scores: Vec<f64> = rows.chunks_exact(width).map(|row| probability(row, class)).collect();
        let curve = RocCurve::new(&scores, &is(class as u32));
        sum += curve.map_err(|error| of_class(error, class, width))?.auc();
    }
    Ok(sum / width as f64)
}

/// Returns the error of a class without samples with the number of the class among all classes.
fn of_class(error: Error, class: usize, classes: usize) -> Error {
    match error {
        Error::Data(DataError::EmptyClass { class: 1, .. }) => Error::Data(DataError::EmptyClass { class, classes }),
        other => other,
    }
}
