//! Kernel matrices: the fidelity of every pair of states.

use super::batch::{Batch, PAIR, in_f32, moved_within};
use super::overlap::times_minus_i;
use crate::circuit::Circuit;
use crate::engine::share;
use crate::error::{Error, MemoryError, Mistake, Result, StatesError, TensorError};
use crate::functional;
use crate::measurement::Measurement;
use crate::memory::{self, exceeded_budget};
use crate::random::Generator;
use crate::sampling::shot_generator;
use candle_core::{DType, Device, Tensor, WithDType};
use rand_distr::{Binomial, Distribution};
use std::num::NonZeroU32;

/// Distinguishes these draws from the draws of other functions with the same seed.
const KERNEL: u64 = u64::MAX - 2;

/// Returns `K[i, j] = |<a_i|b_j>|² / (<a_i|a_i> <b_j|b_j>)` of all pairs, between 0 and 1: states `[N, 2^n, 2]` and
/// `[M, 2^n, 2]` give `[N, M]`.
///
/// The cost is two real matrix products of `N x 2^(n+1)` by `2^(n+1) x M`; about half of it in [`kernel`] without `y`,
/// if nothing is tracked. A NaN in a state affects only that state's row or column.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::states;
/// let states =
///     Tensor::new(&[[[1f64, 0.], [0., 0.]], [[0.6, 0.], [0., 0.8]]], &Device::Cpu)?;
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
    if is_plain(a) && is_plain(b) {
        return plain(&first, &second, Pairs::OfTwo);
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

/// Returns whether a tensor is on the CPU and not part of a graph.
fn is_plain(tensor: &Tensor) -> bool {
    tensor.device().is_cpu() && !tensor.track_op()
}

/// Pairs of states in a kernel matrix.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pairs {
    /// States of two batches.
    OfTwo,
    /// States of one batch: the matrix is symmetric to the last bit and 1 on the diagonal.
    OfOne,
}

/// Number of rows of a kernel matrix that are computed at once: their overlaps stay in the cache.
const ROWS: usize = 128;

/// Computes a kernel matrix without a graph on the CPU. With a graph, its tensors have to be candle's.
fn plain(first: &Batch, second: &Batch, pairs: Pairs) -> Result<Tensor> {
    let (left, right) = (first.states()?, second.states()?.reshape((second.count(), 2 << second.qubits))?);
    let norms = [first.squared_norms()?, second.squared_norms()?];
    let kernel = match first.inner {
        DType::F64 => in_rows::<f64>(&left, &right, norms, pairs)?,
        _ => in_rows::<f32>(&left, &right, norms, pairs)?,
    };
    Ok(kernel.to_dtype(first.outer)?)
}

fn in_rows<T: WithDType>(left: &Tensor, right: &Tensor, norms: [Tensor; 2], pairs: Pairs) -> Result<Tensor> {
    let (rows, [columns, width]) = (left.dim(0)?, [right.dim(0)?, right.dim(1)?]);
    let norms = [norms[0].to_vec1::<T>()?, norms[1].to_vec1::<T>()?];
    let mut kernel = vec![T::zero(); rows * columns];
    for (block, of) in kernel.chunks_mut(ROWS * columns).enumerate() {
        let (first, count) = (block * ROWS, of.len() / columns);
        // Entries left of a block on the diagonal are copied below.
        let skipped = if pairs == Pairs::OfOne { first } else { 0 };
        // Rows for the real parts of the overlaps, then rows for the imaginary parts.
        let states = left.narrow(0, first, count)?;
        let both = Tensor::cat(&[&states, &times_minus_i(&states)?], 0)?.reshape((2 * count, width))?;
        let overlaps =
            both.matmul(&right.narrow(0, skipped, columns - skipped)?.t()?)?.flatten_all()?.to_vec1::<T>()?;
        let (real, imaginary) = overlaps.split_at(overlaps.len() / 2);
        let parts = real.chunks(columns - skipped).zip(imaginary.chunks(columns - skipped));
        for ((row, norm), (real, imaginary)) in of.chunks_mut(columns).zip(&norms[0][first..]).zip(parts) {
            let entries = row[skipped..].iter_mut().zip(&norms[1][skipped..]);
            for ((entry, other), (re, im)) in entries.zip(real.iter().zip(imaginary)) {
                let fidelity = (*re * *re + *im * *im) / *norm / *other;
                // Rounding alone leads beyond 1. NaN stays.
                *entry = if fidelity > T::one() { T::one() } else { fidelity };
            }
        }
    }
    if pairs == Pairs::OfOne {
        mirror(&mut kernel, rows);
    }
    Ok(Tensor::from_vec(kernel, (rows, columns), left.device())?)
}

/// Side of the squares in which a matrix is mirrored.
const SQUARE: usize = 32;

