//! The CPU engine: states in place, one reverse sweep, SIMD chosen at run time.
//!
//! Samples are processed in blocks of `lanes` states (16 or 1) held amplitude by amplitude with the samples innermost, so
//! that one vector instruction treats one amplitude of 16 samples. Threads share out either blocks or, when there are
//! few of them, ranges of one block's amplitudes. Neither changes any bit of a result: every sum is cut at the same places
//! and added up in the same order.

#![allow(clippy::needless_range_loop, reason = "kernels read lane by lane, with equal indices in several arrays")]

mod angles;
mod arch;
mod block;
mod flips;
mod fused;
mod kernels;
mod layers;
mod lines;
mod measure;
mod memory;
mod numbers;
mod observe;
mod overlap;
mod plan;
mod prepare;
mod settle;
mod share;
mod shuffle;
mod simd;
mod sincos;
mod single;
mod space;
mod start;
mod state;
mod sweeps;
mod tile;
mod words;

use super::{Arguments, Engine, Gradients, Real, Wanted};
use crate::error::Result;
use crate::program::Program;
use block::{KeptBlock, Worker};
use candle_core::DType;
use plan::Plan;
use prepare::Prepared;
pub(crate) use simd::Vectored;

/// The engine for `Device::Cpu`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cpu {
    /// Bytes its states may take; `None` for what the machine has available.
    pub(crate) memory_limit: Option<u64>,
}

/// Final states of a forward pass, one entry a block, and the numbers they belong to: a `Var` may be set to other ones
/// before its gradient is asked for.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    blocks: Vec<Option<KeptBlock<T>>>,
    prepared: Prepared<T>,
    inputs: Vec<T>,
    weights: Vec<T>,
}

impl<T: Real> Kept<T> {
    /// Itself, if it is what these arguments left.
    fn of(self, arguments: Arguments<'_, T>) -> Option<Self> {
        (self.inputs == arguments.inputs && self.weights == arguments.weights).then_some(self)
    }
}

impl<T: Real> Engine<T> for Cpu {
    type Kept = Kept<T>;

    fn forward(&self, program: &Program, arguments: Arguments<'_, T>, keep: bool) -> Result<(Vec<T>, Option<Kept<T>>)> {
        let plan = Plan::forward::<T>(program, arguments.batch, *self)?;
        let outputs = program.outputs();
        let mut out = vec![T::zero(); arguments.batch * outputs];
        let rows = plan.lanes * outputs;
        let keep = keep && plan.may_keep;
        let prepared = Prepared::new(program, arguments, plan.way);
        let start = || Worker::new(program, arguments, &plan, &prepared);
        let portions = out.chunks_mut(rows.max(1) * plan.blocks_per_split);
        let blocks = share::each(plan.spread_blocks, portions, start, |worker, portion, out| {
            let first = portion * plan.blocks_per_split;
            let block = |(block, out): (usize, &mut [T])| {
                worker.forward(first + block, out);
                keep.then(|| worker.take())
            };
            out.chunks_mut(rows.max(1)).enumerate().map(block).collect::<Vec<_>>()
        });
        let kept = keep.then(|| {
            let (inputs, weights) = (arguments.inputs.to_vec(), arguments.weights.to_vec());
            Kept { blocks: blocks.into_iter().flatten().collect(), prepared, inputs, weights }
        });
        Ok((out, kept))
    }

    fn gradient(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        cotangent: &[T],
        wanted: Wanted,
        kept: Option<Kept<T>>,
    ) -> Result<Gradients<T>> {
        let plan = Plan::gradient::<T>(program, arguments.batch, *self)?;
        let width = program.inputs();
        let mut inputs = vec![T::zero(); if wanted.inputs { arguments.batch * width } else { 0 }];
        // Each group of blocks has its own rows of the input gradient and its own sums for the weights.
        let group_rows = plan.blocks_per_group * plan.lanes;
        let rows: Vec<&mut [T]> = match wanted.inputs && width > 0 {
            true => inputs.chunks_mut(group_rows * width).collect(),
            false => (0..plan.groups).map(|_| Default::default()).collect(),
        };
        let (mut kept, prepared) = match kept.and_then(|kept| kept.of(arguments)) {
            Some(kept) => (kept.blocks, kept.prepared),
            None => ((0..plan.blocks).map(|_| None).collect(), Prepared::new(program, arguments, plan.way)),
        };
        let work = rows.into_iter().zip(kept.chunks_mut(plan.blocks_per_group));
        let start = || Worker::new(program, arguments, &plan, &prepared);
        let sums = share::each(plan.spread_blocks, work, start, |worker, group, (rows, kept)| {
            worker.gradient_group(group, cotangent, wanted, rows, kept)
        });
        let weights = wanted.weights.then(|| angles::weight_gradient(program, arguments, &sums));
        Ok(Gradients { inputs: wanted.inputs.then_some(inputs), weights })
    }
}

impl Cpu {
    /// Whether a forward pass fits the memory. candle would wrap the error of an op beyond recognition.
    pub(crate) fn check(self, program: &Program, batch: usize, dtype: DType) -> Result<()> {
        arch::check()?;
        match dtype {
            DType::F64 => Plan::forward::<f64>(program, batch, self).map(drop),
            _ => Plan::forward::<f32>(program, batch, self).map(drop),
        }
    }
}
