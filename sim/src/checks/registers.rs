//! Appends with preconditions. An append that compares names the state that it saw, so the final log shows whether all
//! of them can have happened one after the other; that this order is the one of real time is checked by `real-time`.

use super::View;
use crate::history::Outcome;

pub(super) fn registers(view: &View<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for operation in &view.history.operations {
        let (Some(safety), Some((_, durable))) = (operation.safety(), operation.appends()) else {
            continue;
        };
        if safety.conditions.is_empty() {
            continue;
        }
        if let Some(start) = view.start_of(operation) {
            for condition in &safety.conditions {
                let between = view.log.between(&condition.key, condition.since, start);
                if let Some(seen) = between.first() {
                    wrong.push(format!(
                        "#{} is at {start}, under the condition that {:?} has no record since {}, and there is {seen:?}",
                        operation.id, condition.key, condition.since
                    ));
                }
            }
        }
        if let Some(Outcome::Rejected {
            code,
            key,
            sequence,
        }) = operation.outcome()
            && code == "conflict"
        {
            let last = sequence.unwrap_or(u64::MAX);
            let holds = safety.conditions.iter().any(|condition| {
                // Without a sequence: what the precondition asks about was trimmed or deleted.
                if sequence.is_none() {
                    let floor = view.log.floor_of(&condition.key);
                    let trimmed = 0 < condition.since && condition.since < floor;
                    return trimmed && key.as_ref() == Some(&condition.key);
                }
                let there = view
                    .log
                    .between(&condition.key, last, last.saturating_add(1));
                key.as_ref() == Some(&condition.key)
                    && last >= condition.since
                    && (!durable || !there.is_empty() || last < view.log.floor_of(&condition.key))
            });
            if !holds {
                wrong.push(format!(
                    "#{} was rejected because of {last} of {key:?}, which is not in the log or not in the way of {:?}",
                    operation.id, safety.conditions
                ));
            }
        }
    }
    wrong
}
