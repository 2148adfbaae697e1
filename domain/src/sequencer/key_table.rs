//! What the sequencer remembers of the keys of the active segment.

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::unsync::Cache;

/// What an entry takes beside its key: two copies of bookkeeping, the count, and the allocation.
const ENTRY_OVERHEAD: u64 = 120;

/// For each key of the active segment how many records it has there, as far as memory allows.
///
/// While nothing was forgotten since the segment began, a key that is not in the table is known to be new. After
/// that, and after a restart in mid-segment, the caller has to look it up.
pub(super) struct KeyTable {
    counts: Cache<Bytes, u64, ByBytes>,
    max_bytes: u64,
    inserted: usize,
    since_begin: bool,
}

/// What the table knows of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// The segment holds this many records of it; at least one.
    Count(u64),
    /// The segment holds none.
    New,
    /// Not remembered.
    Forgotten,
}

impl KeyTable {
    /// An empty table of at most about `max_bytes`. `since_begin` says that the active segment is empty too.
    pub(super) fn new(max_bytes: u64, since_begin: bool) -> Self {
        let expected = (max_bytes / (ENTRY_OVERHEAD + 32)) as usize;
        Self {
            counts: Cache::with_weighter(expected.clamp(16, 1 << 20), max_bytes, ByBytes),
            max_bytes,
            inserted: 0,
            since_begin,
        }
    }

    /// A new segment begins.
    pub(super) fn begin_segment(&mut self) {
        *self = Self::new(self.max_bytes, true);
    }

    /// What is known of `key`.
    pub(super) fn get(&self, key: &[u8]) -> Known {
        match self.counts.get(key) {
            Some(count) => Known::Count(*count),
            None if self.since_begin && self.inserted == self.counts.len() => Known::New,
            None => Known::Forgotten,
        }
    }

    /// The segment now holds `count` records of `key`.
    pub(super) fn set(&mut self, key: &[u8], count: u64) {
        if let Some(mut known) = self.counts.get_mut(key) {
            *known = count;
            return;
        }
        self.inserted += 1;
        self.counts.insert(Bytes::copy_from_slice(key), count);
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Bytes, u64> for ByBytes {
    fn weight(&self, key: &Bytes, _count: &u64) -> u64 {
        key.len() as u64 + ENTRY_OVERHEAD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_never_seen_is_new_until_something_was_forgotten() {
        let mut table = KeyTable::new(40_000, true);
        assert_eq!(table.get(b"a"), Known::New);
        table.set(b"a", 3);
        table.set(b"a", 4);
        assert_eq!(table.get(b"a"), Known::Count(4));
        for i in 0..10_000u32 {
            table.set(&i.to_be_bytes(), 1);
        }
        assert!(table.counts.weight() <= 40_000);
        assert_eq!(table.get(b"never seen"), Known::Forgotten);
        table.begin_segment();
        assert_eq!(table.get(b"a"), Known::New);
    }

    #[test]
    fn after_a_restart_in_mid_segment_every_key_is_looked_up_once() {
        let mut table = KeyTable::new(1_000_000, false);
        assert_eq!(table.get(b"a"), Known::Forgotten);
        table.set(b"a", 7);
        assert_eq!(table.get(b"a"), Known::Count(7));
    }
}
