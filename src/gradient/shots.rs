//! Outputs from a finite number of shots.
//!
//! A measurement is split into groups; one basis measures all of a group (`sampling/`). An engine computes the final
//! state of each point once. On the host each group changes its basis and draws its shots. A program outside draws the
//! shots of each group instead.

use super::outside::{Outside, Reading, Shots};
use super::points::{Variant, states_in};
use crate::engine::{Options, Simulation, share};
use crate::error::Result;
use crate::measurement::Measurement;
use crate::memory;
use crate::program::{Program, engine_measurement};
use crate::random::Generator;
use crate::sampling::{self, FinalState, Group, shot_generator};
use candle_core::{Device, Tensor, WithDType};
use std::sync::{Arc, OnceLock};

/// Bytes of final states in memory at the same time.
const CHUNK_BYTES: usize = 1 << 27;

/// Largest state, in bytes, for which threads share the groups, each thread with a copy of the state.
const SPREAD_BYTES: usize = 1 << 26;

/// Finite number of shots for a measurement; see the module.
#[derive(Debug)]
pub(crate) struct Sampling {
    shots: u32,
    seed: u64,
    groups: Vec<Group>,
    /// Outputs with their constants. Only the program itself needs them: the variants serve differences of outputs, in
    /// which constants cancel.
    constants: Vec<(usize, f64)>,
    /// Variants of the program with the state as output, made at the first use.
    programs: [OnceLock<Arc<Program>>; 3],
    outputs: usize,
}

impl Sampling {
    pub(crate) fn new(measurement: &Measurement, program: &Program, shots: usize, seed: u64) -> Result<Self> {
        let shots = sampling::check_shots(measurement, shots)?;
        let of_engine = engine_measurement(measurement, program.places.len());
        let groups = sampling::group_terms(&of_engine.on_places(&program.places), program.qubits());
        let mut groups = groups.map_err(|error| error.of_original(measurement, program.places.len()))?;
        let constants = groups.iter_mut().flat_map(Group::take_constants).collect();
        Ok(Self { shots, seed, groups, constants, programs: Default::default(), outputs: program.engine_outputs() })
    }

    /// Returns outputs `[points, outputs]` of a variant of the program: the number of the variant, the variant, its
    /// rows. `place` is the number of the call, and the number of the first point in it. `states` computes the final
    /// states of a program.
    pub(super) fn values(
        &self,
        (number, variant): (usize, &Arc<Program>),
        rows: &Tensor,
        (options, place): (&Options, (u64, u64)),
        states: impl Fn(&Arc<Program>, &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let is_density = options.simulation.resolve(variant)? == Simulation::Density;
        let points = rows.dim(0)?;
        memory::check_numbers("sampled outputs", (points as u64).checked_mul(self.outputs as u64))?;
        let program = match self.programs[number].get() {
            Some(program) => program,
            None => {
                let made = Arc::new(if is_density { variant.words()? } else { variant.state() });
                self.programs[number].get_or_init(|| made)
            }
        };
        let copies = match is_density {
            true => Some(0),
            false if self.groups.iter().all(Group::changes_nothing) => Some(0),
            false => Some(2u64 << variant.qubits()),
        };
        memory::check_numbers("a state in another basis", copies)?;
        let width = if is_density { 2 * variant.qubits() } else { variant.qubits() };
        let chunk = states_in(CHUNK_BYTES, width, options);
        let mut outputs = Vec::with_capacity(points * self.outputs);
        for first in (0..points).step_by(chunk) {
            let rows = rows.narrow(0, first, chunk.min(points - first))?.contiguous()?;
            let random = |row: usize, group: usize| {
                shot_generator(self.seed, place.0, place.1 + (first + row) as u64, group as u64)
            };
            let (states, draw) = (states(program, &rows)?, Draw { sampling: self, random });
            let found = match is_density {
                true => sampling::read_densities(&states, &draw)?,
                false => sampling::read_states(&states, &draw)?,
            };
            outputs.extend(found.concat());
        }
        self.tensor(number, outputs, rows)
    }

    /// Returns outputs as [`values`](Self::values) does, from counts of a program outside.
    pub(super) fn values_outside(
        &self,
        outside: &Outside,
        (number, variant): (usize, &Arc<Program>),
        (rows, weights): (&Tensor, &Tensor),
        place: (u64, u64),
    ) -> Result<Tensor> {
        memory::check_numbers("sampled outputs", (rows.dim(0)? as u64).checked_mul(self.outputs as u64))?;
        let reading = |group| Reading { changes: Group::changes(group), qubits: Group::qubits(group) };
        let readings: Vec<Reading<'_>> = self.groups.iter().map(reading).collect();
        let shots = Shots { shots: self.shots, seed: self.seed, place, first: 0 };
        let mut outputs = Vec::with_capacity(rows.dim(0)? * self.outputs);
        for point in outside.counts(variant, (rows, weights), &readings, shots)? {
            let mut row = vec![if point.is_some() { 0.0 } else { f64::NAN }; self.outputs];
            let counts = point.into_iter().flatten();
            self.groups.iter().zip(counts).for_each(|(group, counts)| group.estimate(&counts, &mut row));
            outputs.append(&mut row);
        }
        self.tensor(number, outputs, rows)
    }

    /// Makes a tensor of the outputs of points, beside their rows.
    fn tensor(&self, number: usize, mut outputs: Vec<f64>, rows: &Tensor) -> Result<Tensor> {
        if number == Variant::Shared as usize {
            let rows = outputs.chunks_mut(self.outputs.max(1));
            rows.for_each(|row| self.constants.iter().for_each(|(output, constant)| row[*output] += constant));
        }
        let outputs = Tensor::from_vec(outputs, (rows.dim(0)?, self.outputs), &Device::Cpu)?;
        Ok(outputs.to_dtype(rows.dtype())?.to_device(rows.device())?)
    }
}

/// Draws shots of all groups from a state and estimates the outputs.
struct Draw<'a, F> {
    sampling: &'a Sampling,
    /// Generator of a row and a group.
    random: F,
}

impl<F: Fn(usize, usize) -> Generator + Sync> Draw<'_, F> {
    fn group<T: WithDType>(&self, (row, index): (usize, usize), state: FinalState<'_, T>) -> Vec<f64> {
        let Sampling { shots, outputs, groups, .. } = self.sampling;
        let (group, random) = (&groups[index], &mut (self.random)(row, index));
        let mut found = vec![0.0; *outputs];
        group.read(&state.in_basis(group.changes()), *shots, random, &mut found);
        found
    }
}

impl<F: Fn(usize, usize) -> Generator + Sync> sampling::Reader for Draw<'_, F> {
    type Found = Vec<f64>;

    fn read<T: WithDType>(&self, row: usize, state: FinalState<'_, T>) -> Vec<f64> {
        let groups = 0..self.sampling.groups.len();
        // Large states are copied one at a time.
        let each: Vec<Vec<f64>> = if state.bytes() > SPREAD_BYTES {
            groups.map(|index| self.group((row, index), state)).collect()
        } else {
            share::map_items(groups, |index| self.group((row, index), state))
        };
        let mut outputs = vec![0.0; self.sampling.outputs];
        for found in each {
            outputs.iter_mut().zip(found).for_each(|(sum, found)| *sum += found);
        }
        outputs
    }
}
