//! Check of features that become amplitudes: a sample of zeros has no state.

use crate::error::{Error, Result, TensorError};
use crate::program::Program;
use candle_core::{CpuStorage, DType, Device, Storage, Tensor};

/// Refuses samples whose embedded features are all zero, unless zeros are the zero state. `rows` are contiguous.
///
/// On the host a sample costs a look at its first feature that is not zero. A GPU sums features up, and the call waits
/// for it. Features that are NaN or infinite are no matter of this check.
pub(super) fn check_embedded(program: &Program, rows: &Tensor) -> Result<()> {
    let Some(embedding) = program.embedding.filter(|embedding| !embedding.zero_state) else { return Ok(()) };
    let (first, count, width) = (embedding.first, embedding.count, rows.dim(1)?);
    let found = {
        let (storage, layout) = rows.storage_and_layout();
        // A part of a larger tensor has the storage of all of it.
        let own = layout.start_offset()..layout.start_offset() + rows.elem_count();
        match &*storage {
            Storage::Cpu(CpuStorage::F32(all)) => zero_row(&all[own], width, first..first + count),
            Storage::Cpu(CpuStorage::F64(all)) => zero_row(&all[own], width, first..first + count),
            _ => {
                drop(storage);
                let sizes = rows.narrow(1, first, count)?.abs()?.sum(1)?;
                let sizes: Vec<f64> = sizes.to_device(&Device::Cpu)?.to_dtype(DType::F64)?.to_vec1()?;
                sizes.iter().position(|size| *size == 0.0)
            }
        }
    };
    match found {
        Some(sample) => Err(Error::Tensor(TensorError::NoState { sample, first, last: first + count - 1 })),
        None => Ok(()),
    }
}

/// Returns the first row whose features in the range are all zero.
fn zero_row<T: Copy + Default + PartialEq>(all: &[T], width: usize, range: std::ops::Range<usize>) -> Option<usize> {
    all.chunks_exact(width.max(1)).position(|row| row[range.clone()].iter().all(|feature| *feature == T::default()))
}
