//! What partitions cost that nobody uses.

use std::collections::BTreeMap;
use std::time::Duration;

use log_testkit::counting_proxy::CountingProxy;
use log_testkit::seaweedfs::{SeaweedFs, through};
use tokio::time::{Instant, sleep};

use crate::support::client::{Client, http};
use crate::support::server::{Server, variables};

const BUCKET: &str = "idle";
const PARTITIONS: usize = 64;

/// A node of 64 partitions takes no more memory than this while they are idle: 2 MiB each.
const MEMORY: u64 = 128 << 20;

/// They are looked at for so long.
const WATCHED: Duration = Duration::from_secs(30);

/// Requests to the bucket for each partition in a minute, at most: its manifest and its compactions are looked at every 9.6 s, which takes three
/// requests or four, and its garbage is collected now and then.
const READS: u64 = 60;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_idle_partitions_take_little_memory_and_write_nothing_but_the_heartbeat() {
    let s3 = SeaweedFs::start();
    s3.create_bucket(BUCKET);
    let proxy = CountingProxy::start(s3.port());
    let mut environment = through(&proxy.endpoint(), s3.environment());
    environment.extend(variables(&[
        ("LOG_CLUSTER__ENABLED", "true"),
        ("LOG_CLUSTER__NODE", "a"),
    ]));
    let arguments = ["--s3-bucket", BUCKET].map(str::to_owned);
    let node = Server::start(&arguments, &environment);
    let client = Client::new(&node);
    let serving = format!("log_cluster_partitions{{state=\"serving\"}} {PARTITIONS}");
    client
        .until_metrics_say(&serving, Duration::from_secs(120))
        .await;
    // Each was used once.
    for partition in 0..PARTITIONS {
        let path = format!("{}/api/v1/log/keys?partition={partition}", node.url());
        let listed = http().get(path).send().await.expect("an answer");
        assert_eq!(listed.status(), 200);
    }
    sleep(Duration::from_secs(5)).await;

    proxy.forget();
    let began = Instant::now();
    sleep(WATCHED).await;
    let writes: BTreeMap<String, u64> = ["PUT", "POST", "DELETE"]
        .into_iter()
        .flat_map(|method| proxy.seen(method))
        .collect();
    let reads: u64 = ["GET", "HEAD"]
        .into_iter()
        .flat_map(|method| proxy.seen(method).into_values())
        .sum();
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    let paths: Vec<&String> = writes.keys().collect();
    assert!(
        matches!(paths[..], [path] if path.contains("/cluster/nodes/a")),
        "{writes:?}"
    );
    let each = reads as f64 / minutes / PARTITIONS as f64;
    let memory = node.memory();
    eprintln!(
        "64 idle partitions: {} MiB resident, {each:.1} reads of the bucket for each in a minute",
        memory >> 20
    );
    assert!(
        each <= READS as f64,
        "{each} reads for each partition in a minute"
    );
    assert!(memory <= MEMORY, "{memory} bytes");
}
