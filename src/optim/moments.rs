//! The moments of Adam and its step: one pass over a variable on the CPU, candle's operations elsewhere.

use crate::engine::share;
use crate::error::{Error, Result, TensorError};
use candle_core::{CpuStorage, DType, InplaceOp2, Layout, Tensor, Var};
use pulp::Arch;
use std::cell::RefCell;

/// Number of entries of a share. Threads share variables of two shares or more. Entries do not depend on each other, so
/// sharing changes no bit.
const SHARE: usize = 1 << 15;

/// Numbers of one step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rates {
    /// Factor of the variable before the step, `1 - lr * weight_decay`.
    pub(super) keep: f64,
    /// Step size over the correction of the first moment, `lr / (1 - beta1^t)`.
    pub(super) step: f64,
    /// Decay of the first moment.
    pub(super) beta1: f64,
    /// Decay of the second moment.
    pub(super) beta2: f64,
    /// One over the root of the correction of the second moment.
    pub(super) root: f64,
    /// Number that keeps the quotient finite.
    pub(super) epsilon: f64,
}

/// Running means of the gradients of one variable, and of their squares.
#[derive(Debug, Clone)]
pub(super) enum Moments {
    /// Moments of a variable in F32 on the CPU.
    F32(Pair<f32>),
    /// Moments of a variable in F64 on the CPU.
    F64(Pair<f64>),
    /// Moments on another device.
    Device(Tensor, Tensor),
}

/// First and second moments, entry by entry.
#[derive(Debug, Clone)]
pub(super) struct Pair<T> {
    first: Vec<T>,
    second: Vec<T>,
}

impl Moments {
    /// Makes moments of a variable in F32 or F64 from tensors of its shape and dtype.
    pub(super) fn new(var: &Var, first: &Tensor, second: &Tensor) -> Result<Self> {
        let (device, dtype) = (var.device(), var.dtype());
        let [first, second] = [first.to_device(device)?, second.to_device(device)?];
        let flat = [first.flatten_all()?, second.flatten_all()?];
        match dtype {
            DType::F32 if device.is_cpu() => {
                Ok(Self::F32(Pair { first: flat[0].to_vec1()?, second: flat[1].to_vec1()? }))
            }
            DType::F64 if device.is_cpu() => {
                Ok(Self::F64(Pair { first: flat[0].to_vec1()?, second: flat[1].to_vec1()? }))
            }
            DType::F32 | DType::F64 => Ok(Self::Device(first, second)),
            dtype => {
                Err(Error::Tensor(TensorError::UnsupportedDType { what: "a variable to train".to_owned(), dtype }))
            }
        }
    }

    /// Returns both moments as tensors of the variable's shape.
    pub(super) fn tensors(&self, var: &Var) -> Result<[Tensor; 2]> {
        let (shape, device) = (var.shape(), var.device());
        Ok(match self {
            Self::F32(Pair { first, second }) => {
                [Tensor::from_slice(first, shape, device)?, Tensor::from_slice(second, shape, device)?]
            }
            Self::F64(Pair { first, second }) => {
                [Tensor::from_slice(first, shape, device)?, Tensor::from_slice(second, shape, device)?]
            }
            Self::Device(first, second) => [first.copy()?, second.copy()?],
        })
    }

    /// Adds a gradient to the moments and moves the variable.
    pub(super) fn step(&mut self, var: &Var, gradient: &Tensor, rates: Rates) -> Result<()> {
        // Nothing to do, and candle refuses the in-place operation.
        if var.elem_count() == 0 {
            return Ok(());
        }
        if let Self::Device(first, second) = self {
            let Rates { keep, step, beta1, beta2, root, epsilon } = rates;
            *first = (first.affine(beta1, 0.0)? + gradient.affine(1.0 - beta1, 0.0)?)?;
            *second = (second.affine(beta2, 0.0)? + gradient.sqr()?.affine(1.0 - beta2, 0.0)?)?;
            let along = (first.affine(step, 0.0)? / second.sqrt()?.affine(root, epsilon)?)?;
            return Ok(var.set(&(var.affine(keep, 0.0)? - along)?)?);
        }
        Ok(var.inplace_op2(&gradient.contiguous()?, &Step { moments: RefCell::new(self), rates })?)
    }
}

