//! The quantum natural gradient: gradient descent in the geometry of a circuit's states.

use super::QuantumLayer;
use crate::__private::NonExhaustive;
use crate::error::{ClusterError, Error, Result, TrainingError};
use crate::functional::{Bound, MetricTensor, Wrt, states_as_written};
use crate::memory::check_numbers;
use crate::numbers::{feature_not_finite, host_numbers};
use crate::optim::{
    Resume, SavedOption, check_entries, check_options, named_state, put_options, require_entries, require_gradient,
    weight_not_finite,
};
use crate::program::Program;
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Shape, Tensor, Var};
use nalgebra::{DMatrix, DVector};
use std::collections::HashMap;
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
/// let config = QuantumNaturalGradientConfig::default();
/// let mut optimizer = QuantumNaturalGradient::new(&layer, config)?;
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
    /// Last step, in all weights.
    velocity: Vec<f64>,
}

/// Options of a [`QuantumNaturalGradient`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantumNaturalGradientConfig {
    /// Factor of a step, a finite number from 0 on. Default 0.1.
    pub learning_rate: f64,
    /// Part of the last step that each step repeats, in [0, 1): the step is
    /// `momentum * last - learning_rate * (g + damping)⁻¹ ∇` (Borysenko et al., arXiv:2409.01978; PennyLane's
    /// `MomentumQNGOptimizer`). Default 0.
    pub momentum: f64,
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
        let (entries, non_exhaustive) = (MetricTensor::Full, NonExhaustive(()));
        Self { learning_rate: 0.1, momentum: 0.0, damping: 1e-3, entries, non_exhaustive }
    }
}

impl QuantumNaturalGradientConfig {
    /// Returns the options that belong to a saved state.
    fn saved(self) -> [SavedOption; 3] {
        let blocks = f64::from(u8::from(self.entries == MetricTensor::BlockDiagonal));
        [("momentum", self.momentum), ("damping", self.damping), ("entries in blocks alone", blocks)]
    }

    fn check(self) -> Result<Self> {
        let of = "the natural gradient";
        let setting = |setting, value: f64, zero: bool, allowed| {
            let inside = value.is_finite() && (value > 0.0 || zero && value == 0.0);
            if inside { Ok(()) } else { Err(Error::Setting { of, setting, value, allowed }) }
        };
        setting("learning_rate", self.learning_rate, true, "a finite number from 0 on")?;
        if !(0.0..1.0).contains(&self.momentum) {
            return Err(Error::Setting { of, setting: "momentum", value: self.momentum, allowed: "in [0, 1)" });
        }
        setting("damping", self.damping, false, "a finite number above 0")?;
        Ok(self)
    }
}

