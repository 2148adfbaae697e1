//! Reads of several keys in one order, from servers that are killed.

use std::collections::{BTreeMap, BTreeSet};

use opendata_log::{LogClient, ReadOptions, Selection, Visibility};
use serde_json::{Value, json};

use crate::support::client::{Client, Outcome, Record};
use crate::support::place::Place;

const ROUNDS: u64 = 5;

/// Sequences and keys of a page that was asked for as text.
fn named(page: &Value) -> Vec<(u64, String)> {
    let values = page["values"].as_array().expect("values").iter();
    let named = values.map(|value| {
        let sequence = value["sequence"].as_u64().expect("a sequence");
        (
            sequence,
            value["keyText"].as_str().expect("a key").to_owned(),
        )
    });
    named.collect()
}

/// Appends batches over three keys, and notes what was acknowledged.
async fn append(client: &Client, round: u64, log: &mut BTreeMap<u64, String>) {
    for batch in 0..20 {
        let keys = (0..=batch % 4).map(|n| ["a/1", "a/2", "b"][(batch + n) as usize % 3]);
        let keys: Vec<&str> = keys.collect();
        let records = keys.iter().map(|key| {
            let value = format!("{round}.{batch}");
            (key.as_bytes().to_vec(), value.into_bytes())
        });
        let records: Vec<Record> = records.collect();
        match client.append(&records, batch % 5 == 4).await {
            Outcome::Acknowledged(start) => {
                log.extend((start..).zip(keys.into_iter().map(str::to_owned)));
            }
            other => panic!("{other:?}"),
        }
    }
    // Everything before it is durable, too.
    let last = client.append_one("b", "last", true).await;
    log.insert(last, "b".to_owned());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_a_prefix_sees_each_record_once_and_in_order_over_kills_of_the_server() {
    let place = Place::folder();
    let mut log = BTreeMap::new();
    let (mut scanned, mut streamed) = (Vec::new(), Vec::new());
    let mut next = 0;
    for round in 0..ROUNDS {
        let server = place.serve();
        let client = Client::new(&server);
        // The stream continues after the last event before the kill.
        let from = streamed.last().map_or(0, |(last, _)| last + 1);
        let path = format!("/stream?prefix=a/&start_seq={from}&format=text&visibility=durable");
        let mut stream = client.stream(&path).await;
        append(&client, round, &mut log).await;
        let expected = log.iter().filter(|(_, key)| key.starts_with("a/"));
        let expected: Vec<(u64, String)> = expected.map(|(at, key)| (*at, key.clone())).collect();
        let mut text = String::new();
        while streamed.len() + text.matches("\n\n").count() < expected.len() {
            let chunk = stream.chunk().await.expect("an open stream");
            text.push_str(std::str::from_utf8(&chunk.expect("an event")).expect("UTF-8"));
        }
        for line in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
            let value: Value = serde_json::from_str(line).expect("JSON");
            streamed.extend(named(&json!({ "values": [value] })));
        }
        assert_eq!(streamed, expected, "round {round}");
        loop {
            let path = format!("/scan?prefix=a/&start_seq={next}&limit=7&format=text");
            let page = client.get(&path).await.expect("answered").json;
            let values = named(&page);
            next = page["nextSequence"].as_u64().expect("a sequence");
            if values.is_empty() {
                break;
            }
            scanned.extend(values);
        }
        assert_eq!(scanned, expected, "round {round}");
        server.kill9();
    }
    let server = place.serve();
    let rust = LogClient::builder(server.url()).no_proxy();
    let rust = rust.build().expect("a client");
    let durable = || ReadOptions::new().page(9).visibility(Visibility::Durable);
    for (selection, matches) in [
        (Selection::prefix("a/"), ["a/1", "a/2"]),
        (Selection::keys(["b", "a/2", "none"]), ["a/2", "b"]),
    ] {
        let expected = log
            .iter()
            .filter(|(_, key)| matches.contains(&key.as_str()));
        let expected: Vec<(u64, String)> = expected.map(|(at, key)| (*at, key.clone())).collect();
        let mut records = rust.scan_several(selection.clone(), .., durable());
        let mut tail = rust.tail_several(selection, 0, durable());
        let (mut found, mut followed) = (Vec::new(), Vec::new());
        while let Some(record) = records.next().await {
            let record = record.expect("read");
            let key = record.key.expect("a key").to_vec();
            found.push((record.sequence, String::from_utf8(key).expect("UTF-8")));
        }
        while followed.len() < expected.len() {
            let record = tail.next().await.expect("open").expect("read");
            let key = record.key.expect("a key").to_vec();
            followed.push((record.sequence, String::from_utf8(key).expect("UTF-8")));
        }
        assert_eq!(found, expected);
        assert_eq!(followed, expected);
    }
    let one = rust
        .scan("b", ..)
        .next()
        .await
        .expect("some")
        .expect("read");
    assert_eq!(one.key, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_more_keys_than_are_merged_sees_each_record_once_and_in_order_over_kills() {
    const KEYS: u64 = 400;
    let place = Place::folder();
    let mut log = BTreeMap::new();
    for round in 0..3 {
        let server = place.serve();
        let client = Client::new(&server);
        for batch in 0..20 {
            let keys =
                (0..60).map(|n| format!("many/{}", (batch * 60 + n * 7 % 60 + round) % KEYS));
            let keys: Vec<String> = keys.collect();
            let value = format!("{round}.{batch}").into_bytes();
            let records = keys
                .iter()
                .map(|key| (key.clone().into_bytes(), value.clone()));
            let records: Vec<Record> = records.collect();
            match client.append(&records, batch == 19).await {
                Outcome::Acknowledged(start) => log.extend((start..).zip(keys)),
                other => panic!("{other:?}"),
            }
        }
        client.append_one("other", "last", true).await;
        let deleted = format!("many/{round}");
        let answer = client.delete(deleted.as_bytes(), "").await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        log.retain(|_, key| *key != deleted);
        let present: BTreeSet<&String> = log.values().collect();
        assert!(present.len() > 256, "{} are merged", present.len());
        for (prefix, limit) in [("many/", 333), ("many/1", 50)] {
            let expected = log.iter().filter(|(_, key)| key.starts_with(prefix));
            let expected: Vec<(u64, String)> =
                expected.map(|(at, key)| (*at, key.clone())).collect();
            let (mut found, mut next) = (Vec::new(), 0);
            loop {
                let path =
                    format!("/scan?prefix={prefix}&start_seq={next}&limit={limit}&format=text");
                let page = client.get(&path).await.expect("answered").json;
                let values = named(&page);
                next = page["nextSequence"].as_u64().expect("a sequence");
                if values.is_empty() {
                    break;
                }
                found.extend(values);
            }
            assert_eq!(found, expected, "round {round}, prefix {prefix}");
        }
        server.kill9();
    }
}
