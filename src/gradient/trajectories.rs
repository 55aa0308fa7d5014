//! Outputs of noisy circuits as averages over trajectories of pure states.
//!
//! A trajectory draws an error, a Pauli word or none, for each channel. Most circuits have few errors, so the
//! trajectory without any is computed once and has its exact weight, the probability `P` that no channel errs; all
//! others are drawn on the condition that at least one does:
//!
//! ```text
//! y = P f(no error) + (1 - P) mean of f(errors)
//! ```
//!
//! Gradients in angles are averages over trajectories. Gradients in strengths come from `P`, which is a tensor of the
//! strengths, and from the probability of each drawn trajectory: `f` has the weight `p / p'`, where p' is the same
//! number outside the graph (the score function). A mean of the other trajectories is subtracted from `f`, which
//! changes no expectation value and makes the scatter smaller.

use super::chain::Numbers;
use crate::autograd;
use crate::engine::{Options, Simulation};
use crate::error::{Result, SimulationError};
use crate::expressions::{evaluate_slots, row};
use crate::linalg::masks_of_word;
use crate::memory;
use crate::numbers::host_numbers;
use crate::program::{
    Columns, Map, PauliChannel, Program, Quantity, Slot, Trajectories, Variable, pauli_probabilities,
};
use crate::random::Generator;
use crate::sampling::shot_generator;
use candle_core::{DType, Device, Tensor};
use rand::Rng;
use std::collections::HashMap;
use std::sync::Arc;

/// Largest number of trajectories of a sample.
const MAX_COUNT: usize = 1 << 24;

/// Distinguishes these draws from shots.
const TRAJECTORIES: u64 = u64::MAX - 1;

/// Number of trajectories, and the random numbers of a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draws {
    pub(super) count: usize,
    pub(super) seed: u64,
    pub(super) call: u64,
}

/// Checks that trajectories can run a program.
pub(super) fn check(program: &Program, count: usize) -> Result<()> {
    if count == 0 || count > MAX_COUNT {
        return Err(SimulationError::TrajectoryCount { count, most: MAX_COUNT }.into());
    }
    for columns in &program.readout.quantities {
        let what = match columns.quantity {
            Quantity::Expectation(_) | Quantity::Probabilities(_) => continue,
            Quantity::Variance(_) => "variances",
            Quantity::State => "amplitudes",
        };
        return Err(SimulationError::NotFromTrajectories { what }.into());
    }
    program.trajectories().map(drop)
}

/// Returns the outputs `[batch, outputs]`. `rows` are the samples as engines read them.
pub(super) fn evaluate(
    program: &Arc<Program>,
    options: &Options,
    (rows, weights): (&Tensor, &Tensor),
    in_graph: bool,
    draws: Draws,
) -> Result<Tensor> {
    let trajectories = program.trajectories()?;
    let weights = &weights.flatten_all()?;
    let numbers = Numbers::new(program, rows, weights)?;
    numbers.check_strengths()?;
    let [rows, weights] = [rows, weights].map(|one| if in_graph { one.clone() } else { one.detach() });
    // Probabilities of errors are differences from 1.
    let precise = if rows.device().is_metal() { rows.dtype() } else { DType::F64 };
    let exact = [rows.to_dtype(precise)?, weights.to_dtype(precise)?];
    let call =
        Call { program, trajectories, options, rows: &rows, weights: &weights, exact, numbers: &numbers, in_graph };
    let outputs = call.outputs(draws)?;
    let mut whole = vec![1.0; numbers.batch];
    numbers.spoil(&mut whole);
    if whole.iter().all(|factor| *factor == 1.0) {
        return Ok(outputs);
    }
    let whole = row(whole.into_iter(), &rows)?.t()?;
    Ok(outputs.broadcast_mul(&whole)?)
}

