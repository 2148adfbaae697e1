//! The Rust client against real servers: kills, a private authority, and what docs/clients.md shows.

mod consumers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::TryStreamExt;
use log_testkit::ports::free_ports;
use opendata_log::{
    AppendOptions, ErrorKind, LogClient, LogClientBuilder, ReadOptions, Record, Records, Retry,
    Visibility,
};
use tokio::time::{sleep, timeout};

use crate::security::files::{Files, in_memory};
use crate::support::lossy_proxy::LossyProxy;
use crate::support::place::Place;
use crate::support::server::{Server, variable};

const KEY: &str = "numbers";
const KILLS: u64 = 5;
/// Of every so many answers one is lost.
const LOST_ONE_IN: u64 = 8;
/// How many records the tail waits for: more than come before the last kill.
const TAILED: u64 = 40;
/// A kill is followed by a start, which takes a while on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client that waits for a server to come back.
fn patient(url: &str) -> LogClient {
    patient_builder(url).build().expect("a client")
}

fn patient_builder(url: &str) -> LogClientBuilder {
    let retry = Retry {
        attempts: 10_000,
        pause: Duration::from_millis(20),
        // A server that opens its log asks for a second.
        longest_pause: Duration::from_secs(1),
        patience: PATIENCE,
    };
    LogClient::builder(url).no_proxy().retry(retry)
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

/// The values of `key`.
async fn scanned(log: &LogClient, key: &'static str, options: ReadOptions) -> Vec<String> {
    let records = log.scan_with(key, .., options);
    let values = records.map_ok(|record| String::from_utf8_lossy(&record.value).into_owned());
    values.try_collect().await.expect("a scan")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_scans_and_tails_of_the_rust_client_continue_through_kills() {
    let place = Place::folder();
    let [port] = free_ports();
    let mut server = place.starter(port)();
    let log = patient_builder(server.url()).without_producers();
    let log = log.build().expect("a client");
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
    assert_eq!(scanned(&log, KEY, options.page(7)).await, expected);
    assert_eq!(log.count(KEY, ..).await.expect("a count").count, count);
    assert_eq!(
        log.segments(..).await.expect("segments")[0].start_sequence,
        0
    );
}

/// Appends numbers to `key` through whatever breaks, each one once: those that a crash undid, again. The last one is durable. Gives how many.
async fn append_exactly_once(
    log: LogClient,
    key: &'static str,
    every: u64,
    stop: Arc<AtomicBool>,
) -> u64 {
    let mut number = 0;
    loop {
        let is_last = stop.load(Ordering::Relaxed);
        let is_durable = is_last || number % every == 0;
        let options = AppendOptions::new().await_durable(is_durable);
        match log.append_with([(key, number.to_string())], options).await {
            Ok(_) => number += 1,
            Err(error) => match error.kind() {
                ErrorKind::AppendsLost(lost) => {
                    number -= lost.requests;
                    continue;
                }
                _ => panic!("append {number}: {error:?}"),
            },
        }
        if is_last {
            return number;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_and_kills_leave_each_record_of_the_rust_client_once_and_in_order() {
    const KEYS: [(&str, u64); 3] = [("durable", 1), ("half", 2), ("seldom", 50)];
    let place = Place::folder();
    let [port] = free_ports();
    let mut server = place.starter(port)();
    let proxy = LossyProxy::start(&server, LOST_ONE_IN).await;
    let stop = Arc::<AtomicBool>::default();
    let appending = KEYS.map(|(key, every)| {
        let log = patient(proxy.url());
        tokio::spawn(append_exactly_once(log, key, every, Arc::clone(&stop)))
    });
    for kill in 0..KILLS {
        sleep(Duration::from_millis(250 + kill * 37)).await;
        server.kill9();
        server = place.starter(port)();
    }
    sleep(Duration::from_millis(250)).await;
    stop.store(true, Ordering::Relaxed);
    let direct = patient(server.url());
    for ((key, _), appending) in KEYS.into_iter().zip(appending) {
        let appended = timeout(PATIENCE, appending).await.expect("in time");
        let count = appended.expect("no panic");
        assert!(count > KILLS, "{key} had {count} records only");
        let expected: Vec<_> = (0..count).map(|number| number.to_string()).collect();
        let found = scanned(&direct, key, ReadOptions::new()).await;
        assert_eq!(found, expected, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_that_a_kill_undid_are_reported_to_the_rust_client_and_the_next_ones_are_applied() {
    let place = Place::folder();
    let [port] = free_ports();
    let seldom = [variable("LOG_DURABILITY__FLUSH_INTERVAL", "1m")];
    let mut server = place.starter_with(port, &seldom)();
    let log = patient(server.url());
    for is_known in [false, true] {
        if is_known {
            log.append_with([(KEY, "durable")], durable())
                .await
                .expect("an append");
        }
        for value in ["undone", "undone, too"] {
            log.append([(KEY, value)]).await.expect("acknowledged");
        }
        server.kill9();
        server = place.starter_with(port, &seldom)();
        let error = log
            .append([(KEY, "not applied")])
            .await
            .expect_err("a loss");
        let ErrorKind::AppendsLost(lost) = error.kind() else {
            panic!("{error:?}");
        };
        assert_eq!((lost.requests, lost.appended.len()), (2, 2));
        assert!(!error.is_unknown_outcome());
    }
    log.append_with([(KEY, "next")], durable())
        .await
        .expect("an append");
    assert_eq!(
        scanned(&log, KEY, ReadOptions::new()).await,
        ["durable", "next"]
    );
}

/// Appends one more than the last value of `KEY`, unless another client did so meanwhile.
async fn increment(log: &LogClient) {
    loop {
        let mut records = log.scan(KEY, ..);
        let mut last = 0;
        while let Some(record) = records.next().await {
            let value = record.expect("a scan").value;
            let text = std::str::from_utf8(&value).expect("text");
            last = text.parse::<u64>().expect("a number");
        }
        let unchanged = AppendOptions::new().if_no_record_since(KEY, records.next_sequence());
        let next = (KEY, (last + 1).to_string());
        match log.append_with([next], unchanged).await {
            Ok(_) => return,
            Err(error) => assert!(
                matches!(error.kind(), ErrorKind::Conflict(conflict) if conflict.key == KEY),
                "{error:?}"
            ),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_one_key_agree_through_preconditions_while_answers_are_lost() {
    const EACH: usize = 10;
    let server = Server::start(&in_memory(), &[]);
    let proxy = LossyProxy::start(&server, LOST_ONE_IN).await;
    let writers = [(); 4].map(|()| {
        let log = patient(proxy.url());
        tokio::spawn(async move {
            for _ in 0..EACH {
                increment(&log).await;
            }
        })
    });
    for writer in writers {
        let written = timeout(PATIENCE, writer).await.expect("in time");
        written.expect("no panic");
    }
    let values = scanned(&patient(server.url()), KEY, ReadOptions::new()).await;
    let expected = (1..=4 * EACH).map(|number| number.to_string());
    assert_eq!(values, expected.collect::<Vec<_>>());
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
    assert_eq!((appended.start, appended.count), (Some(0), 1));
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
    let page = std::fs::read_to_string("../docs/clients.md").expect("docs/clients.md");
    let server = Server::start(&in_memory(), &[]);
    let log = LogClient::builder(server.url()).no_proxy();
    let log = log.build().expect("a client");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let ended = runtime.block_on(example::run(&log));
    ended.expect("the example ends");
    let printed = example::printed().replace(server.url(), "http://localhost:8080");
    let code = include_str!("rust_client/orders.rs");
    let shown = format!("```rust,no_run\n{code}```\n\n```text\n{printed}```\n");
    assert!(page.contains(&shown), "docs/clients.md must show:\n{shown}");
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
