//! Nodes in one process over one bucket in memory. They cannot reach each other, so they find with heartbeats what others have done.

use std::collections::BTreeSet;
use std::sync::Weak;
use std::time::Duration;

use futures::TryStreamExt;
use log_adapters::clock::SystemClock;
use log_domain::cluster::Partition;
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use super::*;
use crate::listener::Tcp;
use crate::log::Log;
use crate::logging::LostLines;
use crate::node::NodeParts;
use crate::security::Security;

/// Within this time nodes find each other, partitions move, and what they have used is free.
const WITHIN: Duration = Duration::from_secs(30);

/// A node and its process.
struct Running {
    // Its listeners end with it.
    _process: Node,
    node: ClusterNode,
}

async fn node(name: &str, objects: &Arc<dyn ObjectStore>) -> Running {
    let settings = serde_json::json!({
        "storage": { "s3": { "bucket": "log" } },
        "cluster": { "enabled": true, "node": name, "partitions": 4, "heartbeat": "200ms", "dead_after": "5s" },
    });
    let config = Config::load(None, settings).expect("accepted");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let process = Node::listen(
        &config,
        NodeParts {
            request_id_seed: 0,
            acceptor: Tcp::new(listener).expect("bound"),
            admin: None,
            security: Security::default(),
            writer: None,
            log_lines: Arc::new(LostLines::default()),
            settings: Vec::new(),
        },
    )
    .expect("listens");
    let parts = ClusterParts {
        url: format!("http://{name}"),
        incarnation: name.len() as u64,
        connect: Arc::new(|_| Err("nobody can be reached".to_owned())),
    };
    let opening = Opening {
        stores: Stores {
            objects: Arc::clone(objects),
            wal: None,
        },
        clock: Arc::new(SystemClock),
        seed: None,
    };
    let node = ClusterNode::join(&config, parts, opening, &process).await;
    Running {
        node: node.expect("joined"),
        _process: process,
    }
}

impl Running {
    fn serving(&self) -> BTreeSet<Partition> {
        self.node.table.serving()
    }
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let soon = async {
        while !is_so() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(WITHIN, soon).await.expect(what);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_was_handed_over_takes_no_memory() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let first = node("a", &objects).await;
    until("all are served", || first.serving().len() == 4).await;
    let served = first.node.table.served().into_iter();
    let logs: Vec<(Partition, Weak<Log>)> = served
        .map(|(partition, log)| (partition, Arc::downgrade(&log)))
        .collect();
    let second = node("bb", &objects).await;
    until("some have moved", || {
        let (at_first, at_second) = (first.serving(), second.serving());
        !at_second.is_empty() && at_first.len() + at_second.len() == 4
    })
    .await;
    until("their logs are gone", || {
        let kept = first.serving();
        let is_there = |(_, log): &&(Partition, Weak<Log>)| log.strong_count() > 0;
        logs.iter()
            .filter(is_there)
            .all(|(partition, _)| kept.contains(partition))
    })
    .await;
}

// On one thread: the node does nothing between the steps.
#[tokio::test]
async fn a_partition_that_is_opened_while_claims_are_renewed_is_not_served_before_its_own_is() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let node = node("a", &objects).await;
    until("all are served", || node.serving().len() == 4).await;
    let partition = *node.serving().first().expect("serves some");
    let ClusterNode { table, mover, .. } = &node.node;
    let (log, claim) = table.closes(partition).expect("served");
    let routes = mover.api.routes(Arc::clone(log.service()));
    table.released(partition);
    assert!(table.opens(partition), "it is not held");
    let others = table.to_renew().into_iter().map(|(partition, _)| partition);
    assert_eq!(others.collect::<BTreeSet<_>>(), node.serving());
    let serves = || table.serves(partition, Arc::clone(&log), routes.clone(), claim.clone());
    assert!(!serves(), "its claim may be that of another node");
    assert!(!node.serving().contains(&partition));
    // It has been renewed by now.
    assert!(serves());
    assert!(node.serving().contains(&partition));
}

/// A version can be the hash of the content, as the ETag of S3 is: a claim that was renewed is not that of before.
#[tokio::test]
async fn no_two_writes_of_a_claim_are_the_same_bytes() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let node = node("a", &objects).await;
    until("all are served", || node.serving().len() == 4).await;
    let mut written = BTreeSet::new();
    for times in 1..=3 {
        let claims = objects.list(None).try_collect::<Vec<_>>().await;
        for claim in claims.expect("listed") {
            if claim.location.as_ref().contains("/cluster/owners/") {
                let found = objects.get(&claim.location).await.expect("there");
                written.insert((claim.location, found.bytes().await.expect("read")));
            }
        }
        assert_eq!(written.len(), times * 4);
        node.node.mover.renew_claims().await.expect("renewed");
    }
}
