//! Bugs of trims: floors that are lost after what lies below them, and segment ids.

use crate::history::{Call, Outcome, SegmentSeen};

/// What the bugs need to know of the past.
#[derive(Default)]
pub(super) struct Trims {
    /// Floors that are not durable yet, or were not when the server crashed.
    undurable: Vec<u64>,
    /// The highest of the others.
    floor: u64,
    /// How many servers had lived when all records were trimmed.
    emptied: Option<usize>,
    /// How many ids are used again.
    used_again: Option<u32>,
}

impl Trims {
    /// A trim is sent.
    pub(super) fn begins(&mut self, before: u64) {
        self.undurable.push(before);
    }

    /// The floor of a trim is durable.
    pub(super) fn is_durable(&mut self, before: u64) {
        self.undurable.retain(|floor| *floor != before);
        self.floor = self.floor.max(before);
    }

    /// Readers from `start` on are told only of floors that are durable.
    pub(super) fn told(&mut self, start: u64, trimmed: Option<u64>) -> Option<u64> {
        match trimmed {
            Some(floor) if self.undurable.contains(&floor) => {}
            floor => self.floor = self.floor.max(floor.unwrap_or(0)),
        }
        trimmed.and((start < self.floor).then_some(self.floor))
    }

    /// A trim was answered when the log reached to `tip` and so many servers had lived.
    pub(super) fn trimmed(&mut self, floor: u64, tip: u64, lives: usize) {
        if floor >= tip {
            self.emptied.get_or_insert(lives);
        }
    }

    /// The segments as a server lists them that continued with the first id when it found no segment.
    pub(super) fn listed(&mut self, segments: &mut [SegmentSeen], lives: usize) {
        if let (Some(emptied), Some(first)) = (self.emptied, segments.first())
            && emptied < lives
        {
            self.used_again.get_or_insert(first.id - 1);
        }
        let again = self.used_again.unwrap_or(0);
        for segment in segments {
            segment.id = segment.id.saturating_sub(again);
        }
    }

    /// The real ids of the segments that a client means.
    pub(super) fn asked(&self, call: &mut Call) {
        if let Call::Keys {
            start_segment,
            end_segment,
            ..
        } = call
        {
            let again = self.used_again.unwrap_or(0);
            *start_segment = start_segment.saturating_add(again);
            *end_segment = end_segment.saturating_add(again);
        }
    }
}

/// A page or a count with another notice of a trim.
pub(super) fn with_trimmed(
    mut outcome: Outcome,
    told: impl FnOnce(Option<u64>) -> Option<u64>,
) -> Outcome {
    if let Outcome::Page { trimmed, .. } | Outcome::Count { trimmed, .. } = &mut outcome {
        *trimmed = told(*trimmed);
    }
    outcome
}
