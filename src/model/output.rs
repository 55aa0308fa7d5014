//! Outputs of a model: what the numbers behind the last layer mean.

use crate::data::Scaler;
use crate::error::{Error, ModelProblem, Result, TensorError};
use crate::numbers::host_numbers;
use candle_core::{D, DType, Tensor};
use serde::{Deserialize, Serialize};

/// Meaning of the numbers behind the last layer of a [`Model`](super::Model).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Output {
    /// None: the numbers are the prediction.
    #[default]
    Raw,
    /// Classes: a number for each class, or one number for two classes.
    Classes {
        /// Name of what is predicted, such as `species`.
        label: String,
        /// Names of the classes, in the order of their numbers.
        names: Vec<String>,
        /// Whether the numbers are logits or probabilities.
        scores: Scores,
    },
    /// Numbers, by name.
    Values {
        /// Names of the numbers.
        names: Vec<String>,
        /// Scaler of the training's targets, which is undone.
        scaler: Option<Scaler>,
    },
}

/// Numbers that a model of classes gives. The names of the variants are a part of the format of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Scores {
    /// Logits: their softmax is the probabilities. A single number is the logit of the second of two classes.
    #[default]
    Logits,
    /// Probabilities, such as those of [`Measurement::probabilities`](crate::Measurement::probabilities). A single
    /// number is that of the second of two classes.
    Probabilities,
}

/// Prediction of a [`Model`](super::Model) for a batch, outside of any graph.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Prediction {
    /// Numbers behind the last layer, `[batch, ..]`.
    Raw(Tensor),
    /// Classes.
    Classes {
        /// Probability of each class, `[batch, classes]`.
        probabilities: Tensor,
        /// Number of the most probable class of each sample; the first of equal ones.
        classes: Vec<usize>,
        /// Names of the classes.
        names: Vec<String>,
    },
    /// Values in the units of the training's targets, `[batch, values]`.
    Values(Tensor),
}

impl Prediction {
    /// Returns the numbers: outputs, probabilities or values.
    pub fn numbers(&self) -> &Tensor {
        match self {
            Self::Raw(numbers) | Self::Values(numbers) | Self::Classes { probabilities: numbers, .. } => numbers,
        }
    }

    /// Returns the name of the most probable class of each sample, or nothing if there are no classes.
    pub fn labels(&self) -> Vec<&str> {
        match self {
            Self::Classes { classes, names, .. } => classes.iter().map(|class| names[*class].as_str()).collect(),
            Self::Raw(_) | Self::Values(_) => Vec::new(),
        }
    }
}

impl Output {
    /// Checks that samples of this shape behind the last layer have this meaning.
    pub(super) fn check(&self, shape: &[usize]) -> Result<(), ModelProblem> {
        let chain = |expected: String| Err(ModelProblem::Chain { expected, actual: shape.to_vec() });
        match self {
            Self::Raw => Ok(()),
            Self::Classes { names, .. } if names.is_empty() => Err(ModelProblem::Setting {
                what: "the number of classes",
                value: "0".to_owned(),
                allowed: "1 or more",
            }),
            Self::Classes { names, .. } => match *shape {
                [outputs] if outputs == names.len() || outputs == 1 && names.len() == 2 => Ok(()),
                _ => chain(format!("[{}], one for each class", names.len())),
            },
            Self::Values { names, scaler } => {
                let scaled = scaler.as_ref().map_or(names.len(), |scaler| scaler.offset.elem_count());
                match *shape {
                    [outputs] if outputs == names.len() && scaled == outputs => Ok(()),
                    _ => chain(format!("[{}], one for each value", names.len())),
                }
            }
        }
    }

    /// Returns the prediction of outputs `[batch, ..]`, whose numbers are finite.
    pub(super) fn prediction(&self, y: Tensor) -> Result<Prediction> {
        check_finite(&y)?;
        Ok(match self {
            Self::Raw => Prediction::Raw(y),
            Self::Values { scaler: None, .. } => Prediction::Values(y),
            Self::Values { scaler: Some(scaler), .. } => {
                let y = scaler.invert(&y)?;
                // A number of a large target may be beyond the range of F32.
                check_finite(&y)?;
                Prediction::Values(y)
            }
            Self::Classes { names, scores, .. } => {
                let probabilities = probabilities(&y, names.len(), *scores)?;
                let classes = probabilities.to_dtype(DType::F64)?.to_vec2::<f64>()?;
                let classes = classes.iter().map(|row| largest(row)).collect();
                Prediction::Classes { probabilities, classes, names: names.clone() }
            }
        })
    }
}

/// Checks that each number of `[batch, ..]` is finite.
fn check_finite(y: &Tensor) -> Result<()> {
    let width = y.dims().iter().skip(1).product::<usize>().max(1);
    match host_numbers(y)?.iter().enumerate().find(|(_, number)| !number.is_finite()) {
        None => Ok(()),
        Some((at, value)) => {
            let (sample, output, value) = (at / width, at % width, *value);
            Err(Error::Tensor(TensorError::OutputNotFinite { sample, output, value }))
        }
    }
}

/// Returns the probability of each class.
fn probabilities(y: &Tensor, classes: usize, scores: Scores) -> Result<Tensor> {
    let is_single = y.dim(D::Minus1)? < classes;
    Ok(match (scores, is_single) {
        (Scores::Logits, false) => candle_nn::ops::softmax(y, D::Minus1)?,
        (Scores::Probabilities, false) => y.clone(),
        (scores, true) => {
            let second = if scores == Scores::Logits { candle_nn::ops::sigmoid(y)? } else { y.clone() };
            Tensor::cat(&[second.affine(-1.0, 1.0)?, second], D::Minus1)?
        }
    })
}

/// Place of the largest number, the first of equal ones.
fn largest(row: &[f64]) -> usize {
    let mut best = 0;
    for (place, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = place;
        }
    }
    best
}
