//! The op of all methods besides the adjoint method: a computed value, and a method for its gradient.

use super::GradientMethod;
use super::chain::Numbers;
use super::points::{Batches, Variant};
use super::trajectories::{self, Draws};
use super::{Outside, Sampling};
use super::{differences, shift};
use crate::autograd::{self, Backward};
use crate::engine::{NeedsGrad, Options, Simulation};
use crate::error::{Error, Result, SimulationError};
use crate::numbers::host_numbers;
use crate::program::Program;
use crate::sampling::shot_generator;
use candle_core::{DType, Device, Tensor};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Method of values and gradients, with its settings.
#[derive(Debug, Clone)]
pub(crate) struct Estimator {
    options: Options,
    /// Method of the gradients; never [`GradientMethod::Auto`].
    method: GradientMethod,
    /// Sampling of a finite number of shots, or `None` for exact values.
    sampling: Option<Arc<Sampling>>,
    /// Program outside that draws the samples, if any.
    outside: Option<Arc<Outside>>,
    /// Seed of trajectories.
    seed: u64,
    /// Counter of calls: each call has random numbers of its own.
    calls: Arc<AtomicU64>,
}

/// Gradients of an estimated value; see the module.
#[derive(Debug)]
struct EstimatedGradients {
    estimator: Estimator,
    call: u64,
}

impl Estimator {
    /// Returns the estimator of exact values, with gradients by the adjoint method.
    pub(crate) fn exact(options: Options) -> Self {
        Self { options, method: GradientMethod::Adjoint, sampling: None, outside: None, seed: 0, calls: Arc::default() }
    }

    pub(crate) fn new(options: Options, method: GradientMethod, sampling: Option<Sampling>) -> Result<Self> {
        let method = method.resolve(sampling.is_some())?;
        Ok(Self { method, sampling: sampling.map(Arc::new), ..Self::exact(options) })
    }

    /// Returns the estimator with a seed for its trajectories, after checking that they can run the program.
    pub(crate) fn with_trajectories(self, program: &Program, seed: u64) -> Result<Self> {
        if let Simulation::Trajectories { count } = self.options.simulation.resolve(program)? {
            if self.sampling.is_some() {
                return Err(SimulationError::NotFromTrajectories { what: "finite shots" }.into());
            }
            if self.method != GradientMethod::Adjoint {
                return Err(
                    SimulationError::NotFromTrajectories { what: "gradients but by `GradientMethod::Auto`" }.into()
                );
            }
            trajectories::check(program, count)?;
        }
        Ok(Self { seed, ..self })
    }

    /// Returns the estimator with a program outside that draws its samples.
    ///
    /// # Errors
    /// There are no samples to draw.
    pub(crate) fn with_outside(self, outside: Option<Outside>) -> Result<Self> {
        if outside.is_some() && self.sampling.is_none() {
            return Err(Error::SettingNeeds { of: "QuantumLayer", setting: "Simulation::External", needs: "`shots`" });
        }
        Ok(Self { outside: outside.map(Arc::new), ..self })
    }

    /// Returns the estimator with another simulation.
    pub(crate) fn with_simulation(self, simulation: Simulation) -> Self {
        Self { options: Options { simulation, ..self.options }, ..self }
    }

    /// Returns the program outside that draws samples, if any.
    pub(crate) fn outside(&self) -> Option<&Outside> {
        self.outside.as_deref()
    }

