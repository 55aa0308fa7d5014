//! Number of threads of rayon's pool, if there is a pool.

#[cfg(not(target_family = "wasm"))]
use std::sync::OnceLock;

/// Threads that share work: the threads of the current pool, or the calling thread alone if the system starts no other
/// threads.
pub(crate) fn thread_count() -> usize {
    if pool_exists() { rayon::current_num_threads() } else { 1 }
}

/// Whether there is a pool. rayon makes the global pool at the first use, and panics if threads cannot be started.
#[cfg(not(target_family = "wasm"))]
fn pool_exists() -> bool {
    static GLOBAL: OnceLock<bool> = OnceLock::new();
    // An error has a source if and only if threads could not be started. Another error says that the pool exists.
    let made = || {
        rayon::ThreadPoolBuilder::new()
            .build_global()
            .map_or_else(|e| std::error::Error::source(&e).is_none(), |()| true)
    };
    rayon::current_thread_index().is_some() || *GLOBAL.get_or_init(made)
}

/// Whether there is a pool. Without threads, rayon runs all work on the calling thread when it makes the pool itself.
#[cfg(target_family = "wasm")]
fn pool_exists() -> bool {
    true
}
