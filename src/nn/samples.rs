//! Measured outcomes of a layer: single shots in order, or counts of each outcome. Final states come from the engine in
//! chunks, and the host draws from them.

use super::QuantumLayer;
use crate::engine::{Simulation, threads};
use crate::error::{Error, Mistake, Result, StatesError};
use crate::functional;
use crate::gradient::{Estimator, Outside, Reading, Shots, states_in};
use crate::mask::Mask;
use crate::measurement::Measurement;
use crate::memory;
use crate::observable::{Observable, PauliWord};
use crate::program::Program;
use crate::sampling::{self, Change, FinalState, Outcomes, Reader, in_random_order, letter_changes, shot_generator};
use candle_core::{Device, Tensor, WithDType};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of final states in memory at the same time.
const CHUNK_BYTES: usize = 1 << 27;

/// Distinguishes these draws from the draws of a call's outputs.
const SAMPLES: u64 = u64::MAX;

/// Kind of outcomes: bits of each shot, or numbers of each outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Shots,
    Counts,
}

/// Outcomes of one state.
enum Drawn {
    Shots(Vec<u64>),
    Counts(sampling::Counts),
}

/// Draws outcomes from each state.
struct Draw {
    kind: Kind,
    shots: u32,
    qubits: Vec<usize>,
    /// Changes from the measured basis to the computational basis.
    changes: Vec<Change>,
    seed: u64,
    call: u64,
    /// Number of the first row.
    first: usize,
}

impl Reader for Draw {
    /// Outcomes, or `None` if the state is not finite.
    type Found = Option<Drawn>;

    fn read<T: WithDType>(&self, row: usize, state: FinalState<'_, T>) -> Option<Drawn> {
        let random = &mut shot_generator(self.seed, self.call, (self.first + row) as u64, SAMPLES);
        let changed = state.in_basis(&self.changes);
        let outcomes = Outcomes::new(&changed, &self.qubits);
        match self.kind {
            Kind::Shots => outcomes.shots(self.shots, random).map(Drawn::Shots),
            Kind::Counts => outcomes.counts(self.shots, random).map(Drawn::Counts),
        }
    }
}

