//! Lowering of a program to bytecode: stored operations first, then sweeps over tiles, then words.

pub(crate) mod angles;
pub(crate) mod assembler;
pub(crate) mod bytecode;
pub(crate) mod observables;
mod stored_ops;
mod sweeps;
mod tile;
