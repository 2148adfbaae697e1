//! The object store takes no writes, but answers reads.

use std::process::Command;
use std::time::Duration;

use log_testkit::counting_proxy::CountingProxy;
use log_testkit::seaweedfs::{SeaweedFs, through};

use crate::support::client::{Client, until_ready_is};
use crate::support::server::{Server, variables};

/// Refusals are told after 5 s.
const TOLD: Duration = Duration::from_secs(30);
const BUCKET: &str = "refused-writes";

/// Appends, has the writes fail with `refuse`, and succeed again with `accept`.
async fn refused_writes_are_told(
    mut server: Server,
    cause: &str,
    refuse: impl FnOnce(&Server),
    accept: impl FnOnce(&Server),
) {
    let client = Client::new(&server);
    client.append_one("k", "before", true).await;
    refuse(&server);
    client.append_one("k", "during", false).await;
    let reason = until_ready_is(&server, 503, TOLD).await;
    assert!(reason.contains("refused every write"), "{reason}");
    assert!(reason.contains(cause), "{reason}");
    server.until_logged("refused every write").await;
    let metrics = client.metrics().await;
    let seconds = metrics
        .lines()
        .find_map(|line| line.strip_prefix("log_write_failure_seconds "));
    let seconds: f64 = seconds.and_then(|n| n.parse().ok()).expect("a metric");
    assert!(seconds >= 5.0, "{seconds}");
    assert_eq!(client.scan_all(b"k", 10).await.len(), 2, "reads are fine");

    accept(&server);
    until_ready_is(&server, 200, TOLD).await;
    server.until_logged("takes writes again").await;
    client
        .until_metrics_say("log_write_failure_seconds 0", TOLD)
        .await;
    client.append_one("k", "after", true).await;
    let exit = server.terminate().await;
    assert_eq!(exit.code, Some(0), "{}", exit.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_refuses_puts_is_told_with_its_cause_until_it_takes_them_again() {
    let s3 = SeaweedFs::start();
    s3.create_bucket(BUCKET);
    let proxy = CountingProxy::start(s3.port());
    let env = through(&proxy.endpoint(), s3.environment());
    let server = Server::start(&["--s3-bucket", BUCKET].map(str::to_owned), &env);
    refused_writes_are_told(
        server,
        "AccessDenied",
        |_| proxy.refuse("PUT"),
        |_| proxy.refuse_nothing(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_on_a_disk_without_room_is_told_until_there_is_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let args = ["--data-dir".to_owned(), folder.path().display().to_string()];
    let server = Server::start(&args, &variables(&[]));
    // Every write of a file fails, as on a full disk.
    let limit = |server: &Server, limit: &str| {
        let set = Command::new("prlimit")
            .args([
                format!("--pid={}", server.id()),
                format!("--fsize={limit}:"),
            ])
            .status();
        assert!(set.is_ok_and(|status| status.success()), "prlimit");
    };
    refused_writes_are_told(
        server,
        "File too large",
        |server| limit(server, "0"),
        |server| limit(server, "unlimited"),
    )
    .await;
}
