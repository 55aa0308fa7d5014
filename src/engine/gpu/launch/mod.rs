//! Launch plans: from bytecode and a batch to a list of launches.

pub(crate) mod plan;
pub(crate) mod planner;
mod readout;
