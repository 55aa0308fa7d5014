//! Kernel matrices: the fidelity of every pair of states.

use super::batch::{Batch, PAIR, moved_within};
use super::overlap::times_minus_i;
use crate::circuit::Circuit;
use crate::error::{Error, MemoryError, Result, StatesError, TensorError};
use crate::functional;
use crate::measurement::Measurement;
use crate::memory::exceeded_budget;
use candle_core::{DType, Tensor};

/// Returns `K[i, j] = |<a_i|b_j>|² / (<a_i|a_i> <b_j|b_j>)` of all pairs, between 0 and 1: states `[N, 2^n, 2]` and
/// `[M, 2^n, 2]` give `[N, M]`.
///
/// The cost is two real matrix products of `N x 2^(n+1)` by `2^(n+1) x M`. A NaN in a state affects only that state's
/// row or column.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::states;
/// let states = Tensor::new(&[[[1f64, 0.], [0., 0.]], [[0.6, 0.], [0., 0.8]]], &Device::Cpu)?;
/// let k = states::kernel_matrix(&states, &states)?.to_vec2::<f64>()?;
/// assert!((k[0][1] - 0.36).abs() < 1e-12 && (k[1][1] - 1.0).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Tensors that are not `[count, 2^n, 2]`, of a dtype other than F16, BF16, F32 and F64, or that differ in dtype,
/// device or number of qubits; on the CPU, matrices beyond the available memory, before any is allocated.
pub fn kernel_matrix(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let [first, second] = Batch::pair(a, b)?;
    let count = |what: &'static str, batch: &Batch, given: &Tensor| match batch.leading[..] {
        [count] => Ok(count),
        _ => Err(Error::States(StatesError::Shape { what, expected: "[count, 2^n, 2]", shape: given.shape().clone() })),
    };
    let (rows, columns) = (count(PAIR[0], &first, a)?, count(PAIR[1], &second, b)?);
    if rows == 0 || columns == 0 {
        return Ok(Tensor::zeros((rows, columns), a.dtype(), a.device())?);
    }
    if a.device().is_cpu() {
        check_memory([rows, columns], first.qubits, first.inner)?;
    }
    let width = 2 << first.qubits;
    let left = first.states()?.reshape((rows, width))?;
    let right = second.states()?;
    let product = |right: &Tensor| left.matmul(&right.reshape((columns, width))?.t()?);
    let (real, imaginary) = (product(&right)?, product(&times_minus_i(&right)?)?);
    let mut kernel = (real.sqr()? + imaginary.sqr()?)?;
    drop((real, imaginary));
    kernel = kernel.broadcast_div(&first.squared_norms()?.reshape((rows, 1))?)?;
    kernel = kernel.broadcast_div(&second.squared_norms()?.reshape((1, columns))?)?;
    Ok(moved_within(&kernel, 0.0, 1.0)?.to_dtype(first.outer)?)
}

/// Returns the kernel matrix of a circuit: inputs `[N, features]` and `[M, features]` give `[N, M]`,
/// `|<ψ(x_i)|ψ(y_j)>|²`.
///
/// Without `y` it is the matrix of `x` with itself, symmetric to the last bit and 1 on the diagonal. Each state is
/// computed once, not once for each pair. The matrix is differentiable in inputs and weights (Havlíček et al., Nature
/// 567, 209, 2019; trained kernels: Hubregtsen et al., Phys. Rev. A 106, 042431, 2022).
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::{prelude::*, states};
/// let mut circuit = Circuit::new(2);
/// circuit.iqp_embedding((0..2).map(input), 2);
/// let x = Tensor::new(&[[0.1f64, 0.9], [0.4, 0.3], [1.2, -0.5]], &Device::Cpu)?;
/// let k = states::kernel(&circuit, &x, None, &[])?; // [3, 3], 1 on the diagonal
/// let unseen = Tensor::new(&[[0.2f64, 0.7]], &Device::Cpu)?;
/// assert_eq!(states::kernel(&circuit, &unseen, Some(&x), &[])?.dims(), [1, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Inputs that are not `[count, features]`; a circuit that measures or resets qubits on its way; the errors of
/// [`functional::evaluate`] and [`kernel_matrix`].
pub fn kernel(circuit: &Circuit, x: &Tensor, y: Option<&Tensor>, weights: &[(&str, &Tensor)]) -> Result<Tensor> {
    circuit.check_pure()?;
    let count = |inputs: &Tensor| match *inputs.dims() {
        [count, width] if width == circuit.inputs() => Ok(count),
        _ => Err(Error::Tensor(TensorError::InputWidth { expected: circuit.inputs(), shape: inputs.shape().clone() })),
    };
    let sides = [count(x)?, count(y.unwrap_or(x))?];
    if x.device().is_cpu() && !sides.contains(&0) {
        check_memory(sides, circuit.qubits(), if x.dtype() == DType::F64 { DType::F64 } else { DType::F32 })?;
    }
    let states = |inputs: &Tensor| functional::evaluate(circuit, &Measurement::State, Some(inputs), weights);
    let first = states(x)?;
    match y {
        Some(y) => kernel_matrix(&first, &states(y)?),
        None => {
            // Makes the product exactly symmetric: rounding makes it slightly asymmetric.
            let mut kernel = kernel_matrix(&first, &first)?;
            kernel = ((&kernel + kernel.t()?)? * 0.5)?;
            // Sets each state's fidelity with itself to exactly 1, with slope 0.
            let one = Tensor::eye(sides[0], kernel.dtype(), kernel.device())?;
            let off = (one * kernel.affine(-1.0, 1.0)?)?;
            Ok((kernel + off.detach())?)
        }
    }
}

/// Checks the memory for real and imaginary part, their squares and the sum of the squares, and for the states with a
/// copy of the second states times `-i`.
fn check_memory([rows, columns]: [usize; 2], qubits: usize, dtype: DType) -> Result<()> {
    let bytes = || {
        let matrices = (rows as u64).checked_mul(columns as u64)?.checked_mul(5)?;
        let states = (columns as u64).checked_mul(2)?.checked_add(rows as u64)?;
        let numbers = states.checked_mul(2u64.checked_shl(u32::try_from(qubits).ok()?)?)?;
        matrices.checked_add(numbers)?.checked_mul(dtype.size_in_bytes() as u64)
    };
    let needed = bytes();
    match exceeded_budget(needed, None) {
        Some(budget) => Err(Error::Memory(MemoryError::KernelMatrix { rows, columns, qubits, dtype, needed, budget })),
        None => Ok(()),
    }
}
