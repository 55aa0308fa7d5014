//! The adaptive eigensolver: a circuit that grows by the operators with the largest gradients.

use super::vqe::{Vqe, VqeConfig, VqeStep, VqeStopReason, sum};
use super::word::parse_word;
use crate::__private::NonExhaustive;
use crate::circuit::{Angle, Circuit, Excitation};
use crate::error::{Error, Mistake, Result, TensorError, TrainingError};
use crate::limits::within_memory;
use crate::nn::QuantumLayerConfig;
use crate::observable::Observable;
use crate::optim::variables;
use candle_core::{DType, Device, Tensor};
use candle_nn::Init;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;

/// Weights of the operators that the circuit has.
const THETA: &str = "theta";

/// Weights of the operators to choose from; all are 0.
const POOL: &str = "pool";

/// Relative difference up to which gradients count as equal: the first of equal operators is chosen.
const TIE: f64 = 1e-6;

/// Minimises an observable over a circuit that it grows by itself, ADAPT-VQE (Grimsley, Economou, Barnes and Mayhall,
/// Nature Communications 10, 3007, 2019).
///
/// In each round the operator of a pool with the largest gradient is appended, with an angle of its own that starts at
/// 0, and all angles are optimised again by a [`Vqe`], from the angles of the last round. The circuit has few
/// operators, each of which counts. An operator may be chosen more than once.
///
/// The gradient of an operator is the derivative of the energy in its angle at 0, `⟨[H, A]⟩` for an operator
/// `exp(theta A)` at the end of the circuit. A single reverse sweep finds the gradients of the whole pool: at angles of
/// 0 all other operators are the identity, so their order does not matter.
///
/// ```
/// use candlewick::prelude::*;
/// use candlewick::variational::{AdaptVqe, AdaptVqeConfig};
/// let energy = Z(0) * Z(1) + 0.5 * X(0) + 0.5 * X(1);
/// let pool = ["Y0", "Y1", "Y0 Z1", "Z0 Y1"];
/// let found =
///     AdaptVqe::new(Circuit::new(2), energy, pool, AdaptVqeConfig::default())?.run()?;
/// assert!(found.converged());
/// assert!((found.energy + 2f64.sqrt()).abs() < 1e-6); // the lowest eigenvalue is -√2
/// for round in &found.rounds {
///     println!(
///         "{}: gradient {:.3}, energy {:.6}",
///         round.operator, round.gradient, round.energy
///     );
/// }
/// # Ok::<(), candlewick::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct AdaptVqe {
    reference: Circuit,
    observable: Observable,
    pool: Vec<PoolOperator>,
    config: AdaptVqeConfig,
}

/// Operator of the pool of an [`AdaptVqe`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PoolOperator {
    /// `exp(theta/2 (T - T†))`; see [`Circuit::single_excitation`] and [`Circuit::double_excitation`].
    Excitation(Excitation),
    /// `exp(-i theta/2 P)` for a Pauli word P such as `"X0 Y2"`.
    PauliWord(String),
}

/// Options of an [`AdaptVqe`].
#[derive(Debug, Clone, PartialEq)]
pub struct AdaptVqeConfig {
    /// Size of the largest gradient of the pool, a finite number above 0 and above the tolerance of
    /// [`vqe`](Self::vqe), at or below which the run has converged; in units of the observable per radian. Default
    /// 1e-3.
    pub gradient_tolerance: f64,
    /// Largest number of operators of the circuit. Default 100.
    pub operators: usize,
    /// Options of the optimisation of all angles in each round. Default: the default options of a [`Vqe`].
    pub vqe: VqeConfig,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

/// Round of an [`AdaptVqe`]: an operator, and the energy after all angles were optimised.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AdaptVqeRound {
    /// Operator that was appended.
    pub operator: PoolOperator,
    /// Index of the operator in the pool.
    pub index: usize,
    /// Derivative of the energy in the operator's angle, for which it was chosen: the largest of the pool in size.
    pub gradient: f64,
    /// Energy of the round; see [`VqeResult::energy`](super::VqeResult::energy).
    pub energy: f64,
    /// Number of steps of the optimisation.
    pub steps: usize,
    /// Reason for which the optimisation ended.
    pub stop_reason: VqeStopReason,
}

