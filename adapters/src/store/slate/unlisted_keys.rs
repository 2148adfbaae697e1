//! The keys whose rows of the directory were removed last, to tell a read that rows of its key were removed since it began.
//!
//! A removal takes the rows of many keys, one commit after the other, and a read can be of many keys, too. So keys are told apart: a read
//! does not begin again for those of others.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hasher};

use log_domain::Key;

/// Keys that are remembered: 32 bytes each. Reads that began before as many were removed begin again.
const REMEMBERED: usize = 1 << 18;

/// Keys whose rows were removed, in this order. The first one has number 1.
#[derive(Debug, Default)]
pub(super) struct UnlistedKeys {
    /// The number of the last one.
    count: u64,
    /// The hashes of the last ones.
    hashes: VecDeque<u64>,
    /// The number of the last removal for each of these hashes.
    numbers: HashMap<u64, u64>,
}

impl UnlistedKeys {
    /// How many there were.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Rows were removed for `key`.
    pub(super) fn add(&mut self, key: &Key) {
        if self.hashes.len() == REMEMBERED {
            self.forget_one();
        }
        let hash = hash(key);
        self.count += 1;
        self.hashes.push_back(hash);
        self.numbers.insert(hash, self.count);
    }

    /// Whether rows were removed for `key` since there were `count`, or that is not known any more.
    pub(super) fn has_since(&self, key: &Key, count: u64) -> bool {
        if self.count == count {
            return false;
        }
        let number = self.numbers.get(&hash(key)).copied();
        count < self.forgotten() || number.is_some_and(|number| number > count)
    }

    /// The number of the last one that is not remembered.
    fn forgotten(&self) -> u64 {
        self.count - self.hashes.len() as u64
    }

    fn forget_one(&mut self) {
        if let Some(hash) = self.hashes.pop_front()
            && self.numbers.get(&hash) == Some(&self.forgotten())
        {
            self.numbers.remove(&hash);
        }
    }
}

fn hash(key: &Key) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key.as_ref());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> Key {
        Key::stored(format!("key-{number}").into())
    }

    #[test]
    fn a_key_is_told_of_its_own_rows_and_not_of_those_of_others() {
        let mut unlisted = UnlistedKeys::default();
        let (read, removed) = (0..1_000, 1_000..100_000);
        removed.for_each(|number| unlisted.add(&key(number)));
        assert!(
            read.clone()
                .all(|number| !unlisted.has_since(&key(number), 0))
        );
        assert!(unlisted.has_since(&key(1_000), 0));
        let before = unlisted.count();
        unlisted.add(&key(7));
        for number in read {
            assert_eq!(
                unlisted.has_since(&key(number), before),
                number == 7,
                "{number}"
            );
        }
        assert!(!unlisted.has_since(&key(7), unlisted.count()));
    }

    #[test]
    fn what_is_not_remembered_counts_as_removed() {
        let mut unlisted = UnlistedKeys::default();
        unlisted.add(&key(0));
        (0..REMEMBERED).for_each(|number| unlisted.add(&key(number)));
        assert_eq!(unlisted.hashes.len(), REMEMBERED);
        assert_eq!(unlisted.numbers.len(), REMEMBERED);
        // The first one is forgotten, and it was removed once more since.
        assert!(unlisted.has_since(&key(REMEMBERED), 0));
        assert!(!unlisted.has_since(&key(REMEMBERED), 1));
        assert!(unlisted.has_since(&key(0), 1));
        unlisted.add(&key(REMEMBERED));
        assert!(unlisted.has_since(&key(0), 1));
        assert!(!unlisted.has_since(&key(0), 2));
        assert_eq!(unlisted.numbers.len(), REMEMBERED);
    }
}
