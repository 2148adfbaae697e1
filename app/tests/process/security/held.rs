//! Everything that clients can make the server hold, all of it at the same time, against the sum of the settings.
//!
//! With the released settings, a thousand stalled streams of empty records held 2,846 MiB, requests whose heads were 1.3 KiB on the
//! wire held 200 KiB each, and unread pages of keys 1,400 MiB more than their budget.

mod clients;

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::time::{Instant, sleep};

use self::clients::{Clients, Held};
use super::files::{Files, in_memory};
use crate::support::client::{Client, Outcome};
use crate::support::server::{Server, variables};

const MIB: u64 = 1 << 20;
const CONNECTIONS: u64 = 900;

/// The sum of the settings below, in addition to the memory of an idle server.
const SUM: u64 =
    UNFLUSHED + 3 * CACHE + QUEUE + REQUESTS + 2 * ANSWERS + 2 * STREAMS + CONNECTIONS * CONNECTION;
const UNFLUSHED: u64 = 16 * MIB;
const CACHE: u64 = 4 * MIB;
const QUEUE: u64 = 16 * MIB;
const REQUESTS: u64 = 16 * MIB;
const ANSWERS: u64 = 16 * MIB;
const STREAMS: u64 = 16 * MIB;
/// A connection's buffers, over HTTP/2 and TLS; see docs/operations.md.
const CONNECTION: u64 = 65 << 10;

/// Memory that may stay with the allocator after clients have left, and for how long, on an idle server.
const KEPT: f64 = 0.1;
const FALLS_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_clients_can_make_the_server_hold_stays_within_the_sum_of_the_settings() {
    let mib = |bytes: u64| format!("{}MiB", bytes / MIB);
    let files = Files::new();
    let mut env = variables(&[
        ("LOG_MEMORY__UNFLUSHED", &mib(UNFLUSHED)),
        ("LOG_MEMORY__BLOCK_CACHE", &mib(CACHE)),
        ("LOG_MEMORY__META_CACHE", &mib(CACHE)),
        ("LOG_MEMORY__KEY_TABLE", &mib(CACHE)),
        ("LOG_MEMORY__REQUESTS", &mib(REQUESTS)),
        ("LOG_MEMORY__ANSWERS", &mib(ANSWERS)),
        ("LOG_MEMORY__STREAMS", &mib(STREAMS)),
        ("LOG_LIMITS__APPEND_QUEUE_BYTES", &mib(QUEUE)),
        ("LOG_LIMITS__REQUEST_BYTES", "4MiB"),
        ("LOG_LIMITS__PAGE_BYTES", "1MiB"),
        ("LOG_LIMITS__CONNECTIONS", &CONNECTIONS.to_string()),
        // Heads that never come are held all the while.
        ("LOG_TIMEOUTS__HEADERS", "60s"),
        ("LOG_SLATEDB__L0_SST_SIZE_BYTES", "4194304"),
    ]);
    env.extend(files.tls());
    let server = Server::start(&in_memory(), &env);
    let honest = Client::over(&server, files.client());
    fill(&honest).await;
    let before = server.memory();

    let mut clients = Clients {
        server: &server,
        tls: files.trusting(),
        held: Held::default(),
    };
    hold(&mut clients).await;
    let held = settled(&server).await;
    let taken = held.saturating_sub(before);
    let health = files.probe().get(format!("{}/-/ready", server.url()));
    let health = health
        .send()
        .await
        .expect("health is answered all the while");
    assert_eq!(health.status(), 200);

    drop(clients);
    let limit = before + (taken as f64 * KEPT) as u64;
    let left = Instant::now();
    let mut after = server.memory();
    while after > limit && left.elapsed() < FALLS_WITHIN {
        sleep(Duration::from_millis(200)).await;
        after = server.memory();
    }
    println!(
        "resident: {} MiB, then {} MiB with all that clients hold, then {} MiB after {:?}; the settings say {} MiB",
        before / MIB,
        held / MIB,
        after / MIB,
        left.elapsed(),
        (before + SUM) / MIB
    );
    assert!(
        taken > SUM / 4,
        "the test holds hardly anything: {} MiB",
        taken / MIB
    );
    assert!(
        held <= (before + SUM) / 10 * 11,
        "{} MiB, of {} MiB",
        held / MIB,
        (before + SUM) / MIB
    );
    assert!(
        after <= limit,
        "{} MiB stay, of {} MiB",
        after / MIB,
        held / MIB
    );
}

