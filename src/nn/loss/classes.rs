//! Losses of classes.

use crate::__private::NonExhaustive;
use crate::error::{DataError, Error, Result, TensorError};
use crate::limits::check_copies;
use crate::memory::check_numbers;
use crate::numbers::host_labels;
use candle_core::{D, DType, Device, Tensor};

/// Cross-entropy between the softmax of logits and classes, with weights of classes and smoothed labels: PyTorch's
/// `CrossEntropyLoss`.
///
/// The loss of a sample is `-sum_c w_c q_c ln p_c`, where `p` is the softmax of its logits, `w` are the weights of the
/// classes, and `q` is `1 - s` at its class, plus `s / classes` everywhere, for a label smoothing `s`. The loss of a
/// batch is the sum over its samples, divided by the sum of the weights of their classes. F16 and BF16 are computed in
/// F32, and the result is cast back.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::nn::loss::{CrossEntropy, class_weights};
/// let labels = Tensor::new(&[0u32, 0, 0, 1], &Device::Cpu)?;
/// let loss =
///     CrossEntropy { weights: Some(class_weights(&labels, 2)?), ..Default::default() };
/// let logits = Tensor::new(&[[2f64, 0.], [1., 0.], [0., 0.], [0., 1.]], &Device::Cpu)?;
/// // A closure is a loss of `Training`: |outputs, labels| loss.forward(outputs, labels)
/// let value = loss.forward(&logits, &labels)?.to_scalar::<f64>()?;
/// let softplus = |x: f64| x.exp().ln_1p();
/// let expected =
///     ((softplus(-2.) + softplus(-1.) + softplus(0.)) * 2. / 3. + softplus(-1.) * 2.) / 4.;
/// assert!((value - expected).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CrossEntropy {
    /// Weight of each class, finite and not negative. Default `None`: 1 for all.
    pub weights: Option<Vec<f64>>,
    /// Part of each label that is spread evenly over all classes, in [0, 1]. Default 0.
    pub label_smoothing: f64,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl CrossEntropy {
    /// Returns the loss of logits `[samples, classes]` with labels `[samples]` of integers, as a scalar.
    ///
    /// # Errors
    /// A label beyond the classes, with its sample; other shapes or dtypes; no samples; a smoothing outside [0, 1];
    /// another number of weights than of classes, a weight that is negative or not finite, or weights of which all
    /// that the batch needs are 0; more logits than the memory holds.
    pub fn forward(&self, logits: &Tensor, labels: &Tensor) -> candle_core::Result<Tensor> {
        Ok(self.compute(logits, labels)?)
    }

    fn compute(&self, logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
        let smoothing = self.label_smoothing;
        if !(0.0..=1.0).contains(&smoothing) {
            return Err(setting("label_smoothing", smoothing, "in [0, 1]"));
        }
        let batch = Batch::new(logits, labels, self.weights.as_deref())?;
        let own = batch.of_labels(&batch.log_p)?;
        let mut loss = (batch.mean(&own.neg()?)? * (1.0 - smoothing))?;
        if smoothing > 0.0 {
            let spread = batch.log_p.broadcast_mul(&batch.weights)?.sum_all()?;
            let scale = -smoothing / (batch.weights.elem_count() as f64 * batch.total);
            loss = (loss + (spread * scale)?)?;
        }
        Ok(loss.to_dtype(logits.dtype())?)
    }
}

/// Focal loss `-(1 - p)^gamma ln p` of the probability `p` of each sample's class (Lin, Goyal, Girshick, He and Dollár,
/// arXiv:1708.02002): samples that are classified well count less than in the [`CrossEntropy`], which is the loss for a
/// gamma of 0.
///
/// The loss of a batch is the sum over its samples, each times the weight of its class, divided by the sum of these
/// weights. It is finite for finite logits, and so is its gradient.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::nn::loss::FocalLoss;
/// let logits = Tensor::zeros((1, 4), candle_core::DType::F64, &Device::Cpu)?;
/// let labels = Tensor::new(&[2u32], &Device::Cpu)?;
/// let focal = FocalLoss { gamma: 2.0, ..Default::default() };
/// let loss = focal.forward(&logits, &labels)?.to_scalar::<f64>()?;
/// assert!((loss - 0.75f64.powi(2) * 4f64.ln()).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FocalLoss {
    /// Exponent, finite and not negative. Default 2.
    pub gamma: f64,
    /// Weight of each class, finite and not negative. Default `None`: 1 for all.
    pub weights: Option<Vec<f64>>,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for FocalLoss {
    fn default() -> Self {
        Self { gamma: 2.0, weights: None, non_exhaustive: NonExhaustive(()) }
    }
}

