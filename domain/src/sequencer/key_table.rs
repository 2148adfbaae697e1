//! What the sequencer remembers of keys.

use bytes::Bytes;
use quick_cache::unsync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, Weighter};

use crate::SegmentId;
use crate::segment::SYSTEM_SEGMENT;

/// What an entry takes beside its key: two copies of bookkeeping, the counts, and the allocation.
const ENTRY_OVERHEAD: u64 = 144;

/// Where a key stands in the active segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Records of the key in the active segment; 0 also means that the directory does not list it there yet.
    pub in_segment: u64,
    /// Records of the key before the active segment; `None` if that is not known.
    pub earlier: Option<u64>,
}

/// Where each key stands, as far as memory allows.
pub(super) struct KeyTable {
    entries: Cache<Bytes, Entry, ByBytes, DefaultHashBuilder, NewestForgotten>,
    /// The newest segment with a key that is not in the table any more, or never was. The system segment, which holds no
    /// key, if there is none.
    newest_forgotten: SegmentId,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    segment: SegmentId,
    position: Position,
}

impl KeyTable {
    /// An empty table of at most about `max_bytes`, for a log whose newest segment is `newest`.
    pub(super) fn new(max_bytes: u64, newest: Option<SegmentId>) -> Self {
        let expected = (max_bytes / (ENTRY_OVERHEAD + 32)) as usize;
        Self {
            entries: Cache::with(
                expected.clamp(16, 1 << 20),
                max_bytes,
                ByBytes,
                DefaultHashBuilder::default(),
                NewestForgotten,
            ),
            newest_forgotten: newest.unwrap_or(SYSTEM_SEGMENT),
        }
    }

    /// Where `key` stands in `segment`, the active one; `None` if it has to be looked up. Whether the segment holds a key
    /// is known without a lookup unless a key of this segment was forgotten.
    pub(super) fn position(&self, key: &[u8], segment: SegmentId) -> Option<Position> {
        match self.entries.get(key) {
            Some(entry) if entry.segment == segment => Some(entry.position),
            Some(Entry { position, .. }) => Some(Position {
                in_segment: 0,
                earlier: position
                    .earlier
                    .map(|earlier| earlier + position.in_segment),
            }),
            None if self.newest_forgotten == SYSTEM_SEGMENT => Some(Position {
                in_segment: 0,
                earlier: Some(0),
            }),
            None if self.newest_forgotten < segment => Some(Position::default()),
            None => None,
        }
    }

    /// `key` now stands at `position` in `segment`.
    pub(super) fn set(&mut self, key: &[u8], segment: SegmentId, position: Position) {
        let entry = Entry { segment, position };
        if let Some(mut known) = self.entries.get_mut(key) {
            *known = entry;
            return;
        }
        let mut forgotten = SYSTEM_SEGMENT;
        let key = Bytes::copy_from_slice(key);
        self.entries
            .insert_with_lifecycle(key, entry, &mut forgotten);
        self.newest_forgotten = self.newest_forgotten.max(forgotten);
    }

    /// Before `segment`, there are `earlier` records of `key`.
    pub(super) fn settle(&mut self, key: &[u8], segment: SegmentId, earlier: u64) {
        if let Some(mut known) = self.entries.get_mut(key)
            && known.segment == segment
        {
            known.position.earlier = Some(earlier);
        }
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Bytes, Entry> for ByBytes {
    fn weight(&self, key: &Bytes, _entry: &Entry) -> u64 {
        key.len() as u64 + ENTRY_OVERHEAD
    }
}

/// Reports the newest segment of what is evicted.
#[derive(Clone)]
struct NewestForgotten;

impl Lifecycle<Bytes, Entry> for NewestForgotten {
    type RequestState = SegmentId;

    fn on_evict(&self, newest: &mut SegmentId, _key: Bytes, entry: Entry) {
        *newest = (*newest).max(entry.segment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(in_segment: u64, earlier: Option<u64>) -> Option<Position> {
        Some(Position {
            in_segment,
            earlier,
        })
    }

    fn set(table: &mut KeyTable, key: &[u8], segment: SegmentId, in_segment: u64, earlier: u64) {
        let position = Position {
            in_segment,
            earlier: Some(earlier),
        };
        table.set(key, segment, position);
    }

    #[test]
    fn a_key_that_was_never_seen_is_new_until_something_was_forgotten() {
        let mut table = KeyTable::new(40_000, None);
        assert_eq!(table.position(b"a", 1), at(0, Some(0)));
        set(&mut table, b"a", 1, 3, 0);
        set(&mut table, b"a", 1, 4, 0);
        assert_eq!(table.position(b"a", 1), at(4, Some(0)));
        assert_eq!(table.position(b"a", 2), at(0, Some(4)));
        for i in 0..10_000u32 {
            set(&mut table, &i.to_be_bytes(), 1, 1, 0);
        }
        assert!(table.entries.weight() <= 40_000);
        assert_eq!(table.position(b"never seen", 1), None);
        assert_eq!(table.position(b"never seen", 2), at(0, None));
        let large = vec![0; 50_000];
        set(&mut table, &large, 2, 1, 0);
        assert_eq!(
            table.position(&large, 2),
            None,
            "too large to be remembered"
        );
    }

    #[test]
    fn after_a_restart_in_mid_segment_every_key_is_looked_up_once() {
        let mut table = KeyTable::new(1_000_000, Some(3));
        assert_eq!(table.position(b"a", 3), None);
        table.set(
            b"a",
            3,
            Position {
                in_segment: 7,
                earlier: None,
            },
        );
        assert_eq!(table.position(b"a", 3), at(7, None));
        table.settle(b"a", 2, 1);
        assert_eq!(table.position(b"a", 3), at(7, None));
        table.settle(b"a", 3, 2);
        assert_eq!(table.position(b"a", 4), at(0, Some(9)));
        assert_eq!(table.position(b"b", 4), at(0, None));
    }
}
