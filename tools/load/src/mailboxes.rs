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
use tokio::time::{Instant, sleep_until};

use crate::arguments::Arguments;
use crate::measured::{Measured, Problem};

/// How large the load is.
#[derive(Debug, Clone, Copy)]
struct Size {
    keys: u64,
    /// Records in one append, each of another key. Divides the keys.
    records: usize,
    value_bytes: usize,
    /// Appends in a second, and polls in a second.
    rate: u32,
}

const SIZE: Size = Size {
    keys: 20_000,
    records: 1_000,
    value_bytes: 1_000,
    rate: 20,
};

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
    for number in 0..AT_ONCE {
        let turns = Turns::new(started, until, number);
        let sender = Appender {
            client: client.clone(),
            orders: Arc::clone(&orders),
            durable: arguments.durable,
            next_sequence: Arc::clone(&next_sequence),
        };
        appending.spawn(sender.run(turns));
        let poller = Poller {
            http: http.clone(),
            url: format!("{}/api/v1/log/scan", arguments.url),
            next_sequence: Arc::clone(&next_sequence),
        };
        polling.spawn(poller.run(turns));
    }
    Ok([together(appending).await, together(polling).await])
}

async fn together(mut running: JoinSet<Measured>) -> Measured {
    let mut all = Measured::new();
    while let Some(measured) = running.join_next().await {
        all.add(measured.expect("a task of the load does not panic"));
    }
    all
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

/// When the requests of one of the tasks are due, and their numbers.
#[derive(Debug, Clone, Copy)]
struct Turns {
    started: Instant,
    until: Instant,
    number: u32,
}

impl Turns {
    fn new(started: Instant, until: Instant, first: u32) -> Self {
        Self {
            started,
            until,
            number: first,
        }
    }

    /// Waits for the next request, and returns its number and when it was due; `None` when the time is over.
    async fn next(&mut self) -> Option<(u32, Instant)> {
        let number = self.number;
        let due = self.started + Duration::from_secs(1) * number / SIZE.rate;
        self.number += AT_ONCE;
        sleep_until(due.min(self.until)).await;
        (due < self.until).then_some((number, due))
    }
}

struct Appender {
    client: LogClient,
    orders: Arc<[Vec<Bytes>]>,
    durable: bool,
    /// Behind the last record that is known to be there.
    next_sequence: Arc<AtomicU64>,
}

impl Appender {
    async fn run(self, mut turns: Turns) -> Measured {
        let mut measured = Measured::new();
        let mut rng = StdRng::seed_from_u64(SEED + u64::from(turns.number));
        while let Some((number, due)) = turns.next().await {
            let appended = self.append(number, &mut rng).await;
            note(&mut measured, due, appended);
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

/// Adds an answer to a request that was due then.
fn note(measured: &mut Measured, due: Instant, answer: Result<u64, Problem>) {
    match answer {
        Ok(records) => {
            measured.answered(due.elapsed(), 1);
            measured.records += records;
        }
        Err(error) => measured.failed(error),
    }
}

/// Polls with plain requests, which every server with this API answers.
struct Poller {
    http: reqwest::Client,
    url: String,
    next_sequence: Arc<AtomicU64>,
}

impl Poller {
    async fn run(self, mut turns: Turns) -> Measured {
        let mut measured = Measured::new();
        let mut rng = StdRng::seed_from_u64(SEED + u64::from(turns.number));
        while let Some((_, due)) = turns.next().await {
            let key = name(rng.random_range(0..SIZE.keys));
            let polled = self.poll(&key).await;
            note(&mut measured, due, polled);
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
            let mut turns = Turns::new(started, until, task);
            while let Some((number, due)) = turns.next().await {
                assert_eq!(due - started, Duration::from_millis(50) * number);
                numbers.insert(number);
            }
        }
        assert_eq!(numbers, (0..20).collect());
    }
}
