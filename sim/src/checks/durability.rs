//! What must not be lost.

use super::View;
use crate::history::Operation;

pub(super) fn durable(view: &View<'_>) -> Vec<String> {
    view.history
        .confirmed()
        .filter(|(operation, ..)| operation.appends().is_some_and(|(_, durable)| durable))
        .flat_map(|(operation, _, start)| missing(view, operation, start))
        .collect()
}

pub(super) fn graceful(view: &View<'_>) -> Vec<String> {
    view.history
        .confirmed()
        .filter(|(operation, ..)| {
            let mut lives = view.history.answering(operation).peekable();
            lives.peek().is_some() && lives.all(|life| life.was_clean())
        })
        .flat_map(|(operation, _, start)| missing(view, operation, start))
        .collect()
}

/// The records of an append that are not in the final log where they were said to be.
fn missing(view: &View<'_>, operation: &Operation, start: u64) -> Vec<String> {
    let (records, _) = operation.appends().unwrap_or_default();
    (start..)
        .zip(records)
        .filter(|(sequence, sent)| *sequence >= view.log.floor_of(&sent.key))
        .filter_map(|(sequence, sent)| {
            let there = view.log.between(&sent.key, sequence, sequence + 1);
            let same = there.first().is_some_and(|seen| seen.value == sent.value);
            (!same).then(|| {
                format!(
                    "#{} acknowledged {} as {sequence} of {:?}, and there is {there:?}",
                    operation.id,
                    brief(&sent.value),
                    sent.key
                )
            })
        })
        .collect()
}

/// The part of a value that says where it comes from.
pub(super) fn brief(value: &str) -> &str {
    value.split(':').next().unwrap_or(value)
}
