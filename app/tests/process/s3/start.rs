//! The check of the bucket: each thing that is wrong is said in one line, within seconds.

use std::net::TcpListener;
use std::time::Duration;

use log_testkit::ports::free_ports;
use log_testkit::recorder::Recorder;
use log_testkit::seaweedfs::SeaweedFs;
use tokio::time::Instant;

use super::{BUCKET, and, flags, refused, through, with_bucket};
use crate::support::client::Client;
use crate::support::server::{Server, Variable};

/// What "within seconds" means: the check's own bound, and a debug build on a busy machine.
const SECONDS: Duration = Duration::from_secs(20);

fn refused_soon(bucket: &str, environment: &[Variable]) -> String {
    let started = Instant::now();
    let line = refused(&flags(bucket), environment);
    let took = started.elapsed();
    assert!(took < SECONDS, "{took:?} until {line:?}");
    line
}

#[track_caller]
fn says(line: &str, parts: &[&str]) {
    for part in parts {
        assert!(line.contains(part), "{line:?} does not say {part:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_not_there_and_credentials_that_are_not_valid_end_the_start() {
    let s3 = with_bucket(SeaweedFs::start_with_identity());
    let right = s3.environment();
    let line = refused_soon("not-there", &right);
    says(&line, &["s3://not-there", "does not exist", "NoSuchBucket"]);

    for (name, value, code) in [
        ("AWS_ACCESS_KEY_ID", "nobody", "InvalidAccessKeyId"),
        (
            "AWS_SECRET_ACCESS_KEY",
            "not-the-secret",
            "SignatureDoesNotMatch",
        ),
    ] {
        let line = refused_soon(BUCKET, &and(right.clone(), &[(name, value)]));
        says(&line, &[BUCKET, "credentials are not valid", code]);
        assert!(!line.contains("not-the-secret"), "{line}");
    }

    // With the right ones the same server starts, twice: the check leaves nothing behind that stops the next.
    for _ in 0..2 {
        let server = Server::start(&flags(BUCKET), &right);
        Client::new(&server).append_one("key", "value", true).await;
        assert_eq!(server.terminate().await.code, Some(0));
    }
}

#[test]
fn a_store_that_ignores_if_none_match_is_refused() {
    let s3 = with_bucket(SeaweedFs::start());
    let careless = Recorder::before(s3.port(), &["if-none-match"]);
    let environment = through(&careless.url(), s3.environment());
    for _ in 0..2 {
        let line = refused_soon(BUCKET, &environment);
        says(&line, &[BUCKET, "no conditional PUTs", "If-None-Match"]);
    }
    let manifests = careless.calls().into_iter();
    let manifests = manifests.filter(|call| call.path.contains("manifest"));
    assert_eq!(manifests.count(), 0, "the log was begun all the same");
}

#[test]
fn an_endpoint_where_nobody_listens_ends_the_start() {
    let [nobody] = free_ports();
    let endpoint = format!("http://127.0.0.1:{nobody}");
    let line = refused_soon(BUCKET, &anywhere(&endpoint));
    says(&line, &[BUCKET, &endpoint, "refused"]);
}

#[test]
fn an_endpoint_that_never_answers_ends_the_start() {
    // Connections wait in the kernel's queue for somebody to accept them.
    let silent = TcpListener::bind("127.0.0.1:0").expect("bind a loopback port");
    let port = silent.local_addr().expect("address of a listener").port();
    let line = refused_soon(BUCKET, &anywhere(&format!("http://127.0.0.1:{port}")));
    says(&line, &[BUCKET, "no answer within 12 s"]);
}

#[test]
fn an_error_of_the_store_is_told_in_one_line() {
    let broken = Recorder::answering(|_| {
        let body = "<?xml?>\n<Error>\n<Code>InternalError</Code>\n<Message>We are\nsorry</Message></Error>";
        Ok(log_testkit::recorder::answer(500, body))
    });
    let line = refused_soon(BUCKET, &anywhere(&broken.url()));
    says(
        &line,
        &[BUCKET, "cannot list", "InternalError: We are sorry"],
    );
}

fn anywhere(endpoint: &str) -> Vec<Variable> {
    and(
        Vec::new(),
        &[
            ("AWS_ENDPOINT_URL", endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test-secret"),
        ],
    )
}
