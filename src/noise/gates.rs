//! Selections of operations.

use crate::circuit::{Kind, Operation, is_operation};
use crate::error::Mistake;
use crate::limits::{MAX_QUBITS, at_most};
use crate::mask::{Mask, Wide};
use std::fmt;

/// Largest number of names of a selection.
const MAX_NAMES: usize = 1024;

/// Selection of operations to which a rule of a [`NoiseModel`](super::NoiseModel) applies.
///
/// An operation counts with the qubits on which it acts: its targets and all of its controls, those of
/// [`controlled`](crate::Circuit::controlled) included. Qubits that hold the outcome of a
/// [`measure`](crate::Circuit::measure) are classical bits and do not count; nor does the qubit to which a
/// [`reset`](crate::Circuit::reset) moves a state. An operation that acts on no qubit, such as a global phase, is never
/// selected.
///
/// Measurements, resets, embeddings of amplitudes, barriers and channels are selected by their names alone.
///
/// ```
/// use candlewick::noise::Gates;
/// let gates = Gates::named(["cx", "cz"]).on([0, 1]);
/// assert_eq!(gates.to_string(), "`cx`, `cz` on qubits among 0, 1");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Gates {
    names: Option<Vec<String>>,
    /// Number of qubits.
    width: Option<usize>,
    /// Mask of the qubits.
    on: Option<Wide>,
    mistake: Option<Mistake>,
}

impl Gates {
    /// Selects every gate on at least one qubit.
    pub fn all() -> Self {
        Self { names: None, width: None, on: None, mistake: None }
    }

    /// Selects gates on exactly one qubit.
    pub fn one_qubit() -> Self {
        Self { width: Some(1), ..Self::all() }
    }

    /// Selects gates on exactly two qubits.
    pub fn two_qubit() -> Self {
        Self { width: Some(2), ..Self::all() }
    }

    /// Selects operations by the names of their builder methods, as [`Operation::name`] returns them. A gate under
    /// [`controlled`](crate::Circuit::controlled) keeps its name. An unknown name is a mistake, which the model returns
    /// when it is applied. At most 1024 names.
    pub fn named<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        let (names, _) = at_most(MAX_NAMES, names.into_iter().map(Into::into));
        let mistake = if names.len() > MAX_NAMES {
            Some(Mistake::TooMany { what: "names", limit: MAX_NAMES })
        } else {
            let unknown = names.iter().find(|name| !is_operation(name));
            unknown.map(|name| Mistake::UnknownGate { name: name.clone() })
        };
        Self { names: Some(names), mistake, ..Self::all() }
    }

    /// Narrows the selection to operations all of whose qubits are among these, in any order.
    pub fn on(mut self, qubits: impl IntoIterator<Item = usize>) -> Self {
        let (qubits, _) = at_most(MAX_QUBITS, qubits);
        if let Some(qubit) = qubits.iter().copied().find(|qubit| *qubit >= MAX_QUBITS) {
            self.mistake.get_or_insert(Mistake::QubitOutOfRange { qubit, qubits: MAX_QUBITS });
            return self;
        }
        let mask = Wide::of_qubits(qubits);
        self.on = Some(self.on.map_or(mask, |known| known & mask));
        self
    }

    /// Returns the first mistake.
    pub(super) fn check(&self) -> Result<(), Mistake> {
        self.mistake.clone().map_or(Ok(()), Err)
    }

    /// Returns whether operations are selected by name.
    pub(super) fn is_named(&self) -> bool {
        self.names.is_some()
    }

    /// Returns whether an operation that acts on these qubits is selected.
    pub(super) fn select(&self, operation: &Operation, acted: &[usize]) -> bool {
        let named = self
            .names
            .as_ref()
            .map_or_else(|| operation.is_gate(), |names| names.iter().any(|name| name == operation.name()));
        named
            && !acted.is_empty()
            && self.width.is_none_or(|width| width == acted.len())
            && self.on.is_none_or(|mask| acted.iter().all(|qubit| mask.contains(*qubit)))
    }
}

impl fmt::Display for Gates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.names, self.width) {
            (Some(names), _) => {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                f.write_str(&names.join(", "))?;
            }
            (None, Some(1)) => f.write_str("gates on 1 qubit")?,
            (None, Some(width)) => write!(f, "gates on {width} qubits")?,
            (None, None) => f.write_str("all gates")?,
        }
        match self.on {
            Some(mask) => write!(f, " on qubits among {}", listed(&mask.qubits().collect::<Vec<_>>())),
            None => Ok(()),
        }
    }
}

/// Returns qubits as a text, such as `0, 3`.
pub(super) fn listed(qubits: &[usize]) -> String {
    qubits.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

/// Returns the mask of the qubits that hold outcomes, or what resets take away, anywhere in a circuit.
pub(super) fn classical(operations: &[Operation]) -> Wide {
    let others = operations.iter().filter(|one| matches!(one.kind, Kind::Measure | Kind::Reset));
    Wide::of_qubits(others.map(|one| one.qubits[1]))
}

/// Returns the qubits on which an operation acts, controls first, without the qubits of the mask `classical`.
pub(super) fn acted(operation: &Operation, classical: Wide) -> Vec<usize> {
    let qubits = match operation.kind {
        Kind::Measure | Kind::Reset => &operation.qubits[..1],
        Kind::AmplitudeEmbedding { .. } => operation.embedded_qubits(),
        _ => operation.qubits(),
    };
    let all = operation.controls().iter().chain(qubits).copied();
    all.filter(|qubit| !classical.contains(*qubit)).collect()
}

/// Returns an operation as a text, such as `depolarizing(0.01) on 0`.
pub(super) fn spelled(operation: &Operation) -> String {
    let angles: Vec<String> = operation.angles().iter().map(ToString::to_string).collect();
    let arguments = if angles.is_empty() { String::new() } else { format!("({})", angles.join(", ")) };
    let qubits: Vec<usize> = operation.controls().iter().chain(operation.qubits()).copied().collect();
    format!("{}{arguments} on {}", operation.name(), listed(&qubits))
}