/// Every place where a client can make the server hold something, filled.
async fn hold(clients: &mut Clients<'_>) {
    // Streams and long polls, of all records and of durable ones. Those of `large` wait for room for a mebibyte each.
    for visibility in ["memory", "durable"] {
        let query = format!("visibility={visibility}");
        let stream = |key| format!("/api/v1/log/stream?key={key}&{query}");
        clients.get(50, &stream("empty"), "");
        clients.get(40, &stream("large"), "");
        let poll = format!("/api/v1/log/scan?key=none&follow=true&timeout_ms=60000&{query}");
        clients.get(20, &poll, "");
    }
    clients.begin(60);

    // What is sent: bodies of JSON, as they are and compressed, heads, and what is discarded.
    let spaces = vec![b' '; 4 << 20];
    clients.append(6, "identity", &spaces);
    clients.append(2, "gzip", &gzip(&spaces));
    let head = format!(
        "GET /api/v1/log/keys HTTP/1.1\r\nhost: localhost\r\nx: {}",
        "x".repeat(60 << 10)
    );
    clients.ask(200, &head);
    let refused = format!(
        "POST /nowhere HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{}",
        60 << 20,
        " ".repeat(1_000)
    );
    clients.ask(60, &refused);

    // What is not read over HTTP/1: pages, metrics and records, as they are and compressed.
    for lines in ["", "accept-encoding: gzip\r\n", "accept-encoding: zstd\r\n"] {
        for path in [
            "/docs/swagger-ui-bundle.js",
            "/openapi.json",
            "/metrics",
            "/api/v1/log/scan?key=small&limit=10000",
            "/api/v1/log/keys?limit=10000",
        ] {
            clients.get(10, path, lines);
        }
    }

    // And over HTTP/2: long polls with heads that are small on the wire only, pages, and health.
    let poll = "/api/v1/log/scan?key=none&follow=true&timeout_ms=60000";
    clients.stall(4, 60, poll, 1_900).await;
    clients
        .stall(5, 20, "/api/v1/log/keys?limit=10000", 0)
        .await;
    let scan = "/api/v1/log/scan?key=small&limit=10000";
    clients.stall(5, 20, scan, 0).await;
    clients.stall(5, 20, "/docs/swagger-ui-bundle.js", 0).await;
    clients.stall(40, 100, "/-/healthy", 0).await;
}

/// The memory of the server when it grows no more.
async fn settled(server: &Server) -> u64 {
    let mut held = server.memory();
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        sleep(Duration::from_secs(1)).await;
        let now = server.memory();
        if now <= held + MIB || Instant::now() > deadline {
            return held.max(now);
        }
        held = now;
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).expect("memory");
    encoder.finish().expect("memory")
}

/// A large record, twenty thousand empty ones, as many small ones, and 300 keys of 8 KiB.
async fn fill(client: &Client) {
    append(client, &[(b"large".to_vec(), vec![b'v'; 1 << 20])]).await;
    for batch in 0..4 {
        for (key, value) in [("empty", ""), ("small", "0123456789")] {
            let record = (key.as_bytes().to_vec(), value.as_bytes().to_vec());
            append(client, &vec![record; 5_000]).await;
        }
        let keys = (0..75).map(|number| {
            let mut key = vec![b'k'; 8 << 10];
            key[..8].copy_from_slice(format!("{batch:04}{number:04}").as_bytes());
            (key, Vec::new())
        });
        append(client, &keys.collect::<Vec<_>>()).await;
    }
}

async fn append(client: &Client, records: &[(Vec<u8>, Vec<u8>)]) {
    let outcome = client.append(records, false).await;
    assert!(matches!(outcome, Outcome::Acknowledged(_)), "{outcome:?}");
}
