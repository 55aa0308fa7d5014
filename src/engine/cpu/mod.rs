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

/// The engine for `Device::Cpu`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cpu {
    /// Bytes its states may take; `None` for what the machine has available.
    pub memory_limit: Option<u64>,
    /// Follow a program step by step instead of its schedule of fused layers: slower, the same results to rounding. For
    /// checking.
    pub unfused: bool,
}

impl<T: Real> Engine<T> for Cpu {
    fn forward(&self, program: &Program, arguments: Arguments<'_, T>) -> Result<Vec<T>> {
        let plan = Plan::forward::<T>(program, arguments.batch, self.memory_limit)?;
        let outputs = program.outputs();
        let mut out = vec![T::zero(); arguments.batch * outputs];
        let rows = plan.lanes * outputs;
        let prepared = self.prepare(program, arguments, &plan);
        let start = || Worker::new(program, arguments, &plan, prepared.as_ref());
        if plan.spread_blocks {
            let chunks = out.par_chunks_mut(rows).enumerate();
            chunks.for_each_init(start, |worker, (block, out)| worker.forward(block, out));
        } else if arguments.batch > 0 {
            let mut worker = start();
            out.chunks_mut(rows).enumerate().for_each(|(block, out)| worker.forward(block, out));
        }
        Ok(out)
    }

    fn gradient(
        &self,
        program: &Program,
        arguments: Arguments<'_, T>,
        cotangent: &[T],
        wanted: Wanted,
    ) -> Result<Gradients<T>> {
        let plan = Plan::gradient::<T>(program, arguments.batch, self.memory_limit)?;
        let width = program.inputs();
        let mut inputs = vec![T::zero(); if wanted.inputs { arguments.batch * width } else { 0 }];
        // Each group of blocks has its own rows of the input gradient and its own sums for the weights.
        let group_rows = plan.blocks_per_group * plan.lanes;
        let mut rows: Vec<&mut [T]> = match wanted.inputs && width > 0 {
            true => inputs.chunks_mut(group_rows * width).collect(),
            false => (0..plan.groups).map(|_| Default::default()).collect(),
        };
        let prepared = self.prepare(program, arguments, &plan);
        let start = || Worker::new(program, arguments, &plan, prepared.as_ref());
        let group = |worker: &mut Worker<'_, T>, (group, rows): (usize, &mut &mut [T])| {
            worker.gradient_group(group, cotangent, wanted, rows)
        };
        let sums: Vec<_> = if plan.spread_blocks {
            rows.par_iter_mut().enumerate().map_init(start, group).collect()
        } else {
            let mut worker = start();
            rows.iter_mut().enumerate().map(|item| group(&mut worker, item)).collect()
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
