//! Simultaneous perturbation (SPSA).

use super::{Resume, require_entries, state, variables, weight_not_finite};
use crate::__private::NonExhaustive;
use crate::error::{Error, Result, TensorError, TrainingError};
use crate::numbers::host_numbers;
use crate::random::Generator;
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarMap;
use rand::{Rng, SeedableRng};
use std::collections::HashMap;

/// Minimises without gradients from two values of the loss in each step, whatever the number of weights (Spall, IEEE
/// Trans. Automat. Contr. 37, 332, 1992). It needs no derivatives and is made for losses with noise, such as losses of
/// finite shots.
///
/// Step `k` moves all weights by `-a_k (L(w + c_k d) - L(w - c_k d)) / (2 c_k) d`. Each entry of `d` is 1 or -1,
/// `a_k = learning_rate / (1 + k + stability_constant)^alpha` and `c_k = perturbation / (1 + k)^gamma`. Signs depend on
/// seed and step alone. A loss that does not depend on the variables does not move them. No step can distinguish such a
/// loss from a flat loss, so two equal values are no error.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::VarMap;
/// use candlewick::nn::SeededInit;
/// use candlewick::optim::{Spsa, SpsaConfig};
/// use candlewick::prelude::*;
///
/// let mut circuit = Circuit::new(2);
/// circuit.real_amplitudes("w", 1, Entanglement::Linear);
/// let varmap = VarMap::new();
/// let vb = SeededInit::new(1).var_builder(&varmap, DType::F64, &Device::Cpu);
/// let config = QuantumLayerConfig { shots: Some(1000), seed: 5, ..Default::default() };
/// let layer = QuantumLayer::with_config(
///     circuit,
///     Measurement::expectation([Z(0) * Z(1)]),
///     config,
///     vb,
/// )?;
/// let mut spsa =
///     Spsa::from_varmap(&varmap, SpsaConfig { learning_rate: 0.4, ..Default::default() })?;
/// for _ in 0..100 {
///     spsa.step(|| layer.evaluate()?.sum_all())?;
/// }
/// assert!(layer.evaluate()?.to_vec1::<f64>()?[0] < -0.9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Spsa {
    variables: Vec<(String, Var)>,
    config: SpsaConfig,
    steps: u64,
}

/// Options of [`Spsa`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpsaConfig {
    /// Factor of all steps, from 0. Default 0.2.
    pub learning_rate: f64,
    /// Distance of the first two points from the weights, entry by entry, above 0. Default 0.1.
    pub perturbation: f64,
    /// Number `A` that is added to the number of the step in `(1 + k + A)^alpha`, from 0. It keeps the first steps
    /// small; about a tenth of all steps is usual. Default 0.
    pub stability_constant: f64,
    /// Exponent by which steps shrink, from 0. Default 0.602.
    pub alpha: f64,
    /// Exponent by which perturbations shrink, from 0. Default 0.101.
    pub gamma: f64,
    /// Seed of the random signs of `d`. Default 0.
    pub seed: u64,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for SpsaConfig {
    fn default() -> Self {
        Self {
            learning_rate: 0.2,
            perturbation: 0.1,
            stability_constant: 0.0,
            alpha: 0.602,
            gamma: 0.101,
            seed: 0,
            non_exhaustive: NonExhaustive(()),
        }
    }
}

impl SpsaConfig {
    /// Returns the options that belong to a saved state; the seed in two halves, which F64 has exactly.
    fn saved(self) -> [state::SavedOption; 6] {
        let Self { perturbation, stability_constant, alpha, gamma, seed, .. } = self;
        [
            ("perturbation", perturbation),
            ("stability_constant", stability_constant),
            ("alpha", alpha),
            ("gamma", gamma),
            ("seed / 2^32", (seed >> 32) as f64),
            ("seed mod 2^32", f64::from(seed as u32)),
        ]
    }

    fn check(self) -> Result<Self> {
        let from_zero = [
            ("learning_rate", self.learning_rate),
            ("stability_constant", self.stability_constant),
            ("alpha", self.alpha),
            ("gamma", self.gamma),
        ];
        let setting = |setting, value, allowed| Error::Setting { of: "SPSA", setting, value, allowed };
        if let Some((name, value)) = from_zero.into_iter().find(|(_, value)| !(value.is_finite() && *value >= 0.0)) {
            return Err(setting(name, value, "a finite number from 0 on"));
        }
        match self.perturbation.is_finite() && self.perturbation > 0.0 {
            true => Ok(self),
            false => Err(setting("perturbation", self.perturbation, "a finite number above 0")),
        }
    }
}

impl Spsa {
    /// Makes an optimiser for all variables of a map.
    ///
    /// # Errors
    /// Settings out of range; no variables, or none with an entry; a variable that is neither F32 nor F64, because
    /// perturbations would be lost in its rounding.
    pub fn from_varmap(varmap: &VarMap, config: SpsaConfig) -> Result<Self> {
        let variables = variables(varmap)?;
        for (name, var) in &variables {
            if !matches!(var.dtype(), DType::F32 | DType::F64) {
                return Err(Error::Tensor(TensorError::UnsupportedDType {
                    what: format!("variable `{name}`"),
                    dtype: var.dtype(),
                }));
            }
        }
        require_entries("SPSA", variables.iter().map(|(_, var)| var))?;
        Ok(Self { variables, config: config.check()?, steps: 0 })
    }

