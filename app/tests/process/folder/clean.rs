//! A folder that is used and restarted says nothing alarming, and keeps no more than it needs.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::support::client::Client;
use crate::support::place::Place;
use crate::support::server::{Variable, variables};

/// How long a collection every 100 ms may take to be through, on a busy machine.
const COLLECTED: Duration = Duration::from_secs(30);

/// Starts and collections, as a folder that is used for long sees them.
const LIVES: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_is_restarted_logs_nothing_alarming_and_its_old_manifests_are_collected() {
    let place = Place::folder();
    let mut earlier = Vec::new();
    for life in 0..LIVES {
        let server = place.serve_with(&settings());
        let client = Client::new(&server);
        for _ in 0..3 {
            client.append_one("key", &"value".repeat(1_000), true).await;
        }
        // The boundary of the collection is made in the first life, and replaced in the others.
        until_gone(&place, &earlier).await;
        let exit = server.terminate().await;
        assert_eq!(exit.code, Some(0), "life {life}: {}", exit.stderr);
        // The engine says so of a data file that was on its way when it was closed. All of it is in the write-ahead log.
        let on_its_way = |line: &str| {
            line.contains("l0_flush_tracker, error=Closed")
                || line.contains("failed to shutdown l0 flush tracker [error=Closed]")
        };
        let alarming =
            |line: &&str| (line.contains("WARN") || line.contains("ERROR")) && !on_its_way(line);
        let alarms: Vec<_> = exit.stderr.lines().filter(alarming).collect();
        assert!(alarms.is_empty(), "life {life}: {alarms:#?}");
        earlier = manifests(&place);
    }
    let server = place.serve();
    let kept = Client::new(&server).scan_all(b"key", 100).await;
    assert_eq!(kept.len(), 3 * LIVES);
}

fn settings() -> Vec<Variable> {
    let option = |folder: &str, name: &str, value: &str| {
        let name = format!("LOG_SLATEDB__GARBAGE_COLLECTOR_OPTIONS__{folder}_OPTIONS__{name}");
        (name, value.to_owned())
    };
    let folders = ["MANIFEST", "WAL", "COMPACTED", "COMPACTIONS"];
    let collected = folders.iter().flat_map(|folder| {
        [
            option(folder, "INTERVAL", "100ms"),
            option(folder, "MIN_AGE", "10ms"),
        ]
    });
    let more = [
        ("LOG_SLATEDB__L0_SST_SIZE_BYTES", "4096"),
        // Fewer than any machine has file descriptors for, or it would be told.
        ("LOG_LIMITS__CONNECTIONS", "100"),
    ];
    collected.chain(variables(&more)).collect()
}

fn manifests(place: &Place) -> Vec<String> {
    let folder = format!("{}/log/manifest", place.path());
    let entries = std::fs::read_dir(folder).expect("a folder of manifests");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<_> = names
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".manifest"))
        .collect();
    names.sort();
    names
}

async fn until_gone(place: &Place, earlier: &[String]) {
    let deadline = Instant::now() + COLLECTED;
    loop {
        let left: Vec<_> = manifests(place)
            .into_iter()
            .filter(|name| earlier.contains(name))
            .collect();
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "never collected: {left:?}");
        sleep(Duration::from_millis(20)).await;
    }
}
