//! Kernel ridge regression on kernel matrices.

use super::alignment::check_square;
use super::batch::inner_dtype;
use crate::error::{Error, Result, StatesError, TensorError};
use crate::memory;
use candle_core::{DType, Device, Shape, Tensor};
use nalgebra::{Cholesky, DMatrix, Dyn, SymmetricEigen};

type Factors = Cholesky<f64, Dyn>;

/// Chooses a row of numbers in rows of a width.
type RowOf = fn(&[f64], usize) -> usize;

/// Steps of the eigenvalue solver for each row; it takes two or three.
const STEPS: usize = 100;

/// Kernel ridge regression: predictions `K(new, training) α` with `α = (K + ridge)⁻¹ y`, for targets y of the training
/// samples.
///
/// It takes any kernel matrix, of a circuit ([`kernel`](super::kernel)) or not. With targets of -1 and 1 the sign of a
/// prediction is a class; for more classes there is a column of targets for each class, and the largest prediction
/// wins. The computation is in F64 on the host.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::states::KernelRidge;
/// use candlewick::{prelude::*, states};
///
/// let mut circuit = Circuit::new(2);
/// circuit.iqp_embedding((0..2).map(input), 2);
/// let x =
///     Tensor::new(&[[0.1f64, 0.9], [0.4, 0.8], [1.2, -0.5], [1.1, -0.2]], &Device::Cpu)?;
/// let y = Tensor::new(&[-1f64, -1., 1., 1.], &Device::Cpu)?;
/// let model = KernelRidge::fit(&states::kernel(&circuit, &x, None, &[])?, &y, 1e-3)?;
///
/// let unseen = Tensor::new(&[[0.2f64, 0.7], [1.3, -0.3]], &Device::Cpu)?;
/// let between = states::kernel(&circuit, &unseen, Some(&x), &[])?; // [2, 4]
/// let scores = model.predict(&between)?.to_vec1::<f64>()?;
/// assert!(scores[0] < 0.0 && scores[1] > 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct KernelRidge {
    /// Coefficients `[samples, outputs]` in F64 on the host.
    coefficients: Tensor,
    /// Dimensions of a sample's targets: none, or the outputs.
    behind: Vec<usize>,
}

impl KernelRidge {
    /// Fits the kernel matrix of the training samples, `[n, n]`, to their targets, `[n]` or `[n, outputs]`.
    ///
    /// `ridge` is added to the diagonal: 0 or more, in the units of the kernel. With 0 the predictions on the training
    /// samples are the targets, if the kernel is positive definite at all. Only the symmetric part of the kernel
    /// counts; two entries that should be equal may differ by rounding.
    ///
    /// # Errors
    /// A kernel that is not square, not symmetric, not finite or, with the ridge, singular to rounding or not positive
    /// definite; targets of another number of samples, or not finite; dtypes other than F16, BF16, F32 and F64; a
    /// negative ridge; matrices beyond the available memory, before any is allocated. A number that is not finite comes
    /// with its row, which is the sample: of the kernel, the row with the most such numbers.
    pub fn fit(kernel: &Tensor, targets: &Tensor, ridge: f64) -> Result<Self> {
        if !(ridge >= 0.0 && ridge.is_finite()) {
            let (of, setting, allowed) = ("KernelRidge", "ridge", "0 or more, and finite");
            return Err(Error::Setting { of, setting, value: ridge, allowed });
        }
        let size = check_square("the kernel matrix", kernel)?;
        let behind = match targets.dims() {
            [samples, behind @ ..] if *samples == size && behind.len() < 2 && size > 0 => behind.to_vec(),
            _ => return Err(wrong_targets(size, targets)),
        };
        let outputs = behind.iter().product::<usize>();
        // Counts the matrix and the targets, their factors and solutions, and copies in F64.
        let numbers = |columns: usize| (size as u64).checked_mul(columns as u64)?.checked_mul(3);
        memory::check_numbers(
            "a kernel ridge regression",
            numbers(size).zip(numbers(outputs)).and_then(|(a, b)| a.checked_add(b)),
        )?;
        let matrix_of = |what, tensor: &Tensor, columns, row_of| {
            Ok::<_, Error>(DMatrix::from_row_slice(size, columns, &numbers_of(what, tensor, row_of)?))
        };
        let matrix = symmetric(matrix_of("the kernel matrix", kernel, size, most_not_finite)?, kernel)?;
        let targets = matrix_of("the tensor of targets", targets, outputs, first_not_finite)?;
        let mut with_ridge = matrix.clone();
        (0..size).for_each(|k| with_ridge[(k, k)] += ridge);
        // A singular matrix has pivots at the level of rounding.
        let least = size as f64 * f64::EPSILON * with_ridge.diagonal().amax();
        let sound = |factors: &Factors| factors.l_dirty().diagonal().iter().all(|pivot| pivot * pivot > least);
        let Some(factors) = with_ridge.cholesky().filter(sound) else {
            let lowest = SymmetricEigen::try_new(matrix, f64::EPSILON, STEPS * size);
            let lowest = lowest.map_or(f64::NAN, |eigen| eigen.eigenvalues.min());
            return Err(Error::States(StatesError::NotPositiveDefinite { size, ridge, lowest }));
        };
        // Columns of the transposed matrix are rows of the result.
        let solved = factors.solve(&targets).transpose();
        let coefficients = Tensor::from_slice(solved.as_slice(), (size, outputs), &Device::Cpu)?;
        Ok(Self { coefficients, behind })
    }

