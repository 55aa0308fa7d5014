//! The weights of a run by name: copies, and the way back.

use crate::error::{Error, Result, TrainingError};
use crate::hash::Fnv;
use crate::numbers::host_numbers;
use crate::optim::variables;
use candle_core::{Tensor, Var};
use candle_nn::VarMap;
use std::collections::HashMap;

/// Returns copies of all variables, by name.
pub(super) fn weights(varmap: &VarMap) -> Result<HashMap<String, Tensor>> {
    variables(varmap)?.into_iter().map(|(name, var)| Ok((name, var.copy()?.detach()))).collect()
}

/// Checks that there is a tensor for each variable.
pub(super) fn check(varmap: &VarMap, tensors: &HashMap<String, Tensor>, prefix: &str) -> Result<()> {
    for (name, var) in variables(varmap)? {
        let described = |tensor: &Tensor| format!("{:?} {:?}", tensor.dtype(), tensor.shape());
        let fits = |tensor: &&Tensor| tensor.dtype() == var.dtype() && tensor.shape() == var.shape();
        let found = tensors.get(&name);
        if found.filter(fits).is_none() {
            let actual = found.map_or_else(|| "missing".to_owned(), described);
            return Err(Error::Training(TrainingError::SavedState {
                name: format!("{prefix}{name}"),
                expected: described(&var),
                actual,
            }));
        }
    }
    Ok(())
}

/// Sets all variables to the tensors of their names.
pub(super) fn set(varmap: &VarMap, to: &HashMap<String, Tensor>, prefix: &str) -> Result<()> {
    check(varmap, to, prefix)?;
    for (name, var) in variables(varmap)? {
        if let Some(tensor) = to.get(&name) {
            var.set(&tensor.to_device(var.device())?)?;
        }
    }
    Ok(())
}

/// Hashes the names, dtypes and shapes of variables, and their numbers.
pub(super) fn hashes(variables: &[(String, Var)]) -> Result<[u64; 2]> {
    let (mut names, mut numbers) = (Fnv::new(), Fnv::new());
    for (name, var) in variables {
        names.bytes(format!("{name} {:?} {:?}\n", var.dtype(), var.shape()).as_bytes());
        host_numbers(var)?.iter().for_each(|number| numbers.bytes(&number.to_le_bytes()));
    }
    Ok([names.value(), numbers.value()])
}
