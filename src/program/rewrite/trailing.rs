//! The last phases in front of a readout of Z change nothing, and their gradients are zero: they are dropped.

use crate::program::{Readout, Sum};

/// Whether a readout sees no phase of any amplitude.
pub(in crate::program) fn sees_no_phases(readout: &Readout) -> bool {
    match readout {
        Readout::Expectation(sum) => sum.is_diagonal(),
        Readout::Variance(sums) => sums.iter().all(Sum::is_diagonal),
        Readout::Probabilities(_) | Readout::State => false,
    }
}
