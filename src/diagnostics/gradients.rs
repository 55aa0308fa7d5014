//! The variance of gradients over random weights, which shows barren plateaus.

use super::ensemble::{Draws, drawn_outputs, sample_chunks};
use super::{at_least, rows, samples};
use crate::circuit::Circuit;
use crate::error::Result;
use crate::measurement::Measurement;
use crate::observable::Observable;
use candle_core::{Device, Tensor};

/// Returns the variance of `d<O>/dw` over random weights, for each entry of each weight tensor.
///
/// If it falls exponentially with the number of qubits, training does not start: this is a barren plateau (McClean et
/// al., Nat. Commun. 9, 4812, 2018; for local and global costs Cerezo et al., Nat. Commun. 12, 1791, 2021).
///
/// The result has the circuit's weight tensors by name, sorted, each with its variances in the declared shape, in F64
/// on the CPU. The estimate is unbiased: the squares are divided by `samples - 1`. With several input samples
/// `[.., features]` the cost is the mean of `<O>` over them. A circuit that reads no inputs takes `None`. The
/// [module](super) describes how weights are drawn.
///
/// ```
/// use candlewick::{diagnostics, prelude::*};
/// let mut circuit = Circuit::new(1);
/// let w = circuit.weights("w", 1);
/// circuit.rx(w.at([0]), 0);
/// let variances = diagnostics::gradient_variance(&circuit, &Z(0), None, 2000, 7)?;
/// let variance = variances[0].1.to_vec1::<f64>()?[0]; // of -sin(w)
/// assert!((variance - 0.5).abs() < 0.05);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Fewer than two samples of weights, or no sample of inputs; the errors of
/// [`functional::evaluate`](crate::functional::evaluate).
pub fn gradient_variance(
    circuit: &Circuit,
    observable: &Observable,
    inputs: Option<&Tensor>,
    samples: usize,
    seed: u64,
) -> Result<Vec<(String, Tensor)>> {
    circuit.check()?;
    at_least("samples", 2, samples)?;
    let (inputs, measurement) = (self::samples(circuit, inputs)?, Measurement::expectation([observable.clone()]));
    let mut draws = Draws::new(circuit, seed);
    let mut moments: Vec<Moments> = circuit.declarations().map(|_| Moments::default()).collect();
    for count in sample_chunks(circuit, samples, rows(inputs.as_ref())?, 1) {
        let weights = draws.next(count)?;
        let values = drawn_outputs(circuit, &measurement, inputs.as_ref(), &weights, count)?;
        // Members do not share weights, so the gradient of the sum has the gradient of each member.
        let gradients = values.reshape((count, ()))?.mean(1)?.sum_all()?.backward()?;
        for ((_, var), moments) in weights.iter().zip(&mut moments) {
            if let Some(gradient) = gradients.get(var) {
                let rows = gradient.reshape((count, ()))?;
                rows.to_vec2::<f64>()?.iter().for_each(|row| moments.add(row));
            }
        }
    }
    let variance = |(declaration, moments): (&crate::circuit::Declaration, Moments)| {
        let (name, shape) = (declaration.handle.name().to_owned(), declaration.handle.shape());
        Ok((name, Tensor::from_vec(moments.variances(), shape, &Device::Cpu)?))
    };
    circuit.declarations().zip(moments).map(variance).collect()
}

/// Means and sums of squared deviations, updated with one sample at a time (Welford, Technometrics 4, 419, 1962).
#[derive(Default)]
struct Moments {
    count: f64,
    means: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    fn add(&mut self, values: &[f64]) {
        self.count += 1.0;
        self.means.resize(values.len(), 0.0);
        self.squares.resize(values.len(), 0.0);
        for ((value, mean), square) in values.iter().zip(&mut self.means).zip(&mut self.squares) {
            let before = value - *mean;
            *mean += before / self.count;
            *square += before * (value - *mean);
        }
    }

    fn variances(self) -> Vec<f64> {
        self.squares.into_iter().map(|square| square / (self.count - 1.0)).collect()
    }
}
