//! The variational quantum eigensolver: a training loop that minimises the expectation of an observable.

use crate::__private::NonExhaustive;
use crate::circuit::Circuit;
use crate::error::{Error, Result, TensorError, TrainingError, WeightsError};
use crate::measurement::Measurement;
use crate::nn::{QuantumLayer, QuantumLayerConfig, QuantumNaturalGradient, QuantumNaturalGradientConfig, SeededInit};
use crate::observable::Observable;
use crate::optim::{Adam, AdamConfig, Lbfgs, LbfgsConfig, LbfgsSteps, Spsa, SpsaConfig, Unreached, variables};
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarMap;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

/// Minimises an observable over the weights of a circuit (Peruzzo et al., Nature Communications 5, 4213, 2014).
///
/// ```
/// use candlewick::prelude::*;
/// use candlewick::variational::{Vqe, VqeConfig};
/// let mut circuit = Circuit::new(2);
/// circuit.real_amplitudes("w", 1, Entanglement::Linear);
/// let energy = Z(0) * Z(1) + 0.5 * X(0) + 0.5 * X(1);
/// let mut vqe = Vqe::new(circuit, energy, VqeConfig { seed: 1, ..Default::default() })?;
/// let found = vqe.run()?;
/// assert!(found.converged());
/// assert!((found.energy + 2f64.sqrt()).abs() < 1e-8); // the lowest eigenvalue is -√2
/// # Ok::<(), candlewick::Error>(())
/// ```
///
/// A run that ends at its start, because a tolerance is met there already, has not converged: weights at 0, a usual
/// start, may be a maximum or a saddle point. Such a run ends with [`VqeStopReason::Start`]. Other initial weights, or
/// a little noise on these, show which case it is.
///
/// A [`QuantumLayer`] can train any circuit as well. `Vqe` is the training loop around the layer, with a record of the
/// run.
pub struct Vqe {
    layer: QuantumLayer,
    varmap: VarMap,
    config: VqeConfig,
}

/// Method by which the weights of a [`Vqe`] move.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum VqeMethod {
    /// The optimiser [`Adam`]; its learning rate is about the distance that a weight moves in a step, in radians.
    Adam(AdamConfig),
    /// The optimiser [`QuantumNaturalGradient`].
    NaturalGradient(QuantumNaturalGradientConfig),
    /// The optimiser [`Lbfgs`], for exact energies. Its step sizes come from line searches, which take a few more
    /// energies and gradients. [`VqeConfig::steps`] and [`VqeConfig::gradient_tolerance`] hold in place of its own.
    Lbfgs(LbfgsConfig),
    /// The optimiser [`Spsa`], which needs no gradients: three energies a step, whatever the number of weights. Such
    /// runs end by the energy alone.
    Spsa(SpsaConfig),
}

/// Options of a [`Vqe`].
#[derive(Debug, Clone)]
pub struct VqeConfig {
    /// Method by which the weights move. Default: Adam with a learning rate of 0.05.
    pub method: VqeMethod,
    /// Largest number of steps of a run. Default 1000.
    pub steps: usize,
    /// Euclidean norm of the gradient in all weights, from 0 on, at or below which a run has converged. Default 1e-5.
    /// With 0 only vanishing gradients end a run.
    pub gradient_tolerance: f64,
    /// Change of the energy, from 0 on. A run has converged if [`patience`](Self::patience) steps in a row have changed
    /// the energy by at most this, after a step that changed it by more. Default 0: the energy does not end a run.
    pub energy_tolerance: f64,
    /// Number of steps in a row, at least 1, that have to change little; `None`: the energy does not end a run. Default
    /// `Some(10)`.
    pub patience: Option<usize>,
    /// Precision of weights and states. Default F64, which Metal does not have.
    pub dtype: DType,
    /// Device of weights and states. Default: the CPU.
    pub device: Device,
    /// Seed of the initial weights. The weights of a circuit start in [0, 2π) unless the circuit says otherwise.
    /// Default 0.
    pub seed: u64,
    /// Options of the inner [`QuantumLayer`]: shots, the gradient method, the limit on memory. Default: its default
    /// options.
    pub layer: QuantumLayerConfig,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

/// State of a run of a [`Vqe`] at one of its energies.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct VqeStep {
    /// Number of steps so far.
    pub step: usize,
    /// Energy at these weights.
    pub energy: f64,
    /// Euclidean norm of the energy's gradient in all weights; `None` if no gradient is computed.
    pub gradient_norm: Option<f64>,
}

