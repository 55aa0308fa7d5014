//! Kernel ridge regression for all regularisations at once.

use crate::Split;
use crate::kernels::Kernel;
use anyhow::Result;
use candle_core::Tensor;
use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// Predictions of samples that were left out of the training, one at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeftOut {
    /// Fraction of the samples with the right sign.
    pub(crate) accuracy: f64,
    /// Mean squared error.
    pub(crate) error: f64,
}

/// Fit of a kernel of one width, for each regularisation.
pub(crate) struct Fit {
    pub(crate) left_out: Vec<LeftOut>,
    /// Accuracy on the test set.
    pub(crate) test: Vec<f64>,
}

impl Fit {
    /// Fits `α = (K + λ n)⁻¹ y` for each λ. With `K = V diag(e) Vᵀ` each fit is one product, and so is the diagonal of
    /// the inverse. The diagonal gives the error of sample i when it is left out: `α_i / (K + λ n)⁻¹_ii` (Rifkin and
    /// Lippert, MIT-CSAIL-TR-2007-025). For a very large width, predictions are below the rounding of labels and their
    /// signs are lost. The squared errors, which choose the width, are not lost.
    pub(crate) fn new(kernel: Kernel, width: f64, ridges: &[f64], split: &Split) -> Result<Self> {
        let of_train = matrix(&kernel.matrix(width, &split.train, &split.train)?)?;
        let of_test = matrix(&kernel.matrix(width, &split.test, &split.train)?)?;
        let labels = DVector::from_column_slice(&split.train_labels);
        let eigen = SymmetricEigen::new(0.5 * (&of_train + of_train.transpose()));
        let (vectors, squares) = (&eigen.eigenvectors, eigen.eigenvectors.map(|entry| entry * entry));
        let projected = vectors.tr_mul(&labels);
        let (mut left_out, mut test) = (Vec::new(), Vec::new());
        for ridge in ridges {
            // Rounding makes some eigenvalues slightly negative.
            let inverse = eigen.eigenvalues.map(|value| 1.0 / (value.max(0.0) + ridge * labels.len() as f64));
            let alpha = vectors * inverse.component_mul(&projected);
            let errors = alpha.component_div(&(&squares * &inverse));
            let predictions = &labels - &errors;
            left_out.push(LeftOut {
                accuracy: accuracy(&predictions, &split.train_labels),
                error: errors.norm_squared() / labels.len() as f64,
            });
            test.push(accuracy(&(&of_test * alpha), &split.test_labels));
        }
        Ok(Self { left_out, test })
    }
}

/// Returns the fraction of the predictions with the sign of their label.
fn accuracy(predictions: &DVector<f64>, labels: &[f64]) -> f64 {
    let right = predictions.iter().zip(labels).filter(|(prediction, label)| *prediction * *label > 0.0).count();
    right as f64 / labels.len() as f64
}

fn matrix(tensor: &Tensor) -> Result<DMatrix<f64>> {
    let (rows, columns) = tensor.dims2()?;
    Ok(DMatrix::from_row_iterator(rows, columns, tensor.flatten_all()?.to_vec1::<f64>()?))
}
