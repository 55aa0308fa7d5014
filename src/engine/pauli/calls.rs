//! Calls of the engine: memory is checked, and blocks are shared between threads.

use super::blocks::Call;
use super::memory::{Blocks, Waiting};
use super::sweep::Room;
use crate::engine::pool::WorkspacePool;
use crate::engine::{Gradients, NeedsGrad, Options, Real, Saved, share, threads};
use crate::error::{MemoryError, Result};
use crate::memory::{exceeded_budget, zeroed_vec};
use crate::program::paths::Paths;

/// Moves of words times samples below which threads cost more time than they save.
const SERIAL_WORK: usize = 1 << 14;

/// Bytes of a block for a gradient.
pub(super) fn block_bytes<T: Real, const L: usize>(paths: &Paths) -> u64 {
    Room::<T, L>::bytes(paths, true)
}

/// Checks that a block of samples fits the memory, beside others that take `beside` bytes.
pub(super) fn check_memory<T: Real, const L: usize>(
    paths: &Paths,
    options: &Options,
    gradient: bool,
    beside: u64,
) -> Result<()> {
    let needed = Room::<T, L>::bytes(paths, gradient).checked_add(beside);
    match exceeded_budget(needed, options.memory_limit) {
        Some(budget) => Err(MemoryError::Numbers { what: "the words of a block of samples", needed, budget }.into()),
        None => Ok(()),
    }
}

/// Bytes of blocks that wait for gradients, if they count against a limit. The machine has counted them already.
fn waiting<T: Real>(call: &Call<'_, T>, options: &Options) -> u64 {
    if options.memory_limit.is_some() { WorkspacePool::of(call.program).waiting() as u64 } else { 0 }
}

/// Returns on how many threads blocks may be worked on.
fn threads_for<T: Real, const L: usize>(
    call: &Call<'_, T>,
    gradient: bool,
    options: &Options,
    beside: u64,
) -> Result<usize> {
    check_memory::<T, L>(call.paths(), options, gradient, beside)?;
    let threads = threads::thread_count();
    let all = Room::<T, L>::bytes(call.paths(), gradient).checked_mul(threads as u64);
    let needed = all.and_then(|all| all.checked_add(beside));
    let is_large = call.paths().work().saturating_mul(call.arguments.batch) >= SERIAL_WORK;
    Ok(if is_large && exceeded_budget(needed, options.memory_limit).is_none() { threads } else { 1 })
}

/// Computes all outputs. If `save`, and if a quarter of the memory is enough, the blocks stay as they are for the
/// gradient.
pub(super) fn forward<T: Real, const L: usize>(
    call: &Call<'_, T>,
    options: &Options,
    save: bool,
) -> Result<(Vec<T>, Option<Saved>)> {
    let (program, paths) = (call.program, call.paths());
    let beside = waiting(call, options);
    let threads = threads_for::<T, L>(call, false, options, beside)?;
    let (width, count) = (call.width(), call.arguments.batch.div_ceil(L));
    let mut outputs = zeroed_vec("outputs", call.arguments.batch * width)?;
    let rows = outputs.chunks_mut((L * width).max(1));
    let saved = block_bytes::<T, L>(paths).checked_mul(4 * count as u64).and_then(|all| all.checked_add(beside));
    let save = save && width > 0 && exceeded_budget(saved, options.memory_limit).is_none();
    let mut blocks = Blocks::<T, L>::take(program, if save { count } else { threads.min(count) }, paths, save)?;
    if !save {
        share::for_each_item(threads > 1, &mut blocks.list, rows.enumerate(), |block, (index, rows)| {
            call.forward(block, L * index, rows, false);
        });
        blocks.give_back(&program.cache);
        return Ok((outputs, None));
    }
    let items = blocks.list.iter_mut().zip(rows).enumerate();
    share::for_each_item(threads > 1, &mut Vec::<()>::new(), items, |(), (index, (block, rows))| {
        call.forward(block, L * index, rows, true);
    });
    Ok((outputs, Some(Box::new(Waiting::new(blocks, call.arguments, program)))))
}

/// Computes the gradients, from the blocks of the forward pass if they wait.
pub(super) fn gradient<T: Real, const L: usize>(
    call: &Call<'_, T>,
    options: &Options,
    (cotangent, needs_grad): (&[T], NeedsGrad),
    saved: Option<Saved>,
) -> Result<Gradients<T>> {
    let (program, batch) = (call.program, call.arguments.batch);
    let saved = saved.and_then(|saved| saved.downcast::<Waiting<T, L>>().ok());
    let saved = saved.and_then(|waiting| waiting.of(call.arguments));
    let threads = threads_for::<T, L>(call, true, options, waiting(call, options))?;
    let (width, count) = (program.engine_inputs, batch.div_ceil(L));
    let mut inputs = zeroed_vec("gradients of inputs", if needs_grad.inputs { batch * width } else { 0 })?;
    let mut found: Vec<Option<Vec<f64>>> = (0..count).map(|_| None).collect();
    let mut rows = inputs.chunks_mut((L * width).max(1));
    let items = found.iter_mut().enumerate().map(|(index, to)| (index, to, rows.next()));
    let blocks = match saved {
        Some(mut blocks) => {
            let items = blocks.list.iter_mut().zip(items);
            share::for_each_item(threads > 1, &mut Vec::<()>::new(), items, |(), (block, (index, to, rows))| {
                *to = Some(call.gradient(block, L * index, cotangent, rows));
            });
            blocks
        }
        None => {
            let mut blocks = Blocks::<T, L>::take(program, threads.min(count), call.paths(), true)?;
            share::for_each_item(threads > 1, &mut blocks.list, items, |block, (index, to, rows)| {
                call.forward(block, L * index, &mut [], true);
                *to = Some(call.gradient(block, L * index, cotangent, rows));
            });
            blocks
        }
    };
    blocks.give_back(&program.cache);
    // Blocks are added in order, on however many threads they were computed.
    let mut weights = vec![0.0; program.weights];
    for block in found.into_iter().flatten() {
        weights.iter_mut().zip(block).for_each(|(to, from)| *to += from);
    }
    Ok(Gradients {
        inputs: needs_grad.inputs.then_some(inputs),
        weights: needs_grad.weights.then(|| weights.into_iter().map(T::from_f64).collect()),
    })
}
