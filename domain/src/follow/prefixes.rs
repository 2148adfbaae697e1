//! Prefixes that are followed, found by key without a loop over all of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use bytes::Bytes;

/// After so many lengths that a prefix could have and none has, the sorted prefixes are asked how long it can be.
const LENGTHS: usize = 4;

/// Values by prefix.
#[derive(Debug)]
pub(super) struct ByPrefix<T> {
    values: HashMap<Bytes, Vec<T>>,
    sorted: BTreeSet<Bytes>,
    /// How many prefixes have each length.
    lengths: BTreeMap<usize, usize>,
}

impl<T> Default for ByPrefix<T> {
    fn default() -> Self {
        Self {
            values: HashMap::new(),
            sorted: BTreeSet::new(),
            lengths: BTreeMap::new(),
        }
    }
}

impl<T> ByPrefix<T> {
    pub(super) fn add(&mut self, prefix: &Bytes, value: T) {
        let values = self.values.entry(prefix.clone()).or_insert_with(|| {
            *self.lengths.entry(prefix.len()).or_default() += 1;
            self.sorted.insert(prefix.clone());
            Vec::new()
        });
        values.push(value);
    }

    /// Removes the values of `prefix` that `is_removed` says.
    pub(super) fn remove(&mut self, prefix: &Bytes, is_removed: impl Fn(&T) -> bool) {
        let Some(values) = self.values.get_mut(prefix) else {
            return;
        };
        values.retain(|value| !is_removed(value));
        if values.is_empty() {
            self.values.remove(prefix);
            self.sorted.remove(prefix);
            if let Some(of_length) = self.lengths.get_mut(&prefix.len()) {
                *of_length -= 1;
                if *of_length == 0 {
                    self.lengths.remove(&prefix.len());
                }
            }
        }
    }

    /// The values of all prefixes of `key`, the longest prefix first.
    pub(super) fn matching<'a>(&'a self, key: &'a [u8]) -> Matching<'a, T> {
        Matching {
            prefixes: self,
            key,
            up_to: Some(key.len()),
            steps: 0,
        }
    }
}

/// The values of the prefixes of a key.
///
/// There are usually few lengths, and each is a lookup. But each prefix of the key that is at most as long as a part of it is also one of what
/// the greatest prefix at or below this part has in common with the key. So many lengths take few lookups, too.
#[derive(Debug)]
pub(super) struct Matching<'a, T> {
    prefixes: &'a ByPrefix<T>,
    key: &'a [u8],
    /// How much of the key the next prefix has at most; nothing at the end.
    up_to: Option<usize>,
    /// Lookups that found nothing.
    steps: usize,
}

impl<'a, T> Iterator for Matching<'a, T> {
    type Item = &'a [T];

    fn next(&mut self) -> Option<&'a [T]> {
        let ByPrefix {
            values,
            sorted,
            lengths,
        } = self.prefixes;
        loop {
            let (length, _) = lengths.range(..=self.up_to.take()?).next_back()?;
            let part = &self.key[..*length];
            // Without a byte there is no shorter one.
            let shorter = length.checked_sub(1);
            if let Some(values) = values.get(part) {
                self.up_to = shorter;
                return Some(values);
            }
            self.steps += 1;
            self.up_to = match self.steps.is_multiple_of(LENGTHS) {
                true => {
                    let below = (Bound::Unbounded, Bound::Excluded(part));
                    let greatest = sorted.range::<[u8], _>(below).next_back()?;
                    Some(common(greatest, self.key))
                }
                false => shorter,
            };
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
            prop_assert!(table.values.is_empty() && table.sorted.is_empty() && table.lengths.is_empty());
        }
    }

    #[test]
    fn ten_thousand_prefixes_take_one_step_for_each_of_their_lengths() {
        let tenants = (0..10_000).map(|n| format!("tenant/{n:05}/").into_bytes());
        let mut table = table(tenants);
        let keys = [
            ("tenant/05000/orders", 1),
            ("tenant/05000-/orders", 0),
            ("tenant/05000", 0),
            ("a", 0),
            ("z/and/something/longer", 0),
            ("tenant/x", 0),
        ];
        for (key, expected) in keys {
            let mut matching = table.matching(key.as_bytes());
            assert_eq!(matching.by_ref().count(), expected, "{key}");
            assert!(matching.steps <= 1, "{key}: {} steps", matching.steps);
        }
        table.add(&Bytes::from_static(b"tenant/"), b"tenant/".to_vec());
        let mut matching = table.matching(b"tenant/05000-/orders");
        assert_eq!(matching.by_ref().count(), 1);
        assert_eq!(matching.steps, 1);
    }

    #[test]
    fn prefixes_of_many_lengths_take_a_few_steps() {
        // Of each length, none of which is one of the key.
        let table = table((1..2_000).map(|length| [vec![b'a'; length], vec![b'b']].concat()));
        let key = [vec![b'a'; 1_000], vec![b'c'; 2_000]].concat();
        let mut matching = table.matching(&key);
        assert_eq!(matching.by_ref().count(), 0);
        assert!(matching.steps <= 2 * LENGTHS, "{} steps", matching.steps);
    }
}
