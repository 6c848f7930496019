//! A map for a few pairs: sorted, in one piece of memory of their exact size. There are several in
//! each endpoint, most with one pair or two, where nodes of a tree would be nearly empty.

use std::fmt;

/// Pairs in the order of their keys, each key once.
#[derive(Clone, PartialEq, Eq)]
pub struct SmallMap<K, V>(Vec<(K, V)>);

impl<K, V> SmallMap<K, V> {
    /// No pairs.
    pub const fn new() -> Self {
        SmallMap(Vec::new())
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Pairs in the order of their keys.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> + ExactSizeIterator + Clone {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// Keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator + Clone {
        self.0.iter().map(|(key, _)| key)
    }

    /// Values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator + Clone {
        self.0.iter().map(|(_, value)| value)
    }

    /// Keeps the pairs of which `keep` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.0.retain_mut(|(key, value)| keep(key, value));
    }
}

impl<K: Ord, V> SmallMap<K, V> {
    /// A map of pairs in any order; where several have a key, `merge` makes one value of two.
    pub fn of(pairs: impl IntoIterator<Item = (K, V)>, mut merge: impl FnMut(&mut V, &mut V)) -> Self {
        let mut pairs: Vec<(K, V)> = pairs.into_iter().collect();
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        pairs.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                merge(&mut kept.1, &mut later.1);
            }
            same
        });
        pairs.shrink_to_fit();
        SmallMap(pairs)
    }

    fn find(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| known.cmp(key))
    }

    /// Value of a key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.find(key).ok().map(|at| &self.0[at].1)
    }

    /// Value of a key, to change it.
    pub fn value_mut(&mut self, key: &K) -> Option<&mut V> {
        let at = self.find(key).ok()?;
        Some(&mut self.0[at].1)
    }

    /// Sets the value of a key; gives the one before. Quickest if keys come in order.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.0.last().is_none_or(|(last, _)| *last < key) {
            self.0.push((key, value));
            return None;
        }
        match self.find(&key) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (key, value));
                None
            }
        }
    }

    /// Adds the pairs of another; where both have a key, `merge` makes one value of both.
    pub fn merge(&mut self, other: Self, mut merge: impl FnMut(&mut V, V)) {
        if self.0.is_empty() {
            *self = other;
            return;
        }
        let known = self.0.len();
        for (key, value) in other.0 {
            match self.0[..known].binary_search_by(|(known, _)| known.cmp(&key)) {
                Ok(at) => merge(&mut self.0[at].1, value),
                Err(_) => self.0.push((key, value)),
            }
        }
        if self.0.len() > known {
            // Two sorted runs: the stable sort merges them in one pass.
            self.0.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
    }
}

impl<K, V> Default for SmallMap<K, V> {
    fn default() -> Self {
        SmallMap::new()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SmallMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

/// Of two pairs with one key the later one stays.
impl<K: Ord, V> FromIterator<(K, V)> for SmallMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        SmallMap::of(pairs, |kept, later| std::mem::swap(kept, later))
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for SmallMap<K, V> {
    fn from(pairs: [(K, V); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K, V> IntoIterator for SmallMap<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, K, V> IntoIterator for &'a SmallMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, (K, V)>, fn(&'a (K, V)) -> (&'a K, &'a V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(key, value)| (key, value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::SmallMap;

    proptest! {
        #[test]
        fn it_is_a_map(one: Vec<(u8, u32)>, other: Vec<(u8, u32)>) {
            let small: SmallMap<_, _> = one.iter().copied().collect();
            let mut tree: BTreeMap<_, _> = one.iter().copied().collect();
            prop_assert!(small.iter().eq(tree.iter()));
            let mut merged = small.clone();
            merged.merge(other.iter().copied().collect(), |sum, more| *sum ^= more);
            let mut inserted = small;
            for (key, value) in &other {
                prop_assert_eq!(inserted.insert(*key, *value), tree.insert(*key, *value));
            }
            prop_assert!(inserted.iter().eq(tree.iter()));
            let mut sums: BTreeMap<_, _> = one.iter().copied().collect();
            for (key, value) in other.iter().copied().collect::<BTreeMap<_, _>>() {
                sums.entry(key).and_modify(|sum| *sum ^= value).or_insert(value);
            }
            prop_assert!(merged.iter().eq(sums.iter()));
            for key in 0..=u8::MAX {
                prop_assert_eq!(merged.get(&key), sums.get(&key));
            }
        }
    }
}
