//! What the cache has of data files that a compaction wrote, and of those that none has read yet.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{CachedS3, fill, holds};
use crate::support::client::Client;

/// Compactions begin at once, of few files, and are seen at once.
const COMPACTING: [(&str, &str); 5] = [
    (
        "LOG_SLATEDB__COMPACTOR_OPTIONS__SCHEDULER_OPTIONS__MIN_COMPACTION_SOURCES",
        "4",
    ),
    ("LOG_SLATEDB__MANIFEST_POLL_INTERVAL", "100ms"),
    ("LOG_SLATEDB__COMPACTOR_OPTIONS__POLL_INTERVAL", "100ms"),
    (
        "LOG_SLATEDB__COMPACTOR_OPTIONS__WORKER__COMPACTIONS_POLL_INTERVAL",
        "100ms",
    ),
    (
        "LOG_SLATEDB__COMPACTOR_OPTIONS__COMMIT_COMPACTED_INTERVAL",
        "100ms",
    ),
];
/// However slow the machine is.
const NOT_COMPACTING: (&str, &str) = ("LOG_SLATEDB__COMPACTOR_OPTIONS__POLL_INTERVAL", "1h");
/// So long without a new data file means that the compactions are over.
const OVER: Duration = Duration::from_secs(3);

/// The data files that were written to S3.
fn written(log: &CachedS3) -> BTreeSet<String> {
    let put = ["PUT", "POST"].map(|method| log.proxy.seen(method));
    let paths = put.iter().flat_map(|seen| seen.keys());
    paths
        .filter(|path| path.contains("/compacted/"))
        .filter_map(|path| Some(path.split('?').next()?.to_owned()))
        .collect()
}

async fn until_compacted(log: &CachedS3) -> BTreeSet<String> {
    let began = Instant::now();
    let (mut files, mut since) = (written(log), Instant::now());
    while files.is_empty() || since.elapsed() < OVER {
        assert!(began.elapsed() < Duration::from_secs(60), "{files:?}");
        sleep(Duration::from_millis(100)).await;
        let now = written(log);
        if now != files {
            (files, since) = (now, Instant::now());
        }
    }
    files
}

/// Which of these files were read from S3.
fn read_of(log: &CachedS3, files: &BTreeSet<String>) -> Vec<String> {
    let mut read = log.data_files_read();
    read.retain(|path| files.contains(path));
    read
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_compaction_wrote_is_not_read_from_s3_if_it_is_cached_on_compaction() {
    let log = CachedS3::new();
    let server = log.serve_with(&[]);
    let records = fill(&Client::new(&server)).await;
    assert_eq!(server.terminate().await.code, Some(0));

    fs::remove_dir_all(log.cache.path()).expect("delete the cache");
    log.proxy.forget();
    let settings = [&COMPACTING[..], &[("LOG_CACHE__ON_COMPACTION", "true")]].concat();
    let server = log.serve_with(&settings);
    let compacted = until_compacted(&log).await;
    log.proxy.forget();
    holds(&Client::new(&server), &records).await;
    assert_eq!(read_of(&log, &compacted), [""; 0], "of {compacted:?}");
    assert_eq!(server.terminate().await.code, Some(0));

    // The same files are what is read, when they are not in the cache: they are not among the newest either.
    fs::remove_dir_all(log.cache.path()).expect("delete the cache");
    let server = log.serve_with(&[("LOG_CACHE__PRELOAD", "l0")]);
    log.proxy.forget();
    holds(&Client::new(&server), &records).await;
    assert!(!read_of(&log, &compacted).is_empty(), "{compacted:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_compacted_yet_is_loaded_at_the_start_and_not_read_from_s3_again() {
    let log = CachedS3::new();
    let server = log.serve_with(&[NOT_COMPACTING]);
    let records = fill(&Client::new(&server)).await;
    assert_eq!(server.terminate().await.code, Some(0));

    fs::remove_dir_all(log.cache.path()).expect("delete the cache");
    log.proxy.forget();
    let server = log.serve_with(&[NOT_COMPACTING, ("LOG_CACHE__PRELOAD", "l0")]);
    let loaded = BTreeSet::from_iter(log.data_files_read());
    assert!(loaded.len() > 10, "{loaded:?}");
    log.proxy.forget();
    holds(&Client::new(&server), &records).await;
    // A start writes what it replays from the WAL to data files of its own, which nothing has loaded.
    assert_eq!(read_of(&log, &loaded), [""; 0], "of {loaded:?}");
}
