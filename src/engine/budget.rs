//! Compares the states of a computation with the memory there is, before any is taken.

use super::Real;
use crate::error::{MemoryError, Result};
use crate::memory::exceeded;
use crate::program::Program;

/// Compares the bytes a computation needs at the least with what it may have.
///
/// `limit` is the user's own; without one it is the memory the machine has available.
pub(super) fn check<T: Real>(program: &Program, states: usize, needed: Option<u64>, limit: Option<u64>) -> Result<()> {
    match exceeded(needed, limit) {
        Some(budget) => {
            Err(MemoryError::States { qubits: program.qubits(), dtype: T::DTYPE, states, needed, budget }.into())
        }
        None => Ok(()),
    }
}
