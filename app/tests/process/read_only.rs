//! Read-only servers: replicas of a log on a real store, beside the server that writes it.

use std::time::Duration;

use log_testkit::recorder::Recorder;
use log_testkit::s3_policy::{Policy, needed};
use log_testkit::seaweedfs::{SeaweedFs, through};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::support::client::{Client, Outcome, http, ready, until_ready_is};
use crate::support::place::Place;
use crate::support::server::{Server, Variable, run, variable, variables};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/read-only.md");

/// New records must be visible within this time on a busy machine; polls are 1 s apart.
const SOON: Duration = Duration::from_secs(10);

fn read_only() -> Variable {
    variable("LOG_READ_ONLY", "true")
}

/// Waits until a replica shows this many records of a key.
async fn until_shown(client: &Client, key: &[u8], records: u64) -> Duration {
    let began = Instant::now();
    while client.count(key).await < records {
        assert!(began.elapsed() < SOON, "not shown within {SOON:?}");
        sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_shows_what_the_writer_wrote_and_refuses_changes() {
    let place = Place::s3();
    let writer = place.serve();
    let to_writer = Client::new(&writer);
    for n in 0..10 {
        to_writer.append_one("k", &n.to_string(), true).await;
    }
    let replica = place.serve_with(&[read_only()]);
    let to_replica = Client::new(&replica);
    assert_eq!(
        to_replica.scan_all(b"k", 4).await,
        to_writer.scan_all(b"k", 4).await
    );
    assert_eq!(to_replica.all_keys(10).await, [b"k"]);
    assert_eq!(ready(&replica).await.0, 200);

    to_writer.append_one("k", "new", true).await;
    until_shown(&to_replica, b"k", 11).await;

    let refused = to_replica
        .append(&[(b"k".to_vec(), b"v".to_vec())], false)
        .await;
    let Outcome::Unknown(refused) = refused else {
        panic!("{refused:?}");
    };
    assert!(
        refused.starts_with("421") && refused.contains("not_writer"),
        "{refused}"
    );
    let trimmed = to_replica.trim(json!({"beforeSequence": 5})).await;
    assert_eq!(
        (trimmed.status, trimmed.json["code"].as_str()),
        (421, Some("not_writer"))
    );
    let deleted = to_replica.delete(b"k", "").await;
    assert_eq!(deleted.status, 421, "{}", deleted.json);

    // Trims and deletions arrive like records.
    let trimmed = to_writer.trim(json!({"beforeSequence": 5})).await;
    assert_eq!(trimmed.status, 200, "{}", trimmed.json);
    let deadline = Instant::now() + SOON;
    while to_replica.count(b"k").await > 6 {
        assert!(Instant::now() < deadline);
        sleep(Duration::from_millis(20)).await;
    }
    let metrics = to_replica.metrics().await;
    let lag = metrics
        .lines()
        .find_map(|line| line.strip_prefix("log_reader_lag_seconds "));
    let lag: f64 = lag.and_then(|lag| lag.parse().ok()).expect("a number");
    assert!(lag > 0.0 && lag < 10.0, "{lag}");
    assert_eq!(replica.terminate().await.code, Some(0));
    assert_eq!(writer.terminate().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_waits_for_what_its_client_knows_and_every_answer_says_how_far_it_is() {
    let place = Place::s3();
    let writer = place.serve();
    let to_writer = Client::new(&writer);
    to_writer.append_one("k", "0", true).await;
    let replica = place.serve_with(&[read_only()]);
    let to_replica = Client::new(&replica);
    for n in 1..6 {
        let sequence = to_writer.append_one("k", &n.to_string(), true).await;
        let at_least = format!("&at_least={}", sequence + 1);
        // Whichever read it is.
        let found = match n % 3 {
            0 => to_replica
                .scan(b"k", 0, &at_least)
                .await
                .expect("a page")
                .values
                .len(),
            1 => {
                let counted = to_replica.get(&format!("/count?key=k{at_least}")).await;
                let counted = counted.expect("answered");
                counted.json["count"].as_u64().expect("a number") as usize
            }
            _ => {
                let listed = to_replica.get(&format!("/keys?limit=5{at_least}")).await;
                assert_eq!(listed.expect("answered").status, 200);
                to_replica.count(b"k").await as usize
            }
        };
        assert_eq!(found, n + 1);
    }
    let late = "/scan?key=k&at_least=1000&timeout_ms=300";
    let url = |server: &Server| format!("{}/api/v1/log{late}", server.url());
    for server in [&replica, &writer] {
        let answer = http().get(url(server)).send().await.expect("answered");
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "1");
        assert_eq!(answer.headers()["log-durable-sequence"], "6");
        let error = answer.bytes().await.expect("a body");
        let error: serde_json::Value = serde_json::from_slice(&error).expect("JSON");
        assert_eq!(error["code"], "behind", "{error}");
    }
    let scan = format!("{}/api/v1/log/scan?key=k", replica.url());
    let answer = http().get(scan).send().await.expect("answered");
    assert_eq!(answer.headers()["log-durable-sequence"], "6");

    // A follower of the replica is woken.
    let mut stream = to_replica
        .stream("/stream?key=k&start_seq=6&at_least=6")
        .await;
    to_writer.append_one("k", "live", true).await;
    let event = tokio::time::timeout(SOON, stream.chunk())
        .await
        .expect("in time");
    let event = event.expect("read").expect("an event");
    assert!(event.starts_with(b"id: 6\n"), "{event:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_writer_and_its_successor_do_not_disturb_a_replica() {
    let place = Place::s3();
    let writer = place.serve();
    let first = Client::new(&writer).append_one("k", "first", true).await;
    let replica = place.serve_with(&[read_only()]);
    let to_replica = Client::new(&replica);
    writer.kill9();
    assert_eq!(to_replica.count(b"k").await, 1);
    assert_eq!(ready(&replica).await.0, 200);
    let successor = place.serve();
    assert_eq!(to_replica.count(b"k").await, 1);
    let second = Client::new(&successor)
        .append_one("k", "second", true)
        .await;
    until_shown(&to_replica, b"k", 2).await;
    let shown = to_replica.scan_all(b"k", 10).await;
    assert_eq!(
        shown,
        [(first, b"first".to_vec()), (second, b"second".to_vec())]
    );
    // Another one takes the log over while both run.
    let third = place.serve();
    Client::new(&third).append_one("k", "third", true).await;
    until_shown(&to_replica, b"k", 3).await;
    assert_eq!(ready(&replica).await.0, 200);
    assert_eq!(successor.wait().await.code, Some(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_of_a_store_that_is_away_is_not_ready_until_it_is_back() {
    let place = Place::s3();
    let writer = place.serve();
    Client::new(&writer).append_one("k", "v", true).await;
    let settings = variables(&[
        ("LOG_READ_ONLY", "true"),
        ("LOG_READER__POLL_INTERVAL", "500ms"),
        ("LOG_READER__MAX_LAG", "3s"),
    ]);
    let replica = place.serve_with(&settings);
    let to_replica = Client::new(&replica);
    assert_eq!(ready(&replica).await.0, 200);
    place.pause();
    let why = until_ready_is(&replica, 503, Duration::from_secs(20)).await;
    assert!(why.contains("reader.max_lag"), "{why}");
    // What it has in memory it still shows.
    assert_eq!(to_replica.count(b"k").await, 1);
    place.resume();
    until_ready_is(&replica, 200, Duration::from_secs(60)).await;
    Client::new(&writer).append_one("k", "w", true).await;
    until_shown(&to_replica, b"k", 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documented_policy_allows_what_a_replica_does_and_no_more_and_a_poll_is_a_few_requests()
{
    let s3 = SeaweedFs::start();
    s3.create_bucket("my-log");
    let proxy = Recorder::before(s3.port(), &[]);
    let arguments = ["--s3-bucket", "my-log"].map(str::to_owned);
    // The writer does not go through the proxy.
    let writer = Server::start(&arguments, &s3.environment());
    Client::new(&writer).append_one("k", "v", true).await;
    let mut environment = through(&proxy.url(), s3.environment());
    environment.push(read_only());
    let replica = Server::start(&arguments, &environment);
    let to_replica = Client::new(&replica);
    assert_eq!(to_replica.count(b"k").await, 1);
    assert_eq!(ready(&replica).await.0, 200);
    Client::new(&writer).append_one("k", "w", true).await;
    until_shown(&to_replica, b"k", 2).await;
    let (before, began) = (proxy.calls().len(), Instant::now());
    sleep(Duration::from_secs(5)).await;
    let seconds = began.elapsed().as_secs() as usize + 2;
    let asked = proxy.calls().len() - before;
    assert!(asked > 0 && asked <= 16 * seconds, "{asked} in {seconds} s");
    assert_eq!(replica.terminate().await.code, Some(0));
    let seen = proxy.calls().iter().flat_map(needed).collect();
    let document = std::fs::read_to_string(DOCUMENT).expect("read the document");
    Policy::below("## Permissions", &document).assert_is_least(&seen);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_of_a_folder_leaves_its_lock_alone() {
    let place = Place::folder();
    let writer = place.serve();
    Client::new(&writer).append_one("k", "v", true).await;
    let replica = place.serve_with(&[read_only()]);
    assert_eq!(Client::new(&replica).count(b"k").await, 1);
    Client::new(&writer).append_one("k", "w", true).await;
    until_shown(&Client::new(&replica), b"k", 2).await;
    assert_eq!(ready(&writer).await.0, 200);
    assert_eq!(ready(&replica).await.0, 200);
    assert_eq!(writer.terminate().await.code, Some(0));
    let writer = place.serve();
    Client::new(&writer).append_one("k", "x", true).await;
    until_shown(&Client::new(&replica), b"k", 3).await;
    assert_eq!(replica.terminate().await.code, Some(0));
}

#[test]
fn settings_that_a_replica_cannot_have_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().display().to_string();
    for (arguments, why) in [
        (
            vec!["serve", "--read-only", "--in-memory"],
            "contradict each other",
        ),
        (vec!["--read-only", "--take-over"], "contradict each other"),
        (
            vec!["--read-only", "--data-dir", &empty],
            "there is no log at log",
        ),
    ] {
        let exit = run(&[&arguments[..], &["--port", "0"]].concat(), &[]);
        assert_eq!(exit.code, Some(2), "{}", exit.stderr);
        assert!(exit.stderr.contains(why), "{}", exit.stderr);
    }
    let polls = [
        ("LOG_READER__POLL_INTERVAL", "1m"),
        ("LOG_READ_ONLY", "true"),
    ];
    let exit = run(&["config", "check"], &polls);
    assert!(exit.stderr.contains("reader.max_lag"), "{}", exit.stderr);
}
