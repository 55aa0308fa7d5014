//! The limited-memory quasi-Newton method L-BFGS.

use super::line_search::{LineSearch, Point};
use super::{require_entries, require_gradient, variables, weight_not_finite};
use crate::__private::NonExhaustive;
use crate::error::{Error, Result, TensorError, TrainingError};
use crate::memory::check_numbers;
use crate::numbers::host_numbers;
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarMap;
use std::collections::VecDeque;

/// Minimises a smooth loss without noise by L-BFGS with a line search for the strong Wolfe conditions (Nocedal and
/// Wright, Numerical Optimization, algorithms 7.4, 7.5, 3.5 and 3.6).
///
/// The closure computes the loss of the whole problem at the present variables, so batches, finite shots and dropout do
/// not fit. Where it fits, for instance for the energy of a molecule, it needs far fewer evaluations than Adam. All
/// numbers of the method are F64 on the host, whatever the variables' dtype and device.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::VarMap;
/// use candlewick::nn::SeededInit;
/// use candlewick::optim::{Lbfgs, LbfgsConfig};
/// use candlewick::prelude::*;
///
/// let mut circuit = Circuit::new(2);
/// circuit.real_amplitudes("w", 1, Entanglement::Linear);
/// let varmap = VarMap::new();
/// let vb = SeededInit::new(1).var_builder(&varmap, DType::F64, &Device::Cpu);
/// let layer =
///     QuantumLayer::new(circuit, Measurement::expectation([Z(0) * Z(1) + 0.5 * X(0)]), vb)?;
/// let mut lbfgs = Lbfgs::from_varmap(&varmap, LbfgsConfig::default())?;
/// let found = lbfgs.minimize(|| layer.evaluate()?.sum_all())?;
/// assert!(found.converged());
/// assert!((found.loss + 1.25f64.sqrt()).abs() < 1e-8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Lbfgs {
    variables: Vec<(String, Var)>,
    config: LbfgsConfig,
}

/// Options of [`Lbfgs`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LbfgsConfig {
    /// Largest number of steps, each with a line search. Default 1000.
    pub steps: usize,
    /// Euclidean norm of the gradient in all variables, from 0, at or below which a run has converged. Default 1e-5.
    pub gradient_tolerance: f64,
    /// Number of steps, at least 1, whose changes of point and gradient make the model of the loss. Default 10.
    pub history_size: usize,
    /// Largest number of evaluations of the loss in a line search, at least 1. Default 25.
    pub line_search_evaluations: usize,
    /// Part of the decrease that the slope promises that a step must bring, above 0 and below
    /// [`curvature`](Self::curvature): Wolfe's `c1`. Default 1e-4.
    pub sufficient_decrease: f64,
    /// Part of the slope at the start that may be left at the end of a step, below 1: Wolfe's `c2`. Default 0.9.
    pub curvature: f64,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for LbfgsConfig {
    fn default() -> Self {
        Self {
            steps: 1000,
            gradient_tolerance: 1e-5,
            history_size: 10,
            line_search_evaluations: 25,
            sufficient_decrease: 1e-4,
            curvature: 0.9,
            non_exhaustive: NonExhaustive(()),
        }
    }
}

impl LbfgsConfig {
    fn check(self) -> Result<Self> {
        let tolerance = self.gradient_tolerance.is_finite() && self.gradient_tolerance >= 0.0;
        let order = self.sufficient_decrease > 0.0 && self.sufficient_decrease < self.curvature;
        let rows = [
            ("gradient_tolerance", self.gradient_tolerance, tolerance, "a finite number from 0 on"),
            ("history_size", self.history_size as f64, self.history_size > 0, "at least 1"),
            (
                "line_search_evaluations",
                self.line_search_evaluations as f64,
                self.line_search_evaluations > 0,
                "at least 1",
            ),
            ("sufficient_decrease", self.sufficient_decrease, order, "above 0 and below the curvature"),
            ("curvature", self.curvature, self.curvature < 1.0, "below 1"),
        ];
        match rows.into_iter().find(|&(_, _, fits, _)| !fits) {
            None => Ok(self),
            Some((setting, value, _, allowed)) => Err(Error::Setting { of: "L-BFGS", setting, value, allowed }),
        }
    }
}

