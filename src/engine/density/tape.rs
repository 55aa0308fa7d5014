//! Tape of a program: its maps, its outputs, and its plans, made once.

use super::lower::{Counts, Lowered, Op, lower_program};
use super::plan::{Lanes, Plan};
use super::readout::Readings;
use crate::error::Result;
use crate::program::{Program, Slot};
use std::sync::OnceLock;

#[derive(Debug)]
pub(super) struct Tape {
    pub(super) ops: Vec<Op>,
    /// Slots of the program, then further constants.
    pub(super) slots: Vec<Slot>,
    /// Whether a slot of each op reads inputs.
    pub(super) varies: Vec<bool>,
    pub(super) parts: Counts,
    pub(super) factors: Counts,
    pub(super) readings: Readings,
    qubits: usize,
    of_samples: OnceLock<Plan>,
    of_letters: OnceLock<Plan>,
}

/// Tape of a program, in its cache.
#[derive(Debug, Default)]
struct Cached(OnceLock<Tape>);

impl Tape {
    /// Returns the tape of a program.
    pub(super) fn of(program: &Program) -> Result<&Self> {
        let Cached(tape) = program.cache.entry();
        match tape.get() {
            Some(tape) => Ok(tape),
            None => {
                let made = Self::new(program)?;
                Ok(tape.get_or_init(|| made))
            }
        }
    }

    fn new(program: &Program) -> Result<Self> {
        let Lowered { ops, slots, parts, factors } = lower_program(program)?;
        let varies = ops.iter().map(|op| op.slots().iter().any(|slot| slots[*slot].reads_inputs())).collect();
        let (of_samples, of_letters) = (OnceLock::new(), OnceLock::new());
        let readings = Readings::new(program)?;
        Ok(Self { ops, slots, varies, parts, factors, readings, qubits: program.qubits, of_samples, of_letters })
    }

    /// Returns the passes for a meaning of the lanes.
    pub(super) fn plan(&self, lanes: Lanes) -> &Plan {
        let cell = match lanes {
            Lanes::Samples => &self.of_samples,
            Lanes::Letters => &self.of_letters,
        };
        let has_gradient = |op: &Op| op.slots().iter().any(|slot| !self.slots[*slot].terms.is_empty());
        cell.get_or_init(|| Plan::new((&self.ops, &self.varies), has_gradient, self.qubits, lanes))
    }
}
