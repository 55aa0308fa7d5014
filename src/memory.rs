//! How much memory a computation may take, asked before it takes any.

mod machine;

use crate::error::{Error, MemoryError, Result};

/// Computations below this size are not compared with the machine: asking it takes as long as they do.
const UNQUESTIONED: u64 = 1 << 24;

/// The budget that `needed` bytes are beyond, if they are.
pub(crate) fn exceeded(needed: Option<u64>, limit: Option<u64>) -> Option<u64> {
    let small = needed.is_some_and(|bytes| bytes <= UNQUESTIONED);
    let budget = match limit {
        Some(limit) => limit,
        None if small => return None,
        None => available(),
    };
    if needed.is_some_and(|bytes| bytes <= budget) { None } else { Some(budget) }
}

/// How many of some further bytes there is memory for beside those that are needed.
pub(crate) fn left(needed: u64, further: u64, limit: Option<u64>) -> u64 {
    match exceeded(needed.checked_add(further), limit) {
        Some(budget) => further.min(budget.saturating_sub(needed)),
        None => further,
    }
}

/// Compares numbers on the host with the memory there is: an amount in `f64`, or `None` if it overflows.
pub(crate) fn check_numbers(what: &'static str, numbers: Option<u64>) -> Result<()> {
    let needed = numbers.and_then(|numbers| numbers.checked_mul(8));
    match exceeded(needed, None) {
        Some(budget) => Err(Error::Memory(MemoryError::Numbers { what, needed, budget })),
        None => Ok(()),
    }
}

/// Bytes this process can still get. Where nothing says, no more than an address can reach: allocations then say the rest.
fn available() -> u64 {
    machine::available().unwrap_or(isize::MAX as u64)
}

/// Zeros that the memory is asked for first: an error if there is none.
pub(crate) fn zeros<T: Copy + Default>(what: &'static str, count: usize) -> Result<Vec<T>> {
    let mut zeros = Vec::new();
    let refused =
        |_| Error::Memory(MemoryError::Refused { what, bytes: (count as u64).saturating_mul(size_of::<T>() as u64) });
    zeros.try_reserve_exact(count).map_err(refused)?;
    zeros.resize(count, T::default());
    Ok(zeros)
}