/// Reason for which a run of [`Lbfgs`] ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LbfgsStopReason {
    /// The gradient is within [`LbfgsConfig::gradient_tolerance`]. At the start this may be a maximum or a saddle point.
    Gradient,
    /// Completion of all steps.
    Steps,
    /// A line search that found no lower loss. The loss has noise or a kink, the gradient is not its gradient, or further
    /// decreases are smaller than its rounding: a tolerance of 0 always ends so.
    LineSearch,
}

/// Point that [`Lbfgs::minimize`] found; the variables are there.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LbfgsResult {
    /// Loss at the end, the lowest of all steps.
    pub loss: f64,
    /// Euclidean norm of the gradient at the end.
    pub gradient_norm: f64,
    /// Losses before each step, and after the last.
    pub losses: Vec<f64>,
    /// Number of evaluations of the loss, each with its gradient.
    pub evaluations: usize,
    /// Reason for which the run ended.
    pub stop_reason: LbfgsStopReason,
}

impl LbfgsResult {
    /// Returns whether the gradient is within the tolerance.
    pub fn converged(&self) -> bool {
        self.stop_reason == LbfgsStopReason::Gradient
    }
}

impl Lbfgs {
    /// Makes an optimiser for all variables of a map.
    ///
    /// # Errors
    /// Settings out of range; no variables, or none with an entry; a variable that is neither F32 nor F64, because short
    /// steps would be lost in its rounding.
    pub fn from_varmap(varmap: &VarMap, config: LbfgsConfig) -> Result<Self> {
        let mut variables = variables(varmap)?;
        variables.retain(|(_, var)| var.elem_count() > 0);
        for (name, var) in &variables {
            if !matches!(var.dtype(), DType::F32 | DType::F64) {
                let what = format!("variable `{name}`");
                return Err(Error::Tensor(TensorError::UnsupportedDType { what, dtype: var.dtype() }));
            }
        }
        require_entries("L-BFGS", variables.iter().map(|(_, var)| var))?;
        Ok(Self { variables, config: config.check()? })
    }

    /// Minimises the loss, a tensor of one entry, from the present variables. After an error the variables are the
    /// variables of the last step.
    ///
    /// # Errors
    /// Errors of the loss; a loss of another size; a loss or a gradient that is not finite at the start, or the weight
    /// that is its cause (at a point of a line search it ends the interval, as a barrier does); points and steps beyond
    /// the memory; a loss without a gradient in any of the variables.
    pub fn minimize(&self, loss: impl FnMut() -> candle_core::Result<Tensor>) -> Result<LbfgsResult> {
        let mut run = Run { lbfgs: self, loss, evaluations: 0 };
        let mut at = run.evaluate().map_err(|error| match error {
            Error::Training(TrainingError::LossNotFinite { .. } | TrainingError::GradientNotFinite { .. }) => {
                weight_not_finite(&self.variables).ok().flatten().unwrap_or(error)
            }
            error => error,
        })?;
        let (mut losses, mut history) = (vec![at.loss], Curvature::new(self.config.history_size));
        let stop_reason = loop {
            if norm(&at.gradient) <= self.config.gradient_tolerance {
                break LbfgsStopReason::Gradient;
            }
            if losses.len() > self.config.steps {
                break LbfgsStopReason::Steps;
            }
            let Some(next) = run.advance(&at, &mut history)? else { break LbfgsStopReason::LineSearch };
            history.push(&at, &next)?;
            losses.push(next.loss);
            at = next;
        };
        let (evaluations, gradient_norm) = (run.evaluations, norm(&at.gradient));
        Ok(LbfgsResult { loss: at.loss, gradient_norm, losses, evaluations, stop_reason })
    }

    /// Returns the options.
    pub fn config(&self) -> LbfgsConfig {
        self.config
    }

