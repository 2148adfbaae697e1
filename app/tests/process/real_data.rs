//! A real data set, in and out again: every line of the licence texts that every Debian machine has.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::client::{Client, Outcome, Record};
use crate::support::place::Place;

/// From the package `base-files`, which is part of every installation.
const FOLDER: &str = "/usr/share/common-licenses";
const BATCH: usize = 250;
/// Small, so that the frequent words need many pages.
const PAGE: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_data_set_on_a_folder_comes_back_equal_and_in_order() {
    comes_back_equal_and_in_order(&Place::folder()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_data_set_on_a_bucket_comes_back_equal_and_in_order() {
    comes_back_equal_and_in_order(&Place::s3()).await;
}

async fn comes_back_equal_and_in_order(place: &Place) {
    let records = lines_under_their_first_word();
    assert!(
        records.len() > 3_000,
        "only {} lines in {FOLDER}",
        records.len()
    );
    let mut expected: BTreeMap<Vec<u8>, Vec<(u64, Vec<u8>)>> = BTreeMap::new();
    for (sequence, (key, line)) in (0..).zip(&records) {
        let values = expected.entry(key.clone()).or_default();
        values.push((sequence, line.clone()));
    }

    let server = place.serve();
    let client = Client::new(&server);
    let mut next = 0;
    for (i, batch) in records.chunks(BATCH).enumerate() {
        let outcome = client.append(batch, i % 2 == 0).await;
        assert_eq!(outcome, Outcome::Acknowledged(next));
        next += batch.len() as u64;
    }
    holds(&client, &expected).await;
    assert_eq!(server.terminate().await.code, Some(0));

    let server = place.serve();
    holds(&Client::new(&server), &expected).await;
}

async fn holds(client: &Client, expected: &BTreeMap<Vec<u8>, Vec<(u64, Vec<u8>)>>) {
    let keys: Vec<_> = expected.keys().cloned().collect();
    assert_eq!(client.all_keys(100).await, keys);
    for (key, values) in expected {
        assert_eq!(&client.scan_all(key, PAGE).await, values, "{key:?}");
        assert_eq!(client.count(key).await, values.len() as u64, "{key:?}");
    }
}

/// Every line, byte for byte, under its first word in lower case, or `-` if it has none.
fn lines_under_their_first_word() -> Vec<Record> {
    let mut records = Vec::new();
    for file in files(Path::new(FOLDER)) {
        let text = std::fs::read(&file).expect("read a licence text");
        for line in text.split(|&byte| byte == b'\n') {
            let word = line
                .split(|byte| !byte.is_ascii_alphanumeric())
                .find(|word| !word.is_empty())
                .unwrap_or(b"-");
            records.push((word.to_ascii_lowercase(), line.to_vec()));
        }
    }
    records
}

/// The files themselves; the symbolic links beside them lead to the same texts.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; it is part of Debian's base-files",
            folder.display()
        )
    });
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("list the folder"))
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}
