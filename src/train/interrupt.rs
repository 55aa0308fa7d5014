//! Interruption by ctrl-C, or by the signal with which schedulers of jobs announce the end.

use crate::error::Result;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};

static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);
/// Number of runs that listen.
static RUNS: AtomicUsize = AtomicUsize::new(0);

/// Returns whether ctrl-C was pressed during a training, or on Unix `SIGUSR1` came, which Slurm sends some time before
/// it ends a job (`--signal=USR1@120`). A program should not begin further work then; a further run ends at once.
///
/// The first run installs a handler for the process. The first ctrl-C during a run sets the flag; any other ctrl-C ends
/// the process. A program that has a handler of its own still has it, and ctrl-C never sets the flag; see
/// [`stop_when`](super::Training::stop_when). `SIGUSR1` sets it from the first run on, and never ends the process.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Counter of a run, for as long as it lives.
pub(super) struct Run(bool);

impl Drop for Run {
    fn drop(&mut self) {
        RUNS.fetch_sub(usize::from(self.0), Ordering::Relaxed);
    }
}

/// Lets the announcement of a job's end set the flag.
fn watch_announcement() -> std::io::Result<()> {
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::SIGUSR1, INTERRUPTED.clone())?;
    Ok(())
}

/// Returns the flag that ctrl-C sets from now on, if the run `listens`.
pub(super) fn watch_interrupt(listens: bool) -> Result<(&'static AtomicBool, Run)> {
    static WATCHED: OnceLock<Option<String>> = OnceLock::new();
    if !listens {
        return Ok((&INTERRUPTED, Run(false)));
    }
    let problem = WATCHED.get_or_init(|| {
        let handler = || {
            if RUNS.load(Ordering::Relaxed) == 0 || INTERRUPTED.swap(true, Ordering::Relaxed) {
                // Exit status that a shell reports for a process that an interrupt has ended.
                std::process::exit(130);
            }
        };
        match ctrlc::try_set_handler(handler) {
            Ok(()) | Err(ctrlc::Error::MultipleHandlers) => watch_announcement().err().map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        }
    });
    match problem {
        None => {
            RUNS.fetch_add(1, Ordering::Relaxed);
            Ok((&INTERRUPTED, Run(true)))
        }
        Some(problem) => Err(candle_core::Error::msg(format!("signals cannot be watched: {problem}")).into()),
    }
}
