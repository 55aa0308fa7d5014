//! Finite shots, on the host: which bases a measurement needs, outcomes drawn from a final state, and what they estimate.
//!
//! A [`Group`] is one way of reading all qubits: a change from its basis to the computational one, and what each outcome
//! says about the outputs. Shots are drawn for each group anew.

mod basis;
mod change;
mod draw;
mod estimate;
mod groups;
mod outcomes;
mod states;
#[cfg(test)]
mod tests;

pub(crate) use draw::{Counts, stream};
pub(crate) use estimate::Group;
pub(crate) use groups::{check_shots, groups};
pub(crate) use outcomes::Outcomes;
pub(crate) use states::{Reader, read};
