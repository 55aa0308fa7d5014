//! Pictures of operations, the same for every form of a drawing. No other file of the drawings looks at operations.

use crate::angle::{Angle, Notation, Variable};
use crate::channel;
use crate::circuit::{Kind, Operation};
use crate::gate::{self, GateSpec};
use std::borrow::Cow;

/// Operation as it is drawn.
#[derive(Debug)]
pub(super) struct Picture<'c> {
    pub(super) operation: &'c Operation,
    /// Marks on wires: controls first, then targets.
    pub(super) parts: Vec<Part<'c>>,
    /// Outermost wires, between which there is a vertical line.
    pub(super) low: usize,
    pub(super) high: usize,
    pub(super) arguments: Arguments<'c>,
    /// Number, from 1, of the conditions in the legend.
    pub(super) condition: Option<usize>,
    /// Whether the targets are parts of one thing: one box if they are neighbours.
    pub(super) is_whole: bool,
    /// Whether the exchange of the targets changes nothing.
    pub(super) is_symmetric: bool,
}

/// Mark on a wire.
#[derive(Debug)]
pub(super) struct Part<'c> {
    pub(super) qubit: usize,
    pub(super) shape: Shape,
    /// Name of the target, without arguments.
    pub(super) symbol: Cow<'c, str>,
    /// Place among several targets.
    pub(super) number: Option<usize>,
}

/// Shape of a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Control that has to be 1.
    Control,
    /// Control that has to be 0.
    OpenControl,
    Box,
    /// Target of a controlled X.
    Plus,
    /// Target of an exchange.
    Cross,
    /// Target of a controlled Z.
    Dot,
    Meter,
    /// Qubit that holds an outcome from here on.
    Record,
    /// Box of a qubit that is set to 0.
    Zero,
    Barrier,
    /// Phase, which has no target: it stands at the first control, or on the first wire.
    Phase,
}

/// Text in the brackets behind a name.
#[derive(Debug)]
pub(super) enum Arguments<'c> {
    Angles(Cow<'c, [Angle]>),
    /// First and last of the features that are embedded.
    Features(usize, usize),
}

impl Arguments<'_> {
    /// Returns the arguments in a notation; no text without arguments.
    pub(super) fn written<N: Notation>(&self, notation: &N) -> String {
        match self {
            Self::Angles(angles) => angles.iter().map(|angle| angle.written(notation)).collect::<Vec<_>>().join(", "),
            Self::Features(first, last) => {
                let [first, last] = [first, last].map(|index| notation.variable(&Variable::Input(*index)));
                format!("{first}{}{last}", N::DOTS)
            }
        }
    }
}

impl<'c> Picture<'c> {
    /// Makes the picture of an operation, whose conditions have a number in the legend.
    pub(super) fn new(operation: &'c Operation, condition: Option<usize>) -> Self {
        let (controls, targets) = operation.controls_and_targets();
        let mut parts: Vec<Part<'_>> = controls.iter().map(|qubit| control(operation, *qubit)).collect();
        if let Some(phase) = phase(operation) {
            let qubit = controls.first().copied().unwrap_or(0);
            parts.push(Part { qubit, shape: Shape::Phase, symbol: Cow::from("gphase"), number: None });
            return Self { arguments: Arguments::Angles(phase), ..Self::of(operation, parts, condition) };
        }
        let is_controlled = !controls.is_empty();
        parts.extend(targets.iter().enumerate().map(|(k, qubit)| {
            let (shape, symbol) = target(operation, k, is_controlled);
            // A sign without a box has no room for the number of a condition.
            let is_sign = matches!(shape, Shape::Plus | Shape::Cross | Shape::Dot);
            let shape = if is_sign && condition.is_some() { Shape::Box } else { shape };
            let number = (targets.len() > 1 && has_numbers(operation)).then_some(k);
            Part { qubit: *qubit, shape, symbol, number }
        }));
        Self::of(operation, parts, condition)
    }

    fn of(operation: &'c Operation, parts: Vec<Part<'c>>, condition: Option<usize>) -> Self {
        let arguments = match operation.kind {
            Kind::AmplitudeEmbedding { first, count, .. } => {
                Arguments::Features(first, first.saturating_add(count).saturating_sub(1))
            }
            _ => Arguments::Angles(Cow::from(operation.angles())),
        };
        Self {
            operation,
            low: parts.iter().map(|part| part.qubit).min().unwrap_or(0),
            high: parts.iter().map(|part| part.qubit).max().unwrap_or(0),
            parts,
            arguments,
            condition,
            is_whole: has_numbers(operation),
            is_symmetric: is_symmetric(operation),
        }
    }

