//! Keys are deleted while others are appended to and the server is killed again and again: what was deleted is gone, everything else is
//! there, and readers are told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use opendata_log::ErrorKind;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::client::{Client, Outcome, Record};
use crate::support::place::Place;
use crate::support::server::variables;

const KEYS: usize = 4;
const ROUNDS: usize = 4;
/// Of 200 bytes each: four of them fill a segment.
const APPENDS: usize = 24;
const NOISE: &str = "noise";

/// Everything that was acknowledged, by key: sequence and value; and the floors of keys.
#[derive(Default)]
struct History {
    records: BTreeMap<String, Vec<(u64, Vec<u8>)>>,
    floors: BTreeMap<String, u64>,
}

impl History {
    /// Appends to the keys in turn. Everything is durable afterwards.
    async fn append(&mut self, client: &Client, round: usize) {
        for number in 0..APPENDS {
            let key = format!("k{}", number % KEYS);
            let value = format!("{round}-{number}-{}", "v".repeat(200));
            let is_last = number == APPENDS - 1;
            let sequence = client.append_one(&key, &value, is_last).await;
            let records = self.records.entry(key).or_default();
            records.push((sequence, value.into_bytes()));
        }
    }

    /// Deletes what `key` has below `before`, or all of it.
    async fn delete(&mut self, client: &Client, key: &str, before: Option<u64>) {
        let more = before.map_or_else(String::new, |before| format!("&before_seq={before}"));
        let answer = client.delete(key.as_bytes(), &more).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        let floor = answer.json["trimmedBefore"].as_u64().expect("a floor");
        let had = self.floors.get(key).copied().unwrap_or(0);
        match before {
            Some(before) => assert_eq!(floor, before.max(had)),
            None => assert!(floor > had, "{floor} after {had}"),
        }
        self.floors.insert(key.to_owned(), floor);
    }

    /// Reads everything in all ways.
    async fn check(&self, client: &Client) {
        let mut keys = Vec::new();
        for (key, records) in &self.records {
            let floor = self.floors.get(key).copied().unwrap_or(0);
            let left = records.iter().filter(|(at, _)| *at >= floor);
            let left: Vec<_> = left.cloned().collect();
            let name = key.as_bytes();
            assert_eq!(client.scan_all(name, 3).await, left, "{key}");
            let told = (floor > 0).then_some(floor);
            for path in ["count", "scan"] {
                let path = format!("/{path}?key={key}");
                let answer = client.get(&path).await.expect("answered").json;
                assert_eq!(answer["trimmedBefore"].as_u64(), told, "{path}: {answer}");
                let answer = client.get(&format!("{path}&start_seq={floor}")).await;
                let answer = answer.expect("answered").json;
                assert!(answer.get("trimmedBefore").is_none(), "{path}: {answer}");
            }
            assert_eq!(client.count(name).await, left.len() as u64, "{key}");
            if let Some((last, _)) = left.last() {
                let path = format!("/count?key={key}&start_seq={last}");
                let answer = client.get(&path).await.expect("counted");
                assert_eq!(answer.json["count"], 1, "{key}: {}", answer.json);
                keys.push(name.to_vec());
            }
        }
        let mut listed = client.all_keys(3).await;
        listed.retain(|key| key != NOISE.as_bytes());
        assert_eq!(listed, keys);
    }
}

