//! Circuits in the formats of other programs, and other programs that run them.

pub mod executor;
pub mod qasm;
