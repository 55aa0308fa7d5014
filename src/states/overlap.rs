//! Inner products of states.

use super::batch::{Batch, PAIR, moved_within};
use crate::error::{Error, Result, StatesError};
use candle_core::{D, Tensor};

/// Returns the inner product `<a|b>`: two tensors `[.., 2^n, 2]` give `[.., 2]`, real and imaginary part.
///
/// The leading dimensions are equal, or one of the two tensors is a single state `[2^n, 2]`, which is then paired with
/// every state of the other tensor.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::states;
/// let zero = Tensor::new(&[[1f64, 0.], [0., 0.]], &Device::Cpu)?;
/// // i|0>, |1>
/// let many = Tensor::new(&[[[0f64, 1.], [0., 0.]], [[0., 0.], [1., 0.]]], &Device::Cpu)?;
/// assert_eq!(states::overlap(&zero, &many)?.to_vec2::<f64>()?, [[0., 1.], [0., 0.]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Tensors that are no states, of a dtype other than F16, BF16, F32 and F64, or that differ in dtype, device, number of
/// qubits or leading dimensions.
pub fn overlap(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (like, parts) = products(a, b)?;
    match parts {
        Some([re, im]) => like.to_output(&Tensor::stack(&[re, im], 1)?, &[2]),
        None => like.nothing(&[2]),
    }
}

/// Returns the fidelity `|<a|b>|² / (<a|a> <b|b>)`, between 0 and 1: two tensors `[.., 2^n, 2]` give `[..]`.
///
/// Leading dimensions are as for [`overlap`]: a single state may be the target of a whole batch.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use candlewick::{functional, prelude::*, states};
/// let mut circuit = Circuit::new(1);
/// circuit.ry(input(0), 0);
/// let x = Tensor::new(&[[0f64], [1.], [2.]], &Device::Cpu)?;
/// let state = functional::evaluate(&circuit, &Measurement::state(), Some(&x), &[])?;
/// let target = Tensor::new(&[[1f64, 0.], [0., 0.]], &Device::Cpu)?;
/// let fidelity = states::fidelity(&state, &target)?.to_vec1::<f64>()?;
/// assert!((fidelity[2] - 1f64.cos().powi(2)).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The errors of [`overlap`].
pub fn fidelity(a: &Tensor, b: &Tensor) -> Result<Tensor> {
    let (like, parts) = products(a, b)?;
    match parts {
        Some([re, im]) => {
            let norms = |what, states| Batch::new(what, states)?.squared_norms();
            let norms = norms(PAIR[0], a)?.broadcast_mul(&norms(PAIR[1], b)?)?;
            like.to_output(&moved_within(&((re.sqr()? + im.sqr()?)? / norms)?, 0.0, 1.0)?, &[])
        }
        None => like.nothing(&[]),
    }
}

/// Returns real and imaginary part `[batch]` of the inner products, or `None` for an empty batch, and the batch whose
/// shape they have.
fn products(a: &Tensor, b: &Tensor) -> Result<(Batch, Option<[Tensor; 2]>)> {
    let [first, second] = Batch::pair(a, b)?;
    if first.leading != second.leading && !first.leading.is_empty() && !second.leading.is_empty() {
        return Err(Error::States(StatesError::Mismatch { first: a.shape().clone(), second: b.shape().clone() }));
    }
    let parts = match first.count() * second.count() {
        0 => None,
        _ => {
            let (left, right) = (first.states()?, second.states()?);
            let dot = |other: &Tensor| left.broadcast_mul(other)?.sum((1, 2));
            Some([dot(&right)?, dot(&times_minus_i(&right)?)?])
        }
    };
    Ok((if first.leading.is_empty() { second } else { first }, parts))
}

/// Returns `-i` times the states: the real part of `<a|-i b>` is the imaginary part of `<a|b>`.
pub(super) fn times_minus_i(states: &Tensor) -> Result<Tensor> {
    let (re, im) = (states.narrow(D::Minus1, 0, 1)?, states.narrow(D::Minus1, 1, 1)?);
    Ok(Tensor::cat(&[im, re.neg()?], D::Minus1)?)
}
