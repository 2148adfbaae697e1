//! The bytes of a deleted key leave the bucket soon, while the server is killed: every object is read.

use std::time::Duration;

use tokio::time::Instant;

use log_testkit::seaweedfs::SeaweedFs;
use tokio::time::sleep;

use crate::support::client::Client;
use crate::support::place::{BUCKET, Place};
use crate::support::server::variables;

const LONGEST: Duration = Duration::from_secs(60);
const APPENDS: usize = 60;
/// Values are not compressed by default.
const MARKER: &str = "what-nobody-may-find-again";

/// The objects that have the marker in them.
fn with_marker(s3: &SeaweedFs) -> Vec<String> {
    let all = s3.objects(BUCKET).into_iter();
    let has_marker = |name: &String| {
        let object = s3.request("GET", &format!("/{BUCKET}/{name}"), &[], b"");
        let body = object.expect("reach SeaweedFS").body;
        body.windows(MARKER.len())
            .any(|window| window == MARKER.as_bytes())
    };
    all.filter(has_marker).collect()
}

/// Appends to all keys in turn, 200 bytes each. Returns what is kept.
async fn append(client: &Client) -> Vec<(u64, Vec<u8>)> {
    let mut kept = Vec::new();
    for number in 0..APPENDS {
        let is_last = number + 1 == APPENDS;
        let value = format!("{number}-{}", "v".repeat(200));
        let sequence = client.append_one("kept", &value, is_last).await;
        kept.push((sequence, value.into_bytes()));
        let value = format!("{MARKER}-{number}-{}", "v".repeat(170));
        client.append_one("gone", &value, is_last).await;
    }
    kept
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_object_of_the_bucket_has_a_byte_of_a_deleted_value_soon_after_also_after_kills() {
    let place = Place::s3();
    let Place::Bucket(s3) = &place else {
        panic!("a bucket");
    };
    let settings = variables(&[
        ("LOG_SEGMENTS__SEAL_BYTES", "4KiB"),
        ("LOG_RETENTION__PURGE_WITHIN", "1s"),
    ]);
    let mut kept = Vec::new();
    // Killed at another moment of the purge each time.
    for pause in [0, 300, 700, 1_100] {
        let server = place.serve_with(&settings);
        let client = Client::new(&server);
        kept.extend(append(&client).await);
        let answer = client.delete(b"gone", "").await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        assert_eq!(client.count(b"gone").await, 0);
        sleep(Duration::from_millis(pause)).await;
        server.kill9();
    }
    assert!(
        !with_marker(s3).is_empty(),
        "nothing was stored, or it is gone before a purge can end"
    );
    let server = place.serve_with(&settings);
    let client = Client::new(&server);
    let began = Instant::now();
    client.until_metrics_say("log_purges 0", LONGEST).await;
    while let left = with_marker(s3)
        && !left.is_empty()
    {
        assert!(
            began.elapsed() < LONGEST,
            "{left:?} after {:?}",
            began.elapsed()
        );
        sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(client.scan_all(b"kept", 50).await, kept);
    assert_eq!(client.count(b"kept").await, kept.len() as u64);
    assert_eq!(client.count(b"gone").await, 0);
    assert_eq!(client.all_keys(10).await, [b"kept".to_vec()]);
    // What is gone begins anew.
    client.append_one("gone", "new", true).await;
    assert_eq!(client.count(b"gone").await, 1);
    server.kill9();
    let report = place.run(&["check"], &[]);
    assert_eq!(report.code, Some(0), "{}", report.stderr);
}
