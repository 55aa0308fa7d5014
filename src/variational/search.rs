//! A search for the bit string of the lowest cost, by the eigensolver on a diagonal Hamiltonian.

use super::{Vqe, VqeConfig, VqeMethod, VqeStep, VqeStopReason};
use crate::__private::NonExhaustive;
use crate::circuit::{Circuit, Entanglement, MAX_STATE_QUBITS};
use crate::error::{Error, Mistake, Result, TensorError, TrainingError};
use crate::functional;
use crate::measurement::Measurement;
use crate::memory;
use crate::observable::Observable;
use crate::optim::AdamConfig;
use candle_core::Tensor;
use candle_nn::Init;
use std::f64::consts::FRAC_PI_2;
use std::ops::ControlFlow;

/// Searches the bit string of the lowest cost. The costs of all strings are the diagonal of a Hamiltonian. A circuit is
/// trained towards the lowest energy, and the most probable outcome is the answer.
///
/// Bit `q` of a string is qubit `q`. String `k` has the cost `costs[k]`, and [`VqeOptimum::bit_string`] writes qubit 0
/// last.
///
/// All costs are known before the search begins, so a look through the list finds their minimum at once: the optimiser
/// shows how the algorithm works. It is no shortcut, and it may end in a string that is merely good. Of 20 lists of
/// costs drawn uniformly it found the minimum of
///
/// | bits | 1 | 2 | 3 | 4 | 5 | 6 |
/// |---|---|---|---|---|---|---|
/// | in one run | 20 | 20 | 20 | 19 | 16 | 6 |
/// | in four, the default | 20 | 20 | 20 | 20 | 20 | 12 |
///
/// ```
/// use candlewick::variational::{VqeOptimizer, VqeOptimizerConfig};
/// let optimizer = VqeOptimizer::new(VqeOptimizerConfig::default())?;
/// let found = optimizer.minimize(&[3.0, 1.0, 2.0, 0.5, 4.0, 1.5, 0.25, 2.5])?;
/// assert_eq!((found.bits, found.bit_string().as_str(), found.cost), (6, "110", 0.25));
/// assert!(found.probability > 0.9);
///
/// // The same by a function of the bit string: as few ones as can be, but an odd number of
/// // them in the low two bits.
/// let cost = |bits: u64| {
///     f64::from(bits.count_ones()) + if (bits & 3).count_ones() == 1 { 0.0 } else { 5.0 }
/// };
/// assert_eq!(optimizer.minimize_with(4, cost)?.cost, 1.0);
/// # Ok::<(), candlewick::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct VqeOptimizer {
    config: VqeOptimizerConfig,
}

/// Options of a [`VqeOptimizer`].
#[derive(Debug, Clone, PartialEq)]
pub struct VqeOptimizerConfig {
    /// Number of repetitions of the default circuit. Default 4.
    pub layers: usize,
    /// Circuit without inputs, with as many qubits as the strings have bits. Default `None`:
    /// [`Circuit::real_amplitudes`] near the state in which all strings are equally probable.
    pub ansatz: Option<Circuit>,
    /// Learning rate of Adam, in radians per step, a finite number from 0 on. Default 0.1.
    pub learning_rate: f64,
    /// Number of steps of a run. Default 100.
    pub steps: usize,
    /// Number of further runs from other weights; the run with the lowest cost of its answer counts. Default 3.
    pub restarts: usize,
    /// Seed of the initial weights. Default 0.
    pub seed: u64,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for VqeOptimizerConfig {
    fn default() -> Self {
        Self {
            layers: 4,
            ansatz: None,
            learning_rate: 0.1,
            steps: 100,
            restarts: 3,
            seed: 0,
            non_exhaustive: NonExhaustive(()),
        }
    }
}

/// Bit string that a [`VqeOptimizer`] found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct VqeOptimum {
    /// Most probable bit string (the lowest of several): bit `q` is qubit `q`.
    pub bits: u64,
    /// Number of bits of a string.
    pub qubits: usize,
    /// Cost of the string.
    pub cost: f64,
    /// Probability of the string.
    pub probability: f64,
    /// Probabilities of all strings.
    pub probabilities: Vec<f64>,
    /// Mean cost before each step, and after the last, in the units of the costs.
    pub history: Vec<f64>,
    /// Number of the run that found the string, counted from 0.
    pub run: usize,
    /// Reason for which that run ended. With [`VqeStopReason::Start`] no weight has moved, and the string is the answer
    /// of the initial weights.
    pub stop_reason: VqeStopReason,
}

