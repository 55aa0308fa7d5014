//! Numbers of paths that may differ from sample to sample: angles of turns, and coefficients of factors.

use crate::program::Slot;
use std::f64::consts::FRAC_PI_2;

/// Deviation of an angle in quarter turns, or of an entry, that is rounding.
pub(super) const ROUNDING: f64 = 1e-12;

/// Angle of a turn in radians.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Angle {
    /// A factor times a slot.
    Slot { slot: usize, factor: f64 },
    /// A number.
    Constant(f64),
}

/// Number that multiplies words, which may differ from sample to sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Coefficient {
    /// Product of powers of cosines: `count` of [`Paths::cosines`](super::Paths::cosines), from `first` on.
    Cosines { first: u32, count: u32 },
    /// `offset + scale * slot`.
    Slot { slot: usize, scale: f64, offset: f64 },
    /// A number.
    Constant(f64),
}

impl Angle {
    /// Angle of `factor` times a slot, which is a number if the slot is one.
    pub(super) fn of(slot: usize, factor: f64, slots: &[Slot]) -> Self {
        match slots[slot].terms.is_empty() {
            true => Self::Constant(factor * slots[slot].constant),
            false => Self::Slot { slot, factor },
        }
    }

    pub(super) fn times(self, by: f64) -> Self {
        match self {
            Self::Slot { slot, factor } => Self::Slot { slot, factor: by * factor },
            Self::Constant(angle) => Self::Constant(by * angle),
        }
    }

    /// Number of quarter turns from 0 to 3, if the angle is a constant multiple of one.
    pub(crate) fn quarters(self) -> Option<u32> {
        let Self::Constant(angle) = self else { return None };
        let quarters = angle / FRAC_PI_2;
        ((quarters - quarters.round()).abs() < ROUNDING).then(|| quarters.round().rem_euclid(4.0) as u32)
    }
}

impl Coefficient {
    pub(super) fn of(slot: usize, (scale, offset): (f64, f64), slots: &[Slot]) -> Self {
        match slots[slot].terms.is_empty() {
            true => Self::Constant(offset + scale * slots[slot].constant),
            false => Self::Slot { slot, scale, offset },
        }
    }
}
