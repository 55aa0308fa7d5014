//! The CPU engine: states in place, one reverse sweep, SIMD chosen at run time.
//!
//! Samples are processed in blocks of `lanes` states (16 or 1) held amplitude by amplitude with the samples innermost, so
//! that one vector instruction treats one amplitude of 16 samples. Threads share out either blocks or, when there are
//! few of them, ranges of one block's amplitudes. Neither changes any bit of a result: every sum is cut at the same places
//! and added up in the same order.

#![allow(clippy::needless_range_loop, reason = "kernels read lane by lane, with equal indices in several arrays")]

mod angles;
mod batch;
mod blocks;
mod context;
mod execution;
mod footprint;
mod memory;
mod numbers;
mod passes;
mod permute;
mod plan;
mod prepare;
mod product_start;
mod readout;
mod scratch;
mod simd;
mod single;
mod spares;
mod state;
mod steps;
mod worker;
mod workspace;

use super::{Arguments, Engine, Gradients, Real, Wanted, share};
use crate::error::Result;
use crate::memory::zeros;
use crate::program::Program;
use angles::{GroupSums, weight_gradient};
use candle_core::DType;
use context::Call;
use plan::Plan;
use scratch::{Block, Scratch};
pub(crate) use simd::Vectored;
use worker::Worker;
pub(crate) use workspace::Kept;
use workspace::Workspace;

/// The engine for `Device::Cpu`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cpu {
    /// Bytes its states may take; `None` for what the machine has available.
    pub(crate) memory_limit: Option<u64>,
}

impl<T: Real> Engine<T> for Cpu {
    type Kept = Kept<T>;

    fn forward(&self, program: &Program, arguments: Arguments<'_, T>, keep: bool) -> Result<(Vec<T>, Option<Kept<T>>)> {
        let plan = &Plan::forward::<T>(program, arguments.batch, *self)?;
        let (mut rooms, mut workspace) = workspace::take(program, arguments, plan, None);
        let keep = keep && plan.may_keep;
        match keep {
            true => workspace.reserve(program, plan)?,
            false if plan.may_keep => workspace.blocks.truncate(plan.blocks),
            false => workspace.blocks.clear(),
        }
        rooms.reserve(program, plan, !keep, false)?;
        let Workspace { prepared, blocks, .. } = &mut *workspace;
        let mut out = zeros("outputs", arguments.batch * program.outputs())?;
        let call = &Call { program, arguments, plan, prepared };
        run(call, &mut rooms.0, if keep { blocks } else { &mut [] }, &mut out);
        let limit = self.memory_limit;
        let (kept, done) = if keep { (Some(workspace), None) } else { (None, Some(workspace)) };
        workspace::give_back(&program.cache, Some(rooms), done, limit);
        Ok((out, kept.map(|workspace| Kept::new(workspace, program, limit))))
    }

    fn gradient(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        cotangent: &[T],
        wanted: Wanted,
        kept: Option<Kept<T>>,
    ) -> Result<Gradients<T>> {
        let mut kept = kept;
        let plan = Plan::gradient::<T>(program, arguments.batch, *self);
        // Rather without what was kept than not at all.
        let plan = &plan.or_else(|error| {
            if kept.take().is_none() {
                return Err(error);
            }
            Plan::gradient::<T>(program, arguments.batch, *self)
        })?;
        let kept = kept.and_then(|kept| kept.of(arguments));
        let has_states = kept.is_some();
        let (mut rooms, mut workspace) = workspace::take(program, arguments, plan, kept);
        rooms.reserve(program, plan, !has_states, true)?;
        let Workspace { prepared, blocks, sums, .. } = &mut *workspace;
        sums.resize_with(plan.groups, GroupSums::default);
        let size = arguments.batch * program.input_columns;
        let mut inputs = if wanted.inputs { Some(zeros("gradients of inputs", size)?) } else { None };
        let call = &Call { program, arguments, plan, prepared };
        let (kept, rows) = (if has_states { blocks } else { &mut [][..] }, inputs.as_deref_mut().unwrap_or_default());
        reverse(call, &mut rooms.0, kept, sums, (cotangent, wanted), rows);
        let weights = wanted.weights.then(|| weight_gradient(program, arguments.weights, sums));
        workspace::give_back(&program.cache, Some(rooms), Some(workspace), self.memory_limit);
        Ok(Gradients { inputs, weights })
    }
}

/// Outputs of all blocks. The final states of those there are `kept` places for are left there.
fn run<T: Real>(call: &Call<'_, T>, rooms: &mut Vec<Scratch<T>>, kept: &mut [Block<T>], out: &mut [T]) {
    let Call { program, plan, .. } = *call;
    let (each, rows) = (plan.blocks_per_split, plan.lanes * program.outputs());
    let (mut kept, mut out) = (portions(kept, each), portions(out, each * rows));
    let splits = (0..plan.blocks.div_ceil(each)).map(|split| (split * each, kept(), out()));
    share::each(plan.spread_blocks, rooms, splits, |room, (first, kept, out)| {
        let mut out = portions(out, rows);
        for block in first..plan.blocks.min(first + each) {
            Worker { call, room }.forward(block, out(), kept.get_mut(block - first));
        }
    });
}

/// Gradients of all groups of blocks: each has its own rows of the input gradient and its own sums for the weights.
fn reverse<T: Real>(
    call: &Call<'_, T>,
    rooms: &mut Vec<Scratch<T>>,
    kept: &mut [Block<T>],
    sums: &mut [GroupSums],
    (cotangent, wanted): (&[T], Wanted),
    rows: &mut [T],
) {
    let Call { program, plan, .. } = *call;
    let each = plan.blocks_per_group;
    let (mut kept, mut rows) = (portions(kept, each), portions(rows, each * plan.lanes * program.input_columns));
    let groups = sums.iter_mut().enumerate().map(|(group, sums)| (group, kept(), rows(), sums));
    share::each(plan.spread_blocks, rooms, groups, |room, (group, kept, rows, sums)| {
        Worker { call, room }.gradient_group(group, cotangent, wanted, rows, kept, sums);
    });
}

/// The next `size` entries at each call, then what is left.
fn portions<'a, X>(mut rest: &'a mut [X], size: usize) -> impl FnMut() -> &'a mut [X] {
    move || {
        let at = size.min(rest.len());
        let (portion, later) = std::mem::take(&mut rest).split_at_mut(at);
        rest = later;
        portion
    }
}

impl Cpu {
    /// Whether a forward pass fits the memory. candle would wrap the error of an op beyond recognition.
    pub(crate) fn check(self, program: &Program, batch: usize, dtype: DType) -> Result<()> {
        simd::arch::check()?;
        match dtype {
            DType::F64 => Plan::forward::<f64>(program, batch, self).map(drop),
            _ => Plan::forward::<f32>(program, batch, self).map(drop),
        }
    }
}
