//! Outputs of a set, for losses and metrics that are no means over batches.

use crate::cluster::Workers;
use crate::error::{Error, Result};
use crate::memory::check_numbers;
use candle_core::{Device, Tensor};
use std::collections::HashMap;

/// Outputs and targets of some samples of a set.
#[derive(Debug)]
struct Piece {
    /// Place of the first of the samples in the set, in the order of the batches.
    place: usize,
    outputs: Tensor,
    targets: Tensor,
}

/// Outputs and targets of the batches of a set.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Outputs and targets that all workers have, of the first samples.
    common: Option<(Tensor, Tensor)>,
    /// Those that this worker has computed, of later samples.
    pieces: Vec<Piece>,
}

/// Names of tensors in a message.
const OUTPUTS: &str = "outputs";
const TARGETS: &str = "targets";
const PLACES: &str = "places";

impl Gathered {
    /// Returns the tensors that an earlier run has saved.
    pub(super) fn saved(outputs: Option<Tensor>, targets: Option<Tensor>) -> Self {
        Self { common: outputs.zip(targets), pieces: Vec::new() }
    }

    /// Returns the number of samples so far.
    pub(super) fn samples(&self) -> usize {
        let outputs = self.common.iter().map(|(outputs, _)| outputs);
        outputs.chain(self.pieces.iter().map(|piece| &piece.outputs)).map(rows).sum()
    }

    /// Adds samples with neighbouring places in a set of `samples` samples.
    pub(super) fn add(&mut self, place: usize, outputs: &Tensor, targets: &Tensor, samples: usize) -> Result<()> {
        if self.common.is_none() && self.pieces.is_empty() {
            let of_a_sample = |of: &Tensor| of.elem_count() / rows(of).max(1);
            let numbers = of_a_sample(outputs).saturating_add(of_a_sample(targets)) as u64;
            // All outputs and targets once in batches, and once in one piece.
            let all = numbers.checked_mul(2).and_then(|both| both.checked_mul(samples as u64));
            check_numbers("the outputs and targets of a set", all)?;
        }
        self.pieces.push(Piece { place, outputs: outputs.detach(), targets: targets.detach() });
        Ok(())
    }

    /// Returns all outputs and all targets, or `None` before the first batch.
    pub(super) fn whole(&self) -> Result<Option<(Tensor, Tensor)>> {
        joined(self.common.as_ref(), &self.pieces)
    }

    /// Exchanges what the workers have computed, so that each has all. All members call it.
    pub(super) fn share(&mut self, workers: &Workers) -> Result<()> {
        if workers.is_alone() {
            return Ok(());
        }
        let messages = workers.exchange(self.message())?;
        let found = messages.iter().filter(|message| !message.is_empty()).map(|bytes| tensors(bytes));
        let found = found.collect::<Result<Vec<_>>>()?;
        let places: Vec<u32> = found.iter().flat_map(|(_, places)| places).copied().collect();
        let mut order: Vec<u32> = (0..places.len() as u32).collect();
        order.sort_by_key(|row| places[*row as usize]);
        let pieces = found.into_iter().map(|((outputs, targets), _)| Piece { place: 0, outputs, targets });
        if let Some((outputs, targets)) = joined(None, &pieces.collect::<Vec<_>>())? {
            let order = Tensor::new(order, &Device::Cpu)?;
            let (outputs, targets) = (outputs.index_select(&order, 0)?, targets.index_select(&order, 0)?);
            self.common = joined(self.common.as_ref(), &[Piece { place: 0, outputs, targets }])?;
            self.pieces.clear();
        }
        Ok(())
    }

    /// Returns this worker's outputs, targets and places as bytes; none if it has none.
    fn message(&self) -> Result<Vec<u8>> {
        let Some((outputs, targets)) = joined(None, &self.pieces)? else { return Ok(Vec::new()) };
        let span = |piece: &Piece| piece.place as u32..(piece.place + rows(&piece.outputs)) as u32;
        let mut places: Vec<u32> = self.pieces.iter().flat_map(span).collect();
        places.sort_unstable();
        let places = Tensor::new(places, &Device::Cpu)?;
        let tensors = HashMap::from([(OUTPUTS, outputs), (TARGETS, targets), (PLACES, places)]);
        safetensors::serialize(tensors, None).map_err(|error| Error::Candle(candle_core::Error::wrap(error)))
    }
}

/// Returns outputs and targets in the order of their places, behind those of the first samples; `None` of nothing.
fn joined(common: Option<&(Tensor, Tensor)>, pieces: &[Piece]) -> Result<Option<(Tensor, Tensor)>> {
    let mut pieces: Vec<&Piece> = pieces.iter().collect();
    // Micro-batches of several batches come in another order.
    pieces.sort_by_key(|piece| piece.place);
    let common = common.into_iter().map(|(outputs, targets)| (outputs, targets));
    let all = common.chain(pieces.iter().map(|piece| (&piece.outputs, &piece.targets)));
    let (outputs, targets): (Vec<&Tensor>, Vec<&Tensor>) = all.unzip();
    if outputs.is_empty() {
        return Ok(None);
    }
    Ok(Some((Tensor::cat(&outputs, 0)?, Tensor::cat(&targets, 0)?)))
}

/// Returns the outputs, targets and places of a message.
fn tensors(message: &[u8]) -> Result<((Tensor, Tensor), Vec<u32>)> {
    let mut tensors = candle_core::safetensors::load_buffer(message, &Device::Cpu)?;
    let mut take =
        |name: &str| tensors.remove(name).ok_or_else(|| candle_core::Error::msg(format!("a message without {name}")));
    Ok(((take(OUTPUTS)?, take(TARGETS)?), take(PLACES)?.to_vec1()?))
}

/// Returns the number of samples of a tensor.
fn rows(of: &Tensor) -> usize {
    of.dims().first().copied().unwrap_or(0)
}
