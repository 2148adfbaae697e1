//! Trims and deletions: floors of the log and of keys, and what readers see and are told of them. That nothing else is missing is for the checkers of records: they
//! expect what lies at or above the floor of the final log.

use super::View;
use crate::history::{Call, Life, Moment, Operation, Outcome};

pub(super) fn trimmed(view: &View<'_>) -> Vec<String> {
    let told = view.told_floors();
    let mut wrong = Vec::new();
    for (operation, when, floor) in &told {
        let key = operation.key();
        let asked = view.asked_floor(*when, key);
        if *floor > asked
            && let Some(why) = view.retention_keeps(*floor, *when, key)
        {
            wrong.push(format!(
                "#{} was told the floor {floor}, and {asked} was asked for by then ({why})",
                operation.id
            ));
        }
        let left = key.map_or(view.log.floor, |key| view.log.floor_of(key));
        if *floor > left {
            wrong.push(format!(
                "#{} was told the floor {floor}, and that of the final log is {left}",
                operation.id
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
    let asked = view.asked_floor(end, None);
    if view.log.floor > asked
        && let Some(why) = view.retention_keeps(view.log.floor, end, None)
    {
        wrong.push(format!(
            "the floor of the final log is {}, and {asked} was asked for ({why})",
            view.log.floor
        ));
    }
    for (key, floor) in &view.log.key_floors {
        let asked = view.asked_floor(end, Some(key));
        if *floor > asked
            && let Some(why) = view.rule_keeps(*floor, end, key)
        {
            wrong.push(format!(
                "the floor of {key:?} in the final log is {floor}, and {asked} was asked for ({why})"
            ));
        }
    }
    wrong
}

/// A floor that an answer told, and when.
pub(super) type Told<'a> = (&'a Operation, Moment, u64);

/// What is wrong with a read of what had been trimmed.
fn read_below(view: &View<'_>, told: &[Told<'_>], operation: &Operation) -> Vec<String> {
    let values = match operation.outcome() {
        Some(Outcome::Page { values, .. }) => values.as_slice(),
        Some(Outcome::Count { .. }) => &[],
        _ => return Vec::new(),
    };
    let (start, end) = match &operation.call {
        Call::Scan(scan) => (view.read_from(operation, scan, values), scan.end),
        Call::Count { start, end, .. } => (*start, *end),
        _ => return Vec::new(),
    };
    let mut wrong = Vec::new();
    let known = view
        .history
        .life_of(operation)
        .map_or(0, |life| known_to(view, told, life, operation));
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

/// The highest floor that a life must know of when it reads a key: told by it before, or by anyone before it began, of the log or of
/// the key.
fn known_to(view: &View<'_>, told: &[Told<'_>], life: &Life, read: &Operation) -> u64 {
    let by = read.called;
    let of_key = |operation: &Operation| view.is_of_log(operation) || operation.key() == read.key();
    let known = told.iter().filter(|(operation, when, _)| {
        let own = || {
            let other = view.history.life_of(operation);
            *when < by && other.is_some_and(|other| other.id == life.id)
        };
        of_key(operation) && (*when < life.started || own())
    });
    known.map(|(_, _, floor)| *floor).max().unwrap_or(0)
}

impl<'a> View<'a> {
    /// The floors that answers told, to trims, deletions and readers: each is durable.
    pub(super) fn told_floors(&self) -> Vec<Told<'a>> {
        let operations = self.history.operations.iter();
        let told = operations.filter_map(|operation| {
            let (when, outcome) = operation.answered.as_ref()?;
            let floor = match outcome {
                Outcome::Trimmed { floor } | Outcome::Deleted { floor } => Some(*floor),
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

    /// The highest floor that can have been asked for by then: of the log, or of this key.
    fn asked_floor(&self, by: Moment, key: Option<&str>) -> u64 {
        let operations = self.history.operations.iter();
        let operations =
            operations.filter(|operation| operation.called < by && !operation.not_applied());
        let asked = operations.filter_map(|operation| match &operation.call {
            Call::Trim { before } => Some(*before),
            // Without a sequence it is the end of the log at that time.
            Call::Delete { key: of, before } if Some(of.as_str()) == key => {
                Some(before.unwrap_or(self.log.tip))
            }
            _ => None,
        });
        asked.max().unwrap_or(0)
    }

    /// Whether a floor that was told to this operation is certainly that of the log, and not that of a key.
    pub(super) fn is_of_log(&self, told: &Operation) -> bool {
        let deletes = |operation: &Operation| matches!(operation.call, Call::Delete { .. });
        let only_trims = || !self.history.operations.iter().any(deletes);
        matches!(told.call, Call::Trim { .. }) || self.facts.rule.is_none() && only_trims()
    }
}
