//! Exports of logs and clusters, imported into others: nothing is lost, doubled, or in another order within its key.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Stdio;
use std::time::Duration;

use log_testkit::ports::free_ports;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;

use super::{PARTITIONS, settings, start, until_served};
use crate::cli::{command, ended, given, in_memory, printed, run};
use crate::support::place::Place;
use crate::support::server::{Server, variables};

const LINES: usize = 20_000;
const KEYS: usize = 23;

/// The records of each key, in their order, without what a log gives.
type ByKey = BTreeMap<String, Vec<Value>>;

fn by_key(export: &str) -> ByKey {
    let mut found = ByKey::new();
    for line in export.lines() {
        let mut record: Value = serde_json::from_str(line).expect("JSON");
        let fields = record.as_object_mut().expect("an object");
        for given in ["sequence", "timestampMs", "partition"] {
            fields.remove(given);
        }
        let key = fields["key"].as_str().expect("a key").to_owned();
        found.entry(key).or_default().push(record);
    }
    found
}

fn exported(server: &Server) -> ByKey {
    by_key(&printed(server, &["export"]))
}

fn folder() -> (TempDir, impl Fn(&str) -> String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().to_owned();
    let named = move |name: &str| path.join(name).to_str().expect("text").to_owned();
    (folder, named)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_moved_into_a_cluster_and_from_there_to_one_of_another_size_and_back() {
    let single = in_memory();
    let lines: String = (0..2_000)
        .map(|number| {
            format!(
                "{{\"keyText\":\"key-{}\",\"valueText\":\"{number}\"}}\n",
                number % KEYS
            )
        })
        .collect();
    given(&single, &["import", "-", "--id", "made"], lines.as_bytes());
    printed(&single, &["append", "{t}/x", "tagged", "--header", "by=me"]);
    given(&single, &["append", "--key-base64", "AP8="], b"\x00\xff");
    let original = exported(&single);
    assert_eq!(original.len(), KEYS + 2);
    let (_folder, path) = folder();
    let of_single = path("single.jsonl");
    printed(&single, &["export", "--to", &of_single]);

    let place = Place::s3();
    let [a, b] = ["a", "b"].map(|name| start(&place, name));
    until_served(&[&a, &b], &["a", "b"]).await;
    let said = printed(&a, &["import", &of_single]);
    assert!(said.starts_with("imported 2,002 records, "), "{said}");
    assert_eq!(exported(&a), original);
    assert_eq!(exported(&b), original);
    // The same once more changes nothing, at any node.
    let again = printed(&b, &["import", &of_single, "-o", "json"]);
    assert!(
        again.contains("\"recordsImported\":0,\"recordsImportedBefore\":2002"),
        "{again}"
    );
    assert_eq!(exported(&b), original);

    // An export of the cluster continues after its last whole line, in whichever partition that is.
    let of_cluster = path("cluster.jsonl");
    printed(&a, &["export", "--to", &of_cluster, "--quiet"]);
    let whole = std::fs::read_to_string(&of_cluster).expect("read");
    for kept in [0, 1, whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&of_cluster, &whole[..kept]).expect("written");
        printed(&b, &["export", "--to", &of_cluster, "--resume", "--quiet"]);
        let found = std::fs::read_to_string(&of_cluster).expect("read");
        assert!(found == whole, "resumed after {kept} bytes");
    }

    // With a file for each partition, an export goes on later with what was appended to any of them.
    let files: Vec<String> = (0..PARTITIONS)
        .map(|partition| path(&format!("{partition}.jsonl")))
        .collect();
    let export_each = |node: &Server| {
        for (partition, file) in files.iter().enumerate() {
            let number = partition.to_string();
            let args = [
                "export",
                "--partition",
                &number,
                "--to",
                file,
                "--resume",
                "--quiet",
            ];
            printed(node, &args);
        }
        let all = files
            .iter()
            .map(|file| std::fs::read_to_string(file).expect("read"));
        by_key(&all.collect::<String>())
    };
    assert_eq!(export_each(&a), original);
    for number in 0..KEYS {
        printed(&b, &["append", &format!("key-{number}"), "later"]);
    }
    assert_eq!(export_each(&b), exported(&a));

    let elsewhere = Place::s3();
    let mut three = settings("c");
    three.extend(variables(&[("LOG_CLUSTER__PARTITIONS", "3")]));
    let other = elsewhere.serve_with(&three);
    printed(&other, &["import", &of_cluster]);
    assert_eq!(exported(&other), original);
    let back = in_memory();
    let of_other = path("other.jsonl");
    printed(&other, &["export", "--to", &of_other]);
    printed(&back, &["import", &of_other]);
    assert_eq!(exported(&back), original);
    let count = printed(&back, &["count", "--prefix", "", "-o", "raw"]);
    assert_eq!(count, "2002\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_line_is_in_its_partition_once_when_nodes_and_the_import_are_killed() {
    let place = Place::s3();
    let ports = free_ports::<2>();
    let begin = |node: usize| place.starter_with(ports[node], &settings(["a", "b"][node]))();
    let mut nodes = [0, 1].map(|node| Some(begin(node)));
    let served = async |nodes: &[Option<Server>; 2]| {
        let nodes: Vec<&Server> = nodes.iter().flatten().collect();
        until_served(&nodes, &["a", "b"]).await;
    };
    served(&nodes).await;
    let (_folder, path) = folder();
    let lines = path("lines.jsonl");
    let mut text = String::new();
    for number in 0..LINES {
        let key = number % KEYS;
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{{\"keyText\":\"k{key}\",\"valueText\":\"{number}\"}}"
        );
    }
    std::fs::write(&lines, &text).expect("written");
    let url = format!("http://127.0.0.1:{}", ports[0]);
    let args = ["import", &lines, "--batch-records", "17", "--quiet"];
    let import = || {
        let mut import = command(&url, &args);
        import.stdout(Stdio::null()).spawn().expect("start")
    };
    let mut running = import();
    let mut killed = 0;
    for (wait, node) in [(400, None), (300, Some(1)), (600, None), (200, Some(0))] {
        sleep(Duration::from_millis(wait)).await;
        if running.try_wait().expect("asked").is_some() {
            break;
        }
        killed += 1;
        match node {
            None => {
                running.kill().expect("killed");
                running.wait().expect("ended");
                running = import();
            }
            Some(node) => {
                nodes[node].take().expect("it runs").kill9();
                nodes[node] = Some(begin(node));
            }
        }
    }
    let ran = ended(running.wait_with_output().expect("ended"));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        killed >= 2,
        "only {killed} kills: it is too fast for this test"
    );
    served(&nodes).await;
    // What it said is durable.
    for (number, node) in nodes.iter_mut().enumerate() {
        node.take().expect("it runs").kill9();
        *node = Some(begin(number));
    }
    served(&nodes).await;
    let found = exported(nodes[1].as_ref().expect("it runs"));
    let expected = by_key(&printed_by_a_single_log(&lines));
    assert_eq!(
        found.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>()
    );
    for (key, records) in &expected {
        assert!(
            found[key] == *records,
            "{key}: {} of {}",
            found[key].len(),
            records.len()
        );
    }
    let cursors = printed(
        nodes[0].as_ref().expect("it runs"),
        &["cursors", "list", "--prefix", "import/", "-o", "raw"],
    );
    assert!(cursors.lines().count() <= PARTITIONS, "{cursors}");
}

fn printed_by_a_single_log(lines: &str) -> String {
    let single = in_memory();
    printed(&single, &["import", lines, "--quiet"]);
    printed(&single, &["export"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_line_is_named_and_what_comes_before_it_is_imported() {
    let place = Place::s3();
    let node = start(&place, "a");
    until_served(&[&node], &["a"]).await;
    let (_folder, path) = folder();
    let lines = path("lines.jsonl");
    let line = |number: usize| {
        format!(
            "{{\"keyText\":\"k{}\",\"valueText\":\"{number}\"}}\n",
            number % 5
        )
    };
    let good: Vec<String> = (0..100).map(line).collect();
    let broken = [
        &good[..60].concat(),
        "{\"keyText\":\"k\"}\n",
        &good[61..].concat(),
    ]
    .concat();
    std::fs::write(&lines, broken).expect("written");
    let ran = run(&node, &["import", &lines]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let told = [
        "lines.jsonl, line 61: value",
        "60 records are imported",
        "to resume: ",
    ];
    assert!(told.iter().all(|told| ran.stderr.contains(told)), "{ran:?}");
    std::fs::write(&lines, good.concat()).expect("written");
    let said = printed(&node, &["import", &lines]);
    assert!(said.starts_with("imported 40 records, 60 before"), "{said}");
    assert_eq!(exported(&node), by_key(&printed_by_a_single_log(&lines)));
    // A shorter file is another one.
    std::fs::write(&lines, good[..10].concat()).expect("written");
    let ran = run(&node, &["import", &lines]);
    assert!(
        ran.code == Some(1) && ran.stderr.contains("another --id"),
        "{ran:?}"
    );
}
