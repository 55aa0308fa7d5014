//! Slots in the bytecode: expressions, their cosines and sines, and the chain rule back to variables.

use super::assembler::Assembler;
use super::sweeps::{Op, Sweep};
use crate::engine::gpu::abi::{self, Derivative, INPUTS, NONE, SlotTerm, TableTerm, WEIGHTS, Weighted};
use crate::engine::tile_planner::Term;
use crate::program::{Program, Slot, Source, Variable};
use num_complex::Complex64;
use std::collections::HashMap;

/// Slots in a new order: first the slots that all samples share, then each sample's own. Constant cosines and sines
/// follow the shared ones.
#[derive(Debug)]
pub(crate) struct Angles {
    pub(crate) shared: u32,
    pub(crate) fixed: u32,
    pub(crate) own: u32,
    /// Position of the slots' expressions.
    pub(crate) expressions: u32,
    /// First constant cosine and sine among the constants.
    pub(crate) constants: u32,
    /// Positions of the lists of derivatives in each feature, and in each weight.
    pub(crate) inputs: u32,
    pub(crate) weights: u32,
    /// New index of each slot of the program, and the kinds of the variables that it reads.
    slots: Vec<(u32, u32)>,
    cos_sins: HashMap<[u64; 2], u32>,
}

fn bits(value: Complex64) -> [u64; 2] {
    [value.re.to_bits(), value.im.to_bits()]
}

fn kinds(slot: &Slot) -> u32 {
    let bit = |reads: bool, bit: u32| if reads { bit } else { 0 };
    bit(slot.reads_inputs(), INPUTS) | bit(slot.reads_weights(), WEIGHTS)
}

impl Angles {
    pub(crate) fn new(program: &Program, sweeps: &[Sweep], assembler: &mut Assembler) -> Self {
        let (own, shared): (Vec<usize>, Vec<usize>) =
            (0..program.slots.len()).partition(|slot| program.slots[*slot].reads_inputs());
        let order: Vec<usize> = shared.iter().chain(&own).copied().collect();
        let mut slots = vec![(0, 0); order.len()];
        for (number, slot) in order.iter().enumerate() {
            slots[*slot] = (number as u32, kinds(&program.slots[*slot]));
        }
        let mut cos_sins = HashMap::new();
        let mut values = Vec::new();
        for source in sweeps.iter().flat_map(|sweep| &sweep.ops).flat_map(sources) {
            if let Source::Fixed(value) = source {
                cos_sins.entry(bits(value)).or_insert_with(|| {
                    values.push(value);
                    (shared.len() + values.len() - 1) as u32
                });
            }
        }
        let expressions = expressions(program, &order, assembler);
        let [inputs, weights] = derivatives(program, &order, assembler);
        Self {
            shared: shared.len() as u32,
            fixed: values.len() as u32,
            own: own.len() as u32,
            expressions,
            constants: assembler.constants(values),
            inputs,
            weights,
            slots,
            cos_sins,
        }
    }

    /// Number of slots.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// New index of a slot.
    pub(crate) fn slot(&self, slot: usize) -> u32 {
        self.slots[slot].0
    }

    pub(crate) fn kinds(&self, source: &Source) -> u32 {
        match source {
            Source::Slot(slot) => self.slots[*slot].1,
            Source::Fixed(_) => 0,
        }
    }

    /// Source as a word: the index of its cosine and sine, and its kinds.
    pub(crate) fn source(&self, source: &Source) -> u32 {
        match source {
            Source::Slot(slot) => {
                let (number, kinds) = self.slots[*slot];
                kinds | if kinds & INPUTS == 0 { number } else { number - self.shared }
            }
            Source::Fixed(value) => self.cos_sins[&bits(*value)],
        }
    }

    /// Record of a term of a table.
    pub(crate) fn term(&self, term: &Term, assembler: &mut Assembler) -> TableTerm {
        let (mut constant, mut parts) = (0.0, Vec::new());
        for (source, weight) in &term.parts {
            match source {
                Source::Slot(slot) => {
                    parts.push(Weighted { index: self.slot(*slot), weight: assembler.number(*weight) });
                }
                Source::Fixed(value) => constant += weight * value.arg(),
            }
        }
        TableTerm { mask: term.mask as u32, offset: assembler.number(constant), parts: assembler.list(&parts) }
    }
}

/// Sources of the cosines and sines of an operation. Terms of a table need angles instead.
fn sources(op: &Op) -> Vec<Source> {
    match op {
        Op::Pass { rotations, .. } => rotations.iter().map(|rotation| rotation.source).collect(),
        Op::Diagonals(factors) => factors.iter().map(|factor| factor.source).collect(),
        Op::Mix { source, .. } => vec![*source],
        Op::Exchange { .. } | Op::Matrix { .. } => Vec::new(),
    }
}

fn name(variable: Variable) -> u32 {
    match variable {
        Variable::Input(index) => index as u32 | INPUTS,
        Variable::Weight(index) => index as u32,
    }
}

/// Writes the records of the slots.
fn expressions(program: &Program, order: &[usize], assembler: &mut Assembler) -> u32 {
    let mut records = Vec::new();
    for slot in order {
        let slot = &program.slots[*slot];
        let term = |(coefficient, first, second): &(f64, Variable, Option<Variable>)| SlotTerm {
            coefficient: assembler.number(*coefficient),
            first: name(*first),
            second: second.map_or(NONE, name),
        };
        let terms: Vec<SlotTerm> = slot.terms.iter().map(term).collect();
        let terms = assembler.list(&terms);
        records.push(abi::Slot { offset: assembler.number(slot.constant), terms });
    }
    assembler.block(records)
}

/// Writes the derivatives of slots in each feature and in each weight, as lists.
fn derivatives(program: &Program, order: &[usize], assembler: &mut Assembler) -> [u32; 2] {
    let mut lists = [vec![Vec::new(); program.engine_inputs], vec![Vec::new(); program.weights]];
    for (number, slot) in order.iter().enumerate() {
        for (coefficient, first, second) in &program.slots[*slot].terms {
            let coefficient = assembler.number(*coefficient);
            let mut add = |variable: Variable, other: Option<Variable>| {
                let (kind, index) = match variable {
                    Variable::Input(index) => (0, index),
                    Variable::Weight(index) => (1, index),
                };
                let derivative = Derivative { slot: number as u32, coefficient, other: other.map_or(NONE, name) };
                lists[kind][index].push(derivative);
            };
            add(*first, *second);
            if let Some(second) = second {
                add(*second, Some(*first));
            }
        }
    }
    lists.map(|lists| assembler.lists(&lists))
}
