//! Adam.

use super::clip::is_finite;
use super::moments::{Moments, Rates};
use super::{Resume, state, variables};
use crate::error::{Error, Result};
use candle_core::backprop::GradStore;
use candle_core::{DType, Tensor, Var};
use candle_nn::{Optimizer, VarMap};
use std::collections::HashMap;

/// Adam without weight decay (Kingma and Ba, arXiv:1412.6980), as candle's [`Optimizer`].
///
/// A step is one pass over each variable on the CPU, shared out among threads where variables are large; elsewhere it is candle's
/// operations. Variables in F16 and BF16 are trained through copies in F32, or steps smaller than their rounding would be lost. Moments have the dtype of what is
/// trained. Variables that have no gradient are left alone, as are their moments.
///
/// [`from_varmap`](Self::from_varmap) knows the variables' names, in its errors and in the [state](Resume) that it saves; candle's own
/// [`new`](Optimizer::new) does not.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::{Init, Optimizer, VarBuilder, VarMap};
/// use candlewick::optim::{Adam, AdamConfig};
///
/// let varmap = VarMap::new();
/// let vb = VarBuilder::from_varmap(&varmap, DType::F64, &Device::Cpu);
/// let x = vb.get_with_hints((), "x", Init::Const(3.0))?;
/// let mut adam = Adam::from_varmap(&varmap, AdamConfig { learning_rate: 0.1, ..Default::default() })?;
/// for _ in 0..300 {
///     adam.backward_step(&(&x - 1.0)?.sqr()?)?;
/// }
/// assert!((x.to_scalar::<f64>()? - 1.0).abs() < 1e-3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    /// Decay of the mean of their squares, in [0, 1). Default 0.999.
    pub beta2: f64,
    /// What is added to the root of the second moment, above 0. Default 1e-8.
    pub epsilon: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { learning_rate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

impl AdamConfig {
    /// The defaults with another size of steps.
    pub fn with_learning_rate(learning_rate: f64) -> Self {
        Self { learning_rate, ..Self::default() }
    }

    fn check(self) -> Result<Self> {
        let decay = |value: f64| (0.0..1.0).contains(&value);
        let rows = [
            ("learning_rate", self.learning_rate, self.learning_rate >= 0.0, "a finite number from 0 on"),
            ("beta1", self.beta1, decay(self.beta1), "in [0, 1)"),
            ("beta2", self.beta2, decay(self.beta2), "in [0, 1)"),
            ("epsilon", self.epsilon, self.epsilon > 0.0, "a finite number above 0"),
        ];
        match rows.into_iter().find(|&(_, value, fits, _)| !(fits && value.is_finite())) {
            None => Ok(self),
            Some((setting, value, _, allowed)) => Err(Error::Setting { of: "Adam", setting, value, allowed }),
        }
    }
}

/// A variable with what Adam knows of it.
#[derive(Debug)]
struct Entry {
    name: Option<String>,
    var: Var,
    /// For a variable in F16 or BF16: what is trained in its stead.
    copy: Option<Var>,
    moments: Moments,
}

impl Entry {
    fn new(name: Option<String>, var: Var) -> Result<Self> {
        let copy = match var.dtype() {
            DType::F16 | DType::BF16 => Some(Var::from_tensor(&var.to_dtype(DType::F32)?)?),
            _ => None,
        };
        let trained = copy.as_ref().unwrap_or(&var);
        let zeros = trained.zeros_like()?;
        let moments = Moments::new(trained, &zeros, &zeros)?;
        Ok(Self { name, var, copy, moments })
    }

    fn trained(&self) -> &Var {
        self.copy.as_ref().unwrap_or(&self.var)
    }

    /// The name, or its index where there is none.
    fn describe(&self, index: usize) -> String {
        self.name.clone().unwrap_or_else(|| format!("variable {index}"))
    }

    fn step(&mut self, gradient: &Tensor, rates: Rates) -> Result<()> {
        let Self { var, copy: Some(copy), moments, .. } = self else {
            return self.moments.step(&self.var, gradient, rates);
        };
        // Where somebody has set the variable since, the copy starts from there.
        let is_ours = copy.to_dtype(var.dtype())?.eq(var.as_tensor())?;
        copy.set(&is_ours.where_cond(copy.as_tensor(), &var.to_dtype(DType::F32)?)?)?;
        moments.step(copy, &gradient.to_dtype(DType::F32)?, rates)?;
        Ok(var.set(&copy.to_dtype(var.dtype())?)?)
    }
}

impl Adam {
    /// An optimiser for all variables of a map, by name.
    ///
    /// # Errors
    /// Settings out of range; a variable that is no float.
    pub fn from_varmap(varmap: &VarMap, config: AdamConfig) -> Result<Self> {
        let named = variables(varmap)?.into_iter().map(|(name, var)| (Some(name), var));
        Self::with_entries(named, config)
    }

    fn with_entries(vars: impl IntoIterator<Item = (Option<String>, Var)>, config: AdamConfig) -> Result<Self> {
        let config = config.check()?;
        let entries = vars.into_iter().map(|(name, var)| Entry::new(name, var)).collect::<Result<_>>()?;
        Ok(Self { entries, config, steps: 0 })
    }

    /// A step along gradients.
    ///
    /// # Errors
    /// Settings out of range; a gradient that is not finite, with the variable's name: all variables are as before then. (Finding that out
    /// waits for the device, if it is a GPU.)
    pub fn try_step(&mut self, gradients: &GradStore) -> Result<()> {
        let AdamConfig { learning_rate, beta1, beta2, epsilon } = self.config.check()?;
        for (index, entry) in self.entries.iter().enumerate() {
            if let Some(gradient) = gradients.get(&entry.var)
                && !is_finite(gradient)?
            {
                return Err(Error::GradientNotFinite { name: entry.describe(index) });
            }
        }
        self.steps += 1;
        let correction = |beta: f64| 1.0 - beta.powf(self.steps as f64);
        let (step, root) = (learning_rate / correction(beta1), 1.0 / correction(beta2).sqrt());
        let rates = Rates { step, beta1, beta2, root, epsilon };
        for entry in &mut self.entries {
            if let Some(gradient) = gradients.get(&entry.var) {
                entry.step(gradient, rates)?;
            }
        }
        Ok(())
    }

    /// Steps taken so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The options.
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

/// Of each variable: its moments, and for F16 and BF16 what is trained in its stead.
const PARTS: [&str; 3] = ["first", "second", "copy"];

impl Resume for Adam {
    fn state(&self) -> Result<HashMap<String, Tensor>> {
        let mut state = HashMap::new();
        state::put_steps(&mut state, self.steps)?;
        for (index, entry) in self.entries.iter().enumerate() {
            let name = entry.name.as_ref().ok_or(Error::Unnamed { index })?;
            let [first, second] = entry.moments.tensors(entry.trained())?;
            let copy = entry.copy.as_ref().map(|copy| copy.copy()).transpose()?;
            for (part, tensor) in PARTS.iter().zip([Some(first), Some(second), copy]) {
                state.extend(tensor.map(|tensor| (format!("{part}.{name}"), tensor)));
            }
        }
        Ok(state)
    }

    fn restore(&mut self, state: &HashMap<String, Tensor>) -> Result<()> {
        let steps = state::steps(state)?;
        let mut restored = Vec::with_capacity(self.entries.len());
        for (index, entry) in self.entries.iter().enumerate() {
            let name = entry.name.as_ref().ok_or(Error::Unnamed { index })?;
            let trained = entry.trained();
            let part = |part: &str| state::get(state, &format!("{part}.{name}"), trained.shape(), trained.dtype());
            let moments = Moments::new(trained, part(PARTS[0])?, part(PARTS[1])?)?;
            restored.push((moments, entry.copy.as_ref().map(|_| part(PARTS[2])).transpose()?));
        }
        for (entry, (moments, copy)) in self.entries.iter_mut().zip(restored) {
            entry.moments = moments;
            if let (Some(of), Some(copy)) = (&entry.copy, copy) {
                of.set(&copy.to_device(of.device())?)?;
            }
        }
        self.steps = steps;
        Ok(())
    }
}
