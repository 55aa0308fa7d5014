//! Tensors of states from a caller, checked once.

use crate::error::{Error, Mistake, Result, StatesError, TensorError};
use crate::limits::{at_most, check_copy, checked_product};
use candle_core::{DType, Device, Tensor};

/// Names of the tensors of a pair in errors.
pub(super) const PAIR: [&str; 2] = ["the first tensor of states", "the second tensor of states"];

/// States of any leading dimensions, checked but not yet copied.
#[derive(Debug)]
pub(super) struct Batch {
    given: Tensor,
    pub(super) leading: Vec<usize>,
    pub(super) qubits: usize,
    /// Dtype of the tensor, and of the result.
    pub(super) outer: DType,
    /// Precision of the computation.
    pub(super) inner: DType,
}

impl Batch {
    /// Checks `[.., 2^n, 2]`; `what` names the tensor in errors.
    pub(super) fn new(what: &'static str, states: &Tensor) -> Result<Self> {
        let (outer, inner) = (states.dtype(), inner_dtype(what, states)?);
        let wrong =
            || Error::States(StatesError::Shape { what, expected: "[.., 2^n, 2]", shape: states.shape().clone() });
        let [leading @ .., size, 2] = states.dims() else { return Err(wrong()) };
        if *size < 2 || !size.is_power_of_two() {
            return Err(wrong());
        }
        checked_product(what, leading)?;
        check_copy(what, states, inner)?;
        let (leading, qubits) = (leading.to_vec(), size.ilog2() as usize);
        Ok(Self { given: states.clone(), leading, qubits, outer, inner })
    }

    /// Checks two tensors of one dtype, device and number of qubits.
    pub(super) fn pair(first: &Tensor, second: &Tensor) -> Result<[Self; 2]> {
        let pair = [Self::new(PAIR[0], first)?, Self::new(PAIR[1], second)?];
        let what = PAIR[1].to_owned();
        let (expected, actual) = (first.dtype(), second.dtype());
        if expected != actual {
            return Err(Error::Tensor(TensorError::DTypeMismatch { what, expected, actual }));
        }
        if !first.device().same_device(second.device()) {
            let place = |tensor: &Tensor| format!("{:?}", tensor.device().location());
            return Err(Error::Tensor(TensorError::DeviceMismatch {
                what,
                expected: place(first),
                actual: place(second),
            }));
        }
        if pair[0].qubits != pair[1].qubits {
            return Err(Error::States(StatesError::Mismatch {
                first: first.shape().clone(),
                second: second.shape().clone(),
            }));
        }
        Ok(pair)
    }

    pub(super) fn count(&self) -> usize {
        self.leading.iter().product()
    }

    pub(super) fn device(&self) -> &Device {
        self.given.device()
    }

    /// Returns the states as `[batch, 2^n, 2]` in the precision of the computation.
    pub(super) fn states(&self) -> Result<Tensor> {
        Ok(self.given.reshape((self.count(), 1 << self.qubits, 2))?.to_dtype(self.inner)?)
    }

    /// Returns `<ψ|ψ>` of each state, `[batch]`. It is 1 up to rounding; results with a range divide by it.
    pub(super) fn squared_norms(&self) -> Result<Tensor> {
        Ok(self.states()?.sqr()?.sum((1, 2))?)
    }

    /// Returns the qubits as a list if they are in range and occur at most once.
    pub(super) fn check_qubits(&self, qubits: impl IntoIterator<Item = usize>) -> Result<Vec<usize>> {
        check_qubits(self.qubits, qubits)
    }

    /// Returns the qubits that are not chosen, from the highest to the lowest.
    pub(super) fn others(&self, chosen: &[usize]) -> Vec<usize> {
        (0..self.qubits).rev().filter(|qubit| !chosen.contains(qubit)).collect()
    }

    /// Returns real and imaginary parts as matrices `[batch, 2^k, 2^(n-k)]`. A row belongs to a basis state of the
    /// chosen qubits, whose first is the low bit.
    pub(super) fn matrices(&self, chosen: &[usize]) -> Result<[Tensor; 2]> {
        let order = chosen.iter().rev().copied().chain(self.others(chosen));
        let runs = runs(order);
        let mut sorted = runs.clone();
        sorted.sort_unstable_by_key(|&(top, _)| std::cmp::Reverse(top));
        let sizes = sorted.iter().map(|(_, length)| 1 << length);
        let apart: Vec<usize> = [self.count()].into_iter().chain(sizes).chain([2]).collect();
        let places = runs.iter().map(|run| 1 + sorted.iter().filter(|(top, _)| top > &run.0).count());
        let axes: Vec<usize> = [apart.len() - 1, 0].into_iter().chain(places).collect();
        let (rows, columns) = (1 << chosen.len(), 1 << (self.qubits - chosen.len()));
        let parts = self.given.to_dtype(self.inner)?.reshape(apart)?.permute(axes)?.contiguous()?;
        let parts = parts.reshape((2, self.count(), rows, columns))?;
        Ok([parts.get(0)?, parts.get(1)?])
    }