struct Call<'a> {
    program: &'a Program,
    trajectories: &'a Trajectories,
    options: &'a Options,
    rows: &'a Tensor,
    weights: &'a Tensor,
    /// Rows and weights in F64, if the device has it.
    exact: [Tensor; 2],
    /// The same on the host.
    numbers: &'a Numbers<'a>,
    in_graph: bool,
}

/// Angles without errors.
struct Angles {
    /// Embedded features and angles that differ from sample to sample, `[batch, columns]`, if there are any.
    own: Option<Tensor>,
    /// Angles that all samples share, `[angles]`.
    shared: Tensor,
}

/// Probabilities of the words of a channel: `[batch, words]`, or `[1, words]` if all samples share them. The first word
/// is the identity.
struct Probabilities {
    tensor: Tensor,
    /// Probabilities, sample by sample.
    numbers: Vec<f64>,
    words: usize,
}

impl Probabilities {
    /// Probabilities of a sample.
    fn of(&self, sample: usize) -> &[f64] {
        let samples = self.numbers.len() / self.words;
        let sample = if samples == 1 { 0 } else { sample };
        &self.numbers[sample * self.words..(sample + 1) * self.words]
    }
}

impl Call<'_> {
    fn outputs(&self, draws: Draws) -> Result<Tensor> {
        let mut outputs = self.without_read_errors(draws)?;
        for columns in &self.trajectories.program.readout.quantities {
            if let Quantity::Probabilities(qubits) = &columns.quantity {
                outputs = self.read(outputs, columns, qubits)?;
            }
        }
        Ok(outputs)
    }

    /// Turns the probabilities of what is there into those of what is read.
    fn read(&self, outputs: Tensor, columns: &Columns, qubits: &[usize]) -> Result<Tensor> {
        let (batch, width) = outputs.dims2()?;
        let mut own = outputs.narrow(1, columns.first, columns.count)?;
        for (k, qubit) in qubits.iter().enumerate() {
            let Some(matrix) = self.trajectories.read_errors.matrix(*qubit) else { continue };
            let matrix = row(matrix.into_iter().flatten(), &outputs)?.reshape((1, 2, 2))?;
            let apart = own.reshape(((batch * columns.count) >> (k + 1), 2, 1 << k))?;
            own = matrix.broadcast_matmul(&apart)?.reshape((batch, columns.count))?;
        }
        let behind = columns.first + columns.count;
        let parts = [outputs.narrow(1, 0, columns.first)?, own, outputs.narrow(1, behind, width - behind)?];
        let parts: Vec<Tensor> = parts.into_iter().filter(|part| part.dims()[1] > 0).collect();
        Ok(Tensor::cat(&parts, 1)?)
    }

    /// Outputs whose probabilities are read without errors.
    fn without_read_errors(&self, draws: Draws) -> Result<Tensor> {
        let Self { trajectories, rows, .. } = *self;
        let (batch, count) = (rows.dim(0)?, draws.count);
        let outputs = self.program.engine_outputs();
        let numbers = (trajectories.program.engine_inputs + outputs + trajectories.channels.len()) as u64;
        let points = (batch as u64).checked_mul(count as u64 + 1);
        // Signs, angles and their gradients, and what the graph keeps of them.
        memory::check_numbers("trajectories", points.and_then(|points| points.checked_mul(6 * numbers)))?;

        let angles = self.angles()?;
        // Errors that are written out are not there.
        let there = trajectories.angles.iter().map(|angle| if angle.is_some() { 1.0 } else { 0.0 });
        let there = row(there, rows)?.broadcast_as((batch, trajectories.angles.len()))?.contiguous()?;
        let clean = self.run(&angles, &there)?;
        let channels = self.trajectories.channels.iter().map(|channel| self.probabilities(channel));
        let channels: Vec<Probabilities> = channels.collect::<Result<_>>()?;
        if channels.is_empty() {
            return Ok(clean);
        }
        let mut no_error = Tensor::ones((1, 1), self.exact[0].dtype(), rows.device())?;
        for channel in &channels {
            no_error = no_error.broadcast_mul(&channel.tensor.narrow(1, 0, 1)?)?;
        }
        let drawn = self.draw(&channels, draws);
        let mean = self.mean_with_errors(&angles, &channels, &drawn, (batch, count), &no_error)?;
        // Samples without any error strength have no trajectory with errors.
        let with_errors = no_error.affine(-1.0, 1.0)?.detach().to_dtype(rows.dtype())?;
        Ok((clean.broadcast_mul(&no_error.to_dtype(rows.dtype())?)? + mean.broadcast_mul(&with_errors)?)?)
    }

    /// Angles without errors.
    fn angles(&self) -> Result<Angles> {
        let of = |varying| evaluate_slots(&self.trajectories.angles(varying), self.rows, self.weights);
        let embedded = self.program.embedding.map(|embedding| self.rows.narrow(1, embedding.first, embedding.count));
        let varying = if self.trajectories.angles(true).is_empty() { None } else { Some(of(true)?) };
        let own = match (embedded.transpose()?, varying) {
            (Some(embedded), Some(varying)) => Some(Tensor::cat(&[embedded, varying], 1)?),
            (embedded, varying) => embedded.or(varying),
        };
        let shared = match self.trajectories.angles(false).is_empty() {
            // A GPU has no empty buffer.
            true => Tensor::zeros(usize::from(!self.rows.device().is_cpu()), self.rows.dtype(), self.rows.device())?,
            false => of(false)?.flatten_all()?.contiguous()?,
        };
        Ok(Angles { own, shared })
    }

    /// Outputs `[batch * count, outputs]` for factors of the angles, `[batch * count, angles]`.
    fn run(&self, angles: &Angles, factors: &Tensor) -> Result<Tensor> {
        let program = &self.trajectories.program;
        let options = Options { simulation: Simulation::StateVector, ..self.options.clone() };
        match &angles.own {
            Some(own) => autograd::evaluate_repeated(program, &options, [own, &angles.shared], factors, self.in_graph),
            None => autograd::evaluate(program, &options, [factors, &angles.shared], self.in_graph),
        }
    }

    /// Probabilities of the words of a channel, the digit of a letter being `x + 2 z` in base 4.
    fn probabilities(&self, channel: &PauliChannel) -> Result<Probabilities> {
        let slots = |indices: &[usize]| {
            let slots: Vec<&Slot> = indices.iter().map(|slot| &self.program.slots[*slot]).collect();
            evaluate_slots(&slots, &self.exact[0], &self.exact[1])
        };
        let (values, constants) = match &channel.map {
            Map::Letters { factors, .. } => (slots(factors)?, vec![0.25; 4]),
            Map::Mixing(slot) => {
                let words = 1usize << (2 * channel.qubits);
                (slots(&[*slot])?, (0..words).map(|word| if word == 0 { 1.0 } else { 0.0 }).collect())
            }
            Map::Dense(entries) => {
                let constants = pauli_probabilities(entries).ok_or(SimulationError::NotPauli)?;
                let (words, tensor) = (constants.len(), row(constants.iter().copied(), &self.exact[0])?);
                return Ok(Probabilities { tensor, numbers: constants, words });
            }
            Map::Readout { .. } => return Err(SimulationError::NotPauli.into()),
        };
        let (matrix, words) = (factors_of_words(channel), constants.len());
        let inputs = matrix.first().map_or(0, Vec::len);
        let columns = row((0..inputs).flat_map(|k| matrix.iter().map(move |row| row[k])), &self.exact[0])?;
        let tensor = values
            .matmul(&columns.reshape((inputs, words))?)?
            .broadcast_add(&row(constants.into_iter(), &self.exact[0])?)?;
        Ok(Probabilities { numbers: host_numbers(&tensor)?, tensor, words })
    }

    /// Draws the words of all channels for each trajectory of each sample, at least one other than the identity:
    /// `[sample][trajectory][channel]`. A sample that cannot err has trajectories without errors.
    fn draw(&self, channels: &[Probabilities], draws: Draws) -> Vec<u16> {
        let batch = self.rows.dims()[0];
        let mut all = Vec::with_capacity(batch * draws.count * channels.len());
        for sample in 0..batch {
            let of_sample: Vec<&[f64]> = channels.iter().map(|channel| channel.of(sample)).collect();
            // Probability that the channels in front of each have no error.
            let mut clean = vec![1.0];
            for own in &of_sample {
                clean.push(clean[clean.len() - 1] * own[0].clamp(0.0, 1.0));
            }
            let with_errors = 1.0 - clean[channels.len()];
            let mut random = shot_generator(draws.seed, draws.call, sample as u64, TRAJECTORIES);
            for _ in 0..draws.count {
                let chosen = random.random::<f64>() * with_errors;
                // The channels in front of the first error have none, and those behind it are free.
                let first = clean[1..].partition_point(|clean| 1.0 - clean <= chosen).min(channels.len() - 1);
                for (index, own) in of_sample.iter().enumerate() {
                    all.push(match index.cmp(&first) {
                        std::cmp::Ordering::Less => 0,
                        _ if with_errors.is_nan() || with_errors <= 0.0 => 0,
                        std::cmp::Ordering::Equal => word(own, true, &mut random),
                        std::cmp::Ordering::Greater => word(own, false, &mut random),
                    });
                }
            }
        }
        all
    }

    /// Whether the probability of a word of a channel has a slope in an input or a weight.
    fn has_slope(&self, channel: &PauliChannel, word: usize, sample: usize) -> bool {
        let slots: &[usize] = match &channel.map {
            Map::Letters { factors, .. } => factors,
            Map::Mixing(slot) => std::slice::from_ref(slot),
            Map::Readout { .. } | Map::Dense(_) => &[],
        };
        let mut slopes: HashMap<Variable, f64> = HashMap::new();
        for (factor, slot) in factors_of_words(channel)[word].iter().zip(slots) {
            self.numbers.sample(sample).derivatives(&self.program.slots[*slot], |variable, slope| {
                // Switches have no gradient.
                if self.program.origin(variable).is_some() {
                    *slopes.entry(variable).or_default() += factor * slope;
                }
            });
        }
        slopes.values().any(|slope| slope.abs() > 1e-12)
    }

    /// Refuses gradients in probabilities that are 0: their words are never drawn, and would be missing.
    fn check_all_drawn(&self, channels: &[Probabilities]) -> Result<()> {
        for (channel, (own, of)) in channels.iter().zip(&self.trajectories.channels).enumerate() {
            if !own.tensor.track_op() {
                continue;
            }
            let samples =
                (0..self.numbers.batch).filter(|sample| !self.numbers.sample(*sample).is_spoiled(self.program));
            for sample in samples {
                let never = own.of(sample).iter().enumerate().filter(|(_, p)| **p <= 0.0);
                if never.map(|(word, _)| word).any(|word| self.has_slope(of, word, sample)) {
                    return Err(SimulationError::NoErrors { sample, channel }.into());
                }
            }
        }
        Ok(())
    }

    /// Mean of the trajectories with errors, `[batch, outputs]`, with the weights of their probabilities.
    fn mean_with_errors(
        &self,
        angles: &Angles,
        channels: &[Probabilities],
        drawn: &[u16],
        (batch, count): (usize, usize),
        no_error: &Tensor,
    ) -> Result<Tensor> {
        let (width, each) = (self.trajectories.angles.len(), channels.len());
        let mut factors: Vec<f32> = Vec::with_capacity(batch * count * width);
        for words in drawn.chunks(each) {
            let start = factors.len();
            factors.extend(self.trajectories.angles.iter().map(|angle| if angle.is_some() { 1.0f32 } else { 0.0 }));
            let own = &mut factors[start..];
            for (channel, word) in self.trajectories.channels.iter().zip(words).filter(|(_, word)| **word != 0) {
                self.trajectories.flips(channel, masks_of_word(usize::from(*word)), |angle| {
                    match self.trajectories.angles[angle] {
                        Some(_) => own[angle] = -own[angle],
                        None => own[angle] = 1.0 - own[angle],
                    }
                });
            }
        }
        let factors = Tensor::from_vec(factors, (batch * count, width), &Device::Cpu)?;
        let factors = factors.to_dtype(self.rows.dtype())?.to_device(self.rows.device())?;
        let outputs = self.run(angles, &factors)?;
        let outputs = outputs.reshape((batch, count, outputs.dim(1)?))?;
        let is_tracked = self.in_graph && channels.iter().any(|channel| channel.tensor.track_op());
        let mean = outputs.mean(1)?;
        if !is_tracked {
            return Ok(mean);
        }
        self.check_all_drawn(channels)?;
        // A trajectory has the probability of its words, divided by that of any error.
        let mut log = Tensor::zeros((batch, count), self.exact[0].dtype(), self.rows.device())?;
        for (index, channel) in channels.iter().enumerate() {
            let chosen = drawn.iter().skip(index).step_by(each).map(|word| u32::from(*word));
            let chosen = Tensor::from_vec(chosen.collect::<Vec<u32>>(), (batch, count), &Device::Cpu)?;
            let chosen = chosen.to_device(self.rows.device())?;
            let all = channel.tensor.broadcast_as((batch, channel.words))?.contiguous()?;
            log = (log + all.gather(&chosen, 1)?.log()?)?;
        }
        let with_errors = no_error.affine(-1.0, 1.0)?;
        let weight = (&log - log.detach())?.exp()?.to_dtype(outputs.dtype())?;
        // The sum of the weights of all trajectories is the probability of any error, which divides its own value.
        let total = with_errors.broadcast_div(&with_errors.detach())?.to_dtype(outputs.dtype())?;
        let others = match count {
            1 => outputs.zeros_like()?,
            _ => {
                let sum = outputs.detach().sum_keepdim(1)?;
                (sum.broadcast_sub(&outputs.detach())? / (count - 1) as f64)?
            }
        };
        let centred = (&outputs - &others)?;
        let weighted = centred.broadcast_mul(&weight.unsqueeze(2)?)?;
        let rest = others.broadcast_mul(&total.unsqueeze(2)?)?;
        Ok((weighted + rest)?.mean(1)?)
    }
}

