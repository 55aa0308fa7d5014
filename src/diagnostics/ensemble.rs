//! Evaluation of circuits at random weights.

use crate::circuit::{Circuit, Declaration};
use crate::error::Result;
use crate::functional;
use crate::measurement::Measurement;
use crate::memory;
use crate::nn::SeededInit;
use crate::random::Generator;
use candle_core::{Device, Shape, Tensor, Var};
use candle_nn::Init;

/// Largest number of weights, inputs and outputs of a chunk of draws.
const CHUNK: usize = 1 << 21;

/// Stream of random weights, each tensor as it is declared.
pub(super) struct Draws {
    streams: Vec<Stream>,
}

struct Stream {
    name: String,
    shape: Shape,
    init: Init,
    rng: Generator,
}

/// Name of a tensor, and its draws `[count, shape..]`.
pub(super) type Drawn = (String, Var);

impl Draws {
    pub(super) fn new(circuit: &Circuit, seed: u64) -> Self {
        let stream = |declaration: &Declaration| {
            let name = declaration.handle.name().to_owned();
            let rng = SeededInit::new(seed).stream(&name);
            Stream { name, shape: declaration.handle.shape().into(), init: declaration.init, rng }
        };
        Self { streams: circuit.declarations().map(stream).collect() }
    }

    /// Returns the next `count` draws. The sequence of draws does not depend on the sizes of the portions.
    pub(super) fn next(&mut self, count: usize) -> Result<Vec<Drawn>> {
        let entries: u64 = self.streams.iter().map(|stream| stream.shape.elem_count() as u64).sum();
        // Counts the weights twice: as drawn, and as tensors.
        memory::check_numbers("random weights", entries.checked_mul(2 * count as u64))?;
        let mut draw = |stream: &mut Stream| {
            let Stream { name, shape, init, rng } = stream;
            let values: Vec<f64> = (0..count).flat_map(|_| SeededInit::draw(rng, shape, *init)).collect();
            let shape = [&[count], shape.dims()].concat();
            Ok((name.clone(), Var::from_vec(values, shape, &Device::Cpu)?))
        };
        self.streams.iter_mut().map(&mut draw).collect()
    }
}

/// Returns the sizes of the chunks of `all` draws, each evaluated at `rows` samples of inputs. Sizes are even, because
/// draws are paired.
pub(super) fn sample_chunks(circuit: &Circuit, all: usize, rows: usize, outputs: usize) -> impl Iterator<Item = usize> {
    let entries = |declaration: &Declaration| declaration.handle.shape().iter().product::<usize>();
    let weights: usize = circuit.declarations().map(entries).sum();
    let each = rows.saturating_mul(outputs.saturating_add(circuit.inputs()).saturating_add(weights));
    let most = (CHUNK / each.max(1)).clamp(2, 4096) & !1;
    (0..all).step_by(most).map(move |start| most.min(all - start))
}

/// Returns outputs `[count, .., outputs]` at `count` draws of weights.
pub(super) fn drawn_outputs(
    circuit: &Circuit,
    measurement: &Measurement,
    inputs: Option<&Tensor>,
    weights: &[Drawn],
    count: usize,
) -> Result<Tensor> {
    let named: Vec<(&str, &Tensor)> = weights.iter().map(|(name, var)| (name.as_str(), var.as_tensor())).collect();
    let outputs = functional::evaluate(circuit, measurement, inputs, &named)?;
    if named.is_empty() {
        // Without weights all draws are equal.
        return Ok(outputs.unsqueeze(0)?.broadcast_as([&[count], outputs.dims()].concat())?);
    }
    Ok(outputs)
}
