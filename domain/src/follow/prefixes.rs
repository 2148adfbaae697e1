//! Prefixes that are followed, found by key without a loop over all of them.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

/// Values by prefix.
#[derive(Debug)]
pub(super) struct ByPrefix<T>(BTreeMap<Bytes, Vec<T>>);

impl<T> Default for ByPrefix<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> ByPrefix<T> {
    pub(super) fn add(&mut self, prefix: &Bytes, value: T) {
        self.0.entry(prefix.clone()).or_default().push(value);
    }

    /// Removes the values of `prefix` that `is_removed` says.
    pub(super) fn remove(&mut self, prefix: &Bytes, is_removed: impl Fn(&T) -> bool) {
        if let Some(values) = self.0.get_mut(prefix) {
            values.retain(|value| !is_removed(value));
            if values.is_empty() {
                self.0.remove(prefix);
            }
        }
    }

    /// The values of all prefixes of `key`, the longest prefix first.
    pub(super) fn matching<'a>(&'a self, key: &'a [u8]) -> Matching<'a, T> {
        Matching {
            prefixes: &self.0,
            key,
            up_to: Some(Bound::Included(key.len())),
            #[cfg(test)]
            steps: 0,
        }
    }
}

/// The values of the prefixes of a key.
///
/// The greatest prefix at or below the key is either one of the key or shares a beginning with it, and every prefix of the key that is not
/// greater is a prefix of that beginning. So each step finds one or shortens what is looked for.
#[derive(Debug)]
pub(super) struct Matching<'a, T> {
    prefixes: &'a BTreeMap<Bytes, Vec<T>>,
    key: &'a [u8],
    /// How much of the key the next prefix has at most; nothing at the end.
    up_to: Option<Bound<usize>>,
    #[cfg(test)]
    pub(super) steps: usize,
}

impl<'a, T> Iterator for Matching<'a, T> {
    type Item = &'a [T];

    fn next(&mut self) -> Option<&'a [T]> {
        loop {
            let up_to = self.up_to.take()?.map(|length| &self.key[..length]);
            let below = (Bound::Unbounded, up_to);
            #[cfg(test)]
            {
                self.steps += 1;
            }
            let (prefix, values) = self.prefixes.range::<[u8], _>(below).next_back()?;
            let common = common(prefix, self.key);
            if common == prefix.len() {
                // Without a byte there is no shorter one.
                self.up_to = (common > 0).then_some(Bound::Excluded(common));
                return Some(values);
            }
            self.up_to = Some(Bound::Included(common));
        }
    }
}

/// How many bytes both begin with.
fn common(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(prefixes: impl IntoIterator<Item = Vec<u8>>) -> ByPrefix<Vec<u8>> {
        let mut table = ByPrefix::default();
        for prefix in prefixes {
            table.add(&Bytes::from(prefix.clone()), prefix);
        }
        table
    }

    fn bytes(longest: usize) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop_oneof![Just(0u8), Just(1), Just(255)], 0..=longest)
    }

    proptest! {
        #[test]
        fn what_is_found_are_the_prefixes_of_the_key(
            prefixes in prop::collection::btree_set(bytes(5), 0..40), key in bytes(7),
        ) {
            let table = table(prefixes.clone());
            let mut found: Vec<Vec<u8>> = table.matching(&key).flatten().cloned().collect();
            found.reverse();
            let expected: Vec<Vec<u8>> = prefixes.iter().filter(|prefix| key.starts_with(prefix)).cloned().collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn what_was_removed_is_not_found(prefixes in prop::collection::btree_set(bytes(3), 1..20), key in bytes(5)) {
            let mut table = table(prefixes.clone());
            for prefix in &prefixes {
                let prefix = Bytes::from(prefix.clone());
                table.add(&prefix, vec![7]);
                table.remove(&prefix, |value| value == &prefix[..]);
            }
            prop_assert!(table.matching(&key).flatten().all(|value| *value == [7]));
            for prefix in prefixes {
                table.remove(&Bytes::from(prefix), |_| true);
            }
            prop_assert!(table.0.is_empty());
        }
    }

    #[test]
    fn ten_thousand_prefixes_take_a_few_steps() {
        let table = table((0..10_000).map(|n| format!("tenant/{n:05}/").into_bytes()));
        for key in ["tenant/05000/orders", "tenant/05000", "a", "z", "tenant/x"] {
            let mut matching = table.matching(key.as_bytes());
            let found = matching.by_ref().count();
            assert_eq!(found, usize::from(key.len() > 13), "{key}");
            assert!(matching.steps <= 8, "{key}: {} steps", matching.steps);
        }
    }
}