    /// Checks a loss at the present variables, and its gradients, and returns them as numbers.
    fn evaluated(&self, loss: f64, store: &GradStore) -> Result<Evaluated> {
        require_gradient("L-BFGS", &self.variables, store)?;
        let (mut place, mut gradient) = (Vec::new(), Vec::new());
        for (name, var) in &self.variables {
            place.extend(host_numbers(var)?);
            let own = store.get(var).map_or_else(|| Ok(vec![0.0; var.elem_count()]), host_numbers)?;
            if !own.iter().all(|slope| slope.is_finite()) {
                return Err(Error::Training(TrainingError::GradientNotFinite { name: name.clone() }));
            }
            gradient.extend(own);
        }
        Ok(Evaluated { place, loss, gradient })
    }
}

/// Steps of a run whose caller evaluates the loss before each step.
#[derive(Debug)]
pub(crate) struct LbfgsSteps {
    lbfgs: Lbfgs,
    history: Curvature,
    last: Option<Evaluated>,
}

impl LbfgsSteps {
    pub(crate) fn new(lbfgs: Lbfgs) -> Self {
        Self { history: Curvature::new(lbfgs.config.history_size), lbfgs, last: None }
    }

    /// Takes a step from the present variables, with their loss and gradients. Returns whether there is a step to a
    /// lower loss.
    pub(crate) fn step(
        &mut self,
        at: f64,
        gradients: &GradStore,
        loss: impl FnMut() -> candle_core::Result<Tensor>,
    ) -> Result<bool> {
        let at = self.lbfgs.evaluated(at, gradients)?;
        if let Some(last) = &self.last {
            self.history.push(last, &at)?;
        }
        let next = Run { lbfgs: &self.lbfgs, loss, evaluations: 1 }.advance(&at, &mut self.history)?;
        self.last = Some(at);
        Ok(next.is_some())
    }
}

/// Point in all variables, with loss and gradient.
#[derive(Debug, Clone)]
struct Evaluated {
    place: Vec<f64>,
    loss: f64,
    gradient: Vec<f64>,
}

/// Variables and the loss of a run.
struct Run<'a, F> {
    lbfgs: &'a Lbfgs,
    loss: F,
    evaluations: usize,
}

impl<F: FnMut() -> candle_core::Result<Tensor>> Run<'_, F> {
    /// Evaluates the loss at the present variables.
    fn evaluate(&mut self) -> Result<Evaluated> {
        self.evaluations += 1;
        let value = (self.loss)()?;
        if value.elem_count() != 1 {
            let (what, expected, actual) = ("the loss of L-BFGS", 1.into(), value.shape().clone());
            return Err(Error::Tensor(TensorError::Shape { what, expected, actual }));
        }
        let loss = host_numbers(&value)?[0];
        if !loss.is_finite() {
            let (of, evaluation) = ("L-BFGS", self.evaluations);
            return Err(Error::Training(TrainingError::LossNotFinite { of, evaluation, loss }));
        }
        self.lbfgs.evaluated(loss, &value.backward()?)
    }

    /// Takes a step; without a lower loss in the direction of the model, in the direction of steepest descent.
    fn advance(&mut self, from: &Evaluated, history: &mut Curvature) -> Result<Option<Evaluated>> {
        let found = self.step(from, history)?;
        if found.is_some() || history.is_empty() {
            return Ok(found);
        }
        history.clear();
        self.step(from, history)
    }

    /// Sets the variables.
    fn place(&self, at: &[f64]) -> Result<()> {
        let mut rest = at;
        for (_, var) in &self.lbfgs.variables {
            let (own, behind) = rest.split_at(var.elem_count());
            rest = behind;
            let own = Tensor::from_slice(own, var.shape(), &Device::Cpu)?;
            var.set(&own.to_dtype(var.dtype())?.to_device(var.device())?)?;
        }
        Ok(())
    }

    /// Searches along the direction of the model and moves the variables. Without a lower loss, and after an error, they
    /// are where they were.
    fn step(&mut self, from: &Evaluated, history: &Curvature) -> Result<Option<Evaluated>> {
        let along = history.direction(&from.gradient);
        // Steepest descent has no natural length: at most a step of length 1, a radian for circuits.
        let first = if history.is_empty() { (1.0 / norm(&along)).min(1.0) } else { 1.0 };
        let found = self.search(from, &along, first);
        match &found {
            Ok(Some(next)) => self.place(&next.place)?,
            Ok(None) | Err(_) => self.place(&from.place)?,
        }
        found
    }

    fn search(&mut self, from: &Evaluated, along: &[f64], first: f64) -> Result<Option<Evaluated>> {
        let LbfgsConfig { sufficient_decrease, curvature, line_search_evaluations, .. } = self.lbfgs.config;
        let start = Point { step: 0.0, loss: from.loss, slope: dot(&from.gradient, along) };
        if start.slope.is_nan() || start.slope >= 0.0 {
            return Ok(None);
        }
        let search = LineSearch { start, sufficient_decrease, curvature, evaluations: line_search_evaluations };
        let mut seen: Vec<(f64, Evaluated)> = Vec::new();
        let chosen = search.run(first, |step| {
            let place: Vec<f64> = from.place.iter().zip(along).map(|(at, along)| at + step * along).collect();
            self.place(&place)?;
            check_numbers("a point of a line search", (place.len() as u64).checked_mul(2))?;
            let at = match self.evaluate() {
                Err(Error::Training(TrainingError::LossNotFinite { .. } | TrainingError::GradientNotFinite { .. })) => {
                    return Ok(Point { step, loss: f64::INFINITY, slope: f64::NAN });
                }
                at => at?,
            };
            let point = Point { step, loss: at.loss, slope: dot(&at.gradient, along) };
            seen.push((step, at));
            Ok(point)
        })?;
        let chosen = chosen.map(|chosen| chosen.step);
        Ok(seen.into_iter().find(|(step, _)| Some(*step) == chosen).map(|(_, at)| at))
    }
}

