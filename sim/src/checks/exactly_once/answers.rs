//! Answers to producers: the same as before, and rejections only with a reason.

use std::collections::BTreeMap;

use log_domain::producer::RECENT;

use crate::checks::View;
use crate::history::{Numbered, Operation, Outcome, Sent};

/// Duplicates that are not answered as the same server answered the request before.
pub(super) fn different(view: &View<'_>) -> Vec<String> {
    let mut answers: BTreeMap<(&Numbered, usize), (u64, u64, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (operation, numbered) in view.numbered() {
        let Some(Outcome::Appended { start, count } | Outcome::Duplicate { start, count }) =
            operation.outcome()
        else {
            continue;
        };
        let id = operation.id;
        let records = records(operation).len();
        if *count != records as u64 {
            wrong.push(format!(
                "#{id} has {records} records, and was answered with {count}"
            ));
        }
        let Some(life) = view.history.life_of(operation) else {
            continue;
        };
        let told = (*start, *count, id);
        // A first request can be applied again when its producer has expired.
        let applied_now = matches!(operation.outcome(), Some(Outcome::Appended { .. }));
        if applied_now && numbered.sequence == 0 {
            answers.insert((numbered, life.id), told);
        }
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

/// Requests that were answered as applied although another one with the same number, and other records, had been.
pub(super) fn of_other_records(view: &View<'_>) -> Vec<String> {
    let mut told: BTreeMap<&Numbered, Vec<_>> = BTreeMap::new();
    for one in view.answered_numbers() {
        told.entry(one.numbered).or_default().push(one);
    }
    let mut wrong = Vec::new();
    for same in told.values() {
        for later in same {
            let Some(life) = view.history.life_of(later.operation) else {
                continue;
            };
            let before = same.iter().filter(|earlier| {
                records(earlier.operation) != records(later.operation)
                    && view.remembers(life, later.operation, earlier)
            });
            wrong.extend(before.map(|earlier| {
                format!(
                    "{:?} of #{} was answered as applied, and had other records in #{}",
                    later.numbered, later.operation.id, earlier.operation.id
                )
            }));
        }
    }
    wrong
}

/// Rejections that do not follow from what was sent.
pub(super) fn without_reason(view: &View<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (operation, numbered) in view.numbered() {
        let Some(Outcome::Rejected { code, sequence, .. }) = operation.outcome() else {
            continue;
        };
        let answered = operation.answered.as_ref().map(|(when, _)| *when);
        let others = || {
            let calls = view.numbered();
            calls.filter(|(other, same)| {
                same.id == numbered.id && Some(other.called) < answered && !other.not_applied()
            })
        };
        let same_number = || others().filter(|(_, other)| *other == numbered);
        let right = match code.as_str() {
            "producer_out_of_order" => {
                sequence.is_some_and(|expected| expected < numbered.sequence)
            }
            "producer_unknown" => numbered.sequence > 0,
            "producer_fenced" => others().any(|(_, other)| other.epoch > numbered.epoch),
            "producer_sequence_reused" => {
                let reused = |other: &Operation| records(other) != records(operation);
                same_number().any(|(other, _)| reused(other) && is_there(view, other, operation))
            }
            "producer_sequence_too_old" => {
                // The answers of the newest requests are kept.
                let newest = numbered.sequence + RECENT as u64;
                let newer = others()
                    .any(|(_, other)| other.epoch == numbered.epoch && other.sequence >= newest);
                newer && same_number().any(|(other, _)| is_there(view, other, operation))
            }
            _ => true,
        };
        if !right {
            wrong.push(format!(
                "{numbered:?} of #{} was rejected without a reason: {:?}",
                operation.id,
                operation.outcome()
            ));
        }
    }
    wrong
}

/// Whether a request can be what a rejection rests on: if the rejection was to be durable, the request is in the final log.
fn is_there(view: &View<'_>, request: &Operation, rejected: &Operation) -> bool {
    let durable = rejected.appends().is_some_and(|(_, durable)| durable);
    !durable || view.start_of(request).is_some() || may_be_trimmed(view, request)
}

/// Whether a request can have been in the log, and trimmed. Of one without an answer it is not known where it was.
fn may_be_trimmed(view: &View<'_>, request: &Operation) -> bool {
    let start = match request.outcome() {
        Some(Outcome::Appended { start, .. } | Outcome::Duplicate { start, .. }) => *start,
        _ => 0,
    };
    start < view.log.floor
}

fn records(operation: &Operation) -> &[Sent] {
    operation.appends().map_or(&[], |(records, _)| records)
}
