//! Batch passes: the execution of a block of 16 samples, in passes over all of its amplitudes.

pub(crate) mod passes;
pub(crate) mod run;
pub(crate) mod tables;
pub(crate) mod varying;
pub(crate) mod z_sums;
