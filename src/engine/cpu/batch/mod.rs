//! The way of a full block of samples: passes over all of it.

pub(crate) mod run;
pub(crate) mod z_sums;
