//! The context of a call: read by all its workers.

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
    /// Tables that its blocks share.
    pub(super) prepared: &'a CallTables<T>,
}
