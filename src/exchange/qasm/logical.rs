//! Logical circuits: operations on the qubits of the text, before measurements are deferred.

use crate::circuit::{Angle, Condition};
use crate::gate::{Gate, Inverse};
use std::rc::Rc;

/// Number of a classical value that a measurement decides.
pub(super) type Outcome = u32;

/// Value of a classical bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Bit {
    Known(bool),
    Outcome(Outcome),
}

/// Kind of a logical operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Gate {
        gate: Gate,
        dagger: bool,
    },
    /// Pauli rotation, by its place among [`LogicalCircuit::rotations`].
    PauliRotation(u32),
    GlobalPhase,
    Barrier,
    /// Measurement, and the number of its outcome if it is kept.
    Measure(Option<Outcome>),
    Reset,
    /// New value of a bit, by its place among [`LogicalCircuit::computations`].
    Compute(u32),
}

/// Angles of a logical operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Angles {
    /// Numbers from a place of [`LogicalCircuit::numbers`] on.
    Numbers(u32),
    /// Expressions in inputs, from a place of [`LogicalCircuit::expressions`] on.
    Expressions(u32),
}

/// Most qubits of a gate of the table.
pub(super) const GATE_QUBITS: usize = 3;

/// Operation on qubits of the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogicalOperation {
    pub(super) kind: Kind,
    /// Place in the text.
    pub(super) at: u32,
    /// Place of the controls and conditions among [`LogicalCircuit::contexts`].
    pub(super) context: u32,
    pub(super) angles: Angles,
    pub(super) qubits: [u8; GATE_QUBITS],
    /// Number of qubits, if the kind does not tell it.
    pub(super) count: u8,
}

/// Controls and conditions of a logical operation.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    /// Qubits with the values that they must have.
    pub(super) controls: Vec<(u8, bool)>,
    /// Outcomes with the values that they must have.
    pub(super) outcomes: Vec<(Outcome, bool)>,
    pub(super) conditions: Vec<Rc<Condition>>,
}

/// New value of a bit.
#[derive(Debug)]
pub(super) struct Computation {
    pub(super) outcome: Outcome,
    pub(super) rule: Rule,
}

/// How a new value follows from others.
#[derive(Debug)]
pub(super) enum Rule {
    /// XOR of ANDs: each term is a mask of the outcomes that it joins.
    Polynomial { support: Vec<Outcome>, terms: Vec<u16> },
    /// The new value where the context of the operation holds, the old one elsewhere.
    Select { old: Bit, new: Bit },
    /// The same, where the new value is the outcome of a measurement of the operation's qubit.
    SelectMeasured { old: Bit },
}

/// All operations of a text.
#[derive(Debug, Default)]
pub(super) struct LogicalCircuit {
    pub(super) list: Vec<LogicalOperation>,
    pub(super) numbers: Vec<f64>,
    pub(super) expressions: Vec<Rc<Angle>>,
    pub(super) contexts: Vec<Context>,
    pub(super) computations: Vec<Computation>,
    /// Words and qubits of Pauli rotations.
    pub(super) rotations: Vec<(Rc<str>, Box<[u8]>)>,
    /// Number of outcomes so far.
    pub(super) outcomes: u32,
}

impl LogicalCircuit {
    /// Returns the number of a new outcome.
    pub(super) fn new_outcome(&mut self) -> Outcome {
        self.outcomes += 1;
        self.outcomes - 1
    }

    /// Returns the qubits of an operation, without the controls of its context.
    pub(super) fn qubits<'a>(&'a self, operation: &'a LogicalOperation) -> &'a [u8] {
        match operation.kind {
            Kind::PauliRotation(place) => &self.rotations[place as usize].1,
            _ => &operation.qubits[..usize::from(operation.count)],
        }
    }

    /// Replaces the operations from `first` on by their inverses, in reverse order. They are unitary.
    pub(super) fn invert(&mut self, first: usize) {
        self.list[first..].reverse();
        for place in first..self.list.len() {
            let mut operation = self.list[place];
            match operation.kind {
                Kind::Gate { gate, dagger } => match gate.spec().inverse {
                    Inverse::Itself => {}
                    Inverse::Named(other) => operation.kind = Kind::Gate { gate: other, dagger },
                    Inverse::Dagger => operation.kind = Kind::Gate { gate, dagger: !dagger },
                    Inverse::Angles(map) => self.map_angles(operation.angles, gate.angles().len(), map),
                },
                Kind::PauliRotation(_) | Kind::GlobalPhase => self.map_angles(operation.angles, 1, &[]),
                _ => {}
            }
            self.list[place] = operation;
        }
    }

    /// Replaces angles by linear functions of them, or a single angle by its negative.
    fn map_angles(&mut self, angles: Angles, count: usize, map: &[crate::gate::Linear]) {
        match angles {
            Angles::Numbers(first) => {
                let numbers = &mut self.numbers[first as usize..][..count];
                let old: Vec<f64> = numbers.to_vec();
                match map {
                    [] => numbers.iter_mut().for_each(|number| *number = -*number),
                    map => numbers.iter_mut().zip(map).for_each(|(number, linear)| *number = linear.value(&old)),
                }
            }
            Angles::Expressions(first) => {
                let expressions = &mut self.expressions[first as usize..][..count];
                let old: Vec<Rc<Angle>> = expressions.to_vec();
                let of = |linear: &crate::gate::Linear| {
                    let angle = linear.index.map_or_else(Angle::default, |index| linear.sign * (*old[index]).clone());
                    Rc::new(angle + linear.offset)
                };
                match map {
                    [] => expressions.iter_mut().for_each(|angle| *angle = Rc::new(-(**angle).clone())),
                    map => expressions.iter_mut().zip(map).for_each(|(angle, linear)| *angle = of(linear)),
                }
            }
        }
    }
}
