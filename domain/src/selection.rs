//! Which keys a read is of.

use std::sync::Arc;

use bytes::Bytes;

use crate::{Error, Key, Result};

/// Maximum number of keys in one [`KeySet`].
pub const SELECTED_KEYS: usize = 1_000;

/// Which keys a read is of. The records of several keys come in the order of their sequences, and each says which key it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// One key. Its records do not name it.
    Key(Key),
    /// A set of keys.
    Keys(KeySet),
    /// All keys that begin with these bytes; without any, all keys of the log.
    Prefix(Bytes),
}

/// Distinct keys in byte order: 1 to [`SELECTED_KEYS`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet(Arc<[Key]>);

impl KeySet {
    /// Takes these keys, in any order. A key can be there twice.
    ///
    /// # Errors
    /// [`Error::Invalid`] without a key, and for more than [`SELECTED_KEYS`].
    pub fn new(mut keys: Vec<Key>) -> Result<Self> {
        if keys.is_empty() {
            return Err(Error::invalid(
                "there must be at least one key: read the whole log with an empty prefix",
            ));
        }
        if keys.len() > SELECTED_KEYS {
            return Err(Error::invalid(format!(
                "there are {} keys, at most {SELECTED_KEYS} can be read at a time: read by prefix, or in several requests",
                keys.len()
            )));
        }
        keys.sort_unstable();
        keys.dedup();
        Ok(Self(keys.into()))
    }

    /// The keys, in byte order.
    pub fn all(&self) -> &[Key] {
        &self.0
    }

    /// Whether `key` is one of them.
    pub fn contains(&self, key: &Key) -> bool {
        self.0.binary_search(key).is_ok()
    }
}

impl Selection {
    /// A set of keys; see [`KeySet::new`].
    ///
    /// # Errors
    /// As [`KeySet::new`].
    pub fn keys(keys: Vec<Key>) -> Result<Self> {
        KeySet::new(keys).map(Self::Keys)
    }

    /// Whether it selects `key`.
    pub fn matches(&self, key: &Key) -> bool {
        match self {
            Self::Key(selected) => selected == key,
            Self::Keys(keys) => keys.contains(key),
            Self::Prefix(prefix) => key.as_bytes().starts_with(prefix),
        }
    }

    /// The floor below which nothing of the selection is left because of floors of prefixes, with `of_prefixes` for the highest one
    /// of the prefixes of a key: 0 if some key of the selection has none.
    pub fn covering_floor<F: Ord + Default>(&self, of_prefixes: impl Fn(&Key) -> F) -> F {
        match self {
            Self::Key(key) => of_prefixes(key),
            Self::Keys(keys) => keys.all().iter().map(of_prefixes).min().unwrap_or_default(),
            // What holds for all keys with a prefix is what would hold for a key of that name.
            Self::Prefix(prefix) => of_prefixes(&Key::stored(prefix.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Key {
        Key::stored(name.as_bytes().to_vec().into())
    }

    #[test]
    fn a_set_is_sorted_and_has_each_key_once() {
        let keys = KeySet::new(vec![key("b"), key("a"), key("b")]).expect("a set");
        assert_eq!(keys.all(), [key("a"), key("b")]);
        assert!(keys.contains(&key("a")) && !keys.contains(&key("c")));
    }

    #[test]
    fn a_set_without_keys_or_with_too_many_is_refused() {
        assert!(matches!(KeySet::new(Vec::new()), Err(Error::Invalid(_))));
        let many = |count: usize| KeySet::new((0..count).map(|n| key(&n.to_string())).collect());
        assert!(many(SELECTED_KEYS).is_ok());
        assert!(matches!(many(SELECTED_KEYS + 1), Err(Error::Invalid(_))));
    }

    #[test]
    fn what_is_selected_matches() {
        let prefix = Selection::Prefix(Bytes::from("a/"));
        assert!(prefix.matches(&key("a/1")) && prefix.matches(&key("a/")));
        assert!(!prefix.matches(&key("a")) && !prefix.matches(&key("b/1")));
        assert!(Selection::Prefix(Bytes::new()).matches(&key("a")));
        assert!(Selection::Key(key("a")).matches(&key("a")));
        assert!(!Selection::Key(key("a")).matches(&key("a/")));
    }

    #[test]
    fn a_floor_covers_a_selection_if_it_holds_for_all_its_keys() {
        let floor = |key: &Key| match key.as_bytes() {
            name if name.starts_with(b"a/b") => 7,
            name if name.starts_with(b"a") => 3,
            _ => 0,
        };
        let of = |selection: Selection| selection.covering_floor(floor);
        assert_eq!(of(Selection::Key(key("a/b"))), 7);
        assert_eq!(of(Selection::Prefix(Bytes::from("a/b/c"))), 7);
        assert_eq!(of(Selection::Prefix(Bytes::from("a/"))), 3);
        assert_eq!(of(Selection::Prefix(Bytes::new())), 0);
        let keys = |names: &[&str]| Selection::keys(names.iter().map(|n| key(n)).collect());
        assert_eq!(of(keys(&["a/b", "a/c"]).expect("a set")), 3);
        assert_eq!(of(keys(&["a/b", "c"]).expect("a set")), 0);
    }
}
