//! The workspace pool: memory that the calls of a program pass on to later calls.

use crate::program::Program;
use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Memory that a later call may use again.
pub(in crate::engine) trait Pooled: Any + Send {
    /// Bytes that the memory holds.
    fn bytes(&self) -> usize;
}

/// Workspace pool of a program, which clones of the program share.
#[derive(Default)]
pub(in crate::engine) struct WorkspacePool {
    /// Idle memory, oldest first, each with its bytes.
    idle: Mutex<Vec<(usize, Box<dyn Pooled>)>>,
    /// Bytes of the saved states of forward passes, which wait for a gradient.
    waiting: AtomicUsize,
}

impl WorkspacePool {
    /// Returns the pool of a program.
    pub(in crate::engine) fn of(program: &Program) -> &Self {
        program.cache.entry()
    }

    /// Locks the memory that no call uses now.
    pub(in crate::engine) fn idle(&self) -> Idle<'_> {
        Idle(self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Bytes of saved states that wait for a gradient.
    pub(in crate::engine) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Counts bytes that begin to wait.
    pub(in crate::engine) fn begin_waiting(&self, bytes: usize) {
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes that no longer wait.
    pub(in crate::engine) fn end_waiting(&self, bytes: usize) {
        self.waiting.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Locked list of idle memory, oldest first.
pub(in crate::engine) struct Idle<'a>(MutexGuard<'a, Vec<(usize, Box<dyn Pooled>)>>);

impl Idle<'_> {
    /// Takes the latest entry of a type.
    pub(in crate::engine) fn take<S: Pooled>(&mut self) -> Option<Box<S>> {
        let at = self.0.iter().rposition(|(_, entry)| (entry.as_ref() as &dyn Any).is::<S>())?;
        (self.0.remove(at).1 as Box<dyn Any>).downcast().ok()
    }

    /// Adds an entry.
    pub(in crate::engine) fn put(&mut self, entry: Box<dyn Pooled>) {
        self.0.push((entry.bytes(), entry));
    }

    /// Drops the oldest entries while the rest has more bytes than `most`.
    pub(in crate::engine) fn trim(&mut self, most: usize) {
        let mut bytes: usize = self.0.iter().map(|(bytes, _)| bytes).sum();
        while bytes > most {
            bytes -= self.0.remove(0).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bytes(usize);

    impl Pooled for Bytes {
        fn bytes(&self) -> usize {
            self.0
        }
    }

    #[test]
    fn the_oldest_go_and_the_latest_comes_first() {
        let pool = WorkspacePool::default();
        let mut idle = pool.idle();
        [5, 4, 3].into_iter().for_each(|bytes| idle.put(Box::new(Bytes(bytes))));
        idle.trim(8);
        let mut take = || idle.take::<Bytes>().map(|entry| entry.0);
        assert_eq!([take(), take(), take()], [Some(3), Some(4), None]);
        idle.put(Box::new(Bytes(9)));
        idle.trim(8);
        assert!(idle.take::<Bytes>().is_none());
    }
}
