//! Read-only servers that break their promises.

use std::time::Duration;

use super::Face;
use crate::history::{Call, Named, Outcome, ReplicaCall};
use crate::planted::Planted;
use crate::time::now_ms;

/// Of so many pages in a row, the last ones are of an older state.
const PERIOD: u64 = 20;
const OLD: u64 = 6;

/// What read-only servers have shown.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pages: u64,
    /// Where the log ended at the beginning of the period.
    end: u64,
    /// The first record that was shown.
    first: Option<Named>,
    /// The floor that was told last.
    floor: u64,
}

impl Face {
    /// What a client is told when a read-only server says `outcome` to what was asked at `asked_ms`.
    pub(super) async fn replica_says(
        &self,
        call: &Call,
        outcome: Outcome,
        asked_ms: u64,
    ) -> Outcome {
        match (self.bug, call, outcome) {
            (Some(Planted::GoBack), Call::Replica(call), outcome) => {
                self.memory.lock().shown.goes_back(*call, outcome)
            }
            (Some(Planted::ShowTrimmed), Call::Replica(call), outcome) => {
                self.memory.lock().shown.shows_again(*call, outcome)
            }
            (
                Some(Planted::SleepOn),
                Call::Replica(ReplicaCall {
                    start,
                    follow_ms: Some(wait),
                    ..
                }),
                Outcome::Named { trimmed, more, .. },
            ) => {
                let left = (asked_ms + wait).saturating_sub(now_ms());
                tokio::time::sleep(Duration::from_millis(left)).await;
                Outcome::Named {
                    values: Vec::new(),
                    next: *start,
                    trimmed,
                    more,
                }
            }
            (
                Some(Planted::CountShort),
                Call::ReplicaCount(_),
                Outcome::Count { count, trimmed },
            ) => Outcome::Count {
                count: count.saturating_sub(1),
                trimmed,
            },
            (_, _, outcome) => outcome,
        }
    }
}

impl Shown {
    /// The page, with the first record that was ever shown, if that was said to be trimmed before.
    fn shows_again(&mut self, call: ReplicaCall, mut outcome: Outcome) -> Outcome {
        let Outcome::Named {
            values, trimmed, ..
        } = &mut outcome
        else {
            return outcome;
        };
        if self.first.is_none() {
            self.first = values.first().cloned();
        }
        let was_told = self.floor;
        self.floor = self.floor.max(trimmed.unwrap_or(0));
        if let Some(first) = &self.first
            && first.seen.sequence < was_told
            && call.start <= first.seen.sequence
        {
            values.insert(0, first.clone());
            *trimmed = None;
        }
        outcome
    }

    /// The page, without what an older state does not have.
    fn goes_back(&mut self, call: ReplicaCall, outcome: Outcome) -> Outcome {
        let Outcome::Named {
            mut values,
            next,
            trimmed,
            more,
        } = outcome
        else {
            return outcome;
        };
        self.pages += 1;
        let place = self.pages % PERIOD;
        if place == 0 {
            self.end = next;
        }
        if place < PERIOD - OLD || call.start > self.end {
            return Outcome::Named {
                values,
                next,
                trimmed,
                more,
            };
        }
        values.retain(|named| named.seen.sequence < self.end);
        Outcome::Named {
            values,
            next: next.min(self.end),
            trimmed,
            more,
        }
    }
}