    /// Returns the coefficients α: `[n]` or `[n, outputs]`, in F64 on the CPU.
    ///
    /// # Errors
    /// None in practice; candle returns a `Result` from every reshape.
    pub fn coefficients(&self) -> Result<Tensor> {
        Ok(self.coefficients.reshape([&[self.coefficients.dim(0)?], &self.behind[..]].concat())?)
    }

    /// Predicts from the kernel matrix between new samples and the training samples, `[m, n]`: `[m]` or `[m, outputs]`,
    /// in the dtype and on the device of the kernel. Predictions are differentiable in the kernel.
    ///
    /// # Errors
    /// A kernel of another shape, or of a dtype other than F16, BF16, F32 and F64; predictions beyond the memory.
    pub fn predict(&self, kernel: &Tensor) -> Result<Tensor> {
        let what = "the kernel matrix";
        inner_dtype(what, kernel)?;
        let samples = self.coefficients.dim(0)?;
        let rows = match *kernel.dims() {
            [rows, columns] if columns == samples => rows,
            _ => {
                let (rows, actual) = (kernel.dims().first().copied().unwrap_or(1), kernel.shape().clone());
                return Err(Error::Tensor(TensorError::Shape { what, expected: (rows, samples).into(), actual }));
            }
        };
        let shape = [&[rows], &self.behind[..]].concat();
        if shape.contains(&0) {
            return Ok(Tensor::zeros(shape, kernel.dtype(), kernel.device())?);
        }
        // The kernel in F64, and the predictions twice.
        let outputs = self.coefficients.dim(1)? as u64;
        let each = outputs.checked_mul(2).and_then(|outputs| outputs.checked_add(samples as u64));
        memory::check_numbers(what, each.and_then(|each| each.checked_mul(rows as u64)))?;
        // The order matters: not every device has F64.
        let exact = kernel.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.contiguous()?;
        let predicted = exact.matmul(&self.coefficients)?.reshape(shape)?;
        Ok(predicted.to_dtype(kernel.dtype())?.to_device(kernel.device())?)
    }
}

fn wrong_targets(samples: usize, targets: &Tensor) -> Error {
    let actual = targets.shape().clone();
    let expected: Shape = match targets.dims() {
        [_, outputs] => (samples, *outputs).into(),
        _ => samples.into(),
    };
    Error::Tensor(TensorError::Shape { what: "the tensor of targets", expected, actual })
}

/// Returns the entries of a tensor in F64, which have to be finite. `row_of` chooses the row for the error.
fn numbers_of(what: &'static str, tensor: &Tensor, row_of: RowOf) -> Result<Vec<f64>> {
    inner_dtype(what, tensor)?;
    let numbers = tensor.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    if numbers.iter().all(|number| number.is_finite()) {
        return Ok(numbers);
    }
    let width = (numbers.len() / tensor.dims().first().copied().unwrap_or(1)).max(1);
    let row = row_of(&numbers, width);
    let entry = numbers.iter().enumerate().skip(row * width).find(|(_, number)| !number.is_finite());
    let (column, value) = entry.map_or((0, f64::NAN), |(place, &value)| (place % width, value));
    Err(Error::Tensor(TensorError::EntryNotFinite { what, row, column, value }))
}

/// Returns the first row with a number that is not finite.
fn first_not_finite(numbers: &[f64], width: usize) -> usize {
    numbers.iter().position(|number| !number.is_finite()).unwrap_or(0) / width
}

/// Returns the first row with the most numbers that are not finite: a sample with a feature that is NaN spoils its own
/// row, and one entry of each other.
fn most_not_finite(numbers: &[f64], width: usize) -> usize {
    let spoilt = |row: &[f64]| row.iter().filter(|number| !number.is_finite()).count();
    let counts = numbers.chunks(width).map(spoilt).enumerate();
    counts.fold((0, 0), |most, (row, count)| if count > most.1 { (row, count) } else { most }).0
}

/// Returns the symmetric part of a matrix that is symmetric up to the rounding of its tensor.
fn symmetric(matrix: DMatrix<f64>, like: &Tensor) -> Result<DMatrix<f64>> {
    let relative = match like.dtype() {
        DType::F64 => 1e-10,
        DType::F32 => 1e-5,
        _ => 1e-2,
    };
    let (transposed, allowed) = (matrix.transpose(), relative * matrix.amax());
    let deviation = (&matrix - &transposed).amax();
    match deviation <= allowed {
        true => Ok(0.5 * matrix + 0.5 * transposed),
        false => Err(Error::States(StatesError::NotSymmetric { deviation, allowed })),
    }
}
