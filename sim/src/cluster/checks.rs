//! What must be true of every run of a cluster.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use log_domain::Key;
use log_domain::cluster::{Partition, Partitions};

use super::plan::ClusterPlan;
use super::record::{Call, Final, History, Operation, Outcome};

mod sessions;
mod stored;

/// A node that was killed is replaced within this time, if nothing else is wrong: `cluster.dead_after`, one heartbeat, and the opening.
const REPLACED_MS: u64 = 14_000;

/// A page that takes so long may end with what it has: half of `timeouts.read`.
const PAGE_MS: u64 = 5_000;

/// The records that clients ask for.
pub(super) const PAGE_RECORDS: usize = 1_000;

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which checker found it.
    pub checker: &'static str,
    /// What it is.
    pub message: String,
}

/// What checkers need to know of a plan.
pub(super) struct Facts {
    partitions: Partitions,
}

impl Facts {
    pub(super) fn of(plan: &ClusterPlan) -> Result<Self, String> {
        let partitions = Partitions::new(plan.size.partitions);
        Ok(Self {
            partitions: partitions.map_err(|error| error.to_string())?,
        })
    }

    pub(super) fn partitions(&self) -> Partitions {
        self.partitions
    }

    fn partition(&self, key: &str) -> Partition {
        self.partitions
            .of_key(&Key::stored(Bytes::copy_from_slice(key.as_bytes())))
    }
}

/// Everything that is wrong.
pub(super) fn check(
    history: &History,
    found: &Final,
    unordered: &Final,
    facts: &Facts,
) -> Vec<Violation> {
    let checkers = [
        ("durable", durable(history, found)),
        ("once", once(history, found)),
        ("refused", refused(history, found)),
        ("reuse", reuse(history, found, facts)),
        ("order", order(history, facts)),
        ("visible", visible(history)),
        ("pages", pages(history)),
        ("replaced", replaced(history)),
        ("settled", settled(history, facts)),
        ("unordered", read_once(found, unordered)),
        ("session", sessions::in_order(history)),
        ("compactor", stored::compactors(history)),
        ("backlog", stored::backlogs(history)),
    ];
    let violations = checkers.into_iter().flat_map(|(checker, messages)| {
        messages
            .into_iter()
            .map(move |message| Violation { checker, message })
    });
    violations.collect()
}

/// The appends: operations with their keys and values.
fn appends(history: &History) -> impl Iterator<Item = (&Operation, &str, &[String])> {
    history
        .operations
        .iter()
        .filter_map(|operation| match &operation.call {
            Call::Append { key, values, .. } => Some((operation, key.as_str(), values.as_slice())),
            Call::Read { .. } => None,
        })
}

fn told(operation: &Operation) -> String {
    format!(
        "{} at {}, {} to {} ms: {:?}: {:?}",
        operation.client,
        operation.node,
        operation.called.1,
        operation.returned.1,
        operation.call,
        operation.outcome
    )
}

/// Every append that was acknowledged as durable is there: whole, where it was said to be.
fn durable(history: &History, found: &Final) -> Vec<String> {
    let records = found.iter().map(|(key, records)| {
        let records: HashMap<u64, &str> = records
            .iter()
            .map(|(sequence, value)| (*sequence, value.as_str()))
            .collect();
        (key.as_str(), records)
    });
    let records: HashMap<&str, HashMap<u64, &str>> = records.collect();
    let lost = appends(history).filter(|(operation, key, values)| {
        let Outcome::Appended(start) = operation.outcome else {
            return false;
        };
        let is_durable = matches!(operation.call, Call::Append { durable: true, .. });
        let is_there = |(place, value): (usize, &String)| {
            let of_key = records.get(key);
            of_key.and_then(|records| records.get(&(start + place as u64))) == Some(&value.as_str())
        };
        is_durable && !values.iter().enumerate().all(is_there)
    });
    lost.map(|(operation, ..)| format!("lost: {}", told(operation)))
        .collect()
}

/// Nothing is there twice: a request is applied once, however often it is sent on; one of a producer however often it is sent.
fn once(history: &History, found: &Final) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let values = found.values().flatten().map(|(_, value)| value);
    let twice = values.filter(|value| !seen.insert(value.as_str()));
    let mut wrong: Vec<String> = twice
        .map(|value| format!("{value} is there twice"))
        .collect();
    let missing = appends(history).filter(|(operation, _, values)| {
        let is_once = matches!(operation.call, Call::Append { once: true, .. });
        is_once && values.iter().any(|value| !seen.contains(value.as_str()))
    });
    wrong.extend(missing.map(|(operation, ..)| format!("missing: {}", told(operation))));
    wrong
}

