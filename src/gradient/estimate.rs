//! The op of all methods besides the adjoint method: a computed value, and a method for its gradient.

use super::GradientMethod;
use super::Sampling;
use super::chain::Numbers;
use super::points::{Batches, Form, host_numbers};
use super::{differences, shift};
use crate::autograd::{Forward, centered};
use crate::engine::cpu::Cpu;
use crate::engine::{self, NeedsGrad};
use crate::error::{DeviceError, Error, Result};
use crate::program::Program;
use crate::sampling::shot_generator;
use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CudaStorage, CustomOp2, DType, Layout, MetalStorage, Shape, Storage, Tensor};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Method of values and gradients, with its settings.
#[derive(Debug, Clone)]
pub(crate) struct Estimator {
    cpu: Cpu,
    /// Method of the gradients; never [`GradientMethod::Auto`].
    method: GradientMethod,
    /// Sampling of a finite number of shots, or `None` for exact values.
    sampling: Option<Arc<Sampling>>,
    /// Counter of calls: each call has random numbers of its own.
    calls: Arc<AtomicU64>,
}

/// Op of an estimated value; see the module.
#[derive(Debug)]
struct Estimate {
    value: Tensor,
    estimator: Estimator,
    program: Arc<Program>,
    call: u64,
}

impl Estimator {
    /// Returns the estimator of exact values, with gradients by the adjoint method.
    pub(crate) fn exact(cpu: Cpu) -> Self {
        Self { cpu, method: GradientMethod::Adjoint, sampling: None, calls: Arc::default() }
    }

    pub(crate) fn new(cpu: Cpu, method: GradientMethod, sampling: Option<Sampling>) -> Result<Self> {
        let method = method.resolve(sampling.is_some())?;
        Ok(Self { method, sampling: sampling.map(Arc::new), ..Self::exact(cpu) })
    }

    pub(crate) fn cpu(&self) -> Cpu {
        self.cpu
    }

    /// Returns the same estimator with a memory limit that is smaller by `bytes`.
    pub(super) fn beside(&self, bytes: u64) -> Self {
        let memory_limit = self.cpu.memory_limit.map(|limit| limit.saturating_sub(bytes));
        Self { cpu: Cpu { memory_limit }, ..self.clone() }
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
        if self.sampling.is_none() && self.method == GradientMethod::Adjoint {
            engine::check(self.cpu, rows.device(), program, rows.dim(0)?, rows.dtype())?;
            return Forward::new(program, self.cpu).apply(rows, weights, in_graph);
        }
        let call = self.next_call();
        let value = self.values(program, Form::Shared, rows, Some(weights), (call, 0))?;
        if !in_graph || !(rows.track_op() || weights.track_op()) {
            return Ok(value);
        }
        let op = Estimate { value, estimator: self.clone(), program: Arc::clone(program), call: call + 1 };
        Ok(rows.apply_op2(weights, op)?)
    }

    /// Returns outputs `[points, outputs]`, outside any graph. `place` is the number of the call, and the number of the
    /// first point in it.
    pub(super) fn values(
        &self,
        program: &Arc<Program>,
        form: Form,
        rows: &Tensor,
        weights: Option<&Tensor>,
        place: (u64, u64),
    ) -> Result<Tensor> {
        let none = || Tensor::zeros(usize::from(!rows.device().is_cpu()), rows.dtype(), rows.device());
        let weights = weights.map_or_else(none, |weights| Ok(weights.clone()))?;
        let exact = |program: &Arc<Program>, rows: &Tensor| {
            engine::check(self.cpu, rows.device(), program, rows.dim(0)?, rows.dtype())?;
            Forward::new(program, self.cpu).apply(&rows.detach(), &weights.detach(), false)
        };
        match &self.sampling {
            None => exact(form.of(program), rows),
            Some(sampling) => sampling.values((form as usize, form.of(program)), rows, (self.cpu, place), exact),
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

impl Estimate {
    /// Returns the error for a value on another device than the arguments.
    fn elsewhere(&self) -> candle_core::Error {
        Error::Device(DeviceError::NoEngine { device: format!("{:?}", self.value.device().location()) }).into()
    }
}

impl CustomOp2 for Estimate {
    fn name(&self) -> &'static str {
        "quantum-estimate"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (storage, layout) = self.value.storage_and_layout();
        let Storage::Cpu(storage) = &*storage else { return Err(self.elsewhere()) };
        Ok((storage.try_clone(layout)?, self.value.shape().clone()))
    }

    fn cuda_fwd(
        &self,
        _: &CudaStorage,
        _: &Layout,
        _: &CudaStorage,
        _: &Layout,
    ) -> candle_core::Result<(CudaStorage, Shape)> {
        let (storage, layout) = self.value.storage_and_layout();
        let Storage::Cuda(storage) = &*storage else { return Err(self.elsewhere()) };
        Ok((storage.try_clone(layout)?, self.value.shape().clone()))
    }

    fn metal_fwd(
        &self,
        _: &MetalStorage,
        _: &Layout,
        _: &MetalStorage,
        _: &Layout,
    ) -> candle_core::Result<(MetalStorage, Shape)> {
        let (storage, layout) = self.value.storage_and_layout();
        let Storage::Metal(storage) = &*storage else { return Err(self.elsewhere()) };
        Ok((storage.try_clone(layout)?, self.value.shape().clone()))
    }

    fn bwd(
        &self,
        inputs: &Tensor,
        weights: &Tensor,
        outputs: &Tensor,
        cotangent: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let cotangent = centered(&self.program.readout, outputs, cotangent)?;
        let needs_grad = NeedsGrad { inputs: inputs.track_op(), weights: weights.track_op() };
        let arguments = (&inputs.detach(), &weights.detach(), &cotangent.detach());
        let [dx, dw] = self.estimator.gradients(&self.program, arguments, self.call, needs_grad)?;
        let tensor = |needs_grad: bool, gradient: Vec<f64>, like: &Tensor| {
            let on_device = |gradient: Vec<f64>| {
                let gradient = Tensor::from_vec(gradient, like.shape(), &candle_core::Device::Cpu)?;
                gradient.to_dtype(like.dtype())?.to_device(like.device())
            };
            needs_grad.then(|| on_device(gradient)).transpose()
        };
        Ok((tensor(needs_grad.inputs, dx, inputs)?, tensor(needs_grad.weights, dw, weights)?))
    }
}
