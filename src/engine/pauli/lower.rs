//! Lowering of programs to paths: steps become turns, and outputs sums of words.

use super::PauliPropagation;
use crate::error::{Error, MemoryError, Result, SimulationError};
use crate::mask::{Mask, Wide};
use crate::memory::{check_numbers, memory_left};
use crate::observable::PauliWord;
use crate::program::paths::{Limits, MAX_GENERATORS, MixesWords, Move, Moves, Paths, TooLarge, TooManyGenerators};
use crate::program::{Program, Quantity, Readout, Step, Sum};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Most qubits whose probabilities are sums of words.
const MAX_PROBABILITY_QUBITS: usize = 10;

/// Paths of a program, and the part of each output that no word carries.
#[derive(Debug)]
pub(super) struct Lowered {
    pub(super) paths: Paths,
    pub(super) constants: Vec<f64>,
}

/// Paths of a program that have been made.
#[derive(Debug, Default)]
struct Made(Mutex<HashMap<PauliPropagation, Arc<Lowered>>>);

impl Lowered {
    /// Returns the paths of a program, which are made at the first request.
    ///
    /// # Errors
    /// A program that Pauli propagation cannot run; more words than the limits.
    pub(super) fn of(program: &Program, options: &PauliPropagation, memory_limit: Option<u64>) -> Result<Arc<Self>> {
        let mut made = program.cache.entry::<Made>().0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lowered) = made.get(options) {
            return Ok(Arc::clone(lowered));
        }
        let lowered = Arc::new(Self::new(program, options, memory_limit)?);
        made.insert(*options, Arc::clone(&lowered));
        Ok(lowered)
    }

    fn new(program: &Program, options: &PauliPropagation, memory_limit: Option<u64>) -> Result<Self> {
        let refused = |what| Err(SimulationError::NotFromPauli { what }.into());
        if program.embedding.is_some() {
            return refused("embedded amplitudes");
        }
        match &program.wide {
            None => Self::of_form((program, &program.steps, &program.readout), options, memory_limit),
            Some(wide) => Self::of_form((program, &wide.steps, &wide.readout), options, memory_limit),
        }
    }

    /// Makes the paths of a program from its steps and its readout, which are its own or its wide form's.
    fn of_form<M: Mask>(
        (program, steps, readout): (&Program, &[Step<M>], &Readout<M>),
        options: &PauliPropagation,
        memory_limit: Option<u64>,
    ) -> Result<Self> {
        let (outputs, constants) = outputs(program, readout, options)?;
        let moves = moves(program, steps)?;
        let limits = Limits {
            weight: options.max_weight.unwrap_or(u32::MAX),
            sines: options.max_sines.unwrap_or(u32::MAX),
            terms: options.max_terms,
            bytes: memory_left(0, u64::MAX, memory_limit),
        };
        let paths = Paths::new(program.qubits, &moves, &outputs, limits).map_err(|error| match error {
            TooLarge::Words(words) => too_many(words, options),
            TooLarge::Bytes(needed) => {
                let (what, budget) = ("the paths of Pauli words", limits.bytes);
                Error::Memory(MemoryError::Numbers { what, needed: Some(needed), budget })
            }
        })?;
        match (paths.stuck, options.max_weight) {
            (Some((output, weight)), Some(max_weight)) => {
                Err(SimulationError::HeavyWords { output, weight, max_weight }.into())
            }
            _ => Ok(Self { paths, constants }),
        }
    }
}

/// Returns what a program's steps and channels do to words.
fn moves<M: Mask>(program: &Program, steps: &[Step<M>]) -> Result<Vec<Move>> {
    let mut moves = Moves::new(&program.slots);
    let mut channels = program.channels.iter().peekable();
    for index in 0..=steps.len() {
        while let Some(channel) = channels.next_if(|channel| channel.after <= index) {
            moves.channel(channel).map_err(|MixesWords| SimulationError::KrausMixWords)?;
        }
        if let Some(step) = steps.get(index) {
            moves.step(&step.widened()).map_err(|TooManyGenerators(generators)| SimulationError::ManyControls {
                generators,
                allowed: MAX_GENERATORS,
            })?;
        }
    }
    Ok(moves.list)
}

