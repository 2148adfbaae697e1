//! What a read-only server shows that goes back.

use crate::history::{Named, Outcome, ReplicaCall};

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

impl Shown {
    /// The page, with the first record that was ever shown, if that was said to be trimmed before.
    pub(super) fn shows_again(&mut self, call: ReplicaCall, mut outcome: Outcome) -> Outcome {
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
    pub(super) fn goes_back(&mut self, call: ReplicaCall, outcome: Outcome) -> Outcome {
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
