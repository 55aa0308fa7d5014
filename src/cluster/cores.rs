//! Cores of a machine, divided among the processes that run on them.

use crate::hash::fnv1a;
use rayon::ThreadPoolBuilder;
use std::thread::available_parallelism;

/// Variable by which a user sets the number of threads.
const THREADS: &str = "RAYON_NUM_THREADS";

/// Returns a number that processes of one machine have in common if they may run on the same cores. A launcher gives
/// each process cores of its own, or all of them the same. Outside Linux they all seem to have the same.
pub(super) fn cores() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let allowed = status.lines().find(|line| line.starts_with("Cpus_allowed:"));
    fnv1a(allowed.unwrap_or_default().as_bytes())
}

/// Makes rayon's pool of this process's part of the cores that it has in common with others. A pool that there is
/// already stays, and so does a number of threads that a user has set.
pub(super) fn divide(processes: usize) {
    if processes < 2 || std::env::var_os(THREADS).is_some() {
        return;
    }
    let threads = available_parallelism().map_or(1, |cores| (cores.get() / processes).max(1));
    let pool = || ThreadPoolBuilder::new().num_threads(threads);
    // A global pool that fails is never tried again, and rayon panics without it. Engines can do without.
    if pool().build().is_ok() {
        _ = pool().build_global();
    }
}
