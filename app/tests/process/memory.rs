//! Memory does not grow with the number of keys, nor with what is merged.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::support::client::{Client, Outcome};
use crate::support::server::{Server, binary, variables};

const KEYS: u64 = 1_000_000;
const BATCH: usize = 10_000;
const PAGE: usize = 10_000;
const VALUE: [u8; 100] = [b'v'; 100];
const GIB: u64 = 1 << 30;
/// Shares no factor with `KEYS`, so that multiplying by it visits every key once, in no useful order.
const STRIDE: u64 = 617_363;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_keys_are_written_and_listed_within_one_gibibyte() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--data-dir".to_owned(), folder.path().display().to_string()];
    let server = Server::start_binary(released(), &arguments, &[]);
    let client = Client::new(&server);

    for first in (0..KEYS).step_by(BATCH) {
        let keys = (first..first + BATCH as u64).map(|i| i * STRIDE % KEYS);
        append(&client, keys, &VALUE).await;
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

/// Streams that have nothing to send, those before them that pay for what all share, and what each of them may take.
const FOLLOWERS: usize = 600;
const FIRST_FOLLOWERS: usize = 200;
const OF_A_FOLLOWER: u64 = 16 << 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_waits_takes_less_than_sixteen_kibibytes() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--data-dir".to_owned(), folder.path().display().to_string()];
    let server = Server::start_binary(released(), &arguments, &[]);
    let follow = |number| follower(&server, number);

    let first: Vec<_> = (0..FIRST_FOLLOWERS).map(follow).collect();
    let before = server.memory();
    let followers = FIRST_FOLLOWERS..FIRST_FOLLOWERS + FOLLOWERS;
    let followers: Vec<_> = followers.map(follow).collect();
    let each = server.memory().saturating_sub(before) / FOLLOWERS as u64;

    println!("{} B for each of {} followers", each, followers.len());
    assert!(each < OF_A_FOLLOWER, "{each} B");
    drop((first, followers));
}

/// A stream of a key of its own, whose head has come.
fn follower(server: &Server, number: usize) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).expect("connect");
    let request =
        format!("GET /api/v1/log/stream?key={number:04} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("written");
    let mut head = [0; 1024];
    let length = stream.read(&mut head).expect("an answer");
    assert!(head[..length].starts_with(b"HTTP/1.1 200 "));
    stream
}

/// How much is appended to so many keys, in batches of a mebibyte, by so many clients.
const APPENDED: u64 = GIB;
const SOME_KEYS: u64 = 1_000;
const LARGE: usize = 64 << 10;
const LARGE_BATCH: usize = 16;
const CLIENTS: u64 = 4;
/// What the settings of the test add up to (72 MiB), what two compactions (304) and two memtables that are being written (16)
/// may take, and a hundred for the binary, the connections and the allocator.
const WITH_COMPACTIONS: u64 = (72 + 304 + 16 + 100) << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gibibyte_is_merged_again_and_again_within_what_the_settings_say() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--data-dir".to_owned(), folder.path().display().to_string()];
    let environment = variables(&[
        ("LOG_MEMORY__UNFLUSHED", "32MiB"),
        ("LOG_MEMORY__BLOCK_CACHE", "8MiB"),
        ("LOG_MEMORY__META_CACHE", "8MiB"),
        ("LOG_MEMORY__KEY_TABLE", "8MiB"),
        ("LOG_LIMITS__REQUEST_BYTES", "4MiB"),
        ("LOG_LIMITS__APPEND_QUEUE_BYTES", "16MiB"),
        ("LOG_SLATEDB__L0_SST_SIZE_BYTES", "8388608"),
        // Merged while it grows, as much as one merge may have sources, and again when it is sealed.
        ("LOG_SEGMENTS__SEAL_BYTES", "384MiB"),
        ("LOG_SLATEDB__COMPACTOR_OPTIONS__POLL_INTERVAL", "200ms"),
        (
            "LOG_SLATEDB__COMPACTOR_OPTIONS__WORKER__COMPACTIONS_POLL_INTERVAL",
            "200ms",
        ),
        // Else the disk holds everything several times.
        (
            "LOG_SLATEDB__GARBAGE_COLLECTOR_OPTIONS__WAL_OPTIONS__INTERVAL",
            "2s",
        ),
        (
            "LOG_SLATEDB__GARBAGE_COLLECTOR_OPTIONS__WAL_OPTIONS__MIN_AGE",
            "15s",
        ),
        (
            "LOG_SLATEDB__GARBAGE_COLLECTOR_OPTIONS__COMPACTED_OPTIONS__INTERVAL",
            "2s",
        ),
        (
            "LOG_SLATEDB__GARBAGE_COLLECTOR_OPTIONS__COMPACTED_OPTIONS__MIN_AGE",
            "15s",
        ),
    ]);
    let server = Server::start_binary(released(), &arguments, &environment);
    let batches = APPENDED / (LARGE * LARGE_BATCH) as u64;
    let mut all = JoinSet::new();
    for number in 0..CLIENTS {
        let client = Client::new(&server);
        all.spawn(async move {
            for batch in (number..batches).step_by(CLIENTS as usize) {
                let first = batch * LARGE_BATCH as u64;
                let keys = (first..first + LARGE_BATCH as u64).map(|i| i * STRIDE % SOME_KEYS);
                append(&client, keys, &[b'v'; LARGE]).await;
            }
        });
    }
    all.join_all().await;
    let client = Client::new(&server);
    let mut merged = 0.0;
    // Merges of what was appended last may be under way.
    for _ in 0..600 {
        merged = merged_bytes(&client).await;
        if merged > APPENDED as f64 {
            break;
        }
        sleep(Duration::from_millis(100)).await;
    }
    let peak = server.peak_memory();
    println!(
        "peak resident memory: {} MiB, and {:.1} GiB were merged",
        peak >> 20,
        merged / GIB as f64
    );
    assert!(merged > APPENDED as f64, "hardly anything was merged");
    assert!(
        peak < WITH_COMPACTIONS,
        "the server used {} MiB",
        peak >> 20
    );
}

async fn merged_bytes(client: &Client) -> f64 {
    let metrics = client.metrics().await;
    metrics
        .lines()
        .filter(|line| line.starts_with("slatedb_compactor_bytes_compacted_total{"))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// The debug binary does, more slowly.
fn released() -> OsString {
    std::env::var_os("LOG_TEST_RELEASE_BINARY").unwrap_or_else(binary)
}

async fn append(client: &Client, keys: impl Iterator<Item = u64>, value: &[u8]) {
    let mut body = Vec::new();
    let mut count = 0;
    for key in keys {
        let mut record = Vec::with_capacity(value.len() + 32);
        field(&mut record, 1, name(key).as_bytes());
        field(&mut record, 2, value);
        field(&mut body, 1, &record);
        count += 1;
    }
    // A server that writes more slowly than it is sent to says so, and is given time.
    for _ in 0..600 {
        match client
            .append_body("application/protobuf", body.clone(), count)
            .await
        {
            Outcome::Acknowledged(_) => return,
            Outcome::Refused { status: 429, .. } => sleep(Duration::from_millis(100)).await,
            other => panic!("a batch: {other:?}"),
        }
    }
    panic!("a batch was refused as too much for a minute");
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
