//! The sequencer's bounded table of keys.

use bytes::Bytes;
use quick_cache::unsync::Cache;
use quick_cache::{DefaultHashBuilder, Lifecycle, Weighter};

use crate::segment::SYSTEM_SEGMENT;
use crate::{SegmentId, Sequence};

/// Memory overhead of an entry in addition to its key: two copies of bookkeeping, the counts, and the allocation.
const ENTRY_OVERHEAD: u64 = 152;

/// Where a key stands as of its last record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The newest segment that holds the key.
    pub segment: SegmentId,
    /// The number of the key in that segment.
    pub number: u32,
    /// Records of the key in that segment.
    pub in_segment: u64,
    /// Records of the key before that segment; `None` if that is not known.
    pub earlier: Option<u64>,
    /// The sequence of its last record.
    pub last: Sequence,
}

impl Standing {
    /// Where the key stands in `segment`, which is this one or a newer one.
    pub(super) fn position(&self, segment: SegmentId) -> Position {
        if segment == self.segment {
            return Position {
                in_segment: self.in_segment,
                earlier: self.earlier,
                number: Some(self.number),
            };
        }
        Position {
            in_segment: 0,
            earlier: self.earlier.map(|earlier| earlier + self.in_segment),
            number: None,
        }
    }
}

/// Where a key stands in the active segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Records of the key in the active segment; 0 also means that the directory does not list it there yet.
    pub in_segment: u64,
    /// Records of the key before the active segment; `None` if that is not known.
    pub earlier: Option<u64>,
    /// The number of the key in the active segment; `None` if it has no record there.
    pub number: Option<u32>,
}

impl Position {
    /// Of a key without records.
    pub(super) const NONE: Self = Self {
        in_segment: 0,
        earlier: Some(0),
        number: None,
    };
}

/// The last record of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LastRecord {
    /// It has to be looked up, unless it is enough that it lies below this sequence.
    Below(Sequence),
    /// The key has no record.
    Never,
    /// Its sequence.
    At(Sequence),
}

/// Where each key stands, as far as memory allows.
pub(super) struct KeyTable {
    entries: Cache<Bytes, Standing, ByBytes, DefaultHashBuilder, NewestForgotten>,
    forgotten: Forgotten,
}

/// Bounds that hold for all keys that are not in the table.
#[derive(Debug, Clone, Copy, Default)]
struct Forgotten {
    /// The newest segment that holds such a key. The system segment, which holds no key, if there is none.
    newest: SegmentId,
    /// All their records lie below.
    end: Sequence,
}

impl KeyTable {
    /// An empty table of at most about `max_bytes`, for a log that reaches to `tip` and whose newest segment is `newest`.
    pub(super) fn new(max_bytes: u64, newest: Option<SegmentId>, tip: Sequence) -> Self {
        let expected = (max_bytes / (ENTRY_OVERHEAD + 32)) as usize;
        Self {
            entries: Cache::with(
                expected.clamp(16, 1 << 20),
                max_bytes,
                ByBytes,
                DefaultHashBuilder::default(),
                NewestForgotten,
            ),
            forgotten: Forgotten {
                newest: newest.unwrap_or(SYSTEM_SEGMENT),
                end: tip,
            },
        }
    }

    /// Where `key` stands in `segment`, the active one; `None` if it has to be looked up. Whether the segment holds a key
    /// is known without a lookup unless a key of this segment was forgotten.
    pub(super) fn position(&self, key: &[u8], segment: SegmentId) -> Option<Position> {
        match self.entries.get(key) {
            Some(standing) => Some(standing.position(segment)),
            None if self.forgotten.newest == SYSTEM_SEGMENT => Some(Position::NONE),
            None if self.forgotten.newest < segment => Some(Position::default()),
            None => None,
        }
    }

    /// The last record of `key`.
    pub(super) fn last(&self, key: &[u8]) -> LastRecord {
        match self.entries.get(key) {
            Some(standing) => LastRecord::At(standing.last),
            None if self.forgotten.newest == SYSTEM_SEGMENT => LastRecord::Never,
            None => LastRecord::Below(self.forgotten.end),
        }
    }

