//! Rotosolve: exact minimisation in one weight after the other.

mod polynomial;

use super::QuantumLayer;
use crate::error::{Error, Result, TensorError, TrainingError};
use crate::functional::run_ensemble;
use crate::gradient::weight_harmonics;
use crate::limits::checked_product;
use crate::memory::check_numbers;
use crate::numbers::{host_number, host_numbers};
use crate::optim::{require_entries, weight_not_finite};
use crate::program::Quantity;
use candle_core::{DType, Device, Tensor, Var};
use polynomial::{TrigonometricPolynomial, common_frequency};

/// Largest degree of a polynomial: it needs twice as many evaluations, and one more.
const MOST_HARMONICS: u32 = 64;

/// Longest step in a weight, in radians: 1000 turns. Factors of the weight that are almost 0 have no nearer minimum.
const FARTHEST: f64 = 1000.0 * std::f64::consts::TAU;

/// Minimises the output of a [`QuantumLayer`] exactly in one weight after the other, without gradients and without a
/// step size (Ostaszewski, Grant and Benedetti, Quantum 5, 391, 2021).
///
/// An expectation value is a trigonometric polynomial of each weight. A weight in one rotation gives
/// `a + b cos x + c sin x`, whose minimum has a closed form; a rotation under controls, a variance or a weight in
/// several gates gives more harmonics. The values at equidistant points, evaluated in one call, determine the
/// polynomial. A sweep over all weights never makes the output larger, but may end in a point that is lowest in each
/// weight alone.
///
/// ```
/// use candle_core::{DType, Device};
/// use candle_nn::VarMap;
/// use candlewick::nn::{Rotosolve, SeededInit};
/// use candlewick::prelude::*;
///
/// let mut circuit = Circuit::new(2);
/// circuit.real_amplitudes("w", 1, Entanglement::Linear);
/// let varmap = VarMap::new();
/// let vb = SeededInit::new(1).var_builder(&varmap, DType::F64, &Device::Cpu);
/// let layer =
///     QuantumLayer::new(circuit, Measurement::expectation([Z(0) * Z(1) + 0.5 * X(0)]), vb)?;
/// let mut rotosolve = Rotosolve::new(&layer)?;
/// for _ in 0..20 {
///     rotosolve.step()?;
/// }
/// assert!((layer.evaluate()?.to_vec1::<f64>()?[0] + 1.25f64.sqrt()).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Rotosolve {
    layer: QuantumLayer,
    /// Weights by name, in the program's order.
    vars: Vec<(String, Var)>,
    evaluations: usize,
    steps: usize,
}

impl Rotosolve {
    /// Makes an optimiser for the weights of a layer.
    ///
    /// # Errors
    /// A layer that reads inputs, has finite shots, or has another output than one expectation value or variance; a
    /// layer without weights; weights that are no variables, or neither F32 nor F64, whose rounding the points would be
    /// lost in.
    pub fn new(layer: &QuantumLayer) -> Result<Self> {
        let program = &layer.program;
        if program.inputs() > 0 {
            return Err(Error::Tensor(TensorError::MissingInputs { expected: program.inputs() }));
        }
        if let Some(shots) = layer.config.shots {
            let (of, setting, value) = ("Rotosolve", "shots", shots as f64);
            return Err(Error::Setting { of, setting, value, allowed: "none: it needs exact outputs" });
        }
        for (index, observable) in layer.measurement().observables().enumerate() {
            observable.check_constant().map_err(|mistake| Error::Observable { index, mistake })?;
        }
        let is_one_number = matches!(program.readout.single(), Some(Quantity::Expectation(_) | Quantity::Variance(_)));
        if !is_one_number || program.outputs() != 1 {
            let (of, setting, value) = ("Rotosolve", "number of outputs", program.outputs() as f64);
            return Err(Error::Setting { of, setting, value, allowed: "one expectation value or variance" });
        }
        let vars = layer.variables()?;
        if let Some((name, var)) = vars.iter().find(|(_, var)| !matches!(var.dtype(), DType::F32 | DType::F64)) {
            let what = format!("weight tensor `{name}`");
            return Err(Error::Tensor(TensorError::UnsupportedDType { what, dtype: var.dtype() }));
        }
        require_entries("Rotosolve", vars.iter().map(|(_, var)| var))?;
        Ok(Self { layer: layer.clone(), vars, evaluations: 0, steps: 0 })
    }

