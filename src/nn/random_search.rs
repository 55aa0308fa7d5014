//! A random search whose members are evaluated as one ensemble.

use super::SeededInit;
use crate::__private::NonExhaustive;
use crate::circuit::Circuit;
use crate::engine::{Options, Simulation};
use crate::error::{Error, Result, TensorError, TrainingError};
use crate::functional::{declared_weights, program_for, run_ensemble};
use crate::measurement::Measurement;
use crate::memory::check_numbers;
use crate::numbers::{feature_not_finite, host_numbers};
use crate::optim::{Adam, AdamConfig, variables};
use crate::program::{Program, Rewrites};
use crate::random::Generator;
use candle_core::{DType, Device, Tensor, Var};
use candle_nn::VarMap;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Trains the weights of one circuit from many starts and with many learning rates, and evaluates all members in one
/// call a step.
///
/// Members differ in their initial weights and in the learning rate of [`Adam`]. They share the circuit, the inputs,
/// the loss and the number of steps; other circuits, batch sizes or classical layers need a run of their own each.
///
/// ```
/// use candlewick::nn::{RandomSearch, RandomSearchConfig};
/// use candlewick::prelude::*;
///
/// let mut circuit = Circuit::new(2);
/// circuit.real_amplitudes("w", 1, Entanglement::Linear);
/// let energy = Measurement::expectation([Z(0) * Z(1) + 0.5 * X(0)]);
/// let config = RandomSearchConfig { members: 8, steps: 60, ..Default::default() };
/// let search = RandomSearch::new(&circuit, &energy, config)?;
/// // [members, 1] -> [members]
/// let trials = search.run(None, |energies| energies.squeeze(1))?;
/// assert!(trials[0].loss <= trials[7].loss);
/// assert!(trials[0].loss < -1.0);
/// println!("seed {}, learning rate {:.4}", trials[0].seed, trials[0].learning_rate);
/// # Ok::<(), candlewick::Error>(())
/// ```
#[derive(Debug)]
pub struct RandomSearch {
    program: Arc<Program>,
    config: RandomSearchConfig,
}

/// Options of a [`RandomSearch`].
#[derive(Debug, Clone)]
pub struct RandomSearchConfig {
    /// Number of members, at least 1. Default 16.
    pub members: usize,
    /// Number of steps of each member. Default 100.
    pub steps: usize,
    /// Lowest and highest learning rate, above 0. Each member draws its own, uniform in the logarithm. Default 0.001
    /// and 0.1.
    pub learning_rates: (f64, f64),
    /// Further options of Adam; its learning rate does not count. Default: its default options.
    pub adam: AdamConfig,
    /// Seed of the first member; every further member has the next seed. The initial weights are the weights of a
    /// [`QuantumLayer`](super::QuantumLayer) over [`SeededInit`] with the member's seed, without a prefix. Default 0.
    pub seed: u64,
    /// Precision of the weights, F32 or F64. Default F64, which Metal does not have.
    pub dtype: DType,
    /// Device of the weights. Default: the CPU.
    pub device: Device,
    /// Representation of the states. [`Simulation::Trajectories`] and [`Simulation::External`] are errors, because
    /// members have exact gradients. Default: [`Simulation::Auto`].
    pub simulation: Simulation,
    /// Largest number of bytes that states may take. Default: what the machine has left.
    pub memory_limit: Option<u64>,
    #[doc(hidden)]
    pub non_exhaustive: NonExhaustive,
}

impl Default for RandomSearchConfig {
    fn default() -> Self {
        Self {
            members: 16,
            steps: 100,
            learning_rates: (1e-3, 0.1),
            adam: AdamConfig::default(),
            seed: 0,
            dtype: DType::F64,
            device: Device::Cpu,
            simulation: Simulation::Auto,
            memory_limit: None,
            non_exhaustive: NonExhaustive(()),
        }
    }
}

