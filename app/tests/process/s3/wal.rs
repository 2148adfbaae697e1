//! A WAL in a bucket of its own.

use std::time::Duration;

use log_testkit::recorder::Recorder;
use log_testkit::seaweedfs::SeaweedFs;
use tokio::time::sleep;

use super::{BUCKET, and, flags, refused, through, with_bucket};
use crate::support::client::Client;
use crate::support::history::{Ended, read_log};
use crate::support::load::{Load, Shared};
use crate::support::server::Server;

const WAL_BUCKET: &str = "s3-tests-wal";
const SETTING: &str = "LOG_STORAGE__WAL__S3__BUCKET";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wal_of_its_own_lies_in_its_bucket_and_survives_kills_and_no_server_starts_without_it() {
    let s3 = with_bucket(SeaweedFs::start());
    s3.create_bucket(WAL_BUCKET);
    let proxy = Recorder::before(s3.port(), &[]);
    let without = through(&proxy.url(), s3.environment());
    let with = and(without.clone(), &[(SETTING, WAL_BUCKET)]);

    let history = Shared::default();
    let mut server = Server::start(&flags(BUCKET), &with);
    for round in 0..3 {
        let load = Load::start(&server, round, &history);
        sleep(Duration::from_millis(800)).await;
        server.kill9();
        load.stop().await;
        let acknowledged = history.lock().acknowledged_in(round);
        assert!(acknowledged > 0, "round {round} tested nothing");

        let line = refused(&flags(BUCKET), &without);
        assert!(
            line.contains(WAL_BUCKET) && line.contains("storage.wal.s3.bucket"),
            "{line}"
        );
        server = Server::start(&flags(BUCKET), &with);
        let log = read_log(&Client::new(&server)).await;
        history.lock().check(&log, round, Ended::Killed);
    }
    assert_eq!(server.terminate().await.code, Some(0));

    let other = and(without.clone(), &[(SETTING, BUCKET)]);
    let line = refused(&flags(BUCKET), &other);
    assert!(line.contains(WAL_BUCKET), "{line}");

    let calls = proxy.calls();
    let puts = calls.iter().filter(|call| call.method == "PUT");
    let (wal, rest): (Vec<_>, Vec<_>) = puts
        .map(|call| call.path.trim_start_matches('/'))
        .partition(|path| path.contains("/wal/"));
    assert!(wal.len() > 10, "hardly any WAL: {wal:?}");
    for path in wal {
        assert!(
            path.starts_with(&format!("{WAL_BUCKET}/log/wal/")),
            "{path}"
        );
    }
    for path in rest {
        let in_both = ["/conditional-put-check", "/identity"];
        let is_in_both = in_both.iter().any(|name| path.ends_with(name));
        assert!(
            path.starts_with(&format!("{BUCKET}/")) || is_in_both,
            "{path}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_began_without_a_wal_of_its_own_does_not_get_one() {
    let s3 = with_bucket(SeaweedFs::start());
    s3.create_bucket(WAL_BUCKET);
    let server = Server::start(&flags(BUCKET), &s3.environment());
    Client::new(&server).append_one("key", "value", true).await;
    server.kill9();
    let with = and(s3.environment(), &[(SETTING, WAL_BUCKET)]);
    let line = refused(&flags(BUCKET), &with);
    assert!(line.contains("storage.wal.s3.bucket"), "{line}");

    let missing = and(s3.environment(), &[(SETTING, "not-there")]);
    let line = refused(&flags(BUCKET), &missing);
    assert!(
        line.contains("s3://not-there") && line.contains("does not exist"),
        "{line}"
    );
    let server = Server::start(&flags(BUCKET), &s3.environment());
    assert_eq!(Client::new(&server).count(b"key").await, 1);
}
