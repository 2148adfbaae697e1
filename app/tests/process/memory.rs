//! Memory does not grow with the number of keys.

use std::ffi::OsString;
use std::time::Duration;

use tokio::time::sleep;

use crate::support::client::{Client, Outcome};
use crate::support::server::{Server, binary};

const KEYS: u64 = 1_000_000;
const BATCH: u64 = 10_000;
const PAGE: usize = 10_000;
const VALUE: [u8; 100] = [b'v'; 100];
const GIB: u64 = 1 << 30;
/// Shares no factor with `KEYS`, so that multiplying by it visits every key once, in no useful order.
const STRIDE: u64 = 617_363;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_keys_are_written_and_listed_within_one_gibibyte() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--data-dir".to_owned(), folder.path().display().to_string()];
    // The debug binary does, more slowly.
    let release: Option<OsString> = std::env::var_os("LOG_TEST_RELEASE_BINARY");
    let server = Server::start_binary(release.unwrap_or_else(binary), &arguments, &[]);
    let client = Client::new(&server);

    for first in (0..KEYS).step_by(usize::try_from(BATCH).unwrap()) {
        append(&client, first).await;
    }
    let written = server.peak_memory();

    let mut listed = 0;
    let mut last: Option<Vec<u8>> = None;
    loop {
        let page = client.keys(last.as_deref(), PAGE).await;
        for key in &page {
            assert_eq!(key, name(listed).as_bytes());
            listed += 1;
        }
        if page.len() < PAGE {
            break;
        }
        last = page.into_iter().next_back();
    }
    assert_eq!(listed, KEYS);
    let peak = server.peak_memory();
    println!(
        "peak resident memory: {} MiB after writing, {} MiB after listing",
        written >> 20,
        peak >> 20
    );
    assert!(peak < GIB, "the server used {} MiB", peak >> 20);
}

async fn append(client: &Client, first: u64) {
    let mut body = Vec::new();
    for i in first..first + BATCH {
        let key = name(i * STRIDE % KEYS);
        let mut record = Vec::with_capacity(128);
        field(&mut record, 1, key.as_bytes());
        field(&mut record, 2, &VALUE);
        field(&mut body, 1, &record);
    }
    // A server that writes more slowly than it is sent to says so, and is given time.
    for _ in 0..600 {
        let count = usize::try_from(BATCH).unwrap();
        match client
            .append_body("application/protobuf", body.clone(), count)
            .await
        {
            Outcome::Acknowledged(_) => return,
            Outcome::Refused { status: 429, .. } => sleep(Duration::from_millis(100)).await,
            other => panic!("the batch from {first} on: {other:?}"),
        }
    }
    panic!("the batch from {first} on was refused as too much for a minute");
}

/// In byte order as in number.
fn name(i: u64) -> String {
    format!("key-{i:07}")
}

/// A length-delimited protobuf field.
fn field(into: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    into.push(number << 3 | 2);
    let mut length = bytes.len();
    while length >= 0x80 {
        into.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    into.push(length as u8);
    into.extend_from_slice(bytes);
}
