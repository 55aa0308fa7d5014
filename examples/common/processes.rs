//! Processes that share the work of an example.

use super::ending::ending;
use anyhow::Result;
use candlewick::cluster::Cluster;
use std::process::ExitCode;

/// Returns the processes that `mpirun` or `srun` has started.
fn processes() -> Result<Cluster> {
    #[cfg(feature = "mpi")]
    return Ok(Cluster::from_mpi()?);
    #[cfg(not(feature = "mpi"))]
    anyhow::bail!("--cluster needs a program that is built with `--features mpi`");
}

/// Runs an example on all processes that were started, if that is `asked` for, or else on this one alone. The first one
/// prints the result as the last line, and an error is printed once.
pub(crate) fn on_processes(asked: bool, run: impl FnOnce(&Cluster) -> Result<String>) -> ExitCode {
    if !asked {
        return ending(run(&Cluster::alone()));
    }
    match processes() {
        Ok(cluster) => {
            let outcome = run(&cluster);
            if let Ok(line) = &outcome
                && cluster.is_first()
            {
                println!("{line}");
            }
            cluster.report(outcome.map(drop))
        }
        Err(error) => ending(Err(error)),
    }
}