/// Circuit and energy that an [`AdaptVqe`] found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AdaptVqeResult {
    /// Energy of the last round, or of the first circuit if there was no round.
    pub energy: f64,
    /// Energy of the first circuit.
    pub reference_energy: f64,
    /// The first circuit and the operators of all rounds, with an angle `theta[k]` for operator `k`.
    pub circuit: Circuit,
    /// Weights of [`circuit`](Self::circuit) at that energy, by name.
    pub weights: BTreeMap<String, Tensor>,
    /// Operators, gradients and energies, in the order of the circuit.
    pub rounds: Vec<AdaptVqeRound>,
    /// Size of the largest gradient of the pool at the end.
    pub largest_gradient: f64,
    /// Reason for which the run ended: [`Gradient`](VqeStopReason::Gradient) and [`Start`](VqeStopReason::Start) if the
    /// largest gradient is within [`AdaptVqeConfig::gradient_tolerance`], after some rounds or at once;
    /// [`Steps`](VqeStopReason::Steps) at the largest number of operators.
    pub stop_reason: VqeStopReason,
}

impl AdaptVqeResult {
    /// Returns whether the run ended because no gradient of the pool exceeded the tolerance, after at least one round.
    pub fn converged(&self) -> bool {
        self.stop_reason == VqeStopReason::Gradient
    }
}

impl Default for AdaptVqeConfig {
    fn default() -> Self {
        Self { gradient_tolerance: 1e-3, operators: 100, vqe: VqeConfig::default(), non_exhaustive: NonExhaustive(()) }
    }
}

impl AdaptVqeConfig {
    fn check(&self) -> Result<()> {
        self.vqe.check()?;
        let (of, setting, value) = ("an adaptive VQE", "gradient_tolerance", self.gradient_tolerance);
        if !(value.is_finite() && value > 0.0) {
            return Err(Error::Setting { of, setting, value, allowed: "a finite number above 0" });
        }
        // Otherwise the optimisation could end before the new angle has moved, and the operator would be chosen again.
        if value <= self.vqe.gradient_tolerance {
            return Err(Error::Setting { of, setting, value, allowed: "above `gradient_tolerance` of its `vqe`" });
        }
        Ok(())
    }
}

impl From<Excitation> for PoolOperator {
    fn from(excitation: Excitation) -> Self {
        Self::Excitation(excitation)
    }
}

impl From<&str> for PoolOperator {
    fn from(word: &str) -> Self {
        Self::PauliWord(word.to_owned())
    }
}

impl From<String> for PoolOperator {
    fn from(word: String) -> Self {
        Self::PauliWord(word)
    }
}

/// Writes an excitation as the spin orbitals that electrons leave and enter, `0 1 -> 2 3`.
impl fmt::Display for PoolOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Excitation(Excitation::Single { from, to }) => write!(f, "{from} -> {to}"),
            Self::Excitation(Excitation::Double { from: [i, j], to: [a, b] }) => write!(f, "{i} {j} -> {a} {b}"),
            Self::PauliWord(word) => f.write_str(word),
        }
    }
}

impl PoolOperator {
    fn append_to(&self, circuit: &mut Circuit, angle: Angle) -> Result<(), Mistake> {
        match self {
            Self::Excitation(excitation) => drop(circuit.excitation(angle, *excitation)),
            Self::PauliWord(word) => {
                let (letters, qubits): (String, Vec<usize>) = parse_word(word, circuit.qubits())?.into_iter().unzip();
                circuit.pauli_rot(angle, &letters, qubits);
            }
        }
        match circuit.check() {
            Err(Error::Circuit { mistake, .. }) => Err(mistake),
            _ => Ok(()),
        }
    }
}