/// Copies the entries above the diagonal of a matrix to those below, and sets the diagonal to 1 where it is a number.
fn mirror<T: WithDType>(matrix: &mut [T], side: usize) {
    for first in (0..side).step_by(SQUARE) {
        for start in (first..side).step_by(SQUARE) {
            for row in first..side.min(first + SQUARE) {
                for column in start.max(row + 1)..side.min(start + SQUARE) {
                    matrix[column * side + row] = matrix[row * side + column];
                }
            }
        }
    }
    for entry in matrix.iter_mut().step_by(side + 1) {
        // A state with NaN has no fidelity.
        if *entry >= T::zero() {
            *entry = T::one();
        }
    }
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
        None if is_plain(&first) && sides[0] > 0 => {
            let batch = Batch::new(PAIR[0], &first)?;
            plain(&batch, &batch, Pairs::OfOne)
        }
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

/// Estimates the kernel matrix of a circuit from finite shots: each entry is the fraction of `shots` runs in which the
/// circuit of one sample, followed by the inverse of the circuit of the other, ends in |0..0>. Inputs `[N, features]`
/// and `[M, features]` give `[N, M]`.
///
/// Each run ends there with the probability of the entry of [`kernel`], so the number of such runs is binomial, and is
/// drawn as such from the exact matrix. Without `y` each pair is measured once: the matrix is symmetric, with an exact 1
/// on the diagonal. The estimates have no bias. The matrix may have negative eigenvalues; it has
/// no gradient. `seed` fixes it, for any number of threads.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::{prelude::*, states};
/// let mut circuit = Circuit::new(1);
/// circuit.ry(input(0), 0);
/// let x = Tensor::new(&[[0.0f64], [1.0]], &Device::Cpu)?;
/// let k = states::kernel_from_shots(&circuit, &x, None, &[], 10_000, 7)?.to_vec2::<f64>()?;
/// assert!(k[0][0] == 1.0 && k[0][1] == k[1][0]);
/// assert!((k[0][1] - 0.5f64.cos().powi(2)).abs() < 0.03); // the standard deviation is 0.004
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The errors of [`kernel`]; no shots, or more than 2^32 - 1.
pub fn kernel_from_shots(
    circuit: &Circuit,
    x: &Tensor,
    y: Option<&Tensor>,
    weights: &[(&str, &Tensor)],
    shots: usize,
    seed: u64,
) -> Result<Tensor> {
    let wrong = |_| {
        let expected = format!("1 to {}", u32::MAX);
        Error::Measurement(Mistake::Length { what: "shots", expected, actual: shots })
    };
    let shots = u32::try_from(shots).and_then(NonZeroU32::try_from).map_err(wrong)?;
    // Probabilities in F16 would be too coarse.
    let names = weights.iter().map(|(name, _)| *name);
    let arguments: Vec<(&str, &Tensor)> = y.map(|y| ("", y)).into_iter().chain(weights.iter().copied()).collect();
    let (exact_x, tensors) = in_f32(Some(x), &arguments)?;
    let (exact_y, tensors) = tensors.split_at(usize::from(y.is_some()));
    let exact_weights: Vec<(&str, &Tensor)> = names.zip(tensors).collect();
    let exact = kernel(circuit, exact_x.as_ref().unwrap_or(x), exact_y.first(), &exact_weights)?;
    let (rows, columns) = exact.dims2()?;
    // Probabilities as a tensor and as a list, frequencies by rows, in one list, and as a tensor.
    let entries = (rows as u64).checked_mul(columns as u64);
    memory::check_numbers("an estimated kernel matrix", entries.and_then(|entries| entries.checked_mul(5)))?;
    let exact = exact.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    let mut estimates = exact.clone();
    let row = |row: usize| {
        let random = &mut shot_generator(seed, 0, row as u64, KERNEL);
        // The entries above the diagonal are enough for a symmetric matrix.
        let first = if y.is_some() { 0 } else { row + 1 };
        (first..columns).map(|column| frequency(exact[row * columns + column], shots, random)).collect::<Vec<_>>()
    };
    for (row, drawn) in share::map_items(0..rows, row).into_iter().enumerate() {
        for (column, estimate) in (columns - drawn.len()..columns).zip(drawn) {
            estimates[row * columns + column] = estimate;
            if y.is_none() {
                estimates[column * columns + row] = estimate;
            }
        }
    }
    let estimates = Tensor::from_vec(estimates, (rows, columns), &Device::Cpu)?;
    Ok(estimates.to_dtype(x.dtype())?.to_device(x.device())?)
}

/// Returns the fraction of shots with an outcome of this probability; NaN for NaN.
fn frequency(probability: f64, shots: NonZeroU32, random: &mut Generator) -> f64 {
    let shots = u64::from(shots.get());
    Binomial::new(shots, probability).map_or(f64::NAN, |binomial| binomial.sample(random) as f64 / shots as f64)
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
