//! Noise channels, with a row of one table for each.
//!
//! A row says how a channel is written (name, strengths, qubits), how it is drawn, the range of its strengths, and its
//! action. Builder methods, drawings, `docs/channels.md` and all tests of channels follow from the rows. Lowering reads
//! forms and never names.
//!
//! The action of a channel is given in Pauli letters. A density matrix is `2^-n sum of r_P P` with `r_P = Tr(P ρ)`. A
//! channel on one qubit with real coefficients
//!
//! ```text
//! ρ00' = a ρ00 + b ρ11    ρ11' = (1-a) ρ00 + (1-b) ρ11    ρ01' = c ρ01 + d ρ10
//! ```
//!
//! multiplies `r_X` by `c + d`, `r_Y` by `c - d` and `r_Z` by `a - b`, and adds `(a + b - 1) r_I` to `r_Z`.

mod table;

use crate::angle::Angle;
use crate::error::Mistake;

pub use table::Channel;
pub(crate) use table::{Evaluate, channel_table};

/// Row of the channel table.
#[derive(Debug)]
pub(crate) struct ChannelSpec {
    /// Builder method.
    name: &'static str,
    /// Label in drawings.
    symbol: &'static str,
    /// Names of the strengths, in the order of the builder method.
    strengths: &'static [&'static str],
    /// Names of the qubits, in the order of the builder method.
    qubits: &'static [&'static str],
    bounds: &'static [Bound],
    form: fn(&[Angle], Evaluate<'_>) -> Form,
    /// Documentation, a sentence without its end.
    doc: &'static str,
}

/// Action of a channel. Strengths are linear in most forms; for the others there is a [`Function`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Form {
    /// Multiplies X, Z and Y by these factors, and adds a multiple of the identity to Z.
    Letters { factors: Box<[Angle; 3]>, shift: Angle },
    /// Multiplies all words that are not the identity on the qubits by 1 minus this number.
    Mixing(Angle),
    /// Multiplies each letter by a factor and adds an offset, at the end of a circuit.
    Readout { factor: Angle, offset: Angle },
}

/// Function of strengths that is no polynomial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Function {
    /// Square root of 1 minus the first argument.
    RootOfRest,
    /// Exponential function of minus the first argument divided by the second.
    Decay,
}

impl Function {
    /// Returns the function of arguments that are written as texts.
    pub(crate) fn spelled(self, [first, second]: &[String; 2]) -> String {
        match self {
            Self::RootOfRest => format!("sqrt(1 - ({first}))"),
            Self::Decay => format!("exp(-({first})/({second}))"),
        }
    }

    /// Returns the value for numbers.
    pub(crate) fn value(self, [first, second]: [f64; 2]) -> f64 {
        match self {
            // A strength of 1 may be beyond 1 by rounding.
            Self::RootOfRest => (1.0 - first).max(0.0).sqrt(),
            Self::Decay => (-first / second).exp(),
        }
    }
}

/// Range of the strengths of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    /// The strength is a probability.
    Probability(usize),
    /// The sum of the strengths is at most 1.
    Sum(&'static [usize]),
    /// The strength is a time, at least 0.
    Time(usize),
    /// The strength is a time above 0.
    TimeConstant(usize),
    /// The time constant of coherences is at most twice the time constant of populations.
    Coherence { t1: usize, t2: usize },
}

/// Expression in strengths that must not be negative.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Limit<E = Angle> {
    /// The expression.
    pub(crate) rest: E,
    /// Whether 0 is too small.
    pub(crate) strict: bool,
    /// Strength to name in an error, by its value and its index.
    pub(crate) strength: (E, usize),
    /// Allowed range of the strength, in words.
    pub(crate) allowed: &'static str,
}

impl<E> Limit<E> {
    /// Whether a value of the expression is beyond the limit by more than rounding.
    pub(crate) fn is_broken_by(&self, rest: f64, rounding: f64) -> bool {
        // A NaN is no strength either.
        !(if self.strict { rest > 0.0 } else { rest >= -rounding })
    }
}

