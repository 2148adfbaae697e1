//! What partitions keep in memory, and leave to the next node.

use std::time::Duration;

use log_testkit::counting_proxy::CountingProxy;
use log_testkit::seaweedfs::{SeaweedFs, through};
use tokio::time::{Instant, sleep};

use crate::support::client::{Client, http};
use crate::support::server::{Server, variables};

const BUCKET: &str = "backlogs";

/// Far more than it takes.
const LIMIT: Duration = Duration::from_secs(60);

/// Its partitions together have more in memory than the node may, and none has as much as SlateDB writes a data file for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_that_have_much_in_memory_together_write_data_files() {
    let s3 = SeaweedFs::start();
    s3.create_bucket(BUCKET);
    let proxy = CountingProxy::start(s3.port());
    let mut environment = through(&proxy.endpoint(), s3.environment());
    environment.extend(variables(&[
        ("LOG_CLUSTER__ENABLED", "true"),
        ("LOG_CLUSTER__NODE", "a"),
        ("LOG_CLUSTER__PARTITIONS", "4"),
        ("LOG_MEMORY__UNFLUSHED", "8MiB"),
        ("LOG_SLATEDB__L0_SST_SIZE_BYTES", "6291456"),
    ]));
    let arguments = ["--s3-bucket", BUCKET].map(str::to_owned);
    let node = Server::start(&arguments, &environment);
    let client = Client::new(&node);
    let serving = "log_cluster_partitions{state=\"serving\"} 4";
    client.until_metrics_say(serving, LIMIT).await;
    let data_files = || {
        let written = proxy.seen("PUT").into_keys();
        written.filter(|path| path.contains("/compacted/")).count()
    };
    assert_eq!(data_files(), 0);
    // Keys in all partitions, about 2 MiB in each: 8 MiB in all.
    for number in 0..16 {
        let key = format!("key-{number}");
        let url = format!("{}/api/v1/log/append", node.url());
        let body = serde_json::json!({
            "records": [{"keyText": key, "valueText": "v".repeat(1 << 19)}], "awaitDurable": true,
        });
        let request = http().post(url).header("content-type", "application/json");
        let appended = request.body(body.to_string()).send().await;
        assert_eq!(appended.expect("an answer").status(), 200);
    }
    let end = Instant::now() + LIMIT;
    while data_files() == 0 {
        assert!(Instant::now() < end, "no partition has written a data file");
        sleep(Duration::from_millis(50)).await;
    }
}
