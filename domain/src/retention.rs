//! Retention: how much of a log stays although nobody trims it.

mod growth;

use std::time::Duration;

pub use growth::Growth;

use crate::{Segment, Sequence, Trim};

/// How much of a log stays. By default all of it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Records go that are older than this, by whole segments: a segment goes once its newest record is older.
    pub max_age: Option<Duration>,
    /// The oldest segments go until the rest has at most this many stored bytes. The active one never goes.
    pub max_bytes: Option<u64>,
}

/// A segment, and how much is stored of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredSegment {
    /// Which one it is.
    pub segment: Segment,
    /// Bytes of its data files. What is only in the WAL is not counted.
    pub bytes: u64,
    /// The oldest of its records at or above the floor was not appended before this (Unix ms). Exact where the floor is not within
    /// the segment.
    pub oldest_ms: i64,
}

impl Retention {
    /// Whether everything stays.
    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }

    /// The trims that are due at `now_ms` (Unix ms), in a log with these segments at or above its floor, in order.
    pub fn due(&self, stored: &[StoredSegment], now_ms: i64) -> impl Iterator<Item = Trim> {
        let by_age = self.max_age.map(|age| Trim::older_than(age, now_ms));
        let by_size = self
            .max_bytes
            .and_then(|most| first_that_stays(stored, most))
            .map(Trim::BeforeSequence);
        by_age.into_iter().chain(by_size)
    }
}

/// Where the segments begin that stay: as many of the newest as fit into `most` bytes, and one at least. `None` if all stay.
fn first_that_stays(stored: &[StoredSegment], most: u64) -> Option<Sequence> {
    let mut bytes = 0u64;
    let mut stays = stored.len();
    for (at, segment) in stored.iter().enumerate().rev() {
        bytes = bytes.saturating_add(segment.bytes);
        if bytes > most && stays < stored.len() {
            break;
        }
        stays = at;
    }
    let first = stored.get(stays).filter(|_| stays > 0)?;
    Some(first.segment.start)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segments(bytes: &[u64]) -> Vec<StoredSegment> {
        let numbered = bytes.iter().zip(1u32..);
        let stored = numbered.map(|(bytes, id)| StoredSegment {
            segment: Segment {
                id,
                start: Sequence::new(u64::from(id) * 100),
                start_time_ms: 0,
            },
            bytes: *bytes,
            oldest_ms: 0,
        });
        stored.collect()
    }

    fn due(retention: Retention, bytes: &[u64], now_ms: i64) -> Vec<Trim> {
        retention.due(&segments(bytes), now_ms).collect()
    }

    #[test]
    fn nothing_goes_by_default() {
        assert!(Retention::default().is_off());
        assert_eq!(due(Retention::default(), &[1, 2, 3], 1_000_000), []);
    }

    #[test]
    fn an_age_trims_what_is_older_also_before_the_epoch() {
        let retention = Retention {
            max_age: Some(Duration::from_secs(60)),
            ..Retention::default()
        };
        assert_eq!(due(retention, &[1], 100_000), [Trim::BeforeTime(40_000)]);
        assert_eq!(due(retention, &[], 0), [Trim::BeforeTime(-60_000)]);
        let endless = Retention {
            max_age: Some(Duration::MAX),
            ..Retention::default()
        };
        assert_eq!(due(endless, &[], -5), [Trim::BeforeTime(i64::MIN)]);
    }

    proptest! {
        /// The longest run of newest segments that fits, and the newest in any case.
        #[test]
        fn a_size_trims_the_oldest_segments_and_no_more_than_it_must(
            bytes in prop::collection::vec(0u64..100, 0..12),
            most in 0u64..400,
        ) {
            let retention = Retention { max_bytes: Some(most), ..Retention::default() };
            let expected = (0..bytes.len())
                .find(|first| bytes[*first..].iter().sum::<u64>() <= most || first + 1 == bytes.len())
                .filter(|first| *first > 0)
                .map(|first| Trim::BeforeSequence(Sequence::new(100 * (first as u64 + 1))));
            prop_assert_eq!(due(retention, &bytes, 0), Vec::from_iter(expected));
        }
    }
}
