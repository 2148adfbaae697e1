//! What the engine holds after a test, compared with the model.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::log::Log;
use super::*;

/// Everything that the engine holds, compared with the model's answers for the same appends.
pub(super) fn compare(
    log: &Log,
    seal: SealPolicy,
    history: &[Applied],
) -> std::result::Result<(), TestCaseError> {
    // A group is one commit: its segment is chosen once. The model appends batch by batch, so it is told of the group.
    let mut model = Model::new(seal);
    let mut expected = Vec::new();
    for commit in &log.writes {
        if commit.records.is_empty() {
            // Only a trim of everything begins a segment without records.
            if let Some(begun) = commit.new_segment {
                model.resume_at(begun.start);
                let trimmed = model.trim(Trim::BeforeSequence(begun.start), i64::MAX);
                prop_assert_eq!(trimmed.ok(), Some(begun.start));
                prop_assert_eq!(commit.state.floor, begun.start);
            }
            continue;
        }
        let start = commit.records[0].sequence;
        let end = start.plus(commit.records.len() as u64);
        let within: Vec<_> = history
            .iter()
            .filter(|(_, appended, ..)| start <= appended.start && appended.start < end)
            .collect();
        let records = within
            .iter()
            .flat_map(|(command, ..)| log.commands[command].batch().records());
        let whole = Batch::new(records.cloned().collect(), &Limits::default());
        let whole = whole.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let time_ms = commit.state.last_time_ms;
        model.resume_at(start);
        let (appended, _) = model
            .append(&whole.clone().into(), time_ms)
            .expect("appended");
        prop_assert_eq!(appended.start, start);
        let mut sequence = start;
        for record in whole.records() {
            expected.push((sequence, record.key.clone(), record.value.clone(), time_ms));
            sequence = sequence.plus(1);
        }
        for (_, _, at_ms, _) in within {
            prop_assert_eq!(*at_ms, time_ms);
        }
    }
    let held: Vec<_> = log
        .records()
        .map(|r| (r.sequence, r.key.clone(), r.value.clone(), r.time_ms))
        .collect();
    prop_assert_eq!(held, expected);
    prop_assert_eq!(&log.all_segments()[..], model.all_segments());
    // What is removed is dead, and nothing else.
    let left = log.segments();
    let oldest = left.first().map_or(0, |segment| segment.id);
    let floor = log.writes.last().map_or(Sequence::ZERO, |w| w.state.floor);
    prop_assert!(left.is_empty() || oldest == 1 || left[0].start <= floor);
    prop_assert!(
        left.iter()
            .map(|segment| segment.id)
            .eq((oldest..).take(left.len()))
    );
    let dead = crate::segment::dead(&left, floor).len();
    let live = left.get(dead).map_or(0, |segment| segment.id);
    let listed: BTreeSet<(Key, SegmentId)> = log.directory().into_keys().collect();
    let held: BTreeSet<(Key, SegmentId)> =
        log.records().map(|r| (r.key.clone(), r.segment)).collect();
    prop_assert!(listed.is_subset(&held));
    let removed: Vec<_> = held.difference(&listed).collect();
    prop_assert!(
        removed
            .iter()
            .all(|(key, segment)| *segment < live || log.is_deleted(key, *segment)),
        "{removed:?}"
    );
    prop_assert!(listed.iter().all(|(_, segment)| *segment >= oldest));
    log.assert_listed_exactly(&listed, live);
    Ok(())
}