    /// Minimises in each weight once, in the order of the tensors' names, and returns the output after that. After an
    /// error, the weights so far have moved.
    ///
    /// # Errors
    /// A weight that is squared in an angle, so that the output is no trigonometric polynomial; a polynomial with
    /// frequencies that are no multiples of one frequency, or with more than 64 harmonics; an output that is not
    /// finite, or the weight that is its cause; states and shifted weights beyond the memory.
    pub fn step(&mut self) -> Result<f64> {
        let mut first = 0;
        for tensor in 0..self.vars.len() {
            let entries = self.vars[tensor].1.elem_count();
            for entry in 0..entries {
                self.minimize(tensor, entry, first + entry)?;
            }
            first += entries;
        }
        self.steps += 1;
        self.evaluations += 1;
        host_number(&self.layer.evaluate()?)
    }

    /// Minimises in one entry of a weight tensor, which has an index among all weights.
    fn minimize(&mut self, tensor: usize, entry: usize, index: usize) -> Result<()> {
        let problem = |problem| {
            let name = self.vars[tensor].0.clone();
            Error::Training(TrainingError::Spectrum { name, entry, problem })
        };
        let mut weights = Vec::new();
        for (_, var) in &self.vars {
            weights.extend(host_numbers(var)?);
        }
        let harmonics = weight_harmonics(&self.layer.program, index, &weights);
        let harmonics =
            harmonics.ok_or_else(|| problem("an angle has its square, or it is a strength of a channel"))?;
        if harmonics.is_empty() {
            return Ok(());
        }
        let (frequency, degree) = common_frequency(&harmonics, MOST_HARMONICS).map_err(problem)?;
        let shifts: Vec<f64> = TrigonometricPolynomial::points(degree).map(|at| at / frequency).collect();
        let values = self.values(tensor, entry, &shifts)?;
        if let Some(&energy) = values.iter().find(|value| !value.is_finite()) {
            let unknown = Error::Training(TrainingError::EnergyNotFinite { step: self.steps, energy });
            return Err(weight_not_finite(&self.vars)?.unwrap_or(unknown));
        }
        self.evaluations += shifts.len();
        let by = TrigonometricPolynomial::new(&values).minimum() / frequency;
        if by.abs() > FARTHEST {
            return Err(problem("a minimum is more than 1000 turns away"));
        }
        if by != 0.0 {
            let var = &self.vars[tensor].1;
            let mut own = host_numbers(var)?;
            own[entry] += by;
            var.set(&like(own, var.dims(), var)?)?;
        }
        Ok(())
    }

    /// Returns the outputs with one entry shifted, in one call.
    fn values(&self, tensor: usize, entry: usize, shifts: &[f64]) -> Result<Vec<f64>> {
        let var = &self.vars[tensor].1;
        let own = host_numbers(var)?;
        // The rows in F64, and as a tensor in the dtype of the weights.
        let rows = checked_product("shifted weights", &[shifts.len(), own.len(), 2])?;
        check_numbers("shifted weights", Some(rows as u64))?;
        let mut rows = Vec::with_capacity(shifts.len() * own.len());
        for shift in shifts {
            rows.extend_from_slice(&own);
            let moved = rows.len() - own.len() + entry;
            rows[moved] += shift;
        }
        let dims: Vec<usize> = [shifts.len()].into_iter().chain(var.dims().iter().copied()).collect();
        let rows = like(rows, &dims, var)?;
        let mut weights: Vec<Tensor> = self.vars.iter().map(|(_, var)| var.as_detached_tensor()).collect();
        weights[tensor] = rows;
        let weights: Vec<&Tensor> = weights.iter().collect();
        let (program, options) = (&self.layer.program, self.layer.estimator.options());
        host_numbers(&run_ensemble(program, options, shifts.len(), self.layer.default(), None, &weights)?)
    }

    /// Returns the number of outputs that have been evaluated so far.
    pub fn evaluations(&self) -> usize {
        self.evaluations
    }
}

/// Makes a tensor with the dtype and device of a variable.
fn like(numbers: Vec<f64>, dims: &[usize], var: &Var) -> Result<Tensor> {
    Ok(Tensor::from_vec(numbers, dims, &Device::Cpu)?.to_dtype(var.dtype())?.to_device(var.device())?)
}
