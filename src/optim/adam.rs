//! The optimiser Adam.

use super::clip::without_square;
use super::moments::{Moments, Rates};
use super::{Resume, require_entries, state, variables};
use crate::__private::NonExhaustive;
use crate::error::{Error, Result, TensorError, TrainingError};
use crate::limits::check_copies;
use candle_core::backprop::GradStore;
use candle_core::{DType, Tensor, Var};
use candle_nn::{Optimizer, VarMap};
use std::collections::HashMap;

/// Adam (Kingma and Ba, arXiv:1412.6980), as candle's [`Optimizer`]. With [`AdamConfig::weight_decay`] it is AdamW
/// (Loshchilov and Hutter, arXiv:1711.05101), as in PyTorch and candle-nn.
///
/// A step is one pass over each variable on the CPU; threads share large variables. On other devices a step is candle's
/// operations. Variables in F16 and BF16 are trained through copies in F32: otherwise steps smaller than their rounding
/// would be lost. Moments have the dtype of the trained tensor. Variables without a gradient do not change, and neither
/// do their moments. Each variable has its own number of steps, which corrects its moments. A step in which no variable
/// has a gradient is an error: the loss does not depend on any of them, or an operation in between has no derivative.
///
/// [`from_varmap`](Self::from_varmap) and [`with_variables`](Self::with_variables) know the variables' names, for
/// errors and for the saved [state](Resume). candle's [`Optimizer::new`] does not.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::{Init, Optimizer, VarBuilder, VarMap};
/// use candlewick::optim::{Adam, AdamConfig};
///
/// let varmap = VarMap::new();
/// let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
/// let x = vb.get_with_hints((), "x", Init::Const(3.0))?;
/// let mut adam =
///     Adam::from_varmap(&varmap, AdamConfig { learning_rate: 0.1, ..Default::default() })?;
/// for _ in 0..300 {
///     adam.backward_step(&(&x - 1.0)?.sqr()?)?;
/// }
/// assert!((x.to_scalar::<f64>()? - 1.0).abs() < 1e-3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Optimizer`]: https://docs.rs/candle-nn/latest/candle_nn/optim/trait.Optimizer.html
/// [`Optimizer::new`]: https://docs.rs/candle-nn/latest/candle_nn/optim/trait.Optimizer.html#tymethod.new
#[derive(Debug)]
pub struct Adam {
    entries: Vec<Entry>,
    config: AdamConfig,
    steps: u64,
}

/// Options of [`Adam`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamConfig {
    /// Size of a step, from 0. Default 0.001.
    pub learning_rate: f64,
    /// Decay of the mean of gradients, in [0, 1). Default 0.9.
    pub beta1: f64,
    /// Decay of the mean of squared gradients, in [0, 1). Default 0.999.
    pub beta2: f64,
    /// Number that is added to the root of the second moment, above 0. Default 1e-8.
    pub epsilon: f64,
    /// Decoupled weight decay, from 0: each step first multiplies a variable that has a gradient by
    /// `1 - learning_rate * weight_decay`. Default 0.
    pub weight_decay: f64,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self {
            learning_rate: 0.001,
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
            non_exhaustive: NonExhaustive(()),
        }
    }
}

impl AdamConfig {
    /// Returns the default options with another step size.
    pub fn with_learning_rate(learning_rate: f64) -> Self {
        Self { learning_rate, ..Self::default() }
    }

    /// Returns the options that belong to a saved state.
    fn saved(self) -> [state::SavedOption; 4] {
        let Self { beta1, beta2, epsilon, weight_decay, .. } = self;
        [("beta1", beta1), ("beta2", beta2), ("epsilon", epsilon), ("weight_decay", weight_decay)]
    }

    /// Checks the ranges of the options, in F32 as well if `single`: a variable is then trained in F32.
    fn check(self, single: bool) -> Result<Self> {
        let used = |value: f64| if single { f64::from(value as f32) } else { value };
        let decay = |value: f64| (0.0..1.0).contains(&value);
        let rows = [
            ("learning_rate", self.learning_rate, used(self.learning_rate) >= 0.0, "a finite number from 0 on"),
            ("beta1", self.beta1, decay(self.beta1), "in [0, 1)"),
            ("beta2", self.beta2, decay(self.beta2), "in [0, 1)"),
            ("epsilon", self.epsilon, used(self.epsilon) > 0.0, "a finite number above 0, in the variables' dtype"),
            ("weight_decay", self.weight_decay, used(self.weight_decay) >= 0.0, "a finite number from 0 on"),
        ];
        match rows.into_iter().find(|&(_, value, fits, _)| !(fits && used(value).is_finite())) {
            None => Ok(self),
            Some((setting, value, _, allowed)) => Err(Error::Setting { of: "Adam", setting, value, allowed }),
        }
    }
}

