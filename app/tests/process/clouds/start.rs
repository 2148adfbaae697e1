//! The check of the store: each thing that is wrong is said in one line, within seconds.

use std::time::Duration;

use log_testkit::azurite::Azurite;
use log_testkit::gcs::Gcs;
use log_testkit::ports::free_ports;
use log_testkit::recorder::{Recorder, answer};
use tokio::time::Instant;

use super::{BUCKET, and, azure, google, in_azure, in_google, refused, says};
use crate::support::client::Client;
use crate::support::server::{Server, Variable};

/// The check's own bound, and a debug build on a busy machine.
const SECONDS: Duration = Duration::from_secs(20);

fn refused_soon(flags: &[String], environment: &[Variable]) -> String {
    let started = Instant::now();
    let line = refused(flags, environment);
    let took = started.elapsed();
    assert!(took < SECONDS, "{took:?} until {line:?}");
    line
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_of_google_that_is_not_there_or_not_ours_ends_the_start() {
    let gcs = google();
    gcs.accept_token("token");
    let right = gcs.environment_with_token();
    let line = refused_soon(&in_google("not-there"), &right);
    says(
        &line,
        &["gs://not-there", "bucket does not exist", "NoSuchBucket"],
    );
    let wrong = and(right.clone(), &[("GOOGLE_BEARER_TOKEN", "someone-elses")]);
    let line = refused_soon(&in_google(BUCKET), &wrong);
    says(
        &line,
        &[
            BUCKET,
            "credentials are not valid",
            "AuthenticationRequired",
        ],
    );
    assert!(!line.contains("someone-elses"), "{line}");
    // With the right token the same server starts, twice: the check leaves nothing behind that stops the next.
    for _ in 0..2 {
        let server = Server::start(&in_google(BUCKET), &right);
        Client::new(&server).append_one("key", "value", true).await;
        assert_eq!(server.terminate().await.code, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_of_azure_that_is_not_there_or_not_ours_ends_the_start() {
    let azurite = azure();
    let right = azurite.environment();
    let line = refused_soon(&in_azure("not-there"), &right);
    says(
        &line,
        &[
            "az://devstoreaccount1/not-there",
            "container does not exist",
            "ContainerNotFound",
        ],
    );
    let wrong = and(
        right.clone(),
        &[("AZURE_STORAGE_ACCOUNT_KEY", "bm90IHRoZSBrZXk=")],
    );
    let line = refused_soon(&in_azure(BUCKET), &wrong);
    says(
        &line,
        &[BUCKET, "credentials are not valid", "AuthorizationFailure"],
    );
    for _ in 0..2 {
        let server = Server::start(&in_azure(BUCKET), &right);
        Client::new(&server).append_one("key", "value", true).await;
        assert_eq!(server.terminate().await.code, Some(0));
    }
}

#[test]
fn a_store_that_ignores_the_precondition_is_refused() {
    let gcs = google();
    let careless = Recorder::before(gcs.port(), &["x-goog-if-generation-match"]);
    let environment = and(
        Gcs::environment_at(careless.port()),
        &[("GOOGLE_BEARER_TOKEN", "token")],
    );
    let line = refused_soon(&in_google(BUCKET), &environment);
    says(
        &line,
        &[
            BUCKET,
            "no conditional PUTs",
            "x-goog-if-generation-match: 0",
        ],
    );

    let azurite = azure();
    // The signature is over this header too; so the requests are not signed by who asks.
    let careless = azurite.before(|_| true);
    let careless = Recorder::before(careless.port(), &["if-none-match"]);
    let environment = and(
        without_key(Azurite::environment_at(careless.port())),
        &[("AZURE_STORAGE_TOKEN", "token")],
    );
    let line = refused_soon(&in_azure(BUCKET), &environment);
    says(&line, &[BUCKET, "no conditional PUTs", "If-None-Match: *"]);
}

#[test]
fn a_store_that_is_nowhere_is_tried_for_as_long_as_the_check_takes() {
    let [nobody] = free_ports();
    let google = and(
        Gcs::environment_at(nobody),
        &[("GOOGLE_BEARER_TOKEN", "token")],
    );
    let azure = Azurite::environment_at(nobody);
    let (from_google, from_azure) = std::thread::scope(|scope| {
        let google = scope.spawn(|| refused_soon(&in_google(BUCKET), &google));
        let azure = scope.spawn(|| refused_soon(&in_azure(BUCKET), &azure));
        (
            google.join().expect("refused"),
            azure.join().expect("refused"),
        )
    });
    for line in [from_google, from_azure] {
        says(
            &line,
            &[BUCKET, &nobody.to_string(), "refused", "tried for 12 s"],
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_for_a_moment_is_waited_for() {
    let gcs = google();
    let begun = Instant::now();
    let busy = Recorder::changing(gcs.port(), move |_| {
        match begun.elapsed() < Duration::from_secs(2) {
            true => Err(answer(
                503,
                "<Error><Code>SlowDown</Code><Message>Slow down.</Message></Error>",
            )),
            false => Ok(()),
        }
    });
    let environment = and(
        Gcs::environment_at(busy.port()),
        &[("GOOGLE_BEARER_TOKEN", "token")],
    );
    let mut server = Server::start(&in_google(BUCKET), &environment);
    assert!(begun.elapsed() >= Duration::from_secs(2));
    assert!(
        server.log().contains("SlowDown"),
        "it did not say what it waited for"
    );
    assert_eq!(server.terminate().await.code, Some(0));
}

#[test]
fn values_that_the_clients_would_panic_on_are_refused_by_name() {
    for (name, value, said) in [
        ("GOOGLE_BASE_URL", "storage:9000", "it must be a URL"),
        ("GOOGLE_BASE_URL", "http://127.0.0.1:1", "GOOGLE_ALLOW_HTTP"),
        ("GOOGLE_BEARER_TOKEN", "token\n", "line break"),
    ] {
        let line = refused_soon(&in_google(BUCKET), &and(Vec::new(), &[(name, value)]));
        says(&line, &[name, said]);
    }
    for (name, value, said) in [
        (
            "AZURE_STORAGE_ENDPOINT",
            "localhost:10000",
            "it must be a URL",
        ),
        ("AZURE_STORAGE_TOKEN", "token\n", "line break"),
        ("AZURE_AUTHORITY_HOST", "login", "it must be a URL"),
        ("AZURE_TENANT_ID", "a b", "letters, digits"),
    ] {
        let line = refused_soon(&in_azure(BUCKET), &and(Vec::new(), &[(name, value)]));
        says(&line, &[name, said]);
    }
}

fn without_key(mut environment: Vec<Variable>) -> Vec<Variable> {
    environment.retain(|(name, _)| name != "AZURE_STORAGE_ACCOUNT_KEY");
    environment
}
