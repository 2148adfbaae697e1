//! The load of many mailboxes: appends over many keys at a fixed rate, and as many polls of keys that have nothing new.
//!
//! Each of 20,000 keys gets a record of 1,000 random bytes once in 20 appends, so an append has 1,000 records of as many keys. That is
//! hard on a log that stores one row for each key and append.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use opendata_log::{AppendOptions, LogClient, Record};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::arguments::Arguments;
use crate::measured::{Measured, Problem};
use crate::pace::Pace;

/// How large the load is.
#[derive(Debug, Clone, Copy)]
struct Size {
    keys: u64,
    /// Records in one append, each of another key. Divides the keys.
    records: usize,
    value_bytes: usize,
}

const SIZE: Size = Size {
    keys: 20_000,
    records: 1_000,
    value_bytes: 1_000,
};

/// An append is due each time, and a poll: 20 of each in a second.
const BETWEEN: Duration = Duration::from_millis(50);

/// Requests of one kind that are on their way at once, at most. Those that are due meanwhile count as late from when they were due.
const AT_ONCE: u32 = 8;

/// Runs are repeated with the same keys and values.
const SEED: u64 = 1;

/// What the appends and the polls measured, in this order. Both are sent at fixed times, from now on.
///
/// # Errors
/// When no HTTP client can be made.
pub(crate) async fn run(
    arguments: &Arguments,
    client: &LogClient,
) -> Result<[Measured; 2], Problem> {
    let started = Instant::now();
    let until = started + arguments.duration();
    let http = reqwest::Client::builder().no_proxy().build()?;
    let orders: Arc<[Vec<Bytes>]> = appends(SIZE).into();
    let next_sequence = Arc::new(AtomicU64::new(0));
    let (mut appending, mut polling) = (JoinSet::new(), JoinSet::new());
    let turn = |task| Pace::open((started, until), BETWEEN, (task, AT_ONCE));
    for task in 0..AT_ONCE {
        let sender = Appender {
            client: client.clone(),
            orders: Arc::clone(&orders),
            durable: arguments.durable,
            next_sequence: Arc::clone(&next_sequence),
        };
        appending.spawn(sender.run(turn(task), task));
        let poller = Poller {
            http: http.clone(),
            url: format!("{}/api/v1/log/scan", arguments.url),
            next_sequence: Arc::clone(&next_sequence),
        };
        polling.spawn(poller.run(turn(task), task));
    }
    Ok([
        Measured::of_all(appending).await,
        Measured::of_all(polling).await,
    ])
}

/// The keys of each append, until they begin again: all keys, in an order that is drawn once.
fn appends(size: Size) -> Vec<Vec<Bytes>> {
    let mut keys: Vec<Bytes> = (0..size.keys).map(name).map(Bytes::from).collect();
    keys.shuffle(&mut StdRng::seed_from_u64(SEED));
    keys.chunks(size.records).map(<[Bytes]>::to_vec).collect()
}

/// Plain in a URL.
fn name(key: u64) -> String {
    format!("mailbox-{key:05}")
}

struct Appender {
    client: LogClient,
    orders: Arc<[Vec<Bytes>]>,
    durable: bool,
    /// Behind the last record that is known to be there.
    next_sequence: Arc<AtomicU64>,
}

impl Appender {
    /// Sends the appends of this task, each after the last one: those with its number and every [`AT_ONCE`]th after it.
    async fn run(self, mut pace: Pace, task: u32) -> Measured {
        let mut measured = Measured::new();
        let mut rng = StdRng::seed_from_u64(SEED + u64::from(task));
        let mut number = task;
        while let Some(due) = pace.next().await {
            measured.note(due, self.append(number, &mut rng).await);
            number += AT_ONCE;
        }
        measured
    }

    async fn append(&self, number: u32, rng: &mut StdRng) -> Result<u64, Problem> {
        let keys = &self.orders[number as usize % self.orders.len()];
        let mut values = vec![0; SIZE.value_bytes * keys.len()];
        rng.fill_bytes(&mut values);
        let mut values = Bytes::from(values);
        let records = keys.iter().map(|key| Record {
            key: key.clone(),
            value: values.split_to(SIZE.value_bytes),
            headers: Vec::new(),
        });
        let options = AppendOptions::new().await_durable(self.durable);
        let appended = self
            .client
            .append_with(records.collect::<Vec<_>>(), options)
            .await?;
        if let Some(start) = appended.start {
            let next = start + appended.count;
            self.next_sequence.fetch_max(next, Ordering::Relaxed);
        }
        Ok(appended.count)
    }
}

/// Polls with plain requests, which every server with this API answers.
struct Poller {
    http: reqwest::Client,
    url: String,
    next_sequence: Arc<AtomicU64>,
}

impl Poller {
    async fn run(self, mut pace: Pace, task: u32) -> Measured {
        let mut measured = Measured::new();
        let mut rng = StdRng::seed_from_u64(SEED + u64::from(task));
        while let Some(due) = pace.next().await {
            let key = name(rng.random_range(0..SIZE.keys));
            measured.note(due, self.poll(&key).await);
        }
        measured
    }

    /// Reads what is new of a key, which is nothing, or a record that was appended at this moment. So no record counts.
    async fn poll(&self, key: &str) -> Result<u64, Problem> {
        let next = self.next_sequence.load(Ordering::Relaxed);
        let answer = self
            .http
            .get(format!("{}?key={key}&start_seq={next}", self.url))
            .send()
            .await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        if !status.is_success() {
            let body = String::from_utf8_lossy(&body);
            return Err(Problem::new(format!(
                "a poll was answered {status}: {body}"
            )));
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_key_is_in_one_of_twenty_appends() {
        let orders = appends(SIZE);
        assert_eq!(orders.len(), 20);
        assert!(orders.iter().all(|keys| keys.len() == 1_000));
        let distinct: BTreeSet<_> = orders.iter().flatten().collect();
        assert_eq!(distinct.len(), 20_000);
        assert!(!orders.iter().flatten().is_sorted(), "in shuffled order");
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_due_at_the_rate_and_tasks_take_turns() {
        let started = Instant::now();
        let until = started + Duration::from_secs(1);
        let mut numbers = BTreeSet::new();
        for task in 0..AT_ONCE {
            let mut pace = Pace::open((started, until), BETWEEN, (task, AT_ONCE));
            let mut number = task;
            while let Some(due) = pace.next().await {
                assert_eq!(due - started, Duration::from_millis(50) * number);
                numbers.insert(number);
                number += AT_ONCE;
            }
        }
        assert_eq!(numbers, (0..20).collect());
    }
}