impl FocalLoss {
    /// Returns the loss of logits `[samples, classes]` with labels `[samples]` of integers, as a scalar.
    ///
    /// # Errors
    /// A gamma that is negative or not finite; the errors of [`CrossEntropy::forward`].
    pub fn forward(&self, logits: &Tensor, labels: &Tensor) -> candle_core::Result<Tensor> {
        Ok(self.compute(logits, labels)?)
    }

    fn compute(&self, logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
        if !(self.gamma.is_finite() && self.gamma >= 0.0) {
            return Err(setting("gamma", self.gamma, "finite and not negative"));
        }
        let batch = Batch::new(logits, labels, self.weights.as_deref())?;
        let own = batch.of_labels(&batch.log_p)?;
        // ln(1 - p) from the other classes: a difference of p from 1 would be rounded to 0.
        let others = log_sum_exp(&(&batch.log_p - (batch.one_hot()? * FAR)?)?)?.squeeze(1)?;
        let factor = (others * self.gamma)?.exp()?;
        Ok(batch.mean(&(factor * own.neg()?)?)?.to_dtype(logits.dtype())?)
    }
}

/// Logarithm that is far below all others, and finite in F32.
const FAR: f64 = 1e30;

/// Returns the weight of each class that gives all classes the same total weight: `samples / (classes * members)`,
/// scikit-learn's `balanced`.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::nn::loss::class_weights;
/// let labels = Tensor::new(&[0u32, 0, 0, 1], &Device::Cpu)?;
/// assert_eq!(class_weights(&labels, 2)?, [2.0 / 3.0, 2.0]);
/// # Ok::<(), candlewick::Error>(())
/// ```
///
/// # Errors
/// A label beyond the classes; a class without a sample; labels that are not `[samples]` of integers; more classes than
/// the memory holds.
pub fn class_weights(labels: &Tensor, classes: usize) -> Result<Vec<f64>> {
    let labels = host_labels(labels, classes)?;
    check_numbers("the weights of classes", Some(classes as u64))?;
    let mut members = vec![0usize; classes];
    labels.iter().for_each(|&label| members[label as usize] += 1);
    if let Some(class) = members.iter().position(|&count| count == 0) {
        return Err(Error::Data(DataError::EmptyClass { class, classes }));
    }
    Ok(members.iter().map(|&count| labels.len() as f64 / (classes as f64 * count as f64)).collect())
}

fn setting(setting: &'static str, value: f64, allowed: &'static str) -> Error {
    Error::Setting { of: "a loss of classes", setting, value, allowed }
}

/// Samples of a batch, checked, in the dtype of the computation.
struct Batch {
    /// Logarithms of the probabilities, `[samples, classes]`.
    log_p: Tensor,
    labels: Vec<u32>,
    /// Weights of the classes, `[classes]`, and of the samples, `[samples]`.
    weights: Tensor,
    of_samples: Tensor,
    /// Sum of the weights of the samples.
    total: f64,
}

