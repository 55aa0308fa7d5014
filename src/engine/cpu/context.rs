//! Context of a call, which all its workers read.

use crate::engine::Arguments;
use crate::engine::cpu::partition::Partition;
use crate::engine::cpu::tables::CallTables;
use crate::program::Program;

/// Program, arguments and shared tables of a call.
#[derive(Debug)]
pub(super) struct Call<'a, T> {
    pub(super) program: &'a Program,
    pub(super) arguments: Arguments<'a, T>,
    pub(super) partition: &'a Partition,
    /// Tables that the blocks share.
    pub(super) prepared: &'a CallTables<T>,
}
