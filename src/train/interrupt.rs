//! Ctrl-C.

use crate::error::Result;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Whether ctrl-C was pressed while something was trained: what comes next should not begin.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// The flag that ctrl-C sets; pressed once more, it ends the process. A program that handles ctrl-C itself keeps its handler, and the flag is never set.
pub(super) fn watch() -> Result<&'static AtomicBool> {
    static WATCHED: OnceLock<Option<String>> = OnceLock::new();
    let problem = WATCHED.get_or_init(|| {
        let handler = || {
            if INTERRUPTED.swap(true, Ordering::Relaxed) {
                // As the shell reports a process that an interrupt has ended.
                std::process::exit(130);
            }
        };
        match ctrlc::try_set_handler(handler) {
            Ok(()) | Err(ctrlc::Error::MultipleHandlers) => None,
            Err(error) => Some(error.to_string()),
        }
    });
    match problem {
        None => Ok(&INTERRUPTED),
        Some(problem) => Err(candle_core::Error::msg(format!("ctrl-C cannot be watched: {problem}")).into()),
    }
}
