//! Segments: windows of the sequence space, across all keys.

use std::time::Duration;

use crate::Sequence;

/// The number of a segment. 0 is the system segment, which holds metadata; records are in 1 and up.
pub type SegmentId = u32;

/// The system segment.
pub const SYSTEM_SEGMENT: SegmentId = 0;

/// One window of the log. It ends where the next one starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Its number; increases by one from segment to segment.
    pub id: SegmentId,
    /// The first sequence that can be in it.
    pub start: Sequence,
    /// When it began (Unix ms).
    pub start_time_ms: i64,
}

/// When the active segment is sealed and the next begun. Both off by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SealPolicy {
    /// Seal when this much time has passed since the segment began. Noticed by the next append.
    pub interval: Option<Duration>,
    /// Seal when this many bytes of keys and values are in it. The batch that reaches it still belongs to it.
    pub bytes: Option<u64>,
}

/// The active segment of a writer, and when to begin the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roller {
    policy: SealPolicy,
    active: Option<Segment>,
    bytes: u64,
}

impl Roller {
    /// Continues with the `active` segment, which holds `bytes` of keys and values already; `None` for a new log.
    pub fn resume(policy: SealPolicy, active: Option<Segment>, bytes: u64) -> Self {
        Self {
            policy,
            active,
            bytes,
        }
    }

    /// The segment that a commit at `next` and `now_ms` belongs to. It is a new one if its id differs from the
    /// segment before; the caller then writes its description with the commit.
    pub fn place(&self, next: Sequence, now_ms: i64) -> Segment {
        match self.active {
            Some(active) if !self.is_due(&active, now_ms) => active,
            before => Segment {
                id: before.map_or(SYSTEM_SEGMENT + 1, |segment| segment.id + 1),
                start: next,
                start_time_ms: now_ms,
            },
        }
    }

    /// A commit of `bytes` was applied to `segment`, as placed.
    pub fn committed(&mut self, segment: Segment, bytes: u64) {
        if self.active != Some(segment) {
            self.active = Some(segment);
            self.bytes = 0;
        }
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// The segment that was appended to last.
    pub fn active(&self) -> Option<Segment> {
        self.active
    }

    /// Bytes of keys and values in the active segment.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn is_due(&self, active: &Segment, now_ms: i64) -> bool {
        let age_ms = now_ms.saturating_sub(active.start_time_ms).max(0) as u128;
        self.policy
            .interval
            .is_some_and(|interval| age_ms >= interval.as_millis())
            || self.policy.bytes.is_some_and(|limit| self.bytes >= limit)
    }
}

/// Those of `segments` (in order of id) that overlap `start .. end`.
pub fn overlapping(segments: &[Segment], start: Sequence, end: Sequence) -> &[Segment] {
    if start >= end {
        return &[];
    }
    let first = segments
        .partition_point(|segment| segment.start <= start)
        .saturating_sub(1);
    let last = segments.partition_point(|segment| segment.start < end);
    &segments[first.min(last)..last]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn segments_follow_each_other_without_gap_and_seal_when_due(
            seal_ms in prop::option::of(1u64..500),
            seal_bytes in prop::option::of(1u64..5_000),
            commits in prop::collection::vec((1u64..50, 1u64..2_000, 0i64..300), 1..80),
        ) {
            let policy = SealPolicy { interval: seal_ms.map(Duration::from_millis), bytes: seal_bytes };
            let mut roller = Roller::resume(policy, None, 0);
            let (mut next, mut now) = (Sequence::ZERO, 1_000i64);
            let mut bytes_in_segment = 0u64;
            for (count, bytes, pause) in commits {
                now += pause;
                let before = roller.active();
                let segment = roller.place(next, now);
                match before {
                    None => prop_assert_eq!(segment.id, 1),
                    Some(before) => {
                        let due = seal_ms.is_some_and(|ms| (now - before.start_time_ms) as u64 >= ms)
                            || seal_bytes.is_some_and(|limit| bytes_in_segment >= limit);
                        prop_assert_eq!(segment.id, before.id + u32::from(due));
                    }
                }
                if before != Some(segment) {
                    prop_assert_eq!((segment.start, segment.start_time_ms), (next, now));
                    bytes_in_segment = 0;
                }
                roller.committed(segment, bytes);
                bytes_in_segment += bytes;
                prop_assert_eq!(roller.bytes(), bytes_in_segment);
                next = next.plus(count);
            }
        }

        #[test]
        fn overlapping_finds_exactly_the_segments_that_share_a_sequence_with_the_range(
            starts in prop::collection::btree_set(0u64..100, 0..8), start in 0u64..120, length in 0u64..60,
        ) {
            let segments: Vec<Segment> = starts.iter().enumerate()
                .map(|(i, start)| Segment { id: i as u32 + 1, start: Sequence::new(*start), start_time_ms: 0 })
                .collect();
            let found = overlapping(&segments, Sequence::new(start), Sequence::new(start + length));
            let expected: Vec<Segment> = segments.iter().enumerate().filter(|(i, segment)| {
                let end = segments.get(i + 1).map_or(u64::MAX, |next| next.start.get());
                (start..start + length).any(|s| segment.start.get() <= s && s < end)
            }).map(|(_, segment)| *segment).collect();
            prop_assert_eq!(found.to_vec(), expected);
        }
    }
}
