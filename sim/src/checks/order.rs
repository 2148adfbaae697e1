//! Sequences: never used twice, in the order of time, in segments.

use std::collections::BTreeMap;

use super::View;
use super::durability::brief;
use crate::history::{Operation, Outcome, Seen, SegmentSeen, as_sent};

pub(super) fn reuse(view: &View<'_>) -> Vec<String> {
    let mut names: BTreeMap<u64, (&str, &str)> = BTreeMap::new();
    let mut wrong = Vec::new();
    let acknowledged = view.history.confirmed().flat_map(|(operation, _, start)| {
        let (records, _) = operation.appends().unwrap_or_default();
        (start..).zip(records).map(|(sequence, sent)| {
            let who = format!("the answer of #{}", operation.id);
            (who, sent.key.as_str(), sequence, sent.value.as_str())
        })
    });
    for (who, key, sequence, value) in acknowledged.chain(view.seen()) {
        let known = *names.entry(sequence).or_insert((key, value));
        if known != (key, value) {
            wrong.push(format!(
                "{sequence} names {} of {:?} and, for {who}, {} of {key:?}",
                brief(known.1),
                known.0,
                brief(value)
            ));
        }
    }
    wrong
}

pub(super) fn real_time(view: &View<'_>) -> Vec<String> {
    let mut groups: BTreeMap<Option<usize>, Vec<(&Operation, u64, u64)>> = BTreeMap::new();
    for (operation, when, start) in view.history.acknowledged() {
        let entry = (operation, when.index, start);
        if let Some(life) = view.history.life_of(operation) {
            groups.entry(Some(life.id)).or_default().push(entry);
        }
        if operation.appends().is_some_and(|(_, durable)| durable) {
            groups.entry(None).or_default().push(entry);
        }
    }
    let mut wrong = Vec::new();
    for mut group in groups.into_values() {
        let mut called = group.clone();
        called.sort_by_key(|(operation, ..)| operation.called.index);
        group.sort_by_key(|(_, answered, _)| *answered);
        let (mut before, mut highest) = (group.into_iter().peekable(), None::<(u64, usize)>);
        for (operation, _, start) in called {
            while let Some((earlier, _, start)) =
                before.next_if(|(_, answered, _)| *answered < operation.called.index)
            {
                highest = highest.max(Some((start, earlier.id)));
            }
            if let Some((other, id)) = highest
                && other >= start
            {
                wrong.push(format!(
                    "#{id} was acknowledged with {other} before #{} was sent, which got {start}",
                    operation.id
                ));
            }
        }
    }
    wrong
}

pub(super) fn segments(view: &View<'_>) -> Vec<String> {
    let mut wrong = segment_ids(view);
    let (segments, floor) = (&view.log.segments, view.log.floor);
    let first = segments.first().filter(|_| floor > 0);
    let first_id = first.map_or(1, |first| first.id);
    if let Some(second) = segments.get(1).filter(|second| second.start <= floor) {
        wrong.push(format!(
            "the segment before {second:?} is listed, and the floor is {floor}"
        ));
    }
    for (number, segment) in (first_id..).zip(segments) {
        if segment.id != number {
            wrong.push(format!("segment {number} has the id {}", segment.id));
        }
    }
    for pair in segments.windows(2) {
        if pair[0].start >= pair[1].start || pair[0].start_time_ms > pair[1].start_time_ms {
            wrong.push(format!("{:?} is before {:?}", pair[0], pair[1]));
        }
    }
    let sealed = view.facts.seal_bytes.is_some() || view.facts.seals_by_time;
    if !sealed && segments.len() > 1 {
        wrong.push(format!("{} segments, and none is ever due", segments.len()));
    }
    let mut records: Vec<_> = view
        .log
        .records
        .iter()
        .flat_map(|(key, values)| {
            values
                .iter()
                .map(move |seen| (seen, key.len() + content_bytes(seen)))
        })
        .collect();
    records.sort_by_key(|(seen, _)| seen.sequence);
    let mut bytes = vec![0u64; segments.len() + 1];
    let mut time = i64::MIN;
    for (seen, length) in records {
        let number = segments.partition_point(|segment| segment.start <= seen.sequence);
        bytes[number] += length as u64;
        let Some(segment) = number.checked_sub(1).and_then(|at| segments.get(at)) else {
            wrong.push(format!("{} lies before all segments", seen.sequence));
            continue;
        };
        if seen.timestamp_ms < segment.start_time_ms || seen.timestamp_ms < time {
            wrong.push(format!(
                "the time {} of {} is before {time} or that of its segment, {segment:?}",
                seen.timestamp_ms, seen.sequence
            ));
        }
        time = seen.timestamp_ms;
    }
    let deleted = view.log.key_floors.values().copied().max().unwrap_or(0);
    if let (Some(due), false) = (view.facts.seal_bytes, view.facts.seals_by_time) {
        for (segment, bytes) in segments.iter().zip(&bytes[1..]).rev().skip(1) {
            // What was trimmed or deleted of a segment counts, too.
            if *bytes < due && segment.start >= floor.max(deleted) {
                wrong.push(format!(
                    "{segment:?} was sealed at {bytes} bytes, due at {due}"
                ));
            }
        }
    }
    wrong
}

/// An id names one segment, over the whole history, and later segments have higher ids.
fn segment_ids(view: &View<'_>) -> Vec<String> {
    let told = view.history.operations.iter().filter_map(|operation| {
        let Some(Outcome::Segments(segments)) = operation.outcome() else {
            return None;
        };
        let life = view.history.life_of(operation)?;
        // The last segment of a server that crashed may be lost, and its id is then that of another one. What a durable append of
        // the same server lies behind is not lost.
        let durable = view.history.acknowledged().filter(|(append, ..)| {
            append.appends().is_some_and(|(_, durable)| durable)
                && view
                    .history
                    .life_of(append)
                    .is_some_and(|other| other.id == life.id)
        });
        let last = durable.map(|(_, _, start)| start).max()?;
        Some(segments.iter().filter(move |segment| segment.start <= last))
    });
    let mut known: BTreeMap<u64, &SegmentSeen> = BTreeMap::new();
    let mut wrong = Vec::new();
    for segment in told.flatten().chain(&view.log.segments) {
        let same = *known.entry(segment.start).or_insert(segment);
        if same != segment {
            wrong.push(format!("{same:?} was {segment:?} before or after"));
        }
    }
    let ascending = known.values().zip(known.values().skip(1));
    for (one, next) in ascending.filter(|(one, next)| one.id >= next.id) {
        wrong.push(format!("{next:?} has the id of {one:?}, or a lower one"));
    }
    wrong
}

/// Bytes of a record's value and headers, as they are stored.
fn content_bytes(seen: &Seen) -> usize {
    let headers = as_sent(&seen.headers).unwrap_or_default();
    seen.value.len() + headers.encoded().len()
}
