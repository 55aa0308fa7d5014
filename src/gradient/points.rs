//! Evaluation of a circuit at many points, as batches of one of its variants.

use super::Estimator;
use crate::engine::{Options, Simulation};
use crate::error::Result;
use crate::numbers::host_numbers;
use crate::program::Program;
use candle_core::{DType, Device, Tensor, Var};
use std::sync::Arc;

/// Bytes of the points and their results in memory at the same time. Under a smaller limit, a quarter of the limit.
const CHUNK_BYTES: usize = 1 << 25;

/// Bytes of a number of a point or of its result: on the host, in f64, and in the precision of the state.
const NUMBER_BYTES: usize = 24;

/// Bytes of the points' states. A GPU has all of them in memory at once.
const STATE_BYTES: usize = 1 << 30;

/// Variant of a program that evaluates points, which gives their numbers a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// Features; all points share the weights.
    Shared,
    /// Features, then weights. Each output may lack a constant.
    OwnWeights,
    /// Features that become the initial state, then angles. Each output may lack a constant.
    AnglesAsInputs,
}

impl Variant {
    pub(super) fn program(self, program: &Arc<Program>) -> &Arc<Program> {
        match self {
            Self::Shared => program,
            Self::OwnWeights => program.differences(),
            Self::AnglesAsInputs => &program.angles_as_inputs().program,
        }
    }
}

/// Program and estimator that evaluate points.
#[derive(Debug)]
pub(crate) struct Batches<'a> {
    pub(crate) estimator: &'a Estimator,
    pub(crate) program: &'a Arc<Program>,
    pub(crate) dtype: DType,
    pub(crate) device: &'a Device,
    /// Number of the call: with finite shots each call draws its own samples.
    pub(crate) call: u64,
}

impl Batches<'_> {
    /// Evaluates `count` points, which `fill` writes into rows. Passes the outputs of each point, which may lack a
    /// constant, to `take`, in order.
    pub(super) fn evaluate(
        &self,
        variant: Variant,
        count: usize,
        fill: impl Fn(usize, &mut [f64]),
        mut take: impl FnMut(usize, &[f64]),
    ) -> Result<()> {
        let outputs = self.program.engine_outputs();
        self.chunks(variant, count, fill, |estimator, first, rows| {
            let values = estimator.values(self.program, variant, &rows, None, (self.call, first as u64))?;
            host_numbers(&values)?.chunks(outputs).enumerate().for_each(|(k, values)| take(first + k, values));
            Ok(())
        })
    }

    /// Passes the exact gradient of one output of each point in the point's numbers to `take`, in order.
    pub(super) fn slopes(
        &self,
        variant: Variant,
        count: usize,
        output: impl Fn(usize) -> usize,
        fill: impl Fn(usize, &mut [f64]),
        mut take: impl FnMut(usize, &[f64]),
    ) -> Result<()> {
        let (program, outputs) = (variant.program(self.program), self.program.engine_outputs());
        let weights = Tensor::zeros(usize::from(!self.device.is_cpu()), self.dtype, self.device)?;
        self.chunks(variant, count, fill, |estimator, first, rows| {
            let exact = Estimator::exact(estimator.options().clone());
            let (points, width) = rows.dims2()?;
            let mut cotangent = vec![0.0; points * outputs];
            cotangent.chunks_mut(outputs).enumerate().for_each(|(k, row)| row[output(first + k)] = 1.0);
            let cotangent = self.tensor(cotangent, (points, outputs))?;
            let rows = Var::from_tensor(&rows)?;
            let store = (exact.apply(program, &rows, &weights, true)? * cotangent)?.sum_all()?.backward()?;
            // A program that reads none of its numbers has no gradient in them.
            let gradient = store.get(&rows).map(host_numbers).transpose()?.unwrap_or_else(|| vec![0.0; points * width]);
            gradient.chunks(width.max(1)).enumerate().for_each(|(k, gradient)| take(first + k, gradient));
            Ok(())
        })
    }

    /// Makes rows of points, as many at once as the memory for points allows. Passes the number of the first point, the
    /// rows, and an estimator limited to the remaining memory.
    fn chunks(
        &self,
        variant: Variant,
        count: usize,
        fill: impl Fn(usize, &mut [f64]),
        mut each: impl FnMut(&Estimator, usize, Tensor) -> Result<()>,
    ) -> Result<()> {
        let (width, outputs) = (variant.program(self.program).engine_inputs, self.program.engine_outputs());
        let states = states_in(STATE_BYTES, self.program.qubits(), self.estimator.options());
        let limit = self.estimator.options().memory_limit;
        let most = limit
            .map_or(CHUNK_BYTES, |limit| usize::try_from(limit / 4).map_or(CHUNK_BYTES, |most| most.min(CHUNK_BYTES)));
        let point = width.saturating_add(outputs).saturating_mul(NUMBER_BYTES);
        let chunk = (most / point).min(states).clamp(1, count.max(1));
        let estimator = self.estimator.beside(chunk.saturating_mul(point) as u64);
        (0..count).step_by(chunk).try_for_each(|first| {
            let points = chunk.min(count - first);
            let mut rows = vec![0.0; points * width];
            rows.chunks_mut(width.max(1)).enumerate().for_each(|(k, row)| fill(first + k, row));
            each(&estimator, first, self.tensor(rows, (points, width))?)
        })
    }

    fn tensor(&self, values: Vec<f64>, shape: (usize, usize)) -> Result<Tensor> {
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(self.dtype)?.to_device(self.device)?)
    }
}

/// Returns how many points may be evaluated at once, given the bytes for their states: λ and the engine's buffers
/// double the memory.
pub(crate) fn states_in(bytes: usize, qubits: usize, options: &Options) -> usize {
    if matches!(options.simulation, Simulation::Pauli(_)) {
        // Its engine holds a few samples at a time, whatever the number of points.
        return usize::MAX;
    }
    let limit = options.memory_limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    (bytes.min(limit / 2) >> (qubits + 5).min(60)).max(1)
}
