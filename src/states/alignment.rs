//! Alignment of a kernel matrix with labels, as a cost for training kernels.

use super::batch::inner_dtype;
use crate::error::{Error, Result, TensorError};
use crate::limits::check_copy;
use crate::memory;
use candle_core::{DType, Device, Tensor};
use std::collections::BTreeMap;

/// Returns the alignment of a kernel matrix `K`, `[n, n]`, with labels, `[n]`: the cosine `<K, T> / (|K| |T|)` of the
/// angle between `K` and the matrix `T` of the labels, a scalar from -1 to 1.
///
/// `T` is 1 for two samples of one class and `-1 / (classes - 1)` for samples of two classes: with two classes, `y yᵀ`
/// for labels of 1 and -1 (Cristianini et al., Advances in Neural Information Processing Systems 14, 2001). Equal labels
/// are one class. They may be any integers or floating-point numbers: -1 and 1, or the class indices of a
/// [`Dataset`](crate::data::Dataset).
///
/// The alignment is differentiable in the kernel, and so in the weights of a circuit (Hubregtsen et al., Phys. Rev. A
/// 106, 042431, 2022). PennyLane's `target_alignment` is this with `rescale_class_labels=False`, and
/// [`rescaled_kernel_alignment`] by default.
///
/// ```
/// use candle_core::{DType, Device, Tensor, Var};
/// use candlewick::optim::{Adam, AdamConfig};
/// use candlewick::{prelude::*, states};
/// use candle_nn::Optimizer;
///
/// let mut circuit = Circuit::new(1);
/// let w = circuit.weights("w", 1);
/// circuit.ry(w.at([0]) * input(0), 0); // kernel: cos²(w (x - y) / 2)
/// let x = Tensor::new(&[[-1.2f64], [-0.9], [1.0], [1.1]], &Device::Cpu)?;
/// let y = Tensor::new(&[-1f64, -1., 1., 1.], &Device::Cpu)?;
/// let weight = Var::new(&[0.3f64], &Device::Cpu)?;
/// let mut adam = Adam::new(vec![weight.clone()], AdamConfig::with_learning_rate(0.1))?;
/// let alignment = || {
///     let kernel = states::kernel(&circuit, &x, None, &[("w", &weight)])?;
///     states::kernel_alignment(&kernel, &y)
/// };
/// let before = alignment()?.to_scalar::<f64>()?;
/// for _ in 0..50 {
///     adam.backward_step(&alignment()?.neg()?)?;
/// }
/// assert!(before < 0.1 && alignment()?.to_scalar::<f64>()? > 0.6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A kernel of zeros has no angle: its alignment is NaN.
///
/// # Errors
/// A kernel that is not square or of a dtype other than F16, BF16, F32 and F64; labels that are not `[n]`, not finite,
/// or none; matrices beyond the available memory, before any is allocated.
pub fn kernel_alignment(kernel: &Tensor, labels: &Tensor) -> Result<Tensor> {
    alignment(kernel, labels, false)
}

/// Returns the [`kernel_alignment`] with labels that are divided by the number of samples of their class, so that small
/// classes weigh as much as large ones.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::states;
/// let kernel = Tensor::new(&[[1f64, 0.5, 0.], [0.5, 1., 0.], [0., 0., 1.]], &Device::Cpu)?;
/// let labels = Tensor::new(&[0u32, 0, 1], &Device::Cpu)?;
/// let alignment =
///     states::rescaled_kernel_alignment(&kernel, &labels)?.to_scalar::<f64>()?;
/// // |T| is 3/2, |K|² is 7/2
/// assert!((alignment - 1.75 / (1.5 * 3.5f64.sqrt())).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The errors of [`kernel_alignment`].
pub fn rescaled_kernel_alignment(kernel: &Tensor, labels: &Tensor) -> Result<Tensor> {
    alignment(kernel, labels, true)
}

fn alignment(kernel: &Tensor, labels: &Tensor, rescaled: bool) -> Result<Tensor> {
    let inner = inner_dtype("the kernel matrix", kernel)?;
    let size = check_square("the kernel matrix", kernel)?;
    let (expected, actual) = (size.into(), labels.shape().clone());
    if size == 0 || actual != expected {
        return Err(Error::Tensor(TensorError::Shape { what: "the tensor of labels", expected, actual }));
    }
    memory::check_numbers("kernel alignment", (size as u64).checked_mul(size as u64).and_then(|n| n.checked_mul(6)))?;
    check_copy("the kernel matrix", kernel, inner)?;
    let classes = class_indices(labels)?;
    let mut sizes = vec![0.0; classes.iter().max().map_or(0, |last| last + 1)];
    classes.iter().for_each(|&class| sizes[class] += 1.0);
    let apart = -1.0 / (sizes.len() as f64 - 1.0);
    let label = |class: usize| if rescaled { 1.0 / sizes[class] } else { 1.0 };
    let entry = |(&a, &b): (&usize, &usize)| label(a) * label(b) * if a == b { 1.0 } else { apart };
    let target: Vec<f64> = classes.iter().flat_map(|a| classes.iter().map(move |b| entry((a, b)))).collect();
    let norm = target.iter().map(|entry| entry * entry).sum::<f64>().sqrt();
    let target: Vec<f64> = target.iter().map(|entry| entry / norm).collect();
    let target = Tensor::from_vec(target, (size, size), &Device::Cpu)?.to_dtype(inner)?.to_device(kernel.device())?;
    let kernel_in = kernel.to_dtype(inner)?;
    let product = (&kernel_in * target)?.sum_all()?;
    Ok((product / kernel_in.sqr()?.sum_all()?.sqrt()?)?.to_dtype(kernel.dtype())?)
}

/// Returns the number of rows of a square matrix.
pub(super) fn check_square(what: &'static str, matrix: &Tensor) -> Result<usize> {
    match *matrix.dims() {
        [rows, columns] if rows == columns => Ok(rows),
        _ => {
            let rows = matrix.dims().first().copied().unwrap_or(1);
            let actual = matrix.shape().clone();
            Err(Error::Tensor(TensorError::Shape { what, expected: (rows, rows).into(), actual }))
        }
    }
}

/// Returns the index of each label's class; classes are numbered in the order in which they occur.
fn class_indices(labels: &Tensor) -> Result<Vec<usize>> {
    let keys: Vec<u64> = if labels.dtype().is_int() {
        labels.to_dtype(DType::I64)?.to_vec1::<i64>()?.into_iter().map(|label| label as u64).collect()
    } else {
        inner_dtype("the labels", labels)?;
        let labels = labels.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        if let Some(row) = labels.iter().position(|label| !label.is_finite()) {
            let (what, value) = ("the tensor of labels", labels[row]);
            return Err(Error::Tensor(TensorError::EntryNotFinite { what, row, column: 0, value }));
        }
        // The sum makes 0 of -0.
        labels.into_iter().map(|label| (label + 0.0).to_bits()).collect()
    };
    let mut known = BTreeMap::new();
    let index = |key| {
        let next = known.len();
        *known.entry(key).or_insert(next)
    };
    Ok(keys.into_iter().map(index).collect())
}
