//! Noise: builder methods of channels. The channel table's rows generate the methods of its channels.

use super::{Angle, Circuit, Kind, Operation};
use crate::channel::{Channel, channel_table};
use crate::limits::{MAX_KRAUS_OPERATORS, at_most, some_qubits};
use num_complex::Complex64;
use std::sync::Arc;

macro_rules! builder_methods {
    ($($(#[doc = $doc:literal])+ $name:ident($($strength:ident),*; $($qubit:ident),*), $symbol:literal, $bounds:expr,
        $form:ident;)*) => {
        /// The noise channels of the table. Strengths are expressions as angles are: constants, inputs, weights, and
        /// products of two of them. A constant out of range is a mistake; a sample whose strength is out of range has
        /// outputs of NaN. Channels cannot be controlled or inverted.
        ///
        /// ```
        /// use candlewick::{functional, prelude::*};
        /// let mut circuit = Circuit::new(2);
        /// circuit.h(0).cx(0, 1).depolarizing2(0.03, 0, 1);
        /// circuit.amplitude_damping(0.1, 1).readout_error(0.01, 0.02, 0);
        /// let zz = Measurement::expectation([Z(0) * Z(1)]);
        /// let y = functional::evaluate(&circuit, &zz, None, &[])?;
        /// let mixed = 1.0 - 16.0 / 15.0 * 0.03; // of ZZ = 1; the others multiply and add
        /// let expected = 0.97 * (0.9 * mixed) + 0.01 * 0.1;
        /// assert!((y.to_vec1::<f32>()?[0] - expected).abs() < 1e-6);
        /// # Ok::<(), Box<dyn std::error::Error>>(())
        /// ```
        impl Circuit {
            $(
                #[doc = concat!("Appends `", stringify!($name), "`:", $($doc),+, ".")]
                pub fn $name(&mut self, $($strength: impl Into<Angle>,)* $($qubit: usize),*) -> &mut Self {
                    self.channel(Channel::$name, [$($strength.into()),*], [$($qubit),*])
                }
            )*
        }
    };
}
channel_table!(builder_methods);

impl Circuit {
    /// Appends a channel of the table by value, for programs that choose channels at run time.
    ///
    /// ```
    /// use candlewick::{channel::Channel, prelude::*};
    /// let mut circuit = Circuit::new(2);
    /// for channel in [Channel::bit_flip, Channel::depolarizing] {
    ///     circuit.channel(channel, [Angle::from(0.01)], [0]);
    /// }
    /// circuit.check().unwrap();
    /// ```
    pub fn channel(
        &mut self,
        channel: Channel,
        strengths: impl IntoIterator<Item = Angle>,
        qubits: impl IntoIterator<Item = usize>,
    ) -> &mut Self {
        // One more than there are is enough to know that there are too many.
        let (strengths, _) = at_most(channel.strengths().len() + 1, strengths);
        self.push_operation(Operation::new(Kind::Channel(channel), strengths, some_qubits(qubits)));
        self
    }

    /// Appends the channel `ρ -> sum of K ρ K†` with constant Kraus operators K on 1 to 3 qubits, each given row by row;
    /// `qubits[0]` is the low bit of a row's index. There are 1 to 4096 operators. Entries of `|sum of K†K - 1|` are at
    /// most 1e-10.
    ///
    /// ```
    /// use candlewick::{functional, prelude::*};
    /// use num_complex::Complex64;
    /// let operator = |p: f64, entries: [f64; 4]| entries.map(|e| Complex64::from(p.sqrt() * e));
    /// let kept = operator(0.9, [1.0, 0.0, 0.0, 1.0]);
    /// let flipped = operator(0.1, [0.0, 1.0, 1.0, 0.0]);
    /// let mut circuit = Circuit::new(1);
    /// circuit.kraus(&[kept, flipped], [0]); // the same as bit_flip(0.1, 0)
    /// let y = functional::evaluate(&circuit, &Measurement::expectation([Z(0)]), None, &[])?;
    /// assert!((y.to_vec1::<f32>()?[0] - 0.8).abs() < 1e-6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn kraus(
        &mut self,
        operators: &[impl AsRef<[Complex64]>],
        qubits: impl IntoIterator<Item = usize>,
    ) -> &mut Self {
        let (taken, _) = at_most(MAX_KRAUS_OPERATORS + 1, operators.iter().map(|one| Arc::from(one.as_ref())));
        self.push_operation(Operation::new(Kind::Kraus(taken.into()), Vec::new(), some_qubits(qubits)));
        self
    }

    /// Sets `qubit` to 0, whatever its state. No further qubit is needed: the state becomes a mixture. A
    /// [`reset`](Self::reset) keeps the state pure, at the cost of a qubit.
    pub fn reset_in_place(&mut self, qubit: usize) -> &mut Self {
        self.reset_error(1.0, 0.0, qubit)
    }

    /// Returns whether the circuit has channels.
    pub fn is_noisy(&self) -> bool {
        self.operations().iter().any(Operation::is_channel)
    }
}

impl Operation {
    /// Returns the channel of the table, or `None` for other operations.
    pub fn channel(&self) -> Option<Channel> {
        match self.kind {
            Kind::Channel(channel) => Some(channel),
            _ => None,
        }
    }

    /// Returns whether the operation is a channel: of the table, or by its Kraus operators.
    pub fn is_channel(&self) -> bool {
        matches!(self.kind, Kind::Channel(_) | Kind::Kraus(_))
    }
}
