//! Outputs from a finite number of shots.
//!
//! What is measured is cut into groups that are read in one basis each (`sampling/`). A group is the program with a change of
//! basis behind it; an engine gives its final states, and shots are drawn from them on the host.

use super::points::states_in;
use crate::engine::cpu::Cpu;
use crate::error::Result;
use crate::measurement::Measurement;
use crate::program::Program;
use crate::sampling::{self, Group, stream};
use candle_core::{Device, Tensor, WithDType};
use rand::rngs::StdRng;
use std::sync::{Arc, OnceLock};

/// Bytes of final states that are alive at once.
const CHUNK_BYTES: usize = 1 << 27;

/// See the module.
#[derive(Debug)]
pub(crate) struct Sampling {
    shots: u32,
    seed: u64,
    groups: Vec<Group>,
    /// For each form of the program, that of each group. Made when first asked for.
    programs: [OnceLock<Vec<Arc<Program>>>; 3],
    outputs: usize,
}

impl Sampling {
    pub(crate) fn new(measurement: &Measurement, program: &Program, shots: usize, seed: u64) -> Result<Self> {
        let shots = sampling::check_shots(measurement, shots)?;
        let groups = sampling::groups(measurement, program.qubits())?;
        Ok(Self { shots, seed, groups, programs: Default::default(), outputs: program.outputs() })
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
        let followed = |group: &Group| Arc::new(form.followed_by(group.steps()));
        let programs = self.programs[number].get_or_init(|| self.groups.iter().map(followed).collect());
        let points = rows.dim(0)?;
        crate::engine::check_numbers("sampled outputs", (points as u64).checked_mul(self.outputs as u64))?;
        let chunk = states_in(CHUNK_BYTES, form.qubits(), cpu);
        let mut outputs = vec![0.0; points * self.outputs];
        for (index, (group, program)) in self.groups.iter().zip(programs).enumerate() {
            for first in (0..points).step_by(chunk) {
                let rows = rows.narrow(0, first, chunk.min(points - first))?.contiguous()?;
                let draw = Draw {
                    group,
                    shots: self.shots,
                    outputs: self.outputs,
                    random: |row| stream(self.seed, place.0, place.1 + (first + row) as u64, index as u64),
                };
                let found = sampling::read(&states(program, &rows)?, &draw)?.concat();
                outputs[first * self.outputs..].iter_mut().zip(found).for_each(|(sum, found)| *sum += found);
            }
        }
        let outputs = Tensor::from_vec(outputs, (points, self.outputs), &Device::Cpu)?;
        Ok(outputs.to_dtype(rows.dtype())?.to_device(rows.device())?)
    }
}

/// Draws shots from a state and finds what they say about the outputs.
struct Draw<'a, F> {
    group: &'a Group,
    shots: u32,
    outputs: usize,
    /// The generator of a row.
    random: F,
}

impl<F: Fn(usize) -> StdRng + Sync> sampling::Reader for Draw<'_, F> {
    type Found = Vec<f64>;

    fn read<T: WithDType>(&self, row: usize, amplitudes: &[T]) -> Vec<f64> {
        let mut outputs = vec![0.0; self.outputs];
        self.group.read(amplitudes, self.shots, &mut (self.random)(row), &mut outputs);
        outputs
    }
}
