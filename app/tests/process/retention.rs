//! Retention: a server deletes what its settings no longer keep, without anybody asking.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::support::client::Client;
use crate::support::place::Place;
use crate::support::server::variables;

/// How long a check, and a flush of what it looks at, may take to come.
const SOON: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

async fn get(client: &Client, path: &str) -> Value {
    let answer = client.get(path).await.expect("answered");
    assert_eq!(answer.status, 200, "{path}: {}", answer.json);
    answer.json
}

/// Reads a page from the start again and again, until it is as wanted.
async fn until(client: &Client, is_as_wanted: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let page = get(client, "/scan?key=k").await;
        if is_as_wanted(&page) {
            return page;
        }
        assert!(started.elapsed() < SOON, "{page}");
        sleep(POLL).await;
    }
}

/// Whether a file of this folder contains `marker`.
fn is_in(folder: &Path, marker: &[u8]) -> bool {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .any(|path| {
            // Files go while this looks for them.
            match path.is_dir() {
                true => is_in(&path, marker),
                false => std::fs::read(&path).is_ok_and(|content| {
                    content.windows(marker.len()).any(|window| window == marker)
                }),
            }
        })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_deletes_records_of_its_prefix_for_good() {
    let place = Place::folder();
    let seals = ("LOG_SEGMENTS__SEAL_INTERVAL", "1s");
    let rules = "[{prefix: session/, max_age: 4s}, {prefix: session/long/, max_age: 1h}]";
    let server = place.serve_with(&variables(&[seals, ("LOG_RETENTION__RULES", rules)]));
    let client = Client::new(&server);
    let keys = ["session/1", "session/long/1", "user/1"];
    let mut last = 0;
    for key in keys.iter().chain(&keys) {
        last = client.append_one(key, "v", true).await;
    }
    assert_eq!(client.all_keys(10).await, keys.map(Vec::from));
    let started = Instant::now();
    while client.all_keys(10).await.len() > 1 {
        assert!(started.elapsed() < SOON);
        sleep(POLL).await;
    }
    let is_gone = async |client: &Client| {
        assert_eq!(client.all_keys(10).await[0], b"user/1");
        for key in &keys[..2] {
            assert_eq!(client.count(key.as_bytes()).await, 0);
            let page = get(client, &format!("/scan?key={key}")).await;
            assert!(
                page["values"].as_array().is_none_or(Vec::is_empty),
                "{page}"
            );
            assert_eq!(page["trimmedBefore"], last + 1);
        }
        assert_eq!(client.count(b"user/1").await, 2);
        assert_eq!(metric(client, "log_floor_sequence").await, 0);
    };
    is_gone(&client).await;
    nothing_is_wrong(&place);
    server.kill9();
    nothing_is_wrong(&place);

    // Without the rules, too.
    let server = place.serve_with(&variables(&[seals]));
    let client = Client::new(&server);
    is_gone(&client).await;
    let next = client.append_one("session/1", "again", true).await;
    assert!(next > last);
    assert_eq!(client.count(b"session/1").await, 1);
    assert_eq!(
        client.all_keys(10).await,
        ["session/1", "user/1"].map(Vec::from)
    );
    server.kill9();

    let longer = variables(&[
        ("LOG_SEGMENTS__SEAL_INTERVAL", "5s"),
        ("LOG_RETENTION__RULES", rules),
    ]);
    let refused = place.run(&["config", "check"], &longer);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let says = "segments.seal_interval must be at most the max_age of the rule for";
    assert!(format!("{refused:?}").contains(says), "{refused:?}");
}

fn nothing_is_wrong(place: &Place) {
    let checked = place.run(&["check"], &[]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

async fn metric(client: &Client, name: &str) -> u64 {
    let metrics = client.metrics().await;
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name} ")));
    let value = line.unwrap_or_else(|| panic!("{name} is not in\n{metrics}"));
    value.parse::<f64>().expect("a number") as u64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oldest_segments_go_until_the_log_fits() {
    let place = Place::folder();
    let server = place.serve_with(&variables(&[
        ("LOG_RETENTION__MAX_BYTES", "400KiB"),
        ("LOG_SEGMENTS__SEAL_BYTES", "50KiB"),
        ("LOG_SLATEDB__L0_SST_SIZE_BYTES", "65536"),
    ]));
    let client = Client::new(&server);
    // Nothing that compresses.
    let mut state = 1u64;
    let mut value = || -> String {
        let letters = (0..10_000).map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            char::from(b'!' + (state >> 58) as u8)
        });
        letters.collect()
    };
    let mut last = 0;
    for _ in 0..120 {
        last = client.append_one("k", &value(), true).await;
    }
    let page = until(&client, |page| page.get("trimmedBefore").is_some()).await;
    let floor = page["trimmedBefore"].as_u64().expect("a sequence");
    assert!(0 < floor && floor < last, "{floor} of {last}");
    assert_eq!(client.count(b"k").await, last + 1 - floor);
    let tail = get(&client, &format!("/scan?key=k&start_seq={last}")).await;
    assert_eq!(tail["values"][0]["sequence"], last);

    let started = Instant::now();
    while metric(&client, "log_stored_bytes").await > 400 << 10 {
        assert!(started.elapsed() < SOON);
        sleep(POLL).await;
    }
    let kept = metric(&client, "log_stored_bytes").await;
    assert!(kept > 200 << 10, "as much is kept as fits: {kept}");
    assert!(metric(&client, "log_floor_sequence").await >= floor);

    // What was deleted is removed soon, and what is left fits together, while the server runs and after it was killed.
    while metric(&client, "log_dead_segments").await > 0 {
        assert!(started.elapsed() < SOON);
        sleep(POLL).await;
    }
    // Each one counts when its files are dropped.
    while metric(&client, "log_dropped_segments_total").await == 0 {
        assert!(started.elapsed() < SOON);
        sleep(POLL).await;
    }
    let bytes = metric(&client, "log_dropped_bytes_total").await;
    assert!(bytes > 40 << 10, "{bytes}");
    assert!(metric(&client, "log_oldest_record_age_seconds").await < SOON.as_secs());
    nothing_is_wrong(&place);
    server.kill9();
    nothing_is_wrong(&place);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_writes_to_any_more_empties_by_age_and_goes_on() {
    let place = Place::folder();
    let of_collector = |files: &str, setting: &str| {
        format!("LOG_SLATEDB__GARBAGE_COLLECTOR_OPTIONS__{files}_OPTIONS__{setting}")
    };
    let settings = variables(&[
        ("LOG_RETENTION__MAX_AGE", "4s"),
        ("LOG_SEGMENTS__SEAL_INTERVAL", "1s"),
        ("LOG_SLATEDB__COMPACTOR_OPTIONS__POLL_INTERVAL", "50ms"),
        (
            "LOG_SLATEDB__COMPACTOR_OPTIONS__CHECKPOINT_LIFETIME",
            "100ms",
        ),
        (&of_collector("COMPACTED", "INTERVAL"), "100ms"),
        (&of_collector("COMPACTED", "MIN_AGE"), "100ms"),
        (&of_collector("WAL", "INTERVAL"), "100ms"),
        (&of_collector("WAL", "MIN_AGE"), "100ms"),
    ]);
    let server = place.serve_with(&settings);
    let client = Client::new(&server);
    let mut last = 0;
    for _ in 0..3 {
        last = client.append_one("k", "a value to be deleted", true).await;
        sleep(Duration::from_millis(600)).await;
    }
    assert_eq!(client.count(b"k").await, 3, "nothing is so old yet");
    let none = |page: &Value| page["values"].as_array().is_none_or(Vec::is_empty);
    let page = until(&client, none).await;
    assert_eq!(page["trimmedBefore"], last + 1);
    assert_eq!(client.all_keys(10).await, Vec::<Vec<u8>>::new());
    // Nothing is left of it in the folder, although nothing more is appended.
    let started = Instant::now();
    while is_in(Path::new(&place.path()), b"a value to be deleted") {
        assert!(started.elapsed() < SOON);
        sleep(POLL).await;
    }
    server.kill9();
    nothing_is_wrong(&place);

    let server = place.serve_with(&settings);
    let client = Client::new(&server);
    let next = client.append_one("k", "again", true).await;
    assert!(next > last, "no sequence comes again: {next} after {last}");
    assert_eq!(client.count(b"k").await, 1);
}
