//! Nodes of a cluster, on a real S3 server.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::support::client::{Client, Outcome, http};
use crate::support::place::Place;
use crate::support::server::{Exit, Server, Variable, variables};

mod backed_up;
mod backlogs;
mod commands;
mod copied;
mod hints;
mod idle;
mod load;
mod merges;
mod outages;
mod sessions;
mod unordered;

const PARTITIONS: usize = 8;

/// A node that was killed is replaced within this time: `cluster.dead_after`, two heartbeats, and the opening of partitions on a busy machine.
const REPLACED: Duration = Duration::from_secs(30);

fn settings(node: &str) -> Vec<Variable> {
    variables(&[
        ("LOG_CLUSTER__ENABLED", "true"),
        ("LOG_CLUSTER__NODE", node),
        ("LOG_CLUSTER__PARTITIONS", &PARTITIONS.to_string()),
        ("LOG_CLUSTER__HEARTBEAT", "1s"),
        ("LOG_CLUSTER__DEAD_AFTER", "4s"),
    ])
}

fn start(place: &Place, node: &str) -> Server {
    place.serve_with(&settings(node))
}

async fn cluster(node: &Server) -> Value {
    let asked = http()
        .get(format!("{}/api/v1/cluster", node.url()))
        .send()
        .await;
    let text = asked.expect("answered").text().await.expect("a body");
    serde_json::from_str(&text).expect("JSON")
}

/// The nodes that serve partitions, as one node sees it; an empty name for a partition without a node.
fn serving(known: &Value) -> BTreeSet<String> {
    let partitions = known["partitions"].as_array().expect("partitions");
    assert_eq!(partitions.len(), PARTITIONS, "{known}");
    let nodes = partitions
        .iter()
        .map(|partition| match partition["state"].as_str() {
            Some("serving") => partition["node"].as_str().unwrap_or_default().to_owned(),
            _ => String::new(),
        });
    nodes.collect()
}

