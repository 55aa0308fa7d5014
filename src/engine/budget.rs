//! Budget of memory: the states of a computation are compared with the available memory before any is allocated.

use super::Real;
use crate::error::{MemoryError, Result};
use crate::memory::exceeded_budget;
use crate::program::Program;

/// Returns an error if a computation needs more bytes than it may have.
///
/// `limit` is the user's limit. Without a limit, the computation may have the memory that the machine has available.
pub(super) fn check<T: Real>(program: &Program, states: usize, needed: Option<u64>, limit: Option<u64>) -> Result<()> {
    match exceeded_budget(needed, limit) {
        Some(budget) => {
            Err(MemoryError::States { qubits: program.qubits(), dtype: T::DTYPE, states, needed, budget }.into())
        }
        None => Ok(()),
    }
}
