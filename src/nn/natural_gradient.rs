//! The quantum natural gradient: gradient descent in the geometry of a circuit's states.

use super::QuantumLayer;
use crate::__private::NonExhaustive;
use crate::error::{Error, Result, TrainingError, WeightsError};
use crate::functional::{Bound, MetricTensor, Wrt, states_as_written};
use crate::optim::{require_entries, require_gradient};
use crate::program::Program;
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use nalgebra::{DMatrix, DVector};
use std::sync::Arc;

/// Trains the weights of one [`QuantumLayer`] along `(g + damping)⁻¹ ∇`, where `g` is the Fubini-Study metric tensor of
/// the layer's states (Stokes, Izaac, Killoran and Carleo, Quantum 4, 269, 2020).
///
/// Steps have a similar size in the states, however the weights parametrise them. The method needs fewer steps than
/// plain gradient descent. Each step costs two more states for each angle, and a linear system in the weights. Another
/// optimiser trains the other weights of a model; it can take the same gradients.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::VarMap;
/// use candlewick::nn::{QuantumNaturalGradientConfig, QuantumNaturalGradient, SeededInit};
/// use candlewick::prelude::*;
///
/// let mut circuit = Circuit::new(2);
/// circuit.real_amplitudes("w", 1, Entanglement::Linear);
/// let vb_seed = SeededInit::new(1);
/// let varmap = VarMap::new();
/// let vb = vb_seed.var_builder(&varmap, DType::F64, &Device::Cpu);
/// let energy = Measurement::expectation([Z(0) * Z(1) + 0.5 * X(0)]);
/// let layer = QuantumLayer::new(circuit, energy, vb)?;
/// let mut optimizer = QuantumNaturalGradient::new(&layer, QuantumNaturalGradientConfig::default())?;
/// let before = layer.evaluate()?.to_vec1::<f64>()?[0];
/// for _ in 0..20 {
///     optimizer.backward_step(&layer.evaluate()?.sum_all()?, None)?;
/// }
/// assert!(layer.evaluate()?.to_vec1::<f64>()?[0] < before);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct QuantumNaturalGradient {
    /// Layer's circuit with its state as output.
    program: Arc<Program>,
    /// Weights by name, in the program's order.
    vars: Vec<(String, Var)>,
    config: QuantumNaturalGradientConfig,
}

/// Options of a [`QuantumNaturalGradient`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantumNaturalGradientConfig {
    /// Factor of a step, a finite number from 0 on. Default 0.1.
    pub learning_rate: f64,
    /// Number that is added to the diagonal of the metric tensor, finite and above 0: directions in which the state
    /// does not change have no metric. Default 1e-3.
    pub damping: f64,
    /// Entries of the metric tensor to compute. Default: all.
    pub entries: MetricTensor,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for QuantumNaturalGradientConfig {
    fn default() -> Self {
        Self { learning_rate: 0.1, damping: 1e-3, entries: MetricTensor::Full, non_exhaustive: NonExhaustive(()) }
    }
}

impl QuantumNaturalGradientConfig {
    fn check(self) -> Result<Self> {
        let of = "the natural gradient";
        let setting = |setting, value: f64, zero: bool, allowed| {
            let inside = value.is_finite() && (value > 0.0 || zero && value == 0.0);
            if inside { Ok(()) } else { Err(Error::Setting { of, setting, value, allowed }) }
        };
        setting("learning_rate", self.learning_rate, true, "a finite number from 0 on")?;
        setting("damping", self.damping, false, "a finite number above 0")?;
        Ok(self)
    }
}

impl QuantumNaturalGradient {
    /// Makes an optimiser for the weights of a layer.
    ///
    /// # Errors
    /// Settings out of range; a layer without weights; weights that are no variables, such as weights of a `VarBuilder`
    /// over a file; a circuit that measures or resets qubits on its way, because its states have no metric tensor.
    pub fn new(layer: &QuantumLayer, config: QuantumNaturalGradientConfig) -> Result<Self> {
        let program = Arc::new(states_as_written(layer.circuit())?);
        let var = |(name, tensor): (&str, &Tensor)| match tensor.is_variable() {
            true => Ok((name.to_owned(), Var::from_tensor(tensor)?)),
            false => Err(Error::Weights(WeightsError::NotTrainable { name: name.to_owned() })),
        };
        let vars = layer.weights().map(var).collect::<Result<Vec<_>>>()?;
        require_entries("the natural gradient", vars.iter().map(|(_, var)| var))?;
        Ok(Self { program, vars, config: config.check()? })
    }