/// Variable with its moments and its number of steps.
#[derive(Debug)]
struct Entry {
    name: Option<String>,
    var: Var,
    /// Copy in F32 that is trained, for a variable in F16 or BF16.
    copy: Option<Var>,
    moments: Moments,
    /// Number of gradients that the variable has had.
    steps: u64,
}

impl Entry {
    fn new(name: Option<String>, var: Var) -> Result<Self> {
        let copy = match var.dtype() {
            DType::F16 | DType::BF16 => Some(Var::from_tensor(&var.to_dtype(DType::F32)?)?),
            _ => None,
        };
        let trained = copy.as_ref().unwrap_or(&var);
        // Both moments, and the zeros that they begin with.
        check_copies("the moments of Adam", trained, trained.dtype(), 3)?;
        let zeros = trained.zeros_like()?;
        let moments = Moments::new(trained, &zeros, &zeros)?;
        Ok(Self { name, var, copy, moments, steps: 0 })
    }

    fn trained(&self) -> &Var {
        self.copy.as_ref().unwrap_or(&self.var)
    }

    /// Returns the name, or the index if there is no name.
    fn describe(&self, index: usize) -> String {
        self.name.clone().unwrap_or_else(|| format!("variable {index}"))
    }

    /// Checks shape and dtype of a gradient, but not its numbers.
    fn check(&self, index: usize, gradient: &Tensor) -> Result<()> {
        let (expected, actual) = (self.var.shape(), gradient.shape());
        if expected != actual {
            let (expected, actual) = (expected.clone(), actual.clone());
            return Err(Error::Tensor(TensorError::Shape { what: "the gradient of a variable", expected, actual }));
        }
        let (expected, actual) = (self.var.dtype(), gradient.dtype());
        if expected != actual {
            let what = format!("the gradient of weight tensor `{}`", self.describe(index));
            return Err(Error::Tensor(TensorError::DTypeMismatch { what, expected, actual }));
        }
        Ok(())
    }

    fn step(&mut self, gradient: &Tensor, config: AdamConfig) -> Result<()> {
        self.steps += 1;
        let AdamConfig { learning_rate, beta1, beta2, epsilon, weight_decay, .. } = config;
        let correction = |beta: f64| 1.0 - beta.powf(self.steps as f64);
        let (step, root) = (learning_rate / correction(beta1), 1.0 / correction(beta2).sqrt());
        let rates = Rates { keep: 1.0 - learning_rate * weight_decay, step, beta1, beta2, root, epsilon };
        let Self { var, copy: Some(copy), moments, .. } = self else {
            return self.moments.step(&self.var, gradient, rates);
        };
        // If the caller has set the variable since the last step, the copy starts from the new value.
        let is_ours = copy.to_dtype(var.dtype())?.eq(var.as_tensor())?;
        copy.set(&is_ours.where_cond(copy.as_tensor(), &var.to_dtype(DType::F32)?)?)?;
        moments.step(copy, &gradient.to_dtype(DType::F32)?, rates)?;
        Ok(var.set(&copy.to_dtype(var.dtype())?)?)
    }
}

impl Adam {
    /// Makes an optimiser for all variables of a map, by name.
    ///
    /// # Errors
    /// Settings out of range; a variable that is no float; no variables, or none with an entry.
    pub fn from_varmap(varmap: &VarMap, config: AdamConfig) -> Result<Self> {
        let named = variables(varmap)?.into_iter().map(|(name, var)| (Some(name), var));
        Self::with_entries(named, config)
    }

    /// Makes an optimiser for some variables, under names of their own. It serves different step sizes for different
    /// variables, and variables that are not trained.
    ///
    /// # Errors
    /// The errors of [`from_varmap`](Self::from_varmap).
    pub fn with_variables(vars: impl IntoIterator<Item = (String, Var)>, config: AdamConfig) -> Result<Self> {
        Self::with_entries(vars.into_iter().map(|(name, var)| (Some(name), var)), config)
    }

    fn with_entries(vars: impl IntoIterator<Item = (Option<String>, Var)>, config: AdamConfig) -> Result<Self> {
        let entries = vars.into_iter().map(|(name, var)| Entry::new(name, var)).collect::<Result<_>>()?;
        let adam = Self { entries, config, steps: 0 };
        require_entries("Adam", adam.entries.iter().map(|entry| &entry.var))?;
        adam.check()?;
        Ok(adam)
    }

    /// Returns the options if they are in range for all variables.
    fn check(&self) -> Result<AdamConfig> {
        self.config.check(self.entries.iter().any(|entry| entry.trained().dtype() == DType::F32))
    }

