//! Errors of training and searches.

use super::Mistake;

/// Training and searches that cannot continue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingError {
    /// Nothing to train: no variables, or no variable with an entry.
    #[error("{of} has no variables to train")]
    NoVariables {
        /// Name of the optimiser or function.
        of: &'static str,
    },
    /// A step in which no variable has a gradient: the loss does not depend on any of them, or an operation in between
    /// has no derivative.
    #[error(
        "{of}: no variable has a gradient (of {variables:?}); is something detached, or without a derivative, between them and the loss?"
    )]
    NoVariableGradient {
        /// Name of the optimiser or function.
        of: &'static str,
        /// Names of the variables, or their indices if they have no names.
        variables: Vec<String>,
    },
    /// A gradient that is NaN or infinite, so that no step can be taken along it.
    #[error("the gradient of weight tensor `{name}` is not finite, or too large to be squared")]
    GradientNotFinite {
        /// Name of the tensor.
        name: String,
    },
    /// A feature or a target of a training that is NaN or infinite, and the loss or the gradients with it.
    #[error("{what} {column} of sample {sample} of the {set} set is {value}, which is not finite")]
    SampleNotFinite {
        /// `training` or `validation`.
        set: &'static str,
        /// Number of the sample in its set, counted from 0.
        sample: usize,
        /// `feature` or `target`.
        what: &'static str,
        /// Index of the feature among all of the sample's, or of the target, counted from 0.
        column: usize,
        /// The value.
        value: f64,
    },
    /// A weight that is NaN or infinite, and the loss or the gradients with it.
    #[error("entry {entry} of weight tensor `{name}` is {value}, which is not finite")]
    WeightNotFinite {
        /// Name of the tensor.
        name: String,
        /// Index of the entry in the flattened tensor.
        entry: usize,
        /// The value.
        value: f64,
    },
    /// A loss that is NaN or infinite, so that it cannot be minimised.
    #[error("{of}: the loss is {loss} at evaluation {evaluation}")]
    LossNotFinite {
        /// Name of the optimiser.
        of: &'static str,
        /// Number of the evaluation, of a training the number of the step, counted from 1.
        evaluation: usize,
        /// Value of the loss.
        loss: f64,
    },
    /// An energy that is NaN or infinite, so that it cannot be minimised.
    #[error("the energy is {energy} after {step} step(s)")]
    EnergyNotFinite {
        /// Number of steps so far.
        step: usize,
        /// Value of the energy.
        energy: f64,
    },
    /// An adaptive eigensolver without operators to choose from.
    #[error("the operator pool is empty")]
    EmptyPool,
    /// An operator of a pool that does not fit the circuit.
    #[error("operator {index} of the pool: {mistake}")]
    PoolOperator {
        /// Index of the operator in the pool.
        index: usize,
        /// Mistake in the operator.
        mistake: Mistake,
    },
    /// A number of costs other than the number of bit strings.
    #[error("costs: {0}")]
    Costs(Mistake),
    /// A cost that is NaN or infinite, so that there is no lowest cost.
    #[error("the cost of bit string {bits} is {cost}, which is not finite")]
    CostNotFinite {
        /// Bit string; bit `q` is qubit `q`.
        bits: u64,
        /// Cost of the string.
        cost: f64,
    },
    /// A perturbation that is lost in the rounding of a variable.
    #[error("no entry of weight tensor `{name}` moves by a perturbation of {by}")]
    Unmoved {
        /// Name of the tensor.
        name: String,
        /// Distance by which its entries would move.
        by: f64,
    },
    /// A weight in which the output of a circuit cannot be minimised exactly.
    #[error("entry {entry} of weight tensor `{name}` has no exact minimum: {problem}")]
    Spectrum {
        /// Name of the tensor.
        name: String,
        /// Index of the entry in the flattened tensor.
        entry: usize,
        /// Property of the circuit that prevents it.
        problem: &'static str,
    },
    /// A metric tensor, with its damping, that cannot be inverted.
    #[error("the metric tensor of {variables} weights with a damping of {damping} is not positive definite")]
    Metric {
        /// Number of rows of the metric tensor.
        variables: usize,
        /// Number added to its diagonal.
        damping: f64,
    },
    /// A score to watch that the training does not have.
    #[error("there is no score `{name}` to monitor, only {known:?}")]
    UnknownScore {
        /// Name of the score.
        name: String,
        /// Names of the training's scores.
        known: Vec<String>,
    },
    /// A score that is to choose an epoch or to reduce the step size, and is NaN in all of them.
    #[error("the score `{name}` is NaN in all {epochs} epoch(s), so that none of them is better than another")]
    NoScore {
        /// Name of the score.
        name: String,
        /// Number of epochs.
        epochs: usize,
    },
    /// Two scores of one name.
    #[error("a training has two scores of the name `{name}`")]
    ScoreTwice {
        /// Name of the scores.
        name: String,
    },
    /// An optimiser whose state cannot be saved, because it does not know its variables' names.
    #[error("variable {index} has no name to be saved under; make the optimiser from a `VarMap`")]
    Unnamed {
        /// Index of the variable, in the order in which they were given.
        index: usize,
    },
    /// A saved state that does not fit the optimiser.
    #[error("the saved tensor `{name}` is {actual}, expected {expected}")]
    SavedState {
        /// Name of the tensor.
        name: String,
        /// Dtype and shape that fit.
        expected: String,
        /// Dtype and shape that were saved.
        actual: String,
    },
}
