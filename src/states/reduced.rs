//! Reduced density matrices of some qubits of a state, and purities.

use super::batch::{Batch, moved_within};
use crate::error::{Error, MemoryError, Result};
use crate::memory::exceeded_budget;
use candle_core::Tensor;

/// Returns the density matrix of some qubits, `ρ = Tr_others |ψ><ψ|`: `[.., 2^n, 2]` gives `[.., 2^k, 2^k, 2]`.
///
/// `qubits[0]` is the low bit of the indices of rows and columns; the last dimension has the real and the imaginary
/// part.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::states;
/// let half = 0.5f64.sqrt();
/// let bell = Tensor::new(&[[half, 0.], [0., 0.], [0., 0.], [half, 0.]], &Device::Cpu)?;
/// let rho = states::reduced_density_matrix(&bell, [1])?; // half the identity
/// assert_eq!(rho.dims(), [2, 2, 2]);
/// assert!((rho.to_vec3::<f64>()?[1][1][0] - 0.5).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A tensor that is no states or of a dtype other than F16, BF16, F32 and F64; qubits that are out of range, repeated,
/// or none; on the CPU, matrices beyond the available memory, before any is allocated.
pub fn reduced_density_matrix(states: &Tensor, qubits: impl IntoIterator<Item = usize>) -> Result<Tensor> {
    let batch = Batch::new("the states", states)?;
    let chosen = batch.check_qubits(qubits)?;
    let behind = [1 << chosen.len(), 1 << chosen.len(), 2];
    if batch.count() == 0 {
        return batch.nothing(&behind);
    }
    check_memory(&batch, chosen.len())?;
    let [re, im] = density_matrices(&batch.matrices(&chosen)?)?;
    batch.to_output(&Tensor::stack(&[re, im], 3)?, &behind)
}

/// Returns the purity `Tr ρ² / (Tr ρ)²` of some qubits, between `2^-k` and 1: `[.., 2^n, 2]` gives `[..]`.
///
/// It is 1 if the qubits are not entangled with the others.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::states;
/// let half = 0.5f64.sqrt();
/// let bell = Tensor::new(&[[half, 0.], [0., 0.], [0., 0.], [half, 0.]], &Device::Cpu)?;
/// assert!((states::purity(&bell, [0])?.to_scalar::<f64>()? - 0.5).abs() < 1e-12);
/// assert!((states::purity(&bell, [0, 1])?.to_scalar::<f64>()? - 1.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The errors of [`reduced_density_matrix`], except for memory: the matrices here are no larger than the states.
pub fn purity(states: &Tensor, qubits: impl IntoIterator<Item = usize>) -> Result<Tensor> {
    let batch = Batch::new("the states", states)?;
    let chosen = batch.check_qubits(qubits)?;
    if batch.count() == 0 {
        return batch.nothing(&[]);
    }
    let purities = part_purities(&batch, chosen, &batch.squared_norms()?)?;
    batch.to_output(&purities, &[])
}

/// Returns the entanglement measure of Meyer and Wallach, 0 for product states and at most 1: `[.., 2^n, 2]` gives
/// `[..]`.
///
/// `Q = 2 (1 - mean of the purities of all qubits)` (Brennen, Quantum Inf. Comput. 3, 619, 2003, for the measure of
/// Meyer and Wallach, J. Math. Phys. 43, 4273, 2002). Its mean over random states is `(2^n - 2) / (2^n + 1)`.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::states;
/// let half = 0.5f64.sqrt();
/// let bell = Tensor::new(&[[half, 0.], [0., 0.], [0., 0.], [half, 0.]], &Device::Cpu)?;
/// assert!((states::meyer_wallach(&bell)?.to_scalar::<f64>()? - 1.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A tensor that is no states or of a dtype other than F16, BF16, F32 and F64.
pub fn meyer_wallach(states: &Tensor) -> Result<Tensor> {
    let batch = Batch::new("the states", states)?;
    if batch.count() == 0 {
        return batch.nothing(&[]);
    }
    let norms = batch.squared_norms()?;
    let lost = |qubit: usize| Ok(part_purities(&batch, vec![qubit], &norms)?.affine(-1.0, 1.0)?);
    let lost = (0..batch.qubits).map(lost).collect::<Result<Vec<_>>>()?;
    let mean = Tensor::stack(&lost, 0)?.mean(0)?;
    batch.to_output(&moved_within(&mean.affine(2.0, 0.0)?, 0.0, 1.0)?, &[])
}

/// Returns purities `[batch]` of states with these squared norms. For a pure state the purity of the other qubits is
/// the same, and cheaper if they are fewer.
pub(super) fn part_purities(batch: &Batch, chosen: Vec<usize>, squared_norms: &Tensor) -> Result<Tensor> {
    let fewer = fewer_qubits(batch, chosen);
    let least = (-(fewer.len() as f64)).exp2();
    let [re, im] = density_matrices(&batch.matrices(&fewer)?)?;
    let squares = (re.sqr()?.sum((1, 2))? + im.sqr()?.sum((1, 2))?)?;
    moved_within(&(squares / squared_norms.sqr()?)?, least, 1.0)
}

/// Returns the chosen qubits or the others, whichever are fewer.
pub(super) fn fewer_qubits(batch: &Batch, chosen: Vec<usize>) -> Vec<usize> {
    if 2 * chosen.len() > batch.qubits { batch.others(&chosen) } else { chosen }
}

/// Computes `M M†`, real and imaginary part.
pub(super) fn density_matrices([re, im]: &[Tensor; 2]) -> Result<[Tensor; 2]> {
    let both = Tensor::cat(&[re, im], 2)?;
    let half = im.matmul(&re.t()?)?;
    Ok([both.matmul(&both.t()?)?, (&half - half.t()?)?])
}

/// Checks the memory for real and imaginary part, for the two products whose difference is the imaginary part, and for
/// the result.
fn check_memory(batch: &Batch, chosen: usize) -> Result<()> {
    let (qubits, dtype, states) = (chosen, batch.inner, batch.count());
    let needed = 1u64
        .checked_shl(2 * chosen as u32)
        .and_then(|entries| entries.checked_mul(5 * dtype.size_in_bytes() as u64)?.checked_mul(states as u64));
    match exceeded_budget(needed, None).filter(|_| batch.device().is_cpu()) {
        Some(budget) => Err(Error::Memory(MemoryError::States { qubits, dtype, states, needed, budget })),
        None => Ok(()),
    }
}
