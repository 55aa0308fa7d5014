//! The rounding error of a circuit: the circuit is run and undone, and the distance from the start is measured.

use super::single;
use crate::circuit::Circuit;
use crate::error::Result;
use crate::functional;
use crate::measurement::Measurement;
use crate::nn::{QuantumLayer, QuantumLayerConfig};
use crate::program::Rewrites;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

/// Returns the distance of a state from its start after the circuit has been run and undone: the largest norm of `final
/// - initial` over the batch. Without rounding it would be 0.
///
/// The distance measures the precision in this dtype, on this device: every operation is done and undone separately,
/// without the optimisations that would cancel the pair. Circuits of some hundred gates give about 1e-6 in F32, F16 and
/// BF16, and 1e-15 in F64. Inputs are `[.., features]`; a circuit that reads no inputs takes `None`. Without any tensor
/// the function computes in F32 on the CPU. Amplitude embedding cannot be undone, so the embedded state is the initial
/// state. A NaN gives NaN.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use candlewick::{diagnostics, prelude::*};
/// let mut circuit = Circuit::new(3);
/// circuit.strongly_entangling_layers("w", 4);
/// let rounding_error = |dtype| {
///     let w = Tensor::ones((4, 3, 3), dtype, &Device::Cpu)?;
///     diagnostics::rounding_error(&circuit, None, &[("w", &w)])
/// };
/// assert!(rounding_error(DType::F32)? < 1e-5 && rounding_error(DType::F64)? < 1e-13);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The errors of [`functional::evaluate`]; weights for several members of an ensemble; measurements and resets, which
/// are not undone.
pub fn rounding_error(circuit: &Circuit, inputs: Option<&Tensor>, weights: &[(&str, &Tensor)]) -> Result<f64> {
    circuit.check()?;
    single(circuit, weights)?;
    let (start, back) = circuit.there_and_back();
    let initial = functional::evaluate(&start, &Measurement::State, inputs, weights)?;
    let any = inputs.or(weights.first().map(|(_, tensor)| *tensor));
    let (dtype, device) = any.map_or((DType::F32, &Device::Cpu), |any| (any.dtype(), any.device()));
    let named = weights.iter().map(|(name, tensor)| ((*name).to_owned(), tensor.detach())).collect();
    let config = QuantumLayerConfig { rewrites: Rewrites::NONE, ..QuantumLayerConfig::default() };
    let vb = VarBuilder::from_tensors(named, dtype, device);
    let layer = QuantumLayer::with_config(back, Measurement::State, config, vb)?;
    let last = match inputs {
        Some(inputs) => layer.forward_detached(inputs)?,
        None => layer.evaluate()?,
    };
    // The order matters: not every device has F64.
    let exact =
        |states: &Tensor| states.detach().to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1();
    let (initial, last): (Vec<f64>, Vec<f64>) = (exact(&initial)?, exact(&last)?);
    let size = 2 << circuit.qubits();
    let norm = |(a, b): (&[f64], &[f64])| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
    let norms = initial.chunks(size).zip(last.chunks(size)).map(norm);
    Ok(norms.fold(0.0, |worst, norm| if norm.is_nan() || norm > worst { norm } else { worst }))
}