/// Appends to a key of its own until `stop`, or until the server is gone.
fn noise(client: &Client, stop: &Arc<AtomicBool>) -> JoinHandle<()> {
    let (client, stop) = (client.clone(), Arc::clone(stop));
    tokio::spawn(async move {
        let record: Record = (NOISE.into(), "n".repeat(100).into());
        while !stop.load(Ordering::Relaxed) {
            let appended = client.append(std::slice::from_ref(&record), false).await;
            if !matches!(appended, Outcome::Acknowledged(_)) {
                return;
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleted_keys_stay_deleted_under_load_and_kills_and_nothing_else_is_lost() {
    let place = Place::folder();
    let settings = variables(&[("LOG_SEGMENTS__SEAL_BYTES", "1KiB")]);
    let mut history = History::default();
    for round in 0..ROUNDS {
        let server = place.serve_with(&settings);
        let client = Client::new(&server);
        history.check(&client).await;
        let stop = Arc::default();
        let noise = noise(&client, &stop);
        history.append(&client, round).await;
        // All of one key, and half of what another one has.
        let (all, half) = (
            format!("k{}", round % KEYS),
            format!("k{}", (round + 1) % KEYS),
        );
        let middle = history.records[&half].len() / 2;
        let middle = history.records[&half][middle].0;
        history.delete(&client, &half, Some(middle)).await;
        history.delete(&client, &all, None).await;
        // In some rounds it is killed immediately: the answer came when the floor was durable.
        if round % 2 == 0 {
            history.check(&client).await;
            history.delete(&client, &all, Some(1)).await;
        }
        server.kill9();
        stop.store(true, Ordering::Relaxed);
        noise.await.expect("no panic");
    }
    let server = place.serve_with(&settings);
    let client = Client::new(&server);
    history.check(&client).await;
    // A key that was deleted begins anew, and a trim and a deletion do not undo each other.
    history.append(&client, ROUNDS).await;
    history.check(&client).await;
    let floor = history.floors["k0"] + 1;
    let answer = client.trim(json!({ "beforeSequence": floor })).await;
    assert_eq!(answer.status, 200, "{}", answer.json);
    for number in 0..KEYS {
        let of_key = history.floors.entry(format!("k{number}")).or_default();
        *of_key = floor.max(*of_key);
    }
    history.check(&client).await;
    server.kill9();
    let server = place.serve_with(&settings);
    history.check(&Client::new(&server)).await;
}

/// Reads events until there are `count`.
async fn events(response: &mut reqwest::Response, count: usize) -> Vec<String> {
    let mut text = String::new();
    while text.matches("\n\n").count() < count {
        let chunk = response.chunk().await.expect("an open stream");
        text.push_str(std::str::from_utf8(&chunk.expect("an event")).expect("UTF-8"));
    }
    text.split_terminator("\n\n").map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_and_page_readers_of_a_deleted_key_are_told_also_after_a_kill() {
    let place = Place::folder();
    let server = place.serve();
    let client = Client::new(&server);
    for value in ["0", "1"] {
        client.append_one("k", value, false).await;
        client.append_one("other", value, true).await;
    }
    // k: 0 and 2; other: 1 and 3.
    let mut follower = client.stream("/stream?key=k").await;
    assert_eq!(events(&mut follower, 2).await.len(), 2);
    let mut other = client.stream("/stream?key=other&start_seq=2").await;
    assert_eq!(events(&mut other, 1).await.len(), 1);
    let answer = client.delete(b"k", "&before_seq=5").await;
    assert_eq!(answer.status, 400, "{}", answer.json);
    let message = answer.json["message"].as_str().expect("a message");
    assert!(message.contains("the end of the log, 4"), "{message}");

    let answer = client.delete(b"k", "").await;
    let deleted = json!({"status": "success", "trimmedBefore": 4});
    assert_eq!((answer.status, &answer.json), (200, &deleted));
    assert_eq!(client.all_keys(1).await, [b"other"]);
    client.append_one("other", "2", false).await;
    let next = client.append_one("k", "2", true).await;
    assert_eq!(next, 5);
    let told = events(&mut follower, 1).await;
    assert!(told[0].starts_with("id: 5\n"), "nothing missed: {told:?}");
    let mut late = client.stream("/stream?key=k&start_seq=1").await;
    let told = events(&mut late, 2).await;
    assert_eq!(told[0], "event: trimmed\ndata: {\"trimmedBefore\":4}");
    assert!(told[1].starts_with("id: 5\n"), "{told:?}");
    let told = events(&mut other, 1).await;
    assert!(told[0].starts_with("id: 4\n"), "of no concern: {told:?}");
    // What is durable and acknowledged is there after a kill.
    assert_eq!(client.delete(b"none", "").await.json["trimmedBefore"], 6);
    server.kill9();

    let server = place.serve();
    let client = Client::new(&server);
    let page = client.scan(b"k", 0, "").await.expect("a page");
    assert_eq!(page.values, [(5, b"2".to_vec())]);
    let answer = client.get("/scan?key=none").await.expect("answered").json;
    assert_eq!(answer["trimmedBefore"], 6);
    assert_eq!(client.all_keys(1).await, [&b"k"[..], b"other"]);
    let mut stream = client.stream("/stream?key=k&start_seq=3").await;
    let told = events(&mut stream, 2).await;
    assert_eq!(told[0], "event: trimmed\ndata: {\"trimmedBefore\":4}");
    assert!(told[1].starts_with("id: 5\n"), "{told:?}");

    let rust = opendata_log::LogClient::builder(server.url()).no_proxy();
    let rust = rust.build().expect("a client");
    let counted = rust.count("k", ..).await.expect("counted");
    assert_eq!((counted.count, counted.trimmed_before), (1, Some(4)));
    let mut records = rust.tail("k", 1);
    let record = records.next().await.expect("open").expect("a record");
    assert_eq!((record.sequence, records.trimmed_before()), (5, Some(4)));
    assert_eq!(rust.delete_key("k", 2).await.expect("deleted"), 4);
    assert_eq!(rust.delete_key("k", 6).await.expect("deleted"), 6);
    let error = rust.delete_key("k", u64::MAX).await.expect_err("refused");
    assert_eq!(error.kind(), &ErrorKind::InvalidArgument);
    let counted = rust.count("k", ..).await.expect("counted");
    assert_eq!((counted.count, counted.trimmed_before), (0, Some(6)));
    assert_eq!(client.all_keys(1).await, [b"other"]);
}