    /// Takes a step along gradients. After an error all variables are as before. On a GPU the checks wait for the
    /// device.
    ///
    /// # Errors
    /// Gradients without any of the variables; settings out of range; a gradient of another shape or dtype than its
    /// variable; a gradient that is not finite or too large to be squared.
    pub fn try_step(&mut self, gradients: &GradStore) -> Result<()> {
        let config = self.check()?;
        let mut found = Vec::new();
        for (index, entry) in self.entries.iter().enumerate() {
            if let Some(gradient) = gradients.get(&entry.var) {
                entry.check(index, gradient)?;
                found.push((index, gradient));
            }
        }
        if found.is_empty() {
            let trained = self.entries.iter().enumerate().filter(|(_, entry)| entry.var.elem_count() > 0);
            let variables = trained.map(|(index, entry)| entry.describe(index)).collect();
            return Err(Error::Training(TrainingError::NoVariableGradient { of: "Adam", variables }));
        }
        let tensors: Vec<&Tensor> = found.iter().map(|(_, gradient)| *gradient).collect();
        if let Some(at) = without_square(&tensors)? {
            let index = found[at].0;
            return Err(Error::Training(TrainingError::GradientNotFinite {
                name: self.entries[index].describe(index),
            }));
        }
        for entry in &mut self.entries {
            gradients.get(&entry.var).map_or(Ok(()), |gradient| entry.step(gradient, config))?;
        }
        self.steps += 1;
        Ok(())
    }

    /// Returns the number of steps so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns the options.
    pub fn config(&self) -> AdamConfig {
        self.config
    }
}

impl Optimizer for Adam {
    type Config = AdamConfig;

    fn new(vars: Vec<Var>, config: AdamConfig) -> candle_core::Result<Self> {
        Ok(Self::with_entries(vars.into_iter().map(|var| (None, var)), config)?)
    }

    fn step(&mut self, gradients: &GradStore) -> candle_core::Result<()> {
        Ok(self.try_step(gradients)?)
    }

    fn learning_rate(&self) -> f64 {
        self.config.learning_rate
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.config.learning_rate = learning_rate;
    }
}

/// Names of the tensors of a variable: its moments, and the copy of a variable in F16 or BF16.
const PARTS: [&str; 3] = ["first", "second", "copy"];

impl Resume for Adam {
    fn state(&self) -> Result<HashMap<String, Tensor>> {
        let mut state = HashMap::new();
        state::put_steps(&mut state, state::STEPS, self.steps)?;
        state::put_options(&mut state, &self.config.saved())?;
        for (index, entry) in self.entries.iter().enumerate() {
            let name = entry.name.as_ref().ok_or(Error::Training(TrainingError::Unnamed { index }))?;
            state::put_steps(&mut state, &format!("{}.{name}", state::STEPS), entry.steps)?;
            let [first, second] = entry.moments.tensors(entry.trained())?;
            let copy = entry.copy.as_ref().map(|copy| copy.copy()).transpose()?;
            for (part, tensor) in PARTS.iter().zip([Some(first), Some(second), copy]) {
                state.extend(tensor.map(|tensor| (format!("{part}.{name}"), tensor)));
            }
        }
        Ok(state)
    }

    fn restore(&mut self, state: &HashMap<String, Tensor>) -> Result<()> {
        let steps = state::step_count(state, state::STEPS)?;
        state::check_options(state, &self.config.saved())?;
        let mut restored = Vec::with_capacity(self.entries.len());
        for (index, entry) in self.entries.iter().enumerate() {
            let name = entry.name.as_ref().ok_or(Error::Training(TrainingError::Unnamed { index }))?;
            let trained = entry.trained();
            let part = |part: &str, least: f64| {
                let name = format!("{part}.{name}");
                let tensor = state::named_state(state, &name, trained.shape(), trained.dtype())?;
                state::check_entries(&name, tensor, least).map(|()| tensor)
            };
            let moments = Moments::new(trained, part(PARTS[0], f64::MIN)?, part(PARTS[1], 0.0)?)?;
            let of_steps = format!("{}.{name}", state::STEPS);
            let own = state::step_count(state, &of_steps)?;
            if own > steps {
                let (expected, actual) = (format!("at most {steps} steps"), format!("{own} steps"));
                return Err(Error::Training(TrainingError::SavedState { name: of_steps, expected, actual }));
            }
            restored.push((moments, entry.copy.as_ref().map(|_| part(PARTS[2], f64::MIN)).transpose()?, own));
        }
        for (entry, (moments, copy, own)) in self.entries.iter_mut().zip(restored) {
            (entry.moments, entry.steps) = (moments, own);
            if let (Some(of), Some(copy)) = (&entry.copy, copy) {
                of.set(&copy.to_device(of.device())?)?;
            }
        }
        self.steps = steps;
        Ok(())
    }
}