/// Nothing that was refused is there, or was read.
fn refused(history: &History, found: &Final) -> Vec<String> {
    let refused =
        appends(history).filter(|(operation, ..)| matches!(operation.outcome, Outcome::Refused(_)));
    let refused: HashMap<&str, &Operation> = refused
        .flat_map(|(operation, _, values)| values.iter().map(move |v| (v.as_str(), operation)))
        .collect();
    let read = history
        .operations
        .iter()
        .filter_map(|operation| match &operation.outcome {
            Outcome::Page(records, _) => Some(records),
            _ => None,
        });
    let seen = found.values().chain(read).flatten();
    let wrong: BTreeSet<String> = seen
        .filter_map(|(_, value)| refused.get(value.as_str()))
        .map(|operation| format!("there all the same: {}", told(operation)))
        .collect();
    wrong.into_iter().collect()
}

/// No sequence of a partition names two records, over the whole history.
fn reuse(history: &History, found: &Final, facts: &Facts) -> Vec<String> {
    let mut names: BTreeMap<(Partition, u64), &str> = BTreeMap::new();
    let mut wrong = Vec::new();
    let acknowledged = appends(history).filter_map(|(operation, key, values)| {
        let Outcome::Appended(start) = operation.outcome else {
            return None;
        };
        Some(
            values
                .iter()
                .enumerate()
                .map(move |(place, value)| (key, start + place as u64, value)),
        )
    });
    let read = history.operations.iter().filter_map(|operation| {
        match (&operation.call, &operation.outcome) {
            (Call::Read { key, .. }, Outcome::Page(records, _)) => Some((key, records)),
            _ => None,
        }
    });
    let read = read.chain(found.iter()).flat_map(|(key, records)| {
        records
            .iter()
            .map(move |(sequence, value)| (key.as_str(), *sequence, value))
    });
    for (key, sequence, value) in acknowledged.flatten().chain(read) {
        let place = (facts.partition(key), sequence);
        let known = names.entry(place).or_insert(value.as_str());
        if *known != value.as_str() {
            wrong.push(format!(
                "sequence {sequence} of partition {} names {known} and {value}",
                place.0
            ));
        }
    }
    wrong
}

/// What is appended to a partition after another append to it was acknowledged has higher sequences.
fn order(history: &History, facts: &Facts) -> Vec<String> {
    let mut of_partitions: BTreeMap<Partition, Vec<(&Operation, u64)>> = BTreeMap::new();
    for (operation, key, _) in appends(history) {
        if let Outcome::Appended(start) = operation.outcome
            && !matches!(operation.call, Call::Append { once: true, .. })
        {
            of_partitions
                .entry(facts.partition(key))
                .or_default()
                .push((operation, start));
        }
    }
    let mut wrong = Vec::new();
    for mut acknowledged in of_partitions.into_values() {
        acknowledged.sort_by_key(|(operation, _)| operation.called.0);
        let mut returned: Vec<(u64, u64, &Operation)> = acknowledged
            .iter()
            .map(|(operation, start)| (operation.returned.0, *start, *operation))
            .collect();
        returned.sort_by_key(|(at, ..)| *at);
        let mut before = returned.into_iter().peekable();
        let mut highest: Option<(u64, &Operation)> = None;
        for (operation, start) in acknowledged {
            while let Some((_, start, earlier)) =
                before.next_if(|(at, ..)| *at < operation.called.0)
            {
                if highest.is_none_or(|(highest, _)| highest < start) {
                    highest = Some((start, earlier));
                }
            }
            if let Some((highest, earlier)) = highest
                && highest >= start
            {
                wrong.push(format!("{} before {}", told(earlier), told(operation)));
            }
        }
    }
    wrong
}

