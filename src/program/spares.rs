//! What engines keep from call to call of a program.

use std::any::Any;
use std::sync::{Mutex, PoisonError};

/// Something an engine may want again.
pub(crate) trait Spare: Any + Send {
    /// Bytes it holds on to.
    fn bytes(&self) -> usize;
}

/// A list, oldest first, from which each call takes what is its own while it lasts.
#[derive(Default)]
pub(crate) struct Spares(Mutex<Vec<Box<dyn Spare>>>);

impl std::fmt::Debug for Spares {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Spares")
    }
}

impl Spares {
    /// The latest of a type.
    pub(crate) fn take<S: Spare>(&self) -> Option<Box<S>> {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = spares.iter().rposition(|spare| (spare.as_ref() as &dyn Any).is::<S>())?;
        (spares.remove(at) as Box<dyn Any>).downcast().ok()
    }

    /// Puts one in; the oldest go while there are more bytes than `most`.
    pub(crate) fn put(&self, spare: Box<dyn Spare>, most: usize) {
        let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spares.push(spare);
        while spares.iter().map(|spare| spare.bytes()).sum::<usize>() > most {
            spares.remove(0);
        }
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