/// Member of a [`RandomSearch`] after its training.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Trial {
    /// Seed of the initial weights.
    pub seed: u64,
    /// Learning rate of Adam.
    pub learning_rate: f64,
    /// Losses before each step, and after the last. They end at a loss that is not finite.
    pub losses: Vec<f64>,
    /// Lowest loss; NaN if there is no finite one.
    pub loss: f64,
    /// Index of the lowest loss, the first of equal ones; `None` if there is no finite one.
    pub best: Option<usize>,
    /// Weights at the lowest loss, by name; the initial weights if there is no finite one.
    pub weights: BTreeMap<String, Tensor>,
}

/// Numbers of eight bytes that a member takes for each weight tensor, and once more, beside the numbers themselves:
/// shapes, names, locks, and nodes of candle's graph. A test measures them.
const KEPT: u64 = 1200;

/// Member of a search that runs.
struct Member {
    trial: Trial,
    vars: Vec<Var>,
    adam: Adam,
    /// Weights at the lowest loss, in the order of `vars`.
    lowest: Vec<Tensor>,
}

impl Member {
    /// Notes the loss at the present weights; copies them if it is the lowest.
    fn note(&mut self, loss: f64) -> Result<()> {
        if loss.is_finite() && self.trial.best.is_none_or(|_| loss < self.trial.loss) {
            (self.trial.loss, self.trial.best) = (loss, Some(self.trial.losses.len()));
            self.lowest = copies(&self.vars)?;
        }
        self.trial.losses.push(loss);
        Ok(())
    }
}

fn copies(vars: &[Var]) -> Result<Vec<Tensor>> {
    vars.iter().map(|var| Ok(var.copy()?.detach())).collect()
}

impl RandomSearch {
    /// Prepares a search.
    ///
    /// # Errors
    /// Mistakes of the circuit or the measurement; no members; learning rates out of range or order; options of Adam
    /// out of range; a circuit without weights; members whose weights and losses are beyond the memory.
    pub fn new(circuit: &Circuit, measurement: &Measurement, config: RandomSearchConfig) -> Result<Self> {
        let setting = |setting, value, allowed| Error::Setting { of: "a random search", setting, value, allowed };
        if config.members == 0 {
            return Err(setting("members", 0.0, "at least 1"));
        }
        let (low, high) = config.learning_rates;
        if !(low > 0.0 && low <= high && high.is_finite()) {
            return Err(setting("learning_rates", low, "finite, above 0 and not above the highest one"));
        }
        let program = program_for(&config.simulation, circuit, measurement, Rewrites::ALL)?;
        let search = Self { program: Arc::new(program), config };
        if search.program.weights() == 0 {
            return Err(Error::Training(TrainingError::NoVariables { of: "a random search" }));
        }
        check_numbers("the members of a random search", search.numbers())?;
        search.member(0, low)?;
        Ok(search)
    }

    /// Returns the count of the numbers of all members, if u64 has it.
    fn numbers(&self) -> Option<u64> {
        let RandomSearchConfig { members, steps, .. } = self.config;
        // Weights now and at the lowest loss, two moments, and a gradient.
        let weights = (self.program.weights() as u64).checked_mul(5)?;
        // Losses, in a list that may have grown to twice their number.
        let losses = (steps as u64).checked_add(1)?.checked_mul(2)?;
        let kept = (self.program.tensors.len() as u64 + 1).checked_mul(KEPT)?;
        weights.checked_add(losses)?.checked_add(kept)?.checked_mul(members as u64)
    }

    fn member(&self, number: usize, learning_rate: f64) -> Result<Member> {
        let seed = self.config.seed.wrapping_add(number as u64);
        let varmap = VarMap::new();
        let vb = SeededInit::new(seed).var_builder(&varmap, self.config.dtype, &self.config.device);
        for (name, shape, init) in declared_weights(&self.program) {
            vb.get_with_hints(shape.clone(), name, init)?;
        }
        let adam = Adam::from_varmap(&varmap, AdamConfig { learning_rate, ..self.config.adam })?;
        // Sorted by name, which is the program's order.
        let vars: Vec<Var> = variables(&varmap)?.into_iter().map(|(_, var)| var).collect();
        let (losses, weights) = (Vec::new(), BTreeMap::new());
        let trial = Trial { seed, learning_rate, losses, loss: f64::NAN, best: None, weights };
        Ok(Member { trial, lowest: copies(&vars)?, vars, adam })
    }