impl QuantumLayer {
    /// Draws the outcomes of measuring all qubits of each sample `shots` times, in the order in which they are drawn:
    /// `[.., shots, qubits]` of 0 and 1 in `U32`, on the CPU, with qubit `q` at index `q`.
    ///
    /// Time and memory are of order `states + shots` for each sample.
    /// [`QuantumLayerConfig::seed`](super::QuantumLayerConfig::seed) and the number of the call determine the outcomes.
    /// Outcomes have no gradient: the result is not in the graph.
    ///
    /// ```
    /// use candle_core::{DType, Device};
    /// use candle_nn::VarBuilder;
    /// use candlewick::prelude::*;
    ///
    /// let mut circuit = Circuit::new(2);
    /// circuit.h(0).cx(0, 1);
    /// let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    /// let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)?;
    /// let bits = layer.sample(None, 1000)?; // [1000, 2]
    /// for outcome in bits.to_vec2::<u32>()? {
    ///     assert_eq!(outcome[0], outcome[1]); // a Bell pair: 00 or 11
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`try_forward`](Self::try_forward); a state that is not finite; outcomes beyond the memory; more
    /// than 2^32 - 1 shots.
    pub fn sample(&self, x: Option<&Tensor>, shots: usize) -> Result<Tensor> {
        self.bits(PauliWord::default(), x, shots)
    }

    /// Draws outcomes as [`sample`](Self::sample) does, with each qubit measured in the basis of its letter in a Pauli
    /// word: X, Y, or Z if the word has no letter there. An outcome is 0 for the letter's eigenvalue 1, and 1 for -1.
    ///
    /// ```
    /// use candle_core::{DType, Device};
    /// use candle_nn::VarBuilder;
    /// use candlewick::prelude::*;
    ///
    /// let mut circuit = Circuit::new(2);
    /// circuit.h(0).cx(0, 1);
    /// let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    /// let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)?;
    /// for outcome in layer.sample_in(&(Y(0) * Y(1)), None, 1000)?.to_vec2::<u32>()? {
    ///     assert_ne!(outcome[0], outcome[1]); // <Y Y> of this Bell pair is -1
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`sample`](Self::sample); a basis that is no single Pauli word with the coefficient 1, or that has
    /// qubits beyond the circuit's, or X or Y on a record of a measurement.
    pub fn sample_in(&self, basis: &Observable, x: Option<&Tensor>, shots: usize) -> Result<Tensor> {
        self.bits(self.word(basis)?, x, shots)
    }

    fn bits(&self, basis: PauliWord<u64>, x: Option<&Tensor>, shots: usize) -> Result<Tensor> {
        let qubits = self.circuit().qubits();
        let leading = x.map_or(&[][..], |x| &x.dims()[..x.rank().saturating_sub(1)]);
        let shape: Vec<usize> = leading.iter().copied().chain([shots, qubits]).collect();
        let program = self.states()?;
        self.check(&program, x, shots)?;
        // Counts the bits, and the outcomes from which they are made.
        let numbers = shape.iter().try_fold(1u64, |product, size| product.checked_mul(*size as u64));
        memory::check_numbers("outcomes", numbers)?;
        let mut bits = vec![0u32; shape.iter().product()];
        self.draw(&program, (basis, x), (Kind::Shots, shots), |sample, drawn| {
            let Drawn::Shots(outcomes) = drawn else { return };
            let row = bits[sample * shots * qubits..].chunks_exact_mut(qubits);
            for (bits, outcome) in row.zip(outcomes) {
                bits.iter_mut().enumerate().for_each(|(q, bit)| *bit = (outcome >> q & 1) as u32);
            }
        })?;
        Ok(Tensor::from_vec(bits, shape, &Device::Cpu)?)
    }

    /// Counts the outcomes of measuring all qubits of each sample `shots` times. The result has a map for each sample,
    /// with all leading dimensions flattened. A map has outcomes as basis indices (qubit 0 is the low bit) and the
    /// number of each.
    ///
    /// This is faster than [`sample`](Self::sample) for many shots: memory grows with the different outcomes, not with
    /// the shots.
    ///
    /// ```
    /// # use candle_core::{DType, Device};
    /// # use candle_nn::VarBuilder;
    /// # use candlewick::prelude::*;
    /// # let mut circuit = Circuit::new(2);
    /// # circuit.h(0).cx(0, 1);
    /// # let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    /// # let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)?;
    /// let counts = &layer.counts(None, 1000)?[0];
    /// assert_eq!(counts[&0b00] + counts[&0b11], 1000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`try_forward`](Self::try_forward); a state that is not finite; more than 2^32 - 1 shots.
    pub fn counts(&self, x: Option<&Tensor>, shots: usize) -> Result<Vec<BTreeMap<u64, u64>>> {
        self.numbers(PauliWord::default(), x, shots)
    }

    /// Counts outcomes as [`counts`](Self::counts) does, in the basis of a Pauli word as for
    /// [`sample_in`](Self::sample_in).
    ///
    /// ```
    /// # use candle_core::{DType, Device};
    /// # use candle_nn::VarBuilder;
    /// # use candlewick::prelude::*;
    /// # let mut circuit = Circuit::new(2);
    /// # circuit.h(0).cx(0, 1);
    /// # let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    /// # let layer = QuantumLayer::new(circuit, Measurement::expectation([Z(0)]), vb)?;
    /// let counts = &layer.counts_in(&(X(0) * X(1)), None, 1000)?[0];
    /// assert_eq!(counts[&0b00] + counts[&0b11], 1000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`counts`](Self::counts) and the errors of a basis in [`sample_in`](Self::sample_in).
    pub fn counts_in(&self, basis: &Observable, x: Option<&Tensor>, shots: usize) -> Result<Vec<BTreeMap<u64, u64>>> {
        self.numbers(self.word(basis)?, x, shots)
    }

    fn numbers(&self, basis: PauliWord<u64>, x: Option<&Tensor>, shots: usize) -> Result<Vec<BTreeMap<u64, u64>>> {
        let mut all = Vec::new();
        self.draw(&self.states()?, (basis, x), (Kind::Counts, shots), |_, drawn| {
            let Drawn::Counts(counts) = drawn else { return };
            all.push(counts.into_iter().collect());
        })?;
        Ok(all)
    }

    /// Returns the word of a basis.
    fn word(&self, basis: &Observable) -> Result<PauliWord<u64>> {
        let wrong = |mistake| Error::Observable { index: 0, mistake };
        basis.check(self.circuit().qubits()).and_then(|()| basis.check_constant()).map_err(wrong)?;
        let words: Vec<(PauliWord, f64)> = basis.words().take(2).collect();
        let [(word, 1.0)] = words[..] else { return Err(wrong(Mistake::NotOneWord)) };
        if !basis.parts().is_empty() {
            return Err(wrong(Mistake::NotOneWord));
        }
        match (self.circuit().records() & word.x).lowest() {
            None => Ok(word.narrowed()),
            Some(qubit) => Err(wrong(Mistake::RecordRead { qubit })),
        }
    }

    /// Passes the outcomes of each sample's state to `take`, in order.
    fn draw(
        &self,
        program: &Arc<Program>,
        (basis, x): (PauliWord<u64>, Option<&Tensor>),
        (kind, shots): (Kind, usize),
        mut take: impl FnMut(usize, Drawn),
    ) -> Result<()> {
        let shots = self.check(program, x, shots)?;
        let (qubits, seed, call) = ((0..program.qubits()).collect(), self.config.seed, self.estimator.next_call());
        let changes = letter_changes(basis);
        if !changes.is_empty() {
            let copies = (threads::thread_count() as u64).checked_mul(2 << program.qubits());
            memory::check_numbers("states in another basis", copies)?;
        }
        let mut draw = Draw { kind, shots, qubits, changes, seed, call, first: 0 };
        if let Some(outside) = self.estimator.outside() {
            return self.draw_outside(program, (outside, x), &draw, take);
        }
        let is_density = self.config.simulation.resolve(program)? == Simulation::Density;
        if is_density {
            // The words, the matrix, and the matrix in another basis, for each thread.
            let threads = threads::thread_count() as u64;
            let numbers = 5u64.checked_shl(2 * program.qubits() as u32).and_then(|all| all.checked_mul(threads));
            memory::check_numbers("density matrices", numbers)?;
        }
        let estimator = Estimator::exact(self.estimator.options().clone());
        let width = if is_density { 2 * program.qubits() } else { program.qubits() };
        let most = states_in(CHUNK_BYTES, width, estimator.options());
        functional::for_each_states(program, &estimator, (self.default(), x), &self.weights, most, |first, states| {
            draw.first = first;
            let found = match is_density {
                true => sampling::read_densities(states, &draw)?,
                false => sampling::read_states(states, &draw)?,
            };
            for (row, drawn) in found.into_iter().enumerate() {
                take(first + row, drawn.ok_or(Error::States(StatesError::NoOutcomes { sample: first + row }))?);
            }
            Ok(())
        })
    }

    /// Passes the outcomes that a program outside has drawn to `take`, in order.
    fn draw_outside(
        &self,
        program: &Arc<Program>,
        (outside, x): (&Outside, Option<&Tensor>),
        draw: &Draw,
        mut take: impl FnMut(usize, Drawn),
    ) -> Result<()> {
        let (rows, weights) = functional::engine_arguments(program, (self.default(), x), &self.weights)?;
        let reading = Reading { changes: &draw.changes, qubits: &draw.qubits };
        let shots = Shots { shots: draw.shots, seed: draw.seed, place: (draw.call, 0), first: SAMPLES };
        for (sample, found) in outside.counts(program, (&rows, &weights), &[reading], shots)?.into_iter().enumerate() {
            let counts = found.map(|all| all.concat()).ok_or(Error::States(StatesError::NoOutcomes { sample }))?;
            let random = &mut shot_generator(draw.seed, draw.call, sample as u64, SAMPLES);
            take(
                sample,
                match draw.kind {
                    Kind::Shots => Drawn::Shots(in_random_order(&counts, random)),
                    Kind::Counts => Drawn::Counts(counts),
                },
            );
        }
        Ok(())
    }

    /// Checks the arguments before any memory is allocated for them.
    fn check(&self, program: &Arc<Program>, x: Option<&Tensor>, shots: usize) -> Result<u32> {
        let expected = || format!("0 to {}", u32::MAX);
        let too_many = |_| Error::Measurement(Mistake::Length { what: "shots", expected: expected(), actual: shots });
        let shots = u32::try_from(shots).map_err(too_many)?;
        functional::check_arguments(program, self.default(), x, &self.weights)?;
        Ok(shots)
    }

    /// Returns the circuit's program with the state as output.
    fn states(&self) -> Result<Arc<Program>> {
        if let Some(program) = self.states.get() {
            return Ok(Arc::clone(program));
        }
        let program = Program::with_rewrites(self.circuit(), &Measurement::State, self.config.rewrites)?;
        let is_density = self.config.simulation.resolve(&program)? == Simulation::Density;
        let program = if is_density { program.words()? } else { program };
        Ok(Arc::clone(self.states.get_or_init(|| Arc::new(program))))
    }
}