/// A reader sees what was acknowledged as durable before it asked.
fn visible(history: &History) -> Vec<String> {
    let mut wrong = Vec::new();
    for operation in &history.operations {
        let (Call::Read { key, from, .. }, Outcome::Page(records, next)) =
            (&operation.call, &operation.outcome)
        else {
            continue;
        };
        let seen: BTreeSet<u64> = records.iter().map(|(sequence, _)| *sequence).collect();
        let earlier = appends(history).filter(|(earlier, of_key, _)| {
            let is_durable = matches!(earlier.call, Call::Append { durable: true, .. });
            of_key == key && is_durable && earlier.returned.0 < operation.called.0
        });
        for (earlier, _, values) in earlier {
            let Outcome::Appended(start) = earlier.outcome else {
                continue;
            };
            let sequences = start..start + values.len() as u64;
            let is_full = records.len() >= PAGE_RECORDS;
            let may_be_short = is_full || operation.returned.1 - operation.called.1 >= PAGE_MS;
            for sequence in sequences.filter(|sequence| sequence >= from) {
                let is_beyond = sequence >= *next;
                if is_beyond && !may_be_short || !is_beyond && !seen.contains(&sequence) {
                    wrong.push(format!("{} not seen by {}", told(earlier), told(operation)));
                    break;
                }
            }
        }
    }
    wrong
}

/// A page is in order and within its range.
fn pages(history: &History) -> Vec<String> {
    let wrong =
        history
            .operations
            .iter()
            .filter(|operation| match (&operation.call, &operation.outcome) {
                (Call::Read { from, .. }, Outcome::Page(records, next)) => {
                    let in_order = records.windows(2).all(|two| two[0].0 < two[1].0);
                    let within = records
                        .iter()
                        .all(|(sequence, _)| sequence >= from && sequence < next);
                    !in_order || !within || next < from
                }
                _ => false,
            });
    wrong
        .map(|operation| format!("not a page: {}", told(operation)))
        .collect()
}

/// When nothing happens, each partition is served by one node, and stays there; and no node has more than its share.
fn settled(history: &History, facts: &Facts) -> Vec<String> {
    let number = facts.partitions.number() as usize;
    let mut wrong = Vec::new();
    let mut places: BTreeMap<u32, &str> = BTreeMap::new();
    for served in &history.settled {
        let share = (5 * number).div_ceil(4 * served.len().max(1));
        for (node, partitions) in served {
            if partitions.len() > share {
                wrong.push(format!("{node} serves {partitions:?}, of {share} at most"));
            }
        }
        let of_nodes = served.iter();
        let all: Vec<(u32, &str)> = of_nodes
            .flat_map(|(node, partitions)| partitions.iter().map(|partition| (*partition, *node)))
            .collect();
        if all.len() != number {
            wrong.push(format!(
                "{} of {number} partitions are served: {served:?}",
                all.len()
            ));
        }
        for (partition, node) in all {
            let before = *places.entry(partition).or_insert(node);
            if before != node {
                wrong.push(format!(
                    "partition {partition} is served by {before} and by {node}, and nothing happened"
                ));
            }
        }
    }
    wrong
}

/// When a node was killed, and nothing else happens, every partition is served again soon: no request that begins later fails.
fn replaced(history: &History) -> Vec<String> {
    let mut wrong = Vec::new();
    for (place, killed) in history
        .happened
        .iter()
        .enumerate()
        .filter(|(_, h)| h.killed)
    {
        let quiet_from = killed.at_ms.saturating_sub(REPLACED_MS);
        let before = history.happened[..place]
            .iter()
            .any(|other| other.at_ms > quiet_from);
        let next = history
            .happened
            .get(place + 1)
            .map_or(u64::MAX, |next| next.at_ms);
        if before || next <= killed.at_ms + REPLACED_MS {
            continue;
        }
        let after = killed.at_ms + REPLACED_MS..next;
        let failed = history.operations.iter().filter(|operation| {
            let in_time = after.contains(&operation.called.1) && operation.returned.1 < next;
            let is_down = killed.what.starts_with(operation.node);
            let failed = matches!(operation.outcome, Outcome::Refused(_) | Outcome::Unknown(_));
            in_time && failed && !is_down
        });
        wrong.extend(
            failed.map(|operation| format!("{}, and then {}", killed.what, told(operation))),
        );
    }
    wrong
}

/// The reader of all partitions has read what there is: each record once, and those of a key in their order.
fn read_once(found: &Final, unordered: &Final) -> Vec<String> {
    let none = Vec::new();
    let keys: BTreeSet<&String> = found.keys().chain(unordered.keys()).collect();
    let wrong = keys.into_iter().filter_map(|key| {
        let (there, read) = (
            found.get(key).unwrap_or(&none),
            unordered.get(key).unwrap_or(&none),
        );
        let same = there
            .iter()
            .zip(read)
            .take_while(|(one, other)| one == other);
        let at = same.count();
        (there != read).then(|| {
            let (there, read) = (there.get(at), read.get(at));
            format!(
                "{key}: record {at} is {there:?}, and the reader of all partitions read {read:?}"
            )
        })
    });
    wrong.collect()
}