/// Circuit of a run so far.
#[derive(Default)]
struct Grown {
    /// Indices of the operators in the pool.
    operators: Vec<usize>,
    weights: BTreeMap<String, Tensor>,
}

impl Grown {
    /// Appends an operator with an angle of 0.
    fn push(&mut self, operator: usize, dtype: DType, device: &Device) -> Result<()> {
        self.operators.push(operator);
        let zero = Tensor::zeros(1, dtype, device)?;
        let theta = match self.weights.get(THETA) {
            Some(theta) => Tensor::cat(&[theta, &zero], 0)?,
            None => zero,
        };
        self.weights.insert(THETA.to_owned(), theta);
        Ok(())
    }
}

impl AdaptVqe {
    /// Makes a solver for the expectation of `observable` that appends operators of `pool` to `reference`. The circuit
    /// `reference` reads no inputs; if it has weights, they are trained with the angles, and none of them is named
    /// `theta` or `pool`.
    ///
    /// ```
    /// use candlewick::circuit::Excitation;
    /// use candlewick::prelude::*;
    /// use candlewick::variational::{AdaptVqe, AdaptVqeConfig};
    /// let mut reference = Circuit::new(4);
    /// reference.hartree_fock(2);
    /// let doubles = reference
    ///     .excitations(2)
    ///     .into_iter()
    ///     .filter(|one| matches!(one, Excitation::Double { .. }));
    /// let hopping = X(0) * X(2) + X(1) * X(3) - 0.5 * Z(0) * Z(1);
    /// let solver =
    ///     AdaptVqe::new(reference.clone(), hopping, doubles, AdaptVqeConfig::default())?;
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// Mistakes of the circuit or the observable; a circuit with inputs; a pool that is empty, or too large for the
    /// memory; an operator that does not fit the circuit; settings out of range.
    pub fn new<P: Into<PoolOperator>>(
        reference: Circuit,
        observable: Observable,
        pool: impl IntoIterator<Item = P>,
        config: AdaptVqeConfig,
    ) -> Result<Self> {
        config.check()?;
        reference.check()?;
        if reference.inputs() > 0 {
            return Err(Error::Tensor(TensorError::MissingInputs { expected: reference.inputs() }));
        }
        let pool = within_memory(pool.into_iter().map(Into::into)).map_err(|limit| {
            let mistake = Mistake::TooMany { what: "operators", limit };
            Error::Training(TrainingError::PoolOperator { index: limit, mistake })
        })?;
        if pool.is_empty() {
            return Err(Error::Training(TrainingError::EmptyPool));
        }
        let solver = Self { reference, observable, pool, config };
        // Finds every mistake that a round would find, also in the names of the weights.
        solver.vqe(&Grown { operators: vec![0], weights: BTreeMap::new() }, true)?;
        Ok(solver)
    }

