//! The auditor's questions, answered by the reference model.

use std::collections::BTreeSet;

use bytes::Bytes;
use log_domain::model::Model;
use log_domain::run::Entry;
use log_domain::{
    Batch, Deletion, Key, Limits, Page, PageLimit, Record, Scan, SealPolicy, Selection, Sequence,
    SequenceRange, Side, Trim, Visibility,
};

use super::{AUDITOR, View};
use crate::history::{
    Call, HeadersSeen, Named, Operation, Outcome, ScanCall, Seen, Selected, SeveralCall, as_sent,
};

pub(super) fn model(view: &View<'_>) -> Vec<String> {
    let (model, mut wrong) = match rebuilt(view) {
        Ok(model) => model,
        Err(why) => return vec![why],
    };
    for operation in &view.history.operations {
        if operation.client != AUDITOR {
            continue;
        }
        let expected = match &operation.call {
            Call::Scan(scan) => scanned(view, &model, scan, operation.outcome()),
            Call::Several(call) => several(view, &model, call, operation.outcome()),
            Call::Count { key, start, end } => SequenceRange::new((*start).into(), (*end).into())
                .map(|range| {
                    let counted = model.count(&parsed(key), range);
                    Outcome::Count {
                        count: counted.records,
                        trimmed: counted.trimmed_before.map(Sequence::get),
                    }
                }),
            Call::Keys {
                start_segment,
                end_segment,
                start_after,
                limit,
            } => Ok(listed(
                view,
                *start_segment..*end_segment,
                (start_after.as_deref(), *limit),
                operation,
            )),
            Call::Append { .. }
            | Call::Segments
            | Call::Trim { .. }
            | Call::Delete { .. }
            | Call::GetCursor { .. }
            | Call::Replica(_)
            | Call::ReplicaCount(_)
            | Call::PutCursor(_) => continue,
        };
        match (expected, operation.outcome()) {
            // An answer that did not come is not the model's to judge.
            (
                _,
                None
                | Some(Outcome::Refused { .. } | Outcome::NotSent | Outcome::Broken | Outcome::Late),
            ) => {}
            (Ok(expected), Some(told)) if expected == *told => {}
            (expected, told) => {
                let id = operation.id;
                wrong.push(format!(
                    "#{id} {:?} was told {told:?}, the model says {expected:?}",
                    operation.call
                ));
            }
        }
    }
    wrong
}

/// The final log as a model, and what cannot be put into one.
fn rebuilt(view: &View<'_>) -> Result<(Model, Vec<String>), String> {
    let mut records: Vec<(&str, &Seen)> = view
        .log
        .records
        .iter()
        .flat_map(|(key, values)| values.iter().map(move |seen| (key.as_str(), seen)))
        .collect();
    records.sort_by_key(|(_, seen)| seen.sequence);
    let mut model = Model::new(SealPolicy::default());
    let mut wrong = Vec::new();
    for (key, seen) in records {
        if seen.sequence < model.tip().get() {
            wrong.push(format!("{} is in the final log twice", seen.sequence));
            continue;
        }
        model.resume_at(Sequence::new(seen.sequence));
        let value = Bytes::from(seen.value.clone());
        let batch = Record::parse(Bytes::from(key.to_owned()), value, &Limits::default())
            .and_then(|record| Ok(record.with_headers(as_sent(&seen.headers)?)))
            .and_then(|record| Batch::new(vec![record], &Limits::default()))
            .and_then(|batch| model.append(&batch.into(), seen.timestamp_ms));
        batch.map_err(|error| format!("{seen:?} is no record: {error}"))?;
    }
    if view.log.tip != model.tip().get() {
        wrong.push(format!(
            "after a clean restart the log reaches to {}, and its last record ends at {}",
            view.log.tip,
            model.tip()
        ));
    }
    let floor = Trim::BeforeSequence(view.log.floor.into());
    if let Err(why) = model.trim(floor, 0) {
        wrong.push(format!("the floor is none: {why}"));
    }
    for (key, floor) in &view.log.key_floors {
        let deletion = Deletion {
            key: parsed(key),
            before: Some((*floor).into()),
        };
        if let Err(why) = model.delete(&deletion) {
            wrong.push(format!("the floor of {key:?} is none: {why}"));
        }
    }
    Ok((model, wrong))
}

fn parsed(key: &str) -> Key {
    Key::stored(Bytes::from(key.to_owned()))
}

fn scanned(
    view: &View<'_>,
    model: &Model,
    scan: &ScanCall,
    told: Option<&Outcome>,
) -> log_domain::Result<Outcome> {
    let selection = Selection::Key(parsed(&scan.key));
    let (mut end, mut limit) = (scan.end, scan.limit);
    let cut = cut_in_time(told);
    match cut {
        Some((records, _)) if scan.newest => limit = limit.min(records),
        Some((_, next)) => end = end.min(next),
        None => {}
    }
    let range = SequenceRange::new(scan.start.into(), end.into())?;
    let side = match scan.newest {
        true => Side::Newest,
        false => Side::Oldest,
    };
    let page = page(view, model, (selection, range, side), limit)?;
    let (next, trimmed) = (page.next.get(), page.trimmed_before.map(Sequence::get));
    let values = entries(&page)?.into_iter().map(|(_, seen)| seen).collect();
    let durable = match told {
        Some(Outcome::Page { durable, .. }) => *durable,
        _ => None,
    };
    Ok(Outcome::Page {
        values,
        next,
        trimmed,
        more: cut.is_some(),
        durable,
    })
}