/// Factors of the coefficients of a channel in the probability of each word, beside constants: I, X, Z, Y from the
/// factors of X, Z and Y, or all words from the strength of mixing.
fn factors_of_words(channel: &PauliChannel) -> Vec<Vec<f64>> {
    match &channel.map {
        Map::Letters { .. } => {
            let signs = [[1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]];
            signs.iter().map(|row| row.map(|sign| 0.25 * sign).to_vec()).collect()
        }
        Map::Mixing(_) => {
            let words = 1usize << (2 * channel.qubits);
            let share = 1.0 / words as f64;
            (0..words).map(|word| vec![if word == 0 { share - 1.0 } else { share }]).collect()
        }
        Map::Readout { .. } | Map::Dense(_) => Vec::new(),
    }
}

/// Draws a word, or one other than the identity.
fn word(probabilities: &[f64], is_error: bool, random: &mut Generator) -> u16 {
    let skipped = usize::from(is_error);
    let total: f64 = probabilities[skipped..].iter().map(|p| p.max(0.0)).sum();
    let mut rest = random.random::<f64>() * total;
    for (word, p) in probabilities.iter().enumerate().skip(skipped) {
        rest -= p.max(0.0);
        if rest < 0.0 {
            return word as u16;
        }
    }
    // Rounding may leave a rest; the last word that can be drawn is taken.
    probabilities.iter().rposition(|p| *p > 0.0).unwrap_or(0) as u16
}
