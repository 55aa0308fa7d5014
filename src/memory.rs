//! Memory limits, checked before a computation allocates.

mod machine;

use crate::error::{Error, MemoryError, Result};

/// Size in bytes up to which computations are not compared with the machine: the comparison takes as long as they do.
const UNQUESTIONED: u64 = 1 << 24;

/// Returns the budget if `needed` bytes exceed it.
pub(crate) fn exceeded_budget(needed: Option<u64>, limit: Option<u64>) -> Option<u64> {
    let small = needed.is_some_and(|bytes| bytes <= UNQUESTIONED);
    let budget = match limit {
        Some(limit) => limit,
        None if small => return None,
        None => available(),
    };
    if needed.is_some_and(|bytes| bytes <= budget) { None } else { Some(budget) }
}

/// Returns how many of `further` bytes fit the memory beside `needed` bytes.
pub(crate) fn memory_left(needed: u64, further: u64, limit: Option<u64>) -> u64 {
    match exceeded_budget(needed.checked_add(further), limit) {
        Some(budget) => further.min(budget.saturating_sub(needed)),
        None => further,
    }
}

/// Checks that numbers fit the available memory of the host: a count of `f64`, or `None` if it overflows.
pub(crate) fn check_numbers(what: &'static str, numbers: Option<u64>) -> Result<()> {
    let needed = numbers.and_then(|numbers| numbers.checked_mul(8));
    match exceeded_budget(needed, None) {
        Some(budget) => Err(Error::Memory(MemoryError::Numbers { what, needed, budget })),
        None => Ok(()),
    }
}

/// Returns the bytes that this process can still allocate. If the system does not report them, the result is the
/// largest size of an address range, and allocations fail on their own.
fn available() -> u64 {
    machine::available_memory().unwrap_or(isize::MAX as u64)
}

/// Allocates zeros, or returns an error if there is no memory for them.
pub(crate) fn zeroed_vec<T: Copy + Default>(what: &'static str, count: usize) -> Result<Vec<T>> {
    let mut zeros = Vec::new();
    let refused =
        |_| Error::Memory(MemoryError::Refused { what, bytes: (count as u64).saturating_mul(size_of::<T>() as u64) });
    zeros.try_reserve_exact(count).map_err(refused)?;
    zeros.resize(count, T::default());
    Ok(zeros)
}
