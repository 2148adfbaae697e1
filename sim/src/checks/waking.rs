//! Followers: answered when there is something, and not before.

use super::View;
use crate::history::{Fault, Life, Operation};

/// From an acknowledged append to the answer of a follower it takes at most this long while nothing is wrong.
pub(super) const SOON_MS: u64 = 1_000;

pub(super) fn woken(view: &View<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (operation, scan, values, _) in view.history.pages() {
        let (Some(wait), Some((answered, _))) = (scan.follow_ms, &operation.answered) else {
            continue;
        };
        let Some(life) = view.history.life_of(operation) else {
            continue;
        };
        let waited = answered.ms - operation.called.ms;
        if values.is_empty() && waited < wait && !is_stopping(life, operation) {
            wrong.push(format!(
                "#{} was to wait {wait} ms and got nothing after {waited} ms",
                operation.id
            ));
        }
        if view.disturbed(operation.called.ms, answered.ms) {
            continue;
        }
        for (append, when, start) in view.history.acknowledged() {
            let (records, durable) = append.appends().unwrap_or_default();
            let meant = (start..).zip(records).any(|(sequence, sent)| {
                sent.key == scan.key
                    && sequence >= view.log.floor_of(&scan.key)
                    && (scan.start..scan.end).contains(&sequence)
            });
            let same = || {
                view.history
                    .life_of(append)
                    .is_some_and(|other| other.id == life.id)
            };
            if meant
                && (durable || !scan.durable)
                && when.ms.max(operation.called.ms) + SOON_MS < answered.ms
                && same()
            {
                wrong.push(format!(
                    "#{} was answered at {} ms, and what it waited for was acknowledged at {} ms (#{})",
                    operation.id, answered.ms, when.ms, append.id
                ));
                break;
            }
        }
    }
    wrong
}

pub(super) fn is_stopping(life: &Life, operation: &Operation) -> bool {
    let answered = operation.answered.as_ref().map(|(when, _)| *when);
    let by_then = |moment: Option<crate::history::Moment>| {
        moment.is_some_and(|moment| answered.is_none_or(|answered| moment < answered))
    };
    by_then(life.asked) || by_then(life.ended.as_ref().map(|(when, _)| *when))
}

impl View<'_> {
    /// Whether anything was wrong in a span, or had been shortly before.
    pub(super) fn disturbed(&self, from_ms: u64, until_ms: u64) -> bool {
        let overlaps = |fault: &Fault| {
            let over = fault.until.map_or(u64::MAX, |until| until.ms + 3 * SOON_MS);
            fault.from.ms <= until_ms && from_ms <= over
        };
        self.history.faults.iter().any(overlaps)
    }
}
