//! Entropies of entanglement.

use super::batch::Batch;
use super::reduced::{density, fewer, purities};
use crate::engine::threads;
use crate::error::{Error, Result};
use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Shape, Tensor};
use nalgebra::{DMatrix, SymmetricEigen};
use num_complex::Complex64;

/// The von Neumann entropy `-Tr ρ ln ρ` of some qubits, in nats, from 0 to `k ln 2`: `[.., 2^n, 2]` gives `[..]`.
///
/// For pure states it is the entropy of entanglement between these qubits and the others, which is the same for both; the
/// smaller side is computed. Its density matrices go to the host, where their eigenvalues are found in f64.
///
/// The gradient is exact, `-(ln ρ + 1)` in `ρ`. An eigenvalue of 0 contributes nothing to it: no density matrix has a smaller
/// one, so it is at its minimum, grows with the square of any change ε of the state, and `ε² ln ε²` has the slope 0 there.
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
/// As for [`purity`](super::purity).
pub fn entropy(states: &Tensor, qubits: impl IntoIterator<Item = usize>) -> Result<Tensor> {
    let batch = Batch::new("the states", states)?;
    let chosen = batch.check(qubits)?;
    if batch.count() == 0 {
        return batch.nothing(&[]);
    }
    let [re, im] = density(&batch.matrices(&fewer(&batch, chosen))?)?;
    // In this order: not every device has F64.
    let rho = Tensor::stack(&[re, im], 3)?.to_device(&Device::Cpu)?.to_dtype(DType::F64)?;
    let entropies = rho.apply_op1(Entropy)?.to_dtype(batch.inner)?.to_device(batch.device())?;
    batch.finish(&entropies, &[])
}

/// The Rényi entropy of order 2, `-ln Tr ρ²`, of some qubits, in nats: `[.., 2^n, 2]` gives `[..]`.
///
/// At most the von Neumann [`entropy`], and without eigenvalues.
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
/// As for [`purity`](super::purity).
pub fn renyi2_entropy(states: &Tensor, qubits: impl IntoIterator<Item = usize>) -> Result<Tensor> {
    let batch = Batch::new("the states", states)?;
    let chosen = batch.check(qubits)?;
    if batch.count() == 0 {
        return batch.nothing(&[]);
    }
    batch.finish(&purities(&batch, chosen)?.log()?.neg()?, &[])
}

/// From density matrices `[batch, d, d, 2]` in F64, on the host, to their entropies `[batch]`.
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
            // Written as a difference from 0, which a pure state's entropy is without a sign.
            let terms = |eigen: Eigen| eigen.eigenvalues.iter().filter(|&&p| p > 0.0).map(|p| p * p.ln()).sum::<f64>();
            Ok(eigen(entries, size)?.map_or(f64::NAN, |eigen| 0.0 - terms(eigen)))
        };
        let entropies = matrices(entries, size, entropy)?;
        let shape = entropies.len().into();
        Ok((CpuStorage::F64(entropies), shape))
    }

    fn bwd(&self, rho: &Tensor, _: &Tensor, cotangent: &Tensor) -> candle_core::Result<Option<Tensor>> {
        let size = rho.dim(1)?;
        let entries = rho.flatten_all()?.to_vec1::<f64>()?;
        let slopes = matrices(&entries, size, |entries| slope(entries, size))?.concat();
        let slopes = Tensor::from_vec(slopes, rho.shape(), &Device::Cpu)?;
        Ok(Some(slopes.broadcast_mul(&cotangent.reshape(((), 1, 1, 1))?)?))
    }
}

/// What `body` makes of each matrix, on all threads.
fn matrices<R: Send>(all: &[f64], size: usize, body: impl Fn(&[f64]) -> Result<R> + Send + Sync) -> Result<Vec<R>> {
    let entries = 2 * size * size;
    threads::map(all.len() / entries, |matrix| body(&all[matrix * entries..(matrix + 1) * entries]))
        .into_iter()
        .collect()
}

type Eigen = SymmetricEigen<Complex64, nalgebra::Dyn>;

/// Eigenvalues and eigenvectors; none of a matrix with a NaN or an infinity, on which the iteration would not end.
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
        None => Err(Error::Eigenvalues { size, steps }),
    }
}

/// `-(ln ρ + 1)` on the eigenvectors of positive eigenvalues. The derivative in real and imaginary part of an entry are
/// those of the entry of this matrix.
fn slope(entries: &[f64], size: usize) -> Result<Vec<f64>> {
    let Some(Eigen { eigenvalues, eigenvectors }) = eigen(entries, size)? else {
        return Ok(vec![f64::NAN; entries.len()]);
    };
    let factor = |p: &f64| if *p > 0.0 { -(p.ln() + 1.0) } else { 0.0 };
    let mut scaled = eigenvectors.clone();
    for (mut column, p) in scaled.column_iter_mut().zip(&eigenvalues) {
        column *= Complex64::from(factor(p));
    }
    let slope = scaled * eigenvectors.adjoint();
    Ok(slope.transpose().iter().flat_map(|entry| [entry.re, entry.im]).collect())
}