fn several(
    view: &View<'_>,
    model: &Model,
    call: &SeveralCall,
    told: Option<&Outcome>,
) -> log_domain::Result<Outcome> {
    let selection = match &call.keys {
        Selected::Prefix(prefix) => Selection::Prefix(Bytes::from(prefix.clone())),
        Selected::Keys(keys) => Selection::keys(keys.iter().map(|key| parsed(key)).collect())?,
    };
    let cut = cut_in_time(told);
    let end = cut.map_or(call.end, |(_, next)| call.end.min(next));
    let range = SequenceRange::new(call.start.into(), end.into())?;
    let page = page(view, model, (selection, range, Side::Oldest), call.limit)?;
    let named = entries(&page)?.into_iter().map(|(key, seen)| Named {
        key: key.unwrap_or_default(),
        seen,
    });
    let mut trimmed = page.trimmed_before.map(Sequence::get);
    // The model has the floors of rules as those of keys, which are not told.
    if let (Some(_), Some(Outcome::Named { trimmed: said, .. })) = (view.facts.rule, told) {
        trimmed = trimmed.max(*said);
    }
    Ok(Outcome::Named {
        values: named.collect(),
        next: page.next.get(),
        trimmed,
        more: cut.is_some(),
    })
}

/// Number of records and end of a page whose time was over. It is the beginning of the page that there would be, or the end of a page of
/// the newest records.
fn cut_in_time(told: Option<&Outcome>) -> Option<(u64, u64)> {
    let (records, next) = match told? {
        Outcome::Page {
            values,
            next,
            more: true,
            ..
        } => (values.len(), next),
        Outcome::Named {
            values,
            next,
            more: true,
            ..
        } => (values.len(), next),
        _ => return None,
    };
    Some((records as u64, *next))
}

fn page(
    view: &View<'_>,
    model: &Model,
    (selection, range, side): (Selection, SequenceRange, Side),
    limit: u64,
) -> log_domain::Result<Page> {
    let asked = Scan {
        selection,
        range,
        start_time_ms: None,
        limit: PageLimit {
            records: limit.min(view.facts.page_records) as usize,
            bytes: view.facts.page_bytes as usize,
            time: None,
        },
        side,
        visibility: Visibility::Durable,
    };
    model.scan(&asked, model.tip())
}

/// The records of a page, and the keys that they name.
fn entries(page: &Page) -> log_domain::Result<Vec<(Option<String>, Seen)>> {
    let mut all = Vec::new();
    for run in &page.runs {
        for entry in run.entries() {
            let entry = entry?;
            let key = entry.key.as_ref().map(|key| text(key.as_bytes()));
            let seen = Seen {
                sequence: entry.sequence.get(),
                value: text(&entry.value),
                headers: headers(&entry)?,
                timestamp_ms: run.timestamp_ms(),
            };
            all.push((key, seen));
        }
    }
    Ok(all)
}

fn headers(entry: &Entry) -> log_domain::Result<HeadersSeen> {
    let headers = entry.headers.iter();
    headers
        .map(|header| header.map(|header| (header.name.to_owned(), text(header.value))))
        .collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The segments of a model are not those of a server, which places whole groups of appends; so the keys are those of
/// the records in the segments that the server has.
fn listed(
    view: &View<'_>,
    within: std::ops::Range<u32>,
    (after, limit): (Option<&str>, u64),
    operation: &Operation,
) -> Outcome {
    let segments = &view.log.segments;
    let inside = |seen: &Seen| {
        let number = segments.partition_point(|segment| segment.start <= seen.sequence);
        number > 0 && within.contains(&segments[number - 1].id)
    };
    let all: BTreeSet<&String> = view
        .log
        .records
        .iter()
        .filter(|(key, values)| {
            after.is_none_or(|after| key.as_str() > after) && values.iter().any(inside)
        })
        .map(|(key, _)| key)
        .collect();
    let limit = limit.min(view.facts.page_records) as usize;
    if let Some(Outcome::Keys {
        keys,
        next_start_after: Some(stopped_after),
    }) = operation.outcome()
        && keys.len() < limit
        && view.took_its_time(operation)
    {
        let before = all.into_iter().filter(|key| *key <= stopped_after);
        return Outcome::Keys {
            keys: before.cloned().collect(),
            next_start_after: Some(stopped_after.clone()),
        };
    }
    let keys: Vec<String> = all.iter().take(limit).map(|key| (*key).clone()).collect();
    let next_start_after = keys.last().filter(|_| all.len() > keys.len()).cloned();
    Outcome::Keys {
        keys,
        next_start_after,
    }
}
