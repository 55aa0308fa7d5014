//! Gates that a text can call: gates of the libraries, and its own definitions.

use super::gates::{Phase, Row};
use super::names::Name;
use super::syntax::{Expression, Modifier, Type};
use crate::gate::Gate;
use std::rc::Rc;

/// Gate that can be called.
#[derive(Debug, Clone)]
pub(super) enum Callee {
    /// Gate of a library.
    Row(&'static Row),
    /// `gphase`.
    Phase,
    /// Gate that the text defines.
    Defined(Rc<Defined>),
}

/// Definition of a gate, whose names have been looked up.
#[derive(Debug)]
pub(super) struct Defined {
    pub(super) parameters: usize,
    pub(super) qubits: usize,
    /// Body, or `None` of an opaque gate.
    pub(super) body: Option<Vec<Instruction>>,
    /// Whether a library of OpenQASM 2 defines the gate, so that a text may define it again.
    pub(super) of_library: bool,
    /// Operation that does the same.
    pub(super) known: Option<Known>,
}

/// Operation of a circuit that does the same as a definition.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) kind: KnownKind,
    /// Phase of the definition before that of the operation.
    pub(super) phase: f64,
}

/// Kind of a [`Known`] operation.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum KnownKind {
    Gate(Gate),
    /// Pauli rotation, by its word.
    PauliRotation(Rc<str>),
}

/// Instruction of a definition.
#[derive(Debug)]
pub(super) enum Instruction {
    Call(GateCall),
    /// Loop: its variable is a local of the body.
    For {
        at: u32,
        /// Type of the variable, with its size in bits.
        kind: (Type, Option<u32>),
        variable: usize,
        over: Numbers,
        body: Vec<Self>,
    },
}

/// Numbers of a loop.
#[derive(Debug, Clone)]
pub(super) enum Numbers {
    Range { start: Expression, step: Option<Expression>, end: Expression },
    Set(Box<[Expression]>),
}

/// Call inside a definition.
#[derive(Debug)]
pub(super) struct GateCall {
    pub(super) at: u32,
    pub(super) name: Name,
    pub(super) callee: Callee,
    pub(super) modifiers: Vec<Modifier>,
    pub(super) arguments: Vec<Expression>,
    /// Qubits, by their places among the definition's.
    pub(super) qubits: Vec<u8>,
}

impl Callee {
    /// Returns the numbers of angles and of qubits.
    pub(super) fn arity(&self) -> (usize, usize) {
        match self {
            Self::Row(row) => (row.angles, row.qubits()),
            Self::Phase => (1, 0),
            Self::Defined(defined) => (defined.parameters, defined.qubits),
        }
    }

    /// Returns the gate of the table that the callee is, if no phase stands in front of it, and the number of its
    /// further controls.
    pub(super) fn table_gate(&self) -> Option<(Gate, usize)> {
        match self {
            Self::Row(row) if row.phase == Phase::None => Some((row.gate, row.controls)),
            Self::Defined(defined) => match &defined.known {
                Some(Known { kind: KnownKind::Gate(gate), phase: 0.0 }) => Some((*gate, 0)),
                _ => None,
            },
            _ => None,
        }
    }
}
