//! What a read has seen of a key.

use log_domain::{Key, Sequence};

use super::key_floors::{FloorsOfKeys, KeyMark};

/// What held for a key when a read came to it first.
#[derive(Clone, Copy)]
pub(super) struct SeenKey {
    /// Tells whether some of its records went.
    pub(super) mark: KeyMark,
    /// Its own floor, and those of its prefixes.
    pub(super) of_key: Sequence,
    /// The same, and that of the log: its records below it are hidden.
    pub(super) floor: Sequence,
}

impl SeenKey {
    /// Whether no records of it went since, if no keys were purged.
    pub(super) fn is_as_seen(&self, key: &Key, floors: &FloorsOfKeys) -> bool {
        floors.is_as_marked(key, &self.mark)
    }
}