    /// Converts a result `[batch, behind..]` to `[leading.., behind..]`, in the dtype of the states.
    pub(super) fn to_output(&self, result: &Tensor, behind: &[usize]) -> Result<Tensor> {
        Ok(result.to_dtype(self.outer)?.reshape([&self.leading, behind].concat())?)
    }

    /// Returns the result for no states at all.
    pub(super) fn nothing(&self, behind: &[usize]) -> Result<Tensor> {
        Ok(Tensor::zeros([&self.leading, behind].concat(), self.outer, self.device())?)
    }
}

/// Returns the chosen ones of `qubits` qubits as a list if they are in range and occur at most once.
pub(super) fn check_qubits(qubits: usize, chosen: impl IntoIterator<Item = usize>) -> Result<Vec<usize>> {
    // Among more qubits than there are, a qubit is out of range or occurs twice.
    let chosen = at_most(qubits, chosen).0;
    for (k, &qubit) in chosen.iter().enumerate() {
        if qubit >= qubits {
            return Err(Error::States(StatesError::Qubits(Mistake::QubitOutOfRange { qubit, qubits })));
        }
        if chosen[..k].contains(&qubit) {
            return Err(Error::States(StatesError::Qubits(Mistake::RepeatedQubit { qubit })));
        }
    }
    match chosen.len() {
        0 => {
            let expected = "1 or more".to_owned();
            Err(Error::States(StatesError::Qubits(Mistake::QubitCount { expected, actual: 0 })))
        }
        _ => Ok(chosen),
    }
}

/// Returns the precision of a computation with a tensor; `what` names the tensor in errors.
pub(super) fn inner_dtype(what: &str, tensor: &Tensor) -> Result<DType> {
    match tensor.dtype() {
        dtype @ (DType::F64 | DType::F32) => Ok(dtype),
        DType::F16 | DType::BF16 => Ok(DType::F32),
        dtype => Err(Error::Tensor(TensorError::UnsupportedDType { what: what.to_owned(), dtype })),
    }
}

/// Casts the arguments of a circuit, if all of them are F16 or all BF16, to F32, in which circuits compute: amplitudes
/// in their dtype are too coarse to draw from. All other arguments are returned as they are, also such that do not fit
/// each other.
pub(super) fn in_f32(inputs: Option<&Tensor>, weights: &[(&str, &Tensor)]) -> Result<(Option<Tensor>, Vec<Tensor>)> {
    let dtypes = || inputs.into_iter().chain(weights.iter().map(|(_, tensor)| *tensor)).map(Tensor::dtype);
    let all = |half: DType| dtypes().all(|dtype| dtype == half);
    let is_half = all(DType::F16) || all(DType::BF16);
    let cast = |tensor: &Tensor| -> Result<Tensor> {
        if !is_half {
            return Ok(tensor.clone());
        }
        check_copy("an argument in F32", tensor, DType::F32)?;
        Ok(tensor.to_dtype(DType::F32)?)
    };
    let weights = weights.iter().map(|(_, tensor)| cast(tensor)).collect::<Result<_>>()?;
    Ok((inputs.map(cast).transpose()?, weights))
}

/// Moves values that rounding has put outside of their range to the nearer end. The slope stays the slope of the
/// values: a function with its extremum there has slope 0 by itself.
pub(super) fn moved_within(values: &Tensor, lowest: f64, highest: f64) -> Result<Tensor> {
    let off = (values.clamp(lowest, highest)? - values)?;
    Ok((values + off.detach())?)
}

/// Collects runs of qubits that follow each other downwards, as (highest, length). A permutation of runs instead of
/// qubits needs tensors of a lower rank, and copies longer pieces.
fn runs(order: impl Iterator<Item = usize>) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for qubit in order {
        match runs.last_mut() {
            Some((top, length)) if *top == qubit + *length => *length += 1,
            _ => runs.push((qubit, 1)),
        }
    }
    runs
}