impl VqeOptimum {
    /// Returns the string with qubit 0 last: a digit for each qubit, of which a circuit has at most [`MAX_STATE_QUBITS`], and
    /// no fewer digits than the bits have.
    pub fn bit_string(&self) -> String {
        format!("{:0width$b}", self.bits, width = self.qubits.min(MAX_STATE_QUBITS))
    }
}

/// Costs as `mean + scale * unit`, where the unit costs have mean 0 and standard deviation 1.
struct Units {
    mean: f64,
    scale: f64,
    unit: Vec<f64>,
}

impl Units {
    /// Divides by the largest cost first, so that squares do not overflow; only differences of costs count.
    fn new(costs: &[f64]) -> Self {
        let largest = costs.iter().fold(0.0, |largest: f64, cost| largest.max(cost.abs()));
        let largest = if largest > 0.0 { largest } else { 1.0 };
        let count = costs.len() as f64;
        let mean = costs.iter().map(|cost| cost / largest).sum::<f64>() / count;
        let unit: Vec<f64> = costs.iter().map(|cost| cost / largest - mean).collect();
        let deviation = (unit.iter().map(|cost| cost * cost).sum::<f64>() / count).sqrt();
        let deviation = if deviation > 0.0 { deviation } else { 1.0 };
        let unit = unit.into_iter().map(|cost| cost / deviation).collect();
        Self { mean: mean * largest, scale: deviation * largest, unit }
    }
}

impl VqeOptimizer {
    /// Makes an optimiser with these options.
    ///
    /// # Errors
    /// A learning rate that is negative or not finite; mistakes of the circuit; a circuit with inputs.
    pub fn new(config: VqeOptimizerConfig) -> Result<Self> {
        let (of, setting, value) = ("a VQE optimiser", "learning_rate", config.learning_rate);
        if !(value.is_finite() && value >= 0.0) {
            return Err(Error::Setting { of, setting, value, allowed: "a finite number from 0 on" });
        }
        if let Some(circuit) = &config.ansatz {
            circuit.check()?;
            if circuit.inputs() > 0 {
                return Err(Error::Tensor(TensorError::MissingInputs { expected: circuit.inputs() }));
            }
        }
        Ok(Self { config })
    }

    /// Searches the lowest of `2^n` costs; the cost of string `k` is at index `k`. Costs are shifted and scaled to mean
    /// 0 and standard deviation 1. A constant that is added to all of them, and a positive factor, therefore change the
    /// answer only by rounding.
    ///
    /// # Errors
    /// A number of costs that is no power of two, below 2, or another than the circuit's; a cost that is not finite; a
    /// circuit without any angle that depends on a weight; a state beyond the memory.
    pub fn minimize(&self, costs: &[f64]) -> Result<VqeOptimum> {
        self.minimize_watched(costs, |_, _| ControlFlow::Continue(()))
    }

    /// Searches as [`minimize`](Self::minimize) does, with the cost of each string of `qubits` bits from a function.
    ///
    /// # Errors
    /// The errors of [`minimize`](Self::minimize); more qubits than the memory allows, before the function is called.
    pub fn minimize_with(&self, qubits: usize, mut cost: impl FnMut(u64) -> f64) -> Result<VqeOptimum> {
        Circuit::new(qubits).check_state()?;
        // Counts the list, and the tensors that are made of it below.
        memory::check_numbers("costs", Some(4 << qubits))?;
        let mut costs = Vec::with_capacity(1 << qubits);
        for bits in 0..1u64 << qubits {
            let cost = cost(bits);
            if !cost.is_finite() {
                return Err(Error::Training(TrainingError::CostNotFinite { bits, cost }));
            }
            costs.push(cost);
        }
        self.minimize(&costs)
    }

