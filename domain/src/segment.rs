//! Segments: windows of the sequence space, across all keys.

use std::time::Duration;

use crate::Sequence;

/// The number of a segment. 0 is the system segment, which holds metadata; records are in 1 and up.
pub type SegmentId = u32;

/// The system segment.
pub const SYSTEM_SEGMENT: SegmentId = 0;

/// The first segment with records.
pub const FIRST_SEGMENT: SegmentId = 1;

/// A trim of everything seals the active segment if that began at least so long ago. So often at most, however often a log is trimmed.
pub const EMPTIED_AFTER: Duration = Duration::from_secs(10);

/// One window of the log. It ends where the next one starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Its number; increases by one from segment to segment.
    pub id: SegmentId,
    /// The first sequence that can be in it.
    pub start: Sequence,
    /// When it began (Unix ms); if a trim began it, when the last record before it was appended.
    pub start_time_ms: i64,
}

/// When the active segment is sealed and the next begun. Both off by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SealPolicy {
    /// Seal when this much time has passed since the segment began. Noticed by the next append.
    pub interval: Option<Duration>,
    /// Seal when this many bytes of keys, values and headers are in it. The batch that reaches it still belongs to it.
    pub bytes: Option<u64>,
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

/// Those of `segments` (in order of id) that end at or below `floor`. The newest one has no end, so it is never one of them.
pub fn dead(segments: &[Segment], floor: Sequence) -> &[Segment] {
    let next = segments.get(1..).unwrap_or_default();
    &segments[..next.partition_point(|next| next.start <= floor)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn dead_segments_have_no_sequence_at_or_above_the_floor_and_the_newest_is_never_dead(
            starts in prop::collection::btree_set(0u64..100, 0..8), floor in 0u64..120,
        ) {
            let segments: Vec<Segment> = starts.iter().enumerate()
                .map(|(i, start)| Segment { id: i as u32 + 3, start: Sequence::new(*start), start_time_ms: 0 })
                .collect();
            let at_or_above = overlapping(&segments, Sequence::new(floor), Sequence::MAX);
            // A floor below the first segment is above no segment.
            let expected = segments.iter().filter(|segment| !at_or_above.contains(segment));
            let expected: Vec<Segment> = expected.copied().collect();
            prop_assert_eq!(dead(&segments, Sequence::new(floor)), &expected[..]);
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