    /// Trains all members and returns them by their lowest losses, the best member first; members without a finite loss
    /// come last. A member's weights are those at its lowest loss, not its last ones. The loss is a function of the
    /// outputs `[members, .., outputs]` and returns `[members]`, in which every entry depends on that member's outputs
    /// alone.
    ///
    /// A member whose loss is not finite ends, and the others go on, unless an input is not finite.
    ///
    /// # Errors
    /// Inputs that the circuit does not take; errors of the loss, or a loss of another shape; a gradient that is
    /// missing, or not finite where the loss is; with such a loss or gradient, the first input that is not finite;
    /// states beyond the memory.
    pub fn run(
        &self,
        inputs: Option<&Tensor>,
        loss: impl Fn(&Tensor) -> candle_core::Result<Tensor>,
    ) -> Result<Vec<Trial>> {
        let mut random = Generator::seed_from_u64(self.config.seed);
        let (low, high) = self.config.learning_rates;
        let rate = |random: &mut Generator| (low.ln() + random.random::<f64>() * (high / low).ln()).exp();
        let member = |number| self.member(number, rate(&mut random).clamp(low, high));
        let mut members = (0..self.config.members).map(member).collect::<Result<Vec<_>>>()?;
        for step in 0..=self.config.steps {
            let losses = loss(&self.outputs(&members, inputs)?)?;
            let expected = members.len();
            if losses.dims() != [expected] {
                let (what, actual) = ("the losses of a random search", losses.shape().clone());
                return Err(Error::Tensor(TensorError::Shape { what, expected: expected.into(), actual }));
            }
            let values: Vec<f64> = host_numbers(&losses)?;
            let gradients = if step < self.config.steps { Some(losses.sum_all()?.backward()?) } else { None };
            if !values.iter().all(|value| value.is_finite()) {
                refuse_not_finite(inputs)?;
            }
            let is_alive = |member: &Member| member.trial.losses.last().is_none_or(|last| last.is_finite());
            for (member, value) in members.iter_mut().zip(values).filter(|(member, _)| is_alive(member)) {
                member.note(value)?;
                if let Some(gradients) = gradients.as_ref().filter(|_| value.is_finite()) {
                    member.adam.try_step(gradients).or_else(|error| refuse_not_finite(inputs).and(Err(error)))?;
                }
            }
        }
        let mut trials: Vec<Trial> = members.into_iter().map(|member| self.finish(member)).collect();
        let key = |trial: &Trial| if trial.best.is_some() { trial.loss } else { f64::INFINITY };
        trials.sort_by(|a, b| key(a).total_cmp(&key(b)));
        Ok(trials)
    }

    /// Returns the outputs of all members.
    fn outputs(&self, members: &[Member], inputs: Option<&Tensor>) -> Result<Tensor> {
        let stacked = |place: usize| {
            let tensors: Vec<&Tensor> = members.iter().map(|member| member.vars[place].as_tensor()).collect();
            Tensor::stack(&tensors, 0)
        };
        let weights = (0..self.program.tensors.len()).map(stacked).collect::<candle_core::Result<Vec<_>>>()?;
        let weights: Vec<&Tensor> = weights.iter().collect();
        let RandomSearchConfig { ref simulation, memory_limit, dtype, ref device, .. } = self.config;
        let options = Options { simulation: simulation.clone(), ..Options::limited(memory_limit) };
        run_ensemble(&self.program, &options, members.len(), (dtype, device), inputs, &weights)
    }

    fn finish(&self, member: Member) -> Trial {
        let named = self.program.tensors.iter().zip(member.lowest);
        Trial { weights: named.map(|(tensor, weights)| (tensor.name.clone(), weights)).collect(), ..member.trial }
    }
}

/// Refuses inputs of which one is not finite.
fn refuse_not_finite(inputs: Option<&Tensor>) -> Result<()> {
    inputs.map(feature_not_finite).transpose()?.flatten().map_or(Ok(()), Err)
}
