//! The way of a full block of samples: passes over all of it.

pub(crate) mod passes;
pub(crate) mod run;
pub(crate) mod tables;
pub(crate) mod z_sums;
