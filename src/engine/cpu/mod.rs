//! The CPU engine: states in place, one reverse sweep, SIMD chosen at run time.
//!
//! The engine processes samples in blocks of `lanes` states (16 or 1). A block holds its amplitudes one after the
//! other, with the samples innermost, so one vector instruction treats one amplitude of 16 samples. Threads take either
//! blocks or, if there are few blocks, ranges of one block's amplitudes. The number of threads changes no bit of a
//! result: every sum is cut at the same places and added up in the same order.

#![allow(clippy::needless_range_loop, reason = "kernels read lane by lane, with equal indices in several arrays")]

mod angles;
mod batch;
mod blocks;
mod cones;
mod context;
mod execution;
mod factored;
mod footprint;
mod outcomes;
mod partition;
mod pass;
mod passes;
mod permute;
mod product_start;
mod readout;
mod scratch;
pub(crate) mod shards;
mod single;
mod state;
mod steps;
mod tables;
mod worker;
mod workspace;

use super::host::HostEngine;
use super::{Arguments, Gradients, NeedsGrad, Options, Real, share};
use crate::error::Result;
use crate::memory::zeroed_vec;
use crate::program::Program;
use angles::{GroupSums, weight_gradient};
use context::Call;
use partition::Partition;
use scratch::{Block, Scratch};
use worker::Worker;
use workspace::{SavedStates, Workspace};

/// Engine for `Device::Cpu`.
#[derive(Debug)]
pub(crate) struct Cpu;

impl HostEngine for Cpu {
    fn check<T: Real>(&self, program: &Program, batch: usize, options: &Options) -> Result<()> {
        match program.cones() {
            Some(cones) => cones.iter().try_for_each(|cone| self.check::<T>(&cone.program, batch, options)),
            None => Partition::forward::<T>(program, batch, options).map(drop),
        }
    }

    fn forward<T: Real>(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        options: &Options,
        save: bool,
    ) -> Result<(Vec<T>, Option<super::Saved>)> {
        if let Some(cones) = program.cones() {
            return cones::forward((program, cones), arguments, options, save);
        }
        let partition = &Partition::forward::<T>(program, arguments.batch, options)?;
        let (mut scratches, mut workspace) = workspace::take_workspace(program, arguments, partition, None);
        let save = save && partition.may_save;
        match save {
            true => workspace.reserve(program, partition)?,
            false if partition.may_save => workspace.blocks.truncate(partition.blocks),
            false => workspace.blocks.clear(),
        }
        scratches.reserve(program, partition, !save, false)?;
        let Workspace { prepared, blocks, .. } = &mut *workspace;
        let mut out = zeroed_vec("outputs", arguments.batch * program.engine_outputs())?;
        let call = &Call { program, arguments, partition, prepared };
        run(call, &mut scratches.0, if save { blocks } else { &mut [] }, &mut out);
        let limit = options.memory_limit;
        let (saved, done) = if save { (Some(workspace), None) } else { (None, Some(workspace)) };
        workspace::give_back(&program.cache, Some(scratches), done, limit);
        Ok((out, saved.map(|workspace| Box::new(SavedStates::new(workspace, program, limit)) as super::Saved)))
    }

    fn gradient<T: Real>(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        options: &Options,
        cotangent: &[T],
        needs_grad: NeedsGrad,
        saved: Option<super::Saved>,
    ) -> Result<Gradients<T>> {
        if let Some(cones) = program.cones() {
            return cones::gradient((program, cones), arguments, options, cotangent, needs_grad, saved);
        }
        let mut saved = saved.and_then(|saved| saved.downcast::<SavedStates<T>>().ok());
        let partition = Partition::gradient::<T>(program, arguments.batch, options);
        // A gradient without saved states is better than an error: the second try runs without them.
        let partition = &partition.or_else(|error| {
            if saved.take().is_none() {
                return Err(error);
            }
            Partition::gradient::<T>(program, arguments.batch, options)
        })?;
        let saved = saved.and_then(|saved| saved.of(arguments));
        let has_states = saved.is_some();
        let (mut scratches, mut workspace) = workspace::take_workspace(program, arguments, partition, saved);
        scratches.reserve(program, partition, !has_states, true)?;
        let Workspace { prepared, blocks, sums, .. } = &mut *workspace;
        sums.resize_with(partition.groups, GroupSums::default);
        let size = arguments.batch * program.engine_inputs;
        let mut inputs = if needs_grad.inputs { Some(zeroed_vec("gradients of inputs", size)?) } else { None };
        let call = &Call { program, arguments, partition, prepared };
        let (saved, rows) = (if has_states { blocks } else { &mut [][..] }, inputs.as_deref_mut().unwrap_or_default());
        reverse(call, &mut scratches.0, saved, sums, (cotangent, needs_grad), rows);
        let weights = needs_grad.weights.then(|| weight_gradient(program, arguments.weights, sums));
        workspace::give_back(&program.cache, Some(scratches), Some(workspace), options.memory_limit);
        Ok(Gradients { inputs, weights })
    }
}

/// Computes the outputs of all blocks, and leaves the final states in `saved` if that has places for them.
fn run<T: Real>(call: &Call<'_, T>, scratches: &mut Vec<Scratch<T>>, saved: &mut [Block<T>], out: &mut [T]) {
    let Call { program, partition, .. } = *call;
    let (each, rows) = (partition.blocks_per_split, partition.lanes * program.engine_outputs());
    let (mut saved, mut out) = (portions(saved, each), portions(out, each * rows));
    let splits = (0..partition.blocks.div_ceil(each)).map(|split| (split * each, saved(), out()));
    share::for_each_item(partition.spread_blocks, scratches, splits, |scratch, (first, saved, out)| {
        let mut out = portions(out, rows);
        for block in first..partition.blocks.min(first + each) {
            Worker { call, scratch }.forward(block, out(), saved.get_mut(block - first));
        }
    });
}

/// Computes the gradients of all groups of blocks. Each group has its own rows of the input gradient and its own sums
/// for the weights.
fn reverse<T: Real>(
    call: &Call<'_, T>,
    scratches: &mut Vec<Scratch<T>>,
    saved: &mut [Block<T>],
    sums: &mut [GroupSums],
    (cotangent, needs_grad): (&[T], NeedsGrad),
    rows: &mut [T],
) {
    let Call { program, partition, .. } = *call;
    let each = partition.blocks_per_group;
    let (mut saved, mut rows) = (portions(saved, each), portions(rows, each * partition.lanes * program.engine_inputs));
    let groups = sums.iter_mut().enumerate().map(|(group, sums)| (group, saved(), rows(), sums));
    share::for_each_item(partition.spread_blocks, scratches, groups, |scratch, (group, saved, rows, sums)| {
        Worker { call, scratch }.gradient_group(group, cotangent, needs_grad, rows, saved, sums);
    });
}

/// Returns a function that hands out the next `size` entries at each call, and the rest at the end.
fn portions<'a, X>(mut rest: &'a mut [X], size: usize) -> impl FnMut() -> &'a mut [X] {
    move || {
        let at = size.min(rest.len());
        let (portion, later) = std::mem::take(&mut rest).split_at_mut(at);
        rest = later;
        portion
    }
}
