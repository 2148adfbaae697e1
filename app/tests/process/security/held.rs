//! Everything that clients can make the server hold, all of it at the same time, against the sum of the settings.
//!
//! With the released settings, a thousand stalled streams of empty records held 2,846 MiB, requests whose heads were 1.3 KiB on the
//! wire held 200 KiB each, and unread pages of keys 1,400 MiB more than their budget.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::files::in_memory;
use super::stalled::Stalled;
use super::unfinished::head_without_end;
use crate::support::client::{Client, Outcome, ready};
use crate::support::server::{Server, variables};

const MIB: u64 = 1 << 20;
const CONNECTIONS: u64 = 800;

/// What the settings below add up to, beside what the server takes when nobody asks for anything.
const SUM: u64 =
    UNFLUSHED + 3 * CACHE + QUEUE + REQUESTS + 2 * ANSWERS + 2 * STREAMS + CONNECTIONS * CONNECTION;
const UNFLUSHED: u64 = 16 * MIB;
const CACHE: u64 = 4 * MIB;
const QUEUE: u64 = 16 * MIB;
const REQUESTS: u64 = 16 * MIB;
const ANSWERS: u64 = 16 * MIB;
const STREAMS: u64 = 16 * MIB;
/// A connection's buffers, over HTTP/2 and without TLS; see docs/operations.md.
const CONNECTION: u64 = 48 << 10;

/// Of what clients held, so much may stay with the allocator when they have left.
const KEPT: f64 = 0.35;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_clients_can_make_the_server_hold_stays_within_the_sum_of_the_settings() {
    let mib = |bytes: u64| format!("{}MiB", bytes / MIB);
    let env = variables(&[
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
    let server = Server::start(&in_memory(), &env);
    let honest = Client::new(&server);
    fill(&honest).await;
    let before = server.memory();

    let mut streams = Vec::new();
    for _ in 0..100 {
        streams.push(ask(
            &server,
            "GET /api/v1/log/stream?key=empty HTTP/1.1\r\nhost: localhost\r\n\r\n",
        ));
    }
    // Each waits for room for a record of a mebibyte.
    for _ in 0..80 {
        streams.push(ask(
            &server,
            "GET /api/v1/log/stream?key=large HTTP/1.1\r\nhost: localhost\r\n\r\n",
        ));
    }
    let blocks: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address()).expect("connect");
            // It may be ended at once.
            drop(stream.write_all(&head_without_end()));
            stream
        })
        .collect();
    let bodies: Vec<_> = (0..6).map(|_| unfinished_append(&server)).collect();
    let head = format!(
        "GET /api/v1/log/keys HTTP/1.1\r\nhost: localhost\r\nx: {}",
        "x".repeat(60 << 10)
    );
    let heads: Vec<_> = (0..300).map(|_| ask(&server, &head)).collect();
    let mut stalled = Vec::new();
    for (connections, requests, path, headers) in [
        // Long polls with heads that are small on the wire only.
        (
            4,
            60,
            "/api/v1/log/scan?key=none&follow=true&timeout_ms=60000",
            1_900,
        ),
        (5, 20, "/api/v1/log/keys?limit=10000", 0),
        (5, 20, "/api/v1/log/scan?key=small&limit=10000", 0),
        (40, 100, "/-/healthy", 0),
    ] {
        for _ in 0..connections {
            let mut client = Stalled::connect(&server).await;
            for _ in 0..requests {
                if !client.try_ask(path, headers).await {
                    break;
                }
            }
            stalled.push(client);
        }
    }
    // Until it grows no more.
    let mut held = server.memory();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        sleep(Duration::from_secs(1)).await;
        let now = server.memory();
        if now <= held + MIB || Instant::now() > deadline {
            held = held.max(now);
            break;
        }
        held = now;
    }
    let taken = held.saturating_sub(before);
    assert_eq!(
        ready(&server).await.0,
        200,
        "health is answered all the while"
    );

    drop((streams, blocks, bodies, heads));
    for client in stalled {
        client.connection.abort();
    }
    let limit = before + (taken as f64 * KEPT) as u64;
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut after = server.memory();
    while after > limit && Instant::now() < deadline {
        // Threads give back what others have freed when they do something.
        honest.get("/keys").await.expect("an answer");
        sleep(Duration::from_millis(50)).await;
        after = server.memory();
    }
    println!(
        "resident: {} MiB, then {} MiB with all that clients hold, then {} MiB; the settings say {} MiB",
        before / MIB,
        held / MIB,
        after / MIB,
        (before + SUM) / MIB
    );
    assert!(
        taken > SUM / 8,
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

fn ask(server: &Server, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).expect("connect");
    stream.write_all(text.as_bytes()).expect("written");
    stream
}

fn unfinished_append(server: &Server) -> TcpStream {
    let length = 4 << 20;
    let head = format!(
        "POST /api/v1/log/append HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n"
    );
    let mut stream = ask(server, &head);
    // The last ones are refused, and take the rest of it all the same.
    let body = vec![b' '; length - 1];
    stream.write_all(&body).expect("written");
    stream
}
