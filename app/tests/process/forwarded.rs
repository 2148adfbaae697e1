//! Read-only servers that forward changes to the server that writes the log, on a real store.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::support::client::{Client, Outcome, http};
use crate::support::place::Place;
use crate::support::server::{Server, Variable, run, variables};

/// What follows must happen within this time on a busy machine.
const SOON: Duration = Duration::from_secs(10);

fn forwarding_to(url: &str) -> Vec<Variable> {
    variables(&[("LOG_READ_ONLY", "true"), ("LOG_READER__WRITER_URL", url)])
}

/// Whether a record with this value is shown below `at_least`.
async fn reads(server: &Client, at_least: u64, value: &[u8]) -> bool {
    let page = server.scan(b"k", 0, &format!("&at_least={at_least}")).await;
    let page = page.expect("a page");
    page.values.iter().any(|(_, found)| found == value)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_a_replica_appends_reads_its_writes_and_is_told_the_truth_when_the_writer_is_gone()
 {
    let place = Place::s3();
    let port = log_testkit::ports::free_ports::<1>()[0];
    let writer = place.starter(port)();
    let replica = place.serve_with(&forwarding_to(writer.url()));
    let client = Client::new(&replica);
    for value in ["a", "b", "c"] {
        let sequence = client.append_one("k", value, true).await;
        assert!(reads(&client, sequence + 1, value.as_bytes()).await);
    }
    let moved = http()
        .put(format!("{}/api/v1/log/cursors/c", replica.url()))
        .body(json!({"position": 2}).to_string())
        .send()
        .await
        .expect("answered");
    assert_eq!(moved.status(), 200);
    let trimmed = client.trim(json!({"beforeSequence": 1})).await;
    assert_eq!(trimmed.status, 200, "{}", trimmed.json);
    let deleted = client.delete(b"other", "").await;
    assert_eq!(deleted.status, 200, "{}", deleted.json);
    let first = Client::new(&writer).scan_all(b"k", 10).await;
    assert_eq!(first.len(), 2);

    writer.kill9();
    let record = [(b"k".to_vec(), b"refused".to_vec())];
    let began = Instant::now();
    loop {
        // The connection of before may break when it is used: then the outcome is unknown, once.
        match client.append(&record, true).await {
            Outcome::Refused { status, code } => {
                assert_eq!((status, code.as_str()), (503, "unavailable"));
                break;
            }
            Outcome::Unknown(_) if began.elapsed() < SOON => {}
            other => panic!("{other:?}"),
        }
    }
    let answer = http()
        .post(format!("{}/api/v1/log/append", replica.url()))
        .body(json!({"records": [{"keyText": "k", "valueText": "refused"}]}).to_string())
        .send()
        .await
        .expect("answered");
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "1");
    let body = answer.text().await.expect("a body");
    assert!(body.contains("nothing was applied"), "{body}");
    // Reads go on; the trim may not have been found yet.
    assert!(client.count(b"k").await >= 2);

    // A successor at the same address.
    let successor = place.starter(port)();
    let sequence = client.append_one("k", "d", true).await;
    assert!(reads(&client, sequence + 1, b"d").await);
    let all = Client::new(&successor).scan_all(b"k", 10).await;
    let values: Vec<_> = all.iter().map(|(_, value)| &value[..]).collect();
    assert_eq!(values, [&b"b"[..], b"c", b"d"]);
    assert_eq!(replica.terminate().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_stops_in_the_middle_of_a_request_leaves_its_outcome_unknown() {
    let place = Place::s3();
    let writer = place.serve();
    let mut settings = forwarding_to(writer.url());
    settings.extend(variables(&[("LOG_TIMEOUTS__APPEND", "500ms")]));
    let replica = place.serve_with(&settings);
    let client = Client::new(&replica);
    client.append_one("k", "a", true).await;
    let append = || async {
        let client = Client::new(&replica);
        client.append(&[(b"k".to_vec(), b"v".to_vec())], true).await
    };
    // It is silent: it was sent, and no answer comes within timeouts.append and five seconds.
    writer.suspend();
    let Outcome::Unknown(late) = append().await else {
        panic!("not unknown")
    };
    assert!(late.starts_with("504"), "{late}");
    // It ends before it answers.
    let killed = async {
        sleep(Duration::from_millis(500)).await;
        writer.kill9();
    };
    let (lost, ()) = tokio::join!(append(), killed);
    let Outcome::Unknown(lost) = lost else {
        panic!("{lost:?}")
    };
    assert!(
        lost.starts_with("504") && !lost.contains("nothing was applied"),
        "{lost}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_whose_writer_is_a_replica_says_so() {
    let place = Place::s3();
    let writer = place.serve();
    Client::new(&writer).append_one("k", "a", true).await;
    let [port] = log_testkit::ports::free_ports::<1>();
    // Its own address.
    let settings = forwarding_to(&format!("http://127.0.0.1:{port}"));
    let replica: Server = place.starter_with(port, &settings)();
    let trimmed = Client::new(&replica)
        .trim(json!({"beforeSequence": 1}))
        .await;
    assert_eq!(trimmed.status, 421);
    let message = trimmed.json["message"].as_str().expect("a message");
    assert!(message.contains("reader.writer_url"), "{message}");
}

/// The value of a gauge, if it is shown.
async fn gauge(client: &Client, name: &str) -> Option<f64> {
    let metrics = client.metrics().await;
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(|value| value.parse().expect("a number"))
}

const LAG: &str = "log_reader_lag_sequences";

async fn until_lag_is(client: &Client, known: bool) {
    let began = Instant::now();
    while gauge(client, LAG).await.is_some() != known {
        assert!(began.elapsed() < 2 * SOON, "{LAG} is not known: {known}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_hears_from_the_writer_shows_records_long_before_it_would_poll() {
    let place = Place::s3();
    let port = log_testkit::ports::free_ports::<1>()[0];
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let tokens = file(
        "tokens",
        "reader read token-of-the-replica\nwriter read,append token-of-the-client\n",
    );
    let token = file("token", "token-of-the-replica\n");
    let with_tokens = variables(&[("LOG_AUTH__TOKENS", &tokens)]);
    let writer = place.starter_with(port, &with_tokens)();
    let mut settings = forwarding_to(writer.url());
    settings.extend(variables(&[
        ("LOG_READER__POLL_INTERVAL", "1h"),
        ("LOG_READER__MAX_LAG", "3h"),
        ("LOG_READER__WRITER_TOKEN_FILE", &token),
    ]));
    let replica = place.serve_with(&settings);
    let client = Client::new(&replica);
    until_lag_is(&client, true).await;
    let append = async |value: &str| {
        let answer = http()
            .post(format!("{}/api/v1/log/append", replica.url()))
            .bearer_auth("token-of-the-client")
            .body(
                json!({"records": [{"keyText": "k", "valueText": value}], "awaitDurable": true})
                    .to_string(),
            )
            .send()
            .await
            .expect("answered");
        assert_eq!(answer.status(), 200);
    };
    for number in 0..5 {
        append(&number.to_string()).await;
        assert!(reads(&client, number + 1, number.to_string().as_bytes()).await);
    }
    let began = Instant::now();
    while gauge(&client, LAG).await != Some(0.0) {
        assert!(began.elapsed() < SOON);
        sleep(Duration::from_millis(50)).await;
    }
    // Without the writer nothing is known of it, and then of its successor.
    writer.kill9();
    until_lag_is(&client, false).await;
    let successor = place.starter_with(port, &with_tokens)();
    until_lag_is(&client, true).await;
    append("5").await;
    let began = Instant::now();
    while client.count(b"k").await < 6 {
        assert!(began.elapsed() < SOON, "not shown");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(successor.terminate().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_follows_the_writer_is_far_fresher_than_its_polls_and_without_it_goes_on_by_polls()
 {
    const POLL: Duration = Duration::from_secs(5);
    let place = Place::s3();
    let port = log_testkit::ports::free_ports::<1>()[0];
    let writer = place.starter(port)();
    let mut settings = forwarding_to(writer.url());
    settings.extend(variables(&[("LOG_READER__POLL_INTERVAL", "5s")]));
    let replica = place.serve_with(&settings);
    let (of_writer, client) = (Client::new(&writer), Client::new(&replica));
    until_lag_is(&client, true).await;
    let mut stale = Vec::new();
    for number in 0..30_u32 {
        let value = number.to_string();
        let sequence = of_writer.append_one("k", &value, true).await;
        let began = Instant::now();
        assert!(reads(&client, sequence + 1, value.as_bytes()).await);
        stale.push(began.elapsed());
    }
    stale.sort_unstable();
    let median = stale[stale.len() / 2];
    assert!(median < POLL / 10, "{stale:?}");

    // Another server takes the log over, at an address that the replica does not know.
    let other = place.serve();
    let of_other = Client::new(&other);
    let sequence = of_other.append_one("k", "of the other", true).await;
    let began = Instant::now();
    while !reads(&client, sequence + 1, b"of the other").await {
        assert!(began.elapsed() < 3 * POLL, "not shown");
    }
    until_lag_is(&client, false).await;
    assert_eq!(client.scan_all(b"k", 100).await.len(), 31);
    assert_eq!(replica.terminate().await.code, Some(0));
}

#[test]
fn a_url_that_cannot_be_that_of_a_writer_is_refused() {
    let read_only = ["--read-only", "--writer-url"];
    for (flags, url, why) in [
        (&read_only[..], "localhost:8080", "must begin with http://"),
        (
            &read_only,
            "http://a:secret@localhost",
            "must not have a user",
        ),
        (&read_only, "http://localhost?a=b", "must not have a query"),
        (
            &["--writer-url"],
            "http://localhost",
            "set read_only (--read-only) too",
        ),
    ] {
        let exit = run(&[&["config", "check"], flags, &[url]].concat(), &[]);
        assert_eq!(exit.code, Some(2), "{}", exit.stderr);
        assert!(
            exit.stderr.contains(why)
                && exit.stderr.contains("reader.writer_url (--writer-url)")
                && !exit.stderr.contains("secret"),
            "{}",
            exit.stderr
        );
    }
    let good = [
        "config",
        "check",
        "--read-only",
        "--writer-url",
        "http://localhost:1/a/",
    ];
    let exit = run(&good, &[]);
    assert_eq!(exit.code, Some(0), "{}", exit.stderr);
}
