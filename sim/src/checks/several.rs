//! What a page of several keys must be, and when a follower of several keys is answered.

use super::View;
use super::durability::brief;
use super::waking::{SOON_MS, is_stopping};
use crate::history::{Call, Moment, Named, Operation, Outcome, Seen, SeveralCall};

/// What a record takes in an answer besides its value, at most, its key and headers included; and the largest value of a run.
const OVERHEAD: u64 = 144;
const LARGEST: u64 = 2_200;

/// A page that was answered.
struct Page<'a> {
    operation: &'a Operation,
    call: &'a SeveralCall,
    values: &'a [Named],
    next: u64,
    trimmed: Option<u64>,
    answered: Moment,
}

pub(super) fn several(view: &View<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    for page in pages(view) {
        let found = in_itself(view, &page)
            .into_iter()
            .chain(against_the_log(view, &page))
            .chain(against_appends(view, &page))
            .chain(asleep(view, &page));
        let id = page.operation.id;
        wrong.extend(found.map(|what| format!("#{id} got a page of several keys {what}")));
    }
    wrong
}

fn pages<'a>(view: &View<'a>) -> impl Iterator<Item = Page<'a>> {
    view.history.operations.iter().filter_map(|operation| {
        let Call::Several(call) = &operation.call else {
            return None;
        };
        match operation.answered.as_ref()? {
            (
                answered,
                Outcome::Named {
                    values,
                    next,
                    trimmed,
                    more: _,
                },
            ) => Some(Page {
                operation,
                call,
                values,
                next: *next,
                trimmed: *trimmed,
                answered: *answered,
            }),
            _ => None,
        }
    })
}

impl<'a> View<'a> {
    /// Every record that readers of several keys saw: the client, the key, the sequence and the value.
    pub(super) fn seen_named(&self) -> impl Iterator<Item = (String, &'a str, u64, &'a str)> {
        pages(self).flat_map(|page| {
            page.values.iter().map(move |named| {
                let who = format!("#{}", page.operation.id);
                let seen = &named.seen;
                (who, named.key.as_str(), seen.sequence, seen.value.as_str())
            })
        })
    }
}

/// Order, range, limits, and keys that were not asked for.
fn in_itself(view: &View<'_>, page: &Page<'_>) -> Vec<String> {
    let Page {
        call, values, next, ..
    } = page;
    let mut wrong = Vec::new();
    let most = call.limit.min(view.facts.page_records);
    if values.len() as u64 > most {
        wrong.push(format!("of {} records, over {most}", values.len()));
    }
    let bytes: u64 = values
        .iter()
        .map(|named| named.seen.value.len() as u64)
        .sum();
    if values.len() > 1 && bytes > view.facts.page_bytes {
        wrong.push(format!("of {bytes} bytes, over {}", view.facts.page_bytes));
    }
    let mut expected = call.start;
    for Named { key, seen } in *values {
        let sequence = seen.sequence;
        if sequence < expected || sequence >= call.end {
            wrong.push(format!("with {sequence} where {expected} or more comes"));
        }
        if !call.keys.has(key) {
            wrong.push(format!(
                "with {sequence} of {key:?}, which was not asked for"
            ));
        }
        if page.trimmed.is_some_and(|floor| sequence < floor) {
            wrong.push(format!("with {sequence}, and {:?} was told", page.trimmed));
        }
        expected = sequence + 1;
    }
    if *next < expected || *next > call.end.max(call.start) {
        wrong.push(format!("with nextSequence {next}, after {expected}"));
    }
    if page.operation.told_more() && !view.took_its_time(page.operation) {
        wrong.push("that ended because of its time, which was not over".to_owned());
    }
    wrong
}

