//! Requests of producers: each in the final log once, in order, and nothing durable forgotten.

mod answers;

use std::collections::BTreeMap;

use super::View;
use crate::history::{Life, Moment, Numbered, Operation, Outcome, Seen};

pub(super) fn exactly_once(view: &View<'_>) -> Vec<String> {
    let mut wrong = out_of_order(view);
    wrong.extend(forgotten(view));
    wrong.extend(answers::different(view));
    wrong.extend(answers::of_other_records(view));
    wrong.extend(answers::without_reason(view));
    wrong
}

/// What a server knows of a producer after a request.
#[derive(Debug, Clone, Copy)]
struct Known {
    epoch: u64,
    next: u64,
    at_ms: i64,
}

impl Known {
    fn after(numbered: &Numbered, at_ms: i64) -> Self {
        Self {
            epoch: numbered.epoch,
            next: numbered.sequence + 1,
            at_ms,
        }
    }

    fn allows(self, numbered: &Numbered) -> bool {
        let expected = if numbered.epoch == self.epoch {
            self.next
        } else {
            0
        };
        numbered.epoch >= self.epoch && numbered.sequence == expected
    }
}

/// Requests in the final log that were not next in line. What a server knows of a producer is as durable as its records,
/// and their times are the log's, so the final log shows exactly what was known at each request, and what had expired.
fn out_of_order(view: &View<'_>) -> Vec<String> {
    let mut known: BTreeMap<&str, Known> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (seen, operation, numbered) in view.applied() {
        let at_ms = seen.timestamp_ms;
        let last = known.get(numbered.id.as_str());
        let before = last.filter(|before| {
            let idle_ms = u64::try_from(at_ms - before.at_ms).unwrap_or(0);
            idle_ms < view.facts.producer_expiry_ms
        });
        // Those before the first that is left may have been trimmed.
        let may_begin = numbered.sequence == 0 || last.is_none() && view.log.floor > 0;
        let allowed = before.map_or(may_begin, |before| before.allows(numbered));
        if !allowed {
            wrong.push(format!(
                "{numbered:?} of #{} is at {}, where the producer was {before:?}",
                operation.id, seen.sequence
            ));
        }
        known.insert(&numbered.id, Known::after(numbered, at_ms));
    }
    wrong
}

/// Requests that a server did not take for duplicates, or for next in line, although it must know those before.
fn forgotten(view: &View<'_>) -> Vec<String> {
    let durable: Vec<_> = view
        .answered_numbers()
        .filter(|told| told.operation.appends().is_some_and(|(_, durable)| durable))
        .collect();
    let mut wrong = Vec::new();
    for (operation, numbered) in view.numbered() {
        let Some(life) = view.history.life_of(operation) else {
            continue;
        };
        let expected = match operation.outcome() {
            Some(Outcome::Rejected { code, sequence, .. }) if code == "producer_out_of_order" => {
                sequence.unwrap_or(0)
            }
            Some(Outcome::Rejected { code, .. }) if code == "producer_unknown" => 0,
            _ => continue,
        };
        let lost = durable.iter().filter(|told| {
            let other = told.numbered;
            other.id == numbered.id
                && other.epoch == numbered.epoch
                && other.sequence >= expected
                && view.remembers(life, operation, told)
        });
        wrong.extend(lost.map(|told| {
            format!(
                "#{} was rejected ({:?}), and #{} had been acknowledged as durable",
                operation.id,
                operation.outcome(),
                told.operation.id
            )
        }));
    }
    wrong
}

/// A request of a producer that was answered as applied.
struct Told<'a> {
    operation: &'a Operation,
    numbered: &'a Numbered,
    when: Moment,
}

impl<'a> View<'a> {
    /// The calls of producers.
    fn numbered(&self) -> impl Iterator<Item = (&'a Operation, &'a Numbered)> + use<'a> {
        self.history.operations.iter().filter_map(|operation| {
            let numbered = operation.safety()?.numbered.as_ref()?;
            Some((operation, numbered))
        })
    }

    /// The calls of producers that were answered as applied, now or before.
    fn answered_numbers(&self) -> impl Iterator<Item = Told<'a>> + use<'a> {
        let confirmed = self.history.confirmed();
        confirmed.filter_map(|(operation, when, _)| {
            let numbered = operation.safety()?.numbered.as_ref()?;
            Some(Told {
                operation,
                numbered,
                when,
            })
        })
    }

    /// The requests of producers in the final log, in its order, each with its first record.
    fn applied(&self) -> Vec<(&'a Seen, &'a Operation, &'a Numbered)> {
        let records = self.log.records.values().flatten();
        let first = records.filter_map(|seen| {
            let origin = self.origin.get(seen.value.as_str())?;
            let numbered = origin.operation.safety()?.numbered.as_ref()?;
            (origin.place == 0).then_some((seen, origin.operation, numbered))
        });
        let mut applied: Vec<_> = first.collect();
        applied.sort_by_key(|(seen, ..)| seen.sequence);
        applied
    }

    /// Whether a server must know, when it judges an operation, a request that was answered as applied: because it did
    /// that itself before, or because the request was durable before the server began. A server that was taken over does
    /// not know what its successor acknowledged, and no server knows what has expired.
    fn remembers(&self, life: &Life, operation: &Operation, told: &Told<'_>) -> bool {
        let by = self.history.life_of(told.operation);
        let own = by.is_some_and(|by| by.id == life.id) && told.when < operation.called;
        let durable = told.operation.appends().is_some_and(|(_, durable)| durable);
        let known = own || durable && told.when < life.started;
        known && !self.may_have_expired(operation, told, own)
    }

    /// Whether a producer can have expired between a request of it and an operation. The clock of one server is exact,
    /// clocks of several are not.
    fn may_have_expired(&self, operation: &Operation, told: &Told<'_>, by_same: bool) -> bool {
        let now = operation.outcome().and(operation.answered.as_ref());
        let until_ms = now.map_or(u64::MAX, |(when, _)| when.ms);
        let applied_now = matches!(told.operation.outcome(), Some(Outcome::Appended { .. }));
        let (applied_ms, skew_ms) = if by_same && applied_now {
            (told.operation.called.ms, 0)
        } else {
            let calls = self.numbered();
            let sent = calls.filter(|(_, numbered)| *numbered == told.numbered);
            let first_ms = sent.map(|(first, _)| first.called.ms).min();
            (first_ms.unwrap_or(0), self.facts.skew_ms)
        };
        let idle_ms = until_ms.saturating_sub(applied_ms) + skew_ms;
        idle_ms >= self.facts.producer_expiry_ms
    }

    /// Whether an operation is one of a producer.
    pub(super) fn is_numbered(&self, operation: &Operation) -> bool {
        operation
            .safety()
            .is_some_and(|safety| safety.numbered.is_some())
    }

    /// Where an append begins in the final log, if it is there.
    pub(super) fn start_of(&self, operation: &Operation) -> Option<u64> {
        let (records, _) = operation.appends()?;
        let places = records.iter().enumerate().filter_map(|(place, sent)| {
            let mut values = self.log.of(&sent.key).iter();
            let seen = values.find(|seen| seen.value == sent.value)?;
            Some(seen.sequence.wrapping_sub(place as u64))
        });
        places.min()
    }
}
