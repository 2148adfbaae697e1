//! The command line against a cluster.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Command;

use serde_json::Value;

use super::{PARTITIONS, start, until_served};
use crate::cli::{command, ended, given, printed, run};
use crate::support::place::Place;
use crate::support::server::Server;

/// Two nodes, and some keys in several partitions.
async fn nodes(place: &Place) -> [Server; 2] {
    let nodes = ["a", "b"].map(|name| start(place, name));
    let [a, b] = &nodes;
    until_served(&[a, b], &["a", "b"]).await;
    for number in 0..20 {
        let key = format!("key-{}", number % 10);
        printed(a, &["append", &key, &number.to_string(), "--durable"]);
    }
    nodes
}

fn json(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_has_the_nodes_and_the_partitions_with_their_ends() {
    let place = Place::s3();
    let [a, b] = nodes(&place).await;
    for node in [&a, &b] {
        let told = &json(&printed(node, &["status", "-o", "json"]))[0];
        assert_eq!(told["ready"], true, "{told}");
        let names = told["nodes"].as_array().expect("nodes").iter();
        let names: Vec<_> = names.map(|node| (&node["node"], &node["alive"])).collect();
        assert_eq!(
            names,
            [(&"a".into(), &true.into()), (&"b".into(), &true.into())]
        );
        let partitions = told["partitions"].as_array().expect("partitions");
        assert_eq!(partitions.len(), PARTITIONS);
        // Those of the other node are asked of it.
        let ends = partitions
            .iter()
            .map(|each| each["tip"].as_u64().expect("an end"));
        assert_eq!(ends.sum::<u64>(), 20, "{told}");
    }
    let people = printed(&a, &["status"]);
    for told in [
        "NODE  STATE  ZONE  VERSION",
        "PARTITION  NODE  STATE",
        "alive",
        "serving",
    ] {
        assert!(people.contains(told), "{told}: {people}");
    }
    assert_eq!(printed(&b, &["status", "-o", "raw"]), "ready\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_all_partitions_are_read_and_each_says_its_own() {
    let place = Place::s3();
    let [a, b] = nodes(&place).await;
    let all = json(&printed(&a, &["scan", "--prefix", "key-", "-o", "json"]));
    assert_eq!(all.len(), 20);
    let partitions: BTreeSet<u64> = all
        .iter()
        .map(|record| record["partition"].as_u64().expect("a partition"))
        .collect();
    assert!(partitions.len() > 1, "{partitions:?}");
    let mut of_each = 0;
    for partition in 0..PARTITIONS {
        let number = partition as u64;
        let partition = number.to_string();
        let one = ["scan", "--prefix", "key-", "--partition", &partition];
        of_each += printed(&b, &one).lines().count();
        let exported = printed(&b, &["export", "--partition", &partition]);
        assert_eq!(exported.lines().count(), printed(&b, &one).lines().count());
        let keys = printed(&b, &["keys", "--partition", &partition]);
        let expected: BTreeSet<&str> = all
            .iter()
            .filter(|record| record["partition"] == number)
            .map(|record| record["key"].as_str().expect("a key"))
            .collect();
        assert_eq!(keys.lines().count(), expected.len());
        printed(&b, &["segments", "--partition", &partition]);
        printed(&b, &["cursors", "--partition", &partition]);
    }
    assert_eq!(of_each, 20);
    let limited = printed(&a, &["scan", "--prefix", "", "--limit", "13"]);
    assert_eq!(limited.lines().count(), 13);
    let first = limited.lines().next().unwrap_or_default();
    assert!(
        first
            .split_once("  ")
            .is_some_and(|(at, _)| at.contains(':')),
        "{first}"
    );
    assert_eq!(printed(&b, &["count", "--prefix", "", "-o", "raw"]), "20\n");
    assert_eq!(printed(&b, &["keys", "-o", "raw"]).lines().count(), 10);
    // What has a tag is in one partition, in one order.
    for (key, value) in [("{t}/a", "0"), ("{t}/b", "1"), ("{t}/a", "2")] {
        printed(&a, &["append", key, value]);
    }
    let tagged = ["scan", "--prefix", "{t}/", "-o", "raw", "--from", "0"];
    assert_eq!(printed(&b, &tagged), "0\n1\n2\n");
    printed(&b, &["delete", "{t}/a", "--yes"]);
    assert_eq!(printed(&a, &tagged), "1\n");
    let measured = printed(
        &a,
        &["bench", "--records", "200", "--batch", "10", "-o", "json"],
    );
    for measured in json(&measured) {
        assert_eq!(measured["records"], 200, "{measured}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_follows_all_partitions_and_is_resumed_in_each() {
    let place = Place::s3();
    let [a, b] = nodes(&place).await;
    let first = command(
        a.url(),
        &["tail", "--prefix", "key-", "--from", "0", "-o", "json"],
    );
    let (mut seen, resume) = followed(first, 20);
    // It follows those that are appended meanwhile.
    for number in 20..40 {
        let key = format!("key-{}", number % 10);
        printed(&b, &["append", &key, &number.to_string()]);
    }
    let words: Vec<&str> = resume.split(' ').collect();
    assert!(resume.contains("--from 0:"), "{resume}");
    let (more, _) = followed(command(b.url(), &words[1..]), 20);
    seen.extend(more);
    let mut of_keys = std::collections::BTreeMap::<String, Vec<u64>>::new();
    for record in &seen {
        let key = record["key"].as_str().expect("a key").to_owned();
        of_keys
            .entry(key)
            .or_default()
            .push(record["sequence"].as_u64().expect("a sequence"));
    }
    assert_eq!((seen.len(), of_keys.len()), (40, 10));
    for (key, sequences) in of_keys {
        assert!(sequences.is_sorted_by(|a, b| a < b), "{key}: {sequences:?}");
        assert_eq!(sequences.len(), 4, "{key}");
    }
}

/// The first records that a tail prints, and the command that resumes it when it is interrupted then.
fn followed(mut tail: Command, records: usize) -> (Vec<Value>, String) {
    let mut tail = tail.spawn().expect("start");
    let mut lines = BufReader::new(tail.stdout.take().expect("a pipe")).lines();
    let found = lines.by_ref().take(records);
    let found: Vec<Value> = found
        .map(|line| serde_json::from_str(&line.expect("a line")).expect("JSON"))
        .collect();
    let id = tail.id().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status();
    assert!(sent.expect("sent").success());
    let ran = ended(tail.wait_with_output().expect("ended"));
    assert_eq!(ran.code, Some(130), "{ran:?}");
    let resume = ran.stderr.split_once("to resume: ").expect("a command").1;
    (found, resume.trim().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_about_one_partition_says_so() {
    let place = Place::s3();
    let [a, _b] = nodes(&place).await;
    for (args, code, told) in [
        (&["segments"][..], 1, "give it with --partition"),
        (
            &["trim", "--before", "1", "--yes"],
            1,
            "give it with --partition",
        ),
        (
            &["scan", "--prefix", "", "--from", "3"],
            2,
            "give --partition, too",
        ),
        (&["export", "--before", "3"], 2, "give --partition, too"),
        (
            &["tail", "--prefix", "", "--from", "3"],
            2,
            "give --partition, too",
        ),
        (
            &["tail", "key-1", "--from", "0:3"],
            2,
            "give a sequence such as 12",
        ),
        (
            &["scan", "key-1", "--partition", "0"],
            2,
            "leave --partition out",
        ),
        (
            &["scan", "--prefix", "{t}/", "--partition", "0"],
            2,
            "leave --partition out",
        ),
        (&["keys", "--partition", "8"], 1, "not one of this cluster"),
    ] {
        let ran = run(&a, args);
        assert_eq!(ran.code, Some(code), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(told), "{args:?}: {ran:?}");
    }
    let all = json(&printed(&a, &["scan", "--prefix", "key-1", "-o", "json"]));
    let partition = all[0]["partition"].to_string();
    let trim = [
        "trim",
        "--before",
        "1",
        "--partition",
        &partition,
        "--yes",
        "-o",
        "raw",
    ];
    assert_eq!(printed(&a, &trim), "1\n");
    // A cursor is in the partition of its name.
    printed(&a, &["cursors", "set", "{t}/done", "0"]);
    given(&a, &["append", "{t}/x", "--lines"], b"1\n2\n");
    assert_eq!(printed(&a, &["cursors", "-o", "raw"]), "{t}/done\n");
}
