//! The Rust client against real servers: kills, a private authority, and what docs/clients.md shows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::TryStreamExt;
use log_testkit::ports::free_ports;
use opendata_log::{
    AppendOptions, ErrorKind, LogClient, ReadOptions, Record, Records, Retry, Visibility,
};
use tokio::time::{sleep, timeout};

use crate::security::files::{Files, in_memory};
use crate::support::place::Place;
use crate::support::server::Server;

const KEY: &str = "numbers";
const KILLS: u64 = 5;
/// How many records the tail waits for: more than come before the last kill.
const TAILED: u64 = 40;
/// A kill is followed by a start, which takes a while on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client that waits for a server to come back.
fn patient(url: &str) -> LogClient {
    let retry = Retry {
        attempts: 10_000,
        pause: Duration::from_millis(20),
        // A server that opens its log asks for a second.
        longest_pause: Duration::from_secs(1),
        patience: PATIENCE,
    };
    let builder = LogClient::builder(url).no_proxy().retry(retry);
    builder.build().expect("a client")
}

fn durable() -> AppendOptions {
    AppendOptions::new().await_durable(true)
}

/// Appends numbers to `KEY`, one after another, until it is told to stop; gives how many. What is unknown is looked up.
async fn append_numbers(log: LogClient, stop: Arc<AtomicBool>) -> u64 {
    let mut number = 0;
    let mut start = 0;
    while !stop.load(Ordering::Relaxed) {
        let text = number.to_string();
        match log.append_with([(KEY, text.clone())], durable()).await {
            Ok(appended) => {
                assert_eq!(appended.count, 1);
                number += 1;
            }
            Err(error) if error.is_unknown_outcome() => {
                let mut since = log.scan(KEY, start..);
                while let Some(record) = since.next().await {
                    let record = record.expect("a scan");
                    number += u64::from(record.value == text);
                }
                start = since.next_sequence();
            }
            Err(error) => panic!("append {number}: {error:?}"),
        }
    }
    number
}

/// The first `count` values that a tail of `KEY` shows, of those that no crash can undo.
async fn tail_numbers(mut tail: Records, count: u64) -> Vec<String> {
    let mut values = Vec::new();
    while values.len() as u64 != count {
        let record = timeout(PATIENCE, tail.next())
            .await
            .expect("a record in time");
        let record = record.expect("a tail has no end").expect("a record");
        values.push(String::from_utf8(record.value.to_vec()).expect("a number"));
    }
    values
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_scans_and_tails_of_the_rust_client_continue_through_kills() {
    let place = Place::folder();
    let [port] = free_ports();
    let mut server = place.starter(port)();
    let log = patient(server.url());
    let stop = Arc::<AtomicBool>::default();
    let appending = tokio::spawn(append_numbers(log.clone(), Arc::clone(&stop)));
    let options = ReadOptions::new().visibility(Visibility::Durable);
    let mut tail = log.tail_with(KEY, 0, options.clone());
    let first = timeout(PATIENCE, tail.next()).await.expect("in time");
    assert_eq!(first.expect("a record").expect("no error").value, "0");
    // It waits for the second one, or has it, when the server is killed first.
    let tailing = tokio::spawn(async move {
        let mut seen = vec!["0".to_owned()];
        let after_kills = tail_numbers(tail, TAILED - 1).await;
        seen.extend(after_kills);
        seen
    });
    for kill in 0..KILLS {
        sleep(Duration::from_millis(150 + kill * 37)).await;
        server.kill9();
        server = place.starter(port)();
    }
    while !tailing.is_finished() && !appending.is_finished() {
        sleep(Duration::from_millis(20)).await;
    }
    stop.store(true, Ordering::Relaxed);
    let count = appending.await.expect("no panic");
    let seen = tailing.await.expect("no panic");
    let expected: Vec<_> = (0..count).map(|number| number.to_string()).collect();
    assert_eq!(seen, expected[..seen.len()], "each once, in order");
    let scanned = log.scan_with(KEY, .., options.page(7));
    let values = scanned.map_ok(|record| String::from_utf8_lossy(&record.value).into_owned());
    let values: Vec<_> = values.try_collect().await.expect("a scan");
    assert_eq!(values, expected);
    assert_eq!(log.count(KEY, ..).await.expect("a count"), count);
    assert_eq!(
        log.segments(..).await.expect("segments")[0].start_sequence,
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rust_client_trusts_the_authority_that_it_is_given_and_no_other() {
    let files = Files::new();
    let server = Server::start(&in_memory(), &files.tls());
    let builder = || LogClient::builder(server.url()).no_proxy();
    let wary = builder().retry(Retry {
        attempts: 1,
        ..Retry::default()
    });
    let wary = wary.build().expect("a client");
    let error = wary.append([("orders", "first")]);
    let error = error.await.expect_err("no trust");
    assert_eq!(error.kind(), &ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("certificate"), "{error}");

    let log = builder()
        .ca_file(files.path("ca.pem"))
        .build()
        .expect("a client");
    let appended = log.append([("orders", "first")]).await.expect("trust");
    assert_eq!((appended.start, appended.count), (0, 1));
    let large = log.append([("orders", vec![0; 13_000_000])]).await;
    assert_eq!(large.expect_err("too large").kind(), &ErrorKind::TooLarge);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_of_the_rust_client_come_back_in_their_order() {
    let server = Server::start(&in_memory(), &[]);
    let log = patient(server.url());
    let record = Record::new("orders", "first");
    let record = record.header("trace", vec![0, 255]).header("trace", "");
    log.append([record.clone()]).await.expect("an append");
    for mut records in [log.scan("orders", ..), log.tail("orders", 0)] {
        let found = records.next().await.expect("a record").expect("no error");
        assert_eq!(found.headers, record.headers);
    }
    let nameless = Record::new("orders", "second").header("", "x");
    let error = log.append([nameless]).await.expect_err("no name");
    assert_eq!(error.kind(), &ErrorKind::InvalidArgument, "{error:?}");
}

#[test]
fn the_rust_example_prints_what_the_page_says() {
    const PAGE: &str = include_str!("../../../docs/clients.md");
    let server = Server::start(&in_memory(), &[]);
    let log = LogClient::builder(server.url()).no_proxy();
    let log = log.build().expect("a client");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ended = runtime.block_on(example::run(&log));
    ended.expect("the example ends");
    let printed = example::printed().replace(server.url(), "http://localhost:8080");
    let code = include_str!("rust_client/orders.rs");
    let shown = format!("```rust,no_run\n{code}```\n\n```text\n{printed}```\n");
    assert!(PAGE.contains(&shown), "docs/clients.md must show:\n{shown}");
}

/// What the page shows, with a `println` that is seen here.
mod example {
    use std::sync::Mutex;

    static PRINTED: Mutex<String> = Mutex::new(String::new());

    macro_rules! println {
        ($($text:tt)*) => {
            say(&format!($($text)*))
        };
    }

    include!("rust_client/orders.rs");

    pub(super) async fn run(log: &LogClient) -> Result<()> {
        orders(log).await
    }

    pub(super) fn printed() -> String {
        PRINTED.lock().expect("no panic under this lock").clone()
    }

    fn say(line: &str) {
        let mut printed = PRINTED.lock().expect("no panic under this lock");
        printed.push_str(line);
        printed.push('\n');
    }
}
