//! Appends that are safe to race and safe to retry, on real processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::support::client::{Client, http};
use crate::support::lossy_proxy::LossyProxy;
use crate::support::place::Place;

const ROUNDS: u64 = 10_000;

const CLIENTS: usize = 4;
const BATCH: u64 = 5;
const KILLS: u64 = 20;
/// Of every so many answers one is lost.
const LOST_ONE_IN: u64 = 7;
/// Records of all clients, unless `LOG_TEST_RECORDS` says otherwise.
const RECORDS: u64 = 5_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_clients_that_race_on_a_key_exactly_one_wins_each_round() {
    let place = Place::folder();
    let server = place.serve();
    let url = format!("{}/api/v1/log/append", server.url());
    let clients = [http(), http()];
    let mut next = 0;
    let mut slowest = Duration::ZERO;
    for round in 0..ROUNDS {
        let race = clients.iter().enumerate().map(async |(racer, client)| {
            let body = json!({
                "records": [{"keyText": "register", "valueText": format!("{round} {racer}")}],
                "preconditions": [{"keyText": "register", "noRecordSince": next}],
            });
            let began = Instant::now();
            let request = client.post(&url).body(body.to_string());
            let (status, json) = answered(request).await.expect("answered");
            (status, json, began.elapsed())
        });
        let outcomes = join_all(race).await;
        let won: Vec<_> = outcomes
            .iter()
            .filter(|(status, ..)| *status == 200)
            .collect();
        assert_eq!(won.len(), 1, "round {round}: {outcomes:?}");
        let start = won[0].1["startSequence"].as_u64().expect("a sequence");
        for (status, lost, took) in &outcomes {
            slowest = slowest.max(*took);
            if *status != 200 {
                assert_eq!((*status, lost["code"].as_str()), (409, Some("conflict")));
                assert_eq!(lost["conflict"]["lastSequence"], start, "round {round}");
            }
        }
        next = start + 1;
    }
    assert_eq!(Client::new(&server).count(b"register").await, ROUNDS);
    assert!(
        slowest < Duration::from_secs(2),
        "one waited for {slowest:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_are_killed_and_only_ever_retry_leave_each_record_once_and_in_order() {
    let records: u64 = std::env::var("LOG_TEST_RECORDS")
        .map_or(RECORDS, |records| records.parse().expect("a number"));
    let of_each = records / CLIENTS as u64 / BATCH * BATCH;
    let place = Place::folder();
    let mut server = place.serve();
    let proxy = LossyProxy::start(&server, LOST_ONE_IN).await;
    let progress = Arc::new(Progress::default());
    let start = |client, epoch| {
        let retrier = Retrier::new(proxy.url(), client, epoch, &progress);
        tokio::spawn(retrier.run(of_each))
    };
    let mut clients: Vec<JoinHandle<()>> = (0..CLIENTS).map(|client| start(client, 0)).collect();
    let all = of_each * CLIENTS as u64;
    for kill in 1..=KILLS {
        let deadline = Instant::now() + Duration::from_secs(300);
        while progress.done.load(Ordering::SeqCst) < all * kill / (KILLS + 1) {
            assert!(Instant::now() < deadline, "no progress before kill {kill}");
            sleep(Duration::from_millis(5)).await;
        }
        server.kill9();
        let killed = kill as usize % CLIENTS;
        clients[killed].abort();
        server = place.serve();
        proxy.forward_to(&server);
        clients[killed] = start(killed, kill);
    }
    for client in clients {
        client.await.expect("ended");
    }
    let reader = Client::new(&server);
    for client in 0..CLIENTS {
        let values = reader.scan_all(key(client).as_bytes(), 1_000).await;
        let values: Vec<String> = values
            .into_iter()
            .map(|(_, value)| String::from_utf8(value).expect("text"))
            .collect();
        let expected: Vec<String> = (0..of_each).map(|number| number.to_string()).collect();
        assert_eq!(values, expected, "client {client}");
    }
    let duplicates = progress.duplicates.load(Ordering::SeqCst);
    assert!(proxy.lost() > 0 && duplicates > 0, "nothing was retried");
    println!(
        "{all} records, {KILLS} kills, {} answers lost, {duplicates} duplicates answered",
        proxy.lost()
    );
}

fn key(client: usize) -> String {
    format!("client-{client}")
}

/// A client that numbers its records, and knows nothing after it was killed but its own name and a higher epoch.
struct Retrier {
    http: reqwest::Client,
    url: String,
    client: usize,
    epoch: u64,
    progress: Arc<Progress>,
}

/// What all clients know together.
#[derive(Default)]
struct Progress {
    /// Records that are in the log.
    done: AtomicU64,
    /// Requests that were answered as duplicates.
    duplicates: AtomicU64,
}

/// What it has read of its key: how many of its records are durable, and where the next read starts.
struct Read {
    records: u64,
    next: u64,
}

impl Retrier {
    fn new(url: &str, client: usize, epoch: u64, progress: &Arc<Progress>) -> Self {
        // A connection for each request, so that the proxy can lose any answer.
        let http = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .timeout(Duration::from_secs(20));
        Self {
            http: http.build().expect("an HTTP client"),
            url: format!("{url}/api/v1/log"),
            client,
            epoch,
            progress: Arc::clone(progress),
        }
    }

    /// Appends records up to `count`, in batches.
    async fn run(self, count: u64) {
        // What the instance before left behind may still arrive: the first append rests on what was read.
        let mut number = loop {
            let read = self.read().await;
            if read.records >= count {
                return;
            }
            let on = json!([{"keyText": key(self.client), "noRecordSince": read.next}]);
            if self.append(read.records, 0, &on).await {
                break read.records + BATCH;
            }
            sleep(Duration::from_millis(10)).await;
        };
        for sequence in 1.. {
            if number >= count {
                return;
            }
            let appended = self.append(number, sequence, &json!([])).await;
            assert!(appended, "nothing to conflict with");
            number += BATCH;
        }
    }

    /// Sends a batch until it is answered. False if another client wrote to the key.
    async fn append(&self, number: u64, sequence: u64, preconditions: &Value) -> bool {
        let records = (number..number + BATCH)
            .map(|number| json!({"keyText": key(self.client), "valueText": number.to_string()}));
        let body = json!({
            "records": records.collect::<Vec<_>>(),
            "awaitDurable": true,
            "producer": {"id": key(self.client), "epoch": self.epoch, "sequence": sequence},
            "preconditions": preconditions,
        });
        let body = body.to_string();
        let url = format!("{}/append", self.url);
        loop {
            if let Some((status, answer)) = answered(self.http.post(&url).body(body.clone())).await
            {
                match (status, answer["code"].as_str()) {
                    (200, _) => {
                        self.progress.done.fetch_add(BATCH, Ordering::SeqCst);
                        let duplicate = u64::from(answer["duplicate"] == true);
                        self.progress
                            .duplicates
                            .fetch_add(duplicate, Ordering::SeqCst);
                        return true;
                    }
                    (409, Some("conflict")) => return false,
                    (503 | 504 | 429, _) => {}
                    _ => panic!("{status}: {answer}"),
                }
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Everything of its key that is durable, checked to be in order.
    async fn read(&self) -> Read {
        let mut read = Read {
            records: 0,
            next: 0,
        };
        loop {
            let query = format!(
                "key={}&visibility=durable&limit=1000&start_seq={}",
                key(self.client),
                read.next
            );
            let url = format!("{}/scan?{query}", self.url);
            if let Some((200, page)) = answered(self.http.get(&url)).await {
                let values = page["values"].as_array().expect("values");
                read.records += values.len() as u64;
                let next = page["nextSequence"].as_u64().expect("a sequence");
                if values.is_empty() {
                    return Read { next, ..read };
                }
                read.next = next;
            } else {
                sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

/// The whole answer, unless it was lost.
async fn answered(request: reqwest::RequestBuilder) -> Option<(u16, Value)> {
    let answer = request.send().await.ok()?;
    let status = answer.status().as_u16();
    let text = answer.text().await.ok()?;
    Some((status, serde_json::from_str(&text).ok()?))
}