    /// `key` stands there now.
    pub(super) fn set(&mut self, key: &[u8], standing: Standing) {
        if let Some(mut known) = self.entries.get_mut(key) {
            *known = standing;
            return;
        }
        let key = Bytes::copy_from_slice(key);
        self.entries
            .insert_with_lifecycle(key, standing, &mut self.forgotten);
    }

    /// `key` has no records any more.
    pub(super) fn remove(&mut self, key: &[u8]) {
        self.entries.remove(key);
    }

    /// Before `segment`, there are `earlier` records of `key`.
    pub(super) fn settle(&mut self, key: &[u8], segment: SegmentId, earlier: u64) {
        if let Some(mut known) = self.entries.get_mut(key)
            && known.segment == segment
        {
            known.earlier = Some(earlier);
        }
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Bytes, Standing> for ByBytes {
    fn weight(&self, key: &Bytes, _standing: &Standing) -> u64 {
        key.len() as u64 + ENTRY_OVERHEAD
    }
}

/// Reports what is evicted.
#[derive(Clone)]
struct NewestForgotten;

impl Lifecycle<Bytes, Standing> for NewestForgotten {
    type RequestState = Forgotten;

    fn on_evict(&self, forgotten: &mut Forgotten, _key: Bytes, standing: Standing) {
        forgotten.newest = forgotten.newest.max(standing.segment);
        forgotten.end = forgotten.end.max(standing.last.plus(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each key has number 5 in each segment.
    fn at(in_segment: u64, earlier: Option<u64>) -> Option<Position> {
        Some(Position {
            in_segment,
            earlier,
            number: (in_segment > 0).then_some(5),
        })
    }

    fn set(table: &mut KeyTable, key: &[u8], segment: SegmentId, in_segment: u64, earlier: u64) {
        let standing = Standing {
            segment,
            number: 5,
            in_segment,
            earlier: Some(earlier),
            last: Sequence::new(in_segment + earlier),
        };
        table.set(key, standing);
    }

    #[test]
    fn a_key_that_was_never_seen_is_new_until_something_was_forgotten() {
        let mut table = KeyTable::new(40_000, None, Sequence::ZERO);
        assert_eq!(table.position(b"a", 1), at(0, Some(0)));
        assert_eq!(table.last(b"a"), LastRecord::Never);
        set(&mut table, b"a", 1, 3, 0);
        set(&mut table, b"a", 1, 4, 0);
        assert_eq!(table.position(b"a", 1), at(4, Some(0)));
        assert_eq!(table.position(b"a", 2), at(0, Some(4)));
        assert_eq!(table.last(b"a"), LastRecord::At(Sequence::new(4)));
        for i in 0..10_000u32 {
            set(&mut table, &i.to_be_bytes(), 1, 1, 0);
        }
        assert!(table.entries.weight() <= 40_000);
        assert_eq!(table.position(b"never seen", 1), None);
        assert_eq!(table.position(b"never seen", 2), at(0, None));
        assert!(matches!(table.last(b"never seen"), LastRecord::Below(end) if end.get() >= 2));
        let large = vec![0; 50_000];
        set(&mut table, &large, 2, 1, 70);
        assert_eq!(
            table.position(&large, 2),
            None,
            "too large to be remembered"
        );
        assert_eq!(table.last(&large), LastRecord::Below(Sequence::new(72)));
    }

    #[test]
    fn after_a_restart_in_mid_segment_every_key_is_looked_up_once() {
        let mut table = KeyTable::new(1_000_000, Some(3), Sequence::new(50));
        assert_eq!(table.position(b"a", 3), None);
        assert_eq!(table.last(b"a"), LastRecord::Below(Sequence::new(50)));
        let standing = Standing {
            segment: 3,
            number: 5,
            in_segment: 7,
            earlier: None,
            last: Sequence::new(60),
        };
        table.set(b"a", standing);
        assert_eq!(table.position(b"a", 3), at(7, None));
        table.settle(b"a", 2, 1);
        assert_eq!(table.position(b"a", 3), at(7, None));
        table.settle(b"a", 3, 2);
        assert_eq!(table.position(b"a", 4), at(0, Some(9)));
        assert_eq!(table.last(b"a"), LastRecord::At(Sequence::new(60)));
        assert_eq!(table.position(b"b", 4), at(0, None));
    }
}
