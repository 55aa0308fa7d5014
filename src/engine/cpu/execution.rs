//! Executions: the paths of a block through a program.

use crate::program::{Program, Readout};

/// Path of a block from its start to its readout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Execution {
    /// Passes over a block of 16 samples, made from the program's layers.
    Batch,
    /// Sweeps over the tiles of a single state, made from the program's layers.
    Single,
    /// The program's steps, one after the other.
    Steps,
}

impl Execution {
    /// Returns the readout in the indices that the final states have.
    pub(super) fn readout(self, program: &Program) -> &Readout {
        if self == Self::Steps { &program.readout } else { &program.layered().readout }
    }
}
