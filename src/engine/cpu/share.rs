//! Work shared out between threads, the calling one included.
//!
//! rayon's parallel iterators hand everything to the pool and put the caller to sleep: two changes of threads before anything
//! is done, which is a quarter of the time of a small batch. Here the caller begins at once, threads of the pool take what is
//! left when they wake up, and whoever is done takes the next item. Results go to places that come with the items.

use crate::engine::threads;
use std::sync::{Mutex, PoisonError};

/// Calls `body` with each item, on all threads if `spread`. Each thread has one of the states, of which there are then
/// enough.
pub(super) fn each<I: Send, S: Default + Send>(
    spread: bool,
    states: &mut Vec<S>,
    items: impl ExactSizeIterator<Item = I> + Send,
    body: impl Fn(&mut S, I) + Sync,
) {
    let threads = if spread { threads::count().min(items.len()) } else { 1 };
    if states.len() < threads {
        states.resize_with(threads, S::default);
    }
    let Some((first, others)) = states[..threads].split_first_mut() else { return };
    if others.is_empty() {
        return items.for_each(|item| body(first, item));
    }
    let items = Mutex::new(items);
    // Not held while an item is worked on.
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = |state: &mut S| std::iter::from_fn(next).for_each(|item| body(state, item));
    rayon::in_place_scope(|scope| {
        others.iter_mut().for_each(|state| scope.spawn(|_| work(state)));
        work(first);
    });
}
