//! Preparation of raw samples: numbers learnt from the training data, in front of the layers.

use super::modules::at;
use super::schema::{PrepareForm, Tensors};
use crate::data::{Imputer, Pca, Scaler};
use crate::error::{ModelProblem, Result};
use candle_core::{DType, Device, Tensor};
use std::collections::HashMap;

/// Step of the preparation.
#[derive(Debug, Clone)]
pub(super) enum Prepare {
    Impute(Imputer),
    Scale(Scaler),
    Project(Pca),
}

impl Prepare {
    pub(super) fn form(&self) -> PrepareForm {
        match self {
            Self::Impute(_) => PrepareForm::Impute,
            Self::Scale(_) => PrepareForm::Scale,
            Self::Project(_) => PrepareForm::Project,
        }
    }

    pub(super) fn scaler(&self) -> Option<&Scaler> {
        match self {
            Self::Scale(step) => Some(step),
            Self::Impute(_) | Self::Project(_) => None,
        }
    }

    pub(super) fn apply(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Impute(step) => step.apply(x),
            Self::Scale(step) => step.apply(x),
            Self::Project(step) => step.apply(x),
        }
    }

    /// Returns the dtype of the numbers.
    pub(super) fn dtype(&self) -> DType {
        match self {
            Self::Impute(step) => step.fill().dtype(),
            Self::Scale(step) => step.offset.dtype(),
            Self::Project(step) => step.directions().dtype(),
        }
    }

    /// Returns the numbers by name.
    pub(super) fn tensors(&self) -> Result<HashMap<String, Tensor>> {
        match self {
            Self::Impute(step) => Ok(step.to_tensors()),
            Self::Scale(step) => Ok(step.to_tensors()),
            Self::Project(step) => step.to_tensors(),
        }
    }

    /// Returns the step with its numbers on a device.
    pub(super) fn on(self, device: &Device) -> Result<Self> {
        let moved: candle_core::Result<HashMap<String, Tensor>> =
            self.tensors()?.into_iter().map(|(name, tensor)| Ok((name, tensor.to_device(device)?))).collect();
        Self::make(self.form(), &moved?)
    }

    fn make(form: PrepareForm, tensors: &HashMap<String, Tensor>) -> Result<Self> {
        match form {
            PrepareForm::Impute => Imputer::from_tensors(tensors).map(Self::Impute),
            PrepareForm::Scale => Scaler::from_tensors(tensors).map(Self::Scale),
            PrepareForm::Project => Pca::from_tensors(tensors).map(Self::Project),
        }
    }

    /// Makes a step of the tensors of a file.
    pub(super) fn read(form: PrepareForm, index: usize, tensors: &Tensors) -> Result<Self> {
        let place = format!("prepare[{index}]");
        Self::make(form, &under(tensors, &prefix(index)))
            .map_err(|error| at(&place, ModelProblem::Layer(error.to_string())))
    }

    /// Returns the shape of a sample behind the step.
    pub(super) fn output_shape(&self, index: usize, input: &[usize]) -> Result<Vec<usize>> {
        let (features, outputs) = match self {
            Self::Impute(step) => (step.fill().elem_count(), step.fill().elem_count()),
            Self::Scale(step) => (step.offset.elem_count(), step.offset.elem_count()),
            Self::Project(step) => step.directions().dims2()?,
        };
        match input.split_last() {
            Some((last, leading)) if *last == features => Ok([leading, &[outputs]].concat()),
            _ => {
                let (expected, actual) = (format!("[.., {features}]"), input.to_vec());
                Err(at(&format!("prepare[{index}]"), ModelProblem::Chain { expected, actual }))
            }
        }
    }
}

/// Prefix of the tensors of a step.
pub(super) fn prefix(index: usize) -> String {
    format!("prepare.{index}.")
}

/// Returns the tensors under a prefix, without it.
pub(super) fn under(tensors: &Tensors, prefix: &str) -> HashMap<String, Tensor> {
    let own = tensors.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor.clone())));
    own.collect()
}
