//! The gauges and histograms of a server whose object store does not take what it is given.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::support::client::{Client, Outcome};
use crate::support::place::Place;
use crate::support::server::variables;

/// How long a scrape may take to show what was done.
const SHOWN: Duration = Duration::from_secs(20);
const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metrics_say_what_is_not_durable_who_follows_and_what_was_appended() {
    let place = Place::s3();
    let server = place.serve_with(&variables(&[("LOG_SEGMENTS__SEAL_BYTES", "1KiB")]));
    let client = Client::new(&server);
    // The first append makes a block of sequences durable before it takes one of them.
    let value = "v".repeat(2_000);
    client.append_one("key", &value, true).await;
    let before = client.metrics().await;
    for line in [
        "log_durable_lag_records 0",
        "log_followers 0",
        "log_append_queue_requests 0",
    ] {
        assert!(
            before.lines().any(|found| found == line),
            "{line}: {before}"
        );
    }

    place.pause();
    let stream = client.stream("/stream?key=key").await;
    for _ in 0..3 {
        client.append_one("key", &value, false).await;
    }
    client.until_metrics_say("log_followers 1", SHOWN).await;
    let metrics = client.metrics().await;
    for (name, value) in [
        ("log_durable_lag_records", 3),
        ("log_tip_sequence", 4),
        ("log_durable_sequence", 1),
        ("log_segments", 4),
        ("log_append_records_total", 4),
        ("log_append_bytes_total", 4 * (3 + 2_000)),
        ("log_commit_appends_count", 4),
        ("log_commit_records_sum", 4),
        ("log_append_queue_wait_seconds_count", 4),
        (
            r#"http_request_size_bytes_count{endpoint="/api/v1/log/append",method="POST"}"#,
            4,
        ),
    ] {
        let line = format!("{name} {value}");
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}: {metrics}"
        );
    }
    let lag = metrics
        .lines()
        .find_map(|line| line.strip_prefix("log_durable_lag_seconds "))
        .expect("the lag in seconds");
    assert!(lag.parse::<f64>().expect("a number") > 0.0, "{lag}");

    drop(stream);
    place.resume();
    for line in ["log_durable_lag_records 0", "log_followers 0"] {
        client.until_metrics_say(line, SHOWN).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metrics_say_how_much_waits_while_the_object_store_takes_nothing() {
    let place = Place::s3();
    let server = place.serve_with(&variables(&[
        ("LOG_MEMORY__UNFLUSHED", "4MiB"),
        ("LOG_SLATEDB__L0_SST_SIZE_BYTES", "1048576"),
    ]));
    let client = Client::new(&server);
    client.append_one("key", "value", true).await;
    place.pause();
    // Memory takes a few of them, and the rest waits.
    let mut appends = JoinSet::new();
    for _ in 0..12 {
        let client = client.clone();
        let record = (b"key".to_vec(), vec![b'v'; MIB]);
        appends.spawn(async move { client.append(&[record], false).await });
    }
    let deadline = Instant::now() + SHOWN;
    loop {
        while let Some(done) = appends.try_join_next() {
            let outcome = done.expect("no panic");
            assert!(matches!(outcome, Outcome::Acknowledged(_)), "{outcome:?}");
        }
        let (requests, bytes) = queued(&client).await;
        // Those that are not answered, and no others.
        if requests == appends.len() && bytes >= requests * MIB {
            assert!(requests > 0, "memory took everything");
            break;
        }
        assert!(
            Instant::now() < deadline,
            "{requests} requests and {bytes} bytes, but {} are not answered",
            appends.len()
        );
        sleep(Duration::from_millis(500)).await;
    }
    place.resume();
    while let Some(done) = appends.join_next().await {
        let outcome = done.expect("no panic");
        assert!(matches!(outcome, Outcome::Acknowledged(_)), "{outcome:?}");
    }
    assert_eq!(queued(&client).await, (0, 0));
}

/// How many appends wait or are being written, and their bytes.
async fn queued(client: &Client) -> (usize, usize) {
    let metrics = client.metrics().await;
    let gauge = |name: &str| {
        let value = metrics.lines().find_map(|line| line.strip_prefix(name));
        value.expect(name).parse().expect("a number")
    };
    (
        gauge("log_append_queue_requests "),
        gauge("log_append_queue_bytes "),
    )
}
