//! What engines keep from call to call of a program.

use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Something an engine may want again.
pub(crate) trait Spare: Any + Send {
    /// Bytes it holds on to.
    fn bytes(&self) -> usize;
}

/// A list, oldest first, from which each call takes what is its own while it lasts.
#[derive(Default)]
pub(crate) struct Spares {
    /// With the bytes each holds on to, which are found once.
    idle: Mutex<Vec<(usize, Box<dyn Spare>)>>,
    /// Bytes of what forward passes have left for gradients that may follow.
    waiting: AtomicUsize,
}

impl std::fmt::Debug for Spares {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Spares")
    }
}

impl Spares {
    fn idle(&self) -> MutexGuard<'_, Vec<(usize, Box<dyn Spare>)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of what waits in graphs for a gradient.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Counts bytes that begin to wait.
    pub(crate) fn begin_waiting(&self, bytes: usize) {
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes that have waited.
    pub(crate) fn end_waiting(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// The latest of a type.
    pub(crate) fn take<S: Spare>(&self) -> Option<Box<S>> {
        let mut spares = self.idle();
        let at = spares.iter().rposition(|(_, spare)| (spare.as_ref() as &dyn Any).is::<S>())?;
        (spares.remove(at).1 as Box<dyn Any>).downcast().ok()
    }

    /// Puts one in; the oldest go while there are more bytes than `most`.
    pub(crate) fn put(&self, spare: Box<dyn Spare>, most: usize) {
        let mut spares = self.idle();
        spares.push((spare.bytes(), spare));
        trim(&mut spares, most);
    }

    /// Lets the oldest go while there are more bytes than `most`.
    pub(crate) fn trim(&self, most: usize) {
        trim(&mut self.idle(), most);
    }
}

fn trim(spares: &mut Vec<(usize, Box<dyn Spare>)>, most: usize) {
    let mut bytes: usize = spares.iter().map(|(bytes, _)| bytes).sum();
    while bytes > most {
        bytes -= spares.remove(0).0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bytes(usize);

    impl Spare for Bytes {
        fn bytes(&self) -> usize {
            self.0
        }
    }

    #[test]
    fn the_oldest_go_and_the_latest_comes_first() {
        let spares = Spares::default();
        [5, 4, 3].into_iter().for_each(|bytes| spares.put(Box::new(Bytes(bytes)), 8));
        let take = || spares.take::<Bytes>().map(|spare| spare.0);
        assert_eq!([take(), take(), take()], [Some(3), Some(4), None]);
        spares.put(Box::new(Bytes(9)), 8);
        assert!(spares.take::<Bytes>().is_none());
    }
}
