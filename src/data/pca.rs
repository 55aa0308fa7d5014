//! Principal component analysis, for fewer features.

use super::features::{check_features, saved_tensor};
use super::{Features, Scaler};
use crate::error::{DataError, Error, Result};
use crate::limits::check_copy;
use crate::memory::check_numbers;
use candle_core::{DType, Device, Module, Tensor};
use nalgebra::{DMatrix, SymmetricEigen};
use std::collections::HashMap;

/// Projection of samples onto the directions in which the training set varies most (Pearson 1901, Hotelling 1933); a
/// candle [`Module`].
///
/// It is the usual way to reduce many features to as many as there are qubits. Coordinates have the units of the
/// features. A [`Scaler`](super::Scaler) before it makes the units alike; a [`Scaler`](super::Scaler) after it turns
/// coordinates into angles.
///
/// ```
/// use candlewick::data::{self, BlobsConfig, Pca};
/// // Three centres lie in a plane, whatever the number of features.
/// let cloud = data::blobs(
///     200,
///     BlobsConfig { features: 10, deviation: 0.05, ..Default::default() },
/// )?;
/// let pca = Pca::new(&cloud.x, 2)?;
/// assert_eq!(pca.apply(&cloud.x)?.dims(), [200, 2]);
/// assert!(pca.explained().iter().sum::<f64>() > 0.98);
/// # Ok::<(), candlewick::Error>(())
/// ```
///
/// [`Module`]: https://docs.rs/candle-core/latest/candle_core/trait.Module.html
#[derive(Debug, Clone)]
pub struct Pca {
    /// Mean of each feature, `[features]`.
    mean: Tensor,
    /// Directions `[features, components]`: columns of length 1 at right angles.
    directions: Tensor,
    explained: Vec<f64>,
}

/// Names of saved tensors.
const NAMES: [&str; 3] = ["mean", "directions", "explained"];
/// Number of rows that are summed at a time.
const ROWS: usize = 1024;

