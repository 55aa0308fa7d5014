//! Plans for a state that is cut into `2^k` shards.
//!
//! The index of an amplitude has n bits. On a shard, the upper k of them are constant: they are the shard's *label*. A
//! rotation whose flip mask changes no bit of the label pairs amplitudes of one shard, and the label's part of any
//! parity is a constant sign there. So each shard runs an ordinary program of n - k qubits, until nothing that is left can
//! run. Then an [`Exchange`] makes other functions of the index the label, chosen such that the flip masks of as many
//! waiting operations as possible leave it alone.
//!
//! Only operations that commute change their order, and an exchange only renames indices; so the plan is exact.

mod exchange;
mod layers;
mod local;
mod operations;
mod order;
mod plan;
mod planner;
mod reads;

pub(crate) use exchange::{Block, Exchange};
pub(crate) use local::{LocalProgram, Scatter};
pub(crate) use plan::ShardPlan;
