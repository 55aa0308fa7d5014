//! The CPU engine: states in place, one reverse sweep, SIMD chosen at run time.
//!
//! Samples are processed in blocks of `lanes` states (16 or 1) held amplitude by amplitude with the samples innermost, so
//! that one vector instruction treats one amplitude of 16 samples. Threads share out either blocks or, when there are
//! few of them, ranges of one block's amplitudes. Neither changes any bit of a result: every sum is cut at the same places
//! and added up in the same order.

#![allow(clippy::needless_range_loop, reason = "kernels read lane by lane, with equal indices in several arrays")]

mod angles;
mod block;
mod fused;
mod kernels;
mod layers;
mod measure;
mod observe;
mod overlap;
mod plan;
mod simd;
mod space;
mod start;
mod state;

use super::{Arguments, Engine, Gradients, Real, Wanted};
use crate::error::Result;
use crate::program::Program;
use angles::Angles;
use block::Worker;
use fused::Prepared;
use plan::Plan;
use rayon::prelude::*;
pub use simd::Vectored;
use state::State;

/// The engine for `Device::Cpu`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cpu {
    /// Bytes its states may take; `None` for what the machine has available.
    pub memory_limit: Option<u64>,
    /// Follow a program step by step instead of its schedule of fused layers: slower, the same results to rounding. For
    /// checking.
    pub unfused: bool,
}

/// Final states of a forward pass, one entry a block.
#[derive(Debug)]
pub struct Kept<T>(Vec<Option<State<T>>>);

impl<T: Real> Engine<T> for Cpu {
    type Kept = Kept<T>;

    fn forward(&self, program: &Program, arguments: Arguments<'_, T>, keep: bool) -> Result<(Vec<T>, Option<Kept<T>>)> {
        let plan = Plan::forward::<T>(program, arguments.batch, self.memory_limit)?;
        let outputs = program.outputs();
        let mut out = vec![T::zero(); arguments.batch * outputs];
        let rows = plan.lanes * outputs;
        let keep = keep && plan.may_keep;
        let mut kept: Vec<Option<State<T>>> = (0..plan.blocks).map(|_| None).collect();
        let prepared = self.prepare(program, arguments, &plan);
        let start = || Worker::new(program, arguments, &plan, prepared.as_ref());
        let block = |worker: &mut Worker<'_, T>, (block, (out, kept)): (usize, (&mut [T], &mut Option<State<T>>))| {
            worker.forward(block, out);
            *kept = keep.then(|| worker.take_state());
        };
        if plan.spread_blocks {
            out.par_chunks_mut(rows).zip(&mut kept).enumerate().for_each_init(start, block);
        } else if arguments.batch > 0 {
            let mut worker = start();
            out.chunks_mut(rows).zip(&mut kept).enumerate().for_each(|item| block(&mut worker, item));
        }
        Ok((out, keep.then_some(Kept(kept))))
    }

    fn gradient(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        cotangent: &[T],
        wanted: Wanted,
        kept: Option<Kept<T>>,
    ) -> Result<Gradients<T>> {
        let plan = Plan::gradient::<T>(program, arguments.batch, self.memory_limit)?;
        let width = program.inputs();
        let mut inputs = vec![T::zero(); if wanted.inputs { arguments.batch * width } else { 0 }];
        // Each group of blocks has its own rows of the input gradient and its own sums for the weights.
        let group_rows = plan.blocks_per_group * plan.lanes;
        let rows: Vec<&mut [T]> = match wanted.inputs && width > 0 {
            true => inputs.chunks_mut(group_rows * width).collect(),
            false => (0..plan.groups).map(|_| Default::default()).collect(),
        };
        let mut kept = kept.map_or_else(|| (0..plan.blocks).map(|_| None).collect(), |kept| kept.0);
        let mut work: Vec<_> = rows.into_iter().zip(kept.chunks_mut(plan.blocks_per_group)).collect();
        let prepared = self.prepare(program, arguments, &plan);
        let start = || Worker::new(program, arguments, &plan, prepared.as_ref());
        let group = |worker: &mut Worker<'_, T>, (group, (rows, kept)): (usize, &mut (&mut [T], &mut [Option<_>]))| {
            worker.gradient_group(group, cotangent, wanted, rows, kept)
        };
        let sums: Vec<_> = if plan.spread_blocks {
            work.par_iter_mut().enumerate().map_init(start, group).collect()
        } else {
            let mut worker = start();
            work.iter_mut().enumerate().map(|item| group(&mut worker, item)).collect()
        };
        let weights = wanted.weights.then(|| angles::weight_gradient(program, arguments, &sums));
        Ok(Gradients { inputs: wanted.inputs.then_some(inputs), weights })
    }
}

impl Cpu {
    /// What full blocks share; single states follow the steps themselves.
    fn prepare<T: Real>(self, program: &Program, arguments: Arguments<'_, T>, plan: &Plan) -> Option<Prepared<T>> {
        let full = plan.lanes == plan::LANES && !self.unfused;
        full.then(|| Prepared::new(program, &Angles::new(program, arguments)))
    }
}
