//! Circuits in the formats of other programs.

pub mod qasm;
