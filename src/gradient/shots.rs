//! Outputs from a finite number of shots.
//!
//! What is measured is cut into groups that are read in one basis each (`sampling/`). An engine gives the final state of each point once; on
//! the host each group changes its basis and draws its shots.

use super::points::{Form, states_in};
use crate::engine::cpu::Cpu;
use crate::engine::share;
use crate::error::Result;
use crate::measurement::Measurement;
use crate::memory;
use crate::program::Program;
use crate::random::Generator;
use crate::sampling::{self, Group, stream};
use candle_core::{Device, Tensor, WithDType};
use std::sync::{Arc, OnceLock};

/// Bytes of final states that are alive at once.
const CHUNK_BYTES: usize = 1 << 27;

/// Bytes of a state up to which groups are shared out among threads, each with a copy.
const SPREAD_BYTES: usize = 1 << 26;

/// See the module.
#[derive(Debug)]
pub(crate) struct Sampling {
    shots: u32,
    seed: u64,
    groups: Vec<Group>,
    /// Outputs with their constants. Differences of outputs, which all forms but the program itself serve, do without.
    constants: Vec<(usize, f64)>,
    /// Each form of the program with its state as output. Made when first asked for.
    programs: [OnceLock<Arc<Program>>; 3],
    outputs: usize,
}

impl Sampling {
    pub(crate) fn new(measurement: &Measurement, program: &Program, shots: usize, seed: u64) -> Result<Self> {
        let shots = sampling::check_shots(measurement, shots)?;
        let mut groups = sampling::groups(measurement, program.qubits())?;
        let constants = groups.iter_mut().flat_map(Group::take_constants).collect();
        Ok(Self { shots, seed, groups, constants, programs: Default::default(), outputs: program.outputs() })
    }

    /// Outputs `[points, outputs]` of a form of the program: the form's number, the form, its rows. `place` is the call, and
    /// the number of the first point in it; `states` gives the final states of a program.
    pub(super) fn values(
        &self,
        (number, form): (usize, &Arc<Program>),
        rows: &Tensor,
        (cpu, place): (Cpu, (u64, u64)),
        states: impl Fn(&Arc<Program>, &Tensor) -> Result<Tensor>,
    ) -> Result<Tensor> {
        let program = self.programs[number].get_or_init(|| Arc::new(form.state()));
        let points = rows.dim(0)?;
        memory::check_numbers("sampled outputs", (points as u64).checked_mul(self.outputs as u64))?;
        let copies = if self.groups.iter().all(Group::changes_nothing) { 0 } else { 2u64 << form.qubits() };
        memory::check_numbers("a state in another basis", Some(copies))?;
        let chunk = states_in(CHUNK_BYTES, form.qubits(), cpu);
        let mut outputs = Vec::with_capacity(points * self.outputs);
        for first in (0..points).step_by(chunk) {
            let rows = rows.narrow(0, first, chunk.min(points - first))?.contiguous()?;
            let random =
                |row: usize, group: usize| stream(self.seed, place.0, place.1 + (first + row) as u64, group as u64);
            outputs.extend(sampling::read(&states(program, &rows)?, &Draw { sampling: self, random })?.concat());
        }
        if number == Form::Shared as usize {
            let rows = outputs.chunks_mut(self.outputs.max(1));
            rows.for_each(|row| self.constants.iter().for_each(|(output, constant)| row[*output] += constant));
        }
        let outputs = Tensor::from_vec(outputs, (points, self.outputs), &Device::Cpu)?;
        Ok(outputs.to_dtype(rows.dtype())?.to_device(rows.device())?)
    }
}

/// Draws shots of all groups from a state and finds what they say about the outputs.
struct Draw<'a, F> {
    sampling: &'a Sampling,
    /// The generator of a row and a group.
    random: F,
}

impl<F: Fn(usize, usize) -> Generator + Sync> Draw<'_, F> {
    fn group<T: WithDType>(&self, (row, index): (usize, usize), amplitudes: &[T]) -> Vec<f64> {
        let Sampling { shots, outputs, groups, .. } = self.sampling;
        let (group, random) = (&groups[index], &mut (self.random)(row, index));
        let mut found = vec![0.0; *outputs];
        if group.changes_nothing() {
            group.read(amplitudes, *shots, random, &mut found);
        } else {
            let mut changed = amplitudes.to_vec();
            group.change(&mut changed);
            group.read(&changed, *shots, random, &mut found);
        }
        found
    }
}

impl<F: Fn(usize, usize) -> Generator + Sync> sampling::Reader for Draw<'_, F> {
    type Found = Vec<f64>;

    fn read<T: WithDType>(&self, row: usize, amplitudes: &[T]) -> Vec<f64> {
        let groups = 0..self.sampling.groups.len();
        // Large states one copy at a time.
        let each: Vec<Vec<f64>> = if size_of_val(amplitudes) > SPREAD_BYTES {
            groups.map(|index| self.group((row, index), amplitudes)).collect()
        } else {
            share::map(groups, |index| self.group((row, index), amplitudes))
        };
        let mut outputs = vec![0.0; self.sampling.outputs];
        for found in each {
            outputs.iter_mut().zip(found).for_each(|(sum, found)| *sum += found);
        }
        outputs
    }
}
