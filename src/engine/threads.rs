//! Threads of rayon's pool, where it can be had.

#[cfg(not(target_family = "wasm"))]
use std::sync::OnceLock;

/// Threads that share out work: those of the pool at hand, or the calling one alone where the system starts no others.
pub(crate) fn count() -> usize {
    if pool_exists() { rayon::current_num_threads() } else { 1 }
}

/// Whether there is a pool. rayon makes the global one when it is first asked for, and panics if threads cannot be started.
#[cfg(not(target_family = "wasm"))]
fn pool_exists() -> bool {
    static GLOBAL: OnceLock<bool> = OnceLock::new();
    // Only a failure to start threads has a source; another error says that the pool is there.
    let made = || {
        rayon::ThreadPoolBuilder::new()
            .build_global()
            .map_or_else(|e| std::error::Error::source(&e).is_none(), |()| true)
    };
    rayon::current_thread_index().is_some() || *GLOBAL.get_or_init(made)
}

/// Whether there is a pool: without threads rayon takes the calling one for all of it, if it is left to make the pool.
#[cfg(target_family = "wasm")]
fn pool_exists() -> bool {
    true
}
