//! Rules of a noise model.

use super::calibration::Calibration;
use super::channels::Noise;
use super::gates::Gates;
use super::idle::Durations;
use crate::angle::{Angle, Variable};
use std::fmt;

/// Rule of a noise model.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Rule {
    /// Noise behind operations.
    After { gates: Gates, noise: Noise },
    /// Angles times 1 + factor, plus an offset.
    OverRotation { gates: Gates, factor: Angle, offset: Angle },
    /// Rotations about ZZ beside operations.
    Crosstalk { pairs: Vec<(usize, usize)>, gates: Gates, angle: Angle },
    /// Relaxation of qubits that wait.
    Idle(Durations),
    /// Readout error of a qubit.
    Readout { qubit: usize, errors: [Angle; 2] },
    /// Noise of gates and readout from data of a device.
    Calibration(Calibration),
}

impl Rule {
    /// Returns the variables of all strengths and angles.
    pub(super) fn variables(&self) -> Vec<&Variable> {
        match self {
            Self::After { noise, .. } => noise.variables().collect(),
            Self::OverRotation { factor, offset, .. } => factor.variables().chain(offset.variables()).collect(),
            Self::Crosstalk { angle, .. } => angle.variables().collect(),
            Self::Idle(durations) => durations.variables().collect(),
            Self::Readout { errors, .. } => errors.iter().flat_map(Angle::variables).collect(),
            Self::Calibration(_) => Vec::new(),
        }
    }

    /// Returns whether the rule is meant for certain operations, so that it is a mistake if there are none.
    pub(super) fn needs_operations(&self) -> bool {
        match self {
            Self::After { .. } | Self::OverRotation { .. } | Self::Crosstalk { .. } => true,
            // A circuit in which nothing waits, or that has few of a device's gates, is no mistake.
            Self::Idle(_) | Self::Readout { .. } | Self::Calibration(_) => false,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After { gates, noise } => write!(f, "after {gates}: {noise}"),
            Self::OverRotation { gates, factor, offset } => {
                write!(f, "angles of {gates}: times 1 + ({factor}), plus {offset}")
            }
            Self::Crosstalk { pairs, gates, angle } => {
                let pairs: Vec<String> = pairs.iter().map(|(a, b)| format!("{a}-{b}")).collect();
                write!(f, "beside {gates}: rzz({angle}) on pairs {}", pairs.join(", "))
            }
            Self::Idle(durations) => write!(f, "while qubits wait: thermal_relaxation; {durations}"),
            Self::Readout { qubit, errors: [one, zero] } => {
                write!(f, "at the end: readout_error({one}, {zero}) on {qubit}")
            }
            Self::Calibration(calibration) => f.write_str(&calibration.spelled()),
        }
    }
}
