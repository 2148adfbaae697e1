//! Assigns commits to segments and rolls to new segments.

use crate::segment::{EMPTIED_AFTER, FIRST_SEGMENT};
use crate::{SealPolicy, Segment, Sequence};

/// Numbers given to keys after which a segment is sealed: far more than one commit gives are left.
const NUMBERS: u32 = 1 << 31;

/// The active segment of a writer, and when to begin the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Roller {
    policy: SealPolicy,
    active: Option<Segment>,
    bytes: u64,
    numbers: u32,
}

impl Roller {
    /// Continues with the `active` segment, which holds `bytes` of keys, values and headers already, and has given so many `numbers` to
    /// keys; `None` for a new log.
    pub(super) fn resume(
        policy: SealPolicy,
        active: Option<Segment>,
        bytes: u64,
        numbers: u32,
    ) -> Self {
        Self {
            policy,
            active,
            bytes,
            numbers,
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

    /// A commit of `bytes` was applied to `segment`, as placed. The segment has given so many `numbers` since it began.
    pub(super) fn committed(&mut self, segment: Segment, bytes: u64, numbers: u32) {
        if self.active != Some(segment) {
            self.active = Some(segment);
            self.bytes = 0;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.numbers = numbers;
    }

    /// The segment that was appended to last.
    pub(super) fn active(&self) -> Option<Segment> {
        self.active
    }

    /// Bytes of keys, values and headers in the active segment.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The number that the next key gets that `segment` has not seen, which is the active one or follows it.
    pub(super) fn next_number(&self, segment: Segment) -> u32 {
        match self.active == Some(segment) {
            true => self.numbers,
            false => 0,
        }
    }

    /// Numbers that the active segment has given to keys.
    pub(super) fn numbers(&self) -> u32 {
        self.numbers
    }

    /// An empty segment is never due.
    fn is_due(&self, active: &Segment, next: Sequence, now_ms: i64) -> bool {
        let SealPolicy { interval, bytes } = self.policy;
        active.start < next
            && (interval.is_some_and(|interval| age_ms(active, now_ms) >= interval.as_millis())
                || bytes.is_some_and(|limit| self.bytes >= limit)
                || self.numbers >= NUMBERS)
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
            let mut roller = Roller::resume(policy, None, 0, 0);
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
                let first = roller.next_number(segment);
                prop_assert_eq!(first == 0, before != Some(segment) || count == 0);
                roller.committed(segment, bytes, first + count as u32);
                bytes_in_segment += bytes;
                prop_assert_eq!(roller.bytes(), bytes_in_segment);
                next = next.plus(count);
            }
        }
    }

    #[test]
    fn a_segment_is_sealed_long_before_its_numbers_run_out() {
        let mut roller = Roller::resume(SealPolicy::default(), None, 0, 0);
        let first = roller.place(Sequence::ZERO, 0);
        roller.committed(first, 1, NUMBERS - 1);
        assert_eq!(roller.place(Sequence::new(1), 0), first);
        roller.committed(first, 1, NUMBERS);
        let second = roller.place(Sequence::new(2), 0);
        assert_eq!((second.id, roller.next_number(second)), (2, 0));
    }
}