/// Reason for which a run of a [`Vqe`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VqeStopReason {
    /// A tolerance is met at the start: the gradient is within [`VqeConfig::gradient_tolerance`] before the first step,
    /// or all steps have changed the energy by at most [`VqeConfig::energy_tolerance`]. The start may be a minimum, a
    /// maximum, a saddle point or a plateau.
    Start,
    /// The gradient is within [`VqeConfig::gradient_tolerance`].
    Gradient,
    /// The energy has stayed within [`VqeConfig::energy_tolerance`].
    Energy,
    /// Completion of all steps.
    Steps,
    /// A line search of [`VqeMethod::Lbfgs`] that found no lower energy: what is left to gain is below the rounding of
    /// the energy.
    LineSearch,
    /// Request of the caller.
    Stopped,
}

impl std::fmt::Display for VqeStopReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Start => "no step made, a tolerance is met at the start",
            Self::Gradient => "converged",
            Self::Energy => "converged (energy)",
            Self::Steps => "all steps made",
            Self::LineSearch => "no lower energy along the line",
            Self::Stopped => "stopped",
        })
    }
}

/// Energy and weights that a run of a [`Vqe`] found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct VqeResult {
    /// Lowest energy of the run. With finite shots it is the last energy: the lowest of noisy values would be too low.
    pub energy: f64,
    /// Weights at that energy, by name.
    pub weights: BTreeMap<String, Tensor>,
    /// Energies before each step, and after the last.
    pub energies: Vec<f64>,
    /// Number of steps.
    pub steps: usize,
    /// Norm of the gradient at the end; `None` if no gradient is computed.
    pub gradient_norm: Option<f64>,
    /// Reason for which the run ended.
    pub stop_reason: VqeStopReason,
    /// Names of the weight tensors whose gradient was all 0 at every energy of the run: the energy does not depend on
    /// them, or only elsewhere. Empty if no gradient is computed.
    pub without_gradient: Vec<String>,
}

impl VqeResult {
    /// Returns whether the run ended because it reached a tolerance that was not met at the start.
    pub fn converged(&self) -> bool {
        matches!(self.stop_reason, VqeStopReason::Gradient | VqeStopReason::Energy)
    }
}

impl Default for VqeConfig {
    fn default() -> Self {
        Self {
            method: VqeMethod::Adam(AdamConfig::with_learning_rate(0.05)),
            steps: 1000,
            gradient_tolerance: 1e-5,
            energy_tolerance: 0.0,
            patience: Some(10),
            dtype: DType::F64,
            device: Device::Cpu,
            seed: 0,
            layer: QuantumLayerConfig::default(),
            non_exhaustive: NonExhaustive(()),
        }
    }
}

/// Devices are compared by [`Device::same_device`].
///
/// [`Device::same_device`]: https://docs.rs/candle-core/latest/candle_core/enum.Device.html#method.same_device
impl PartialEq for VqeConfig {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            method,
            steps,
            gradient_tolerance,
            energy_tolerance,
            patience,
            dtype,
            device,
            seed,
            layer,
            non_exhaustive: _,
        } = self;
        (*method, *steps, *patience, *dtype, *seed)
            == (other.method, other.steps, other.patience, other.dtype, other.seed)
            && (*gradient_tolerance, *energy_tolerance) == (other.gradient_tolerance, other.energy_tolerance)
            && device.same_device(&other.device)
            && *layer == other.layer
    }
}

impl VqeConfig {
    pub(super) fn check(&self) -> Result<()> {
        let of = "a VQE";
        let from_zero = |setting, value: f64| match value.is_finite() && value >= 0.0 {
            true => Ok(()),
            false => Err(Error::Setting { of, setting, value, allowed: "a finite number from 0 on" }),
        };
        from_zero("gradient_tolerance", self.gradient_tolerance)?;
        from_zero("energy_tolerance", self.energy_tolerance)?;
        match self.patience {
            Some(0) => Err(Error::Setting { of, setting: "patience", value: 0.0, allowed: "1 or more" }),
            _ => Ok(()),
        }
    }
}

