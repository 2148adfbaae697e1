//! The Rust client: consumers of several keys through kills, and reads that show what the client knows, on whichever server.

use std::collections::BTreeMap;
use std::time::Duration;

use log_testkit::ports::free_ports;
use opendata_log::{LogClient, ReadOptions, Selection, Visibility};
use tokio::time::{Instant, sleep, timeout};

use super::{KEY, PATIENCE, durable, patient};
use crate::support::place::Place;
use crate::support::server::variable;

const RECORDS: u64 = 60;

/// What a program has processed: the record of each sequence, and how many more were processed again.
#[derive(Default)]
struct Processed {
    records: BTreeMap<u64, (Vec<u8>, Vec<u8>)>,
    again: usize,
}

impl Processed {
    /// Until the record with the number `last` was processed, or a later one.
    async fn process_until(&mut self, log: &LogClient, last: u64) {
        let orders = Selection::prefix("orders/");
        // What a kill undoes is never processed.
        let options = ReadOptions::new().page(3).visibility(Visibility::Durable);
        let consumer = log.consume_several(orders, "totals", options);
        let mut consumer = consumer.await.expect("a consumer").auto_commit();
        let mut before = None;
        loop {
            let batch = timeout(PATIENCE, consumer.next()).await.expect("in time");
            for record in batch.expect("a batch") {
                assert!(before < Some(record.sequence), "in order");
                before = Some(record.sequence);
                let key = record.key.expect("the key of the record").to_vec();
                let found = (key, record.value.to_vec());
                let text = std::str::from_utf8(&record.value).expect("text");
                let number: u64 = text.parse().expect("a number");
                if let Some(first) = self.records.insert(record.sequence, found.clone()) {
                    assert_eq!(first, found);
                    self.again += 1;
                }
                if number >= last {
                    return;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_of_a_prefix_that_commits_itself_goes_on_through_restarts_of_both() {
    let place = Place::folder();
    let [port] = free_ports();
    let mut server = place.starter(port)();
    let log = patient(server.url());
    let appending = tokio::spawn({
        let log = log.clone();
        async move {
            for number in 0..RECORDS {
                let order = (format!("orders/{}", number % 7), number.to_string());
                let other = (format!("payments/{number}"), String::new());
                let appended = log.append_with([order, other], durable()).await;
                appended.expect("an append");
            }
        }
    });
    let mut processed = Processed::default();
    for restart in 1..4 {
        let last = restart * (RECORDS / 5);
        let restarting = async {
            sleep(Duration::from_millis(50)).await;
            server.kill9();
            place.starter(port)()
        };
        (_, server) = tokio::join!(processed.process_until(&log, last), restarting);
    }
    timeout(PATIENCE, appending)
        .await
        .expect("in time")
        .expect("no panic");
    processed.process_until(&log, RECORDS - 1).await;
    let mut expected = BTreeMap::new();
    let mut scan = log.scan_several(Selection::prefix("orders/"), .., ReadOptions::new());
    while let Some(record) = scan.next().await {
        let record = record.expect("a scan");
        let key = record.key.expect("a key").to_vec();
        expected.insert(record.sequence, (key, record.value.to_vec()));
    }
    assert_eq!(expected.len() as u64, RECORDS);
    assert_eq!(processed.records, expected);
    assert!(processed.again <= 4 * 3, "{} again", processed.again);
    let cursor = log.cursor("totals").await.expect("an answer");
    assert!(cursor.is_some_and(|cursor| cursor.position > RECORDS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_of_a_replica_show_what_the_client_appended_and_what_it_read_elsewhere() {
    let place = Place::folder();
    let writer = place.serve();
    let to_writer = patient(writer.url());
    to_writer
        .append_with([(KEY, "0")], durable())
        .await
        .expect("an append");
    let replica = place.serve_with(&[variable("LOG_READ_ONLY", "true")]);
    let to_replica = patient(replica.url());
    for number in 1..6_u64 {
        let append = to_writer.append_with([(KEY, number.to_string())], durable());
        let appended = append.await.expect("an append");
        assert_eq!(appended.start, Some(number));
        assert_eq!(to_writer.at_least(), number + 1);
        to_replica.remember(to_writer.at_least());
        let count = to_replica.count(KEY, ..).await.expect("a count").count;
        assert_eq!(count, number + 1);
        let mut last = to_replica.last(KEY, 1);
        let last = last.next().await.expect("a record").expect("a page");
        assert_eq!(last.value, number.to_string());
    }
    // A page of the writer is carried over just the same.
    let append = to_writer.append_with([("other", "")], durable());
    append.await.expect("an append");
    let reader = patient(writer.url());
    let mut scan = reader.scan(KEY, ..);
    while scan.next().await.is_some() {}
    assert_eq!(reader.at_least(), 7);
    let options = ReadOptions::new().at_least(reader.at_least());
    let mut keys = to_replica.keys_with("other", options);
    assert!(keys.next().await.expect("a key").is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crash_undid_is_not_waited_for() {
    let place = Place::folder();
    let [port] = free_ports();
    let seldom = [variable("LOG_DURABILITY__FLUSH_INTERVAL", "1m")];
    let server = place.starter_with(port, &seldom)();
    let log = patient(server.url());
    log.append_with([(KEY, "kept")], durable())
        .await
        .expect("an append");
    log.append([(KEY, "undone")]).await.expect("an append");
    let mut tail = log.tail(KEY, 0);
    for _ in 0..2 {
        tail.next().await.expect("a record").expect("a tail");
    }
    assert_eq!(log.count(KEY, ..).await.expect("a count").count, 2);
    assert_eq!(log.at_least(), 1);
    server.kill9();
    let _server = place.starter_with(port, &seldom)();
    let began = Instant::now();
    let options = ReadOptions::new().visibility(Visibility::Durable);
    let mut scan = log.scan_with(KEY, .., options);
    assert_eq!(
        scan.next().await.expect("a record").expect("a page").value,
        "kept"
    );
    assert!(scan.next().await.is_none());
    assert!(began.elapsed() < Duration::from_secs(4), "it waited");
}
