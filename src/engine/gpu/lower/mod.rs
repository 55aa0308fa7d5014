//! From a program to its bytecode, in steps: operations in stored indices, sweeps over tiles, words.

pub(crate) mod angles;
pub(crate) mod assembler;
pub(crate) mod bytecode;
pub(crate) mod observables;
mod stored_ops;
mod sweeps;
mod tile;
mod tile_planner;
