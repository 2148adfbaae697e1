//! What takes all nodes along: an outage of the bucket, and a rolling restart.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::support::client::Client;
use crate::support::place::Place;
use crate::support::server::Server;

use super::{cluster, load, start, until_served};

/// Which node serves each partition.
fn places(known: &Value) -> Vec<String> {
    let partitions = known["partitions"].as_array().expect("partitions").iter();
    let places = partitions.map(|partition| partition["node"].as_str().unwrap_or_default());
    places.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_outage_of_the_bucket_of_a_minute_every_partition_is_where_it_was() {
    let place = Place::s3();
    let [a, b, c] = ["a", "b", "c"].map(|name| start(&place, name));
    let nodes = [&a, &b, &c];
    until_served(&nodes, &["a", "b", "c"]).await;
    let load = load::Load::start(&nodes);
    sleep(Duration::from_secs(1)).await;
    let before = places(&cluster(&a).await);
    let moved = "log_cluster_moves_total";
    let moves = async || {
        let metrics = Client::new(&a).metrics().await;
        let moves = metrics.lines().filter(|line| line.starts_with(moved));
        moves.map(str::to_owned).collect::<Vec<_>>()
    };
    let moves_before = moves().await;
    place.pause();
    sleep(Duration::from_secs(60)).await;
    place.resume();
    until_served(&nodes, &["a", "b", "c"]).await;
    for node in nodes {
        assert_eq!(places(&cluster(node).await), before);
    }
    assert_eq!(moves().await, moves_before);
    sleep(Duration::from_secs(1)).await;
    load.stop().await.check(&nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_suspended_does_not_answer_for_partitions_that_others_have_taken() {
    let place = Place::s3();
    let [a, b] = ["a", "b"].map(|name| start(&place, name));
    until_served(&[&a, &b], &["a", "b"]).await;
    let [ask_a, ask_b] = [&a, &b].map(Client::new);
    let keys: Vec<String> = (0..16).map(|number| format!("key-{number}")).collect();
    for key in &keys {
        ask_b.append_one(key, "before", true).await;
    }
    b.suspend();
    until_served(&[&a], &["a"]).await;
    for key in &keys {
        ask_a.append_one(key, "after", true).await;
    }
    b.signal("CONT");
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        for key in &keys {
            let answer = ask_b.get(&format!("/count?key={key}")).await;
            let answer = answer.expect("answered");
            let is_whole = answer.json["count"] == 2;
            assert!(answer.status != 200 || is_whole, "{key}: {}", answer.json);
        }
    }
    until_served(&[&a, &b], &["a", "b"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_of_all_nodes_loses_nothing() {
    let place = Place::s3();
    let names = ["a", "b", "c"];
    let mut nodes: Vec<Server> = names.map(|name| start(&place, name)).into();
    until_served(&each(&nodes), &names).await;
    let load = load::Load::start(&each(&nodes));
    sleep(Duration::from_millis(500)).await;
    for name in names {
        let node = nodes.remove(0);
        load.asks(&each(&nodes));
        let stopped = node.terminate().await;
        assert_eq!(stopped.code, Some(0), "{}", stopped.stderr);
        nodes.push(start(&place, name));
        until_served(&each(&nodes), &names).await;
    }
    load.asks(&each(&nodes));
    sleep(Duration::from_millis(500)).await;
    load.stop().await.check(&each(&nodes)).await;
}

fn each(nodes: &[Server]) -> Vec<&Server> {
    nodes.iter().collect()
}
