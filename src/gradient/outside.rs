//! Counts from a program outside: points of a variant become texts, and texts are sent many at once.

use crate::error::{ExecutorError, Result};
use crate::exchange::executor::{Executor, Job, MAX_JOBS};
use crate::numbers::host_numbers;
use crate::program::{Program, Texts, Written};
use crate::sampling::{Change, Counts, shot_generator};
use candle_core::Tensor;
use rand::Rng;
use std::sync::Arc;

/// Bytes of texts that are sent at once, give or take one text.
const MAX_BYTES: usize = 1 << 25;

/// Executor, and the circuit whose points it runs.
#[derive(Debug, Clone)]
pub(crate) struct Outside {
    executor: Arc<dyn Executor>,
    written: Arc<Written>,
}

/// Qubits that a text measures, each once, after changes of basis.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) changes: &'a [Change],
    /// Bit k of an outcome is qubit `qubits[k]`.
    pub(crate) qubits: &'a [usize],
}

/// Shots of a call, and the numbers behind their seeds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shots {
    pub(crate) shots: u32,
    pub(crate) seed: u64,
    /// Number of the call, and the number of the first point in it.
    pub(crate) place: (u64, u64),
    /// Number of the first reading.
    pub(crate) first: u64,
}

impl Shots {
    /// Returns a seed for a point and a reading, below 2^53.
    fn seed(self, point: usize, reading: usize) -> u64 {
        let (call, first) = self.place;
        shot_generator(self.seed, call, first + point as u64, self.first.wrapping_add(reading as u64)).random::<u64>()
            >> 11
    }
}

impl Outside {
    pub(crate) fn new(executor: Arc<dyn Executor>, written: Written) -> Self {
        Self { executor, written: Arc::new(written) }
    }

    /// Returns the counts of all readings at each point of a variant of the program; `None` for points with a number
    /// that is not finite, which are not sent. Readings without qubits are not sent either.
    pub(crate) fn counts(
        &self,
        variant: &Program,
        (rows, weights): (&Tensor, &Tensor),
        readings: &[Reading<'_>],
        shots: Shots,
    ) -> Result<Vec<Option<Vec<Counts>>>> {
        let (points, weights) = (rows.dim(0)?, host_numbers(weights)?);
        let rows = host_numbers(rows)?;
        let width = rows.len() / points.max(1);
        let mut found = Vec::with_capacity(points);
        let mut queue = Queue { executor: &*self.executor, jobs: Vec::new(), bytes: 0, places: Vec::new() };
        for point in 0..points {
            let circuit = self.written.at(variant, &rows[point * width..(point + 1) * width], &weights);
            let known = if shots.shots == 0 { Vec::new() } else { vec![(0, u64::from(shots.shots))] };
            found.push(circuit.as_ref().map(|_| vec![known; readings.len()]));
            let Some(circuit) = circuit else { continue };
            let mut texts = Texts::of(&circuit)?;
            for (index, reading) in readings.iter().enumerate() {
                if shots.shots == 0 || reading.qubits.is_empty() {
                    continue;
                }
                let program = texts.measured(reading.changes.iter().map(Change::parts), reading.qubits)?;
                queue.bytes += program.len();
                queue.jobs.push(Job::new(program, shots.shots as usize, shots.seed(point, index)));
                queue.places.push((point, index, reading.qubits.len()));
                if queue.jobs.len() == MAX_JOBS || queue.bytes >= MAX_BYTES {
                    queue.send(&mut found)?;
                }
            }
        }
        queue.send(&mut found)?;
        Ok(found)
    }
}

/// Texts that wait to be sent.
struct Queue<'a> {
    executor: &'a dyn Executor,
    jobs: Vec<Job>,
    /// Bytes of the texts.
    bytes: usize,
    /// Point, reading and number of bits of each text.
    places: Vec<(usize, usize, usize)>,
}

impl Queue<'_> {
    /// Sends all texts that wait, and puts their counts in place.
    fn send(&mut self, found: &mut [Option<Vec<Counts>>]) -> Result<()> {
        if self.jobs.is_empty() {
            return Ok(());
        }
        let all = self.executor.run_all(&self.jobs)?;
        self.bytes = 0;
        if all.len() != self.jobs.len() {
            return Err(ExecutorError::Answers { expected: self.jobs.len(), actual: all.len() }.into());
        }
        for ((counts, job), (point, reading, bits)) in all.iter().zip(self.jobs.drain(..)).zip(self.places.drain(..)) {
            counts.check(bits, job.shots)?;
            if let Some(of_point) = &mut found[point] {
                of_point[reading] = counts.numbers();
            }
        }
        Ok(())
    }
}
