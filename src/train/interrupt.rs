//! Ctrl-C.

use crate::error::Result;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// Runs that listen.
static RUNS: AtomicUsize = AtomicUsize::new(0);

/// Returns whether ctrl-C was pressed while something was trained: what comes next should not begin, and a further run ends at once.
///
/// The first run installs a handler for the process: the first ctrl-C during a run sets this, any other ends the process. A program that has a handler
/// of its own keeps it, and this is never set; see [`stop_when`](super::Training::stop_when).
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Counts a run, for as long as it lives.
pub(super) struct Run(bool);

impl Drop for Run {
    fn drop(&mut self) {
        RUNS.fetch_sub(usize::from(self.0), Ordering::Relaxed);
    }
}

/// The flag that ctrl-C sets from now on, if the run `listens`.
pub(super) fn watch(listens: bool) -> Result<(&'static AtomicBool, Run)> {
    static WATCHED: OnceLock<Option<String>> = OnceLock::new();
    if !listens {
        return Ok((&INTERRUPTED, Run(false)));
    }
    let problem = WATCHED.get_or_init(|| {
        let handler = || {
            if RUNS.load(Ordering::Relaxed) == 0 || INTERRUPTED.swap(true, Ordering::Relaxed) {
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
        None => {
            RUNS.fetch_add(1, Ordering::Relaxed);
            Ok((&INTERRUPTED, Run(true)))
        }
        Some(problem) => Err(candle_core::Error::msg(format!("ctrl-C cannot be watched: {problem}")).into()),
    }
}
