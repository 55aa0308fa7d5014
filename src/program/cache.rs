//! Engine cache: results that engines derive from a program and keep with it.

use std::any::Any;
use std::sync::OnceLock;

/// Cache with one value of each requested type. The values live as long as the program and its clones.
///
/// An engine stores its results in types of its own, which lock their contents if they must. Finding a value takes no
/// lock. The values are a list that only grows, with one link for each type.
#[derive(Default)]
pub(crate) struct EngineCache(OnceLock<Box<Link>>);

struct Link {
    value: Box<dyn Any + Send + Sync>,
    next: EngineCache,
}

impl EngineCache {
    /// Returns the value of a type. A new value is the type's default.
    pub(crate) fn entry<V: Any + Default + Send + Sync>(&self) -> &V {
        let mut cache = self;
        loop {
            let made = || Box::new(Link { value: Box::<V>::default(), next: Self::default() });
            let link = cache.0.get_or_init(made);
            if let Some(value) = link.value.downcast_ref() {
                return value;
            }
            cache = &link.next;
        }
    }
}

impl std::fmt::Debug for EngineCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("EngineCache")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU8, AtomicU16, Ordering};

    #[test]
    fn each_type_has_one_value() {
        let cache = EngineCache::default();
        cache.entry::<AtomicU8>().store(1, Ordering::Relaxed);
        cache.entry::<AtomicU16>().store(2, Ordering::Relaxed);
        assert_eq!(cache.entry::<AtomicU8>().load(Ordering::Relaxed), 1);
        assert_eq!(cache.entry::<AtomicU16>().load(Ordering::Relaxed), 2);
    }

    #[test]
    fn threads_that_ask_at_once_get_the_same_value() {
        let cache = &EngineCache::default();
        std::thread::scope(|scope| {
            (0..4).for_each(|_| _ = scope.spawn(|| cache.entry::<AtomicU16>().fetch_add(1, Ordering::Relaxed)));
        });
        assert_eq!(cache.entry::<AtomicU16>().load(Ordering::Relaxed), 4);
    }
}
