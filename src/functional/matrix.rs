//! The matrix of a circuit: its images of all basis states, as one batch.

use super::evaluate;
use crate::circuit::Circuit;
use crate::error::Result;
use crate::measurement::Measurement;
use crate::memory::check_numbers;
use candle_core::{DType, Device, Tensor};

impl Circuit {
    /// Returns the unitary matrix of the circuit as `[2^n, 2^n, 2]` real numbers: row, column, real and imaginary part.
    /// Global phases are part of it. `inputs` are the features of one sample, `[features]`; a circuit that reads none
    /// takes `None`. `weights` are the weight tensors by name. The result has their dtype, F64 without any tensor, and
    /// is differentiable in all of them.
    ///
    /// ```
    /// use candlewick::prelude::*;
    /// let mut circuit = Circuit::new(1);
    /// circuit.y(0);
    /// let matrix = circuit.matrix(None, &[])?.to_vec3::<f64>()?; // [[0, -i], [i, 0]]
    /// let [re, im] = matrix[0][1][..] else { unreachable!() };
    /// assert!(re.abs() < 1e-12 && (im + 1.0).abs() < 1e-12);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`evaluate`]; an operation that is no unitary (an embedding of
    /// amplitudes, a measurement, a reset); a matrix beyond the available memory.
    pub fn matrix(&self, inputs: Option<&Tensor>, weights: &[(&str, &Tensor)]) -> Result<Tensor> {
        let behind = self.behind_amplitudes()?;
        // Counts the basis states, the images, and the images in the order of the result.
        let entries = 1u64.checked_shl(2 * self.qubits() as u32).filter(|entries| *entries > 0);
        check_numbers("the matrix of a circuit", entries.and_then(|entries| entries.checked_mul(5)))?;
        let size = 1usize << self.qubits();
        let given = inputs.or(weights.first().map(|(_, tensor)| *tensor));
        let (dtype, device) = given.map_or((DType::F64, &Device::Cpu), |tensor| (tensor.dtype(), tensor.device()));
        let basis = Tensor::eye(size, dtype, device)?;
        let rows = match inputs {
            None => basis,
            Some(inputs) => {
                let features = inputs.flatten_all()?.unsqueeze(0)?;
                let width = features.dim(1)?;
                Tensor::cat(&[&features.broadcast_as((size, width))?, &basis], 1)?
            }
        };
        let images = evaluate(&behind, &Measurement::state(), Some(&rows), weights)?;
        Ok(images.transpose(0, 1)?.contiguous()?)
    }
}