/// Last changes of place and gradient: a model of the loss's curvature.
#[derive(Debug)]
struct Curvature {
    pairs: VecDeque<Pair>,
    most: usize,
}

#[derive(Debug)]
struct Pair {
    place: Vec<f64>,
    gradient: Vec<f64>,
    /// One over the product of both.
    inverse: f64,
}

impl Curvature {
    fn new(most: usize) -> Self {
        Self { pairs: VecDeque::new(), most }
    }

    fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    fn clear(&mut self) {
        self.pairs.clear();
    }

    /// Adds a step, unless the slope has not grown along it: the model would not have a lowest point.
    fn push(&mut self, from: &Evaluated, to: &Evaluated) -> Result<()> {
        check_numbers("a step that L-BFGS remembers", (from.place.len() as u64).checked_mul(2))?;
        let change = |to: &[f64], from: &[f64]| to.iter().zip(from).map(|(to, from)| to - from).collect::<Vec<_>>();
        let (place, gradient) = (change(&to.place, &from.place), change(&to.gradient, &from.gradient));
        let product = dot(&place, &gradient);
        if product > f64::EPSILON * norm(&place) * norm(&gradient) && (1.0 / product).is_finite() {
            if self.pairs.len() == self.most {
                self.pairs.pop_front();
            }
            self.pairs.push_back(Pair { place, gradient, inverse: 1.0 / product });
        }
        Ok(())
    }

    /// Returns the direction of the next step: the recursion of two loops.
    fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        let mut along: Vec<f64> = gradient.iter().map(|slope| -slope).collect();
        let mut factors = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let factor = pair.inverse * dot(&pair.place, &along);
            add(&mut along, -factor, &pair.gradient);
            factors.push(factor);
        }
        if let Some(last) = self.pairs.back() {
            let scale = 1.0 / (last.inverse * dot(&last.gradient, &last.gradient));
            along.iter_mut().for_each(|entry| *entry *= scale);
        }
        for (pair, factor) in self.pairs.iter().zip(factors.iter().rev()) {
            let back = pair.inverse * dot(&pair.gradient, &along);
            add(&mut along, factor - back, &pair.place);
        }
        along
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    a.iter().fold(0.0f64, |norm, entry| norm.hypot(*entry))
}

fn add(to: &mut [f64], factor: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
}
