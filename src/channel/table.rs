//! The rows. Nothing else of the crate names a channel.

use super::{Bound, ChannelSpec, Form, Function};
use crate::angle::Angle;

/// Strengths of an operation, in the order of the builder method.
pub(super) type Strengths<'a> = &'a [Angle];

/// Evaluation of a function of expressions, as a further expression.
pub(crate) type Evaluate<'a> = &'a mut dyn FnMut(Function, [Angle; 2]) -> Angle;

fn s(strengths: Strengths<'_>, index: usize) -> Angle {
    strengths.get(index).cloned().unwrap_or_default()
}

/// Form that multiplies X, Z and Y.
fn factors(x: Angle, z: Angle, y: Angle) -> Form {
    Form::Letters { factors: Box::new([x, z, y]), shift: Angle::default() }
}

/// Square root of `1 - of`.
fn root(evaluate: Evaluate<'_>, of: Angle) -> Angle {
    evaluate(Function::RootOfRest, [of, Angle::default()])
}

fn bit_flip(p: Strengths<'_>, _: Evaluate<'_>) -> Form {
    let kept = 1.0 - 2.0 * s(p, 0);
    factors(1.0.into(), kept.clone(), kept)
}

fn phase_flip(p: Strengths<'_>, _: Evaluate<'_>) -> Form {
    let kept = 1.0 - 2.0 * s(p, 0);
    factors(kept.clone(), 1.0.into(), kept)
}

fn bit_phase_flip(p: Strengths<'_>, _: Evaluate<'_>) -> Form {
    let kept = 1.0 - 2.0 * s(p, 0);
    factors(kept.clone(), kept, 1.0.into())
}

fn pauli_channel(p: Strengths<'_>, _: Evaluate<'_>) -> Form {
    let kept = |a: usize, b: usize| 1.0 - 2.0 * (s(p, a) + s(p, b));
    factors(kept(1, 2), kept(0, 1), kept(0, 2))
}

fn depolarizing(p: Strengths<'_>, _: Evaluate<'_>) -> Form {
    Form::Mixing(4.0 / 3.0 * s(p, 0))
}

fn depolarizing2(p: Strengths<'_>, _: Evaluate<'_>) -> Form {
    Form::Mixing(16.0 / 15.0 * s(p, 0))
}

fn amplitude_damping(p: Strengths<'_>, evaluate: Evaluate<'_>) -> Form {
    let coherence = root(evaluate, s(p, 0));
    Form::Letters { factors: Box::new([coherence.clone(), 1.0 - s(p, 0), coherence]), shift: s(p, 0) }
}

fn generalized_amplitude_damping(p: Strengths<'_>, evaluate: Evaluate<'_>) -> Form {
    let coherence = root(evaluate, s(p, 0));
    let shift = s(p, 0) * (1.0 - 2.0 * s(p, 1));
    Form::Letters { factors: Box::new([coherence.clone(), 1.0 - s(p, 0), coherence]), shift }
}

fn phase_damping(p: Strengths<'_>, evaluate: Evaluate<'_>) -> Form {
    let coherence = root(evaluate, s(p, 0));
    factors(coherence.clone(), 1.0.into(), coherence)
}

fn thermal_relaxation(p: Strengths<'_>, evaluate: Evaluate<'_>) -> Form {
    let population = evaluate(Function::Decay, [s(p, 0), s(p, 1)]);
    let coherence = evaluate(Function::Decay, [s(p, 0), s(p, 2)]);
    let shift = (1.0 - population.clone()) * (1.0 - 2.0 * s(p, 3));
    Form::Letters { factors: Box::new([coherence.clone(), population, coherence]), shift }
}

fn reset_error(p: Strengths<'_>, _: Evaluate<'_>) -> Form {
    let kept = 1.0 - s(p, 0) - s(p, 1);
    Form::Letters { factors: Box::new([kept.clone(), kept.clone(), kept]), shift: s(p, 0) - s(p, 1) }
}

fn readout_error(p: Strengths<'_>, _: Evaluate<'_>) -> Form {
    Form::Readout { factor: 1.0 - s(p, 0) - s(p, 1), offset: s(p, 1) - s(p, 0) }
}

