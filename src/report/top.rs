//! The few first of many by a key: what is shown as an example is held, and nothing else.

use std::collections::BTreeMap;

/// The `most` values with the smallest keys.
#[derive(Debug, Clone)]
pub(super) struct Top<K, T> {
    most: usize,
    kept: BTreeMap<K, T>,
}

impl<K: Ord, T> Top<K, T> {
    /// Keeps up to `most`.
    pub(super) fn new(most: usize) -> Self {
        Self { most, kept: BTreeMap::new() }
    }

    /// Offers a value, which is only made when it is among the first.
    pub(super) fn offer(&mut self, key: K, value: impl FnOnce() -> T) {
        if self.kept.len() >= self.most && self.kept.last_key_value().is_none_or(|(last, _)| *last <= key) {
            return;
        }
        self.kept.insert(key, value());
        if self.kept.len() > self.most {
            self.kept.pop_last();
        }
    }

    /// Number of values that are held.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Keys and values, smallest key first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &T)> {
        self.kept.iter()
    }

    /// The keys, smallest first.
    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.kept.keys()
    }

    /// The values, smallest key first.
    pub(super) fn into_values(self) -> Vec<T> {
        self.kept.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_the_first_and_never_more(keys in prop::collection::hash_set(0u32..1000, 0..200), most in 0usize..8) {
            let mut top = Top::new(most);
            for &key in &keys {
                top.offer(key, || key);
                prop_assert!(top.len() <= most);
            }
            let mut sorted: Vec<u32> = keys.into_iter().collect();
            sorted.sort_unstable();
            sorted.truncate(most);
            prop_assert_eq!(top.into_values(), sorted);
        }
    }
}
