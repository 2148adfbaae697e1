//! Assigns commits to segments and rolls to new segments.

use crate::segment::FIRST_SEGMENT;
use crate::{SealPolicy, Segment, Sequence};

/// The active segment of a writer, and when to begin the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Roller {
    policy: SealPolicy,
    active: Option<Segment>,
    bytes: u64,
}

impl Roller {
    /// Continues with the `active` segment, which holds `bytes` of keys, values and headers already; `None` for a new log.
    pub(super) fn resume(policy: SealPolicy, active: Option<Segment>, bytes: u64) -> Self {
        Self {
            policy,
            active,
            bytes,
        }
    }

    /// The segment that a commit at `next` and `now_ms` belongs to. It is a new one if its id differs from the
    /// segment before; the caller then writes its description with the commit.
    pub(super) fn place(&self, next: Sequence, now_ms: i64) -> Segment {
        match self.active {
            Some(active) if !self.is_due(&active, now_ms) => active,
            before => Segment {
                id: before.map_or(FIRST_SEGMENT, |segment| segment.id + 1),
                start: next,
                start_time_ms: now_ms,
            },
        }
    }

    /// A commit of `bytes` was applied to `segment`, as placed.
    pub(super) fn committed(&mut self, segment: Segment, bytes: u64) {
        if self.active != Some(segment) {
            self.active = Some(segment);
            self.bytes = 0;
        }
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// The segment that was appended to last.
    pub(super) fn active(&self) -> Option<Segment> {
        self.active
    }

    /// Bytes of keys, values and headers in the active segment.
    pub(super) fn bytes(&self) -> u64 {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

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
    }
}
