//! Trims: floors, and what readers see and are told of them. That nothing else is missing is for the checkers of records: they
//! expect what lies at or above the floor of the final log.

use super::View;
use crate::history::{Call, Life, Moment, Operation, Outcome};

pub(super) fn trimmed(view: &View<'_>) -> Vec<String> {
    let told = view.told_floors();
    let mut wrong = Vec::new();
    for (operation, when, floor) in &told {
        let asked = view.asked_floor(*when);
        if *floor > asked
            && let Some(why) = view.retention_keeps(*floor, *when)
        {
            wrong.push(format!(
                "#{} was told the floor {floor}, and {asked} was asked for by then ({why})",
                operation.id
            ));
        }
        if *floor > view.log.floor {
            wrong.push(format!(
                "#{} was told the floor {floor}, and that of the final log is {}",
                operation.id, view.log.floor
            ));
        }
        if let Call::Trim { before } = operation.call
            && *floor < before
        {
            wrong.push(format!(
                "#{} was to trim before {before}, and the floor is {floor}",
                operation.id
            ));
        }
    }
    for operation in &view.history.operations {
        wrong.extend(read_below(view, &told, operation));
    }
    let end = view.end();
    let asked = view.asked_floor(end);
    if view.log.floor > asked
        && let Some(why) = view.retention_keeps(view.log.floor, end)
    {
        wrong.push(format!(
            "the floor of the final log is {}, and {asked} was asked for ({why})",
            view.log.floor
        ));
    }
    wrong
}

/// A floor that an answer told, and when.
pub(super) type Told<'a> = (&'a Operation, Moment, u64);

/// What is wrong with a read of what had been trimmed.
fn read_below(view: &View<'_>, told: &[Told<'_>], operation: &Operation) -> Vec<String> {
    let (start, end) = match &operation.call {
        Call::Scan(scan) => (scan.start, scan.end),
        Call::Count { start, end, .. } => (*start, *end),
        _ => return Vec::new(),
    };
    let values = match operation.outcome() {
        Some(Outcome::Page { values, .. }) => values.as_slice(),
        Some(Outcome::Count { .. }) => &[],
        _ => return Vec::new(),
    };
    let mut wrong = Vec::new();
    let known = view
        .history
        .life_of(operation)
        .map_or(0, |life| known_to(view, told, life, operation.called));
    let said = operation.told_trimmed();
    if start < known.min(end) && said.is_none_or(|said| said < known) {
        wrong.push(format!(
            "#{} asked from {start} on and was told {said:?}, and the log was trimmed before {known}",
            operation.id
        ));
    }
    let floor = known.max(said.unwrap_or(0));
    if let Some(seen) = values.iter().find(|seen| seen.sequence < floor) {
        wrong.push(format!(
            "#{} saw {}, and the log was trimmed before {floor}",
            operation.id, seen.sequence
        ));
    }
    wrong
}

/// The highest floor that a life must know of at a time: told by it before, or by anyone before it began.
fn known_to(view: &View<'_>, told: &[Told<'_>], life: &Life, by: Moment) -> u64 {
    let known = told.iter().filter(|(operation, when, _)| {
        let own = || {
            let other = view.history.life_of(operation);
            *when < by && other.is_some_and(|other| other.id == life.id)
        };
        *when < life.started || own()
    });
    known.map(|(_, _, floor)| *floor).max().unwrap_or(0)
}

impl<'a> View<'a> {
    /// The floors that answers told, to trims and to readers: each is durable.
    pub(super) fn told_floors(&self) -> Vec<Told<'a>> {
        let operations = self.history.operations.iter();
        let told = operations.filter_map(|operation| {
            let (when, outcome) = operation.answered.as_ref()?;
            let floor = match outcome {
                Outcome::Trimmed { floor } => Some(*floor),
                _ => operation.told_trimmed(),
            };
            Some((operation, *when, floor?))
        });
        told.collect()
    }

    /// When the final log was read.
    fn end(&self) -> Moment {
        let answers = self.history.operations.iter();
        let answers = answers.filter_map(|operation| operation.answered.as_ref());
        let last = answers.map(|(when, _)| *when).max();
        last.unwrap_or(Moment { index: 0, ms: 0 })
    }

    /// The highest floor that can have been asked for by then.
    fn asked_floor(&self, by: Moment) -> u64 {
        let operations = self.history.operations.iter();
        let asked = operations.filter_map(|operation| match operation.call {
            Call::Trim { before } if operation.called < by && !operation.not_applied() => {
                Some(before)
            }
            _ => None,
        });
        asked.max().unwrap_or(0)
    }
}
