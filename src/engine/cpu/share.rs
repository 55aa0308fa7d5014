//! Work shared out between threads, the calling one included.
//!
//! rayon's parallel iterators hand everything to the pool and put the caller to sleep: two changes of threads before anything
//! is done, which is a quarter of the time of a small batch. Here the caller begins at once, threads of the pool take what is
//! left when they wake up, and whoever is done takes the next item.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// What becomes of an item.
enum Slot<I, R> {
    Waiting(I),
    Taken,
    Done(R),
}

/// Calls `body` with each item, on all threads if `spread`, and returns the results in the order of the items. Each thread
/// has its own state from `start`.
pub(super) fn each<I: Send, S, R: Send>(
    spread: bool,
    items: impl IntoIterator<Item = I>,
    start: impl Fn() -> S + Sync,
    body: impl Fn(&mut S, usize, I) -> R + Sync,
) -> Vec<R> {
    if !spread {
        let mut state = None;
        let items = items.into_iter().enumerate();
        return items.map(|(index, item)| body(state.get_or_insert_with(&start), index, item)).collect();
    }
    let slots: Vec<Mutex<Slot<I, R>>> = items.into_iter().map(|item| Mutex::new(Slot::Waiting(item))).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut state = None;
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(slot) = slots.get(index) else { break };
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            if let Slot::Waiting(item) = std::mem::replace(&mut *slot, Slot::Taken) {
                *slot = Slot::Done(body(state.get_or_insert_with(&start), index, item));
            }
        }
    };
    rayon::in_place_scope(|scope| {
        for _ in 1..rayon::current_num_threads().min(slots.len()) {
            scope.spawn(|_| work());
        }
        work();
    });
    let done = |slot: Mutex<Slot<I, R>>| match slot.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Slot::Done(result) => Some(result),
        Slot::Waiting(_) | Slot::Taken => None,
    };
    slots.into_iter().filter_map(done).collect()
}
