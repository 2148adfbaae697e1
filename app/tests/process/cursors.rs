//! Cursors on real processes: what was answered stays, and what consumers make of records is there once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opendata_log::{AppendOptions, LogClient, Retry};
use tokio::time::{Instant, sleep, timeout};

use crate::support::client::Client;
use crate::support::lossy_proxy::LossyProxy;
use crate::support::place::Place;

const CONSUMERS: usize = 3;
const RECORDS: u64 = 2_000;
/// Records of a batch, at most.
const BATCH: u64 = 7;
const KILLS: u64 = 10;
/// Of every so many answers one is lost.
const LOST_ONE_IN: u64 = 7;
const LIMIT: Duration = Duration::from_secs(300);
const SHOWN: Duration = Duration::from_secs(20);

fn client(url: &str) -> LogClient {
    let retry = Retry {
        attempts: 3,
        pause: Duration::from_millis(10),
        longest_pause: Duration::from_millis(100),
        patience: Duration::from_secs(5),
    };
    let builder = LogClient::builder(url).no_proxy().retry(retry);
    builder.build().expect("a client")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_was_answered_is_there_after_a_crash_and_has_a_lag() {
    let place = Place::folder();
    let server = place.serve();
    let log = client(server.url());
    log.append([("orders", "0"), ("orders", "1"), ("orders", "2")])
        .await
        .expect("appended");
    let moved = log.move_cursor("a", 1, 0).await.expect("moved");
    assert_eq!((moved.position, moved.lag), (1, 2));
    log.move_cursor("b", 3, None).await.expect("moved");
    assert!(log.delete_cursor("b").await.expect("deleted"));
    server.kill9();

    let server = place.serve();
    let log = client(server.url());
    let found = log.cursor("a").await.expect("found").expect("it is there");
    assert_eq!(found.position, 1);
    assert_eq!(log.cursor("b").await.expect("found"), None);
    assert_eq!(log.cursors("").await.expect("listed").len(), 1);
    let metrics = Client::new(&server)
        .until_metrics_say("log_cursors 1", SHOWN)
        .await;
    let lag = format!("log_cursor_lag{{cursor=\"a\"}} {}", found.lag);
    assert!(metrics.lines().any(|line| line == lag), "{lag}: {metrics}");
    let mut consumer = log.consume("orders", "a").await.expect("a consumer");
    let batch = consumer.next().await.expect("records");
    assert_eq!(batch[0].sequence, 1);
    consumer.commit().await.expect("committed");
    let found = log.cursor("a").await.expect("found").expect("it is there");
    assert_eq!(found.position, consumer.committed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_consumers_make_of_records_is_there_once_whoever_is_killed() {
    let place = Place::folder();
    let mut server = place.serve();
    let log = client(server.url());
    let numbers = (0..RECORDS).map(|number| ("input", number.to_string()));
    let durable = AppendOptions::new().await_durable(true);
    log.append_with(numbers, durable).await.expect("appended");
    let proxy = LossyProxy::start(&server, LOST_ONE_IN).await;
    let done = Arc::new(AtomicBool::default());
    let consumers: Vec<_> = (0..CONSUMERS)
        .map(|number| tokio::spawn(consume(proxy.url().to_owned(), number, Arc::clone(&done))))
        .collect();
    let deadline = Instant::now() + LIMIT;
    for kill in 1..=KILLS {
        until_processed(client(server.url()), RECORDS * kill / (KILLS + 1), deadline).await;
        server.kill9();
        server = place.serve();
        proxy.forward_to(&server);
    }
    until_processed(client(server.url()), RECORDS, deadline).await;
    done.store(true, Ordering::SeqCst);
    for consumer in consumers {
        consumer.await.expect("ended");
    }
    let results = Client::new(&server).scan_all(b"results", 1_000).await;
    let results: Vec<u64> = results
        .into_iter()
        .map(|(_, value)| {
            String::from_utf8(value)
                .expect("text")
                .parse()
                .expect("a number")
        })
        .collect();
    let expected: Vec<u64> = (0..RECORDS).collect();
    assert_eq!(results, expected);
    assert!(proxy.lost() > 0, "no answer was lost");
}

/// Waits until the cursor has passed so many records.
async fn until_processed(log: LogClient, records: u64, deadline: Instant) {
    loop {
        if let Ok(Some(cursor)) = log.cursor("c").await
            && cursor.position >= records
        {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{records} were not processed in time"
        );
        sleep(Duration::from_millis(5)).await;
    }
}

/// Copies records from `input` to `results`, and begins again whenever something fails.
async fn consume(url: String, number: usize, done: Arc<AtomicBool>) {
    let log = client(&url);
    // One of the consumers is told when its results are durable.
    let options = AppendOptions::new().await_durable(number == 0);
    let page = opendata_log::ReadOptions::new().page(BATCH);
    while !done.load(Ordering::SeqCst) {
        let Ok(mut consumer) = log.consume_with("input", "c", page.clone()).await else {
            sleep(Duration::from_millis(20)).await;
            continue;
        };
        while let Ok(Ok(batch)) = timeout(Duration::from_millis(500), consumer.next()).await {
            let results = batch.into_iter().map(|record| ("results", record.value));
            if consumer.append(results, options.clone()).await.is_err() {
                break;
            }
        }
    }
}