impl QuantumNaturalGradient {
    /// Makes an optimiser for the weights of a layer.
    ///
    /// # Errors
    /// Settings out of range; a layer without weights; weights that are no variables, such as weights of a `VarBuilder`
    /// over a file; a circuit that measures or resets qubits on its way, because its states have no metric tensor; a
    /// layer whose state processes share.
    pub fn new(layer: &QuantumLayer, config: QuantumNaturalGradientConfig) -> Result<Self> {
        if layer.config.cluster.is_some() {
            return Err(ClusterError::NotShared { what: "metric tensor" }.into());
        }
        let program = Arc::new(states_as_written(layer.circuit())?);
        let vars = layer.variables()?;
        require_entries("the natural gradient", vars.iter().map(|(_, var)| var))?;
        let velocity = vec![0.0; program.weights()];
        Ok(Self { program, vars, config: config.check()?, velocity })
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
    /// states beyond the memory; a gradient that is not finite; a metric tensor that is not positive definite; where an
    /// input or a weight that is not finite is the cause of one of these, that number.
    pub fn step(&mut self, gradients: &GradStore, inputs: Option<&Tensor>) -> Result<()> {
        let QuantumNaturalGradientConfig { learning_rate, momentum, damping, entries, .. } = self.config.check()?;
        require_gradient("the natural gradient", &self.vars, gradients)?;
        let weights = self.vars.iter().map(|(_, var)| var.as_tensor()).collect();
        let bound = Bound { program: Arc::clone(&self.program), weights };
        let count = self.program.weights();
        // The mean over the samples, as a tensor and as a matrix, with the damping on its diagonal and its factors.
        check_numbers("the metric tensor", (count as u64).checked_mul(count as u64).and_then(|n| n.checked_mul(5)))?;
        let metric = bound.metric(inputs, Wrt::Weights, entries)?;
        let samples = metric.elem_count() / (count * count).max(1);
        if samples == 0 {
            let (of, setting) = ("the natural gradient", "samples");
            return Err(Error::Setting { of, setting, value: 0.0, allowed: "at least 1" });
        }
        let metric = metric.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.reshape((samples, count * count))?;
        let mut metric = DMatrix::from_row_slice(count, count, &metric.mean(0)?.to_vec1::<f64>()?);
        for (entry, _) in self.program.weights_of_angles().iter().enumerate().filter(|(_, read)| !**read) {
            metric[(entry, entry)] = 1.0;
        }
        let mut gradient = Vec::with_capacity(count);
        for (_, var) in &self.vars {
            match gradients.get(var) {
                None => gradient.extend(std::iter::repeat_n(0.0, var.elem_count())),
                Some(of) => gradient.extend(host_numbers(of)?),
            }
        }
        let mut gradients_of = gradient.as_slice();
        for (name, var) in &self.vars {
            let (own, rest) = gradients_of.split_at(var.elem_count());
            gradients_of = rest;
            if !own.iter().all(|entry| entry.is_finite()) {
                let unknown = Error::Training(TrainingError::GradientNotFinite { name: name.clone() });
                return Err(self.cause(inputs)?.unwrap_or(unknown));
            }
        }
        let Some(inverse) = (metric + DMatrix::identity(count, count) * damping).cholesky() else {
            let unknown = Error::Training(TrainingError::Metric { variables: count, damping });
            return Err(self.cause(inputs)?.unwrap_or(unknown));
        };
        let along = inverse.solve(&DVector::from_vec(gradient));
        let step = |(last, along): (&f64, &f64)| momentum * last - learning_rate * along;
        let velocity: Vec<f64> = self.velocity.iter().zip(along.as_slice()).map(step).collect();
        let mut along = velocity.as_slice();
        for (_, var) in &self.vars {
            let (own, rest) = along.split_at(var.elem_count());
            along = rest;
            let own = Tensor::from_slice(own, var.shape(), &Device::Cpu)?;
            var.set(&(var.as_tensor() + own.to_dtype(var.dtype())?.to_device(var.device())?)?)?;
        }
        self.velocity = velocity;
        Ok(())
    }

    /// Looks for the input, else the weight, behind numbers that are not finite.
    fn cause(&self, inputs: Option<&Tensor>) -> Result<Option<Error>> {
        match inputs.map(feature_not_finite).transpose()?.flatten() {
            None => weight_not_finite(&self.vars),
            cause => Ok(cause),
        }
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

/// Name under which the last step is saved.
const VELOCITY: &str = "velocity";

impl Resume for QuantumNaturalGradient {
    fn state(&self) -> Result<HashMap<String, Tensor>> {
        let velocity = Tensor::from_slice(&self.velocity, self.velocity.len(), &Device::Cpu)?;
        let mut state = HashMap::from([(VELOCITY.to_owned(), velocity)]);
        put_options(&mut state, &self.config.saved())?;
        Ok(state)
    }

    fn restore(&mut self, state: &HashMap<String, Tensor>) -> Result<()> {
        check_options(state, &self.config.saved())?;
        let velocity = named_state(state, VELOCITY, &Shape::from(self.velocity.len()), DType::F64)?;
        check_entries(VELOCITY, velocity, f64::MIN)?;
        self.velocity = velocity.to_device(&Device::Cpu)?.to_vec1()?;
        Ok(())
    }
}
