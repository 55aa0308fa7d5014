//! Work shared between threads, including the calling thread.
//!
//! rayon's parallel iterators hand all work to the pool and put the caller to sleep. These two changes of threads
//! before any work begins take a quarter of the time of a small batch. Here the caller begins at once, threads of the
//! pool take the remaining items when they wake up, and each thread takes the next item when it is done. The caller
//! provides the places of results with the items.
//!
//! A thread of the pool that waits in rayon runs other tasks meanwhile. Such a task may wait for a lock that the same
//! thread holds: candle holds the lock of a tensor's storage around every op. So nothing here waits in rayon. The
//! caller waits for the helpers that have begun, which only compute. It does not wait for the helpers that have not
//! begun, which find that no work is left.

use super::threads;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

/// Calls `body` with each item, on all threads if `spread`. Each thread has a state of its own; missing states are
/// added.
pub(crate) fn for_each_item<I: Send, S: Default + Send>(
    spread: bool,
    states: &mut Vec<S>,
    items: impl ExactSizeIterator<Item = I> + Send,
    body: impl Fn(&mut S, I) + Sync,
) {
    let threads = if spread { threads::thread_count().min(items.len()) } else { 1 };
    if states.len() < threads {
        states.resize_with(threads, S::default);
    }
    let Some((first, others)) = states[..threads].split_first_mut() else { return };
    if others.is_empty() {
        return items.for_each(|item| body(first, item));
    }
    let items = Mutex::new(items);
    // The lock is released before the item is worked on.
    let next = || lock(&items).next();
    let work = |state: &mut S| std::iter::from_fn(next).for_each(|item| body(state, item));
    let (helpers, others) = (others.len(), Mutex::new(others.iter_mut()));
    let help = || {
        let state = lock(&others).next();
        state.into_iter().for_each(work);
    };
    with_helpers(helpers, &help, || work(first));
}

/// Results of `body` for each item, computed on all threads.
pub(crate) fn map_items<I: Send, R: Send>(
    items: impl ExactSizeIterator<Item = I> + Send,
    body: impl Fn(I) -> R + Sync,
) -> Vec<R> {
    let mut found: Vec<Option<R>> = (0..items.len()).map(|_| None).collect();
    for_each_item(true, &mut Vec::<()>::new(), found.iter_mut().zip(items), |(), (to, item)| *to = Some(body(item)));
    found.into_iter().flatten().collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work` on this thread, and meanwhile `help` on up to `helpers` threads of the pool.
fn with_helpers(helpers: usize, help: &(dyn Fn() + Sync), work: impl FnOnce()) {
    // SAFETY: only the lifetime changes. `Door` keeps helpers from using the pointer after the real lifetime.
    let help =
        Help(unsafe { std::mem::transmute::<*const (dyn Fn() + Sync), *const (dyn Fn() + Sync + 'static)>(help) });
    let door = Arc::new(Door { state: AtomicUsize::new(0), caller: thread::current(), panic: Mutex::new(None) });
    // Its destructor closes the door even after a panic.
    let closing = Closing(&door);
    for _ in 0..helpers {
        let door = Arc::clone(&door);
        rayon::spawn(move || door.help(help));
    }
    work();
    drop(closing);
    if let Some(panic) = lock(&door.panic).take() {
        resume_unwind(panic);
    }
}

/// Work of helpers, borrowed from a caller that may be gone when a helper begins.
#[derive(Clone, Copy)]
struct Help(*const (dyn Fn() + Sync + 'static));

// SAFETY: the pointer's target is `Sync`, and is only used behind an open [`Door`].
unsafe impl Send for Help {}

/// Door that lets helpers in until the caller closes it. The caller then waits for the helpers inside.
struct Door {
    /// Number of helpers inside, and the bit [`CLOSED`].
    state: AtomicUsize,
    caller: Thread,
    /// Panic of a helper.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

const CLOSED: usize = 1 << (usize::BITS - 1);

/// Number of checks before the caller sleeps: the last items end at about the same time.
const LOOKS: usize = 256;

impl Door {
    fn help(&self, Help(help): Help) {
        let enter = |state: usize| (state & CLOSED == 0).then_some(state + 1);
        if self.state.fetch_update(Ordering::Acquire, Ordering::Relaxed, enter).is_err() {
            return;
        }
        // SAFETY: the door was open, so the caller, who owns the target, is still in `with_helpers`. It does not leave
        // before the state says that no helper is inside, and this thread is inside until the subtraction below.
        let outcome = catch_unwind(AssertUnwindSafe(|| unsafe { (*help)() }));
        if let Err(panic) = outcome {
            *lock(&self.panic) = Some(panic);
        }
        if self.state.fetch_sub(1, Ordering::Release) == CLOSED + 1 {
            self.caller.unpark();
        }
    }
}

struct Closing<'a>(&'a Door);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let Door { state, .. } = self.0;
        state.fetch_or(CLOSED, Ordering::AcqRel);
        let is_empty = || state.load(Ordering::Acquire) == CLOSED;
        for _ in 0..LOOKS {
            if is_empty() {
                return;
            }
            std::hint::spin_loop();
        }
        while !is_empty() {
            thread::park();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_taken_once_and_results_stand_in_their_places() {
        for count in [0, 1, 2, 1000] {
            assert_eq!(map_items(0..count, |k| 3 * k), (0..count).map(|k| 3 * k).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_panic_anywhere_reaches_the_caller_once_all_are_done() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().expect("a pool");
        for k in 0..100 {
            let work = AssertUnwindSafe(|| pool.install(|| map_items(0..100, |item| assert_ne!(item, k))));
            let outcome = catch_unwind(work);
            assert!(outcome.is_err(), "item {k}");
        }
    }
}
