//! Pictures of operations, the same for every form of a drawing: what is drawn on which wire, and what stands in a mark.
//! Forms draw it, and ask nothing again; only the description in words looks at the operation, too.

use crate::angle::{Angle, Notation, Variable};
use crate::channel;
use crate::circuit::{Kind, Operation};
use crate::gate::{self, GateSpec};
use std::borrow::Cow;

/// Symbol of a qubit that is set to 0.
pub(super) const ZERO: &str = "|0⟩";

/// Operation as it is drawn.
#[derive(Debug)]
pub(super) struct Picture<'c> {
    pub(super) operation: &'c Operation,
    /// Marks on wires: controls first, then targets.
    pub(super) parts: Vec<Part<'c>>,
    /// Outermost wires.
    pub(super) low: usize,
    pub(super) high: usize,
    pub(super) line: Line,
    pub(super) arguments: Arguments<'c>,
    /// Number, from 1, of the conditions in the legend.
    pub(super) condition: Option<usize>,
}

/// Vertical line of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    None,
    /// Line between the outermost wires.
    Wire,
    /// Double line between wires, from the meter to the record.
    Outcome {
        meter: usize,
        record: usize,
    },
}

/// Mark on a wire, or on neighbouring wires that share it.
#[derive(Debug)]
pub(super) struct Part<'c> {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) shape: Shape,
    /// Name of the target, without arguments.
    pub(super) symbol: Cow<'c, str>,
    /// Wires of the targets whose order matters, with their places.
    pub(super) numbers: Vec<(usize, usize)>,
    /// Whether the arguments stand in the mark, or beside it if it is a control.
    pub(super) has_arguments: bool,
    /// Whether the number of the condition stands there.
    pub(super) has_condition: bool,
    /// Whether it is noise, whose boxes are dashed.
    pub(super) is_noise: bool,
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
    /// Box of a phase without controls, on the first wire.
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
        let phase = phase(operation);
        match parts.first_mut() {
            // A phase has no target: it stands beside the first control.
            Some(control) if phase.is_some() => {
                control.symbol += " gphase";
                (control.has_arguments, control.has_condition) = (true, true);
            }
            None if phase.is_some() => parts.push(Part::new([0, 0], Shape::Phase, "gphase".into())),
            _ => parts.extend(target_parts(operation, targets, !controls.is_empty(), condition.is_some())),
        }
        let arguments = match operation.kind {
            Kind::AmplitudeEmbedding { first, count, .. } => {
                Arguments::Features(first, first.saturating_add(count).saturating_sub(1))
            }
            _ => Arguments::Angles(phase.unwrap_or_else(|| Cow::from(operation.angles()))),
        };
        let low = parts.iter().map(|part| part.first).min().unwrap_or(0);
        let high = parts.iter().map(|part| part.last).max().unwrap_or(0);
        let line = match (&operation.kind, &controls[..], targets) {
            (Kind::Measure, [meter], [record]) => Line::Outcome { meter: *meter, record: *record },
            (Kind::Barrier, ..) => Line::None,
            _ if low == high => Line::None,
            _ => Line::Wire,
        };
        Self { operation, parts, low, high, line, arguments, condition }
    }
}

impl<'c> Part<'c> {
    fn new([first, last]: [usize; 2], shape: Shape, symbol: Cow<'c, str>) -> Self {
        let has_arguments = matches!(shape, Shape::Box | Shape::Phase);
        let has_condition = has_arguments || matches!(shape, Shape::Zero | Shape::Meter);
        Self { first, last, shape, symbol, numbers: Vec::new(), has_arguments, has_condition, is_noise: false }
    }
}

fn control(operation: &Operation, qubit: usize) -> Part<'_> {
    let (shape, symbol) = match operation.kind {
        Kind::Measure => (Shape::Meter, "M"),
        _ if operation.zero_controls().contains(&qubit) => (Shape::OpenControl, "○"),
        _ => (Shape::Control, "●"),
    };
    Part::new([qubit, qubit], shape, symbol.into())
}

/// Returns the marks of targets: one for all if they are neighbours and parts of one thing, else one for each.
fn target_parts<'c>(
    operation: &'c Operation,
    targets: &[usize],
    is_controlled: bool,
    is_conditional: bool,
) -> Vec<Part<'c>> {
    if operation.kind == Kind::Barrier {
        return runs(targets).into_iter().map(|run| Part::new(run, Shape::Barrier, "░".into())).collect();
    }
    let is_whole = targets.len() > 1 && is_whole(operation);
    let is_ordered = is_whole && !is_symmetric(operation);
    let numbers = |of: &[usize], start: usize| -> Vec<(usize, usize)> {
        of.iter().zip(start..).map(|(wire, place)| (*wire, place)).filter(|_| is_ordered).collect()
    };
    let part = |edges: [usize; 2], k: usize, of: &[usize]| {
        let (shape, symbol) = target(operation, k, is_controlled);
        // A sign without a box has no room for the number of a condition.
        let is_sign = matches!(shape, Shape::Plus | Shape::Cross | Shape::Dot);
        let shape = if is_sign && is_conditional { Shape::Box } else { shape };
        let is_noise = operation.is_channel() && shape == Shape::Box;
        Part { numbers: numbers(of, k), is_noise, ..Part::new(edges, shape, symbol) }
    };
    match runs(targets)[..] {
        [run] if is_whole => vec![part(run, 0, targets)],
        _ => targets.iter().enumerate().map(|(k, qubit)| part([*qubit, *qubit], k, &[*qubit])).collect(),
    }
}

/// Returns the first and the last wire of each run of neighbours.
fn runs(wires: &[usize]) -> Vec<[usize; 2]> {
    let mut sorted = wires.to_vec();
    sorted.sort_unstable();
    sorted.chunk_by(|one, next| one + 1 == *next).filter_map(|run| Some([*run.first()?, *run.last()?])).collect()
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
        Kind::Measure => (Shape::Record, Cow::from("record")),
        Kind::Reset if k == 0 => (Shape::Zero, Cow::from(ZERO)),
        Kind::Reset => boxed("old"),
        Kind::Channel(channel) if channel.resets(operation.angles()) => (Shape::Zero, Cow::from(ZERO)),
        Kind::Channel(channel) => boxed(channel.symbol()),
        Kind::Kraus(_) => boxed("Kraus"),
        Kind::GlobalPhase | Kind::Barrier => boxed(""),
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

/// Returns whether the targets of an operation are parts of one thing: one box if they are neighbours.
fn is_whole(operation: &Operation) -> bool {
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
