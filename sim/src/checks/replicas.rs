//! What a read-only server shows: a prefix of the log as it is at the end, and never less than before; nor what it said is trimmed.

use std::collections::BTreeMap;

use super::View;
use super::waking::SOON_MS;
use crate::history::{Call, Moment, Named, Operation, Outcome, ReplicaCall, ReplicaCount};

/// A page that a read-only server answered.
struct Page<'a> {
    operation: &'a Operation,
    call: ReplicaCall,
    answered: Moment,
    values: &'a [Named],
    next: u64,
    /// Below it nothing is shown, if the page says so.
    trimmed: u64,
    /// Whether there is nothing behind it: it has no records, and its time was not over.
    is_end: bool,
}

pub(super) fn replicas(view: &View<'_>) -> Vec<String> {
    let pages: Vec<Page<'_>> = view.history.operations.iter().filter_map(page).collect();
    let mut wrong = Vec::new();
    for page in &pages {
        let id = page.operation.id;
        let found = against_the_log(view, page).into_iter().chain(short(page));
        wrong.extend(found.map(|what| format!("#{id} got a page of a read-only server {what}")));
    }
    wrong.extend(backwards(&pages));
    wrong.extend(shown_again(&pages));
    wrong.extend(asleep(view, &pages));
    wrong.extend(miscounted(view));
    wrong
}

fn page(operation: &Operation) -> Option<Page<'_>> {
    let Call::Replica(call) = operation.call else {
        return None;
    };
    match operation.answered.as_ref()? {
        (
            answered,
            Outcome::Named {
                values,
                next,
                more,
                trimmed,
            },
        ) => Some(Page {
            operation,
            call,
            answered: *answered,
            values,
            next: *next,
            trimmed: trimmed.unwrap_or(0),
            is_end: values.is_empty() && !more,
        }),
        _ => None,
    }
}

/// Whether it is exactly what the final log has of its range. What is shown is durable, so nothing of it can be lost.
fn against_the_log(view: &View<'_>, page: &Page<'_>) -> Vec<String> {
    let range = page.call.start..page.next;
    // The rest was trimmed or deleted since, or before.
    let is_left = |key: &str, sequence: u64| sequence >= view.log.floor_of(key);
    let mut expected: Vec<(u64, &str, &str)> = view
        .log
        .records
        .iter()
        .flat_map(|(key, records)| {
            let records = records.iter();
            records.map(move |seen| (seen.sequence, key.as_str(), seen.value.as_str()))
        })
        .filter(|(sequence, key, _)| range.contains(sequence) && is_left(key, *sequence))
        .collect();
    expected.sort_unstable();
    let found = page.values.iter();
    let found = found.map(|named| {
        let seen = &named.seen;
        (seen.sequence, named.key.as_str(), seen.value.as_str())
    });
    let found = found.filter(|(sequence, key, _)| is_left(key, *sequence));
    let found: Vec<_> = found.collect();
    if found == expected {
        return Vec::new();
    }
    let sequences = |records: &[(u64, &str, &str)]| -> Vec<u64> {
        records.iter().map(|(sequence, ..)| *sequence).collect()
    };
    let missing = expected.iter().filter(|record| !found.contains(record));
    let missing: Vec<_> = missing.copied().collect();
    let other = found.iter().filter(|record| !expected.contains(record));
    let other: Vec<_> = other.copied().collect();
    vec![format!(
        "from {} to {} without {:?} of the final log, and with {:?}, which it does not have",
        range.start,
        range.end,
        sequences(&missing),
        sequences(&other)
    )]
}

/// Whether it ends before what it was required to show. A page that has no room or time for more may.
fn short(page: &Page<'_>) -> Option<String> {
    let at_least = page.call.at_least?;
    let is_short = page.is_end && page.next < at_least;
    is_short.then(|| format!("that ends at {}, and {at_least} was required", page.next))
}

/// Pages that end before what the same server had shown before they were asked for. Only a page at the end says where a server is.
fn backwards(pages: &[Page<'_>]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut by_node: BTreeMap<&str, Vec<&Page<'_>>> = BTreeMap::new();
    for page in pages {
        by_node.entry(&page.operation.node).or_default().push(page);
    }
    for pages in by_node.values() {
        for later in pages.iter().filter(|page| page.is_end) {
            let mut before = pages.iter();
            let further = before.find(|earlier| {
                earlier.answered < later.operation.called && earlier.next > later.next
            });
            if let Some(earlier) = further {
                wrong.push(format!(
                    "{} showed everything below {} to #{}, and ends at {} for #{}",
                    later.operation.node,
                    earlier.next,
                    earlier.operation.id,
                    later.next,
                    later.operation.id
                ));
            }
        }
    }
    wrong
}

/// Records below a floor that the same server had told before, or tells in the same page.
fn shown_again(pages: &[Page<'_>]) -> Vec<String> {
    let mut wrong = Vec::new();
    for later in pages {
        let Some(first) = later.values.first() else {
            continue;
        };
        let told = pages.iter().filter(|earlier| {
            earlier.operation.node == later.operation.node
                && (earlier.answered < later.operation.called
                    || earlier.operation.id == later.operation.id)
        });
        let Some(earlier) = told.max_by_key(|earlier| earlier.trimmed) else {
            continue;
        };
        if first.seen.sequence < earlier.trimmed {
            wrong.push(format!(
                "#{} got {} from {}, which had said in #{} that everything below {} is trimmed",
                later.operation.id,
                first.seen.sequence,
                later.operation.node,
                earlier.operation.id,
                earlier.trimmed
            ));
        }
    }
    wrong
}

/// Followers that got nothing, although the same server showed what they waited for well before they were answered.
fn asleep(view: &View<'_>, pages: &[Page<'_>]) -> Vec<String> {
    let mut wrong = Vec::new();
    for follower in pages {
        let waited = follower.call.follow_ms.is_some() && follower.is_end;
        if !waited || view.disturbed(follower.operation.called.ms, follower.answered.ms) {
            continue;
        }
        let is_meant = |named: &Named| {
            named.seen.sequence >= follower.call.start.max(view.log.floor_of(&named.key))
        };
        let shown = pages.iter().find(|other| {
            other.operation.node == follower.operation.node
                && other.answered.ms + SOON_MS < follower.answered.ms
                && other.values.iter().any(is_meant)
        });
        if let Some(shown) = shown {
            wrong.push(format!(
                "#{} followed {} from {} on and got nothing, and #{} got what it waited for before",
                follower.operation.id,
                follower.operation.node,
                follower.call.start,
                shown.operation.id
            ));
        }
    }
    wrong
}

/// Counts that are not those of the final log. Of a key that lost records, only what is left is known.
fn miscounted(view: &View<'_>) -> Vec<String> {
    let counts = view.history.operations.iter().filter_map(|operation| {
        let Call::ReplicaCount(ReplicaCount { key, below }) = &operation.call else {
            return None;
        };
        let Some(Outcome::Count { count, trimmed }) = operation.outcome() else {
            return None;
        };
        let floor = view.log.floor_of(key);
        let left = view.log.between(key, floor, *below).len() as u64;
        let is_right = match floor {
            0 => *count == left && trimmed.is_none(),
            _ => *count >= left,
        };
        (!is_right).then(|| {
            format!(
                "#{} counted {count} records of {key:?} below {below}, and the final log has {left}",
                operation.id
            )
        })
    });
    counts.collect()
}
