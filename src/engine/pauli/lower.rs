//! Lowering of programs to paths: steps become turns, and outputs sums of words.

use super::PauliPropagation;
use crate::error::{Result, SimulationError};
use crate::memory::check_numbers;
use crate::program::mask::{Mask, Wide};
use crate::program::paths::{Limits, Paths, TooManyGenerators, TooManyWords, Turns, Word};
use crate::program::{Controls, Kernel, Program, Quantity, Step, Sum};
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
    /// A program that Pauli propagation cannot run; more words than the limit.
    pub(super) fn of(program: &Program, options: &PauliPropagation) -> Result<Arc<Self>> {
        let mut made = program.cache.entry::<Made>().0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lowered) = made.get(options) {
            return Ok(Arc::clone(lowered));
        }
        let lowered = Arc::new(Self::new(program, options)?);
        made.insert(*options, Arc::clone(&lowered));
        Ok(lowered)
    }

    fn new(program: &Program, options: &PauliPropagation) -> Result<Self> {
        let refused = |what| Err(SimulationError::NotFromPauli { what }.into());
        if program.embedding.is_some() {
            return refused("embedded amplitudes");
        }
        if !program.channels.is_empty() {
            return refused("noise channels");
        }
        let (outputs, constants) = outputs(program)?;
        let mut turns = Turns::new(&program.slots);
        for step in &program.steps {
            turns.step(&widened(step)).map_err(|TooManyGenerators(generators)| SimulationError::ManyControls {
                generators,
                allowed: crate::program::paths::MAX_GENERATORS,
            })?;
        }
        let limits = Limits {
            weight: options.max_weight.unwrap_or(u32::MAX),
            sines: options.max_sines.unwrap_or(u32::MAX),
            terms: options.max_terms,
        };
        let paths = Paths::new(program.qubits, &turns.turns, &outputs, limits).map_err(|TooManyWords(words)| {
            SimulationError::TooManyWords { words, limit: options.max_terms, weight: options.max_weight }
        })?;
        Ok(Self { paths, constants })
    }
}

fn widened(step: &Step) -> Step<Wide> {
    let wide = |mask: u64| Wide([mask, 0, 0, 0]);
    let kernel = match &step.kernel {
        Kernel::Rotation { x, z, slot } => Kernel::Rotation { x: wide(*x), z: wide(*z), slot: *slot },
        Kernel::Phase { slot } => Kernel::Phase { slot: *slot },
        Kernel::FixedPhase(value) => Kernel::FixedPhase(*value),
        Kernel::Exchange { mask, first, second } => {
            Kernel::Exchange { mask: wide(*mask), first: wide(*first), second: wide(*second) }
        }
        Kernel::Matrix { qubits, entries } => Kernel::Matrix { qubits: qubits.clone(), entries: Arc::clone(entries) },
    };
    let Controls { mask, zeros } = step.controls;
    Step { kernel, controls: Controls { mask: wide(mask), zeros: wide(zeros) } }
}

/// Words of each output with their coefficients, and its constant.
type Outputs = (Vec<Vec<(Word, f64)>>, Vec<f64>);

fn outputs(program: &Program) -> Result<Outputs> {
    let count = program.engine_outputs();
    check_numbers("the words of outputs", Some(count as u64))?;
    let (mut words, mut constants) = (vec![Vec::new(); count], vec![0.0; count]);
    for columns in &program.readout.quantities {
        let range = columns.outputs();
        match &columns.quantity {
            Quantity::Expectation(sum) => of_sum(sum, &mut words[range.clone()], &mut constants[range]),
            Quantity::Probabilities(qubits) if qubits.len() <= MAX_PROBABILITY_QUBITS => {
                of_probabilities(qubits, &mut words[range.clone()], &mut constants[range]);
            }
            Quantity::Probabilities(_) => {
                return Err(SimulationError::NotFromPauli { what: "probabilities of more than 10 qubits" }.into());
            }
            Quantity::Variance(_) => return Err(SimulationError::NotFromPauli { what: "variances" }.into()),
            Quantity::State => return Err(SimulationError::NotFromPauli { what: "amplitudes" }.into()),
        }
    }
    Ok((words, constants))
}

fn of_sum(sum: &Sum, words: &mut [Vec<(Word, f64)>], constants: &mut [f64]) {
    let wide = |mask: u64| Wide([mask, 0, 0, 0]);
    constants.copy_from_slice(&sum.constants);
    for x_group in &sum.x_groups {
        for term in &x_group.terms {
            words[term.output].push((Word { x: wide(x_group.x), z: wide(term.z) }, term.coefficient));
        }
    }
    for (output, coefficient, part) in &sum.parts {
        for (word, of_word) in part.words() {
            // The coefficients of a Hermitian operator are real.
            let coefficient = coefficient * of_word.re;
            match (word.x | word.z) == 0 {
                true => constants[*output] += coefficient,
                false => words[*output].push((Word { x: wide(word.x), z: wide(word.z) }, coefficient)),
            }
        }
    }
}

fn of_probabilities(qubits: &[usize], words: &mut [Vec<(Word, f64)>], constants: &mut [f64]) {
    let share = 1.0 / words.len() as f64;
    constants.fill(share);
    for (index, words) in words.iter_mut().enumerate() {
        words.extend((1..1usize << qubits.len()).map(|subset| {
            let odd = (index & subset).count_ones() % 2 == 1;
            let z = Wide::deposit(subset, qubits);
            (Word { x: Wide::EMPTY, z }, if odd { -share } else { share })
        }));
    }
}
