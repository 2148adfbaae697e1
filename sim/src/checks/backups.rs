//! Backups: what a restored log must have.

use serde::Serialize;

use super::durability::brief;
use super::{Facts, FinalLog, View, Violation};
use crate::history::{History, Moment};

/// A log that was restored from a backup.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Restored {
    /// When the backup began.
    pub began: Moment,
    /// What a server found in the restored log.
    pub log: FinalLog,
}

/// What is wrong with a restored log: it has everything that was durable when the backup began, and is the beginning of the log
/// that was backed up.
pub fn check_restored(
    history: &History,
    log: &FinalLog,
    facts: Facts,
    restored: &Restored,
) -> Vec<Violation> {
    let view = View::of(history, log, facts);
    let found = lost(&view, restored).into_iter();
    let found = found.chain(differences(log, &restored.log));
    let found = found.chain(floors(&view, restored));
    let violation = |message| Violation {
        checker: "backup",
        message,
    };
    found.map(violation).collect()
}

/// Records that were acknowledged as durable before the backup began, and are not restored.
fn lost(view: &View<'_>, Restored { began, log }: &Restored) -> Vec<String> {
    let durable = view.history.confirmed().filter(|(append, when, _)| {
        when < began && append.appends().is_some_and(|(_, durable)| durable)
    });
    let records = durable.flat_map(|(append, _, start)| {
        let (records, _) = append.appends().unwrap_or_default();
        (start..)
            .zip(records)
            .map(move |(sequence, sent)| (append.id, sequence, sent))
    });
    let kept = records.filter(|(_, sequence, sent)| *sequence >= log.floor_of(&sent.key));
    let lost = kept.filter(|(_, sequence, sent)| {
        let there = log.between(&sent.key, *sequence, sequence + 1).first();
        there.is_none_or(|seen| seen.value != sent.value)
    });
    lost.map(|(id, sequence, sent)| {
        format!(
            "#{id} acknowledged {} as {sequence} of {:?} before the backup began, and it is not restored",
            brief(&sent.value),
            sent.key
        )
    })
    .collect()
}

/// What is in a backup was durable, so it is in the final log; and nothing in between is left out.
fn differences(log: &FinalLog, restored: &FinalLog) -> Vec<String> {
    let sequences = restored
        .records
        .values()
        .flatten()
        .map(|seen| seen.sequence);
    let end = sequences.max().map_or(0, |last| last + 1);
    let mut wrong = Vec::new();
    for key in log.records.keys() {
        // What was trimmed or deleted since cannot be compared.
        let floor = log.floor_of(key);
        let (is, was) = (
            restored.between(key, floor, end),
            log.between(key, floor.max(restored.floor_of(key)), end),
        );
        if is != was {
            wrong.push(format!(
                "{key:?} was restored up to {end} as {is:?}, and the log has {was:?}"
            ));
        }
    }
    wrong
}

/// A floor is durable when it is told, and what is restored is not trimmed further than the log.
fn floors(view: &View<'_>, Restored { began, log }: &Restored) -> Vec<String> {
    let mut wrong = Vec::new();
    let told = view.told_floors().into_iter();
    let told: Vec<_> = told.filter(|(_, when, _)| when < began).collect();
    for (operation, _, floor) in &told {
        let Some(key) = operation.key() else { continue };
        let (restored, left) = (log.floor_of(key), view.log.floor_of(key));
        if !(*floor..=left).contains(&restored) {
            wrong.push(format!(
                "the floor of {key:?} in the restored log is {restored}, and in the log it was {floor} when the backup began, and is {left}"
            ));
        }
    }
    let told = told
        .iter()
        .filter(|(operation, ..)| view.is_of_log(operation));
    let told = told.map(|(_, _, floor)| *floor).max().unwrap_or(0);
    if !(told..=view.log.floor).contains(&log.floor) {
        wrong.push(format!(
            "the floor of the restored log is {}, and that of the log was {told} when the backup began, and is {}",
            log.floor, view.log.floor
        ));
    }
    wrong
}
