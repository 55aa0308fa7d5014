//! Limits of a circuit, and checks of sizes from a caller before anything of that size is allocated.

use crate::error::{Error, MemoryError, Result};
use crate::memory::{check_numbers, exceeded_budget};
use candle_core::{DType, Tensor};

/// Largest number of qubits of a circuit. On more than [`MAX_STATE_QUBITS`], only
/// [`Simulation::Pauli`](crate::Simulation::Pauli) computes values.
pub const MAX_QUBITS: usize = 256;

/// Largest number of qubits of a state: a basis index must fit a `u64`, and its byte offset too.
pub const MAX_STATE_QUBITS: usize = 58;

/// Largest number of qubits on which a dense unitary may act: 64 x 64 entries. A Hermitian matrix on more qubits is a sum
/// of Pauli words.
pub const MAX_MATRIX_QUBITS: usize = 6;

/// Largest number of qubits of a channel that is given by its Kraus operators.
pub(crate) const MAX_KRAUS_QUBITS: usize = 3;

/// Largest number of Kraus operators of a channel.
pub(crate) const MAX_KRAUS_OPERATORS: usize = 4096;

/// Largest number of entries of all weight tensors of a circuit together.
pub const MAX_WEIGHTS: usize = 1 << 31;

/// Largest number of operations of a circuit: they take a few GB.
pub(crate) const MAX_OPERATIONS: usize = 1 << 24;

/// Returns the first items, at most `limit + 1`, and the number of items. The number is exact up to the limit; beyond
/// it, it is at least the lower bound that the iterator reports.
pub(crate) fn at_most<T>(limit: usize, items: impl IntoIterator<Item = T>) -> (Vec<T>, usize) {
    let items = items.into_iter();
    let said = items.size_hint().0;
    let taken: Vec<T> = items.take(limit + 1).collect();
    let count = if taken.len() > limit { said.max(taken.len()) } else { taken.len() };
    (taken, count)
}

/// Collects the qubits of an operation, at most one more than the limit: among more qubits than a circuit may have, a
/// qubit is out of range or occurs twice.
pub(crate) fn some_qubits(qubits: impl IntoIterator<Item = usize>) -> Vec<usize> {
    at_most(MAX_QUBITS, qubits).0
}

/// Largest number of observables of a measurement.
pub(crate) const MAX_OBSERVABLES: usize = 1 << 20;

/// Returns all items, or, if the memory is too small for them, the number that fits.
pub(crate) fn within_memory<T>(items: impl IntoIterator<Item = T>) -> Result<Vec<T>, usize> {
    let items = items.into_iter();
    let mut taken = Vec::new();
    let grown = |count: usize| {
        let bytes = (count as u64).checked_mul(size_of::<T>() as u64);
        exceeded_budget(bytes, None).map_or(Ok(()), |budget| Err((budget / size_of::<T>() as u64) as usize))
    };
    grown(items.size_hint().0)?;
    for item in items {
        if taken.len() == taken.capacity() {
            // While the items are copied to twice the space, the old copy stays.
            grown(taken.len().saturating_mul(3))?;
        }
        taken.push(item);
    }
    Ok(taken)
}

/// Returns the product of some dimensions.
pub(crate) fn checked_product(what: &'static str, sizes: &[usize]) -> Result<usize> {
    if sizes.contains(&0) {
        return Ok(0);
    }
    let product = sizes.iter().try_fold(1usize, |product, size| product.checked_mul(*size));
    match product {
        Some(product) => Ok(product),
        None => check_numbers(what, None).map(|()| usize::MAX),
    }
}

/// Checks that there is memory for a contiguous copy of a tensor in a dtype, if a copy is needed.
pub(crate) fn check_copy(what: &'static str, tensor: &Tensor, dtype: DType) -> Result<()> {
    match tensor.is_contiguous() && tensor.dtype() == dtype {
        true => Ok(()),
        false => check_copies(what, tensor, dtype, 1),
    }
}

/// Checks that there is memory on the host for some tensors of a tensor's shape in a dtype: a tensor on the host may be
/// a broadcast of one number to a shape that memory does not hold.
pub(crate) fn check_copies(what: &'static str, tensor: &Tensor, dtype: DType, copies: u64) -> Result<()> {
    if !tensor.device().is_cpu() {
        return Ok(());
    }
    let entries = checked_product(what, tensor.dims())? as u64;
    let needed = entries.checked_mul(dtype.size_in_bytes() as u64).and_then(|bytes| bytes.checked_mul(copies));
    match exceeded_budget(needed, None) {
        Some(budget) => Err(Error::Memory(MemoryError::Numbers { what, needed, budget })),
        None => Ok(()),
    }
}

/// Checks that there is memory for a choice of rows from tensors along their first axes, and for what the choice takes
/// on the way: contiguous copies, and the indices.
pub(crate) fn check_rows(what: &'static str, tensors: &[&Tensor], rows: usize) -> Result<()> {
    let mut needed = (rows as u64).checked_mul(size_of::<u32>() as u64);
    for tensor in tensors.iter().filter(|tensor| tensor.device().is_cpu()) {
        let row = checked_product(what, tensor.dims().get(1..).unwrap_or_default())? as u64;
        let all = if tensor.is_contiguous() { 0 } else { checked_product(what, tensor.dims())? as u64 };
        let entries = row.checked_mul(rows as u64).and_then(|chosen| chosen.checked_add(all));
        let bytes = entries.and_then(|entries| entries.checked_mul(tensor.dtype().size_in_bytes() as u64));
        needed = needed.zip(bytes).and_then(|(needed, bytes)| needed.checked_add(bytes));
    }
    match exceeded_budget(needed, None) {
        Some(budget) => Err(Error::Memory(MemoryError::Numbers { what, needed, budget })),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_do_not_wrap() {
        assert_eq!(checked_product("samples", &[3, 4]).expect("countable"), 12);
        assert_eq!(checked_product("samples", &[1 << 40, 0, 1 << 40]).expect("nothing"), 0);
        for sizes in [[1 << 32, 1 << 32], [usize::MAX, 3]] {
            assert!(matches!(
                checked_product("samples", &sizes),
                Err(Error::Memory(MemoryError::Numbers { needed: None, .. }))
            ));
        }
    }

    #[test]
    fn iterators_are_not_taken_to_their_end() {
        assert_eq!(at_most(2, [1, 2]), (vec![1, 2], 2));
        assert_eq!(at_most(2, 0..usize::MAX), (vec![0, 1, 2], usize::MAX));
        assert_eq!(at_most(2, std::iter::repeat_with(|| 7)).0.len(), 3);
        assert_eq!(within_memory(0..1000u64), Ok((0..1000).collect()));
        assert!(within_memory(0..1u64 << 58).is_err_and(|limit| limit < 1 << 58));
    }
}