    /// Searches as [`minimize`](Self::minimize) does. Calls `watch` with the number of the run and its state before
    /// each step. `watch` may end the run; no further runs follow then. Energies are the mean costs in units of mean 0
    /// and standard deviation 1.
    ///
    /// # Errors
    /// The errors of [`minimize`](Self::minimize).
    pub fn minimize_watched(
        &self,
        costs: &[f64],
        mut watch: impl FnMut(usize, &VqeStep) -> ControlFlow<()>,
    ) -> Result<VqeOptimum> {
        let circuit = self.circuit(costs)?;
        let units = Units::new(costs);
        let mut best: Option<VqeOptimum> = None;
        let (mut run, mut stopped) = (0, false);
        loop {
            let found = self.run(run, &circuit, costs, &units, |step| {
                let flow = watch(run, step);
                stopped = stopped || flow.is_break();
                flow
            })?;
            let rank = |of: &VqeOptimum| (of.cost, -of.probability);
            let kept = best.take().filter(|best| rank(best) <= rank(&found)).unwrap_or(found);
            if stopped || run == self.config.restarts {
                return Ok(kept);
            }
            (best, run) = (Some(kept), run + 1);
        }
    }

    fn run(
        &self,
        run: usize,
        circuit: &Circuit,
        costs: &[f64],
        units: &Units,
        watch: impl FnMut(&VqeStep) -> ControlFlow<()>,
    ) -> Result<VqeOptimum> {
        let VqeOptimizerConfig { learning_rate, steps, seed, .. } = self.config;
        let config = VqeConfig {
            method: VqeMethod::Adam(AdamConfig::with_learning_rate(learning_rate)),
            steps,
            seed: seed.wrapping_add(run as u64),
            ..Default::default()
        };
        let cost = Observable::diagonal(units.unit.iter().copied());
        let found = Vqe::new(circuit.clone(), cost, config)?.run_with(watch)?;
        let weights: Vec<(&str, &Tensor)> =
            found.weights.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        let qubits = circuit.qubits();
        let all = Measurement::probabilities(0..qubits);
        let probabilities = functional::evaluate(circuit, &all, None, &weights)?.to_dtype(candle_core::DType::F64)?;
        let probabilities = probabilities.to_vec1::<f64>()?;
        let likelier = |best: (usize, f64), (k, &p): (usize, &f64)| if p > best.1 { (k, p) } else { best };
        let (index, probability) = probabilities.iter().enumerate().fold((0, f64::NEG_INFINITY), likelier);
        let cost = costs.get(index).copied().unwrap_or(f64::NAN);
        // Rounding must not move a mean outside the range of the costs, or of f64.
        let lowest = costs.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = costs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let in_costs = |energy: &f64| (units.mean + units.scale * energy).max(lowest).min(highest);
        let history = found.energies.iter().map(in_costs).collect();
        Ok(VqeOptimum {
            bits: index as u64,
            qubits,
            cost,
            probability,
            probabilities,
            history,
            run,
            stop_reason: found.stop_reason,
        })
    }

    /// Checks the costs and returns their circuit.
    fn circuit(&self, costs: &[f64]) -> Result<Circuit> {
        let actual = costs.len();
        let wrong = |expected: String| {
            Error::Training(TrainingError::Costs(Mistake::Length { what: "cost(s)", expected, actual }))
        };
        if actual < 2 || !actual.is_power_of_two() {
            return Err(wrong("a power of two, 2 or more,".to_owned()));
        }
        if let Some((bits, &cost)) = costs.iter().enumerate().find(|(_, cost)| !cost.is_finite()) {
            return Err(Error::Training(TrainingError::CostNotFinite { bits: bits as u64, cost }));
        }
        let qubits = actual.ilog2() as usize;
        // Counts the costs three times: in units, twice, and as probabilities.
        memory::check_numbers("costs", 3u64.checked_mul(actual as u64))?;
        match &self.config.ansatz {
            Some(circuit) if circuit.qubits() == qubits => Ok(circuit.clone()),
            Some(circuit) => Err(wrong(format!("2^{}", circuit.qubits()))),
            None => Ok(self.default_circuit(qubits)),
        }
    }

    /// Starts from the state of equal amplitudes, which CX does not change. If all weights were 0, nothing would move:
    /// they start near 0.
    fn default_circuit(&self, qubits: usize) -> Circuit {
        let mut circuit = Circuit::new(qubits);
        for qubit in 0..qubits {
            circuit.ry(FRAC_PI_2, qubit);
        }
        let shape = (self.config.layers.saturating_add(1), 1, qubits);
        let theta = circuit.weights_with_init("theta", shape, Init::Uniform { lo: -SPREAD, up: SPREAD });
        circuit.real_amplitudes(&theta, self.config.layers, Entanglement::Circular);
        circuit
    }
}

/// Largest distance of the initial weights from 0, in radians.
const SPREAD: f64 = 0.1;