/// A `VarMap` cannot be printed; its variables are the layer's weights.
impl fmt::Debug for Vqe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vqe").field("layer", &self.layer).field("config", &self.config).finish_non_exhaustive()
    }
}

/// Optimiser that moves the weights.
enum Mover {
    Adam(Adam),
    Natural(Box<QuantumNaturalGradient>),
    Lbfgs(Box<LbfgsSteps>),
    Spsa(Spsa),
}

impl Mover {
    fn new(layer: &QuantumLayer, varmap: &VarMap, method: VqeMethod) -> Result<Self> {
        Ok(match method {
            VqeMethod::Adam(config) => Self::Adam(Adam::from_varmap(varmap, config)?),
            VqeMethod::NaturalGradient(config) => Self::Natural(Box::new(QuantumNaturalGradient::new(layer, config)?)),
            VqeMethod::Lbfgs(config) => Self::Lbfgs(Box::new(LbfgsSteps::new(Lbfgs::from_varmap(varmap, config)?))),
            VqeMethod::Spsa(config) => Self::Spsa(Spsa::from_varmap(varmap, config)?),
        })
    }

    /// Returns the gradient of an energy and its norm, for methods that follow the gradient.
    fn gradient(&self, energy: &Tensor, varmap: &VarMap) -> Result<Option<(GradStore, f64)>> {
        match self {
            Self::Adam(_) | Self::Natural(_) | Self::Lbfgs(_) => {
                let gradients = energy.backward()?;
                let norm = norm(&gradients, &variables(varmap)?)?;
                Ok(Some((gradients, norm)))
            }
            Self::Spsa(_) => Ok(None),
        }
    }

    /// Moves the weights from their energy. Returns whether there is such a step.
    fn step(&mut self, layer: &QuantumLayer, energy: f64, gradients: Option<&GradStore>) -> Result<bool> {
        match (self, gradients) {
            (Self::Adam(adam), Some(gradients)) => adam.try_step(gradients)?,
            (Self::Natural(natural), Some(gradients)) => natural.step(gradients, None)?,
            (Self::Lbfgs(steps), Some(gradients)) => {
                return steps.step(energy, gradients, || layer.evaluate()?.sum_all());
            }
            (Self::Spsa(spsa), _) => drop(spsa.step(|| Ok(layer.evaluate()?))?),
            (Self::Adam(_) | Self::Natural(_) | Self::Lbfgs(_), None) => {}
        }
        Ok(true)
    }
}

impl Vqe {
    /// Makes a solver for the expectation of `observable` after `circuit`, which reads no inputs.
    ///
    /// # Errors
    /// Mistakes of the circuit or the observable; a circuit with inputs; a circuit without weights, or without any
    /// angle that depends on a weight; settings out of range; finite shots with [`VqeMethod::Lbfgs`].
    pub fn new(circuit: Circuit, observable: Observable, config: VqeConfig) -> Result<Self> {
        config.check()?;
        circuit.check()?;
        observable.check_constant().map_err(|mistake| Error::Observable { index: 0, mistake })?;
        if circuit.inputs() > 0 {
            return Err(Error::Tensor(TensorError::MissingInputs { expected: circuit.inputs() }));
        }
        let varmap = VarMap::new();
        let vb = SeededInit::new(config.seed).var_builder(&varmap, config.dtype, &config.device);
        let layer =
            QuantumLayer::with_config(circuit, Measurement::expectation([observable]), config.layer.clone(), vb)?;
        let declared: Vec<String> = layer.weights().map(|(name, _)| name.to_owned()).collect();
        if declared.is_empty() {
            return Err(Error::Training(TrainingError::NoVariables { of: "a VQE" }));
        }
        if !layer.circuit().reads_weights() {
            return Err(Error::Training(TrainingError::NoVariableGradient { of: "a VQE", variables: declared }));
        }
        if let (VqeMethod::Lbfgs(_), Some(shots)) = (config.method, config.layer.shots) {
            let (of, setting, value) = ("a VQE with L-BFGS", "shots", shots as f64);
            return Err(Error::Setting { of, setting, value, allowed: "none: its line searches need exact energies" });
        }
        Mover::new(&layer, &varmap, config.method)?;
        Ok(Self { layer, varmap, config })
    }

