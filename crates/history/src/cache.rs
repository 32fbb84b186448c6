use std::{borrow::Borrow, collections::HashMap, hash::Hash};

/// Numbers that were given to values, so that the database need not be asked each time.
///
/// Bounded: when it is full it starts anew. Whoever rolls back a transaction empties it, because numbers that were given
/// in that transaction no longer mean anything.
#[derive(Debug)]
pub(crate) struct Cache<K, V> {
    known: HashMap<K, V>,
    capacity: usize,
}

impl<K: Eq + Hash, V: Copy> Cache<K, V> {
    /// An empty cache for `capacity` values.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { known: HashMap::new(), capacity }
    }

    pub(crate) fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.known.get(key).copied()
    }

    pub(crate) fn put(&mut self, key: K, value: V) {
        if self.known.len() >= self.capacity {
            self.known.clear();
        }
        self.known.insert(key, value);
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_holds_more_than_its_capacity() {
        let mut cache = Cache::new(3);
        for number in 0..10 {
            cache.put(number, number);
            assert_eq!(cache.get(&number), Some(number));
            assert!(cache.known.len() <= 3);
        }
    }
}
