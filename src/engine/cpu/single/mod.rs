//! State tiling: the execution of a single state, in sweeps over its tiles.

pub(crate) mod kernels;
pub(crate) mod pauli_sums;
mod planes;
pub(crate) mod product_start;
pub(crate) mod run;
pub(crate) mod scratch;
pub(crate) mod tables;
pub(crate) mod tiling;