    /// Takes a step: evaluates the loss, a tensor of one entry, at two points, and returns the mean of both values.
    /// After an error the weights are as before.
    ///
    /// # Errors
    /// Settings out of range; a perturbation that is lost in the rounding of all entries of a variable; errors of the
    /// loss; a loss or a step that is not finite, or the weight that is the cause of such a loss.
    pub fn step(&mut self, mut loss: impl FnMut() -> candle_core::Result<Tensor>) -> Result<f64> {
        let config = self.config.check()?;
        let count = self.steps as f64;
        let reach = config.perturbation / (1.0 + count).powf(config.gamma);
        let rate = config.learning_rate / (1.0 + count + config.stability_constant).powf(config.alpha);
        let starts: Vec<Tensor> =
            self.variables.iter().map(|(_, var)| var.copy()).collect::<candle_core::Result<_>>()?;
        let signs = self.signs()?;

        self.place(&starts, &signs, reach)?;
        if let Some(stuck) = self.unmoved(&starts)? {
            self.place(&starts, &signs, 0.0)?;
            return Err(Error::Training(TrainingError::Unmoved { name: stuck, by: reach }));
        }
        let value = |side: f64, loss: &mut dyn FnMut() -> candle_core::Result<Tensor>| -> Result<f64> {
            self.place(&starts, &signs, side * reach)?;
            let value = host_numbers(&loss()?)?;
            match value.as_slice() {
                [value] if value.is_finite() => Ok(*value),
                [value] => {
                    let evaluation = 2 * self.steps as usize + if side > 0.0 { 1 } else { 2 };
                    let unknown = TrainingError::LossNotFinite { of: "SPSA", evaluation, loss: *value };
                    Err(weight_not_finite(&self.variables)?.unwrap_or(unknown.into()))
                }
                all => Err(Error::Tensor(TensorError::Shape {
                    what: "the loss of SPSA",
                    expected: 1.into(),
                    actual: all.len().into(),
                })),
            }
        };
        let values = value(1.0, &mut loss).and_then(|above| Ok((above, value(-1.0, &mut loss)?)));
        let values = values.and_then(|(above, below)| {
            let along = -rate * (above - below) / (2.0 * reach);
            match (along as f32).is_finite() {
                true => Ok((along, 0.5 * (above + below))),
                false => Err(Error::Setting { of: "SPSA", setting: "a step", value: along, allowed: "finite in F32" }),
            }
        });
        self.place(&starts, &signs, values.as_ref().map_or(0.0, |&(along, _)| along))?;
        let (_, mean) = values?;
        self.steps += 1;
        Ok(mean)
    }

    /// Returns the name of a variable without any entry that has moved away from its start, if there is such a
    /// variable.
    fn unmoved(&self, starts: &[Tensor]) -> Result<Option<String>> {
        for ((name, var), start) in self.variables.iter().zip(starts) {
            let moved = var.as_tensor().ne(start)?.to_dtype(DType::F32)?.sum_all()?.to_scalar::<f32>()?;
            if moved == 0.0 && var.elem_count() > 0 {
                return Ok(Some(name.clone()));
            }
        }
        Ok(None)
    }

    /// Returns the direction of the next step: 1 and -1, by seed and number of steps.
    fn signs(&self) -> Result<Vec<Tensor>> {
        let mut rng = Generator::seed_from_u64(self.config.seed ^ self.steps.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let sign = |(_, var): &(String, Var)| {
            let signs: Vec<f64> = (0..var.elem_count()).map(|_| if rng.random() { 1.0 } else { -1.0 }).collect();
            Ok(Tensor::from_vec(signs, var.shape(), &Device::Cpu)?.to_dtype(var.dtype())?.to_device(var.device())?)
        };
        self.variables.iter().map(sign).collect()
    }

    /// Sets the variables to their starts, moved by `by` along the signs.
    fn place(&self, starts: &[Tensor], signs: &[Tensor], by: f64) -> Result<()> {
        for (((_, var), start), signs) in self.variables.iter().zip(starts).zip(signs) {
            match by == 0.0 {
                true => var.set(start)?,
                false => var.set(&(start + signs.affine(by, 0.0)?)?)?,
            }
        }
        Ok(())
    }

    /// Returns the number of steps so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Returns the options.
    pub fn config(&self) -> SpsaConfig {
        self.config
    }

    /// Sets the factor of all steps.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.config.learning_rate = learning_rate;
    }
}

impl Resume for Spsa {
    fn state(&self) -> Result<HashMap<String, Tensor>> {
        let mut state = HashMap::new();
        state::put_steps(&mut state, state::STEPS, self.steps)?;
        state::put_options(&mut state, &self.config.saved())?;
        Ok(state)
    }

    fn restore(&mut self, state: &HashMap<String, Tensor>) -> Result<()> {
        state::check_options(state, &self.config.saved())?;
        self.steps = state::step_count(state, state::STEPS)?;
        Ok(())
    }
}