    /// Takes a step for a loss of the layer's outputs. `inputs` are the inputs that the layer had for this loss: the
    /// metric tensor is the mean over these samples.
    ///
    /// # Errors
    /// The errors of [`step`](Self::step).
    pub fn backward_step(&mut self, loss: &Tensor, inputs: Option<&Tensor>) -> Result<()> {
        self.step(&loss.backward()?, inputs)
    }

    /// Takes a step along gradients that the caller has computed. After an error the weights are as before.
    ///
    /// # Errors
    /// Gradients without any weight tensor of the layer (a weight tensor without a gradient counts as gradient 0 if
    /// others have one); settings out of range; no samples among the inputs, or inputs that the circuit does not take;
    /// states beyond the memory; a gradient that is not finite; a metric tensor that is not positive definite, for
    /// instance because a weight is NaN.
    pub fn step(&mut self, gradients: &GradStore, inputs: Option<&Tensor>) -> Result<()> {
        let QuantumNaturalGradientConfig { learning_rate, damping, entries, .. } = self.config.check()?;
        require_gradient("the natural gradient", &self.vars, gradients)?;
        let weights = self.vars.iter().map(|(_, var)| var.as_tensor()).collect();
        let bound = Bound { program: Arc::clone(&self.program), weights };
        let count = self.program.weights();
        let metric = bound.metric(inputs, Wrt::Weights, entries)?;
        let samples = metric.elem_count() / (count * count).max(1);
        if samples == 0 {
            let (of, setting) = ("the natural gradient", "samples");
            return Err(Error::Setting { of, setting, value: 0.0, allowed: "at least 1" });
        }
        let metric = metric.to_dtype(DType::F64)?.to_device(&Device::Cpu)?.reshape((samples, count * count))?;
        let mut metric = DMatrix::from_row_slice(count, count, &metric.mean(0)?.to_vec1::<f64>()?);
        for (entry, _) in self.program.weights_of_angles().iter().enumerate().filter(|(_, read)| !**read) {
            metric[(entry, entry)] = 1.0;
        }
        let mut gradient = Vec::with_capacity(count);
        for (_, var) in &self.vars {
            match gradients.get(var) {
                None => gradient.extend(std::iter::repeat_n(0.0, var.elem_count())),
                Some(of) => {
                    gradient.extend(of.to_dtype(DType::F64)?.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f64>()?)
                }
            }
        }
        let mut gradients_of = gradient.as_slice();
        for (name, var) in &self.vars {
            let (own, rest) = gradients_of.split_at(var.elem_count());
            gradients_of = rest;
            if !own.iter().all(|entry| entry.is_finite()) {
                return Err(Error::Training(TrainingError::GradientNotFinite { name: name.clone() }));
            }
        }
        let inverse = (metric + DMatrix::identity(count, count) * damping).cholesky();
        let along = inverse
            .ok_or(Error::Training(TrainingError::Metric { variables: count, damping }))?
            .solve(&DVector::from_vec(gradient));
        let mut along = along.as_slice();
        for (_, var) in &self.vars {
            let (own, rest) = along.split_at(var.elem_count());
            along = rest;
            let own = Tensor::from_slice(own, var.shape(), &Device::Cpu)?.affine(learning_rate, 0.0)?;
            var.set(&(var.as_tensor() - own.to_dtype(var.dtype())?.to_device(var.device())?)?)?;
        }
        Ok(())
    }

    /// Returns the factor of a step.
    pub fn learning_rate(&self) -> f64 {
        self.config.learning_rate
    }

    /// Sets the factor of a step.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.config.learning_rate = learning_rate;
    }
}
