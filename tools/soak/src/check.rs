//! The end: the whole log is read, and compared with what clients were told.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::stream::{self, StreamExt, TryStreamExt};

use crate::batch::{self, BatchId, Batches};
use crate::client::{Client, Outcome};
use crate::history::{Attempt, Ended, History};
use crate::server::Current;

const KEYS: usize = 1_000;
const RECORDS: u64 = 1_000;
/// Keys that are read at the same time.
const READERS: usize = 16;

/// What the log holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checked {
    pub(crate) keys: usize,
    pub(crate) records: usize,
    /// Batches that were acknowledged as applied, and that the end of their server took back, as it may.
    pub(crate) applied_and_lost: usize,
}

/// The records of a batch that the log holds: sequence, index, key and value.
type Found = Vec<(u64, u32, String, Vec<u8>)>;

/// Reads everything from `server` and reports violations to `history`.
pub(crate) async fn check(
    server: &Current,
    history: &History,
    batches: Batches,
) -> Result<Checked, String> {
    let client = &server.client;
    let mut found: HashMap<BatchId, Found> = HashMap::new();
    let mut origins: HashMap<u64, (BatchId, u32)> = HashMap::new();
    let mut keys = 0;
    let mut after: Option<String> = None;
    loop {
        let page = client
            .keys(after.as_deref(), KEYS)
            .await
            .ok_or("no page of keys")?;
        let read = page.iter().map(|key| async move {
            let records = whole_key(client, key, history).await?;
            Ok::<_, String>((key, records))
        });
        let mut read = stream::iter(read).buffered(READERS);
        while let Some((key, records)) = read.try_next().await? {
            keys += 1;
            for (sequence, value) in records {
                let Some((id, index)) = batch::origin(&value) else {
                    history.violation(format!("nobody appended what {key} holds at {sequence}"));
                    continue;
                };
                if origins.insert(sequence, (id, index)).is_some() {
                    history.violation(format!("sequence {sequence} is there twice"));
                }
                found
                    .entry(id)
                    .or_default()
                    .push((sequence, index, key.clone(), value));
            }
        }
        if page.is_empty() {
            break;
        }
        drop(read);
        after = page.into_iter().next_back();
    }

    let attempts = history.attempts();
    for id in found.keys().filter(|id| !attempts.contains_key(id)) {
        history.violation(format!("nobody appended {id:?}"));
    }
    let mut lost = Vec::new();
    let mut kept: BTreeMap<u32, u64> = BTreeMap::new();
    for (id, attempt) in &attempts {
        match found.remove(id) {
            None => {
                check_absence(*id, attempt, history);
                if let Outcome::Acknowledged(start) = attempt.outcome {
                    lost.push((attempt.server, start));
                }
            }
            Some(mut records) => {
                records.sort_unstable_by_key(|record| record.0);
                check_presence(*id, attempt, &records, batches, history);
                let last = kept.entry(attempt.server).or_default();
                *last = (*last).max(records[0].0);
            }
        }
    }
    // Reads are prefix-consistent, so a crash loses only the end of what its server applied.
    for (server, start) in &lost {
        if let Some(last) = kept.get(server).filter(|last| *last > start) {
            history.violation(format!(
                "server {server} kept the batch at {last} and lost the earlier one at {start}"
            ));
        }
    }
    check_readers(history, &origins);
    Ok(Checked {
        keys,
        records: origins.len(),
        applied_and_lost: lost.len(),
    })
}

/// All records of a key, in the order in which they are read; `count` must agree.
async fn whole_key(
    client: &Client,
    key: &str,
    history: &History,
) -> Result<Vec<(u64, Vec<u8>)>, String> {
    let mut all = Vec::new();
    let mut start = 0;
    loop {
        let options = format!("&limit={RECORDS}");
        let page = client.scan(key, start, &options).await;
        let (values, next) = page.ok_or_else(|| format!("no page of {key}"))?;
        if values.is_empty() {
            break;
        }
        all.extend(values);
        start = next;
    }
    if !all.is_sorted_by(|a, b| a.0 < b.0) {
        history.violation(format!("{key} is not in order"));
    }
    let count = client.count(key).await;
    if count != Some(all.len() as u64) {
        history.violation(format!(
            "{key} has {} records, and its count is {count:?}",
            all.len()
        ));
    }
    Ok(all)
}

fn check_absence(id: BatchId, attempt: &Attempt, history: &History) {
    let promised = match attempt.outcome {
        Outcome::Acknowledged(_) => {
            attempt.durable || history.how_ended(attempt.server) == Ended::Gracefully
        }
        Outcome::Refused | Outcome::Unknown => false,
    };
    if promised {
        history.violation(format!("{id:?} was acknowledged and is lost: {attempt:?}"));
    }
}

fn check_presence(
    id: BatchId,
    attempt: &Attempt,
    records: &Found,
    batches: Batches,
    history: &History,
) {
    let expected = batches.of(id);
    let first = records[0].0;
    let whole = records.len() == expected.len()
        && records
            .iter()
            .zip(&expected)
            .zip(0..)
            .all(|((record, expected), index)| {
                let (sequence, found, key, value) = record;
                *sequence == first + u64::from(index)
                    && *found == index
                    && *key == batch::key(expected.0)
                    && *value == expected.1
            });
    if !whole {
        history.violation(format!(
            "{id:?} is not whole and in order: it is at {:?}",
            sequences(records)
        ));
    }
    match attempt.outcome {
        Outcome::Acknowledged(start) if start != first => history.violation(format!(
            "{id:?} was acknowledged at {start} and is at {first}"
        )),
        Outcome::Refused => history.violation(format!("{id:?} was refused and is there")),
        Outcome::Acknowledged(_) | Outcome::Unknown => {}
    }
}

fn sequences(records: &Found) -> Vec<u64> {
    records.iter().map(|record| record.0).collect()
}

/// What readers were shown is what the log holds; what they were shown as durable, it holds.
fn check_readers(history: &History, origins: &HashMap<u64, (BatchId, u32)>) {
    for (sequence, origin) in history.seen() {
        if origins.get(&sequence).is_some_and(|held| *held != origin) {
            history.violation(format!(
                "sequence {sequence} was read as {origin:?} and is another record"
            ));
        }
    }
    let durable: HashSet<u64> = history.seen_durable().into_iter().collect();
    for sequence in durable
        .iter()
        .filter(|sequence| !origins.contains_key(sequence))
    {
        history.violation(format!(
            "sequence {sequence} was read as durable and is lost"
        ));
    }
}
