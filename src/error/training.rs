//! Training and searches that cannot go on.

use super::Mistake;

/// Training and searches that cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainingError {
    /// Nothing to train: no variables, or none with an entry.
    #[error("{of} has no variables to train")]
    NoVariables {
        /// The optimiser, or what needs one.
        of: &'static str,
    },
    /// A step for which no variable has a gradient: the loss does not depend on any of them, or an operation on the way has no derivative.
    #[error(
        "{of}: no variable has a gradient (of {variables:?}); is something detached, or without a derivative, between them and the loss?"
    )]
    NoVariableGradient {
        /// The optimiser, or what reads the gradients.
        of: &'static str,
        /// Names of the variables, or their indices where they have no names.
        variables: Vec<String>,
    },
    /// A gradient that is NaN or infinite, where a step was to be taken along it.
    #[error("the gradient of weight tensor `{name}` is not finite, or too large to be squared")]
    GradientNotFinite {
        /// Name of the tensor.
        name: String,
    },
    /// An energy that is NaN or infinite, where it was to be minimised.
    #[error("the energy is {energy} after {step} step(s)")]
    EnergyNotFinite {
        /// Steps that were made.
        step: usize,
        /// The energy.
        energy: f64,
    },
    /// Costs of bit strings that are not as many as there are strings.
    #[error("costs: {0}")]
    Costs(Mistake),
    /// A cost that is NaN or infinite, where the lowest was sought.
    #[error("the cost of bit string {bits} is {cost}, which is not finite")]
    CostNotFinite {
        /// The string, bit `q` being qubit `q`.
        bits: u64,
        /// Its cost.
        cost: f64,
    },
    /// A perturbation that is lost in the rounding of a variable.
    #[error("no entry of weight tensor `{name}` moves by a perturbation of {by}")]
    Unmoved {
        /// Name of the tensor.
        name: String,
        /// Distance its entries were to move.
        by: f64,
    },
    /// A metric tensor, with its damping, that cannot be inverted.
    #[error("the metric tensor of {variables} weights with a damping of {damping} is not positive definite")]
    Metric {
        /// Its size.
        variables: usize,
        /// Number added to its diagonal.
        damping: f64,
    },
    /// An optimiser whose state cannot be saved, as it does not know its variables' names.
    #[error("variable {index} has no name to be saved under; make the optimiser from a `VarMap`")]
    Unnamed {
        /// Index of the variable, in the order in which they were given.
        index: usize,
    },
    /// A saved state that does not fit what is to take it up.
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
