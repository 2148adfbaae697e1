//! The check of the bucket: each thing that is wrong is said in one line, within seconds.

use std::net::TcpListener;
use std::time::Duration;

use log_testkit::ports::free_ports;
use log_testkit::recorder::Recorder;
use log_testkit::seaweedfs::SeaweedFs;
use tokio::time::Instant;

use super::{BUCKET, and, flags, refused, says, through, with_bucket};
use crate::support::client::Client;
use crate::support::server::{Server, Variable, run_with};

/// What "within seconds" means: the check's own bound, and a debug build on a busy machine.
const SECONDS: Duration = Duration::from_secs(20);

fn refused_soon(bucket: &str, environment: &[Variable]) -> String {
    let started = Instant::now();
    let line = refused(&flags(bucket), environment);
    let took = started.elapsed();
    assert!(took < SECONDS, "{took:?} until {line:?}");
    line
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
    // Connections wait in the kernel's accept queue.
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

#[test]
fn a_store_without_conditional_puts_is_told_from_one_that_is_broken() {
    let s3 = with_bucket(SeaweedFs::start());
    let old = Recorder::changing(s3.port(), |call| {
        match call.headers.contains_key("if-none-match") {
            true => Err(log_testkit::recorder::answer(
                501,
                "<Error><Code>NotImplemented</Code><Message>A header is not implemented.</Message></Error>",
            )),
            false => Ok(()),
        }
    });
    let line = refused_soon(BUCKET, &through(&old.url(), s3.environment()));
    says(
        &line,
        &["does not implement `If-None-Match: *`", "NotImplemented"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_for_a_moment_is_waited_for() {
    let s3 = with_bucket(SeaweedFs::start());
    let [port] = free_ports();
    let (real, waited) = (s3.port(), Duration::from_secs(2));
    let begun = Instant::now();
    let opened = std::thread::spawn(move || {
        // Until then connections are refused.
        std::thread::sleep(waited);
        log_testkit::recorder::Recorder::at(port, real)
    });
    let environment = through(&format!("http://127.0.0.1:{port}"), s3.environment());
    let mut server = Server::start(&flags(BUCKET), &environment);
    assert!(begun.elapsed() >= waited);
    let log = server.log();
    says(&log, &["refused", "trying again for 12 s"]);
    assert_eq!(server.terminate().await.code, Some(0));
    drop(opened.join().expect("no panic"));
}

#[test]
fn values_that_the_client_would_panic_on_are_refused_by_name() {
    let right = anywhere("http://127.0.0.1:1");
    for (name, value, said) in [
        ("AWS_ENDPOINT_URL", "minio:9000", "it must be a URL"),
        ("AWS_ACCESS_KEY_ID", "id\n", "line break"),
        ("AWS_SECRET_ACCESS_KEY", "secret ", "white space"),
        ("AWS_SESSION_TOKEN", "t\u{f6}ken", "printable ASCII"),
        ("AWS_REGION", "eu central", "eu-central-1"),
        ("AWS_ALLOW_HTTP", "false", "AWS_ALLOW_HTTP=true"),
    ] {
        let mut environment = right.clone();
        environment.retain(|(earlier, _)| earlier != name);
        let environment = and(environment, &[(name, value)]);
        says(&refused_soon(BUCKET, &environment), &[name, said]);
        let check = ["config", "check", "--s3-bucket", BUCKET].map(str::to_owned);
        let exit = run_with(&check, &environment);
        assert_eq!(exit.code, Some(2), "{exit:?}");
        says(&exit.stderr, &[name, said]);
    }
}

#[test]
fn a_proxy_in_between_is_named_and_its_password_is_not() {
    let [nobody] = free_ports();
    let proxy = format!("http://user:secret@127.0.0.1:{nobody}");
    let proxies = ["HTTP_PROXY", "http_proxy"].map(|name| (name, proxy.as_str()));
    let environment = and(anywhere("http://store.test:9000"), &proxies);
    let environment = and(environment, &[("NO_PROXY", ""), ("no_proxy", "")]);
    let line = refused_soon(BUCKET, &environment);
    says(&line, &["HTTP_PROXY", &format!("127.0.0.1:{nobody}")]);
    assert!(!line.contains("secret"), "{line}");
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
