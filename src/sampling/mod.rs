//! Finite shots, on the host: the bases that a measurement needs, outcomes drawn from a final state, and estimates from
//! them.
//!
//! A [`Group`] measures all qubits in one basis. It has a change from its basis to the computational basis, and
//! functions from outcomes to outputs. Each group draws its own shots. A [`Snapshot`] measures each qubit in a random
//! basis.

mod basis;
mod change;
mod draw;
mod estimate;
mod final_state;
mod groups;
mod outcomes;
mod snapshots;
mod states;
#[cfg(test)]
mod tests;

pub(crate) use change::{Change, letter_changes};
pub(crate) use draw::{Counts, in_random_order, shot_generator};
pub(crate) use estimate::Group;
pub(crate) use final_state::FinalState;
pub(crate) use groups::{check_shots, group_terms};
pub(crate) use outcomes::Outcomes;
pub(crate) use snapshots::{Snapshot, draw_snapshots};
pub(crate) use states::{Reader, read_densities, read_states};
