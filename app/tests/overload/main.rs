//! Twice the load that the server can take, from a thousand connections, for a minute: what is too much is refused, and
//! nothing that was accepted is lost or waits for long.
//!
//! A test binary of its own, so that no other test runs at the same time.

mod connection;
#[path = "../process/support/mod.rs"]
#[expect(
    dead_code,
    reason = "the support of all process tests; this one needs a part"
)]
mod support;

use std::time::Duration;

use log_testkit::counting_proxy::CountingProxy;
use log_testkit::seaweedfs::{SeaweedFs, through};
use tokio::task::JoinSet;
use tokio::time::Instant;

use connection::{Connection, Pace, Told};
use support::client::Client;
use support::server::{Server, variables};

const CONNECTIONS: usize = 1_000;
/// Appends that the server takes in at the same time.
const QUEUE: usize = 64;
const VALUE: usize = 4 << 10;
/// How long a request to the object store takes here, on top.
const STORE_DELAY: Duration = Duration::from_millis(20);
const MEASURED: Duration = Duration::from_secs(10);
/// Twice.
const OVERLOADED: Duration = Duration::from_secs(30);
/// Who look at what was kept, at the same time.
const READERS: usize = 16;
const BUCKET: &str = "overload";

/// The settings below give 176 MiB to data; two compactions may take 304, two memtables that are being written 16, and the
/// binary, a thousand connections and the allocator the rest. See docs/operations.md.
const MEMORY: u64 = (176 + 304 + 16 + 160) << 20;
/// No accepted append may take longer, and 99 of 100 not longer than the other.
const SLOWEST: Duration = Duration::from_secs(5);
const SLOW: Duration = Duration::from_secs(1);

fn settings(s3: &SeaweedFs, proxy: &CountingProxy) -> Vec<(String, String)> {
    let mut environment = through(&proxy.endpoint(), s3.environment());
    environment.extend(variables(&[
        ("LOG_LIMITS__APPEND_QUEUE_REQUESTS", &QUEUE.to_string()),
        ("LOG_LIMITS__APPEND_QUEUE_BYTES", "32MiB"),
        ("LOG_MEMORY__UNFLUSHED", "64MiB"),
        ("LOG_MEMORY__BLOCK_CACHE", "32MiB"),
        ("LOG_MEMORY__META_CACHE", "16MiB"),
        ("LOG_MEMORY__KEY_TABLE", "32MiB"),
        ("LOG_SLATEDB__L0_SST_SIZE_BYTES", &(8 << 20).to_string()),
    ]));
    environment
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_thousand_connections_and_twice_the_sustainable_load_memory_and_latency_stay_bounded_and_nothing_is_lost()
 {
    let s3 = SeaweedFs::start();
    s3.create_bucket(BUCKET);
    let proxy = CountingProxy::start_slow(s3.port(), STORE_DELAY);
    let environment = settings(&s3, &proxy);
    let arguments = ["--s3-bucket", BUCKET].map(str::to_owned);
    let server = Server::start(&arguments, &environment);

    // As many connections as the queue has places find out how much there is to be had without a refusal.
    let told = send(&server, "sustainable", QUEUE, Pace::AtOnce, MEASURED).await;
    assert_eq!(told.refused, 0, "refused with room for all");
    let sustainable = told.accepted() as f64 / MEASURED.as_secs_f64();

    let twice = Pace::Every(Duration::from_secs_f64(
        CONNECTIONS as f64 / (2.0 * sustainable),
    ));
    let mut told = send(&server, "first", CONNECTIONS, twice, OVERLOADED).await;
    let peak_of_first = server.peak_memory();
    told.add(send(&server, "second", CONNECTIONS, twice, OVERLOADED).await);
    let peak = server.peak_memory();
    let rate = |count: u64| count as f64 / (2.0 * OVERLOADED.as_secs_f64());
    let (accepted, refused) = (rate(told.accepted()), rate(told.refused));
    let [half, most, all] = [0.5, 0.99, 1.0].map(|share| told.latency(share));
    println!(
        "sustainable: {sustainable:.0} appends/s; then {:.0} sent, {accepted:.0} accepted, {refused:.0} refused in a \
         second; accepted ones took {half:?} (median), {most:?} (99 %), {all:?} (at most); peak memory {} MiB, \
         then {} MiB, for {} MiB accepted",
        accepted + refused,
        peak_of_first >> 20,
        peak >> 20,
        (told.accepted() * VALUE as u64) >> 20,
    );
    assert!(
        accepted + refused > 1.8 * sustainable,
        "not twice the load: the test was too slow"
    );
    assert!(refused > 0.3 * sustainable, "hardly anything was refused");
    assert!(
        accepted > 0.5 * sustainable,
        "under too much load the server does less"
    );
    assert!(most < SLOW && all < SLOWEST, "{most:?}, {all:?}");
    assert!(peak < MEMORY, "{} MiB", peak >> 20);

    assert_eq!(server.terminate().await.code, Some(0));
    // What was kept is looked at without the delay, and by several at once.
    let server = Server::start(&arguments, &s3.environment());
    nothing_is_lost(&Client::new(&server), told).await;
}

/// What so many connections were told that each append to a key of its own for so long.
async fn send(
    server: &Server,
    name: &str,
    connections: usize,
    pace: Pace,
    how_long: Duration,
) -> Told {
    let mut open = Vec::new();
    for number in 0..connections {
        let key = format!("{name}-{number}");
        open.push(Connection::open(server.address(), key, VALUE).await);
    }
    let began = Instant::now();
    let mut all = JoinSet::new();
    for (number, connection) in open.into_iter().enumerate() {
        let from = began + pace.share(number, connections);
        all.spawn(connection.append(from, pace, began + how_long));
    }
    let mut told = Told::default();
    while let Some(one) = all.join_next().await {
        told.add(one.expect("a connection that is answered as it should be"));
    }
    told
}

/// Every key holds as many records as were accepted for it; and for some, they are looked at.
async fn nothing_is_lost(client: &Client, told: Told) {
    let keys: Vec<_> = told.sequences.into_iter().collect();
    let mut all = JoinSet::new();
    for some in keys.chunks(keys.len().div_ceil(READERS)) {
        let (client, some) = (client.clone(), some.to_vec());
        all.spawn(async move {
            for (number, (key, sequences)) in some.iter().enumerate() {
                let count = client.count(key.as_bytes()).await;
                assert_eq!(count, sequences.len() as u64, "{key}");
                if number % 25 == 0 {
                    holds(&client, key, sequences).await;
                }
            }
        });
    }
    while let Some(one) = all.join_next().await {
        one.expect("what was accepted is there");
    }
}

async fn holds(client: &Client, key: &str, sequences: &[u64]) {
    let values = client.scan_all(key.as_bytes(), 100).await;
    let found: Vec<u64> = values.iter().map(|(sequence, _)| *sequence).collect();
    assert_eq!(found, sequences, "{key}");
    let whole = values.iter().all(|(_, value)| value.len() == VALUE);
    assert!(whole, "{key}");
}
