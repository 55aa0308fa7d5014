//! Mitigation of errors: folded circuits, extrapolation to no noise, and readout that is undone.
//!
//! Zero-noise extrapolation: [`fold`] makes circuits with 3, 5, .. times the noise, and [`linear`], [`richardson`] and
//! [`exponential`] go from their outputs back to no noise. All functions of outputs are differentiable.
//!
//! ```
//! use candle_core::Tensor;
//! use candlewick::noise::{Gates, Noise, NoiseModel};
//! use candlewick::{functional, mitigation, prelude::*};
//!
//! let mut circuit = Circuit::new(2);
//! circuit.ry(0.4, 0).cx(0, 1).ry(0.3, 1);
//! let model = NoiseModel::new().after(Gates::two_qubit(), Noise::depolarizing2(0.02));
//! let measurement = Measurement::expectation([Z(0) * Z(1)]);
//! let value = |circuit: &Circuit| functional::evaluate(circuit, &measurement, None, &[]);
//!
//! let mut outputs = Vec::new();
//! for scale in [1, 3] {
//!     let folded = mitigation::fold(&circuit, scale)?; // fold first, then add noise
//!     outputs.push(value(&model.apply(&folded)?)?);
//! }
//! let mitigated = mitigation::exponential(&[1.0, 3.0], &outputs)?;
//! let exact = value(&circuit)?;
//! let error = |y: &Tensor| (y - &exact)?.abs()?.sum_all()?.to_scalar::<f32>();
//! assert!(error(&mitigated)? < 0.01 * error(&outputs[0])?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Readout: [`undo_readout`] for probabilities and [`undo_readout_of_words`] for expectation values are the exact inverses
//! of [`Circuit::readout_error`].

mod extrapolation;
mod readout;

pub use extrapolation::{exponential, linear, richardson};
pub use readout::{undo_readout, undo_readout_of_words};

use crate::circuit::{Circuit, Operation};
use crate::error::{MitigationError, Result, TensorError};
use candle_core::{DType, Tensor};

/// Returns `C (C† C)^k` of a unitary circuit `C` for the odd `scale` `2k + 1`. Without noise it does the same as `C`;
/// noise behind each gate acts `scale` times as often.
///
/// Noise models are applied to the folded circuit: a circuit with channels has no inverse. Rotations that embed features
/// are unitary and are folded, too.
///
/// ```
/// use candlewick::{mitigation, prelude::*};
/// let mut circuit = Circuit::new(1);
/// circuit.s(0).rx(input(0), 0);
/// let folded = mitigation::fold(&circuit, 3)?;
/// let names: Vec<_> = folded.operations().iter().map(|o| o.name()).collect();
/// assert_eq!(names, ["s", "rx", "rx", "sdg", "s", "rx"]);
/// # Ok::<(), candlewick::Error>(())
/// ```
///
/// # Errors
/// The mistake of the circuit; [`MitigationError`] for an even scale, and for a circuit with channels, measurements, resets
/// or an embedding of amplitudes; too many operations.
pub fn fold(circuit: &Circuit, scale: usize) -> Result<Circuit> {
    circuit.check()?;
    if scale.is_multiple_of(2) {
        return Err(MitigationError::FoldScale { scale }.into());
    }
    if let Some(operation) = circuit.operations().iter().position(|one| one.inverse().is_err()) {
        let name = circuit.operations().get(operation).map_or("", Operation::name).to_owned();
        return Err(MitigationError::NotFoldable { operation, name }.into());
    }
    let folded = circuit.folded(scale / 2);
    folded.check()?;
    Ok(folded)
}

/// Dtype in which a tensor of outputs is mitigated: F32 for F16 and BF16.
fn inner_dtype(what: &'static str, tensor: &Tensor) -> Result<DType> {
    match tensor.dtype() {
        dtype @ (DType::F64 | DType::F32) => Ok(dtype),
        DType::F16 | DType::BF16 => Ok(DType::F32),
        dtype => Err(TensorError::UnsupportedDType { what: what.to_owned(), dtype }.into()),
    }
}
