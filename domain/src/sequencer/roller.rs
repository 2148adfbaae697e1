//! Assigns commits to segments and rolls to new segments.

use crate::segment::{EMPTIED_AFTER, FIRST_SEGMENT};
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
            Some(active) if !self.is_due(&active, next, now_ms) => active,
            _ => self.following(next, now_ms),
        }
    }

    /// The segment to begin when everything before `next` was trimmed, so that the active one can go. `None` if that one is empty, or
    /// began less than [`EMPTIED_AFTER`] ago.
    pub(super) fn emptied(
        &self,
        next: Sequence,
        last_time_ms: i64,
        now_ms: i64,
    ) -> Option<Segment> {
        let is_over = self.active.is_some_and(|active| {
            active.start < next && age_ms(&active, now_ms) >= EMPTIED_AFTER.as_millis()
        });
        is_over.then(|| self.following(next, last_time_ms))
    }

    fn following(&self, start: Sequence, start_time_ms: i64) -> Segment {
        let id = self.active.map_or(FIRST_SEGMENT, |active| active.id + 1);
        Segment {
            id,
            start,
            start_time_ms,
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

    /// An empty segment is never due.
    fn is_due(&self, active: &Segment, next: Sequence, now_ms: i64) -> bool {
        let SealPolicy { interval, bytes } = self.policy;
        active.start < next
            && (interval.is_some_and(|interval| age_ms(active, now_ms) >= interval.as_millis())
                || bytes.is_some_and(|limit| self.bytes >= limit))
    }
}

fn age_ms(segment: &Segment, now_ms: i64) -> u128 {
    now_ms.saturating_sub(segment.start_time_ms).max(0) as u128
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