/// Words of each output with their coefficients, and its constant.
type Outputs = (Vec<Vec<(PauliWord, f64)>>, Vec<f64>);

fn too_many(words: usize, options: &PauliPropagation) -> Error {
    SimulationError::TooManyWords { words, limit: options.max_terms, weight: options.max_weight }.into()
}

/// Returns the words of all outputs.
fn outputs<M: Mask>(program: &Program, readout: &Readout<M>, options: &PauliPropagation) -> Result<Outputs> {
    let refused = |what| Err(SimulationError::NotFromPauli { what }.into());
    let count = program.engine_outputs();
    let needed: u64 =
        readout.quantities.iter().map(|columns| word_count(&columns.quantity)).fold(0, u64::saturating_add);
    if needed > options.max_terms as u64 {
        return Err(too_many(usize::try_from(needed).unwrap_or(usize::MAX), options));
    }
    // A word and its coefficient are nine numbers.
    check_numbers("the words of outputs", needed.checked_mul(9).and_then(|all| all.checked_add(4 * count as u64)))?;
    let (mut words, mut constants) = (vec![Vec::new(); count], vec![0.0; count]);
    for (columns, own) in readout.quantities.iter().zip(&program.readout.quantities) {
        let (words, constants) = (&mut words[columns.outputs()], &mut constants[columns.outputs()]);
        match &columns.quantity {
            Quantity::Expectation(sum) => {
                // A variant of the program may have no constants, whatever its words are.
                if let Quantity::Expectation(own) = &own.quantity {
                    constants.copy_from_slice(&own.constants);
                }
                of_sum(sum, words, constants);
            }
            Quantity::Probabilities(qubits) if qubits.len() <= MAX_PROBABILITY_QUBITS => {
                of_probabilities(qubits, words, constants);
            }
            Quantity::Probabilities(_) => return refused("probabilities of more than 10 qubits"),
            Quantity::Variance(_) => return refused("variances"),
            Quantity::State => return refused("amplitudes"),
        }
    }
    Ok((words, constants))
}

/// Words of all outputs of a quantity together, at most; none for a quantity that is refused.
fn word_count<M: Mask>(quantity: &Quantity<M>) -> u64 {
    match quantity {
        Quantity::Expectation(sum) => {
            let words = sum.x_groups.iter().map(|x_group| x_group.terms.len() as u64);
            let of_parts = sum.parts.iter().map(|(_, _, part)| part.word_count());
            words.chain(of_parts).fold(0, u64::saturating_add)
        }
        Quantity::Probabilities(qubits) if qubits.len() <= MAX_PROBABILITY_QUBITS => 1 << (2 * qubits.len()),
        Quantity::Probabilities(_) | Quantity::Variance(_) | Quantity::State => 0,
    }
}

fn of_sum<M: Mask>(sum: &Sum<M>, words: &mut [Vec<(PauliWord, f64)>], constants: &mut [f64]) {
    for x_group in &sum.x_groups {
        for term in &x_group.terms {
            words[term.output].push((PauliWord { x: x_group.x, z: term.z }.widened(), term.coefficient));
        }
    }
    for (output, coefficient, part) in &sum.parts {
        for (word, of_word) in part.widened().words() {
            // The coefficients of a Hermitian operator are real.
            let coefficient = coefficient * of_word.re;
            match word.is_identity() {
                true => constants[*output] += coefficient,
                false => words[*output].push((word, coefficient)),
            }
        }
    }
}

fn of_probabilities(qubits: &[usize], words: &mut [Vec<(PauliWord, f64)>], constants: &mut [f64]) {
    let share = 1.0 / words.len() as f64;
    constants.fill(share);
    for (index, words) in words.iter_mut().enumerate() {
        words.extend((1..1usize << qubits.len()).map(|subset| {
            let odd = (index & subset).count_ones() % 2 == 1;
            let z = Wide::deposit(subset, qubits);
            (PauliWord { x: Wide::EMPTY, z }, if odd { -share } else { share })
        }));
    }
}
