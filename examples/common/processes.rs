//! Processes that share the work of an example.

use anyhow::Result;
use candlewick::cluster::Cluster;
use std::process::ExitCode;

/// Returns the processes that `mpirun` or `srun` has started, if they are `asked` for, or else this one alone.
pub(crate) fn processes(asked: bool) -> Result<Cluster> {
    if !asked {
        return Ok(Cluster::alone());
    }
    #[cfg(feature = "mpi")]
    return Ok(Cluster::from_mpi()?);
    #[cfg(not(feature = "mpi"))]
    anyhow::bail!("--cluster needs the feature: cargo build --release --features mpi --example ..");
}

/// Runs an example on the processes: the first one prints the result as the last line, and an error is printed once.
pub(crate) fn on_processes(asked: bool, run: impl FnOnce(&Cluster) -> Result<String>) -> ExitCode {
    match processes(asked) {
        Ok(cluster) => {
            let outcome = run(&cluster);
            if let Ok(line) = &outcome
                && cluster.is_first()
            {
                println!("{line}");
            }
            cluster.report(outcome.map(drop))
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
