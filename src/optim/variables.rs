//! The variables of a model, in an order that does not change from run to run, and the variables that no gradient has
//! reached.

use crate::error::{Error, Result, TrainingError};
use crate::numbers::first_not_finite;
use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use candle_nn::VarMap;

/// Returns the variables of `varmap` with their names, sorted by name. `VarMap::all_vars` has another order in each
/// run.
///
/// # Errors
/// A map whose lock is poisoned.
pub fn variables(varmap: &VarMap) -> Result<Vec<(String, Var)>> {
    let data = varmap.data().lock().map_err(|error| candle_core::Error::msg(error.to_string()))?;
    let mut variables: Vec<_> = data.iter().map(|(name, var)| (name.clone(), var.clone())).collect();
    variables.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(variables)
}

/// Refuses variables without any entry to train.
pub(crate) fn require_entries<'a>(of: &'static str, vars: impl IntoIterator<Item = &'a Var>) -> Result<()> {
    match vars.into_iter().any(|var| var.elem_count() > 0) {
        true => Ok(()),
        false => Err(Error::Training(TrainingError::NoVariables { of })),
    }
}

/// Refuses gradients without any of these variables.
pub(crate) fn require_gradient(of: &'static str, variables: &[(String, Var)], gradients: &GradStore) -> Result<()> {
    require_entries(of, variables.iter().map(|(_, var)| var))?;
    if variables.iter().any(|(_, var)| gradients.get(var).is_some()) {
        return Ok(());
    }
    let trained = variables.iter().filter(|(_, var)| var.elem_count() > 0);
    Err(Error::Training(TrainingError::NoVariableGradient {
        of,
        variables: trained.map(|(name, _)| name.clone()).collect(),
    }))
}

/// Returns the error of the first weight that is not finite.
pub(crate) fn weight_not_finite(variables: &[(String, Var)]) -> Result<Option<Error>> {
    for (name, var) in variables {
        if let Some((entry, _, value)) = first_not_finite(var, 1)? {
            return Ok(Some(TrainingError::WeightNotFinite { name: name.clone(), entry, value }.into()));
        }
    }
    Ok(None)
}

/// Variables that no gradient has reached: in every step so far their gradient was missing or all 0.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unreached(Vec<(String, Var)>);

impl Unreached {
    /// Takes all of these variables that have entries.
    pub(crate) fn new(variables: Vec<(String, Var)>) -> Self {
        Self(variables.into_iter().filter(|(_, var)| var.elem_count() > 0).collect())
    }

    /// Notes a step. A variable that was reached once is not checked again.
    pub(crate) fn note(&mut self, gradients: &GradStore) -> Result<()> {
        let mut waiting = Vec::new();
        for (name, var) in self.0.drain(..) {
            if gradients.get(&var).map(is_zero).transpose()?.is_none_or(|zero| zero) {
                waiting.push((name, var));
            }
        }
        self.0 = waiting;
        Ok(())
    }

    /// Returns their names, in the order of the variables.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Retains only the variables whose names `named` accepts.
    #[cfg(feature = "train")]
    pub(crate) fn retain(&mut self, named: impl Fn(&str) -> bool) {
        self.0.retain(|(name, _)| named(name));
    }
}

/// Returns whether all entries, at least one, are 0.
fn is_zero(gradient: &Tensor) -> Result<bool> {
    let nonzero = gradient.detach().ne(0.0)?.flatten_all()?.max(0)?.to_scalar::<u8>()?;
    Ok(nonzero == 0)
}