/// Waits until every one of `nodes` sees all partitions served by those of these `names`, and by each of them.
async fn until_served(nodes: &[&Server], names: &[&str]) {
    let wanted: BTreeSet<String> = names.iter().map(|&name| name.to_owned()).collect();
    let deadline = Instant::now() + REPLACED;
    for node in nodes {
        loop {
            let known = cluster(node).await;
            if serving(&known) == wanted {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "not served by {names:?}: {known}"
            );
            sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_a_node_is_killed_another_joins_and_one_leaves() {
    let place = Place::s3();
    let [a, b, c] = ["a", "b", "c"].map(|name| start(&place, name));
    until_served(&[&a, &b, &c], &["a", "b", "c"]).await;
    let load = load::Load::start(&[&a, &b]);
    sleep(Duration::from_millis(500)).await;
    c.kill9();
    until_served(&[&a, &b], &["a", "b"]).await;
    let d = start(&place, "d");
    until_served(&[&a, &b, &d], &["a", "b", "d"]).await;
    load.asks(&[&a, &d]);
    let stopped = b.terminate().await;
    assert_eq!(stopped.code, Some(0), "{}", stopped.stderr);
    until_served(&[&a, &d], &["a", "d"]).await;
    // A node comes back under its name.
    let c = start(&place, "c");
    until_served(&[&a, &c, &d], &["a", "c", "d"]).await;
    sleep(Duration::from_millis(500)).await;
    load.stop().await.check(&[&a, &c, &d]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_node_answers_for_every_partition() {
    let place = Place::s3();
    let [a, b] = ["a", "b"].map(|name| start(&place, name));
    until_served(&[&a, &b], &["a", "b"]).await;
    let [ask_a, ask_b] = [&a, &b].map(Client::new);
    for number in 0..20 {
        let key = format!("key-{number}");
        for (client, expected) in [(&ask_a, 1), (&ask_b, 2)] {
            client.append_one(&key, "v", true).await;
            for reader in [&ask_a, &ask_b] {
                assert_eq!(reader.scan_all(key.as_bytes(), 100).await.len(), expected);
                let count = reader
                    .get(&format!("/count?key={key}"))
                    .await
                    .expect("answered");
                assert_eq!(count.json["count"], expected, "{}", count.json);
            }
        }
        let deleted = ask_a.delete(key.as_bytes(), "").await;
        assert_eq!(deleted.status, 200, "{}", deleted.json);
        assert!(ask_b.scan_all(key.as_bytes(), 100).await.is_empty());
    }
    // Keys are listed partition by partition, at either node.
    ask_a.append_one("{t}/x", "v", true).await;
    for client in [&ask_a, &ask_b] {
        let mut listed = Vec::new();
        for partition in 0..PARTITIONS {
            let path = format!("/keys?partition={partition}&format=text");
            let answer = client.get(&path).await.expect("answered").json;
            let keys = answer["keys"].as_array().expect("keys").iter();
            listed.extend(keys.map(|key| key["keyText"].clone()));
        }
        assert_eq!(listed, ["{t}/x"]);
        let all = client.get("/keys?format=text").await.expect("answered");
        assert_eq!(all.json["keys"][0]["keyText"], "{t}/x", "{}", all.json);
        let by_prefix = client
            .get("/scan?prefix=%7Bt%7D/&format=text")
            .await
            .expect("answered");
        assert_eq!(
            by_prefix.json["values"][0]["keyText"], "{t}/x",
            "{}",
            by_prefix.json
        );
        for (refused, why) in [
            ("/segments", "partition: missing"),
            ("/keys?start_segment=1", "is about one partition"),
            ("/keys?nope=1", "unknown query parameter"),
            ("/scan?prefix=t", "partition: missing"),
            ("/keys?partition=8", "not one of this cluster"),
            (
                "/count?key=%7Bt%7D&partition=0&partition=1",
                "more than once",
            ),
        ] {
            let answer = client.get(refused).await.expect("answered");
            let message = answer.json["message"].as_str().unwrap_or_default();
            assert!(
                answer.status == 400 && message.contains(why),
                "{refused}: {message}"
            );
        }
        let both = ["a", "b", "c", "d"].map(|key| (key.into(), b"v".to_vec()));
        match client.append(&both, true).await {
            Outcome::Refused { status: 400, code } => assert_eq!(code, "spans_partitions"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_and_cursors_of_all_partitions_are_listed_in_one_order() {
    let place = Place::s3();
    let [a, b] = ["a", "b"].map(|name| start(&place, name));
    until_served(&[&a, &b], &["a", "b"]).await;
    let writer = Client::new(&a);
    let mut keys: Vec<Vec<u8>> = (0..60)
        .map(|number| format!("key-{number}").into_bytes())
        .collect();
    for key in &keys {
        let appended = writer.append(&[(key.clone(), b"v".to_vec())], false).await;
        assert!(matches!(appended, Outcome::Acknowledged(_)), "{appended:?}");
    }
    let mut names: Vec<String> = (0..30).map(|number| format!("cursor-{number}")).collect();
    for name in &names {
        let put = http().put(format!("{}/api/v1/log/cursors/{name}", b.url()));
        let put = put.header("content-type", "application/json");
        let moved = put
            .body(r#"{"position":0}"#)
            .send()
            .await
            .expect("answered");
        assert_eq!(moved.status(), 200);
    }
    keys.sort_unstable();
    names.sort_unstable();
    for node in [&a, &b] {
        let client = Client::new(node);
        for limit in [1, 7, 1_000] {
            assert_eq!(client.all_keys(limit).await, keys, "{limit} at a time");
        }
        let (mut listed, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/cursors?limit=7{after}");
            let page = client.get(&path).await.expect("answered").json;
            let cursors = page["cursors"].as_array().expect("cursors").iter();
            let found = cursors.filter_map(|cursor| cursor["name"].as_str());
            listed.extend(found.map(str::to_owned));
            match page["nextStartAfter"].as_str() {
                Some(next) => after = format!("&start_after={next}"),
                None => break,
            }
        }
        assert_eq!(listed, names);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_processes_under_one_name_the_first_leaves_and_nothing_is_lost() {
    let place = Place::s3();
    let first = start(&place, "a");
    until_served(&[&first], &["a"]).await;
    let before = Client::new(&first).append_one("key", "before", true).await;
    let second = start(&place, "a");
    let left: Exit = first.wait().await;
    assert_eq!(left.code, Some(3), "{}", left.stderr);
    assert!(
        left.stderr.contains("each node needs a name of its own"),
        "{}",
        left.stderr
    );
    until_served(&[&second], &["a"]).await;
    let client = Client::new(&second);
    let after = client.append_one("key", "after", true).await;
    let found = client.scan_all(b"key", 100).await;
    let expected = [(before, b"before".to_vec()), (after, b"after".to_vec())];
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_a_cluster_is_refused_in_one_line() {
    let refused = |exit: Exit, why: &str| {
        assert_eq!(exit.code, Some(2), "{}", exit.stderr);
        let last = exit.stderr.lines().last().unwrap_or_default();
        assert!(last.contains(why), "{last}");
    };
    refused(
        Place::folder().ends(&settings("a")),
        "cluster.enabled needs a bucket",
    );
    let place = Place::s3();
    let log = place.serve();
    log.terminate().await;
    refused(
        place.ends(&settings("a")),
        "a log does not become a cluster",
    );

    let place = Place::s3();
    let node = start(&place, "a");
    until_served(&[&node], &["a"]).await;
    refused(
        place.ends(&[]),
        "set cluster.enabled, or choose another prefix",
    );
    let mut other = settings("b");
    other.extend(variables(&[("LOG_CLUSTER__PARTITIONS", "9")]));
    refused(
        place.ends(&other),
        "it has 8 partitions, and cluster.partitions says 9",
    );
}