    /// Whether outputs are estimates from a finite number of shots.
    pub(super) fn is_sampled(&self) -> bool {
        self.sampling.is_some()
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// Returns the same estimator with a memory limit that is smaller by `bytes`.
    pub(super) fn beside(&self, bytes: u64) -> Self {
        let memory_limit = self.options.memory_limit.map(|limit| limit.saturating_sub(bytes));
        Self { options: Options { memory_limit, ..self.options.clone() }, ..self.clone() }
    }

    /// Returns the number of a call. The call uses this number for its values, and the next number for its gradients.
    pub(crate) fn next_call(&self) -> u64 {
        self.calls.fetch_add(2, Ordering::Relaxed)
    }

    /// Checks that the gradients of a program can be computed, including the gradient in its features if they are
    /// tracked.
    pub(crate) fn check(&self, program: &Program, features_tracked: bool) -> Result<()> {
        if features_tracked && program.embedding.is_some() && self.method == GradientMethod::ParameterShift {
            let of = "features that are embedded as amplitudes";
            let instead = "detach them (`Tensor::detach`) if only weights behind them are trained, or take \
                           `GradientMethod::FiniteDifference` or `GradientMethod::Spsa`";
            return Err(Error::NoGradient { method: self.method.name(), of, instead });
        }
        Ok(())
    }

    /// Returns outputs `[batch, outputs]`. Features are rows in the precision of the state, and weights are beside
    /// them. The result is in the graph if `in_graph` is set and an argument is tracked.
    pub(crate) fn apply(
        &self,
        program: &Arc<Program>,
        rows: &Tensor,
        weights: &Tensor,
        in_graph: bool,
    ) -> Result<Tensor> {
        if let Simulation::Trajectories { count } = self.options.simulation.resolve(program)? {
            trajectories::check(program, count)?;
            let draws = Draws { count, seed: self.seed, call: self.next_call() };
            return trajectories::evaluate(program, &self.options, (rows, weights), in_graph, draws);
        }
        if self.sampling.is_none() && self.method == GradientMethod::Adjoint {
            return autograd::evaluate(program, &self.options, [rows, weights], in_graph);
        }
        let call = self.next_call();
        let value = self.values(program, Variant::Shared, rows, Some(weights), (call, 0))?;
        if !in_graph || !(rows.track_op() || weights.track_op()) {
            return Ok(value);
        }
        let (storage, layout) = value.storage_and_layout();
        let backward = EstimatedGradients { estimator: self.clone(), call: call + 1 };
        autograd::insert_outputs(program, (storage.try_clone(layout)?, rows.dim(0)?), [rows, weights], backward)
    }

    /// Returns outputs `[points, outputs]`, outside any graph. `place` is the number of the call, and the number of the
    /// first point in it.
    pub(super) fn values(
        &self,
        program: &Arc<Program>,
        variant: Variant,
        rows: &Tensor,
        weights: Option<&Tensor>,
        place: (u64, u64),
    ) -> Result<Tensor> {
        let none = || Tensor::zeros(usize::from(!rows.device().is_cpu()), rows.dtype(), rows.device());
        let weights = weights.map_or_else(none, |weights| Ok(weights.clone()))?;
        let exact = |program: &Arc<Program>, rows: &Tensor| {
            autograd::evaluate(program, &self.options, [&rows.detach(), &weights.detach()], false)
        };
        match &self.sampling {
            None => exact(variant.program(program), rows),
            Some(sampling) => {
                let numbered = (variant as usize, variant.program(program));
                match &self.outside {
                    Some(outside) => sampling.values_outside(outside, numbered, (rows, &weights), place),
                    None => sampling.values(numbered, rows, (&self.options, place), exact),
                }
            }
        }
    }

    /// Computes the gradients of `sum(cotangent * outputs)` in inputs and weights.
    fn gradients(
        &self,
        program: &Arc<Program>,
        (inputs, weights, cotangent): (&Tensor, &Tensor, &Tensor),
        call: u64,
        needs_grad: NeedsGrad,
    ) -> Result<[Vec<f64>; 2]> {
        let (numbers, cotangent) = (Numbers::new(program, inputs, weights)?, host_numbers(cotangent)?);
        let state = inputs.dtype();
        // Differences lose the digits that neighbouring points share.
        let dtype = match self.method {
            GradientMethod::FiniteDifference { .. } | GradientMethod::Spsa { .. } if !inputs.device().is_metal() => {
                DType::F64
            }
            _ => state,
        };
        let batches = Batches { estimator: self, program, dtype, device: inputs.device(), call };
        match self.method {
            GradientMethod::FiniteDifference { step, order } => {
                differences::along_variables(&batches, &numbers, &cotangent, needs_grad, (step, order))
            }
            GradientMethod::Spsa { samples, step, seed } => {
                let random = shot_generator(seed, call, 0, u64::MAX);
                differences::along_directions(&batches, &numbers, &cotangent, needs_grad, (samples, step), random)
            }
            // The adjoint method has an op of its own.
            GradientMethod::ParameterShift | GradientMethod::Auto | GradientMethod::Adjoint => {
                shift::shift_gradients(&batches, &numbers, &cotangent, needs_grad)
            }
        }
    }
}

impl Backward for EstimatedGradients {
    const NAME: &'static str = "quantum-estimate";

    fn gradients(
        &self,
        program: &Arc<Program>,
        [inputs, weights]: [&Tensor; 2],
        cotangent: &Tensor,
        needs_grad: NeedsGrad,
    ) -> Result<[Option<Tensor>; 2]> {
        let arguments = (inputs, weights, cotangent);
        let [dx, dw] = self.estimator.gradients(program, arguments, self.call, needs_grad)?;
        let tensor = |needs_grad: bool, gradient: Vec<f64>, like: &Tensor| {
            let on_device = |gradient: Vec<f64>| {
                let gradient = Tensor::from_vec(gradient, like.shape(), &Device::Cpu)?;
                gradient.to_dtype(like.dtype())?.to_device(like.device())
            };
            needs_grad.then(|| on_device(gradient)).transpose()
        };
        Ok([tensor(needs_grad.inputs, dx, inputs)?, tensor(needs_grad.weights, dw, weights)?])
    }
}
