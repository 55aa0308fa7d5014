//! Entropies of some qubits of a state, with exact gradients.

use super::batch::Batch;
use super::reduced::{density_matrices, fewer_qubits, part_purities};
use crate::engine::share;
use crate::error::{Error, Result, StatesError};
use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Shape, Tensor};
use nalgebra::{DMatrix, SymmetricEigen};
use num_complex::Complex64;

/// Returns the von Neumann entropy `-Tr ρ ln ρ` of some qubits, with `ρ` divided by its trace, in nats, from 0 to
/// `k ln 2`: `[.., 2^n, 2]` gives `[..]`.
///
/// For pure states it is the entropy of entanglement between these qubits and the others, which is the same for both
/// sides. The smaller side is computed. Its density matrices go to the host, where their eigenvalues are computed in
/// f64.
///
/// The gradient is exact. An eigenvalue of 0 contributes nothing to it: no density matrix has a smaller eigenvalue, so
/// it is at its minimum. It grows with the square of any change ε of the state, and `ε² ln ε²` has slope 0 there.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::states;
/// let half = 0.5f64.sqrt();
/// let bell = Tensor::new(&[[half, 0.], [0., 0.], [0., 0.], [half, 0.]], &Device::Cpu)?;
/// let entropy = states::entropy(&bell, [0])?.to_scalar::<f64>()?;
/// assert!((entropy - std::f64::consts::LN_2).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The errors of [`purity`](super::purity).
pub fn entropy(states: &Tensor, qubits: impl IntoIterator<Item = usize>) -> Result<Tensor> {
    let batch = Batch::new("the states", states)?;
    let chosen = batch.check_qubits(qubits)?;
    if batch.count() == 0 {
        return batch.nothing(&[]);
    }
    let [re, im] = density_matrices(&batch.matrices(&fewer_qubits(&batch, chosen))?)?;
    // The order matters: not every device has F64.
    let rho = Tensor::stack(&[re, im], 3)?.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
    let entropies = rho.apply_op1(Entropy)?.to_dtype(batch.inner)?.to_device(batch.device())?;
    batch.to_output(&entropies, &[])
}

/// Returns the Rényi entropy of order 2, `-ln` of the [`purity`](super::purity), of some qubits, in nats, from 0 to
/// `k ln 2`: `[.., 2^n, 2]` gives `[..]`.
///
/// It is at most the von Neumann [`entropy`], and needs no eigenvalues.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::states;
/// let half = 0.5f64.sqrt();
/// let bell = Tensor::new(&[[half, 0.], [0., 0.], [0., 0.], [half, 0.]], &Device::Cpu)?;
/// let entropy = states::renyi2_entropy(&bell, [1])?.to_scalar::<f64>()?;
/// assert!((entropy - std::f64::consts::LN_2).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The errors of [`purity`](super::purity).
pub fn renyi2_entropy(states: &Tensor, qubits: impl IntoIterator<Item = usize>) -> Result<Tensor> {
    let batch = Batch::new("the states", states)?;
    let chosen = batch.check_qubits(qubits)?;
    if batch.count() == 0 {
        return batch.nothing(&[]);
    }
    let purities = part_purities(&batch, chosen, &batch.squared_norms()?)?;
    // Subtracts from 0: a pure state's entropy is then 0 without a sign.
    batch.to_output(&purities.log()?.affine(-1.0, 0.0)?, &[])
}

/// Op from density matrices `[batch, d, d, 2]` in F64, on the host, to their entropies `[batch]`.
#[derive(Debug)]
struct Entropy;

impl CustomOp1 for Entropy {
    fn name(&self) -> &'static str {
        "entropy"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let (start, size) = (layout.start_offset(), layout.dims()[1]);
        let entries = &storage.as_slice::<f64>()?[start..start + layout.shape().elem_count()];
        let entropy = |entries: &[f64]| -> Result<f64> {
            Ok(eigen(entries, size)?.map_or(f64::NAN, |eigen| entropy_of(&eigen).0))
        };
        let entropies =
            share::map_items(entries.chunks(2 * size * size), entropy).into_iter().collect::<Result<Vec<_>>>()?;
        let shape = entropies.len().into();
        Ok((CpuStorage::F64(entropies), shape))
    }

    fn bwd(&self, rho: &Tensor, _: &Tensor, cotangent: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let size = rho.dim(1)?;
        let entries = rho.flatten_all()?.to_vec1::<f64>()?;
        let slopes = share::map_items(entries.chunks(2 * size * size), |entries| slope(entries, size));
        let slopes = slopes.into_iter().collect::<Result<Vec<_>>>()?.concat();
        let slopes = Tensor::from_vec(slopes, rho.shape(), &Device::Cpu)?;
        Ok(Some(slopes.broadcast_mul(&cotangent.reshape(((), 1, 1, 1))?)?))
    }
}

type Eigen = SymmetricEigen<Complex64, nalgebra::Dyn>;

/// Returns eigenvalues and eigenvectors, or `None` for a matrix with a NaN or an infinity, for which the iteration
/// would not end.
fn eigen(entries: &[f64], size: usize) -> Result<Option<Eigen>> {
    if entries.iter().any(|entry| !entry.is_finite()) {
        return Ok(None);
    }
    let entry = |row: usize, column: usize| {
        let at = 2 * (row * size + column);
        Complex64::new(entries[at], entries[at + 1])
    };
    let matrix = DMatrix::from_fn(size, size, entry);
    let steps = 100 * size;
    match SymmetricEigen::try_new(matrix, f64::EPSILON, steps) {
        Some(eigen) => Ok(Some(eigen)),
        None => Err(Error::States(StatesError::Eigenvalues { size, steps })),
    }
}

/// Returns the entropy of the positive eigenvalues, divided by their sum, and that sum. Rounding makes some eigenvalues
/// negative and the sum different from 1.
fn entropy_of(eigen: &Eigen) -> (f64, f64) {
    let positive = || eigen.eigenvalues.iter().filter(|&&value| value > 0.0);
    let sum: f64 = positive().sum();
    // Subtracts from 0: a pure state's entropy is then 0 without a sign.
    (0.0 - positive().map(|value| value / sum * (value / sum).ln()).sum::<f64>(), sum)
}

/// Returns `-(ln ρ + S) / t` on the eigenvectors of positive eigenvalues, where `ρ` is divided by its trace t, and S is
/// its entropy. Real and imaginary part of an entry of this matrix are the derivatives in real and imaginary part of
/// the entry of `ρ`.
fn slope(entries: &[f64], size: usize) -> Result<Vec<f64>> {
    let Some(eigen) = eigen(entries, size)? else { return Ok(vec![f64::NAN; entries.len()]) };
    let (entropy, sum) = entropy_of(&eigen);
    let Eigen { eigenvalues, eigenvectors } = eigen;
    let factor = |value: &f64| if *value > 0.0 { -((value / sum).ln() + entropy) / sum } else { 0.0 };
    let mut scaled = eigenvectors.clone();
    for (mut column, p) in scaled.column_iter_mut().zip(&eigenvalues) {
        column *= Complex64::from(factor(p));
    }
    let slope = scaled * eigenvectors.adjoint();
    Ok(slope.transpose().iter().flat_map(|entry| [entry.re, entry.im]).collect())
}
