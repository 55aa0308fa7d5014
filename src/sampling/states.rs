//! Reads the final states of a batch on the host, in their own precision.

use super::final_state::{FinalState, each_density};
use crate::engine::share;
use crate::error::{Error, Result, TensorError};
use candle_core::{CpuStorage, Device, Storage, Tensor, WithDType};

/// Function of a state.
pub(crate) trait Reader: Sync {
    type Found: Send;

    fn read<T: WithDType>(&self, row: usize, state: FinalState<'_, T>) -> Self::Found;
}

/// Passes each state of `[batch, 2^n, 2]` to a reader.
pub(crate) fn read_states<R: Reader>(states: &Tensor, reader: &R) -> Result<Vec<R::Found>> {
    let states = states.to_device(&Device::Cpu)?.contiguous()?;
    let size = states.elem_count() / states.dim(0)?.max(1);
    let (storage, layout) = states.storage_and_layout();
    let elements = layout.start_offset()..layout.start_offset() + states.elem_count();
    match &*storage {
        Storage::Cpu(CpuStorage::F32(all)) => Ok(rows(&all[elements], size, reader)),
        Storage::Cpu(CpuStorage::F64(all)) => Ok(rows(&all[elements], size, reader)),
        _ => Err(Error::Tensor(TensorError::UnsupportedDType { what: "the state".to_owned(), dtype: states.dtype() })),
    }
}

fn rows<T: WithDType, R: Reader>(all: &[T], size: usize, reader: &R) -> Vec<R::Found> {
    share::map_items(all.chunks(size.max(1)).enumerate(), |(row, amplitudes)| {
        reader.read(row, FinalState::Amplitudes(amplitudes))
    })
}

/// Passes the density matrix of each row of words, `[batch, 4^n]`, to a reader.
pub(crate) fn read_densities<R: Reader>(words: &Tensor, reader: &R) -> Result<Vec<R::Found>> {
    each_density(words, |row, state| reader.read(row, state))
}
