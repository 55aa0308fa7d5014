//! Noise that a rule adds: channels, one after the other.

use crate::angle::{Angle, Variable};
use crate::channel::{Channel, channel_table};
use crate::circuit::{Circuit, Kind, Operation};
use crate::error::{Error, Mistake};
use crate::limits::{MAX_KRAUS_OPERATORS, MAX_KRAUS_QUBITS, at_most};
use num_complex::Complex64;
use std::fmt;
use std::sync::Arc;

/// Largest number of channels one after the other.
const MAX_PARTS: usize = 1024;

/// Channels that a rule of a [`NoiseModel`](super::NoiseModel) adds behind an operation, one after the other.
///
/// A channel on one qubit acts on each of the operation's qubits. A channel on more acts on all of them together, controls
/// first, and needs as many as it has: otherwise applying the model is an error that names the operation.
///
/// ```
/// use candlewick::noise::Noise;
/// let noise = Noise::amplitude_damping(0.02).then(Noise::depolarizing(0.001));
/// assert_eq!(noise.to_string(), "amplitude_damping(0.02), depolarizing(0.001)");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Noise {
    parts: Vec<Part>,
    mistake: Option<Mistake>,
}

/// Channel with its strengths.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    kind: Kind,
    strengths: Vec<Angle>,
    /// Number of qubits.
    pub(super) width: usize,
}

impl Part {
    /// Returns the channel on some qubits.
    pub(super) fn on(&self, qubits: Vec<usize>) -> Operation {
        Operation::new(self.kind.clone(), self.strengths.clone(), qubits)
    }
}

macro_rules! constructors {
    ($($(#[doc = $doc:literal])+ $name:ident($($strength:ident),*; $($qubit:ident),*), $symbol:literal, $bounds:expr,
        $form:ident;)*) => {
        /// The noise channels of the table. Strengths are constants, or expressions in weights and inputs. Applying the
        /// model declares the weights in its circuit, so that they train with it.
        ///
        /// ```
        /// use candle_nn::Init;
        /// use candlewick::{noise::{Gates, Noise, NoiseModel}, prelude::*};
        /// let mut circuit = Circuit::new(1);
        /// let p = circuit.weights_with_init("p", 1, Init::Const(0.01));
        /// circuit.ry(input(0), 0);
        /// let model = NoiseModel::new().after(Gates::all(), Noise::depolarizing(p.at(0)));
        /// let noisy = model.apply(&circuit)?;
        /// assert_eq!(noisy.to_string(), "q0: ─RY(x0)──Depol(p[0])──\n");
        /// # Ok::<(), candlewick::Error>(())
        /// ```
        impl Noise {
            $(
                #[doc = concat!("Makes a `", stringify!($name), "`:", $($doc),+, ".")]
                pub fn $name($($strength: impl Into<Angle>),*) -> Self {
                    Self::channel(Channel::$name, [$($strength.into()),*])
                }
            )*
        }
    };
}
channel_table!(constructors);

impl Noise {
    /// Makes a channel of the table by value, for programs that choose channels at run time.
    pub fn channel(channel: Channel, strengths: impl IntoIterator<Item = Angle>) -> Self {
        let expected = channel.strengths().len();
        let (strengths, actual) = at_most(expected, strengths);
        let mistake = match actual == expected {
            true => channel.check(&strengths).err(),
            false => Some(Mistake::AngleCount { expected, actual }),
        };
        let width = channel.qubits().len();
        Self { parts: vec![Part { kind: Kind::Channel(channel), strengths, width }], mistake }
    }

    /// Makes the channel `ρ -> sum of K ρ K†` with constant Kraus operators K on 1 to 3 qubits, as
    /// [`Circuit::kraus`] takes them.
    pub fn kraus(operators: &[impl AsRef<[Complex64]>]) -> Self {
        let (taken, _) = at_most(MAX_KRAUS_OPERATORS + 1, operators.iter().map(|one| Arc::from(one.as_ref())));
        let entries = taken.first().map_or(0, |first: &Arc<[Complex64]>| first.len());
        // A matrix that is too large, or too small, is refused as one of the next larger size.
        let width = (1..=MAX_KRAUS_QUBITS).find(|width| 1 << (2 * width) >= entries).unwrap_or(MAX_KRAUS_QUBITS);
        let part = Part { kind: Kind::Kraus(taken.into()), strengths: Vec::new(), width };
        let mut probe = Circuit::new(width);
        probe.push_operation(part.on((0..width).collect()));
        let mistake = match probe.check() {
            Err(Error::Circuit { mistake, .. }) => Some(mistake),
            _ => None,
        };
        Self { parts: vec![part], mistake }
    }

    /// Returns this noise followed by another; together at most 1024 channels.
    pub fn then(mut self, other: Self) -> Self {
        self.mistake = self.mistake.or(other.mistake);
        if self.parts.len() + other.parts.len() > MAX_PARTS {
            self.mistake.get_or_insert(Mistake::TooMany { what: "channels", limit: MAX_PARTS });
        } else {
            self.parts.extend(other.parts);
        }
        self
    }

    /// Returns the first mistake.
    pub(super) fn check(&self) -> Result<(), Mistake> {
        self.mistake.clone().map_or(Ok(()), Err)
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Returns the variables of all strengths.
    pub(super) fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.parts.iter().flat_map(|part| &part.strengths).flat_map(Angle::variables)
    }
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |part: &Part| {
            let name = part.on(Vec::new()).name();
            let strengths: Vec<String> = part.strengths.iter().map(ToString::to_string).collect();
            if strengths.is_empty() { name.to_owned() } else { format!("{name}({})", strengths.join(", ")) }
        };
        f.write_str(&self.parts.iter().map(part).collect::<Vec<_>>().join(", "))
    }
}
