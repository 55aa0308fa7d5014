//! The variables of a model, in an order that does not change from run to run.

use crate::error::Result;
use candle_core::Var;
use candle_nn::VarMap;

/// The variables of `varmap` with their names, sorted by name. (`VarMap::all_vars` has another order in each run.)
///
/// # Errors
/// A map whose lock is poisoned.
pub fn variables(varmap: &VarMap) -> Result<Vec<(String, Var)>> {
    let data = varmap.data().lock().map_err(|error| candle_core::Error::msg(error.to_string()))?;
    let mut variables: Vec<_> = data.iter().map(|(name, var)| (name.clone(), var.clone())).collect();
    variables.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(variables)
}
