//! Places of entries in a list that grows, by key.

use std::collections::HashMap;
use std::hash::Hash;

/// Entries up to which comparing them one by one is cheaper than a table.
const FEW: usize = 16;

/// Places of a list's entries. It holds nothing that the list does not: a copy starts empty, and any two are equal.
#[derive(Debug)]
#[allow(clippy::box_collection, reason = "a word in each angle of a circuit, most of which have no table")]
pub(crate) struct Places<K>(Option<Box<HashMap<K, usize>>>);

impl<K: Eq + Hash> Places<K> {
    /// Place of the entry with this key; the length of the list if there is none, and the caller appends it.
    pub(crate) fn place_of<T>(&mut self, list: &[T], key_of: impl Fn(&T) -> K, key: K) -> usize {
        if list.len() <= FEW {
            return list.iter().position(|entry| key_of(entry) == key).unwrap_or(list.len());
        }
        let table = self.0.get_or_insert_with(|| {
            let places = list.iter().enumerate().map(|(place, entry)| (key_of(entry), place));
            Box::new(places.collect())
        });
        *table.entry(key).or_insert(list.len())
    }
}

impl<K> Default for Places<K> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K> Clone for Places<K> {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl<K> PartialEq for Places<K> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
