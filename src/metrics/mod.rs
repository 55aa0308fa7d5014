//! Metrics of a whole set: a confusion matrix with what follows from it, ROC curves, errors of a regression.
//!
//! Functions of outputs and targets are metrics of a training, by [`Training::metric`] (feature `train`). [`plot`]
//! draws a [`Confusion`] and a [`RocCurve`].
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use candlewick::metrics::{Confusion, roc_auc};
//! let logits =
//!     Tensor::new(&[[2f32, 0.], [1., 0.], [0., 1.], [0.5, 0.], [0., 3.]], &Device::Cpu)?;
//! let labels = Tensor::new(&[0u32, 0, 1, 1, 1], &Device::Cpu)?;
//! let classes = ["well", "ill"].map(str::to_owned);
//! let confusion = Confusion::of_outputs(&classes, &logits, &labels)?;
//! let text = "
//!               precision    recall  f1-score   support
//!
//!         well       0.67      1.00      0.80         2
//!          ill       1.00      0.67      0.80         3
//!
//!     accuracy                           0.80         5
//!    macro avg       0.83      0.83      0.80         5
//! weighted avg       0.87      0.80      0.80         5
//! ";
//! assert_eq!(format!("\n{confusion}"), text);
//! assert_eq!((confusion.count(1, 0), confusion.accuracy()), (Some(1), 0.8));
//! assert_eq!(roc_auc(&logits, &labels)?, 1.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`plot`]: ../plot/index.html
//! [`Training::metric`]: ../train/struct.Training.html#method.metric

mod confusion;
mod outputs;
mod regression;
mod roc;
mod rows;

pub use confusion::{ClassScores, Confusion};
pub use outputs::{accuracy, balanced_accuracy, binary_accuracy, macro_f1, predictions, roc_auc, weighted_f1};
pub use regression::{mean_absolute_error, mean_squared_error, r2};
pub use roc::RocCurve;