impl Batch {
    fn new(logits: &Tensor, labels: &Tensor, weights: Option<&[f64]>) -> Result<Self> {
        let dtype = super::super::check_float("the tensor of logits", logits)?;
        // F16 ends at 65504, and a sum of ones in BF16 stops growing at 256.
        let inner = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
        let &[samples, classes] = logits.dims() else {
            let (expected, actual) = ((labels.elem_count(), 2).into(), logits.shape().clone());
            return Err(Error::Tensor(TensorError::Shape { what: "the logits", expected, actual }));
        };
        if samples == 0 || classes == 0 {
            let setting_of = if samples == 0 { "samples" } else { "classes" };
            return Err(setting(setting_of, 0.0, "at least 1"));
        }
        // Logits, logarithms, exponentials and masks in the dtype of the computation, some of them for the gradient.
        check_copies("the logits of a loss", logits, inner, 6)?;
        if labels.dims() != [samples] && labels.dtype().is_int() {
            let (expected, actual) = (samples.into(), labels.shape().clone());
            return Err(Error::Tensor(TensorError::Shape { what: "the labels", expected, actual }));
        }
        let labels = host_labels(labels, classes)?;
        let ones = vec![1.0; classes];
        let weights = weights.unwrap_or(&ones);
        if weights.len() != classes {
            let (expected, actual) = (classes.into(), weights.len().into());
            return Err(Error::Tensor(TensorError::Shape { what: "the weights of classes", expected, actual }));
        }
        if let Some(&weight) = weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
            return Err(setting("weight", weight, "finite and not negative"));
        }
        let of_samples: Vec<f64> = labels.iter().map(|&label| weights[label as usize]).collect();
        let rounded = |weight: f64| if inner == DType::F64 { weight } else { f64::from(weight as f32) };
        let is_kept = |weight: f64| rounded(weight).is_finite() && (rounded(weight) == 0.0) == (weight == 0.0);
        if let Some(&weight) = weights.iter().find(|weight| !is_kept(**weight)) {
            return Err(setting("weight", weight, "within the range of F32"));
        }
        if weights.iter().all(|weight| *weight == 0.0) {
            return Err(setting("the largest weight", 0.0, "above 0"));
        }
        let sum = of_samples.iter().sum::<f64>();
        if !sum.is_finite() {
            return Err(setting("the sum of weights", sum, "finite"));
        }
        // A batch of samples without weight adds nothing. candle has no gradients behind a factor of exactly 0.
        let total = if sum == 0.0 { f64::MAX } else { sum };
        let logits = logits.to_dtype(inner)?;
        let place = |values: &[f64]| Tensor::new(values, &Device::Cpu)?.to_dtype(inner)?.to_device(logits.device());
        let log_p = logits.broadcast_sub(&log_sum_exp(&logits)?)?;
        Ok(Self { log_p, labels, weights: place(weights)?, of_samples: place(&of_samples)?, total })
    }

    /// Returns the entry of each sample's class, `[samples]`.
    fn of_labels(&self, values: &Tensor) -> candle_core::Result<Tensor> {
        let labels = Tensor::new(self.labels.as_slice(), &Device::Cpu)?.to_device(values.device())?;
        values.gather(&labels.unsqueeze(1)?, D::Minus1)?.squeeze(1)
    }

    /// Returns 1 at each sample's class and 0 elsewhere, `[samples, classes]`.
    fn one_hot(&self) -> candle_core::Result<Tensor> {
        let classes = self.weights.elem_count();
        let mut entries = vec![0f32; self.labels.len() * classes];
        self.labels.iter().enumerate().for_each(|(sample, &label)| entries[sample * classes + label as usize] = 1.0);
        let entries = Tensor::from_vec(entries, (self.labels.len(), classes), &Device::Cpu)?;
        entries.to_dtype(self.log_p.dtype())?.to_device(self.log_p.device())
    }

    /// Returns the weighted mean of `[samples]`, as a scalar.
    fn mean(&self, values: &Tensor) -> candle_core::Result<Tensor> {
        (values * &self.of_samples)?.sum_all()? / self.total
    }
}

/// Returns the logarithm of the sum of exponentials of each row, `[rows, 1]`. The shift is a constant for the gradient,
/// which is then the exact softmax.
fn log_sum_exp(rows: &Tensor) -> candle_core::Result<Tensor> {
    let shift = rows.max_keepdim(D::Minus1)?.detach();
    rows.broadcast_sub(&shift)?.exp()?.sum_keepdim(D::Minus1)?.log()? + shift
}
