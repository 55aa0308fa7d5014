//! Lowering of channels: coefficients become slots, and functions of strengths derived features.

use super::channels::{ChannelStep, Map, StrengthLimit};
use super::derived_features::DerivedFeature;
use super::lower::Lowering;
use crate::channel::{Channel, Form, Function, Limit};
use crate::circuit::{Angle, input};
use crate::linalg::pauli_transfer;
use crate::mask::Mask;
use num_complex::Complex64;
use std::sync::Arc;

impl<M: Mask> Lowering<M> {
    /// Lowers a channel of the table.
    pub(super) fn channel(&mut self, channel: Channel, strengths: &[Angle], qubits: &[usize]) {
        for limit in channel.limits(strengths).into_iter().filter(|limit| !limit.rest.is_constant()) {
            let (value, index) = &limit.strength;
            let strength = (self.expression(value), *index);
            let limit =
                Limit { rest: self.expression(&limit.rest), strict: limit.strict, strength, allowed: limit.allowed };
            self.limits.push(StrengthLimit { channel, limit });
        }
        let map = match channel.form(strengths, &mut |function, arguments| self.function(function, arguments)) {
            Form::Letters { factors, shift } => Map::Letters {
                factors: factors.map(|factor| self.coefficient(&factor, 1.0)),
                shift: (shift != Angle::default()).then(|| self.coefficient(&shift, 0.0)),
            },
            Form::Mixing(mixed) => Map::Mixing(self.coefficient(&mixed, 0.0)),
            Form::Readout { factor, offset } => {
                Map::Readout { factor: self.coefficient(&factor, 1.0), offset: self.coefficient(&offset, 0.0) }
            }
        };
        self.push_channel(qubits, map);
    }

    /// Lowers a channel by its Kraus operators.
    pub(super) fn kraus(&mut self, operators: &[Arc<[Complex64]>], qubits: &[usize]) {
        self.push_channel(qubits, Map::Dense(pauli_transfer(operators, qubits.len()).into()));
    }

    fn push_channel(&mut self, qubits: &[usize], map: Map) {
        self.channels.push(ChannelStep { after: self.steps.len(), qubits: qubits.to_vec(), map });
    }

    /// Slot of a coefficient, which is `neutral` in the samples in which the current operation does not act.
    fn coefficient(&mut self, coefficient: &Angle, neutral: f64) -> usize {
        let change = self.expression(&(coefficient.clone() - neutral));
        let mut slot = self.under_conditions(change);
        slot.constant += neutral;
        self.known_slot(slot)
    }

    /// Expression of a function of strengths: a constant or a derived feature.
    fn function(&mut self, function: Function, arguments: [Angle; 2]) -> Angle {
        if arguments.iter().all(Angle::is_constant) {
            return function.value(arguments.map(|argument| argument.constant)).into();
        }
        let arguments = arguments.map(|argument| {
            let slot = self.expression(&argument);
            self.derived.argument_index(slot)
        });
        let feature = DerivedFeature::Function { function, arguments };
        input(self.features + self.derived.feature_index(feature))
    }
}
