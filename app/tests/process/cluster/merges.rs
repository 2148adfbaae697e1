//! Merges of the partitions of a node.

use std::time::Duration;

use log_testkit::seaweedfs::SeaweedFs;
use tokio::time::{Instant, sleep};

use crate::support::client::{Client, http};
use crate::support::server::{Server, variables};

const BUCKET: &str = "merges";

/// Far more than it takes.
const LIMIT: Duration = Duration::from_secs(60);

/// All partitions have files to merge, and the node may run one merge at a time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_of_a_node_merge_one_after_another_if_it_may_run_one_merge() {
    let s3 = SeaweedFs::start();
    s3.create_bucket(BUCKET);
    let compactor = |setting: &str| format!("LOG_SLATEDB__COMPACTOR_OPTIONS__{setting}");
    let mut environment = s3.environment();
    environment.extend(variables(&[
        ("LOG_CLUSTER__ENABLED", "true"),
        ("LOG_CLUSTER__NODE", "a"),
        ("LOG_CLUSTER__PARTITIONS", "4"),
        ("LOG_SLATEDB__L0_SST_SIZE_BYTES", "65536"),
        (&compactor("POLL_INTERVAL"), "1s"),
        (&compactor("MAX_CONCURRENT_COMPACTIONS"), "1"),
        (&compactor("SCHEDULER_OPTIONS__MIN_COMPACTION_SOURCES"), "2"),
    ]));
    let arguments = ["--s3-bucket", BUCKET].map(str::to_owned);
    let node = Server::start(&arguments, &environment);
    let client = Client::new(&node);
    let serving = "log_cluster_partitions{state=\"serving\"} 4";
    client.until_metrics_say(serving, LIMIT).await;
    // Keys in all partitions. Each value is a data file.
    for number in 0..32 {
        let key = format!("key-{}", number % 16);
        let url = format!("{}/api/v1/log/append", node.url());
        let body = serde_json::json!({
            "records": [{"keyText": key, "valueText": "v".repeat(1 << 17)}], "awaitDurable": true,
        });
        let request = http().post(url).header("content-type", "application/json");
        let appended = request.body(body.to_string()).send().await;
        assert_eq!(appended.expect("an answer").status(), 200);
    }
    let end = Instant::now() + LIMIT;
    let mut most_waited = 0;
    loop {
        assert!(Instant::now() < end, "{most_waited} waited at most");
        let metrics = client.metrics().await;
        let merges = |state: &str| {
            let name = format!("log_cluster_merges{{state=\"{state}\"}} ");
            let value = metrics.lines().find_map(|line| line.strip_prefix(&name));
            value.expect("the metric").parse::<u64>().expect("a number")
        };
        let (running, waiting) = (merges("running"), merges("waiting"));
        assert!(running <= 1, "{running} merges");
        most_waited = most_waited.max(waiting);
        if most_waited > 1 && running + waiting == 0 {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
}