    /// Returns whether the operation is noise.
    pub(super) fn is_noise(&self) -> bool {
        self.operation.is_channel()
    }

    /// Returns the wires of the one box in which all targets are: neighbours, in any order.
    pub(super) fn joined(&self) -> Option<(usize, usize)> {
        let targets = || self.parts.iter().filter(|part| part.number.is_some()).map(|part| part.qubit);
        let (first, last, count) = (targets().min()?, targets().max()?, targets().count());
        (self.is_whole && last - first + 1 == count).then_some((first, last))
    }
}

fn control(operation: &Operation, qubit: usize) -> Part<'_> {
    let (shape, symbol) = match operation.kind {
        Kind::Measure => (Shape::Meter, "M"),
        _ if operation.zero_controls().contains(&qubit) => (Shape::OpenControl, "○"),
        _ => (Shape::Control, "●"),
    };
    Part { qubit, shape, symbol: Cow::from(symbol), number: None }
}

/// Returns the angle of an operation that has no targets, only a phase.
fn phase(operation: &Operation) -> Option<Cow<'_, [Angle]>> {
    match &operation.kind {
        Kind::GlobalPhase => Some(Cow::from(operation.angles())),
        Kind::PauliRotation(word) if word.is_empty() => {
            Some(operation.angles().iter().map(|angle| -0.5 * angle.clone()).collect())
        }
        _ => None,
    }
}

/// Returns the shape and the name of target `k`.
fn target(operation: &Operation, k: usize, is_controlled: bool) -> (Shape, Cow<'_, str>) {
    let boxed = |symbol| (Shape::Box, Cow::from(symbol));
    match &operation.kind {
        Kind::Gate(gate) => {
            let (spec, dagger) = (gate.spec(), operation.is_dagger());
            let symbol = if dagger { Cow::from(format!("{}†", spec.symbol)) } else { Cow::from(spec.symbol) };
            (gate_shape(spec, is_controlled), symbol)
        }
        Kind::PauliRotation(word) => (Shape::Box, Cow::from(format!("R{}", word.get(k..=k).unwrap_or_default()))),
        Kind::Unitary(_) => boxed("U"),
        Kind::AmplitudeEmbedding { .. } => boxed("Amp"),
        Kind::Barrier => (Shape::Barrier, Cow::from("░")),
        Kind::Measure => (Shape::Record, Cow::from("record")),
        Kind::Reset if k == 0 => (Shape::Zero, Cow::from("|0>")),
        Kind::Reset => boxed("old"),
        Kind::Channel(channel) if channel.resets(operation.angles()) => (Shape::Zero, Cow::from(channel.symbol())),
        Kind::Channel(channel) => boxed(channel.symbol()),
        Kind::Kraus(_) => boxed("Kraus"),
        Kind::GlobalPhase => boxed(""),
    }
}

fn gate_shape(spec: &GateSpec, is_controlled: bool) -> Shape {
    match spec.form {
        _ if spec.symbol == "×" => Shape::Cross,
        gate::Form::Permutation([(0, 1)]) if is_controlled => Shape::Plus,
        gate::Form::FixedPhase(phase) if is_controlled && phase.re == -1.0 => Shape::Dot,
        _ => Shape::Box,
    }
}

/// Returns whether the targets of an operation are parts of one thing, which numbers tell apart.
fn has_numbers(operation: &Operation) -> bool {
    match &operation.kind {
        Kind::Gate(gate) => gate.spec().symbol != "×",
        Kind::Unitary(_) | Kind::AmplitudeEmbedding { .. } | Kind::Channel(_) | Kind::Kraus(_) => true,
        Kind::PauliRotation(_) | Kind::GlobalPhase | Kind::Barrier | Kind::Measure | Kind::Reset => false,
    }
}

/// Returns whether the exchange of two targets changes nothing.
fn is_symmetric(operation: &Operation) -> bool {
    let exchanged = |index: usize| index >> 1 | (index & 1) << 1;
    match &operation.kind {
        Kind::Gate(gate) => match gate.spec().form {
            gate::Form::PauliRotation(word) => word.chars().all(|letter| word.starts_with(letter)),
            gate::Form::Matrix2(rows) => (0..4).all(|a| (0..4).all(|b| rows[a][b] == rows[exchanged(a)][exchanged(b)])),
            _ => false,
        },
        Kind::Channel(channel) => {
            matches!(channel.form(operation.angles(), &mut |_, _| Angle::default()), channel::Form::Mixing(_))
        }
        _ => false,
    }
}