    /// Returns the circuit as a layer with the present weights, for outcomes, variances and states.
    pub fn layer(&self) -> &QuantumLayer {
        &self.layer
    }

    /// Returns the variables under the names of the circuit's weights, to save and load them.
    pub fn varmap(&self) -> &VarMap {
        &self.varmap
    }

    /// Computes the energy at the present weights.
    ///
    /// # Errors
    /// A state beyond the memory.
    pub fn energy(&self) -> Result<f64> {
        sum(&self.layer.evaluate()?)
    }

    /// Returns the present weights, by name, sorted, as [`QuantumLayer::weights`] returns them: a run changes them.
    /// [`VqeResult::weights`] has copies.
    pub fn weights(&self) -> impl ExactSizeIterator<Item = (&str, &Tensor)> {
        self.layer.weights()
    }

    /// Returns copies of the present weights, by name.
    pub(super) fn copied_weights(&self) -> Result<BTreeMap<String, Tensor>> {
        self.weights().map(|(name, tensor)| Ok((name.to_owned(), tensor.detach().copy()?))).collect()
    }

    /// Sets weights by name; a run continues from there. Weights that are not named do not change.
    ///
    /// ```
    /// # use candlewick::prelude::*;
    /// # use candlewick::variational::{Vqe, VqeConfig};
    /// # let mut circuit = Circuit::new(2);
    /// # circuit.real_amplitudes("w", 1, Entanglement::Linear);
    /// # let config = VqeConfig { steps: 10, ..Default::default() };
    /// # let mut vqe = Vqe::new(circuit, Z(0) * Z(1), config)?;
    /// let first = vqe.run()?;
    /// vqe.set_weights(first.weights.iter().map(|(name, tensor)| (name.as_str(), tensor)))?;
    /// let second = vqe.run()?;
    /// assert!(second.energy <= first.energy);
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// A name that the circuit does not declare; a name that is given twice; another shape or dtype. Nothing is changed
    /// after an error.
    pub fn set_weights<'a>(&mut self, weights: impl IntoIterator<Item = (&'a str, &'a Tensor)>) -> Result<()> {
        let mut found: Vec<(&str, &Tensor, &Tensor)> = Vec::new();
        for (name, value) in weights {
            let Some((own, tensor)) = self.layer.weights().find(|(own, _)| *own == name) else {
                return Err(self.unexpected(name));
            };
            if found.iter().any(|(earlier, ..)| *earlier == own) {
                return Err(self.unexpected(name));
            }
            if tensor.shape() != value.shape() {
                let (expected, actual) = (tensor.shape().clone(), value.shape().clone());
                return Err(Error::Weights(WeightsError::Shape { name: name.to_owned(), expected, actual }));
            }
            if tensor.dtype() != value.dtype() {
                let what = format!("weight tensor `{name}`");
                return Err(Error::Tensor(TensorError::DTypeMismatch {
                    what,
                    expected: tensor.dtype(),
                    actual: value.dtype(),
                }));
            }
            found.push((own, tensor, value));
        }
        for (_, tensor, value) in found {
            Var::from_tensor(tensor)?.set(&value.detach().to_device(tensor.device())?.copy()?)?;
        }
        Ok(())
    }

    fn unexpected(&self, name: &str) -> Error {
        let declared = self.layer.weights().map(|(own, _)| own.to_owned()).collect();
        Error::Weights(WeightsError::Unexpected { name: name.to_owned(), declared })
    }

    /// Trains the weights, starting from their present values. A second run continues from the weights at which the
    /// first run ended, with a new optimiser.
    ///
    /// # Errors
    /// The errors of [`run_with`](Self::run_with).
    pub fn run(&mut self) -> Result<VqeResult> {
        self.run_with(|_| ControlFlow::Continue(()))
    }

    /// Trains as [`run`](Self::run) does, and calls `watch` at each energy, before the step that follows it. `watch`
    /// may end the run.
    ///
    /// ```
    /// # use candlewick::prelude::*;
    /// # use candlewick::variational::{Vqe, VqeConfig, VqeStopReason};
    /// # let mut circuit = Circuit::new(2);
    /// # circuit.real_amplitudes("w", 1, Entanglement::Linear);
    /// # let mut vqe = Vqe::new(circuit, Z(0) * Z(1), VqeConfig::default())?;
    /// use std::ops::ControlFlow;
    /// let found = vqe.run_with(|at| {
    ///     println!("{} {:.6}", at.step, at.energy);
    ///     if at.energy < -0.9 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    /// })?;
    /// assert_eq!(found.stop_reason, VqeStopReason::Stopped);
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// A state beyond the memory; an energy or a gradient that is not finite; the errors of
    /// [`QuantumNaturalGradient::step`]. After an error the weights are the weights of the last step.
    pub fn run_with(&mut self, mut watch: impl FnMut(&VqeStep) -> ControlFlow<()>) -> Result<VqeResult> {
        let mut mover = Mover::new(&self.layer, &self.varmap, self.config.method)?;
        let mut energies: Vec<f64> = Vec::new();
        let mut best: Option<(f64, BTreeMap<String, Tensor>)> = None;
        let (mut calm, noisy) = (0, self.config.layer.shots.is_some());
        let mut unreached = Unreached::new(variables(&self.varmap)?);
        loop {
            let step = energies.len();
            let value = self.layer.evaluate()?.sum_all()?;
            let energy = sum(&value)?;
            if !energy.is_finite() {
                return Err(Error::Training(TrainingError::EnergyNotFinite { step, energy }));
            }
            let (gradients, gradient_norm) = mover.gradient(&value, &self.varmap)?.unzip();
            match &gradients {
                Some(gradients) => unreached.note(gradients)?,
                None => unreached = Unreached::default(),
            }
            let change = energies.last().map(|before| (energy - before).abs());
            calm = if change.is_some_and(|change| change <= self.config.energy_tolerance) { calm + 1 } else { 0 };
            energies.push(energy);
            if noisy || best.as_ref().is_none_or(|(lowest, _)| energy < *lowest) {
                best = Some((energy, self.copied_weights()?));
            }
            let stopped = watch(&VqeStep { step, energy, gradient_norm }).is_break();
            let reason = match self.stop_reason(step, gradient_norm, calm, stopped) {
                None if mover.step(&self.layer, energy, gradients.as_ref())? => None,
                None => Some(VqeStopReason::LineSearch),
                reason => reason,
            };
            if let Some(stop_reason) = reason
                && let Some((energy, weights)) = best
            {
                let without_gradient = unreached.names();
                return Ok(VqeResult {
                    energy,
                    weights,
                    energies,
                    steps: step,
                    gradient_norm,
                    stop_reason,
                    without_gradient,
                });
            }
        }
    }

    /// Returns the reason if a run ends here.
    fn stop_reason(
        &self,
        step: usize,
        gradient_norm: Option<f64>,
        calm: usize,
        stopped: bool,
    ) -> Option<VqeStopReason> {
        let VqeConfig { steps, gradient_tolerance, energy_tolerance, patience, .. } = self.config;
        if gradient_norm.is_some_and(|norm| norm <= gradient_tolerance) {
            Some(if step == 0 { VqeStopReason::Start } else { VqeStopReason::Gradient })
        } else if energy_tolerance > 0.0 && patience.is_some_and(|patience| calm >= patience) {
            Some(if calm == step { VqeStopReason::Start } else { VqeStopReason::Energy })
        } else if stopped {
            Some(VqeStopReason::Stopped)
        } else {
            (step >= steps).then_some(VqeStopReason::Steps)
        }
    }
}

/// Sums a tensor's entries on the host: not every GPU has F64.
pub(super) fn sum(tensor: &Tensor) -> Result<f64> {
    Ok(tensor.detach().to_device(&Device::Cpu)?.to_dtype(DType::F64)?.sum_all()?.to_scalar()?)
}

/// Returns the Euclidean norm of the gradient in all variables.
fn norm(gradients: &GradStore, vars: &[(String, Var)]) -> Result<f64> {
    let mut total = 0.0;
    for (name, var) in vars {
        let Some(gradient) = gradients.get(var) else { continue };
        let squares = sum(&gradient.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.sqr()?)?;
        if !squares.is_finite() {
            return Err(Error::Training(TrainingError::GradientNotFinite { name: name.clone() }));
        }
        total += squares;
    }
    Ok(total.sqrt())
}