/// Step as candle's in-place operation on the variable, then its gradient.
struct Step<'a> {
    moments: RefCell<&'a mut Moments>,
    rates: Rates,
}

impl InplaceOp2 for Step<'_> {
    fn name(&self) -> &'static str {
        "adam"
    }

    fn cpu_fwd(
        &self,
        var: &mut CpuStorage,
        var_layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> candle_core::Result<()> {
        let (of, from) = match (var_layout.contiguous_offsets(), gradient_layout.contiguous_offsets()) {
            (Some((start, end)), Some((first, last))) if end - start == last - first => (start..end, first..last),
            _ => {
                let (expected, actual) = (var_layout.shape().clone(), gradient_layout.shape().clone());
                return Err(
                    Error::Tensor(TensorError::Shape { what: "the gradient of a variable", expected, actual }).into()
                );
            }
        };
        match (&mut **self.moments.borrow_mut(), var, gradient) {
            (Moments::F32(moments), CpuStorage::F32(var), CpuStorage::F32(gradient)) => {
                let Rates { keep, step, beta1, beta2, root, epsilon } = self.rates;
                let [keep, step, root, epsilon] = [keep, step, root, epsilon].map(|rate| rate as f32);
                let ([b1, b2], [c1, c2]) =
                    ([beta1, beta2].map(|beta| beta as f32), [beta1, beta2].map(|beta| (1.0 - beta) as f32));
                moments.step(&mut var[of], &gradient[from], |weight, g, m, v| {
                    *m = b1 * *m + c1 * g;
                    *v = b2 * *v + c2 * g * g;
                    *weight = keep * *weight - step * *m / (v.sqrt() * root + epsilon);
                });
                Ok(())
            }
            (Moments::F64(moments), CpuStorage::F64(var), CpuStorage::F64(gradient)) => {
                let Rates { keep, step, beta1, beta2, root, epsilon } = self.rates;
                moments.step(&mut var[of], &gradient[from], |weight, g, m, v| {
                    *m = beta1 * *m + (1.0 - beta1) * g;
                    *v = beta2 * *v + (1.0 - beta2) * g * g;
                    *weight = keep * *weight - step * *m / (v.sqrt() * root + epsilon);
                });
                Ok(())
            }
            (_, var, gradient) => {
                let what = "the gradient of a variable".to_owned();
                Err(Error::Tensor(TensorError::DTypeMismatch { what, expected: dtype(var), actual: dtype(gradient) })
                    .into())
            }
        }
    }
}

impl<T: Copy + Send + Sync> Pair<T> {
    /// Calls `advance` for each entry: the weight, its gradient, its moments.
    fn step(&mut self, weights: &mut [T], gradient: &[T], advance: impl Fn(&mut T, T, &mut T, &mut T) + Sync) {
        let spread = weights.len() >= 2 * SHARE;
        let moments = self.first.chunks_mut(SHARE).zip(self.second.chunks_mut(SHARE));
        let parts = weights.chunks_mut(SHARE).zip(gradient.chunks(SHARE)).zip(moments);
        let part = |((weights, gradient), (first, second))| Part { weights, gradient, first, second };
        share::for_each_item(spread, &mut Vec::<()>::new(), parts.map(part), |(), part| part.step(&advance));
    }
}

/// Share of the entries of a variable.
struct Part<'a, T> {
    weights: &'a mut [T],
    gradient: &'a [T],
    first: &'a mut [T],
    second: &'a mut [T],
}

impl<T: Copy + Send + Sync> Part<'_, T> {
    fn step(self, advance: &(impl Fn(&mut T, T, &mut T, &mut T) + Sync)) {
        let Self { weights, gradient, first, second } = self;
        // Compiles the loop for each instruction set. No instruction set contracts or reorders it, so the bits are the
        // same.
        Arch::new().dispatch(
            #[inline(always)]
            || {
                for (((weight, g), m), v) in weights.iter_mut().zip(gradient).zip(first).zip(second) {
                    advance(weight, *g, m, v);
                }
            },
        );
    }
}

fn dtype(storage: &CpuStorage) -> DType {
    candle_core::backend::BackendStorage::dtype(storage)
}
