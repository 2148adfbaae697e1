//! Segments below the floor are removed while the server is killed again and again: nothing that is left is lost, and every count is
//! right.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::support::client::Client;
use crate::support::place::Place;
use crate::support::server::variables;

const KEYS: usize = 5;
const ROUNDS: usize = 5;
/// Of 200 bytes each: four of them fill a segment.
const APPENDS: usize = 60;
/// Those that are kept by the trim of each round.
const KEPT: usize = 22;

/// Everything that was acknowledged, by key: sequence and value.
#[derive(Default)]
struct History {
    records: BTreeMap<String, Vec<(u64, Vec<u8>)>>,
    floor: u64,
}

impl History {
    /// Appends to the keys in turn; the key `once-<round>` gets one record, the first. Everything is durable afterwards.
    async fn append(&mut self, client: &Client, round: usize) {
        for number in 0..APPENDS {
            let key = match number {
                0 => format!("once-{round}"),
                _ => format!("k{}", number % KEYS),
            };
            let value = format!("{round}-{number}-{}", "v".repeat(200));
            let is_last = number == APPENDS - 1;
            let sequence = client.append_one(&key, &value, is_last).await;
            let records = self.records.entry(key).or_default();
            records.push((sequence, value.into_bytes()));
        }
    }

    /// Trims all but the last records.
    async fn trim(&mut self, client: &Client) {
        let all = self.records.values().flatten();
        let mut sequences: Vec<u64> = all.map(|(sequence, _)| *sequence).collect();
        sequences.sort_unstable();
        self.floor = sequences[sequences.len() - KEPT];
        let answer = client.trim(json!({"beforeSequence": self.floor})).await;
        assert_eq!(answer.json["trimmedBefore"], self.floor, "{}", answer.json);
    }

    /// Reads everything in all ways.
    async fn check(&self, client: &Client) {
        let mut keys = Vec::new();
        for (key, records) in &self.records {
            let left = records.iter().filter(|(at, _)| *at >= self.floor);
            let left: Vec<_> = left.cloned().collect();
            let name = key.as_bytes();
            assert_eq!(client.count(name).await, left.len() as u64, "{key}");
            if let Some((last, _)) = left.last() {
                let path = format!("/count?key={key}&start_seq={last}");
                let answer = client.get(&path).await.expect("counted");
                assert_eq!(answer.json["count"], 1, "{key}: {}", answer.json);
                keys.push(name.to_vec());
            }
            assert_eq!(client.scan_all(name, 7).await, left, "{key}");
        }
        assert_eq!(client.all_keys(3).await, keys);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_dead_segments_are_removed_and_the_server_is_killed_nothing_else_is_lost() {
    let place = Place::folder();
    let settings = variables(&[
        ("LOG_SEGMENTS__SEAL_BYTES", "1KiB"),
        ("LOG_SLATEDB__COMPACTOR_OPTIONS__POLL_INTERVAL", "50ms"),
    ]);
    let mut history = History::default();
    for round in 0..ROUNDS {
        let server = place.serve_with(&settings);
        let client = Client::new(&server);
        history.check(&client).await;
        history.append(&client, round).await;
        history.trim(&client).await;
        history.check(&client).await;
        // The server looks every second: another moment of what it does then each time.
        sleep(Duration::from_millis([0, 500, 900, 1_000, 1_100][round])).await;
        server.kill9();
    }
    let server = place.serve_with(&settings);
    let client = Client::new(&server);
    history.check(&client).await;
    let metrics = client.until_metrics_say("log_dead_segments 0", Duration::from_secs(30));
    let metrics = metrics.await;
    history.check(&client).await;
    let segments = metrics
        .lines()
        .find_map(|l| l.strip_prefix("log_segments "));
    let segments: usize = segments.expect("a gauge").parse().expect("a number");
    assert!(segments <= KEPT / 4 + 3, "{segments} are left");
    // What is gone begins anew, in segments with new numbers.
    history.append(&client, 0).await;
    let active = client.get("/segments").await.expect("listed").json["segments"].clone();
    let ids: Vec<u64> = active
        .as_array()
        .expect("segments")
        .iter()
        .filter_map(|s| s["id"].as_u64())
        .collect();
    assert!(
        ids.is_sorted() && ids[0] > (ROUNDS * APPENDS / 4 - KEPT) as u64 / 2,
        "{ids:?}"
    );
    server.kill9();
    let server = place.serve_with(&settings);
    history.check(&Client::new(&server)).await;
}