    /// Makes a solver for `electrons` electrons in spin orbitals, one on each of `qubits` qubits: the circuit starts
    /// with [`Circuit::hartree_fock`], and the pool is [`Circuit::excitations`].
    ///
    /// ```
    /// use candlewick::variational::{AdaptVqe, AdaptVqeConfig, Molecule};
    /// // Hydrogen at 0.7414 angstrom in the basis STO-3G.
    /// let text = r#"{"molecule": "H2", "qubits": 4, "electrons": 2, "terms": [
    ///     [-0.0989, ""], [0.1712, "Z0"], [0.1712, "Z1"], [-0.2228, "Z2"], [-0.2228, "Z3"],
    ///     [0.1686, "Z0 Z1"], [0.1205, "Z0 Z2"], [0.1659, "Z0 Z3"], [0.1659, "Z1 Z2"],
    ///     [0.1205, "Z1 Z3"], [0.1743, "Z2 Z3"], [-0.0453, "X0 X1 Y2 Y3"],
    ///     [0.0453, "X0 Y1 Y2 X3"], [0.0453, "Y0 X1 X2 Y3"], [-0.0453, "Y0 Y1 X2 X3"]]}"#;
    /// let hydrogen = Molecule::from_json(text)?;
    /// let (qubits, electrons) = (hydrogen.qubits(), hydrogen.electrons());
    /// let config = AdaptVqeConfig::default();
    /// let hamiltonian = hydrogen.hamiltonian();
    /// let found = AdaptVqe::for_electrons(qubits, electrons, hamiltonian, config)?.run()?;
    /// assert_eq!(found.rounds.len(), 1);
    /// assert_eq!(found.rounds[0].operator.to_string(), "0 1 -> 2 3");
    /// assert!((found.energy + 1.1373).abs() < 1e-3);
    /// # Ok::<(), candlewick::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`new`](Self::new); more electrons than qubits; no electron that could move.
    pub fn for_electrons(
        qubits: usize,
        electrons: usize,
        observable: Observable,
        config: AdaptVqeConfig,
    ) -> Result<Self> {
        let mut reference = Circuit::new(qubits);
        reference.hartree_fock(electrons).check()?;
        let pool = reference.excitations(electrons);
        Self::new(reference, observable, pool, config)
    }

    /// Returns the operators to choose from.
    pub fn pool(&self) -> &[PoolOperator] {
        &self.pool
    }

    /// Returns the derivative of the energy of the first circuit in the angle of each operator of the pool, if that
    /// operator is appended with an angle of 0. Weights of the circuit have their initial values.
    ///
    /// # Errors
    /// The errors of [`run_with`](Self::run_with).
    pub fn gradients(&self) -> Result<Vec<f64>> {
        Ok(self.energy_and_gradients(&mut Grown::default())?.1)
    }

    /// Grows the circuit from its start. Each run begins anew.
    ///
    /// # Errors
    /// The errors of [`run_with`](Self::run_with).
    pub fn run(&self) -> Result<AdaptVqeResult> {
        self.run_with(|_, _| ControlFlow::Continue(()))
    }

    /// Grows the circuit as [`run`](Self::run) does, and calls `watch` with the number of operators at each energy of
    /// each optimisation, as [`Vqe::run_with`] does. `watch` may end the run.
    ///
    /// # Errors
    /// A state beyond the memory; an energy or a gradient that is not finite; the errors of [`Vqe::run_with`].
    pub fn run_with(&self, mut watch: impl FnMut(usize, &VqeStep) -> ControlFlow<()>) -> Result<AdaptVqeResult> {
        let (mut grown, mut rounds, mut stopped) = (Grown::default(), Vec::new(), false);
        let (reference_energy, mut gradients) = self.energy_and_gradients(&mut grown)?;
        loop {
            let (index, gradient) = largest(&gradients);
            if let Some(stop_reason) = self.stop_reason(gradient, rounds.len(), stopped) {
                return Ok(AdaptVqeResult {
                    energy: rounds.last().map_or(reference_energy, |round: &AdaptVqeRound| round.energy),
                    reference_energy,
                    circuit: self.circuit(&grown, false)?,
                    weights: grown.weights,
                    rounds,
                    largest_gradient: gradient.abs(),
                    stop_reason,
                });
            }
            grown.push(index, self.config.vqe.dtype, &self.config.vqe.device)?;
            let found = self.vqe(&grown, false)?.run_with(|at| {
                let flow = watch(grown.operators.len(), at);
                stopped |= flow.is_break();
                flow
            })?;
            grown.weights = found.weights;
            rounds.push(AdaptVqeRound {
                operator: self.pool[index].clone(),
                index,
                gradient,
                energy: found.energy,
                steps: found.steps,
                stop_reason: found.stop_reason,
            });
            gradients = self.energy_and_gradients(&mut grown)?.1;
        }
    }

