//! Properties of a circuit that are worth knowing before it is trained.
//!
//! | function | question |
//! |---|---|
//! | [`gradient_variance`] | how large gradients are at random weights: barren plateaus |
//! | [`expressibility`] | how far the circuit's states are from uniformly distributed states |
//! | [`entangling_capability`] | how entangled the circuit's states are |
//! | [`fourier_spectrum`], [`frequencies`] | which functions of an input feature the circuit can be |
//! | [`rounding_error`] | how much precision a circuit loses to rounding |
//!
//! Random weights are drawn as the circuit declares them: uniformly in [0, 2π), as in the literature, unless
//! [`Circuit::weights_with_init`](crate::Circuit::weights_with_init) declares another start; then as training starts. A
//! seed determines them on every machine. All functions except [`rounding_error`] compute in F64 on the CPU, whatever
//! the dtype and the device of their tensors.

mod ensemble;
mod expressibility;
mod fourier;
mod gradients;
mod rounding_error;

pub use expressibility::{ExpressibilityConfig, entangling_capability, expressibility};
pub use fourier::{FourierConfig, FourierSpectrum, Frequencies, MAX_DEGREE, fourier_spectrum, frequencies};
pub use gradients::gradient_variance;
pub use rounding_error::rounding_error;

use crate::circuit::Circuit;
use crate::error::{Error, Mistake, Result, TensorError, WeightsError};
use crate::limits::{check_copy, checked_product};
use candle_core::{DType, Device, Shape, Tensor};

/// Returns a tensor's values in F64 on the CPU, outside of any graph.
fn exact(what: &str, tensor: &Tensor) -> Result<Tensor> {
    let dtype = tensor.dtype();
    if !matches!(dtype, DType::F16 | DType::BF16 | DType::F32 | DType::F64) {
        return Err(Error::Tensor(TensorError::UnsupportedDType { what: what.to_owned(), dtype }));
    }
    check_copy("a tensor to diagnose", tensor, DType::F64)?;
    Ok(tensor.detach().to_device(&Device::Cpu)?.to_dtype(DType::F64)?)
}

/// Returns the input samples of a diagnosis, at least one.
fn samples(circuit: &Circuit, inputs: Option<&Tensor>) -> Result<Option<Tensor>> {
    let Some(inputs) = inputs else {
        // Sample without features, for its dtype.
        let nothing = Tensor::zeros(0, DType::F64, &Device::Cpu)?;
        return Ok((circuit.inputs() == 0).then_some(nothing));
    };
    at_least("input sample(s)", 1, rows(Some(inputs))?)?;
    exact("the input", inputs).map(Some)
}

/// Returns the number of samples. It is the product of the leading dimensions, because a sample may have no features.
fn rows(inputs: Option<&Tensor>) -> Result<usize> {
    inputs.map_or(Ok(1), |inputs| {
        checked_product("input samples", inputs.dims().split_last().map_or(&[], |(_, leading)| leading))
    })
}

/// Refuses a number below `least`.
fn at_least(what: &'static str, least: usize, actual: usize) -> Result<()> {
    if actual >= least {
        return Ok(());
    }
    Err(Error::Diagnostics(Mistake::Length { what, expected: format!("{least} or more"), actual }))
}

/// Refuses weights of another shape than declared, including ensembles.
fn single(circuit: &Circuit, weights: &[(&str, &Tensor)]) -> Result<()> {
    for declaration in circuit.declarations() {
        let (name, expected) = (declaration.handle.name(), Shape::from(declaration.handle.shape()));
        match weights.iter().find(|(given, _)| *given == name) {
            Some((_, tensor)) if tensor.shape() != &expected => {
                let actual = tensor.shape().clone();
                return Err(Error::Weights(WeightsError::Shape { name: name.to_owned(), expected, actual }));
            }
            _ => {}
        }
    }
    Ok(())
}