/// Bounds of strengths that are probabilities.
const ONE: &[Bound] = &[Bound::Probability(0)];
const TWO: &[Bound] = &[Bound::Probability(0), Bound::Probability(1)];

/// Passes the rows to another macro: `name(strengths; qubits), symbol, bounds, form`.
macro_rules! channel_table {
    ($callback:ident) => {
        $callback! {
            /// bit flip: X with probability `p`
            bit_flip(p; qubit), "X?", ONE, bit_flip;
            /// phase flip: Z with probability `p`
            phase_flip(p; qubit), "Z?", ONE, phase_flip;
            /// bit-phase flip: Y with probability `p`
            bit_phase_flip(p; qubit), "Y?", ONE, bit_phase_flip;
            /// Pauli channel: X, Y and Z with probabilities `px`, `py` and `pz`, of a sum of at most 1
            pauli_channel(px, py, pz; qubit), "Pauli",
                &[Bound::Probability(0), Bound::Probability(1), Bound::Probability(2), Bound::Sum(&[0, 1, 2])],
                pauli_channel;
            /// depolarizing channel: X, Y or Z with probability `p` / 3 each, as in PennyLane and Cirq; Qiskit's
            /// parameter is 4 `p` / 3
            depolarizing(p; qubit), "Depol", ONE, depolarizing;
            /// depolarizing channel on two qubits: each of the 15 words other than the identity with probability
            /// `p` / 15; Qiskit's parameter is 16 `p` / 15
            depolarizing2(p; first, second), "Depol", ONE, depolarizing2;
            /// amplitude damping: 1 decays to 0 with probability `gamma`
            amplitude_damping(gamma; qubit), "Damp", ONE, amplitude_damping;
            /// amplitude damping towards a mixture with the probability `excited` of 1, which is PennyLane's and
            /// Qiskit's parameter; Cirq's is the probability of 0
            generalized_amplitude_damping(gamma, excited; qubit), "GDamp", TWO, generalized_amplitude_damping;
            /// phase damping: coherences are multiplied by the square root of 1 - `lambda`
            phase_damping(lambda; qubit), "Dephase", ONE, phase_damping;
            /// thermal relaxation for the time `t`: coherences decay as exp(-`t` / `t2`), populations as
            /// exp(-`t` / `t1`) towards the probability `excited` of 1; `t2` is at most 2 `t1`, and all three have one
            /// unit
            thermal_relaxation(t, t1, t2, excited; qubit), "Relax",
                &[Bound::Time(0), Bound::TimeConstant(1), Bound::TimeConstant(2), Bound::Coherence { t1: 1, t2: 2 },
                  Bound::Probability(3)],
                thermal_relaxation;
            /// reset error: the qubit becomes 0 with probability `p0`, and 1 with probability `p1`, of a sum of at
            /// most 1
            reset_error(p0, p1; qubit), "Reset",
                &[Bound::Probability(0), Bound::Probability(1), Bound::Sum(&[0, 1])], reset_error;
            /// readout error: the qubit is read as 1 where it is 0 with probability `p1_given_0`, and as 0 where it is
            /// 1 with probability `p0_given_1`, in whatever basis it is measured; no operation on the qubit may follow
            readout_error(p1_given_0, p0_given_1; qubit), "Read", TWO, readout_error;
        }
    };
}
pub(crate) use channel_table;

macro_rules! rows {
    ($($(#[doc = $doc:literal])+ $name:ident($($strength:ident),*; $($qubit:ident),*), $symbol:literal, $bounds:expr,
        $form:ident;)*) => {
        /// Channel of the table.
        #[allow(non_camel_case_types, reason = "variants are names of methods, which follow from them")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Channel { $($(#[doc = $doc])+ $name,)* }

        pub(super) static CHANNELS: &[Channel] = &[$(Channel::$name),*];

        pub(super) static TABLE: &[ChannelSpec] = &[$(ChannelSpec {
            name: stringify!($name),
            symbol: $symbol,
            strengths: &[$(stringify!($strength)),*],
            qubits: &[$(stringify!($qubit)),*],
            bounds: $bounds,
            form: $form,
            doc: concat!($($doc),+).trim_ascii(),
        }),*];
    };
}
channel_table!(rows);
