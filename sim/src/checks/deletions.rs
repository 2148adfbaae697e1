//! Deletions of keys: that all is gone that was to be, and that a key without records is not listed. What readers see and are told of
//! the floors of keys is checked with those of trims.

use super::View;
use crate::history::{Call, Moment, Operation, Outcome};

pub(super) fn deleted(view: &View<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for operation in &view.history.operations {
        match (&operation.call, operation.outcome()) {
            (Call::Delete { key, before }, Some(Outcome::Deleted { floor })) => {
                let least = before.unwrap_or_else(|| known_end(view, operation, key));
                if *floor < least {
                    wrong.push(format!(
                        "#{} was to delete {key:?} before {least}, and the floor is {floor}",
                        operation.id
                    ));
                }
            }
            (Call::Keys { .. }, Some(Outcome::Keys { keys, .. })) => {
                let empty = keys.iter().filter_map(|key| {
                    let floor = known_floor(view, operation, key)?;
                    (!may_have_records(view, operation, key, floor)).then_some((key, floor))
                });
                wrong.extend(empty.map(|(key, floor)| {
                    format!(
                        "#{} listed {key:?}, which was deleted before {floor}, and has no record since",
                        operation.id
                    )
                }));
            }
            _ => {}
        }
    }
    wrong
}

/// The end of what the server of a deletion must know of its key.
fn known_end(view: &View<'_>, deletion: &Operation, key: &str) -> u64 {
    let Some(life) = view.history.life_of(deletion) else {
        return 0;
    };
    let known = view.known_to(life, deletion.called, false);
    let ends = known.filter_map(|(append, start)| {
        let (records, _) = append.appends()?;
        let of_key = (start..).zip(records).filter(|(_, sent)| sent.key == key);
        of_key.map(|(sequence, _)| sequence + 1).last()
    });
    ends.max().unwrap_or(0)
}

/// The highest floor of a key that the server of a listing must know of.
fn known_floor(view: &View<'_>, listing: &Operation, key: &str) -> Option<u64> {
    let life = view.history.life_of(listing)?;
    let floors = view.history.operations.iter().filter_map(|operation| {
        let (Call::Delete { key: of, .. }, Some((when, Outcome::Deleted { floor }))) =
            (&operation.call, &operation.answered)
        else {
            return None;
        };
        let own = || {
            let other = view.history.life_of(operation);
            *when < listing.called && other.is_some_and(|other| other.id == life.id)
        };
        (of == key && (*when < life.started || own())).then_some(*floor)
    });
    floors.max()
}

/// Whether a key can have had a record at or above `floor` when it was listed.
fn may_have_records(view: &View<'_>, listing: &Operation, key: &str, floor: u64) -> bool {
    let end = listing.answered.as_ref().map_or(
        Moment {
            index: u64::MAX,
            ms: u64::MAX,
        },
        |(when, _)| *when,
    );
    let mut appends = view.history.operations.iter().filter(|append| {
        append.called < end && !append.not_applied() && append.appends().is_some()
    });
    appends.any(|append| {
        let (records, _) = append.appends().unwrap_or_default();
        // Of one that was not acknowledged it is not known where it is.
        let start = append
            .acknowledged()
            .map_or(u64::MAX / 2, |(_, start)| start);
        let mut of_key = (start..).zip(records).filter(|(_, sent)| sent.key == key);
        of_key.any(|(sequence, _)| sequence >= floor)
    })
}