    /// Returns the reason if a run ends after some rounds.
    fn stop_reason(&self, gradient: f64, rounds: usize, stopped: bool) -> Option<VqeStopReason> {
        if gradient.abs() <= self.config.gradient_tolerance {
            Some(if rounds == 0 { VqeStopReason::Start } else { VqeStopReason::Gradient })
        } else if stopped {
            Some(VqeStopReason::Stopped)
        } else {
            (rounds >= self.config.operators).then_some(VqeStopReason::Steps)
        }
    }

    /// Returns the energy, and its derivative in the angle of each operator of the pool. Completes the weights with the
    /// initial values of those that the first circuit has.
    fn energy_and_gradients(&self, grown: &mut Grown) -> Result<(f64, Vec<f64>)> {
        let vqe = self.vqe(grown, true)?;
        let value = vqe.layer().evaluate()?.sum_all()?;
        let energy = sum(&value)?;
        if !energy.is_finite() {
            return Err(Error::Training(TrainingError::EnergyNotFinite { step: 0, energy }));
        }
        let store = value.backward()?;
        let pool = variables(vqe.varmap())?.into_iter().find(|(name, _)| name == POOL);
        let Some(gradients) = pool.and_then(|(_, var)| store.get(&var).cloned()) else {
            let (of, variables) = ("an adaptive VQE", vec![POOL.to_owned()]);
            return Err(Error::Training(TrainingError::NoVariableGradient { of, variables }));
        };
        let gradients = gradients.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec1::<f64>()?;
        if !gradients.iter().all(|gradient| gradient.is_finite()) {
            return Err(Error::Training(TrainingError::GradientNotFinite { name: POOL.to_owned() }));
        }
        grown.weights = vqe.copied_weights()?;
        grown.weights.remove(POOL);
        Ok((energy, gradients))
    }

    /// Makes a solver for the circuit so far, with the whole pool behind it if `with_pool`.
    fn vqe(&self, grown: &Grown, with_pool: bool) -> Result<Vqe> {
        // With finite shots each round draws numbers of its own.
        let seed = self.config.vqe.layer.seed.wrapping_add(grown.operators.len() as u64);
        let layer = QuantumLayerConfig { seed, ..self.config.vqe.layer.clone() };
        let config = VqeConfig { layer, ..self.config.vqe.clone() };
        let mut vqe = Vqe::new(self.circuit(grown, with_pool)?, self.observable.clone(), config)?;
        vqe.set_weights(grown.weights.iter().map(|(name, tensor)| (name.as_str(), tensor)))?;
        Ok(vqe)
    }

    fn circuit(&self, grown: &Grown, with_pool: bool) -> Result<Circuit> {
        let mut circuit = self.reference.clone();
        self.append(&mut circuit, THETA, &grown.operators)?;
        if with_pool {
            self.append(&mut circuit, POOL, &(0..self.pool.len()).collect::<Vec<_>>())?;
        }
        Ok(circuit)
    }

    /// Appends operators of the pool, each with an angle of its own.
    fn append(&self, circuit: &mut Circuit, name: &str, operators: &[usize]) -> Result<()> {
        if operators.is_empty() {
            return Ok(());
        }
        let weights = circuit.weights_with_init(name, operators.len(), Init::Const(0.0));
        circuit.check()?;
        for (k, &index) in operators.iter().enumerate() {
            self.pool[index]
                .append_to(circuit, weights.at([k]))
                .map_err(|mistake| Error::Training(TrainingError::PoolOperator { index, mistake }))?;
        }
        Ok(())
    }
}

/// Returns the index and the value of the gradient with the largest size, the first of those that are equal up to
/// rounding.
fn largest(gradients: &[f64]) -> (usize, f64) {
    let size = gradients.iter().fold(0.0, |size: f64, gradient| size.max(gradient.abs()));
    let index = gradients.iter().position(|gradient| gradient.abs() >= (1.0 - TIE) * size).unwrap_or(0);
    (index, gradients[index])
}