/// Whether it has all of the final log up to where it goes on, each record under its key.
fn against_the_log(view: &View<'_>, page: &Page<'_>) -> Vec<String> {
    let mut wrong = Vec::new();
    let find = |last: &Seen| {
        let sequence = last.sequence;
        let at = page
            .values
            .binary_search_by_key(&sequence, |named| named.seen.sequence);
        at.ok().map(|at| &page.values[at])
    };
    let keys = view
        .log
        .records
        .keys()
        .filter(|key| page.call.keys.has(key));
    for key in keys {
        for last in view.log.between(key, page.call.start, page.next) {
            let (sequence, value) = (last.sequence, brief(&last.value));
            match find(last) {
                None => wrong.push(format!("without {sequence} of {key:?} ({value})")),
                Some(named) if named.key != *key || named.seen != *last => {
                    wrong.push(format!(
                        "with something else as {sequence} of {key:?} ({value})"
                    ));
                }
                Some(_) => {}
            }
        }
    }
    if page.call.durable {
        for Named { key, seen } in page.values {
            let sequence = seen.sequence;
            let is_left = view
                .log
                .of(key)
                .iter()
                .any(|last| last.sequence == sequence);
            if !is_left && sequence >= view.log.floor_of(key) {
                let value = brief(&seen.value);
                wrong.push(format!(
                    "of durable records, with the lost {sequence} of {key:?} ({value})"
                ));
            }
        }
    }
    wrong
}

/// Whether it has what had been acknowledged before it was asked for.
fn against_appends(view: &View<'_>, page: &Page<'_>) -> Vec<String> {
    let Page {
        operation,
        call,
        values,
        next,
        ..
    } = page;
    let Some(life) = view.history.life_of(operation) else {
        return Vec::new();
    };
    let mut wrong = Vec::new();
    let bytes: u64 = values
        .iter()
        .map(|named| named.seen.value.len() as u64 + OVERHEAD)
        .sum();
    let full = values.len() as u64 >= call.limit.min(view.facts.page_records)
        || !values.is_empty() && bytes + OVERHEAD + LARGEST > view.facts.page_bytes;
    let cut = full || operation.told_more();
    for (append, start) in view.known_to(life, operation.called, call.durable) {
        let (records, _) = append.appends().unwrap_or_default();
        let end = start + records.len() as u64;
        let told =
            |what: String| format!("{what}, which #{} had been acknowledged with", append.id);
        if !cut && *next < end.min(call.end) {
            wrong.push(told(format!("up to {next}, not to {end}")));
        }
        let missing = (start..).zip(records).find(|(sequence, sent)| {
            call.keys.has(&sent.key)
                // That a single key was deleted is not told.
                && *sequence >= view.log.floor_of(&sent.key).max(page.trimmed.unwrap_or(0))
                && (call.start..*next).contains(sequence)
                && !values.iter().any(|named| named.seen.sequence == *sequence)
        });
        if let Some((sequence, sent)) = missing {
            wrong.push(told(format!("without {sequence} of {:?}", sent.key)));
        }
    }
    wrong
}

/// Whether it was answered too early, with nothing, or too late.
fn asleep(view: &View<'_>, page: &Page<'_>) -> Option<String> {
    let (operation, call) = (page.operation, page.call);
    let wait = call.follow_ms?;
    let life = view.history.life_of(operation)?;
    let (called, answered) = (operation.called.ms, page.answered.ms);
    if page.values.is_empty() && answered - called < wait && !is_stopping(life, operation) {
        return Some(format!("without a record, before {wait} ms were over"));
    }
    if view.disturbed(called, answered) {
        return None;
    }
    let late = view.history.acknowledged().find(|(append, when, start)| {
        let (records, durable) = append.appends().unwrap_or_default();
        let meant = (*start..).zip(records).any(|(sequence, sent)| {
            call.keys.has(&sent.key)
                && sequence >= view.log.floor_of(&sent.key)
                && (call.start..call.end).contains(&sequence)
        });
        let same = || {
            let other = view.history.life_of(append);
            other.is_some_and(|other| other.id == life.id)
        };
        meant && (durable || !call.durable) && when.ms.max(called) + SOON_MS < answered && same()
    });
    let (append, when, _) = late?;
    Some(format!(
        "at {answered} ms, and what it waited for was acknowledged at {} ms (#{})",
        when.ms, append.id
    ))
}