impl Pca {
    /// Computes the first `components` directions of `x`, `[samples, features]`, in F64 on the CPU. A direction's
    /// largest entry is positive.
    ///
    /// # Errors
    /// No samples, or samples that are no rows or not finite; no components, or more than features; features with
    /// covariances that do not fit the memory.
    pub fn new<'a>(x: impl Into<Features<'a>>, components: usize) -> Result<Self> {
        let of: Features<'a> = x.into();
        let x = of.x;
        let (samples, features) = x.dims2()?;
        let setting =
            |setting, value, allowed| Err(Error::Setting { of: "principal components", setting, value, allowed });
        if samples == 0 {
            return setting("samples", 0.0, "at least 1");
        }
        if !(1..=features).contains(&components) {
            return setting("components", components as f64, "from 1 to the number of features");
        }
        // Counts the matrix, its eigenvectors, and the working memory of the solver.
        check_numbers(
            "the covariances",
            (features as u64).checked_mul(features as u64).and_then(|n| n.checked_mul(4)),
        )?;
        check_copy("the samples", x, DType::F64)?;
        let rows = x.detach().to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
        for start in (0..samples).step_by(ROWS) {
            let part = rows.narrow(0, start, ROWS.min(samples - start))?.flatten_all()?.to_vec1::<f64>()?;
            if let Some((at, &value)) = part.iter().enumerate().find(|(_, value)| !value.is_finite()) {
                return Err(of.not_finite(at % features, start + at / features, value));
            }
        }
        let mean = rows.mean(0)?;
        let mut covariances = DMatrix::zeros(features, features);
        for start in (0..samples).step_by(ROWS) {
            let count = ROWS.min(samples - start);
            let part = rows.narrow(0, start, count)?.broadcast_sub(&mean)?.flatten_all()?.to_vec1::<f64>()?;
            // The matrix is column-major: a column for each sample.
            let part = DMatrix::from_vec(features, count, part);
            covariances.gemm(1.0 / samples as f64, &part, &part.transpose(), 1.0);
        }
        if let Some((index, &value)) = covariances.iter().enumerate().find(|(_, value)| !value.is_finite()) {
            let (what, feature, allowed) = ("covariance", index % features, "finite");
            let name = of.name(feature);
            return Err(Error::Data(DataError::FeatureNumber { what, feature, name, value, allowed }));
        }
        let total = covariances.trace();
        let eigen = SymmetricEigen::new(covariances);
        let mut order: Vec<usize> = (0..features).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        order.truncate(components);

        let mut directions = vec![0.0; features * components];
        for (column, &index) in order.iter().enumerate() {
            let direction = eigen.eigenvectors.column(index);
            let largest =
                direction.iter().fold(0.0, |largest: f64, v| if v.abs() > largest.abs() { *v } else { largest });
            for (row, value) in direction.iter().enumerate() {
                directions[row * components + column] = value * largest.signum();
            }
        }
        let explained =
            order.iter().map(|&index| if total > 0.0 { eigen.eigenvalues[index].max(0.0) / total } else { 0.0 });
        let place = |tensor: Tensor| tensor.to_dtype(x.dtype())?.to_device(x.device());
        let explained = explained.collect();
        let directions = place(Tensor::from_vec(directions, (features, components), &Device::Cpu)?)?;
        Ok(Self { mean: place(mean)?, directions, explained })
    }

    /// Returns the fraction of the variance along each direction, largest first.
    pub fn explained(&self) -> &[f64] {
        &self.explained
    }

    /// Returns the directions, `[features, components]`: columns of length 1.
    pub fn directions(&self) -> &Tensor {
        &self.directions
    }

    /// Returns mean, directions and explained fractions under the names `mean`, `directions` and `explained`, to be
    /// saved in a safetensors file.
    ///
    /// # Errors
    /// candle's errors.
    pub fn to_tensors(&self) -> Result<HashMap<String, Tensor>> {
        let explained = Tensor::new(self.explained.as_slice(), &Device::Cpu)?;
        let tensors = [self.mean.clone(), self.directions.clone(), explained];
        Ok(NAMES.iter().map(|&name| name.to_owned()).zip(tensors).collect())
    }

    /// Makes the projection of saved tensors.
    ///
    /// # Errors
    /// Tensors that are missing, of other shapes, or of no common floating-point dtype.
    pub fn from_tensors(tensors: &HashMap<String, Tensor>) -> Result<Self> {
        let [mean, directions, explained] = NAMES.map(|name| saved_tensor(tensors, name, "a tensor"));
        let (mean, directions, explained) = (mean?, directions?, explained?);
        let (features, components) = directions.dims2()?;
        // A scaler checks its offset the same way.
        Scaler::new(mean.clone(), mean.clone())?;
        let misfit = |name: &str, tensor: &Tensor, dtype: DType, shape: Vec<usize>| {
            let [expected, actual] =
                [(dtype, shape), (tensor.dtype(), tensor.dims().to_vec())].map(|(d, s)| format!("{d:?} {s:?}"));
            match expected == actual {
                true => Ok(()),
                false => Err(Error::Data(DataError::Saved { name: name.to_owned(), expected, actual })),
            }
        };
        misfit(NAMES[0], &mean, directions.dtype(), vec![features])?;
        misfit(NAMES[2], &explained, DType::F64, vec![components])?;
        Ok(Self { mean, directions, explained: explained.to_vec1()? })
    }

    /// Returns the coordinates `[samples, components]` of samples `[samples, features]`.
    ///
    /// # Errors
    /// Another number of features; more than the memory holds; candle's error for another dtype or device.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        check_features("a feature vector to project", x, self.mean.elem_count())?;
        let samples = x.dims().first().copied().unwrap_or(1) as u64;
        check_numbers("the coordinates", samples.checked_mul(self.explained.len() as u64))?;
        Ok(x.broadcast_sub(&self.mean)?.matmul(&self.directions)?)
    }
}

impl Module for Pca {
    fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Ok(self.apply(x)?)
    }
}
