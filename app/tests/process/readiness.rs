//! What readiness costs, and how long it may take.

use std::time::Duration;

use log_testkit::counting_proxy::CountingProxy;
use log_testkit::seaweedfs::{SeaweedFs, through};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::support::client::{Client, http, ready};
use crate::support::place::Place;
use crate::support::server::{Server, variables};

const BUCKET: &str = "probed";

/// Nothing but readiness looks at the manifest.
const QUIET: [(&str, &str); 3] = [
    ("LOG_SLATEDB__MANIFEST_POLL_INTERVAL", "1h"),
    ("LOG_SLATEDB__COMPACTOR_OPTIONS__POLL_INTERVAL", "1h"),
    (
        "LOG_SLATEDB__COMPACTOR_OPTIONS__WORKER__COMPACTIONS_POLL_INTERVAL",
        "1h",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_probes_within_a_second_are_two_checks_of_the_store_at_most() {
    let s3 = SeaweedFs::start();
    s3.create_bucket(BUCKET);
    let proxy = CountingProxy::start(s3.port());
    let mut environment = through(&proxy.endpoint(), s3.environment());
    environment.extend(variables(&QUIET));
    let arguments = ["--s3-bucket", BUCKET].map(str::to_owned);
    let server = Server::start(&arguments, &environment);
    Client::new(&server).append_one("k", "v", true).await;
    let asked = || -> u64 {
        let reads = ["GET", "HEAD"].map(|method| proxy.seen(method));
        reads.iter().flat_map(|seen| seen.values()).sum()
    };

    // What one check costs, when the last one is forgotten.
    sleep(Duration::from_secs(2)).await;
    proxy.forget();
    assert_eq!(ready(&server).await.0, 200);
    let one_check = asked();
    assert!(one_check > 0, "a check does not ask the store");

    sleep(Duration::from_secs(2)).await;
    proxy.forget();
    let began = Instant::now();
    let http = http();
    for _ in 0..5 {
        let mut probes = JoinSet::new();
        for _ in 0..10 {
            probes.spawn(http.get(format!("{}/-/ready", server.url())).send());
        }
        while let Some(probe) = probes.join_next().await {
            let answer = probe.expect("no panic").expect("an answer");
            assert_eq!(answer.status(), 200);
        }
        sleep(Duration::from_millis(100)).await;
    }
    let (asked, took) = (asked(), began.elapsed());
    // On a machine that takes its time the probes are spread over more seconds, each with its check.
    let checks = 2 + took.as_secs();
    assert!(asked >= one_check, "not asked at all");
    assert!(
        asked <= checks * one_check,
        "{asked} requests in {took:?}, where a check is {one_check}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_of_a_store_that_is_silent_takes_as_long_as_the_settings_say() {
    let place = Place::s3();
    for (setting, at_least, below) in [("300ms", 300, 1_800), ("4s", 4_000, 8_000)] {
        let server = place.serve_with(&variables(&[("LOG_TIMEOUTS__CHECK", setting)]));
        place.pause();
        let began = Instant::now();
        let (status, reason) = ready(&server).await;
        let took = began.elapsed().as_millis();
        assert_eq!(status, 503, "{reason}");
        assert!(reason.contains("did not answer within"), "{reason}");
        assert!((at_least..below).contains(&took), "{setting}: {took} ms");
        place.resume();
        assert_eq!(server.terminate().await.code, Some(0));
    }
}
