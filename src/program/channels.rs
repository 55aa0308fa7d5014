//! Channels of a program: maps of density matrices between its steps.
//!
//! A state vector has no channels. A program with channels runs on an engine for density matrices. Slots of a channel
//! hold coefficients, not angles: the channel is linear in each of them.

use super::{Program, Slot};
use crate::channel::{Channel, Limit};
use crate::error::{Result, SimulationError};
use crate::gf2;
use std::sync::Arc;

/// One application of a channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ChannelStep {
    /// Number of the program's steps that act before it.
    pub(crate) after: usize,
    pub(crate) qubits: Vec<usize>,
    pub(crate) map: Map,
}

/// Action of a channel on the numbers `r_P = Tr(P ρ)` of the Pauli words P.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Map {
    /// Multiplies the letters X, Z and Y of the qubit by these slots, and adds a slot times the identity to Z.
    Letters { factors: [usize; 3], shift: Option<usize> },
    /// Multiplies words with a letter on the qubits by 1 minus the slot.
    Mixing(usize),
    /// Multiplies each letter of the qubit by a slot and adds a slot times the identity.
    Readout { factor: usize, offset: usize },
    /// Constant matrix over the words of the qubits, row by row: digit `k` of an index in base 4 is the letter of qubit
    /// `k`, where I, X, Z and Y are 0, 1, 2 and 3.
    Dense(Arc<[f64]>),
}

impl ChannelStep {
    /// Mask of the qubits on which the channel acts.
    pub(crate) fn support(&self) -> u64 {
        gf2::mask(&self.qubits)
    }

    /// Slots of the channel.
    pub(crate) fn slots_mut(&mut self) -> Vec<&mut usize> {
        match &mut self.map {
            Map::Letters { factors, shift } => factors.iter_mut().chain(shift).collect(),
            Map::Mixing(slot) => vec![slot],
            Map::Readout { factor, offset } => vec![factor, offset],
            Map::Dense(_) => Vec::new(),
        }
    }
}

/// Limit of a strength, with the channel that has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StrengthLimit {
    pub(crate) channel: Channel,
    pub(crate) limit: Limit<Slot>,
}

impl Program {
    /// Refuses weights that make a strength leave its range; `value` has the values of expressions without inputs. A
    /// NaN is no error: it makes outputs NaN.
    pub(crate) fn check_strengths(&self, rounding: f64, value: impl Fn(&Slot) -> f64) -> Result<()> {
        for StrengthLimit { channel, limit } in self.limits.iter().filter(|of| !of.limit.rest.reads_inputs()) {
            let rest = value(&limit.rest);
            if !rest.is_nan() && limit.is_broken_by(rest, rounding) {
                let (value, strength) = (value(&limit.strength.0), channel.strengths()[limit.strength.1]);
                let channel = channel.name();
                return Err(SimulationError::Strength { channel, strength, value, allowed: limit.allowed }.into());
            }
        }
        Ok(())
    }

    /// Whether any strength can leave its range.
    pub(crate) fn has_limits(&self) -> bool {
        !self.limits.is_empty()
    }

    /// Whether the strengths of a sample that read its inputs are in their ranges.
    pub(crate) fn has_strengths(&self, rounding: f64, value: impl Fn(&Slot) -> f64) -> bool {
        let mut limits = self.limits.iter().map(|of| &of.limit).filter(|limit| limit.rest.reads_inputs());
        limits.all(|limit| !limit.is_broken_by(value(&limit.rest), rounding))
    }
}

impl StrengthLimit {
    /// The same limit with other expressions.
    pub(super) fn map(&self, of: impl Fn(&Slot) -> Slot) -> Self {
        let Limit { rest, strict, strength, allowed } = &self.limit;
        let limit = Limit { rest: of(rest), strict: *strict, strength: (of(&strength.0), strength.1), allowed };
        Self { channel: self.channel, limit }
    }
}
