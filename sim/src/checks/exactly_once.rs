//! Requests of producers: each in the final log once, in order, and nothing durable forgotten.

use std::collections::BTreeMap;

use super::View;
use crate::history::{Numbered, Operation, Outcome};

pub(super) fn exactly_once(view: &View<'_>) -> Vec<String> {
    let mut wrong = twice(view);
    wrong.extend(out_of_order(view));
    wrong.extend(other_answers(view));
    wrong.extend(forgotten(view));
    wrong
}

/// Values that are in the final log more than once.
fn twice(view: &View<'_>) -> Vec<String> {
    let mut places: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for seen in view.log.records.values().flatten() {
        places.entry(&seen.value).or_default().push(seen.sequence);
    }
    let numbered = view.numbered().filter_map(|(operation, numbered)| {
        let first = operation.appends()?.0.first()?;
        let at = places.get(first.value.as_str())?;
        (at.len() > 1).then(|| format!("{numbered:?} of #{} was applied as {at:?}", operation.id))
    });
    numbered.collect()
}

/// Requests in the final log that follow an earlier one too early, or come without the one before.
fn out_of_order(view: &View<'_>) -> Vec<String> {
    let mut applied: BTreeMap<&Numbered, (u64, usize)> = BTreeMap::new();
    for (operation, numbered) in view.numbered() {
        // A rejected request has the number of another one: what it says is not there, which `refused` looks at.
        if let Some(start) = view.start_of(operation)
            && !operation.not_applied()
        {
            applied.insert(numbered, (start, operation.id));
        }
    }
    let mut wrong = Vec::new();
    let mut before: Option<(&Numbered, u64)> = None;
    for (numbered, (start, id)) in applied {
        let same = before.filter(|(earlier, _)| earlier.id == numbered.id);
        if let Some((earlier, at)) = same
            && at >= start
        {
            wrong.push(format!(
                "{numbered:?} of #{id} is at {start}, and {earlier:?} at {at}"
            ));
        }
        let in_a_row = same.is_some_and(|(earlier, _)| {
            earlier.epoch == numbered.epoch && earlier.sequence + 1 == numbered.sequence
        });
        if numbered.sequence > 0 && !in_a_row {
            wrong.push(format!(
                "{numbered:?} of #{id} is at {start}, and the request before it is not in the log"
            ));
        }
        before = Some((numbered, start));
    }
    wrong
}

/// Duplicates that are not answered as the same server answered the request before.
fn other_answers(view: &View<'_>) -> Vec<String> {
    let mut answers: BTreeMap<(&Numbered, usize), (u64, u64, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (operation, numbered) in view.numbered() {
        let Some(Outcome::Appended { start, count } | Outcome::Duplicate { start, count }) =
            operation.outcome()
        else {
            continue;
        };
        let id = operation.id;
        let records = operation.appends().map_or(0, |(records, _)| records.len());
        if *count != records as u64 {
            wrong.push(format!(
                "#{id} has {records} records, and was answered with {count}"
            ));
        }
        let Some(life) = view.history.life_of(operation) else {
            continue;
        };
        let told = (*start, *count, id);
        let first = *answers.entry((numbered, life.id)).or_insert(told);
        if (first.0, first.1) != (*start, *count) {
            wrong.push(format!(
                "{numbered:?} was answered with {} in #{}, and with {start} in #{id}",
                first.0, first.2
            ));
        }
    }
    wrong
}

/// Requests that a server did not take for duplicates, or for next in line, although it must know those before.
fn forgotten(view: &View<'_>) -> Vec<String> {
    let durable: Vec<_> = view
        .history
        .confirmed()
        .filter(|(operation, ..)| operation.appends().is_some_and(|(_, durable)| durable))
        .filter_map(|(operation, when, _)| {
            Some((operation, when, operation.safety()?.numbered.as_ref()?))
        })
        .collect();
    let mut wrong = Vec::new();
    for (operation, numbered) in view.numbered() {
        let Some(life) = view.history.life_of(operation) else {
            continue;
        };
        let expected = match operation.outcome() {
            Some(Outcome::Rejected { code, sequence }) if code == "producer_out_of_order" => {
                sequence.unwrap_or(0)
            }
            Some(Outcome::Rejected { code, .. }) if code == "producer_unknown" => 0,
            _ => continue,
        };
        // A server that was taken over does not know what its successor acknowledged.
        let known = durable.iter().filter(|(other, when, _)| {
            let own = || {
                let by = view.history.life_of(other);
                by.is_some_and(|by| by.id == life.id) && *when < operation.called
            };
            *when < life.started || own()
        });
        let lost = known.filter(|(_, _, other)| {
            other.id == numbered.id && other.epoch == numbered.epoch && other.sequence >= expected
        });
        wrong.extend(lost.map(|(other, ..)| {
            format!(
                "#{} was rejected ({:?}), and #{} had been acknowledged as durable",
                operation.id,
                operation.outcome(),
                other.id
            )
        }));
    }
    wrong
}

impl<'a> View<'a> {
    /// The calls of producers.
    fn numbered(&self) -> impl Iterator<Item = (&'a Operation, &'a Numbered)> {
        self.history.operations.iter().filter_map(|operation| {
            let numbered = operation.safety()?.numbered.as_ref()?;
            Some((operation, numbered))
        })
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
