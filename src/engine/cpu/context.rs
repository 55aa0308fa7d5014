//! The context of a call: read by all its workers.

use crate::engine::Arguments;
use crate::engine::cpu::plan::Plan;
use crate::engine::cpu::prepare::Prepared;
use crate::program::Program;

/// Program, arguments and shared tables of a call.
#[derive(Debug)]
pub(super) struct Call<'a, T> {
    pub(super) program: &'a Program,
    pub(super) arguments: Arguments<'a, T>,
    pub(super) plan: &'a Plan,
    /// Tables that its blocks share.
    pub(super) prepared: &'a Prepared<T>,
}