impl Bound {
    fn limits(self, strengths: &[Angle]) -> Vec<Limit> {
        let s = |index: usize| strengths.get(index).cloned().unwrap_or_default();
        let limit =
            |rest: Angle, index: usize, allowed| Limit { rest, strict: false, strength: (s(index), index), allowed };
        match self {
            Self::Probability(k) => [s(k), 1.0 - s(k)].into_iter().map(|rest| limit(rest, k, "0 to 1")).collect(),
            Self::Sum(all) => {
                let rest = all.iter().fold(Angle::from(1.0), |rest, k| rest - s(*k));
                vec![limit(rest, all.last().copied().unwrap_or(0), "such that the sum of all is at most 1")]
            }
            Self::Time(k) => vec![limit(s(k), k, "a time of at least 0")],
            Self::TimeConstant(k) => vec![Limit { strict: true, ..limit(s(k), k, "a time above 0") }],
            Self::Coherence { t1, t2 } => vec![limit(2.0 * s(t1) - s(t2), t2, "at most 2 t1")],
        }
    }
}

/// Largest distance of a constant beyond its range that counts as rounding.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

impl Channel {
    fn spec(self) -> &'static ChannelSpec {
        &table::TABLE[self as usize]
    }

    /// Returns the name, which is also the name of the method of [`Circuit`](crate::Circuit).
    pub fn name(self) -> &'static str {
        self.spec().name
    }

    /// Returns the label in drawings.
    pub fn symbol(self) -> &'static str {
        self.spec().symbol
    }

    /// Returns the names of the strengths, in the order of the builder method.
    pub fn strengths(self) -> &'static [&'static str] {
        self.spec().strengths
    }

    /// Returns the names of the qubits, in the order of the builder method.
    pub fn qubits(self) -> &'static [&'static str] {
        self.spec().qubits
    }

    /// Returns the documentation, a sentence without its end.
    pub fn doc(self) -> &'static str {
        self.spec().doc
    }

    /// Returns all channels, in the order of the table.
    pub fn all() -> impl ExactSizeIterator<Item = Self> + Clone {
        table::CHANNELS.iter().copied()
    }

    /// Returns the action for given strengths; `evaluate` turns functions of strengths into expressions.
    pub(crate) fn form(self, strengths: &[Angle], evaluate: Evaluate<'_>) -> Form {
        (self.spec().form)(strengths, evaluate)
    }

    /// Returns the expressions that must not be negative.
    pub(crate) fn limits(self, strengths: &[Angle]) -> Vec<Limit> {
        self.spec().bounds.iter().flat_map(|bound| bound.limits(strengths)).collect()
    }

    /// Returns whether the channel belongs to the measurement at the end.
    pub(crate) fn is_readout(self) -> bool {
        self == Self::readout_error
    }

    /// Returns whether the channel, with these strengths, sets its qubit to 0.
    pub(crate) fn resets(self, strengths: &[Angle]) -> bool {
        self == Self::reset_error && strengths == [Angle::from(1.0), Angle::from(0.0)]
    }

    /// Returns whether the channel acts on the outcome of a measurement as on a bit.
    pub(crate) fn is_classical(self) -> bool {
        matches!(self, Self::bit_flip | Self::readout_error)
    }

    /// Checks strengths, as many as the channel has: constants are in their range, and coefficients are expressions of
    /// at most second degree.
    pub(crate) fn check(self, strengths: &[Angle]) -> Result<(), Mistake> {
        strengths.iter().try_for_each(Angle::check)?;
        for limit in self.limits(strengths) {
            if limit.rest.is_constant() && limit.is_broken_by(limit.rest.constant, ROUNDING) {
                let (value, index) = (limit.strength.0.constant, limit.strength.1);
                let strength = self.strengths()[index];
                return Err(Mistake::Strength { channel: self.name(), strength, value, allowed: limit.allowed });
            }
        }
        let mut variable = |_, arguments: [Angle; 2]| match arguments.iter().all(Angle::is_constant) {
            true => Angle::from(0.5),
            false => crate::angle::input(0),
        };
        match self.form(strengths, &mut variable) {
            Form::Letters { factors, shift } => factors.iter().chain([&shift]).try_for_each(Angle::check),
            Form::Mixing(mixed) => mixed.check(),
            Form::Readout { factor, offset } => factor.check().and(offset.check()),
        }
    }
}

/// Returns the table of channels in Markdown, as `docs/channels.md` shows it.
///
/// ```
/// assert!(candlewick::channel::markdown_channels().contains("`bit_flip(p, qubit)`"));
/// ```
pub fn markdown_channels() -> String {
    let row = |channel: Channel| {
        let arguments: Vec<&str> = channel.strengths().iter().chain(channel.qubits()).copied().collect();
        format!("| `{}({})` | {} |\n", channel.name(), arguments.join(", "), channel.doc())
    };
    let rows: String = Channel::all().map(row).collect();
    format!("| method | effect |\n|---|---|\n{rows}")
}
