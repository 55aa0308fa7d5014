//! Trailing phases: the last phases before a readout of Z change no output, have gradients of 0, and are removed.

use crate::program::{Readout, Sum};

/// Whether a readout is independent of all phases of the amplitudes.
pub(in crate::program) fn sees_no_phases(readout: &Readout) -> bool {
    match readout {
        Readout::Expectation(sum) => sum.is_diagonal(),
        Readout::Variance(sums) => sums.iter().all(Sum::is_diagonal),
        Readout::Probabilities(_) | Readout::State => false,
    }
}
